"""Results that somebody else has measured: read strictly, and held to bounds of their own."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_burden.errors import BurdenError
from pytest_burden.report.jsonfile import Written, from_dict, load

LARGEST = 128 * 2**20
"""Bytes of the file."""
MOST = 20_000
"""Measurements, and entries of any other list of the run or of one measurement."""
MOST_VALUES = 16_000_000
"""Values in the whole file, by what stands between them; one of the largest size has fewer."""
LONGEST = 10_000
"""Characters of one text: a node id, or what an error said."""

_NO_TEXT = {int, bool, type(None)}


class TooLargeError(BurdenError):
    """Results that may be well, but are more than is read of somebody else."""


def read(content: bytes, name: str) -> Written:
    """Return results, every text and number of which may still have been made up.

    Texts longer than `LONGEST` are cut, and say so.

    Args:
        content: of the file.
        name: of the file, for messages.

    Raises:
        TooLargeError: they are beyond a bound.
        BurdenError: they are not of the form that this version writes.
    """
    if len(content) > LARGEST:
        raise TooLargeError(f"{name}: {len(content):,} bytes, allowed are {LARGEST:,}")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise BurdenError(f"{name}: not UTF-8 ({error.reason})") from error
    values = sum(map(text.count, ",:[{"))
    if values > MOST_VALUES:
        raise TooLargeError(f"{name}: some {values:,} values, allowed are {MOST_VALUES:,}")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return load(text, name)  # which says what is wrong
    # Before they are looked at one by one, which takes its time.
    for problem in _too_many(data):
        raise TooLargeError(f"{name}: {problem}")
    written = from_dict(data, name)
    for problem in _too_long(written):
        raise TooLargeError(f"{name}: {problem}")
    return Written(_cut(written.run), _cut(written.versions))


def _too_many(data: object) -> Iterator[str]:
    """Yield which lists are too long, of the whole run first."""
    yield from _long_lists(data, "")
    measurements = data.get("measurements") if isinstance(data, dict) else None
    for each in measurements if isinstance(measurements, list) else ():
        yield from _long_lists(each, " of one measurement")


def _long_lists(data: object, where: str) -> Iterator[str]:
    for key, value in data.items() if isinstance(data, dict) else ():
        if isinstance(value, list | dict) and len(value) > MOST:
            yield f"{len(value):,} entries in {key}{where}, allowed are {MOST:,}"


def _too_long(written: Written) -> Iterator[str]:
    for result in written.run.results:
        longest = max(len(result.id), len(result.test))
        if longest > LONGEST:
            yield f"a name of {longest:,} characters, allowed are {LONGEST:,}"


def _cut(value: Any) -> Any:
    """Return frozen data with every text in it that is too long cut; itself where none is."""
    if isinstance(value, str):
        more = len(value) - LONGEST
        return value if more <= 0 else f"{value[:LONGEST]}... ({more:,} characters more)"
    if isinstance(value, tuple):
        return _cut_tuple(value)
    if dataclasses.is_dataclass(value):
        return _cut_fields(value)
    if isinstance(value, Mapping):
        cut = {_cut(key): _cut(part) for key, part in value.items()}
        return value if cut == value else cut
    return value


def _cut_tuple(value: tuple[Any, ...]) -> tuple[Any, ...]:
    if {*map(type, value)} <= _NO_TEXT:  # a timeline can be very long
        return value
    parts = list(map(_cut, value))
    if all(part is before for part, before in zip(parts, value, strict=True)):
        return value
    return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)


def _cut_fields(value: Any) -> Any:
    parts = ((each.name, getattr(value, each.name)) for each in dataclasses.fields(value))
    changed = {name: new for name, part in parts if (new := _cut(part)) is not part}
    return dataclasses.replace(value, **changed) if changed else value
