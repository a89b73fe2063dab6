"""How the CPU's kernels lay out their results, where torch's shape functions say otherwise.

The differences are those of torch 2.13. Strides matter: by them the next operator chooses its own
memory format, and whether it has to copy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch._prims_common import suggest_memory_format

from pytest_burden.engine.call import Call, known_spec
from pytest_burden.engine.rules.registry import aten
from pytest_burden.engine.schema import DTYPES, make_op
from pytest_burden.engine.spec import Spec

Strides = tuple[int, ...]


def _of_batch_norm(call: Call, source: torch.Tensor) -> Strides | None:
    """Contiguous or channels_last, whatever the input is; torch says: the input's strides."""
    del call
    memory_format = suggest_memory_format(source)
    return torch.empty_like(source, device="meta", memory_format=memory_format).stride()


def _of_layer_norm(call: Call, source: torch.Tensor) -> Strides | None:
    """Contiguous; torch says: as the input, whose dimensions of size 1 may have any stride."""
    del call
    return torch.empty(source.shape, device="meta").stride()


def _as_source(call: Call, source: torch.Tensor) -> Strides | None:
    """The input's, if it has no gaps; torch says: other strides for dimensions of size 1."""
    del call
    return source.stride() if _DENSE(source) else None


def _as_only_source(call: Call, source: torch.Tensor) -> Strides | None:
    """The input's, if it has no gaps and no memory format is asked for."""
    return _as_source(call, source) if call.kwargs.get("memory_format") is None else None


def _with_a_number(call: Call, source: torch.Tensor) -> Strides | None:
    """Compact in the order of the input's; torch says: contiguous, if that is as good.

    The two differ in dimensions of size 1. With a second tensor torch is right.
    """
    if len(call.tensors) > 1 or not _DENSE(source):
        return None
    size, strides = source.shape, source.stride()
    compact = [1] * len(size)
    step = 1
    for dim in sorted(range(len(size)), key=lambda dim: (strides[dim], size[dim], -dim)):
        compact[dim] = step
        step *= size[dim]
    return tuple(compact)


_DENSE = torch.ops.aten.is_non_overlapping_and_dense.default

CORRECTED: Mapping[str, Callable[[Call, torch.Tensor], Strides | None]] = {
    "aten.native_batch_norm": _of_batch_norm,
    "aten._native_batch_norm_legit": _of_batch_norm,
    "aten._native_batch_norm_legit_no_training": _of_batch_norm,
    "aten.native_layer_norm": _of_layer_norm,
    "aten._scaled_dot_product_flash_attention_for_cpu": _as_source,
    **dict.fromkeys(aten("add sub rsub mul div"), _with_a_number),
    **dict.fromkeys(aten("empty_like zeros_like ones_like full_like"), _as_only_source),
}
"""By operator: the strides of its first output if that is new, from its first input.

None where torch's shape function is right.
"""


NORMS = frozenset(
    aten(
        "native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training"
        " native_layer_norm native_group_norm"
    )
)
"""Operators whose second and third outputs are statistics."""


def _reduced_in_place(call: Call, position: int, spec: Spec) -> int:
    """A loss whose mean or sum is worked out where the differences were."""
    del position
    if spec.shape:
        return spec.nbytes
    shape: Sequence[int] = torch.broadcast_shapes(*(each.shape for each in call.specs))
    return math.prod(shape) * spec.itemsize


def _unfolded_first(call: Call, position: int, spec: Spec) -> int:
    """Made large enough for the columns that come in."""
    del position, spec
    return call.specs[0].numel * call.specs[0].itemsize


def _one_offset_more(call: Call, position: int, spec: Spec) -> int:
    """The bag of each index has one number more; bag sizes are made as many as the offsets."""
    if position == 1 and spec.numel:
        return spec.nbytes + spec.itemsize
    if position == _BAG_SIZES:
        return max(call.specs[_OFFSETS].numel, spec.numel) * spec.itemsize
    return spec.nbytes


_BAG_SIZES = 2
_OFFSETS = 2

OVERSIZED: Mapping[str, Callable[[Call, int, Spec], int]] = {
    **dict.fromkeys(aten("mse_loss smooth_l1_loss soft_margin_loss"), _reduced_in_place),
    "aten.col2im": _unfolded_first,
    **dict.fromkeys(aten("_embedding_bag _embedding_bag_forward_only"), _one_offset_more),
}
"""By operator: bytes of the storage of a new output, where that is more than its elements."""

_ROW_BYTES = 16
"""Rows of the matrices of a grouped product begin at multiples of so many bytes."""

_GROUPABLE = ("float32", "bfloat16", "float16")


def grouped_product(call: Call) -> torch.Tensor | None:
    """Return the output of ``_grouped_mm``, or None for operands that its kernel may refuse.

    torch's shape function is that of GPUs: for bfloat16 alone, and with padded rows only in a
    build for CUDA. See the rule of the operator for what the shapes mean.
    """
    given = make_op(call.func, call.args, call.kwargs, (), known_spec).arguments
    left, right, ends = given["self"], given["mat2"], given["offs"]
    if not isinstance(left, Spec) or not isinstance(right, Spec):
        return None
    groups = [*left.shape[:-2], *right.shape[:-2]]  # a stack of matrices has one for each group
    stacks = len(groups)
    if isinstance(ends, Spec):
        groups += ends.shape
    fits = (
        stacks <= 2  # noqa: PLR2004 neither has more than three dimensions
        and isinstance(ends, Spec) == (stacks < 2)  # noqa: PLR2004 two stacks need no offsets
        and len(set(groups)) == 1
        and left.shape[-1] == right.shape[-2]
        and left.dtype == right.dtype
        and left.dtype in _GROUPABLE
        and _has_aligned_rows(left)
        and _has_aligned_rows(right)
        and given["bias"] is given["out_dtype"] is None
    )
    if not fits:
        return None
    size = [left.shape[-2], right.shape[-1]]
    aligned = _ROW_BYTES // left.itemsize
    row = -(-size[1] // aligned) * aligned
    strides = [row, 1]
    if stacks != 1:
        size, strides = [groups[0], *size], [size[0] * row, *strides]
    return torch.empty_strided(size, strides, dtype=DTYPES[left.dtype], device="meta")


def _has_aligned_rows(matrix: Spec) -> bool:
    """Return whether rows, or columns, are compact and begin where the kernel wants them."""
    within, between = sorted(matrix.strides[-2:])
    return within == 1 and between * matrix.itemsize % _ROW_BYTES == 0
