"""ConvNeXt-tiny, as torchvision builds it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from tests.networks.mobile import DropPath


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of (N, C, H, W)."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 the base class names it so
        """Return the input, normalised."""
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """A 7x7 depthwise convolution and two linear layers, scaled and added to the input."""

    def __init__(self, channels: int, rate: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )
        self.scale = nn.Parameter(torch.ones(channels, 1, 1) * 1e-6)
        self.drop = DropPath(rate)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, C, H, W) as it came."""
        inner = self.mlp(self.norm(self.depthwise(x).permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
        added: torch.Tensor = self.drop(self.scale * inner) + x
        return added


class ConvNext(nn.Module):
    """A classifier: (N, 3, H, W) to (N, classes)."""

    def __init__(
        self, depths: Sequence[int] = (3, 3, 9, 3), width: int = 96, classes: int = 1000
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 4), ChannelNorm(width, eps=1e-6)]
        number, last = 0, sum(depths) - 1
        for stage, depth in enumerate(depths):
            channels = width * 2**stage
            if stage > 0:
                layers.append(ChannelNorm(channels // 2, eps=1e-6))
                layers.append(nn.Conv2d(channels // 2, channels, 2, 2))
            for _ in range(depth):
                layers.append(Block(channels, 0.1 * number / last))
                number += 1
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            ChannelNorm(channels, eps=1e-6), nn.Flatten(1), nn.Linear(channels, classes)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        logits: torch.Tensor = self.classifier(self.avgpool(self.features(x)))
        return logits
