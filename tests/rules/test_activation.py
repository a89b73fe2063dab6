"""Which outputs `activation_memory` counts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pytest_burden.engine.rules import stored
from pytest_burden.engine.rules.activation import is_alias
from pytest_burden.engine.spec import Argument, Op, Spec
from tests.rules.table import call, recorded, spec

X = spec(2, 3)
INDICES = spec(2, 3, dtype="int64")


def _counted(op: Op) -> list[int]:
    """Return the positions of the outputs that count."""
    return [op.outputs.index(kept) for kept in stored(op)]


@pytest.mark.parametrize(
    ("name", "outputs", "expected"),
    [
        # the first output, whatever follows it: indices, statistics, logsumexp, masks
        ("aten.mm", 1, [0]),
        ("aten.max_pool2d_with_indices", 2, [0]),
        ("aten.native_layer_norm", 3, [0]),
        ("aten.native_batch_norm", 3, [0]),
        ("aten._scaled_dot_product_flash_attention_for_cpu", 2, [0]),
        ("aten.max", 2, [0]),
        ("aten._unique2", 3, [0]),
        ("torch.scaled_dot_product_attention", 1, [0]),
        ("mylib.myop", 2, [0]),
        # a result in pieces
        ("aten.split_copy", 3, [0, 1, 2]),
        ("aten.split_with_sizes_copy", 3, [0, 1, 2]),
        ("aten.unbind_copy", 3, [0, 1, 2]),
        ("aten.sort", 2, [0, 1]),
        ("aten.topk", 2, [0, 1]),
        ("aten._foreach_mul", 3, [0, 1, 2]),
        # recurrent layers: output and last states, not what they keep for the backward
        ("aten.mkldnn_rnn_layer", 4, [0, 1, 2]),
        ("aten.lstm", 3, [0, 1, 2]),
        ("aten.gru", 2, [0, 1]),
        ("aten._cudnn_rnn", 5, [0, 1, 2]),
        ("aten._thnn_fused_lstm_cell", 3, [0, 1]),
        ("aten._thnn_fused_gru_cell", 2, [0]),
        ("quantized.quantized_lstm_cell_dynamic", 2, [0, 1]),
        # copies, casts, and fills from a tensor
        ("aten.clone", 1, [0]),
        ("aten._to_copy", 1, [0]),
        ("aten.copy", 1, [0]),
        ("aten.cat", 1, [0]),
        # taken as in place
        ("aten.relu", 1, []),
        ("aten.leaky_relu", 1, []),
        ("aten.threshold", 1, []),
        ("quantized.relu6", 1, []),
        # others that look like them
        ("aten._prelu_kernel", 1, [0]),
        ("aten.gelu", 1, [0]),
        ("aten.elu", 1, [0]),
        ("aten.hardswish", 1, [0]),
        # made of nothing, or from the shape of a tensor alone
        ("aten.zeros_like", 1, []),
        ("aten.new_full", 1, []),
        ("aten.fill", 1, []),
        ("aten.zero", 1, []),
        ("aten.randn_like", 1, []),
        ("aten.uniform", 1, []),
        # drawn from what a tensor says
        ("aten.multinomial", 1, [0]),
        ("aten.poisson", 1, [0]),
        # nothing comes out
        ("aten._local_scalar_dense", 0, []),
    ],
)
def test_by_name(name: str, outputs: int, expected: list[int]) -> None:
    """The first output counts, all pieces of one result, none of what holds nothing new."""
    assert _counted(call(name, *(spec(i + 1) for i in range(outputs)), self=X)) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "kept"),
    [
        ("aten.clamp", {"min": 0}, False),
        ("aten.clamp", {"min": 0.0, "max": 6.0}, False),
        ("aten.clamp", {"min": None, "max": 0}, True),
        ("aten.clamp", {"min": -1.0, "max": 1.0}, True),
        ("aten.clamp", {"min": spec()}, True),  # a tensor may hold anything
        ("aten.clamp_min", {"min": 0}, False),
        ("aten.clamp_min", {"min": 1}, True),
        ("aten.clamp_max", {"max": 0}, True),
        ("aten.hardtanh", {"min_val": 0.0, "max_val": 6.0}, False),
        ("aten.hardtanh", {"min_val": -1.0, "max_val": 1.0}, True),
    ],
)
def test_clamps_are_rectifiers_from_zero(
    name: str, arguments: dict[str, Argument], *, kept: bool
) -> None:
    """A clamp from 0 is a rectifier, from anywhere else it is not."""
    assert bool(stored(call(name, X, self=X, **arguments))) is kept


@pytest.mark.parametrize(
    ("name", "overload", "kept"),
    [
        ("aten.bernoulli", "default", True),  # probabilities in, draws out
        ("aten.bernoulli", "float", False),  # bernoulli_(0.5) fills whatever was there
        ("aten.bernoulli", "Tensor", False),
        ("aten.normal", "default", False),  # normal_()
        ("aten.normal", "Tensor_float", True),
    ],
)
def test_draws(name: str, overload: str, *, kept: bool) -> None:
    """Filling a tensor with random numbers makes nothing; drawing from one does."""
    assert bool(stored(Op(name, overload, {"self": X}, (X,)))) is kept


@pytest.mark.parametrize("name", ["aten.zeros", "aten.arange", "aten.rand", "mylib.constant"])
def test_made_of_no_tensor(name: str) -> None:
    """Whatever takes no tensor is a factory."""
    assert stored(call(name, X, size=[2, 3])) == ()


def test_views() -> None:
    """Views by schema, in-place views by tag, and views that torch does not call views."""
    assert stored(Op("aten.view", "default", {"self": X}, (X,), view=True)) == ()
    tags = frozenset({"inplace_view"})
    assert stored(Op("aten.transpose", "default", {"self": X}, (X,), tags=tags)) == ()
    for name in ("aten._unsafe_view", "aten.unsafe_split"):
        op = call(name, X, self=X)
        assert is_alias(op)
        assert stored(op) == ()
    assert not is_alias(call("aten.clone", X, self=X))


def test_in_place_counts_as_any() -> None:
    """An in-place addition counts as one that is not."""
    x = torch.ones(2, 3)
    for op in [*recorded(lambda: x.add_(1)), *recorded(lambda: x + 1)]:
        assert [kept.nbytes for kept in stored(op)] == [2 * 3 * 4]


def test_a_network() -> None:
    """Convolution, batch norm and pool count; rectifier, flattening and indices do not."""
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
    ).eval()
    x = torch.ones(1, 3, 8, 8)
    found = {op.name: [str(kept) for kept in stored(op)] for op in recorded(lambda: net(x))}
    assert {name: kept for name, kept in found.items() if kept} == {
        "aten.convolution": ["float32[1, 8, 6, 6]"],
        "aten.native_batch_norm": ["float32[1, 8, 6, 6]"],
        "aten.max_pool2d_with_indices": ["float32[1, 8, 3, 3]"],
    }


def test_datatypes_are_kept() -> None:
    """A spec knows its bytes: whoever sums them sees the real dtype."""
    (kept,) = stored(call("aten.mm", Spec((2, 3), "bfloat16"), self=X))
    assert kept.nbytes == 2 * 3 * 2
