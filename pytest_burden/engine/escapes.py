"""The ways to a tensor's data that pass no dispatcher, watched so that no one takes them unseen.

Torch itself raises where data is read that does not exist. That alone is not enough: a network may
catch the error and go another way than it would with data, or hold memory that is shared with a
tensor and becomes wrong later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import dlpack

from pytest_burden.engine.abstract import AbstractTensor, needs_data
from pytest_burden.engine.homes import Homes

_TENSOR: Any = torch.Tensor  # whose slots and descriptors the stubs do not know
_SET_DATA = _TENSOR.data.__set__
_HANDS_OUT = frozenset(
    {
        _TENSOR.numpy, _TENSOR.__array__, _TENSOR.__dlpack__, _TENSOR.data_ptr,
        _TENSOR.storage, _TENSOR._typed_storage, _TENSOR.untyped_storage,
    }
)  # fmt: skip
"""What they return goes on living in the tensor's memory."""
_WATCHED = _HANDS_OUT | {_SET_DATA}
_METADATA = frozenset(
    {
        _TENSOR.shape.__get__, _TENSOR.ndim.__get__, _TENSOR.dtype.__get__,
        _TENSOR.device.__get__, _TENSOR.layout.__get__, _TENSOR.requires_grad.__get__,
        _TENSOR.is_nested.__get__, _TENSOR.dim, _TENSOR.size, _TENSOR.is_floating_point,
    }
)  # fmt: skip
"""What half of all questions are for, and nobody need hear."""

_REFUSALS = (
    "Cannot access data pointer",
    "its data is not allocated",
    "Cannot access storage",
)
"""How torch's own code says that a tensor without data was asked for it."""


class Guard(TorchFunctionMode):
    """Lets every function pass, and notices those that reach a tensor's data directly."""

    def __init__(self, homes: Homes) -> None:
        """Make a mode that tells ``homes`` what it sees."""
        super().__init__()
        self._homes = homes

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Let one function of torch through, in whichever way."""
        __tracebackhide__ = True
        if func in _METADATA:
            return func(*args, **(kwargs or {}))
        return self.answer(func, args, kwargs or {})

    def answer(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Return what a function of torch returns: here it is run."""
        __tracebackhide__ = True
        return self.run(func, args, kwargs)

    def run(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run one function of torch."""
        __tracebackhide__ = True
        if func in _WATCHED:
            if func in _HANDS_OUT:
                self._homes.hand_out(args[0])
            elif _is_abstract(args[0]) != _is_abstract(args[1]):
                self._homes.take_over(*args)
                return None
        try:
            return func(*args, **kwargs)
        except RuntimeError as error:
            if any(refusal in str(error) for refusal in _REFUSALS):
                needs_data(f"direct access to a tensor's data by {_name(func)}")
            raise


@contextmanager
def watched_capsules() -> Iterator[None]:
    """Watch ``to_dlpack`` until the block ends: it asks neither a mode nor the tensor."""
    places: list[Any] = [dlpack, torch]
    plain = places[0].to_dlpack

    def to_dlpack(tensor: torch.Tensor) -> Any:
        if _is_abstract(tensor):
            needs_data("direct access to a tensor's data by to_dlpack")
        return plain(tensor)

    for place in places:
        place.to_dlpack = to_dlpack
    try:
        yield
    finally:
        for place in places:
            place.to_dlpack = plain


def _is_abstract(value: object) -> bool:
    return type(value) is AbstractTensor


def _name(func: Callable[..., Any]) -> str:
    return str(getattr(func, "__name__", func))
