"""A prediction beside the truth of a real run: the figures, and every change in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map_only

from pytest_burden import Burden, measure
from pytest_burden.engine.build import read_specs
from pytest_burden.engine.memory import forward_peak, training_peak
from pytest_burden.engine.run import trace
from pytest_burden.engine.training import read_training
from tests.engine.tracker import Loop, evaluate, real, train

Build = Callable[[], nn.Module]
Inputs = tuple[list[Any], dict[str, Any]]


def evaluated(
    build: Build, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
) -> Burden:
    """Assert that a forward was predicted as it is, from first to last operator.

    A frozen network measures what it does when it learns.
    """
    given, named = drawn(args, kwargs)
    model = build()
    for parameter in model.parameters():
        parameter.requires_grad_(parameter.is_floating_point() or parameter.is_complex())
    truth = evaluate(model, *compact((given, named)))
    burden = measure(build(), given, named)
    assert burden.peak_memory == truth.peak
    assert changes(history(build(), given, named)) == changes(truth.timeline)
    return burden


def trained(
    build: Build,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    training: object = "SGD",
    loop: Loop | None = None,
) -> Burden:
    """Assert that two steps were predicted as they are, from first to last operator."""
    given, named = drawn(args, kwargs)
    truth = train(build(), *compact((given, named)), loop)
    burden = measure(build(), given, named, training=training)
    assert (burden.training_memory, burden.saved_memory) == (truth.peak, truth.saved)
    assert changes(history(build(), given, named, training)) == changes(truth.timeline)
    return burden


def drawn(args: Sequence[Any], kwargs: Mapping[str, Any] | None) -> Inputs:
    """Return inputs with tensors in the place of specs, the same whenever it is called."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return real(list(args)), real(dict(kwargs or {}))


def compact(inputs: Inputs) -> Inputs:
    """Return inputs that take what their elements take, whatever they were slices of."""
    made: dict[int, torch.Tensor] = {}

    def one(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.layout is not torch.strided or tensor.untyped_storage().nbytes() == tensor.nbytes:
            return tensor
        copied = tensor.detach().clone().requires_grad_(tensor.requires_grad)
        return made.setdefault(id(tensor), copied)

    compacted: Inputs = tree_map_only(torch.Tensor, one, inputs)
    return compacted


def history(
    model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], training: object = None
) -> list[int]:
    """Return the bytes that are predicted to be alive after each operator that torch runs.

    What counts as one operator, attention say, is written down besides those that it is made of.
    """
    specs = [read_specs(value) for value in args], {k: read_specs(v) for k, v in kwargs.items()}
    recorded = trace(model, *specs, training=read_training(training))
    moment = (training_peak if training else forward_peak)(recorded, "cpu")
    line = zip(recorded.calls, moment.peak.timeline, strict=False)  # no call has one moment too
    return [nbytes for call, nbytes in line if not call.op.name.startswith("torch.")]


def changes(line: Iterable[int]) -> list[int]:
    """Return a line without what follows its equal: a view alone changes nothing.

    How many views torch takes differs for tensors of a subclass, in-place on a view.
    """
    return [nbytes for nbytes, _ in groupby(line)]
