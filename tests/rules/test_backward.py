"""Backward operators that do matrix work or sum at indices, and that none is left out."""

from __future__ import annotations

import pytest
import torch

from pytest_burden.engine.rules import Cost, registry
from pytest_burden.engine.spec import Argument, Spec
from tests.rules.table import call, cost, find_state, spec

FORWARD = (1 * 8 * 5 * 5) * (2 * 3 * 3)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ([True, True, True], Cost(2 * FORWARD, 200)),
        ([True, False, False], Cost(FORWARD)),
        ([False, True, False], Cost(FORWARD)),
        ([False, False, True], Cost(0, 200)),
    ],
)
def test_convolution(mask: list[bool], expected: Cost) -> None:
    """Each gradient costs what the forward costs, in groups too (here two)."""
    found = cost(
        "aten.convolution_backward",
        spec(1, 4, 7, 7),
        spec(8, 2, 3, 3),
        spec(8),
        grad_output=spec(1, 8, 5, 5),
        input=spec(1, 4, 7, 7),
        weight=spec(8, 2, 3, 3),
        transposed=False,
        groups=2,
        output_mask=mask,
    )
    assert found == expected


LINEAR = (2 * 5) * 7 * 3
"""Multiply-adds of a layer from 7 features to 3, over 2·5 rows; 2·5·3 gradients come in."""


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("linear_backward", {"output_mask": [True, True, True]}, Cost(2 * LINEAR, 30)),
        ("linear_backward", {"output_mask": [False, True, False]}, Cost(LINEAR)),
        ("mkldnn_linear_backward", {"output_mask": [True, False, True]}, Cost(LINEAR, 30)),
        ("mkldnn_linear_backward_input", {}, Cost(LINEAR)),
        ("mkldnn_linear_backward_weights", {"bias_defined": True}, Cost(LINEAR, 30)),
        ("mkldnn_linear_backward_weights", {"bias_defined": False}, Cost(LINEAR)),
        # As a convolution with a kernel of one place.
        ("_slow_conv2d_backward", {"output_mask": [True, True, False]}, Cost(2 * LINEAR)),
        ("_slow_conv2d_backward", {}, Cost(2 * LINEAR, 30)),
    ],
)
def test_linear(name: str, arguments: dict[str, Argument], expected: Cost) -> None:
    """The gradients of input, weight and bias, as far as they are asked for."""
    grads: dict[str, Argument] = {"grad_output": spec(2, 5, 3), "weight": spec(3, 7)}
    assert cost(f"aten.{name}", spec(2, 5, 7), **grads, **arguments) == expected


@pytest.mark.parametrize(("mask", "times"), [([True, True], 2), ([False, True], 1)])
def test_matmul(mask: list[bool], times: int) -> None:
    """A product for each factor."""
    factors: dict[str, Argument] = {"self": spec(2, 5, 7), "other": spec(7, 3)}
    found = cost("aten.matmul_backward", grad=spec(2, 5, 3), **factors, mask=mask)
    assert found == Cost(times * (2 * 5) * 7 * 3)


def test_affine_grid() -> None:
    """Each of N·H·W points adds its two gradients, by x, y and 1, to a matrix."""
    name = "aten.cudnn_affine_grid_generator_backward"
    assert cost(name, spec(2, 2, 3), grad=spec(2, 5, 4, 2)) == Cost((2 * 5 * 4) * 2 * 3)


Q, K, V = spec(2, 3, 5, 8), spec(2, 3, 7, 8), spec(2, 3, 7, 6)
SCORES = 2 * 3 * 5 * 7
FIVE_PRODUCTS = 3 * 8 + 2 * 6


@pytest.mark.parametrize(
    "name",
    [
        "_scaled_dot_product_flash_attention_for_cpu_backward",
        "_scaled_dot_product_fused_attention_overrideable_backward",
        "_cudnn_attention_backward",
    ],
)
def test_attention(name: str) -> None:
    """The scores again and four gradients: five products."""
    arguments: dict[str, Argument] = {"query": Q, "key": K, "value": V, "max_q": 5, "max_k": 7}
    assert cost(f"aten.{name}", Q, K, V, **arguments) == Cost(SCORES * FIVE_PRODUCTS, 0, SCORES)


