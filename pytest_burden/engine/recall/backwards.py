"""Backwards that are recorded again where they are the same as one before.

It is the same if its forward made what the one before did, on the tape and in autograd's graph, and
if nothing runs in it but autograd's own code: no function in Python, no hook. What a forward keeps
beside the graph is seen when the graph goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from pytest_burden.engine.abstract import AbstractTensor, Tape, abstract, token_of
from pytest_burden.engine.call import known_spec
from pytest_burden.engine.gradients import Gradients
from pytest_burden.engine.recall.calls import Recall, Record, recorded
from pytest_burden.engine.recall.graph import Graph, Nodes, graph_of, since
from pytest_burden.engine.spec import Spec


class Misremembered(Exception):  # noqa: N818 nobody's error: it asks for a run without recall
    """A backward was recorded again, and then turned out to be another."""


_BACKWARD = (torch.Tensor.backward, torch.autograd.backward)


class Start(NamedTuple):
    """Where a forward begins."""

    call: int
    storage: int
    node: int
    taken: int


class _Forward(NamedTuple):
    """What a forward did, counted from its start."""

    calls: tuple[tuple[object, ...], ...]
    storages: tuple[tuple[object, ...], ...]
    """Bytes, role, birth and, last, death."""
    nodes: tuple[tuple[int, int], ...]
    """How many nodes autograd had made whenever a module began or ended, and which ran then."""
    taken: tuple[int, ...]
    """Where what went into each operator lies."""
    graph: Nodes
    holders: tuple[tuple[int, int], ...]
    """Of each parameter that is trained, where it lies and which module has it."""
    default: torch.dtype


class _First(NamedTuple):
    """The first forward, and what its backward did."""

    start: Start
    forward: _Forward
    record: Record
    modules: list[int]
    """Of each call."""
    gradients: list[tuple[Spec, int] | None]
    """Of each parameter, if it has one, and in which new storage."""
    deaths: dict[int, int]
    """By storage of the forward: calls of the backward when it dies."""

    @property
    def storages(self) -> int:
        """Number of storages when the backward began."""
        return self.start.storage + len(self.forward.storages)


_KNOWN: dict[tuple[Start, _Forward], _First] = {}
_MOST = 8
"""Backwards that are remembered, the last ones: each is as long as a run."""


class Backwards:
    """Runs the backwards of one network."""

    def __init__(
        self,
        trained: Sequence[torch.Tensor],
        tape: Tape,
        gradients: Gradients,
        recall: Recall | None,
    ) -> None:
        """Look after the gradients of the parameters ``trained``; without recall, run all."""
        self._trained = trained
        self._recall = recall
        self._tape = tape
        self._gradients = gradients
        self._first: _First | None = None
        self._graph: Graph | None = None

    def start(self) -> Start:
        """Return where the forward begins that is about to run."""
        tape, gradients = self._tape, self._gradients
        return Start(len(tape.calls), len(tape.storages), gradients.mark(0), len(gradients.taken))

    def run(self, loss: list[torch.Tensor], start: Start) -> None:
        """Let the only element of ``loss`` run backward, and drop it.

        Raises:
            Misremembered: what was recorded is not what such a backward does.
        """
        __tracebackhide__ = True
        tape = self._tape
        first_call, first_storage = len(tape.calls), len(tape.storages)
        with torch._C.DisableTorchFunction():  # no mode need hear that attributes are read
            forward = self._forward(loss[0], start)
            if forward is not None:
                first = self._first
                if first is None:
                    first = self._first = _KNOWN.get((start, forward))
                if first is not None and first.forward == forward:
                    self._again(first, loss, start)
                    return
        self._gradients.in_backward = True
        try:
            loss.pop().backward()
        finally:
            self._gradients.in_backward = False
        if forward is not None:
            with torch._C.DisableTorchFunction():
                self._first = self._learnt(start, forward, first_call, first_storage)
            if self._first is not None:
                _remember(self._first)

    def _forward(self, loss: torch.Tensor, start: Start) -> _Forward | None:
        """Return what a forward did, None if its backward may depend on more, and must be run."""
        if (
            self._recall is None
            or not self._recall.trusted
            or self._gradients.untold
            or (torch.Tensor.backward, torch.autograd.backward) != _BACKWARD
            or torch.is_anomaly_enabled()
            or torch._C._is_any_autocast_enabled()
            or torch._C._len_torch_dispatch_stack() != 1
        ):
            return None
        holders: list[tuple[int, int]] = []
        for one in self._trained:
            if type(one) is not AbstractTensor or one.grad is not None:
                return None
            holders.append((one.token.index, self._gradients.holder(one)))
        positions = {id(parameter): i for i, parameter in enumerate(self._trained)}
        self._graph = graph_of(loss, self._gradients.number(start.node), positions)
        if self._graph is None:
            return None
        calls, storages = self._tape.calls[start.call :], self._tape.storages[start.storage :]
        return _Forward(
            tuple(
                [
                    (op, module, inside, *[since(index, start.storage) for index in homes])
                    for op, module, homes, inside in calls
                ]
            ),
            tuple(
                [
                    (
                        one.nbytes,
                        one.role,
                        one.birth - start.call,
                        None if one.death is None else one.death - start.call,
                    )
                    for one in storages
                ]
            ),
            tuple(self._gradients.nodes(start.node)),
            tuple([since(index, start.storage) for index in self._gradients.taken[start.taken :]]),
            self._graph.nodes,
            tuple(holders),
            torch.get_default_dtype(),
        )

    def _learnt(
        self, start: Start, forward: _Forward, first_call: int, first_storage: int
    ) -> _First | None:
        tape = self._tape
        grads = [parameter.grad for parameter in self._trained]
        made = [grad for grad in grads if type(grad) is AbstractTensor]
        if len(made) < sum(grad is not None for grad in grads):
            return None
        tokens = [grad.token.index for grad in made]
        found = recorded(range(first_storage), tokens, tape, first_call, first_storage)
        ended = [one.death for one in tape.storages[: start.storage]]
        if found is None or max(filter(None, ended), default=0) >= first_call:
            return None
        record, places = found
        if min(places, default=0) < 0:  # a gradient in the storage of something else
            return None
        place = iter(places)
        deaths = {
            index: one.death - first_call
            for index, one in enumerate(tape.storages[start.storage : first_storage])
            if one.death is not None and forward.storages[index][-1] is None
        }
        modules = [call.module for call in tape.calls[first_call:]]
        gradients = [None if g is None else (known_spec(g), next(place)) for g in grads]
        return _First(start, forward, record, modules, gradients, deaths)

    def _again(self, first: _First, loss: list[torch.Tensor], start: Start) -> None:
        """Record the first backward once more, after the forward that began at ``start``."""
        tape = self._tape
        shift = start.storage - first.start.storage
        given = [i if i < first.start.storage else i + shift for i in range(first.storages)]
        first_call, first_storage = len(tape.calls), len(tape.storages)
        made = first.record.again(given, tape, first.modules)
        for parameter, gradient in zip(self._trained, first.gradients, strict=True):
            if gradient is not None:
                spec, place = gradient
                parameter.grad = abstract(spec, token_of(tape, made + place))
        loss.pop()  # and all that autograd has kept for it
        now = len(tape.calls)
        gone = [i for i, one in enumerate(tape.storages[:first_storage]) if one.death == now]
        kept = self._graph is not None and not self._graph.is_gone()
        if kept or gone != [start.storage + index for index in sorted(first.deaths)]:
            raise Misremembered
        for index, death in first.deaths.items():
            tape.storages[start.storage + index].death = first_call + death


def _remember(first: _First) -> None:
    if len(_KNOWN) >= _MOST:
        del _KNOWN[next(iter(_KNOWN))]
    _KNOWN[first.start, first.forward] = first
