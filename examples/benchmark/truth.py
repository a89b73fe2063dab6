"""The networks of the comparison, each with its multiply-adds derived by hand.

A multiply-add counts once: those of convolutions, matrix products, attention (causal attention
whole) and recurrent gates. Biases, norms and activations are none. One image or sequence each.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import torch
import vision
from decoder import small
from efficientnet import efficientnet_b0
from networks.resnet import resnet_50
from networks.squeezenet import squeezenet_1_1
from networks.vgg_verydeep import vgg_16
from torch import Tensor, nn
from torch.nn import functional
from vit import VisionTransformer


@dataclass(frozen=True)
class Network:
    """A network in plain torch, what goes in, and the truth."""

    name: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    macs: int
    vocabulary: int = 0
    """How many different tokens there are; 0 if the input is of floats."""

    def input(self) -> Tensor:
        """Return an example, the same at each call."""
        generator = torch.Generator().manual_seed(0)
        if self.vocabulary:
            return torch.randint(self.vocabulary, self.shape, generator=generator)
        return torch.randn(self.shape, generator=generator)


# --- arithmetic -----------------------------------------------------------------------------------


def conv(channels: int, out: int, kernel: int, side: int, groups: int = 1) -> int:
    """Each of ``out`` x ``side``^2 outputs sums channels / groups x kernel^2 products.

    Transposed: ``side`` is that of the input, each of whose values meets every tap once.
    """
    return out * side**2 * (channels // groups) * kernel**2


def attention(queries: int, keys: int, width: int) -> int:
    """Scores, and mixing of the values: a product over ``width`` for each pair, twice."""
    return 2 * queries * keys * width


def fire(channels: int, squeezed: int, expanded: int, side: int) -> int:
    """A 1x1 convolution to few channels, then 1x1 and 3x3 beside each other."""
    return (
        conv(channels, squeezed, 1, side)
        + conv(squeezed, expanded, 1, side)
        + conv(squeezed, expanded, 3, side)
    )


def bottlenecks(count: int, channels: int, width: int, side: int) -> int:
    """A stage of residual blocks that widen four times; the first one projects its input.

    The 1x1 convolution at the front has the stride: all are of the stage's own side.
    """
    out = 4 * width
    front = conv(channels, width, 1, side) + (count - 1) * conv(out, width, 1, side)
    shortcut = conv(channels, out, 1, side)
    return front + shortcut + count * (conv(width, width, 3, side) + conv(width, out, 1, side))


def inverted(  # noqa: PLR0913, PLR0917 a row of the paper's table
    count: int, inputs: int, out: int, expansion: int, kernel: int, before: int, side: int
) -> int:
    """A stage of EfficientNet: expansion, depthwise convolution, excitation, projection."""
    macs = 0
    for block in range(count):
        channels, at = (inputs, before) if block == 0 else (out, side)
        width = channels * expansion
        macs += (
            (conv(channels, width, 1, at) if expansion > 1 else 0)
            + conv(width, width, kernel, side, groups=width)
            + 2 * width * (channels // 4)
            + conv(width, out, 1, side)
        )
    return macs


SQUEEZENET = (
    conv(3, 64, 3, 111)
    + fire(64, 16, 64, 55) + fire(128, 16, 64, 55)
    + fire(128, 32, 128, 27) + fire(256, 32, 128, 27)
    + fire(256, 48, 192, 13) + fire(384, 48, 192, 13)
    + fire(384, 64, 256, 13) + fire(512, 64, 256, 13)
    + conv(512, 1000, 1, 13)
)  # fmt: skip
RESNET = (
    conv(3, 64, 7, 112)
    + bottlenecks(3, 64, 64, 56)
    + bottlenecks(4, 256, 128, 28)
    + bottlenecks(6, 512, 256, 14)
    + bottlenecks(3, 1024, 512, 7)
    + 2048 * 1000
)
VGG = (
    conv(3, 64, 3, 224) + conv(64, 64, 3, 224)
    + conv(64, 128, 3, 112) + conv(128, 128, 3, 112)
    + conv(128, 256, 3, 56) + 2 * conv(256, 256, 3, 56)
    + conv(256, 512, 3, 28) + 2 * conv(512, 512, 3, 28)
    + 3 * conv(512, 512, 3, 14)
    + 512 * 7 * 7 * 4096 + 4096 * 4096 + 4096 * 1000
)  # fmt: skip
EFFICIENTNET = (
    conv(3, 32, 3, 112)
    + inverted(1, 32, 16, 1, 3, 112, 112)
    + inverted(2, 16, 24, 6, 3, 112, 56)
    + inverted(2, 24, 40, 6, 5, 56, 28)
    + inverted(3, 40, 80, 6, 3, 28, 14)
    + inverted(3, 80, 112, 6, 5, 14, 14)
    + inverted(4, 112, 192, 6, 5, 14, 7)
    + inverted(1, 192, 320, 6, 3, 7, 7)
    + conv(320, 1280, 1, 7)
    + 1280 * 1000
)
VIT = (
    conv(3, 768, 16, 14)
    + 12 * (197 * (4 * 768 * 768 + 2 * 768 * 3072) + attention(197, 197, 768))
    + 768 * 1000
)
DECODER = (
    12 * (128 * (4 * 768 * 768 + 3 * 768 * 2048) + attention(128, 128, 768)) + 128 * 768 * 32_000
)


# --- small ones, each for something that meters get wrong -----------------------------------------


class Tagger(nn.Module):
    """A bidirectional LSTM of two layers, and a classifier at each step."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(64, 128, 2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, 64) to (N, T, 10)."""
        return cast("Tensor", self.head(self.lstm(x)[0]))


