"""Networks and other things for the command line to be pointed at."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

NUMBER = 3


def net() -> nn.Sequential:
    """Return a network for float32[1, 1, 4, 4] with two layers that can be counted by hand."""
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))


BUILT = net()


def curve() -> nn.Module:
    """Return a network that does nothing but tanh."""
    return nn.Tanh()


def text() -> str:
    """Return what is no network."""
    return "net"


def interrupt() -> nn.Module:
    """As Ctrl-C does."""
    raise KeyboardInterrupt


def leave() -> nn.Module:
    """End the program with the status of success."""
    raise SystemExit(0)


class Wide(nn.Linear):
    """A network that cannot be built without being told its width."""

    def __init__(self, width: int) -> None:
        super().__init__(width, width)


class Keywords(nn.Module):
    """A network that is told by keyword what to do."""

    def forward(self, x: Tensor, *, scale: Tensor, times: int = 1, mode: str = "once") -> Tensor:
        """Scale ``x``, as often as told."""
        for _ in range(times if mode == "often" else 1):
            x = x * scale
        return x


class Talkative(nn.Module):
    """A network that prints."""

    def forward(self, x: Tensor) -> Tensor:
        """Say so."""
        print("forward was called")  # noqa: T201 that is the point of it
        return x + 1


class Choosy(nn.Module):
    """A network whose way depends on its data."""

    def forward(self, x: Tensor) -> Tensor:
        """Add or subtract, as the sum has it: either way 4 operations for 2 x 2, and 4 more."""
        return x + 1 if x.sum().item() > 0 else x - 1


class Faulty(nn.Module):
    """A network whose second layer does not fit its first."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Fail in the second layer."""
        hidden = self.first(x)
        return cast("Tensor", self.second(hidden))


class Custom(nn.Module):
    """A network with an operator that has no rule."""

    def forward(self, x: Tensor) -> Tensor:
        """Solve, twice."""
        return cast("Tensor", torch.linalg.inv(torch.linalg.inv(x)))
