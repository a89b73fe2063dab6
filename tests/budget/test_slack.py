"""Which limits are far above what is used."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_burden.budget.limits import Limit
from pytest_burden.budget.result import Result
from pytest_burden.budget.scaling import LimitAt
from pytest_burden.budget.slack import slack, uses
from pytest_burden.budget.verdict import Kind, Policy, Verdict, judge
from tests.budget.sample import burden, uncounted

KEY = "pyproject.toml: tool.burden.limits"
FLOPS = Limit("flops", 10**10, f"{KEY}.max_gflops", "max_gflops=10")
PARAMS = Limit("params", 9_000_000, "tests/t.py:7", "max_params='9M'")


def result(name: str, *limits: Limit, measured: object = None, **changed: object) -> Result:
    """Return a measurement: 3M parameters and 3.85 GFLOPs if nothing else is said."""
    made = measured or burden(**changed)
    return Result(name, name, made, judge(name, made, limits))  # type: ignore[arg-type] # see above


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (FLOPS, f"{KEY}.max_gflops: 2.5x what is used"),
        (PARAMS, "tests/t.py:7: max_params: 3.0x what is used"),
        (Limit("params", 6_000_000, "t.py:7"), "t.py:7: max_params: 2.0x what is used"),
        (Limit("params", 5_999_999, "t.py:7"), ""),
        (Limit("params", 10**10, "t.py:7"), "t.py:7: max_params: 3,333x what is used"),
        (Limit("params", 2_999_999, "t.py:7"), ""),  # it is broken
        (Limit("buffer_memory", 5, "t.py:7"), "t.py:7: max_buffer_memory: nothing of it is used"),
        (Limit("buffer_memory", 0, "t.py:7"), ""),
        (Limit("cuda_memory", 10**12, "t.py:7"), ""),  # it is not known
    ],
)
def test_text(limit: Limit, text: str) -> None:
    """From twice what is used on, by the place that the limit stands in."""
    assert "".join(use.text() for use in slack([result("a", limit)])) == text


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (f"{KEY}.max_gflops_at", f"{KEY}.max_gflops_at at B = 2, S = 64: 2.0x what is used"),
        ("t.py:7", "t.py:7: max_gflops_at at B = 2, S = 64: 2.0x what is used"),
    ],
)
def test_at_other_sizes(where: str, text: str) -> None:
    """Of a key with several sizes, the sizes say which limit it is."""
    limit = LimitAt("flops", {"S": 64, "B": 2}, 10**10, where, "max_gflops_at=[]")
    verdict = Verdict(Kind.PASS, "a", limit, 5 * 10**9, Policy.IGNORE)
    (use,) = slack([Result("a", "a", burden(), (verdict,))])
    assert use.text() == text


def test_what_uses_most_counts() -> None:
    """A limit that holds for several is as slack as its largest measurement lets it be."""
    found = uses([result("a", FLOPS), result("b", FLOPS, flops=9 * 10**9), result("c", PARAMS)])
    assert [(use.limit, use.measured, use.ids) for use in found] == [
        (FLOPS, 9 * 10**9, ("a", "b")),
        (PARAMS, 3_000_000, ("c",)),
    ]
    assert slack([result("a", FLOPS), result("b", FLOPS, flops=9 * 10**9)]) == []


def test_two_on_one_line() -> None:
    """Two parameters of one test may have their limits on one line."""
    other = dataclasses.replace(PARAMS, maximum=3_500_000)
    assert [use.limit for use in slack([result("a", PARAMS), result("b", other)])] == [PARAMS]


def test_nothing_is_said_of_what_is_not_known() -> None:
    """Of operators without a rule, of a test that did not come to its end."""
    assert slack([result("a", FLOPS), result("b", FLOPS, measured=uncounted())]) == []
    cut = dataclasses.replace(result("b", FLOPS), complete=False)
    assert slack([result("a", FLOPS), cut]) == []
