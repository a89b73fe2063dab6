"""Which of several limits on one metric holds."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.config import Budget, Config
from pytest_burden.budget.ids import Glob
from pytest_burden.budget.limits import Limit
from pytest_burden.budget.precedence import configured, resolve
from tests.budget.sample import limit


def level(where: str, **maxima: int) -> tuple[Limit, ...]:
    """Return the limits written in one place."""
    return tuple(limit(metric, maximum, where) for metric, maximum in maxima.items())


def held(levels: Sequence[Sequence[Limit]]) -> list[Limit]:
    """Return the limits that hold, none of them of growth."""
    return [each for each in resolve(levels) if isinstance(each, Limit)]


def test_metric_by_metric() -> None:
    """A more specific place sets its own metrics and leaves the others alone."""
    limits = held([level("call", params=1), level("marker", params=2, flops=3)])
    assert {(each.metric, each.maximum, each.where) for each in limits} == {
        ("params", 1, "call"),
        ("flops", 3, "marker"),
    }


def test_a_specific_limit_may_be_looser() -> None:
    """The more specific limit holds, not the tighter one."""
    (holds,) = held([level("function", params=10**9), level("class", params=1)])
    assert holds.maximum == 10**9


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)), max_size=5))
def test_first_level_that_names_a_metric(levels: list[dict[str, int]]) -> None:
    """For each metric exactly one limit holds: that of the first level that names it."""
    expected: dict[str, int] = {}
    for each in reversed(levels):
        expected |= each
    limits = held([level("here", **each) for each in levels])
    assert {each.metric: each.maximum for each in limits} == expected
    assert len(limits) == len(expected)


CONFIG = Config(
    limits=level("limits", params=1, flops=1, macs=1),
    budgets=tuple(
        Budget(Glob(pattern), level(pattern, params=number), pattern)
        for number, pattern in enumerate(
            ["*", "t.py::x[1]", "t.py::*", "u.py::*", "t.py::y*", "t.py::z[*]"], start=2
        )
    ),
)


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("t.py::x[1]", "t.py::x[1]"),  # the exact id, though globs come later
        ("t.py::x[2]", "t.py::*"),  # the later of two globs
        ("t.py::y", "t.py::y*"),
        ("u.py::x", "u.py::*"),
        ("v.py::x", "*"),
        ("t.py::z[*]", "t.py::z[*]"),  # a text with a star is the exact id of itself
    ],
)
def test_configuration(name: str, where: str) -> None:
    """Exact id, then globs from last to first, then the limits for all."""
    limits = {each.metric: each.where for each in resolve(configured(CONFIG, name))}
    assert limits == {"params": where, "flops": "limits", "macs": "limits"}
