"""Attention: the same figures whichever kernel computes it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 its usual name
from torch import nn

from pytest_burden.engine.rules import Cost
from pytest_burden.engine.spec import Argument, Spec
from tests.rules.table import cost, recorded, spec, total

NAMES = [
    "torch.scaled_dot_product_attention",
    "aten._scaled_dot_product_flash_attention_for_cpu",
    "aten._scaled_dot_product_flash_attention",
    "aten._scaled_dot_product_efficient_attention",
    "aten._scaled_dot_product_cudnn_attention",
    "aten._scaled_dot_product_fused_attention_overrideable",
    "aten._scaled_dot_product_attention_math",
    "higher_order.flex_attention",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("query", "key", "value", "scores", "widths"),
    [
        ((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 6), 2 * 3 * 5 * 7, 8 + 6),
        ((5, 8), (7, 8), (7, 6), 5 * 7, 8 + 6),  # no batch, no heads
        ((2, 8, 5, 4), (2, 2, 7, 4), (2, 2, 7, 4), 2 * 8 * 5 * 7, 4 + 4),  # grouped heads
        ((2, 3, 5, 8), (1, 1, 7, 8), (1, 1, 7, 8), 2 * 3 * 5 * 7, 8 + 8),  # broadcast
        ((1, 1, 5, 8), (4, 1, 7, 8), (4, 1, 7, 8), 4 * 5 * 7, 8 + 8),
        ((2, 3, 0, 8), (2, 3, 7, 8), (2, 3, 7, 8), 0, 0),
    ],
)
def test_attention(  # noqa: PLR0913, PLR0917 a row has six columns
    name: str,
    query: tuple[int, ...],
    key: tuple[int, ...],
    value: tuple[int, ...],
    scores: int,
    widths: int,
) -> None:
    """Two products a score; the softmax is a function value a score; scale and mask are nothing."""
    arguments: dict[str, Argument] = {
        "query": Spec(query),
        "key": Spec(key),
        "value": Spec(value),
        "is_causal": True,
    }
    expected = Cost(macs=scores * widths, transcendental=scores)
    assert cost(name, spec(), **arguments) == expected


@pytest.mark.parametrize("heads", [(4, 4), (4, 2)])
@pytest.mark.parametrize("masked", [False, True])
def test_fused_costs_what_its_parts_cost(*, heads: tuple[int, int], masked: bool) -> None:
    """The composite has the multiply-adds of the matrix products that it is made of."""
    q = torch.ones(2, heads[0], 5, 8)
    k, v = torch.ones(2, heads[1], 7, 8), torch.ones(2, heads[1], 7, 8)
    mask = torch.zeros(5, 7) if masked else None
    kinds = [torch.nn.attention.SDPBackend.MATH, torch.nn.attention.SDPBackend.FLASH_ATTENTION]
    found = []
    for kind in kinds:
        with torch.nn.attention.sdpa_kernel(kind):
            ops = recorded(
                lambda: F.scaled_dot_product_attention(
                    q, k, v, attn_mask=mask, enable_gqa=heads[0] != heads[1]
                )
            )
        found.append(total(ops))
    assert found[0].macs == found[1].macs == 2 * 4 * 5 * 7 * (8 + 8)
    assert found[0].transcendental == found[1].transcendental == 2 * 4 * 5 * 7


@pytest.mark.parametrize("name", ["aten._flash_attention_forward", "aten._cudnn_attention_forward"])
def test_packed_sequences_count_as_the_longest(name: str) -> None:
    """Where sequences begin is data, so each is counted as long as the longest."""
    found = cost(
        name,
        spec(),
        query=spec(17, 4, 8),
        key=spec(19, 2, 8),
        value=spec(19, 2, 6),
        cum_seq_q=spec(4, dtype="int32"),
        cum_seq_k=spec(4, dtype="int32"),
        max_q=9,
        max_k=11,
    )
    scores = 3 * 4 * 9 * 11
    assert found == Cost(scores * (8 + 6), 0, scores)
    packed = cost(
        "torch_attn._varlen_attn",
        spec(),
        query=spec(17, 4, 8),
        value=spec(19, 2, 6),
        cu_seq_q=spec(4, dtype="int32"),
        max_q=9,
        max_k=11,
    )
    assert packed == found


@pytest.mark.parametrize(
    "name", ["aten._flash_attention_forward", "aten._efficient_attention_forward"]
)
def test_heads_last(name: str) -> None:
    """These kernels keep the sequence before the heads."""
    given: dict[str, Argument] = {
        "query": spec(2, 5, 4, 8),
        "key": spec(2, 7, 4, 8),
        "value": spec(2, 7, 4, 6),
        "max_q": 5,
        "max_k": 7,
    }
    scores = 2 * 4 * 5 * 7
    assert cost(name, spec(), **given) == Cost(scores * (8 + 6), 0, scores)


def test_efficient_packed() -> None:
    """The memory-efficient kernel packs sequences into a batch of one."""
    found = cost(
        "aten._efficient_attention_forward",
        spec(),
        query=spec(1, 17, 4, 8),
        key=spec(1, 19, 4, 8),
        value=spec(1, 19, 4, 6),
        cu_seqlens_q=spec(4, dtype="int32"),
        max_seqlen_q=9,
        max_seqlen_k=11,
    )
    assert found == Cost(3 * 4 * 9 * 11 * (8 + 6), 0, 3 * 4 * 9 * 11)


@pytest.fixture
def _slow_path() -> object:
    """Return nothing, but leave torch's switch as it was."""
    before = torch.backends.mha.get_fastpath_enabled()
    yield
    torch.backends.mha.set_fastpath_enabled(before)


