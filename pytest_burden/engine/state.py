"""What code keeps in its files, its classes and its functions: noted, and put back."""

from __future__ import annotations

import functools
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from enum import Enum
from operator import is_
from types import CellType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import torch
from torch import nn

from pytest_burden.engine.containers import DICT, FAMILIES, Family, family_of
from pytest_burden.engine.owncode import Foreign, may_keep_tensors, names_in

Cached = functools._lru_cache_wrapper
Space = type | ModuleType
"""What has names that code may bind anew: a class, or the module that a file makes."""


class Place(NamedTuple):
    """Where a cached function stands: ``holder.attribute``, perhaps as a static method."""

    holder: Space | CellType
    attribute: str
    before: object
    cached: Cached[Any]
    wrap: Callable[[Any], object]


_LONG = 256
"""A container of more is a table of something: it is noted how long it is, not what is in it."""
_DEPTH = 3
"""How far containers in containers are looked for: ``tables[device][dtype][length]``."""
_OF_EVERY_MODULE = frozenset(vars(nn.Module())) - {"_buffers"}

_STARTS = ("__call__", "forward", "backward", "setup_context", "train")
"""What is called without its name standing in the network's code."""
_OF_OBJECTS = frozenset(
    {
        "__call__", "__contains__", "__enter__", "__exit__", "__get__", "__getattr__",
        "__getitem__", "__init__", "__iter__", "__len__", "__missing__", "__new__",
        "__post_init__", "__setitem__",
    }
)  # fmt: skip
"""The same of an object that is no module."""
_MANY = 50
"""So many functions are followed, the nearest first: in a large package all hangs together."""
_OF_BUILDING = ("__init__", "__new__")
"""The same where modules are made."""

_ABSENT = object()
_ATOMS = frozenset({type(None), bool, int, float, str, object})
"""What a cell may hold (``object`` is the type of `_ABSENT`) that is never copied."""

Look = Callable[["State", Any, int], None]


