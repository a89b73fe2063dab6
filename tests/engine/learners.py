"""Small networks of many kinds that learn, written for the memory that they take."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from tests.networks.cases import Around, around

ROWS = "float32[12, 8]"
IMAGE = "float32[2, 3, 12, 10]"
TOKENS = "float32[2, 9, 16]"


class Learner(NamedTuple):
    """A network and what goes in."""

    build: Callable[[], nn.Module]
    args: tuple[Any, ...]


def layers(*widths: int) -> nn.Sequential:
    """Return linear layers with activations between them."""
    pairs = pairwise(widths)
    return nn.Sequential(*(part for i, o in pairs for part in (nn.Linear(i, o), nn.GELU())))


class Blocks(nn.Module):
    """A stem and three blocks that are wider inside: (N, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(8, 8)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 8),
                nn.Dropout(0.1),
            )
            for _ in range(3)
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 8)."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return x


def lenet() -> nn.Module:
    """Convolutions, poolings and a classifier."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 8, 3), nn.ReLU(inplace=True),
        nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(), nn.LazyLinear(5),
    )  # fmt: skip


def initialised(build: Callable[[], nn.Module], *shape: int) -> Callable[[], nn.Module]:
    """Return a factory of a network with lazy layers that has been called once."""

    def made() -> nn.Module:
        network = build()
        with torch.no_grad():
            network(torch.zeros(shape))
        return network

    return made


def normal_cnn() -> nn.Module:
    """A convolutional network with three kinds of norm and depthwise layers."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.GroupNorm(2, 8), nn.SiLU(),
        nn.Conv2d(8, 12, 1, bias=False), nn.InstanceNorm2d(12, affine=True), nn.Hardswish(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 5),
    )  # fmt: skip


