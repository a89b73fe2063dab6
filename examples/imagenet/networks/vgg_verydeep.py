"""The very deep networks of Simonyan and Zisserman (2014, arXiv:1409.1556), with biases."""

from __future__ import annotations

from torch import nn


def vgg_16() -> nn.Sequential:
    """Return configuration D: 13 convolutions and 3 fully connected layers."""
    return nn.Sequential(*stages(2, 2, 3, 3, 3), *classifier())


def vgg_19() -> nn.Sequential:
    """Return configuration E: 16 convolutions and 3 fully connected layers."""
    return nn.Sequential(*stages(2, 2, 4, 4, 4), *classifier())


def vgg_16_atrous() -> nn.Sequential:
    """Return the fully convolutional form of ParseNet (Liu et al. 2015, arXiv:1506.04579)."""
    return nn.Sequential(
        *stages(2, 2, 3, 3, 3),
        *convolution(512, 1024, dilation=6),
        *convolution(1024, 1024, kernel=1),
        nn.Conv2d(1024, 1000, 1),
    )


def stages(*lengths: int) -> list[nn.Module]:
    """Return five stages of ``lengths`` convolutions, each ending with a pool."""
    layers: list[nn.Module] = []
    channels = 3
    for width, length in zip((64, 128, 256, 512, 512), lengths, strict=True):
        for _ in range(length):
            layers += convolution(channels, width)
            channels = width
        layers.append(nn.MaxPool2d(2, stride=2, ceil_mode=True))
    return layers


def convolution(
    channels: int, width: int, kernel: int = 3, dilation: int = 1
) -> tuple[nn.Conv2d, nn.ReLU]:
    """Return a convolution that keeps the size of the map, and its rectifier."""
    padding = dilation * (kernel // 2)
    return nn.Conv2d(channels, width, kernel, padding=padding, dilation=dilation), nn.ReLU()


def classifier() -> list[nn.Module]:
    """Return the fully connected layers, from a map of 512 x 7 x 7."""
    return [
        nn.Flatten(),
        nn.Linear(512 * 7 * 7, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, 1000),
    ]
