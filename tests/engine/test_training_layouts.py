"""Layouts: by the strides of what a kernel returns, the next operator copies or does not.

Tokens become an image by a transpose and a view, which is channels_last without saying so; what a
layer hands on, and the gradient that it hands back, goes into a product of tokens again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 the name that everyone knows

from tests.engine.compared import evaluated, trained
from tests.networks.cases import around

TOKENS = "float32[4, 36, 8]"
Function = Callable[[torch.Tensor], torch.Tensor]

LAYERS: Mapping[str, Callable[[], nn.Module]] = {
    "BatchNorm": lambda: nn.BatchNorm2d(8),
    "GroupNorm": lambda: nn.GroupNorm(2, 8),
    "InstanceNorm": lambda: nn.InstanceNorm2d(8, affine=True),
    "ReLU": nn.ReLU,
    "ReLU6": nn.ReLU6,
    "LeakyReLU": nn.LeakyReLU,
    "PReLU": lambda: nn.PReLU(8),
    "RReLU": nn.RReLU,
    "ELU": nn.ELU,
    "CELU": nn.CELU,
    "SELU": nn.SELU,
    "GELU": nn.GELU,
    "SiLU": nn.SiLU,
    "Mish": nn.Mish,
    "Softplus": nn.Softplus,
    "Hardswish": nn.Hardswish,
    "Hardsigmoid": nn.Hardsigmoid,
    "Hardtanh": nn.Hardtanh,
    "Hardshrink": nn.Hardshrink,
    "LogSigmoid": nn.LogSigmoid,
    "Sigmoid": nn.Sigmoid,
    "Tanh": nn.Tanh,
    "Softmax": lambda: nn.Softmax(1),
    "LogSoftmax": lambda: nn.LogSoftmax(1),
    "Dropout": nn.Dropout,
    "Dropout2d": nn.Dropout2d,
    "Conv2d": lambda: nn.Conv2d(8, 8, 3, padding=1),
    "depthwise": lambda: nn.Conv2d(8, 8, 3, padding=1, groups=8),
    "ConvTranspose2d": lambda: nn.ConvTranspose2d(8, 8, 3, padding=1),
    "MaxPool2d": lambda: nn.MaxPool2d(3, 1, 1),
    "AvgPool2d": lambda: nn.AvgPool2d(3, 1, 1),
    "AdaptiveAvgPool2d": lambda: nn.AdaptiveAvgPool2d(6),
    "Upsample": lambda: nn.Upsample(size=(6, 6), mode="bilinear"),
    "ReflectionPad2d": lambda: nn.Sequential(nn.ReflectionPad2d(1), nn.AvgPool2d(3, 1)),
    "ReplicationPad2d": lambda: nn.Sequential(nn.ReplicationPad2d(1), nn.AvgPool2d(3, 1)),
    "PixelShuffle": lambda: nn.Sequential(nn.PixelShuffle(2), nn.PixelUnshuffle(2)),
    "ChannelShuffle": lambda: nn.ChannelShuffle(2),
}

FUNCTIONS: Mapping[str, Function] = {
    "roll": lambda x: x.roll(1, 2),
    "flip": lambda x: x.flip(2),
    "where": lambda x: torch.where(x > 0, x, 0.0),
    "cumsum": lambda x: x.cumsum(2),
    "sort": lambda x: x.sort(2).values,
    "index": lambda x: x[:, :, torch.arange(6)],
    "index_select": lambda x: x.index_select(2, torch.arange(6)),
    "cat": lambda x: torch.cat([x[:, :4], x[:, 4:]], 1),
    "stack": lambda x: torch.stack([x, x]).sum(0),
    "pad": lambda x: F.pad(x, (1, 0, 0, 0))[..., 1:],
    "cast": lambda x: x.double().float(),
    "normalize": lambda x: F.normalize(x, dim=1),
    "maximum": lambda x: torch.maximum(x, x.tanh()),
    "einsum": lambda x: torch.einsum("bchw,cd->bdhw", x, torch.ones(8, 8)),
    "matmul": lambda x: x @ torch.ones(6, 6),
    "means": lambda x: x - x.mean((2, 3), keepdim=True),
    "logsumexp": lambda x: x - x.logsumexp(1, keepdim=True),
    "fft": lambda x: torch.fft.ifft2(torch.fft.fft2(x)).real,
    "bicubic": lambda x: F.interpolate(x, size=(6, 6), mode="bicubic"),
    "grid_sample": lambda x: F.grid_sample(x, torch.zeros(4, 6, 6, 2), align_corners=False),
    "unfold, fold": lambda x: F.fold(F.unfold(x, 3, padding=1), (6, 6), 3, padding=1),
    "squares": lambda x: F.mse_loss(x, x.detach() * 0, reduction="none"),
    "smooth": lambda x: F.smooth_l1_loss(x, x.detach() * 0, reduction="none"),
    "Huber": lambda x: F.huber_loss(x, x.detach() * 0, reduction="none"),
    "logits": lambda x: F.binary_cross_entropy_with_logits(x, x.detach() * 0, reduction="none"),
}


def image(tokens: torch.Tensor) -> torch.Tensor:
    """Return (N, 8, 6, 6) of (N, 36, 8), a view."""
    return tokens.transpose(1, 2).view(-1, 8, 6, 6)


def to_tokens(inner: Any, x: torch.Tensor) -> Any:
    """Put a layer on an image between two layers on tokens."""
    first, layer, last = inner
    return last(layer(image(first(x))).flatten(2).transpose(1, 2))


def to_sums(inner: Any, x: torch.Tensor) -> Any:
    """Hand a contiguous gradient to a layer on an image."""
    first, layer, _ = inner
    return layer(image(first(x))).flatten(1).mul(2).sum(1)


def between(layer: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """Return a factory of a layer between two linear ones."""
    return lambda: nn.Sequential(nn.Linear(8, 8), layer(), nn.Linear(8, 2))


@pytest.mark.parametrize("name", LAYERS)
def test_between_tokens(name: str) -> None:
    """A layer between products of tokens: its output and its gradient are copied or not."""
    build = around(between(LAYERS[name]), to_tokens)
    evaluated(build, (TOKENS,))
    trained(build, (TOKENS,))


@pytest.mark.parametrize("name", LAYERS)
def test_gradient_of_another_layout(name: str) -> None:
    """A layer whose input is channels_last and whose gradient is contiguous."""
    trained(around(between(LAYERS[name]), to_sums), (TOKENS,))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    """The same for functions of an image."""
    function = FUNCTIONS[name]

    def run(inner: Any, x: torch.Tensor) -> Any:
        return inner[2](function(image(inner[0](x))).flatten(2).transpose(1, 2))

    build = around(between(nn.Identity), run)
    evaluated(build, (TOKENS,))
    trained(build, (TOKENS,))


def channels_first(inner: Any, x: torch.Tensor) -> Any:
    """Flatten channels first what a norm has made channels last."""
    return inner[1](inner[0](x)).permute(0, 3, 1, 2).reshape(4, -1).mul(2)


@pytest.mark.parametrize(
    "norm",
    [
        pytest.param(lambda: nn.LayerNorm(8), id="LayerNorm"),
        pytest.param(lambda: nn.Softmax(-1), id="Softmax"),
        pytest.param(nn.GELU, id="GELU"),
    ],
)
def test_norm_over_channels(norm: Callable[[], nn.Module]) -> None:
    """A norm of the last dimension, whose gradient comes from channels in front."""
    build = around(lambda: nn.Sequential(nn.Linear(8, 8), norm()), channels_first)
    trained(build, ("float32[4, 6, 6, 8]",))


@pytest.mark.parametrize("layer", ["GELU", "BatchNorm", "AvgPool2d", "Conv2d", "Dropout"])
def test_channels_last(layer: str) -> None:
    """An honest channels_last network: convolution, layer, flattened."""

    def build() -> nn.Module:
        network: Any = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1), LAYERS[layer](), nn.Flatten(), nn.Linear(288, 3)
        )
        made: nn.Module = network.to(memory_format=torch.channels_last)
        return made

    x = torch.ones(4, 8, 6, 6).to(memory_format=torch.channels_last)
    evaluated(build, (x,))
    trained(build, (x,))
