"""What an input spec string says, such as ``"float32[1, 3, 224, 224]"`` or ``"int64[2] = 0"``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from pytest_burden.errors import BurdenError, quoted, suggest

BYTES: dict[str, int] = {
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "int16": 2,
    "uint16": 2,
    "int32": 4,
    "uint32": 4,
    "int64": 8,
    "uint64": 8,
    "float8_e4m3fn": 1,
    "float8_e5m2": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1,
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
    "complex32": 4,
    "complex64": 8,
    "complex128": 16,
    "qint8": 1,
    "quint8": 1,
    "qint32": 4,
}
"""Bytes of one element, by torch's name of the dtype."""

EXAMPLE = '"float32[1, 3, 224, 224]", "1x3x224x224" or "int64[2, 128] = 0"'

_BRACKETS = re.compile(r"(?P<dtype>[A-Za-z]\w*)\s*\[(?P<shape>[^\[\]]*)\]\s*(?:=\s*(?P<fill>\S+))?")
_CROSSES = re.compile(r"(?P<shape>\d+(?:x\d+)*)")
_MEANT = re.compile(r"\s*(?:\w+\s*\[|[1-9][0-9]*(?:x[0-9]+)+\s*\Z)")


_TOO_MANY = 2**63
_DIGITS = 20
"""Longer numbers are too large anyway, and Python reads no more than some thousand digits."""
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class InputSpec:
    """A tensor to be made: dtype by torch's name, shape, and the value of integers and bools."""

    dtype: str
    shape: tuple[int, ...]
    fill: int = 1

    def __str__(self) -> str:
        fill = "" if self.fill == 1 else f" = {self.fill}"
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]{fill}"


def by_name(kwargs: object) -> dict[str, Any]:
    """Return keyword inputs as a dictionary of its own; None is none of them.

    Raises:
        BurdenError: they have no names.
    """
    if kwargs is None:
        return {}
    if isinstance(kwargs, Mapping) and all(isinstance(name, str) for name in kwargs):
        return dict(kwargs)
    raise BurdenError(
        "Invalid kwargs (not a mapping from names to inputs, as in {'mask': 'bool[1, 128]'}):"
        f" {quoted(kwargs)}"
    )


def is_meant(text: str) -> bool:
    """Return whether a text is meant as a spec where it may be a mode or a name as well.

    It has a bracket, right or wrong inside, or is made of crosses, ``1x8``. A number alone and
    ``0x10`` may be something else, although they are specs in the place of an input.
    """
    return _MEANT.match(text) is not None


def parse_input(text: str) -> InputSpec:
    """Read one spec; the whole string must match.

    Raises:
        BurdenError: the text is not a spec; the message says which part is wrong.
    """
    stripped = text.strip()
    if match := _CROSSES.fullmatch(stripped):
        return InputSpec("float32", _shape(match["shape"].replace("x", ","), "float32", text))
    match = _BRACKETS.fullmatch(stripped)
    if match is None:
        reason = _named_by_crosses(stripped) or f"not of the form {EXAMPLE}"
        raise BurdenError(f"Invalid input spec ({reason}): {quoted(text)}")
    dtype = match["dtype"]
    if dtype not in BYTES or dtype.startswith(("q", "complex32")):
        raise BurdenError(
            f"Invalid input spec (unknown dtype{suggest(dtype, BYTES)}): {quoted(text)}"
        )
    return InputSpec(dtype, _shape(match["shape"], dtype, text), _fill(match["fill"], dtype, text))


def _named_by_crosses(text: str) -> str:
    """Return what to write in place of ``1x8xS``: a name may have a cross in it."""
    sizes = text.split("x")
    if not (_CROSSES.match(text) and len(sizes) > 1 and all(map(str.isalnum, sizes))):
        return ""
    return f'sizes that have names stand in brackets, "float32[{", ".join(sizes)}]"'


def _shape(sizes: str, dtype: str, text: str) -> tuple[int, ...]:
    if not sizes.strip():
        return ()
    parts = [part.strip() for part in sizes.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise BurdenError(f"Invalid input spec (a size is not a whole number): {quoted(text)}")
    shape = tuple(int(part) if len(part) <= _DIGITS else 10**_DIGITS for part in parts)
    if prod(size or 1 for size in shape) * BYTES[dtype] >= _TOO_MANY:
        raise BurdenError(
            f"Invalid input spec (a tensor has less than 2^63 bytes): {quoted(text, _SHOWN)}"
        )
    return shape


def _fill(value: str | None, dtype: str, text: str) -> int:
    if value is None:
        return 1
    if dtype.startswith(("float", "bfloat", "complex")):
        raise BurdenError(
            f"Invalid input spec (only integers and bools take a value): {quoted(text)}"
        )
    named = {"True": 1, "False": 0} if dtype == "bool" else {}
    if value in named:
        return named[value]
    if not re.fullmatch(r"-?[0-9]+", value):
        raise BurdenError(f"Invalid input spec (the value is not a whole number): {quoted(text)}")
    least, most = _range(dtype)
    if len(value) > _DIGITS or not least <= int(value) <= most:
        raise BurdenError(
            f"Invalid input spec ({dtype} holds {least:,} to {most:,}): {quoted(text, _SHOWN)}"
        )
    return int(value)


def _range(dtype: str) -> tuple[int, int]:
    """Return the least and the greatest number that integers of a kind, or bools, hold."""
    if dtype == "bool":
        return 0, 1
    half = 2 ** (8 * BYTES[dtype] - 1)
    if dtype.startswith("uint"):
        return 0, min(2 * half, _TOO_MANY) - 1  # torch fills with signed numbers
    return -half, half - 1
