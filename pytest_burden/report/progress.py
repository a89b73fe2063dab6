"""A sign of life on a terminal, for work that takes longer than a moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def progress(label: str, stream: TextIO, *, seconds: float = 1.0) -> Iterator[None]:
    """Show ``label`` and the seconds so far, every ``seconds``, and take it away at the end.

    Nothing is written to a stream that is no terminal, nor when the work ends within ``seconds``.
    """
    if not stream.isatty():
        yield
        return
    done = threading.Event()
    speaker = threading.Thread(target=_speak, args=(label, stream, seconds, done), daemon=True)
    speaker.start()
    try:
        yield
    finally:
        done.set()
        speaker.join()


def _speak(label: str, stream: TextIO, seconds: float, done: threading.Event) -> None:
    ticks = 0
    while not done.wait(seconds):
        ticks += 1
        stream.write(f"\r{label} ... {ticks * seconds:.0f} s")
        stream.flush()
    if ticks:
        stream.write("\r\033[K")  # back to the start of the line, and erase it
        stream.flush()


_WIDTH = 20
"""Characters of a bar."""


@contextmanager
def bar(label: str, stream: TextIO) -> Iterator[Callable[[int, int, Mapping[str, int]], None]]:
    """Show how many of some points are done, and take it away at the end.

    Nothing is written to a stream that is no terminal.

    Yields:
        What shows that so many of so many are done, and at which sizes it goes on.
    """

    def show(done: int, count: int, sizes: Mapping[str, int]) -> None:
        full = done * _WIDTH // count
        at = ", ".join(f"{symbol}={size}" for symbol, size in sizes.items())
        blocks = f"{'#' * full}{'.' * (_WIDTH - full)}"
        stream.write(f"\r\033[K{label} [{blocks}] {done}/{count} {at}")
        stream.flush()

    if not stream.isatty():
        yield lambda *_: None
        return
    try:
        yield show
    finally:
        stream.write("\r\033[K")
        stream.flush()
