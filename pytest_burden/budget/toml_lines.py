"""On which line of a TOML file a key or a table stands: the parser does not say."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Path = tuple[str, ...]


def find_line(text: str, path: Sequence[str]) -> int | None:
    """Return the line (from 1) of the key or table ``path``, or of the nearest table around it.

    ``text`` must be valid TOML. None if not even the first part of the path is written.
    """
    lines: dict[Path, int] = {}
    for line, written in _statements(text):
        for end in range(1, len(written) + 1):
            lines.setdefault(written[:end], line)
    around = (tuple(path[:end]) for end in range(len(path), 0, -1))
    return next((lines[outer] for outer in around if outer in lines), None)


def find_item_line(text: str, path: Sequence[str], index: int) -> int | None:
    """Return the line of the table number ``index`` (from 0) of ``[[path]]``; None if not there."""
    headers = [line for line, written in _statements(text) if written == tuple(path)]
    return headers[index] if index < len(headers) else None


def _statements(text: str) -> Iterator[tuple[int, Path]]:
    """Yield each key and each table header with its line and its full path."""
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
        except tomllib.TOMLDecodeError:
            continue  # an array or a text that goes on in the next line
        header = pending.lstrip().startswith("[")
        pending = ""
        for path in _paths(parsed, within_header=header):
            yield start, path if header else table + path
            table = path if header else table


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
