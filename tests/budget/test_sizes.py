"""Sizes with names: ranges and lists, and what specs make of them."""

from __future__ import annotations

from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.errors import BurdenError
from pytest_burden.sizes import MOST, any_sizes, filled, parse_sizes, parse_vary, points, symbols


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("S=112:672:112", ("S", (112, 224, 336, 448, 560, 672))),
        ("S=1:4", ("S", (1, 2, 3, 4))),
        ("S=1:5:3", ("S", (1, 4))),
        (" B = 8, 1 ,1", ("B", (1, 8))),
        ("width=7", ("width", (7,))),
    ],
)
def test_vary(text: str, expected: tuple[str, tuple[int, ...]]) -> None:
    """A range has both ends; a list is sorted, and has each size once."""
    assert parse_vary(text) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("S", "not of the form S=112:672:112 or B=1,8,128"),
        ("=1", "not of the form"),
        ("2S=1", "not of the form"),
        ("S=", "not whole numbers, as in"),
        ("S=a:b", "not whole numbers, as in"),
        ("S=1.5", "not whole numbers, as in"),
        ("S=-1", "not whole numbers, as in"),
        ("S=1:", "not whole numbers, as in"),
        ("S=0,1", "not whole numbers from 1 up"),
        ("S=0:4", "not whole numbers from 1 up"),
        ("S=4:1", "there is none"),
        ("S=1:9:0", "a range is first:last:step"),
        ("S=1:2:3:4", "a range is first:last:step"),
        ("S=1:99999999", "99,999,999, at most 10,000"),
        ("S=1:99999999999999999999", "not below 10^18"),
        (f"S={10**18}", "not below 10^18"),
        (f"S={','.join(map(str, range(1, MOST + 2)))}", "at most 10,000"),
    ],
)
def test_bad_sizes(text: str, told: str) -> None:
    """One line says what is wrong, and shows what was given."""
    with pytest.raises(BurdenError) as raised:
        parse_vary(text)
    assert told in str(raised.value)
    assert str(raised.value).endswith(repr(text) if len(text) < 100 else "...")


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ("9" * 5000, "not below 10^18"),
        ([16**5000], "not below 10^18): <list, which has no repr>"),
        (count(1), "at most 10,000"),
        (range(1, 10**12), "at most 10,000"),
        (16**5000, "not of the form '112:672:112' or [1, 8]"),
    ],
    ids=["text", "list", "endless", "range", "number"],
)
def test_bad_sizes_of_a_call(sizes: object, told: str) -> None:
    """What is too large or does not end is not waited for; it is shown as far as it can be."""
    with pytest.raises(BurdenError) as raised:
        any_sizes(sizes)
    assert told in str(raised.value)
    assert len(str(raised.value)) < 300


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=20))
def test_lists_come_back(sizes: list[int]) -> None:
    """What is written is read."""
    assert parse_sizes(",".join(map(str, sizes))) == tuple(sorted(set(sizes)))


@given(st.integers(1, 500), st.integers(0, 500), st.integers(1, 50))
def test_ranges(first: int, length: int, step: int) -> None:
    """A range has its last size exactly if a step reaches it."""
    found = parse_sizes(f"{first}:{first + length}:{step}")
    assert found[0] == first
    assert all(b - a == step for a, b in pairwise(found))
    assert first + length - step < found[-1] <= first + length


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("float32[B, 3, S, S]", "float32[2, 3, 8, 8]"),
        ("int64[B,S] = 0", "int64[2, 8] = 0"),
        ("float32[B, S*S + 1, 768]", "float32[2, 65, 768]"),
        ("float32[(S - 2) // B, 2*S]", "float32[3, 16]"),
        ("float32[1, 3]", "float32[1, 3]"),
        ("1x3x8", "1x3x8"),
        ("a mode", "a mode"),
        (
            ["float32[S]", {"mask": "bool[B]"}, 3, None],
            ["float32[8]", {"mask": "bool[2]"}, 3, None],
        ),
        (("float32[S]",), ("float32[8]",)),
    ],
)
def test_filled(spec: Any, expected: Any) -> None:
    """Symbols are numbers then, worked out where there is arithmetic; all else is as it was."""
    assert filled(spec, {"S": 8, "B": 2}) == expected


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("float32[T]", "no size is given for T"),
        ("float32[size]", "no size is given for size (nearest: Size)"),
        ("float32[S**2]", "whole numbers, symbols and + - * //"),
        ("float32[S/2]", "whole numbers, symbols and + - * //"),
        ("float32[S.real]", "whole numbers, symbols and + - * //"),
        ("float32[f(S)]", "whole numbers, symbols and + - * //"),
        ("float32[S, ]", "whole numbers, symbols and + - * //"),
        ("float32[S // 0]", "whole numbers, symbols and + - * //"),
        ("float32[S - 8]", "S - 8 is 0"),
        ("float32[S - 99]", "S - 99 is -91"),
        (f"float32[{'S*' * 30}S]", "a tensor has less than 2^63 bytes"),
        (f"float32[1 - {'S*' * 30}S]", "a tensor has less than 2^63 bytes"),
    ],
)
def test_not_filled(spec: str, told: str) -> None:
    """What cannot be worked out is told with the spec."""
    with pytest.raises(BurdenError) as raised:
        filled(spec, {"S": 8, "Size": 3})
    assert told in str(raised.value)
    assert repr(spec) in str(raised.value)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (f"float32[{'S*' * 10_000}S]", "a size is made of"),
        (f"float32[{'S*' * 400}S]", "a tensor has less than 2^63 bytes"),
        (f"float32[S, 0x{'f' * 5000}]", "a tensor has less than 2^63 bytes"),
        (f"float32[S - {'9' * 5000}]", "a size is made of"),
        (f"float32[{'(' * 9000}S{')' * 9000}]", "a size is made of"),
    ],
    ids=["deep", "product", "hex", "digits", "brackets"],
)
def test_not_filled_at_any_length(spec: str, told: str) -> None:
    """What Python cannot read or print is told too, so much of it as there is room for."""
    with pytest.raises(BurdenError) as raised:
        filled(spec, {"S": 8000})
    assert told in str(raised.value)
    assert len(str(raised.value)) < 400


def test_symbols() -> None:
    """All names in all specs, wherever they stand."""
    nest = ("float32[B, 3]", {"x": ["int64[S*S, B]"], "mode": "fast"}, 3)
    assert set(symbols(nest)) == {"B", "S"}


def test_points() -> None:
    """All combinations, the last symbol changing fastest; not more than can be waited for."""
    assert points({"S": (1, 2), "B": (3, 4)}) == [
        {"S": 1, "B": 3},
        {"S": 1, "B": 4},
        {"S": 2, "B": 3},
        {"S": 2, "B": 4},
    ]
    with pytest.raises(BurdenError, match="10,100 combinations, at most 10,000"):
        points({"S": range(1, 102), "B": range(1, MOST // 100 + 1)})