def generator() -> nn.Module:
    """A GAN's generator: transposed convolutions from a vector to an image."""
    return nn.Sequential(
        nn.Unflatten(1, (8, 1, 1)),
        nn.ConvTranspose2d(8, 12, 4, bias=False), nn.BatchNorm2d(12), nn.ReLU(inplace=True),
        nn.ConvTranspose2d(12, 6, 4, 2, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU(inplace=True),
        nn.ConvTranspose2d(6, 3, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip


def discriminator() -> nn.Module:
    """A GAN's discriminator: strided convolutions and leaky units."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(6, 12, 4, 2, 1, bias=False), nn.BatchNorm2d(12), nn.LeakyReLU(0.2, inplace=True),
        nn.Flatten(), nn.Linear(12 * 3 * 2, 1), nn.Sigmoid(),
    )  # fmt: skip


class Mixer(nn.Module):
    """Mixes tokens, then channels: (N, T, D)."""

    def __init__(self, tokens: int = 9, width: int = 16) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.tokens, self.channels = layers(tokens, 12, tokens), layers(width, 24, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, T, D)."""
        x = x + self.tokens(self.norms[0](x).transpose(1, 2)).transpose(1, 2)
        out: torch.Tensor = x + self.channels(self.norms[1](x))
        return out


class Dense(nn.Module):
    """Every layer sees all layers before."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, 4, 3, padding=1))
            for c in (3, 7, 11)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return all features."""
        features = [x]
        for layer in self.layers:
            features.append(layer(torch.cat(features, 1)))
        return torch.cat(features, 1)


class Excited(nn.Module):
    """Channels scaled by what their means say."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gate = nn.Conv2d(3, 8, 3), layers(8, 2, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return scaled features."""
        x = self.conv(x)
        out: torch.Tensor = x * self.gate(x.mean((2, 3))).sigmoid()[:, :, None, None]
        return out


class Graph(nn.Module):
    """Messages along edges, summed at the nodes."""

    def __init__(self) -> None:
        super().__init__()
        self.message, self.update = layers(16, 8), nn.GRUCell(8, 8)

    def forward(self, nodes: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        """Return nodes; ``edges`` (2, E) are indices of sources and targets."""
        source, target = edges
        for _ in range(2):
            sent = self.message(torch.cat([nodes[source], nodes[target]], 1))
            heard = torch.zeros_like(nodes).index_add(0, target, sent)
            nodes = self.update(heard, nodes)
        return nodes


class Coupling(nn.Module):
    """A step of a normalising flow: half of the input moves the other half."""

    def __init__(self) -> None:
        super().__init__()
        self.net = layers(4, 16, 8)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the moved input, and the logarithm of the volume."""
        kept, moved = x.chunk(2, 1)
        shift, scale = self.net(kept).chunk(2, 1)
        return torch.cat([kept, moved * scale.tanh().exp() + shift], 1), scale.tanh().sum(1)


class Hyper(nn.Module):
    """A network that makes the weights of another."""

    def __init__(self) -> None:
        super().__init__()
        self.code, self.maker = nn.Parameter(torch.randn(4)), nn.Linear(4, 8 * 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 6)."""
        return functional.linear(x, self.maker(self.code).view(6, 8)).relu()


class Experts(nn.Module):
    """All experts at once, mixed by a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.weights = nn.Linear(8, 3), nn.Parameter(torch.randn(3, 8, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 6)."""
        return torch.einsum("ne,nd,edo->no", self.gate(x).softmax(1), x, self.weights)


class Field(nn.Module):
    """Coordinates as sines and cosines, then layers with a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = layers(48, 16), layers(64, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 4)."""
        angles = (x[..., None] * 2 ** torch.arange(3)).flatten(1)
        coded = torch.cat([angles.sin(), angles.cos()], 1)
        out: torch.Tensor = self.second(torch.cat([self.first(coded), coded], 1))
        return out


class Wave(nn.Module):
    """Dilated causal convolutions with gates: (N, C, T)."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv1d(4, 8, 2, dilation=2**i) for i in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, C, T)."""
        for i, conv in enumerate(self.convs):
            x = x + functional.glu(conv(functional.pad(x, (2**i, 0))), 1)
        return x


class Memory(nn.Module):
    """Quantises to the nearest of several vectors, and lets the gradient pass straight."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.book = layers(8, 6), nn.Embedding(10, 6)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the vectors, and how far they were."""
        x = self.into(x)
        near = self.book(torch.cdist(x, self.book.weight).argmin(1))
        return x + (near - x).detach(), functional.mse_loss(near, x.detach())


def attention() -> nn.Module:
    """Two layers of torch's encoder and one of its decoder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a fast path will not be taken
        return nn.Transformer(16, 2, 2, 1, 24, batch_first=True, norm_first=True)


def siamese(inner: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return how near two inputs are after the same network."""
    return functional.cosine_similarity(inner(x), inner(y))


def variational(inner: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return a reconstruction from a drawn code, and its divergence."""
    parts: Any = inner
    mean, log_variance = parts[0](x).chunk(2, 1)
    code = mean + (log_variance / 2).exp() * torch.randn_like(mean)
    divergence = -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum(1)
    return parts[1](code), divergence


def convolutional_3d() -> nn.Module:
    """Volumes."""
    return nn.Sequential(
        nn.Conv3d(2, 4, 3), nn.BatchNorm3d(4), nn.ReLU(), nn.MaxPool3d(2),
        nn.ConvTranspose3d(4, 2, 2), nn.Dropout3d(), nn.AdaptiveAvgPool3d(1), nn.Flatten(),
    )  # fmt: skip


EDGES = torch.tensor([[0, 1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 0]])

LEARNERS: Mapping[str, Learner] = {
    "perceptron": Learner(partial(layers, 8, 16, 4), (ROWS,)),
    "LeNet": Learner(initialised(lenet, 2, 3, 12, 10), (IMAGE,)),
    "convolutions with norms": Learner(normal_cnn, (IMAGE,)),
    "generator": Learner(generator, (ROWS,)),
    "discriminator": Learner(discriminator, (IMAGE,)),
    "mixer": Learner(Mixer, (TOKENS,)),
    "dense blocks": Learner(Dense, (IMAGE,)),
    "squeeze and excitation": Learner(Excited, (IMAGE,)),
    "graph": Learner(Graph, (ROWS, EDGES)),
    "flow": Learner(Coupling, (ROWS,)),
    "hypernetwork": Learner(Hyper, (ROWS,)),
    "experts": Learner(Experts, (ROWS,)),
    "field": Learner(Field, (ROWS,)),
    "wave": Learner(Wave, ("float32[2, 4, 20]",)),
    "quantised": Learner(Memory, (ROWS,)),
    "encoder, decoder": Learner(attention, (TOKENS, "float32[2, 5, 16]")),
    "siamese": Learner(around(partial(layers, 8, 16, 4), siamese), (ROWS, ROWS)),
    "variational": Learner(
        lambda: Around(nn.Sequential(layers(8, 12), layers(6, 8)), variational), (ROWS,)
    ),
    "volumes": Learner(convolutional_3d, ("float32[2, 2, 6, 7, 8]",)),
}
