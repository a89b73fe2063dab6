"""The sentences of verdicts that hold a measurement against the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from pytest_burden.budget import baseline
from pytest_burden.budget.compare import Change
from pytest_burden.budget.growth import ANY, Growth
from pytest_burden.budget.limits import Rule
from pytest_burden.budget.result import Result
from pytest_burden.budget.scaling import LimitAt, Scaling, said
from pytest_burden.budget.units import show, show_excess, show_percent
from pytest_burden.budget.verdict import Kind, Verdict, uncounted
from pytest_burden.burden import METRICS, Burden
from pytest_burden.report.blame import by_module, signed
from pytest_burden.report.lines import (
    ACCEPT_BOUNDS,
    HEAVIEST,
    Lines,
    calls,
    columns,
    first,
    headline,
    how,
    rule_or_gap,
)

_RENEW = f"Add it with {baseline.RENEW}."
_ADD_OR_RENAME = f"Add it, or change its name there, with {baseline.RENEW}."
_TIGHTEN = f"Tighten the baseline with {baseline.RENEW}."
ALLOW = (
    "Make it lighter, or allow it: grow_ limits in [tool.burden.limits], or"
    " [[tool.burden.allow]] for a while."
)
"""What to do about growth over another commit: writing the baseline does not help."""
_ACCEPT = f"Make it lighter, or accept it: {baseline.RENEW}, or [[tool.burden.allow]] for a while."


def compared(
    subject: str,
    verdicts: Sequence[Verdict],
    burden: Burden,
    changes: Sequence[Change],
    otherwise: str = "",
) -> tuple[Lines, str]:
    """Return what to say of the metrics of one measurement that are not what they were.

    ``verdicts`` are of one kind; the rest is as in `Result`.
    """
    kind = verdicts[0].kind
    if kind is Kind.NEW:
        return _unknown(subject, verdicts), _meant(verdicts[0], _RENEW)
    if kind is Kind.INCOMPLETE:
        return _incomplete(subject, verdicts, burden)
    known = [each for verdict in verdicts if (each := _difference(verdict))]
    known.sort(key=lambda difference: difference.metric != _FIRST)
    differently = [f"    {otherwise}"] if otherwise else []
    if kind is Kind.SHRANK:
        parts = (f"in {d.metric} by {d.text}, to {d.now}" for d in known)
        lines = [headline(subject, f"shrank {'; '.join(parts)}"), *differently]
        return lines, _meant(verdicts[0], _TIGHTEN)
    others = ", ".join(d.metric for d in known[1:])
    also = f", and in {others}" if others else ""
    width = max(len(word) for word in ("measured", *(d.metric for d in known)))
    rows = [(f"{d.metric:{width}}", d.now, f"was {d.then}, +{d.text}") for d in known]
    more = [(f"{word:{width}}", text, where) for word, text, where in _rules(verdicts)]
    more.append((f"{'measured':{width}}", how(burden, known[0].metric), ""))
    lines = [headline(subject, f"grew in {known[0].metric} by {known[0].text}{also}")]
    lines += [
        *columns(rows),
        *columns(more[:-1]),
        *columns(more[-1:]),
        *differently,
        *_by_module(changes, [d.metric for d in known]),
    ]
    return [
        *lines,
        *(f"    {v.limit.metric} {v.detail}" for v in verdicts if v.detail and v.limit),
    ], ALLOW if verdicts[0].since else _ACCEPT


_FIRST = "flops"
"""The metric that is told first, and by which modules are ranked."""


class _Difference(NamedTuple):
    """One metric, now and then, as text."""

    metric: str
    now: str
    then: str
    text: str


def _difference(verdict: Verdict) -> _Difference | None:
    limit, measured, base = verdict.limit, verdict.measured, verdict.base
    if limit is None or measured is None or base is None:
        return None
    more, less = max(measured, base), min(measured, base)
    high, low, text = show_excess(more, less, METRICS[limit.metric].unit)
    share = f" ({show_percent(more - less, base)})" if base else ""
    now, then = (high, low) if measured > base else (low, high)
    return _Difference(limit.metric, now, then, f"{text}{share}")


def _rules(verdicts: Sequence[Verdict]) -> list[tuple[str, str, str]]:
    """Return a row for each distinct limit, all metrics that it holds for having one."""
    rules = {
        (allowed(v.limit), v.limit.where): None for v in verdicts if isinstance(v.limit, Growth)
    }
    return [("allowed", text, where) for text, where in rules]


def _unknown(subject: str, verdicts: Sequence[Verdict]) -> Lines:
    metrics = ", ".join(v.limit.metric for v in verdicts if v.limit)
    since = verdicts[0].since
    says = f"is new since {since}" if since else f"is new to {baseline.FILE}"
    lines = [headline(subject, f"{says} in {metrics}")]
    return [*lines, *columns([("limit", *row[1:]) for row in _rules(verdicts)])]


def _incomplete(subject: str, verdicts: Sequence[Verdict], burden: Burden) -> tuple[Lines, str]:
    metrics = [v.limit.metric for v in verdicts if v.limit]
    says = f"may have grown in {', '.join(metrics)}: not all is counted"
    bounds = dict.fromkeys(filter(None, map(burden.lower_bounds.get, metrics)))
    lines = [headline(subject, says), *(f"    {why}" for why in bounds)]
    if all(metric in burden.lower_bounds for metric in metrics):
        return lines, ACCEPT_BOUNDS
    lines += columns([("uncounted", calls(burden.uncounted_ops), uncounted(burden))])
    return lines, rule_or_gap(burden)


def _by_module(changes: Sequence[Change], metrics: Sequence[str]) -> Lines:
    rows = by_module(changes, metrics, HEAVIEST)
    return columns([first(number, *row, "by module") for number, row in enumerate(rows)])


def allowed(growth: Growth) -> str:
    """Return a limit of growth as it is read: ``2% & 10M``, ``no growth``."""
    if not growth.bounded:
        return ANY
    if not growth.percent and not growth.amount:
        return "no growth"
    amounts = [] if growth.amount is None else [show(growth.amount, METRICS[growth.metric].unit)]
    shares = [growth.text().partition("&")[0].strip()] if growth.percent is not None else []
    return " & ".join([*shares, *amounts])


def maximum(limit: Rule) -> str:
    """Return what a limit allows."""
    if isinstance(limit, Growth):
        return allowed(limit)
    if isinstance(limit, Scaling):
        return limit.text()
    if isinstance(limit, LimitAt):
        return f"{show(limit.maximum, METRICS[limit.metric].unit)} at {said(limit.sizes)}"
    return show(limit.maximum, METRICS[limit.metric].unit)


def new(subject: str, verdict: Verdict) -> tuple[Lines, str]:
    """Return what to say of a measurement that the baseline, or the base, does not know."""
    if verdict.since:
        known = f": there the same network is {_likest(verdict)}" if verdict.alike else ""
        return [headline(subject, f"is new since {verdict.since}{known}")], _meant(verdict)
    if verdict.detail:
        says = f"is new to {baseline.FILE}: renamed from {verdict.detail}"
        return [headline(subject, says)], f"Rename it there with {baseline.RENEW}."
    if verdict.alike:
        says = f"is new to {baseline.FILE}: there the same network is {_likest(verdict)}"
        return [headline(subject, says)], _ADD_OR_RENAME
    return [headline(subject, f"is new to {baseline.FILE}")], _RENEW


def _likest(verdict: Verdict) -> str:
    """Return the id of the same network that begins and ends most like the new one."""

    def shared(one: str, other: str) -> int:
        return sum(
            1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
        )

    new = verdict.subject
    return max(verdict.alike, key=lambda old: shared(old, new) + shared(old[::-1], new[::-1]))


def stale(subject: str, verdict: Verdict) -> tuple[Lines, str]:
    """Return what to say of an entry, or an allowance, that nothing needs."""
    if verdict.detail:
        return [f"{subject}: the allowance for {verdict.detail} is no longer needed"], "Remove it."
    if verdict.since:
        says = f"{subject} was measured in {verdict.since}, and no test measured it now"
        return [says], _meant(verdict)
    says = f"{subject} is in {baseline.FILE}, and no test measured it"
    return [says], "Take it out with burden baseline prune."


def _meant(verdict: Verdict, of_baseline: str = "") -> str:
    """Return what to do if that is meant: for a base there is no file to write."""
    if not verdict.since:
        return of_baseline
    return f'If that is meant, allow it: {verdict.kind.value} = "warn" in [tool.burden.policy].'


def accepted(result: Result) -> list[str]:
    """Return what of a measurement is accepted though it grew, and why."""
    return [
        f"{result.id}: {v.limit.metric} {signed(v.measured - v.base, v.limit.metric)} {v.detail}"
        for v in result.verdicts
        if v.kind is Kind.PASS and v.allowance and v.limit
        if v.measured is not None and v.base is not None
    ]
