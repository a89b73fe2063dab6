"""Attention, as one operation: a product for the scores, and one for their sum over the values."""

from __future__ import annotations

from math import prod

from pytest_burden.engine.rules.matmul import linear
from pytest_burden.engine.rules.normalization import layer_norm
from pytest_burden.engine.rules.pointwise import rectifier, transcendental
from pytest_burden.engine.rules.registry import Cost, aten, rule
from pytest_burden.engine.spec import Spec


def attend(queries: int, keys: int, width: int, value_width: int) -> Cost:
    """Return the cost of attention: queries·keys scores, whatever is masked.

    queries: all of them, over batch and heads; keys: those of one head; width, value_width: of
    one head. Scale, mask and dropout count nothing, the softmax a function value a score.
    """
    scores = queries * keys
    return Cost(macs=scores * (width + value_width), transcendental=scores)


@rule(
    "torch.scaled_dot_product_attention",
    *aten("scaled_dot_product_attention _scaled_dot_product_attention_math"),
    *aten("_scaled_dot_product_attention_math_for_mps"),
    *aten("_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention"),
    *aten("_scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention"),
    *aten("_scaled_dot_product_fused_attention_overrideable"),
    "higher_order.flex_attention",
)
def attention(query: Spec, key: Spec, value: Spec) -> Cost:
    """queries·keys·(width + value width) multiply-adds, causal and masked ones included.

    query (..., heads, L, E), key (..., kv heads, S, E), value (..., kv heads, S, Ev). With fewer
    kv heads each serves several heads; otherwise leading dimensions are broadcast. What the
    functions of ``flex_attention`` do to each score is not seen, and counts nothing.
    """
    lead = _broadcast(query.shape[:-2], key.shape[:-2], value.shape[:-2])
    queries = prod(lead) * query.shape[-2]
    return attend(queries, key.shape[-2], query.shape[-1], value.shape[-1])


def _broadcast(*shapes: tuple[int, ...]) -> list[int]:
    # Grouped heads: the larger number is a multiple of the smaller one, as 1 is in a broadcast.
    longest = max(map(len, shapes))
    padded = [(1,) * (longest - len(shape)) + shape for shape in shapes]
    return [0 if 0 in sizes else max(sizes) for sizes in zip(*padded, strict=True)]


@rule("aten._triton_scaled_dot_attention")
def attention_of_triton(q: Spec, k: Spec, v: Spec) -> Cost:
    """queries·keys·(width + value width) multiply-adds.

    q (..., L, E), k (..., S, E), v (..., S, Ev).
    """
    return attention(q, k, v)


@rule(*aten("_flash_attention_forward _flash_attention_forward_no_dropout_inplace"))
def flash(  # noqa: PLR0913, PLR0917 as many as the operator has
    query: Spec,
    key: Spec,
    value: Spec,
    max_q: int,
    max_k: int,
    cum_seq_q: Spec | None = None,
) -> Cost:
    """queries·keys·(width + value width) multiply-adds, short sequences counted as the longest.

    query (B, L, heads, E), key (B, S, kv heads, E), value (B, S, kv heads, Ev); packed:
    query (tokens, heads, E), and cum_seq_q (B + 1,) says where sequences begin.
    """
    batch, length, keys = query.shape[0], query.shape[1], key.shape[1]
    if cum_seq_q is not None:
        batch, length, keys = cum_seq_q.numel - 1, max_q, max_k
    queries = batch * length * query.shape[-2]
    return attend(queries, keys, query.shape[-1], value.shape[-1])


@rule("aten._efficient_attention_forward")
def efficient(  # noqa: PLR0913, PLR0917 as many as the operator has
    query: Spec,
    key: Spec,
    value: Spec,
    cu_seqlens_q: Spec | None = None,
    max_seqlen_q: int | None = None,
    max_seqlen_k: int | None = None,
) -> Cost:
    """queries·keys·(width + value width) multiply-adds, short sequences counted as the longest.

    query (B, L, heads, E), key (B, S, heads, E), value (B, S, heads, Ev); packed: B = 1, and
    cu_seqlens_q (sequences + 1,) says where sequences begin.
    """
    batch, length, keys = query.shape[0], query.shape[1], key.shape[1]
    if cu_seqlens_q is not None:
        batch, length = cu_seqlens_q.numel - 1, max_seqlen_q or length
        keys = max_seqlen_k or keys
    queries = batch * length * query.shape[-2]
    return attend(queries, keys, query.shape[-1], value.shape[-1])


