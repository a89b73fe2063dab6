"""Values out of JSON that somebody else has written."""

from __future__ import annotations

from typing import TypeVar

from pytest_burden.errors import BurdenError

T = TypeVar("T", int, str, bool, list[object])

_KINDS = {int: "a whole number", str: "a text", bool: "true or false", list: "a list"}


def find(data: object, path: str) -> object | None:
    """Return what stands at ``head.repo.id``, None if nothing or null does."""
    for key in path.split("."):
        data = data.get(key) if isinstance(data, dict) else None
    return data


def pick(data: object, path: str, kind: type[T], source: str) -> T:
    """Return the value at ``head.repo.id``.

    Args:
        data: from JSON.
        path: names of keys, with dots between them.
        kind: what the value must be; ``true`` is no number.
        source: where the data comes from, for the message.

    Raises:
        BurdenError: it is missing, or something else.
    """
    value = find(data, path)
    if type(value) is not kind:
        what = "is missing" if value is None else f"is not {_KINDS[kind]}"
        raise BurdenError(f"{source}: {path} {what}")
    return value
