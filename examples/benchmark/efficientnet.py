"""EfficientNet-B0 in plain torch (arXiv:1905.11946): many operators, and little for each to do."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn


class Stage(NamedTuple):
    """A row of the paper's first table."""

    expansion: int
    kernel: int
    stride: int
    width: int
    layers: int


STAGES = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)


def unit(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Module:
    """A convolution without bias, a batch norm and an activation."""
    padding = kernel // 2
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.SiLU(inplace=True),
    )


class Excitation(nn.Module):
    """Weighs each channel by a function of all channels' means."""

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(width, squeezed, 1),
            nn.SiLU(inplace=True),
            nn.Conv2d(squeezed, width, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, H, W) from (N, C, H, W)."""
        weights: Tensor = self.weigh(x)
        return x * weights


class Block(nn.Module):
    """Expands, filters each channel, weighs, projects; adds the input where shapes allow it."""

    def __init__(self, inputs: int, outputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        width = inputs * stage.expansion
        self.layers = nn.Sequential(
            unit(inputs, width) if stage.expansion > 1 else nn.Identity(),
            unit(width, width, stage.kernel, stride, groups=width),
            Excitation(width, inputs // 4),
            nn.Conv2d(width, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, H / stride, W / stride) from (N, inputs, H, W)."""
        out: Tensor = self.layers(x)
        return out + x if self.adds else out


def efficientnet_b0() -> nn.Module:
    """5.3 million parameters; 0.39 billion multiply-adds on one image of 224 x 224."""
    blocks: list[nn.Module] = []
    width = 32
    for stage in STAGES:
        for layer in range(stage.layers):
            blocks.append(Block(width, stage.width, stage, 1 if layer else stage.stride))
            width = stage.width
    return nn.Sequential(
        unit(3, 32, 3, 2),
        *blocks,
        unit(width, 1280),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(1280, 1000),
    )
