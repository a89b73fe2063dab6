"""What `init` and `tighten` share: what was measured, and how pyproject.toml is changed by it."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from pytest_burden.budget.config import FILE
from pytest_burden.budget.files import write_whole
from pytest_burden.budget.result import Result
from pytest_burden.budget.units import LONGEST
from pytest_burden.commands.output import say
from pytest_burden.commands.project import ENDED, EXAMPLE, run_pytest
from pytest_burden.errors import BurdenError, quoted

_NO_TESTS = 5


class Measured(NamedTuple):
    """What a run of the tests has measured."""

    results: tuple[Result, ...]
    """Those that came to their end, with a burden."""
    unfinished: tuple[str, ...]
    """Ids of which not everything is known: their tests failed."""
    gaps: tuple[str, ...]
    """Why limits that hold for several measurements cannot be judged; empty if they can."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of both."""
    parser.add_argument(
        "--headroom",
        type=_percent,
        default=Fraction(10),
        metavar="PERCENT",
        help="how much more than measured is allowed, before it is rounded up (10)",
    )
    parser.add_argument("--dry-run", action="store_true", help="change nothing, show what would be")


def _percent(text: str) -> Fraction:
    digits = text.removesuffix("%").strip()
    plain = digits.isascii() and digits.replace(".", "", 1).isdigit() and digits[0] != "."
    if not plain or len(digits) > LONGEST:
        raise argparse.ArgumentTypeError(f"not a percentage such as 10: {quoted(text)}")
    return Fraction(digits)


def measured(folder: Path) -> Measured:
    """Run all tests, and return what they measured.

    Raises:
        BurdenError: they could not be run, or nothing is measured.
    """
    outcome = run_pytest(["-q"], folder, caught=True)
    if outcome.results is None or outcome.status not in (*ENDED, _NO_TESTS):
        say(outcome.output, end="", file=sys.stderr)
        raise BurdenError(f"the tests could not be run: {FILE} is left as it is")
    found = [Result.from_dict(each) for each in outcome.results["measurements"]]
    done = tuple(result for result in found if result.burden and result.complete)
    left = tuple(result.id for result in found if not (result.burden and result.complete))
    if not done:
        if left:
            say(outcome.output, end="", file=sys.stderr)
        raise BurdenError(
            "nothing was measured: let a test ask for the fixture burden, or add a model to"
            f" {FILE}, for example:{EXAMPLE}"
        )
    gaps = [*outcome.results["partial"], *outcome.results["left_out"], *left]
    if outcome.status and not gaps:
        gaps.append("a test failed")
    return Measured(done, left, tuple(gaps))


def content(folder: Path) -> str:
    """Return the text of pyproject.toml with its own line ends; empty if there is none."""
    path = folder / FILE
    return path.read_bytes().decode("utf-8") if path.is_file() else ""


def save(folder: Path, text: str) -> None:
    """Write pyproject.toml in one step, readable by whom it was."""
    path = folder / FILE
    mode = path.stat().st_mode if path.exists() else None
    write_whole(path, text)
    if mode is not None:
        path.chmod(mode)


def difference(before: str, after: str) -> str:
    """Return the change as a unified diff."""
    lines: Sequence[str] = list(
        difflib.unified_diff(
            before.splitlines(), after.splitlines(), f"a/{FILE}", f"b/{FILE}", lineterm=""
        )
    )
    return "\n".join(lines)
