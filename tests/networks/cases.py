"""Small networks that meters get wrong, each with its multiply-adds written as arithmetic."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils import spectral_norm as old_spectral_norm
from torch.nn.utils import weight_norm as old_weight_norm
from torch.utils.checkpoint import checkpoint

TOKENS = "float32[2, 16, 64]"


@dataclass(frozen=True)
class Case:
    """A network, its inputs and the truth by hand."""

    name: str
    build: Callable[[], nn.Module]
    args: tuple[Any, ...]
    macs: int
    params: int = 0
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    reads: bool = False
    """Whether the forward reads values, so that only a real run can tell."""

    def __str__(self) -> str:
        return self.name


class Call(nn.Module):
    """A function of its inputs and of parameters of given shapes, as a module."""

    def __init__(
        self, function: Callable[..., Any], shapes: Iterable[tuple[int, ...]] = ()
    ) -> None:
        super().__init__()
        self.function = function
        self.weights = nn.ParameterList(torch.randn(shape) for shape in shapes)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return ``function(*inputs, *parameters)``."""
        return self.function(*args, *self.weights, **kwargs)


def calling(function: Callable[..., Any], *shapes: tuple[int, ...]) -> Callable[[], nn.Module]:
    """Return a factory of `Call`."""
    return lambda: Call(function, shapes)


def around(inner: Callable[[], nn.Module], function: Callable[..., Any]) -> Callable[[], Around]:
    """Return a factory of `Around`."""
    return lambda: Around(inner(), function)


class Around(nn.Module):
    """A function of a module and its inputs, as a module."""

    def __init__(self, inner: nn.Module, function: Callable[..., Any]) -> None:
        super().__init__()
        self.inner = inner
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return ``function(inner, *inputs)``."""
        return self.function(self.inner, *args, **kwargs)


@dataclass
class Pair:
    """Two tensors with names, as models return them."""

    logits: torch.Tensor
    hidden: torch.Tensor | None = None


class Scaled(nn.Linear):
    """A subclass of a layer, with a forward of its own."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 the base class names it so
        """Return twice what the layer returns."""
        return super().forward(input) * 2


class Symmetric(nn.Module):
    """A parametrization: the upper triangle on both sides."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Return a symmetric matrix."""
        return weight.triu() + weight.triu(1).transpose(-1, -2)


class Counted(nn.Module):
    """Owns the buffers and attributes that other meters write to."""

    total_ops: torch.Tensor
    total_params: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 32)
        self.register_buffer("total_ops", torch.zeros(1))
        self.register_buffer("total_params", torch.zeros(3))
        self.__flops__ = 7

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output, with the counter added."""
        out: torch.Tensor = self.linear(x) + self.total_ops + self.__flops__
        return out


class Experts(nn.Module):
    """A branch that is never taken, by a plain Python condition."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(64, 32)
        self.unused = nn.Linear(64, 128)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the used layer makes of few tokens."""
        out: torch.Tensor = self.used(x) if x.shape[1] < 100 else self.unused(x)
        return out


class Cells(nn.Module):
    """A recurrent cell, called for each step of (N, T, features)."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the last state."""
        state: Any = None
        for step in x.unbind(1):
            state = self.cell(step, state)
        out: torch.Tensor = state[0] if isinstance(state, tuple) else state
        return out


def shared_three_times() -> nn.Module:
    """One layer in three places of a container, under its own names."""
    layer = nn.Linear(64, 64)
    return nn.Sequential(layer, nn.ReLU(), layer, nn.ReLU(), layer)


def two_parents() -> nn.Module:
    """One layer below two modules."""
    first, second = nn.Sequential(nn.Linear(10, 10)), nn.Sequential(nn.ReLU())
    second.append(first[0])
    return nn.Sequential(first, second)


def tied() -> nn.Module:
    """Two layers with one weight, each with its own bias."""
    first, second = nn.Linear(64, 64), nn.Linear(64, 64)
    second.weight = first.weight
    return nn.Sequential(first, second)


def frozen() -> nn.Module:
    """A layer of an encoder whose parameters need no gradient."""
    return nn.TransformerEncoderLayer(64, 4, 128, batch_first=True).requires_grad_(False)  # noqa: FBT003 torch's own signature


