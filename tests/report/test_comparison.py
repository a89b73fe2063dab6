"""The sentences of verdicts that hold a measurement against the baseline, as they are printed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest

from pytest_burden.budget.allowance import Allowance
from pytest_burden.budget.baseline import Baseline, entry_of, nodes_of
from pytest_burden.budget.compare import Change, changes
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.ids import Glob
from pytest_burden.budget.limits import Rule, read_limits
from pytest_burden.budget.result import Result
from pytest_burden.budget.verdict import (
    DEFAULTS,
    NO_GROWTH,
    Kind,
    Past,
    Policy,
    Verdict,
    judge,
    runs_differ,
)
from pytest_burden.burden import METRICS, Burden, Convention, Figures, OpRow
from pytest_burden.report.blame import by_module, signed
from pytest_burden.report.comparison import accepted, allowed, maximum
from pytest_burden.report.explanation import explanation
from pytest_burden.report.message import Case, sentences, violations, warnings
from tests.budget.sample import MODULES, burden, limit, trained, uncounted

NAME = "t.py::net"
TODAY = dt.date(2030, 1, 31)
BY_DEFAULT = "burden-baseline.json: nothing may grow by default"
ACCEPT = (
    "Make it lighter, or accept it: burden baseline update, or [[tool.burden.allow]] for a while."
)

WIDER = MODULES[1]._replace(
    own=Figures(1800, 2_000_000_000, 2_020_000_000, 8 * 2**20),
    outputs=("float32[1, 128, 112, 112]",),
)
HEAVY = burden(
    params=3_000_900,
    macs=4_800_000_000,
    flops=4_860_000_000,
    activation_memory=8 * 2**20 + 40,
    module_rows=(MODULES[0], WIDER, *MODULES[2:]),
)


def result(
    base: Burden | None,
    now: Burden,
    rules: Sequence[Rule] = NO_GROWTH,
    allowances: Sequence[Allowance] = (),
    torch: str = "2.13",
) -> Result:
    """Return a measurement that is held against an earlier one."""
    entries = {} if base is None else {NAME: entry_of(NAME, base)}
    past = Past(Baseline(torch, entries), tuple(allowances), TODAY)
    found = changes(nodes_of(base), nodes_of(now)) if base else ()
    return Result(NAME, NAME, now, judge(NAME, now, rules, DEFAULTS, past), found)


def allowance(up_to: int, until: dt.date = TODAY, metric: str = "flops") -> Allowance:
    """Return a growth that is accepted for a while."""
    return Allowance(Glob("t.py::*"), metric, up_to, "wider stem", until, "pyproject.toml:7")


def growth(metric: str, percent: int | None, amount: int | None) -> Growth:
    """Return a growth that is allowed in a test."""
    return Growth(metric, None if percent is None else Fraction(percent), amount, "t.py:3")


def test_grew() -> None:
    """All metrics in one block, what is allowed once, and which module did it."""
    assert violations([result(burden(), HEAVY)]) == (
        "t.py::net grew in flops by 1.01 GFLOPs (26.2 %), and in params, macs, activation_memory\n"
        "    flops              4.86 GFLOPs   was 3.85 GFLOPs, +1.01 GFLOPs (26.2 %)\n"
        "    params             3_000_900     was 3_000_000, +900 (<0.1 %)\n"
        "    macs               4.8 GMACs     was 3.8 GMACs, +1.00 GMACs (26.3 %)\n"
        "    activation_memory  8.00 MiB      was 4.00 MiB, +4.00 MiB (100.0 %)\n"
        f"    allowed            no growth   {BY_DEFAULT}\n"
        "    measured           forward, float32[1, 3, 224, 224]\n"
        "    by module  stem   +1.01 GFLOPs, +900 params, +4 MiB activation"
        " (out 1×64×112×112→1×128×112×112)\n"
        f"{ACCEPT}"
    )


def test_other_inputs() -> None:
    """Where more was asked of the network this is said."""
    then = burden(inputs=("float32[1, 3, 112, 112]",))
    differs = runs_differ(entry_of(NAME, then), HEAVY)
    grew = replace(result(then, HEAVY), otherwise=differs)
    lines = violations([grew]).splitlines()
    assert lines[6:8] == [
        "    measured           forward, float32[1, 3, 224, 224]",
        "    inputs were float32[1, 3, 112, 112] and are float32[1, 3, 224, 224]",
    ]
    shrank = replace(result(HEAVY, then), otherwise="inputs were a and are b")
    assert "    inputs were a and are b" in warnings([shrank]).splitlines()


def test_lower_bounds() -> None:
    """A lower bound may have grown; the reason is told, and how to live with it."""
    rough = trained(lower_bounds={"peak_memory": "sparse tensors are counted as they were made"})
    text = violations([result(trained(), rough, [growth("peak_memory", None, 0)])])
    assert text.splitlines() == [
        "t.py::net may have grown in peak_memory: not all is counted",
        "    sparse tensors are counted as they were made",
        'Accept lower bounds with [tool.burden.policy] incomplete = "warn".',
    ]


def test_below_its_test() -> None:
    """Where the test is named already its name is not repeated."""
    text = violations([result(burden(), HEAVY)], NAME)
    assert text.startswith("grew in flops by 1.01 GFLOPs (26.2 %), and in params, macs, ")


def test_several_limits() -> None:
    """Each limit that is broken stands there with its place, and what is within its limit not."""
    rules = [
        growth("params", None, 500),
        growth("flops", 2, 10**7),
        growth("activation_memory", 200, None),
        growth("macs", None, None),
    ]
    text = violations([result(burden(), HEAVY, rules)])
    assert text.splitlines()[:6] == [
        "t.py::net grew in flops by 1.01 GFLOPs (26.2 %), and in params",
        "    flops     4.86 GFLOPs   was 3.85 GFLOPs, +1.01 GFLOPs (26.2 %)",
        "    params    3_000_900     was 3_000_000, +900 (<0.1 %)",
        "    allowed   500              t.py:3",
        "    allowed   2% & 10 MFLOPs   t.py:3",
        "    measured  forward, float32[1, 3, 224, 224]",
    ]


def test_grew_from_nothing() -> None:
    """There is no share of nothing."""
    rules = [growth("buffer_memory", None, 0)]
    text = violations([result(burden(), burden(buffer_memory=1024), rules)])
    assert text.splitlines() == [
        "t.py::net grew in buffer_memory by 1.00 KiB",
        "    buffer_memory  1 KiB   was 0 B, +1.00 KiB",
        "    allowed        no growth   t.py:3",
        "    measured       forward, float32[1, 3, 224, 224]",
        ACCEPT,
    ]


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric(metric: str) -> None:
    """There is a message for each, also where no module is to blame."""
    value = trained(cuda_memory=5).value(metric)
    assert value is not None
    more = trained(**{"cuda_memory": 5, metric: value + 10**9})
    text = violations([result(trained(cuda_memory=5), more, [growth(metric, None, 0)])])
    assert text.startswith(f"t.py::net grew in {metric} by ")
    assert "\n    measured " in text


def test_near() -> None:
    """Numbers that would look alike are printed exactly."""
    text = violations([result(burden(), burden(flops=3_850_000_001))])
    assert text.splitlines()[:2] == [
        "t.py::net grew in flops by 1 FLOPs (<0.1 %)",
        "    flops     3_850_000_001 FLOPs   was 3_850_000_000 FLOPs, +1 FLOPs (<0.1 %)",
    ]


def test_shrank() -> None:
    """A warning in one line, all metrics in it, and what to do."""
    back = result(HEAVY, burden())
    assert violations([back]) == ""
    assert warnings([back]) == (
        "t.py::net shrank in flops by 1.01 GFLOPs (20.8 %), to 3.85 GFLOPs;"
        " in params by 900 (<0.1 %), to 3_000_000;"
        " in macs by 1.00 GMACs (20.8 %), to 3.8 GMACs;"
        " in activation_memory by 4.00 MiB (50.0 %), to 4.00 MiB\n"
        "Tighten the baseline with burden baseline update."
    )


def test_grew_and_shrank() -> None:
    """One metric up, one down: what fails is told apart from what warns."""
    both = result(burden(), burden(params=3_000_001, flops=3_000_000_000))
    assert violations([both]).startswith("t.py::net grew in params by 1 (<0.1 %)\n")
    assert warnings([both]).startswith("t.py::net shrank in flops by 0.85 GFLOPs (22.1 %), to 3 G")


def test_new() -> None:
    """What the baseline does not know, and what comes next."""
    assert violations([result(None, burden())]) == (
        "t.py::net is new to burden-baseline.json\nAdd it with burden baseline update."
    )


def test_new_and_alike() -> None:
    """A copy of a test, or one that was renamed in a run that is not a full one."""
    verdict = Verdict(Kind.NEW, NAME, None, None, Policy.FAIL, alike=("t.py::old", "t.py::older"))
    assert sentences([Case(verdict)]) == (
        "t.py::net is new to burden-baseline.json: there the same network is t.py::old\n"
        "Add it, or change its name there, with burden baseline update."
    )


@pytest.mark.parametrize(
    ("name", "known", "told"),
    [
        ("t.py::test_new[16]", ["t.py::TestC::test_called", "t.py::test_old[16]"], 1),
        ("moved.py::test_net", ["a.py::test_other", "a.py::test_net"], 1),
        ("x", ["a", "b"], 0),
    ],
)
@pytest.mark.parametrize("since", ["", "main"])
def test_alike_and_like_it(name: str, known: list[str], told: int, since: str) -> None:
    """Of several that are the same network, the one with the most similar id may be meant."""
    verdict = Verdict(Kind.NEW, name, None, None, Policy.FAIL, alike=tuple(known), since=since)
    head, *_ = sentences([Case(verdict)]).splitlines()
    assert head.endswith(f": there the same network is {known[told]}")


def test_renamed() -> None:
    """The same network at the same inputs, gone under another id."""
    verdict = Verdict(
        Kind.NEW, NAME, None, None, Policy.FAIL, "t.py::old", alike=("t.py::older", "t.py::old")
    )
    assert sentences([Case(verdict, burden())], test=NAME) == (
        "new to burden-baseline.json: renamed from t.py::old\n"
        "Rename it there with burden baseline update."
    )


def test_new_metric() -> None:
    """A measurement that is known, and a metric of it that is not."""
    rules = [growth("training_memory", 2, None), growth("training_flops", 2, None)]
    assert violations([result(burden(), trained(), rules)]) == (
        "t.py::net is new to burden-baseline.json in training_memory, training_flops\n"
        "    limit  2%   t.py:3\n"
        "Add it with burden baseline update."
    )


def since(*results: Result) -> list[Result]:
    """Return results as if another commit had said what the baseline says of them."""
    return [
        replace(one, verdicts=tuple(replace(v, since="main (3f2c1ab)") for v in one.verdicts))
        for one in results
    ]


def test_since_a_base() -> None:
    """Where another commit says it there may be no baseline, and to write one would not help."""
    rules = [growth("training_memory", 2, None)]
    grew = result(burden(), burden(flops=4_000_000_000), [growth("flops", 0, 0)])
    text = violations(since(result(None, burden()), result(burden(), trained(), rules), grew))
    assert "burden-baseline.json" not in text
    assert "burden baseline" not in text
    lines = text.splitlines()
    assert lines[0] == "t.py::net is new since main (3f2c1ab)"
    assert lines[1] == "t.py::net is new since main (3f2c1ab) in training_memory"
    assert lines[3].startswith("t.py::net grew in flops by 0.15 GFLOPs")
    assert lines[-2:] == [
        'If that is meant, allow it: new = "warn" in [tool.burden.policy].',
        (
            "Make it lighter, or allow it: grow_ limits in [tool.burden.limits], or"
            " [[tool.burden.allow]] for a while."
        ),
    ]


def test_since_a_base_less() -> None:
    """What shrank, what is gone, and what has another name in a part of a run."""
    (shrank,) = since(result(burden(), burden(flops=3_000_000_000)))
    assert "baseline" not in warnings([shrank])
    gone = Verdict(Kind.STALE, "t.py::gone", None, None, Policy.FAIL, since="main")
    new = Verdict(Kind.NEW, NAME, None, None, Policy.FAIL, alike=("t.py::old",), since="main")
    assert sentences([Case(gone), Case(new)]) == (
        "t.py::gone was measured in main, and no test measured it now\n"
        "t.py::net is new since main: there the same network is t.py::old\n"
        'If that is meant, allow it: stale = "warn" in [tool.burden.policy].\n'
        'If that is meant, allow it: new = "warn" in [tool.burden.policy].'
    )


def test_unsupported() -> None:
    """A limit of growth on what is not measured."""
    text = violations([result(trained(), burden(), [growth("training_memory", None, 0)])])
    assert text.startswith(
        "t.py::net has a limit on training_memory, which was not measured\n"
        "    limit  no growth   t.py:3\n"
    )


def test_incomplete() -> None:
    """What was not counted may have grown."""
    assert violations([result(burden(), uncounted(3))]) == (
        "t.py::net may have grown in macs, flops: not all is counted\n"
        "    uncounted  3 calls   aten.linalg_svd (2 calls), mylib.myop (1 call)\n"
        "Register a rule for each operator with pytest_burden.rule, or accept the gap with"
        " max_uncounted_ops=3."
    )


def test_other_convention() -> None:
    """What cannot be compared, and why."""
    then = burden(convention=Convention(fma=2))
    assert violations([result(then, burden())]) == (
        "t.py::net: cannot be compared with burden-baseline.json: fma was 2 and is 1\n"
        "    Renew it with burden baseline update."
    )


def test_other_torch() -> None:
    """Another version of torch may be the cause."""
    rows = (OpRow("aten.relu", "counted", 5),)
    grew = result(burden(), burden(ops=5, op_rows=rows), [growth("ops", None, 0)], torch="2.12")
    assert violations([grew]) == ""
    assert warnings([grew]).splitlines() == [
        "t.py::net grew in ops by 1 (25.0 %)",
        "    ops       5   was 4, +1 (25.0 %)",
        "    allowed   no growth   t.py:3",
        "    measured  forward, float32[1, 3, 224, 224]",
        "    ops torch was 2.12 and is 2.13.0",
        ACCEPT,
    ]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            allowance(10**12, TODAY - dt.timedelta(1)),
            "    flops was allowed until 2030-01-30: wider stem",
        ),
        (allowance(4 * 10**9), "    flops is allowed up to 4 GFLOPs only: wider stem"),
        (
            allowance(4_859_999_999),
            "    flops is allowed up to 4_859_999_999 FLOPs only: wider stem",
        ),
    ],
)
def test_allowance_that_does_not_hold(given: Allowance, line: str) -> None:
    """A growth that was accepted once, or less of it, says so."""
    text = violations([result(burden(), HEAVY, allowances=[given])])
    assert text.splitlines()[-2] == line


def test_allowance_that_holds() -> None:
    """It is in every report, and is no failure."""
    allowances = [allowance(10**12, metric=rule.metric) for rule in NO_GROWTH]
    grew = result(burden(), HEAVY, allowances=allowances)
    assert violations([grew]) == warnings([grew]) == ""
    assert accepted(grew) == [
        "t.py::net: params +900 is allowed until 2030-01-31: wider stem",
        "t.py::net: macs +1 GMACs is allowed until 2030-01-31: wider stem",
        "t.py::net: flops +1.01 GFLOPs is allowed until 2030-01-31: wider stem",
        "t.py::net: activation_memory +4 MiB is allowed until 2030-01-31: wider stem",
    ]
    assert accepted(result(burden(), burden(), allowances=allowances)) == []


def test_stale() -> None:
    """An entry that no test measured, and an allowance that no growth needs."""
    entry = Verdict(Kind.STALE, "t.py::gone", None, None, Policy.FAIL)
    given = Verdict(Kind.STALE, "pyproject.toml:7", None, None, Policy.FAIL, "flops of t.py::*")
    assert sentences([Case(entry), Case(entry), Case(given)]) == (
        "t.py::gone is in burden-baseline.json, and no test measured it\n"
        "t.py::gone is in burden-baseline.json, and no test measured it\n"
        "pyproject.toml:7: the allowance for flops of t.py::* is no longer needed\n"
        "Take it out with burden baseline prune.\n"
        "Remove it."
    )


CHANGES = (
    Change("", "changed", Figures(), "out 1→2"),
    Change("a", "changed", Figures(params=-5, macs=7, flops=10), "stride 2→1"),
    Change("b", "added", Figures(params=1, flops=20), "Block"),
    Change("c", "removed", Figures(flops=-30), "Block"),
    Change("d", "moved", Figures(), "from e"),
    Change("f", "changed", Figures(params=9, activation_memory=1024), ""),
    Change("g", "moved", Figures(peak_memory=3), "from h"),
)


@pytest.mark.parametrize(
    ("metrics", "most", "rows"),
    [
        (
            ["flops"],
            9,
            [
                ("c", "-30 FLOPs (removed, Block)"),
                ("b", "+20 FLOPs (added, Block)"),
                ("a", "+10 FLOPs (stride 2→1)"),
            ],
        ),
        (["flops"], 2, [("c", "-30 FLOPs (removed, Block)"), ("b", "+20 FLOPs (added, Block)")]),
        (
            ["flops", "params", "macs"],
            1,
            [("c", "-30 FLOPs (removed, Block)"), ("3 more", "+30 FLOPs, +5 params")],
        ),
        (["macs"], 9, [("a", "+7 MACs (stride 2→1)")]),
        (
            ["params", "activation_memory"],
            9,
            [
                ("f", "+9 params, +1 KiB activation"),
                ("a", "-5 params (stride 2→1)"),
                ("b", "+1 params (added, Block)"),
            ],
        ),
        (["model_memory"], 1, [("f", "+9 params"), ("2 more", "-4 params")]),
        (["peak_memory"], 9, [("g", "+3 B peak (moved, from h)")]),
        (["training_flops"], 9, []),
        (["ops", "buffer_memory"], 9, []),
        ([], 9, []),
    ],
)
def test_by_module(metrics: list[str], most: int, rows: list[tuple[str, str]]) -> None:
    """The weightiest in the first metric before the others, and one line for the rest."""
    if rows and len(rows) == most and metrics == ["flops"]:
        rows = [*rows, ("1 more", "+10 FLOPs")]
    assert by_module(CHANGES, metrics, most) == rows


def test_root() -> None:
    """What the network does itself has a name."""
    own = Change("", "changed", Figures(flops=5), "")
    assert by_module([own], ["flops"], 3) == [("(root)", "+5 FLOPs")]


def test_rest_that_comes_to_nothing() -> None:
    """Modules that grew and shrank by the same are told, though they sum up to nothing."""
    found = [Change(name, "changed", Figures(flops=by)) for name, by in zip("ab", (5, -5))]  # noqa: B905 two of each
    assert by_module([Change("c", "changed", Figures(flops=9)), *found], ["flops"], 1) == [
        ("c", "+9 FLOPs"),
        ("2 more", "0"),
    ]


@pytest.mark.parametrize(
    ("value", "metric", "text"),
    [
        (5, "params", "+5"),
        (-1500, "flops", "-1.5 KFLOPs"),
        (0, "macs", "+0 MACs"),
        (2**20, "peak_memory", "+1 MiB"),
    ],
)
def test_signed(value: int, metric: str, text: str) -> None:
    """A difference with its sign."""
    assert signed(value, metric) == text


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (growth("flops", None, 0), "no growth"),
        (growth("flops", 0, None), "no growth"),
        (growth("flops", 0, 0), "no growth"),
        (growth("flops", 2, None), "2%"),
        (growth("flops", None, 10**7), "10 MFLOPs"),
        (growth("flops", 2, 10**7), "2% & 10 MFLOPs"),
        (growth("peak_memory", None, 2**20), "1 MiB"),
        (growth("flops", None, None), "any"),
    ],
)
def test_allowed(rule: Growth, text: str) -> None:
    """A limit of growth as it is read."""
    assert allowed(rule) == maximum(rule) == text


def test_maximum() -> None:
    """Of a limit that is none of growth, its number."""
    assert maximum(limit("flops", 5 * 10**9)) == "5 GFLOPs"


def test_other_sizes_explained() -> None:
    """A limit at another size, and on a power, is told with what it shadows."""
    levels = []
    for place, power in (("near", "S"), ("far", "S^2 * B")):
        at = {"S": 64, "limit": 1000}
        written = {"max_flops_at": at, "max_scaling": {"flops": power}}
        levels.append(read_limits(written, dict.fromkeys(written, place).__getitem__)[0])
    text = explanation("t::a", levels, None)
    assert [line.split("  ") for line in re.sub("   *", "  ", text).splitlines()[1:]] == [
        ["", "max_flops_at", "1 KFLOPs at S = 64", "near"],
        ["", "shadows", "1 KFLOPs at S = 64", "far"],
        ["", "max_scaling of flops with B", "B^1", "far"],
        ["", "max_scaling of flops with S", "S^1", "near"],
        ["", "shadows", "S^2", "far"],
    ]
