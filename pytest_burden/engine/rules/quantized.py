"""Quantised layers: integer products count as any. Turning the result into integers is a cast.

Weights are packed into objects without a shape; rules get the specs of what was packed. Where an
object does not tell, a linear layer is known by its activations, all but its bias, which is then
not counted; of a convolution nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_burden.engine.rules.convolution import plain as plain_convolution
from pytest_burden.engine.rules.convolution import transposed
from pytest_burden.engine.rules.matmul import products
from pytest_burden.engine.rules.pointwise import pointwise, rectifier, transcendental
from pytest_burden.engine.rules.registry import Cost, aten, free, rule, uncounted
from pytest_burden.engine.spec import Argument, Op, Spec

_LINEAR = (
    "quantized.linear",
    "quantized.linear_dynamic",
    "quantized.linear_dynamic_fp16",
    "_quantized.linear",
    "_quantized.linear_dynamic",
)


@rule(*_LINEAR)
def linear(X: Spec, out: Spec, W_prepack: Argument = None) -> Cost:  # noqa: N803 the operator's own names
    """m·n·k multiply-adds, and one addition an output if there is a bias.

    X (..., k), out (..., n), W_prepack: a weight (n, k), and perhaps a bias (n,).
    """
    has_bias = isinstance(W_prepack, list) and len(W_prepack) > 1
    return Cost(macs=products(out, X.shape[-1]), other=out.numel if has_bias else 0)


@rule(
    *("quantized.linear_relu", "quantized.linear_relu_dynamic"),
    *("quantized.linear_relu_dynamic_fp16", "quantized.linear_leaky_relu"),
)
def linear_rectified(X: Spec, out: Spec, W_prepack: Argument = None) -> Cost:  # noqa: N803 the operator's own names
    """A linear layer and a rectifier.

    X (..., k), out (..., n).
    """
    return linear(X, out, W_prepack) + rectifier(out)


@rule("quantized.linear_tanh")
def linear_tanh(X: Spec, out: Spec, W_prepack: Argument = None) -> Cost:  # noqa: N803 the operator's own names
    """A linear layer and a tanh.

    X (..., k), out (..., n).
    """
    return linear(X, out, W_prepack) + transcendental(out)


@rule("onednn.linear_dynamic_fp16")
def linear_of_onednn(x: Spec, out: Spec, bias: Spec | None) -> Cost:
    """m·n·k multiply-adds, and one addition an output if there is a bias.

    x (..., k), out (..., n).
    """
    return Cost(macs=products(out, x.shape[-1]), other=out.numel if bias else 0)


@rule("onednn.linear_relu_dynamic_fp16")
def linear_of_onednn_rectified(x: Spec, out: Spec, bias: Spec | None) -> Cost:
    """A linear layer and a rectifier.

    x (..., k), out (..., n).
    """
    return linear_of_onednn(x, out, bias) + rectifier(out)


@rule("quantized.linear_dynamic_fp16_unpacked_weight")
def linear_fp16(X: Spec, bias: Spec, out: Spec) -> Cost:  # noqa: N803 the operator's own name
    """m·n·k multiply-adds, and one addition an output: the bias.

    X (..., k), bias (n,), out (..., n).
    """
    return linear(X, out) + Cost(other=out.numel if bias.numel else 0)


@rule("quantized.matmul")
def matmul(qa: Spec, out: Spec) -> Cost:
    """m·n·k multiply-adds.

    qa (..., m, k), out (..., m, n).
    """
    return Cost(macs=products(out, qa.shape[-1]))


@rule("onednn.qlinear_pointwise")
def qlinear(qx: Spec, out: Spec, bias: Spec | None = None) -> Cost:
    """m·n·k multiply-adds, and one addition an output if there is a bias.

    qx (..., k), out (..., n).
    """
    return Cost(macs=products(out, qx.shape[-1]), other=out.numel if bias else 0)


_CONVOLUTION = (
    *("quantized.conv1d", "quantized.conv2d", "quantized.conv3d"),
    *("quantized.conv1d_dynamic", "quantized.conv2d_dynamic", "quantized.conv3d_dynamic"),
    *("_quantized.conv2d", "_quantized.conv3d"),
)
_RECTIFIED = (
    *("quantized.conv1d_relu", "quantized.conv2d_relu", "quantized.conv3d_relu"),
    *("_quantized.conv2d_relu", "_quantized.conv3d_relu"),
)
_ADDED = ("quantized.conv2d_add", "quantized.conv2d_add_relu")
_TRANSPOSED = (
    *("quantized.conv_transpose1d", "quantized.conv_transpose1d_dynamic"),
    *("quantized.conv_transpose2d", "quantized.conv_transpose2d_dynamic"),
    *("quantized.conv_transpose3d", "quantized.conv_transpose3d_dynamic"),
    *("_quantized.conv_transpose1d", "_quantized.conv_transpose2d"),
)


@rule(*_CONVOLUTION)
def convolution(packed_weight: Sequence[Spec], out: Spec) -> Cost:
    """sites·taps multiply-adds, and one addition an output if there is a bias.

    packed_weight: a weight (C', C/groups, *K), and perhaps a bias (C',); out (N, C', *D').
    """
    weight, *bias = packed_weight
    return plain_convolution(weight, out, *bias)


@rule(*_RECTIFIED)
def convolution_rectified(packed_weight: Sequence[Spec], out: Spec) -> Cost:
    """A convolution and a rectifier.

    packed_weight: a weight (C', C/groups, *K), and perhaps a bias (C',); out (N, C', *D').
    """
    return convolution(packed_weight, out) + rectifier(out)


@rule("quantized.conv2d_add")
def convolution_added(packed_weight: Sequence[Spec], out: Spec) -> Cost:
    """A convolution and an addition to something of the output's shape.

    packed_weight: a weight (C', C/groups, *K), and perhaps a bias (C',); out (N, C', *D').
    """
    return convolution(packed_weight, out) + pointwise(out)


@rule("quantized.conv2d_add_relu")
def convolution_added_rectified(packed_weight: Sequence[Spec], out: Spec) -> Cost:
    """A convolution, an addition to something of the output's shape, and a rectifier.

    packed_weight: a weight (C', C/groups, *K), and perhaps a bias (C',); out (N, C', *D').
    """
    return convolution_added(packed_weight, out) + rectifier(out)


@rule(*_TRANSPOSED)
def convolution_transposed(qx: Spec, packed_weight: Sequence[Spec], out: Spec) -> Cost:
    """sites·taps multiply-adds, and one addition an output if there is a bias.

    qx (N, C, *D), packed_weight: a weight (C, C'/groups, *K), and perhaps a bias (C',);
    out (N, C', *D'); sites = |qx|.
    """
    weight, *bias = packed_weight
    return transposed(qx, weight, out, *bias)


def _hidden(op: Op) -> bool:
    return not isinstance(op.arguments.get("packed_weight"), list)


uncounted(
    *(*_CONVOLUTION, *_RECTIFIED, *_ADDED, *_TRANSPOSED),
    because="the size of its kernel is hidden in the packed weight",
    when=_hidden,
)


@rule(
    *aten("fake_quantize_per_tensor_affine_cachemask fake_quantize_per_channel_affine_cachemask"),
    *aten("_fake_quantize_per_tensor_affine_cachemask_tensor_qparams"),
    *aten("_fake_quantize_learnable_per_tensor_affine _fake_quantize_learnable_per_channel_affine"),
    *("quantized_decomposed.fake_quant_per_channel",),
)
def fake_quantize(out: Spec) -> Cost:
    """(clamp(round(x / s) + z) - z)·s: 6 operations an element.

    out: any shape. Unlike a cast it is arithmetic on floating-point numbers.
    """
    return Cost(other=6 * out.numel)


@rule(
    *aten("_fused_moving_avg_obs_fq_helper _fused_moving_avg_obs_fq_helper_functional"),
    *aten("fused_moving_avg_obs_fake_quant"),
)
def observe(out: Spec) -> Cost:
    """A fake quantisation, and two comparisons an element for the range.

    out: any shape. Observing and quantising are switched by tensors; both are counted.
    """
    return fake_quantize(out) + Cost(other=2 * out.numel)


@rule(
    *aten("_choose_qparams_per_tensor choose_qparams_optimized"),
    *("quantized_decomposed.choose_qparams", "quantized_decomposed.choose_qparams_symmetric"),
    "quantized_decomposed.choose_qparams_per_token",
    "quantized_decomposed.choose_qparams_per_token_asymmetric",
    "quantized_decomposed._choose_qparams_per_token_asymmetric_impl",
)
def choose_parameters(self: Spec | None = None, input: Spec | None = None) -> Cost:
    """Two comparisons an element: smallest and largest.

    self, or input: any shape.
    """
    return Cost(other=sum(2 * given.numel for given in (self, input) if given))


@rule("quantized.cat_relu")
def cat_rectified(out: Spec) -> Cost:
    """A copy and a rectifier.

    out: any shape.
    """
    return rectifier(out)


@rule(
    *("quantized.batch_norm_relu", "quantized.batch_norm1d_relu", "quantized.batch_norm2d_relu"),
    "quantized.batch_norm3d_relu",
)
def batch_norm_rectified(out: Spec) -> Cost:
    """A batch norm in evaluation, which is nothing, and a rectifier.

    out: any shape.
    """
    return rectifier(out)


free(
    *aten("quantize_per_tensor quantize_per_tensor_dynamic quantize_per_channel dequantize"),
    *aten("int_repr _make_per_tensor_quantized_tensor _make_per_channel_quantized_tensor"),
    *aten("_empty_affine_quantized _empty_per_channel_affine_quantized empty_quantized"),
    *("quantized_decomposed.quantize_per_tensor", "quantized_decomposed.dequantize_per_tensor"),
    *("quantized_decomposed.quantize_per_channel", "quantized_decomposed.dequantize_per_channel"),
    *("quantized_decomposed.quantize_per_token", "quantized_decomposed.dequantize_per_token"),
    "quantized_decomposed.quantize_per_channel_group",
    "quantized_decomposed.dequantize_per_channel_group",
    "quantized_decomposed.convert_element_type",
    because="casts",
)
free(
    *("quantized.cat", "quantized.dropout", "quantized.embedding_byte", "quantized.embedding_4bit"),
    because="copies elements",
)
free(
    *("quantized.linear_prepack", "quantized.linear_prepack_fp16", "quantized.linear_unpack"),
    *("quantized.linear_unpack_fp16", "quantized.conv_prepack", "quantized.conv_unpack"),
    *("quantized.conv1d_prepack", "quantized.conv2d_prepack", "quantized.conv3d_prepack"),
    *("quantized.conv1d_unpack", "quantized.conv2d_unpack", "quantized.conv3d_unpack"),
    *("quantized.conv_transpose1d_prepack", "quantized.conv_transpose1d_unpack"),
    *("quantized.conv_transpose2d_prepack", "quantized.conv_transpose2d_unpack"),
    *("quantized.conv_transpose3d_prepack", "quantized.conv_transpose3d_unpack"),
    *("quantized.embedding_bag_prepack", "quantized.embedding_bag_unpack"),
    *("quantized.embedding_bag_byte_prepack", "quantized.embedding_bag_byte_unpack"),
    *("quantized.embedding_bag_4bit_prepack", "quantized.embedding_bag_4bit_unpack"),
    *("quantized.embedding_bag_2bit_prepack", "quantized.embedding_bag_2bit_unpack"),
    *("quantized.make_quantized_cell_params", "quantized.make_quantized_cell_params_dynamic"),
    "quantized.make_quantized_cell_params_fp16",
    *("_quantized.linear_prepack", "_quantized.linear_prepack_fp16"),
    *("_quantized.conv2d_prepack", "_quantized.conv3d_prepack"),
    *("_quantized.conv_transpose1d_prepack", "_quantized.conv_transpose2d_prepack"),
    "_quantized.conv_transpose3d_prepack",
    *aten("_convert_weight_to_int4pack _convert_weight_to_int4pack_for_cpu"),
    *aten("_dyn_quant_pack_4bit_weight"),
    because="packs weights, once and for all inputs",
)
