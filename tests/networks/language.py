"""Decoders of text: one like GPT-2, one like Llama."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class GptBlock(nn.Module):
    """Causal self-attention and two linear layers: (N, T, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, T, D) as it came."""
        heads = (t.unflatten(2, (self.heads, -1)) for t in self.qkv(self.ln_1(x)).chunk(3, dim=2))
        query, key, value = (t.transpose(1, 2) for t in heads)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.proj(mixed.transpose(1, 2).flatten(2))
        out: torch.Tensor = x + self.mlp(self.ln_2(x))
        return out


class Gpt(nn.Module):
    """Token ids (N, T) to logits (N, T, vocabulary); the output layer is the embedding, tied."""

    def __init__(
        self, vocabulary: int = 5000, context: int = 256, width: int = 256, heads: int = 8,
        depth: int = 4,
    ) -> None:  # fmt: skip
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)
        self.wpe = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(GptBlock(width, heads) for _ in range(depth))
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x)
        logits: torch.Tensor = self.lm_head(self.ln_f(x))
        return logits


class RootNorm(nn.Module):
    """Root mean square norm in float32, written out as Llama does."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``x``, its last dimension normalised."""
        wide = x.to(torch.float32)
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)
        return self.weight * wide.to(x.dtype)


class LlamaBlock(nn.Module):
    """Grouped-query attention and a gated layer: (N, T, D)."""

    def __init__(self, width: int, heads: int, groups: int, hidden: int) -> None:
        super().__init__()
        self.heads, self.groups = heads, groups
        size = width // heads
        self.input_norm = RootNorm(width)
        self.q_proj = nn.Linear(width, heads * size, bias=False)
        self.k_proj = nn.Linear(width, groups * size, bias=False)
        self.v_proj = nn.Linear(width, groups * size, bias=False)
        self.o_proj = nn.Linear(heads * size, width, bias=False)
        self.post_norm = RootNorm(width)
        self.gate_proj = nn.Linear(width, hidden, bias=False)
        self.up_proj = nn.Linear(width, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, width, bias=False)

    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        """Return (N, T, D) as it came; ``cos`` and ``sin`` (T, D / heads) rotate positions."""
        n, length, _ = x.shape
        normal = self.input_norm(x)
        query = self.q_proj(normal).view(n, length, self.heads, -1).transpose(1, 2)
        key = self.k_proj(normal).view(n, length, self.groups, -1).transpose(1, 2)
        value = self.v_proj(normal).view(n, length, self.groups, -1).transpose(1, 2)
        query, key = _rotated(query, cos, sin), _rotated(key, cos, sin)
        key, value = self._repeated(key), self._repeated(value)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.o_proj(mixed.transpose(1, 2).reshape(n, length, -1))
        normal = self.post_norm(x)
        gated = functional.silu(self.gate_proj(normal)) * self.up_proj(normal)
        out: torch.Tensor = x + self.down_proj(gated)
        return out

    def _repeated(self, x: torch.Tensor) -> torch.Tensor:
        n, groups, length, size = x.shape
        each = self.heads // groups
        return x[:, :, None].expand(n, groups, each, length, size).reshape(n, -1, length, size)


def _rotated(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], dim=-1)
    return x * cos + turned * sin


class Llama(nn.Module):
    """Token ids (N, T) to logits (N, T, vocabulary)."""

    inverse: torch.Tensor

    def __init__(  # noqa: PLR0913 a network has many sizes
        self,
        vocabulary: int = 5000,
        width: int = 256,
        *,
        heads: int = 8,
        groups: int = 2,
        hidden: int = 688,
        depth: int = 4,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(LlamaBlock(width, heads, groups, hidden) for _ in range(depth))
        self.norm = RootNorm(width)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        size = width // heads
        frequencies = 1.0 / 10000 ** (torch.arange(0, size, 2).float() / size)
        self.register_buffer("inverse", frequencies, persistent=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        positions = torch.arange(ids.shape[1], device=ids.device).float()
        angles = torch.outer(positions, self.inverse)
        angles = torch.cat([angles, angles], dim=-1)
        x, cos, sin = self.embed(ids), angles.cos(), angles.sin()
        for block in self.blocks:
            x = block(x, cos, sin)
        logits: torch.Tensor = self.lm_head(self.norm(x))
        return logits
