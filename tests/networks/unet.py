"""A U-Net whose decoder is made of transposed convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn


class Unet(nn.Module):
    """Segmentation: (N, 3, H, W) to (N, classes, H, W); H and W divisible by 2 ** (levels - 1)."""

    def __init__(self, widths: Sequence[int] = (16, 32, 64), classes: int = 5) -> None:
        super().__init__()
        inputs = [3, *widths[:-1]]
        self.down = nn.ModuleList(_double(a, b) for a, b in zip(inputs, widths, strict=True))
        pairs = [(deep, wide) for wide, deep in pairwise(widths)][::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(deep, wide, 2, 2) for deep, wide in pairs)
        self.merge = nn.ModuleList(_double(2 * wide, wide) for _, wide in pairs)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of every pixel."""
        skips = [self.down[0](x)]
        for block in list(self.down)[1:]:
            skips.append(block(self.pool(skips[-1])))
        out = skips.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            out = merge(torch.cat([skips.pop(), up(out)], dim=1))
        logits: torch.Tensor = self.head(out)
        return logits


def _double(channels: int, out: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, padding=1, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
        nn.Conv2d(out, out, 3, padding=1, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    )
