"""Two training steps of a network: zero the gradients, forward, loss, backward, optimizer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from pytest_burden.burden import Target
from pytest_burden.engine.abstract import LAZY, Gradients
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.nests import tensors
from pytest_burden.engine.trace import Phase, PhaseName, Role
from pytest_burden.errors import BurdenError, MeasureError, suggest

DEFAULT = "Adam"
_OWN_KEYS = ("optimizer", "accumulate", "set_to_none")
_OPTIMIZERS: Mapping[str, type[Optimizer]] = {
    name: value
    for name, value in vars(torch.optim).items()
    if isinstance(value, type) and issubclass(value, Optimizer) and value is not Optimizer
}


@dataclass(frozen=True, slots=True)
class Training:
    """How a network is trained."""

    make: Callable[[list[torch.Tensor]], Any]
    """Makes the optimizer from the parameters that require a gradient."""
    name: str
    accumulate: int = 1
    """Forwards and backwards in one step."""
    set_to_none: bool = True
    """Whether a step frees the gradients of the step before, rather than filling them with 0."""


def read_training(value: object) -> Training | None:
    """Return how ``training=`` says that the network is trained, None if it says that it is not.

    Args:
        value: None or False; True for Adam; an optimizer's name in `torch.optim`; a dictionary
            of ``optimizer``, ``accumulate``, ``set_to_none`` and what the optimizer takes; or a
            callable that makes an optimizer from a list of parameters.

    Raises:
        BurdenError: it is none of these, or names what the optimizer does not take.
    """
    if value is None or value is False:
        return None
    if value is True:
        return _named(DEFAULT, {})
    if isinstance(value, str):
        return _named(value, {})
    if isinstance(value, Mapping):
        return _described(value)
    if isinstance(value, Optimizer):
        raise BurdenError(
            f"Invalid training (an optimizer of other parameters): {type(value).__name__}; give"
            f" a function that makes one, such as training=torch.optim.{type(value).__name__}"
        )
    if callable(value):
        return Training(value, getattr(value, "__name__", type(value).__name__))
    raise BurdenError(
        f"Invalid training (neither a name, a dictionary nor a callable): {value!r}; for example:"
        f' training="{DEFAULT}"'
    )


def _named(name: str, options: Mapping[str, Any]) -> Training:
    kind = _optimizer(name)
    known = [
        parameter.name
        for parameter in list(inspect.signature(kind).parameters.values())[1:]
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    for key in options:
        if key not in known:
            near = suggest(key, [*known, *_OWN_KEYS])
            raise BurdenError(
                f"Invalid training ({kind.__name__} takes no {key!r}{near}): {key!r}; it takes:"
                f" {', '.join(known)}"
            )
    return Training(lambda parameters: kind(parameters, **options), kind.__name__)


def _optimizer(name: str) -> type[Optimizer]:
    found = {known.lower(): kind for known, kind in _OPTIMIZERS.items()}.get(name.lower())
    if found is None:
        raise BurdenError(
            f"Invalid training (torch.optim has no such optimizer{suggest(name, _OPTIMIZERS)}):"
            f" {name!r}; it has: {', '.join(sorted(_OPTIMIZERS))}"
        )
    return found


def _described(value: Mapping[Any, Any]) -> Training:
    options = dict(value)
    optimizer = options.pop("optimizer", DEFAULT)
    accumulate = options.pop("accumulate", 1)
    set_to_none = options.pop("set_to_none", True)
    if type(accumulate) is not int or accumulate < 1:
        raise BurdenError(f"Invalid accumulate (not a whole number, 1 or more): {accumulate!r}")
    if type(set_to_none) is not bool:
        raise BurdenError(f"Invalid set_to_none (neither True nor False): {set_to_none!r}")
    if isinstance(optimizer, str):
        made = _named(optimizer, options)
    elif callable(optimizer) and not isinstance(optimizer, Optimizer):
        name = getattr(optimizer, "__name__", type(optimizer).__name__)
        made = Training(lambda parameters: optimizer(parameters, **options), name)
    else:
        raise BurdenError(f"Invalid optimizer (neither a name nor a callable): {optimizer!r}")
    return Training(made.make, made.name, accumulate, set_to_none)


@dataclass(slots=True)
class Steps:
    """What became of two training steps, beside the calls and storages on the tape."""

    phases: list[Phase]
    loss: int | None = None
    optimizer: str = ""


def train(
    network: nn.Module,
    inputs: tuple[Sequence[Any], Mapping[str, Any]],
    training: Training,
    homes: Homes,
    target: Target,
) -> Steps:
    """Run two training steps; the second finds the optimizer's state, and the gradients to zero.

    The network is in training mode. The loss is the sum of all floating-point outputs.

    Raises:
        MeasureError: there is nothing to train.
        BurdenError: the callable made no optimizer.
        Exception: what the network or the optimizer raised.
    """
    __tracebackhide__ = True
    args, kwargs = inputs
    tape, steps = homes.tape, Steps([])
    trained: list[torch.Tensor] = [p for p in network.parameters() if p.requires_grad]
    if any(isinstance(parameter, LAZY) for parameter in trained):
        raise MeasureError("lazy modules have no parameters to train: run the network once before")
    if not trained:
        raise MeasureError("no parameter requires a gradient: there is nothing to train")

    def begin(phase: PhaseName, step: int) -> None:
        steps.phases.append(Phase(phase, step, len(tape.calls)))

    tape.gradients = Gradients(_holders(network))
    try:
        with torch.enable_grad():
            begin("forward", 1)
            optimizer = _made(training, trained, target)
            steps.optimizer = _text(training, optimizer)
            for step in (1, 2):
                if step > 1:
                    begin("forward", step)
                optimizer.zero_grad(set_to_none=training.set_to_none)
                for turn in range(training.accumulate):
                    if turn:
                        begin("forward", step)
                    loss = _loss(network(*args, **kwargs))
                    if steps.loss is None:
                        steps.loss = homes.token(loss).index
                    begin("backward", step)
                    loss.backward()
                    del loss
                _tell_gradients(trained, homes)
                begin("optimizer", step)
                with torch._C.DisableTorchFunction():
                    optimizer.step()
                _tell_state(optimizer, homes)
            tape.close()  # before the optimizer goes, and its state with it
    finally:
        tape.gradients = None
    return steps


def _holders(network: nn.Module) -> dict[int, int]:
    holders: dict[int, int] = {}
    for index, module in enumerate(network.modules()):
        for parameter in module._parameters.values():
            if parameter is not None:
                holders.setdefault(id(parameter), index)
    return holders


def _made(training: Training, parameters: list[torch.Tensor], target: Target) -> Optimizer:
    try:
        optimizer = training.make(parameters)
    except (TypeError, ValueError) as error:
        raise BurdenError(f"the optimizer {training.name} cannot be made: {error}") from error
    if not isinstance(optimizer, Optimizer):
        raise BurdenError(
            f"Invalid training ({training.name} made no torch.optim.Optimizer): {optimizer!r}"
        )
    for group in optimizer.param_groups:
        # Torch chooses by the device, which is not the one that it runs on here.
        if "foreach" in group and group["foreach"] is None and not group.get("fused"):
            group["foreach"] = target == "cuda"
    return optimizer


def _text(training: Training, optimizer: Optimizer) -> str:
    group = optimizer.param_groups[0]
    how = "fused" if group.get("fused") else "foreach" if group.get("foreach") else "for-loop"
    parts = [type(optimizer).__name__, how]
    if training.accumulate > 1:
        parts.append(f"{training.accumulate} batches a step")
    if not training.set_to_none:
        parts.append("gradients zeroed in place")
    return ", ".join(parts)


def _loss(out: object) -> torch.Tensor:
    sums = [tensor.sum() for tensor in tensors(out) if tensor.is_floating_point()]
    loss = reduce(add, sums) if sums else None
    if loss is None or not loss.requires_grad:
        raise MeasureError("no floating-point output depends on a parameter: nothing to train")
    return loss


def _tell_gradients(trained: Sequence[torch.Tensor], homes: Homes) -> None:
    for parameter in trained:
        if parameter.grad is not None:
            _tell(parameter.grad, "gradient", parameter, homes)


def _tell_state(optimizer: Optimizer, homes: Homes) -> None:
    for parameter, state in optimizer.state.items():
        for tensor in tensors(state):
            _tell(tensor, "optimizer state", parameter, homes)


def _tell(tensor: torch.Tensor, role: Role, parameter: torch.Tensor, homes: Homes) -> None:
    storage = homes.tape.storages[homes.token(tensor).index]
    if storage.role == "result":
        storage.role = role
        storage.of = homes.token(parameter).index
