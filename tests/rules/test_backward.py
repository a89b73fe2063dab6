"""Backward operators that do matrix work, or that a forward may call."""

from __future__ import annotations

import pytest

from pytest_burden.engine.rules import Cost
from pytest_burden.engine.spec import Argument
from tests.rules.table import cost, spec

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


def test_attention() -> None:
    """The scores again and four gradients: five products."""
    q, k, v = spec(2, 3, 5, 8), spec(2, 3, 7, 8), spec(2, 3, 7, 6)
    scores = 2 * 3 * 5 * 7
    arguments: dict[str, Argument] = {"query": q, "key": k, "value": v}
    name = "aten._scaled_dot_product_flash_attention_for_cpu_backward"
    assert cost(name, q, k, v, **arguments) == Cost(scores * (3 * 8 + 2 * 6), 0, scores)
    packed = cost(
        "aten._flash_attention_backward",
        q,
        query=spec(17, 4, 8),
        key=spec(19, 4, 8),
        value=spec(19, 4, 6),
        cum_seq_q=spec(4, dtype="int32"),
        max_q=9,
        max_k=11,
    )
    assert packed.macs == 3 * 4 * 9 * 11 * (3 * 8 + 2 * 6)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("_softmax_backward_data", Cost(0, 4 * 12)),
        ("_log_softmax_backward_data", Cost(0, 3 * 12, 12)),
        ("native_dropout_backward", Cost(0, 2 * 12)),
        ("max_pool2d_with_indices_backward", Cost(0, 12)),
        ("embedding_dense_backward", Cost(0, 12)),
    ],
)
def test_elementwise(name: str, expected: Cost) -> None:
    """Each sign of the formula is an operation."""
    x = spec(3, 4)
    assert cost(f"aten.{name}", x, grad_output=x, output=x) == expected
