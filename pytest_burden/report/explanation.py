"""Which limits hold for one measurement, metric by metric, and what each of them shadows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

from pytest_burden.budget import baseline
from pytest_burden.budget.allowance import Allowance
from pytest_burden.budget.baseline import Baseline
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.limits import Limit, Rule
from pytest_burden.budget.scaling import LimitAt
from pytest_burden.budget.units import show, show_apart
from pytest_burden.budget.verdict import GROWING
from pytest_burden.burden import METRICS
from pytest_burden.report.comparison import maximum

Row = tuple[str, str, str]


def explanation(
    name: str,
    levels: Iterable[Iterable[Rule]],
    known: Baseline | None,
    allowances: Sequence[Allowance] = (),
    today: dt.date = dt.date.min,
) -> str:
    """Return the limits of a measurement as a text.

    Args:
        name: its id.
        levels: what is said of it, from the most specific to the most general.
        known: the baseline, if there is one.
        allowances: those of the configuration; those about it are told.
        today: whether they have expired is judged by this.
    """
    rules = [rule for level in levels for rule in level]
    rows: list[Row] = []
    for metric in METRICS:
        about = [rule for rule in rules if rule.metric == metric]
        for key in sorted({rule.key for rule in about}, key=lambda key: (key[:4] != "max_", key)):
            same = [rule for rule in about if rule.key == key]
            rows += [
                ("  shadows" if number else _called(rule), most, rule.where)
                for number, (rule, most) in enumerate(zip(same, _maxima(same), strict=True))
            ]
            if same and key.startswith("grow_"):
                rows += _accepted(name, metric, allowances, today)
    limited = {rule.metric for rule in rules}
    lines = [name, *_columns(rows or [("no limit", "measured, not judged", "")])]
    lines += _known(name, known, limited)
    if known is None and any(isinstance(rule, Growth) for rule in rules):
        lines.append(f"There is no {baseline.FILE}: to a limit of growth, everything is new.")
    return "\n".join(lines)


def _maxima(same: Sequence[Rule]) -> Iterator[str]:
    """Yield what each rule of one key allows, so that two different ones look different."""
    plain = [rule for rule in same if isinstance(rule, Limit)]
    unit = METRICS[same[0].metric].unit
    apart = dict(zip(plain, show_apart([rule.maximum for rule in plain], unit), strict=True))
    for rule in same:
        yield apart[rule] if isinstance(rule, Limit) else maximum(rule)


def _called(rule: Rule) -> str:
    """Return the key of a rule, without the sizes that are told beside it."""
    return rule.key.partition(" ")[0] if isinstance(rule, LimitAt) else rule.key


def _accepted(
    name: str, metric: str, allowances: Iterable[Allowance], today: dt.date
) -> Iterator[Row]:
    for each in allowances:
        if each.concerns(name, metric):
            word = "  expired" if each.expired(today) else "  accepted"
            most = f"up to {show(each.up_to, METRICS[metric].unit)}"
            yield word, most, f"{each.where}: until {each.until}: {each.reason}"


def _known(name: str, known: Baseline | None, limited: Iterable[str]) -> list[str]:
    """Return the figures that the baseline has of what is limited, or that it has none."""
    if known is None:
        return []
    entry = known.entries.get(name)
    if entry is None:
        test = name.partition("#")[0]
        others = [other for other in known.entries if other.partition("#")[0] == test]
        of_test = f"; of this test it knows {', '.join(others)}" if others else ""
        return [f"{baseline.FILE} does not know it{of_test}"]
    shown = {*limited, *GROWING}
    figures = [(m, entry.metrics[m]) for m in METRICS if m in shown and m in entry.metrics]
    rows = [(f"  {m}", show(value, METRICS[m].unit), f"{value:,}") for m, value in figures]
    return [f"{baseline.FILE} ({', '.join(entry.inputs)})", *_columns(rows)]


def _columns(rows: Sequence[Row]) -> list[str]:
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [f"  {a:{first}}  {b:{second}}  {c}".rstrip() for a, b, c in rows]
