"""The sums that autograd makes where several gradients meet at one tensor.

It adds a gradient to what has arrived before in place if nobody else holds that: a third gradient
takes no more memory than a second. Where it sees a tensor subclass or a mode, which might have
something else in mind, it makes a new tensor each time (torch/csrc/autograd/input_buffer.cpp).
Under a recorder it always does, and must be told from the sums in formulas of derivatives.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any

import torch
from torch.autograd import graph
from torch.utils._python_dispatch import TorchDispatchMode

from pytest_burden.engine.abstract import AbstractTensor, Tape, Token, abstract, dense_spec
from pytest_burden.engine.call import known_spec
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.strides import is_dense

SUM = torch.ops.aten.add.Tensor
SUM_IN_PLACE = torch.ops.aten.add_.Tensor

_ENGINE = graph._engine_run_backward.__code__
"""Below a call of autograd's own there is no other Python; below one of a custom backward is."""


_KINDS = frozenset({torch.Tensor, AbstractTensor})


def is_in_place(caller: CodeType, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Return whether a sum is made in place where no recorder is, if autograd makes it.

    ``caller`` is what called the recorder. Before `learn_holders` no sum is, and that was asked is
    noted: see `asked_in_vain`.
    """
    if caller is not _ENGINE or torch.is_grad_enabled() or kwargs:
        return False
    if not _ALONE:
        _in_vain.append(True)
        return False
    if not _KINDS.issuperset(map(type, args)):
        return False
    first, second = map(known_spec, args)
    strided = all(spec.strides or not spec.shape for spec in (first, second))
    same = (first.shape, first.dtype) == (second.shape, second.dtype)
    return same and strided and is_dense(first) and holders(args) == _ALONE[type(args[0])]


def holders(args: Sequence[Any]) -> tuple[int, int, int]:
    """Return who holds a call's first argument: in C++, in Python, and its storage."""
    tensor = args[0]
    with torch._C.DisableTorchFunction():
        if type(tensor) is AbstractTensor:
            of_storage = sys.getrefcount(tensor.token)
        else:
            of_storage = torch._C._storage_Use_Count(tensor.untyped_storage()._cdata)
        return tensor._use_count(), sys.getrefcount(tensor), of_storage


_ALONE: dict[type[torch.Tensor], tuple[int, int, int]] = {}
"""`holders` of a gradient that nothing but autograd holds. See `learn_holders`."""


_in_vain: list[bool] = []


def asked_in_vain() -> bool:
    """Return whether it was asked of a sum, since the last time, before the answer was known."""
    asked = bool(_in_vain)
    _in_vain.clear()
    return asked


def learn_holders() -> None:
    """Find out, once, by how many hands a call goes: versions of torch differ in it.

    Where a recorder runs already autograd is out of reach; and to start it takes milliseconds.
    """
    if _ALONE:
        return
    tape = Tape()
    tape.close()
    leaf = torch.zeros(1, device="cpu")

    def make(*_: object) -> torch.Tensor:
        return abstract(dense_spec(leaf), Token(tape, leaf.nbytes, "result"))

    for kind in (torch.Tensor, AbstractTensor):
        watch = _Watch(Homes(tape), make if kind is AbstractTensor else None)
        with torch.enable_grad(), watch, torch._C.DisableTorchFunction():
            x = (make() if kind is AbstractTensor else leaf).requires_grad_()
            y = x * 1
            ((y * 2) * (y * 3)).backward()
        _ALONE[kind] = watch.seen


class _Watch(TorchDispatchMode):
    """Sees the sum of two gradients."""

    def __init__(self, homes: Homes, make: Callable[..., torch.Tensor] | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch declares nothing
        self.seen = (0, 0, 0)
        self._homes = homes
        self._make = make

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # as in the recorder

    def __torch_dispatch__(
        self, func: Any, types: object, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Let all run, or be made, and look at the sum, in which two gradients meet."""
        if func is SUM:
            self.seen = holders(args)
        out = func(*args, **(kwargs or {})) if self._make is None else self._make()
        self._homes.token(out)
        return out
