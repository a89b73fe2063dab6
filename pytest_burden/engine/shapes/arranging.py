"""What makes tensors, puts them together or in another order, or makes one number of many."""

from __future__ import annotations

from collections.abc import Mapping
from operator import mul
from typing import Any

import torch

from pytest_burden.engine.abstract import CPU
from pytest_burden.engine.call import Call
from pytest_burden.engine.result import Result
from pytest_burden.engine.schema import DTYPES
from pytest_burden.engine.shapes.ordinary import (
    Answer,
    alike,
    another,
    new,
    no_empty,
    one,
    ordinary,
)
from pytest_burden.engine.spec import Spec


def _clone(call: Call) -> Result | None:
    """Make a tensor like the only one, or a contiguous one if that is asked for."""
    if call.kwargs.get("memory_format") is not torch.contiguous_format:
        return another(call)
    (source,) = call.specs
    return one(new(source.shape, DTYPES[source.dtype])) if alike(call) else None


def _roll(call: Call) -> Result | None:
    """Move the elements of the only tensor along some dimensions."""
    shifts, *dims = call.args[1:]
    rank = len(call.specs[0].shape)
    fits = dims and len(shifts) == len(dims[0]) and all(-rank <= dim < rank for dim in dims[0])
    return another(call) if fits else None


def _cat(call: Call) -> Result | None:
    """As long as all together."""
    dim = call.args[1] if len(call.args) > 1 else 0
    first, *others = call.specs
    rank = len(first.shape)
    # Several images in channels_last are put together in that; all else becomes contiguous.
    is_plain = rank not in (4, 5) or any(spec.strides[-1] < spec.strides[1] for spec in call.specs)
    fits = (alike(call) and no_empty(call)) if is_plain else ordinary(call)
    if not -rank <= dim < rank or not fits:
        return None
    dim %= rank
    if any(_but(spec, dim) != _but(first, dim) for spec in others):
        return None
    shape = list(first.shape)
    shape[dim] = sum(spec.shape[dim] for spec in call.specs)
    return one(new(shape, DTYPES[first.dtype]))


def _but(spec: Spec, dim: int) -> tuple[int, ...]:
    return (*spec.shape[:dim], len(spec.shape), *spec.shape[dim + 1 :])


def _repeat(call: Call) -> Result | None:
    """So many times the only tensor, along each dimension."""
    (source,), times = call.specs, call.args[1]
    missing = len(times) - len(source.shape)
    if missing < 0 or min(times, default=1) < 1 or not (alike(call) and no_empty(call)):
        return None
    shape = map(mul, (*[1] * missing, *source.shape), times)
    return one(new([*shape], DTYPES[source.dtype]))


def _mean(call: Call) -> Result | None:
    """One of all along some dimensions."""
    (source,) = call.specs
    rank = len(source.shape)
    dims = call.args[1] if len(call.args) > 1 else None
    keep = len(call.args) > 2 and call.args[2]  # noqa: PLR2004 its third argument
    if not dims or call.kwargs or not ordinary(call) or not all(-rank <= d < rank for d in dims):
        return None
    gone = {dim % rank for dim in dims}
    if len(gone) < len(dims):
        return None
    sizes = [1 if dim in gone else size for dim, size in enumerate(source.shape)]
    shape = sizes if keep else [size for dim, size in enumerate(sizes) if dim not in gone]
    return one(new(shape, DTYPES[source.dtype]))


def _any(call: Call) -> Result | None:
    """Say whether one of them is true."""
    dtype = torch.uint8 if call.specs[0].dtype == "uint8" else torch.bool
    return one(new((), dtype))


def _made(call: Call) -> Result | None:
    """Make a tensor of a size."""
    options: dict[str, Any] = dict(call.kwargs)
    dtype = options.pop("dtype", None) or torch.get_default_dtype()
    plain = (
        _is_default(options)
        and len(call.args) == 1
        and dtype in DTYPES.values()
        and all(type(size) is int and size >= 0 for size in call.args[0])
    )
    return one(new(call.args[0], dtype)) if plain else None


def _range(call: Call) -> Result | None:
    """Whole numbers, one after the other or some steps apart."""
    options: dict[str, Any] = dict(call.kwargs)
    dtype = options.pop("dtype", None) or torch.int64
    first, last, step = (*call.args, 1)[:3] if len(call.args) > 1 else (0, *call.args, 1)
    plain = (
        type(first) is type(last) is type(step) is int
        and first <= last
        and step > 0
        and _is_default(options)
        and dtype in DTYPES.values()
    )
    return one(new((-((first - last) // step),), dtype)) if plain else None


def _is_default(options: dict[str, Any]) -> bool:
    """Return whether a tensor is to be made as always; takes out what says so."""
    return (
        options.pop("device", None) in (None, CPU)
        and options.pop("layout", None) in (None, torch.strided)
        and not any(options.values())
    )


_aten: Any = torch.ops.aten
ANSWERS: Mapping[Any, Answer] = {
    _aten.clone.default: _clone,
    _aten.roll.default: _roll,
    _aten.cat.default: _cat,
    _aten.repeat.default: _repeat,
    _aten.mean.dim: _mean,
    _aten.any.default: _any,
    **dict.fromkeys((_aten.empty.memory_format, _aten.zeros.default, _aten.ones.default), _made),
    **dict.fromkeys((_aten.arange.default, _aten.arange.start, _aten.arange.start_step), _range),
}
