"""How the CPU's kernels lay out their results, where torch's shape functions say otherwise.

The differences are those of torch 2.13. Strides matter: by them the next operator chooses its own
memory format, and whether it has to copy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch

from pytest_burden.engine.call import Call, known_spec
from pytest_burden.engine.rules.registry import aten
from pytest_burden.engine.schema import DTYPES, make_op
from pytest_burden.engine.spec import Spec, contiguous_strides
from pytest_burden.engine.strides import (
    NUMBER,
    element_by_element,
    in_compact_format,
    in_format,
    is_dense,
    like,
)

Strides = tuple[int, ...]


def _in_memory_format(call: Call, source: Spec, out: Spec) -> Strides | None:
    """Contiguous or channels_last, whatever else the source is; torch says: the input's strides.

    Or it says the like, but takes the strides of dimensions of size 1 as they come.
    """
    del call
    return in_format(source, out.shape)


def _normalised(call: Call, source: Spec, out: Spec) -> Strides | None:
    """Contiguous or channels_last, and of both, where all sizes but one are 1, the first."""
    del call
    return in_compact_format(source) or in_format(source, out.shape)


def _normalised_back(call: Call, source: Spec, out: Spec) -> Strides | None:
    """The same, where the gradient that comes in may pass for one of the same format."""
    gradient = call.specs[0]
    alike = in_format(gradient, out.shape) == in_format(source, out.shape)
    both = alike and in_compact_format(gradient) and in_compact_format(source)
    return both or in_format(source, out.shape)


def _contiguous(call: Call, source: Spec, out: Spec) -> Strides | None:
    """Contiguous; torch says: as the source."""
    del call, source
    return contiguous_strides(out.shape)


def _as_source(call: Call, source: Spec, out: Spec) -> Strides | None:
    """The source's, less its gaps; torch says: others, if only in dimensions of size 1."""
    del call
    return like(source) if source.shape == out.shape and 0 not in out.shape else None


def _as_only_source(call: Call, source: Spec, out: Spec) -> Strides | None:
    """The input's, less its gaps, if no memory format is asked for."""
    kept = call.kwargs.get("memory_format") in (None, torch.preserve_format)
    return _as_source(call, source, out) if kept else None


def _element_by_element(call: Call, source: Spec, out: Spec) -> Strides | None:
    """As kernels lay out; torch's shape functions differ in dimensions of size 1."""
    del source
    return _by_kernel(call, call.specs, out) if call.args[0] is call.tensors[0] else None


def _with_a_number(call: Call, source: Spec, out: Spec) -> Strides | None:
    """The same, where a number counts as a tensor if it is all that stands beside one."""
    del source
    operands = [_cast_before(spec, out) for spec in call.specs]
    return _by_kernel(call, [*operands, NUMBER] if len(operands) == 1 else operands, out)


def _cast_before(spec: Spec, out: Spec) -> Spec:
    """Return an operand as it is worked with: of another dtype than the result, it is a copy."""
    if out.dtype in (spec.dtype, "bool") or is_dense(spec):
        return spec
    return Spec(spec.shape, out.dtype, like(spec))


def _first_last(call: Call, source: Spec, out: Spec) -> Strides | None:
    """The same, where the kernel takes the first tensor, a gradient for one, after the others."""
    del source
    return _by_kernel(call, [*(call.specs[1:] or (NUMBER,)), call.specs[0]], out)


def _noisy_back(call: Call, source: Spec, out: Spec) -> Strides | None:
    """A product with the noise of training, or the gradient of a plain leaky ReLU."""
    gradient, given, noise, *_ = call.specs
    training = call.args[5]
    del source
    return _by_kernel(call, [noise, gradient] if training else [given, gradient], out)


def _by_kernel(call: Call, operands: Sequence[Spec], out: Spec) -> Strides | None:
    casts = len({spec.dtype for spec in call.specs}) > 1
    for spec in operands:
        as_it_is = not casts or is_dense(spec) or spec.dtype == out.dtype != "bool"
        if 0 in spec.shape or spec.pending or not as_it_is:
            return None
    found = element_by_element(operands)
    return found[1] if found and found[0] == out.shape else None


