"""Limits at other sizes: the power by which a metric may grow, or its most at one larger size."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from pytest_burden.burden import METRICS
from pytest_burden.errors import BurdenError, quoted, suggest
from pytest_burden.sizes import LARGEST, TOO_LARGE

KEY = "max_scaling"
"""The key whose table has a power for each metric."""
LIMIT = "limit"
"""The key of ``max_flops_at`` that is no size."""
EXAMPLE = f'{KEY} = {{ flops = "S^1.1" }}'

NAME = "[A-Za-z_][A-Za-z0-9_]*"
"""The pattern of the name of a size."""
FACTOR = rf"{NAME}(?:\s*\^\s*[0-9]{{1,4}}(?:\.[0-9]{{1,4}})?)?"
"""The pattern of one symbol with its power."""
_SPLIT = re.compile(r"\s*[*·,]\s*")
_FORM = "not powers of sizes such as 'S^1.1' or 'S^2 * B'"


@dataclass(frozen=True, slots=True)
class Scaling:
    """The highest power of one size by which a metric may grow; equal to it passes."""

    metric: str
    symbol: str
    power: Fraction
    where: str
    """As in `Limit`."""
    written: str = ""

    @property
    def key(self) -> str:
        """What tells it from other limits: ``max_scaling of flops with S``."""
        return f"{KEY} of {self.metric} with {self.symbol}"

    def text(self) -> str:
        """Return it as it may be written: ``S^1.1``."""
        return f"{self.symbol}^{float(self.power):g}"


@dataclass(frozen=True, slots=True)
class LimitAt:
    """The most that one metric may be at other sizes of the inputs; equal to it passes."""

    metric: str
    sizes: Mapping[str, int] = field(hash=False)
    """Those that are said; the others are as the network is measured."""
    maximum: int
    """In base units."""
    where: str
    """As in `Limit`."""
    written: str = ""

    @property
    def key(self) -> str:
        """What tells it from other limits: ``max_flops_at S = 32768``."""
        return f"max_{self.metric}_at {said(self.sizes)}"


def said(sizes: Mapping[str, int]) -> str:
    """Return sizes as a text: ``B = 8, S = 32768``."""
    return ", ".join(f"{symbol} = {size}" for symbol, size in sorted(sizes.items()))


def parse_scaling(value: object) -> Iterator[tuple[str, str, Fraction]]:
    """Yield metric, symbol and power of ``{"flops": "S^1.1 * B", "params": "S^0"}``.

    Raises:
        BurdenError: it is something else; the message says why.
    """
    if not isinstance(value, Mapping) or not value:
        raise BurdenError("not a table of metrics and powers of sizes")
    for metric, text in value.items():
        if metric not in METRICS:
            raise BurdenError(f"unknown metric {quoted(metric)}{_near(metric)}")
        if not isinstance(text, str):
            raise BurdenError(f"{_FORM}: {quoted(text)}")
        factors = [_factor(part, text) for part in _SPLIT.split(text.strip())]
        if len(dict(factors)) < len(factors):
            raise BurdenError(f"one size twice: {quoted(text)}")
        yield from ((metric, symbol, power) for symbol, power in factors)


def _near(metric: object) -> str:
    return suggest(metric, METRICS) if isinstance(metric, str) else ""


def _factor(part: str, whole: str) -> tuple[str, Fraction]:
    if not re.fullmatch(FACTOR, part):
        raise BurdenError(f"{_FORM}: {quoted(whole)}")
    symbol, _, power = part.partition("^")
    return symbol.strip(), Fraction(power.strip() or 1)


def parse_at(value: object) -> Iterator[tuple[dict[str, int], object]]:
    """Yield sizes and limit of ``{"S": 32768, "limit": "80 TFLOPs"}``, or of a list of these.

    Raises:
        BurdenError: it is something else; the message says why.
    """
    tables = value if isinstance(value, (list, tuple)) else [value]
    if not tables:
        raise BurdenError("an empty list")
    for table in tables:
        if not isinstance(table, Mapping):
            raise BurdenError(f"not a table of sizes and a {LIMIT}")
        if LIMIT not in table:
            raise BurdenError(f"the key {LIMIT} is missing")
        yield _sizes(table), table[LIMIT]


def _sizes(table: Mapping[object, Any]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for name, size in table.items():
        # By type first: what is no text may raise where it is compared.
        if isinstance(name, str) and name == LIMIT:
            continue
        if not isinstance(name, str) or not re.fullmatch(NAME, name):
            raise BurdenError(f"{quoted(name)} is no name of a size")
        if type(size) is not int or size < 1:
            raise BurdenError(f"{name} is not a whole number from 1 up: {quoted(size)}")
        if size > LARGEST:
            raise BurdenError(f"{name} is {TOO_LARGE}: {quoted(size)}")
        sizes[name] = size
    if not sizes:
        raise BurdenError("no size is given")
    return sizes
