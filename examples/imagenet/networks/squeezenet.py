"""SqueezeNet 1.0 and 1.1: Iandola et al. (2016, arXiv:1602.07360)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def squeezenet_1_0() -> nn.Sequential:
    """Return the network of the paper."""
    return nn.Sequential(
        nn.Conv2d(3, 96, 7, stride=2),
        nn.ReLU(),
        pool(),
        Fire(96, 16, 64),
        Fire(128, 16, 64),
        Fire(128, 32, 128),
        pool(),
        Fire(256, 32, 128),
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        pool(),
        Fire(512, 64, 256),
        *classifier(),
    )


def squeezenet_1_1() -> nn.Sequential:
    """Return the later one: a smaller first convolution, and pools further to the front."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, stride=2),
        nn.ReLU(),
        pool(),
        Fire(64, 16, 64),
        Fire(128, 16, 64),
        pool(),
        Fire(128, 32, 128),
        Fire(256, 32, 128),
        pool(),
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        Fire(512, 64, 256),
        *classifier(),
    )


class Fire(nn.Module):
    """A 1x1 convolution to few channels, then 1x1 and 3x3 side by side."""

    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Sequential(nn.Conv2d(channels, squeezed, 1), nn.ReLU())
        self.expand_1x1 = nn.Sequential(nn.Conv2d(squeezed, expanded, 1), nn.ReLU())
        self.expand_3x3 = nn.Sequential(nn.Conv2d(squeezed, expanded, 3, padding=1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, H, W) to (N, 2 * expanded, H, W)."""
        x = self.squeeze(x)
        return torch.cat([self.expand_1x1(x), self.expand_3x3(x)], dim=1)


def pool() -> nn.MaxPool2d:
    """Return a pool that counts the rest at the border as a window of its own."""
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


def classifier() -> list[nn.Module]:
    """Return the convolution to 1000 classes and the mean over the map."""
    return [
        nn.Dropout(),
        nn.Conv2d(512, 1000, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ]
