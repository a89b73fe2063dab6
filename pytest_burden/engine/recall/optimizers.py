"""Steps of torch's optimizers, recorded again from memory: a step is thousands of small calls.

What a step does is a function of the optimizer's options, of the specs of the parameters and their
gradients, and of the state that the steps before it left, with the values of its counters.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FunctionType
from typing import NamedTuple

import torch
from torch.optim import Optimizer

from pytest_burden.engine.abstract import AbstractTensor, abstract, token_of
from pytest_burden.engine.call import known_spec
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.recall.calls import Recall, Record, is_own, overrides, recorded
from pytest_burden.engine.spec import Spec


class _Entry(NamedTuple):
    """One tensor of the state after a step."""

    parameter: int
    name: str
    home: int
    """Where it lies, as in `calls.Output.home`."""
    spec: Spec
    value: torch.Tensor | None
    """What a tensor with values holds."""


class _Known(NamedTuple):
    record: Record
    state: tuple[_Entry, ...]


_KNOWN: dict[tuple[object, ...], _Known] = {}


def step(optimizer: Optimizer, homes: Homes, recall: Recall | None) -> None:
    """Let an optimizer do one step, or record the step and change its state as if it had."""
    __tracebackhide__ = True
    before = _situation(optimizer, homes) if recall and _is_plain(optimizer, recall) else None
    if before is None:
        optimizer.step()
        return
    tape, known = homes.tape, _KNOWN.get(before.key)
    if known is not None:
        _put_all(known, known.record.again(before.storages, tape), before, optimizer, homes)
        return
    first_call, first_storage = len(tape.calls), len(tape.storages)
    optimizer.step()
    after = _situation(optimizer, homes)
    if after is None or after.fixed != before.fixed:
        return
    state = [*_state(before.parameters, optimizer)]
    places = [homes.token(tensor).index for _, _, tensor in state]
    found = recorded(before.storages, places, tape, first_call, first_storage)
    if found is None:
        return
    record, at = found
    if all(home >= 0 or one[2] is before.given[~home] for one, home in zip(state, at, strict=True)):
        with torch._C._DisableTorchDispatch():
            entries = [_entry(*one, home) for one, home in zip(state, at, strict=True)]
        _KNOWN[before.key] = _Known(record, tuple(entries))


def _is_plain(optimizer: Optimizer, recall: Recall) -> bool:
    """Return whether it is torch's own, nothing hooked or patched, and under no modes but ours."""
    kind = type(optimizer)
    functions = [*vars(kind).values(), *vars(sys.modules[kind.__module__]).values()]
    return (
        recall.trusted
        and kind.__module__.startswith("torch.optim.")
        and all(is_own(one) for one in functions if isinstance(one, FunctionType))
        and not overrides(optimizer)
        and not optimizer._optimizer_step_pre_hooks
        and not optimizer._optimizer_step_post_hooks
        and not torch._C._is_any_autocast_enabled()
        and torch._C._len_torch_dispatch_stack() == 1
    )


class _Situation(NamedTuple):
    """All that a step depends on."""

    key: tuple[object, ...]
    fixed: tuple[object, ...]
    """The part of the key that no step changes."""
    given: list[torch.Tensor]
    """Parameters, gradients and state."""
    storages: list[int]
    """Where each of them lies."""
    parameters: list[torch.Tensor]


def _situation(optimizer: Optimizer, homes: Homes) -> _Situation | None:
    """Return what a step depends on, None if a key cannot say it."""
    parameters = [one for group in optimizer.param_groups for one in group["params"]]
    given = [one for each in parameters for one in (each, each.grad) if one is not None]
    options = _options(optimizer)
    if options is None or any(type(tensor) is not AbstractTensor for tensor in given):
        return None
    specs = [(one.spec, None if one.grad is None else one.grad.spec) for one in parameters]
    state: list[object] = []
    for index, name, value in _state(parameters, optimizer):
        if not isinstance(value, torch.Tensor):
            return None
        state += [index, name, known_spec(value)]
        if type(value) is not AbstractTensor:
            if value.numel() != 1 or not homes.trusts(value):
                return None
            with torch._C._DisableTorchDispatch():
                state.append(value.item())
        given.append(value)
    storages = [homes.token(tensor).index for tensor in given]
    first: dict[int, int] = {}
    shared = [first.setdefault(index, len(first)) for index in storages]
    fixed = (*options, *specs)
    return _Situation((*fixed, *state, *shared), fixed, given, storages, parameters)


def _options(optimizer: Optimizer) -> list[object] | None:
    """Return by what it works, None if that is more than numbers and names."""
    options: list[object] = [type(optimizer), torch.get_default_dtype()]
    for group in optimizer.param_groups:
        options.append(len(group["params"]))
        for name, value in group.items():
            if name != "params":
                if not _is_simple(value):
                    return None
                options += [name, type(value), value]
    return options


def _is_simple(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_simple, value))
    return value is None or type(value) in (bool, int, float, str)


def _state(
    parameters: list[torch.Tensor], optimizer: Optimizer
) -> Iterator[tuple[int, str, torch.Tensor]]:
    for index, parameter in enumerate(parameters):
        for name, value in optimizer.state.get(parameter, {}).items():
            yield index, name, value


def _entry(parameter: int, name: str, tensor: torch.Tensor, home: int) -> _Entry:
    value = None if type(tensor) is AbstractTensor else tensor.clone()
    return _Entry(parameter, name, home, known_spec(tensor), value)


def _put_all(
    known: _Known, first: int, before: _Situation, optimizer: Optimizer, homes: Homes
) -> None:
    """Make the optimizer's state what a step made it, whose first new storage is ``first``."""
    with torch._C._DisableTorchDispatch():
        for entry in known.state:
            state = optimizer.state[before.parameters[entry.parameter]]
            if entry.home >= 0:
                token = token_of(homes.tape, first + entry.home)
                if entry.value is None:
                    state[entry.name] = abstract(entry.spec, token)
                else:
                    state[entry.name] = homes.settle(entry.value.clone(), token)
            elif entry.value is not None:
                state[entry.name].copy_(entry.value)
