"""A network is measured on a copy: all that its memory depends on has to be in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from pytest_burden import measure
from tests.engine.compared import drawn, evaluated, trained
from tests.engine.learners import Blocks
from tests.engine.tracker import evaluate, train
from tests.networks.cases import around, calling

ROWS = "float32[64, 8]"


class Pair(nn.Module):
    """Two linear layers."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, width), nn.Linear(width, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 8)."""
        out: torch.Tensor = self.second(self.first(x))
        return out


def tied() -> nn.Module:
    """One parameter in two layers."""
    network = Pair()
    network.second.weight = network.first.weight
    return network


def tied_by_data() -> nn.Module:
    """Two parameters with the data of one."""
    network = Pair()
    network.second.weight.data = network.first.weight.data
    return network


def views_of_one() -> nn.Module:
    """Two parameters that are halves of one tensor."""
    network = Pair()
    halves = torch.randn(2, 8, 8)
    network.first.weight, network.second.weight = map(nn.Parameter, halves)
    return network


def part_of_another() -> nn.Module:
    """A parameter that is the first rows of another."""
    network = Pair(4)
    network.first.weight = nn.Parameter(network.second.weight[:4, :4].t().repeat(1, 2))
    network.second.weight = nn.Parameter(torch.randn(16, 4)[:8])
    return network


def with_gaps() -> nn.Module:
    """A parameter of every second column."""
    network = Pair()
    network.first.weight = nn.Parameter(torch.randn(8, 16)[:, ::2])
    return network


@pytest.mark.parametrize(
    "build",
    [
        Pair,
        tied,
        tied_by_data,
        views_of_one,
        part_of_another,
        with_gaps,
    ],
)
def test_weights_that_share(build: Callable[[], nn.Module]) -> None:
    """What is one storage in the network is one in the prediction."""
    trained(build, (ROWS,))


WHOLE = torch.ones(100, 8)


@pytest.mark.parametrize(
    "inputs",
    [
        pytest.param((WHOLE, WHOLE), id="the same twice"),
        pytest.param((WHOLE[:64], WHOLE[:64]), id="a slice of more"),
        pytest.param((WHOLE[:64], WHOLE[36:]), id="two slices of one"),
        pytest.param((WHOLE[:1].expand(64, 8), torch.ones(64, 8)), id="expanded"),
    ],
)
def test_inputs_that_share(inputs: tuple[torch.Tensor, ...]) -> None:
    """Inputs take what their elements take: what a test has cut them from is not counted."""
    build = around(Pair, lambda m, x, y: m(x) + y)
    evaluated(build, inputs)
    trained(build, inputs)


def test_cache() -> None:
    """What a network replaces in the container that it was given is let go of."""

    def step(inner: Any, x: torch.Tensor, cache: dict[str, torch.Tensor]) -> torch.Tensor:
        cache["rows"] = torch.cat([cache["rows"], inner(x)])
        out: torch.Tensor = inner(cache["rows"][-64:])
        return out

    evaluated(around(Pair, step), (ROWS, {"rows": "float32[1000, 8]"}))


def with_hook() -> nn.Module:
    """A network that works out something of a parameter's gradient."""
    network = Blocks()
    network.stem.weight.register_hook(lambda grad: grad.double().clamp(-1, 1).float())
    return network


def step_by_step() -> nn.Module:
    """A network that updates each parameter in the backward, and lets its gradient go."""

    @torch.no_grad()
    def update(parameter: torch.Tensor) -> None:
        parameter.sub_(0.1 * parameter.grad)  # type: ignore[operator]  # it has one
        parameter.grad = None

    network = Blocks()
    for parameter in network.parameters():
        parameter.register_post_accumulate_grad_hook(update)
    return network


@pytest.mark.parametrize("build", [with_hook, step_by_step])
def test_hooks_of_parameters(build: Callable[[], nn.Module]) -> None:
    """Hooks on parameters run, such as those that make an optimizer part of the backward."""
    trained(build, (ROWS,))


def scripted() -> nn.Module:
    """A module of TorchScript."""
    made: nn.Module = torch.jit.script(nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8)))
    return made


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("training", [True, False], ids=["trained", "evaluated"])
def test_torchscript(training: bool) -> None:
    """A module of TorchScript takes what it takes."""
    given, _ = drawn((ROWS,), None)
    if training:
        truth = train(scripted(), given)
        assert measure(scripted(), given, training="SGD").training_memory == truth.peak
    else:
        assert measure(scripted(), given).peak_memory == evaluate(scripted(), given).peak


@pytest.mark.parametrize(
    "function",
    [
        lambda x, w: torch.stft(x @ w, 16, 4, window=torch.ones(16), return_complex=True).abs(),
        lambda x, w: functional.gaussian_nll_loss(x @ w, x[:, :1], torch.ones(4, 512)),
    ],
    ids=["stft", "gaussian_nll_loss"],
)
@pytest.mark.xfail(
    reason="a function's arguments live until it returns, though it takes other names for them",
    raises=AssertionError,
    strict=True,
)
def test_arguments_that_a_function_lets_go(function: Callable[..., Any]) -> None:
    """An argument that nobody else holds dies where torch's own code puts another in its place."""
    evaluated(calling(function, (64, 512)), ("float32[4, 64]",))


def test_frozen() -> None:
    """A network that does not learn is evaluated as if it did: freezing is no change of cost.

    By whether a gradient is asked for, matmul copies or does not.
    """
    build = calling(lambda x, w: x.transpose(1, 2) @ w, (64, 64))
    learning = evaluated(build, ("float32[4, 64, 6]",))
    frozen = measure(build().requires_grad_(requires_grad=False), "float32[4, 64, 6]")
    assert frozen.peak_memory == learning.peak_memory
    assert evaluate(build().requires_grad_(requires_grad=False), ["float32[4, 64, 6]"]).peak != (
        learning.peak_memory
    )


def resized(inner: Any, x: torch.Tensor) -> Any:
    """Make a tensor longer in its place."""
    made = inner(x).detach()
    made.resize_(128, 8).zero_()
    return inner(made)


def test_resized() -> None:
    """A storage that grows takes more from then on."""
    trained(around(lambda: nn.Linear(8, 8), resized), (ROWS,))


def test_bags_in_half_precision() -> None:
    """A sum of embeddings in bfloat16, as short a way as in float32."""

    def run(inner: Any, i: torch.Tensor, offsets: torch.Tensor, scale: torch.Tensor) -> Any:
        return inner(i, offsets, scale)

    build = around(lambda: nn.EmbeddingBag(20, 8, mode="sum").bfloat16(), run)
    trained(build, ("int64[9]", torch.tensor([0, 4]), "bfloat16[9]"))


class Listed(nn.Module):
    """A layer in a list, which torch finds if it is one of its own."""

    def __init__(self, kind: Callable[[list[nn.Module]], Any]) -> None:
        super().__init__()
        self.layers = kind([nn.Linear(8, 16)])

    def forward(self, x: torch.Tensor) -> Any:
        """Return (N, 16)."""
        return self.layers[0](x)


@pytest.mark.parametrize("given", [False, True])
def test_parameters_that_no_module_has(given: bool) -> None:
    """What stands in a plain list is no parameter, and takes its memory all the same."""
    known, hidden = (
        measure(Listed(kind) if given else partial(Listed, kind), ROWS)
        for kind in (nn.ModuleList, list)
    )
    weights = 4 * (8 * 16 + 16)
    assert (known.param_memory, hidden.param_memory) == (weights, 0)
    assert hidden.peak_memory == known.peak_memory + weights
