"""Tensors that are made of others, and networks that torch leaves in a state of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing._internal.two_tensor import TwoTensor

from pytest_burden import measure
from pytest_burden.engine.watch import watching
from pytest_burden.errors import MeasureError
from tests.networks.cases import around, calling

ROWS = (3, 5)
"""Lengths of two sequences."""
MACS = sum(ROWS) * 16 * 8


def sequences(layout: torch.layout) -> torch.Tensor:
    """Return two sequences of different lengths as one tensor."""
    made: torch.Tensor = torch.nested.nested_tensor(
        [torch.randn(rows, 16) for rows in ROWS], layout=layout
    )
    return made


def joined(layer: nn.Module, *rows: torch.Tensor) -> torch.Tensor:
    """Make one tensor of several inside of a forward."""
    out: torch.Tensor = layer(torch.nested.as_nested_tensor(list(rows), layout=torch.jagged))
    return functional.relu(out).values()


def linear() -> nn.Module:
    """Return the layer that the sequences go through."""
    return nn.Linear(16, 8)


@pytest.mark.parametrize("training", [None, "SGD"])
def test_sequences_of_different_lengths(training: object) -> None:
    """What is computed of each row is counted, by a real run; given so, or made so inside."""
    inside = around(linear, joined)
    given = measure(linear(), (sequences(torch.jagged),), training=training)
    made = measure(inside, [torch.randn(rows, 16) for rows in ROWS], training=training)
    assert (given.macs, made.macs) == (MACS, MACS)
    assert [given.method, made.method] == ["real", "real"]
    assert given.reason == "a NestedTensor of layout torch.jagged"
    assert made.reason == "a NestedTensor, in the root module (Around)"


def test_a_tensor_made_of_two() -> None:
    """Both of its parts are multiplied."""
    layer = linear()
    layer.weight = nn.Parameter(TwoTensor(torch.randn(8, 16), torch.randn(8, 16)))
    burden = measure(layer, "float32[4, 16]")
    assert (burden.macs, burden.method) == (2 * 4 * 16 * 8, "real")


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_strided_sequences_are_refused(inside: bool) -> None:
    """Nobody can say what shape they have."""
    layer, given = linear(), sequences(torch.strided)
    network: nn.Module = calling(lambda _: layer(given))() if inside else layer
    with pytest.raises(MeasureError, match=r"^a nested tensor of layout torch\.strided has no"):
        measure(network, torch.zeros(2) if inside else given)


class Deep(nn.Module):
    """Calls itself until Python has no frames left, in an operator or between two."""

    def forward(self, x: torch.Tensor) -> Any:
        """Never return."""
        return self(x + 1)


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_in_the_midst_of_a_trace() -> None:
    """What TorchScript records is the network, and nothing of its measurement."""
    network, x = nn.Sequential(nn.Linear(16, 8), nn.ReLU()), torch.ones(4, 16)
    script: Any = torch.jit
    alone = kinds(script.trace(network, x))
    found: list[int] = []
    with watching(lambda module, args, _: found.append(measure(module, args).macs)):
        traced = script.trace(network, x)
    assert kinds(traced) == alone
    assert set(found) == {4 * 16 * 8}


def kinds(traced: Any) -> list[str]:
    """Return what a traced module calls."""
    return [node.kind() for node in traced.inlined_graph.nodes()]


@pytest.mark.parametrize("depth", range(8))
def test_a_recursion_without_end(depth: int) -> None:
    """It is the network's own error, and no mode stays on torch's stack, wherever it strikes."""

    def deeper(left: int) -> None:
        if left:
            deeper(left - 1)
        else:
            measure(Deep(), "float32[2]")

    with pytest.raises(RecursionError):
        deeper(depth)
    assert torch._C._len_torch_dispatch_stack() == 0
    assert torch._C._len_torch_function_stack() == 0


def test_a_factory_that_differentiates() -> None:
    """It is called without data first, under no_grad; for real it does what it does by itself."""

    def trained() -> nn.Module:
        layer = nn.Linear(8, 4)
        layer(torch.randn(2, 8)).sum().backward()
        assert layer.weight.grad is not None
        return layer

    build: Callable[[], nn.Module] = trained
    burden = measure(build, "float32[3, 8]")
    assert (burden.macs, burden.method) == (3 * 8 * 4, "real")
