"""Knows which module is running: every call of a module of the network passes through here."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from pytest_burden.engine.abstract import AbstractTensor, Tape, not_followed, shape_of
from pytest_burden.engine.nests import DEPTH
from pytest_burden.engine.recall.layers import Layers
from pytest_burden.engine.spec import text_of
from pytest_burden.engine.trace import ModuleCalls


@dataclass(slots=True)
class Frames:
    """The module calls of one run, and where it failed if it did."""

    indices: Mapping[int, int]
    """Position in the list of modules by ``id(module)``."""
    calls: list[ModuleCalls]
    failed: tuple[int, tuple[str, ...]] | None = None
    """The innermost module that raised, and the shapes it was called with."""


@contextmanager
def following(
    modules: Sequence[nn.Module], tape: Tape, layers: Layers | None = None
) -> Iterator[Frames]:
    """Tell the tape which of ``modules`` runs until the block ends; on another thread none may.

    With ``layers``, these answer the calls that they know. Unlike hooks, what takes the calls sees
    keyword arguments, and failures, and leaves nothing behind. It stands where ``nn.Module``'s
    ``__call__`` looks for a compiled forward before it runs the eager one: to replace ``__call__``
    itself, Python would visit every subclass there is.
    """
    frames = Frames(
        {id(module): index for index, module in enumerate(modules)},
        [ModuleCalls() for _ in modules],
    )
    thread = threading.get_ident()

    def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        index = frames.indices.get(id(module))
        if index is None or threading.get_ident() != thread:
            return _elsewhere(module, tape, args, kwargs, known=index is not None)
        outer, tape.module = tape.module, index
        gradients = tape.gradients
        if gradients is not None:
            gradients.mark(index)
        calls = frames.calls[index]
        calls.count += 1
        if calls.count == 1:
            calls.inputs = shapes((args, kwargs)) if kwargs else shapes(args)
        try:
            if layers is None:
                out = module._call_impl(*args, **kwargs)
            else:
                out = layers.call(module, args, kwargs)
        except Exception:
            if frames.failed is None:
                frames.failed = (index, shapes((args, kwargs)))
            raise
        finally:
            tape.module = outer
            if gradients is not None:
                gradients.mark(outer)
        if calls.count == 1:
            calls.outputs = shapes(out)
        return out

    before = nn.Module._compiled_call_impl
    nn.Module._compiled_call_impl = call  # a method of every module that is not compiled itself
    try:
        yield frames
    finally:
        nn.Module._compiled_call_impl = before


def _elsewhere(
    module: nn.Module, tape: Tape, args: Sequence[Any], kwargs: Mapping[str, Any], *, known: bool
) -> Any:
    """Call a module that is none of the network's, or refuse one that is, on another thread."""
    if known:
        tape.refuse(not_followed(f"{type(module).__name__} is called"))
    return module._call_impl(*args, **kwargs)


def shapes(value: object) -> tuple[str, ...]:
    """Return ``("float32[1, 3]", "mask=bool[8]")`` for all tensors in a nest of containers."""
    # Most modules are handed one tensor and return one.
    lone = value[0] if type(value) is tuple and len(value) == 1 else value
    if type(lone) is AbstractTensor:
        return (text_of(lone.spec),)
    found: list[str] = []
    _collect(value, "", found, depth=0)
    return tuple(found)


def _collect(value: object, name: str, found: list[str], depth: int) -> None:
    if isinstance(value, torch.Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        label = f"{name}=" if name else ""
        found.append(f"{label}{dtype}[{', '.join(map(str, shape_of(value)))}]")
    elif depth > DEPTH or value is None or isinstance(value, (str, int, float)):
        return
    elif isinstance(value, (Mapping, SimpleNamespace)):
        items = value if isinstance(value, Mapping) else vars(value)
        for key, item in items.items():
            _collect(item, str(key), found, depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset, deque)):
        for item in value:
            _collect(item, name, found, depth + 1)
    elif is_dataclass(value) and not isinstance(value, type):
        for entry in fields(value):
            _collect(getattr(value, entry.name, None), entry.name, found, depth + 1)
