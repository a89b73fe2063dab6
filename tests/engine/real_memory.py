"""The memory of a real run, followed storage by storage with nothing of the engine's."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from pytest_burden.engine.surroundings import fixed_surroundings, seed

Optimizer = Callable[[list[nn.Parameter]], torch.optim.Optimizer]


class Memory(NamedTuple):
    """What `Burden` calls by these names."""

    peak_memory: int
    saved_memory: int | None
    training_memory: int | None


class Tracker(TorchDispatchMode):
    """Knows how many bytes are alive: every storage seen so far, until torch lets go of it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch declares nothing
        self.alive: dict[int, tuple[int, int]] = {}
        """By address: bytes, and how many storages there were before."""
        self.count = 0
        self.now = 0
        self.most = 0

    def add(self, tensor: torch.Tensor) -> int:
        """Follow the storage of a tensor; return its bytes if it is a new one."""
        storage = tensor.untyped_storage()
        address, nbytes = storage._cdata, storage.nbytes()
        if address in self.alive:
            return 0
        self.alive[address] = (nbytes, self.count)
        self.count += 1
        self.now += nbytes
        weakref.finalize(storage, self._remove, address)
        return nbytes

    def _remove(self, address: int) -> None:
        self.now -= self.alive.pop(address)[0]

    def since(self, count: int) -> int:
        """Return the bytes alive of the storages after the first ``count``."""
        return sum(nbytes for nbytes, number in self.alive.values() if number >= count)

    def __torch_dispatch__(
        self, func: Any, types: object, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Run one operator, and take stock."""
        out = func(*args, **(kwargs or {}))
        for tensor in found(out):
            self.add(tensor)
        self.most = max(self.most, self.now)
        return out


def found(value: object) -> Iterator[torch.Tensor]:
    """Yield the tensors in tuples, lists, dictionaries and dataclasses."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from found(item)
    elif isinstance(value, Mapping):
        yield from found(list(value.values()))
    elif hasattr(value, "__dataclass_fields__"):
        yield from found(list(vars(value).values()))


def real_memory(  # noqa: PLR0913 a network, what goes in, and how it is trained
    build: Callable[[], nn.Module],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    optimizer: Optimizer | None,
    accumulate: int = 1,
    *,
    set_to_none: bool = True,
) -> Memory:
    """Return the memory of a forward in evaluation, and of two training steps if there are any."""
    with fixed_surroundings():
        model, tracker, resident = _begun(build, args, kwargs)
        for parameter in model.parameters():  # matmul copies by it, even under no_grad
            if parameter.is_floating_point() or parameter.is_complex():
                parameter.requires_grad_()
        model.eval()
        seed()
        with tracker:
            model(*args, **kwargs)
        peak = tracker.most - resident
        if optimizer is None:
            return Memory(peak, None, None)
        del model
        model, tracker, _ = _begun(build, args, kwargs)
        model.train()
        seed()
        saved: list[int] = []
        with torch.enable_grad(), tracker:
            chosen = optimizer([p for p in model.parameters() if p.requires_grad])
            before = tracker.count
            for _ in range(2):
                chosen.zero_grad(set_to_none=set_to_none)
                for _ in range(accumulate):
                    loss = _total(found(model(*args, **kwargs)))
                    saved.append(tracker.since(before) - loss.untyped_storage().nbytes())
                    loss.backward()
                    del loss
                chosen.step()
    return Memory(peak, saved[0], tracker.most)


def _begun(
    build: Callable[[], nn.Module], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[nn.Module, Tracker, int]:
    """Return a new network, what follows it and the inputs, and the bytes of what it registers."""
    seed()
    model = build()
    tracker = Tracker()
    resident = sum(map(tracker.add, [*model.parameters(), *model.buffers()]))
    for tensor in found([*args, *kwargs.values()]):
        tracker.add(tensor)
    for module in model.modules():
        for tensor in found(list(vars(module).values())):
            tracker.add(tensor)
    tracker.most = tracker.now
    return model, tracker, resident


def _total(outputs: Iterable[torch.Tensor]) -> torch.Tensor:
    first, *others = [tensor.sum() for tensor in outputs if tensor.is_floating_point()]
    for each in others:
        first = first + each
    return first
