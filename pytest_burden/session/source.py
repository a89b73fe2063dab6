"""On which line of a test file a marker's keyword stands: a mark does not know."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

Scope = tuple[str, ...]
"""``()`` for the file, ``("TestNet",)`` for a class, ``("TestNet", "test_x", "12")`` for a function
whose decorators begin on line 12."""


@dataclass(frozen=True, slots=True)
class Keyword:
    """``max_params="26M"`` inside a call of the marker; ``value`` is None unless it is literal."""

    name: str
    value: object
    line: int


@dataclass(frozen=True, slots=True)
class Marked:
    """One function, class or file: its first line, and the keywords of its markers."""

    line: int
    keywords: tuple[Keyword, ...]


def marker_line(path: Path, scope: Scope, name: str = "", value: object = None) -> int:
    """Return the line on which the marker of a function, class or file sets ``name`` to ``value``.

    The first line of what is marked if the marker is made in another place, and 1 if the file
    cannot be read.
    """
    try:
        marked = _marked(path).get(scope, Marked(1, ()))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return 1
    named = [keyword for keyword in marked.keywords if keyword.name == name]
    exact = [keyword for keyword in named if _equal(keyword.value, value)]
    return next((keyword.line for keyword in exact or named), marked.line)


@lru_cache(maxsize=64)
def _marked(path: Path) -> dict[Scope, Marked]:
    """Return everything in a file that can be marked."""
    tree = ast.parse(path.read_bytes())
    return {scope: Marked(line, tuple(_in_calls(parts))) for scope, line, parts in _scopes(tree)}


def _scopes(
    node: ast.Module | ast.ClassDef, around: Scope = ()
) -> Iterator[tuple[Scope, int, list[ast.expr]]]:
    """Yield what can be marked, its line, and where its markers stand: decorators, assignments."""
    assigned = [
        child.value
        for child in node.body
        if isinstance(child, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in child.targets)
    ]
    decorators = node.decorator_list if isinstance(node, ast.ClassDef) else []
    first = decorators[0].lineno if decorators else getattr(node, "lineno", 1)
    yield around, first, [*decorators, *assigned]
    for child in node.body:
        if isinstance(child, ast.ClassDef):
            yield from _scopes(child, (*around, child.name))
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = child.decorator_list[0].lineno if child.decorator_list else child.lineno
            yield (*around, child.name, str(first)), first, child.decorator_list


def _in_calls(parts: Iterable[ast.expr]) -> Iterator[Keyword]:
    for part in parts:
        for node in ast.walk(part):
            if isinstance(node, ast.Call) and _is_marker(node.func):
                for keyword in node.keywords:
                    value = _literal(keyword.value)
                    yield Keyword(keyword.arg or "", value, keyword.value.lineno)


def _is_marker(func: ast.expr) -> bool:
    return isinstance(func, ast.Attribute) and func.attr == "burden"


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):
        return None


def _equal(literal: object, value: object) -> bool:
    """Return whether a marker's value is the literal; arrays and the like do not say."""
    try:
        return bool(literal == value)
    except Exception:  # noqa: BLE001 comparing runs the value's own code
        return False
