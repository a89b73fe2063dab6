"""Where a command's result goes: a file, or standard output as it can show it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO, get_args

from pytest_burden.budget import baseline
from pytest_burden.budget.config import FILE, GitHub
from pytest_burden.budget.files import lost, write_whole
from pytest_burden.commands.project import root
from pytest_burden.errors import BurdenError
from pytest_burden.report.inert import inert, shown
from pytest_burden.report.room import append_to
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


def output_file(text: str) -> Path:
    """Return the path of an output that an argument names; the ``type`` of that argument.

    Raises:
        argparse.ArgumentTypeError: the project has its baseline or its configuration there.
    """
    folder, path = root(), Path(text)
    kept = [("the baseline", folder / baseline.FILE), ("the configuration", folder / FILE)]
    if told := lost([(repr(text), path)], kept):
        raise argparse.ArgumentTypeError(told)
    return path


def keep(read: Iterable[Path | str], **outputs: Path | None) -> None:
    """Check that a command overwrites neither what it reads nor an output of its own.

    Args:
        read: the files that it reads.
        outputs: by the names of their options; those not given are None.

    Raises:
        BurdenError: it would.
    """
    named = [(f"--{name} {path}", path) for name, path in outputs.items() if path]
    if told := lost(named, [(f"{file}, which is read", Path(file)) for file in read]):
        raise BurdenError(told)


def emit(text: str, output: Path | None) -> None:
    """Write a text that ends with a line break to a file in one step, or print it.

    Raises:
        BurdenError: the file cannot be written.
    """
    if output is None:
        say(text, end="")
    else:
        write(output, text)


def write(output: Path, content: str | bytes) -> None:
    """Write a file in one step.

    Raises:
        BurdenError: it cannot be written.
    """
    try:
        write_whole(output, content)
    except OSError as error:
        raise BurdenError(f"{output} cannot be written: {error.strerror}") from error


def say(text: str, *, end: str = "\n", file: TextIO | None = None) -> None:
    """Print a text that may hold names of anybody's choice, to standard output if not ``file``.

    No line of it is a command to the runner of GitHub Actions.

    Raises:
        Unread: nobody reads standard output any more.
        BurdenError: it cannot be written.
    """
    stream = file or sys.stdout
    coding = stream.encoding or "utf-8"
    with writing(stream):
        print(inert(text).encode(coding, "backslashreplace").decode(coding), end=end, file=stream)


def flush() -> None:
    """Write out what `say` has kept back.

    Raises:
        Unread: nobody reads standard output any more.
        BurdenError: it cannot be written.
    """
    with writing(sys.stdout):
        sys.stdout.flush()


class Unread(Exception):  # noqa: N818 no error: whoever read the output has seen enough
    """Nobody reads standard output any more."""


@contextmanager
def writing(stream: TextIO) -> Iterator[None]:
    """Tell a stream that cannot be written from the errors of the user's code.

    Raises:
        Unread: nobody reads it any more.
        BurdenError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        # Python would try again at its end, and complain.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if isinstance(error, BrokenPipeError):
            raise Unread from error
        name = "standard error" if stream is sys.stderr else "standard output"
        raise BurdenError(f"{name} cannot be written: {error.strerror}") from error


def add_github(parser: argparse.ArgumentParser) -> None:
    """Add the argument by which `summarize` is switched off."""
    parser.add_argument(
        "--burden-github",
        choices=get_args(GitHub),
        help="whether a run on GitHub Actions writes a summary of the step (auto)",
    )


def summarize(document: Callable[[int], str], github: GitHub) -> None:
    """Append a document to the summary of this step on GitHub Actions, if there is one.

    Args:
        document: returns it in at most so many bytes.
        github: ``off`` where that is switched off.
    """
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and github == "auto":
        append_to(Path(summary), document)


def styled(lines: Iterable[Line], *, colours: bool) -> str:
    """Return lines as text; what could steer a terminal is shown, not sent."""
    found = []
    for line in lines:
        text = shown(line.text)
        colour = _COLOURS.get(line.style) if colours else None
        found.append(f"\033[{colour}m{text}\033[0m\n" if colour else f"{text}\n")
    return "".join(found)


def colourful(output: Path | None) -> bool:
    """Return whether colours are wanted: on a terminal, unless ``NO_COLOR`` is set."""
    return output is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
