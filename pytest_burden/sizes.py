"""Sizes that have a name: ``"float32[B, 3, S, S]"``, and what they are varied over."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

from pytest_burden.errors import BurdenError, quoted, suggest

EXAMPLE = "S=112:672:112 or B=1,8,128"
SIZES_EXAMPLE = 'sizes={"S": 128}'
VARY_EXAMPLE = 'vary={"S": "128:1024:128"}'
"""What works, for messages."""
MOST = 10_000
"""Points of one sweep."""
LARGEST = 10**18 - 1
"""A size; what is larger is no size of a tensor."""
TOO_LARGE = "not below 10^18"
_TOO_MUCH = 2**63


class TooSmallError(BurdenError):
    """A size that was worked out of others is not above zero."""


Sizes = Mapping[str, int]
"""A size for each symbol."""

_NAME = re.compile(r"[A-Za-z_]\w*")
_SPEC = re.compile(r"\s*\w+\s*\[(?P<shape>[^\[\]]*)\].*", re.DOTALL)
_OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}


def parse_vary(text: str) -> tuple[str, tuple[int, ...]]:
    """Return a symbol and its sizes from ``S=112:672:112`` or ``B=1,8,128``.

    Raises:
        BurdenError: it is neither; one line says why.
    """
    name, equals, sizes = (part.strip() for part in text.partition("="))
    if not equals or not _NAME.fullmatch(name):
        raise BurdenError(f"Invalid sizes (not of the form {EXAMPLE}): {quoted(text)}")
    return name, parse_sizes(sizes, text)


def parse_sizes(text: str, whole: str = "") -> tuple[int, ...]:
    """Return the sizes of ``112:672:112`` or ``1,8,128``, ascending, each once.

    A range is first:last:step, the last included where a step reaches it; the step is 1 if it is
    left out.

    Args:
        text: the sizes.
        whole: what is shown in an error in its place.

    Raises:
        BurdenError: it is neither; one line says why.
    """
    shown = whole or text
    colons = ":" in text
    parts = [part.strip() for part in text.split(":" if colons else ",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise BurdenError(f"Invalid sizes (not whole numbers, as in {EXAMPLE}): {quoted(shown)}")
    if any(len(part) > len(str(LARGEST)) for part in parts):  # before Python reads all of it
        raise BurdenError(f"Invalid sizes ({TOO_LARGE}): {quoted(shown)}")
    found: Iterable[int] = map(int, parts)
    if colons:
        first, last, *step = found
        if len(step) > 1 or 0 in step:
            raise BurdenError(f"Invalid sizes (a range is first:last:step): {quoted(shown)}")
        found = range(first, last + 1, *step)
        if len(found) > MOST:
            raise BurdenError(f"Invalid sizes ({len(found):,}, at most {MOST:,}): {quoted(shown)}")
    return checked(found, shown)


def any_sizes(sizes: object) -> tuple[int, ...]:
    """Return sizes from a text such as ``112:672:112``, from a list, or from any iterable.

    Raises:
        BurdenError: it is none of these; one line says why.
    """
    if isinstance(sizes, str):
        return parse_sizes(sizes)
    if isinstance(sizes, Iterable):
        return checked(sizes, sizes)
    raise BurdenError(f"Invalid sizes (not of the form '112:672:112' or [1, 8]): {quoted(sizes)}")


def named(symbol: object) -> str:
    """Return the name of a size.

    Raises:
        BurdenError: it is none.
    """
    if isinstance(symbol, str) and _NAME.fullmatch(symbol):
        return symbol
    raise BurdenError(f"Invalid sizes (not the name of a size): {quoted(symbol)}")


def by_symbol(given: object, example: str) -> Mapping[str, Any]:
    """Return what is given for each symbol; None is for none.

    Args:
        given: a mapping.
        example: what works, for the message.

    Raises:
        BurdenError: it is none.
    """
    if isinstance(given, Mapping):
        return given
    if given is None:
        return {}
    raise BurdenError(f"Invalid sizes (not of the form {example}): {quoted(given)}")


def own_sizes(given: object) -> dict[str, int]:
    """Return one size for each symbol.

    Raises:
        BurdenError: one is no whole number from 1 up, or has no name.
    """
    sizes = by_symbol(given, SIZES_EXAMPLE)
    return {named(name): checked([size], {name: size})[0] for name, size in sizes.items()}


def all_sizes(given: object) -> dict[str, tuple[int, ...]]:
    """Return the sizes over which each symbol is varied, as `any_sizes` reads them.

    Raises:
        BurdenError: there are none.
    """
    return {named(name): any_sizes(each) for name, each in by_symbol(given, VARY_EXAMPLE).items()}


def path_of(until: object) -> str:
    """Return the path of the module up to which a network is run; empty for all of it.

    Raises:
        BurdenError: it is none.
    """
    if isinstance(until, (str, type(None))):
        return until or ""
    raise BurdenError(f"Invalid until (not the path of a module): {quoted(until)}")


def checked(sizes: Iterable[object], shown: object) -> tuple[int, ...]:
    """Return sizes, ascending, each once.

    Raises:
        BurdenError: there is none, or one is no whole number from 1 up.
    """
    found = list(islice(sizes, MOST + 1))  # it may have no end
    if len(found) > MOST:
        raise BurdenError(f"Invalid sizes (at most {MOST:,}): {quoted(shown)}")
    if not found:
        raise BurdenError(f"Invalid sizes (there is none): {quoted(shown)}")
    if any(type(size) is not int or size < 1 for size in found):
        raise BurdenError(f"Invalid sizes (not whole numbers from 1 up): {quoted(shown)}")
    whole = {size for size in found if isinstance(size, int)}
    if max(whole) > LARGEST:
        raise BurdenError(f"Invalid sizes ({TOO_LARGE}): {quoted(shown)}")
    return tuple(sorted(whole))


def points(vary: Mapping[str, Sequence[int]]) -> list[dict[str, int]]:
    """Return all combinations of sizes, those of the last symbol changing fastest.

    Raises:
        BurdenError: there are more than `MOST`.
    """
    count = math.prod(map(len, vary.values()))
    if count > MOST:
        raise BurdenError(f"these sizes have {count:,} combinations, at most {MOST:,}")
    return [dict(zip(vary, sizes, strict=True)) for sizes in product(*vary.values())]


def symbols(value: object) -> Iterator[str]:
    """Yield the names of sizes in a nest of specs, also in what is no spec but has brackets."""
    if isinstance(value, str):
        if match := _SPEC.fullmatch(value):
            yield from _NAME.findall(match["shape"])
        return
    inner = value.values() if isinstance(value, Mapping) else value
    if isinstance(inner, Iterable):
        for each in inner if isinstance(value, (list, tuple, dict)) else ():
            yield from symbols(each)


def filled(value: Any, sizes: Sizes) -> Any:
    """Return a nest of specs with numbers in the place of symbols.

    A size may be worked out: ``"float32[B, S*S + 1, 768]"``, by ``+ - * //``.

    Raises:
        TooSmallError: a size is not above zero.
        BurdenError: a symbol has no size.
    """
    if isinstance(value, str):
        match = _SPEC.fullmatch(value)
        if match is None or not _NAME.search(match["shape"]):
            return value
        numbers = [str(_size(part, sizes, value)) for part in match["shape"].split(",")]
        start, end = match.span("shape")
        return f"{value[:start]}{', '.join(numbers)}{value[end:]}"
    if type(value) in (list, tuple):
        return type(value)(filled(each, sizes) for each in value)
    if type(value) is dict:
        return {key: filled(each, sizes) for key, each in value.items()}
    return value


_UNREADABLE = (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError)
"""What Python says of arithmetic that is none, or is nested too deeply."""


def _size(text: str, sizes: Sizes, spec: str) -> int:
    try:
        number = _number(ast.parse(text.strip(), mode="eval").body, sizes, spec)
    except _UNREADABLE as error:
        raise BurdenError(
            "Invalid input spec (a size is made of whole numbers, symbols and + - * //):"
            f" {quoted(spec)}"
        ) from error
    if abs(number) >= _TOO_MUCH:
        raise BurdenError(f"Invalid input spec (a tensor has less than 2^63 bytes): {quoted(spec)}")
    if number < 1:
        raise TooSmallError(f"Invalid input spec ({text.strip()} is {number}): {quoted(spec)}")
    return number


def _number(node: ast.expr, sizes: Sizes, spec: str) -> int:
    if isinstance(node, ast.Name):
        if node.id not in sizes:
            near = suggest(node.id, sizes) or ": give it one, or put a number in its place"
            raise BurdenError(
                f"Invalid input spec (no size is given for {node.id}{near}): {quoted(spec)}"
            )
        return sizes[node.id]
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = (_number(side, sizes, spec) for side in (node.left, node.right))
        return _OPERATORS[type(node.op)](left, right)
    raise ValueError(node)
