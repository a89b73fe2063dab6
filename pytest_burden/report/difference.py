"""Two sets of measurements, side by side: as lines for a terminal, as Markdown, as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_burden.budget.difference import Comparison, Difference, How, Side, Step
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.result import verdict_to_dict
from pytest_burden.budget.units import show, show_excess, show_percent
from pytest_burden.budget.verdict import Kind, Verdict
from pytest_burden.burden import METRICS
from pytest_burden.report.blame import by_module
from pytest_burden.report.comparison import allowed
from pytest_burden.report.lines import HEAVIEST, columns, first
from pytest_burden.report.markdown import code, preformatted
from pytest_burden.report.network import NOTHING
from pytest_burden.report.terminal import Line, Style

SCHEMA = 1
"""Of the JSON, raised whenever a reader of the last version would misread it."""

_ACCEPT = (
    "Make it lighter, or allow it: grow_ limits in [tool.burden.limits], or"
    " [[tool.burden.allow]] for a while."
)
_HEADERS = ("metric", "before", "after", "difference", "allowed", "verdict")
_SUMMED_UP = ("params", "flops", "activation_memory")
_UNTOLD = ("same", "unknown")
"""What is a number in the last line alone."""
_ORDER = ("grew", "shrank", "changed", "new", "gone", "renamed", "not compared", "unchanged")


def lines(comparison: Comparison, verbosity: int = 0) -> list[Line]:
    """Return what is printed: one block for each measurement that differs, what fails last.

    Args:
        comparison: the two sides.
        verbosity: from 1 on, all modules that changed.
    """
    found = []
    for difference in _in_report_order(comparison.differences):
        if difference.how not in _UNTOLD:
            style = _style(difference)
            head, *rest = _block(difference, comparison, verbosity)
            found += [Line(head, style), *map(Line, rest)]
    if found:
        found.append(Line(""))
    found += [Line(text, "warn") for text in _notes(comparison)]
    found.append(Line(heading(comparison), "bad" if comparison.fails else "good"))
    if any(v.fails for d in comparison.differences for v in d.verdicts if v.kind is Kind.GREW):
        found.append(Line(_ACCEPT))
    return found


def markdown(comparison: Comparison) -> str:
    """Return the same as Markdown, for a comment on a change: one table, then the modules."""
    mark = ":x:" if comparison.fails else ":white_check_mark:"
    parts = [f"## {mark} {_counted(comparison)}", ""]
    parts += [f"{code(comparison.base.name)} to {code(comparison.head.name)}", ""]
    rows = []
    told = []
    for difference in _in_report_order(comparison.differences):
        head, *rest = _blame(difference, 0) or [""]
        if difference.steps:
            names = [code(_title(difference)), *("" for _ in difference.steps)]
            cells = zip(names, _rows(difference), strict=False)
            rows += [(name, *row[:4], row[5] or row[4]) for name, row in cells]
        elif difference.how not in _UNTOLD:
            rows.append((code(_title(difference)), "", "", "", "", _word(difference)))
        told += [difference.id, head, *rest] if head else []
        told += [f"{difference.id}: {text.strip()}" for text in _details(difference)]
    if rows:
        parts += [
            _row(("measurement", *_HEADERS[:4], "verdict")),
            _row([*_ALIGN]),
            *map(_row, rows),
        ]
        parts.append("")
    parts += [preformatted("\n".join(told))] if told else []
    parts += [line for note in _notes(comparison) for line in (code(note), "")]
    return "\n".join(parts).rstrip("\n") + "\n"


_ALIGN = ("---", "---", "---:", "---:", "---:", "---")


def to_dict(comparison: Comparison) -> dict[str, Any]:
    """Return the same as JSON-ready dictionaries and lists: integers in base units."""
    return {
        "schema": SCHEMA,
        "base": _side(comparison.base),
        "head": _side(comparison.head),
        "verdict": "fail" if comparison.fails else "pass",
        "measurements": [
            {
                "id": each.id,
                "was": each.before.id if each.before else None,
                "difference": each.how,
                "fails": each.fails,
                "metrics": {
                    step.metric: {"before": step.before, "after": step.after} for step in each.steps
                },
                "verdicts": [verdict_to_dict(verdict) for verdict in each.verdicts],
                "changes": [
                    change._asdict() | {"grown": change.grown._asdict()} for change in each.changes
                ],
            }
            for each in comparison.differences
        ],
    }


def _side(side: Side) -> dict[str, Any]:
    return {"name": side.name, "torch": side.baseline.torch, "partial": list(side.partial)}


def heading(comparison: Comparison) -> str:
    """Return the whole in one line."""
    return f"{_counted(comparison)} ({comparison.base.name} -> {comparison.head.name})"


def _counted(comparison: Comparison) -> str:
    words = Counter(_word(each) for each in comparison.differences)
    ranked = sorted(
        words.items(), key=lambda pair: _ORDER.index(pair[0]) if pair[0] in _ORDER else -1
    )
    return f"burden diff: {', '.join(f'{n} {word}' for word, n in ranked) or 'nothing measured'}"


def _in_report_order(differences: Sequence[Difference]) -> list[Difference]:
    return sorted(differences, key=lambda each: (each.fails, each.warns))


def _style(difference: Difference) -> Style:
    return "bad" if difference.fails else "warn" if difference.warns else "plain"


_WORDS: Mapping[How, str] = {
    "added": "new",
    "unmeasured": "not measured",
    "unknown": "not compared",
    "same": "unchanged",
}


def _word(difference: Difference) -> str:
    """Return in a word what became of a measurement: the verdict that weighs most, if any."""
    if difference.how != "changed":
        return _WORDS.get(difference.how, difference.how)
    ranked = sorted(difference.verdicts_that_tell, key=lambda v: (v.fails, v.warns), reverse=True)
    return ranked[0].kind.value if ranked else "changed"


def _title(difference: Difference) -> str:
    then = difference.before
    was = f" (was {then.id})" if then and difference.after and then.id != difference.id else ""
    return f"{difference.id}{was}"


def _block(difference: Difference, comparison: Comparison, verbosity: int) -> Iterator[str]:
    word = _word(difference)
    warns = " (warns)" if difference.warns else ""
    yield f"{_title(difference)}: {word}{warns}{_sum(difference)}"
    if difference.how == "added" and difference.id in comparison.base.unmeasured:
        yield f"    could not be measured in {comparison.base.name}"
    if steps := _rows(difference):
        yield from (f"    {text}" for text in _aligned([_HEADERS, *steps]))
    yield from _details(difference)
    yield from _blame(difference, verbosity)


def _sum(difference: Difference) -> str:
    """Return what a measurement weighs that is on one side only."""
    if difference.before and difference.after:
        return ""
    entry = difference.before or difference.after
    metrics = entry.metrics if entry else {}
    shown = [
        f"{show(metrics[name], METRICS[name].unit)}{'' if METRICS[name].unit == 'FLOPs' else text}"
        for name, text in zip(_SUMMED_UP, (" params", "", " activation"), strict=True)
        if name in metrics
    ]
    return f", {', '.join(shown)}" if shown else ""


def _rows(difference: Difference) -> list[tuple[str, ...]]:
    by_metric = {v.limit.metric: v for v in difference.verdicts if v.limit}
    return [_cells(step, by_metric.get(step.metric)) for step in difference.steps]


def _cells(step: Step, verdict: Verdict | None) -> tuple[str, ...]:
    before, after, text = _texts(step)
    limit = verdict.limit if verdict else None
    most = allowed(limit) if isinstance(limit, Growth) else ""
    word = verdict.kind.value if verdict else ""
    if verdict and verdict.warns:
        word = f"{word} (warns)"
    return step.metric, before, after, text, most, word


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


def _details(difference: Difference) -> list[str]:
    """Return what there is to say of verdicts: an allowance, why nothing was measured."""
    return [
        f"    {v.limit.metric + ': ' if v.limit else ''}{' '.join(v.detail.split())}"
        for v in difference.verdicts
        if v.detail
    ]


def _blame(difference: Difference, verbosity: int) -> list[str]:
    metrics = [step.metric for step in difference.steps]
    metrics.sort(key=lambda metric: metric != "flops")  # by which modules are ranked
    most = len(difference.changes) if verbosity else HEAVIEST
    rows = by_module(difference.changes, metrics, most)
    return columns([first(number, *row, "by module") for number, row in enumerate(rows)])


def _notes(comparison: Comparison) -> Iterator[str]:
    base, head = comparison.base, comparison.head
    for one, other in ((base, head), (head, base)):
        if one.partial and other.baseline.entries.keys() - one.baseline.entries.keys():
            why = ", ".join(one.partial)
            yield f"{one.name} is not all ({why}): what is missing there is not judged."
    then, now = base.baseline.torch, head.baseline.torch
    if then and now and then != now:
        yield f"torch was {then} and is {now}."


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows as lines; numbers stand right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            f"{cell:>{width}}" if 0 < at < 3 else f"{cell:{width}}"  # noqa: PLR2004 before, after
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
