"""Inputs of a dtype that the network's kernels do not take: the error that a real run would be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 as everybody calls it
from torch import Tensor, nn

from pytest_burden import measure

Two = Callable[[Tensor, Tensor], Tensor]
DTYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
    *(torch.int64, torch.int32, torch.bool),
)
FUNCTIONS: dict[str, Two] = {
    "linear": F.linear,
    "mm": torch.mm,
    "bmm": lambda x, w: torch.bmm(x[None], w[None]),
    "mv": lambda x, w: torch.mv(x, w[0]),
    "dot": lambda x, w: torch.dot(x[0], w[0]),
    "addmm": lambda x, w: torch.addmm(w, x, w),
    "addmm of another": lambda x, w: torch.addmm(x, w, w),
    "baddbmm": lambda x, w: torch.baddbmm(w[None], x[None], w[None]),
    "einsum": lambda x, w: torch.einsum("ij,jk->ik", x, w),
    "conv2d": lambda x, w: F.conv2d(x[None, None], w[None, None]),
    "conv_transpose2d": lambda x, w: F.conv_transpose2d(x[None, None], w[None, None]),
    "attention": lambda x, w: F.scaled_dot_product_attention(x[None], w[None], w[None]),
    "layer_norm": lambda x, w: F.layer_norm(x, (4,), w[0], w[1]),
    "group_norm": lambda x, w: F.group_norm(x[None], 4, w[0], w[1]),
    "batch_norm": lambda x, w: F.batch_norm(x, w[0], w[1].abs(), w[2], w[3]),
    "batch_norm in training": lambda x, w: F.batch_norm(x, w[0], w[1], w[2], w[3], training=True),
    "embedding": F.embedding,
    "cross_entropy": lambda x, w: F.cross_entropy(w, x[0]),
    "nll_loss of pictures": lambda x, w: F.nll_loss(w.expand(1, 4, 4, 4), x[None]),
    "weighted cross_entropy": lambda x, w: F.cross_entropy(w, w[0].long().abs() % 4, x[0]),
    "weighted nll_loss of pictures": lambda x, w: F.nll_loss(
        w.expand(1, 4, 4, 4), torch.zeros(1, 4, 4, dtype=torch.int64), x[0]
    ),
    "binary_cross_entropy": lambda x, w: F.binary_cross_entropy(w, x),
    "mse_loss": F.mse_loss,
    "gru_cell": lambda x, w: torch.gru_cell(x, w, w.repeat(3, 1), w.repeat(3, 1)),
    "index_add": lambda x, w: w.index_add(0, torch.arange(4), x),
    "index_select": lambda x, w: w.index_select(0, x[0]),
    "gather": lambda x, w: w.gather(0, x),
    "bitwise_and": lambda x, w: x & x | (w > 0),
    "bitwise_not": lambda x, w: ~x + w,
    "grid_sample": lambda x, w: F.grid_sample(
        x[None, None], torch.stack([w, w], -1)[None], align_corners=False
    ),
    "prelu": lambda x, w: F.prelu(x, w[0, :1]),
    "add": torch.add,
    "where": lambda x, w: torch.where(x > 0, x, w),
}


class Net(nn.Module):
    """A function of an input and a weight."""

    def __init__(self, function: Two, dtype: torch.dtype) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(torch.zeros(4, 4, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Call it."""
        return self.function(x, self.weight)


def refused(run: Callable[[], object]) -> bool:
    """Return whether torch's dtypes or indices do not fit."""
    try:
        with torch.no_grad():
            run()
    except (RuntimeError, IndexError, TypeError):
        return True
    return False


@pytest.mark.parametrize("name", FUNCTIONS)
def test_as_the_kernels(name: str) -> None:
    """What cannot be run has no burden, and what can be run has one."""
    found = {}
    for dtype in (torch.float32, torch.bfloat16):
        for given in DTYPES:
            net, x = Net(FUNCTIONS[name], dtype), torch.zeros(4, 4, dtype=given)
            ours, real = refused(lambda: measure(net, (x,))), refused(lambda: net(x))  # noqa: B023
            if ours != real:
                found[given, dtype] = f"{'refused' if ours else 'measured'} and not by torch"
    assert not found


