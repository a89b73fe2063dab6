"""``burden explain``: every limit that holds for one measurement, and where it comes from."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from pytest_burden.commands.output import say
from pytest_burden.commands.project import configuration, root, run_pytest
from pytest_burden.errors import BurdenError

_COLLECTED = (0, 5)
"""Pytest's exit status where all files could be collected, with tests in them or none."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "explain",
        help="show which limits hold for a measurement, and from where",
        description="Show every limit that holds for a measurement, metric by metric, where it"
        " stands, and what it shadows. The tests are collected and not run.",
        epilog="example: burden explain 'tests/test_models.py::test_resnet[224]'",
    )
    parser.add_argument("id", metavar="ID", help="of a measurement, as the summary names it")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    folder, name = root(), arguments.id
    configuration(folder)
    path = name.partition("::")[0]
    # Where the file is known, no other has to be imported.
    tests = [path] if "::" in name and (folder / path).is_file() else []
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "answer.json")
        asked = ["--burden-explain", name, str(file)]
        outcome = run_pytest(["--collect-only", "-q", *asked, *tests], folder, caught=True)
        answer = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    if "text" in answer:
        say(answer["text"])
        return 0
    if outcome.status not in _COLLECTED or not answer:
        say(outcome.output, end="", file=sys.stderr)
    if not answer:
        raise BurdenError("the tests could not be collected")
    near = "".join(f"\n    {each}" for each in answer["nearest"])
    raise BurdenError(f"no test measures {name!r}{f'; nearest:{near}' if near else ''}")
