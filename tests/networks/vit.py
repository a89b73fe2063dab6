"""ViT-B/16, as torchvision builds it."""

from __future__ import annotations

import torch
from torch import nn


class EncoderBlock(nn.Module):
    """Self-attention and two linear layers, each normalised before and added: (N, T, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(0.0), nn.Linear(4 * width, width)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, T, D) as it came."""
        normal = self.ln_1(x)
        mixed, _ = self.attention(normal, normal, normal, need_weights=False)
        x = x + mixed
        out: torch.Tensor = x + self.mlp(self.ln_2(x))
        return out


class VisionTransformer(nn.Module):
    """A classifier: (N, 3, size, size) to (N, classes)."""

    def __init__(  # noqa: PLR0913 a network has many sizes
        self,
        size: int = 224,
        patch: int = 16,
        width: int = 768,
        *,
        depth: int = 12,
        heads: int = 12,
        classes: int = 1000,
    ) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(
            torch.empty(1, (size // patch) ** 2 + 1, width).normal_(std=0.02)
        )
        self.blocks = nn.Sequential(*(EncoderBlock(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(x), -1, -1), tokens], dim=1) + self.position
        logits: torch.Tensor = self.head(self.norm(self.blocks(tokens))[:, 0])
        return logits
