"""Which limits allow more than they did: a heavier network must not pass by them unseen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from pytest_burden.budget.growth import Growth
from pytest_burden.budget.limits import Limit, Rule
from pytest_burden.budget.scaling import LimitAt, Scaling


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
