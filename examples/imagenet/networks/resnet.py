"""Residual networks: He et al. (2015, arXiv:1512.03385), Xie et al. (2016, arXiv:1611.05431)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn


@dataclass(frozen=True)
class Design:
    """What tells one family from another."""

    width: int = 64
    """Channels inside the blocks of the first stage; each further stage doubles them."""
    groups: int = 1
    stride_first: bool = True
    """Whether a stage halves its map in the 1x1 convolution (the original release) or the 3x3."""


def resnet_50() -> nn.Sequential:
    """Return ResNet-50 as first released."""
    return network((3, 4, 6, 3), Design())


def resnet_101() -> nn.Sequential:
    """Return ResNet-101 as first released."""
    return network((3, 4, 23, 3), Design())


def resnet_152() -> nn.Sequential:
    """Return ResNet-152 as first released."""
    return network((3, 8, 36, 3), Design())


def resnext_50_32x4d() -> nn.Sequential:
    """Return ResNeXt-50: 32 groups, 4 channels each in the first stage."""
    return network((3, 4, 6, 3), Design(32 * 4, 32, stride_first=False))


def resnext_101_32x4d() -> nn.Sequential:
    """Return ResNeXt-101: 32 groups, 4 channels each in the first stage."""
    return network((3, 4, 23, 3), Design(32 * 4, 32, stride_first=False))


def resnext_101_64x4d() -> nn.Sequential:
    """Return ResNeXt-101: 64 groups, 4 channels each in the first stage."""
    return network((3, 4, 23, 3), Design(64 * 4, 64, stride_first=False))


def network(blocks: tuple[int, ...], design: Design) -> nn.Sequential:
    """Return stem, one stage for each entry of ``blocks``, and the classifier."""
    layers: list[nn.Module] = [
        *convolution(3, 64, 7, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
    ]
    channels = 64
    for stage, length in enumerate(blocks):
        for index in range(length):
            stride = 2 if stage > 0 and index == 0 else 1
            block = Bottleneck(channels, design.width << stage, 256 << stage, stride, design)
            layers.append(block)
            channels = 256 << stage
    return nn.Sequential(*layers, nn.AvgPool2d(7), nn.Flatten(), nn.Linear(channels, 1000))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolution, added to the input, which is projected if its shape changes."""

    def __init__(self, channels: int, width: int, out: int, stride: int, design: Design) -> None:
        super().__init__()
        first, second = (stride, 1) if design.stride_first else (1, stride)
        self.residual = nn.Sequential(
            *convolution(channels, width, 1, first),
            nn.ReLU(),
            *convolution(width, width, 3, second, design.groups),
            nn.ReLU(),
            *convolution(width, out, 1),
        )
        self.shortcut = (
            nn.Identity()
            if stride == 1 and channels == out
            else nn.Sequential(*convolution(channels, out, 1, stride))
        )
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, H, W) to (N, out, H/stride, W/stride)."""
        return cast("Tensor", self.relu(self.residual(x) + self.shortcut(x)))


def convolution(
    channels: int, width: int, kernel: int, stride: int = 1, groups: int = 1
) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    """Return a convolution without bias, and the batch normalisation that gives it one."""
    return (
        nn.Conv2d(channels, width, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(width),
    )