TAGGER = 128 * (
    2 * 4 * 128 * (64 + 128)  # two directions, four gates: from the input and from the state
    + 2 * 4 * 128 * (256 + 128)  # the second layer gets both directions
    + 256 * 10
)


class SelfAttention(nn.Module):
    """torch's own module of attention, called with one input."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(64, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, 64) to the same."""
        return cast("Tensor", self.attention(x, x, x, need_weights=False)[0])


SELF_ATTENTION = 64 * 4 * 64 * 64 + attention(64, 64, 64)


def encoder() -> nn.Module:
    """Return one layer of torch's encoder, which takes a kernel of its own in evaluation."""
    return nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)


ENCODER = 64 * (4 * 64 * 64 + 2 * 64 * 128) + attention(64, 64, 64)


class Fused(nn.Module):
    """Attention by `scaled_dot_product_attention` between two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.into = nn.Linear(64, 3 * 64)
        self.out = nn.Linear(64, 64)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, 64) to the same, in four heads."""
        query, key, value = self.into(x).unflatten(-1, (3, 4, 16)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return cast("Tensor", self.out(mixed.transpose(1, 2).flatten(-2)))


FUSED = 128 * (64 * 3 * 64 + 64 * 64) + attention(128, 128, 64)


class Einsum(nn.Module):
    """The same written as products of `einsum`."""

    def __init__(self) -> None:
        super().__init__()
        self.into = nn.Parameter(torch.randn(3, 64, 4, 16) / 8)
        self.out = nn.Parameter(torch.randn(4, 16, 64) / 8)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, 64) to the same, in four heads."""
        query, key, value = torch.einsum("btd,zdhe->zbhte", x, self.into)
        weights = torch.einsum("bhqe,bhke->bhqk", query / 4, key).softmax(-1)
        mixed = torch.einsum("bhqk,bhke->bhqe", weights, value)
        return torch.einsum("bhte,hed->btd", mixed, self.out)


EINSUM = 128 * (3 * 64 * 64 + 64 * 64) + attention(128, 128, 64)


class UNet(nn.Module):
    """Three levels; the way up is made of transposed convolutions."""

    def __init__(self) -> None:
        super().__init__()
        widths = (16, 32, 64)
        self.down = nn.ModuleList(double(i, o) for i, o in pairwise((3, *widths)))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, 2) for w in (32, 16))
        self.merge = nn.ModuleList(double(2 * w, w) for w in (32, 16))
        self.head = nn.Conv2d(16, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 3, H, W) to (N, 5, H, W)."""
        levels = [self.down[0](x)]
        for block in list(self.down)[1:]:
            levels.append(block(functional.max_pool2d(levels[-1], 2)))
        x = levels.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([levels.pop(), up(x)], dim=1))
        return cast("Tensor", self.head(x))


def double(channels: int, out: int) -> nn.Module:
    """Two 3x3 convolutions, each normalised and rectified."""
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, padding=1, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(),
        nn.Conv2d(out, out, 3, padding=1, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(),
    )


UNET = (
    conv(3, 16, 3, 64) + conv(16, 16, 3, 64)
    + conv(16, 32, 3, 32) + conv(32, 32, 3, 32)
    + conv(32, 64, 3, 16) + conv(64, 64, 3, 16)
    + conv(64, 32, 2, 16)  # transposed: by the input's side
    + conv(64, 32, 3, 32) + conv(32, 32, 3, 32)
    + conv(32, 16, 2, 32)  # transposed
    + conv(32, 16, 3, 64) + conv(16, 16, 3, 64)
    + conv(16, 5, 1, 64)
)  # fmt: skip


def grouped() -> nn.Module:
    """Return convolutions in groups: four, then one for each channel, dilated, and in 1x1."""
    return nn.Sequential(
        nn.Conv2d(16, 32, 3, padding=1, groups=4),
        nn.Conv2d(32, 32, 5, padding=4, dilation=2, groups=32),
        nn.Conv2d(32, 64, 1),
    )


GROUPED = conv(16, 32, 3, 28, groups=4) + conv(32, 32, 5, 28, groups=32) + conv(32, 64, 1, 28)


