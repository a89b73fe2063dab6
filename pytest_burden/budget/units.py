"""Sizes: what a limit says (``4.1G``, ``5 GFLOPs``, ``110 MiB``) and how a number is shown.

Everything is exact: integers in base units (parameters, FLOPs, bytes) inside, fractions in between.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Integral

from pytest_burden.burden import Unit
from pytest_burden.errors import BurdenError, quoted, suggest


class SizeError(BurdenError):
    """A text or number that is no size; ``reason`` is the message without the value."""

    def __init__(self, reason: str, value: object) -> None:
        super().__init__(f"Invalid size ({reason}): {quoted(value, sys.maxsize)}")
        self.reason = reason


EXAMPLES: dict[Unit, str] = {
    "": "26M",
    "FLOPs": "5 GFLOPs",
    "MACs": "2.5 GMACs",
    "bytes": "110 MiB",
}
"""One size of each kind that works, for messages."""

_IEC_BASE = 1024
SI = ("", "k", "M", "G", "T", "P", "E")
PREFIXES = {prefix: 1000**power for power, prefix in enumerate(SI)} | {"K": 1000}
BYTES = (
    {"": 1, "B": 1}
    | {f"{prefix}B": 1000**power for power, prefix in enumerate(SI) if power}
    | {f"{prefix}iB": _IEC_BASE**power for power, prefix in enumerate("KMGTPE", start=1)}
)
NUMBER = r"-?[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?"
_SIZE = re.compile(rf"(?P<number>{NUMBER})\s*(?P<suffix>[^\W\d_][^\d]*)?")
LONGEST = 40
TOO_MUCH = 10**30
_NO_NUMBER = "a size is a number or a text"
_TEN_THOUSAND = 100_000  # per cent, in tenths
_TOO_LONG = ">9,999 %"
_AT_LIMIT = 1000  # per cent, in tenths
_FAR = 100
"""A power of ten far above `TOO_MUCH`; below its inverse nothing is left of any limit."""
_DIGITS = 3
_TWO_DIGITS = 10


def parse_size(value: object, unit: Unit) -> int:
    """Return a size in base units, from a number or from text such as ``"4.1G"``.

    SI prefixes (k, M, G, T, P, E) are powers of 1000, IEC ones (KiB, MiB, …) of 1024. The whole
    text must match. A fraction of a base unit is cut off: nothing whole lies between the two.

    Raises:
        SizeError: not a size of this unit; the message says why.
    """
    if isinstance(value, str):
        return _parse_text(value, unit)
    return _floor(_parse_number(value), scaled=False, value=value)


def parse_scaled(value: object, scale: int) -> int:
    """Return a plain number (``5``, ``4.1``, ``"4.1"``) times ``scale``, in base units.

    Raises:
        SizeError: not a number, or one with a unit of its own.
    """
    if isinstance(value, str):
        if len(value) > LONGEST or not re.fullmatch(NUMBER, value.strip()):
            raise SizeError("a plain number belongs here, the key names the unit", value)
        number = Fraction(value.strip().replace("_", ""))
    else:
        number = _parse_number(value)
    return _floor(number * scale, scaled=True, value=value)


def show(value: int, unit: Unit) -> str:
    """Return a number to three significant digits: ``25.6M``, ``3.85 GFLOPs``, ``97.5 MiB``.

    Zeros at the end are only dropped where nothing was rounded, so ``5 GFLOPs`` is exact.
    """
    number, prefix = _rounded(value, base_of(unit))
    return with_unit(number, prefix, unit)


def exactly(value: int, unit: Unit) -> str:
    """Return every digit, as TOML, Python and `parse_size` read it: ``4_100_000_001 FLOPs``."""
    return with_unit(f"{value:_}", "", unit)


def show_apart(values: Sequence[int], unit: Unit) -> list[str]:
    """Return the texts of several numbers, all exact where two different ones would look alike."""
    texts = [show(value, unit) for value in values]
    # 4.10 and 4.1 look alike too, so it is the numbers that the texts stand for that must differ.
    if len({_as_shown(value, base_of(unit)) for value in values}) < len(set(values)):
        return [exactly(value, unit) for value in values]
    return texts


def show_excess(measured: int, maximum: int, unit: Unit) -> tuple[str, str, str]:
    """Return ``measured``, ``maximum`` and their difference, so that each text can be believed.

    The difference has the prefix and the decimals of ``measured``, or its own where that would
    leave one digit; where the first two look alike, all three are exact.
    """
    texts = show_apart([measured, maximum], unit)
    base = base_of(unit)
    power = _power(measured, base)
    decimals = _decimals(measured, base**power)
    excess = _half_up((measured - maximum) * 10**decimals, base**power)
    if texts[0] != show(measured, unit):
        return texts[0], texts[1], exactly(measured - maximum, unit)
    if excess < _TWO_DIGITS:
        return texts[0], texts[1], show(measured - maximum, unit)
    return texts[0], texts[1], with_unit(_point(excess, decimals), prefix_of(power, base), unit)


def show_percent(part: int, whole: int) -> str:
    """Return ``part`` of ``whole`` as ``5.8 %``; what is not zero never shows as zero."""
    tenths = _half_up(part * 1000, whole)
    return "<0.1 %" if part and not tenths else _percent(tenths)


def show_use(measured: int, maximum: int) -> str:
    """Return how much of a limit is used; 100.0 % says *at the limit* and never a rounding.

    Above it, this is 100 % more than what `show_percent` says of the excess.
    """
    if maximum == 0:
        return "100.0 %" if measured == 0 else _TOO_LONG
    if measured <= maximum:
        return _percent(measured * 1000 // maximum)
    tenths = _half_up(measured * 1000, maximum)
    return _percent(tenths) if tenths > _AT_LIMIT else f">{_percent(_AT_LIMIT)}"


def _percent(tenths: int) -> str:
    return _TOO_LONG if tenths >= _TEN_THOUSAND else f"{tenths // 10:,}.{tenths % 10} %"


def _parse_text(text: str, unit: Unit) -> int:
    match = _SIZE.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if match is None:
        raise SizeError(f"not of the form {EXAMPLES[unit]!r}", text)
    suffix = (match["suffix"] or "").rstrip()
    scale = _scale(suffix, unit)
    if scale is None:
        raise SizeError(_unknown(suffix, unit), text)
    number = Fraction(match["number"].replace("_", ""))
    return _floor(number * scale, scaled=bool(suffix), value=text)


def _parse_number(value: object) -> Fraction:
    if isinstance(value, bool):
        raise SizeError("a size is a number, not true or false", value)
    if isinstance(value, Integral):
        return Fraction(_whole(value))
    if isinstance(value, Fraction):
        return value
    if not isinstance(value, (float, Decimal)):
        raise SizeError(_NO_NUMBER, value)
    # The digits that were written: 4.1 is 41/10, not the nearest binary fraction.
    number = Decimal(repr(float(value))) if isinstance(value, float) else value
    if not number.is_finite():
        raise SizeError("not a finite number", value)
    return Fraction(_brought_near(number))


def _whole(value: Integral) -> int:
    """Return a number of another library's type; it may be registered as one and be none."""
    try:
        return int(value)
    except Exception as error:
        raise SizeError(_NO_NUMBER, value) from error


