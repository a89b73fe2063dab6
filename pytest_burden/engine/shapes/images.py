"""Convolutions, pools and batch norms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from pytest_burden.engine.call import Call
from pytest_burden.engine.result import Result
from pytest_burden.engine.schema import DTYPES
from pytest_burden.engine.shapes.ordinary import Answer, new, one, ordinary


def _max_pool(call: Call) -> Result | None:
    """The largest in each window, and where it is."""
    usual: list[Any] = [[], [0], [1], False]
    given = [*call.args[1:], *usual[len(call.args) - 2 :]]
    kernel, stride, padding, dilation, ceil_mode = given
    shape = _pooled(call, kernel, stride, padding, dilation, ceil_mode)
    if shape is None:
        return None
    made = new(shape, DTYPES[call.specs[0].dtype]), new(shape, torch.int64)
    return Result(made, tuple, reshaped=False)


def _average_pool(call: Call) -> Result | None:
    """The mean of each window."""
    usual: list[Any] = [[], [0], False]
    kernel, stride, padding, ceil_mode, *_ = [*call.args[1:], *usual[len(call.args) - 2 :]]
    shape = _pooled(call, kernel, stride, padding, [1], ceil_mode)
    return None if shape is None else one(new(shape, DTYPES[call.specs[0].dtype]))


def _pooled(  # noqa: PLR0913, PLR0917 as the operators take them
    call: Call,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil_mode: bool,  # noqa: FBT001
) -> tuple[int, ...] | None:
    """Return the shape of a pool's output: as of a convolution, or with a last partial window."""
    (source,) = call.specs
    if call.kwargs or len(source.shape) not in (3, 4) or not ordinary(call):
        return None
    outputs = []
    for size, taps, step, pad, dilate in zip(
        source.shape[-2:],
        *map(_pair, (kernel, stride or kernel, padding, dilation)),
        strict=True,
    ):
        if not 0 <= 2 * pad <= taps or step < 1:
            return None
        space = size + 2 * pad - dilate * (taps - 1) - 1
        count = (space + (step - 1) * ceil_mode) // step + 1
        # A window has to begin inside of the input or of the padding before it.
        count -= ceil_mode and (count - 1) * step >= size + pad
        outputs.append(count)
    return (*source.shape[:-2], *outputs) if min(outputs) > 0 else None


def _pair(value: Sequence[int]) -> Sequence[int]:
    return (value[0], value[0]) if len(value) == 1 else value


def _convolution(call: Call) -> Result | None:
    """Floor of outputs: (size + 2 padding - dilation (kernel - 1) - 1) / stride + 1."""
    stride, padding, dilation, transposed, _, groups = call.args[3:9]
    source, weight, *bias = call.specs
    dims = len(source.shape) - 2
    fits = (
        ordinary(call)
        and not transposed
        and dims > 0
        and len(weight.shape) == dims + 2
        and {*map(len, (stride, padding, dilation))} == {dims}
        and source.shape[1] == weight.shape[1] * groups
        and weight.shape[0] % groups == 0
        and all(spec.shape == weight.shape[:1] for spec in bias)
        and min(*stride, *dilation) > 0 <= min(padding)
    )
    if not fits:
        return None
    outputs = [
        (size + 2 * pad - dilate * (kernel - 1) - 1) // step + 1
        for size, kernel, step, pad, dilate in zip(
            source.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True
        )
    ]
    if min(outputs) < 1:
        return None
    return one(new((source.shape[0], weight.shape[0], *outputs), DTYPES[source.dtype]))


def _batch_norm(call: Call) -> Result | None:
    """The normalised input, and the statistics of a batch if they are its own."""
    source, *others = call.specs
    channels = source.shape[1:2]
    if not channels or not ordinary(call) or any(spec.shape != channels for spec in others):
        return None
    training, running = call.args[5], call.args[3:5]
    if source.numel == channels[0] if training else None in running:
        return None
    dtype = DTYPES[source.dtype]
    statistics = new(channels if training else (0,), dtype)
    return Result((new(source.shape, dtype), statistics, statistics), tuple, reshaped=False)


_aten: Any = torch.ops.aten
ANSWERS: Mapping[Any, Answer] = {
    _aten.max_pool2d_with_indices.default: _max_pool,
    _aten.avg_pool2d.default: _average_pool,
    _aten.convolution.default: _convolution,
    _aten.native_batch_norm.default: _batch_norm,
}
