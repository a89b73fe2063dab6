"""torch's own formulas: exactly twice our multiply-adds, for every operator that both know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import (
    FlopCounterMode,
    flop_registry,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)

from pytest_burden.engine.measure import measure
from pytest_burden.engine.rules import Cost
from pytest_burden.engine.spec import Argument, Spec
from tests.rules.table import cost, spec

aten = torch.ops.aten
SIZE = st.integers(min_value=0, max_value=9)
SOME = st.integers(min_value=1, max_value=5)
FEW = settings(max_examples=60, deadline=None, database=None)


def _flops(name: str, *shapes: object, out: object = None, **options: object) -> int:
    """Return what torch counts, from shapes: its formulas are wrapped to take tensors otherwise."""
    formula: Callable[..., Any] = flop_registry[getattr(aten, name)]
    return int(formula(*(_tensor(shape) for shape in shapes), out_val=_tensor(out), **options))


def _tensor(shape: object) -> object:
    """Return a tensor without data where a shape stands, and anything else as it is."""
    if isinstance(shape, Shape):
        return torch.empty(shape.sizes, device="meta")
    return [_tensor(item) for item in shape] if isinstance(shape, list) else shape


class Shape:
    """A tensor's sizes, told from a list of numbers."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = sizes

    def spec(self) -> Spec:
        """Return what our rules are given."""
        return Spec(self.sizes)


