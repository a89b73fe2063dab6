"""The command `burden`: arguments in, text or JSON out. Needs no pytest.

Exit status 0: all is well. 1: a budget is broken. 2: nothing could be done, and one line or the
network's own traceback says why. 130: interrupted. 141: nobody reads the output.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from pytest_burden import __version__
from pytest_burden.commands import (
    baseline,
    check,
    diff,
    explain,
    fit,
    github,
    init,
    measure,
    merge,
    report,
    schema,
    sweep,
    tighten,
)
from pytest_burden.commands.output import Unread, flush, say
from pytest_burden.errors import BurdenError, suggest
from pytest_burden.report.inert import inert

USAGE = 2
INTERRUPTED = 130  # as shells have it: 128 and the number of the signal
UNREAD = 141

COMMANDS = (
    measure,
    sweep,
    check,
    explain,
    fit,
    init,
    tighten,
    baseline,
    report,
    merge,
    diff,
    schema,
    github,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        # A process may be started without.
        sys.stdout = sys.stdout or nowhere
        sys.stderr = sys.stderr or nowhere
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    arguments = _parsed(argv)
    try:
        status: int = arguments.run(arguments)
        flush()
    except Unread:
        return UNREAD
    except BurdenError as error:
        return _failed(f"burden: {error}\n", USAGE)
    except KeyboardInterrupt:
        return _failed("burden: interrupted\n", INTERRUPTED)
    except (Exception, SystemExit) as error:  # noqa: BLE001 the user's code may raise anything
        return _failed(_own_traceback(error), USAGE)
    return status


def _failed(why: str, status: int) -> int:
    with suppress(BurdenError, Unread):  # nobody is there to be told
        say(why, end="", file=sys.stderr)
    return status


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        if match := _INVALID.search(message):
            known = [name.strip("'\"") for name in match["known"].split(", ")]
            message += suggest(match["given"], known)
        super().error(inert(message))  # which tells what was given


_INVALID = re.compile(r"invalid choice: '(?P<given>.*)' \(choose from (?P<known>.*)\)", re.DOTALL)


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the arguments; end the program with what is wrong with them."""
    parser = _parser()
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        name = unknown[0].partition("=")[0]
        near = suggest(name, _options(parser, arguments.command)) if name.startswith("-") else ""
        if base := getattr(arguments, "base", None):  # burden diff, which runs pytest
            near += f"; options for pytest go after --: burden diff --base {base} -- {name} ..."
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{near}")
    return arguments


def _options(parser: argparse.ArgumentParser, command: str) -> Iterator[str]:
    """Yield the options of a command, and of all commands below it."""
    for action in parser._actions:  # noqa: SLF001 nothing public tells of them
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 the only name it has
            for name, below in action.choices.items():
                if command in {name, ""}:
                    yield from _options(below, "")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="burden", description="What a PyTorch network costs.")
    parser.add_argument("--version", action="version", version=f"pytest-burden {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


def _own_traceback(error: BaseException) -> str:
    """Return a traceback of the user's frames, with the notes that say where the network failed."""
    ours = str(Path(__file__).parent)
    calls = str(Path("torch", "nn", "modules", "module.py"))  # two frames for each nested module
    report = traceback.TracebackException.from_exception(error)
    own = [
        frame
        for frame in report.stack
        if not frame.filename.startswith(ours) and not frame.filename.endswith(calls)
    ]
    report.stack = traceback.StackSummary.from_list(own)
    text = "".join(report.format())
    if sys.version_info < (3, 11):  # which prints no notes itself
        text += "".join(f"{note}\n" for note in getattr(error, "__notes__", []))
    return text
