"""Changes to the text of a TOML file that leave its comments, its order and its layout alone.

tomlkit makes them. A result counts only if the parser reads from it exactly what was meant: what
cannot be done so is refused, never done by halves.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_burden.budget.toml_lines import Path
from pytest_burden.errors import BurdenError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

try:
    import tomlkit
    from tomlkit.items import AoT, Table
except ImportError as error:  # an extra: nothing else needs it
    raise BurdenError(
        "tomlkit is not installed, by which pyproject.toml is edited:"
        " pip install 'pytest-burden[edit]'"
    ) from error

_BARE = re.compile(r"[A-Za-z0-9_-]+")
Tables = Mapping[Path, Mapping[str, str]]
"""Keys and the literals of their values, by table."""


def replaced(text: str, path: Sequence[str | int], literal: str) -> str:
    """Return the text with another value of one key; a number in its path counts in a list.

    Raises:
        BurdenError: it could not be changed alone.
    """
    document = tomlkit.parse(text)
    _at(document, path[:-1])[path[-1]] = tomlkit.value(literal)
    new = tomlkit.dumps(document)
    wanted = tomllib.loads(text)
    _at(wanted, path[:-1])[path[-1]] = tomllib.loads(f"x = {literal}")["x"]
    if not _reads(new, wanted):
        raise BurdenError(f"{dotted(map(str, path))} could not be changed: it takes {literal}")
    return new


def value_at(text: str, path: Sequence[str | int]) -> Any:
    """Return the value that stands at a path, None if there is none."""
    return _at(tomllib.loads(text), path)


def with_tables(text: str, tables: Tables) -> str:
    """Return the text with more keys in tables; those that are not there are made at its end.

    Raises:
        BurdenError: a table is written in a way that does not let it be added to.
    """
    for table, literals in tables.items():
        text = _added(text, table, literals)
    return text


def dotted(path: Iterable[str]) -> str:
    """Return the path as TOML writes it, with quotes where a part needs them."""
    return ".".join(part if _BARE.fullmatch(part) else _quoted(part) for part in path)


def _quoted(part: str) -> str:
    return json.dumps(part, ensure_ascii=False).replace("\x7f", "\\u007f")


def _added(text: str, path: Path, literals: Mapping[str, str]) -> str:
    wanted = _with(text, path, literals)
    for way in (_below_its_keys, _at_the_end, _wherever):
        new = way(text, path, literals)
        if _reads(new, wanted):
            return new
    raise BurdenError(
        f"{dotted(path[:-1])} cannot be added to; by hand it would be:\n    "
        + "\n    ".join(_lines(path, literals))
    )


def _below_its_keys(text: str, path: Path, literals: Mapping[str, str]) -> str:
    """Return the text with keys below the last one of their table, above what follows it.

    tomlkit takes a comment on the next table to be the end of this one, and would add below it.
    """
    document = tomlkit.parse(text)
    table = _at(document, path)
    if not isinstance(table, Table):
        return text
    place = table.value
    for key, literal in literals.items():
        value = tomlkit.value(literal)
        own = [(k, item) for k, item in place.body if k and (k.is_dotted() or not _nested(item))]
        if own:
            last, item = own[-1]
            value.trivia.indent = item.trivia.indent
            place._insert_after(last, key, value)  # noqa: SLF001 it has no public name
        elif place.body:
            place._insert_at(0, key, value)  # noqa: SLF001
        else:
            table[key] = value
    return _with_its_line_ends(tomlkit.dumps(document), text)


def _at_the_end(text: str, path: Path, literals: Mapping[str, str]) -> str:
    """Return the text with a table below everything else; tomlkit would put it between others."""
    lines = "".join(f"{line}\n" for line in _lines(path, literals))
    start = text if not text or text.endswith("\n") else f"{text}\n"
    return _with_its_line_ends(f"{start}\n{lines}" if start else lines, text)


def _wherever(text: str, path: Path, literals: Mapping[str, str]) -> str:
    """Return the text with keys where tomlkit has room for them: in a table of one line, say."""
    document = tomlkit.parse(text)
    table: Any = document
    for part in path:
        table = table.setdefault(part, {})
    for key, literal in literals.items():
        table[key] = tomlkit.value(literal)
    return _with_its_line_ends(tomlkit.dumps(document), text)


def _lines(path: Path, literals: Mapping[str, str]) -> list[str]:
    entries = (f"{dotted((key,))} = {value}" for key, value in literals.items())
    return [f"[{dotted(path)}]", *entries]


def _nested(item: object) -> bool:
    return isinstance(item, Table | AoT)


def _with_its_line_ends(new: str, text: str) -> str:
    """Return a changed text with the line ends that it had, if they were all of one kind."""
    windows = "\r\n" in text and text.count("\r\n") == text.count("\n")
    return re.sub(r"(?<!\r)\n", "\r\n", new) if windows else new


def _with(text: str, path: Path, literals: Mapping[str, str]) -> dict[str, Any]:
    """Return what is to be read from the changed text."""
    data = tomllib.loads(text)
    table = data
    for part in path:
        table = table.setdefault(part, {})
    table |= {key: tomllib.loads(f"x = {literal}")["x"] for key, literal in literals.items()}
    return data


def _at(data: Any, path: Sequence[str | int]) -> Any:
    """Return the value at a path, None if there is none."""
    for part in path:
        if isinstance(part, int):
            data = data[part]
        else:
            data = data.get(part) if isinstance(data, Mapping) else None
    return data


def _reads(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    try:
        return _comparable(found) == _comparable(wanted)
    except ValueError:  # Python prints no whole number of more than some thousand digits
        return found == wanted


def _comparable(data: object) -> str:
    """Return a text that is equal for equal data; not-a-number is not equal to itself."""
    return json.dumps(data, sort_keys=True, default=repr)
