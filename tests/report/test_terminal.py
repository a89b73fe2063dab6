"""The summary on a terminal: what is shown, how wide, how meant."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.allowance import Allowance
from pytest_burden.budget.baseline import Baseline, entry_of
from pytest_burden.budget.config import Table
from pytest_burden.budget.ids import Glob
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.verdict import NO_GROWTH, Past, judge
from pytest_burden.report.terminal import Summary, summary
from tests.budget.sample import burden, limit
from tests.report import sample

GOLDEN = Path(__file__).parent / "golden"


def printed(shown: Summary) -> str:
    """Return a summary as text, with the style of each line before it."""
    heading = [shown.heading] if shown.heading else []
    return "".join(f"{line.style:5} |{line.text}\n" for line in (*heading, *shown.lines))


@pytest.mark.parametrize(
    ("name", "run", "width", "verbosity", "mode"),
    [
        ("green", sample.GREEN, 80, 0, "auto"),
        ("red", sample.RED, 80, 0, "auto"),
        ("wide", sample.RED, 160, 0, "auto"),
        ("narrow", sample.RED, 60, 0, "auto"),
        ("failed", sample.RED, 80, 0, "failed"),
        ("off", sample.RED, 80, 0, "off"),
        ("quiet", sample.RED, 80, -1, "auto"),
        ("verbose", sample.RED, 80, 1, "auto"),
        ("very_verbose", Run((sample.OVER,)), 80, 2, "auto"),
        ("memory", Run((sample.MEMORY, sample.LOWER_BOUND)), 100, 1, "auto"),
        ("partial", sample.PARTIAL, 80, 0, "auto"),
        ("partial_verbose", sample.PARTIAL, 80, 1, "auto"),
        ("not_enforced", sample.OFF, 80, 0, "auto"),
    ],
)
def test_summary(name: str, run: Run, width: int, verbosity: int, mode: Table) -> None:
    """The whole of what is printed at the end of a run."""
    text = printed(summary(run, width, verbosity, mode))
    assert text == (GOLDEN / f"summary_{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("run", "verbosity"), [(sample.EMPTY, 0), (sample.EMPTY, 2), (sample.PARTIAL, -1)]
)
def test_nothing_to_say(run: Run, verbosity: int) -> None:
    """A run without a measurement has no summary, and with -q no notes."""
    assert summary(run, verbosity=verbosity) == Summary(None, ())


@pytest.mark.parametrize(
    ("metrics", "says"),
    [(0, ""), (1, "; accepted growth of 1 metric"), (2, "; accepted growth of 2 metrics")],
)
def test_accepted_and_quiet(metrics: int, says: str) -> None:
    """What is accepted though it grew is never silent, also where there is one line for all."""
    past = Past(
        Baseline("2.13", {"net": entry_of("net", burden(params=1, flops=1))}),
        (
            Allowance(Glob("net"), "params", 10**12, "wider", dt.date.max, "pyproject.toml:9"),
            Allowance(Glob("*"), "flops", 10**12, "wider", dt.date.max, "pyproject.toml:14"),
        )[:metrics],
    )
    verdicts = [v for v in judge("net", burden(), NO_GROWTH, past=past) if not v.fails]
    run = Run((Result("net", "net", burden(), tuple(verdicts)),))
    (line,) = summary(run, verbosity=-1).lines
    assert line.text == f"burden: 1 measured, 1 pass{says}"


@pytest.mark.parametrize(
    ("names", "says", "briefly"),
    [
        (("a",), "a", "; 1 skipped"),
        (("a", "b", "c", "d", "e"), "a, b, c, d, e", "; 5 skipped"),
        (("a", "b", "c", "d", "e", "f"), "a, b, c, d, e and 1 more", "; 6 skipped"),
    ],
)
def test_skipped(names: tuple[str, ...], says: str, briefly: str) -> None:
    """What a test that was skipped would have measured is told of, also with -q."""
    run = replace(sample.GREEN, skipped=names)
    lines = [line.text for line in summary(run).lines]
    assert f"Skipped or xfailed, and not measured: {says}" in lines
    (line,) = summary(run, verbosity=-1).lines
    assert line.text.endswith(briefly)


def test_very_quiet() -> None:
    """With -qq only what nobody else says is left."""
    shown = summary(sample.RED, verbosity=-2)
    assert [line.text for line in shown.lines] == [
        f"unmatched: {sample.UNMATCHED.subject}",
        *sample.RED.lost,
    ]


@pytest.mark.parametrize(
    ("mode", "verbosity", "rows"),
    [
        *(("auto", 0, 1), ("auto", 1, 101), ("all", 0, 101), ("failed", 1, 1), ("off", 0, 0)),
        *(("auto", -1, 0), ("all", -1, 101), ("all", -2, 0)),
    ],
)
def test_many(mode: Table, verbosity: int, rows: int) -> None:
    """Of many measurements only those that do not pass are shown, and how many are not."""
    passing = [sample.result(f"t::x[{n}]", burden(), limit("params", 10**9)) for n in range(100)]
    shown = summary(Run((*passing, sample.OVER)), verbosity=verbosity, mode=mode)
    ends = (" pass", " over")
    lines = [line.text.rstrip() for line in shown.lines]
    table = [line for line in lines if line.endswith(ends) and not line.startswith("burden: ")]
    assert len(table) == rows
    told = "100 more not shown (--burden-table=all)" in [line.text for line in shown.lines]
    assert told == (rows == 1)


@given(st.lists(st.text("abc/[]:._-", min_size=1, max_size=120), max_size=5), st.integers(75, 200))
def test_width(names: list[str], width: int) -> None:
    """Whatever the ids, no line of the table is wider than the terminal."""
    run = Run(
        tuple(
            sample.result(name, burden(), limit("activation_memory", 1), limit("ops", 1))
            for name in names
        )
    )
    for line in summary(run, width).lines:
        assert len(line.text) <= width


@given(st.text(min_size=1, max_size=60))
def test_any_id(name: str) -> None:
    """Whatever stands in an id, a measurement is one row, and its row has its style."""
    shown = summary(Run((sample.result(name, burden(), limit("params", 1)), sample.PASSING)), 300)
    *_, passing, over = shown.lines
    assert (passing.style, over.style) == ("good", "bad")
    assert passing.text.endswith("pass")
    assert over.text.endswith("over")


def test_every_uncounted_operator_and_every_real_run_is_named() -> None:
    """However many, and also where nothing else is shown."""
    real = [sample.result(f"r{n}", burden(method="real", reason="NMS")) for n in range(150)]
    text = printed(summary(Run((*real, sample.WARNING)), mode="failed"))
    assert all(f"Measured by a real run: r{n}: NMS\n" in text for n in range(150))
    assert f"{sample.WARNING.id}: aten.linalg_svd (2 calls), mylib.myop (1 call)\n" in text
