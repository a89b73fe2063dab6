"""Tells of the networks that a piece of code calls itself."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import nn

_PAUSED = threading.local()
_NO_BACKWARD = -1

Callback = Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None]


@contextmanager
def watching(
    callback: Callback,
    in_pieces: Callable[[nn.Module], None] | None = None,
    elsewhere: Callable[[nn.Module], None] | None = None,
) -> Iterator[None]:
    """Call ``callback(module, args, kwargs)`` before each outermost module call on this thread.

    Of a network whose ``forward`` somebody has called past that, ``in_pieces`` is told instead,
    before each call that it makes; and ``elsewhere`` of each that another thread calls meanwhile,
    unless a network of this one is running: it may work on several. Calls that the callbacks
    themselves make are not told of, nor those of a backward, which runs checkpointed modules again.
    ``nn.Module.__call__`` is wrapped until the block ends.
    """
    thread = threading.get_ident()
    plain_call = nn.Module.__call__
    inside = False

    def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        nonlocal inside
        __tracebackhide__ = True
        if inside or getattr(_PAUSED, "on", False) or _is_in_backward():
            return plain_call(module, *args, **kwargs)
        if threading.get_ident() != thread:
            if elsewhere:
                elsewhere(module)
            with unwatched():  # its modules are no networks of their own
                return plain_call(module, *args, **kwargs)
        inside = True
        try:
            whole = _running(sys._getframe(1)) if in_pieces else None
            if in_pieces and whole is not None:
                in_pieces(whole)
            else:
                callback(module, args, kwargs)
            return plain_call(module, *args, **kwargs)
        finally:
            inside = False

    nn.Module.__call__ = call  # type: ignore[method-assign]  # restored below
    try:
        yield
    finally:
        nn.Module.__call__ = plain_call  # type: ignore[method-assign]  # the original


def _is_in_backward() -> bool:
    """Return whether autograd is at work on this thread, of ours or its own."""
    return torch._C._current_graph_task_id() != _NO_BACKWARD


def _running(frame: FrameType | None) -> nn.Module | None:
    """Return the outermost network whose ``forward`` is running, None if there is none."""
    found = None
    while frame is not None:
        code = frame.f_code
        if code.co_name == "forward" and code.co_argcount:
            owner = frame.f_locals.get(code.co_varnames[0])
            found = owner if isinstance(owner, nn.Module) else found
        frame = frame.f_back
    return found


@contextmanager
def unwatched() -> Iterator[None]:
    """Tell nobody of the calls on this thread in the block: they belong to a measurement."""
    before = getattr(_PAUSED, "on", False)
    _PAUSED.on = True
    try:
        yield
    finally:
        _PAUSED.on = before
