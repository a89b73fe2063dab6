"""Which limits allow more than they did: a heavier network must not pass by them unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from pytest_burden.budget.baseline import Entry
from pytest_burden.budget.config import FILE
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.limits import Limit, Rule
from pytest_burden.budget.precedence import resolve
from pytest_burden.budget.scaling import LimitAt, Scaling
from pytest_burden.budget.side import Side
from pytest_burden.budget.verdict import (
    CONFIGURABLE,
    DEFAULTS,
    Kind,
    Policies,
    Policy,
    Verdict,
    leniency,
)


class Eased(NamedTuple):
    """A limit that is raised, or gone."""

    before: Rule
    after: Rule | None

    @property
    def where(self) -> str:
        """Where it stands, or stood."""
        return self.after.where if self.after else self.before.where

    def text(self, base: str) -> str:
        """Return in one line what it is and was; ``base`` is where it was that."""
        was = self.before.written or f"{self.before.key}=0 by default"
        if self.after is None:
            return f"{was} in {base} is gone"
        # What holds by default stands nowhere.
        has_moved = self.before.written and self.before.where != self.where
        moved = f" at {self.before.where}" if has_moved else ""
        return f"{self.after.written} allows more than {was} in {base}{moved}"


def eased(
    before: Iterable[Rule], after: Iterable[Rule], measured: Mapping[str, int]
) -> Iterator[Eased]:
    """Yield each limit of a measurement that allows more than it did.

    Args:
        before: all that it was held to; growth of any amount is no limit.
        after: all that it is held to.
        measured: its metrics before: so much growth by a share is.
    """
    now = {rule.key: rule for rule in after}
    for rule in before:
        if isinstance(rule, Growth) and not rule.bounded:
            continue
        left = now.get(rule.key)
        if left is None or _allows_more(rule, left, measured):
            yield Eased(rule, left)


def _allows_more(then: Rule, now: Rule, measured: Mapping[str, int]) -> bool:
    if isinstance(then, (Limit, LimitAt)) and isinstance(now, (Limit, LimitAt)):
        return now.maximum > then.maximum
    if isinstance(then, Scaling) and isinstance(now, Scaling):
        return now.power > then.power
    if isinstance(then, Growth) and isinstance(now, Growth):
        base = measured.get(then.metric, 0)
        return not now.bounded or now.allowed(base) > then.allowed(base)
    return False


def eased_limits(
    base: Side,
    head: Side,
    measured: Iterable[tuple[Entry, Entry]],
    rules: Callable[[str], Iterable[Rule]],
    policies: Policies,
) -> Iterator[Verdict]:
    """Yield a verdict for each limit or policy that is eased, however much it holds for.

    Args:
        base: what was.
        head: what is.
        measured: each measurement that both have, as it was and is.
        rules: as `pytest_burden.budget.difference.compare` has them.
        policies: what each kind of verdict does.
    """
    policy = _policy(base, policies)
    names: dict[tuple[str, str], list[str]] = {}
    for then, now in measured:
        if then.id in base.held and now.id in head.held:
            rest = _growths(rules(now.id)) if _is_growth_unknown(base, head, then, now) else ()
            before, after = (
                resolve([side.held[name], _growths(side.limits.get(name, ())), rest])
                for side, name in ((base, then.id), (head, now.id))
            )
            for limit in eased(before, after, then.metrics):
                names.setdefault((limit.where, limit.text(base.name)), []).append(now.id)
    for where, detail in (*_policies(base, head), *_told(names)):
        yield Verdict(Kind.EASED, where, None, None, policy, detail, since=base.name)


def _told(names: Mapping[tuple[str, str], list[str]]) -> Iterator[tuple[str, str]]:
    for (where, text), held in names.items():
        more = f" and {len(held) - 1:,} more" if len(held) > 1 else ""
        yield where, f"{text}\nfor {held[0]}{more}"


def _is_growth_unknown(base: Side, head: Side, then: Entry, now: Entry) -> bool:
    """Return whether not each side was held to its own limits of growth, and to them alone."""
    unknown = then.id in base.growth_unknown or now.id in head.growth_unknown
    return unknown or not _growths(base.held[then.id])


def _growths(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if isinstance(rule, Growth))


def _policy(base: Side, policies: Policies) -> Policy:
    """Return the stricter policy of both: a change does not switch off what holds it back."""
    now = policies.get(Kind.EASED, Policy.IGNORE)
    if base.policies is None:
        return now
    then = base.policies.get(Kind.EASED.value, DEFAULTS[Kind.EASED].value)
    before = [each for each in Policy if each.value == then]
    return min([now, *before], key=lambda each: leniency(each.value))


def _policies(base: Side, head: Side) -> Iterator[tuple[str, str]]:
    """Yield where each policy stands that lets more pass, and what it was."""
    if base.policies is None or head.policies is None:
        return
    for kind in CONFIGURABLE:
        name, usual = kind.value, DEFAULTS[kind].value
        then, now = base.policies.get(name, usual), head.policies.get(name, usual)
        if leniency(now) > leniency(then):
            detail = f'{name} = "{now}" allows more than {name} = "{then}" in {base.name}'
            yield f"{FILE}: tool.burden.policy.{name}", detail
