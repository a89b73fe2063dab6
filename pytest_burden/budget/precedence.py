"""Which of several limits on one metric holds: the most specific one, metric by metric."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_burden.budget.config import Config
from pytest_burden.budget.limits import Limit

Level = tuple[Limit, ...]


def resolve(levels: Iterable[Iterable[Limit]]) -> tuple[Limit, ...]:
    """Return one limit for each metric: that of the first level that names it.

    ``levels`` go from the most specific to the most general: call, ``pytest.param``, function,
    inner class, outer class, module, package, then `configured`.
    """
    holds: dict[str, Limit] = {}
    for level in levels:
        for limit in level:
            holds.setdefault(limit.metric, limit)
    return tuple(holds.values())


def configured(config: Config, measurement: str) -> list[Level]:
    """Return what pyproject.toml has for one id: exact ids, globs from last to first, all."""
    matching = [budget for budget in config.budgets if budget.glob.matches(measurement)]
    exact = [budget.limits for budget in matching if budget.glob.text == measurement]
    globs = [budget.limits for budget in reversed(matching) if budget.glob.text != measurement]
    return [*exact, *globs, config.limits]
