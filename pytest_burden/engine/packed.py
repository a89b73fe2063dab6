"""Weights of quantised layers, which are packed into an object that is no tensor."""

from __future__ import annotations

from collections.abc import Iterator

import torch


def is_packed(value: object) -> bool:
    """Return whether something may hold weights as quantised layers do."""
    return packs(type(value))


def packs(kind: type) -> bool:
    """Return whether objects of this type may be packed weights."""
    return issubclass(kind, torch.ScriptObject) and not issubclass(kind, torch._C.ScriptModule)


def unpacked(value: object) -> Iterator[torch.Tensor]:
    """Yield the tensors that a packed object was made from: weight, and bias if it has one."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from unpacked(part)
    elif isinstance(value, torch.ScriptObject):
        # Linear and convolution layers unpack; recurrent ones only tell their state.
        tell = getattr(value, "unpack", None) or getattr(value, "__getstate__", None)
        if tell is not None:
            yield from unpacked(tell())
