"""Backwards and steps of optimizers that are recorded from memory: only where they are the same.

Each network and each optimizer is held against a real run, twice, the second time with all that
the first has left.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import astuple
from typing import Any

import pytest
import torch
from torch import nn, optim
from torch.utils.checkpoint import checkpoint

from pytest_burden import measure
from pytest_burden.engine.recall import backwards, optimizers
from pytest_burden.engine.run import trace
from pytest_burden.engine.training import read_training
from tests.engine.compared import Build, trained
from tests.engine.learners import LEARNERS
from tests.engine.tracker import Loop, Make
from tests.networks.cases import around

ROWS = "float32[16, 8]"


class Seen:
    """What was answered from memory: how many backwards, and how many steps."""

    backwards = steps = 0


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Return what is counted during the test, which begins with nothing remembered."""
    counts = Seen()
    again, step = backwards.Backwards._again, optimizers._put_all

    def answer(*args: Any) -> None:
        counts.backwards += 1
        again(*args)

    def update(*args: Any) -> None:
        counts.steps += 1
        step(*args)

    monkeypatch.setattr(backwards.Backwards, "_again", answer)
    monkeypatch.setattr(optimizers, "_put_all", update)
    monkeypatch.setattr(optimizers, "_KNOWN", {})
    monkeypatch.setattr(backwards, "_KNOWN", {})
    return counts


def layers() -> nn.Module:
    """Return two linear layers."""
    return nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.filterwarnings("ignore")
def test_plain(name: str, seen: Seen) -> None:
    """The same again: the second backward and, in the second measurement, both, and both steps."""
    build, args = LEARNERS[name]
    first = measure(build(), args, training="Adam")
    after_first = seen.backwards, seen.steps
    second = measure(build(), args, training="Adam")
    assert first == second
    python = "checkpoint" in name or "custom" in name
    assert after_first == (0 if python else 1, 0), "the second step's state is another"
    assert (seen.backwards, seen.steps) == (0 if python else 3, 2)


def test_several_batches(seen: Seen) -> None:
    """Of several batches the first finds no gradients, as in the step before."""
    trained(
        layers,
        (ROWS,),
        training={"optimizer": "SGD", "foreach": False, "accumulate": 2},
        loop=Loop(accumulate=2),
    )
    assert seen.backwards == 3, "once for the burden, in both steps for its history"


Run = Callable[[Any, torch.Tensor, bool], torch.Tensor]
"""Runs two layers in either of two ways, which only the backward can tell."""


def counted(run: Run, others: Callable[[int], bool] = lambda step: step % 2 == 0) -> Build:
    """Return a factory of a network that runs in the other way in some steps, every second one."""

    def build() -> nn.Module:
        calls: list[None] = []

        def function(inner: Any, x: torch.Tensor) -> torch.Tensor:
            calls.append(None)
            return run(inner, x, others(len(calls)))

        return around(layers, function)()

    return build


def wider(grad: torch.Tensor) -> torch.Tensor:
    """Take a detour with another peak."""
    return grad.double().repeat(2, 1)[: len(grad)].float()


