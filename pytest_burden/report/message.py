"""The sentences of a verdict: what, the two numbers, where each came from, the next step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from pytest_burden.budget.baseline import FILE
from pytest_burden.budget.compare import Change
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.limits import Limit
from pytest_burden.budget.result import Result
from pytest_burden.budget.scaling import LimitAt, Scaling
from pytest_burden.budget.units import show, show_excess, show_percent
from pytest_burden.budget.verdict import Kind, Verdict, uncounted
from pytest_burden.burden import METRICS, TRAINING, Burden, HeldTensor, ModuleRow
from pytest_burden.errors import suggest
from pytest_burden.report.blame import BLAMED
from pytest_burden.report.comparison import compared, maximum, new, stale
from pytest_burden.report.elsewhere import elsewhere
from pytest_burden.report.inert import visible
from pytest_burden.report.lines import (
    ACCEPT_BOUNDS,
    HEAVIEST,
    Lines,
    calls,
    columns,
    first,
    headline,
    how,
    indented,
    rule_or_gap,
)
from pytest_burden.sweeps import Sweep

_LIGHTER = "Make it lighter, or raise the limit where it stands."


_FEW, _MANY, _LONG = 10, 1000, 200
"""Verdicts with the nearest id, ids that are looked at for it, and their characters."""


class Case(NamedTuple):
    """A verdict, and what is known of its subject."""

    verdict: Verdict
    burden: Burden | None = None
    changes: tuple[Change, ...] = ()
    otherwise: str = ""
    """As in `Result`."""
    sweep: Sweep | None = None
    """As in `Result`."""


def violations(results: Iterable[Result], test: str = "") -> str:
    """Return one message with every verdict of these results that turns the run red.

    With ``test``, it is shown below that test's name: the id of the test is not repeated.
    """
    return sentences(failing(results), test=test)


def warnings(results: Iterable[Result]) -> str:
    """Return one message with every verdict of these results that only warns."""
    return sentences(warning(results))


def failing(results: Iterable[Result], own: Iterable[Verdict] = ()) -> Iterator[Case]:
    """Yield every verdict that turns the run red: those of results, and the run's own."""
    return _cases(results, own, lambda verdict: verdict.fails)


def warning(results: Iterable[Result], own: Iterable[Verdict] = ()) -> Iterator[Case]:
    """Yield every verdict that only warns."""
    return _cases(results, own, lambda verdict: verdict.warns)


def _cases(
    results: Iterable[Result], own: Iterable[Verdict], wanted: Callable[[Verdict], bool]
) -> Iterator[Case]:
    for result in results:
        for verdict in result.verdicts:
            if wanted(verdict):
                yield Case(verdict, result.burden, result.changes, result.otherwise, result.sweep)
    yield from (Case(verdict) for verdict in own if wanted(verdict))


class Told(NamedTuple):
    """One verdict in words, or several on the growth of one measurement."""

    verdicts: tuple[Verdict, ...]
    lines: Lines
    next_step: str


def told(cases: Iterable[Case], known_ids: Sequence[str] = (), test: str = "") -> Iterator[Told]:
    """Yield a block for each verdict, one after the other as they are asked for.

    Args:
        cases: the verdicts.
        known_ids: what was measured, for the nearest id of a budget that matches none.
        test: the test below whose name this is shown; its id is left out.
    """
    # To look for the nearest of very many ids, or very long ones, takes longer than all the rest.
    near = [name for name in known_ids[:_MANY] if len(name) <= _LONG]
    for number, ((subject, _), group) in enumerate(groupby(cases, together)):
        same = list(group)
        nearest = near if number < _FEW else ()
        lines, next_step = _block(subject.removeprefix(test), same, nearest)
        yield Told(tuple(case.verdict for case in same), [*map(visible, lines)], next_step)


def lines_of(blocks: Iterable[Told]) -> Iterator[str]:
    """Yield the lines of all blocks, and after them once each what to do about them."""
    advice: dict[str, None] = {}
    for block in blocks:
        yield from block.lines
        advice[block.next_step] = None
    yield from filter(None, advice)


def sentences(cases: Iterable[Case], known_ids: Sequence[str] = (), test: str = "") -> str:
    """Return all of it as one text; the arguments are those of `told`."""
    return "\n".join(lines_of(told(cases, known_ids, test)))


def together(case: Case) -> tuple[str, object]:
    """Return what verdicts have in common that are told in one block."""
    verdict = case.verdict
    grows = isinstance(verdict.limit, Growth) and verdict.measured is not None
    return verdict.subject, (verdict.kind, verdict.since) if grows else object()


def _block(subject: str, cases: Sequence[Case], known_ids: Sequence[str]) -> tuple[Lines, str]:
    """Return the lines of one verdict, or of several on growth, and the next step."""
    verdict, burden, changes, otherwise, sweep = cases[0]
    if verdict.limit is None:
        return _without_limit(subject, verdict, known_ids)
    if isinstance(verdict.limit, (Scaling, LimitAt)):
        return elsewhere(subject, verdict, sweep)
    if burden is None or verdict.measured is None or verdict.kind is Kind.UNSUPPORTED:
        return _unsupported(subject, verdict, verdict.limit)
    if isinstance(verdict.limit, Growth):
        verdicts = [case.verdict for case in cases]
        return compared(subject, verdicts, burden, changes, otherwise)
    if verdict.kind is Kind.INCOMPLETE:
        return _incomplete(subject, verdict.limit, verdict.measured, burden)
    return _over(subject, verdict.limit, verdict.measured, burden)


