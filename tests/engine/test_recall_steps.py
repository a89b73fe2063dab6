"""Backwards and steps of optimizers that are recorded from memory: only where they are the same.

Each network and each optimizer is held against a real run, twice, the second time with all that
the first has left.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import astuple
from functools import partial
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


def masked(inner: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
    """Let either of two equal masks go before the other."""
    one, other = x > 0, x > 1
    between = inner[0](x).masked_fill(other if second else one, 0).masked_fill(one, 0)
    large: torch.Tensor = inner[1](between).repeat(64, 1).tanh().mean(0, keepdim=True)
    return large.expand(16, 8).masked_fill(other, 0)


def frozen_late(inner: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
    """Freeze a weight that autograd has seen already."""
    inner[0].weight.requires_grad_()
    out: torch.Tensor = inner(x)
    inner[0].weight.requires_grad_(not second)
    return out


def detached(inner: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
    """Let a twin of a weight learn, or the weight."""
    twin = inner[0].weight.detach()
    if second:
        twin.requires_grad_()
    weight = twin if second else inner[0].weight
    out: torch.Tensor = inner[1](nn.functional.linear(x, weight, inner[0].bias))
    return out


def powered(inner: Any, x: torch.Tensor, second: bool) -> torch.Tensor:
    """Run an operator that returns nothing, whose backward depends on a number."""
    between = inner[0](x) * 1
    torch._foreach_pow_([between], 2.0 if second else 0.0)
    out: torch.Tensor = inner[1](between)
    return out


ANOTHER = [
    hooked, hooked_later, by_function, unwatched, frozen, kept, packed, past, late, masked,
    frozen_late, detached, powered, again_in_backward,
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


def cached(inner: Any, x: torch.Tensor) -> torch.Tensor:
    """Make a weight of another once."""
    if not hasattr(inner, "twice"):
        inner.twice = inner[0].weight * 2
    out: torch.Tensor = inner[1](nn.functional.linear(x, inner.twice))
    return out


def endless(inner: Any, x: torch.Tensor) -> torch.Tensor:
    """Begin with the state where the step before ended."""
    before = getattr(inner, "state", None)
    inner.state = inner[0](x) if before is None else inner[0](x) + inner[1](before)
    state: torch.Tensor = inner.state
    return state


def emptied(inner: Any, x: torch.Tensor, *, retain: bool = False) -> torch.Tensor:
    """Let the forward itself go backward."""
    between = inner[0](x)
    if between.requires_grad:
        torch.autograd.grad(between.sum(), inner[0].weight, retain_graph=retain)
    out: torch.Tensor = inner[1](between)
    return out


@pytest.mark.parametrize("run", [cached, endless, emptied])
@pytest.mark.usefixtures("seen")
def test_the_error_is_raised_again(run: Callable[[Any, torch.Tensor], torch.Tensor]) -> None:
    """A graph that a backward has emptied is emptied by one that is recorded from memory, too."""
    build = around(layers, run)
    measure(around(layers, partial(emptied, retain=True))(), ROWS, training="SGD")
    for _ in range(3):
        with pytest.raises(RuntimeError, match="backward through the graph a second time"):
            measure(build(), ROWS, training="SGD")


@pytest.mark.usefixtures("seen")
def test_a_patched_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another backward in the place of torch's is called each time."""
    measure(layers(), ROWS, training="SGD")
    heard: list[object] = []
    plain: Any = torch.Tensor.backward

    def backward(tensor: torch.Tensor, **options: Any) -> None:
        heard.append(options)
        plain(tensor, **options)

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    measure(layers(), ROWS, training="SGD")
    assert heard


@pytest.mark.usefixtures("seen")
def test_kept_over_several_batches() -> None:
    """What is between two layers, and what comes out of them, is kept from batch to batch."""

    def run(inner: Any, x: torch.Tensor) -> torch.Tensor:
        inner.between = inner[0](x)
        inner.out = inner[1](inner.between)
        out: torch.Tensor = inner.out
        return out

    training = {"optimizer": "SGD", "foreach": False, "accumulate": 2}
    for _ in range(2):
        trained(around(layers, run), (ROWS,), training=training, loop=Loop(accumulate=2))


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


class Twins(nn.Module):
    """Two parameters in one storage, of which one learns."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.first, self.second = nn.Module(), nn.Module()
        self.first.weight = nn.Parameter(torch.ones(8, 8))
        self.second.weight = nn.Parameter(self.first.weight.data)
        self.name = name

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the sum of one of them."""
        weight = self.get_submodule(self.name).weight
        assert isinstance(weight, nn.Parameter)
        return x + weight.sum()


class Cleared(nn.Module):
    """A tensor that learns and is no parameter, so that nobody zeroes its gradient but itself."""

    def __init__(self, clears: bool) -> None:
        super().__init__()
        self.layers = layers()
        self.given = torch.zeros(16, 8, requires_grad=True)
        self.clears = clears

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add it to what the first layer returns."""
        if self.clears:
            self.given.grad = None
        first, second = self.layers.children()
        out: torch.Tensor = second(first(x) + self.given)
        return out


def watched(anomalies: bool) -> Build:
    """Return a factory of layers that may leave the search for anomalies switched on."""

    def function(inner: Any, x: torch.Tensor) -> torch.Tensor:
        torch.autograd.set_detect_anomaly(anomalies)
        out: torch.Tensor = inner(x)
        return out

    return around(layers, function)


@pytest.mark.parametrize(
    "builds",
    [
        (lambda: Owner("first"), lambda: Owner("second")),
        (lambda: Ordered(1), lambda: Ordered(-1)),
        (lambda: with_hook(None), lambda: with_hook(wider)),
        (lasting(last=False), lasting(last=True)),
        (lambda: Twins("first"), lambda: Twins("second")),
        (lambda: Cleared(clears=False), lambda: Cleared(clears=True)),
        (watched(anomalies=False), watched(anomalies=True)),
    ],
    ids=["owners", "order", "hooks", "autocast", "twins", "others", "anomalies"],
)
@pytest.mark.usefixtures("seen")
@pytest.mark.filterwarnings("ignore:Error detected in")
def test_what_operators_do_not_tell(builds: Sequence[Build]) -> None:
    """Whose a parameter is, in which order they are used, hooks and settings are told apart."""
    after = [step_of(build) for build in (*builds, *builds)]
    for build, before in zip((*builds, *builds), after, strict=True):
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
