"""The fast, medium and slow networks of Chatfield et al. (2014, arXiv:1405.3531), table 1.

Five convolutions each. Pools round up; the normalisation comes before the pool.
"""

from __future__ import annotations

from torch import nn


def vgg_f() -> nn.Sequential:
    """Return CNN-F, the fast one."""
    return nn.Sequential(
        *normalised(nn.Conv2d(3, 64, 11, stride=4)),
        pool(3, 2),
        *normalised(nn.Conv2d(64, 256, 5, padding=2)),
        pool(3, 2),
        *three_convolutions(256, 256),
        pool(3, 2),
        *classifier(256 * 6 * 6, 4096),
    )


def vgg_m(bottleneck: int = 4096) -> nn.Sequential:
    """Return CNN-M, the medium one, whose last hidden layer has ``bottleneck`` outputs."""
    return nn.Sequential(
        *normalised(nn.Conv2d(3, 96, 7, stride=2)),
        pool(3, 2),
        *normalised(nn.Conv2d(96, 256, 5, stride=2, padding=1)),
        pool(3, 2),
        *three_convolutions(256, 512),
        pool(3, 2),
        *classifier(512 * 6 * 6, bottleneck),
    )


def vgg_m_2048() -> nn.Sequential:
    """Return CNN-M with a feature of 2048."""
    return vgg_m(2048)


def vgg_m_1024() -> nn.Sequential:
    """Return CNN-M with a feature of 1024."""
    return vgg_m(1024)


def vgg_m_128() -> nn.Sequential:
    """Return CNN-M with a feature of 128."""
    return vgg_m(128)


def vgg_s() -> nn.Sequential:
    """Return CNN-S, the slow one."""
    return nn.Sequential(
        *normalised(nn.Conv2d(3, 96, 7, stride=2)),
        pool(3, 3),
        nn.Conv2d(96, 256, 5),
        nn.ReLU(),
        pool(2, 2),
        *three_convolutions(256, 512),
        pool(3, 3),
        *classifier(512 * 6 * 6, 4096),
    )


def normalised(convolution: nn.Conv2d) -> tuple[nn.Module, ...]:
    """Return a convolution, its rectifier and local response normalisation over five channels."""
    return convolution, nn.ReLU(), nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)


def three_convolutions(channels: int, width: int) -> list[nn.Module]:
    """Return convolutions 3 to 5, which keep the size of the map."""
    return [
        layer
        for inputs in (channels, width, width)
        for layer in (nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU())
    ]


def pool(kernel: int, stride: int) -> nn.MaxPool2d:
    """Return a pool that counts the rest at the border as a window of its own."""
    return nn.MaxPool2d(kernel, stride=stride, ceil_mode=True)


def classifier(features: int, bottleneck: int) -> list[nn.Module]:
    """Return the fully connected layers."""
    return [
        nn.Flatten(),
        nn.Linear(features, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, bottleneck),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(bottleneck, 1000),
    ]
