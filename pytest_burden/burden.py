"""What a network costs: frozen dataclasses of plain numbers, readable from and writable to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import add
from typing import Any, Literal, NamedTuple

RULE_SET = 1
"""Version of the counting rules; raised whenever a rule changes what a network measures."""

Unit = Literal["", "FLOPs", "MACs", "bytes"]
Method = Literal["abstract", "real"]
State = Literal["counted", "free", "uncounted"]
Target = Literal["cpu", "cuda"]
LARGEST = 10
"""How many tensors a `Peak` names."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured integer: its name, its base unit ("" for a plain count) and its meaning."""

    name: str
    unit: Unit
    meaning: str


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
        Metric("peak_memory", "bytes", "most bytes alive at once beside parameters and buffers"),
        Metric("saved_memory", "bytes", "bytes that autograd keeps for the backward"),
        Metric("training_memory", "bytes", "most bytes alive at once in a training step"),
        Metric("training_macs", "MACs", "MACs of a step's forward and backward"),
        Metric("training_flops", "FLOPs", "FLOPs of a step's forward and backward"),
        Metric("cuda_memory", "bytes", "peak of a real run on a GPU"),
        Metric("modules", "", "distinct modules, the root included"),
        Metric("ops", "", "recorded operator calls that are not views, a composite being one"),
        Metric("uncounted_ops", "", "calls of operators for which no rule exists"),
    )
}

TRAINING = ("saved_memory", "training_memory", "training_macs", "training_flops")
"""The metrics of a training step, measured where ``training=`` asks for them."""

MEMORY = ("peak_memory", "saved_memory", "training_memory")
"""The metrics that are the bytes alive at one moment; each has a `Peak`."""


@dataclass(frozen=True, slots=True)
class Convention:
    """How arithmetic and bytes are counted; burdens of different conventions are never compared."""

    fma: int = 1
    """Operations in one fused multiply-add: 1 or 2."""
    datum_bytes: int | None = None
    """Bytes of one activation element whatever its dtype; None takes the real dtype."""
    transcendental: int = 0
    """Operations in one exp, log, sqrt, tanh, …."""
    target: Target = "cpu"
    """``"cuda"`` rounds storages up to its allocator's blocks and takes foreach optimizers."""
    rule_set: int = RULE_SET


class Figures(NamedTuple):
    """The figures that are broken down by module."""

    params: int = 0
    macs: int = 0
    flops: int = 0
    activation_memory: int = 0
    peak_memory: int = 0
    saved_memory: int = 0
    training_memory: int = 0
    training_macs: int = 0
    training_flops: int = 0

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
    settings: str = ""
    """How a layer of torch was made: ``64, 128, kernel_size=(3, 3), stride=(1, 1)``."""


class OpRow(NamedTuple):
    """All calls of one operator; ``state`` says whether a rule counted it."""

    op: str
    state: State
    calls: int
    macs: int = 0
    flops: int = 0
    activation_memory: int = 0


class HeldTensor(NamedTuple):
    """One tensor that is alive at a `Peak`."""

    category: str
    """parameters, buffers, constants (other tensors that modules hold), inputs, activations,
    gradients, optimizer state or temporaries."""
    name: str
    """``layer1.weight``, ``gradient of layer1.weight``, ``exp_avg of layer1.weight``, ``input``, or
    the operator that made it."""
    shape: str
    """As ``"float32[1, 64, 56, 56]"``; empty where it is not known."""
    nbytes: int
    module: str
    """Path of the module that holds it, or that ran when it was made."""
    birth: int
    death: int | None
    """Positions of operator calls; None if it outlives the run."""
    op: str = ""
    """The operator that made it; empty for what was there before the run."""


@dataclass(frozen=True, slots=True)
class Peak:
    """What is alive at the moment that one metric of memory is about."""

    metric: str
    nbytes: int
    call: int
    """Position of the operator call; ``op``, ``module`` and ``phase`` say which it is.

    Of `saved_memory` the first call of the backward; it is what is alive just before it.
    """
    op: str
    module: str
    phase: str
    """``forward``, or in training such as ``backward of step 2``."""
    categories: Mapping[str, int]
    """Bytes of each category, the largest first; they sum to ``nbytes``."""
    tensors: tuple[HeldTensor, ...]
    """The largest ones, at most `LARGEST`."""
    phases: tuple[tuple[str, int], ...] = ()
    """Phases of the training steps, and the position of the first call of each."""
    timeline: tuple[int, ...] = ()
    """Bytes alive during each operator call."""


