"""Views of a tensor that is written to, and what autograd makes of them afterwards.

After a write into a base, or into one of its views, autograd gives each view a new past when it is
next used. For a tensor with data that is ``as_strided`` of the base, whose backward fills zeros of
the base's size; for a subclass, as abstract tensors are, it replays the functions that made the
view, whose backward takes less (``VariableHooks::grad_fn`` in torch's variable.cpp). So functions
of torch are given such views as ``as_strided`` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    replaced: dict[int, AbstractTensor] = {}
    if not recorder.writes:
        out = run(func, args, kwargs)
        if recorder.writes:
            _renewed(recorder, out, replaced)
        return out
    args = _renewed(recorder, args, replaced)
    kwargs = dict(zip(kwargs, _renewed(recorder, tuple(kwargs.values()), replaced), strict=True))
    out = run(func, args, kwargs)
    out = replaced.get(id(out), out)
    _renewed(recorder, out, replaced)  # what was written to itself has a new past at once
    return out


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
