"""Operators that treat each element by itself: arithmetic, rectifiers, exp and its kin."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_burden.engine.rules.registry import Cost, aten, rule
from pytest_burden.engine.spec import Argument, Spec


@rule(
    # Whatever else in aten has torch's tag "pointwise". Names come first: the tag covers clone,
    # and misses hardswish and some overloads with ``out=``.
    "tag.pointwise",
    *aten("mul div floor_divide fmod remainder neg abs reciprocal sign sgn signbit copysign"),
    *aten("ceil floor round trunc frac clamp clamp_max clamp_min maximum minimum fmax fmin"),
    *aten("eq ne lt le gt ge isnan isinf isposinf isneginf isfinite heaviside where masked_fill"),
    *aten("logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor"),
    *aten("bitwise_not bitwise_left_shift bitwise_right_shift __lshift__ __rshift__"),
    *aten("__ilshift__ __irshift__ __iand__ __ior__ __ixor__ gcd lcm ldexp frexp nextafter"),
    *aten("deg2rad rad2deg nan_to_num"),
    *aten("hardswish hardsigmoid hardshrink softshrink"),
    *("quantized.mul", "quantized.mul_scalar", "quantized.clamp", "quantized.hardswish"),
    *("quantized.add", "quantized.add_scalar", "_quantized.add"),
    *("onednn.qadd", "onednn.qmul"),
)
def pointwise(out: Spec) -> Cost:
    """One operation an output element, whatever the dtype.

    out: any shape; operands are broadcast to it.
    """
    return Cost(other=out.numel)


@rule(*aten("add sub"))
def add(out: Spec, other: Argument, alpha: complex = 1) -> Cost:
    """One addition an output element, and one product if other is a tensor scaled by alpha.

    out: any shape. A number is scaled once, outside the tensor.
    """
    return Cost(other=out.numel * (2 if isinstance(other, Spec) and alpha != 1 else 1))


@rule(*aten("conj_physical _conj_physical"))
def conjugate(out: Spec) -> Cost:
    """One operation a complex element, the sign of its imaginary part; none a real one.

    out: any shape.
    """
    return Cost(other=out.numel if out.is_complex else 0)


@rule("aten.rsub")
def rsub(out: Spec, alpha: complex = 1) -> Cost:
    """One subtraction an output element, and one product if the subtracted tensor is scaled.

    out: any shape.
    """
    return Cost(other=out.numel * (2 if alpha != 1 else 1))


@rule(*aten("addcmul addcdiv lerp"))
def fused_pair(out: Spec) -> Cost:
    """Two operations an output element: a product or quotient, and a sum.

    out: any shape. The factor ``value`` is folded into the product.
    """
    return Cost(other=2 * out.numel)


@rule(
    *aten("relu relu6 leaky_relu threshold prelu _prelu_kernel rrelu"),
    *aten("rrelu_with_noise rrelu_with_noise_functional"),
    *("quantized.relu6", "quantized.leaky_relu", "quantized.threshold", "quantized.prelu"),
)
def rectifier(out: Spec) -> Cost:
    """Two operations an output element: a comparison and a selection.

    out: any shape. Source: albanie/convnet-burden, ``core/burden.m``.
    """
    return Cost(other=2 * out.numel)


@rule("aten.hardtanh")
def hardtanh(out: Spec, min_val: complex = -1) -> Cost:
    """A rectifier if it cuts at 0, a clamp otherwise.

    out: any shape. torch has no kernel for relu6: it arrives as hardtanh from 0 to 6.
    """
    return rectifier(out) if min_val == 0 else pointwise(out)


@rule("aten._add_relu")
def add_relu(out: Spec, other: Argument, alpha: complex = 1) -> Cost:
    """An addition and a rectifier.

    out: any shape.
    """
    return add(out, other, alpha) + rectifier(out)


@rule(
    *("quantized.add_relu", "quantized.add_scalar_relu", "quantized.mul_relu"),
    *("quantized.mul_scalar_relu", "onednn.qadd_relu"),
)
def rectified(out: Spec) -> Cost:
    """One operation and a rectifier an output element.

    out: any shape.
    """
    return pointwise(out) + rectifier(out)


@rule(
    *aten("exp exp2 expm1 log log2 log10 log1p sqrt rsqrt square pow float_power"),
    *aten("sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh sinc hypot angle"),
    *aten("sigmoid logit silu mish gelu elu celu selu softplus log_sigmoid log_sigmoid_forward"),
    *aten("softmax _softmax _safe_softmax _masked_softmax log_softmax _log_softmax"),
    "aten._nested_tensor_softmax_with_shape",
    *aten("logaddexp logaddexp2 logcumsumexp _logcumsumexp xlogy polar"),
    *aten("erf erfc erfinv lgamma digamma polygamma mvlgamma igamma igammac i0"),
    *aten("special_airy_ai special_bessel_j0 special_bessel_j1 special_bessel_y0"),
    *aten("special_bessel_y1 special_modified_bessel_i0 special_modified_bessel_i1"),
    *aten("special_modified_bessel_k0 special_modified_bessel_k1"),
    *aten("special_scaled_modified_bessel_k0 special_scaled_modified_bessel_k1"),
    *aten("special_spherical_bessel_j0 special_i0e special_i1 special_i1e special_entr"),
    *aten("special_erfcx special_log_ndtr special_ndtri special_xlog1py special_zeta"),
    *aten("special_chebyshev_polynomial_t special_chebyshev_polynomial_u"),
    *aten("special_chebyshev_polynomial_v special_chebyshev_polynomial_w"),
    *aten("special_shifted_chebyshev_polynomial_t special_shifted_chebyshev_polynomial_u"),
    *aten("special_shifted_chebyshev_polynomial_v special_shifted_chebyshev_polynomial_w"),
    *aten("special_hermite_polynomial_h special_hermite_polynomial_he"),
    *aten("special_laguerre_polynomial_l special_legendre_polynomial_p"),
    *("quantized.sigmoid", "quantized.elu", "quantized.celu", "quantized.softmax"),
)
def transcendental(out: Spec) -> Cost:
    """One function value an output element: what it counts is an option, 0 by default.

    out: any shape; for a softmax, the whole of it. How many operations an exp takes depends on
    the machine; the polynomials of torch.special cost what their degree, a tensor, says.
    Source: albanie/convnet-burden, ``core/burden.m``: "counting exp is tricky".
    """
    return Cost(transcendental=out.numel)


@rule("aten.glu")
def glu(out: Spec) -> Cost:
    """A sigmoid and a product an output element.

    self: twice as large as out along one dimension.
    """
    return transcendental(out) + pointwise(out)


@rule(*aten("native_dropout _fused_dropout"))
def dropout(out: Spec, p: float, train: bool | None = True) -> Cost:
    """Masked and scaled when training, nothing otherwise: 2 or 0 operations an element.

    out: any shape. As torch.nn.functional.dropout, which is two products on a CPU.
    """
    return Cost(other=2 * out.numel if train is not False and p else 0)


@rule("aten._masked_scale")
def masked_scale(out: Spec) -> Cost:
    """Two products an output element: by the mask and by the scale.

    out: any shape.
    """
    return Cost(other=2 * out.numel)


@rule(*aten("linalg_cross cross"))
def cross(out: Spec) -> Cost:
    """Two products and a difference an output element.

    out (..., 3, ...).
    """
    return Cost(other=3 * out.numel)


_POST = {
    "none": Cost(),
    **dict.fromkeys(("relu", "leaky_relu", "hardtanh"), Cost(other=2)),
    **dict.fromkeys(("add", "sub", "sum", "mul", "hardswish", "hardsigmoid"), Cost(other=1)),
    **dict.fromkeys(("add_relu", "sum_relu"), Cost(other=3)),
    **dict.fromkeys(("sigmoid", "tanh", "swish", "gelu"), Cost(transcendental=1)),
}


def post_operator(name: str, out: Spec) -> Cost:
    """Return the cost of the elementwise operator that oneDNN fuses behind a matrix product.

    Raises:
        KeyError: there is no such post-operator.
    """
    each = _POST[name]
    return Cost(other=each.other * out.numel, transcendental=each.transcendental * out.numel)


def numel(specs: Sequence[Spec]) -> int:
    """Return the elements of several tensors together."""
    return sum(spec.numel for spec in specs)