@dataclass(frozen=True, slots=True)
class CudaRun:
    """What the counters of a GPU said of one real run, and what was predicted."""

    device: str
    """The GPU's name."""
    nbytes: int
    """All that the network took there, its parameters and buffers included."""
    predicted: int
    """The bytes of its tensors in the allocator's blocks."""
    failure: str = ""
    """Why it could not run; ``nbytes`` is the prediction then."""

    @property
    def workspace(self) -> int:
        """Bytes beside the tensors: what kernels and their libraries took for themselves."""
        return self.nbytes - self.predicted


@dataclass(frozen=True, slots=True, kw_only=True)
class Burden:
    """What one model costs at given inputs: the evaluation forward under no_grad.

    With ``training=`` two training steps as well.

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
    peak_memory: int
    saved_memory: int | None = None
    training_memory: int | None = None
    training_macs: int | None = None
    training_flops: int | None = None
    cuda_memory: int | None = None
    modules: int
    ops: int
    uncounted_ops: int
    convention: Convention = field(default_factory=Convention)
    method: Method = "abstract"
    reason: str = ""
    """Why the method is ``real``; empty for ``abstract``."""
    torch: str = ""
    """The version of torch that traced the model."""
    training: str = ""
    """The optimizer of the training step: ``"Adam, foreach"``; empty without training."""
    lower_bounds: Mapping[str, str] = field(default_factory=dict)
    """Metrics that may be more than their value, and why."""
    unsupported: Mapping[str, str] = field(default_factory=dict)
    """Metrics that were asked for and cannot be measured here, and why."""
    replaced_rules: Mapping[str, str] = field(default_factory=dict)
    """Operators that the named function of somebody else counts, in place of the rule there is."""
    cuda: CudaRun | None = None
    peaks: tuple[Peak, ...] = ()
    """What is alive at the moments that the metrics of memory are about."""
    module_rows: tuple[ModuleRow, ...] = ()
    op_rows: tuple[OpRow, ...] = ()

    def value(self, metric: str) -> int | None:
        """Return one metric by name, or None where it was not measured.

        Raises:
            KeyError: ``metric`` is not in `METRICS`.
        """
        value: int | None = getattr(self, METRICS[metric].name)
        return value

    def peak(self, metric: str) -> Peak | None:
        """Return what is alive at the moment that a metric of memory is about."""
        return next((peak for peak in self.peaks if peak.metric == metric), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the burden as JSON-ready dictionaries and lists; `from_dict` reads it back."""
        data = shallow(self)
        data["convention"] = shallow(self.convention)
        data["cuda"] = shallow(self.cuda) if self.cuda else None
        data["peaks"] = [
            shallow(peak)
            | {
                "tensors": [tensor._asdict() for tensor in peak.tensors],
                "timeline": list(peak.timeline),
            }
            for peak in self.peaks
        ]
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
        fields["cuda"] = CudaRun(**fields["cuda"]) if fields["cuda"] else None
        fields["peaks"] = tuple(_peak(peak) for peak in fields["peaks"])
        fields["module_rows"] = tuple(_module_row(row) for row in fields["module_rows"])
        fields["op_rows"] = tuple(OpRow(**row) for row in fields["op_rows"])
        return cls(**fields)


def shallow(value: Any) -> dict[str, Any]:
    """Return the fields of frozen data by name; `dataclasses.asdict` copies all below them too."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _peak(data: Mapping[str, Any]) -> Peak:
    fields = dict(data)
    fields["tensors"] = tuple(HeldTensor(**tensor) for tensor in fields["tensors"])
    fields["phases"] = tuple((name, start) for name, start in fields["phases"])
    fields["timeline"] = tuple(fields["timeline"])
    return Peak(**fields)


def _module_row(data: Mapping[str, Any]) -> ModuleRow:
    fields = dict(data)
    for name in ("own", "inclusive"):
        fields[name] = Figures(**fields[name])
    for name in ("inputs", "outputs"):
        fields[name] = tuple(fields[name])
    return ModuleRow(**fields)
