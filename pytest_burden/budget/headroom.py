"""From what was measured to a limit that leaves some room and can be read: 20.5K, so ``"23K"``."""

from __future__ import annotations

import json
from fractions import Fraction

from pytest_burden.budget.limits import KEYS
from pytest_burden.budget.units import SI, base_of, parse_scaled, parse_size, prefix_of, with_unit
from pytest_burden.burden import METRICS, Unit


def roomy(measured: int, percent: Fraction) -> int:
    """Return the least integer with so much head-room over what was measured."""
    return -(-measured * (100 + percent) // 100)


def readable(value: int, unit: Unit) -> str:
    """Return a size of at least ``value``, rounded up to at most three digits.

    Two digits, the last one of three being 5 after a leading 1: no more than 10 % are added.
    """
    base = base_of(unit)
    power, number = 0, Fraction(value)
    while number >= base and power < len(SI) - 1:
        power, number = power + 1, number / base
    rounded = _rounded(number, whole=power == 0)
    if rounded >= base and power < len(SI) - 1:
        power, rounded = power + 1, Fraction(1)
    return with_unit(_decimal(rounded), prefix_of(power, base), unit)


def literal(key: str, value: int) -> tuple[str, int]:
    """Return how TOML writes a limit of at least ``value`` under a key, and what it comes to."""
    known = KEYS[key]
    unit = METRICS[known.metric].unit
    if known.scale is not None:
        number = _decimal(_rounded(Fraction(value, known.scale)))
        return number, parse_scaled(number, known.scale)
    text = readable(value, unit)
    return text if text.isdigit() else json.dumps(text), parse_size(text, unit)


def lowered(key: str, written: object, maximum: int, value: int) -> tuple[str, int] | None:
    """Return the same for a limit that is there already; None if it would not be any lower.

    What was ``written`` as a plain number stays one.
    """
    text, lower = literal(key, value)
    if lower >= maximum:
        return None
    plain = not isinstance(written, str)
    if KEYS[key].scale is None and plain:
        return f"{lower:_}", lower
    if KEYS[key].scale is not None and not plain:
        return json.dumps(text), lower
    return text, lower


def _rounded(number: Fraction, *, whole: bool = False) -> Fraction:
    """Round up to two digits, or to a half of the second one after a leading 1."""
    if not number:
        return number
    step = Fraction(1)
    while step * 100 <= number:
        step *= 10
    while number < step * 10 and not (whole and step == 1):
        step /= 10
    if number < step * 20 and not (whole and step == 1):
        step /= 2
    return -(-number // step) * step


def _decimal(number: Fraction) -> str:
    """Return a number that has a finite decimal form."""
    digits = 0
    while (number * 10**digits).denominator != 1:
        digits += 1
    whole, rest = divmod(int(number * 10**digits), 10**digits)
    return f"{whole}.{rest:0{digits}d}" if digits else str(whole)
