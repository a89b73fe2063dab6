"""Annotations of GitHub Actions: what the runner understands of our lines."""

from __future__ import annotations

import dataclasses
import time

import pytest
from hypothesis import given

from pytest_burden.budget import baseline
from pytest_burden.budget.baseline import Baseline, entry_of
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.limits import Limit
from pytest_burden.budget.reading import read
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.verdict import DEFAULTS, NO_GROWTH, Kind, Past, Policy, Verdict, judge
from pytest_burden.report.annotations import LONGEST, Place, Sources, annotate, command
from pytest_burden.report.inert import visible
from pytest_burden.report.message import violations
from tests.budget.sample import burden, limit
from tests.report import rendered, sample
from tests.report.rendered import Command
from tests.report.test_gfm import HOSTILE, texts

CONFIG = """\
[project]
name = "shop"

[tool.burden.limits]
max_model_memory = 1
[tool.burden]
models.net = { build = "a:b", inputs = [], max_params = 1 }
[tool.burden.budgets."t.py::test_\\u00fc[a.b]"]
max_flops = 1
[tool.burden.budgets."*::test_resnt*"]
grow_flops = "2%"
"""
KNOWN = Baseline(
    "2.13", {name: entry_of(name, burden()) for name in ("t.py::test_a", "t.py::test_gone")}
)
SOURCES = Sources(
    root="/checkout/shop",
    workspace="/checkout",
    tests={
        "t.py::test_a": Place("t.py", 7),
        "t.py::test_far": Place("../other/t.py", 3),
        "pyproject.toml::net": Place("pyproject.toml", 7),
    },
    config=CONFIG,
    baseline=baseline.dump(KNOWN),
)


def understood(run: Run, sources: Sources = SOURCES) -> list[Command]:
    """Return what the runner makes of the lines of a run."""
    return [rendered.command(line) for line in annotate(run, sources)]


def place(run: Run, sources: Sources = SOURCES) -> tuple[str | None, str | None]:
    """Return file and line of the one annotation of a run."""
    (found,) = understood(run, sources)
    return found.properties.get("file"), found.properties.get("line")


def over(where: str, name: str = "t.py::test_a") -> Run:
    """Return a run in which a limit is broken that stands somewhere."""
    return Run((sample.result(name, burden(), limit("params", 1, where)),))


def grown(name: str, *rules: Growth, test: str | None = None) -> Run:
    """Return a run in which FLOPs have grown, and FLOPs alone."""
    known = {name: entry_of(name, burden(flops=1))}
    verdicts = judge(name, burden(), [*rules, *NO_GROWTH], past=Past(Baseline("2.13", known)))
    one = [v for v in verdicts if v.kind is Kind.GREW][:1]
    return Run((Result(name, name if test is None else test, burden(), tuple(one)),))


def test_error() -> None:
    """It is what the terminal says, in one line, at the line of the limit."""
    (found,) = understood(Run((sample.OVER,), ()), dataclasses.replace(SOURCES, config=""))
    assert found == Command(
        "error",
        {"file": "shop/pyproject.toml", "title": "burden: over flops"},
        violations([sample.OVER]),
    )


@pytest.mark.parametrize(
    ("run", "file", "line"),
    [
        (over("tests/test_m.py:12"), "shop/tests/test_m.py", "12"),
        (over("/checkout/common/test_m.py:12"), "common/test_m.py", "12"),
        (over("/elsewhere/test_m.py:12"), None, None),
        (over("pyproject.toml: tool.burden.limits.max_model_memory"), "shop/pyproject.toml", "5"),
        (over("pyproject.toml: tool.burden.models.net.max_params"), "shop/pyproject.toml", "7"),
        (
            over('pyproject.toml: tool.burden.budgets."t.py::test_\\u00fc[a.b]".max_flops'),
            "shop/pyproject.toml",
            "9",
        ),
        # Growth: where it is written, else where the test or the model is.
        (grown("t.py::test_a"), "shop/t.py", "7"),
        (grown("t.py::test_a#name", test="t.py::test_a"), "shop/t.py", "7"),
        (grown("pyproject.toml::net"), "shop/pyproject.toml", "7"),
        (
            grown("t.py::test_a", Growth("flops", None, 0, "t.py:3", "grow_flops=0")),
            "shop/t.py",
            "3",
        ),
        (grown("t.py::test_far"), "other/t.py", "3"),
        (grown("t.py::test_unknown"), None, None),
        (grown("burden_session#net", test=""), None, None),
        # What has no limit.
        (Run((dataclasses.replace(sample.UNMEASURED, test="t.py::test_a"),)), "shop/t.py", "7"),
        (Run((), (sample.UNMATCHED,)), "shop/pyproject.toml", "10"),
    ],
)
def test_place(run: Run, file: str | None, line: str | None) -> None:
    """As GitHub names files: from the folder of the checkout, wherever pytest's rootdir is."""
    assert place(run) == (file, line)


@pytest.mark.parametrize(
    ("subject", "detail", "file", "line"),
    [
        ("t.py::test_gone", "", "shop/burden-baseline.json", True),
        ("t.py::test_never", "", "shop/burden-baseline.json", False),
        ("pyproject.toml:12", "flops of t*", "shop/pyproject.toml", True),
    ],
)
def test_place_of_what_is_stale(subject: str, detail: str, file: str, line: bool) -> None:
    """The entry in the baseline, or the allowance."""
    verdict = Verdict(Kind.STALE, subject, None, None, Policy.FAIL, detail)
    found, number = place(Run((), (verdict,)))
    assert (found, number is not None) == (file, line)
    if number and not detail:
        assert f'"{subject}"' in SOURCES.baseline.splitlines()[int(number) - 1]


