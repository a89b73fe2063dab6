"""``burden merge``: the results of CI's shards and matrix legs as one report with one verdict."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pytest_burden.budget.merge import BY_CHOICE, Leg, merge
from pytest_burden.budget.run import Run
from pytest_burden.commands.output import (
    add_github,
    emit,
    keep,
    output_file,
    read_text,
    say,
    summarize,
)
from pytest_burden.commands.project import configuration, root
from pytest_burden.commands.report import add_rendering, render
from pytest_burden.errors import BurdenError, quoted
from pytest_burden.report.jsonfile import Written, dump, joined_versions, load
from pytest_burden.report.markdown import markdown

_DIGITS = 9
"""Of a number of files."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "merge",
        help="join the results of several runs of pytest",
        description="Join what `pytest --burden-json=FILE` has written in the shards of a run, or"
        " in several environments, into one report; nothing is measured. The exit status is 1 if"
        " a measurement is over its budget in any of them, if they disagree, or if one is missing.",
        epilog="example: burden merge results/*.json --expect 4 --json all.json",
    )
    parser.add_argument(
        "files", metavar="FILE", nargs="+", type=Path, help="what --burden-json has written"
    )
    parser.add_argument(
        "--expect",
        metavar="N",
        type=_count,
        help="how many there must be: then what none of them has measured is judged as well",
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        type=output_file,
        help="write the joined results there, as --burden-json",
    )
    add_rendering(parser)
    add_github(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Join the files, and show what comes out.

    Raises:
        BurdenError: one cannot be read, they cannot be joined, or the result cannot be written.
    """
    keep(arguments.files, output=arguments.output, json=arguments.json)
    config = configuration(root())
    legs = _read(arguments.files)
    if twice := _same_file(arguments.files) or _same_results(legs, arguments.files):
        raise BurdenError("\n".join(twice))
    joined = merge(
        [Leg(str(path), leg.run) for path, leg in zip(arguments.files, legs, strict=True)],
        arguments.expect,
    )
    whole = Written(joined, joined_versions(leg.versions for leg in legs))
    if arguments.json is not None:
        emit(dump(*whole), arguments.json)
    render(whole, arguments)
    summarize(partial(markdown, joined), arguments.burden_github or config.github)
    if joined.not_judged:
        say(f"burden: {_open(joined, arguments.expect)}", file=sys.stderr)
    return int(joined.fails)


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() and len(text) <= _DIGITS else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is no number of files, from 1 up")
    return number


def _read(paths: Sequence[Path]) -> list[Written]:
    """Read all files.

    Raises:
        BurdenError: some cannot be read; all of them are told.
    """
    found, problems = [], []
    for path in paths:
        try:
            found.append(load(read_text(path), str(path)))
        except BurdenError as error:  # noqa: PERF203 all of them are told
            problems.append(str(error))
    if problems:
        raise BurdenError("\n".join(problems))
    return found


def _same_file(paths: Sequence[Path]) -> list[str]:
    seen: dict[Path, Path] = {}
    found = []
    for path in paths:
        first = seen.setdefault(path.resolve(), path)
        if first is not path:
            also = "" if str(first) == str(path) else f", also as {first}"
            found.append(f"{path} was given twice{also}")
    return found


def _same_results(legs: Sequence[Written], paths: Sequence[Path]) -> list[str]:
    """Return what to say of copies: in the place of a leg, one would hide that it is missing.

    Shards in which no test has measured anything are all the same, and no copies.
    """
    found = []
    for number, leg in enumerate(legs):
        first = legs.index(leg)
        if first != number and leg.run.results:
            found.append(
                f"{paths[number]} is a copy of {paths[first]}: the same results of one environment"
            )
    return found


def _open(joined: Run, expected: int | None) -> str:
    """Return why what no leg has needed was not judged."""
    count = len(joined.not_judged)
    things, are = ("budget or entry", "is") if count == 1 else ("budgets or entries", "are")
    what = f"{count} {things} of the baseline that nothing needed here {are} not judged"
    if expected is None:
        return f"{what}: --expect says how many shards there are"
    why = [why for why in joined.partial if why not in BY_CHOICE]
    why += [f"{name} was left out" for name in joined.left_out]
    return f"{what}: {', '.join(why) or 'a shard is missing'}"
