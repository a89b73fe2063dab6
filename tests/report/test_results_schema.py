"""The JSON schema of results says what their reader says, wherever a schema can."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_burden.budget.compare import Change
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.merge import Leg, merge
from pytest_burden.budget.result import RARE, Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.scaling import LimitAt, Scaling
from pytest_burden.budget.schema import text
from pytest_burden.budget.verdict import Elsewhere, Heavy, Kind, Policy, Verdict
from pytest_burden.burden import METRICS, CudaRun, Figures
from pytest_burden.cli import main
from pytest_burden.errors import BurdenError
from pytest_burden.report.csvfile import to_csv
from pytest_burden.report.jsonfile import from_dict, to_dict
from pytest_burden.report.markdown import markdown
from pytest_burden.report.message import violations
from pytest_burden.report.results_schema import FILE, schema
from pytest_burden.report.terminal import summary
from pytest_burden.sweeps import Point, Sweep
from tests.budget.sample import PEAK, STEP, burden, trained
from tests.report import sample

VERSIONS = {"pytest-burden": "0.1.0", "pytest": "9", "python": "3.11", "platform": "linux-x86_64"}
VALIDATOR = jsonschema.Draft202012Validator(schema())

GREW = Growth("flops", None, 10**6, "tests/test_m.py:9", "1 MFLOPs")
GROWN = Result(
    "t::grown",
    "t::grown",
    burden(torch="2.14.0", peak_memory=6),
    (Verdict(Kind.GREW, "t::grown", GREW, 2, Policy.FAIL, base=1, allowance="pyproject.toml:9"),),
    changes=(Change("head.proj", "moved", Figures(flops=-1), "from proj"),),
    otherwise="inputs were a and are b",
    growth=(GREW,),
    complete=False,
)
SWEPT = dataclasses.replace(
    sample.OVER,
    id="t::swept",
    test="t::swept",
    verdicts=(
        Verdict(
            Kind.OVER,
            "t::swept",
            Scaling("flops", "S", Fraction(11, 10), "here", 'max_scaling={"flops": "S^1.1"}'),
            None,
            Policy.FAIL,
            elsewhere=Elsewhere({"S": 16}, 2.0, (Heavy("attn", 7, 2.0),)),
        ),
        Verdict(
            Kind.OVER,
            "t::swept",
            LimitAt("flops", {"S": 99}, 5, "here"),
            9,
            Policy.FAIL,
            elsewhere=Elsewhere({"S": 99}, None, (Heavy("attn", 7),)),
        ),
    ),
    at=(Point(sizes={"S": 99}, metrics={"flops": 9}),),
    sweep=Sweep(
        ("S",),
        (
            Point(sizes={"S": 8}, metrics={"flops": 3}, lower_bounds={"flops": "why"}, real="why"),
            Point(sizes={"S": 16}, reason="RuntimeError: too large", uncounted={"aten.svd": 1}),
        ),
        "layer4",
    ),
)
GPU = sample.result(
    "t::gpu",
    trained(
        cuda=CudaRun("H100", 9, 8),
        cuda_memory=9,
        lower_bounds={"peak_memory": "why"},
        replaced_rules={"aten.mm": "nets.mm"},
        unsupported={"saved_memory": "why"},
        peaks=(PEAK, STEP),
    ),
)
OLDER = Result("t::grown", "t::grown", burden(torch="2.13.0", peak_memory=5), ())
JOINED = merge([Leg("a", Run((GROWN,), unfinished=("t::x",))), Leg("b", Run((OLDER,)))])
EVERYTHING = Run(
    (*JOINED.results, GPU, SWEPT, sample.OVER, sample.UNMEASURED),
    (*sample.RED.verdicts, *JOINED.verdicts),
    partial=("-k",),
    not_judged=sample.PARTIAL.not_judged,
    baseline="burden-baseline.json written: 1 new",
    lost=sample.RED.lost,
    unfinished=JOINED.unfinished,
    failed=JOINED.unfinished,
    skipped=("t.py::skipped",),
    policies={"over": "warn"},
    compared_with="main (3f2c1ab90)",
)
"""Whatever a file can hold."""
RUNS = [
    EVERYTHING,
    sample.EMPTY,
    sample.GREEN,
    sample.RED,
    sample.PARTIAL,
    sample.OFF,
    Run((sample.XFAILED, sample.TOO_LARGE, sample.ERROR)),
]


TEXT = json.dumps(to_dict(EVERYTHING, VERSIONS))


def takes(data: object) -> tuple[bool, bool]:
    """Return whether the reader takes some data, and whether the schema does."""
    try:
        from_dict(data, "results.json")
    except BurdenError:
        return False, VALIDATOR.is_valid(data)
    return True, VALIDATOR.is_valid(data)


def test_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    """The file is what is generated and printed; else: burden schema --of results > that file."""
    shipped = FILE.read_text(encoding="utf-8")
    assert shipped == text(schema())
    assert main(["schema", "--of", "results"]) == 0
    assert capsys.readouterr().out == shipped
    jsonschema.Draft202012Validator.check_schema(schema())


def test_one_or_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    """A whole file is a pyproject.toml."""
    assert main(["schema", "--of", "results", "--whole-file"]) == 2
    assert "--whole-file is about pyproject.toml" in capsys.readouterr().err


def test_every_metric_is_described() -> None:
    """As the README has it."""
    properties = schema()["$defs"]["Burden"]["properties"]
    assert all(properties[name]["description"] == m.meaning for name, m in METRICS.items())


@pytest.mark.parametrize("run", RUNS)
def test_what_is_written(run: Run) -> None:
    """Every file is valid."""
    data = json.loads(json.dumps(to_dict(run, VERSIONS)))
    VALIDATOR.validate(data)
    assert takes(data) == (True, True)


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value in some data, one of a list being enough."""
    if path:
        yield path
    if isinstance(data, dict):
        for key, value in data.items():
            yield from places(value, (*path, key))
    elif isinstance(data, list):
        for number, value in enumerate(data[:8]):
            yield from places(value, (*path, number))


