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
MORE_AT = {**AT, "limit": "9.1 GFLOPs"}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"max_gflops": 5}, {"max_gflops": 5}, ""),
        ({"max_gflops": 5}, {"max_flops": "5 GFLOPs"}, ""),
        ({"max_gflops": 5}, {"max_gflops": 4}, ""),
        (
            {"max_gflops": 5},
            {"max_flops": 6e9},
            "max_flops is raised: was max_gflops=5 (t.py:1), is max_flops=6000000000.0 (t.py:2)",
        ),
        ({"max_gflops": 5}, {}, "max_flops is gone: was max_gflops=5 (t.py:1)"),
        ({}, {"max_gflops": 5}, ""),
        ({"max_gflops": 5}, {"max_gmacs": 5}, "max_flops is gone: was max_gflops=5 (t.py:1)"),
        (
            {"grow_flops": "1%"},
            {"grow_flops": "2%"},
            "grow_flops is raised: was grow_flops='1%' (t.py:1), is grow_flops='2%' (t.py:2)",
        ),
        # One per cent is 38.5 MFLOPs here.
        ({"grow_flops": "1%"}, {"grow_flops": "38.5M"}, ""),
        (
            {"grow_flops": "1%"},
            {"grow_flops": "1% & 39M"},
            "grow_flops is raised: was grow_flops='1%' (t.py:1), is grow_flops='1% & 39M' (t.py:2)",
        ),
        (
            {"grow_flops": "1%"},
            {"grow_flops": "any"},
            "grow_flops is gone: was grow_flops='1%' (t.py:1)",
        ),
        ({"grow_flops": "any"}, {"grow_flops": "any"}, ""),
        ({"grow_flops": "any"}, {"grow_flops": "1%"}, ""),
        ({"grow_flops": "1%"}, {}, "grow_flops is gone: was grow_flops='1%' (t.py:1)"),
        (
            {"max_flops_at": AT},
            {"max_flops_at": MORE_AT},
            (
                f"max_flops_at S = 512 is raised: was max_flops_at={AT} (t.py:1),"
                f" is max_flops_at={MORE_AT} (t.py:2)"
            ),
        ),
        (
            {"max_flops_at": AT},
            {"max_flops_at": {**AT, "S": 256}},
            f"max_flops_at S = 512 is gone: was max_flops_at={AT} (t.py:1)",
        ),
        (
            {"max_scaling": LOW},
            {"max_scaling": HIGH},
            (
                f"max_scaling of flops with S is raised: was max_scaling={LOW} (t.py:1),"
                f" is max_scaling={HIGH} (t.py:2)"
            ),
        ),
        ({"max_scaling": HIGH}, {"max_scaling": LOW}, ""),
    ],
)
def test_what_is_told(before: dict[str, object], after: dict[str, object], told: str) -> None:
    """Raised is what lets more pass, however it is written; gone what nothing has replaced."""
    found = eased(rules(1, **before), rules(2, **after), MEASURED)
    assert "\n".join(found) == told


def test_default_growth() -> None:
    """What holds without a word said is told by where it comes from."""
    found = eased([DEFAULT], rules(2, grow_flops="1%"), MEASURED)
    was = "burden-baseline.json: nothing may grow by default"
    assert found == (f"grow_flops is raised: was {was}, is grow_flops='1%' (t.py:2)",)


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
    assert bool(eased([before], [after], MEASURED)) == passes(most + 1, after)


def passes(flops: int, rule: Rule) -> bool:
    """Return whether so many FLOPs pass a limit."""
    known = Baseline("2.13", {"t.py::a": entry_of("t.py::a", burden())})
    (verdict,) = judge("t.py::a", burden(flops=flops), [rule], DEFAULTS, Past(known))
    return verdict.kind in {Kind.PASS, Kind.SHRANK}
