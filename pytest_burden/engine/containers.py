"""What containers hold: read as a flat list and written back, whatever a subclass overrides."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary


class Family(NamedTuple):
    """How the contents of a kind of container are read, as a flat list, and written."""

    read: Callable[[Any], list[Any]]
    write: Callable[[Any, list[Any]], None]


def _mapping(base: Any) -> Family:
    """Return the family of the mappings that ``base`` reads, whatever a subclass overrides."""

    def write(mapping: Any, flat: list[Any]) -> None:
        middle = len(flat) // 2
        base.clear(mapping)
        for key, value in zip(flat[:middle], flat[middle:], strict=True):
            base.__setitem__(mapping, key, value)

    return Family(lambda mapping: [*base.keys(mapping), *base.values(mapping)], write)


def _collection(base: Any, add: Callable[[Any, list[Any]], object]) -> Family:
    def write(collection: Any, flat: list[Any]) -> None:
        base.clear(collection)
        add(collection, flat)

    return Family(lambda collection: [*base.__iter__(collection)], write)


DICT = _mapping(dict)
FAMILIES: Mapping[type, Family] = {
    OrderedDict: _mapping(OrderedDict),
    dict: DICT,
    list: _collection(list, list.extend),
    set: _collection(set, set.update),
    deque: _collection(deque, deque.extend),
    WeakKeyDictionary: _mapping(WeakKeyDictionary),
    WeakValueDictionary: _mapping(WeakValueDictionary),
    WeakSet: _collection(WeakSet, WeakSet.update),
}
"""By base class, the nearest."""


def family_of(kind: type) -> Family:
    """Return the family of a class that is derived from one of `FAMILIES`."""
    return next(FAMILIES[base] for base in kind.__mro__ if base in FAMILIES)
