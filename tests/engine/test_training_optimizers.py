"""What optimizers take: their state, when it is born, and the temporaries of an update."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn, optim

from pytest_burden import Convention, measure
from tests.engine.compared import Build, drawn, trained
from tests.engine.learners import IMAGE, LEARNERS, ROWS, Blocks, normal_cnn
from tests.engine.tracker import Loop, Make, Tracker, evaluate, train
from tests.networks.cases import around, calling

PLAIN: tuple[Mapping[str, Any], ...] = (
    {"optimizer": "SGD"},
    {"optimizer": "SGD", "momentum": 0.9},
    {"optimizer": "SGD", "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    {"optimizer": "SGD", "momentum": 0.9, "dampening": 0.1, "maximize": True},
    {"optimizer": "Adam"},
    {"optimizer": "Adam", "amsgrad": True, "weight_decay": 0.1},
    {"optimizer": "AdamW"},
    {"optimizer": "AdamW", "amsgrad": True, "maximize": True},
    {"optimizer": "RMSprop"},
    {"optimizer": "RMSprop", "centered": True, "momentum": 0.9},
    {"optimizer": "Adagrad"},
    {"optimizer": "Adagrad", "lr_decay": 0.1, "initial_accumulator_value": 0.1},
    {"optimizer": "NAdam", "decoupled_weight_decay": True, "weight_decay": 0.1},
    {"optimizer": "RAdam"},
    {"optimizer": "Adamax"},
    {"optimizer": "ASGD"},
    {"optimizer": "Adadelta"},
    {"optimizer": "Rprop"},
)
FUSED: tuple[Mapping[str, Any], ...] = (
    {"optimizer": "SGD", "momentum": 0.9, "fused": True},
    {"optimizer": "Adam", "fused": True},
    {"optimizer": "Adam", "amsgrad": True, "fused": True},
    {"optimizer": "AdamW", "fused": True},
    {"optimizer": "Adagrad", "fused": True},
    {"optimizer": "Adafactor", "foreach": False},
)
ALL = [
    *({**options, "foreach": False} for options in PLAIN),
    *({**options, "foreach": True} for options in PLAIN),
    *FUSED,
]


def loop(optimizer: str, accumulate: int = 1, *, set_to_none: bool = True, **options: Any) -> Loop:
    """Return what a description of a training says, as one would write it oneself."""
    kind: Callable[..., optim.Optimizer] = getattr(optim, optimizer)
    return Loop(partial(kind, **options), accumulate, set_to_none)


def described(options: Mapping[str, Any]) -> str:
    """Return an identifier."""
    return ", ".join(f"{key} {value}" for key, value in options.items())


@pytest.mark.parametrize("network", ["perceptron", "convolutions with norms"])
@pytest.mark.parametrize("options", ALL, ids=described)
def test_optimizers(options: dict[str, Any], network: str) -> None:
    """Each of torch's optimizers, one parameter at a time, all at once, and fused."""
    build, args = LEARNERS[network]
    burden = trained(build, args, training=options, loop=loop(**options))
    reads = options["optimizer"] == "Adafactor"
    assert burden.method == ("real" if reads else "abstract")  # what runs agrees with itself


@pytest.mark.parametrize("set_to_none", [True, False])
@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
@pytest.mark.parametrize("foreach", [True, False])
def test_loops(optimizer: str, accumulate: int, set_to_none: bool, foreach: bool) -> None:
    """Several batches a step, and gradients that are kept and filled with zeros."""
    options: dict[str, Any] = {
        "optimizer": optimizer,
        "accumulate": accumulate,
        "set_to_none": set_to_none,
        "foreach": foreach,
    }
    trained(normal_cnn, (IMAGE,), training=options, loop=loop(**options))


class Average(optim.Optimizer):
    """An optimizer of one's own: steps by the mean of the last gradients."""

    def __init__(self, params: Any) -> None:
        super().__init__(params, {})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # torch has overloads
        """Update every parameter."""
        del closure
        for parameter in self.param_groups[0]["params"]:
            if parameter.grad is not None:
                state = self.state[parameter]
                state.setdefault("last", [torch.zeros_like(parameter) for _ in range(2)])
                state["last"].append(parameter.grad.clone())
                state["last"].pop(0)
                parameter.sub_(0.1 * sum(state["last"]))


def in_groups(parameters: list[torch.Tensor]) -> optim.Optimizer:
    """Return an optimizer of two groups with settings of their own."""
    groups: list[dict[str, Any]] = [
        {"params": parameters[::2], "amsgrad": True},
        {"params": parameters[1::2]},
    ]
    return optim.AdamW(groups, foreach=False)


def of_some(parameters: list[torch.Tensor]) -> optim.Optimizer:
    """Return an optimizer that leaves most parameters alone, their gradients included."""
    return optim.Adam(parameters[:2], foreach=False)


@pytest.mark.parametrize("make", [Average, in_groups, of_some])
def test_optimizers_of_ones_own(make: Make) -> None:
    """A class and functions that make an optimizer."""
    trained(Blocks, (ROWS,), training=make, loop=Loop(make))


def mixed(inner: Any, x: torch.Tensor) -> torch.Tensor:
    """Run one block in bfloat16."""
    out: torch.Tensor = inner.blocks[0](inner.stem(x).bfloat16()).float()
    return out


def half() -> nn.Module:
    """A network with one block in bfloat16."""
    network = Blocks()
    network.blocks[0].bfloat16()
    return network


def scaled(x: torch.Tensor, weight: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
    """Use a matrix, a number, and a parameter without elements."""
    return (x @ weight) * others[0] + others[1].sum()


@pytest.mark.parametrize("foreach", [True, False])
@pytest.mark.parametrize(
    ("build", "spec"),
    [
        (lambda: Blocks().bfloat16(), "bfloat16[12, 8]"),
        (lambda: Blocks().double(), "float64[12, 8]"),
        (around(half, mixed), ROWS),
        (calling(lambda z, w: (z @ w.to(z.dtype)).abs(), (8, 8)), "complex64[12, 8]"),
        (calling(scaled, (8, 8), (), (0, 3)), ROWS),
        (LEARNERS["experts"].build, ROWS),
    ],
    ids=["bfloat16", "float64", "mixed", "complex input", "numbers and nothing", "experts"],
)
def test_parameters(build: Build, spec: str, foreach: bool) -> None:
    """Parameters of several dtypes and shapes, and their moments."""
    options: dict[str, Any] = {"optimizer": "Adam", "foreach": foreach}
    trained(build, (spec,), training=options, loop=loop(**options))


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop"])
@pytest.mark.parametrize("network", ["convolutions with norms", "mixer", "field"])
def test_aimed_at_cuda(network: str, optimizer: str) -> None:
    """Storages in blocks of 512 bytes, and an optimizer that works on all parameters at once."""
    build, args = LEARNERS[network]
    given, _ = drawn(args, None)
    aimed = Convention(target="cuda")
    burden = measure(build(), given, training=optimizer, convention=aimed)
    kind = getattr(optim, optimizer)
    truth = train(build(), given, loop=Loop(lambda p: kind(p, foreach=True), block=512))
    assert (burden.training_memory, burden.saved_memory) == (truth.peak, truth.saved)
    assert burden.training == f"{optimizer}, foreach"
    assert burden.peak_memory == evaluate(build(), given, tracker=Tracker(512)).peak
