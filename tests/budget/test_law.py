"""Laws of growth: found exactly, only where they hold, and checked by points left out."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pytest_burden.budget.law import HIGHEST, Law, Remainder, law, trend


def values(
    function: Callable[..., int], *sizes: range | tuple[int, ...]
) -> dict[tuple[int, ...], int]:
    """Return what a function makes of all combinations of sizes."""
    return {point: function(*point) for point in product(*sizes)}


def found(function: Callable[..., int], *sizes: range | tuple[int, ...]) -> Law:
    """Return the law of a function in S, B, ... ."""
    exact = law("SBL"[: len(sizes)], values(function, *sizes))
    assert exact is not None
    return exact


def up(size: int, step: int) -> int:
    """Return how many steps of a stride there are."""
    return -(-size // step)


@pytest.mark.parametrize(
    ("function", "sizes", "coefficients"),
    [
        (lambda _: 7, (range(1, 4),), {(0,): 7}),
        (lambda _: 0, (range(1, 4),), {}),
        (lambda s: 5 * s, (range(1, 4),), {(1,): 5}),
        (lambda s: 3 * s * s - 4 * s + 1, (range(2, 6),), {(2,): 3, (1,): -4, (0,): 1}),
        (lambda s: s * (s + 1) // 2, (range(1, 6),), {(2,): Fraction(1, 2), (1,): Fraction(1, 2)}),
        (lambda s, b: b * s * s, (range(8, 48, 8), (1, 8, 128)), {(2, 1): 1}),
        (lambda s, b: b + 2 * s, (range(1, 4), (1, 2, 5)), {(0, 1): 1, (1, 0): 2}),
        (lambda s, _: 6 * s, (range(1, 4), (1, 2, 5)), {(1, 0): 6}),
        (
            lambda s, b, n: n * (2 * b * s * s + 12 * b * b * s),
            (range(1, 6), range(1, 6), range(1, 4)),
            {(2, 1, 1): 2, (1, 2, 1): 12},
        ),
        (lambda s: 10**30 * s + 1, (range(1, 4),), {(1,): 10**30, (0,): 1}),
    ],
)
def test_exact(
    function: Callable[..., int],
    sizes: tuple[range | tuple[int, ...], ...],
    coefficients: dict[tuple[int, ...], int],
) -> None:
    """Every coefficient is that of the polynomial, as a fraction."""
    exact = found(function, *sizes)
    assert exact.coefficients == coefficients
    assert exact.points == math.prod(map(len, sizes))
    assert all(exact.at(point) == value for point, value in values(function, *sizes).items())


@pytest.mark.parametrize(
    ("function", "sizes"),
    [
        (lambda s: s * s, (1, 2, 3)),  # all three are needed to find it
        (lambda s: s, (1, 2)),
        (lambda s: s, (5,)),
        (lambda s: 2**s, range(1, 12)),
        (lambda s: s.bit_length(), range(1, 40)),
        (lambda s: math.isqrt(s**3), range(1, 40)),
    ],
)
def test_none(function: Callable[[int], int], sizes: range | tuple[int, ...]) -> None:
    """What no left-out point has checked is no law."""
    assert law("S", values(function, sizes)) is None


@pytest.mark.parametrize(
    ("function", "sizes", "kind", "degree"),
    [
        (lambda s: up(s, 32) ** 2, range(16, 320, 16), Remainder(32, 0), 2),
        (lambda s: up(s, 32) ** 2, range(32, 320, 32), Remainder(32, 0), 2),
        (lambda s: (s // 4) ** 2, range(5, 40, 2), Remainder(4, 1), 2),
        (lambda s: up(s, 7) * s, range(1, 60), Remainder(7, 0), 2),
        (lambda s: s, range(3, 30, 3), Remainder(3, 0), 1),
        (lambda s: s, range(4, 30, 3), Remainder(3, 1), 1),
        (lambda s: s, (1, 8, 128), Remainder(1, 0), 1),
    ],
)
def test_classes(
    function: Callable[[int], int], sizes: range | tuple[int, ...], kind: Remainder, degree: int
) -> None:
    """Strides round: the widest class of sizes for which it holds, multiples before others."""
    exact = found(function, sizes)
    assert exact.classes == (kind,)
    assert exact.degree("S") == degree
    within = [size for size in sizes if size in kind]
    assert exact.points == len(within)
    assert all(exact.at((size,)) == function(size) for size in within)
    assert exact.holds_at((within[0],))
    assert not exact.holds_at((within[0] + 1,)) or kind.modulus == 1


def test_a_class_of_one_symbol() -> None:
    """The class of one symbol does not narrow the other."""
    exact = found(lambda s, b: b * up(s, 32) ** 2, range(16, 320, 16), (1, 2, 3))
    assert exact.classes == (Remainder(32, 0), Remainder(1, 0))
    assert exact.coefficients == {(2, 1): Fraction(1, 1024)}


def test_missing_points() -> None:
    """Points that could not be measured leave out their size, and no other."""
    known = values(lambda s, b: s * b, range(1, 8), range(1, 5))
    for b in range(1, 5):
        del known[1, b]
    del known[3, 2]
    exact = law("SB", known)
    assert exact is not None
    assert exact.coefficients == {(1, 1): 1}
    assert exact.points == 5 * 4


@pytest.mark.parametrize(("power", "is_found"), [(HIGHEST, True), (HIGHEST + 1, False)])
def test_the_highest_power(power: int, is_found: bool) -> None:
    """None above is looked for: what has no law would take minutes at a thousand sizes."""
    known: dict[tuple[int, ...], int] = {(size,): size**power for size in range(1, HIGHEST + 5)}
    assert (law("S", known) is not None) is is_found


def test_nothing() -> None:
    """Without a point there is neither law nor trend."""
    assert law("S", {}) is None
    assert trend("S", {}, "S") is None


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 2), st.integers(0, 2)),
        st.integers(-(10**12), 10**12).filter(bool),
        max_size=5,
    ),
    st.integers(1, 40),
    st.integers(1, 40),
)
@settings(max_examples=60, deadline=None)
def test_any_polynomial(coefficients: dict[tuple[int, int], int], step: int, start: int) -> None:
    """Whatever the coefficients, the polynomial comes back, of two symbols with four sizes each."""

    def function(s: int, b: int) -> int:
        return sum(factor * s**i * b**j for (i, j), factor in coefficients.items())

    sizes = range(start, start + 4 * step, step)
    exact = found(function, sizes, (1, 2, 5, 9))
    assert exact.coefficients == coefficients
    later = (start + 11 * step, 123)
    assert exact.at(later) == function(*later)


@given(
    st.lists(st.integers(0, 10**6), min_size=5, max_size=5),
    st.integers(0, 4),
    st.integers(1, 10**6),
)
def test_one_point_that_differs(heights: list[int], place: int, more: int) -> None:
    """A law never stands at a point that has another value."""
    sizes = (2, 3, 5, 7, 11)
    known: dict[tuple[int, ...], int] = {(size,): 4 * size + 1 for size in sizes}
    known[sizes[place],] += more
    exact = law("S", known)
    if exact is not None:
        assert all(exact.at(point) == known[point] for point in known if exact.holds_at(point))
    assume(sum(heights) > 0)
    drawn: dict[tuple[int, ...], int] = dict(zip([(size,) for size in sizes], heights, strict=True))
    other = law("S", drawn)
    if other is not None:
        assert all(other.at(point) == drawn[point] for point in drawn if other.holds_at(point))


@pytest.mark.parametrize(
    ("exponent", "factors"), [(1.5, (1,)), (2.0, (1, 7)), (0.5, (3, 5, 1000)), (3.0, (1,))]
)
def test_trend(exponent: float, factors: tuple[int, ...]) -> None:
    """The exponent of a power, whatever the factor at each other size."""
    known = values(lambda s, b: round(10**6 * b * s**exponent), range(16, 512, 16), factors)
    fitted = trend("SB", known, "S")
    assert fitted is not None
    assert fitted.exponent == pytest.approx(exponent, abs=1e-3)
    assert fitted.error < 1e-3


def test_error_of_a_trend() -> None:
    """By hand: three points about a line of slope 1 in logarithms, one off by 0.3."""
    x = [0.0, 1.0, 2.0]
    y = [0.0, 1.3, 2.0]
    known: dict[tuple[int, ...], int] = {
        (round(10**6 * math.exp(a)),): round(10**6 * math.exp(b)) for a, b in zip(x, y, strict=True)
    }
    fitted = trend("S", known, "S")
    assert fitted is not None
    assert fitted.exponent == pytest.approx(1.0, abs=1e-4)
    # Residuals -0.1, 0.2, -0.1; one degree of freedom; the squares of x sum to 2.
    assert fitted.error == pytest.approx(math.sqrt(0.06 / 1 / 2), abs=1e-4)


@pytest.mark.parametrize("known", [{(1,): 5, (2,): 6}, {(1,): 0, (2,): 1, (3,): 2}])
def test_no_trend(known: dict[tuple[int, ...], int]) -> None:
    """Two points are no fit, and nothing has no logarithm."""
    assert trend("S", known, "S") is None
