"""What one run of a network was: operators, modules and storages, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pytest_burden.burden import Method
from pytest_burden.engine.spec import Op

Role = Literal["parameter", "buffer", "constant", "input", "result", "gradient", "optimizer state"]
"""What a storage is for; a constant is any other tensor that the network holds."""
PhaseName = Literal["forward", "backward", "optimizer"]


class OpCall(NamedTuple):
    """One call of an operator that returned tensors."""

    op: Op
    module: int
    """Index into `Trace.modules` of the innermost module that was running."""
    storages: tuple[int, ...]
    """Indices into `Trace.storages` of where the outputs live, in the order of ``op.outputs``."""
    inside: bool
    """Whether a composite operator made the call: it counts for lifetimes only."""


@dataclass(slots=True)
class Storage:
    """One block of memory; times are positions in `Trace.calls`."""

    nbytes: int
    role: Role
    birth: int
    death: int | None = None
    """The number of calls made when it died; None if it outlived the trace."""
    of: int | None = None
    """Of a gradient and of optimizer state: the storage of the parameter."""
    name: str = ""
    """And what it is to that: ``gradient``, or as the optimizer calls it, ``exp_avg``."""
    shape: str = ""
    """And its shape, which need not be that of the operator's output."""


class Held(NamedTuple):
    """One parameter or buffer of a module, listed at the first module that holds it."""

    name: str
    role: Role
    numel: int
    nbytes: int
    trainable: bool
    shape: str
    storage: int | None
    """Index into `Trace.storages`; None for packed and sparse weights, which have none."""


class Phase(NamedTuple):
    """A part of a training step; ``start`` is the position of its first call."""

    name: PhaseName
    step: int
    start: int


class ModuleInfo(NamedTuple):
    """One distinct module of the network and what it holds itself."""

    path: str
    cls: str
    held: tuple[Held, ...]
    settings: str = ""
    """How a layer of torch says that it was made."""


@dataclass(slots=True)
class ModuleCalls:
    """How often one module was called, and the shapes of the first call."""

    count: int = 0
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """One forward of one network; every metric is a pure function of it."""

    modules: tuple[ModuleInfo, ...]
    """The root first, then as ``named_modules()`` yields them."""
    module_calls: tuple[ModuleCalls, ...]
    calls: Sequence[OpCall]
    storages: Sequence[Storage]
    """In the order of their births."""
    inputs: tuple[str, ...]
    method: Method
    torch: str
    reason: str = ""
    """Why it ran for real."""
    given: Mapping[int, str] = field(default_factory=dict)
    """By index into `storages`: the shapes of the inputs."""
    phases: tuple[Phase, ...] = ()
    """Of two training steps; none for a forward in evaluation."""
    loss: int | None = None
    """Storage of the first step's loss."""
    optimizer: str = ""
    """What trained it: ``"Adam, foreach"``."""
    recurrent: bool = False
    """Whether a kernel stands behind operators that a real run has not: a recurrent layer's."""
