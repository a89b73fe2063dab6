"""The truth itself can be wrong: it is held against numbers by hand, and against another way."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.engine import tracker as truth
from tests.engine.learners import IMAGE, LEARNERS, Learner, normal_cnn
from tests.engine.tracker import (
    Loop,
    Tracker,
    can_be_in_place,
    conditions,
    evaluate,
    loss_of,
    nodes_told,
    real,
    train,
)
from tests.networks.cases import calling

ROWS = torch.ones(4, 8)
BYTES = 4 * 8 * 4


def test_a_forward_by_hand() -> None:
    """Input, its double, what is rectified, and the sum: each lives until the next has read it."""
    found = evaluate(calling(lambda x: (x * 2).relu().sum(0))(), (ROWS,))
    assert found.timeline == (2 * BYTES, 3 * BYTES, 2 * BYTES + 8 * 4)
    assert found.peak == 3 * BYTES


def test_a_step_by_hand() -> None:
    """A product with one weight: it saves its input alone, and its gradient is as large as it."""
    found = train(calling(torch.mul, (4, 8))(), (ROWS,))
    assert found.saved == 0  # the input was there before
    weight, inputs, gradient, one = BYTES, BYTES, BYTES, 4
    assert found.timeline[:3] == (
        weight + inputs + BYTES,  # the product
        weight + inputs + BYTES + one,  # the loss
        weight + inputs + one + one,  # the loss, and the 1 that the backward begins with
    )
    assert found.peak == max(weight + inputs + BYTES + one, weight + inputs + gradient + 2 * one)
    kept = train(calling(lambda x, w: (x * w).exp(), (4, 8))(), (ROWS,))
    assert kept.saved == BYTES


def test_views_and_blocks_by_hand() -> None:
    """A view takes nothing; a storage takes whole blocks."""
    model = calling(lambda x: [x.t(), x[1:], (x + 1)[:1]])()
    assert evaluate(model, (ROWS,)).timeline == (BYTES, BYTES, 2 * BYTES, 2 * BYTES)
    assert evaluate(model, (ROWS,), tracker=Tracker(512)).peak == 2 * 512


class Polled(TorchDispatchMode):
    """Asks after every operator which storages are alive, by torch's own weak references."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch declares nothing
        self.known: dict[int, tuple[StorageWeakRef, int]] = {}
        self.timeline: list[int] = []
        self.node_is_done = False

    def __torch_dispatch__(
        self, func: Any, types: object, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run an operator and ask."""
        if self.node_is_done and can_be_in_place(func, args):
            func = torch.ops.aten.add_.Tensor
        out = func(*args, **(kwargs or {}))
        self.look((args, kwargs))
        self.look(out)
        if any(isinstance(value, torch.Tensor) for value in tree_leaves(out)):
            self.timeline.append(sum(nbytes for _, nbytes in self.known.values()))
        return out

    def look(self, values: object) -> None:
        """Note the storages of some tensors, and forget those that are gone."""
        self.known = {key: pair for key, pair in self.known.items() if not pair[0].expired()}
        for value in tree_leaves(values):
            self._look(value)

    def _look(self, value: object) -> None:
        if isinstance(value, torch.Tensor):
            storage = value.untyped_storage()
            if storage._cdata not in self.known:
                self.known[storage._cdata] = StorageWeakRef(storage), storage.nbytes()


@pytest.mark.parametrize("name", ["convolutions with norms", "mixer", "graph", "encoder, decoder"])
def test_asked_another_way(name: str) -> None:
    """Weak references that are asked say the same as weak references that tell."""
    learner = LEARNERS[name]
    assert polled(learner) == train(learner.build(), learner.args).timeline


def polled(learner: Learner) -> tuple[int, ...]:
    """Return the bytes alive after each operator of two steps with SGD."""
    model, args = learner.build().train(), real(learner.args)
    mode = Polled()
    mode.look([*model.parameters(), *model.buffers(), args])
    with conditions(), mode, nodes_told(mode):
        optimizer = Loop().make(list(model.parameters()))
        for _ in range(2):
            optimizer.zero_grad()
            loss_of(model(*args)).backward()
            optimizer.step()
    return tuple(mode.timeline)


class Blind(Tracker):
    """Overlooks every tensor of one shape."""

    def _follow(self, value: object, *, counted: bool) -> None:
        if getattr(value, "shape", None) != (2, 8, 12, 10):
            super()._follow(value, counted=counted)


class Hoarding(Tracker):
    """Keeps all results of one operator."""

    def __init__(self, block: int = 1) -> None:
        super().__init__(block)
        self.kept: list[object] = []

    def __torch_dispatch__(
        self, func: Any, types: object, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run an operator and keep its result."""
        out = super().__torch_dispatch__(func, types, args, kwargs)
        if func is torch.ops.aten.silu.default:
            self.kept.append(out)
        return out


@pytest.mark.parametrize("wrong", [Blind, Hoarding])
def test_a_wrong_tracker_is_seen(wrong: type[Tracker], monkeypatch: pytest.MonkeyPatch) -> None:
    """Twin of all tests here: one output overlooked, one kept, and every number is another."""
    right = train(normal_cnn(), (IMAGE,)), evaluate(normal_cnn(), (IMAGE,))
    monkeypatch.setattr(truth, "Tracker", wrong)
    found = train(normal_cnn(), (IMAGE,)), evaluate(normal_cnn(), (IMAGE,))
    for one, other in zip(right, found, strict=True):
        assert one.timeline != other.timeline
    assert right[0].peak != found[0].peak
    assert wrong is Hoarding or right[0].saved != found[0].saved


def test_nothing_is_kept() -> None:
    """When inputs and results are gone, their bytes are."""
    found = Tracker()
    assert evaluate(normal_cnn(), (IMAGE,), tracker=found).peak > 0
    assert found.live == 0
