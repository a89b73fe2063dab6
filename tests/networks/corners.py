"""One-line networks at the corners of torch, where a shape, a stride or a copy is easily wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 the name that everyone knows

from tests.networks.cases import Case, around, calling

IMAGE = "float32[2, 4, 9, 7]"
ROWS = "float32[6, 8]"


class _Moved(nn.Module):
    """A linear layer's output is a view: what it was made in lives on as long as the tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 8)
        self.out = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.fc(x)
        y.data = y.clone()
        flat = F.relu(x).flatten(1)
        flat.data = flat + 1
        made: torch.Tensor = self.out(y.exp().exp() + flat.sum())
        return made


class _Speech(nn.Module):
    """Scores labels at each position, and is told of sequences how long they are."""

    def __init__(self, targets: torch.Tensor, lengths: Any, labels: Any) -> None:
        super().__init__()
        self.scores = nn.Linear(4, 6)
        self.given = targets, lengths, labels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.ctc_loss(self.scores(x).log_softmax(-1), *self.given, zero_infinity=True)


_LABELS = torch.ones(2, 4, dtype=torch.int32)
_SPEECH: dict[str, tuple[Any, Any, Any]] = {
    "of rows": (torch.ones(2, 4, dtype=torch.int64), [5, 4], [1, 3]),
    "of a row": (torch.ones(3, dtype=torch.int64), (5, 5), (1, 2)),
    "of lengths in tensors": (_LABELS, torch.tensor([5, 4]), torch.tensor([2, 2])),
    "of one tensor": (_LABELS, one := torch.tensor([4, 3]), one),
}
"""Targets, how far the scores go, and how many labels there are."""


def _corner(name: str, function: Callable[..., Any], *inputs: Any) -> Case:
    return Case(name, calling(function), inputs or (ROWS,), 0)


def _layer(name: str, build: Callable[[], nn.Module], *inputs: Any) -> Case:
    return Case(name, build, inputs or (IMAGE,), 0)


def _assigned(x: torch.Tensor) -> torch.Tensor:
    out = torch.zeros(6, 8)
    out[1:3] = x[1:3]
    out[0] = 1.0
    out[:, 2] += x[:, 1]
    return out.sum(0)


def _default_dtype(x: torch.Tensor) -> list[torch.Tensor]:
    before = x / 2
    torch.set_default_dtype(torch.float64)
    try:
        after = x / 2
    finally:
        torch.set_default_dtype(torch.float32)
    return [before, after]


def _updated(x: torch.Tensor) -> torch.Tensor:
    x = x.clone()
    x.t_()
    x.unsqueeze_(0)
    x.transpose_(0, 1)
    x.squeeze_(1)
    x.swapaxes_(0, 1)
    return x.mul_(2).relu_().sum(0)


