"""Which bytes are alive when: pure functions of a `Trace`.

Memory is that of tensors' storages. What a kernel takes for itself, what an allocator rounds up or
leaves in gaps, is not in it; for CUDA each storage is rounded up to the allocator's blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

from pytest_burden.burden import LARGEST, HeldTensor, Peak, Target
from pytest_burden.engine.trace import OpCall, Phase, Role, Storage, Trace

BLOCK: Mapping[Target, int] = {"cpu": 1, "cuda": 512}
"""Bytes that a storage takes a multiple of. Source: ``kMinBlockSize`` of torch's CUDA allocator."""

_BESIDE_THE_MODEL = frozenset({"input", "result"})
_CATEGORY: Mapping[Role, str] = {
    "parameter": "parameters",
    "buffer": "buffers",
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

    Inputs count for the whole pass.
    """
    sizes = [
        size * (trace.storages[index].role in _BESIDE_THE_MODEL)
        for index, size in enumerate(_sizes(trace, target))
    ]
    line = _timeline(trace, sizes)
    return _moment("peak_memory", trace, sizes, line, _top(line, 0, len(line)))


def saved(trace: Trace, target: Target) -> Moment:
    """Return `saved_memory`: the results alive when the backward begins, but for the loss."""
    sizes = [
        size * (trace.storages[index].role in ("result", "gradient") and index != trace.loss)
        for index, size in enumerate(_sizes(trace, target))
    ]
    start = next(phase.start for phase in trace.phases if phase.name == "backward")
    line = _timeline(trace, sizes)
    before = [
        size if storage.birth < start else 0
        for size, storage in zip(sizes, trace.storages, strict=True)
    ]
    moment = _moment("saved_memory", trace, before, line, start)
    return moment._replace(peak=replace(moment.peak, op="", module=""))  # it is between two calls


def training_peak(trace: Trace, target: Target) -> Moment:
    """Return `training_memory`: the most bytes alive at once in two steps, everything included."""
    sizes = _sizes(trace, target)
    line = _timeline(trace, sizes)
    return _moment("training_memory", trace, sizes, line, _top(line, 0, len(line)))


def lower_bounds(trace: Trace, metrics: Iterable[str]) -> dict[str, str]:
    """Return why metrics of memory may be more than what is seen here, for each of ``metrics``."""
    reasons = []
    if trace.recurrent:
        reasons.append("kernels of recurrent layers keep memory of their own")
    ops = {call.op for call in trace.calls}
    if any(held.storage is None for module in trace.modules for held in module.held) or any(
        op.name.startswith(_PACKED) for op in ops
    ):
        reasons.append("packed weights of quantised layers are no tensors")
    if any(spec.shape and not spec.strides for op in ops for spec in op.outputs):
        reasons.append("sparse and nested tensors are not looked into")
    if hidden := sorted(op.name for op in ops if op.name.startswith("higher_order.")):
        reasons.append(f"what runs inside {', '.join(hidden)} is not seen")
    return dict.fromkeys(metrics, "; ".join(reasons)) if reasons else {}


_PACKED = ("quantized.", "aten.quantized_", "aten.fbgemm_")


def _sizes(trace: Trace, target: Target) -> list[int]:
    block = BLOCK[target]
    if block == 1:
        return [storage.nbytes for storage in trace.storages]
    return [-(-storage.nbytes // block) * block for storage in trace.storages]


def _lives(storage: Storage, end: int) -> tuple[int, int]:
    """Return the first call that finds a storage alive, and the first one after it."""
    if storage.role == "input":
        return 0, end
    return storage.birth, end if storage.death is None else min(storage.death, end)


def _timeline(trace: Trace, sizes: Sequence[int]) -> list[int]:
    """Return the bytes alive during each call, its own outputs included."""
    end = max(len(trace.calls), 1)  # a network without operators has its inputs all the same
    changes = [0] * (end + 1)
    for storage, size in zip(trace.storages, sizes, strict=True):
        birth, death = _lives(storage, end)
        if size and birth < death:
            changes[birth] += size
            changes[death] -= size
    return list(accumulate(changes[:end]))


def _top(line: Sequence[int], start: int, end: int) -> int:
    return max(range(start, end), key=line.__getitem__)


def _moment(
    metric: str, trace: Trace, sizes: Sequence[int], line: Sequence[int], at: int
) -> Moment:
    """Return what is alive during call ``at``, of the storages that have a size."""
    end = max(len(trace.calls), 1)
    alive = []
    for index, (storage, size) in enumerate(zip(trace.storages, sizes, strict=True)):
        birth, death = _lives(storage, end)
        if size and birth <= at < death:
            alive.append(index)
    names = _Names(trace)
    by_module: dict[int, int] = {}
    categories: dict[str, int] = {}
    for index in alive:
        module, category = names.module(index), names.category(index)
        by_module[module] = by_module.get(module, 0) + sizes[index]
        categories[category] = categories.get(category, 0) + sizes[index]
    largest = sorted(alive, key=lambda index: -sizes[index])[:LARGEST]
    call = trace.calls[at] if at < len(trace.calls) else None
    peak = Peak(
        metric=metric,
        nbytes=sum(by_module.values()),
        call=at,
        op=call.op.name if call else "",
        module=trace.modules[call.module].path if call else "",
        phase=_phase(trace, at),
        categories=dict(sorted(categories.items(), key=lambda item: -item[1])),
        tensors=tuple(names.tensor(index, sizes[index]) for index in largest),
        phases=tuple((_text(phase), phase.start) for phase in trace.phases),
        timeline=tuple(line),
    )
    return Moment(peak, by_module)


def _phase(trace: Trace, at: int) -> str:
    begun = [phase for phase in trace.phases if phase.start <= at]
    return _text(begun[-1]) if begun else "forward"


def _text(phase: Phase) -> str:
    return f"{phase.name} of step {phase.step}"


class _Names:
    """What to call a storage: who holds or made it, and what for."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
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
        name, shape = self._label(index, path)
        return HeldTensor(
            self.category(index), name, shape, nbytes, path, storage.birth, storage.death
        )

    def _label(self, index: int, path: str) -> tuple[str, str]:
        storage = self._trace.storages[index]
        found = self._held.get(index if storage.of is None else storage.of)
        call = self._maker(index)
        made = str(call.op.outputs[call.storages.index(index)]) if call else ""
        if found is not None:
            held = found[1]
            name = f"{path}.{held.name}" if path else held.name
            if storage.of is None:
                return name, str(held.spec)
            return f"{storage.role} of {name}", made
        if index in self._trace.given:
            return "input", str(self._trace.given[index])
        return call.op.name if call else storage.role, made

    def _maker(self, index: int) -> OpCall | None:
        """Return the call that made a storage, None if it was there before."""
        birth = self._trace.storages[index].birth
        if self._trace.storages[index].role == "input" or birth >= len(self._trace.calls):
            return None
        call = self._trace.calls[birth]
        return call if index in call.storages else None

    def _in_forward(self, position: int) -> bool:
        phase = [phase.name for phase in self._trace.phases if phase.start <= position]
        return not phase or phase[-1] == "forward"
