"""Where a command's result goes: a file, or standard output as it can show it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from pytest_burden.budget.files import write_whole
from pytest_burden.errors import BurdenError
from pytest_burden.report.terminal import Line, Style

_COLOURS: dict[Style, str] = {"good": "32", "warn": "33", "bad": "31;1"}


def width() -> int:
    """Return the width of the terminal in characters, 80 where there is none."""
    return shutil.get_terminal_size().columns


def read_text(path: Path) -> str:
    """Return the text of a file that a command was given.

    Raises:
        BurdenError: there is none, or it is no text.
    """
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise BurdenError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BurdenError(f"{path} cannot be read: it is not UTF-8 ({error.reason})") from error
    except ValueError as error:  # a null character in the name
        raise BurdenError(f"{str(path)!r} cannot be read: {error}") from error


def emit(text: str, output: Path | None) -> None:
    """Write a text that ends with a line break to a file in one step, or print it.

    Raises:
        BurdenError: the file cannot be written.
    """
    if output is None:
        coding = sys.stdout.encoding or "utf-8"
        print(text.encode(coding, "backslashreplace").decode(coding), end="")
        return
    try:
        write_whole(output, text)
    except OSError as error:
        raise BurdenError(f"{output} cannot be written: {error.strerror}") from error


def styled(lines: Iterable[Line], *, colours: bool) -> str:
    """Return lines as text; what could steer a terminal is shown, not sent."""
    shown = []
    for line in lines:
        text = "".join(
            c if c.isprintable() else c.encode("unicode-escape").decode() for c in line.text
        )
        colour = _COLOURS.get(line.style) if colours else None
        shown.append(f"\033[{colour}m{text}\033[0m\n" if colour else f"{text}\n")
    return "".join(shown)


def colourful(output: Path | None) -> bool:
    """Return whether colours are wanted: on a terminal, unless ``NO_COLOR`` is set."""
    return output is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
