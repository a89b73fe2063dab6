"""Backwards and steps of optimizers that are recorded from memory: only where they are the same.

Each network and each optimizer is held against a real run, twice, the second time with all that
the first has left.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn, optim
from torch.utils.checkpoint import checkpoint

from pytest_burden import measure
from pytest_burden.engine.recall import backwards, optimizers
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
    return counts


def layers() -> nn.Module:
    """Return two linear layers."""
    return nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.filterwarnings("ignore")
def test_plain(name: str, seen: Seen) -> None:
    """The same again: the second backward of each measurement, and of the second both steps."""
    build, args = LEARNERS[name]
    first = measure(build(), args, training="Adam")
    after_first = seen.backwards, seen.steps
    second = measure(build(), args, training="Adam")
    assert first == second
    python = "checkpoint" in name or "custom" in name
    assert after_first == (0 if python else 1, 0), "the second step's state is another"
    assert (seen.backwards, seen.steps) == (0 if python else 2, 2)


def test_several_batches(seen: Seen) -> None:
    """Of several batches the first finds no gradients, as in the step before."""
    trained(
        layers,
        (ROWS,),
        training={"optimizer": "SGD", "foreach": False, "accumulate": 2},
        loop=Loop(accumulate=2),
    )
    assert seen.backwards == 2, "once for the burden, once for its history"


def counted(run: Callable[[Any, torch.Tensor, bool], torch.Tensor]) -> Build:
    """Return a factory of a network that runs otherwise in every second training step."""

    def build() -> nn.Module:
        calls: list[None] = []

        def function(inner: Any, x: torch.Tensor) -> torch.Tensor:
            calls.append(None)
            return run(inner, x, len(calls) % 2 == 0)

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
    """An identity whose backward may take a detour."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
        """Return a copy."""
        ctx.second = second
        return x * 1

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        """Return the gradient."""
        return (wider(grads[0]) if ctx.second else grads[0] * 1), None


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
    if second:
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


@pytest.mark.parametrize("run", [hooked, by_function, unwatched, frozen, kept, again_in_backward])
@pytest.mark.filterwarnings("ignore")
def test_another_backward(
    run: Callable[[Any, torch.Tensor, bool], torch.Tensor], seen: Seen
) -> None:
    """A second backward that is another is run, though its forward looks the same."""
    trained(counted(run), (ROWS,))
    assert seen.backwards == 0


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