PLACES = list(places(json.loads(TEXT)))
ABSENT = object()


def edited(path: tuple[Any, ...], value: object = ABSENT) -> Any:
    """Return a file in which one value is another one, or missing."""
    data = json.loads(TEXT)
    place = data
    for key in path[:-1]:
        place = place[key]
    if value is ABSENT:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return data


def test_every_kind_of_key_is_there() -> None:
    """The file that is edited below has whatever the schema names."""
    named = {
        name for each in [schema(), *schema()["$defs"].values()] for name in each["properties"]
    }
    assert named == {key for path in PLACES for key in path if key in named}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), 2),
        (("schema",), True),
        (("verdict",), "unsure"),
        (("full",), 1),
        (("partial",), "-k"),
        (("partial",), [1]),
        (("lost",), {}),
        (("versions",), ["3.11"]),
        (("versions", "python"), 3.11),
        (("measurements",), {}),
        (("verdicts",), ""),
        (("unfinished",), []),
        (("unfinished",), None),
        (("not_judged",), ["*::test"]),
        (("not_judged",), []),
        (("baseline",), ""),
        (("convention", "fma"), "1"),
        (("convention", "fmaa"), 1),
        (("convention", "target"), "tpu"),
        (("measurements", 0, "burden"), {}),
        (("measurements", 0, "burden"), 0),
        (("measurements", 0, "burden", "flops"), "385"),
        (("measurements", 0, "burden", "flops"), True),
        (("measurements", 0, "burden", "flops"), -1),
        (("measurements", 0, "burden", "flop"), 1),
        (("measurements", 0, "burden", "inputs"), "1x3"),
        (("measurements", 0, "burden", "method"), "guess"),
        (("measurements", 0, "burden", "module_rows", 0, "own"), []),
        (("measurements", 0, "burden", "module_rows", 0, "weight"), 1),
        (("measurements", 0, "burden", "lower_bounds"), []),
        (("measurements", 1, "burden", "peaks", 1, "phases", 0), ["forward"]),
        (("measurements", 1, "burden", "peaks", 1, "phases", 0), ["forward", 0, 1]),
        (("measurements", 1, "burden", "peaks", 0, "timeline"), ""),
        (("measurements", 0, "verdicts"), {}),
        (("measurements", 0, "verdicts", 0, "kind"), "unsure"),
        (("measurements", 0, "verdicts", 0, "fails"), 1),
        (("measurements", 0, "verdicts", 0, "limit"), {}),
        (("measurements", 0, "verdicts", 0, "limit"), False),
        (("measurements", 0, "verdicts", 0, "alike"), "ab"),
        (("measurements", 0, "changes", 0, "how"), "turned"),
        (("measurements", 0, "by_torch"), []),
        (("measurements", 0, "by_torch"), {}),
        (("measurements", 0, "growth"), ""),
        (("measurements", 0, "complete"), "yes"),
        (("measurements", 2, "verdicts", 0, "limit", "power"), 1.1),
        (("measurements", 2, "verdicts", 0, "elsewhere"), None),
        (("measurements", 2, "verdicts", 0, "elsewhere", "power"), "2"),
        (("measurements", 2, "verdicts", 0, "elsewhere", "heaviest", 0), ["attn", 7, 2]),
        (("measurements", 2, "verdicts", 1, "limit", "sizes"), [["S", 99]]),
        (("measurements", 2, "sweep"), None),
        (("measurements", 2, "sweep", "points", 0, "metrics"), None),
        (("measurements", 2, "at"), []),
    ],
)
def test_neither_takes(path: tuple[Any, ...], value: object) -> None:
    """What is of another form is refused by both."""
    assert takes(edited(path, value)) == (False, False)


