"""Two sets of measurements held against each other: what grew, shrank, came, went, was renamed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from pytest_burden.budget.allowance import Allowance
from pytest_burden.budget.baseline import NONE, Baseline, Entry
from pytest_burden.budget.compare import Change, changes
from pytest_burden.budget.eased import eased_limits
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.ids import is_of, split_unfinished
from pytest_burden.budget.limits import Rule
from pytest_burden.budget.precedence import resolve
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.side import Side
from pytest_burden.budget.verdict import (
    Kind,
    Past,
    Policies,
    Policy,
    Verdict,
    conventions_differ,
    judge,
    renamed,
    runs_differ,
)
from pytest_burden.burden import METRICS, Burden

NAME = "burden diff"
"""The subject of what is wrong with a comparison as a whole."""

How = Literal["same", "changed", "renamed", "added", "gone", "unmeasured", "unknown"]


class Step(NamedTuple):
    """One metric that is not what it was; None where it was not measured."""

    metric: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One measurement on both sides, or on one of them."""

    id: str
    before: Entry | None
    after: Entry | None
    verdicts: tuple[Verdict, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether it is more than what is allowed."""
        return any(verdict.fails for verdict in self.verdicts)

    @property
    def warns(self) -> bool:
        """Whether it only warns."""
        return not self.fails and any(verdict.warns for verdict in self.verdicts)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The metrics that are not what they were, of a measurement on both sides."""
        if self.before is None or self.after is None:
            return ()
        then, now = self.before.metrics, self.after.metrics
        found = (Step(metric, then.get(metric), now.get(metric)) for metric in METRICS)
        return tuple(step for step in found if step.before != step.after)

    @property
    def how(self) -> How:
        """What became of it."""
        if self.after is None:
            kinds = [verdict.kind for verdict in self.verdicts]
            lost: How = "unmeasured" if Kind.INCOMPLETE in kinds else "gone"
            return lost if kinds else "unknown"
        if self.before is None:
            return "added"
        if self.steps or self.verdicts_that_tell:
            return "changed"
        return "same" if self.before.id == self.after.id else "renamed"

    @property
    def otherwise(self) -> str:
        """What else was measured: other inputs, another training step."""
        return runs_differ(self.before, self.after) if self.before and self.after else ""

    @property
    def verdicts_that_tell(self) -> tuple[Verdict, ...]:
        """The verdicts other than ``pass``."""
        return tuple(verdict for verdict in self.verdicts if verdict.kind is not Kind.PASS)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All measurements of two sides."""

    base: Side
    head: Side
    differences: tuple[Difference, ...]
    unlike: tuple[str, ...] = ()
    """What was counted by different conventions, so that nothing can be said of it."""
    eased: tuple[Verdict, ...] = ()
    """The limits that allow more in the head than in the base."""

    @property
    def fails(self) -> bool:
        """Whether anything is more than what is allowed, or the head did not come to its end."""
        grown = any(each.fails for each in self.differences)
        return bool(self.head.unsure) or grown or any(verdict.fails for verdict in self.eased)

    def replaced_rules(self, side: Side) -> dict[tuple[str, str], list[str]]:
        """Return the operators that another's function counts on one side alone, and in what.

        By operator and function, of what both sides have measured.
        """
        found: dict[tuple[str, str], list[str]] = {}
        for each in self.differences:
            if each.before and each.after:
                before = self.base.replaced_rules.get(each.before.id, {}).items()
                after = self.head.replaced_rules.get(each.after.id, {}).items()
                for pair in before - after if side is self.base else after - before:
                    found.setdefault(pair, []).append(each.id)
        return dict(sorted(found.items()))

    @property
    def skipped(self) -> tuple[str, ...]:
        """What the head alone has not measured, for its tests were skipped or failed."""
        unknown = (each.id for each in self.differences if each.how == "unknown")
        return tuple(name for name in unknown if _is_unfinished(self.head, name))


def compare(  # noqa: PLR0913, PLR0917 what was measured, and what is allowed
    base: Side,
    head: Side,
    rules: Callable[[str], Iterable[Rule]],
    policies: Policies,
    allowances: tuple[Allowance, ...] = (),
    today: dt.date = dt.date.min,
) -> Comparison:
    """Compare what was measured on two sides, by id, and judge it.

    A measurement that has another id and is the same network at the same inputs is compared under
    both names: it is neither new nor stale.

    Args:
        base: what was.
        head: what is.
        rules: for an id, the limits that hold where its test has set none for ``head``; only those
            on growth are looked at, and how many operators may be uncounted.
        policies: what each kind of verdict does.
        allowances: growth that is accepted.
        today: for the end of the allowances.
    """
    before, after = base.baseline.entries, head.baseline.entries
    old = _renamed(base, head)
    pairs = {name: before[old.get(name, name)] for name in after if old.get(name, name) in before}
    unlike = [
        f"{name}: {text}"
        for name, then in pairs.items()
        if (text := conventions_differ(then.convention, after[name].convention))
    ]
    if unlike:
        return Comparison(base, head, (), tuple(unlike))
    found = []
    for name, entry in after.items():
        then = pairs.get(name)
        if then is None:
            new = _excused(head, name, _new(base, entry, policies))
            found.append(Difference(name, None, entry, new))
            continue
        past = Past(Baseline(base.baseline.torch, {name: then}), allowances, today)
        held = resolve([head.limits.get(name, ()), tuple(rules(name))])
        judged = _judged(entry, head.baseline.torch, then, held, policies, past)
        since = [replace(verdict, since=base.name) for verdict in judged]
        verdicts = _excused(head, name, since)
        changed = then.metrics != entry.metrics
        blamed = changes(then.nodes, entry.nodes) if changed else ()
        found.append(Difference(name, then, entry, verdicts, blamed))
    missing = before.keys() - after.keys() - set(old.values())
    for name in sorted(missing):
        gone = _excused(head, name, _gone(base, head, name, policies))
        found.append(Difference(name, before[name], None, gone))
    both = [(each.before, each.after) for each in found if each.before and each.after]
    eased = tuple(eased_limits(base, head, both, rules, policies))
    return Comparison(base, head, tuple(found), eased=eased)


def judged_by(run: Run, comparison: Comparison) -> Run:
    """Return a run with what a comparison says of its measurements, beside its own verdicts.

    Args:
        run: the head of the comparison.
        comparison: with whatever it was compared.
    """
    by_id = {difference.id: difference for difference in comparison.differences}
    gone = (each for each in comparison.differences if each.after is None)
    found = (*(verdict for each in gone for verdict in each.verdicts), *comparison.eased)
    # Shards that were compared with this base one by one say it each, of what they measured.
    of_base = Kind.EASED, comparison.base.name
    own = [verdict for verdict in _own(run) if (verdict.kind, verdict.since) != of_base]
    return replace(
        run,
        results=tuple(_judged_by(result, by_id.get(result.id)) for result in run.results),
        verdicts=(*own, *(verdict for verdict in found if verdict not in own)),
        baseline="" if run.baseline == NONE else run.baseline,  # the base holds it
        compared_with=comparison.base.name,
    )


def not_compared(run: Run, why: str) -> Run:
    """Return a run that fails because it was to be compared and was not, whatever it measured."""
    detail = f"nothing is compared with the base\n{why}"
    failed = Verdict(Kind.ERROR, NAME, None, None, Policy.FAIL, detail)
    return replace(run, verdicts=(*_own(run), failed))


def _own(run: Run) -> Iterator[Verdict]:
    """Yield the verdicts of a whole run, without that on an earlier comparison of it."""
    return (verdict for verdict in run.verdicts if verdict.subject != NAME)


def _judged_by(result: Result, difference: Difference | None) -> Result:
    if difference is None:
        return result
    said = {_claim(verdict): verdict.since for verdict in difference.verdicts}
    # What both say is the base's: to write the baseline anew would not change it.
    own = [replace(v, since=said.pop(_claim(v), v.since)) for v in result.verdicts]
    more = (verdict for verdict in difference.verdicts if _claim(verdict) in said)
    return replace(
        result,
        verdicts=(*own, *more),
        changes=result.changes or difference.changes,
        otherwise=result.otherwise or difference.otherwise,
    )


def _claim(verdict: Verdict) -> tuple[object, ...]:
    return verdict.kind, verdict.limit.key if verdict.limit else "", verdict.base


def _renamed(base: Side, head: Side) -> dict[str, str]:
    """Return the old ids by the new ones."""
    before, after = base.baseline.entries, head.baseline.entries
    new = [
        replace(_verdict(Kind.NEW, name, {}), alike=base.baseline.alike(entry))
        for name, entry in after.items()
        # Without its modules a network cannot be told from another.
        if name not in before and entry.rows
    ]
    return renamed(new, [name for name in before if name not in after])


def _excused(head: Side, name: str, verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    excuse = head.excuses.get(name, "")
    return tuple(replace(each, excuse=excuse) if each.fails else each for each in verdicts)


def _new(base: Side, entry: Entry, policies: Policies) -> Iterator[Verdict]:
    unknown = base.partial or entry.id in base.unmeasured or _is_unfinished(base, entry.id)
    if not unknown:
        alike = base.baseline.alike(entry)
        yield replace(_verdict(Kind.NEW, entry.id, policies), alike=alike, since=base.name)


def _gone(base: Side, head: Side, name: str, policies: Policies) -> Iterator[Verdict]:
    if name in head.unmeasured:
        lost = _verdict(Kind.INCOMPLETE, name, policies)
        yield replace(lost, detail=head.unmeasured[name])
    elif not head.partial and not _is_unfinished(head, name):
        yield replace(_verdict(Kind.STALE, name, policies), since=base.name)


def _is_unfinished(side: Side, name: str) -> bool:
    """Return whether the test of a measurement that is missing was skipped, or failed before it."""
    return is_of(name, *split_unfinished(side.unfinished))


def _verdict(kind: Kind, name: str, policies: Policies) -> Verdict:
    return Verdict(kind, name, None, None, policies.get(kind, Policy.IGNORE))


def _judged(  # noqa: PLR0913, PLR0917 as `judge`
    entry: Entry, torch: str, then: Entry, rules: Iterable[Rule], policies: Policies, past: Past
) -> tuple[Verdict, ...]:
    """Hold an entry to its limits of growth as if it had just been measured."""
    known = {*entry.metrics, *then.metrics}
    # The others say how many uncounted operators are accepted.
    about = [rule for rule in rules if not isinstance(rule, Growth) or rule.metric in known]
    verdicts = judge(entry.id, _as_measured(entry, torch), about, policies, past)
    then_uncounted = then.metrics.get("uncounted_ops", 0)
    says = f"{entry.metrics.get('uncounted_ops', 0)} calls are not counted, {then_uncounted} before"
    return tuple(
        replace(v, detail=says) if v.kind is Kind.INCOMPLETE and not _bounded(v, entry) else v
        for v in verdicts
        if isinstance(v.limit, Growth)
    )


def _bounded(verdict: Verdict, entry: Entry) -> bool:
    return verdict.limit is not None and verdict.limit.metric in entry.lower_bounds


def _as_measured(entry: Entry, torch: str) -> Burden:
    """Return as much of a measurement as an entry has kept."""
    metrics: dict[str, Any] = {metric: entry.metrics.get(metric) for metric in METRICS}
    metrics["uncounted_ops"] = entry.metrics.get("uncounted_ops", 0)
    return Burden(
        model=entry.model,
        inputs=entry.inputs,
        convention=entry.convention,
        training=entry.training,
        lower_bounds=dict.fromkeys(entry.lower_bounds, "what was counted is a lower bound"),
        torch=torch,
        **metrics,
    )
