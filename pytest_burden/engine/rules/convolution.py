"""Convolutions, plain and transposed."""

from __future__ import annotations

from math import prod

from pytest_burden.engine.rules.pointwise import post_operator, rectifier
from pytest_burden.engine.rules.registry import Cost, aten, rule
from pytest_burden.engine.spec import Spec


def taps(weight: Spec, sites: int) -> int:
    """Return the multiply-adds of a kernel laid on so many sites.

    weight (C', C/groups, *K), or (C, C'/groups, *K) transposed: |weight[0]| taps on each site.
    Complex operands count four times.
    """
    return sites * prod(weight.shape[1:]) * (4 if weight.is_complex else 1)


@rule("aten.convolution", "aten._convolution", "aten.convolution_overrideable")
def convolution(
    input: Spec, weight: Spec, bias: Spec | None, out: Spec, transposed: bool = False
) -> Cost:
    """sites·taps multiply-adds, and one addition an output if there is a bias.

    input (N, C, *D), weight (C', C/groups, *K), out (N, C', *D');
    sites = |out|, taps = |weight[0]|. Transposed: weight (C, C'/groups, *K), sites = |input|.
    Padding is counted as if it were data. Source: Dumoulin & Visin 2016, arXiv:1603.07285.
    """
    sites = input if transposed else out
    return Cost(macs=taps(weight, sites.numel), other=out.numel if bias else 0)


@rule(*aten("conv1d conv2d conv3d _convolution_mode _nnpack_spatial_convolution"))
def plain(weight: Spec, out: Spec, bias: Spec | None = None) -> Cost:
    """sites·taps multiply-adds, and one addition an output if there is a bias.

    weight (C', C/groups, *K), out (N, C', *D'): as `convolution`, which cannot be transposed here.
    """
    return Cost(macs=taps(weight, out.numel), other=out.numel if bias else 0)


@rule(
    *aten("_slow_conv2d_forward slow_conv3d_forward slow_conv_dilated2d slow_conv_dilated3d"),
    *aten("_conv_depthwise2d conv_depthwise3d mkldnn_convolution cudnn_convolution"),
    *aten("miopen_convolution miopen_depthwise_convolution _mps_convolution"),
)
def of_backend(weight: Spec, out: Spec, bias: Spec | None = None) -> Cost:
    """sites·taps multiply-adds, and one addition an output if there is a bias.

    weight (C', C/groups, *K), out (N, C', *D').
    """
    return plain(weight, out, bias)


@rule(
    *aten("cudnn_convolution_relu cudnn_convolution_add_relu"),
    *aten("miopen_convolution_relu miopen_convolution_add_relu"),
)
def rectified(weight: Spec, out: Spec, bias: Spec | None = None, z: Spec | None = None) -> Cost:
    """A convolution, a bias, an addition of z if there is one, and a rectifier in one kernel.

    weight (C', C/groups, *K), out and z (N, C', *D').
    """
    return plain(weight, out, bias) + Cost(other=out.numel if z else 0) + rectifier(out)


@rule("aten.conv_transpose1d", "aten.conv_transpose2d", "aten.conv_transpose3d")
def transposed(input: Spec, weight: Spec, out: Spec, bias: Spec | None = None) -> Cost:
    """sites·taps multiply-adds, and one addition an output if there is a bias.

    input (N, C, *D), weight (C, C'/groups, *K), out (N, C', *D'); sites = |input|.
    """
    return Cost(macs=taps(weight, input.numel), other=out.numel if bias else 0)


@rule(
    *aten("slow_conv_transpose2d slow_conv_transpose3d cudnn_convolution_transpose"),
    *aten("miopen_convolution_transpose _mps_convolution_transpose"),
)
def transposed_of_backend(self: Spec, weight: Spec, out: Spec, bias: Spec | None = None) -> Cost:
    """sites·taps multiply-adds, and one addition an output if there is a bias.

    self (N, C, *D), weight (C, C'/groups, *K), out (N, C', *D'); sites = |self|.
    """
    return transposed(self, weight, out, bias)


@rule("aten.conv_tbc")
def conv_tbc(self: Spec, weight: Spec, out: Spec) -> Cost:
    """Kernel·channels multiply-adds an output, and one addition for the bias.

    self (T, N, C), weight (K, C, C'), out (T', N, C').
    """
    return Cost(macs=out.numel * weight.shape[0] * self.shape[-1], other=out.numel)


@rule("mkldnn._convolution_pointwise")
def fused(X: Spec, W: Spec, B: Spec | None, attr: str, out: Spec) -> Cost:  # noqa: N803 oneDNN names them so
    """A convolution, its bias, and the elementwise operator fused behind it.

    X (N, C, *D), W (C', C/groups, *K), out (N, C', *D').
    """
    return convolution(X, W, B, out) + post_operator(attr, out)
