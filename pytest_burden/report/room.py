"""Documents that have to fit: the longest of several, and a file that other tools write too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

LARGEST = 1024 * 1024
"""Bytes: GitHub drops the summary of a step, other tools' parts included, if it is larger."""
COMMENT = 65_536
"""Characters that a comment may have, and so many bytes are never more."""


def fitting(documents: Iterable[Iterable[str]], room: int) -> str:
    """Return the first document, given in pieces, of at most ``room`` bytes; empty if none is."""
    texts = (joined(pieces, room) for pieces in documents)
    return next((text for text in texts if text is not None), "")


def joined(pieces: Iterable[str], room: int) -> str | None:
    """Return the pieces as one text; None as soon as they are more bytes than there is room for."""
    found, taken = [], 0
    for piece in pieces:
        found.append(piece)
        taken += len(piece) if piece.isascii() else len(piece.encode())
        if taken > room:
            return None
    return "".join(found).rstrip("\n") + "\n"


def append_to(path: Path, document: Callable[[int], str]) -> None:
    """Append a document to a file that other tools write too, so that all of it can be shown.

    A file that cannot be read or written is left alone: the terminal has said everything.

    Args:
        path: of the file.
        document: returns it in at most so many bytes.
    """
    try:
        before = path.read_bytes() if path.exists() else b""
        # Without an empty line before it a heading could be part of what stands there.
        end = before[-2:]
        breaks = len(end) - len(end.rstrip(b"\n"))
        apart = "\n" * (2 - breaks) if before else ""
        text = document(LARGEST - len(before) - len(apart))
        if text:
            with path.open("ab") as file:
                file.write(f"{apart}{text}".encode())
    except OSError:
        return
