"""What the answers have in common: which calls are ordinary, and how a result is put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from pytest_burden.engine.abstract import intern
from pytest_burden.engine.call import Call
from pytest_burden.engine.result import New, Result, Same
from pytest_burden.engine.schema import DTYPES
from pytest_burden.engine.spec import contiguous_strides

Answer = Callable[[Call], Result | None]


def ordinary(call: Call) -> bool:
    """Return whether all tensors are contiguous, of the same floating dtype, and not empty."""
    return (
        alike(call)
        and no_empty(call)
        and all(spec.strides == contiguous_strides(spec.shape) for spec in call.specs)
    )


def alike(call: Call) -> bool:
    """Return whether all tensors are of the same floating dtype."""
    first, *others = call.specs
    alike = first.is_floating and all(spec.dtype == first.dtype for spec in others)
    return alike and not any_pending(call)


def any_pending(call: Call) -> bool:
    """Return whether a conjugation or negation of a tensor is put off."""
    return any(spec.pending for spec in call.specs)


def no_empty(call: Call) -> bool:
    """Return whether each tensor has elements."""
    return all(0 not in spec.shape for spec in call.specs)


def new(shape: Sequence[int], dtype: torch.dtype) -> New:
    """Return a new output in the ordinary layout."""
    size = tuple(shape)
    nbytes = torch.Size(size).numel() * dtype.itemsize
    return New(intern(size, contiguous_strides(size), 0, dtype, nbytes))


def one(output: New | Same) -> Result:
    """Return the result of a call that has one output."""
    return Result((output,), None, reshaped=False)


def another(call: Call) -> Result | None:
    """Make a tensor like the only one."""
    if len(call.specs) != 1 or not ordinary(call) or "memory_format" in call.kwargs:
        return None
    return one(new(call.specs[0].shape, DTYPES[call.specs[0].dtype]))
