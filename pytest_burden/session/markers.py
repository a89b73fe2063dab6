"""The limits that markers give a test, from the most specific to the most general."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType

import pytest

from pytest_burden.budget.limits import read_limits
from pytest_burden.budget.precedence import Level
from pytest_burden.budget.problem import Problem
from pytest_burden.errors import quoted
from pytest_burden.report.inert import visible
from pytest_burden.session.keys import MARKER
from pytest_burden.session.source import Scope, marker_line

EXAMPLE = "@pytest.mark.burden(max_gflops=5)"


@dataclass(frozen=True, slots=True)
class Place:
    """Where marks of one kind are written: a file, and what in it they mark."""

    path: Path
    scope: Scope = ()

    def line(self, key: str = "", value: object = None) -> int:
        """Return the line of one keyword, or the first line of what is marked."""
        return marker_line(self.path, self.scope, key, value)


@dataclass(frozen=True, slots=True)
class Marked:
    """What the markers say of one test."""

    levels: tuple[Level, ...] = ()
    problems: tuple[Problem, ...] = ()
    marked: bool = False
    """Whether there is any marker, with limits or without."""


@dataclass(slots=True)
class Reader:
    """Reads each mark once, however many tests it marks."""

    root: Path
    """Pytest's rootdir: files are named from here."""
    _read: dict[int, tuple[pytest.Mark, Level, list[Problem]]] = field(default_factory=dict)

    def marked(self, item: pytest.Item) -> Marked:
        """Return the limits of one test, level by level, and what is wrong with them."""
        levels, problems = [], []
        for mark, place in _marks(item):
            _, level, wrong = self._read_mark(mark, place)
            levels.append(level)
            problems += wrong
        return Marked(tuple(levels), tuple(problems), bool(levels))

    def _read_mark(
        self, mark: pytest.Mark, place: Place
    ) -> tuple[pytest.Mark, Level, list[Problem]]:
        # By identity; the entry keeps the mark alive, so that no other can take its address.
        if id(mark) not in self._read:
            self._read[id(mark)] = (mark, *self._limits(mark, place))
        return self._read[id(mark)]

    def _limits(self, mark: pytest.Mark, place: Place) -> tuple[Level, list[Problem]]:
        def where(key: str) -> str:
            return f"{self._named(place.path)}:{place.line(key, mark.kwargs[key])}"

        limits, wrong = read_limits(mark.kwargs, where)
        problems = [
            Problem(
                where(error.key),
                f"{visible(error.key)}={quoted(error.value)}",
                error.reason,
                error.example,
            )
            for error in wrong
        ]
        if mark.args:
            written = ", ".join(map(quoted, mark.args))
            at = f"{self._named(place.path)}:{place.line()}"
            reason = "the marker takes limits by name only"
            problems.append(Problem(at, f"{MARKER}({written})", reason, EXAMPLE))
        return limits, problems

    def _named(self, path: Path) -> str:
        return (
            path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)
        )


def _marks(item: pytest.Item) -> Iterator[tuple[pytest.Mark, Place]]:
    """Yield the burden marks of a test with their places, the most specific first."""
    nodes = item.listchain()[::-1]
    param = _ours(getattr(getattr(item, "callspec", None), "marks", ()))
    known = {id(mark) for mark in param}
    own = [*param, *(mark for mark in _ours(item.own_markers) if id(mark) not in known)]
    if own:
        place = _function_place(item)
        yield from ((mark, place) for mark in own)
    # A doctest beside marked tests is none of them: it has only what is put on itself.
    for node in nodes[1:] if isinstance(item, pytest.Function) else ():
        if isinstance(node, pytest.Class):
            yield from _class_marks(node)
        else:
            place = Place(node.path)
            yield from ((mark, place) for mark in _ours(node.own_markers))
            if isinstance(node, pytest.Module):
                yield from _package_marks(node)


def _class_marks(node: pytest.Class) -> Iterator[tuple[pytest.Mark, Place]]:
    """Yield a class's marks, those that hooks added, then its bases' in the order Python looks.

    pytest's own order begins with the bases, so that its closest marker is not the class's own.
    """
    own, *bases = node.obj.__mro__
    by_class = [(cls, _written(cls)) for cls in (own, *bases)]
    known = {id(mark) for _, marks in by_class for mark in marks}
    added = [mark for mark in node.own_markers if id(mark) not in known]
    for cls, marks in ((own, by_class[0][1]), (own, added), *by_class[1:]):
        place = _class_place(cls, node)
        yield from ((mark, place) for mark in _ours(marks))


def _package_marks(node: pytest.Module) -> Iterator[tuple[pytest.Mark, Place]]:
    """Yield the ``pytestmark`` of the packages around a module, the inner one first.

    pytest reads it in the module where a test stands alone.
    """
    package = getattr(node.obj, "__package__", None) or ""
    while package:
        module = sys.modules.get(package)
        file = getattr(module, "__file__", None)
        if file and module is not node.obj:
            place = Place(Path(file))
            yield from ((mark, place) for mark in _ours(_written(module)))
        package = package.rpartition(".")[0]


def _written(obj: object) -> list[pytest.Mark]:
    """Return what ``pytestmark`` of one class or module holds, without inherited ones."""
    marks = vars(obj).get("pytestmark", [])
    listed = marks if isinstance(marks, list) else [marks]
    # One alone may still be a decorator, which holds its mark.
    return [mark.mark if isinstance(mark, pytest.MarkDecorator) else mark for mark in listed]


def _ours(marks: Iterable[pytest.Mark]) -> list[pytest.Mark]:
    return [mark for mark in marks if getattr(mark, "name", None) == MARKER]


def _function_place(item: pytest.Item) -> Place:
    function = getattr(item, "obj", None)
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    if not isinstance(code, CodeType):
        return Place(item.path)
    around = str(getattr(function, "__qualname__", "")).split(".")[:-1]
    return Place(Path(code.co_filename), (*around, code.co_name, str(code.co_firstlineno)))


def _class_place(cls: type, node: pytest.Class) -> Place:
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    scope = tuple(cls.__qualname__.split("."))
    return Place(Path(file) if file else node.path, scope)
