"""Which bytes are alive when: pure functions of a `Trace`.

Memory is that of tensors' storages. What a kernel takes for itself, what an allocator rounds up or
leaves in gaps, is not in it; for CUDA each storage is rounded up to the allocator's blocks.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from heapq import nsmallest
from itertools import accumulate
from operator import attrgetter
from typing import NamedTuple

from pytest_burden.burden import LARGEST, HeldTensor, Peak, Target
from pytest_burden.engine.spec import HIGHER_ORDER
from pytest_burden.engine.trace import OpCall, Phase, Role, Trace

BLOCK: Mapping[Target, int] = {"cpu": 1, "cuda": 512}
"""Bytes that a storage takes a multiple of. Source: ``kMinBlockSize`` of torch's CUDA allocator."""

_RESULTS: tuple[Role, ...] = ("result",)
_BESIDE_THE_MODEL: tuple[Role, ...] = ("constant", "input", "result")
_CATEGORY: Mapping[Role, str] = {
    "parameter": "parameters",
    "buffer": "buffers",
    "constant": "constants",
    "input": "inputs",
    "gradient": "gradients",
    "optimizer state": "optimizer state",
}


class Moment(NamedTuple):
    """What is alive at one moment, and in whose name."""

    peak: Peak
    by_module: Mapping[int, int]
    """Bytes by index into `Trace.modules`; they sum to the peak."""


def forward_peak(trace: Trace, target: Target) -> Moment:
    """Return `peak_memory`: the most bytes alive at once, other than parameters and buffers.

    Inputs count for the whole pass, but for those in a container in which the network puts others
    in their place: a cache.
    """
    return _peak("peak_memory", trace, _blocks(trace, target, _BESIDE_THE_MODEL))


def training_peak(trace: Trace, target: Target) -> Moment:
    """Return `training_memory`: the most bytes alive at once in two steps, everything included."""
    return _peak("training_memory", trace, _blocks(trace, target))


def saved(trace: Trace, target: Target) -> Moment:
    """Return `saved_memory`: the results alive when the backward begins, but for the loss."""
    start = next(phase.start for phase in trace.phases if phase.name == "backward")
    made = bisect_left(trace.storages, start, key=attrgetter("birth"))
    blocks = _blocks(replace(trace, storages=trace.storages[:made]), target, _RESULTS)
    kept = [block for block in blocks if block[0] != trace.loss]
    moment = _moment("saved_memory", trace, kept, start)
    return moment._replace(peak=replace(moment.peak, op="", module=""))  # it is between two calls


def footprint(trace: Trace, training: Trace | None) -> int:
    """Return the bytes that a network takes on a GPU: model, inputs, forward or training steps."""
    if training is not None:
        return training_peak(training, "cuda").peak.nbytes
    model = _blocks(trace, "cuda", ("parameter", "buffer"))
    return forward_peak(trace, "cuda").peak.nbytes + sum(nbytes for _, nbytes, _, _ in model)


def lower_bounds(trace: Trace, metrics: Iterable[str]) -> dict[str, str]:
    """Return why metrics of memory may be more than what is seen here, for each of ``metrics``."""
    reasons = []
    if trace.recurrent:
        reasons.append("kernels of recurrent layers keep memory of their own")
    ops = {call.op for call in trace.calls}
    if any(held.storage is None for module in trace.modules for held in module.held) or any(
        op.name.startswith(_PACKED) for op in ops
    ):
        reasons.append("packed and sparse weights have no storage that could be followed")
    if any(spec.shape and not spec.strides for op in ops for spec in op.outputs):
        reasons.append("sparse and nested tensors are not looked into")
    if hidden := sorted(op.name for op in ops if op.name.startswith(HIGHER_ORDER)):
        reasons.append(f"what runs inside {', '.join(hidden)} is not seen")
    return dict.fromkeys(metrics, "; ".join(reasons)) if reasons else {}


_PACKED = ("quantized.", "aten.quantized_", "aten.fbgemm_")


_Block = tuple[int, int, int, int]
"""A storage, its bytes, and the calls from which and before which it is alive."""


