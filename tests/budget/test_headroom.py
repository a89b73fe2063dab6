"""Limits made of measurements: enough, not too much, and short to read."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.headroom import literal, lowered, readable, roomy
from pytest_burden.budget.limits import KEYS, Limit, read_limits
from pytest_burden.budget.reading import read
from pytest_burden.budget.units import parse_size
from pytest_burden.burden import METRICS, Unit


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "FLOPs", "0 FLOPs"),
        (7, "", "7"),
        (13, "", "13"),
        (101, "", "105"),
        (137, "bytes", "140 B"),
        (999, "", "1K"),
        (1_000, "", "1K"),
        (22_539, "", "23K"),
        (25_600_001, "", "26M"),
        (1_238_418, "FLOPs", "1.25 MFLOPs"),
        (103_532, "bytes", "105 KiB"),
        (1015 * 1024, "bytes", "1 MiB"),
        (1_000_000_001, "MACs", "1.05 GMACs"),
    ],
)
def test_readable(value: int, unit: Unit, text: str) -> None:
    """Two digits, or a 5 as the third after a leading 1."""
    assert readable(value, unit) == text


@given(st.integers(0, 10**20), st.sampled_from(["", "FLOPs", "MACs", "bytes"]))
def test_never_less(value: int, unit: Unit) -> None:
    """What is read from it is enough, and no more than a tenth too much."""
    read_back = parse_size(readable(value, unit), unit)
    assert value <= read_back <= value + value // 9 + 1


@pytest.mark.parametrize(
    ("measured", "percent", "expected"), [(100, 10, 110), (101, 10, 112), (0, 10, 0), (7, 0, 7)]
)
def test_roomy(measured: int, percent: int, expected: int) -> None:
    """Rounded up to a whole one."""
    assert roomy(measured, Fraction(percent)) == expected


@given(
    st.sampled_from([key for key, known in KEYS.items() if not (known.grows or known.at)]),
    st.integers(0, 10**14),
)
def test_literal(key: str, value: int) -> None:
    """The loader reads what was meant, under every key that there is."""
    text, maximum = literal(key, value)
    config, problems = read(f"[tool.burden.limits]\n{key} = {text}\n")
    assert not problems
    assert [limit.maximum for limit in config.limits if isinstance(limit, Limit)] == [maximum]
    assert maximum >= value


@pytest.mark.parametrize(
    ("key", "written", "value", "text"),
    [
        ("max_params", "26M", 20_000_000, '"20M"'),
        ("max_params", 26_000_000, 20_000_000, "20_000_000"),
        ("max_params", "26M", 25_900_000, None),
        ("max_params", "26M", 27_000_000, None),
        ("max_gflops", 5, 3_141_000_000, "3.2"),
        ("max_gflops", "5", 3_141_000_000, '"3.2"'),
        ("max_peak_memory", "1 GB", 300_000_000, '"290 MiB"'),
        ("max_uncounted_ops", 3, 0, "0"),
    ],
)
def test_lowered(key: str, written: object, value: int, text: str | None) -> None:
    """As it was written: a number stays a number. Never higher."""
    (limit,), wrong = read_limits({key: written}, str)
    assert not wrong
    assert isinstance(limit, Limit)
    change = lowered(key, written, limit.maximum, value)
    assert (change and change[0]) == text
    if change is not None:
        config, _ = read(f"[tool.burden.limits]\n{key} = {change[0]}\n")
        (after,) = config.limits
        assert isinstance(after, Limit)
        assert value <= after.maximum == change[1] < limit.maximum


def test_every_metric_has_a_key() -> None:
    """What `burden init` may be asked for can be written."""
    assert all(f"max_{metric}" in KEYS for metric in METRICS)