@FEW
@given(m=SIZE, n=SIZE, k=SIZE, b=SIZE)
def test_products(m: int, n: int, k: int, b: int) -> None:
    """mm, addmm, bmm, baddbmm, _scaled_mm."""
    left, right, out = Shape(m, k), Shape(k, n), Shape(m, n)
    macs = cost("aten.mm", out.spec(), self=left.spec(), mat2=right.spec()).macs
    assert _flops("mm", left, right) == 2 * macs
    given_: dict[str, Argument] = {"mat1": left.spec(), "mat2": right.spec()}
    assert _flops("addmm", out, left, right) == 2 * cost("aten.addmm", out.spec(), **given_).macs
    scale = Shape()
    scaled = cost("aten._scaled_mm", out.spec(), self=left.spec(), bias=None)
    assert _flops("_scaled_mm", left, right, scale, scale) == 2 * scaled.macs
    left, right, out = Shape(b, m, k), Shape(b, k, n), Shape(b, m, n)
    macs = cost("aten.bmm", out.spec(), self=left.spec(), mat2=right.spec()).macs
    assert _flops("bmm", left, right) == 2 * macs
    given_ = {"batch1": left.spec(), "batch2": right.spec()}
    macs = cost("aten.baddbmm", out.spec(), **given_).macs
    assert _flops("baddbmm", out, left, right) == 2 * macs


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Shape, Shape, Shape, bool, int]:
    """Return input, weight and output of a convolution, whether transposed, and its groups."""
    dims, groups = draw(st.integers(1, 3)), draw(SOME)
    transposed = draw(st.booleans())
    into, outof = groups * draw(SOME), groups * draw(SOME)
    kernel = draw(st.lists(SOME, min_size=dims, max_size=dims))
    steps = draw(st.lists(SOME, min_size=dims, max_size=dims))
    small = draw(st.lists(SOME, min_size=dims, max_size=dims))
    large = [(s - 1) * step + k for s, step, k in zip(small, steps, kernel, strict=True)]
    batch = draw(SIZE)
    given_, out = (small, large) if transposed else (large, small)
    channels = (into, outof // groups) if transposed else (outof, into // groups)
    shapes = Shape(batch, into, *given_), Shape(*channels, *kernel), Shape(batch, outof, *out)
    return (*shapes, transposed, groups)


CONVOLUTIONS = ("convolution", "_convolution", "convolution_overrideable")


@FEW
@given(case=convolutions())
def test_convolutions(case: tuple[Shape, Shape, Shape, bool, int]) -> None:
    """Any number of dimensions, groups and strides, transposed or not."""
    x, weight, out, transposed, _ = case
    arguments: dict[str, Argument] = {"input": x.spec(), "weight": weight.spec(), "bias": None}
    for name in CONVOLUTIONS:
        found = cost(f"aten.{name}", out.spec(), **arguments, transposed=transposed)
        flops = _flops(name, x, weight, None, None, None, None, transposed, out=out)
        assert flops == 2 * found.macs
    if not transposed:
        found = cost("aten._slow_conv2d_forward", out.spec(), weight=weight.spec())
        flops = _flops("_slow_conv2d_forward", x, weight, None, None, None, None, False, out=out)  # noqa: FBT003 torch's own order
        assert flops == 2 * found.macs
        assert cost("aten.cudnn_convolution", out.spec(), weight=weight.spec()) == found


@FEW
@given(case=convolutions(), mask=st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_convolution_backward(
    case: tuple[Shape, Shape, Shape, bool, int], mask: tuple[bool, bool, bool]
) -> None:
    """Torch's count is right for the input's gradient; for the weight's, where groups are one."""
    x, weight, out, transposed, groups = case
    if groups > 1:
        mask = (mask[0], False, mask[2])  # torch forgets that a group sees its own channels only
    found = cost(
        "aten.convolution_backward",
        grad_output=out.spec(),
        input=x.spec(),
        weight=weight.spec(),
        transposed=transposed,
        output_mask=list(mask),
    )
    rest = (None, None, None, None, transposed, None, groups, mask)
    flops = _flops("convolution_backward", out, x, weight, *rest, out=[x, weight, None])
    assert flops == 2 * found.macs


@st.composite
def attentions(draw: st.DrawFn) -> tuple[int, int, int, int, int, int, int]:
    """Return batch, heads, key heads, queries, keys, width and value width."""
    shared = draw(SOME)
    heads, lengths = shared * draw(SOME), (draw(SIZE), draw(SIZE))
    return (draw(SIZE), heads, shared, *lengths, draw(SIZE), draw(SIZE))


Sizes = tuple[int, int, int, int, int, int, int]
ATTENTIONS = ("efficient", "flash", "cudnn")


@FEW
@given(sizes=attentions())
def test_attention(sizes: Sizes) -> None:
    """Forward and backward, grouped heads or not."""
    b, h, kv, queries, keys, width, value_width = sizes
    q, k = Shape(b, h, queries, width), Shape(b, kv, keys, width)
    v, out = Shape(b, kv, keys, value_width), Shape(b, h, queries, value_width)
    arguments: dict[str, Argument] = {"query": q.spec(), "key": k.spec(), "value": v.spec()}
    for kind in ATTENTIONS:
        name = f"_scaled_dot_product_{kind}_attention"
        assert _flops(name, q, k, v) == 2 * cost(f"aten.{name}", out.spec(), **arguments).macs
        back = cost(f"aten.{name}_backward", q.spec(), **arguments)
        assert _flops(f"{name}_backward", out, q, k, v) == 2 * back.macs


@FEW
@given(sizes=attentions())
def test_attention_that_takes_functions(sizes: Sizes) -> None:
    """Whatever these do with each score."""
    b, h, kv, queries, keys, width, value_width = sizes
    q, k = Shape(b, h, queries, width), Shape(b, kv, keys, width)
    v, out = Shape(b, kv, keys, value_width), Shape(b, h, queries, value_width)
    arguments: dict[str, Argument] = {"query": q.spec(), "key": k.spec(), "value": v.spec()}
    forward, back = (
        flop_registry[getattr(torch.ops.higher_order, f"flex_attention{way}")]
        for way in ("", "_backward")
    )
    found = cost("higher_order.flex_attention", out.spec(), **arguments)
    assert forward(*map(_tensor, (q, k, v))) == 2 * found.macs
    found = cost("higher_order.flex_attention_backward", q.spec(), **arguments)
    assert back(*map(_tensor, (q, k, v, out)), None, _tensor(out)) == 2 * found.macs


@FEW
@given(sizes=attentions())
def test_attention_with_heads_last(sizes: Sizes) -> None:
    """The kernels behind it keep the sequence before the heads; torch's formulas do not."""
    b, h, kv, queries, keys, width, value_width = sizes
    q, k, v = (b, queries, h, width), (b, keys, kv, width), (b, keys, kv, value_width)
    arguments: dict[str, Argument] = {
        "query": Spec(q),
        "key": Spec(k),
        "value": Spec(v),
        "max_q": queries,
        "max_k": keys,
    }
    swapped = [Shape(shape[0], shape[2], shape[1], shape[3]) for shape in (q, k, v)]
    out = Shape(b, h, queries, value_width)
    lengths = (None, None, queries, keys)
    flash = cost("aten._flash_attention_forward", spec(), **arguments)
    assert _flops("_flash_attention_forward", *swapped, *lengths) == 2 * flash.macs
    flash = cost("aten._flash_attention_backward", spec(), **arguments)
    flops = _flops("_flash_attention_backward", out, *swapped, out, None, *lengths)
    assert flops == 2 * flash.macs
    efficient = cost("aten._efficient_attention_forward", spec(), **arguments)
    assert _flops("_efficient_attention_forward", *swapped, None, *lengths) == 2 * efficient.macs
    efficient = cost("aten._efficient_attention_backward", spec(), **arguments)
    flops = _flops("_efficient_attention_backward", out, *swapped, None, out, *lengths)
    assert flops == 2 * efficient.macs


@pytest.mark.parametrize("kind", ["flash", "efficient"])
def test_which_dimension_the_heads_are(kind: str) -> None:
    """The kernel itself says: its logsumexp is one number a head and a query."""
    q, k = (torch.empty(2, length, 3, 16, device="meta") for length in (64, 96))
    unset = (None,) * (2 if kind == "flash" else 5)
    rest = (64, 96, 0.0, False, False) if kind == "flash" else (0.0, 0, True)
    result = getattr(aten, f"_{kind}_attention_forward")(q, k, k, *unset, *rest)
    assert tuple(result[1].shape) == (2, 3, 64)


@pytest.mark.parametrize("kind", ["efficient", "flash"])
@pytest.mark.parametrize("backward", [False, True])
def test_packed_sequences(kind: str, backward: bool) -> None:
    """Of unknown lengths: torch, too, counts each as the longest."""
    # Of packed sequences torch's formulas of the backward want the same width everywhere.
    q, k, v = Shape(17, 4, 8), Shape(19, 4, 8), Shape(19, 4, 8 if backward else 6)
    starts = Shape(4)
    if kind == "efficient":
        q, k, v = (Shape(1, *shape.sizes) for shape in (q, k, v))
    name = f"_{kind}_attention_{'backward' if backward else 'forward'}"
    bias = [None] if kind == "efficient" else []
    saved = [*bias, q] if bias else [q, None]
    given_ = [q, q, k, v, *saved] if backward else [q, k, v, *bias]
    flops = _flops(name, *given_, starts, starts, 9, 11)
    packed: dict[str, Argument] = {"cum_seq_q": starts.spec(), "max_q": 9, "max_k": 11}
    if kind == "efficient":
        packed = {"cu_seqlens_q": starts.spec(), "max_seqlen_q": 9, "max_seqlen_k": 11}
    found: Cost = cost(
        f"aten.{name}",
        query=q.spec(),
        key=k.spec(),
        value=v.spec(),
        **packed,
    )
    assert flops == 2 * found.macs


def _sdpa(query: Sizes, key: Sizes, value: Sizes, *_: object, **__: object) -> int:
    return int(sdpa_flop_count(query, key, value))


def _sdpa_backward(
    grad: Sizes, query: Sizes, key: Sizes, value: Sizes, *_: object, **__: object
) -> int:
    return int(sdpa_backward_flop_count(grad, query, key, value))


ON_CPU = {
    aten._scaled_dot_product_flash_attention_for_cpu: _sdpa,
    aten._scaled_dot_product_flash_attention_for_cpu_backward: _sdpa_backward,
}
"""Torch's formulas for attention; it names only those kernels of it that are for a GPU."""


class Attention(nn.Module):
    """Attention of four heads over a sequence, from one projection."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(16, 3 * 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the heads, mixed."""
        heads = self.project(x).unflatten(-1, (4, 12)).transpose(1, 2)
        query, key, value = heads.chunk(3, -1)
        return functional.scaled_dot_product_attention(query, key, value, is_causal=True)


class Mixer(nn.Module):
    """Products of every kind, between parameters and between activations."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = (nn.Parameter(torch.ones(3, 8, 6)) for _ in range(2))
        self.bias = nn.Parameter(torch.ones(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return bmm, baddbmm, einsum and addmm of ``x`` (3, 5, 8), one behind the other."""
        y = torch.baddbmm(self.bias, x @ self.left, self.right.mT)
        y = torch.einsum("bik,bjk->bij", y, y) @ x
        return torch.addmm(self.bias, y[0], y[1].T @ y[2])


TRAINED: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda: nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4)), (3, 5, 8)),
    "frozen first layer": (
        lambda: nn.Sequential(nn.Linear(8, 6).requires_grad_(False), nn.Linear(6, 4)),  # noqa: FBT003 torch's own signature
        (3, 5, 8),
    ),
    "frozen last layer": (
        lambda: nn.Sequential(nn.Linear(8, 6), nn.Linear(6, 4).requires_grad_(False)),  # noqa: FBT003 torch's own signature
        (3, 5, 8),
    ),
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2),
            nn.BatchNorm2d(4),
            nn.Conv2d(4, 6, 3, dilation=2, padding=1, bias=False),
            nn.ConvTranspose2d(6, 5, 2, stride=2),
        ),
        (2, 3, 17, 13),
    ),
    "in one and three dimensions": (
        lambda: nn.Sequential(nn.Conv1d(4, 6, 3), nn.Unflatten(2, (2, 2, 2)), nn.Conv3d(6, 2, 2)),
        (2, 4, 10),
    ),
    "products": (Mixer, (3, 5, 8)),
    "attention": (Attention, (2, 7, 16)),
    "multi-head attention": (
        lambda: nn.TransformerEncoderLayer(16, 4, 24, dropout=0.0, batch_first=True),
        (2, 7, 16),
    ),
    "with dropout, by plain products": (
        lambda: nn.TransformerEncoderLayer(16, 4, 24, batch_first=True),
        (2, 7, 16),
    ),
}


