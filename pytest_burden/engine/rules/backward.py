"""The backward operators that do matrix work, or that a forward may call itself.

Other backward operators are named in the report: training is measured apart from this.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_burden.engine.rules.attention import attend, attention
from pytest_burden.engine.rules.convolution import taps
from pytest_burden.engine.rules.registry import Cost, aten, rule
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
    to_input, to_weight, to_bias = output_mask
    macs = once * (bool(to_input) + bool(to_weight))
    return Cost(macs=macs, other=grad_output.numel if to_bias else 0)


@rule(
    *aten("_scaled_dot_product_flash_attention_backward"),
    *aten("_scaled_dot_product_flash_attention_for_cpu_backward"),
    *aten("_scaled_dot_product_efficient_attention_backward"),
    *aten("_scaled_dot_product_cudnn_attention_backward"),
    *aten("_scaled_dot_product_fused_attention_overrideable_backward"),
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


def _five_products(forward: Cost, query: Spec, value: Spec) -> Cost:
    scores, width, value_width = forward.transcendental, query.shape[-1], value.shape[-1]
    return Cost(macs=scores * (3 * width + 2 * value_width), transcendental=scores)


@rule("aten._softmax_backward_data")
def softmax(output: Spec) -> Cost:
    """y·g - y·sum(y·g): 4 operations an element.

    output: any shape.
    """
    return Cost(other=4 * output.numel)


@rule("aten._log_softmax_backward_data")
def log_softmax(output: Spec) -> Cost:
    """-exp(y)·sum(g) + g: 3 operations and 1 function value an element.

    output: any shape.
    """
    return Cost(other=3 * output.numel, transcendental=output.numel)


@rule("aten.native_dropout_backward")
def dropout(grad_output: Spec) -> Cost:
    """Two products an element: by the mask and by the scale.

    grad_output: any shape.
    """
    return Cost(other=2 * grad_output.numel)


@rule(
    *aten("max_pool2d_with_indices_backward max_pool3d_with_indices_backward"),
    *aten("adaptive_max_pool2d_backward adaptive_max_pool3d_backward"),
    *aten("fractional_max_pool2d_backward fractional_max_pool3d_backward"),
    *aten("embedding_dense_backward"),
)
def summed_at_indices(grad_output: Spec) -> Cost:
    """One addition a source element, as `scatter_add`.

    grad_output: any shape.
    """
    return Cost(other=grad_output.numel)
