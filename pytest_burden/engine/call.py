"""One operator call on its way through the recorder, and the key that tells it from others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch._ops import OpOverload

from pytest_burden.engine.abstract import AbstractTensor, spec_of
from pytest_burden.engine.schema import make_op, plain
from pytest_burden.engine.spec import Op, Spec

_HASHABLE = (
    bool | int | float | complex | str | torch.dtype | torch.device | torch.layout
    | torch.memory_format | None
)  # fmt: skip
NEVER = object()
"""Stands in a key for a value that no two calls can be known to share."""


_OPS: dict[tuple[object, ...], Op] = {}


class Call:
    """One call on its way through the recorder: the operator, its tensors and its key."""

    __slots__ = ("args", "func", "key", "kwargs", "specs", "tensors")

    def __init__(self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self.func = func
        self.args = args
        self.kwargs = kwargs
        self.key: list[object] = [func, torch.get_default_dtype()]
        self.tensors: list[torch.Tensor] = []
        self.specs: list[Spec] = []
        for value in args:
            self._scan(value)
        for name, value in kwargs.items():
            self.key.append(name)
            self._scan(value)

    def _scan(self, value: Any) -> None:
        kind = type(value)
        if kind is AbstractTensor:
            self.tensors.append(value)
            self.specs.append(value.spec)
            self.key.append(value.spec)
        elif value is None:
            self.key.append(None)
        elif kind is list or kind is tuple:
            self.key.append(len(value))
            for item in value:
                self._scan(item)
        elif isinstance(value, torch.Tensor):
            spec = spec_of(value)
            self.tensors.append(value)
            self.specs.append(spec)
            self.key.append(spec)
        elif isinstance(value, _HASHABLE):
            self.key.append(kind)
            self.key.append(value)
        else:
            self.key.append(kind if isinstance(value, torch.Generator) else NEVER)

    def op(self, outputs: tuple[Spec, ...]) -> Op:
        """Return the one `Op` object of this call with these outputs."""
        key = (*self.key, outputs)
        op = _OPS.get(key)
        if op is None:
            specs = {
                id(tensor): spec for tensor, spec in zip(self.tensors, self.specs, strict=True)
            }
            op = make_op(
                self.func, self.args, self.kwargs, outputs, lambda tensor: specs[id(tensor)]
            )
            if NEVER not in self.key:
                _OPS[key] = op
        return op


def composite_op(name: str, arguments: Mapping[str, Any], output: Spec) -> Op:
    """Return the one `Op` object of a composite with these arguments and this output."""
    described = {key: plain(value, known_spec) for key, value in arguments.items()}
    key = (name, *map(_freeze, described.items()), output)
    op = _OPS.get(key)
    if op is None:
        op = _OPS[key] = Op(name, "", described, (output,))
    return op


def known_spec(tensor: torch.Tensor) -> Spec:
    """Return the spec of any tensor."""
    return tensor.spec if type(tensor) is AbstractTensor else spec_of(tensor)


def _freeze(value: object) -> object:
    """Return a hashable equal of an argument, numbers with their type."""
    if isinstance(value, (list, tuple)):
        return tuple(map(_freeze, value))
    return value if isinstance(value, Spec) else (type(value), value)
