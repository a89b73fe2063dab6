"""What is shown of a network of another package, and the truths that it is shown against."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_map_only
from torch.utils.flop_counter import FlopCounterMode

from pytest_burden import Burden, measure
from tests.engine.compared import drawn, evaluated, trained
from tests.engine.test_same_traces import differences, fast, inputs_of, real
from tests.engine.tracker import conditions
from tests.networks.cases import Case

Build = Callable[[], nn.Module]
Options = Mapping[str, Any] | None


@dataclass(frozen=True)
class Network:
    """A network of a package, with its inputs."""

    name: str
    build: Build
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[Build, Sequence[Any], Mapping[str, Any]]:
        """Return the arguments of `measure`."""
        return self.build, self.args, self.kwargs

    def __str__(self) -> str:
        return self.name


def counted(model: nn.Module, args: Sequence[Any], kwargs: Options = None) -> int:
    """Return the multiply-adds of an evaluation forward, by torch's own counter.

    ``FlopCounterMode`` counts 2 a multiply-add, and sees all of them where nothing is fused: on the
    meta device, or in a real run without the kernels that it does not know. A parameter that asks
    for a gradient is more than its hooks can take.
    """
    device = next(model.parameters()).device
    given = tree_map_only(torch.Tensor, lambda tensor: tensor.to(device), drawn(args, kwargs))
    model.eval().requires_grad_(requires_grad=False)
    with (
        conditions(),
        sdpa_kernel(SDPBackend.MATH),
        torch.no_grad(),
        FlopCounterMode(display=False) as counter,
    ):
        model(*given[0], **given[1])
    flops: int = counter.get_total_flops()
    return flops // 2


def on_meta(build: Build) -> nn.Module:
    """Return a network without weights, as torch itself makes one."""
    with torch.device("meta"):
        return build()


def elements(model: nn.Module) -> int:
    """Return how many elements the parameters of a network have, a shared one once."""
    return sum(parameter.numel() for parameter in model.parameters())


def abstract(build: Build, args: Sequence[Any] = (), kwargs: Options = None) -> Burden:
    """Measure a network from its factory; assert that no data and no guess was needed."""
    burden = measure(build, args, kwargs, real="never")
    assert uncounted(burden) == []
    assert burden.method == "abstract"
    return burden


def uncounted(burden: Burden) -> list[str]:
    """Return the operators for which there was no rule."""
    return [row.op for row in burden.op_rows if row.state == "uncounted"]


def same_for_real(build: Build, args: Sequence[Any] = (), kwargs: Options = None) -> None:
    """Assert that a forward does what is measured of it without data, to the byte.

    Its trace is the one of a real run: operators, modules, storages, their births and deaths. An
    independent tracker sees the same bytes alive after every operator.
    """
    forget()
    build = seeded(build)
    model, inputs = build(), inputs_of(Case("", build, tuple(args), 0, kwargs=dict(kwargs or {})))
    assert differences(fast(model, inputs), real(model, inputs)) == []
    assert evaluated(build, args, kwargs).method == "abstract"


def same_in_training(build: Build, args: Sequence[Any] = (), kwargs: Options = None) -> None:
    """Assert that two training steps take what is predicted, after every operator."""
    forget()
    assert trained(seeded(build), args, kwargs).method == "abstract"


def forget() -> None:
    """Empty the caches of functions, so that a network computes its tables as it does at first."""
    for cached in gc.get_objects():
        if type(cached) is functools._lru_cache_wrapper and ".models." in str(cached.__module__):
            cached.cache_clear()


def seeded(build: Build) -> Build:
    """Return a factory that makes the same weights whenever it is called."""

    def again() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return build()

    return again
