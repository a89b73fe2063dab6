"""What a network costs: frozen dataclasses of plain numbers, readable from and writable to JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import add
from typing import Any, Literal, NamedTuple

RULE_SET = 1
"""Version of the counting rules; raised whenever a rule changes what a network measures."""

Unit = Literal["", "FLOPs", "MACs", "bytes"]
Method = Literal["abstract", "real"]
State = Literal["counted", "free", "uncounted"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured integer: its name, its base unit ("" for a plain count) and its meaning."""

    name: str
    unit: Unit
    meaning: str
    measured: bool = True
    """Whether this version measures it; a limit on a metric that it does not is ``unsupported``."""


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("params", "", "elements of all parameters, a shared one once"),
        Metric("trainable_params", "", "elements of the parameters that require a gradient"),
        Metric("param_memory", "bytes", "bytes of all parameters in their own dtype"),
        Metric("buffer_memory", "bytes", "bytes of all buffers in their own dtype"),
        Metric("model_memory", "bytes", "parameters and buffers together"),
        Metric("macs", "MACs", "multiply-accumulates of the matrix work, bias not included"),
        Metric("flops", "FLOPs", "all counted arithmetic, a multiply-add being `fma` operations"),
        Metric("activation_memory", "bytes", "every operator's output, as if nothing were freed"),
        Metric("peak_memory", "bytes", "most bytes alive at once in the forward", measured=False),
        Metric("saved_memory", "bytes", "bytes autograd keeps for the backward", measured=False),
        Metric("training_memory", "bytes", "peak of a whole training step", measured=False),
        Metric("training_macs", "MACs", "MACs of forward and backward", measured=False),
        Metric("training_flops", "FLOPs", "FLOPs of forward and backward", measured=False),
        Metric("cuda_memory", "bytes", "peak of a real run on a GPU", measured=False),
        Metric("modules", "", "distinct modules, the root included"),
        Metric("ops", "", "recorded operator calls that are not views, a composite being one"),
        Metric("uncounted_ops", "", "calls of operators for which no rule exists"),
    )
}


@dataclass(frozen=True, slots=True)
class Convention:
    """How arithmetic and bytes are counted; burdens of different conventions are never compared."""

    fma: int = 1
    """Operations in one fused multiply-add: 1 or 2."""
    datum_bytes: int | None = None
    """Bytes of one activation element whatever its dtype; None takes the real dtype."""
    transcendental: int = 0
    """Operations in one exp, log, sqrt, tanh, …."""
    rule_set: int = RULE_SET


class Figures(NamedTuple):
    """The figures that are broken down by module."""

    params: int = 0
    macs: int = 0
    flops: int = 0
    activation_memory: int = 0

    def __add__(self, other: Figures) -> Figures:  # type: ignore[override]  # sums, as numbers do
        return Figures(*map(add, self, other))


# Tuples are made in half the time of other frozen data; large networks have thousands of rows.
class ModuleRow(NamedTuple):
    """One module: its own figures, and with everything below it.

    ``path`` is the first one in ``named_modules()`` order, "" for the root. A shared parameter
    belongs to the first module that holds it; operators called outside any submodule belong to
    the module that calls them. ``own`` of all rows sums to the burden's totals.
    """

    path: str
    cls: str
    calls: int
    own: Figures
    inclusive: Figures
    inputs: tuple[str, ...] = ()
    """Shapes at its first call, as ``"float32[1, 3, 224, 224]"``."""
    outputs: tuple[str, ...] = ()


class OpRow(NamedTuple):
    """All calls of one operator; ``state`` says whether a rule counted it."""

    op: str
    state: State
    calls: int
    macs: int = 0
    flops: int = 0
    activation_memory: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Burden:
    """What one model costs at given inputs: the evaluation forward under no_grad.

    Counts are plain, memory is in bytes. `METRICS` has the meaning of each figure.
    """

    model: str
    inputs: tuple[str, ...]
    params: int
    trainable_params: int
    param_memory: int
    buffer_memory: int
    model_memory: int
    macs: int
    flops: int
    activation_memory: int
    modules: int
    ops: int
    uncounted_ops: int
    convention: Convention = field(default_factory=Convention)
    method: Method = "abstract"
    reason: str = ""
    """Why the method is ``real``; empty for ``abstract``."""
    torch: str = ""
    """The version of torch that traced the model."""
    module_rows: tuple[ModuleRow, ...] = ()
    op_rows: tuple[OpRow, ...] = ()

    def value(self, metric: str) -> int | None:
        """Return one metric by name, or None where it was not measured.

        Raises:
            KeyError: ``metric`` is not in `METRICS`.
        """
        return getattr(self, metric) if METRICS[metric].measured else None

    def to_dict(self) -> dict[str, Any]:
        """Return the burden as JSON-ready dictionaries and lists; `from_dict` reads it back."""
        data = dataclasses.asdict(dataclasses.replace(self, module_rows=(), op_rows=()))
        data["module_rows"] = [
            row._asdict() | {"own": row.own._asdict(), "inclusive": row.inclusive._asdict()}
            for row in self.module_rows
        ]
        data["op_rows"] = [row._asdict() for row in self.op_rows]
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Burden:
        """Build a burden from what `to_dict` returned, also after a trip through JSON.

        Raises:
            KeyError, TypeError: ``data`` is not of that form.
        """
        fields = dict(data)
        fields["inputs"] = tuple(fields["inputs"])
        fields["convention"] = Convention(**fields["convention"])
        fields["module_rows"] = tuple(_module_row(row) for row in fields["module_rows"])
        fields["op_rows"] = tuple(OpRow(**row) for row in fields["op_rows"])
        return cls(**fields)


def _module_row(data: Mapping[str, Any]) -> ModuleRow:
    fields = dict(data)
    for name in ("own", "inclusive"):
        fields[name] = Figures(**fields[name])
    for name in ("inputs", "outputs"):
        fields[name] = tuple(fields[name])
    return ModuleRow(**fields)