@rule("aten._cudnn_attention_forward")
def cudnn(  # noqa: PLR0913, PLR0917 as many as the operator has
    query: Spec,
    key: Spec,
    value: Spec,
    max_q: int,
    max_k: int,
    cum_seq_q: Spec | None = None,
) -> Cost:
    """queries·keys·(width + value width) multiply-adds, short sequences counted as the longest.

    query (B, heads, L, E), key (B, kv heads, S, E), value (B, kv heads, S, Ev); packed:
    query (tokens, heads, E), and cum_seq_q (B + 1,) says where sequences begin.
    """
    if cum_seq_q is None:
        return attention(query, key, value)
    queries = (cum_seq_q.numel - 1) * max_q * query.shape[-2]
    return attend(queries, max_k, query.shape[-1], value.shape[-1])


@rule("torch_attn._varlen_attn", "torch_attn._varlen_attn_out")
def packed(query: Spec, value: Spec, cu_seq_q: Spec, max_q: int, max_k: int) -> Cost:
    """queries·keys·(width + value width) multiply-adds, short sequences counted as the longest.

    query (tokens, heads, E), value (tokens, kv heads, Ev), cu_seq_q (sequences + 1,).
    """
    queries = (cu_seq_q.numel - 1) * max_q * query.shape[-2]
    return attend(queries, max_k, query.shape[-1], value.shape[-1])


@rule("aten._native_multi_head_attention")
def multi_head(  # noqa: PLR0913, PLR0917 as many as the operator has
    query: Spec,
    key: Spec,
    value: Spec,
    embed_dim: int,
    num_head: int,
    need_weights: bool = True,
    average_attn_weights: bool = True,
) -> Cost:
    """Three projections in, attention, one projection out, each projection with a bias.

    query (B, L, D), key and value (B, S, D), D = embed_dim; the mean of the weights over the
    heads is one operation a weight where it is asked for.
    """
    batch, length, keys = query.shape[0], query.shape[1], key.shape[1]
    width = embed_dim // num_head
    cost = attend(batch * num_head * length, keys, width, width)
    for tokens in (query, key, value, query):
        cost += linear(tokens, Spec((*tokens.shape[:-1], embed_dim)), tokens)
    averaged = need_weights and average_attn_weights
    return cost + Cost(other=batch * num_head * length * keys if averaged else 0)


@rule("aten._triton_multi_head_attention")
def multi_head_of_triton(
    query: Spec, key: Spec, value: Spec, embed_dim: int, num_head: int
) -> Cost:
    """Three projections in, attention, one projection out, each projection with a bias.

    query (B, L, D), key and value (B, S, D), D = embed_dim.
    """
    return multi_head(query, key, value, embed_dim, num_head, need_weights=False)


@rule("aten._transformer_encoder_layer_fwd")
def encoder_layer(
    src: Spec, embed_dim: int, num_heads: int, use_gelu: bool, ffn_weight_1: Spec
) -> Cost:
    """Self-attention, two linear layers with relu or gelu, two layer norms, two additions.

    src (B, L, D), D = embed_dim, ffn_weight_1 (F, D).
    """
    hidden = Spec((*src.shape[:-1], ffn_weight_1.shape[0]))
    cost = multi_head(src, src, src, embed_dim, num_heads, need_weights=False)
    cost += linear(src, hidden, src) + linear(hidden, src, src)
    cost += transcendental(hidden) if use_gelu else rectifier(hidden)
    return cost + Cost(other=2 * src.numel) + layer_norm(src, src) + layer_norm(src, src)


@rule("aten._transform_bias_rescale_qkv")
def bias_and_scale(qkv: Spec) -> Cost:
    """One addition an element, the bias, and one product for each query element.

    qkv (B, L, 3·D).
    """
    return Cost(other=qkv.numel + qkv.numel // 3)
