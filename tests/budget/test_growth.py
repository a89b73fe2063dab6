"""How much more than in the baseline a metric may be: read, written, and where it ends."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.growth import ANY, Growth, parse_growth
from pytest_burden.budget.limits import read_limits
from pytest_burden.budget.units import SizeError
from pytest_burden.burden import METRICS, Unit

HUGE = 10**30 - 1
shares = st.none() | st.builds(
    lambda digits, places: Fraction(digits, 10**places), st.integers(0, 10**9), st.integers(0, 12)
)
amounts = st.none() | st.integers(0, HUGE)
bases = st.integers(0, 10**40)


def growth(percent: Fraction | None, amount: int | None, metric: str = "flops") -> Growth:
    """Return a growth that is allowed."""
    return Growth(metric, percent, amount, "here")


@pytest.mark.parametrize(
    ("written", "unit", "percent", "amount"),
    [
        ("2%", "FLOPs", Fraction(2), None),
        ("2 %", "FLOPs", Fraction(2), None),
        (" 0.5% ", "", Fraction(1, 2), None),
        ("0.1%", "", Fraction(1, 10), None),  # a float is a little more
        ("0%", "", Fraction(0), None),
        ("250%", "", Fraction(250), None),
        ("10M", "", None, 10**7),
        ("10 MFLOPs", "FLOPs", None, 10**7),
        ("1 MiB", "bytes", None, 2**20),
        (0, "FLOPs", None, 0),
        ("0", "FLOPs", None, 0),
        (25, "", None, 25),
        (1e6, "", None, 10**6),
        ("2% & 10M", "FLOPs", Fraction(2), 10**7),
        ("10M&2%", "FLOPs", Fraction(2), 10**7),
        ("1.5% & 1 MiB", "bytes", Fraction(3, 2), 2**20),
        ("any", "FLOPs", None, None),
        (" any ", "", None, None),
    ],
)
def test_read(written: object, unit: Unit, percent: Fraction | None, amount: int | None) -> None:
    """A share, an amount, both, or any growth at all."""
    assert parse_growth(written, unit) == (percent, amount)


@pytest.mark.parametrize(
    ("written", "unit", "reason"),
    [
        ("-2%", "", "a share is a number and %, as in 2%"),
        ("2%%", "", "a share is a number and %, as in 2%"),
        ("%", "", "a share is a number and %, as in 2%"),
        ("2e1%", "", "a share is a number and %, as in 2%"),
        ("1_0%", "", "a share is a number and %, as in 2%"),
        ("\N{FULLWIDTH DIGIT TWO}%", "", "a share is a number and %, as in 2%"),
        (f"{'9' * 21}%", "", "a share is a number and %, as in 2%"),
        ("2% 10M", "", "a share is a number and %, as in 2%"),
        ("2% & 3%", "", "not of the form '2%', '10M' or '2% & 10M'"),
        ("10M & 5M", "", "not of the form '2%', '10M' or '2% & 10M'"),
        ("2% & 10M & 1", "", "not of the form '2%', '10M' or '2% & 10M'"),
        (f"2%{' ' * 90}", "", "not of the form '2%', '10M' or '2% & 10M'"),
        (f"{'9' * 5000}%", "", "not of the form '2%', '10M' or '2% & 10M'"),  # int() has a limit
        ("", "", "not of the form '26M'"),
        ("2% &", "", "not of the form '26M'"),
        ("& 2%", "", "not of the form '26M'"),
        ("any & 2%", "", "not of the form '26M'"),
        ("Any", "", "not of the form '26M'"),
        ("10M", "bytes", "unit 'M' is ambiguous, write MiB (1024) or MB (1000)"),
        ("2% & 5 MiB", "FLOPs", "'MiB' is a unit of memory, this is a count: FLOPs,"),
        ("-5", "", "negative"),
        (-1, "", "negative"),
        (10**30, "", "more than any network has"),
        (2.5, "", "not a whole number"),
        (True, "", "a size is a number, not true or false"),
        (None, "", "a size is a number or a text"),
        ({"percent": 2}, "", "a size is a number or a text"),
        (float("nan"), "", "not a finite number"),
    ],
)
def test_refuse(written: object, unit: Unit, reason: str) -> None:
    """What is no growth is refused with the reason and the whole value."""
    with pytest.raises(SizeError) as caught:
        parse_growth(written, unit)
    assert caught.value.reason.startswith(reason)
    assert str(caught.value) == f"Invalid size ({caught.value.reason}): {written!r}"


@given(st.text(alphabet="0123456789.% &_-eKMGiB any", max_size=100), st.sampled_from(["", "bytes"]))
def test_any_text(written: str, unit: Unit) -> None:
    """Whatever is written, it is a growth or refused; what is read is written and read alike."""
    try:
        percent, amount = parse_growth(written, unit)
    except SizeError:
        return
    assert parse_growth(growth(percent, amount).text(), unit) == (percent, amount)


@pytest.mark.parametrize(
    ("percent", "amount", "text"),
    [
        (Fraction(2), None, "2%"),
        (Fraction(100), None, "100%"),
        (Fraction(1, 8), None, "0.125%"),
        (Fraction(0), None, "0%"),
        (None, 0, "0"),
        (None, 10, "10"),
        (Fraction(20), 10**7, "20% & 10000000"),
        (None, None, ANY),
    ],
)
def test_text(percent: Fraction | None, amount: int | None, text: str) -> None:
    """A growth as it may be written."""
    assert growth(percent, amount).text() == text


@given(shares, amounts, st.sampled_from(sorted(METRICS)))
def test_written_and_read(percent: Fraction | None, amount: int | None, metric: str) -> None:
    """What a growth says of itself is read as the same growth."""
    rule = growth(percent, amount, metric)
    assert parse_growth(rule.text(), METRICS[metric].unit) == (percent, amount)
    (read,), wrong = read_limits({rule.key: rule.text()}, lambda _: "here")
    assert not wrong
    assert isinstance(read, Growth)
    assert (read.metric, read.percent, read.amount) == (metric, percent, amount)


@pytest.mark.parametrize(
    ("percent", "amount", "base", "allowed"),
    [
        (Fraction(2), None, 1000, 1020),
        (Fraction(2), None, 49, 49),  # 0.98 of one: nothing whole lies between
        (Fraction(2), None, 50, 51),
        (None, 10, 1000, 1010),
        (None, 0, 1000, 1000),
        (Fraction(0), None, 1000, 1000),
        (Fraction(2), 10, 1000, 1020),  # only what exceeds both fails
        (Fraction(2), 30, 1000, 1030),
        (Fraction(50), None, 0, 0),  # of nothing, any share is nothing
        (Fraction(50), 7, 0, 7),
        (Fraction(1, 10), None, 10**30, 10**30 + 10**27),
    ],
)
def test_allowed(percent: Fraction | None, amount: int | None, base: int, allowed: int) -> None:
    """The most that may be measured."""
    assert growth(percent, amount).allowed(base) == allowed


@given(shares, amounts, bases, st.integers(0, 10**40))
def test_exact(percent: Fraction | None, amount: int | None, base: int, more: int) -> None:
    """It holds for exactly what exceeds neither the share nor the amount, at any size."""
    rule = growth(percent, amount)
    if not rule.bounded:
        return
    over_share = percent is None or more * 100 > base * percent
    over_amount = amount is None or more > amount
    assert (base + more > rule.allowed(base)) == (over_share and over_amount)
    most = max(base * (percent or Fraction(0)) / 100, Fraction(amount or 0))
    assert rule.allowed(base) == base + most // 1


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_has_its_key(metric: str) -> None:
    """What is measured can be held, and ``any`` takes a hold off."""
    (rule,), wrong = read_limits({f"grow_{metric}": "any"}, str)
    assert not wrong
    assert isinstance(rule, Growth)
    assert (rule.key, rule.metric, rule.bounded) == (f"grow_{metric}", metric, False)
