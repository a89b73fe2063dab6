"""Files that are written in one step, and those that would be lost by it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path


def write_whole(path: Path, text: str | bytes) -> None:
    """Write a file so that whoever reads it, at any moment, finds the old one or the new one.

    What a link leads to is written, and so is what is no file, as ``/dev/null``: both stay.

    Raises:
        OSError: it cannot be written.
    """
    # The encoder of text would stop at a lone surrogate, which a file name may have.
    content = text if isinstance(text, bytes) else text.encode(errors="backslashreplace")
    path = Path(os.path.realpath(path))
    if path.is_char_device() or path.is_fifo():
        path.write_bytes(content)
        return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)  # mkstemp's file is for its owner alone
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


Named = tuple[str, Path]
"""A file, and what a message calls it."""


def lost(outputs: Sequence[Named], kept: Sequence[Named]) -> str:
    """Return which of some outputs would overwrite another file or another output; empty if none.

    Args:
        outputs: each by its option, ``--burden-json=out.json``.
        kept: each by what it is, ``the baseline``; it need not be there yet.
    """
    for number, (option, path) in enumerate(outputs):
        for name, file in kept:
            if _one_file(path, file):
                return f"{option} would overwrite {name}: give another file"
        for earlier, other in outputs[:number]:
            if _one_file(path, other):
                return f"{earlier} and {option} are one file: give each its own"
    return ""


def _one_file(one: Path, other: Path) -> bool:
    """Return whether two names lead to one file that keeps what is written, there or not."""
    try:
        if one.is_char_device() or one.is_fifo():
            return False
        if one.samefile(other):  # also where upper and lower case are one
            return True
    except OSError:
        pass  # one of them is not there
    return os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other))