def test_missing() -> None:
    """A key that is missing is refused by both, but for those that are rarely there, and names."""
    free = (
        "versions",
        "lower_bounds",
        "unsupported",
        "replaced_rules",
        "categories",
        "2.13",
        "metrics",
        "uncounted",
        "sizes",
    )
    for path in PLACES:
        if isinstance(path[-1], int):
            continue
        if path[-2:-1] == ("sizes",) and "sweep" in path:  # a schema cannot say that all are there
            assert takes(edited(path)) == (False, True)
            continue
        rare = path[-1] in RARE and (len(path) in (1, 3) or path[-1] == "elsewhere")
        # Without its sizes, a limit at other sizes is a limit.
        optional = rare or path[-2:] == ("limit", "sizes") or path[-2:-1] in [(e,) for e in free]
        assert takes(edited(path)) == (optional, optional), path


@pytest.mark.parametrize(
    "path",
    [(), ("measurements", 0), ("measurements", 0, "verdicts", 0), ("verdicts", 0)],
)
def test_what_a_later_version_may_add(path: tuple[Any, ...]) -> None:
    """Unknown keys of the run, a measurement, a verdict are let alone by both."""
    assert takes(edited((*path, "news"), [1])) == (True, True)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("verdict",), "pass"),
        (("full",), True),
        (("measurements", 0, "burden", "flops"), 1.0),
        (("measurements", 0, "burden", "flops"), 10**30),
        (("measurements", 0, "id"), "t::gpu"),
        (("measurements", 0, "verdict"), "pass"),
        (("measurements", 0, "verdicts", 0, "fails"), False),
        (("measurements", 0, "verdicts", 0, "limit", "metric"), "flop"),
        (("measurements", 0, "verdicts", 0, "base"), None),
        (("measurements", 0, "by_torch", "2.13", "flops"), 1),
        (("measurements", 0, "growth", 0, "growth"), "2 percent"),
        (("measurements", 2, "verdicts", 0, "limit", "power"), "1/0"),
        (("measurements", 2, "verdicts", 0, "limit", "power"), "1.1"),
        (("measurements", 2, "sweep", "points", 0, "metrics", "flop"), 1),
        (("measurements", 2, "sweep", "points", 0, "metrics", "flops"), -1),
        (("measurements", 2, "sweep", "points", 0, "sizes", "T"), 1),
    ],
)
def test_what_only_the_reader_knows(path: tuple[Any, ...], value: object) -> None:
    """A schema compares no two places; it is then the one that takes more."""
    assert takes(edited(path, value)) == (False, True)


LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-2, 2) | st.text(max_size=3)
KEYS = st.sampled_from([*RARE, "metric", "maximum", "where", "written", "flops", "x"])
ANYTHING = st.recursive(
    LEAVES | st.sampled_from(["pass", "over", "fail", "cpu", "abstract", "2%", "flops"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=6,
)
OTHERS = st.sampled_from(PLACES).map(lambda path: at(json.loads(TEXT), path))


def at(data: Any, path: tuple[Any, ...]) -> Any:
    """Return the value at a place."""
    for key in path:
        data = data[key]
    return data


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(PLACES), ANYTHING | OTHERS | st.just(ABSENT))
def test_no_drift(path: tuple[Any, ...], value: object) -> None:
    """Whatever the schema refuses is refused by the reader too."""
    reader, validator = takes(edited(path, value))
    assert validator or not reader


@settings(deadline=None)
@given(st.sampled_from([path for path in PLACES if isinstance(at(json.loads(TEXT), path), dict)]))
def test_one_key_more(path: tuple[Any, ...]) -> None:
    """It is let alone by both or refused by both."""
    reader, validator = takes(edited((*path, "x"), "y"))
    assert reader == validator


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PLACES), ANYTHING | OTHERS | st.integers(0, 10**29), st.sampled_from([1, 2]))
def test_what_is_read_can_be_joined(path: tuple[Any, ...], value: object, expected: int) -> None:
    """With the file as it was: refused in words, or joined to what can be shown and read again."""
    try:
        leg = from_dict(edited(path, value), "b").run
        joined = merge([Leg("a", EVERYTHING), Leg("b", leg)], expected)
    except BurdenError:
        return
    summary(joined, verbosity=2)
    markdown(joined)
    violations(joined.results)
    to_csv(joined)
    data = json.loads(json.dumps(to_dict(joined, VERSIONS)))
    assert from_dict(data, "joined").run == joined
    assert VALIDATOR.is_valid(data)
