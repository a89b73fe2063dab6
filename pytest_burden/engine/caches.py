"""What the code of a network keeps outside of its objects: the same before and after.

A function under ``functools.lru_cache`` computes a table once in a process; a forward puts one into
a dictionary of its class or of its file. What the first measurement counts, the second would not;
and the cache would keep a tensor without data for the network's own next call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from torch import nn

from pytest_burden.engine.owncode import code_of_network
from pytest_burden.engine.state import Cached, State


def kept_caches(modules: Iterable[nn.Module]) -> AbstractContextManager[None]:
    """Put back, when the block ends, what it changes in the state of a network's code.

    Which code that is `State` says. Put back is what the names in its files and classes stand for,
    and what is in the containers there: those that a name, a closure, a default argument, or an
    attribute of a function or of an object holds, and containers inside of them. A counter that
    counts the calls is such state, and is put back as well. The contents are the same objects as
    before, in the same order; an object of torch's, a tensor say, is not looked into. A name that
    is new and stands for a module, a class or a function stays: it was imported.

    Functions with a cache that Python keeps to itself have an empty one meanwhile.
    """
    return _kept(code_of_network(list(modules)), building=False)


def kept_by_factory(source: object) -> AbstractContextManager[None]:
    """Do the same for the code of a factory and of the constructors it calls; none of a module."""
    return nullcontext() if isinstance(source, nn.Module) else _kept([source], building=True)


@contextmanager
def _kept(code: Iterable[object], *, building: bool) -> Iterator[None]:
    state = State(code, building=building)
    # One for each function, however many places it stands in: what they share stays shared.
    fresh = {
        place.cached: emptied(place.cached, place.cached.__wrapped__) for place in state.places
    }
    try:
        for place in state.places:
            setattr(place.holder, place.attribute, place.wrap(fresh[place.cached]))
        yield
    finally:
        for place in state.places:
            setattr(place.holder, place.attribute, place.before)
        state.put_back()


def emptied(cached: Cached[Any], function: Callable[..., Any]) -> Cached[Any]:
    """Return ``function`` with an empty cache like that of ``cached``."""
    return functools.lru_cache(**cached.cache_parameters())(function)
