"""The law by which a metric grows with the sizes of a network's inputs, found exactly.

Counts are integers, and mostly polynomials of the sizes: a convolution net's FLOPs of the image
side, attention's of the length. A law is interpolated in rational numbers, without rounding, and
stands only if it holds at points that were not needed to find it. Strides round, so that it may
hold only for sizes with the same remainder, such as multiples of 32: such a class is looked for,
and stated. Where there is no such law there is a trend: a fitted exponent, with its error.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product
from typing import NamedTuple

Point = tuple[int, ...]
"""A size for each symbol, in their order."""
Values = Mapping[Point, int]
_Values = Mapping[Point, Fraction | int]
_Coefficients = dict[Point, Fraction]
"""By the power of each symbol."""

ENOUGH = 3
"""Point of a symbol without which nothing can be both found and checked: degree 1 takes two."""

HIGHEST = 12
"""The highest power that is looked for."""


class Remainder(NamedTuple):
    """The sizes of one symbol for which a law holds: ``size % modulus == remainder``."""

    modulus: int
    remainder: int = 0

    def __contains__(self, size: object) -> bool:
        """Return whether a size is one of them."""
        return isinstance(size, int) and size % self.modulus == self.remainder


@dataclass(frozen=True, slots=True)
class Law:
    """A polynomial that holds exactly."""

    symbols: tuple[str, ...]
    coefficients: Mapping[Point, Fraction]
    """By the power of each symbol; none is zero."""
    classes: tuple[Remainder, ...]
    """Of each symbol: where it holds. Modulus 1 for every size."""
    points: int
    """At how many measured points it holds."""

    def at(self, sizes: Point) -> Fraction:
        """Return its value; it need not be that of the network outside its classes."""
        return sum(
            (
                factor * math.prod(size**power for size, power in zip(sizes, powers, strict=True))
                for powers, factor in self.coefficients.items()
            ),
            Fraction(0),
        )

    def holds_at(self, sizes: Point) -> bool:
        """Return whether each size is of its class."""
        return all(size in kind for size, kind in zip(sizes, self.classes, strict=True))

    def degree(self, symbol: str) -> int:
        """Return the highest power of a symbol: how the metric grows with it in the end."""
        place = self.symbols.index(symbol)
        return max((powers[place] for powers in self.coefficients), default=0)


@dataclass(frozen=True, slots=True)
class Trend:
    """A power of one symbol that fits best, where nothing holds exactly."""

    symbol: str
    exponent: float
    error: float
    """The standard error of the exponent."""


def law(symbols: Sequence[str], values: Values) -> Law | None:
    """Return the law of a metric, of the widest classes of sizes for which there is one.

    Args:
        symbols: the names of the sizes.
        values: the metric at each point of a grid; points may be missing.

    Of a symbol with fewer than `ENOUGH` sizes nothing can be said but that it does not matter.
    """
    found = _each_class(symbols, values)
    return found[0] if found else None


def _each_class(symbols: Sequence[str], values: Values) -> list[Law]:
    """Return the laws of all classes of one kind; none where one of them has none."""
    if not values:
        return []
    sizes = [sorted({point[place] for point in values}) for place in range(len(symbols))]
    choices = [list(_moduli(each)) for each in sizes]
    ways = product(*(range(len(each)) for each in choices))
    for way in sorted(ways, key=lambda way: (sum(way), way)):  # the widest classes first
        kinds = [each[place] for each, place in zip(choices, way, strict=True)]
        found: list[Law] = []
        for classes in product(*kinds):
            exact = _of_classes(symbols, values, sizes, classes)
            if exact is None:
                break
            found.append(exact)
        else:
            # Rounding makes a law for each remainder: one that holds for some holds by chance.
            return found
    return []


class Ending(NamedTuple):
    """A law that holds from some size on: the larger of two polynomials wins in the end."""

    law: Law
    """Of all classes of sizes the one that grows most."""
    first: int
    """The first size at which it holds."""
    all: bool
    """Whether that is the first one measured."""
    above: int | None = None
    """The size of no class at which there is most beyond twice the law: it may grow otherwise."""


class Power(NamedTuple):
    """How a metric grows with one symbol in the end."""

    exponent: float
    """The degree of a law, or a fitted one."""
    ending: Ending | None
    """The law; None where the exponent is fitted."""
    error: float = 0
    """The standard error of a fitted exponent."""


def power(symbol: str, values: Mapping[int, int]) -> Power | None:
    """Return how a metric grows in the end; None if there is too little to say."""
    exact = _ending(symbol, values)
    degree = float(exact.law.degree(symbol)) if exact else 0.0
    if exact and (exact.all or max(values) >= DOUBLE * exact.first):
        return Power(degree, exact)
    fitted = None
    if len(values) >= FITTED:
        fitted = trend([symbol], {(size,): value for size, value in values.items()}, symbol)
    if fitted is None:
        return None
    # Sizes filled up to a power of two end on a level: a law of few sizes that are near each
    # other is believed only where it is the steeper one.
    if degree > fitted.exponent:
        return Power(degree, exact)
    return Power(fitted.exponent, None, fitted.error)


def _ending(symbol: str, values: Mapping[int, int]) -> Ending | None:
    """Return the law of one symbol at its largest sizes, from the smallest one on that it can."""
    sizes = sorted(values)
    for start in range(max(1, len(sizes) - SURE + 1)):
        found = _each_class([symbol], {(size,): values[size] for size in sizes[start:]})
        if found:
            steepest = max(found, key=lambda each: each.degree(symbol))
            above = _above(found, {size: values[size] for size in sizes[start:]})
            return Ending(steepest, sizes[start], start == 0, above)
    return None


def _above(found: Sequence[Law], values: Mapping[int, int]) -> int | None:
    """Return the size of no class that is most above every law, if that is twice or more.

    Sizes below a whole class are left out: rounding makes more of small ones.
    """
    first = min(size for each in found for size in values if each.holds_at((size,)))
    off = {
        size: value / most
        for size, value in values.items()
        if size > first and not any(each.holds_at((size,)) for each in found)
        if (most := max(each.at((size,)) for each in found)) > 0
    }
    largest = max(off, key=lambda size: off[size], default=None)
    return largest if largest is not None and off[largest] >= DOUBLE else None


SURE = 4
"""Sizes at the end that show a law: a square takes three, and one to check it by."""
FITTED = 5
"""Sizes without which a fitted power says nothing: it may still bend."""
DOUBLE = 2
"""How far apart sizes are that show how something ends; how much is more than rounding."""


def _of_classes(
    symbols: Sequence[str],
    values: Values,
    sizes: Sequence[Sequence[int]],
    classes: tuple[Remainder, ...],
) -> Law | None:
    grid = _grid(values, sizes, classes)
    coefficients = _interpolated(grid, values) if all(grid) else None
    if coefficients is None:
        return None
    kept = {powers: factor for powers, factor in coefficients.items() if factor}
    return Law(tuple(symbols), kept, classes, math.prod(map(len, grid)))


def trend(symbols: Sequence[str], values: Values, symbol: str) -> Trend | None:
    """Return the power of a symbol that fits best, all other sizes held.

    Least squares in logarithms, each combination of the other sizes with a factor of its own. None
    where there are too few points, or a value is zero.
    """
    place = symbols.index(symbol)
    groups: dict[Point, list[tuple[float, float]]] = {}
    for point, value in values.items():
        if value <= 0 or point[place] <= 0:
            return None
        others = point[:place] + point[place + 1 :]
        groups.setdefault(others, []).append((math.log(point[place]), math.log(value)))
    centred = [pair for group in groups.values() for pair in _centred(group)]
    free = len(centred) - len(groups) - 1
    spread = math.fsum(x * x for x, _ in centred)
    if free < 1 or not spread:
        return None
    exponent = math.fsum(x * y for x, y in centred) / spread
    rest = math.fsum((y - exponent * x) ** 2 for x, y in centred)
    return Trend(symbol, exponent, math.sqrt(rest / free / spread))


def _centred(group: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    means = [math.fsum(column) / len(group) for column in zip(*group, strict=True)]
    return [(x - means[0], y - means[1]) for x, y in group]


def _moduli(sizes: Sequence[int]) -> Iterator[list[Remainder]]:
    """Yield classes of one symbol: that of all its sizes, then those of each larger modulus.

    Only those with enough sizes; multiples come first, then what has the most sizes.
    """
    step = math.gcd(*(size - sizes[0] for size in sizes)) or 1
    yield [Remainder(step, sizes[0] % step)]
    for modulus in range(2 * step, sizes[-1] + 1, step):
        counts = Counter(size % modulus for size in sizes)
        ranked = sorted(counts.items(), key=lambda pair: (pair[0] > 0, -pair[1]))
        classes = [Remainder(modulus, each) for each, count in ranked if count >= ENOUGH]
        if classes and len(counts) > 1:
            yield classes


def _grid(
    values: Values, sizes: Sequence[Sequence[int]], classes: Sequence[Remainder]
) -> list[list[int]]:
    """Return the sizes of these classes at all of whose combinations there is a value."""
    grid = [
        [size for size in each if size in kind] for each, kind in zip(sizes, classes, strict=True)
    ]
    while missing := [point for point in product(*grid) if point not in values]:
        counts = Counter(pair for point in missing for pair in enumerate(point))
        # Of those with as many gaps, one of the symbol that has most sizes left.
        (place, size), _ = max(counts.items(), key=lambda pair: (pair[1], len(grid[pair[0][0]])))
        grid[place].remove(size)
    return grid


def _interpolated(grid: Sequence[Sequence[int]], values: _Values) -> _Coefficients | None:
    """Return the polynomial through all points of a grid; None if none is left to check it."""
    if not grid:
        return {(): Fraction(values[()])}
    first, *rest = grid
    slices = {}
    for others in product(*rest):
        found = _polynomial(first, [values[(size, *others)] for size in first])
        if found is None:
            return None
        slices[others] = found
    coefficients: _Coefficients = {}
    for power in range(max(map(len, slices.values()))):
        along = {
            others: found[power] if power < len(found) else Fraction(0)
            for others, found in slices.items()
        }
        of_power = _interpolated(rest, along)
        if of_power is None:
            return None
        coefficients |= {(power, *powers): factor for powers, factor in of_power.items()}
    return coefficients


def _polynomial(sizes: Sequence[int], values: Sequence[Fraction | int]) -> list[Fraction] | None:
    """Return the coefficients of the polynomial through some points, the constant first.

    Newton's divided differences. None if its degree leaves no point to check it by, or is above
    `HIGHEST`: of hundreds of points that have no law, all would be differences of huge fractions.
    """
    row = [Fraction(value) for value in values]
    differences = row[:1]
    for order in range(1, min(len(sizes), HIGHEST + 2)):
        row = [
            (upper - lower) / (sizes[place + order] - sizes[place])
            for place, (lower, upper) in enumerate(pairwise(row))
        ]
        differences.append(row[0])
        if any(row):
            continue
        break  # all higher ones are zero as well
    else:
        return None
    coefficients = [Fraction(0)]
    for size, difference in zip(
        reversed(sizes[: len(differences)]), reversed(differences), strict=True
    ):
        shifted = [Fraction(0), *coefficients]
        coefficients = [
            higher - size * lower
            for higher, lower in zip(shifted, [*coefficients, Fraction(0)], strict=True)
        ]
        coefficients[0] += difference
    while len(coefficients) > 1 and not coefficients[-1]:
        coefficients.pop()
    return coefficients