def test_every_key_is_found() -> None:
    """What the configuration says of where a limit stands is understood."""
    config, problems = read(CONFIG)
    assert problems == []
    rules = [
        *config.limits,
        *config.models[0].limits,
        *(r for b in config.budgets for r in b.limits),
    ]
    lines = [place(over(rule.where))[1] for rule in rules]
    assert lines == ["5", "7", "9", "11"]


def test_no_workspace_needed() -> None:
    """A rootdir that is the workspace, the same with a slash at its end."""
    for sources in (Sources("/w", "/w"), Sources("/w/", "/w"), Sources("/w", "/w/")):
        assert place(over("t.py:1"), sources) == ("t.py", "1")


@pytest.mark.parametrize("result", [sample.XFAILED, sample.PASSING, sample.NO_LIMIT])
def test_none(result: Result) -> None:
    """What is excused, passes or has no limit is no news."""
    assert annotate(Run((result,)), SOURCES) == []
    assert annotate(sample.EMPTY, SOURCES) == []


def test_ignored() -> None:
    """Nor is what the policy ignores."""
    policies = {**DEFAULTS, Kind.OVER: Policy.IGNORE}
    verdicts = judge("t", burden(), [limit("params", 1)], policies)
    assert annotate(Run((Result("t", "t", burden(), verdicts),)), SOURCES) == []


def test_warning() -> None:
    """What warns is a warning."""
    (found,) = understood(Run((sample.WARNING,)))
    assert (found.name, found.properties["line"]) == ("warning", "12")
    assert found.properties["title"] == "burden: incomplete flops"


def test_several_metrics() -> None:
    """What has grown is one annotation for a measurement, with all metrics."""
    name = "t.py::test_a"
    known = {name: entry_of(name, burden(flops=1, params=1))}
    verdicts = judge(name, burden(), NO_GROWTH, past=Past(Baseline("2.13", known)))
    (found,) = understood(Run((Result(name, name, burden(), verdicts),)))
    assert found.properties["title"] == "burden: grew params, flops"


@pytest.mark.parametrize("number", [9, 10, 11, 17, 10_000])
def test_ten_of_a_kind(number: int) -> None:
    """GitHub keeps ten errors and ten warnings: the tenth says how many more there are."""
    results = []
    for n in range(number):
        for kind, policy in (("f", Policy.FAIL), ("w", Policy.WARN)):
            name = f"t.py::test_{kind}[{n}]"
            policies = {**DEFAULTS, Kind.OVER: policy}
            verdicts = judge(name, burden(), [limit("params", 1)], policies)
            results.append(Result(name, name, burden(), verdicts))
    start = time.process_time()
    found = understood(Run(tuple(results)))
    assert time.process_time() - start < 5
    for level, words in (("error", "fail"), ("warning", "warn")):
        same = [each for each in found if each.name == level]
        assert len(same) == min(number, 10)
        if number > 10:
            last = same[-1]
            assert last.properties == {"title": f"burden: and {number - 9:,} more {words}"}
            assert last.message.startswith(f"and {number - 9:,} more {words}:\n")
            assert f"t.py::test_{words[0]}[9]: over" in last.message
            assert len(last.message) <= LONGEST


@pytest.mark.parametrize("char", ["a", "é", "\N{PILE OF POO}", "%", "\n", "\ud800"])
def test_long_message(char: str) -> None:
    """It is cut where GitHub would cut it, before it is escaped."""
    message = rendered.command(command("error", "t", [char * 9000], None)).message
    assert len(message.encode("utf-16-le")) // 2 <= LONGEST
    assert len(message) > LONGEST // 2 - 9
    assert message.endswith("...")
    whole = rendered.command(command("error", "t", ["a" * LONGEST], None)).message
    assert whole == "a" * LONGEST


def check(text: str) -> None:
    """See any text come back as a part of the command, and no other command."""
    # The runner takes blanks from the ends of all properties: ours begin and end with words.
    file, title = f"{text}.py", f"burden: {text}."
    line = command("error", title, [text, "second"], Place(file, 3))
    assert len(line.splitlines()) == 1
    properties = {"file": visible(file), "line": "3", "title": visible(title)}
    assert rendered.command(line) == Command("error", properties, f"{visible(text)}\nsecond")


@pytest.mark.parametrize("text", [*HOSTILE, "a,b%20c:d.py", "%0A%25", "file=x,line=1::"])
def test_hostile(text: str) -> None:
    """A file, a title and a message of anybody's choice stay what they are."""
    check(text)


@given(texts)
def test_any_text(text: str) -> None:
    """Of any characters."""
    check(text)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_ids(name: str) -> None:
    """Each id is told whole, in one line of output."""
    where = f"{name}:12" if name else "t.py:12"
    held = Limit("params", 1, where)
    run = Run((Result(name, name, burden(), judge(name, burden(), [held])),))
    (line,) = annotate(run, SOURCES)
    assert visible(name) in rendered.command(line).message
