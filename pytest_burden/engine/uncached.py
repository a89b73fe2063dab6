"""A network's code without its process-wide caches, so that every measurement is like the first.

A function under ``functools.lru_cache`` computes a table once in a process. What the first
measurement counts, the second would not; and the cache would keep a tensor without data for the
network's own next call.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from torch import nn

_Cached = functools._lru_cache_wrapper
_Place = tuple[type | ModuleType, str, object, object]
"""Where a cached function stands, its name there, itself, and the function without its cache."""


@contextmanager
def without_caches(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Put the plain functions in the place of cached ones until the block ends.

    They are looked for in the modules' classes and in the files that define these.
    """
    classes = {base for module in modules for base in type(module).__mro__}
    own = [cls for cls in classes if not _is_of_torch(cls.__module__)]
    files = {name: sys.modules[name] for name in {cls.__module__ for cls in own} & {*sys.modules}}
    owners: list[type | ModuleType] = [*own, *files.values()]
    places = [place for owner in owners for place in _places(owner)]
    try:
        for owner, name, _, plain in places:
            setattr(owner, name, plain)
        yield
    finally:
        for owner, name, cached, _ in places:
            setattr(owner, name, cached)


def _is_of_torch(module: str) -> bool:
    return module == "builtins" or module.partition(".")[0] == "torch"


def _places(owner: type | ModuleType) -> Iterator[_Place]:
    for name, value in list(vars(owner).items()):
        function: Any = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
        if isinstance(function, _Cached):
            bare = function.__wrapped__
            wrap = type(value) if function is not value else None
            yield owner, name, value, wrap(bare) if wrap else bare
