"""Two sets of measurements, side by side: as lines for a terminal, as Markdown, as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pytest_burden.budget.difference import Comparison, Difference, How
from pytest_burden.budget.ids import natural
from pytest_burden.budget.result import verdict_to_dict
from pytest_burden.budget.side import Side
from pytest_burden.budget.units import show
from pytest_burden.budget.verdict import Kind, Verdict
from pytest_burden.burden import METRICS
from pytest_burden.report import gfm
from pytest_burden.report.changed import HEADERS, Changed, cells, modules, section, title
from pytest_burden.report.comparison import ALLOW
from pytest_burden.report.lines import HEAVIEST, some
from pytest_burden.report.message import Case, sentences
from pytest_burden.report.network import REPLACED
from pytest_burden.report.room import LARGEST, fitting
from pytest_burden.report.terminal import Line, Style

SCHEMA = 1
"""Of the JSON, raised whenever a reader of the last version would misread it."""

_FEW = 10
"""How many measurements are shown where there is no room for all that changed."""
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
    found += _eased(comparison.eased)
    found += [Line(text, "warn") for text in _notes(comparison)]
    found.append(Line(heading(comparison), "bad" if comparison.fails else "good"))
    return [*found, *map(Line, _advice(comparison))]


def _advice(comparison: Comparison) -> list[str]:
    """Return the next step where something has grown that may not."""
    verdicts = (v for difference in comparison.differences for v in difference.verdicts)
    return [ALLOW] if any(v.fails for v in verdicts if v.kind is Kind.GREW) else []


def markdown(comparison: Comparison, room: int = LARGEST) -> str:
    """Return the same as Markdown, for a comment on a change: one table, then the modules.

    It looks as what a run says of its baseline; what fails stands first. In at most ``room`` bytes:
    all that changed, else some of it, else the heading alone; empty if not even that fits.
    """
    worst = sorted(comparison.differences, key=lambda each: (not each.fails, not each.warns))
    changed = [each for each in worst if each.how not in _UNTOLD]
    longest = max(len(changed), len(comparison.eased))
    shown = [longest, *(most for most in (_FEW, 0) if most < longest)]
    return fitting((_document(comparison, changed, most) for most in shown), room)


def uncompared(why: str, room: int = LARGEST) -> str:
    """Return as Markdown, in at most ``room`` bytes, that and why nothing was compared."""
    head = gfm.heading("burden diff: not compared", good=False)
    return fitting(([head, *gfm.preformatted(why.splitlines())], [head]), room)


def _document(comparison: Comparison, changed: Sequence[Difference], most: int) -> Iterator[str]:
    """Yield the pieces of a document that shows so many measurements, the first ones."""
    yield gfm.heading(_counted(comparison), good=not comparison.fails)
    yield f"{gfm.code(comparison.base.name)} to {gfm.code(comparison.head.name)}\n\n"
    left = len(changed[most:]), len(comparison.eased[most:])
    if any(left):
        what = "measurements that changed", "limits that are eased"
        said = " and ".join(f"{n:,} {text}" for n, text in zip(left, what, strict=True) if n)
        yield f"Not everything fits here: {said} are left out.\n\n"
    yield from section(_changed(each, comparison) for each in changed[:most])
    yield "\n"
    eased = [line.text for line in _eased(comparison.eased[:most])]
    yield from gfm.preformatted([*eased, *_notes(comparison), *_advice(comparison)])


def _changed(difference: Difference, comparison: Comparison) -> Changed:
    return Changed(
        id=difference.id,
        word=_word(difference) + _aside(difference),
        was=_was(difference),
        rows=_rows(difference),
        changes=difference.changes,
        details=[f"{difference.id}: {text}" for text in _asides(difference, comparison)],
    )


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
                **({"otherwise": each.otherwise} if each.otherwise else {}),
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
        "eased": [verdict_to_dict(verdict) for verdict in comparison.eased],
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "torch": side.baseline.torch,
        "partial": list(side.partial),
        "unsure": list(side.unsure),
    }


def heading(comparison: Comparison) -> str:
    """Return the whole in one line."""
    return f"{_counted(comparison)} ({comparison.base.name} -> {comparison.head.name})"


def _counted(comparison: Comparison) -> str:
    words = Counter(_word(each) for each in comparison.differences)
    ranked = sorted(
        words.items(), key=lambda pair: _ORDER.index(pair[0]) if pair[0] in _ORDER else -1
    )
    said = [f"{n} {word}" for word, n in ranked] or ["nothing measured"]
    if eased := len(comparison.eased):
        said.append(f"{eased} limit{'s' * (eased != 1)} eased")
    return f"burden diff: {', '.join(said)}"


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


def _was(difference: Difference) -> str:
    """Return the id that a measurement had before, if it was another."""
    then = difference.before if difference.after else None
    return then.id if then and then.id != difference.id else ""


def _aside(difference: Difference) -> str:
    """Return in brackets why a measurement does not fail, if that is to be told."""
    excuses = [verdict.excuse for verdict in difference.verdicts if verdict.excuse]
    aside = "warns" if difference.warns else excuses[0] if excuses and not difference.fails else ""
    return f" ({aside})" if aside else ""


def _block(difference: Difference, comparison: Comparison, verbosity: int) -> Iterator[str]:
    name = title(difference.id, _was(difference))
    yield f"{name}: {_word(difference)}{_aside(difference)}{_sum(difference)}"
    if steps := _rows(difference):
        yield from (f"    {text}" for text in _aligned([HEADERS, *steps]))
    yield from (f"    {text}" for text in _asides(difference, comparison))
    most = len(difference.changes) if verbosity else HEAVIEST
    yield from modules(difference.changes, [step.metric for step in difference.steps], most)


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
    return [cells(step, by_metric.get(step.metric)) for step in difference.steps]


def _asides(difference: Difference, comparison: Comparison) -> Iterator[str]:
    """Yield what there is to say beside numbers: why nothing was measured, an allowance."""
    if difference.how == "added" and difference.id in comparison.base.unmeasured:
        yield f"could not be measured in {comparison.base.name}"
    if difference.otherwise:
        yield difference.otherwise
    for verdict in difference.verdicts:
        if verdict.detail:
            metric = f"{verdict.limit.metric}: " if verdict.limit else ""
            yield f"{metric}{' '.join(verdict.detail.split())}"


def _eased(limits: Iterable[Verdict]) -> Iterator[Line]:
    """Yield which limits allow more than they did."""
    for verdict in limits:
        style: Style = "bad" if verdict.fails else "warn"
        yield from (Line(text, style) for text in sentences([Case(verdict)]).splitlines())


def _notes(comparison: Comparison) -> Iterator[str]:
    base, head = comparison.base, comparison.head
    yield from (f"{head.name}: {why}" for why in head.unsure)
    if skipped := comparison.skipped:
        yield f"Not compared, skipped or failed in {head.name}: {some(skipped)}"
    for one, other in ((base, head), (head, base)):
        missing = other.baseline.entries.keys() - one.baseline.entries.keys()
        if one.partial and missing:
            why, names = ", ".join(one.partial), some(sorted(missing, key=natural))
            yield f"{one.name} is not all ({why}), and what is missing there is not judged: {names}"
    for side in (base, head):
        for (op, name), ids in comparison.replaced_rules(side).items():
            yield f"{REPLACED}, in {side.name} alone: {op} ({name}), in {some(ids)}"
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
