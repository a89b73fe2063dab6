"""Sums of products of two operands: matrix products in all their forms."""

from __future__ import annotations

from math import prod

from pytest_burden.engine.rules.pointwise import post_operator, rectifier, transcendental
from pytest_burden.engine.rules.registry import Cost, aten, rule
from pytest_burden.engine.spec import Spec


def products(out: Spec, contracted: int) -> int:
    """Return the multiply-adds of a product: |out| sums over ``contracted`` elements each.

    Complex operands count four times.
    """
    return out.numel * contracted * (4 if out.is_complex else 1)


@rule(
    *aten("mm bmm mv dot vdot matmul inner"),
    *aten("_int_mm _weight_int4pack_mm _weight_int4pack_mm_for_cpu _weight_int8pack_mm"),
    *aten("_weight_int4pack_mm_with_scales_and_zeros"),
)
def matmul(self: Spec, out: Spec) -> Cost:
    """m·n·k multiply-adds: each output is a sum over the contracted dimension.

    self (..., m, k), out (..., m, n); a vector (k,) and a scalar out likewise. The scales of
    packed integer weights are part of their format.
    """
    return Cost(macs=products(out, self.shape[-1]))


@rule("aten.addmm")
def addmm(mat1: Spec, out: Spec, beta: complex = 1) -> Cost:
    """m·n·k multiply-adds, and one addition an output: the bias, unless beta is 0.

    mat1 (m, k), out (m, n). Scaling by alpha and beta is part of the product.
    """
    return Cost(macs=products(out, mat1.shape[-1])) + summand(out, beta)


@rule("aten._addmm_activation")
def addmm_activation(mat1: Spec, out: Spec, beta: complex = 1, use_gelu: bool = False) -> Cost:
    """A matrix product with bias, and a rectifier or gelu behind it.

    mat1 (m, k), out (m, n).
    """
    return addmm(mat1, out, beta) + (transcendental(out) if use_gelu else rectifier(out))


@rule("aten.addmv")
def addmv(mat: Spec, out: Spec, beta: complex = 1) -> Cost:
    """m·k multiply-adds, and one addition an output unless beta is 0.

    mat (m, k), out (m,).
    """
    return Cost(macs=products(out, mat.shape[-1])) + summand(out, beta)


@rule("aten.baddbmm")
def baddbmm(batch1: Spec, out: Spec, beta: complex = 1) -> Cost:
    """b·m·n·k multiply-adds, and one addition an output unless beta is 0.

    batch1 (b, m, k), out (b, m, n).
    """
    return Cost(macs=products(out, batch1.shape[-1])) + summand(out, beta)


@rule("aten.addbmm")
def addbmm(batch1: Spec, out: Spec, beta: complex = 1) -> Cost:
    """b·m·n·k multiply-adds, and one addition an output unless beta is 0.

    batch1 (b, m, k), out (m, n): the batch is summed too.
    """
    b, _, k = batch1.shape
    return Cost(macs=products(out, b * k)) + summand(out, beta)


@rule(*aten("addr"))
def addr(out: Spec, beta: complex = 1) -> Cost:
    """m·n multiply-adds, the outer product, and one addition an output unless beta is 0.

    vec1 (m,), vec2 (n,), out (m, n).
    """
    return Cost(macs=products(out, 1)) + summand(out, beta)


@rule("aten.linear")
def linear(input: Spec, out: Spec, bias: Spec | None = None) -> Cost:
    """m·n·k multiply-adds, and one addition an output if there is a bias.

    input (..., k), weight (n, k), out (..., n).
    """
    return Cost(macs=products(out, input.shape[-1]), other=out.numel if bias else 0)


@rule(*aten("mkldnn_linear _scaled_mm _scaled_mm_v2"))
def linear_of_backend(self: Spec, out: Spec, bias: Spec | None = None) -> Cost:
    """m·n·k multiply-adds, and one addition an output if there is a bias.

    self (..., k), out (..., n). Scales are part of the number format.
    """
    return linear(self, out, bias)


@rule("aten._mixed_dtypes_linear")
def mixed_linear(
    input: Spec, out: Spec, bias: Spec | None = None, activation: str | None = None
) -> Cost:
    """m·n·k multiply-adds, the bias, and the elementwise operator fused behind them.

    input (..., k), out (..., n).
    """
    post = {"relu": "relu", "silu": "swish"}.get(activation or "", "none")
    return linear(input, out, bias) + post_operator(post, out)


@rule("aten._dyn_quant_matmul_4bit")
def four_bit(out: Spec, in_features: int) -> Cost:
    """m·n·k multiply-adds.

    inp (..., k), out (..., n), k = in_features; the scales are part of the packed format.
    """
    return Cost(macs=products(out, in_features))


@rule("mkldnn._linear_pointwise")
def fused_linear(X: Spec, B: Spec | None, attr: str, out: Spec) -> Cost:  # noqa: N803 oneDNN names them so
    """A linear layer, its bias, and the elementwise operator fused behind it.

    X (..., k), out (..., n).
    """
    return linear(X, out, B) + post_operator(attr, out)


