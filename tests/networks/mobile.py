"""MobileNetV3-large and EfficientNet-B0, as torchvision builds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import nn

Activation = Callable[[], nn.Module]


class Stage(NamedTuple):
    """One row of the published tables: an inverted bottleneck, ``repeats`` times."""

    kernel: int
    expanded: int
    """Channels inside, for MobileNet; the factor of expansion, for EfficientNet."""
    out: int
    stride: int
    repeats: int = 1
    squeezed: str = "SE"
    """``"SE"`` with a `Squeeze`, ``"-"`` without."""
    activation: Activation = nn.SiLU


LARGE = (
    Stage(3, 16, 16, 1, 1, "-", nn.ReLU),
    Stage(3, 64, 24, 2, 1, "-", nn.ReLU),
    Stage(3, 72, 24, 1, 1, "-", nn.ReLU),
    Stage(5, 72, 40, 2, 1, "SE", nn.ReLU),
    Stage(5, 120, 40, 1, 2, "SE", nn.ReLU),
    Stage(3, 240, 80, 2, 1, "-", nn.Hardswish),
    Stage(3, 200, 80, 1, 1, "-", nn.Hardswish),
    Stage(3, 184, 80, 1, 2, "-", nn.Hardswish),
    Stage(3, 480, 112, 1, 1, "SE", nn.Hardswish),
    Stage(3, 672, 112, 1, 1, "SE", nn.Hardswish),
    Stage(5, 672, 160, 2, 1, "SE", nn.Hardswish),
    Stage(5, 960, 160, 1, 2, "SE", nn.Hardswish),
)
B0 = (
    Stage(3, 1, 16, 1, 1),
    Stage(3, 6, 24, 2, 2),
    Stage(5, 6, 40, 2, 2),
    Stage(3, 6, 80, 2, 3),
    Stage(5, 6, 112, 1, 3),
    Stage(5, 6, 192, 2, 4),
    Stage(3, 6, 320, 1, 1),
)


class Squeeze(nn.Module):
    """Weighs the channels by what two 1x1 convolutions make of their means."""

    def __init__(self, channels: int, inner: int, activation: Activation, gate: Activation) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, inner, 1)
        self.activation = activation()
        self.fc2 = nn.Conv2d(inner, channels, 1)
        self.gate = gate()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``x`` (N, C, H, W), weighed."""
        weights: torch.Tensor = self.gate(self.fc2(self.activation(self.fc1(self.pool(x)))))
        return weights * x


class DropPath(nn.Module):
    """Drops whole samples of a residual branch while training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``x``, each sample of it scaled or zeroed."""
        if not self.training or self.rate == 0:
            return x
        noise = x.new_empty([len(x)] + [1] * (x.ndim - 1)).bernoulli_(1 - self.rate)
        return x * noise.div_(1 - self.rate)


def unit(  # noqa: PLR0913 a network has many sizes
    channels: int,
    out: int,
    kernel: int,
    activation: Activation | None,
    *,
    stride: int = 1,
    groups: int = 1,
) -> list[nn.Module]:
    """Return a convolution, its batch norm and its activation."""
    layers: list[nn.Module] = [
        nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out),
    ]
    return layers if activation is None else [*layers, activation()]


class Inverted(nn.Module):
    """Expand, filter each channel, squeeze, project; with a shortcut where shapes allow."""

    def __init__(
        self, channels: int, stage: Stage, expanded: int, squeeze: nn.Module | None, rate: float
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if expanded != channels:
            layers += unit(channels, expanded, 1, stage.activation)
        filtered = {"stride": stage.stride, "groups": expanded}
        layers += unit(expanded, expanded, stage.kernel, stage.activation, **filtered)
        if squeeze is not None:
            layers.append(squeeze)
        layers += unit(expanded, stage.out, 1, None)
        self.block = nn.Sequential(*layers)
        self.shortcut = stage.stride == 1 and channels == stage.out
        self.drop = DropPath(rate)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, out, H', W')."""
        out: torch.Tensor = self.block(x)
        if self.shortcut:
            out = self.drop(out)
            out += x
        return out


class MobileNet(nn.Module):
    """MobileNetV3: (N, 3, H, W) to (N, classes)."""

    def __init__(self, stages: Sequence[Stage] = LARGE, classes: int = 1000) -> None:
        super().__init__()
        layers = unit(3, 16, 3, nn.Hardswish, stride=2)
        channels = 16
        for stage in stages:
            for _ in range(stage.repeats):
                inner = _divisible(stage.expanded / 4)
                squeeze = (
                    Squeeze(stage.expanded, inner, nn.ReLU, nn.Hardsigmoid)
                    if stage.squeezed == "SE"
                    else None
                )
                layers.append(Inverted(channels, stage, stage.expanded, squeeze, 0.0))
                channels = stage.out
        layers += unit(channels, 6 * channels, 1, nn.Hardswish)
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(6 * channels, 1280),
            nn.Hardswish(inplace=True),
            nn.Dropout(0.2, inplace=True),
            nn.Linear(1280, classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        pooled = torch.flatten(self.avgpool(self.features(x)), 1)
        logits: torch.Tensor = self.classifier(pooled)
        return logits


class EfficientNet(nn.Module):
    """EfficientNet-B0: (N, 3, H, W) to (N, classes)."""

    def __init__(self, stages: Sequence[Stage] = B0, classes: int = 1000) -> None:
        super().__init__()
        layers = unit(3, 32, 3, nn.SiLU, stride=2)
        channels, number, total = 32, 0, sum(stage.repeats for stage in stages)
        for row in stages:
            for repeat in range(row.repeats):
                stage = row if repeat == 0 else row._replace(stride=1)
                expanded = channels * stage.expanded
                squeeze = Squeeze(expanded, channels // 4, nn.SiLU, nn.Sigmoid)
                rate = 0.2 * number / total
                layers.append(Inverted(channels, stage, expanded, squeeze, rate))
                channels, number = stage.out, number + 1
        layers += unit(channels, 4 * channels, 1, nn.SiLU)
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Dropout(0.2, inplace=True), nn.Linear(4 * channels, classes)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        pooled = torch.flatten(self.avgpool(self.features(x)), 1)
        logits: torch.Tensor = self.classifier(pooled)
        return logits


def _divisible(value: float) -> int:
    """Return the nearest multiple of 8 that is not more than a tenth below ``value``."""
    near = max(8, int(value + 4) // 8 * 8)
    return near + 8 if near < 0.9 * value else near