class State:
    """A note of what some code keeps, and where its cached functions stand.

    Looked at is what can be reached by name: from a forward the functions, classes and modules
    that it names, from these what they name, and of each class that was met the attributes whose
    name stood anywhere. Of files and classes so met it is noted what their names stand for.
    What a name spells that is put together at run time, and slots of objects, are not seen.
    """

    def __init__(self, code: Iterable[object], *, building: bool) -> None:
        """Note it as it is now; with ``building`` also what the constructors of modules reach."""
        code = list(code)
        self.places: list[Place] = []
        packages = {str(thing.__module__).partition(".")[0] for thing in code if _is_code(thing)}
        self._foreign = Foreign(packages)
        self._looks = _Looks(self._foreign)
        self._spaces: list[tuple[Space, Any, dict[str, Any]]] = []
        self._noted: set[int] = set()
        self._unnamed: dict[str, list[Space]] = {}
        """By attribute that was not named yet: the classes and modules that have it."""
        self._names = {*_STARTS, *(_OF_BUILDING if building else ())}
        self._functions: deque[FunctionType] = deque()
        """Those whose names were not yet followed."""
        self._containers: list[tuple[Any, Family, list[Any]]] = []
        self._bare: list[dict[str, Any]] = []
        """Attributes of functions that have none."""
        self._long: list[tuple[dict[Any, Any] | list[Any], int]] = []
        self._cells: list[tuple[CellType, object]] = []
        self._seen: set[int] = set()
        for thing in code:
            if building:
                self._look(thing, 0)
            else:
                self._start(thing)
        followed = 0
        while self._functions and followed < _MANY:
            self._follow(self._functions.popleft())
            followed += 1

    def put_back(self) -> None:
        """Let everything be as it was noted."""
        for space, names, before in self._spaces:
            if len(names) != len(before) or not all(map(is_, names.values(), before.values())):
                self._put_back_names(space, names, before)
        for container, family, contents in self._containers:
            now = family.read(container)
            if len(now) != len(contents) or not all(map(is_, now, contents)):
                family.write(container, contents)
        for attributes in self._bare:
            attributes.clear()
        for long, length in self._long:
            while len(long) > length:
                long.popitem() if isinstance(long, dict) else long.pop()
        for cell, content in self._cells:
            _fill(cell, content)

    def _put_back_names(
        self, space: Space, names: Mapping[str, Any], before: Mapping[str, Any]
    ) -> None:
        """Put back what names stand for: those that were named, and new ones but for imports.

        A name that only other code uses is bound anew by another thread.
        """
        bind: Any = type if isinstance(space, type) else ModuleType
        for name in {**names, **before}:
            now, then = names.get(name, _ABSENT), before.get(name, _ABSENT)
            if now is then or name.startswith("__"):
                continue
            if then is _ABSENT:
                if not isinstance(now, (ModuleType, type, FunctionType, Cached)):
                    bind.__delattr__(space, name)
            elif name in self._names:
                bind.__setattr__(space, name, then)

    def _first(self, thing: object) -> bool:
        """Return whether a thing is met for the first time."""
        if id(thing) in self._seen:
            return False
        self._seen.add(id(thing))
        return True

    def _look(self, value: object, depth: int) -> None:
        look = self._looks[type(value)]
        if look is not None:
            look(self, value, depth)

    def _start(self, thing: object) -> None:
        """Begin at a class, or at a function that a copied network holds.

        What such a function holds is a copy too, all but a counter. A note of it would keep alive
        what the forward lets go.
        """
        if isinstance(thing, type):
            self._class(thing, 0)
        elif isinstance(thing, (functools.partial, MethodType)):
            self._start(thing.func if isinstance(thing, functools.partial) else thing.__func__)
        elif isinstance(thing, FunctionType) and self._first(thing):
            if not self._foreign[thing.__module__]:
                self._functions.append(thing)
            for cell in thing.__closure__ or ():
                content = _content(cell)
                if type(content) in _ATOMS:
                    self._cells.append((cell, content))
                elif not isinstance(content, type):
                    self._start(content)

    def _follow(self, function: FunctionType) -> None:
        """Look at what a function names: among its globals, and as an attribute of something."""
        names = names_in(function.__code__)
        space = function.__globals__
        name_of_file = str(space.get("__name__"))
        if self._foreign[name_of_file]:  # a decorator's
            return
        file = sys.modules.get(name_of_file)
        if file is not None and vars(file) is space:
            self._note_names(file, space)
            for name in names:
                if name in space:
                    self._named(file, name, space[name])
        else:
            for name in names:
                if name in space:
                    self._look(space[name], 0)
        for name in names:
            if name not in self._names:
                self._names.add(name)
                for owner in self._unnamed.pop(name, ()):
                    self._named(owner, name, vars(owner)[name])

    def _named(self, space: Space, name: str, value: Any) -> None:
        look = self._looks[type(value)]
        if look is not None:
            if look is State._cached:
                self._cached_at(space, name, value)
            look(self, value, 0)

    def _cached_at(self, space: Space, name: str, value: Any) -> None:
        function, wrap = value, _as_it_is
        if isinstance(value, (staticmethod, classmethod)):
            function, wrap = value.__func__, type(value)
        if isinstance(function, Cached) and self._may_keep_tensors(function):
            self.places.append(Place(space, name, value, function, wrap))

    def _may_keep_tensors(self, cached: Cached[Any]) -> bool:
        return not self._foreign[cached.__module__] and may_keep_tensors(
            getattr(cached.__wrapped__, "__globals__", {})
        )

    def _note_names(self, space: Space, names: Any) -> None:
        if id(space) not in self._noted:
            self._noted.add(id(space))
            self._spaces.append((space, names, names.copy()))

    def _owner(self, space: Space, implicit: frozenset[str] = frozenset()) -> None:
        """Look at the attributes of a class or a module that are named somewhere."""
        names: Any = vars(space)
        self._note_names(space, names)
        for name, value in list(names.items()):
            if name in self._names or name in implicit:
                self._named(space, name, value)
            else:
                self._unnamed.setdefault(name, []).append(space)

    def _file(self, value: ModuleType, _depth: int) -> None:
        """Look at what was imported: a module that somebody made by hand is no file."""
        name = value.__name__
        if sys.modules.get(name) is value and self._first(value) and not self._foreign[name]:
            self._owner(value)

    def _class(self, value: type, _depth: int) -> None:
        if not self._first(value):
            return
        implicit = frozenset[str]() if issubclass(value, nn.Module) else _OF_OBJECTS
        for base in value.__mro__:
            if (base is value or self._first(base)) and not self._foreign[base.__module__]:
                self._owner(base, implicit)

    def _cached(self, value: Any, depth: int) -> None:
        """Look into what is wrapped; itself it can only be exchanged where it stands."""
        self._look(value.__wrapped__, depth)

    def _function(self, function: FunctionType, depth: int) -> None:
        """Note what a function holds; a decorator's function holds another, or a cached one."""
        if not self._first(function) or self._foreign[function.__module__]:
            return
        self._functions.append(function)
        if attributes := function.__dict__:
            self._note(attributes, DICT, depth)
        else:
            self._bare.append(attributes)
        for value in function.__defaults__ or ():
            self._look(value, depth + 1)
        for value in (function.__kwdefaults__ or {}).values():
            self._look(value, depth + 1)
        for cell in function.__closure__ or ():
            content = _content(cell)
            if isinstance(content, type) and "__class__" in function.__code__.co_freevars:
                continue  # what super() asks for
            self._cells.append((cell, content))
            if isinstance(content, Cached) and self._may_keep_tensors(content):
                self.places.append(Place(cell, "cell_contents", content, content, _as_it_is))
            self._look(content, depth + 1)

    def _method(self, value: MethodType, depth: int) -> None:
        self._look(value.__func__, depth)

    def _property(self, value: property, depth: int) -> None:
        self._look(value.fget, depth)

    def _lazy(self, value: functools.cached_property[Any], depth: int) -> None:
        self._look(value.func, depth)

    def _partial(self, value: functools.partial[Any], depth: int) -> None:
        for held in (value.func, *value.args, *value.keywords.values()):
            self._look(held, depth + 1)

    def _container(self, value: Any, depth: int) -> None:
        if depth > _DEPTH or not self._first(value):
            return
        if len(value) <= _LONG:
            self._note(value, family_of(type(value)), depth)
        elif isinstance(value, (dict, list)):
            self._long.append((value, len(value)))

    def _note(self, container: Any, family: Family, depth: int) -> None:
        contents = family.read(container)
        self._containers.append((container, family, contents))
        for item in contents:
            self._look(item, depth + 1)

    def _object(self, value: object, depth: int) -> None:
        """Note the attributes of an object, and what containers they hold."""
        if depth > _DEPTH or not self._first(value):
            return
        self._class(type(value), 0)
        with suppress(AttributeError):
            self._note(object.__getattribute__(value, "__dict__"), DICT, depth)

    def _namespace(self, value: Any, depth: int) -> None:
        if depth <= _DEPTH and self._first(value):
            self._note(value.__dict__, DICT, depth)

    def _module(self, value: nn.Module, depth: int) -> None:
        """Note what is in a network that is a global: not its parts, which may be many."""
        if depth > _DEPTH or not self._first(value):
            return
        self._class(type(value), 0)
        attributes = value.__dict__
        self._containers.append((attributes, DICT, DICT.read(attributes)))
        for name in attributes.keys() - _OF_EVERY_MODULE:
            self._look(attributes[name], depth + 1)