class Shared(nn.Module):
    """One layer below two modules and called three times; the output is tied to the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1000, 64)
        layer = nn.Linear(64, 64)
        self.once = nn.Sequential(layer, nn.ReLU())
        self.twice = nn.Sequential(layer, nn.ReLU(), layer)
        self.output = nn.Linear(64, 1000, bias=False)
        self.output.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (N, T) to (N, T, 1000)."""
        return cast("Tensor", self.output(self.twice(self.once(self.embedding(tokens)))))


SHARED = 32 * (3 * 64 * 64 + 64 * 1000)


class Axes(nn.Module):
    """Linear layers on inputs of three and of four axes."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(64, 32)
        self.second = nn.Linear(32, 48)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 4, 4, 64) to (N, 16, 48)."""
        return cast("Tensor", self.second(self.first(x).flatten(1, 2)))


AXES = 16 * (64 * 32 + 32 * 48)


class GptBlock(nn.Module):
    """Causal attention and two linear layers, each normalised before and added."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.into = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.layers = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            nn.Dropout(0.1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, width) to the same."""
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.into(self.norm(x)).chunk(3, dim=-1)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(-2))
        return x + cast("Tensor", self.layers(x))


class Gpt(nn.Module):
    """A decoder of the GPT family; the output layer has the embedding's weight."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(5000, 256)
        self.positions = nn.Embedding(256, 256)
        self.blocks = nn.Sequential(*(GptBlock(256, 4) for _ in range(4)))
        self.norm = nn.LayerNorm(256)
        self.head = nn.Linear(256, 5000, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (N, T) to (N, T, 5000)."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.tokens(tokens) + self.positions(places)
        return cast("Tensor", self.head(self.norm(self.blocks(x))))


GPT = 4 * (128 * (4 * 256 * 256 + 2 * 256 * 1024) + attention(128, 128, 256)) + 128 * 256 * 5000


def hugging_face_gpt() -> nn.Module:
    """Return GPT-2 of the transformers library in the size of `Gpt`."""
    library = _transformers()
    sizes = {"n_layer": 4, "n_embd": 256, "n_head": 4, "vocab_size": 5000, "n_positions": 256}
    config = library.GPT2Config(**sizes, bos_token_id=0, eos_token_id=0, use_cache=False)
    return cast("nn.Module", library.GPT2LMHeadModel(config))


def hugging_face_llama() -> nn.Module:
    """Return Llama of the transformers library, small, with grouped queries."""
    library = _transformers()
    sizes = {"hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 4}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 1}
    config = library.LlamaConfig(**sizes, **heads, vocab_size=5000, use_cache=False)
    return cast("nn.Module", library.LlamaForCausalLM(config))


LLAMA = (
    4 * (128 * (2 * 256 * 256 + 2 * 256 * 64 + 3 * 256 * 688) + attention(128, 128, 256))
    + 128 * 256 * 5000
)  # the rotary angles are a product of a vector and a row: nothing is summed


def _transformers() -> Any:
    vision.load()  # transformers imports torchvision where it is installed
    return importlib.import_module("transformers")


IMAGE = (1, 3, 224, 224)

TIMED = (
    Network("squeezenet-1-1", squeezenet_1_1, IMAGE, SQUEEZENET),
    Network("resnet-50", resnet_50, IMAGE, RESNET),
    Network("vgg-verydeep-16", vgg_16, IMAGE, VGG),
    Network("efficientnet-b0", efficientnet_b0, IMAGE, EFFICIENTNET),
    Network("vit-b-16", VisionTransformer, IMAGE, VIT),
    Network("decoder, 128 tokens", small, (1, 128), DECODER, vocabulary=32_000),
)
COUNTED = (
    *TIMED,
    Network("LSTM", Tagger, (1, 128, 64), TAGGER),
    Network("MultiheadAttention", SelfAttention, (1, 64, 64), SELF_ATTENTION),
    Network("TransformerEncoderLayer", encoder, (1, 64, 64), ENCODER),
    Network("fused attention", Fused, (1, 128, 64), FUSED),
    Network("attention by einsum", Einsum, (1, 128, 64), EINSUM),
    Network("U-Net", UNet, (1, 3, 64, 64), UNET),
    Network("grouped convolutions", grouped, (1, 16, 28, 28), GROUPED),
    Network("shared and tied", Shared, (1, 32), SHARED, vocabulary=1000),
    Network("linear on 3 and 4 axes", Axes, (1, 4, 4, 64), AXES),
    Network("GPT, tied", Gpt, (1, 128), GPT, vocabulary=5000),
    Network("GPT-2, transformers", hugging_face_gpt, (1, 128), GPT, vocabulary=5000),
    Network("Llama, transformers", hugging_face_llama, (1, 128), LLAMA, vocabulary=5000),
)
NETWORKS = {network.name: network for network in COUNTED}
