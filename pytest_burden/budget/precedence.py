"""Which of several limits on one metric holds: the most specific one, metric by metric."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_burden.budget.config import Config
from pytest_burden.budget.limits import Rule

Level = tuple[Rule, ...]


def resolve(levels: Iterable[Iterable[Rule]]) -> Level:
    """Return one limit for each key: that of the first level that sets it.

    ``levels`` go from the most specific to the most general: call, ``pytest.param``, function,
    inner class, outer class, module, package, then `configured`.
    """
    holds: dict[str, Rule] = {}
    for level in levels:
        for limit in level:
            holds.setdefault(limit.key, limit)
    return tuple(holds.values())


def configured(config: Config, measurement: str) -> list[Level]:
    """Return what pyproject.toml has for one id: exact ids, globs from last to first, all."""
    matching = [budget for budget in config.budgets if budget.glob.matches(measurement)]
    exact = [budget.limits for budget in matching if budget.glob.text == measurement]
    globs = [budget.limits for budget in reversed(matching) if budget.glob.text != measurement]
    return [*exact, *globs, config.limits]
