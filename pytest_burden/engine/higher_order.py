"""Operators that take functions.

What these do is not seen, but where the operator only chooses which of them runs, and how often.
Of the others some are known as a whole.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch._ops import HigherOrderOperator

from pytest_burden.engine.abstract import intern
from pytest_burden.engine.call import known_spec
from pytest_burden.engine.schema import DTYPES
from pytest_burden.engine.spec import HIGHER_ORDER, Op, Spec, contiguous_strides


def tensors_of(
    func: HigherOrderOperator, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, torch.Tensor]:
    """Return the arguments that are tensors, by name."""
    given = {**dict(zip(_names(type(func)), args, strict=False)), **kwargs}
    return {name: value for name, value in given.items() if isinstance(value, torch.Tensor)}


@cache
def _names(kind: type[HigherOrderOperator]) -> tuple[str, ...]:
    parameters = list(inspect.signature(kind.__call__).parameters.values())[1:]
    return tuple(each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD)


def outputs(
    func: HigherOrderOperator, tensors: Mapping[str, torch.Tensor]
) -> tuple[Spec, ...] | None:
    """Return what an operator returns, a tuple of new tensors; None if that is not known."""
    known = _OUTPUTS.get(func.name())
    specs = {name: known_spec(tensor) for name, tensor in tensors.items()}
    return known(specs) if known else None


def op_of(
    func: HigherOrderOperator, tensors: Mapping[str, torch.Tensor], made: tuple[Spec, ...]
) -> Op:
    """Return the one `Op` object of a call with these tensors that made these."""
    given = {name: known_spec(tensor) for name, tensor in tensors.items()}
    key = (func, *given.items(), made)
    op = _OPS.get(key)
    if op is None:
        op = _OPS[key] = Op(f"{HIGHER_ORDER}{func.name()}", "", given, made)
    return op


_OPS: dict[tuple[object, ...], Op] = {}


def _flex_attention(specs: Mapping[str, Spec]) -> tuple[Spec, ...]:
    """Return attention, laid out as its query is, and two numbers a query in at least float32.

    Source: ``math_attention`` and ``_permute_strides`` in
    ``torch/_higher_order_ops/flex_attention.py`` of torch 2.13.
    """
    query, value = specs["query"], specs["value"]
    shape = (*query.shape[:-1], value.shape[-1])
    # What lies innermost first; the last dimension always does.
    order = sorted(range(len(shape)), key=lambda dim: query.strides[dim])
    order.sort(key=lambda dim: dim != len(shape) - 1)
    strides, step = [0] * len(shape), 1
    for dim in order:
        strides[dim], step = step, step * shape[dim]
    attended = _new(shape, tuple(strides), DTYPES[query.dtype])
    wide = torch.float64 if query.dtype == "float64" else torch.float32
    each = _new(shape[:-1], contiguous_strides(shape[:-1]), wide)
    return attended, each, each


def _new(shape: tuple[int, ...], strides: tuple[int, ...], dtype: torch.dtype) -> Spec:
    return intern(shape, strides, 0, dtype, torch.Size(shape).numel() * dtype.itemsize)


def _cond(
    pred: object, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: Sequence[Any]
) -> Any:
    return (true_fn if pred else false_fn)(*operands)


def _while_loop(
    cond_fn: Callable[..., Any],
    body_fn: Callable[..., Any],
    carried_inputs: Sequence[Any],
    additional_inputs: Sequence[Any],
) -> Any:
    carried = carried_inputs
    while cond_fn(*carried, *additional_inputs):
        carried = body_fn(*carried, *additional_inputs)
    return carried


def not_differentiated(name: str) -> str:
    """Return why a training step with an operator cannot be measured."""
    return (
        f"a training step runs the higher-order operator {name}, whose functions' own parameters"
        " get no gradient where a dispatch mode watches"
    )


def raised_in(error: BaseException) -> str:
    """Return the operator whose own code, in Python, an error comes from; empty if from none."""
    files = (Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__))
    return next((file.stem for file in files if file.parent.name == "_higher_order_ops"), "")


DIFFERENTIATED = frozenset({"flex_attention", "flex_attention_backward"})
"""Operators whose gradients do not depend on who watches."""

FLOWS: Mapping[str, Callable[..., Any]] = {"cond": _cond, "while_loop": _while_loop}
"""What operators do that only choose, by name: with their own arguments, in Python."""


_OUTPUTS: Mapping[str, Callable[[Mapping[str, Spec]], tuple[Spec, ...]]] = {
    "flex_attention": _flex_attention,
}