def _rolled(call: Call, source: Spec, out: Spec) -> Strides | None:
    """Along each dimension two parts are put together; torch says: as the source."""
    shifts, dims = (*call.args[1:], ())[:2]
    strides = source.strides if dims else contiguous_strides(out.shape)
    for shift, dim in zip(shifts, dims, strict=False):
        size = out.shape[dim]
        moved = -shift % size if size else 0
        parts = [_part(out.shape, strides, dim, count) for count in (size - moved, moved)]
        first, second = (in_format(part, out.shape) for part in parts)
        strides = first if first == second else contiguous_strides(out.shape)
    return strides


def _turned(call: Call, source: Spec, out: Spec) -> Strides | None:
    """Flipped as the source lies, and transposed after one turn or three."""
    turns = call.args[1] if len(call.args) > 1 else 1
    dims = call.args[2] if len(call.args) > 2 else (0, 1)  # noqa: PLR2004 its third argument
    if turns % 4 == 0 or 0 in out.shape:
        return contiguous_strides(out.shape)
    strides = list(like(source))
    if turns % 2:
        one, other = dims
        strides[one], strides[other] = strides[other], strides[one]
    return tuple(strides)


def _powers(call: Call, source: Spec, out: Spec) -> Strides | None:
    """Element by element, but contiguous where the base is a number."""
    of_number = call.args[0] is not call.tensors[0]
    return (_contiguous if of_number else _element_by_element)(call, source, out)


def _angles(call: Call, source: Spec, out: Spec) -> Strides | None:
    """Element by element, but contiguous of complex numbers."""
    return (_contiguous if source.is_complex else _element_by_element)(call, source, out)


def _part(shape: Strides, strides: Strides, dim: int, size: int) -> Spec:
    sizes = list(shape)
    sizes[dim] = size
    return Spec(tuple(sizes), strides=strides)