def _out(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty(8, 8)
    torch.mm(x.t(), x, out=out)
    return out + 1


def _freed(x: torch.Tensor) -> torch.Tensor:
    kept = []
    for _ in range(3):
        kept.append(x * 2)
        x = x + kept[-1].sum()
        if len(kept) > 1:
            del kept[0]
    return x


def _selected_by_row_and_column(x: torch.Tensor) -> list[torch.Tensor]:
    few = torch.arange(x.shape[-1]) % 2 == 0
    return [
        x.masked_select(few),
        x[0].masked_select(few.expand(3, -1)),
        x[:, :0].masked_select(few[:0]),
    ]


def _left(x: torch.Tensor) -> torch.Tensor:
    """Let tensors leave their storages, as reversible networks and offloading do."""
    for leave in (
        lambda y, _: y.set_(),
        lambda y, z: y.set_(z),
        lambda y, _: setattr(y, "data", torch.empty(0)),
    ):
        y = x * 2
        x = y.relu()
        leave(y, x)
        x = x + 1
    return x


class _Levels(nn.Module):
    """Places the maps of several levels, whose strides it holds as one tensor, as detectors do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(4, 2, 1)
        self.strides = torch.tensor([8.0, 16.0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 2, levels x H x W) from (N, 4, H, W)."""
        maps = [self.layer(x).flatten(2) for _ in self.strides]
        scales = [maps[0].new_full((maps[0].shape[2],), stride) for stride in self.strides]
        return torch.cat(maps, 2) * torch.cat(scales) / self.strides.max()


def _size_1(x: torch.Tensor) -> list[torch.Tensor]:
    """Take one position of several, and one image of several, as networks with class tokens do."""
    heads = x.new_ones(1, 7, 12).unflatten(2, (3, 4)).transpose(1, 2)
    query = heads[:, :, :1]
    one = x.new_ones(1, 4, 6).transpose(1, 2)[:, :1].squeeze(0)[None]
    return [
        F.scaled_dot_product_attention(query, heads, heads),
        F.layer_norm(x.as_strided((1, 6, 8), (8, 8, 1)), (8,)),
        *(query * 2, query + 1, 1 - query, query / 2, query * query),
        *(torch.zeros_like(query), torch.full_like(query, 2.0), one * 2),
        torch.empty_like(query, memory_format=torch.contiguous_format) + query,
    ]


def _mel() -> nn.Module:
    """See a map of one channel as bins without a width, as audio networks do to normalise them."""
    return _through(
        nn.BatchNorm2d(4), lambda norm, x: norm(x.transpose(1, 3)).transpose(1, 3).flatten(1)
    )


def _narrow(inner: nn.Module) -> nn.Module:
    """Convolve again what comes out of channels_last images of one element."""
    wide = nn.Conv2d(6, 5, 3, padding=1)
    return _through(nn.Sequential(inner, wide), lambda inner, x: inner(x.permute(0, 3, 1, 2)))


def _through(layer: nn.Module, function: Callable[..., Any]) -> nn.Module:
    """Return a network that hands a layer to a function of it and the input."""
    return around(lambda: layer, function)()


def _grouped(x: torch.Tensor) -> list[torch.Tensor]:
    """Multiply the rows, or the columns, of each group by a matrix of its own."""
    rows = torch.tensor([2, 6], dtype=torch.int32)
    columns = torch.tensor([4, 8], dtype=torch.int32)
    experts = x.new_ones(2, 5, 8)
    return [
        torch._grouped_mm(x, experts.mT, offs=rows),  # rows of 5 elements lie 8 apart
        torch._grouped_mm(x.half(), experts.half().mT, offs=rows),
        torch._grouped_mm(experts, x.t(), offs=rows),
        torch._grouped_mm(x, x.t(), offs=columns),
        torch._grouped_mm(experts, experts.mT),
    ]


@torch.inference_mode()
def _viewed(x: torch.Tensor) -> list[torch.Tensor]:
    """View, under inference mode, what was made before it, what is made in it and after it."""
    y = x * 2
    y[0] = 1
    y.view(-1).mul_(x.view(-1))
    with torch.inference_mode(mode=False):
        z = x + 1
    return [x[1:] + y[:5], *x.chunk(2, 1), z.t() * y.t(), z.view(2, 3, 8).sum(1), *z.unbind(0)]


class _Positions(nn.Module):
    fixed: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.learnt = nn.Parameter(torch.zeros(20, 8))
        self.register_buffer("fixed", torch.zeros(20, 8))

    @torch.inference_mode()
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.learnt[:6] + self.fixed[6:12]


class _Unpool(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled, indices = F.max_pool2d(x, 2, return_indices=True)
        return F.max_unpool2d(pooled, indices, [2, 2], output_size=x.shape)


def _channels_last() -> nn.Module:
    net = nn.Sequential(
        nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
    )
    made: nn.Module = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return made


def _head() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 20), nn.LogSoftmax(-1))


