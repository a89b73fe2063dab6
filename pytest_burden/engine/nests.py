"""The tensors in what a network takes and returns: containers and dataclasses of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import SimpleNamespace

import torch

DEPTH = 8
"""Containers deeper than this are not looked into: they may hold themselves."""


def tensors(value: object, depth: int = 0) -> Iterator[torch.Tensor]:
    """Yield all tensors in a nest of containers."""
    if isinstance(value, torch.Tensor):
        yield value
    elif depth > DEPTH:
        return
    elif isinstance(value, (Mapping, SimpleNamespace)):
        items = value if isinstance(value, Mapping) else vars(value)
        for item in items.values():
            yield from tensors(item, depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset, deque)):
        for item in value:
            yield from tensors(item, depth + 1)
    elif is_dataclass(value) and not isinstance(value, type):
        for entry in fields(value):
            yield from tensors(getattr(value, entry.name, None), depth + 1)
