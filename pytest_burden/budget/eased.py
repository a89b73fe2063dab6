"""Which limits allow more than they did: a heavier network must not pass by them unseen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pytest_burden.budget.growth import Growth
from pytest_burden.budget.limits import Limit, Rule
from pytest_burden.budget.scaling import LimitAt, Scaling


def eased(
    before: Iterable[Rule], after: Iterable[Rule], measured: Mapping[str, int]
) -> tuple[str, ...]:
    """Return a line for each limit of a measurement that is raised or gone.

    Args:
        before: all that it was held to; growth of any amount is no limit.
        after: all that it is held to.
        measured: its metrics before: so much growth by a share is.
    """
    return tuple(_lines(before, {rule.key: rule for rule in after}, measured))


def _lines(
    before: Iterable[Rule], now: Mapping[str, Rule], measured: Mapping[str, int]
) -> Iterator[str]:
    for rule in before:
        left = now.get(rule.key)
        if left is None:
            yield f"{rule.key} is gone: was {_written(rule)}"
        elif _allows_more(rule, left, measured):
            yield f"{rule.key} is raised: was {_written(rule)}, is {_written(left)}"


def _allows_more(then: Rule, now: Rule, measured: Mapping[str, int]) -> bool:
    if isinstance(then, (Limit, LimitAt)) and isinstance(now, (Limit, LimitAt)):
        return now.maximum > then.maximum
    if isinstance(then, Scaling) and isinstance(now, Scaling):
        return now.power > then.power
    if isinstance(then, Growth) and isinstance(now, Growth):
        base = measured.get(then.metric, 0)
        return now.allowed(base) > then.allowed(base)
    return False


def _written(rule: Rule) -> str:
    return f"{rule.written} ({rule.where})" if rule.written else rule.where
