"""Calls of torch's functions, recorded again from memory instead of being run again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import (
    BuiltinFunctionType,
    FunctionType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
from typing import Any, TypeAlias

import torch
from torch.nn import functional

from pytest_burden.engine.abstract import AbstractTensor
from pytest_burden.engine.call import NEVER, Arguments
from pytest_burden.engine.recall.calls import Recall, is_special

Run: TypeAlias = Callable[[Callable[..., Any], Sequence[Any], Mapping[str, Any]], Any]
"""Calls a function with these arguments, and sees to it that it is recorded."""

_COMPILED = (BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType)
_OF_TORCH = frozenset(
    {
        *(one for one in vars(functional).values() if isinstance(one, FunctionType)),
        torch.einsum, torch.tensordot,
    }
)  # fmt: skip
_returns_no_tensor: set[object] = set()
_ATTENTION = (
    functional.scaled_dot_product_attention, functional.multi_head_attention_forward,
)  # fmt: skip
"""Functions whose kernel the process chooses, by what is switched on."""
_ANEW = frozenset(
    {
        *(one for name, one in vars(functional).items() if "fractional_max_pool" in name),
        torch.any, torch.all, torch.Tensor.any, torch.Tensor.all,
    }
)  # fmt: skip
"""Functions that draw numbers, after which others are drawn, or ask where a tensor comes from."""


def call(
    recall: Recall,
    run: Run,
    func: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Any:
    """Return what ``run(func, args, kwargs)`` returns, recorded as if it had run."""
    __tracebackhide__ = True
    if (
        not recall.trusted
        or not (type(func) in _COMPILED or func in _OF_TORCH)
        or func in _returns_no_tensor
        or func in _ANEW
        or is_special(functions=0)
    ):
        return run(func, args, kwargs)
    arguments = Arguments(func, args, kwargs)
    if not arguments.tensors or NEVER in arguments.key:
        return run(func, args, kwargs)
    given = arguments.tensors
    asked = [tensor.requires_grad for tensor in given]  # no mode is on that would see it
    if func in _ATTENTION:
        arguments.key += kernels_of_attention()
    out = recall.call(tuple(arguments.key), given, asked, run, (func, args, kwargs))
    if type(out) is not AbstractTensor:
        values = out if isinstance(out, (list, tuple)) else (out,)
        if not any(isinstance(value, torch.Tensor) for value in values):
            _returns_no_tensor.add(func)
    return out


def kernels_of_attention() -> list[bool]:
    """Return which kernels of attention torch may choose from."""
    return [
        torch._C._get_flash_sdp_enabled(),
        torch._C._get_mem_efficient_sdp_enabled(),
        torch._C._get_math_sdp_enabled(),
    ]