KEYS = (
    _corner(
        "1, 1.0 and True", lambda x: [x * 1, x * 1.0, x * True, x + 1, x + 1.0], "int64[70000]"
    ),
    _corner("a default dtype that changes", _default_dtype, "int64[70000]"),
    _corner(
        "views and copies by stride", lambda x: [x.t().reshape(-1), x.reshape(-1), x.t().view(8, 6)]
    ),
    _corner(
        "offsets", lambda x: [x[1:].contiguous(), x[:, 1:].contiguous(), x[1:] + 1, x[:, 1:] + 1]
    ),
    _corner(
        "dtypes by name", lambda x: [x.to(torch.float64), x.half(), x.to(torch.int32), x.bool()]
    ),
    _corner(
        "which indices", lambda x: [x[[0, 1]], x[:, [0, 1]], x[[0, 1], [1, 2]], x[None, :, [1]]]
    ),
    _corner("sums by dimension", lambda x: [x.sum(0), x.sum(1), x.sum(1, keepdim=True), x.sum()]),
    _corner(
        "roundings", lambda x: [torch.div(x, 3, rounding_mode=m) for m in (None, "floor", "trunc")]
    ),
    _corner("in place and alias", lambda x: (x := x.clone()).add_(x).mul_(x.sum()) + x),
    _corner(
        "one storage in two arguments", lambda x: [torch.add(x, x), torch.cat([x, x]), x @ x.t()]
    ),
    _corner(
        "optional weights",
        lambda x: [
            F.layer_norm(x, (8,), x[0], None),
            F.layer_norm(x, (8,), None, x[0]),
            F.layer_norm(x, (8,)),
        ],
    ),
    _corner(
        "formats",
        lambda x: [
            x.to(memory_format=torch.channels_last),
            x.to(memory_format=torch.channels_last).contiguous(),
            torch.empty_like(x, memory_format=torch.channels_last) + x,
            x.clone(),
            torch.zeros_like(x) + x,
        ],
        IMAGE,
    ),
    _corner("lifetimes", _freed),
    _corner("views under inference mode", _viewed),
    _layer("positions under inference mode", _Positions, ROWS),
    _corner(
        "lists of other lengths",
        lambda x: [F.avg_pool2d(x, (2,), (3, 1)), F.avg_pool2d(x, (2, 3), (1,))],
        IMAGE,
    ),
    _corner(
        "factors by name",
        lambda x: [torch.addmm(x, x[:, :6], x, beta=2), torch.addmm(x, x[:, :6], x, alpha=2)],
    ),
)

