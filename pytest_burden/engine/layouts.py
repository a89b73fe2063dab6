"""How the CPU's kernels lay out their results, where torch's shape functions say otherwise.

The differences are those of torch 2.13. Strides matter: by them the next operator chooses its own
memory format, and whether it has to copy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch._prims_common import suggest_memory_format

from pytest_burden.engine.call import Call, known_spec
from pytest_burden.engine.rules.registry import aten
from pytest_burden.engine.schema import DTYPES, make_op
from pytest_burden.engine.spec import Spec, contiguous_strides
from pytest_burden.engine.strides import NUMBER, element_by_element, is_dense

Strides = tuple[int, ...]


def _in_memory_format(call: Call, source: torch.Tensor, out: Spec) -> Strides | None:
    """Contiguous or channels_last, whatever else the source is; torch says: the input's strides."""
    del call, out
    memory_format = suggest_memory_format(source)
    return torch.empty_like(source, device="meta", memory_format=memory_format).stride()


def _contiguous(call: Call, source: torch.Tensor, out: Spec) -> Strides | None:
    """Contiguous; torch says: as the source."""
    del call, source
    return contiguous_strides(out.shape)


def _as_source(call: Call, source: torch.Tensor, out: Spec) -> Strides | None:
    """The source's, if it has no gaps; torch says: others, if only in dimensions of size 1."""
    del call
    fits = tuple(source.shape) == out.shape and _DENSE(source)
    return source.stride() if fits else None


def _as_only_source(call: Call, source: torch.Tensor, out: Spec) -> Strides | None:
    """The input's, if it has no gaps and no memory format is asked for."""
    return _as_source(call, source, out) if call.kwargs.get("memory_format") is None else None


def _element_by_element(call: Call, source: torch.Tensor, out: Spec) -> Strides | None:
    """As kernels lay out; torch's shape functions differ in dimensions of size 1."""
    del source, out
    return _by_kernel(call) if call.args[0] is call.tensors[0] else None


def _with_a_number(call: Call, source: torch.Tensor, out: Spec) -> Strides | None:
    """The same beside a number; with a second tensor torch is right."""
    del source, out
    return _by_kernel(call, NUMBER)


def _by_kernel(call: Call, *numbers: Spec) -> Strides | None:
    spec = call.specs[0]
    if len(call.tensors) > 1 or 0 in spec.shape or not is_dense(spec):
        return None
    found = element_by_element([spec, *numbers])
    return found and found[1]


_DENSE = torch.ops.aten.is_non_overlapping_and_dense.default

Layout = Callable[[Call, torch.Tensor, Spec], Strides | None]


class Correction(NamedTuple):
    """How the first output of an operator is laid out, from one of its tensors."""

    layout: Layout
    source: int = 0
    """Position among the tensor arguments."""


CORRECTED: Mapping[str, Correction] = {
    **dict.fromkeys(
        aten(
            "native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training"
            " native_group_norm"
        ),
        Correction(_in_memory_format),
    ),
    **dict.fromkeys(
        aten(
            "native_layer_norm native_layer_norm_backward log_sigmoid_forward rrelu_with_noise"
            " mse_loss_backward smooth_l1_loss_backward huber_loss_backward glu_backward"
            " _log_softmax_backward_data"
        ),
        Correction(_contiguous),
    ),
    **dict.fromkeys(
        aten(
            "_scaled_dot_product_flash_attention_for_cpu roll channel_shuffle"
            " native_channel_shuffle softplus_backward hardswish_backward elu_backward"
            " hardtanh_backward hardsigmoid_backward logit_backward hardtanh relu6 nan_to_num"
        ),
        Correction(_as_source),
    ),
    "aten.binary_cross_entropy_backward": Correction(_as_source, source=1),
    "aten.rrelu_with_noise_backward": Correction(_as_source, source=2),
    **dict.fromkeys(
        aten("native_batch_norm_backward reflection_pad2d_backward replication_pad2d_backward"),
        Correction(_in_memory_format, source=1),
    ),
    **dict.fromkeys(
        aten("add sub rsub mul div remainder eq ne lt le gt ge"), Correction(_with_a_number)
    ),
    **dict.fromkeys(
        aten(
            "abs acos acosh angle asin asinh atan atanh ceil clamp clamp_min clamp_max cos cosh"
            " digamma elu erf erfc erfinv exp exp2 expm1 floor frac gelu hardshrink hardsigmoid"
            " hardswish i0 isnan leaky_relu lgamma log log10 log1p log2 logical_not logit mish"
            " neg pow reciprocal relu round rsqrt sgn sigmoid sign signbit silu sin sinc sinh"
            " softplus softshrink sqrt square tan tanh threshold trunc"
        ),
        Correction(_element_by_element),
    ),
    **dict.fromkeys(aten("empty_like zeros_like ones_like full_like"), Correction(_as_only_source)),
}
"""By operator: the strides of its first output if that is new; None where torch is right."""


NORMS = frozenset(
    aten(
        "native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training"
        " native_layer_norm native_group_norm"
    )
)
"""Operators whose second and third outputs are statistics."""

UNMASKED: Mapping[str, int] = dict.fromkeys(
    aten("grid_sampler_2d_backward grid_sampler_3d_backward"), 1
)
"""Backward operators, and which output their kernel makes also where it is not asked for."""


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
    **dict.fromkeys(
        aten("mse_loss smooth_l1_loss soft_margin_loss binary_cross_entropy"), _reduced_in_place
    ),
    "aten.col2im": _unfolded_first,
    **dict.fromkeys(aten("_embedding_bag _embedding_bag_forward_only"), _one_offset_more),
}
"""By operator: bytes of the storage of a new output, where that is more than its elements."""

AS_HALF = frozenset(aten("_embedding_bag _embedding_bag_forward_only"))
"""Operators for which bfloat16 is as float16 to the kernel, but not to torch's shape function."""

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
