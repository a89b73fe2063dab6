"""Gradients of normalisations: operations an element, of those that are asked for."""

from __future__ import annotations

import pytest

from pytest_burden.engine.rules import Cost
from pytest_burden.engine.spec import Argument
from tests.rules.table import cost, spec

X = spec(2, 6, 5, 5)
ELEMENTS = 2 * 6 * 5 * 5
W = spec(6)
XHAT, SUM, PRODUCTS = 2, 1, 2

BY_CHANNEL = [
    # dx: xhat, the two means, and g - mean - xhat·mean times a number
    ((True, True, True), XHAT + SUM + PRODUCTS + 4),
    ((True, False, False), XHAT + SUM + PRODUCTS + 4),
    ((False, True, False), XHAT + PRODUCTS),
    ((False, False, True), SUM),
    ((False, True, True), XHAT + PRODUCTS + SUM),
    ((False, False, False), 0),
]


@pytest.mark.parametrize(("mask", "each"), BY_CHANNEL)
@pytest.mark.parametrize("weight", [None, W])
def test_by_channel(mask: list[bool], weight: Argument, each: int) -> None:
    """The sums of dw and db are those of dx; the weights are one number a channel with rstd."""
    given: dict[str, Argument] = {"input": X, "weight": weight, "output_mask": mask}
    expected = Cost(0, each * ELEMENTS)
    assert cost("aten.native_batch_norm_backward", X, **given, train=True) == expected
    assert cost("aten.batch_norm_backward", X, **given, update=True) == expected
    assert cost("aten.native_group_norm_backward", X, **given) == expected


@pytest.mark.parametrize(
    ("mask", "each"),
    [
        ((True, True, True), 1 + (XHAT + PRODUCTS) + SUM),
        ((True, False, False), 1),
        ((False, True, False), XHAT + PRODUCTS),
        ((False, False, True), SUM),
    ],
)
def test_batch_norm_in_evaluation(mask: list[bool], each: int) -> None:
    """A fixed scale."""
    given: dict[str, Argument] = {"input": X, "weight": W, "output_mask": mask}
    expected = Cost(0, each * ELEMENTS)
    assert cost("aten.native_batch_norm_backward", X, **given, train=False) == expected
    assert cost("aten.batch_norm_backward", X, **given, update=False) == expected


@pytest.mark.parametrize("name", ["cudnn_batch_norm_backward", "miopen_batch_norm_backward"])
def test_batch_norm_on_a_gpu(name: str) -> None:
    """It has no mask: all three, in training."""
    assert cost(f"aten.{name}", X, input=X, weight=W) == Cost(0, 9 * ELEMENTS)


def test_batch_norm_across_workers() -> None:
    """The two parts together are the whole."""
    flags: dict[str, Argument] = {"input_g": True, "weight_g": True, "bias_g": True}
    sums = cost("aten.batch_norm_backward_reduce", W, input=X, **flags)
    assert sums == Cost(0, 4 * ELEMENTS)  # sum(g), sum(g·(x - mean))
    elements = cost("aten.batch_norm_backward_elemt", X, input=X)  # (g - a - (x - mean)·b)·c
    assert sums + elements == Cost(0, 9 * ELEMENTS)
    flags = {"input_g": False, "weight_g": False, "bias_g": True}
    assert cost("aten.batch_norm_backward_reduce", W, input=X, **flags) == Cost(0, ELEMENTS)
    flags = {"input_g": False, "weight_g": True, "bias_g": False}
    assert cost("aten.batch_norm_backward_reduce", W, input=X, **flags) == Cost(0, 3 * ELEMENTS)


@pytest.mark.parametrize(
    ("mask", "weight", "each"),
    [
        # dx = rstd·(h - mean(h) - xhat·mean(h·xhat)), h = g·w
        ((True, False, False), None, XHAT + SUM + PRODUCTS + 4),
        ((True, False, False), W, XHAT + 1 + SUM + PRODUCTS + 4),
        ((True, True, True), W, (XHAT + 1 + SUM + PRODUCTS + 4) + PRODUCTS + SUM),
        ((False, True, False), W, XHAT + PRODUCTS),
        ((False, True, True), W, XHAT + PRODUCTS + SUM),
        ((False, False, True), W, SUM),
    ],
)
def test_layer_norm(mask: list[bool], weight: Argument, each: int) -> None:
    """Weights are within a mean: the sums of dw and db are over others."""
    given: dict[str, Argument] = {"input": X, "weight": weight, "output_mask": mask}
    assert cost("aten.native_layer_norm_backward", X, **given) == Cost(0, each * ELEMENTS)


@pytest.mark.parametrize(
    ("mask", "weight", "each"),
    [
        # dx = rstd·(h - xhat·mean(h·xhat)), h = g·w, xhat = x·rstd
        ((True, False), None, 1 + PRODUCTS + 3),
        ((True, False), W, 1 + 1 + PRODUCTS + 3),
        ((True, True), W, (1 + 1 + PRODUCTS + 3) + PRODUCTS),
        ((False, True), W, 1 + PRODUCTS),
    ],
)
def test_rms_norm(mask: list[bool], weight: Argument, each: int) -> None:
    """A layer norm without a mean."""
    given: dict[str, Argument] = {"input": X, "weight": weight, "output_mask": mask}
    assert cost("aten._fused_rms_norm_backward", X, **given) == Cost(0, each * ELEMENTS)


def test_weight_norm() -> None:
    """sum(g·v), and a·(g - v·b)."""
    v = spec(6, 4)
    found = cost("aten._weight_norm_interface_backward", v, spec(6, 1), saved_v=v)
    assert found == Cost(0, (2 + 3) * 24)
