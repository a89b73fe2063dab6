"""Calls of torch's functions, recorded again from memory instead of being run again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import (
    BuiltinFunctionType,
    FunctionType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
from typing import Any

import torch
from torch.nn import functional

from pytest_burden.engine.call import NEVER, Arguments
from pytest_burden.engine.recall.calls import Recall, is_special

_COMPILED = (BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType)
_OF_TORCH = frozenset(one for one in vars(functional).values() if isinstance(one, FunctionType))
_returns_no_tensor: set[object] = set()


def call(
    recall: Recall,
    run: Callable[[], Any],
    func: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Any:
    """Return what ``run()`` returns, recorded as if it had run; it calls ``func``."""
    __tracebackhide__ = True
    if (
        not recall.trusted
        or not (type(func) in _COMPILED or func in _OF_TORCH)
        or func in _returns_no_tensor
        or is_special(functions=0)
    ):
        return run()
    arguments = Arguments(func, args, kwargs)
    if not arguments.tensors or NEVER in arguments.key:
        return run()
    out = recall.call(tuple(arguments.key), arguments.tensors, run)
    values = out if isinstance(out, (list, tuple)) else (out,)
    if not any(isinstance(value, torch.Tensor) for value in values):
        _returns_no_tensor.add(func)
    return out