def test_attention_with_heads_last() -> None:
    """The kernels behind it keep the sequence before the heads."""
    q, k, v = spec(2, 5, 3, 8), spec(2, 7, 3, 8), spec(2, 7, 3, 6)
    arguments: dict[str, Argument] = {"query": q, "key": k, "value": v, "max_q": 5, "max_k": 7}
    expected = Cost(SCORES * FIVE_PRODUCTS, 0, SCORES)
    assert cost("aten._flash_attention_backward", q, k, v, **arguments) == expected
    assert cost("aten._efficient_attention_backward", q, k, v, **arguments) == expected


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        ("aten._flash_attention_backward", "cum_seq_q"),
        ("aten._cudnn_attention_backward", "cum_seq_q"),
        ("torch_attn._varlen_attn_backward", "cu_seq_q"),
    ],
)
def test_packed_sequences(name: str, starts: str) -> None:
    """Three sequences of 17 tokens in all, each counted as the longest."""
    arguments: dict[str, Argument] = {
        "query": spec(17, 4, 8),
        "key": spec(19, 4, 8),
        "value": spec(19, 4, 6),
        starts: spec(3 + 1, dtype="int32"),
        "max_q": 9,
        "max_k": 11,
    }
    scores = 3 * 4 * 9 * 11
    assert cost(name, spec(17, 4, 8), **arguments) == Cost(scores * FIVE_PRODUCTS, 0, scores)


def test_distances() -> None:
    """A multiply-add a pair and a column; both rows of a pair if they are of one matrix."""
    pair = cost("aten._cdist_backward", grad=spec(5, 7), x1=spec(5, 3), x2=spec(7, 3))
    assert pair == Cost((5 * 7) * 3)
    within = cost("aten._pdist_backward", grad=spec(10), self=spec(5, 3))
    assert within == Cost(2 * (5 * 4 // 2) * 3)


def test_embedding() -> None:
    """One addition a source element; a maximum has one source for each element of a bag."""
    grad = spec(2, 5, 6)
    assert cost("aten.embedding_dense_backward", grad_output=grad) == Cost(0, 2 * 5 * 6)
    bags: dict[str, Argument] = {"grad": spec(3, 6), "indices": spec(20, dtype="int64")}
    for mode, sources in ((0, 20), (1, 20), (2, 3)):
        for name in ("_embedding_bag_backward", "_embedding_bag_dense_backward"):
            assert cost(f"aten.{name}", spec(9, 6), **bags, mode=mode) == Cost(0, sources * 6)
    weights = cost("aten._embedding_bag_per_sample_weights_backward", spec(20), **bags, mode=0)
    assert weights == Cost(20 * 6)


@pytest.mark.parametrize(
    ("reduce", "each"), [("sum", 0), ("mean", 1), ("max", 2), ("min", 2), ("prod", 2)]
)
def test_segments(reduce: str, each: int) -> None:
    """What brings the gradient of a segment to its elements."""
    found = cost("aten._segment_reduce_backward", data=spec(7, 3), grad=spec(2, 3), reduce=reduce)
    assert found == Cost(0, each * 7 * 3)


LEFT_OUT = {
    "aten.glu_backward_jvp": "of the forward mode of a backward",
    "aten.lstm_mps_backward": "for Apple's GPUs",
    "aten.mps_convolution_backward": "for Apple's GPUs",
    "aten.mps_convolution_transpose_backward": "for Apple's GPUs",
}
SPARSE = {
    "aten._sparse_softmax_backward_data",
    "aten._sparse_log_softmax_backward_data",
    "aten._sparse_sum_backward",
    "aten._sparse_mm_reduce_impl_backward",
}


def test_no_backward_is_left_out() -> None:
    """Each that torch has and does not compose of others has a rule, or is named above."""
    composite = "CompositeImplicitAutograd"
    operators: dict[str, list[str]] = {}
    for name in torch._C._dispatch_get_all_op_names():
        if name.startswith("aten::") and "backward" in name:
            operators.setdefault(f"aten.{name.removeprefix('aten::').split('.')[0]}", []).append(
                name
            )
    assert len(operators) > 140
    left_out = {
        name
        for name, overloads in operators.items()
        if name not in registry._RULES
        and not any(torch._C._dispatch_has_kernel_for_dispatch_key(o, composite) for o in overloads)
    }
    assert left_out == LEFT_OUT.keys()
    x: Spec = spec(3, 4)
    states = {name: find_state(call(name, x)) for name in operators.keys() - left_out}
    uncounted = {name for name in states if name in registry._RULES and states[name] == "uncounted"}
    assert uncounted == SPARSE
