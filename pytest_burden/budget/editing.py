"""Changes to the text of a TOML file that leave every other character as it was.

Each change is tried on the text and counts only if the parser reads from the result exactly what
was meant: what no simple change can do is refused, never done by halves.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pytest_burden.budget.toml_lines import Path, Statement, statements
from pytest_burden.errors import BurdenError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_VALUE = r"""\s*=\s*)("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[0-9+.eE_-]+)"""


def replaced(text: str, path: Path, literal: str) -> str:
    """Return the text with another value of one key.

    Raises:
        BurdenError: its value is not a number or a text in one line.
    """
    wanted = _with(text, path, {path[-1]: literal})
    lines = text.split("\n")
    key = re.compile(rf"""((?<![\w-])["']?{re.escape(path[-1])}["']?{_VALUE}""")
    for each in statements(text):
        if each.path != path:
            continue
        before, within, after = _cut(lines, each.line - 1, each.end)
        for match in key.finditer(within):
            # One line may have this key several times, in tables of its own.
            changed = f"{within[: match.start(2)]}{literal}{within[match.end(2) :]}"
            if _reads(new := before + changed + after, wanted):
                return new
    raise BurdenError(f"{dotted(path)} could not be changed: it takes {literal}")


def added(text: str, table: Path, literals: Mapping[str, str]) -> str:
    """Return the text with more keys in a table, which is made at the end if it is not there.

    Raises:
        BurdenError: the table is written in a way that does not let it be added to.
    """
    wanted = _with(text, (*table, ""), literals)
    newline = "\r\n" if "\r\n" in text else "\n"
    entries = [f"{dotted((key,))} = {value}" for key, value in literals.items()]
    lines = text.split("\n")
    for each in _ends(statements(text), table):
        before, _, after = _cut(lines, each.end, each.end)
        indent = re.match(r"[ \t]*", lines[each.line - 1])
        start = indent[0] if indent else ""
        broken = newline if before and not before.endswith("\n") else ""
        inserted = "".join(f"{start}{entry}{newline}" for entry in entries)
        if _reads(new := before + broken + inserted + after, wanted):
            return new
    new = appended(text, {table: literals})
    if _reads(new, wanted):
        return new
    raise _refused(table, entries)


def appended(text: str, tables: Mapping[Path, Mapping[str, str]]) -> str:
    """Return the text with new tables at its end, unchecked."""
    newline = "\r\n" if "\r\n" in text else "\n"
    blocks = [text if not text or text.endswith("\n") else f"{text}{newline}"]
    for table, literals in tables.items():
        if blocks != [""]:
            blocks.append(newline)
        blocks.append(f"[{dotted(table)}]{newline}")
        blocks += [f"{dotted((key,))} = {value}{newline}" for key, value in literals.items()]
    return "".join(blocks)


def with_tables(text: str, tables: Mapping[Path, Mapping[str, str]]) -> str:
    """Return the text with more keys in tables; those that are not there are made at its end.

    Raises:
        BurdenError: a table is written in a way that does not let it be added to.
    """
    data = tomllib.loads(text)
    new = {table: keys for table, keys in tables.items() if _at(data, table) is None}
    for table, keys in tables.items():
        if table not in new:
            text = added(text, table, keys)
    if not new:
        return text
    wanted = tomllib.loads(text)
    for table, keys in new.items():
        _set(wanted, (*table, ""), keys)
    whole = appended(text, new)
    if not _reads(whole, wanted):
        table, keys = next(iter(new.items()))
        raise _refused(table, [f"{key} = {value}" for key, value in keys.items()])
    return whole


def dotted(path: Sequence[str]) -> str:
    """Return the path as TOML writes it, with quotes where a part needs them."""
    return ".".join(part if _BARE.fullmatch(part) else _quoted(part) for part in path)


def _quoted(part: str) -> str:
    return json.dumps(part, ensure_ascii=False).replace("\x7f", "\\u007f")


def _refused(table: Path, entries: Iterable[str]) -> BurdenError:
    by_hand = "\n".join(f"    {line}" for line in [f"[{dotted(table)}]", *entries])
    return BurdenError(f"{dotted(table[:-1])} cannot be added to; by hand it would be:\n{by_hand}")


def _ends(found: Iterable[Statement], table: Path) -> Iterator[Statement]:
    """Yield what a key of this table can stand after, the best place first."""
    own = [
        each
        for each in found
        if (each.path == table if each.header else each.path[: len(table)] == table)
    ]
    return reversed(own)


def _cut(lines: Sequence[str], start: int, end: int) -> tuple[str, str, str]:
    """Return the text before some lines, these, and what comes after, to be joined as it is."""
    parts = [*(f"{line}\n" for line in lines[:-1]), lines[-1]]
    return "".join(parts[:start]), "".join(parts[start:end]), "".join(parts[end:])


def _with(text: str, path: Path, literals: Mapping[str, str]) -> dict[str, Any]:
    data = tomllib.loads(text)
    _set(data, path, literals)
    return data


def _set(data: dict[str, Any], path: Path, literals: Mapping[str, str]) -> None:
    """Put values into the table around the last part of the path."""
    for part in path[:-1]:
        data = data.setdefault(part, {})
    data |= {key: tomllib.loads(f"x = {literal}")["x"] for key, literal in literals.items()}


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _reads(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return _comparable(tomllib.loads(text)) == _comparable(wanted)
    except tomllib.TOMLDecodeError:
        return False


def _comparable(data: object) -> str:
    """Return a text that is equal for equal data; not-a-number is not equal to itself."""
    return json.dumps(data, sort_keys=True, default=repr)
