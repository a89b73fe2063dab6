"""Whether frozen data that was made from a file has the types that its classes say."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any, Literal, Union

from pytest_burden.budget.units import TOO_MUCH

_PLAIN: Mapping[object, str] = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "true or false",
    Fraction: "a fraction",
    type(None): "null",
}


def misfit(value: object, hint: Any, path: str = "") -> str:
    """Return where a value is not what its annotation says, and what belongs there; else nothing.

    It looks into dataclasses, named tuples, tuples and mappings: ``burden.flops: not a whole
    number``.
    """
    return next(_misfits(value, hint, path), "")


def _misfits(value: object, hint: Any, path: str) -> Iterator[str]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        found = [misfit(value, each, path) for each in arguments]
        if all(found):
            # Of null or something, what is there was meant to be the something.
            yield found[0]
    elif origin is Literal:
        if value not in arguments:
            yield f"{path}: not one of {', '.join(map(repr, arguments))}"
    elif origin is tuple:
        yield from _in_tuple(value, arguments, path)
    elif origin is not None:
        yield from _in_mapping(value, arguments, path)
    elif dataclasses.is_dataclass(hint) or hasattr(hint, "_fields"):
        yield from _in_fields(value, hint, path)
    else:
        yield from _plain(value, hint, path)


def _in_fields(value: object, hint: Any, path: str) -> Iterator[str]:
    if not isinstance(value, hint):
        yield f"{path}: no {hint.__name__.lower()}"
        return
    for name, each in _fields(hint).items():
        yield from _misfits(getattr(value, name), each, f"{path}.{name}".lstrip("."))


def _plain(value: object, hint: Any, path: str) -> Iterator[str]:
    # True is no number; and in JSON a number may have lost its point.
    if type(value) is not hint and not (hint is float and type(value) is int):
        yield f"{path}: not {_PLAIN.get(hint) or f'a {hint.__name__.lower()}'}"
    elif isinstance(value, int) and abs(value) >= TOO_MUCH:
        yield f"{path}: more than any network has"


def _in_tuple(value: object, arguments: tuple[Any, ...], path: str) -> Iterator[str]:
    if not isinstance(value, tuple):
        yield f"{path}: not a list"
        return
    each = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
    if len(each) != len(value):
        yield f"{path}: not {len(each)} values"
        return
    if each and all(hint is each[0] for hint in each) and _all_plain(value, each[0]):
        return
    for number, (part, hint) in enumerate(zip(value, each, strict=True)):
        yield from _misfits(part, hint, f"{path}[{number}]")


def _all_plain(value: tuple[object, ...], hint: object) -> bool:
    """Return quickly whether a long list, such as a timeline, is well."""
    if hint is not int:
        return False
    return all(type(part) is int and -TOO_MUCH < part < TOO_MUCH for part in value)


def _in_mapping(value: object, arguments: tuple[Any, ...], path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path}: not a table"
        return
    for key, part in value.items():
        yield from _misfits(key, arguments[0], path)
        yield from _misfits(part, arguments[1], f"{path}.{key}")


@cache
def _fields(cls: Any) -> Mapping[str, Any]:
    return typing.get_type_hints(cls)