@rule("mkl._mkl_linear")
def mkl_linear(X: Spec, B: Spec | None, out: Spec) -> Cost:  # noqa: N803 MKL names them so
    """m·n·k multiply-adds, and one addition an output if there is a bias.

    X (..., k), out (..., n).
    """
    return linear(X, out, B)


@rule(*aten("_grouped_mm _scaled_grouped_mm _scaled_grouped_mm_v2"))
def grouped_mm(self: Spec, mat2: Spec, out: Spec, bias: Spec | None = None) -> Cost:
    """A matrix product for each group, and one addition an output if there is a bias.

    self (M, k), mat2 (g, k, n), out (M, n): rows are shared out among the groups;
    self (g, m, k), mat2 (k, N), out (m, N): columns are; (g, m, k) and (g, k, n): a bmm.
    self (m, K), mat2 (K, n), out (g, m, n): the sums are cut into g pieces, K in all.
    """
    rows_and_columns = 2
    if len(self.shape) == len(mat2.shape) == rows_and_columns:
        macs = self.numel * mat2.shape[-1]
    else:
        macs = products(out, self.shape[-1])
    return Cost(macs=macs, other=out.numel if bias else 0)


@rule("aten._trilinear")
def trilinear(  # noqa: PLR0913, PLR0917 as many as the operator has
    i1: Spec,
    i2: Spec,
    i3: Spec,
    expand1: list[int],
    expand2: list[int],
    expand3: list[int],
    sumdim: list[int],
) -> Cost:
    """A sum of products of three, as two steps: the first two operands, then the third.

    Each operand gets dimensions of size 1 at its ``expand``; sumdim is summed. Bilinear:
    i1 (N, in1), i2 (out, in1, in2), i3 (N, in2): N·out·in1·in2 + N·out·in2.
    """
    operands = [_expanded(i1, expand1), _expanded(i2, expand2), _expanded(i3, expand3)]
    whole = [max(sizes) if 0 not in sizes else 0 for sizes in zip(*operands, strict=True)]
    summed_first = {dim % len(whole) for dim in sumdim} & set(expand3)
    rest = [size for dim, size in enumerate(whole) if dim not in summed_first]
    times = 4 if i1.is_complex else 1
    return Cost(macs=times * (prod(whole) + prod(rest)))


def _expanded(spec: Spec, expand: list[int]) -> list[int]:
    sizes = list(spec.shape)
    for dim in expand:
        sizes.insert(dim, 1)
    return sizes


@rule(*aten("_cdist_forward _euclidean_dist"))
def cdist(x1: Spec, out: Spec) -> Cost:
    """p·r·m multiply-adds: the distance of each row to each row.

    x1 (..., p, m), x2 (..., r, m), out (..., p, r). Which of the two operators torch takes
    depends on p and r; the cost does not.
    """
    return Cost(macs=out.numel * x1.shape[-1])


@rule("aten._pdist_forward")
def pdist(self: Spec, out: Spec) -> Cost:
    """One multiply-add for each pair of rows and each column.

    self (n, m), out (n·(n - 1) / 2,).
    """
    return Cost(macs=out.numel * self.shape[-1])


@rule("aten._compute_linear_combination")
def linear_combination(coefficients: Spec, out: Spec) -> Cost:
    """Each output is a sum over the given tensors.

    input (k, ...), coefficients (m, k), out (m, ...).
    """
    return Cost(macs=products(out, coefficients.shape[-1]))


@rule("torch_nn._linear_cross_entropy_batch_chunked")
def linear_cross_entropy(  # noqa: PLR0913, PLR0917 as many as the operator has
    input: Spec,
    linear_weight: Spec,
    target: Spec,
    linear_bias: Spec | None,
    compute_input_grad: bool,
    compute_linear_weight_grad: bool,
) -> Cost:
    """tokens·classes·features multiply-adds, as many for each gradient made on the way.

    input (tokens, features), linear_weight (classes, features), target (tokens,). The softmax
    is a function value a logit, the bias an addition a logit, the loss an operation a token.
    """
    logits = Spec((target.numel, linear_weight.shape[0]), input.dtype)
    once = linear(input, logits, linear_bias) + transcendental(logits)
    passes = int(compute_input_grad) + int(compute_linear_weight_grad)
    return once + Cost(macs=passes * once.macs, other=target.numel)


@rule("torch_nn._linear_cross_entropy_batch_chunked_no_reduction")
def linear_cross_entropy_each(
    input: Spec, linear_weight: Spec, target: Spec, linear_bias: Spec | None
) -> Cost:
    """tokens·classes·features multiply-adds, a softmax, and the loss of each token.

    input (tokens, features), linear_weight (classes, features), target (tokens,).
    """
    return linear_cross_entropy(
        input,
        linear_weight,
        target,
        linear_bias,
        compute_input_grad=False,
        compute_linear_weight_grad=False,
    )


def summand(out: Spec, beta: complex) -> Cost:
    """Return the addition of ``beta`` times a summand: none if it is 0."""
    return Cost(other=out.numel if beta != 0 else 0)
