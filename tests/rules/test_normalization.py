"""Normalisations: what is free in evaluation, and how many operations an element costs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pytest_burden.engine.rules import Cost
from pytest_burden.engine.spec import Argument
from tests.rules.table import call, cost, find_state, recorded, spec, total

X = spec(2, 6, 5, 5)
ELEMENTS = 2 * 6 * 5 * 5
W = spec(6)


@pytest.mark.parametrize(
    "name",
    [
        "aten.native_batch_norm",
        "aten._native_batch_norm_legit",
        "aten._native_batch_norm_legit_functional",
        "aten.cudnn_batch_norm",
        "aten.batch_norm",
    ],
)
def test_batch_norm(name: str) -> None:
    """Folded away in evaluation; 6 operations an element in training."""
    assert cost(name, X, input=X, weight=W, bias=W, training=False) == Cost()
    assert cost(name, X, input=X, weight=W, bias=W, training=True) == Cost(0, 6 * ELEMENTS)


def test_batch_norm_by_name() -> None:
    """Some operators say by their name whether they train."""
    assert cost("aten._batch_norm_with_update", X, input=X) == Cost(0, 6 * ELEMENTS)
    assert find_state(call("aten._batch_norm_no_update", X, input=X)) == "free"
    assert find_state(call("quantized.batch_norm2d", X, qx=X)) == "free"
    parts = cost("aten.batch_norm_stats", W, W, input=X) + cost("aten.batch_norm_elemt", X, input=X)
    assert parts == Cost(0, 6 * ELEMENTS)
    gathered = cost("aten.batch_norm_gather_stats", W, W, mean=spec(3, 6), invstd=spec(3, 6))
    assert gathered == Cost(0, 2 * 2 * 3 * 6)


@pytest.mark.parametrize(("training", "each"), [(False, 0), (True, 6)])
@pytest.mark.parametrize("statistics", [False, True])
def test_batch_norm_of_torch(*, training: bool, statistics: bool, each: int) -> None:
    """Whichever operator torch takes for the layer."""
    layer = nn.BatchNorm2d(6, track_running_stats=statistics).train(training)
    expected = 6 if not statistics else each  # without statistics it always takes the batch's own
    ops = [op for op in recorded(lambda: layer(torch.ones(X.shape))) if "batch_norm" in op.name]
    assert total(ops) == Cost(0, expected * ELEMENTS)


@pytest.mark.parametrize(
    "name",
    [
        "aten.native_layer_norm",
        "aten.native_group_norm",
        "aten._fused_rms_norm",
        "torch.rms_norm",
        "quantized.layer_norm",
    ],
)
@pytest.mark.parametrize(
    ("weight", "bias", "each"), [(None, None, 4), (W, None, 6), (W, W, 6), (None, W, 6)]
)
def test_over_the_input_itself(name: str, weight: Argument, bias: Argument, each: int) -> None:
    """4 operations an element, 6 with affine weights."""
    found = cost(name, X, input=X, weight=weight, bias=bias)
    assert found == Cost(0, each * ELEMENTS)


@pytest.mark.parametrize(
    ("use_input_stats", "weight", "each"),
    [(True, None, 4), (True, W, 6), (False, None, 0), (False, W, 0), (None, W, 6)],
)
def test_instance_norm(*, use_input_stats: bool | None, weight: Argument, each: int) -> None:
    """With running statistics it is fixed, as a batch norm in evaluation is."""
    found = cost(
        "torch.instance_norm",
        X,
        input=X,
        weight=weight,
        bias=weight,
        use_input_stats=use_input_stats,
    )
    assert found == Cost(0, each * ELEMENTS)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        # |out| + (2 + 2·C)·N·H·W, as in the ancestor
        ((1, 96, 55, 55), 96 * 55 * 55 + (2 + 2 * 96) * 1 * 55 * 55),
        ((2, 6, 5), 2 * 6 * 5 + (2 + 2 * 6) * 2 * 5),
        ((1, 0, 5), 2 * 5),
    ],
)
def test_local_response_norm(shape: tuple[int, ...], expected: int) -> None:
    """The seed's rule, which does not ask how many channels are neighbours."""
    assert cost("torch.local_response_norm", spec(*shape), input=spec(*shape), size=5) == Cost(
        0, expected
    )


def test_of_weights() -> None:
    """The norm of each weight and its scale: 3 operations."""
    v = spec(6, 4)
    assert cost("aten._weight_norm_interface", v, spec(6, 1), v=v, g=spec(6, 1)) == Cost(0, 3 * 24)
    assert cost("aten.renorm", v, self=v) == Cost(0, 3 * 24)
    looked_up = cost("aten.embedding_renorm", v, self=v, indices=spec(2, 5, dtype="int64"))
    assert looked_up == Cost(0, 3 * (2 * 5) * 4)
