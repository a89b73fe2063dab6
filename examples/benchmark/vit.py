"""The vision transformer ViT-B/16 in plain torch: Dosovitskiy et al. 2020 (arXiv:2010.11929)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn


class VisionTransformer(nn.Module):
    """Patches of 16 x 16 pixels, 12 layers of 12 heads, a class token."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 768, 16, stride=16)
        self.token = nn.Parameter(torch.zeros(1, 1, 768))
        self.positions = nn.Parameter(torch.zeros(1, 1 + 14 * 14, 768))
        layer = nn.TransformerEncoderLayer(
            768, 12, 3072, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 12, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(768)
        self.head = nn.Linear(768, 1000)

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, 3, 224, 224) to (N, 1000)."""
        patches = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(image), -1, -1), patches], dim=1) + self.positions
        return cast("Tensor", self.head(self.norm(self.layers(x))[:, 0]))
