"""VGG-16, as torchvision builds it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class Vgg(nn.Module):
    """3x3 convolutions between poolings, three linear layers: (N, 3, H, W) to (N, classes)."""

    def __init__(
        self,
        depths: Sequence[int] = (2, 2, 3, 3, 3),
        width: int = 64,
        hidden: int = 4096,
        classes: int = 1000,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for number, depth in enumerate(depths):
            wide = width * min(2**number, 8)
            for _ in range(depth):
                layers += [nn.Conv2d(channels, wide, 3, padding=1), nn.ReLU(inplace=True)]
                channels = wide
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(49 * channels, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(hidden, classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        pooled = self.avgpool(self.features(x))
        logits: torch.Tensor = self.classifier(torch.flatten(pooled, 1))
        return logits
