"""Storages that the CPU's kernels make larger than the elements of their results.

The differences are those of torch 2.13, whose shape functions make all as small as they can be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch

from pytest_burden.engine.call import Call
from pytest_burden.engine.rules.registry import aten
from pytest_burden.engine.spec import Spec


def _reduced_in_place(call: Call, position: int, spec: Spec) -> int:
    """A loss whose mean or sum is worked out where the differences were."""
    del position
    if spec.shape:
        return spec.nbytes
    shape: Sequence[int] = torch.broadcast_shapes(*(each.shape for each in call.specs))
    return math.prod(shape) * spec.itemsize


def _as_given_first(call: Call, position: int, spec: Spec) -> int:
    """Made as large as what comes in, images or columns, then as it has to be."""
    del position
    return max(spec.nbytes, call.specs[0].nbytes)


def _as_input_first(call: Call, position: int, spec: Spec) -> int:
    """A transposed convolution of volumes is made as large as its input, then as it has to be.

    In groups it is put together from theirs.
    """
    del position
    source, weight = call.specs[:2]
    whole = call.args[6] and call.args[8] == 1 and len(weight.shape) == 5  # noqa: PLR2004 a volume
    return max(spec.nbytes, source.nbytes) if whole else spec.nbytes


def _one_offset_more(call: Call, position: int, spec: Spec) -> int:
    """The bag of each index has one number more; bag sizes are made as many as the offsets."""
    if position == 1 and spec.numel:
        return spec.nbytes + spec.itemsize
    if position == _BAG_SIZES:
        return max(call.specs[_OFFSETS].numel, spec.numel) * spec.itemsize
    return spec.nbytes


_BAG_SIZES = 2
_OFFSETS = 2


def _with_gaps(call: Call, position: int, spec: Spec) -> int:
    """Copied with all that lies in its storage, but for what is broadcast.

    By ``clone_preserve_strides`` in ``aten/src/ATen/native/TensorShape.cpp``.
    """
    del position
    source = call.specs[0]
    if any(size > 1 and step == 0 for size, step in zip(source.shape, source.strides, strict=True)):
        return spec.nbytes
    return source.storage_bytes // source.itemsize * source.itemsize


OVERSIZED: Mapping[str, Callable[[Call, int, Spec], int]] = {
    **dict.fromkeys(
        aten("mse_loss smooth_l1_loss soft_margin_loss binary_cross_entropy"), _reduced_in_place
    ),
    **dict.fromkeys(aten("im2col col2im"), _as_given_first),
    "aten.convolution": _as_input_first,
    **dict.fromkeys(aten("_embedding_bag _embedding_bag_forward_only"), _one_offset_more),
    **dict.fromkeys(
        aten("select_scatter slice_scatter diagonal_scatter as_strided_scatter"), _with_gaps
    ),
}
"""By operator: bytes of the storage of a new output, where that is more than its elements."""