@pytest.mark.parametrize(
    ("real", "told"),
    [
        ("auto", "to have the same dtype, but got: double != float"),  # torch's words
        ("never", "aten::mm: expected tensors of one dtype, got float64 and float32"),
    ],
)
def test_told(real: Literal["auto", "never"], told: str) -> None:
    """It is told as any error of the network: where, and with which inputs."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    with pytest.raises(RuntimeError, match=told) as caught:
        measure(net, "float64[1, 2, 2]", real=real)
    (note,) = caught.value.__notes__
    assert "raised in 1 (Linear)" in note
    assert "float64[1, 4]" in note


def test_a_network_that_catches_it() -> None:
    """It goes on in its other way, as it would on any machine."""

    class Choosy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            try:
                out: Tensor = self.linear(x)
            except RuntimeError:
                out = self.linear(x.float()) + 1
            return out

    burden = measure(Choosy, "float64[1, 4]")
    assert (burden.method, burden.macs) == ("abstract", 8)
    assert {row.op for row in burden.op_rows} == {"aten._to_copy", "aten.addmm", "aten.add"}


OFFSETS = torch.tensor([2, 5, 8], dtype=torch.int32)
GROUPED: dict[str, tuple[Tensor, Tensor, dict[str, Any]]] = {
    "rows by groups": (torch.zeros(8, 16), torch.zeros(3, 16, 8), {"offs": OFFSETS}),
    "half": (torch.zeros(8, 16).half(), torch.zeros(3, 16, 8).half(), {"offs": OFFSETS}),
    "columns by groups": (torch.zeros(4, 8), torch.zeros(8, 4), {"offs": OFFSETS}),
    "two stacks": (torch.zeros(3, 8, 16), torch.zeros(3, 16, 8), {}),
    "two stacks and offsets": (torch.zeros(3, 8, 16), torch.zeros(3, 16, 8), {"offs": OFFSETS}),
    "no offsets": (torch.zeros(8, 16), torch.zeros(3, 16, 8), {}),
    "stacks of two lengths": (torch.zeros(2, 8, 16), torch.zeros(3, 16, 8), {}),
    "other numbers of groups": (torch.zeros(8, 16), torch.zeros(2, 16, 8), {"offs": OFFSETS}),
    "rows that are too short": (torch.zeros(8, 12), torch.zeros(3, 16, 8), {"offs": OFFSETS}),
    "two dtypes": (torch.zeros(8, 16).half(), torch.zeros(3, 16, 8), {"offs": OFFSETS}),
    "double": (torch.zeros(8, 16).double(), torch.zeros(3, 16, 8).double(), {"offs": OFFSETS}),
    "rows at odd places": (torch.zeros(8, 17)[:, :16], torch.zeros(3, 16, 8), {"offs": OFFSETS}),
    "odd rows on the right": (
        torch.zeros(8, 16),
        torch.zeros(3, 16, 9)[..., :8],
        {"offs": OFFSETS},
    ),
    "rows with gaps": (torch.zeros(8, 32)[:, ::2], torch.zeros(3, 16, 8), {"offs": OFFSETS}),
    "four dimensions": (torch.zeros(1, 3, 8, 16), torch.zeros(3, 16, 8), {"offs": OFFSETS}),
    "a bias": (
        torch.zeros(8, 16),
        torch.zeros(3, 16, 8),
        {"offs": OFFSETS, "bias": torch.zeros(8)},
    ),
    "its own dtype": (
        *(torch.zeros(8, 16), torch.zeros(3, 16, 8)),
        {"offs": OFFSETS, "out_dtype": torch.float32},
    ),
    "another dtype": (
        *(torch.zeros(8, 16), torch.zeros(3, 16, 8)),
        {"offs": OFFSETS, "out_dtype": torch.float16},
    ),
}


@pytest.mark.skipif(not hasattr(torch, "_grouped_mm"), reason="this torch has no grouped products")
@pytest.mark.parametrize("name", GROUPED)
def test_grouped_products(name: str) -> None:
    """The kernel says which operands it takes; its shape function, made for GPUs, does not."""
    left, right, options = GROUPED[name]

    class Grouped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Parameter(left), nn.Parameter(right)

        def forward(self) -> Tensor:
            product: Tensor = torch._grouped_mm(self.left, self.right, **options)
            return product

    net = Grouped()
    ours, real = refused(lambda: measure(net)), refused(net)
    assert ours == real
    if not real:
        assert measure(net).activation_memory == net().numel() * left.itemsize
