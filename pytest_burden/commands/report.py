"""``burden report``: what `pytest --burden-json` has written, rendered again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from pytest_burden.budget.config import Table
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.commands import pictures
from pytest_burden.commands.output import (
    colourful,
    emit,
    keep,
    output_file,
    read_text,
    styled,
    width,
)
from pytest_burden.errors import BurdenError
from pytest_burden.report.csvfile import to_csv
from pytest_burden.report.jsonfile import Written, dump, load
from pytest_burden.report.laws import TERMS
from pytest_burden.report.markdown import markdown
from pytest_burden.report.message import Case, sentences, violations
from pytest_burden.report.page import html
from pytest_burden.report.readings import read
from pytest_burden.report.sweep import text as sweep_text
from pytest_burden.report.sweep import to_csv as sweep_csv
from pytest_burden.report.terminal import Line, summary

FORMATS = ("terminal", "markdown", "html", "json", "csv")
_COLUMNS = 80
_HEAD = 1000
"""Characters in which a sweep names its symbols; results have none."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "report",
        help="show again what a run of pytest has written",
        description="Render the file that `pytest --burden-json=FILE` has written; nothing is"
        " measured. Pictures are drawn of what `burden sweep --format json` and `burden measure"
        " --json` have written, too. The exit status is 1 if that run was over its budgets, or"
        " did not come to its end.",
        epilog="examples: burden report results.json --format markdown --output burden.md;"
        " burden report results.json --format svg --picture timeline --output pictures/",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="what --burden-json has written")
    add_rendering(parser, (*FORMATS, *pictures.FORMATS))
    pictures.add(parser)
    parser.set_defaults(run=run)


def add_rendering(parser: argparse.ArgumentParser, formats: Sequence[str] = FORMATS) -> None:
    """Add the arguments that say what is made of results, and where it goes."""
    parser.add_argument(
        "--format", choices=formats, default="terminal", help="what to make of it (terminal)"
    )
    parser.add_argument("--output", type=output_file, metavar="FILE", help="write it there")
    parser.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=0,
        help="the heaviest modules as well; -vv: all modules",
    )
    parser.add_argument(
        "--burden-table",
        choices=get_args(Table),
        default="auto",
        help="which measurements the table shows, as with pytest (auto)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Render the file, or draw it.

    Raises:
        BurdenError: it cannot be read, or the result cannot be written.
    """
    keep(filter(None, [arguments.file, arguments.against]), output=arguments.output)
    if arguments.format in pictures.FORMATS:
        return pictures.run(arguments)
    pictures.refuse(arguments)
    content = read_text(arguments.file)
    if '"symbols"' in content[:_HEAD]:
        (found,) = read(content, str(arguments.file)).run.results
        emit(_swept(found, arguments), arguments.output)
        return 0
    written = load(content, str(arguments.file))
    render(written, arguments)
    return int(written.run.verdict == "fail")


def _swept(found: Result, arguments: argparse.Namespace) -> str:
    """Return the file of `burden sweep --format json` as the command would have printed it."""
    if found.sweep and arguments.format == "csv":
        return sweep_csv(found.sweep)
    if found.sweep and arguments.format == "terminal":
        most = sys.maxsize if arguments.verbose else TERMS
        return f"{sweep_text(found.sweep, found.id, most=most)}\n"
    raise BurdenError(
        f"{arguments.file} is a sweep: --format terminal, csv, {' or '.join(pictures.FORMATS)}"
    )


def render(written: Written, arguments: argparse.Namespace) -> None:
    """Print results, or write them to a file, as the arguments of `add_rendering` say.

    Raises:
        BurdenError: the file cannot be written.
    """
    emit(_rendered(written, arguments), arguments.output)


def _rendered(written: Written, arguments: argparse.Namespace) -> str:
    if arguments.format == "json":
        return dump(*written)
    if arguments.format == "csv":
        return to_csv(written.run)
    if arguments.format == "markdown":
        return markdown(written.run)
    if arguments.format == "html":
        return html(*written)
    return styled(_lines(written.run, arguments), colours=colourful(arguments.output))


def _lines(shown: Run, arguments: argparse.Namespace) -> list[Line]:
    """Return the messages that pytest has among its failures, and its summary."""
    columns = _COLUMNS if arguments.output else width()
    failed = _failures(shown)
    found = [Line(text) for text in failed.splitlines()]
    last = summary(shown, columns, arguments.verbose, arguments.burden_table)
    if last.heading:
        text = f" {last.heading.text} ".center(columns - 1, "=")
        found += (
            [Line(""), Line(text, last.heading.style)]
            if failed
            else [Line(text, last.heading.style)]
        )
    found += last.lines
    return found or [Line("burden: nothing was measured")]


def _failures(shown: Run) -> str:
    known = [result.id for result in shown.results]
    whole = sentences((Case(verdict) for verdict in shown.verdicts if verdict.fails), known)
    return "\n".join(filter(None, [violations(shown.results), whole]))
