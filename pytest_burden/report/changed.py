"""What is not what it was: the same table for a run and its baseline, and for two runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_burden.budget.compare import Change
from pytest_burden.budget.difference import Step
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.result import Result
from pytest_burden.budget.units import show, show_excess, show_percent
from pytest_burden.budget.verdict import Kind, Verdict
from pytest_burden.burden import METRICS
from pytest_burden.report import gfm
from pytest_burden.report.blame import by_module
from pytest_burden.report.comparison import allowed
from pytest_burden.report.lines import HEAVIEST, columns, first
from pytest_burden.report.network import NOTHING

HEADERS = ("metric", "before", "after", "difference", "allowed", "verdict")
_ALIGN = "llrrrll"
_FIRST = "flops"
"""The metric by which modules are ranked."""


class Changed(NamedTuple):
    """One measurement that is not what it was, or is on one side only."""

    id: str
    word: str
    """What became of it."""
    was: str = ""
    """Its other id before, if it had one."""
    rows: Sequence[tuple[str, ...]] = ()
    """A row of cells for each metric that differs, under `HEADERS`."""
    changes: Sequence[Change] = ()
    details: Sequence[str] = ()
    """What else there is to say, a line each."""


def title(name: str, was: str) -> str:
    """Return an id, with the one that it had before."""
    return f"{name} (was {was})" if was else name


def cells(step: Step, verdict: Verdict | None) -> tuple[str, ...]:
    """Return the row of one metric: six texts, empty where there is nothing to say."""
    limit = verdict.limit if verdict else None
    most = allowed(limit) if isinstance(limit, Growth) else ""
    return step.metric, *_texts(step), most, word(verdict) if verdict else ""


def word(verdict: Verdict) -> str:
    """Return a verdict in one or two words: ``grew (warns)``."""
    if verdict.kind is Kind.PASS and verdict.allowance:
        return "accepted"
    aside = verdict.excuse or ("warns" if verdict.warns else "")
    return f"{verdict.kind.value} ({aside})" if aside else verdict.kind.value


def _texts(step: Step) -> tuple[str, str, str]:
    """Return a metric before and after, and the difference with its sign and in per cent."""
    unit = METRICS[step.metric].unit
    if step.before is None or step.after is None:
        one, other = (
            NOTHING if value is None else show(value, unit) for value in (step.before, step.after)
        )
        return one, other, NOTHING
    more, less = max(step.before, step.after), min(step.before, step.after)
    high, low, text = show_excess(more, less, unit)
    share = f" ({show_percent(more - less, step.before)})" if step.before else ""
    if step.after > step.before:
        return low, high, f"+{text}{share}"
    return high, low, f"-{text}{share}"


def modules(changes: Sequence[Change], metrics: Sequence[str], most: int = HEAVIEST) -> list[str]:
    """Return as lines which modules changed some metrics, the weightiest first."""
    ranked = sorted(metrics, key=lambda metric: metric != _FIRST)
    rows = by_module(changes, ranked, most)
    return columns([first(number, *row, "by module") for number, row in enumerate(rows)])


def of_result(result: Result) -> Changed | None:
    """Return what a measurement is beside the baseline; None if it is not compared, or the same."""
    rows = []
    for verdict in result.verdicts:
        limit, measured = verdict.limit, verdict.measured
        if verdict.kind is Kind.NEW and limit is None:
            return Changed(
                result.id, "renamed" if verdict.detail else word(verdict), verdict.detail
            )
        if isinstance(limit, Growth) and measured is not None and measured != verdict.base:
            rows.append(cells(Step(limit.metric, verdict.base, measured), verdict))
    details = [f"{result.id}: {result.otherwise}"] if result.otherwise else []
    return Changed(result.id, "", "", rows, result.changes, details) if rows else None


def of_stale(verdict: Verdict) -> Changed | None:
    """Return an entry of the baseline that was not measured; None of any other verdict."""
    if verdict.kind is not Kind.STALE or verdict.detail:
        return None
    return Changed(verdict.subject, word(verdict).replace(Kind.STALE.value, "gone"))


def section(changed: Iterable[Changed]) -> Iterator[str]:
    """Yield a table with a row for each metric, and below it the modules that did it.

    Piece by piece: who has no room for all does not wait for it. Nothing if nothing changed.
    """
    seen: list[Changed] = []

    def rows() -> Iterator[tuple[str, ...]]:
        for each in changed:
            seen.append(each)
            yield from _rows(each)

    yield from gfm.table_lines(("measurement", *HEADERS), rows(), _ALIGN)
    before = "\n"
    for piece in gfm.preformatted(line for each in seen for line in _told(each)):
        yield f"{before}{piece}"
        before = ""


def _rows(each: Changed) -> Iterator[tuple[str, ...]]:
    name = gfm.code(title(each.id, each.was))
    if not each.rows:
        yield name, *("" for _ in HEADERS[1:]), gfm.word(each.word)
    for number, row in enumerate(each.rows):
        yield "" if number else name, *row[:-1], gfm.word(row[-1])


def _told(each: Changed) -> Iterator[str]:
    lines = modules(each.changes, [row[0] for row in each.rows])
    yield from [each.id, *lines] if lines else []
    yield from each.details
