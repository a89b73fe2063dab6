"""torch's compiler, imported as late as can be: that takes longer than to measure a small network.

torch itself imports it when it first works out the shape of most operators.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_NAME = "torch._dynamo"


class _State:
    ours = False
    """Whether it was imported here."""
    eager = False
    """Whether it has to be told to compile nothing as soon as it is there."""


def is_there() -> bool:
    """Return whether it has been imported, by whomever."""
    return _NAME in sys.modules


def import_compiler() -> None:
    """Import it before torch does.

    In the middle of a trace its import would keep tensors alive, for import frames end in reference
    cycles: a thread of its own has none of the trace's frames below it, and none of its modes.
    """
    if is_there():
        return
    thread = threading.Thread(target=importlib.import_module, args=(_NAME,))
    thread.start()
    thread.join()
    _State.ours = True
    if _State.eager:
        _stance("force_eager")


def came_with_network() -> bool:
    """Return whether it was imported by something else, such as ``torch.cond`` in a forward."""
    return is_there() and not _State.ours


@contextmanager
def eager() -> Iterator[None]:
    """Let what is compiled run as it was written, also where the compiler is not there yet."""
    if is_there():
        if not hasattr(torch.compiler, "set_stance"):
            yield
            return
        with torch.compiler.set_stance("force_eager"):
            yield
        return
    _State.eager = True
    try:
        yield
    finally:
        _State.eager = False
        if is_there():
            _stance("default")


def _stance(name: str) -> None:
    if hasattr(torch.compiler, "set_stance"):
        torch.compiler.set_stance(name)
