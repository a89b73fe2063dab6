"""The meters that are compared: how each is asked, and what its answer counts.

Each is asked as its documentation shows, with everything turned off that only prints, warms up or
draws. Answers are normalised to multiply-adds: `FlopCounterMode` counts each as two operations,
all others as one. Several add what is no multiply-add (biases, norms, activations); that is left
as it is.
"""

from __future__ import annotations

import copy
import importlib
import importlib.metadata
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import vision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

Ask: TypeAlias = Callable[[nn.Module, Tensor], float]
"""A built network and an input in, multiply-adds out."""


@dataclass(frozen=True)
class Meter:
    """One way to count, and where it comes from."""

    name: str
    package: str
    """The distribution whose version is told."""
    load: Callable[[], Ask]
    """Imports what is needed and returns the way to ask."""
    counts: str
    """What the answer is called there, and what is in it."""

    @property
    def version(self) -> str:
        """Its version, or nothing where it is not installed."""
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return ""


class NoAnswerError(RuntimeError):
    """The meter came back without a number."""


_COMPILER = "torch._dynamo"
"""torch's compiler, which takes a second to import; ours and `FlopCounterMode` do so when they
first need it. Here it is among the imports of both."""


def ours() -> Ask:
    """`pytest_burden.measure`: parameters, memory and all operators beside the multiply-adds."""
    from pytest_burden import measure  # noqa: PLC0415 a forward alone is to be free of it

    importlib.import_module(_COMPILER)
    return lambda model, x: measure(model, x).macs


def counter() -> Ask:
    """`FlopCounterMode` around a real forward."""
    importlib.import_module(_COMPILER)

    def ask(model: nn.Module, x: Tensor) -> float:
        with FlopCounterMode(display=False) as mode:
            model(x)
        return float(mode.get_total_flops()) / 2

    return ask


def counter_on_meta() -> Ask:
    """`FlopCounterMode` around a forward without data, of a copy whose weights have none either."""
    count = counter()

    def ask(model: nn.Module, x: Tensor) -> float:
        weights = (*model.parameters(), *model.buffers())
        memo = {id(weight): weight.detach().to("meta") for weight in weights}
        for weight in model.parameters():
            memo[id(weight)] = nn.Parameter(memo[id(weight)], weight.requires_grad)
        return count(copy.deepcopy(model, memo), x.to("meta"))

    return ask


def forward() -> Ask:
    """No meter: what a forward takes."""

    def ask(model: nn.Module, x: Tensor) -> float:
        model(x)
        return 0

    return ask


def fvcore() -> Ask:
    """Facebook's counter on a trace of the JIT."""
    library = importlib.import_module("fvcore.nn")

    def ask(model: nn.Module, x: Tensor) -> float:
        analysis = library.FlopCountAnalysis(model, x)
        analysis.unsupported_ops_warnings(enabled=False).uncalled_modules_warnings(enabled=False)
        return _number(analysis.total())

    return ask


def ptflops() -> Ask:
    """Hooks of modules and patched functions, its first backend."""
    vision.load()  # it imports torchvision where it is installed
    library = importlib.import_module("ptflops")

    def ask(model: nn.Module, x: Tensor) -> float:
        macs, _ = library.get_model_complexity_info(
            model,
            tuple(x.shape[1:]),
            input_constructor=lambda _: x,
            print_per_layer_stat=False,
            as_strings=False,
        )
        return _number(macs)

    return ask


def thop() -> Ask:
    """Hooks of modules."""
    library = importlib.import_module("thop")
    return lambda model, x: _number(library.profile(model, (x,), verbose=False)[0])


def torchinfo() -> Ask:
    """Hooks of modules."""
    library = importlib.import_module("torchinfo")

    def ask(model: nn.Module, x: Tensor) -> float:
        return _number(library.summary(model, input_data=[x], verbose=0).total_mult_adds)

    return ask


def calflops() -> Ask:
    """Patched functions of torch."""
    vision.load()  # it imports transformers, which may import torchvision
    library = importlib.import_module("calflops")

    def ask(model: nn.Module, x: Tensor) -> float:
        options = {"print_results": False, "output_as_string": False}
        return _number(library.calculate_flops(model, args=[x], **options)[1])

    return ask


def torchprofile() -> Ask:
    """A trace of the JIT."""
    library = importlib.import_module("torchprofile")

    def ask(model: nn.Module, x: Tensor) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _number(library.profile_macs(model, x))

    return ask


def deepspeed() -> Ask:
    """Patched functions of torch."""
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    library = importlib.import_module("deepspeed.profiling.flops_profiler")

    def ask(model: nn.Module, x: Tensor) -> float:
        options = {"print_profile": False, "as_string": False, "warm_up": 0}
        return _number(library.get_model_profile(model, args=[x], **options)[1])

    return ask


def _number(answer: Any) -> float:
    if answer is None:
        raise NoAnswerError("no number came back")
    return float(answer)


FORWARD = Meter("a real forward", "torch", forward, "nothing")
OURS = Meter("pytest-burden", "pytest-burden", ours, "`macs`")
COUNTER = Meter("FlopCounterMode", "torch", counter, "operations: halved")
METERS = (
    OURS,
    COUNTER,
    Meter("FlopCounterMode, meta", "torch", counter_on_meta, "operations: halved"),
    Meter("fvcore", "fvcore", fvcore, "multiply-adds called flops; norms and pools added"),
    Meter("ptflops", "ptflops", ptflops, "MACs; biases, norms and activations added"),
    Meter("thop", "thop", thop, "multiply-adds; norms and pools added"),
    Meter("torchinfo", "torchinfo", torchinfo, "mult-adds; biases and norms added"),
    Meter("calflops", "calflops", calflops, "MACs"),
    Meter("torchprofile", "torchprofile", torchprofile, "MACs; norms added"),
    Meter("DeepSpeed", "deepspeed", deepspeed, "MACs"),
)
BY_NAME = {meter.name: meter for meter in (FORWARD, *METERS)}