@pytest.mark.parametrize("name", TRAINED)
def test_a_training_step(name: str) -> None:
    """Forward and backward of a network, run for real under torch's own counter."""
    build, shape = TRAINED[name]
    sizes = ", ".join(map(str, shape))
    burden = measure(build, (f"float32[{sizes}]",), training="SGD")
    with FlopCounterMode(display=False, custom_mapping=ON_CPU) as counter:
        build()(torch.ones(shape)).sum().backward()
    assert burden.training_macs is not None
    assert counter.get_total_flops() == 2 * burden.training_macs > 2 * burden.macs
    assert "training_macs" not in burden.lower_bounds


COVERED = {
    *("mm", "addmm", "bmm", "baddbmm", "_scaled_mm"),
    *(*CONVOLUTIONS, "_slow_conv2d_forward", "cudnn_convolution", "convolution_backward"),
    *(f"_scaled_dot_product_{kind}_attention" for kind in ATTENTIONS),
    *(f"_scaled_dot_product_{kind}_attention_backward" for kind in ATTENTIONS),
    *("_flash_attention_forward", "_flash_attention_backward"),
    *("_efficient_attention_forward", "_efficient_attention_backward"),
    *("flex_attention", "flex_attention_backward"),
}


def test_nothing_that_torch_counts_is_left_out() -> None:
    """Each formula of torch has its twin above."""
    known = {str(getattr(target, "__name__", target)).split(".")[-1] for target in flop_registry}
    assert known == COVERED
