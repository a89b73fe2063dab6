"""Three small networks, each for something that meters get wrong: recurrence, einsum, sharing."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class Tagger(nn.Module):
    """A bidirectional LSTM of two layers and a classifier at each step: (N, T, features)."""

    def __init__(self, features: int = 64, hidden: int = 128, classes: int = 10) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, 2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(2 * hidden, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, T, classes)."""
        states, _ = self.lstm(x)
        logits: torch.Tensor = self.head(states)
        return logits


class Einsum(nn.Module):
    """Attention whose projections are einsums and whose scores come twice: (N, T, D)."""

    def __init__(self, width: int = 64, heads: int = 4) -> None:
        super().__init__()
        size = width // heads
        self.into = nn.Parameter(torch.randn(3, width, heads, size))
        self.out = nn.Parameter(torch.randn(heads, size, width))
        self.mix = nn.Parameter(torch.randn(heads, heads))
        self.wide = nn.Parameter(torch.randn(width, 4 * width))
        self.narrow = nn.Parameter(torch.randn(1, 4 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, T, D) as it came."""
        query, key, value = torch.einsum("btd,zdhe->zbhte", x, self.into)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        mixed = torch.einsum("bhte,hg->bgte", mixed, self.mix)
        x = x + torch.einsum("bhte,hed->btd", mixed, self.out)
        hidden = (x @ self.wide).relu()
        return torch.baddbmm(x, hidden, self.narrow.expand(len(x), -1, -1))


class Shared(nn.Module):
    """An embedding tied to the output layer, and one linear layer used three times."""

    def __init__(self, vocabulary: int = 1000, width: int = 64) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.layer = nn.Linear(width, width)
        self.alias = self.layer
        self.output = nn.Linear(width, vocabulary, bias=False)
        self.output.weight = self.embedding.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return logits (N, T, vocabulary) of token ids (N, T)."""
        x = self.embedding(ids)
        x = self.alias(self.layer(self.layer(x).relu()).relu())
        logits: torch.Tensor = self.output(x)
        return logits