class _Looks(dict[type, Look | None]):
    """How to look at a value of each type; None where there is nothing to see."""

    def __init__(self, foreign: Foreign) -> None:
        """Look at objects of classes that are not foreign."""
        super().__init__()
        self._foreign = foreign

    def __missing__(self, kind: type) -> Look | None:
        found = self[kind] = self._find(kind)
        return found

    def _find(self, kind: type) -> Look | None:
        for base in kind.__mro__:
            if base in _LOOKS:
                return _LOOKS[base]
        if kind.__module__ == "builtins" or self._foreign[kind.__module__]:
            return None
        return State._module if issubclass(kind, nn.Module) else State._object


_LOOKS: Mapping[type, Look | None] = {
    FunctionType: State._function,
    MethodType: State._method,
    type: State._class,
    ModuleType: State._file,
    property: State._property,
    functools.cached_property: State._lazy,
    functools.partial: State._partial,
    **dict.fromkeys((Cached, staticmethod, classmethod), State._cached),
    **dict.fromkeys(FAMILIES, State._container),
    **dict.fromkeys((SimpleNamespace, threading.local), State._namespace),
    **dict.fromkeys((torch.Tensor, Enum), None),
}
"""By base class, the nearest."""


def _is_code(thing: object) -> bool:
    """Return whether the package of a thing is the network's: numpy's array says nothing."""
    return isinstance(thing, FunctionType) or (
        isinstance(thing, type) and issubclass(thing, nn.Module)
    )


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # not yet assigned
        return _ABSENT


def _fill(cell: CellType, content: object) -> None:
    if content is not _ABSENT:
        cell.cell_contents = content
    elif _content(cell) is not _ABSENT:
        del cell.cell_contents


def _as_it_is(function: object) -> object:
    return function
