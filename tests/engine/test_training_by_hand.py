"""Memory and arithmetic of training steps, worked out by hand."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from pytest_burden import Convention, measure
from pytest_burden.burden import MEMORY


class Block(nn.Module):
    """A residual block of a transformer's kind."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        out: torch.Tensor = x + self.down(functional.gelu(self.up(self.norm(x))))
        return out


class Checkpointed(nn.Module):
    """Four blocks, each recomputed in the backward or not."""

    def __init__(self, reentrant: bool | None) -> None:
        super().__init__()
        self.stem = nn.Linear(16, 16)
        self.blocks = nn.ModuleList(Block() for _ in range(4))
        self.reentrant = reentrant

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        x = self.stem(x)
        for block in self.blocks:
            if self.reentrant is None:
                x = block(x)
            else:
                x = checkpoint(block, x, use_reentrant=self.reentrant)
        return x


class Frozen(nn.Module):
    """A layer that learns between one that does not and one that is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(8, 8).requires_grad_(requires_grad=False)
        self.second, self.unused = nn.Linear(8, 8), nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return eight numbers for each row."""
        out: torch.Tensor = self.second(torch.relu(self.first(x)))
        return out


def convolutional() -> nn.Sequential:
    """Return a small network of convolutions and norms."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5),
    )  # fmt: skip


def test_foreach_takes_the_parameters_once_more() -> None:
    """Adam's temporaries: of all parameters at once, or of one at a time, or none.

    One at a time there are three: the root of the second moment, that over its correction, and
    the last one of the parameter before.
    """
    x, build = "1x64", lambda: nn.Sequential(*(nn.Linear(64, 64, bias=False) for _ in range(8)))
    loop, foreach, fused = (
        measure(build, x, training={"foreach": foreach, "fused": fused}).training_memory or 0
        for foreach, fused in ((False, None), (True, None), (None, True))
    )
    weights = 4 * 64 * 64
    held = 4 * 8 * weights + 8 * 4 + 4 * 64  # with gradients, moments, steps and the input
    assert loop == held + 3 * weights
    assert foreach == held + 8 * weights
    assert held <= fused < held + weights
    aimed = measure(build, x, training=True, convention=Convention(target="cuda"))
    assert aimed.training == "Adam, foreach"


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")  # reentrant checkpoint
def test_checkpointing_saves() -> None:
    """Less is kept and more is computed: each block's forward once more.

    Not reentrant it stops at the last tensor that was saved: before the second of two products.
    """
    plain, reentrant, other = (
        measure(partial(Checkpointed, reentrant=way), "256x16", training="SGD")
        for way in (None, True, False)
    )
    block = 2 * 256 * 16 * 64
    for checkpointed, again in ((reentrant, block), (other, block // 2)):
        assert (checkpointed.saved_memory or 0) < (plain.saved_memory or 0) / 3
        assert (checkpointed.training_memory or 0) < (plain.training_memory or 0)
        assert checkpointed.training_macs == (plain.training_macs or 0) + 4 * again
        assert checkpointed.macs == plain.macs == 4 * block + 256 * 16 * 16


def test_training_macs_by_hand() -> None:
    """A product for the input's gradient only where something before it learns."""
    burden = measure(Frozen, "float32[5, 8]", training="SGD")
    layer = 5 * 8 * 8
    assert burden.macs == 2 * layer
    assert burden.training_macs == 2 * layer + layer  # no gradient reaches the first layer
    learning = measure(convolutional, "float32[2, 3, 8, 8]", training="SGD")
    first, second, head = 2 * 64 * 8 * 27, 2 * 64 * 16 * 72, 2 * 16 * 5
    assert learning.training_macs == 3 * (first + second + head) - first


class Functional(nn.Module):
    """Calls the recurrent function itself."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList(
            [torch.zeros(16, 4), torch.zeros(16, 4), torch.zeros(16), torch.zeros(16)]
        )

    def forward(self, x: torch.Tensor) -> Any:
        """Return the outputs."""
        zeros = x.new_zeros(1, 2, 4)
        flags = True, 1, 0.0, False, False, False
        return torch.lstm(x, (zeros, zeros), list(self.weights), *flags)


def test_recurrent_layers_are_lower_bounds() -> None:
    """Their kernels keep what is not seen: every metric of memory says so, others do not."""
    for build in (lambda: nn.LSTM(4, 4), Functional):
        burden = measure(build, "float32[3, 2, 4]", training="SGD")
        assert set(burden.lower_bounds) == set(MEMORY)
    assert measure(nn.LSTMCell(4, 4), "float32[3, 4]").lower_bounds == {}