OPERATORS = (
    _corner("assignment", _assigned),
    _corner("in-place changes of shape", _updated),
    _corner("strides of size 1", _size_1),
    *([_corner("grouped products", _grouped)] if hasattr(torch, "_grouped_mm") else []),
    _corner(
        "indices that are transposed",
        lambda x, i: [
            x[:, i.t()].flatten(1),
            x[i[:2].t()].flatten(1),
            x[:, None].expand(6, 4, 8)[i.t(), i[0, 0], i.t()].flatten(),
            x[None][:, i[:1].t(), i.t()].flatten(),
        ],
        ROWS,
        "int64[3, 4]",
    ),
    _corner(
        "rolls of what is transposed",
        lambda x: [
            x.mT.roll(1, 2).flatten(1),
            x.mT.roll((1, 2), (1, -1)).flatten(1),
            x.permute(0, 3, 1, 2).roll(1, 1).flatten(1),
            x.permute(0, 3, 1, 2).roll((1, 7), (0, 2)).flatten(1),
            x.mT.roll(3).flatten(1),
            F.channel_shuffle(x.mT, 2).flatten(1),
            F.channel_shuffle(x.to(memory_format=torch.channels_last), 2).flatten(1),
        ],
        IMAGE,
    ),
    _corner(
        "pads of channels_last volumes",
        lambda x: [
            F.pad(x.to(memory_format=torch.channels_last_3d), (1,) * 6, mode=mode).flatten(1)
            for mode in ("constant", "reflect", "replicate", "circular")
        ],
        "float32[2, 4, 3, 3, 3]",
    ),
    _corner(
        "two layouts in one",
        lambda x: [
            torch.where(x > 0, x.mT, x).flatten(),
            torch.xlogy(x, x.mT).flatten(),
            torch.logaddexp(x.mT, x).flatten(),
            x.mT.masked_fill(x > 0, 1.0).flatten(),
            x.mT.sort(1).indices.flatten(),
            F.huber_loss(x.mT, x, reduction="none").flatten(),
            F.binary_cross_entropy(x.mT.sigmoid(), x.sigmoid(), reduction="none").flatten(),
        ],
        "float32[5, 5]",
    ),
    _corner(
        "patches apart",
        lambda x: F.fold(F.unfold(x, 2, stride=4), (9, 7), 2, stride=4),
        IMAGE,
    ),
    _corner(
        "copies with gaps",
        lambda x: [
            y.select_scatter(y[0] * 2, 0, 0).diagonal_scatter(y.diagonal() * 2)
            + y.slice_scatter(y[:1] * 2, 0, 0, 1).as_strided_scatter(y[0], y[0].shape, (2,))
            for y in (x[1:, ::2], x.mT[2:6], x[:1].expand(5, 8))
        ],
    ),
    _corner("numbers alone", lambda x: x[: int(torch.div(7, 2, rounding_mode="trunc"))] + 1),
    _corner("out=", _out),
    _corner("split, chunk, unbind", lambda x: [*x.split([2, 4]), *x.chunk(3, 1), *x.unbind(0)]),
    _corner("stack, cat", lambda x: torch.cat([torch.stack([x, x], 1).flatten(1), x], 1)),
    _corner(
        "pads",
        lambda x: [
            F.pad(x, (1, 2)),
            F.pad(x, (1, 1, 2, 2), mode="reflect"),
            F.pad(x, (1, 1, 1, 1), mode="replicate"),
            F.pad(x, (-1, 0, 0, -2)),
        ],
        IMAGE,
    ),
    _corner(
        "poolings",
        lambda x: [
            F.max_pool2d(x, 3, 2, ceil_mode=True),
            F.avg_pool2d(x, 2),
            F.lp_pool2d(x, 2.0, 2),
            F.adaptive_avg_pool2d(x, (3, 2)),
            F.adaptive_max_pool2d(x, 2),
            F.adaptive_avg_pool2d(x, 1),
            *F.max_pool2d(x, 2, return_indices=True),
        ],
        IMAGE,
    ),
    _corner(
        "poolings, one dimension",
        lambda x: [
            F.max_pool1d(x, 2),
            F.avg_pool1d(x, 3, 1, 1),
            F.adaptive_avg_pool1d(x, 3),
            F.adaptive_max_pool1d(x, 3),
        ],
        "float32[2, 4, 9]",
    ),
    _corner(
        "interpolations",
        lambda x: [
            *(
                F.interpolate(x, scale_factor=2.0, mode=m)
                for m in ("nearest", "bilinear", "bicubic", "area")
            ),
            F.interpolate(x, (5, 5), mode="bilinear", antialias=True),
        ],
        IMAGE,
    ),
    _corner(
        "grid_sample",
        lambda x, g: F.grid_sample(x, g, align_corners=False),
        IMAGE,
        "float32[2, 3, 3, 2]",
    ),
    _corner(
        "affine_grid",
        lambda t: F.affine_grid(t, [2, 4, 5, 5], align_corners=False),
        "float32[2, 2, 3]",
    ),
    _corner("unfold, fold", lambda x: F.fold(F.unfold(x, 2, stride=1), (9, 7), 2), IMAGE),
    _corner("pixel shuffles", lambda x: [F.pixel_shuffle(x, 2), F.channel_shuffle(x, 2)], IMAGE),
    _corner(
        "norms",
        lambda x: [
            F.group_norm(x, 2),
            F.instance_norm(x),
            F.local_response_norm(x, 3),
            F.normalize(x, dim=1),
            F.batch_norm(x, None, None, training=True),
            F.layer_norm(x, (7,)),
            F.rms_norm(x, (7,)),
        ],
        IMAGE,
    ),
    _corner(
        "activations",
        lambda x: [
            F.relu(x),
            F.relu6(x),
            F.leaky_relu(x),
            F.elu(x),
            F.selu(x),
            F.gelu(x),
            F.gelu(x, approximate="tanh"),
            F.silu(x),
            F.mish(x),
            F.softplus(x),
            F.hardswish(x),
            F.hardsigmoid(x),
            F.hardtanh(x),
            F.softsign(x),
            F.tanhshrink(x),
            F.glu(x),
            F.logsigmoid(x),
            F.celu(x),
            F.threshold(x, 0.0, 0.0),
            F.prelu(x, x[0]),
        ],
    ),
    _corner(
        "softmaxes",
        lambda x: [F.softmax(x, 1), F.log_softmax(x, 0), F.softmin(x, 1), F.gumbel_softmax(x)],
    ),
    _corner(
        "dropouts",
        lambda x: [F.dropout(x), F.dropout2d(x), F.alpha_dropout(x), F.dropout(x, training=False)],
        IMAGE,
    ),
    _corner(
        "reductions",
        lambda x: [
            x.mean(1),
            x.var(0),
            x.std(),
            x.amax(1),
            x.max(1).values,
            x.argmax(),
            x.prod(0),
            x.norm(),
            x.logsumexp(1),
            x.median(),
            x.any(),
            x.all(1),
            torch.linalg.vector_norm(x, dim=0),
            x.aminmax()[0],
        ],
    ),
    _corner(
        "sorting",
        lambda x: [x.sort(1).values, x.argsort(), x.topk(3).values, x.kthvalue(2).indices],
    ),
    _corner(
        "cumulating", lambda x: [x.cumsum(0), x.cumprod(1), x.logcumsumexp(1), x.cummax(0).values]
    ),
    _corner(
        "gather, scatter",
        lambda x, i: [
            x.gather(1, i),
            torch.zeros(6, 8).scatter(1, i, x),
            x.scatter_add(1, i, x),
            x.index_add(0, i[:, 0] * 0, x),
            x.index_select(1, i[0]),
            x.take_along_dim(i, 1),
        ],
        ROWS,
        "int64[6, 8]",
    ),
    _corner(
        "index_put",
        lambda x, i: [
            x.index_put((i,), x[:1]),
            x.clone().index_fill_(0, i, 2.0),
            x.clone().index_copy_(0, i[:1], x[:1]),
        ],
        ROWS,
        "int64[3]",
    ),
    _corner(
        "where",
        lambda x: [
            torch.where(x > 0, x, 0.0),
            x.masked_fill(x < 0, 1.0),
            x.clamp(0, 1),
            x.clip(min=0),
        ],
    ),
    _corner(
        "shapes",
        lambda x: [
            x.roll(1, 0),
            x.flip(1),
            x.repeat(2, 1),
            x.repeat_interleave(2, 1),
            x.tile(2),
            x.expand(3, 6, 8) + 1,
            x.diagonal().clone(),
            torch.diag_embed(x),
            x.tril(),
            x.unfold(1, 3, 2).clone(),
            x.movedim(0, 1).reshape(-1),
            x.rot90(),
            x.as_strided((2, 2), (1, 2)).clone(),
        ],
    ),
    _corner(
        "factories like",
        lambda x: [x.new_zeros(3), torch.ones_like(x), torch.randn_like(x), x.new_full((2,), 3)],
    ),
    _corner("causal mask", lambda x: x @ x.t() + torch.full((6, 6), float("-inf")).triu(1)),
    _corner(
        "embeddings",
        lambda i, w: [F.embedding(i, w), F.embedding_bag(i, w), F.embedding_bag(i, w, mode="max")],
        "int64[2, 3]",
        "float32[10, 4]",
    ),
    _corner("one_hot of nothing computed", lambda x: F.one_hot(x[:, :0].long(), 5)),
    _corner("one_hot with classes", lambda i: F.one_hot(i, 5), "int64[2, 3]"),
    _corner("one_hot of what is computed", lambda x: F.one_hot(x.argmax(1), num_classes=8)),
    _corner("masks to be broadcast", _selected_by_row_and_column),
    _corner("storages left behind", _left),
    _corner(
        "losses",
        lambda x, i: [
            F.cross_entropy(x, i),
            F.mse_loss(x, x * 2),
            F.l1_loss(x, x + 1),
            F.huber_loss(x, x * 3),
            F.nll_loss(x.log_softmax(1), i),
            F.binary_cross_entropy_with_logits(x, x.sigmoid()),
            F.smooth_l1_loss(x, x * 2),
            F.cosine_similarity(x, x * 2),
        ],
        ROWS,
        "int64[6]",
    ),
    _corner("distances", lambda x: [torch.cdist(x, x), F.pairwise_distance(x, x * 2), F.pdist(x)]),
    _corner("bilinear", lambda x, w: F.bilinear(x, x, w), ROWS, "float32[3, 8, 8]"),
    _corner(
        "complex numbers",
        lambda x: [
            torch.view_as_real(torch.fft.fft(x)),
            torch.fft.rfft2(x).abs(),
            torch.fft.ifft(torch.fft.fft(x)).real,
            torch.fft.irfft(torch.fft.rfft(x)),
            torch.complex(x, x).angle(),
            torch.polar(x, x).sum(),
        ],
    ),
    _corner(
        "conjugates",
        lambda z: [
            z.conj() * 2,
            z.conj() @ z.t(),
            z.mH @ z,
            z.conj().imag + 1,
            z.conj().real.sum(),
            torch.vdot(z[0], z[1]),
            z.conj().clone(),
        ],
        "complex64[6, 8]",
    ),
    _corner(
        "stft",
        lambda x: torch.stft(x, 16, 4, window=torch.ones(16), return_complex=True),
        "float32[2, 64]",
    ),
    _corner(
        "linear algebra",
        lambda x: [
            torch.linalg.inv(x @ x.t() + torch.eye(6)),
            torch.linalg.qr(x).Q,
            torch.linalg.det(x[:, :6]),
        ],
    ),
    _corner(
        "products",
        lambda x: [
            torch.outer(x[0], x[1]),
            torch.kron(x, x),
            torch.tensordot(x, x, 2),
            torch.chain_matmul(x, x.t(), x),
            torch.linalg.multi_dot([x, x.t(), x]),
            torch.addr(x.t()[:, :1] @ x[:1], x[0], x[1]),
            torch.cross(x[:, :3], x[:, 3:6], 1),
        ],
    ),
    _corner(
        "meshgrid and buckets",
        lambda x: [
            torch.bucketize(x, torch.arange(4.0)),
            torch.searchsorted(x[0], x[1]),
            x.histc(4),
        ],
    ),
    _corner("foreach", lambda x: torch._foreach_mul([x, x + 1], 2.0)),
    _corner("an empty tensor", lambda x: [x[:0] + 1, torch.cat([x, x[:0]]), x[:0].sum(0)]),
    _corner(
        "scalars", lambda x: [x.sum() + 1, torch.tensor(2.0) * x, x * torch.tensor(3), x[0, 0] + x]
    ),
)