def under_autocast(inner: nn.Module, x: torch.Tensor) -> Any:
    """Run a module in bfloat16 by autocast."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return inner(x)


def under_inference_mode(inner: nn.Module, x: torch.Tensor) -> Any:
    """Run a module under inference mode, entered by the forward itself."""
    with torch.inference_mode():
        return inner(x)


def with_gradients(inner: nn.Module, x: torch.Tensor) -> Any:
    """Return the gradient of a sum with respect to the input, as force fields do."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        energy = inner(x).sum()
        return torch.autograd.grad(energy, x)[0]


def normed(make: Callable[[nn.Module], Any]) -> Callable[[], nn.Module]:
    """Return a factory of a Linear(64, 32) whose weight is computed at each call."""

    def build() -> nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # the older of torch's two functions
            made: nn.Module = make(nn.Linear(64, 32))
        return made

    return build


def conv(
    out: int, channels: int, groups: int, kernel: tuple[int, ...], sites: tuple[int, ...]
) -> int:
    """Return multiply-adds of a convolution, ``sites`` being the output's extents with batch.

    A transposed one: ``channels`` and ``out`` swapped, ``sites`` of the input.
    """
    return out * (channels // groups) * _product(kernel) * _product(sites)


def attention(batch: int, query: int, key: int, width: int, value: int | None = None) -> int:
    """Return multiply-adds of scores and mixing; ``width`` and ``value`` over all heads."""
    return batch * query * key * (width + (width if value is None else value))


def _product(values: tuple[int, ...]) -> int:
    product = 1
    for value in values:
        product *= value
    return product


def encoder() -> nn.Module:
    """Two layers of torch's own encoder."""
    layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
    return nn.TransformerEncoder(layer, 2)


def symmetric() -> nn.Module:
    """A layer whose weight a parametrization makes."""
    layer = nn.Linear(64, 64)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    return layer


def _packed(x: torch.Tensor) -> Any:
    return nn.utils.rnn.pack_padded_sequence(x, torch.tensor([7, 4]))


def _initialised(module: nn.Module, channels: int) -> nn.Module:
    module(torch.zeros(1, channels, 4, 4))
    return module


def gates(
    count: int, hidden: int, features: int, *, biased: bool = True, projected: int | None = None
) -> int:
    """Return the parameters of one direction of one recurrent layer."""
    state = hidden if projected is None else projected
    projection = 0 if projected is None else hidden * projected
    return count * hidden * (features + state + (2 if biased else 0)) + projection


def steps(
    count: int, hidden: int, features: int, rows: int, *, projected: int | None = None
) -> int:
    """Return the multiply-adds of the same over ``rows`` steps of all sequences."""
    return rows * gates(count, hidden, features, biased=False, projected=projected)


MATRICES = (
    Case("linear", lambda: nn.Linear(64, 32), (TOKENS,), 2 * 16 * 64 * 32, 64 * 32 + 32),
    Case(
        "linear on four axes", lambda: nn.Linear(64, 32, bias=False), ("float32[2, 4, 4, 64]",),
        2 * 4 * 4 * 64 * 32, 64 * 32,
    ),
    Case("linear on a vector", lambda: nn.Linear(64, 32), ("float32[64]",), 64 * 32, 64 * 32 + 32),
    Case("F.linear", calling(functional.linear, (32, 64)), (TOKENS,), 2 * 16 * 64 * 32, 32 * 64),
    Case("x @ w", calling(torch.matmul, (64, 32)), (TOKENS,), 2 * 16 * 64 * 32, 64 * 32),
    Case("matrix by vector", calling(torch.mv, (8,)), ("float32[5, 8]",), 5 * 8, 8),
    Case("x @ vector", calling(torch.matmul, (64,)), (TOKENS,), 2 * 16 * 64, 64),
    Case("dot", calling(torch.dot, (9,)), ("float32[9]",), 9, 9),
    Case("bmm", calling(torch.bmm, (3, 8, 7)), ("float32[3, 5, 8]",), 3 * 5 * 8 * 7, 3 * 8 * 7),
    Case(
        "baddbmm", calling(lambda x, w, b: torch.baddbmm(b, x, w), (3, 8, 7), (3, 5, 7)),
        ("float32[3, 5, 8]",), 3 * 5 * 8 * 7, 3 * 8 * 7 + 3 * 5 * 7,
    ),
    Case(
        "addmm", calling(lambda x, w, b: torch.addmm(b, x, w), (8, 7), (7,)),
        ("float32[5, 8]",), 5 * 8 * 7, 8 * 7 + 7,
    ),
    Case(
        "complex x @ w", calling(torch.matmul),
        ("complex64[5, 8]", "complex64[8, 7]"), 4 * 5 * 8 * 7,
    ),
    Case(
        "einsum", calling(lambda x, y: torch.einsum("bik,bjk->bij", x, y)),
        ("float32[2, 5, 8]", "float32[2, 7, 8]"), 2 * 5 * 7 * 8,
    ),
    Case(
        "einsum of three",
        calling(lambda x, w, v: torch.einsum("bi,ij,jk->bk", x, w, v), (8, 9), (9, 4)),
        ("float32[3, 8]",), 3 * 8 * 9 + 3 * 9 * 4, 8 * 9 + 9 * 4,
    ),
    Case(
        # left to right: an outer product that sums nothing is still a product for each element
        "einsum of three, bilinear",
        calling(lambda x, w, y: torch.einsum("bi,oij,bj->bo", x, w, y)),
        ("float32[3, 8]", "float32[6, 8, 9]", "float32[3, 9]"), 3 * 8 * 6 * 9 + 3 * 6 * 9,
    ),
)  # fmt: skip

CONVOLUTIONS = (
    Case(
        "F.conv2d", calling(functional.conv2d, (8, 4, 3, 3)), ("float32[2, 4, 10, 10]",),
        conv(8, 4, 1, (3, 3), (2, 8, 8)), 8 * 4 * 9,
    ),
    Case(
        "Conv1d", lambda: nn.Conv1d(4, 8, 3, stride=2), ("float32[2, 4, 21]",),
        conv(8, 4, 1, (3,), (2, 10)), 8 * 4 * 3 + 8,
    ),
    Case(
        "Conv3d", lambda: nn.Conv3d(2, 4, 3, padding=1), ("float32[1, 2, 5, 6, 7]",),
        conv(4, 2, 1, (3, 3, 3), (1, 5, 6, 7)), 4 * 2 * 27 + 4,
    ),
    Case(
        "grouped, dilated Conv2d", lambda: nn.Conv2d(8, 16, 3, groups=4, dilation=2, padding=2),
        ("float32[1, 8, 9, 9]",), conv(16, 8, 4, (3, 3), (1, 9, 9)), 16 * 2 * 9 + 16,
    ),
    Case(
        "depthwise Conv2d", lambda: nn.Conv2d(8, 8, 5, groups=8, padding="same"),
        ("float32[1, 8, 9, 9]",), conv(8, 8, 8, (5, 5), (1, 9, 9)), 8 * 25 + 8,
    ),
    Case(
        "Conv2d without a batch", lambda: nn.Conv2d(3, 8, 3), ("float32[3, 10, 10]",),
        conv(8, 3, 1, (3, 3), (8, 8)), 8 * 3 * 9 + 8,
    ),
    Case(
        "circular Conv2d", lambda: nn.Conv2d(3, 8, 3, padding=1, padding_mode="circular"),
        ("float32[1, 3, 10, 10]",), conv(8, 3, 1, (3, 3), (1, 10, 10)), 8 * 3 * 9 + 8,
    ),
    Case(
        "ConvTranspose1d, grouped", lambda: nn.ConvTranspose1d(4, 6, 3, stride=2, groups=2),
        ("float32[2, 4, 9]",), conv(4, 6, 2, (3,), (2, 9)), 4 * 3 * 3 + 6,
    ),
    Case(
        "ConvTranspose2d", lambda: nn.ConvTranspose2d(8, 4, 3, stride=2), ("float32[1, 8, 6, 6]",),
        conv(8, 4, 1, (3, 3), (1, 6, 6)), 8 * 4 * 9 + 4,
    ),
    Case(
        "ConvTranspose2d, grouped and dilated",
        lambda: nn.ConvTranspose2d(8, 12, 3, stride=2, groups=4, dilation=2, output_padding=1),
        ("float32[3, 8, 6, 6]",), conv(8, 12, 4, (3, 3), (3, 6, 6)), 8 * 3 * 9 + 12,
    ),
    Case(
        "ConvTranspose3d", lambda: nn.ConvTranspose3d(4, 2, (2, 3, 3), stride=2),
        ("float32[1, 4, 3, 4, 5]",), conv(4, 2, 1, (2, 3, 3), (1, 3, 4, 5)), 4 * 2 * 18 + 2,
    ),
    Case(
        "LazyConv2d, once called", lambda: _initialised(nn.LazyConv2d(8, 3), 3),
        ("float32[1, 3, 10, 10]",), conv(8, 3, 1, (3, 3), (1, 8, 8)), 8 * 3 * 9 + 8,
    ),
)  # fmt: skip


ATTENTION = (
    Case(
        "SDPA", calling(functional.scaled_dot_product_attention),
        ("float32[2, 4, 16, 8]", "float32[2, 4, 24, 8]", "float32[2, 4, 24, 8]"),
        attention(2, 16, 24, 4 * 8),
    ),
    Case(
        "SDPA, causal: counted whole",
        calling(lambda x: functional.scaled_dot_product_attention(x, x, x, is_causal=True)),
        ("float32[2, 4, 16, 8]",), attention(2, 16, 16, 4 * 8),
    ),
    Case(
        "SDPA, masked: counted whole", calling(functional.scaled_dot_product_attention),
        ("float32[2, 4, 16, 8]",) * 3 + ("bool[16, 16]",), attention(2, 16, 16, 4 * 8),
    ),
    Case(
        "SDPA, with a bias and wider values", calling(functional.scaled_dot_product_attention),
        (*("float32[2, 4, 16, 8]",) * 2, "float32[2, 4, 16, 12]", "float32[2, 1, 16, 16]"),
        attention(2, 16, 16, 4 * 8, 4 * 12),
    ),
    Case(
        "SDPA, grouped queries",
        calling(lambda q, k: functional.scaled_dot_product_attention(q, k, k, enable_gqa=True)),
        ("float32[2, 4, 16, 8]", "float32[2, 2, 16, 8]"), attention(2, 16, 16, 4 * 8),
    ),
    Case(
        "MultiheadAttention",
        around(lambda: nn.MultiheadAttention(64, 4, batch_first=True), lambda m, x: m(x, x, x)),
        (TOKENS,), 2 * 16 * 4 * 64 * 64 + attention(2, 16, 16, 64), 4 * 64 * 64 + 4 * 64,
    ),
    Case(
        "MultiheadAttention without weights",
        around(
            lambda: nn.MultiheadAttention(64, 4, batch_first=True),
            lambda m, x: m(x, x, x, need_weights=False)[0],
        ),
        (TOKENS,), 2 * 16 * 4 * 64 * 64 + attention(2, 16, 16, 64), 4 * 64 * 64 + 4 * 64,
    ),
    Case(
        "MultiheadAttention across, other widths, sequence first",
        lambda: nn.MultiheadAttention(64, 4, kdim=32, vdim=48, bias=False),
        ("float32[16, 2, 64]", "float32[24, 2, 32]", "float32[24, 2, 48]"),
        2 * 16 * 2 * 64 * 64 + 2 * 24 * (32 + 48) * 64 + attention(2, 16, 24, 64),
        2 * 64 * 64 + (32 + 48) * 64,
    ),
    Case(
        "TransformerEncoderLayer", lambda: nn.TransformerEncoderLayer(64, 4, 128, batch_first=True),
        (TOKENS,), 2 * 16 * (4 * 64 * 64 + 2 * 64 * 128) + attention(2, 16, 16, 64), 33_472,
    ),
    Case(
        "TransformerEncoder with padding", encoder, (TOKENS,),
        2 * (2 * 16 * (4 * 64 * 64 + 2 * 64 * 128) + attention(2, 16, 16, 64)), 2 * 33_472,
        {"src_key_padding_mask": torch.arange(16).expand(2, 16) > torch.tensor([[15], [9]])},
    ),
    Case(
        "frozen", frozen,
        (TOKENS,), 2 * 16 * (4 * 64 * 64 + 2 * 64 * 128) + attention(2, 16, 16, 64), 33_472,
    ),
)  # fmt: skip


RECURRENCE = (
    Case(
        "LSTM", lambda: nn.LSTM(64, 32),
        ("float32[7, 2, 64]",), steps(4, 32, 64, 14), gates(4, 32, 64),
    ),
    Case(
        "GRU", lambda: nn.GRU(64, 32),
        ("float32[7, 2, 64]",), steps(3, 32, 64, 14), gates(3, 32, 64),
    ),
    Case(
        "RNN", lambda: nn.RNN(64, 32),
        ("float32[7, 2, 64]",), steps(1, 32, 64, 14), gates(1, 32, 64),
    ),
    Case(
        "LSTM, two layers, both ways",
        lambda: nn.LSTM(64, 32, 2, bidirectional=True, batch_first=True),
        ("float32[2, 7, 64]",), 2 * (steps(4, 32, 64, 14) + steps(4, 32, 64, 14)),
        2 * (gates(4, 32, 64) + gates(4, 32, 64)),
    ),
    Case(
        "GRU, two layers, both ways, without bias",
        lambda: nn.GRU(10, 8, 2, bias=False, bidirectional=True, dropout=0.5),
        ("float32[7, 2, 10]",), 2 * (steps(3, 8, 10, 14) + steps(3, 8, 16, 14)),
        2 * (gates(3, 8, 10, biased=False) + gates(3, 8, 16, biased=False)),
    ),
    Case(
        "LSTM with projection, two layers", lambda: nn.LSTM(64, 32, 2, proj_size=8),
        ("float32[7, 2, 64]",),
        steps(4, 32, 64, 14, projected=8) + steps(4, 32, 8, 14, projected=8),
        gates(4, 32, 64, projected=8) + gates(4, 32, 8, projected=8),
    ),
    Case(
        "LSTM without a batch", lambda: nn.LSTM(64, 32),
        ("float32[7, 64]",), steps(4, 32, 64, 7), gates(4, 32, 64),
    ),
    Case(
        "LSTM of packed sequences", around(lambda: nn.LSTM(64, 32), lambda m, x: m(_packed(x))[1]),
        ("float32[7, 2, 64]",), steps(4, 32, 64, 7 + 4), gates(4, 32, 64), reads=True,
    ),
    Case(
        "LSTMCell", lambda: Cells(nn.LSTMCell(64, 32)),
        ("float32[2, 7, 64]",), steps(4, 32, 64, 14), gates(4, 32, 64),
    ),
    Case(
        "GRUCell", lambda: Cells(nn.GRUCell(64, 32)),
        ("float32[2, 7, 64]",), steps(3, 32, 64, 14), gates(3, 32, 64),
    ),
    Case(
        "RNNCell", lambda: Cells(nn.RNNCell(64, 32)),
        ("float32[2, 7, 64]",), steps(1, 32, 64, 14), gates(1, 32, 64),
    ),
)  # fmt: skip


LINEAR = 2 * 16 * 64 * 32
LINEAR_PARAMS = 64 * 32 + 32

FORMS = (
    Case(
        "batch 8", lambda: nn.Conv2d(3, 8, 3), ("float32[8, 3, 10, 10]",),
        8 * conv(8, 3, 1, (3, 3), (1, 8, 8)), 8 * 3 * 9 + 8,
    ),
    Case("shared three times", shared_three_times, (TOKENS,), 3 * 2 * 16 * 64 * 64, 64 * 64 + 64),
    Case(
        "called three times", around(lambda: nn.Linear(64, 64), lambda m, x: m(m(m(x)))), (TOKENS,),
        3 * 2 * 16 * 64 * 64, 64 * 64 + 64,
    ),
    Case("two parents", two_parents, ("float32[1, 10]",), 2 * 10 * 10, 10 * 10 + 10),
    Case("tied", tied, (TOKENS,), 2 * 2 * 16 * 64 * 64, 64 * 64 + 2 * 64),
    Case(
        "direct .forward()",
        around(lambda: nn.Linear(64, 32), lambda m, x: m.forward(x)), (TOKENS,),
        LINEAR, LINEAR_PARAMS,
    ),
    Case(
        "dict input", around(lambda: nn.Linear(64, 32), lambda m, batch: m(batch["x"])),
        ({"x": TOKENS},), LINEAR, LINEAR_PARAMS,
    ),
    Case(
        "list input", around(lambda: nn.Linear(64, 32), lambda m, xs: [m(x) for x in xs]),
        ([TOKENS, "float32[64]"],), LINEAR + 64 * 32, LINEAR_PARAMS,
    ),
    Case(
        "keyword input", around(lambda: nn.Linear(64, 32), lambda m, *, x, scale: m(x) * scale), (),
        LINEAR, LINEAR_PARAMS, {"x": TOKENS, "scale": 2.0},
    ),
    Case(
        "dataclass input", around(lambda: nn.Linear(64, 32), lambda m, pair: m(pair.logits)),
        (Pair(torch.zeros(2, 16, 64)),), LINEAR, LINEAR_PARAMS,
    ),
    Case(
        "dict output", around(lambda: nn.Linear(64, 32), lambda m, x: {"out": m(x)}), (TOKENS,),
        LINEAR, LINEAR_PARAMS,
    ),
    Case(
        "dataclass output",
        around(lambda: nn.Linear(64, 32), lambda m, x: Pair(m(x), x)), (TOKENS,),
        LINEAR, LINEAR_PARAMS,
    ),
    Case(
        "no output", around(lambda: nn.Linear(64, 32), lambda m, x: m(x) is None),
        (TOKENS,), LINEAR, LINEAR_PARAMS,
    ),
    Case("no parameters", calling(lambda x: x @ x.transpose(1, 2)), (TOKENS,), 2 * 16 * 64 * 16),
    Case("nothing computed", nn.Identity, (TOKENS,), 0),
    Case("unused branch", Experts, (TOKENS,), LINEAR, LINEAR_PARAMS + 64 * 128 + 128),
    Case("subclass of a layer", lambda: Scaled(64, 32), (TOKENS,), LINEAR, LINEAR_PARAMS),
    Case("a buffer called total_ops", Counted, (TOKENS,), LINEAR, LINEAR_PARAMS),
    Case(
        "inference_mode inside", around(lambda: nn.Linear(64, 32), under_inference_mode), (TOKENS,),
        LINEAR, LINEAR_PARAMS,
    ),
    Case(
        "autocast", around(lambda: nn.Linear(64, 32), under_autocast),
        (TOKENS,), LINEAR, LINEAR_PARAMS,
    ),
    Case(
        "checkpoint",
        around(lambda: nn.Linear(64, 32), lambda m, x: checkpoint(m, x, use_reentrant=False)),
        (TOKENS,), LINEAR, LINEAR_PARAMS,
    ),
    Case(
        "reentrant checkpoint",
        around(lambda: nn.Linear(64, 32), lambda m, x: checkpoint(m, x, use_reentrant=True)),
        (TOKENS,), LINEAR, LINEAR_PARAMS,
    ),
    Case(
        "vmap", around(lambda: nn.Linear(64, 32), lambda m, x: torch.vmap(m)(x)),
        (TOKENS,), LINEAR, LINEAR_PARAMS,
    ),
    Case(
        "the input's gradient inside", around(lambda: nn.Linear(64, 32), with_gradients), (TOKENS,),
        2 * LINEAR, LINEAR_PARAMS,
    ),
    Case("weight_norm, by hook", normed(old_weight_norm), (TOKENS,), LINEAR, LINEAR_PARAMS + 32),
    Case(
        "weight_norm, parametrized", normed(parametrizations.weight_norm), (TOKENS,), LINEAR,
        LINEAR_PARAMS + 32,
    ),
    Case(
        # u . (W v): a matrix by a vector, and a dot product
        "spectral_norm, by hook", normed(old_spectral_norm), (TOKENS,), LINEAR + 32 * 64 + 32,
        LINEAR_PARAMS,
    ),
    Case(
        "spectral_norm, parametrized", normed(parametrizations.spectral_norm), (TOKENS,),
        LINEAR + 32 * 64 + 32, LINEAR_PARAMS,
    ),
    Case(
        "a parametrization of one's own", symmetric, (TOKENS,), 2 * 16 * 64 * 64, 64 * 64 + 64,
    ),
    Case(
        "float64",
        lambda: nn.Linear(64, 32).double(), ("float64[2, 16, 64]",), LINEAR, LINEAR_PARAMS,
    ),
    Case(
        "bfloat16",
        lambda: nn.Linear(64, 32).bfloat16(), ("bfloat16[2, 16, 64]",), LINEAR, LINEAR_PARAMS,
    ),
    Case(
        "float16",
        lambda: nn.Linear(64, 32).half(), ("float16[2, 16, 64]",), LINEAR, LINEAR_PARAMS,
    ),
    Case("an empty batch", lambda: nn.Linear(64, 32), ("float32[0, 64]",), 0, LINEAR_PARAMS),
)  # fmt: skip


CASES = (*MATRICES, *CONVOLUTIONS, *ATTENTION, *RECURRENCE, *FORMS)