def _brought_near(number: Decimal) -> Decimal:
    """Return a number on which `_floor` decides alike, and whose fraction is made at once.

    That of 1e99999999 has a hundred million digits.
    """
    if not number or abs(number.adjusted()) <= _FAR:
        return number or Decimal(0)
    return Decimal((int(number.is_signed()), (1,), _FAR if number.adjusted() > 0 else -_FAR))


def _floor(number: Fraction, *, scaled: bool, value: object) -> int:
    if number < 0:
        raise SizeError("negative", value)
    if number >= TOO_MUCH:
        raise SizeError("more than any network has", value)
    if number.denominator != 1 and not scaled:
        raise SizeError("not a whole number", value)
    return int(number)


def _scale(suffix: str, unit: Unit) -> int | None:
    if unit == "bytes":
        return BYTES.get(suffix)
    if unit:
        word = unit.removesuffix("s")
        suffix = re.sub(rf"(?i:{word}s?)$", "", suffix)
    return PREFIXES.get(suffix)


def _unknown(suffix: str, unit: Unit) -> str:
    if unit == "bytes":
        accepted = ["B", "kB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"]
        if suffix in PREFIXES or suffix == "KB":
            choice = f"{suffix[0]}iB", f"{suffix[0]}B".replace("KB", "kB")
            return f"unit {suffix!r} is ambiguous, write {choice[0]} (1024) or {choice[1]} (1000)"
        return f"unknown unit {suffix!r}{suggest(suffix, accepted)}, one of {', '.join(accepted)}"
    accepted = [f"{prefix}{unit}" for prefix in ("", "K", "M", "G", "T")] if unit else list("KMGT")
    if suffix in BYTES:
        return f"{suffix!r} is a unit of memory, this is a count: {', '.join(accepted)}"
    return f"unknown unit {suffix!r}{suggest(suffix, accepted)}, one of {', '.join(accepted)}"


def base_of(unit: Unit) -> int:
    """Return what a prefix multiplies by: 1024 for bytes, else 1000."""
    return _IEC_BASE if unit == "bytes" else 1000


def _power(value: int, base: int) -> int:
    """Return the power of ``base`` whose prefix ``value`` is shown with, once rounded."""
    power = 0
    while power < len(SI) - 1 and value >= base ** (power + 1):
        power += 1
    if power and power < len(SI) - 1 and _half_up(value, base**power) >= base:
        power += 1  # 999 999 is 1.00M, not 1000K
    return power


def _decimals(value: int, divisor: int) -> int:
    """Return how many decimals leave three significant digits, none where ``divisor`` is 1."""
    if divisor == 1:
        return 0
    limit = 10**_DIGITS
    places = range(_DIGITS - 1, 0, -1)
    return next((d for d in places if _half_up(value * 10**d, divisor) < limit), 0)


def _rounded(value: int, base: int) -> tuple[str, str]:
    power = _power(value, base)
    divisor = base**power
    decimals = _decimals(value, divisor)
    text = _point(_half_up(value * 10**decimals, divisor), decimals)
    if "." in text and value * 10**decimals % divisor == 0:
        text = text.rstrip("0").rstrip(".")
    return text, prefix_of(power, base)


def _as_shown(value: int, base: int) -> int:
    """Return what `parse_size` makes of the text of a number."""
    divisor: int = base ** _power(value, base)
    tens: int = 10 ** _decimals(value, divisor)
    return _half_up(value * tens, divisor) * divisor // tens


def prefix_of(power: int, base: int) -> str:
    """Return the prefix of a power of the base: ``M``, ``Mi``."""
    prefix = SI[power].upper()
    return f"{prefix}i" if base == _IEC_BASE and prefix else prefix


def with_unit(number: str, prefix: str, unit: Unit) -> str:
    """Return ``3.85 GFLOPs``, ``97.5 MiB``, ``25.6M``."""
    word = "B" if unit == "bytes" else unit
    return f"{number} {prefix}{word}" if word else f"{number}{prefix}"


def _point(digits: int, decimals: int) -> str:
    if not decimals:
        return str(digits)
    whole, rest = divmod(digits, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}"


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