LAYERS = (
    _layer(
        "channels_last",
        _channels_last,
        torch.randn(2, 4, 9, 7).to(memory_format=torch.channels_last),
    ),
    _layer("strided input", lambda: nn.Linear(6, 3), torch.randn(6, 8).t()),
    _layer("expanded input", lambda: nn.Linear(8, 3), torch.randn(1, 8).expand(6, 8)),
    _layer("BatchNorm without statistics", lambda: nn.BatchNorm2d(4, track_running_stats=False)),
    _layer("BatchNorm without weights", lambda: nn.BatchNorm2d(4, affine=False)),
    _layer(
        "InstanceNorm with statistics",
        lambda: nn.InstanceNorm2d(4, affine=True, track_running_stats=True),
    ),
    _layer("MaxPool with indices", _Unpool),
    _layer("strides of levels", _Levels),
    _layer("Upsample", lambda: nn.Upsample(scale_factor=(2, 3))),
    _layer("PReLU", lambda: nn.PReLU(4)),
    _layer(
        "Embedding with max_norm",
        lambda: nn.Embedding(10, 4, padding_idx=0, max_norm=1.0),
        "int64[2, 3]",
    ),
    _layer("EmbeddingBag", lambda: nn.EmbeddingBag(10, 4, mode="sum"), "int64[2, 3]"),
    _layer(
        "MultiheadAttention with more keys",
        lambda: nn.MultiheadAttention(8, 2, add_bias_kv=True, add_zero_attn=True),
        *["float32[5, 2, 8]"] * 3,
    ),
    _layer(
        "Transformer",
        lambda: nn.Transformer(8, 2, 1, 1, 16),
        "float32[5, 2, 8]",
        "float32[4, 2, 8]",
    ),
    _layer(
        "TransformerDecoder",
        lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16), 2),
        "float32[4, 2, 8]",
        "float32[5, 2, 8]",
    ),
    _layer("AdaptiveLogSoftmax", _head, ROWS),
    _layer("RNN with relu", lambda: nn.RNN(8, 4, nonlinearity="relu"), "float32[3, 2, 8]"),
    _layer("Fold", lambda: nn.Sequential(nn.Unfold(3), nn.Fold((9, 7), 3))),
    _layer("mel bins", _mel, "float32[2, 1, 9, 4]"),
    _layer(
        "one position upsampled",
        lambda: _narrow(nn.Sequential(nn.Conv2d(6, 6, 1), nn.Upsample((1, 1)))),
        "float32[2, 1, 1, 6]",
    ),
    _layer(
        "one position depthwise",
        lambda: _narrow(nn.Conv2d(6, 6, 3, padding=1, groups=6)),
        "float32[2, 1, 1, 6]",
    ),
    _layer(
        "strided input of size 1",
        lambda: nn.GroupNorm(2, 6),
        torch.randn(2, 1, 5, 6).transpose(1, 3),
    ),
    _layer(
        "ConvTranspose3d to less",
        lambda: nn.ConvTranspose3d(16, 1, 2, 2),
        "float32[1, 16, 2, 2, 2]",
    ),
    _layer(
        "ConvTranspose3d to less in groups",
        lambda: nn.ConvTranspose3d(32, 2, 2, 2, groups=2),
        "float32[1, 32, 2, 2, 2]",
    ),
    *(
        _layer(f"ctc_loss {name}", partial(_Speech, *given), "float32[5, 2, 4]")
        for name, given in _SPEECH.items()
    ),
    _layer("data of a layer's view", _Moved, "float32[2, 3, 4]"),
    _layer("RReLU", lambda: nn.Sequential(nn.RReLU(), nn.Dropout2d())),
)

CORNERS = (*KEYS, *OPERATORS, *LAYERS)
