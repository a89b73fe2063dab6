"""Hooks of parameters run in a training step, on copies of all that they get at."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn, optim

from pytest_burden import MeasureError, measure
from pytest_burden.engine.abstract import AbstractTensor, Tape
from pytest_burden.engine.copying import Copier
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.leaves import AbstractLeaves
from tests.engine.learners import Blocks
from tests.engine.state import differing, picture_of
from tests.networks.cases import around

ROWS = torch.ones(3, 8)
OPTIMIZERS: dict[torch.Tensor, optim.Optimizer] = {}
"""What the tutorial on saving memory by it calls ``optimizer_dict``."""
SEEN: list[torch.Tensor] = []
Hook = Callable[[torch.Tensor], None]


def by_name(parameter: torch.Tensor) -> None:
    """Step, and let the gradient go."""
    SEEN.append(parameter)
    OPTIMIZERS[parameter].step()
    OPTIMIZERS[parameter].zero_grad()


def by_another_function(parameter: torch.Tensor) -> None:
    """Leave it to a function that is found by its name."""
    by_name(parameter)


def by_a_function_inside(parameter: torch.Tensor) -> None:
    """Leave the name to a function in it."""

    def inside() -> None:
        by_name(parameter)

    inside()


def by_itself(parameter: torch.Tensor, *, depth: int = 2) -> None:
    """Find itself by its name."""
    if depth:
        by_itself(parameter, depth=depth - 1)
    else:
        by_name(parameter)


def by_default(
    parameter: torch.Tensor, optimizers: dict[torch.Tensor, Any] = OPTIMIZERS, *, seen: Any = SEEN
) -> None:
    """Have all in arguments that nobody gives."""
    seen.append(parameter)
    optimizers[parameter].step()
    optimizers[parameter].zero_grad()


class Stepper:
    """Steps, and looks up what for."""

    def step(self, parameter: torch.Tensor) -> None:
        """Step by the function of that name."""
        by_name(parameter)


STEPPER = Stepper()
HOOKS: dict[str, Callable[[], Hook]] = {
    "a name": lambda: by_name,
    "another function": lambda: by_another_function,
    "itself": lambda: by_itself,
    "a default": lambda: by_default,
    "a decorated function": lambda: torch.no_grad()(by_another_function),
    "a function inside": lambda: by_a_function_inside,
    "a method": lambda: STEPPER.step,
    "a partial": lambda: functools.partial(by_name),
}


def hooked(hook: Hook) -> nn.Module:
    """Return a network whose parameters are updated as soon as they have a gradient."""
    model = Blocks()
    OPTIMIZERS.clear()
    for parameter in model.parameters():
        OPTIMIZERS[parameter] = optim.Adam([parameter], foreach=False)
        parameter.register_post_accumulate_grad_hook(hook)
    return model


def in_closure() -> nn.Module:
    """Return the same, with a hook that has its optimizers to itself."""
    model = Blocks()
    optimizers: dict[torch.Tensor, optim.Optimizer] = {
        each: optim.Adam([each], foreach=False) for each in model.parameters()
    }

    def hook(parameter: torch.Tensor) -> None:
        optimizers[parameter].step()
        optimizers[parameter].zero_grad()

    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(hook)
    return model


@pytest.mark.parametrize("name", HOOKS)
def test_optimizer_in_the_backward(name: str) -> None:
    """A copy of the user's optimizer steps on the copy, however the hook finds it."""
    model = hooked(HOOKS[name]())
    before = picture_of(model)
    states = [one.state_dict() for one in OPTIMIZERS.values()]
    burden = measure(model, ROWS, training="SGD")
    assert differing(before, picture_of(model)) == []
    assert states == [one.state_dict() for one in OPTIMIZERS.values()]
    assert SEEN == []
    assert burden.training_memory == measure(in_closure(), ROWS, training="SGD").training_memory
    plain = measure(Blocks(), ROWS, training="Adam").training_memory
    assert burden.training_memory != plain


