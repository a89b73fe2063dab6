"""A decoder of the Llama family in plain torch: rotary positions, grouped queries, gated layers.

Touvron et al. 2023 (arXiv:2307.09288), Ainslie et al. 2023 (arXiv:2305.13245).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """The sizes of one decoder."""

    layers: int
    hidden: int
    heads: int
    key_value_heads: int
    feed_forward: int
    vocabulary: int


SMALL = Shape(12, 768, 12, 12, 2048, 32_000)
"""134 million parameters."""
LLAMA_70B = Shape(80, 8192, 64, 8, 28_672, 128_256)
"""70.6 billion parameters: 282 GB of float32."""
LLAMA_405B = Shape(126, 16_384, 128, 8, 53_248, 128_256)
"""405.9 billion parameters: 1.6 TB of float32."""

Past = tuple[Tensor, Tensor]
"""Keys and values of the tokens before, each (N, heads, T, size)."""


class Attention(nn.Module):
    """Causal attention in which several query heads share one head of keys and values."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.size = shape.hidden // shape.heads
        self.query = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.key = nn.Linear(shape.hidden, shape.key_value_heads * self.size, bias=False)
        self.value = nn.Linear(shape.hidden, shape.key_value_heads * self.size, bias=False)
        self.out = nn.Linear(shape.hidden, shape.hidden, bias=False)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor, past: Past | None) -> Tensor:
        """Map (N, T, hidden) to the same; a token after ``past`` also looks back at that."""
        query, key, value = (
            project(x).unflatten(-1, (-1, self.size)).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        key = rotated(key, cosine, sine)
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        mixed = functional.scaled_dot_product_attention(
            rotated(query, cosine, sine), key, value, is_causal=past is None, enable_gqa=True
        )
        return cast("Tensor", self.out(mixed.transpose(1, 2).flatten(-2)))


def rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn each pair (i, i + size/2) of the last dimension by its position's angle."""
    first, second = x.chunk(2, dim=-1)
    return x * cosine + torch.cat([-second, first], dim=-1) * sine


class GatedLayer(nn.Module):
    """The feed-forward layer: one projection opens or shuts the other."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate = nn.Linear(shape.hidden, shape.feed_forward, bias=False)
        self.up = nn.Linear(shape.hidden, shape.feed_forward, bias=False)
        self.down = nn.Linear(shape.feed_forward, shape.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, hidden) to the same."""
        return cast("Tensor", self.down(functional.silu(self.gate(x)) * self.up(x)))


class Block(nn.Module):
    """Attention and a gated layer, each normalised before and added to what came in."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(shape.hidden)
        self.attention = Attention(shape)
        self.layer_norm = nn.RMSNorm(shape.hidden)
        self.layer = GatedLayer(shape)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor, past: Past | None) -> Tensor:
        """Map (N, T, hidden) to the same."""
        x = x + self.attention(self.attention_norm(x), cosine, sine, past)
        return x + cast("Tensor", self.layer(self.layer_norm(x)))


class Decoder(nn.Module):
    """Tokens in, one score for each word of the vocabulary and each position out."""

    frequencies: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary, shape.hidden)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.hidden)
        self.head = nn.Linear(shape.hidden, shape.vocabulary, bias=False)
        size = shape.hidden // shape.heads
        self.register_buffer("frequencies", 10_000.0 ** -(torch.arange(0, size, 2) / size))

    def forward(self, tokens: Tensor, past: Sequence[Past] = ()) -> Tensor:
        """Map int64 (N, T) to (N, T, vocabulary); T is 1 if there is a ``past`` of each block."""
        start = past[0][0].shape[2] if past else 0
        positions = torch.arange(start, start + tokens.shape[1], device=tokens.device)
        angles = torch.outer(positions, self.frequencies).repeat(1, 2)
        cosine, sine = angles.cos(), angles.sin()
        x = self.embedding(tokens)
        each: Sequence[Past | None] = past or [None] * len(self.blocks)
        for block, before in zip(self.blocks, each, strict=True):
            x = block(x, cosine, sine, before)
        return cast("Tensor", self.head(self.norm(x)))


def small() -> Decoder:
    """Return a decoder that runs on a laptop."""
    return Decoder(SMALL)


def llama_70b() -> Decoder:
    """Return a decoder far larger than any single machine's memory."""
    return Decoder(LLAMA_70B)


def llama_405b() -> Decoder:
    """Return the largest decoder of its family."""
    return Decoder(LLAMA_405B)


def past_of(shape: Shape, tokens: int) -> list[tuple[str, str]]:
    """Return the specs of what a decoder remembers of so many tokens."""
    spec = f"float32[1, {shape.key_value_heads}, {tokens}, {shape.hidden // shape.heads}]"
    return [(spec, spec)] * shape.layers
