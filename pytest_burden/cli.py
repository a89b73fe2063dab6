"""The command `burden`: arguments in, text or JSON out. Needs no pytest.

Exit status 0: all is well. 1: a budget is broken. 2: nothing could be done, and one line or the
network's own traceback says why. 130: interrupted.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
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
from pytest_burden.commands.output import say
from pytest_burden.errors import BurdenError
from pytest_burden.report.inert import inert

USAGE = 2
INTERRUPTED = 130  # as shells have it: 128 and the number of the signal

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
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except BurdenError as error:
        say(f"burden: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        say("burden: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (Exception, SystemExit) as error:  # noqa: BLE001 the user's code may raise anything
        say(_own_traceback(error), end="", file=sys.stderr)
        return USAGE
    return status


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(inert(message))  # which tells what was given


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
