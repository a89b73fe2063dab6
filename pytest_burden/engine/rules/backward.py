"""Backward operators: those that do matrix work, and sums into places that an index names.

A backward counts what its formula takes, whatever a kernel makes of it; where an operator is told
which gradients are asked for, only those. Most of a backward pass are plain products and sums,
which the rules of the forward count.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_burden.engine.rules.attention import attend, attention, cudnn, efficient, packed
from pytest_burden.engine.rules.convolution import taps
from pytest_burden.engine.rules.matmul import products
from pytest_burden.engine.rules.registry import Cost, aten, free, rule
from pytest_burden.engine.spec import Spec


@rule(*aten("convolution_backward convolution_backward_overrideable"))
def convolution(
    grad_output: Spec,
    input: Spec,
    weight: Spec,
    transposed: bool,
    output_mask: Sequence[bool],
) -> Cost:
    """As many multiply-adds as the forward for each gradient of input and weight that is asked for.

    grad_output (N, C', *D'), input (N, C, *D), weight (C', C/groups, *K); the gradient of a bias
    is one addition an element of grad_output.
    """
    once = taps(weight, (input if transposed else grad_output).numel)
    return _gradients(once, grad_output, output_mask)


@rule("aten._slow_conv2d_backward")
def of_backend(
    grad_output: Spec, weight: Spec, output_mask: Sequence[bool] = (True, True, True)
) -> Cost:
    """As many multiply-adds as the forward for each gradient of input and weight that is asked for.

    grad_output (N, C', H', W'), weight (C', C, kh, kw), or flat (C', C·kh·kw).
    """
    return _gradients(taps(weight, grad_output.numel), grad_output, output_mask)


@rule(*aten("linear_backward mkldnn_linear_backward"))
def linear(grad_output: Spec, weight: Spec, output_mask: Sequence[bool]) -> Cost:
    """m·n·k multiply-adds for each gradient of input and weight that is asked for.

    grad_output (..., n), weight (n, k); that of a bias is one addition an element of grad_output.
    """
    return _gradients(products(grad_output, weight.shape[-1]), grad_output, output_mask)


@rule("aten.mkldnn_linear_backward_input")
def linear_input(grad_output: Spec, weight: Spec) -> Cost:
    """m·n·k multiply-adds: the gradient of the input alone.

    grad_output (..., n), weight (n, k).
    """
    return linear(grad_output, weight, (True, False, False))


@rule("aten.mkldnn_linear_backward_weights")
def linear_weights(grad_output: Spec, weight: Spec, bias_defined: bool) -> Cost:
    """m·n·k multiply-adds: the gradient of the weight, and one addition each for that of a bias.

    grad_output (..., n), weight (n, k).
    """
    return linear(grad_output, weight, (False, True, bias_defined))


def _gradients(once: int, grad_output: Spec, output_mask: Sequence[bool]) -> Cost:
    to_input, to_weight, to_bias = output_mask
    macs = once * (bool(to_input) + bool(to_weight))
    return Cost(macs=macs, other=grad_output.numel if to_bias else 0)


@rule("aten.matmul_backward")
def matmul(grad: Spec, self: Spec, mask: Sequence[bool]) -> Cost:
    """m·n·k multiply-adds for each gradient of the two factors that is asked for.

    grad (..., m, n), self (..., m, k).
    """
    return Cost(macs=products(grad, self.shape[-1]) * sum(map(bool, mask)))


@rule("aten.cudnn_affine_grid_generator_backward")
def affine_grid(grad: Spec) -> Cost:
    """A matrix product: the gradient of each point by its coordinates and 1.

    grad (N, H, W, 2), the result (N, 2, 3).
    """
    return Cost(macs=products(grad, 3))


@rule(
    *aten("_scaled_dot_product_flash_attention_backward"),
    *aten("_scaled_dot_product_flash_attention_for_cpu_backward"),
    *aten("_scaled_dot_product_efficient_attention_backward"),
    *aten("_scaled_dot_product_cudnn_attention_backward"),
    *aten("_scaled_dot_product_fused_attention_overrideable_backward"),
    "higher_order.flex_attention_backward",
)
def attention_backward(query: Spec, key: Spec, value: Spec) -> Cost:
    """queries·keys·(3·width + 2·value width) multiply-adds: five products.

    query (B, heads, L, E), key (B, kv heads, S, E), value (B, kv heads, S, Ev). The scores again,
    which fused kernels do not keep, then the gradients of scores, value, query and key.
    """
    return _five_products(attention(query, key, value), query, value)


@rule("aten._flash_attention_backward")
def flash_backward(  # noqa: PLR0913, PLR0917 as many as the operator has
    query: Spec, key: Spec, value: Spec, max_q: int, max_k: int, cum_seq_q: Spec | None = None
) -> Cost:
    """queries·keys·(3·width + 2·value width) multiply-adds: five products.

    query (B, L, heads, E), key (B, S, kv heads, E), value (B, S, kv heads, Ev); packed:
    query (tokens, heads, E), and cum_seq_q (B + 1,) says where sequences begin.
    """
    batched = 4
    if len(query.shape) == batched or cum_seq_q is None:
        batch, length, keys = query.shape[0], query.shape[1], key.shape[1]
    else:
        batch, length, keys = cum_seq_q.numel - 1, max_q, max_k
    scores = attend(batch * length * query.shape[-2], keys, query.shape[-1], value.shape[-1])
    return _five_products(scores, query, value)


@rule("aten._efficient_attention_backward")
def efficient_backward(  # noqa: PLR0913, PLR0917 as many as the operator has
    query: Spec,
    key: Spec,
    value: Spec,
    cu_seqlens_q: Spec | None = None,
    max_seqlen_q: int | None = None,
    max_seqlen_k: int | None = None,
) -> Cost:
    """queries·keys·(3·width + 2·value width) multiply-adds: five products.

    query (B, L, heads, E), key (B, S, heads, E), value (B, S, heads, Ev); packed: B = 1, and
    cu_seqlens_q (sequences + 1,) says where sequences begin.
    """
    scores = efficient(query, key, value, cu_seqlens_q, max_seqlen_q, max_seqlen_k)
    return _five_products(scores, query, value)


@rule("aten._cudnn_attention_backward")
def cudnn_backward(  # noqa: PLR0913, PLR0917 as many as the operator has
    query: Spec, key: Spec, value: Spec, max_q: int, max_k: int, cum_seq_q: Spec | None = None
) -> Cost:
    """queries·keys·(3·width + 2·value width) multiply-adds: five products.

    query (B, heads, L, E), key (B, kv heads, S, E), value (B, kv heads, S, Ev); packed:
    query (tokens, heads, E), and cum_seq_q (B + 1,) says where sequences begin.
    """
    return _five_products(cudnn(query, key, value, max_q, max_k, cum_seq_q), query, value)


@rule("torch_attn._varlen_attn_backward")
def packed_backward(query: Spec, value: Spec, cu_seq_q: Spec, max_q: int, max_k: int) -> Cost:
    """queries·keys·(3·width + 2·value width) multiply-adds, short sequences as the longest.

    query (tokens, heads, E), value (tokens, kv heads, Ev), cu_seq_q (sequences + 1,).
    """
    return _five_products(packed(query, value, cu_seq_q, max_q, max_k), query, value)


def _five_products(forward: Cost, query: Spec, value: Spec) -> Cost:
    scores, width, value_width = forward.transcendental, query.shape[-1], value.shape[-1]
    return Cost(macs=scores * (3 * width + 2 * value_width), transcendental=scores)


@rule(*aten("_cdist_backward _pdist_backward"))
def distances(grad: Spec, self: Spec | None = None, x1: Spec | None = None) -> Cost:
    """One multiply-add for each pair of rows, each column, and each of the rows that gets it.

    grad: one for each pair; cdist: x1 (..., p, m), whose rows get it; pdist: self (n, m), where
    both of a pair do.
    """
    given, rows = (x1, 1) if x1 else (self, 2)
    return Cost(macs=rows * grad.numel * given.shape[-1] if given else 0)


@rule(*aten("_embedding_bag_backward _embedding_bag_dense_backward"))
def embedding_bag(grad: Spec, indices: Spec, mode: int) -> Cost:
    """One addition for each row looked up and its width; for a maximum, for each element of grad.

    grad (bags, width), indices (bags, size) or all in one, mode 0 sum, 1 mean, 2 maximum.
    Weighting a row before it is added is part of the one multiply-add, as in the forward.
    """
    maximum = 2
    return Cost(other=grad.numel if mode == maximum else indices.numel * grad.shape[-1])


@rule("aten._embedding_bag_per_sample_weights_backward")
def embedding_bag_weights(grad: Spec, indices: Spec) -> Cost:
    """A dot product for each row looked up: of it, and of the gradient of its bag.

    grad (bags, width), indices (bags, size) or all in one.
    """
    return Cost(macs=indices.numel * grad.shape[-1])


_SEGMENTS = {"sum": 0, "mean": 1, "max": 2, "min": 2, "prod": 2}


@rule("aten._segment_reduce_backward")
def segments(data: Spec, reduce: str) -> Cost:
    """Nothing for a sum, g/n for a mean: 1 operation an element, g·y/x for a product: 2.

    data: any shape. For an extreme 2: a comparison finds it, and several of them share g.
    """
    return Cost(other=_SEGMENTS[reduce] * data.numel)


@rule("aten.embedding_dense_backward")
def summed_at_indices(grad_output: Spec) -> Cost:
    """One addition a source element, as `scatter_add`.

    grad_output: any shape.
    """
    return Cost(other=grad_output.numel)


free(
    *aten("select_backward slice_backward diagonal_backward _nested_select_backward"),
    because="writes a gradient into zeros: a fill and a copy",
)
free("aten.masked_scatter_backward", because="reads elements where a mask says")
free("aten._nested_sum_backward", because="copies a gradient to all that were summed")
