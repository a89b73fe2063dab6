"""Growth: how much more than in the baseline a metric may be, from ``grow_flops = "2% & 10M"``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from pytest_burden.budget.units import SizeError, parse_size
from pytest_burden.burden import Unit

ANY = "any"
"""What stands in the place of a growth where every growth is allowed."""

_PERCENT = re.compile(r"(?P<number>[0-9]{1,20}(?:\.[0-9]{1,20})?)\s*%")
_LONGEST = 90
"""Characters; more than `Growth.text` ever has."""
_FORM = "not of the form '2%', '10M' or '2% & 10M'"


@dataclass(frozen=True, slots=True)
class Growth:
    """The most that one metric may grow; a growth equal to it passes.

    With a share and an amount both must be exceeded. With neither, any growth passes.
    """

    metric: str
    percent: Fraction | None
    amount: int | None
    """In base units."""
    where: str
    """As in `Limit`."""
    written: str = ""

    @property
    def key(self) -> str:
        """The key that sets it: ``grow_flops``."""
        return f"grow_{self.metric}"

    @property
    def bounded(self) -> bool:
        """Whether there is any growth that does not pass."""
        return self.percent is not None or self.amount is not None

    def allowed(self, base: int) -> int:
        """Return the most that may be measured where ``base`` was; only of a bounded one."""
        shares = [] if self.percent is None else [int(base * self.percent / 100)]
        amounts = [] if self.amount is None else [self.amount]
        return base + max(*shares, *amounts, 0)

    def text(self) -> str:
        """Return it as it may be written: ``2% & 10000000``, ``0``, ``any``."""
        parts = [] if self.percent is None else [f"{_decimal(self.percent)}%"]
        if self.amount is not None:
            parts.append(str(self.amount))
        return " & ".join(parts) or ANY


def parse_growth(value: object, unit: Unit) -> tuple[Fraction | None, int | None]:
    """Return the share in per cent and the amount in base units that a growth allows.

    Args:
        value: ``"2%"``, ``"10M"``, both joined by ``&``, a plain number, or ``"any"``.
        unit: of the metric.

    Raises:
        SizeError: it is none of these; the message says why.
    """
    if not isinstance(value, str):
        return None, parse_size(value, unit)
    if value.strip() == ANY:
        return None, None
    if len(value) > _LONGEST:
        raise SizeError(_FORM, value)
    percents, amounts = [], []
    for part in value.split("&"):
        if match := _PERCENT.fullmatch(part.strip()):
            percents.append(Fraction(match["number"]))
        elif "%" in part:
            raise SizeError("a share is a number and %, as in 2%", value)
        else:
            amounts.append(_amount(part, unit, value))
    if max(len(percents), len(amounts)) > 1:
        raise SizeError(_FORM, value)
    return (percents[0] if percents else None), (amounts[0] if amounts else None)


def _amount(part: str, unit: Unit, whole: str) -> int:
    try:
        return parse_size(part, unit)
    except SizeError as error:
        raise SizeError(error.reason, whole) from error


def _decimal(number: Fraction) -> str:
    """Return a number that has a finite decimal form, which all written ones have."""
    digits = len(str(number.denominator)) * 4  # 1/2**n has n digits after the point
    scaled = number * 10**digits
    whole, rest = divmod(int(scaled), 10**digits)
    return f"{whole}.{rest:0{digits}d}".rstrip("0").rstrip(".")
