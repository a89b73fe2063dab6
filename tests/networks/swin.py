"""Swin-T, as torchvision builds it: attention in shifted windows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from tests.networks.mobile import DropPath


class WindowAttention(nn.Module):
    """Attention among the tokens of each window, with a learned bias: (N, H, W, C)."""

    table_index: torch.Tensor

    def __init__(self, channels: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.table, std=0.02)
        places = torch.stack(
            torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
        ).flatten(1)
        offset = (places[:, :, None] - places[:, None, :]).permute(1, 2, 0) + window - 1
        self.register_buffer(
            "table_index", (offset[:, :, 0] * (2 * window - 1) + offset[:, :, 1]).flatten()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, H, W, C) as it came; sizes are padded to whole windows."""
        n, height, width, channels = x.shape
        size = self.window
        x = functional.pad(x, (0, 0, 0, -width % size, 0, -height % size))
        rows, columns = x.shape[1] // size, x.shape[2] // size
        shifts = [0 if count == 1 else self.shift for count in (rows, columns)]
        if any(shifts):
            x = torch.roll(x, [-shift for shift in shifts], (1, 2))
        x = x.view(n, rows, size, columns, size, channels).permute(0, 1, 3, 2, 4, 5)
        x = x.reshape(n * rows * columns, size * size, channels)
        qkv = self.qkv(x).reshape(len(x), size * size, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = qkv[0], qkv[1], qkv[2]
        scores = (query * (channels // self.heads) ** -0.5).matmul(key.transpose(-2, -1))
        bias = self.table[self.table_index].view(size * size, size * size, -1)
        scores = scores + bias.permute(2, 0, 1).contiguous().unsqueeze(0)
        if any(shifts):
            mask = self._mask(x, rows, columns, shifts)
            scores = scores.view(n, rows * columns, self.heads, size**2, size**2)
            scores = (scores + mask.unsqueeze(1).unsqueeze(0)).view(
                -1, self.heads, size**2, size**2
            )
        mixed = functional.softmax(scores, dim=-1).matmul(value).transpose(1, 2)
        x = self.proj(mixed.reshape(len(x), size * size, channels))
        x = x.view(n, rows, columns, size, size, channels).permute(0, 1, 3, 2, 4, 5)
        x = x.reshape(n, rows * size, columns * size, channels)
        if any(shifts):
            x = torch.roll(x, shifts, (1, 2))
        return x[:, :height, :width, :].contiguous()

    def _mask(
        self, x: torch.Tensor, rows: int, columns: int, shifts: Sequence[int]
    ) -> torch.Tensor:
        """Return 0 for pairs of tokens from one region of the image, -100 for others."""
        size = self.window
        regions = x.new_zeros((rows * size, columns * size))
        count = 0
        cuts = [((0, -size), (-size, -shift), (-shift, None)) for shift in shifts]
        for top, bottom in cuts[0]:
            for left, right in cuts[1]:
                regions[top:bottom, left:right] = count
                count += 1
        regions = regions.view(rows, size, columns, size).permute(0, 2, 1, 3)
        regions = regions.reshape(rows * columns, size * size)
        mask = regions.unsqueeze(1) - regions.unsqueeze(2)
        return mask.masked_fill(mask != 0, -100.0).masked_fill(mask == 0, 0.0)


class SwinBlock(nn.Module):
    """Window attention and two linear layers, each normalised before and added."""

    def __init__(
        self, channels: int, heads: int, window: int, *, shifted: bool, rate: float
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, heads, window, window // 2 if shifted else 0)
        self.drop = DropPath(rate)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, H, W, C) as it came."""
        x = x + self.drop(self.attention(self.norm1(x)))
        out: torch.Tensor = x + self.drop(self.mlp(self.norm2(x)))
        return out


class Merging(nn.Module):
    """Halves the resolution, doubles the channels: (N, H, W, C) to (N, H/2, W/2, 2C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return four neighbours as one token; odd sizes are padded."""
        x = functional.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
        corners = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        merged: torch.Tensor = self.reduction(self.norm(torch.cat(corners, dim=-1)))
        return merged


class Swin(nn.Module):
    """A classifier: (N, 3, H, W) to (N, classes)."""

    def __init__(
        self, depths: Sequence[int] = (2, 2, 6, 2), width: int = 96, head: int = 32,
        window: int = 7, classes: int = 1000,
    ) -> None:  # fmt: skip
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, 4)
        self.norm0 = nn.LayerNorm(width)
        layers: list[nn.Module] = []
        number, last = 0, max(1, sum(depths) - 1)
        for stage, depth in enumerate(depths):
            channels = width * 2**stage
            if stage > 0:
                layers.append(Merging(channels // 2))
            for place in range(depth):
                rate = 0.2 * number / last
                shifted = place % 2 == 1
                layers.append(
                    SwinBlock(channels, channels // head, window, shifted=shifted, rate=rate)
                )
                number += 1
        self.stages = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(channels)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        x = self.norm(self.stages(self.norm0(self.patches(x).permute(0, 2, 3, 1))))
        logits: torch.Tensor = self.head(self.avgpool(x.permute(0, 3, 1, 2)).flatten(1))
        return logits
