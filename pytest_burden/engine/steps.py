"""Two training steps of a network: zero the gradients, forward, loss, backward, optimizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from pytest_burden.engine.abstract import LAZY, AbstractTensor
from pytest_burden.engine.call import known_spec
from pytest_burden.engine.gradients import Gradients
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.nests import tensors
from pytest_burden.engine.recall import optimizers
from pytest_burden.engine.recall.backwards import Backwards
from pytest_burden.engine.recall.calls import Recall
from pytest_burden.engine.spec import text_of
from pytest_burden.engine.trace import Phase, PhaseName, Role
from pytest_burden.engine.training import Training
from pytest_burden.errors import MeasureError


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
    recall: Recall | None = None,
) -> Steps:
    """Run two training steps; the second finds the optimizer's state, and the gradients to zero.

    The network is in training mode. The loss is the sum of all floating-point outputs. A step of
    an optimizer that ``recall`` knows is not done again.

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
    backwards = Backwards(trained, tape, tape.gradients, recall)
    try:
        with torch.enable_grad():
            begin("forward", 1)
            optimizer = training.optimizer(trained)
            steps.optimizer = training.describe(optimizer)
            for step in (1, 2):
                if step > 1:
                    begin("forward", step)
                with torch._C.DisableTorchFunction():  # nothing in it is a composite
                    optimizer.zero_grad(set_to_none=training.set_to_none)
                for turn in range(training.accumulate):
                    if turn:
                        begin("forward", step)
                    start = backwards.start()
                    loss = [_loss(network(*args, **kwargs))]
                    if steps.loss is None:
                        steps.loss = homes.token(loss[0]).index
                    begin("backward", step)
                    backwards.run(loss, start)
                begin("optimizer", step)
                with torch._C.DisableTorchFunction():
                    _tell_gradients(trained, homes)
                    optimizers.step(optimizer, homes, recall)
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


def _loss(out: object) -> torch.Tensor:
    sums = [tensor.sum() for tensor in tensors(out) if tensor.is_floating_point()]
    loss = reduce(add, sums) if sums else None
    if loss is None or not loss.requires_grad:
        raise MeasureError("no floating-point output depends on a parameter: nothing to train")
    return loss


def _tell_gradients(trained: Sequence[torch.Tensor], homes: Homes) -> None:
    for parameter in trained:
        if parameter.grad is not None:
            _tell(parameter.grad, "gradient", "gradient", parameter, homes)


def _tell_state(optimizer: Optimizer, homes: Homes) -> None:
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            for tensor in tensors(value):
                _tell(tensor, "optimizer state", str(name), parameter, homes)


def _tell(
    tensor: torch.Tensor, role: Role, name: str, parameter: torch.Tensor, homes: Homes
) -> None:
    token = tensor.token if type(tensor) is AbstractTensor else homes.token(tensor)
    storage = homes.tape.storages[token.index]
    if storage.role == "result":
        storage.role, storage.name = role, name
        storage.of = homes.token(parameter).index
        storage.shape = text_of(known_spec(tensor))
