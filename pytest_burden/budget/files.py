"""Files that are written in one step."""

from __future__ import annotations

import os
import tempfile
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
