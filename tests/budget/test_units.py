"""Sizes read and printed: SI and IEC, exact, whole text or nothing."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from numbers import Integral

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.growth import parse_growth
from pytest_burden.budget.units import (
    SizeError,
    _as_shown,
    base_of,
    exactly,
    parse_scaled,
    parse_size,
    show,
    show_apart,
    show_excess,
    show_percent,
    show_use,
)
from pytest_burden.burden import Unit

UNITS: tuple[Unit, ...] = ("", "FLOPs", "MACs", "bytes")
COUNTS = st.integers(min_value=0, max_value=10**24)


@pytest.mark.parametrize(
    ("written", "unit", "size"),
    [
        (0, "", 0),
        (26_000_000, "", 26 * 10**6),
        (26e6, "", 26 * 10**6),
        (Decimal("2.5e3"), "", 2500),
        (Fraction(10, 2), "", 5),
        ("26M", "", 26 * 10**6),
        ("25.6 M", "", 256 * 10**5),
        ("10k", "", 10**4),
        ("10K", "", 10**4),
        ("7G", "", 7 * 10**9),
        ("26_000_000", "", 26 * 10**6),
        ("1.5e3", "", 1500),
        (" 5 ", "", 5),
        ("5 GFLOPs", "FLOPs", 5 * 10**9),
        ("5GFLOPs", "FLOPs", 5 * 10**9),
        ("5 Gflops", "FLOPs", 5 * 10**9),
        ("1 FLOP", "FLOPs", 1),
        ("4.1G", "FLOPs", 4_100_000_000),  # 4.1 * 10**9 is 4099999999.9999995 in floats
        ("0.57G", "FLOPs", 570_000_000),  # int(0.57 * 10**9) is 569999999
        ("2 TMACs", "MACs", 2 * 10**12),
        ("110 MiB", "bytes", 110 * 2**20),
        ("100 MB", "bytes", 100 * 10**6),
        ("1 kB", "bytes", 1000),
        ("1 KiB", "bytes", 1024),
        ("1.5 GiB", "bytes", 3 * 2**29),
        ("4096", "bytes", 4096),
        ("4096 B", "bytes", 4096),
        ("0.3333 KiB", "bytes", 341),  # 341.3: no whole size lies between the two
    ],
)
def test_read(written: object, unit: Unit, size: int) -> None:
    """A size is read exactly, in base units."""
    assert parse_size(written, unit) == size


@pytest.mark.parametrize(
    ("written", "unit", "reason"),
    [
        (True, "", "a size is a number, not true or false"),
        (False, "bytes", "a size is a number, not true or false"),
        (None, "", "a size is a number or a text"),
        ([5], "", "a size is a number or a text"),
        (float("nan"), "", "not a finite number"),
        (float("inf"), "FLOPs", "not a finite number"),
        (-3, "", "negative"),
        (-0.5, "", "negative"),
        ("-5 MB", "bytes", "negative"),
        (4.5, "", "not a whole number"),
        ("0.5", "FLOPs", "not a whole number"),
        (10**30, "", "more than any network has"),
        (1e308, "", "more than any network has"),
        ("1e99 MiB", "bytes", "more than any network has"),
        ("1e99999999 MiB", "bytes", "not of the form '110 MiB'"),
        (float("-inf"), "", "not a finite number"),
        (Decimal("NaN"), "", "not a finite number"),
        (Decimal("sNaN"), "", "not a finite number"),
        (Decimal("Infinity"), "", "not a finite number"),
        # Their fractions have a hundred million digits.
        (Decimal("1e99999999"), "", "more than any network has"),
        (Decimal("-1e99999999"), "", "negative"),
        (Decimal("1e-99999999"), "", "not a whole number"),
        (b"26M", "", "a size is a number or a text"),
        ("", "", "not of the form '26M'"),
        ("M", "", "not of the form '26M'"),
        ("nan", "", "not of the form '26M'"),
        ("5 5", "", "not of the form '26M'"),
        ("1,000", "", "not of the form '26M'"),
        ("\N{FULLWIDTH DIGIT TWO}6M", "", "not of the form '26M'"),
        ("9" * 41, "", "not of the form '26M'"),
        ("5 GFLOPS per second", "FLOPs", "unknown unit 'GFLOPS per second', one of FLOPs,"),
        ("5 GFLOP/s", "FLOPs", "unknown unit 'GFLOP/s'"),
        ("5 GMACs", "FLOPs", "unknown unit 'GMACs'"),
        ("5 GFLOPs", "MACs", "unknown unit 'GFLOPs'"),
        ("26m", "", "unknown unit 'm'"),  # milli
        ("120 MBananas", "bytes", "unknown unit 'MBananas', one of B, kB, MB, GB, TB, KiB,"),
        ("120 Mib", "bytes", "unknown unit 'Mib' (nearest: MiB)"),
        ("5 MiB", "", "'MiB' is a unit of memory, this is a count"),
        ("7B", "", "'B' is a unit of memory, this is a count"),
        ("110M", "bytes", "unit 'M' is ambiguous, write MiB (1024) or MB (1000)"),
        ("3 KB", "bytes", "unit 'KB' is ambiguous, write KiB (1024) or kB (1000)"),
    ],
)
def test_refuse(written: object, unit: Unit, reason: str) -> None:
    """What is no size of this unit is refused with the reason and the value."""
    with pytest.raises(SizeError) as caught:
        parse_size(written, unit)
    assert caught.value.reason.startswith(reason)
    assert str(caught.value) == f"Invalid size ({caught.value.reason}): {written!r}"


HUGE = 16**5000 - 1
"""More digits than Python prints of a number."""


class Nameless:
    """Has no text: its repr raises."""

    def __repr__(self) -> str:
        """Raise."""
        raise RuntimeError("no repr")


class Seven:
    """Is registered as a whole number, and is none."""

    def __int__(self) -> int:
        """Raise."""
        raise RuntimeError("no int")


Integral.register(Seven)


UNPRINTABLE: dict[str, tuple[object, str, str]] = {
    "huge": (HUGE, "more than any network has", "0xffffffffff... (20,000 bits)"),
    "far below zero": (-HUGE, "negative", "-0xfffffffff... (20,000 bits)"),
    "fraction": (Fraction(HUGE), "more than any network has", "<Fraction, which has no repr>"),
    "list": ([HUGE], "a size is a number or a text", "<list, which has no repr>"),
    "nameless": (Nameless(), "a size is a number or a text", "<Nameless, which has no repr>"),
    "seven": (Seven(), "a size is a number or a text", "<tests.budget.test_units.Seven object"),
}
"""The value, why it is none, and how it is shown; pytest cannot make ids of them either."""


@pytest.mark.parametrize("case", UNPRINTABLE)
@pytest.mark.parametrize("parse", [parse_size, parse_growth])
def test_refuse_what_cannot_be_printed(parse: Callable[[object, Unit], object], case: str) -> None:
    """There is a message, whatever a value does where it is printed."""
    written, reason, shown = UNPRINTABLE[case]
    with pytest.raises(SizeError) as caught:
        parse(written, "")
    assert caught.value.reason.startswith(reason)
    assert f"): {shown}" in str(caught.value)


@pytest.mark.parametrize(
    ("written", "scale", "size"),
    [
        (5, 10**9, 5 * 10**9),
        ("1_000", 10**9, 10**12),
        (Decimal("1e-99999999"), 10**9, 0),
        (Decimal("0e99999999"), 10**9, 0),
        (4.1, 10**9, 4_100_000_000),
        ("0.57", 10**9, 570_000_000),
        (0, 10**3, 0),
        (0.0000000001, 10**9, 0),
    ],
)
def test_read_scaled(written: object, scale: int, size: int) -> None:
    """``max_gflops=4.1`` takes a plain number, exactly."""
    assert parse_scaled(written, scale) == size


@pytest.mark.parametrize(
    "written",
    [
        *("5 GFLOPs", "5G", "", True, None, float("nan"), -1, "1e99", Decimal("1e99999999")),
        pytest.param(HUGE, id="huge"),
    ],
)
def test_refuse_scaled(written: object) -> None:
    """A second unit, or no number, is refused."""
    with pytest.raises(SizeError):
        parse_scaled(written, 10**9)


@pytest.mark.parametrize(
    ("size", "unit", "text"),
    [
        (0, "", "0"),
        (999, "", "999"),
        (1000, "", "1K"),
        (1005, "", "1.01K"),
        (25_557_032, "", "25.6M"),
        (999_499, "", "999K"),
        (999_500, "", "1.00M"),  # zeros: rounded
        (10**6, "", "1M"),  # none: exact
        (10**22, "", "10000E"),
        (0, "FLOPs", "0 FLOPs"),
        (4_089_184_256, "FLOPs", "4.09 GFLOPs"),
        (5 * 10**9, "FLOPs", "5 GFLOPs"),
        (5_000_000_001, "FLOPs", "5.00 GFLOPs"),
        (10_300, "MACs", "10.3 KMACs"),
        (1023, "bytes", "1023 B"),
        (1024, "bytes", "1 KiB"),
        (102_258_688, "bytes", "97.5 MiB"),
        (2**20 - 1, "bytes", "1.00 MiB"),
        (1000 * 2**10, "bytes", "1000 KiB"),
    ],
)
def test_show(size: int, unit: Unit, text: str) -> None:
    """Three significant digits; zeros at the end only where something was rounded."""
    assert show(size, unit) == text


@given(COUNTS, st.sampled_from(UNITS))
def test_exact_text_reads_back(size: int, unit: Unit) -> None:
    """A size printed exactly reads back as itself."""
    assert parse_size(exactly(size, unit), unit) == size


@given(COUNTS, st.sampled_from(UNITS))
def test_shown_text_is_near(size: int, unit: Unit) -> None:
    """A size as shown reads back to within half a per cent, and exactly if nothing was rounded."""
    text = show(size, unit)
    again = parse_size(text, unit)
    assert abs(again - size) * 200 <= size
    if "." not in text and size < 999:
        assert again == size


@given(COUNTS, COUNTS, st.sampled_from(UNITS))
def test_apart(first: int, second: int, unit: Unit) -> None:
    """Two numbers look alike only if they are the same."""
    texts = show_apart([first, second], unit)
    assert (texts[0] == texts[1]) == (first == second)
    assert (parse_size(texts[0], unit) == parse_size(texts[1], unit)) == (first == second)


@pytest.mark.parametrize(
    ("measured", "maximum", "unit", "texts"),
    [
        (3_850_000_000, 3_640_000_000, "FLOPs", ("3.85 GFLOPs", "3.64 GFLOPs", "0.21 GFLOPs")),
        (72_234, 72_000, "", ("72.2K", "72K", "234")),
        (5, 0, "", ("5", "0", "5")),
        (2 * 10**9, 1, "FLOPs", ("2 GFLOPs", "1 FLOPs", "2.00 GFLOPs")),
        (
            4_100_000_001,
            4_100_000_000,
            "FLOPs",
            ("4_100_000_001 FLOPs", "4_100_000_000 FLOPs", "1 FLOPs"),
        ),
    ],
)
def test_excess(measured: int, maximum: int, unit: Unit, texts: tuple[str, str, str]) -> None:
    """The three numbers of a message can be checked against each other by eye."""
    assert show_excess(measured, maximum, unit) == texts


@given(COUNTS, COUNTS, st.sampled_from(UNITS))
def test_excess_is_never_nothing(measured: int, maximum: int, unit: Unit) -> None:
    """What is over is over by something, and its two numbers differ."""
    if measured > maximum:
        first, second, by = show_excess(measured, maximum, unit)
        assert first != second
        assert parse_size(by, unit) > 0


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (21, 364, "5.8 %"),
        (0, 5, "0.0 %"),
        (1, 10**9, "<0.1 %"),
        (1, 1, "100.0 %"),
        (12_345, 1000, "1,234.5 %"),
        (10**6, 1, ">9,999 %"),
    ],
)
def test_percent(part: int, whole: int, text: str) -> None:
    """A share is shown to a tenth; what is not zero never shows as zero."""
    assert show_percent(part, whole) == text


@pytest.mark.parametrize(
    ("measured", "maximum", "text"),
    [
        (0, 0, "100.0 %"),
        (1, 0, ">9,999 %"),
        (50, 100, "50.0 %"),
        (99_999, 100_000, "99.9 %"),
        (100_000, 100_000, "100.0 %"),
        (100_001, 100_000, ">100.0 %"),
        (1334, 1000, "133.4 %"),
        (13_341, 10_000, "133.4 %"),  # as "over by 33.4 %" says it
    ],
)
def test_use(measured: int, maximum: int, text: str) -> None:
    """Rounding never moves a measurement to or across its limit."""
    assert show_use(measured, maximum) == text


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_use_agrees_with_the_verdict(measured: int, maximum: int) -> None:
    """100.0 % is shown exactly at the limit, more exactly above it."""
    text = show_use(measured, maximum)
    number = Decimal(text.rstrip(" %").replace(",", "").lstrip(">"))
    assert (number > 100 or text.startswith(">")) == (measured > maximum)
    assert (text == "100.0 %") == (measured == maximum)


@given(st.integers(1, 10**15), st.integers(1, 10**15))
def test_use_agrees_with_the_message(excess: int, maximum: int) -> None:
    """The table and the message say the same of what is over."""
    use, more = show_use(maximum + excess, maximum), show_percent(excess, maximum)
    if more == "<0.1 %":
        assert use == ">100.0 %"
    elif not use.startswith(">"):
        used, over = (Decimal(text.rstrip(" %").replace(",", "")) for text in (use, more))
        assert used == 100 + over


@given(COUNTS, st.sampled_from(UNITS))
def test_what_a_text_stands_for(value: int, unit: Unit) -> None:
    """Numbers are told apart by what their texts read back as."""
    assert _as_shown(value, base_of(unit)) == parse_size(show(value, unit), unit)
