"""The laws of a sweep as text: ``77,352·B·S² + 2,249,704·B``, in how far they hold, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from pytest_burden.budget.law import Law, Point, Remainder, Trend, law, trend
from pytest_burden.sweeps import Sweep

TERMS = 4
"""How many terms of a polynomial are shown, the largest powers first."""

_SEEN = 0.005
"""An error below it is none to two decimals."""
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Found(NamedTuple):
    """What a sweep says of how one metric grows."""

    metric: str
    law: Law | None
    trends: tuple[Trend, ...] = ()
    """Where there is no law: by symbol."""


def find(sweep: Sweep, metrics: Sequence[str]) -> list[Found]:
    """Return for each metric its law, or the trends in its place."""
    return [_found(sweep, metric) for metric in metrics]


def _found(sweep: Sweep, metric: str) -> Found:
    values = sweep.values(metric)
    if exact := law(sweep.symbols, values):
        return Found(metric, exact)
    trends = (trend(sweep.symbols, values, symbol) for symbol in sweep.symbols)
    return Found(metric, None, tuple(filter(None, trends)))


def polynomial(exact: Law, most: int = TERMS) -> str:
    """Return ``77,352·B·S² + 2,249,704·B``; what is left out at the end is ``…``."""
    terms = sorted(
        exact.coefficients.items(), key=lambda term: (-sum(term[0]), _descending(term[0]))
    )
    text = ""
    for powers, factor in terms[:most]:
        sign = "-" if factor < 0 else "+"
        shown = _term(abs(factor), powers, exact.symbols)
        text += f" {sign} {shown}" if text else f"{'-' * (factor < 0)}{shown}"
    return f"{text or '0'}{' + …' if terms[most:] else ''}"


def _descending(powers: Point) -> Point:
    return tuple(-power for power in powers)


def _term(factor: Fraction, powers: Point, symbols: Sequence[str]) -> str:
    names = product(powers, symbols)
    number = f"{factor.numerator:,}"
    if factor.denominator != 1:
        number = f"{number}/{factor.denominator:,}"
        return f"({number})·{names}" if names else number
    return number if not names else names if factor == 1 else f"{number}·{names}"


def product(powers: Point, symbols: Sequence[str]) -> str:
    """Return ``B·S²``, empty for no power at all."""
    parts = (
        name if power == 1 else f"{name}{str(power).translate(_SUPERSCRIPTS)}"
        for name, power in sorted(zip(symbols, powers, strict=True))
        if power
    )
    return "·".join(parts)


def proportional(found: Found) -> str:
    """Return how a metric grows in the end: ``∝ S^2.00 B^1.00``, or with the errors of a fit."""
    if found.law:
        degrees = ((symbol, found.law.degree(symbol)) for symbol in found.law.symbols)
        parts = [f"{symbol}^{degree:.2f}" for symbol, degree in degrees if degree]
    else:
        parts = [f"{t.symbol}^{t.exponent:.2f}{_error(t.error)}" for t in found.trends]
    return f"∝ {', '.join(parts)}" if parts else ""


def _error(error: float) -> str:
    return f" ± {error:.2f}" if error >= _SEEN else ""


def classes(exact: Law) -> str:
    """Return for which sizes a law holds: ``S in multiples of 32``; empty for all."""
    said = (
        _class(symbol, kind)
        for symbol, kind in zip(exact.symbols, exact.classes, strict=True)
        if kind.modulus > 1 and exact.degree(symbol)
    )
    return ", ".join(said)


def exact_at(exact: Law, measured: int) -> str:
    """Return at how many points a law holds, ``exact at 8 of 16 points``: the others are off it."""
    of = f" of {measured}" if measured > exact.points else ""
    return f"exact at {exact.points}{of} points"


def _class(symbol: str, kind: Remainder) -> str:
    if not kind.remainder:
        return f"{symbol} in multiples of {kind.modulus}"
    return f"{symbol} = {kind.remainder} + multiples of {kind.modulus}"


def to_dict(found: Found) -> dict[str, Any]:
    """Return it as JSON-ready dictionaries and lists; a coefficient as ``"3"`` or ``"31/4"``."""
    if exact := found.law:
        return {
            "metric": found.metric,
            "terms": [
                {
                    "coefficient": str(factor),
                    "powers": dict(zip(exact.symbols, powers, strict=True)),
                }
                for powers, factor in exact.coefficients.items()
            ],
            "holds": {
                symbol: kind._asdict()
                for symbol, kind in zip(exact.symbols, exact.classes, strict=True)
            },
            "points": exact.points,
        }
    return {
        "metric": found.metric,
        "exponents": [
            {"symbol": t.symbol, "exponent": t.exponent, "error": t.error} for t in found.trends
        ],
    }