def _in_groups(call: Call, source: Spec, out: Spec) -> Strides | None:
    """Contiguous where groups are too small to be channels_last, for they are made one by one."""
    weight, groups = call.specs[1], call.args[8]
    if groups == 1 or call.args[6] or len(out.shape) != 4:  # noqa: PLR2004 images
        return None
    given, made = (math.prod(spec.shape[1:]) == groups for spec in (source, out))
    part = _part(weight.shape, weight.strides, 0, weight.shape[0] // groups)
    told = in_format(part, part.shape) != contiguous_strides(part.shape)  # the weight may say it
    return contiguous_strides(out.shape) if made or (given and not told) else None


def _indexed(call: Call, source: Spec, out: Spec) -> Strides | None:
    """As the indices are laid out, and the source beside them; torch asks the source alone."""
    indices = [index if index is None else known_spec(index) for index in call.args[1]]
    given = [index for index in indices if index is not None]
    empty = 0 in (*source.shape, *out.shape)
    if empty or not given or any(index.dtype in _MASKS for index in given):
        return None
    indices += [None] * (len(source.shape) - len(indices))
    dims = list(range(len(indices)))
    places = [dim for dim in dims if indices[dim] is not None]
    if places[-1] - places[0] >= len(places):  # apart from each other, they come first
        dims.sort(key=lambda dim: indices[dim] is None)
        places = list(range(len(places)))
    before, after = dims[: places[0]], dims[places[-1] + 1 :]
    common = out.shape[len(before) : len(out.shape) - len(after)]
    strides = [source.strides[dim] for dim in before]
    strides += [0] * len(common) + [source.strides[dim] for dim in after]
    operands = [Spec(out.shape, strides=tuple(strides))]
    for index in given:
        meta = torch.empty_strided(index.shape, index.strides, device="meta").expand(common)
        shape = (*[1] * len(before), *common, *[1] * len(after))
        operands.append(Spec(shape, strides=meta.reshape(shape).stride()))
    found = element_by_element(operands)
    return found and found[1]


_MASKS = ("bool", "uint8")

Layout = Callable[[Call, Spec, Spec], Strides | None]


class Correction(NamedTuple):
    """How outputs of an operator are laid out, from one of its tensors."""

    layout: Layout
    source: int = 0
    """Position among the tensor arguments."""
    outputs: int = 1
    """How many of the outputs, from the first."""


CORRECTED: Mapping[str, Correction] = {
    **dict.fromkeys(
        aten("native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training"),
        Correction(_normalised),
    ),
    "aten.native_batch_norm_backward": Correction(_normalised_back, source=1),
    **dict.fromkeys(
        aten(
            "native_group_norm channel_shuffle native_channel_shuffle max_unpool2d reflection_pad3d"
            " replication_pad3d upsample_nearest2d _upsample_nearest_exact2d upsample_bilinear2d"
            " upsample_bicubic2d upsample_nearest3d _upsample_nearest_exact3d upsample_trilinear3d"
        ),
        Correction(_in_memory_format),
    ),
    **dict.fromkeys(
        aten(
            "native_group_norm_backward reflection_pad2d_backward replication_pad2d_backward"
            " reflection_pad3d_backward replication_pad3d_backward"
        ),
        Correction(_in_memory_format, source=1),
    ),
    **dict.fromkeys(
        aten(
            "native_layer_norm rrelu_with_noise _log_softmax"
            " mse_loss_backward smooth_l1_loss_backward huber_loss_backward glu_backward"
            " _log_softmax_backward_data _softmax_backward_data nll_loss2d_backward masked_fill"
            " index_add index_copy renorm tril triu im2col col2im linalg_vector_norm normal"
        ),
        Correction(_contiguous),
    ),
    "aten.native_layer_norm_backward": Correction(_contiguous, outputs=3),
    "aten.log_sigmoid_forward": Correction(_contiguous, outputs=2),
    **dict.fromkeys(
        aten(
            "_scaled_dot_product_flash_attention_for_cpu hardtanh relu6 nan_to_num"
            " _prelu_kernel binary_cross_entropy huber_loss log_sigmoid_backward flip"
        ),
        Correction(_as_source),
    ),
    **dict.fromkeys(
        aten("binary_cross_entropy_backward binary_cross_entropy_with_logits"),
        Correction(_as_source, source=1),
    ),
    "aten.sort": Correction(_as_source, outputs=2),
    "aten.rrelu_with_noise_backward": Correction(_noisy_back),
    "aten.convolution": Correction(_in_groups),
    "aten.roll": Correction(_rolled),
    "aten.rot90": Correction(_turned),
    "aten.pow": Correction(_powers),
    "aten.angle": Correction(_angles),
    "aten.index": Correction(_indexed),
    **dict.fromkeys(
        aten("add sub mul div remainder eq ne lt le gt ge copysign floor_divide fmod"),
        Correction(_with_a_number),
    ),
    **dict.fromkeys(
        aten(
            "abs acos acosh asin asinh atan atanh ceil clamp clamp_min clamp_max cos cosh"
            " digamma elu erf erfc erfinv exp exp2 expm1 floor frac gelu hardshrink hardsigmoid"
            " hardswish i0 isnan leaky_relu lgamma log log10 log1p log2 logical_not logit mish"
            " neg reciprocal relu round rsqrt sgn sigmoid sign signbit silu sin sinc sinh"
            " softplus softshrink sqrt square tan tanh threshold trunc celu"
            " addcmul addcdiv atan2 bitwise_and bitwise_or bitwise_xor lerp logaddexp logaddexp2"
            " logical_and logical_or logical_xor maximum minimum mse_loss smooth_l1_loss where"
            " xlogy special_xlog1py elu_backward gelu_backward hardsigmoid_backward"
            " hardswish_backward hardtanh_backward mish_backward sigmoid_backward silu_backward"
            " softplus_backward tanh_backward logit_backward heaviside hypot fmax fmin nextafter"
            " polar complex native_dropout_backward"
        ),
        Correction(_element_by_element),
    ),
    **dict.fromkeys(aten("rsub leaky_relu_backward threshold_backward"), Correction(_first_last)),
    "aten._prelu_kernel_backward": Correction(_first_last, outputs=2),
    **dict.fromkeys(
        aten("empty_like zeros_like ones_like full_like rand_like randn_like randint_like"),
        Correction(_as_only_source),
    ),
}
"""By operator: the strides of its first outputs if those are new; None where torch is right."""


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

AS_HALF = frozenset(aten("_embedding_bag _embedding_bag_forward_only"))
"""Operators for which bfloat16 is as float16 to the kernel, but not to torch's shape function."""

AS_INPUT: Mapping[str, int] = {
    **dict.fromkeys(aten("huber_loss soft_margin_loss"), 0),
    **dict.fromkeys(aten("mse_loss_backward smooth_l1_loss_backward soft_margin_loss_backward"), 1),
}
"""Operators whose output is of the dtype of one input, and of which; torch's shape functions go by
the dtypes of all."""

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
