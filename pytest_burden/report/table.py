"""The summary as rows of cells, one row a measurement: the same for every report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pytest_burden.budget.limits import Limit
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run, verdict_word
from pytest_burden.budget.scaling import LimitAt, Scaling, said
from pytest_burden.budget.units import show, show_percent, show_use
from pytest_burden.burden import METRICS
from pytest_burden.report.elsewhere import power

NOTHING = "-"
GAP = 2
"""Spaces between two columns."""

_LEAST_ID = 16
_ROOMY_ID = 36
_ALWAYS = ("params", "flops", "activation_memory")


@dataclass(frozen=True, slots=True)
class Table:
    """Headers, rows of as many cells, and for each row the result that it shows."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    results: tuple[Result, ...]


def table(run: Run, results: Sequence[Result], width: int | None = None) -> Table:
    """Return the rows of some results of a run, in their order.

    With a ``width`` in characters, ids are shortened in the middle until the rows fit, and
    metrics beyond the three that always show have a column only where there is room.
    """
    longest = max((len(result.id) for result in results), default=0)

    def word(result: Result) -> str:
        return verdict_word(result, enforced=run.enforced)

    def room(middle: Sequence[_Column], use: _Column) -> int:
        """Return what is left for ids beside these columns."""
        columns = [*middle, use, ("verdict", word)]
        return width - _width(columns, results) if width else longest

    middle = [_column(name) for name in _ALWAYS]
    wanted = min(longest, _ROOMY_ID)
    use = _USE if room(middle, _USE) >= wanted else _SHORT_USE
    for name in _limited(results):
        if room([*middle, _column(name)], use) >= wanted:
            middle.append(_column(name))
    columns = [*middle, use, ("verdict", word)]
    for_ids = max(room(middle, use), _LEAST_ID)
    rows = tuple(
        (shortened(result.id, for_ids), *(cell(result) for _, cell in columns))
        for result in results
    )
    headers = ("measurement", *(header for header, _ in columns))
    return Table(headers, rows, tuple(results))


def shortened(text: str, width: int) -> str:
    """Return a text of at most ``width`` characters, its middle left out: the end tells most."""
    if len(text) <= width:
        return text
    kept = max(width - 3, 2)
    start = kept // 3
    return f"{text[:start]}...{text[start - kept :]}"


_Column = tuple[str, Callable[[Result], str]]


def _column(metric: str) -> _Column:
    unit = METRICS[metric].unit

    def cell(result: Result) -> str:
        value = result.burden.value(metric) if result.burden else None
        # The header names what is counted, so that only bytes need their unit.
        return NOTHING if value is None else show(value, unit if unit == "bytes" else "")

    return short(metric), cell


def short(metric: str) -> str:
    """Return the header of a metric: ``activation`` for ``activation_memory``."""
    return metric.removesuffix("_memory")


def _use(result: Result) -> str:
    """Return how much of its tightest limit is used, and which limit that is."""
    tightest = max(_uses(result), default=None)
    if tightest is None:
        grown = _growth(result)
        return f"{grown[1]} {short(grown[2])}" if grown else _steepest(result)
    return f"{show_use(*tightest[1:3])} {tightest[3]}"


def share(result: Result) -> Fraction | None:
    """Return how much of its tightest limit is used, 1 being all; None if there is no limit."""
    tightest = max(_uses(result), default=None)
    return None if tightest is None else tightest[0]


def tenths(result: Result) -> int | None:
    """Return how many tenths of its tightest limit are used; None if there is no limit."""
    full = share(result)
    return None if full is None else int(full * 10)


def _short_use(result: Result) -> str:
    tightest = max(_uses(result), default=None)
    if tightest is None:
        return grown[1] if (grown := _growth(result)) else NOTHING
    return show_use(*tightest[1:3])


def _steepest(result: Result) -> str:
    """Return by what power a metric grows, of the tightest limit on one: ``S^2 flops``."""
    powers = [
        (v.elsewhere.power - float(v.limit.power), power(v.limit.symbol, v.elsewhere.power), v)
        for v in result.verdicts
        if isinstance(v.limit, Scaling) and v.elsewhere and v.elsewhere.power is not None
    ]
    if not powers:
        return NOTHING
    _, text, verdict = max(powers, key=lambda each: each[0])
    return f"{text} {short(verdict.limit.metric)}" if verdict.limit else NOTHING


def _growth(result: Result) -> tuple[Fraction, str, str] | None:
    """Return the largest growth over the baseline: as a share, as text, and its metric."""
    shares = [
        (Fraction(v.measured - v.base, v.base), v.limit.metric, v.measured - v.base, v.base)
        for v in result.verdicts
        if v.limit and v.base and v.measured is not None
    ]
    if not shares:
        return None
    share, metric, more, base = max(shares, key=lambda each: abs(each[0]))
    sign = "-" if more < 0 else "+"
    return share, f"{sign}{show_percent(abs(more), base)}", metric


_USE: _Column = ("used", _use)
_SHORT_USE: _Column = ("used", _short_use)


def _uses(result: Result) -> list[tuple[Fraction, int, int, str]]:
    uses = []
    for verdict in result.verdicts:
        limit, measured = verdict.limit, verdict.measured
        if not isinstance(limit, (Limit, LimitAt)):
            continue
        # Nothing used of a limit of zero is no news: max_uncounted_ops = 0 would always be first.
        if measured is not None and (limit.maximum or measured):
            share = Fraction(measured, limit.maximum) if limit.maximum else Fraction(10**30)
            at = f" at {said(limit.sizes)}" if isinstance(limit, LimitAt) else ""
            uses.append((share, measured, limit.maximum, f"{short(limit.metric)}{at}"))
    return uses


def _limited(results: Sequence[Result]) -> list[str]:
    limited = {
        v.limit.metric for result in results for v in result.verdicts if isinstance(v.limit, Limit)
    }
    return [name for name in METRICS if name in limited and name not in _ALWAYS]


def _width(columns: Sequence[_Column], results: Sequence[Result]) -> int:
    """Return the width of all columns but that of the ids."""
    widths = (max(len(name), *(len(cell(r)) for r in results), 0) for name, cell in columns)
    return sum(width + GAP for width in widths)
