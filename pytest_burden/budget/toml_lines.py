"""On which line of a TOML file a key or a table stands: the parser does not say."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Path = tuple[str, ...]


class Statement(NamedTuple):
    """A key or a table header: where it begins and ends, and its full path."""

    line: int
    """From 1."""
    end: int
    """Its last line."""
    path: Path
    header: bool


def find_line(text: str, path: Sequence[str]) -> int | None:
    """Return the line (from 1) of the key or table ``path``, or of the nearest table around it.

    ``text`` must be valid TOML. None if not even the first part of the path is written.
    """
    return nearest_line(all_lines(text), path)


def all_lines(text: str) -> dict[Path, int]:
    """Return the line (from 1) of every key and table of a valid TOML text."""
    lines: dict[Path, int] = {}
    for each in statements(text):
        for end in range(1, len(each.path) + 1):
            lines.setdefault(each.path[:end], each.line)
    return lines


def nearest_line(lines: Mapping[Path, int], path: Sequence[str]) -> int | None:
    """Return the line of ``path`` among those of `all_lines`, or of the nearest table around it."""
    around = (tuple(path[:end]) for end in range(len(path), 0, -1))
    return next((lines[outer] for outer in around if outer in lines), None)


def find_item_line(text: str, path: Sequence[str], index: int) -> int | None:
    """Return the line of the table number ``index`` (from 0) of ``[[path]]``; None if not there.

    Tables in one array, ``path = [{...}, {...}]``, all stand where the array begins.
    """
    lines = [each.line for each in statements(text) if each.path == tuple(path)]
    return lines[min(index, len(lines) - 1)] if lines else None


def statements(text: str) -> Iterator[Statement]:
    """Yield each table header and each key, those of inline tables too, in the order they stand."""
    table: Path = ()
    pending = ""
    start = 0
    for number, line in enumerate(text.split("\n"), start=1):
        start = start if pending else number
        pending += f"{line}\n"
        if line.rstrip().endswith(",") and "#" not in line:
            continue  # inside an array; parsing each line of a long one would take quadratic time
        try:
            parsed = tomllib.loads(pending)
        except (ValueError, RecursionError):
            continue  # an array or a text that goes on in the next line
        header = pending.lstrip().startswith("[")
        pending = ""
        for path in _paths(parsed, within_header=header) if parsed else ():
            table = path if header else table
            yield Statement(start, number, path if header else table + path, header)


def _paths(parsed: object, *, within_header: bool) -> Iterator[Path]:
    """Yield the path of one statement, then those of the keys of its inline tables."""
    if isinstance(parsed, list):  # of ``[[table]]``
        parsed = parsed[0]
    if not isinstance(parsed, dict) or not parsed:
        yield ()
        return
    if within_header:
        ((key, value),) = parsed.items()
        yield from ((key, *rest) for rest in _paths(value, within_header=True))
        return
    for key, value in parsed.items():
        if not isinstance(value, dict):
            yield (key,)
            continue
        yield from ((key, *rest) for rest in _paths(value, within_header=False))