def _over(subject: str, limit: Limit, measured: int, burden: Burden) -> tuple[Lines, str]:
    texts = show_excess(measured, limit.maximum, METRICS[limit.metric].unit)
    share = f" ({show_percent(measured - limit.maximum, limit.maximum)})" if limit.maximum else ""
    rows = [
        ("measured", texts[0], how(burden, limit.metric)),
        ("limit", texts[1], limit.where),
        *_largest(limit.metric, burden),
    ]
    head = headline(subject, f"is over {limit.key} by {texts[2]}{share}")
    next_step = rule_or_gap(burden) if limit.metric == "uncounted_ops" else _LIGHTER
    return [head, *columns(rows)], next_step


def _incomplete(subject: str, limit: Limit, measured: int, burden: Burden) -> tuple[Lines, str]:
    unit = METRICS[limit.metric].unit
    rows = [
        ("measured", f"at least {show(measured, unit)}", how(burden, limit.metric)),
        ("limit", show(limit.maximum, unit), limit.where),
    ]
    head = headline(subject, f"may be over {limit.key}: not all is counted")
    if why := burden.lower_bounds.get(limit.metric):
        return [head, *columns(rows), f"    {why}"], ACCEPT_BOUNDS
    rows.append(("uncounted", calls(burden.uncounted_ops), uncounted(burden)))
    return [head, *columns(rows)], rule_or_gap(burden)


def _unsupported(subject: str, verdict: Verdict, limit: Limit | Growth) -> tuple[Lines, str]:
    row = columns([("limit", maximum(limit), limit.where)])
    if verdict.measured is not None:
        head = headline(subject, f"has a limit on the growth of {limit.metric}")
        reason = f"It is read off one machine's counters: {FILE} does not keep it."
        next_step = f"Use max_{limit.metric}, or compare two runs of one machine: burden diff."
        return [head, *row, *indented(reason)], next_step
    training = limit.metric in TRAINING
    why = "was not measured" if training else "cannot be measured here"
    lines = [
        headline(subject, f"has a limit on {limit.metric}, which {why}"),
        *row,
        *indented(verdict.detail),
    ]
    if training:
        return lines, 'Measure a training step too, with training="Adam" or what else trains it.'
    if limit.metric == "cuda_memory":
        return lines, (
            "Run it where there is a GPU, or accept that there is none with"
            ' [tool.burden.policy] unsupported = "warn".'
        )
    return lines, "Remove the limit, or limit a metric that is measured."


def _without_limit(subject: str, verdict: Verdict, known_ids: Sequence[str]) -> tuple[Lines, str]:
    if verdict.kind is Kind.UNMATCHED:
        near = suggest(verdict.detail[:_LONG], known_ids)
        says = [f"no measurement matches {verdict.detail!r}{near}", f"    {subject}"]
        return says, "Correct the pattern, or remove the budget."
    if verdict.kind in (Kind.NEW, Kind.STALE):
        return (new if verdict.kind is Kind.NEW else stale)(subject, verdict)
    if verdict.kind is Kind.UNMEASURED:
        return [headline(subject, "measured nothing"), *indented(verdict.detail)], ""
    if verdict.kind is Kind.INCOMPLETE:
        return [headline(subject, "could not be measured"), *indented(verdict.detail)], ""
    what, _, more = verdict.detail.partition("\n")
    return [f"{subject}: {what}" if subject else what, *indented(more)], ""


def _largest(metric: str, burden: Burden) -> list[tuple[str, str, str]]:
    """Return the modules (or operators) that weigh most, without what is below them."""
    if metric in ("ops", "uncounted_ops"):
        ops = [row for row in burden.op_rows if metric == "ops" or row.state == "uncounted"]
        ranked = sorted(ops, key=lambda row: -row.calls)[:HEAVIEST]
        return [first(n, row.op, calls(row.calls)) for n, row in enumerate(ranked)]
    if peak := burden.peak(metric):
        return [
            first(number, *_tensor(held, peak.nbytes))
            for number, held in enumerate(peak.tensors[:HEAVIEST])
        ]
    figure = BLAMED.get(metric)
    if figure is None:
        return []
    unit = METRICS[figure].unit
    total = getattr(burden, figure)
    heavy = [row for row in burden.module_rows if getattr(row.own, figure)]
    heavy.sort(key=lambda row: -getattr(row.own, figure))
    lines = []
    for number, row in enumerate(heavy[:HEAVIEST]):
        value = getattr(row.own, figure)
        name = "" if unit or figure == metric else f" {figure}"
        text = f"{show(value, unit)}{name} ({show_percent(value, total)})"
        lines.append(first(number, module_name(row), text))
    return lines


def _tensor(held: HeldTensor, whole: int) -> tuple[str, str]:
    """Return what to call a tensor at a peak, and what there is to say of it."""
    parts = [f"{show(held.nbytes, 'bytes')} ({show_percent(held.nbytes, whole)})"]
    made = held.category in ("activations", "temporaries")
    if made:
        parts.append(f"{held.category} of {held.name}")
    elif held.name != "input":
        parts.append(held.category)
    if held.shape:
        parts.append(held.shape)
    return (held.module or "(root)") if made else held.name, ", ".join(parts)


def module_name(row: ModuleRow) -> str:
    """Return a module's path, or for the root its class in brackets."""
    return row.path or f"({row.cls})"
