"""Results: the way through JSON, their order, what excuses them."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.result import Result, in_report_order
from pytest_burden.budget.run import Run, verdict_word
from pytest_burden.budget.verdict import DEFAULTS, Kind, Policy, Verdict, judge
from tests.budget.sample import PEAK, burden, limit, uncounted

PASSING = Result("t::a", "t::a", burden(), judge("t::a", burden(), [limit("params", 10**9)]))
OVER = Result("t::b", "t::b", burden(), judge("t::b", burden(), [limit("params", 1)]))
WARNING = Result(
    "t::c",
    "t::c",
    uncounted(),
    judge(
        "t::c", uncounted(), [limit("flops", 10**12)], {**DEFAULTS, Kind.INCOMPLETE: Policy.WARN}
    ),
)
FREE = Result("t::d", "t::d", burden(), ())
NOTHING = Result(
    "t::e", "t::e", None, (Verdict(Kind.UNMEASURED, "t::e", None, None, Policy.FAIL, "why"),)
)
ALL = [PASSING, OVER, WARNING, FREE, NOTHING]


@pytest.mark.parametrize("result", ALL)
def test_there_and_back(result: Result) -> None:
    """What a worker sends is what the controller gets."""
    assert Result.from_dict(json.loads(json.dumps(result.to_dict()))) == result


@pytest.mark.parametrize(
    ("result", "word", "fails", "warns"),
    [
        (PASSING, "pass", False, False),
        (OVER, "over", True, False),
        (OVER.excused("xfailed"), "over (xfailed)", False, False),
        (WARNING, "incomplete (warns)", False, True),
        (WARNING.excused("skipped"), "incomplete (warns)", False, True),
        (FREE, "no limit", False, False),
        (NOTHING, "unmeasured", True, False),
    ],
)
def test_word(result: Result, word: str, *, fails: bool, warns: bool) -> None:
    """A row says its worst verdict; only what fails can be excused."""
    assert (verdict_word(result), result.fails, result.warns) == (word, fails, warns)
    assert verdict_word(result, enforced=False) == "off"


def test_order() -> None:
    """What fails comes last, next to pytest's own result; else the order stays."""
    ordered = in_report_order([OVER, PASSING, NOTHING, WARNING, FREE])
    assert ordered == [PASSING, FREE, WARNING, OVER, NOTHING]


def test_without_rows() -> None:
    """Module rows stay at home unless somebody wants to see them; the figures travel."""
    sent = PASSING.without_rows()
    assert sent.burden is not None
    assert sent.burden.module_rows == ()
    assert sent.burden.flops == burden().flops
    peaked = dataclasses.replace(PASSING, burden=burden(peaks=(PEAK,))).without_rows()
    assert peaked.burden is not None
    assert peaked.burden.peaks == (dataclasses.replace(PEAK, timeline=()),)
    assert NOTHING.without_rows() == NOTHING


def test_counts() -> None:
    """The run in one line."""
    assert Run(tuple(ALL)).counts() == (
        "4 measured, 1 pass, 1 over, 1 incomplete (warns), 1 no limit, 1 unmeasured"
    )


@given(results=st.lists(st.sampled_from(ALL)), unmatched=st.booleans())
def test_run_fails_with_any_result(results: list[Result], *, unmatched: bool) -> None:
    """A run is red exactly if one of its verdicts is."""
    verdict = Verdict(Kind.UNMATCHED, "here", None, None, Policy.FAIL, "*")
    run = Run(tuple(results), (verdict,) if unmatched else ())
    assert run.fails == (unmatched or OVER in results or NOTHING in results)