def _blocks(trace: Trace, target: Target, roles: Collection[Role] = ()) -> list[_Block]:
    """Return the memory of the storages that have one of these roles, if any is given."""
    size, end = BLOCK[target], max(len(trace.calls), 1)  # without operators there are still inputs
    found = []
    for index, (nbytes, role, birth, died) in enumerate(map(_fields, trace.storages)):
        if nbytes and (not roles or role in roles):
            death = end if died is None else min(died, end)
            if birth < death:
                found.append((index, -(-nbytes // size) * size, birth, death))
    return found


_fields = attrgetter("nbytes", "role", "birth", "death")


def _peak(metric: str, trace: Trace, blocks: Sequence[_Block]) -> Moment:
    changes = [0] * (max(len(trace.calls), 1) + 1)
    for _, nbytes, birth, death in blocks:
        changes[birth] += nbytes
        changes[death] -= nbytes
    line = tuple(accumulate(changes[:-1]))
    moment = _moment(metric, trace, blocks, line.index(max(line)))
    return moment._replace(peak=replace(moment.peak, timeline=line))


def _moment(metric: str, trace: Trace, blocks: Iterable[_Block], at: int) -> Moment:
    """Return what is alive during call ``at``."""
    alive = [(index, nbytes) for index, nbytes, birth, death in blocks if birth <= at < death]
    names = _Names(trace)
    by_module: Counter[int] = Counter()
    categories: Counter[str] = Counter()
    ranked: list[tuple[int, int, int]] = []
    for index, nbytes in alive:
        category = names.category(index)
        by_module[names.module(index)] += nbytes
        categories[category] += nbytes
        ranked.append((-nbytes, _FIRST.index(category), index))
    largest = nsmallest(LARGEST, ranked)
    call = trace.calls[at] if at < len(trace.calls) else None
    peak = Peak(
        metric=metric,
        nbytes=by_module.total(),
        call=at,
        op=call.op.name if call else "",
        module=trace.modules[call.module].path if call else "",
        phase=_phase(trace, at),
        categories=dict(categories.most_common()),
        tensors=tuple(names.tensor(index, -minus) for minus, _, index in largest),
        phases=tuple((_text(phase), phase.start) for phase in trace.phases),
    )
    return Moment(peak, by_module)


_FIRST = (
    "activations", "gradients", "optimizer state", "temporaries",
    "parameters", "buffers", "constants", "inputs",
)  # fmt: skip
"""Of tensors of one size, those are named first that a network may be able to do without."""


def _phase(trace: Trace, at: int) -> str:
    begun = [phase for phase in trace.phases if phase.start <= at]
    return _text(begun[-1]) if begun else "forward"


def _text(phase: Phase) -> str:
    return f"{phase.name} of step {phase.step}"


class _Names:
    """What to call a storage: who holds or made it, and what for."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._starts = [phase.start for phase in trace.phases]
        self._held = {
            held.storage: (index, held)
            for index, module in reversed([*enumerate(trace.modules)])
            for held in module.held
            if held.storage is not None
        }

    def module(self, index: int) -> int:
        """Return the module that holds a storage, or whose operator made it; else the root."""
        storage = self._trace.storages[index]
        held = self._held.get(index if storage.of is None else storage.of)
        if held is not None:
            return held[0]
        call = self._maker(index)
        return call.module if call else 0

    def category(self, index: int) -> str:
        """Return in which of the categories of memory a storage is."""
        storage = self._trace.storages[index]
        if storage.role in _CATEGORY:
            return _CATEGORY[storage.role]
        return "activations" if self._in_forward(storage.birth) else "temporaries"

    def tensor(self, index: int, nbytes: int) -> HeldTensor:
        """Describe the tensor that a storage was made for."""
        storage = self._trace.storages[index]
        module = self.module(index)
        path = self._trace.modules[module].path
        name, shape, op = self._label(index, path)
        return HeldTensor(
            self.category(index), name, shape, nbytes, path, storage.birth, storage.death, op
        )

    def _label(self, index: int, path: str) -> tuple[str, str, str]:
        """Return what a tensor is called, its shape, and the operator that made it."""
        storage = self._trace.storages[index]
        found = self._held.get(index if storage.of is None else storage.of)
        call = self._maker(index)
        op = call.op.name if call else ""
        if found is not None:
            held = found[1]
            name = f"{path}.{held.name}" if path else held.name
            if storage.of is None:
                return name, held.shape, op
            return f"{storage.name} of {name}", storage.shape, op
        if index in self._trace.given:
            return "input", self._trace.given[index], op
        made = str(call.op.outputs[call.storages.index(index)]) if call else ""
        return op or storage.role, made, op

    def _maker(self, index: int) -> OpCall | None:
        """Return the call that made a storage, None if it was there before."""
        birth = self._trace.storages[index].birth
        before = ("parameter", "buffer", "constant", "input")
        if self._trace.storages[index].role in before or birth >= len(self._trace.calls):
            return None
        call = self._trace.calls[birth]
        return call if index in call.storages else None

    def _in_forward(self, position: int) -> bool:
        phase = bisect_right(self._starts, position) - 1
        return phase < 0 or self._trace.phases[phase].name == "forward"
