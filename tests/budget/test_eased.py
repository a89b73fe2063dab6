"""Limits that allow more than they did, beside the verdict on the first number in between."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.baseline import Baseline, entry_of
from pytest_burden.budget.eased import eased
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.limits import Limit, Rule, read_limits
from pytest_burden.budget.verdict import DEFAULTS, NO_GROWTH, Kind, Past, judge
from tests.budget.sample import burden

FLOPS = 3_850_000_000
"""Of the sample."""
MEASURED = {"flops": FLOPS, "params": 3_000_000}


def rules(line: int, **written: object) -> tuple[Rule, ...]:
    """Return limits as they are read from a marker, and hold: growth of any amount is none."""
    found, wrong = read_limits(written, lambda _: f"t.py:{line}")
    assert not wrong
    return tuple(rule for rule in found if not isinstance(rule, Growth) or rule.bounded)


DEFAULT = NO_GROWTH[2]
AT = {"S": 512, "limit": "9 GFLOPs"}
LOW, HIGH = {"flops": "S^1.1"}, {"flops": "S^2"}
MORE = {**AT, "limit": "9.1 GFLOPs"}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"max_gflops": 5}, {"max_gflops": 5}, ""),
        ({"max_gflops": 5}, {"max_flops": "5 GFLOPs"}, ""),
        ({"max_gflops": 5}, {"max_gflops": 4}, ""),
        ({"max_gflops": 5}, {"max_flops": 6e9}, "max_flops=6000000000.0 allows more than BEFORE"),
        ({"max_gflops": 5}, {}, "BEFORE is gone"),
        ({}, {"max_gflops": 5}, ""),
        ({"max_gflops": 5}, {"max_gmacs": 5}, "BEFORE is gone"),
        ({"grow_flops": "1%"}, {"grow_flops": "2%"}, "grow_flops='2%' allows more than BEFORE"),
        # One per cent is 38.5 MFLOPs here.
        ({"grow_flops": "1%"}, {"grow_flops": "38.5M"}, ""),
        ({"grow_flops": "1%"}, {"grow_flops": "39M"}, "grow_flops='39M' allows more than BEFORE"),
        ({"grow_flops": "1%"}, {"grow_flops": "any"}, "BEFORE is gone"),
        ({"grow_flops": "any"}, {"grow_flops": "any"}, ""),
        ({"grow_flops": "any"}, {"grow_flops": "1%"}, ""),
        ({"grow_flops": "1%"}, {}, "BEFORE is gone"),
        (
            {"max_flops_at": AT},
            {"max_flops_at": MORE},
            f"max_flops_at={MORE} allows more than BEFORE",
        ),
        ({"max_flops_at": AT}, {"max_flops_at": {**AT, "S": 256}}, "BEFORE is gone"),
        (
            {"max_scaling": LOW},
            {"max_scaling": HIGH},
            f"max_scaling={HIGH} allows more than BEFORE",
        ),
        ({"max_scaling": HIGH}, {"max_scaling": LOW}, ""),
    ],
)
def test_what_is_told(before: dict[str, object], after: dict[str, object], told: str) -> None:
    """Raised is what lets more pass, however it is written; gone what nothing has replaced."""
    found = list(eased(rules(1, **before), rules(2, **after), MEASURED))
    written = ", ".join(f"{key}={value!r}" for key, value in before.items())
    moved = "" if told.endswith("gone") else " at t.py:1"
    expected = [told.replace("BEFORE", f"{written} in main") + moved] if told else []
    assert [limit.text("main") for limit in found] == expected
    assert [limit.where for limit in found] == [f"t.py:{2 if moved else 1}"] * len(expected)


def test_default_growth() -> None:
    """What holds without a word said is told by what it means."""
    (found,) = eased([DEFAULT], rules(2, grow_flops="1%"), MEASURED)
    where = "burden-baseline.json: nothing may grow by default"
    assert found.text("main") == "grow_flops='1%' allows more than grow_flops=0 by default in main"
    (gone,) = eased([DEFAULT], (), MEASURED)
    assert (gone.where, gone.text("main")) == (where, "grow_flops=0 by default in main is gone")


def test_in_the_same_place() -> None:
    """A place is said once."""
    (found,) = eased(rules(1, max_params=1), rules(1, max_params=2), MEASURED)
    assert found.text("main") == "max_params=2 allows more than max_params=1 in main"


amounts = st.integers(0, 2 * FLOPS)
shares = st.integers(0, 200).map(Fraction)
growths = st.one_of(
    st.builds(Growth, st.just("flops"), shares, st.none(), st.just("here")),
    st.builds(Growth, st.just("flops"), st.none(), amounts, st.just("here")),
    st.builds(Growth, st.just("flops"), shares, amounts, st.just("here")),
)
limits = st.builds(Limit, st.just("flops"), amounts, st.just("here"))


@given(st.one_of(st.tuples(limits, limits), st.tuples(growths, growths)))
def test_told_is_what_lets_more_pass(pair: tuple[Limit, Limit] | tuple[Growth, Growth]) -> None:
    """It is told exactly if the first number that failed before passes now."""
    before, after = pair
    most = before.allowed(FLOPS) if isinstance(before, Growth) else before.maximum
    assert not passes(most + 1, before)
    assert bool(list(eased([before], [after], MEASURED))) == passes(most + 1, after)


def passes(flops: int, rule: Rule) -> bool:
    """Return whether so many FLOPs pass a limit."""
    known = Baseline("2.13", {"t.py::a": entry_of("t.py::a", burden())})
    (verdict,) = judge("t.py::a", burden(flops=flops), [rule], DEFAULTS, Past(known))
    return verdict.kind in {Kind.PASS, Kind.SHRANK}
