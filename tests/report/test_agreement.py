"""All that reports render one list of verdicts: none may say what another denies."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.baseline import Baseline, entry_of
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.limits import Limit
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.verdict import CONFIGURABLE, DEFAULTS, Kind, Past, Policy, Verdict, judge
from pytest_burden.burden import Burden, OpRow
from pytest_burden.report.jsonfile import to_dict
from pytest_burden.report.markdown import markdown
from pytest_burden.report.message import violations, warnings
from pytest_burden.report.terminal import summary
from tests.budget.sample import burden

NAMES = ("tests/t.py::a", "tests/t.py::b[1]", "pyproject.toml::net")
names = st.sampled_from(NAMES)
numbers = st.integers(0, 30)
policies = st.fixed_dictionaries({kind: st.sampled_from(Policy) for kind in CONFIGURABLE}).map(
    lambda chosen: {**DEFAULTS, **chosen}
)
metrics = st.sampled_from(["params", "flops", "peak_memory", "training_memory", "uncounted_ops"])
rules = st.one_of(
    st.builds(Limit, metrics, numbers, st.just("tests/t.py:1")),
    st.builds(Growth, metrics, st.sampled_from([None, Fraction(50)]), numbers, st.just("here")),
)


@st.composite
def burdens(draw: st.DrawFn) -> Burden:
    """Return the burden of a network of any weight, some with operators that no rule knows."""
    calls = draw(st.integers(0, 2))
    rows = (OpRow("aten.svd", "uncounted", calls),) if calls else ()
    lower = draw(st.sampled_from([{}, {"peak_memory": "kernels keep memory of their own"}]))
    figures = {metric: draw(numbers) for metric in ("params", "flops", "peak_memory")}
    return burden(**figures, uncounted_ops=calls, op_rows=rows, lower_bounds=lower)


@st.composite
def results(draw: st.DrawFn) -> Result:
    """Return any measurement with its verdicts."""
    name, measured, chosen = draw(names), draw(burdens()), draw(policies)
    if draw(st.integers(0, 5)) == 0:
        kind = draw(st.sampled_from([Kind.ERROR, Kind.UNMEASURED, Kind.INCOMPLETE]))
        return Result(name, name, None, (Verdict(kind, name, None, None, chosen[kind], "why"),))
    known = Baseline("2.13", {other: entry_of(other, draw(burdens())) for other in NAMES[:2]})
    past = draw(st.sampled_from([None, Past(known)]))
    judged = judge(name, measured, draw(st.lists(rules, max_size=4)), chosen, past)
    result = Result(name, name, measured, judged)
    return draw(st.sampled_from([result, result, result.excused("xfailed")]))


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Return any run."""
    of_all = Kind.STALE, Kind.UNMATCHED, Kind.UNMEASURED
    own = st.builds(
        Verdict, st.sampled_from(of_all), names, st.none(), st.none(), st.sampled_from(Policy)
    )
    return Run(tuple(draw(st.lists(results(), max_size=4))), tuple(draw(st.lists(own, max_size=2))))


@given(runs(), st.integers(-2, 2), st.sampled_from(["auto", "all", "failed"]))
def test_one_verdict(run: Run, verbosity: int, mode: str) -> None:
    """The run's colour, its JSON and its Markdown are those of its verdicts."""
    data = to_dict(run, {})
    told = [v for one in (data, *data["measurements"]) for v in one["verdicts"]]
    assert run.fails == any(verdict["fails"] for verdict in told)
    assert data["verdict"] == ("fail" if run.fails else "pass")
    assert markdown(run).startswith(f"## :{'x' if run.fails else 'white_check_mark'}:")
    heading = summary(run, 100, verbosity, mode).heading  # type: ignore[arg-type] # one of them
    if heading:
        assert (heading.style == "bad") == run.fails


@given(results())
def test_one_measurement(result: Result) -> None:
    """There is a message if and only if the measurement fails, or warns."""
    assert bool(violations([result])) == result.fails
    if not result.fails:
        assert bool(warnings([result])) == result.warns
    (row,) = to_dict(Run((result,)), {})["measurements"]
    assert any(verdict["fails"] for verdict in row["verdicts"]) == result.fails
    shown = summary(Run((result,)), 200, mode="all").lines
    lines = [line for line in shown if line.text.startswith(result.id) and "  " in line.text]
    assert {line.style == "bad" for line in lines} == {result.fails}


@given(results())
def test_there_and_back(result: Result) -> None:
    """What travels as JSON arrives as it was."""
    assert Result.from_dict(result.to_dict()) == result
