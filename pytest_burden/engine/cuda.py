"""What a GPU's own counters say of a real run, beside what was predicted for it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import nn

from pytest_burden.burden import Burden, CudaRun
from pytest_burden.engine.abstract import Tape
from pytest_burden.engine.build import as_module
from pytest_burden.engine.caches import kept_by_factory, kept_caches
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.leaves import RealLeaves, copies
from pytest_burden.engine.steps import train
from pytest_burden.engine.surroundings import fixed_surroundings, seed
from pytest_burden.engine.training import Training
from pytest_burden.errors import BurdenError, quoted, suggest


class Counters(Protocol):
    """The memory counters of one device."""

    name: str
    device: torch.device

    def allocated(self) -> int:
        """Return the bytes that tensors take now."""

    def free(self) -> int:
        """Return the bytes that can still be had, those that the allocator keeps included."""

    def reset(self) -> None:
        """Begin a new window for `peak`, when all that runs has ended."""

    def peak(self) -> int:
        """Return the most bytes that tensors took since `reset`, when all that runs has ended."""


class _Cuda:
    """The counters of torch's caching allocator."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.name = torch.cuda.get_device_name(device)

    def allocated(self) -> int:
        return torch.cuda.memory_allocated(self.device)

    def free(self) -> int:
        kept = torch.cuda.memory_reserved(self.device) - self.allocated()
        return int(torch.cuda.mem_get_info(self.device)[0]) + kept

    def reset(self) -> None:
        torch.cuda.synchronize(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)

    def peak(self) -> int:
        torch.cuda.synchronize(self.device)
        return torch.cuda.max_memory_allocated(self.device)


def find_gpu(device: object) -> Counters | str:
    """Return the counters of the device that was asked for, or why there is none.

    Raises:
        BurdenError: it is no CUDA device, or there are others but not this one.
    """
    try:
        asked = torch.device(device)  # type: ignore[call-overload]  # what it takes is its business
    except (RuntimeError, TypeError) as error:
        raise BurdenError(
            f"Invalid device ({error}): {quoted(device)}; for example: 'cuda:0'"
        ) from None
    if asked.type != "cuda":
        near = suggest(asked.type, ["cuda"])
        raise BurdenError(f"Invalid device (not a CUDA device{near}): {quoted(device)}")
    if torch.version.cuda is None and getattr(torch.version, "hip", None) is None:
        return "this torch is built without CUDA"
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        return "no CUDA device is found here"
    index = torch.cuda.current_device() if asked.index is None else asked.index
    if index >= count:
        names = ", ".join(f"cuda:{number}" for number in range(count))
        raise BurdenError(f"Invalid device (there is only {names}): {quoted(device)}")
    return _Cuda(torch.device("cuda", index))


def run_on_gpu(  # noqa: PLR0913, PLR0917 a run, on what, and what to expect of it
    source: nn.Module | Callable[[], nn.Module],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    training: Training | None,
    counters: Counters,
    predicted: int,
) -> CudaRun:
    """Run a copy of the network on a GPU, once to warm up and once counted.

    ``nbytes`` is all that the network takes there: its parameters and buffers, the inputs, and
    the forward, or with ``training`` two training steps. Where it does not fit there is only the
    prediction, and ``failure`` says so: it is not tried if the prediction is more than is free.

    Raises:
        Exception: whatever the network itself raises on that device.
    """
    __tracebackhide__ = True
    free = counters.free()
    if predicted > free:
        failure = f"{predicted:,} bytes are needed where {free:,} are free on {counters.name}"
        return CudaRun(counters.name, predicted, predicted, failure)
    with fixed_surroundings():
        try:
            nbytes = _counted(source, (list(args), dict(kwargs)), training, counters)
        except torch.OutOfMemoryError:
            failure = f"out of memory on {counters.name}, where {free:,} bytes were free"
            return CudaRun(counters.name, predicted, predicted, failure)
    return CudaRun(counters.name, nbytes, predicted)


def counted_on_gpu(burden: Burden, run: CudaRun) -> Burden:
    """Return a burden with what a run on a GPU said; a lower bound where it could not run."""
    bounds = {**burden.lower_bounds, **({"cuda_memory": run.failure} if run.failure else {})}
    return replace(burden, cuda_memory=run.nbytes, cuda=run, lower_bounds=bounds)


def _counted(
    source: nn.Module | Callable[[], nn.Module],
    inputs: tuple[list[Any], dict[str, Any]],
    training: Training | None,
    counters: Counters,
) -> int:
    with kept_by_factory(source), ExitStack() as kept:
        module = source if isinstance(source, nn.Module) else as_module(source(), source)
        kept.enter_context(kept_caches(list(module.modules())))
        gc.collect()  # what waits for it would leave the counters in the middle of the run
        before = counters.allocated()
        network, given = copies(module, inputs, RealLeaves(Homes(Tape()), counters.device))
        del module
        for _ in range(2):
            seed()
            counters.reset()
            if training is None:
                network(*given[0], **given[1])
            else:
                network.train()
                train(network, given, training, Homes(Tape()))
                for parameter in network.parameters():
                    parameter.grad = None
            peak = counters.peak()
        return peak - before
