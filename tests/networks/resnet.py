"""ResNet-50 (version 1.5), and DeepLabV3 on the same trunk, as torchvision builds them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions and a shortcut: (N, C, H, W) to (N, 4 * width, H', W')."""

    def __init__(self, channels: int, width: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(
            width, width, 3, stride, padding=dilation, dilation=dilation, bias=False
        )
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels != 4 * width:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output, added in place to the shortcut."""
        out: torch.Tensor = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += x if self.downsample is None else self.downsample(x)
        rectified: torch.Tensor = self.relu(out)
        return rectified


def trunk(depths: Sequence[int], width: int, dilations: Sequence[int] = (1, 1, 1, 1)) -> nn.Module:
    """Return the stem and the four stages; a dilated stage keeps its resolution."""
    stem = [
        nn.Conv2d(3, width, 7, 2, padding=3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, padding=1),
    ]
    stages, channels, before = [], width, 1
    for number, (depth, dilation) in enumerate(zip(depths, dilations, strict=True)):
        wide = width * 2**number
        stride = 1 if number == 0 or dilation > 1 else 2
        blocks = [Bottleneck(channels, wide, stride=stride, dilation=before)]
        channels, before = 4 * wide, dilation
        blocks += [Bottleneck(channels, wide, dilation=dilation) for _ in range(1, depth)]
        stages.append(nn.Sequential(*blocks))
    return nn.Sequential(*stem, *stages)


class ResNet(nn.Module):
    """A classifier: (N, 3, H, W) to (N, classes)."""

    def __init__(
        self, depths: Sequence[int] = (3, 4, 6, 3), width: int = 64, classes: int = 1000
    ) -> None:
        super().__init__()
        self.trunk = trunk(depths, width)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32 * width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        logits: torch.Tensor = self.fc(torch.flatten(self.avgpool(self.trunk(x)), 1))
        return logits


class DeepLab(nn.Module):
    """DeepLabV3 without its auxiliary head: (N, 3, H, W) to {"out": (N, classes, H, W)}."""

    def __init__(
        self,
        depths: Sequence[int] = (3, 4, 6, 3),
        width: int = 64,
        classes: int = 21,
        rates: Sequence[int] = (12, 24, 36),
    ) -> None:
        super().__init__()
        channels, inner = 32 * width, 4 * width
        self.backbone = trunk(depths, width, dilations=(1, 1, 2, 4))
        self.branches = nn.ModuleList([_branch(channels, inner, 1)])
        self.branches.extend(_branch(channels, inner, 3, rate) for rate in rates)
        self.pooling = nn.Sequential(nn.AdaptiveAvgPool2d(1), _branch(channels, inner, 1))
        self.project = nn.Sequential(_branch(5 * inner, inner, 1), nn.Dropout(0.5))
        self.head = nn.Sequential(_branch(inner, inner, 3), nn.Conv2d(inner, classes, 1))

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the logits of every pixel under "out"."""
        features = self.backbone(x)
        found = [branch(features) for branch in self.branches]
        found.append(functional.interpolate(self.pooling(features), features.shape[-2:]))
        logits = self.head(self.project(torch.cat(found, dim=1)))
        return {"out": functional.interpolate(logits, x.shape[-2:], mode="bilinear")}


def _branch(channels: int, out: int, kernel: int, dilation: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(
            channels, out, kernel, padding=kernel // 2 * dilation, dilation=dilation, bias=False
        ),
        nn.BatchNorm2d(out),
        nn.ReLU(),
    )
