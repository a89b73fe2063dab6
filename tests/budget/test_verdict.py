"""What is decided of a burden, at and around every border."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.ids import Glob
from pytest_burden.budget.verdict import DEFAULTS, Kind, Policies, Policy, judge, judge_globs
from pytest_burden.burden import METRICS, TRAINING
from tests.budget.sample import burden, limit, uncounted

ABSENT = (*TRAINING, "cuda_memory")
MEASURED = [name for name in METRICS if name not in ABSENT]


@pytest.mark.parametrize(
    ("measured", "maximum", "kind"),
    [
        (99, 100, Kind.PASS),
        (100, 100, Kind.PASS),  # at the limit
        (101, 100, Kind.OVER),  # one past it
        (0, 0, Kind.PASS),
        (1, 0, Kind.OVER),
        (10**18 + 1, 10**18, Kind.OVER),  # integers, so no rounding at any size
    ],
)
def test_border(measured: int, maximum: int, kind: Kind) -> None:
    """A budget is kept up to and at its limit, and broken by one past it."""
    (verdict,) = judge("net", burden(flops=measured), [limit("flops", maximum)])
    assert verdict.kind is kind
    assert (verdict.subject, verdict.measured) == ("net", measured)
    assert verdict.fails is (kind is Kind.OVER)


@pytest.mark.parametrize("metric", MEASURED)
def test_every_measured_metric(metric: str) -> None:
    """A limit on any metric is held against that metric."""
    value = burden().value(metric)
    assert value is not None
    (at,) = judge("net", burden(), [limit(metric, value)])
    assert at.kind is Kind.PASS
    (above,) = judge("net", burden(**{metric: value + 1}), [limit(metric, value)])
    assert above.kind is Kind.OVER


@pytest.mark.parametrize("metric", ABSENT)
def test_unmeasured_metric(metric: str) -> None:
    """A limit that cannot be checked is no pass."""
    (verdict,) = judge("net", burden(), [limit(metric, 10**20)])
    assert (verdict.kind, verdict.measured, verdict.fails) == (Kind.UNSUPPORTED, None, True)


@pytest.mark.parametrize(
    ("limits", "kinds"),
    [
        ([("flops", 10**12)], [Kind.INCOMPLETE]),
        ([("macs", 10**12)], [Kind.INCOMPLETE]),
        ([("flops", 10**12), ("uncounted_ops", 2)], [Kind.INCOMPLETE, Kind.OVER]),
        ([("flops", 10**12), ("uncounted_ops", 3)], [Kind.PASS, Kind.PASS]),  # accepted
        ([("uncounted_ops", 0)], [Kind.OVER]),
        ([("flops", 1)], [Kind.OVER]),  # a lower bound that is over is over
        ([("params", 10**12)], [Kind.PASS]),  # operators have nothing to do with it
        ([("activation_memory", 10**12)], [Kind.PASS]),  # their outputs are counted
    ],
)
def test_uncounted_operators(limits: list[tuple[str, int]], kinds: list[Kind]) -> None:
    """What was not counted is no pass for arithmetic, unless it is accepted by number."""
    verdicts = judge("net", uncounted(3), [limit(*pair) for pair in limits])
    assert [verdict.kind for verdict in verdicts] == kinds


def test_incomplete_names_the_operators() -> None:
    """The verdict says which operators have no rule."""
    (verdict,) = judge("net", uncounted(3), [limit("flops", 10**12)])
    assert verdict.detail == "aten.linalg_svd (2 calls), mylib.myop (1 call)"


def test_defaults() -> None:
    """Everything fails that is not known to be well."""
    lenient = {kind for kind in Kind if DEFAULTS[kind] is not Policy.FAIL}
    assert lenient == {Kind.PASS, Kind.SHRANK, Kind.EASED}


@pytest.mark.parametrize(
    ("policy", "fails", "warns"),
    [(Policy.FAIL, True, False), (Policy.WARN, False, True), (Policy.IGNORE, False, False)],
)
def test_policy(policy: Policy, *, fails: bool, warns: bool) -> None:
    """The kind is what is; the policy is what it does."""
    policies: Policies = {**DEFAULTS, Kind.OVER: policy}
    (verdict,) = judge("net", burden(), [limit("params", 1)], policies)
    assert (verdict.kind, verdict.fails, verdict.warns) == (Kind.OVER, fails, warns)
    excused = dataclasses.replace(verdict, excuse="xfailed")
    assert (excused.fails, excused.warns) == (False, False)


@given(
    st.sampled_from(MEASURED),
    st.integers(0, 10**15),
    st.integers(0, 10**15),
    st.integers(0, 10**15),
    st.integers(0, 5),
)
def test_monotonic(metric: str, value: int, heavier: int, maximum: int, gaps: int) -> None:
    """A heavier network never gets a better verdict, nor does a higher limit make it worse."""

    def fails(measured: int, allowed: int) -> bool:
        # Where uncounted operators are the metric itself, the other count must not be in the way.
        fields = {"uncounted_ops": gaps, metric: measured}
        (verdict,) = judge("net", burden(**fields), [limit(metric, allowed)])
        return verdict.fails

    assert fails(value, maximum) <= fails(value + heavier, maximum)
    assert fails(value, maximum) >= fails(value, maximum + heavier)


def test_one_verdict_a_limit() -> None:
    """Nothing is silently off: as many verdicts as limits, in their order."""
    limits = [limit(metric, 5) for metric in METRICS]
    verdicts = judge("net", burden(), limits)
    assert [verdict.limit for verdict in verdicts] == limits


@pytest.mark.parametrize(
    ("pattern", "measured", "unfinished", "skipped", "unmatched"),
    [
        ("*::x", ["t.py::x"], [], [], False),
        ("*::x", ["t.py::y"], [], [], True),
        ("*::x", [], [], [], True),
        ("*::x", ["t.py::y"], ["u.py::x"], [], False),  # skipped or failed: it may have measured
        ("*::x", ["t.py::y"], ["u.py::z"], [], True),
        ("u.py::x", ["t.py::y"], [], ["u.py"], False),
        ("u.py::x", ["t.py::y"], [], ["v.py"], True),
        ("t.py::x", ["t.py::x#2"], [], [], True),  # an exact id is that of one measurement
    ],
)
def test_globs(
    pattern: str, measured: list[str], unfinished: list[str], skipped: list[str], *, unmatched: bool
) -> None:
    """A budget that stands for nothing is told, unless what it is about had no chance."""
    verdicts = judge_globs([(Glob(pattern), "here")], measured, unfinished, skipped)
    assert [verdict.kind for verdict in verdicts] == [Kind.UNMATCHED] * unmatched
    assert all(verdict.fails and verdict.subject == "here" for verdict in verdicts)
