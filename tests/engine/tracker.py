"""The bytes of tensors that are alive in a real run: nothing here knows how a prediction is made.

A dispatch mode notes the storage of every tensor that an operator takes or returns, with its true
data, and a weak reference takes its bytes off again when torch lets go of it.

Where gradients meet, autograd adds in place if nobody else holds the first of them; under a mode it
does not dare to. So hooks tell when a node is done, and the sums that follow are made in place here
(`tests/engine/test_memory_allocator.py` asks the allocator, without any mode).
"""

from __future__ import annotations

import gc
import re
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, NamedTuple, Protocol

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class _Followed(weakref.ref[Any]):
    """A storage that is alive, and the bytes that it counts for."""

    __slots__ = ("address", "nbytes", "there_before")

    address: int
    nbytes: int
    there_before: bool


class Tracker(TorchDispatchMode):
    """Sums up the bytes of living storages after every operator, while it is switched on."""

    def __init__(self, block: int = 1) -> None:
        """Let every storage take a multiple of ``block`` bytes."""
        super().__init__()  # type: ignore[no-untyped-call]  # torch declares nothing
        self.live = 0
        """Bytes alive now."""
        self.peak = 0
        """The most that were."""
        self.timeline: list[int] = []
        """Bytes alive after each operator that returned a tensor."""
        self.node_is_done = False
        self._block = block
        self._began = False
        self._followed: dict[int, _Followed] = {}
        # A method would be a reference cycle, and keep the tracker until a collection.
        self._forget = _forgetter(weakref.ref(self), self._followed)

    def __torch_dispatch__(
        self,
        func: Any,
        types: object,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operator for real, then look at what it was given and what it made."""
        if self.node_is_done and can_be_in_place(func, args):
            func = torch.ops.aten.add_.Tensor
        out = func(*args, **(kwargs or {}))
        made = tree_leaves(out)
        self.follow(tree_leaves((args, kwargs)))
        self.follow(made)
        writes = not func._schema.returns and func._schema.is_mutable
        if writes or any(isinstance(value, torch.Tensor) for value in made):
            self.timeline.append(self.live)
        return out

    def follow(self, values: Iterable[object], *, counted: bool = True) -> None:
        """Count the storages of tensors from now on, each once, or know them and never count."""
        for value in values:  # no name here may outlive this call: it would keep a tensor alive
            self._follow(value, counted=counted)
        self.peak = max(self.peak, self.live)

    def _follow(self, value: object, *, counted: bool) -> None:
        if not isinstance(value, torch.Tensor) or value.layout is not torch.strided:
            return
        storage = value.untyped_storage()
        known = self._followed.get(storage._cdata)
        if known is None:
            known = self._followed[storage._cdata] = _Followed(storage, self._forget)
            known.address, known.nbytes, known.there_before = storage._cdata, 0, not self._began
        elif not known.nbytes:
            return  # it is empty, or never counted
        if counted:
            nbytes = -(-storage.nbytes() // self._block) * self._block
            self.live += nbytes - known.nbytes  # it may have been resized
            known.nbytes = nbytes

    def begin(self) -> None:
        """Take all that is followed so far for what was there before the run."""
        self._began = True

    def made(self, but: torch.Tensor) -> int:
        """Return the living bytes that were not there before, but for one tensor."""
        dropped = but.untyped_storage()._cdata
        return sum(
            known.nbytes
            for known in self._followed.values()
            if not known.there_before and known.address != dropped
        )


def can_be_in_place(func: object, args: Sequence[Any]) -> bool:
    """Return whether a sum of two gradients can be made in the first, which nobody else holds."""
    if func is not torch.ops.aten.add.Tensor or torch.is_grad_enabled():
        return False
    # Less what autograd and this call hold themselves.
    others = (args[0]._use_count() - 4) + (sys.getrefcount(args[0]) - 3)
    others += torch._C._storage_Use_Count(args[0].untyped_storage()._cdata) - 2
    dense: bool = torch.ops.aten.is_non_overlapping_and_dense(args[0])
    return others == 0 and dense


class Told(Protocol):
    """What hears of autograd's nodes."""

    node_is_done: bool
    """Whether a node of autograd's graph has made its gradients, and the next has not begun."""


@contextmanager
def nodes_told(tracker: Told) -> Iterator[None]:
    """Let a tracker know when autograd is between two nodes."""
    before = torch.autograd.backward, torch.autograd.grad
    torch.autograd.backward, torch.autograd.grad = [_telling(tracker, run) for run in before]
    try:
        yield
    finally:
        torch.autograd.backward, torch.autograd.grad = before


def _telling(tracker: Told, run: Callable[..., Any]) -> Callable[..., Any]:
    def told(tensors: Any, *args: Any, **kwargs: Any) -> Any:
        lone = isinstance(tensors, torch.Tensor)
        nodes = [tensor.grad_fn for tensor in ((tensors,) if lone else tensors)]
        seen: set[Any] = set()
        while nodes:
            node = nodes.pop()
            if node is None or node in seen or node.name() == "torch::autograd::AccumulateGrad":
                continue
            seen.add(node)
            node.register_prehook(_set(tracker, done=False))
            node.register_hook(_set(tracker, done=True))
            nodes += [following for following, _ in node.next_functions]
        del nodes, seen, lone
        try:
            return run(tensors, *args, **kwargs)
        finally:
            tracker.node_is_done = False

    return told


def _set(tracker: Told, *, done: bool) -> Callable[..., None]:
    def hook(*_gradients: object) -> None:
        tracker.node_is_done = done

    return hook


def _forgetter(
    owner: weakref.ref[Tracker], followed: dict[int, _Followed]
) -> Callable[[_Followed], None]:
    def forget(gone: _Followed) -> None:
        if followed.get(gone.address) is gone:
            del followed[gone.address]
        if (tracker := owner()) is not None:
            tracker.live -= gone.nbytes

    return forget


@contextmanager
def conditions() -> Iterator[None]:
    """Run as the prediction says that it does, and put everything back."""
    fast, collecting = torch.backends.mha.get_fastpath_enabled(), gc.isenabled()
    one_dnn, threads = torch._C._get_mkldnn_enabled(), torch.get_num_threads()
    torch.set_num_threads(1)  # how many matters to scratch alone, and tests run side by side
    torch.backends.mha.set_fastpath_enabled(False)
    torch._C._set_mkldnn_enabled(False)  # noqa: FBT003 takes no keyword
    gc.disable()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        torch._C._set_mkldnn_enabled(one_dnn)
        torch.set_num_threads(threads)
        if collecting:
            gc.enable()


_SPEC = re.compile(r"(\w+)\[([\d, ]*)\](?: = (-?\d+))?")


def real(value: Any) -> Any:
    """Return a nest of inputs with a tensor in the place of each spec string."""
    if isinstance(value, str) and (match := _SPEC.fullmatch(value)):
        dtype, size, fill = match.groups()
        shape = [int(number) for number in size.split(",") if number.strip()]
        kind: torch.dtype = getattr(torch, dtype)
        if kind.is_floating_point or kind.is_complex:
            return torch.randn(shape, dtype=kind)
        return torch.full(shape, int(fill or 1), dtype=kind)
    if isinstance(value, dict):
        return {name: real(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([real(item) for item in value])
    return value


def held(value: Any, depth: int = 8) -> list[torch.Tensor]:
    """Return the tensors in what a network takes, returns, or has hung onto it."""
    if isinstance(value, torch.Tensor):
        return [value]
    parts: list[Any] = []
    if depth < 0 or isinstance(value, (type, types.ModuleType)):
        pass
    elif isinstance(value, Mapping):
        parts = list(value.values())
    elif isinstance(value, (list, tuple, set)):
        parts = list(value)
    elif is_dataclass(value):
        parts = [getattr(value, entry.name) for entry in fields(value)]
    elif isinstance(value, nn.Module):
        parts = [
            part
            for module in value.modules()
            for name, part in vars(module).items()
            if name not in ("_parameters", "_buffers", "_modules")
        ]
    elif isinstance(value, types.FunctionType):
        parts = [cell.cell_contents for cell in value.__closure__ or ()]
    return [tensor for part in parts for tensor in held(part, depth - 1)]


class Truth(NamedTuple):
    """What a real run took."""

    peak: int
    """Most bytes alive at once."""
    timeline: tuple[int, ...]
    """Bytes alive after each operator."""
    saved: int = 0
    """Bytes made in a forward that are alive when its backward begins."""


Make = Callable[[list[torch.Tensor]], torch.optim.Optimizer]


@dataclass(frozen=True)
class Loop:
    """How a network is trained: the user's own loop."""

    make: Make = lambda parameters: torch.optim.SGD(parameters, foreach=False)
    accumulate: int = 1
    set_to_none: bool = True
    block: int = 1


@cache
def warm_up() -> None:
    """Let the first operator of a process import what it does: meanwhile it keeps its operands."""
    with Tracker():
        nn.Linear(1, 1)(torch.ones(1, 1))


def evaluate(
    model: nn.Module,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    tracker: Tracker | None = None,
) -> Truth:
    """Run an evaluation forward; its bytes are those beside parameters and buffers."""
    warm_up()
    args, kwargs, tracker = real(list(args)), real(dict(kwargs or {})), tracker or Tracker()
    model.eval()
    tracker.follow((*model.parameters(), *model.buffers()), counted=False)
    tracker.follow(held([args, kwargs, model]))
    with conditions(), torch.no_grad(), tracker, nodes_told(tracker):
        model(*args, **kwargs)
    return Truth(tracker.peak, tuple(tracker.timeline))


def train(
    model: nn.Module,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    loop: Loop | None = None,
) -> Truth:
    """Train a network for two steps; return the peak of everything, and what autograd keeps."""
    warm_up()
    args, kwargs, loop = real(list(args)), real(dict(kwargs or {})), loop or Loop()
    model.train()
    tracker = Tracker(loop.block)
    tracker.follow([*model.parameters(), *model.buffers(), *held([args, kwargs, model])])
    saved: list[int] = []
    with conditions(), tracker, nodes_told(tracker):
        optimizer = loop.make([p for p in model.parameters() if p.requires_grad])
        tracker.begin()
        for _ in range(2):
            optimizer.zero_grad(set_to_none=loop.set_to_none)
            for _ in range(loop.accumulate):
                loss = loss_of(model(*args, **kwargs))
                saved.append(tracker.made(but=loss))
                loss.backward()
                del loss
            optimizer.step()
    return Truth(tracker.peak, tuple(tracker.timeline), saved[0])


def loss_of(out: Any) -> torch.Tensor:
    """Return the sum of all floating-point outputs."""
    sums = [tensor.sum() for tensor in held(out) if tensor.is_floating_point()]
    loss = sums[0]
    for one in sums[1:]:
        loss = loss + one
    return loss
