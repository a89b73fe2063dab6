"""Tells of the networks that a piece of code calls itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

_PAUSED = threading.local()

Callback = Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None]


@contextmanager
def watching(callback: Callback) -> Iterator[None]:
    """Call ``callback(module, args, kwargs)`` before each outermost module call on this thread.

    Calls that the callback itself makes are not told of. ``nn.Module.__call__`` is wrapped until
    the block ends.
    """
    thread = threading.get_ident()
    plain_call = nn.Module.__call__
    inside = False

    def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        nonlocal inside
        __tracebackhide__ = True
        if inside or getattr(_PAUSED, "on", False) or threading.get_ident() != thread:
            return plain_call(module, *args, **kwargs)
        inside = True
        try:
            callback(module, args, kwargs)
            return plain_call(module, *args, **kwargs)
        finally:
            inside = False

    nn.Module.__call__ = call  # type: ignore[method-assign]  # restored below
    try:
        yield
    finally:
        nn.Module.__call__ = plain_call  # type: ignore[method-assign]  # the original


@contextmanager
def unwatched() -> Iterator[None]:
    """Tell nobody of the calls on this thread in the block: they belong to a measurement."""
    before = getattr(_PAUSED, "on", False)
    _PAUSED.on = True
    try:
        yield
    finally:
        _PAUSED.on = before
