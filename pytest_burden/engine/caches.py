"""Empty caches for the functions of a network, so that every measurement is like the first.

A function under ``functools.lru_cache`` computes a table once in a process. What the first
measurement counts, the second would not; and the cache would keep a tensor without data for the
network's own next call.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import CellType, FunctionType, ModuleType
from typing import Any, NamedTuple

from torch import nn

Cached = functools._lru_cache_wrapper


class _Place(NamedTuple):
    """Where a cached function stands: ``holder.attribute``, perhaps as a static method."""

    holder: type | ModuleType | CellType
    attribute: str
    before: object
    cached: Cached[Any]
    wrap: Callable[[Any], object]


@contextmanager
def fresh_caches(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Put functions with an empty cache in the place of cached ones until the block ends.

    They are looked for in the modules' classes and in the files that define these, by themselves
    or inside a decorated function.
    """
    places = [place for owner in _owners(modules) for place in _places(owner)]
    # One for each function, however many places it stands in: what they share stays shared.
    fresh = {place.cached: emptied(place.cached, place.cached.__wrapped__) for place in places}
    try:
        for place in places:
            setattr(place.holder, place.attribute, place.wrap(fresh[place.cached]))
        yield
    finally:
        for place in places:
            setattr(place.holder, place.attribute, place.before)


def emptied(cached: Cached[Any], function: Callable[..., Any]) -> Cached[Any]:
    """Return ``function`` with an empty cache like that of ``cached``."""
    return functools.lru_cache(**cached.cache_parameters())(function)


def _owners(modules: Iterable[nn.Module]) -> list[type | ModuleType]:
    classes = {base for kind in set(map(type, modules)) for base in kind.__mro__}
    own = [cls for cls in classes if not _is_of_torch(cls.__module__)]
    files = {cls.__module__: sys.modules.get(cls.__module__) for cls in own}
    return own + [module for module in files.values() if module is not None]


def _is_of_torch(module: str | None) -> bool:
    return module == "builtins" or (module or "").partition(".")[0] == "torch"


def _places(owner: type | ModuleType) -> Iterator[_Place]:
    for name, value in list(vars(owner).items()):
        function: Any = value
        wrap = _as_it_is
        if isinstance(value, (staticmethod, classmethod)):
            function, wrap = value.__func__, type(value)
        if isinstance(function, Cached):
            if not _is_of_torch(function.__module__):
                yield _Place(owner, name, value, function, wrap)
        elif (
            isinstance(function, FunctionType)
            and function.__closure__
            and not _is_of_torch(function.__module__)
        ):
            yield from _inside(function.__closure__)


def _inside(closure: Iterable[CellType]) -> Iterator[_Place]:
    """Yield the cached functions that a decorator has put behind a function."""
    for cell in closure:
        try:
            content = cell.cell_contents
        except ValueError:  # not yet assigned
            continue
        if isinstance(content, Cached):
            yield _Place(cell, "cell_contents", content, content, _as_it_is)


def _as_it_is(function: object) -> object:
    return function
