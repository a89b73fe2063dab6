"""Views of a tensor that is written to, and what autograd makes of them afterwards.

After a write into a base, or into one of its views, autograd gives each view a new past when it is
next used. For a tensor with data that is ``as_strided`` of the base, whose backward fills zeros of
the base's size; for a subclass, as abstract tensors are, it replays the functions that made the
view, whose backward takes less (``VariableHooks::grad_fn`` in torch's variable.cpp). So functions
of torch are given such views as ``as_strided`` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from pytest_burden.engine.abstract import AbstractTensor
from pytest_burden.engine.recorder import Recorder


def call(
    recorder: Recorder,
    run: Callable[..., Any],
    func: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Any:
    """Return ``run(func, args, kwargs)``, each view given as it is for a tensor with data."""
    __tracebackhide__ = True
    writes = recorder.writes
    replaced: dict[int, AbstractTensor] = {}
    if writes and (_any_written(args, writes) or _any_written(kwargs.values(), writes)):
        args = _renewed(recorder, args, replaced)
        values = _renewed(recorder, tuple(kwargs.values()), replaced)
        kwargs = dict(zip(kwargs, values, strict=True))
    out = run(func, args, kwargs)
    if replaced:
        out = replaced.get(id(out), out)
    if writes:
        _renewed(recorder, out, replaced)  # what was written to itself has a new past at once
    return out


def _any_written(values: Iterable[Any], writes: Mapping[int, int]) -> bool:
    """Return whether a tensor among these lies in a storage that was written to."""
    for value in values:
        kind = type(value)
        if kind is AbstractTensor:
            if value.token.index in writes:
                return True
        elif (kind is list or kind is tuple) and _any_written(value, writes):
            return True
    return False


def _renewed(recorder: Recorder, value: Any, replaced: dict[int, AbstractTensor]) -> Any:
    if type(value) is AbstractTensor:
        writes = recorder.writes.get(value.token.index)
        if writes is None or not value._is_view() or not value.requires_grad:
            return value
        renewed = _with_new_past(recorder, value, writes)
        replaced[id(renewed)] = value
        return renewed
    if type(value) is list or type(value) is tuple:
        return type(value)([_renewed(recorder, one, replaced) for one in value])
    return value


def _with_new_past(recorder: Recorder, view: AbstractTensor, writes: int) -> AbstractTensor:
    if getattr(view, "writes", 0) == writes:
        return view
    renewed: AbstractTensor | None = getattr(view, "renewed", None)
    if renewed is None or renewed.writes != writes:
        base: Any = view._base
        with recorder.unrecorded(), torch.enable_grad():
            renewed = base.as_strided(view.shape, view.stride(), view.storage_offset())
        view.renewed = renewed
    return renewed