@pytest.mark.usefixtures("_slow_path")
@pytest.mark.parametrize(
    "layer",
    [
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu"),
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True),
    ],
    ids=["relu", "gelu", "norm first"],
)
def test_encoder_layer_costs_the_same_on_its_fast_path(layer: nn.Module) -> None:
    """The one operator of the fast path costs what the layer costs spelled out."""
    layer.eval()
    torch.backends.mha.set_fastpath_enabled(True)
    fast = recorded(lambda: layer(torch.ones(2, 5, 8)))
    torch.backends.mha.set_fastpath_enabled(False)
    slow = recorded(lambda: layer(torch.ones(2, 5, 8)))
    assert "aten._transformer_encoder_layer_fwd" in {op.name for op in fast}
    assert total(fast) == total(slow)
    tokens = 2 * 5
    assert total(fast).macs == tokens * (4 * 8 * 8 + 2 * 8 * 16) + (2 * 2 * 5 * 5) * (4 + 4)


@pytest.mark.usefixtures("_slow_path")
@pytest.mark.parametrize("need_weights", [True, False])
def test_multi_head_attention_costs_the_same_on_its_fast_path(*, need_weights: bool) -> None:
    """The one operator of the fast path costs what the layer costs spelled out."""
    layer = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    x = torch.ones(2, 5, 8)
    found = []
    for fast in (True, False):
        torch.backends.mha.set_fastpath_enabled(fast)
        ops = recorded(lambda: layer(x, x, x, need_weights=need_weights))
        assert ("aten._native_multi_head_attention" in {op.name for op in ops}) is fast
        found.append(total(ops))
    assert found[0].macs == found[1].macs == 10 * 4 * 8 * 8 + (2 * 2 * 5 * 5) * (4 + 4)
    # Spelled out, the queries are scaled before the product where the weights are asked for.
    scale = 2 * 5 * 8 if need_weights else 0
    assert found[0].other + scale == found[1].other
    assert found[0].transcendental == found[1].transcendental


def test_triton() -> None:
    """Triton's kernels name their operands q, k and v, and have a layer of their own."""
    q, k = spec(2, 3, 5, 8), spec(2, 3, 7, 8)
    assert cost("aten._triton_scaled_dot_attention", q, q=q, k=k, v=k).macs == 2 * 3 * 5 * 7 * 16
    x = spec(2, 5, 8)
    sizes = {"embed_dim": 8, "num_head": 2}
    found = cost("aten._triton_multi_head_attention", x, query=x, key=x, value=x, **sizes)
    assert found.macs == 10 * 4 * 8 * 8 + (2 * 2 * 5 * 5) * (4 + 4)


def test_bias_and_scale() -> None:
    """A bias for queries, keys and values, a scale for the queries."""
    out = spec(2, 2, 5, 4)
    assert cost("aten._transform_bias_rescale_qkv", out, out, out, qkv=spec(2, 5, 24)) == Cost(
        0, 2 * 5 * 24 + 2 * 5 * 8
    )