def hooked(inner: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
    """Hook a tensor that is between two layers."""
    between = inner[0](x)
    if between.requires_grad:
        between.register_hook(lambda grad: wider(grad) if second else grad * 1)
    out: torch.Tensor = inner[1](between)
    return out


class Detour(torch.autograd.Function):
    """A copy, whose backward may take a detour."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
        """Return a copy."""
        ctx.second = second
        return x * 1

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        """Return the gradient."""
        return (wider(grads[0]) if ctx.second else grads[0]), None


def by_function(inner: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
    """Put a function with a backward of its own between two layers."""
    detour: Any = Detour
    out: torch.Tensor = inner[1](detour.apply(inner[0](x), second))
    return out


def unwatched(inner: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
    """Run the first layer outside of autograd, with the same operators."""
    with torch.set_grad_enabled(not second):
        between = inner[0](x)
    out: torch.Tensor = inner[1](between)
    return out


def frozen(inner: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
    """Freeze the first layer's bias: its gradient is not worked out."""
    inner[0].bias.requires_grad_(not second)
    out: torch.Tensor = inner(x)
    return out


def kept(inner: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
    """Keep the gradient of what is between two layers."""
    between = inner[0](x)
    if second and between.requires_grad:
        between.retain_grad()
        inner.kept = between
    out: torch.Tensor = inner[1](between)
    return out


def again_in_backward(inner: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
    """Work the first layer out again in the backward, with a detour in the second step."""

    def run(x: torch.Tensor) -> torch.Tensor:
        between: torch.Tensor = inner[0](x)
        in_backward = torch._C._current_autograd_node() is not None
        return wider(between) if second and in_backward else between * 1

    out: torch.Tensor = inner[1](checkpoint(run, x, use_reentrant=False))
    return out


def hooked_later(inner: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
    """Hook what autograd does with the tensor that is between two layers."""
    between = inner[0](x)
    if second and between.requires_grad:
        between.grad_fn.register_prehook(lambda grads: tuple(map(wider, grads)))
    out: torch.Tensor = inner[1](between)
    return out


def packed(inner: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
    """Keep everything, and let the backward find its tensors by a detour."""
    between = inner[0](x)
    inner.kept = between
    unpack = wider if second else torch.Tensor.clone
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, unpack):
        out: torch.Tensor = inner[1](between)
    return out


def past(inner: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
    """Let the gradient take one of two ways, and keep what is on either."""
    made, given = inner[0](x), x * 1
    by_way = made.double().float(), given.double().float()
    inner.kept = made, given, *by_way
    out: torch.Tensor = inner[1](by_way[0] * given if second else made * by_way[1])
    return out


def stashed(inner: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
    """Keep what is between two layers."""
    between = inner[0](x)
    if second:
        inner.kept = between
    out: torch.Tensor = inner[1](between)
    return out


def late(inner: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
    """Let autograd see a product that is made before, or an equal one that is made after."""
    between = inner[0](x)
    learns = torch.is_grad_enabled()
    with torch.set_grad_enabled(learns and not second):
        before = between * 2
    way = between.double().float()
    with torch.set_grad_enabled(learns and second):
        after = between * 2
    inner.kept = between, before, way, after
    out: torch.Tensor = inner[1]((after if second else before) + way)
    return out


ANOTHER = [
    hooked, hooked_later, by_function, unwatched, frozen, kept, packed, past, late,
    again_in_backward,
]  # fmt: skip


@pytest.mark.parametrize("run", ANOTHER)
@pytest.mark.filterwarnings("ignore")
def test_another_backward(run: Run, seen: Seen) -> None:
    """A second backward that is another is run, though its forward looks the same."""
    trained(counted(run), (ROWS,))
    assert seen.backwards <= 1, "that of the first step, in the run for the history"


@pytest.mark.parametrize("run", [*ANOTHER, stashed])
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("seen")
def test_another_network(run: Run) -> None:
    """So is the backward of a network that looks the same as one that was measured before it."""
    measure(counted(run, others=lambda _: False)(), ROWS, training="SGD")
    trained(counted(run, others=lambda _: True), (ROWS,))


def test_kept_beside_the_graph(seen: Seen) -> None:
    """What a forward keeps shows only when the graph goes: then all is run."""
    trained(counted(stashed), (ROWS,))
    assert seen.backwards == 3, "of both runs the second, and of the latter the first, in vain"


class Owner(nn.Module):
    """A weight that belongs to one of two modules."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.first, self.second = nn.Module(), nn.Module()
        weight = nn.Parameter(torch.ones(8, 8))
        self.get_submodule(name).register_parameter("weight", weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the sum of the weight, whose gradient is one number until it is the weight's."""
        (weight,) = self.parameters()
        return x + weight.sum()


class Ordered(nn.Module):
    """Two parameters, in either order."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.layers = layers()
        self.step = step

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply by the biases."""
        _, first, _, second = self.layers.parameters()
        for factor in (first, second)[:: self.step]:
            x = x * factor
        return x


def with_hook(hook: Callable[[torch.Tensor], torch.Tensor] | None) -> nn.Module:
    """Return layers with a hook on the second weight."""
    module = layers()
    if hook is not None:
        [*module.parameters()][2].register_hook(hook)
    return module


def lasting(last: bool) -> Build:
    """Return a factory of layers that may leave autocast switched on."""

    def function(inner: Any, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = inner(x)
        torch.set_autocast_enabled("cpu", last)
        return out

    return around(layers, function)


@pytest.mark.parametrize(
    "builds",
    [
        (lambda: Owner("first"), lambda: Owner("second")),
        (lambda: Ordered(1), lambda: Ordered(-1)),
        (lambda: with_hook(None), lambda: with_hook(wider)),
        (lasting(last=False), lasting(last=True)),
    ],
    ids=["owners", "order", "hooks", "autocast"],
)
@pytest.mark.usefixtures("seen")
def test_what_operators_do_not_tell(builds: Sequence[Build]) -> None:
    """Whose a parameter is, in which order they are used, hooks and settings are told apart."""
    after = [step_of(build) for build in builds]
    for build, before in zip(builds, after, strict=True):
        backwards._KNOWN.clear()
        assert step_of(build) == before
    assert after[0] != after[1]


def step_of(build: Build) -> tuple[object, ...]:
    """Return what two steps put on the tape."""
    made = trace(build(), [torch.zeros(16, 8)], {}, training=read_training("SGD", "cpu"))
    return tuple(made.calls), [*map(astuple, made.storages)]


def test_only_the_last(seen: Seen) -> None:
    """Of many networks the first are forgotten."""
    for width in range(1, backwards._MOST + 2):
        measure(nn.Linear(width, 1), f"float32[1, {width}]", training="SGD")
    before = seen.backwards
    measure(nn.Linear(1, 1), "float32[1, 1]", training="SGD")
    assert len(backwards._KNOWN) == backwards._MOST
    assert seen.backwards == before + 1, "the second is that of the first"


def at_step(number: float, **options: Any) -> Make:
    """Return what makes an optimizer that has done steps before."""

    def make(parameters: list[torch.Tensor]) -> optim.Optimizer:
        optimizer = optim.RAdam(parameters, foreach=False, **options)
        for parameter in parameters:
            optimizer.state[parameter] = {
                "step": torch.tensor(number),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
        return optimizer

    return make


def plain(kind: Callable[..., optim.Optimizer], **options: Any) -> Make:
    """Return what makes an optimizer."""
    return lambda parameters: kind(parameters, foreach=False, **options)


def some_slower(parameters: list[torch.Tensor]) -> optim.Optimizer:
    """Return an optimizer of two groups."""
    groups: list[dict[str, Any]] = [{"params": parameters[:1]}, {"params": parameters[1:]}]
    groups[0]["weight_decay"] = 0.1
    return optim.SGD(groups, foreach=False)


def split(*sizes: int) -> Make:
    """Return what makes an optimizer of groups of these sizes, each updated at once."""

    def make(parameters: list[torch.Tensor]) -> optim.Optimizer:
        left = iter(parameters)
        groups = [{"params": [next(left) for _ in range(size)]} for size in sizes]
        return optim.AdamW(groups, foreach=True)

    return make


@pytest.mark.parametrize(
    "make",
    [
        split(1, 3),
        split(3, 1),
        split(4),
        plain(optim.RAdam),
        at_step(3.0),
        at_step(4.0),
        at_step(9.0),
        at_step(9.0, decoupled_weight_decay=True, weight_decay=0.1),
        plain(optim.SGD),
        plain(optim.SGD, momentum=0.9),
        plain(optim.SGD, weight_decay=0.1),
        some_slower,
    ],
)
def test_other_steps(make: Make) -> None:
    """Steps that differ in state, counters or options are not taken for one another.

    Of rectified Adam they do from the sixth step on.
    """
    trained(layers, (ROWS,), training=make, loop=Loop(make))


def test_another_dtype(seen: Seen) -> None:
    """Counters of steps are of the default dtype."""
    trained(layers, (ROWS,), training="Adam", loop=Loop(plain(optim.Adam)))
    steps = seen.steps
    torch.set_default_dtype(torch.float64)
    try:
        trained(layers, ("float64[16, 8]",), training="Adam", loop=Loop(plain(optim.Adam)))
        narrow = lambda: layers().float()  # noqa: E731
        trained(narrow, (ROWS,), training="Adam", loop=Loop(plain(optim.Adam)))
    finally:
        torch.set_default_dtype(torch.float32)
    assert seen.steps == 3 * steps


def test_hooks_and_patches(monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    """What is not torch's own runs, each time."""
    heard: list[object] = []

    def hooked_up(parameters: list[torch.Tensor]) -> optim.Optimizer:
        optimizer = optim.SGD(parameters, foreach=False)
        optimizer.register_step_post_hook(lambda *_: heard.append("hook"))
        return optimizer

    def wrapped(parameters: list[torch.Tensor]) -> optim.Optimizer:
        optimizer: Any = optim.SGD(parameters, foreach=False)
        step = optimizer.step

        def around() -> None:
            heard.append("wrapper")
            step()

        optimizer.step = around
        made: optim.Optimizer = optimizer
        return made

    class Own(optim.SGD):
        def step(self, closure: Any = None) -> Any:
            heard.append("class")
            return super().step(closure)

    for make in (hooked_up, wrapped, lambda parameters: Own(parameters, foreach=False)):
        for _ in range(2):
            measure(layers(), ROWS, training=make)
    assert heard == ["hook"] * 4 + ["wrapper"] * 4 + ["class"] * 4
    module = importlib.import_module("torch.optim.sgd")
    monkeypatch.setattr(module, "_single_tensor_sgd", lambda *_, **__: heard.append("patch"))
    for _ in range(2):
        measure(layers(), ROWS, training={"optimizer": "SGD", "foreach": False})
    assert heard[12:] == ["patch"] * 4
    assert seen.steps == 0