def test_gradients_that_are_there() -> None:
    """A hook that works on the user's gradients works on the copy's."""
    model = Blocks()
    model(ROWS).sum().backward()
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    parameter = next(model.parameters())
    parameter.register_hook(lambda _: optimizer.step())
    parameter.register_hook(SEEN.append)
    before = picture_of(model)
    for training in ("SGD", "Adam"):
        measure(model, ROWS, training=training)
    assert differing(before, picture_of(model)) == []
    assert SEEN == []


def test_hooks_of_all_parameters() -> None:
    """Each parameter has its hook, and no weight has data: a hook may name all of them."""
    model = hooked(by_name)
    names = [name for name, _ in model.named_parameters()]
    copied = Copier(AbstractLeaves(Homes(Tape()))).copy(model)
    kinds = [type(each).__name__ for each in copied.parameters()]
    assert kinds == [AbstractTensor.__name__] * len(names)
    assert all(each._post_accumulate_grad_hooks for each in copied.parameters())


class Elsewhere:
    """Where a hook finds what it was not given."""

    optimizer: optim.Optimizer

    def step(self) -> None:
        """Step by a name that is looked up here."""
        OPTIMIZERS[next(iter(OPTIMIZERS))].step()

    def clear(self) -> None:
        """Let the gradients go, likewise."""
        OPTIMIZERS[next(iter(OPTIMIZERS))].zero_grad()


def through_a_class(_: torch.Tensor) -> None:
    """Step by an attribute of a class."""
    Elsewhere.optimizer.step()


def through_an_instance(_: torch.Tensor) -> None:
    """Step by a method of what is made here."""
    Elsewhere().step()


def clearing(_: torch.Tensor) -> None:
    """Let the gradients go."""
    Elsewhere().clear()


@pytest.mark.parametrize("hook", [through_a_class, through_an_instance, clearing])
@pytest.mark.parametrize("reads", [False, True], ids=["abstract", "real"])
def test_what_a_hook_reaches_in_another_way(hook: Hook, reads: bool) -> None:
    """It is the user's own, so that the network is not measured; and nothing has moved."""
    inner = Blocks()
    model = around(lambda: inner, lambda net, x: net(x) * float(x.sum() if reads else 1))()
    model(ROWS).sum().backward()
    OPTIMIZERS.clear()
    OPTIMIZERS[inner.stem.weight] = Elsewhere.optimizer = optim.SGD(inner.parameters(), lr=1.0)
    inner.stem.weight.register_post_accumulate_grad_hook(hook)
    before = picture_of(model)
    with pytest.raises(MeasureError, match="moves an optimizer which is not its own: SGD"):
        measure(model, ROWS, training="Adam")
    assert differing(before, picture_of(model)) == []


COUNT = 0


def counting(parameter: torch.Tensor) -> None:
    """Count in a global, which another function reads."""
    global COUNT  # noqa: PLW0603 what a user may write
    COUNT += 1
    every_other(parameter)


def every_other(parameter: torch.Tensor) -> None:
    """Step when the count is even."""
    if COUNT % 2 == 0:
        by_name(parameter)


def test_globals_that_are_written() -> None:
    """What one copied function writes another reads, and the user's own stays."""
    model = hooked(counting)
    half = measure(model, ROWS, training="SGD").training_memory or 0
    assert COUNT == 0
    none = measure(Blocks(), ROWS, training="SGD").training_memory or 0
    every = measure(hooked(by_name), ROWS, training="SGD").training_memory or 0
    assert half not in (none, every)


class Stubborn(list[int]):
    """What nobody can copy."""

    def __copy__(self) -> Stubborn:
        """Refuse."""
        raise ZeroDivisionError


STUBBORN = Stubborn([1])


def test_what_refuses_to_be_copied() -> None:
    """It is shared."""

    def hook(_: torch.Tensor) -> None:
        STUBBORN[0] = 2

    measure(hooked(hook), ROWS, training="SGD")
    assert STUBBORN == [2]
