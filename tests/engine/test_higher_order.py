"""Operators that take functions: those that are known as a whole need no data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn
from torch._higher_order_ops.map import map as map_
from torch._higher_order_ops.while_loop import while_loop
from torch.nn.attention.flex_attention import AuxRequest, create_block_mask, flex_attention

from pytest_burden import MeasureError, measure
from tests.engine.test_same_traces import differences, fast, real

BATCH, LENGTH, HEADS, WIDTH = 2, 64, 4, 16
CASES: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "grouped heads": {"shared": 2},
    "narrow values": {"values": 8},
    "with its sums": {"return_aux": AuxRequest(lse=True)},
    "a function of the score": {"score_mod": lambda score, *at: score + (at[2] - at[3])},
    "heads last": {"across": False},
}


class Attention(nn.Module):
    """Attention of its own projections, as networks have it."""

    def __init__(
        self, shared: int = HEADS, values: int = WIDTH, *, across: bool = True, **options: object
    ) -> None:
        super().__init__()
        self.query = nn.Linear(32, HEADS * WIDTH)
        self.key = nn.Linear(32, shared * WIDTH)
        self.value = nn.Linear(32, shared * values)
        self.widths, self.across = (WIDTH, WIDTH, values), across
        self.options = {"enable_gqa": shared != HEADS, **options}

    def forward(self, x: torch.Tensor, mask: Any = None) -> torch.Tensor:
        """Attend."""
        layers = zip((self.query, self.key, self.value), self.widths, strict=True)
        heads = [layer(x).unflatten(-1, (-1, width)).transpose(1, 2) for layer, width in layers]
        if not self.across:
            heads = [each.contiguous() for each in heads]
        attend: Callable[..., Any] = flex_attention
        out = attend(*heads, block_mask=mask, **self.options)
        attended: torch.Tensor = out[0] if isinstance(out, tuple) else out
        return attended.transpose(1, 2).flatten(2)


def before(batch: Any, head: Any, query: Any, key: Any) -> Any:  # noqa: ARG001 as torch has it
    """Let a query see what comes before it."""
    return query >= key


class Causal(Attention):
    """The same, with a mask that it makes."""

    def forward(self, x: torch.Tensor, mask: Any = None) -> torch.Tensor:
        """Attend to what comes before."""
        length = x.shape[1]
        mask = create_block_mask(before, None, None, length, length, device="cpu")
        return super().forward(x, mask)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *((name, torch.float32) for name in CASES),
        ("plain", torch.float64),
        ("narrow values", torch.bfloat16),
    ],
)
@pytest.mark.filterwarnings("ignore:flex_attention called without")
def test_flex_attention(name: str, dtype: torch.dtype) -> None:
    """It returns what it returns in a run, laid out as there."""
    net = Attention(**CASES[name]).to(dtype)
    inputs = [torch.zeros(BATCH, LENGTH, 32, dtype=dtype)], dict[str, object]()
    assert differences(fast(net, inputs), real(net, inputs)) == []


@pytest.mark.parametrize("kind", [Attention, Causal])
@pytest.mark.filterwarnings("ignore:flex_attention called without")
def test_what_flex_attention_costs(kind: Callable[[], Attention]) -> None:
    """Two products of all queries with all keys; its memory is a lower bound."""
    burden = measure(kind, f"{BATCH}x{LENGTH}x32")
    tokens, scores = BATCH * LENGTH, BATCH * HEADS * LENGTH * LENGTH
    projections = 3 * tokens * 32 * HEADS * WIDTH
    assert burden.macs == projections + scores * 2 * WIDTH
    assert (burden.method, burden.uncounted_ops) == ("abstract", 0)
    why = "what runs inside higher_order.flex_attention is not seen"
    assert burden.lower_bounds["peak_memory"] == why


class Layers(nn.Module):
    """Two layers, of which a function says what becomes of them."""

    def __init__(self, run: Callable[[Layers, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.first, self.second, self.run = nn.Linear(4, 4), nn.Linear(4, 4), run

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run it."""
        return self.run(self, x)


def either(net: Layers, x: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Run the first layer, or the second one twice."""
    out: torch.Tensor = torch.cond(chosen, net.first, lambda y: net.second(net.second(y)), (x,))
    return out


def thrice(net: Layers, x: torch.Tensor) -> torch.Tensor:
    """Run the first layer in a loop."""
    carried = torch.tensor(0), x
    loop: Any = while_loop
    out: torch.Tensor = loop(lambda i, _: i < 3, lambda i, y: (i + 1, net.first(y)), carried)[1]
    return out


def each(net: Layers, x: torch.Tensor) -> torch.Tensor:
    """Run the first layer on each row."""
    out: torch.Tensor = map_(net.first, x)
    return out


@pytest.mark.parametrize(
    ("run", "method", "times"),
    [
        (lambda net, x: either(net, x, torch.tensor(x.shape[0] > 2)), "abstract", 1),
        (lambda net, x: either(net, x, torch.tensor(x.shape[0] > 3)), "abstract", 2),
        (lambda net, x: either(net, x, (x * 0).sum() > 1), "real", 2),
        (thrice, "abstract", 3),
    ],
)
def test_choices(
    run: Callable[[Layers, torch.Tensor], torch.Tensor], method: str, times: int
) -> None:
    """What an operator chooses is counted as if it stood there; by what values, they must say."""
    burden = measure(Layers(run), "3x4")
    assert (burden.macs, burden.method) == (times * 3 * 4 * 4, method)
    assert (burden.uncounted_ops, burden.lower_bounds) == (0, {})


def test_others() -> None:
    """What is neither known as a whole nor a choice is run for real, and named."""
    burden = measure(Layers(each), "3x4")
    assert (burden.method, burden.uncounted_ops) == ("real", 1)


@pytest.mark.parametrize("learnt", [True, False])
@pytest.mark.parametrize("run", [thrice, each])
def test_in_a_training_step(
    *, run: Callable[[Layers, torch.Tensor], torch.Tensor], learnt: bool
) -> None:
    """Torch hands such an operator no gradients while it is watched: a line, and no figure."""
    told = r"a training step runs the higher-order operator (while_loop|map(_impl)?), whose"
    network = Layers(lambda net, x: net.second(run(net, net.second(x) if learnt else x)))
    with pytest.raises(MeasureError, match=told):
        measure(network, "3x4", training="SGD")
