"""``burden github``: what jobs on GitHub Actions do with results.

It needs neither torch nor pytest. What it is made of is imported when it runs: no other command
has to do with HTTP.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from functools import partial
from itertools import chain
from pathlib import Path

from pytest_burden.commands.comparing import comparing
from pytest_burden.commands.output import emit, keep, output_file, read_text, say
from pytest_burden.commands.project import configuration, root
from pytest_burden.errors import BurdenError
from pytest_burden.report.jsonfile import dump, load

# ruff: noqa: PLC0415 see above

ARTIFACT = "burden"
AUTHOR = "github-actions[bot]"
"""As whom a job's own token writes."""
_FORK = (
    "the pull request is from a fork, where a job's token may only read: no comment; the workflow"
    " burden-comment.yml writes one"
)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "github",
        help="comment on pull requests, fetch a base, write outputs: for GitHub Actions",
        description="For jobs on GitHub Actions: what they are told in GITHUB_... variables is"
        " used as it is there. Nothing of a pull request is checked out or run.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_comment(actions)
    _add_base(actions)
    _add_output(actions)


def _add_comment(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "comment",
        help="write what a run measured into one comment on its pull request",
        description="In a job of `on: workflow_run`: take the results that the run has left as an"
        " artifact, check them, and keep one comment on its pull request up to date. The job needs"
        " `pull-requests: write` and `actions: read`, and GITHUB_TOKEN in the step's environment."
        " With --results, in a job of `on: pull_request`: the same with results of its own, for"
        " pull requests that are not from forks.",
    )
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="what --burden-json has written in this job"
    )
    parser.add_argument(
        "--key", default="default", help="tells several comments on one pull request apart"
    )
    parser.add_argument(
        "--conclusion",
        choices=("success", "failure", "cancelled"),
        default="",
        help="with --results: how this job ends, where it is known by now",
    )
    _add_name(parser)
    parser.add_argument(
        "--author", default=AUTHOR, metavar="LOGIN", help=f"as whom the token writes ({AUTHOR})"
    )
    parser.set_defaults(run=_comment)


def _add_base(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "base",
        help="fetch the newest results of a branch, to compare with",
        description="Fetch the results of the newest completed run of a workflow for a push to a"
        " branch. Without any, the exit status is 2. The job needs `actions: read`, and"
        " GITHUB_TOKEN in the step's environment.",
        epilog="example: burden github base --branch main --workflow ci.yml --output base.json",
    )
    parser.add_argument("--branch", required=True, help="whose results, such as main")
    parser.add_argument(
        "--workflow", required=True, metavar="FILE", help="its file in .github/workflows"
    )
    _add_name(parser)
    parser.add_argument(
        "--output", required=True, type=output_file, metavar="FILE", help="write it there"
    )
    parser.add_argument(
        "--missing-ok", action="store_true", help="end well, without a file, if there are none yet"
    )
    parser.add_argument(
        "--results",
        type=Path,
        metavar="FILE",
        help="what this job has measured, to be compared: if nothing is found to compare it with,"
        " that is told there",
    )
    parser.set_defaults(run=_base)


def _add_output(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "output",
        help="set outputs of the step: verdict, json, markdown",
        description="Set the outputs verdict (pass or fail), json and markdown of the step from"
        " what --burden-json has written. They are kept below the 1 MB that a job may have: json"
        " then lacks the rows of modules, or is empty.",
    )
    parser.add_argument(
        "--results", required=True, type=Path, metavar="FILE", help="what --burden-json has written"
    )
    parser.set_defaults(run=_output)


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--name", default=ARTIFACT, help=f"of the artifact with the results ({ARTIFACT})"
    )


def _comment(arguments: argparse.Namespace) -> int:
    for each in _commenting(arguments):
        say(each)
    return 0


def _commenting(arguments: argparse.Namespace) -> Iterable[str]:
    """Return what comments as it is gone through, and tells line by line what was done."""
    from pytest_burden.github import event
    from pytest_burden.github.body import (
        NOT_MEASURED,
        marker,
        of_results,
        why_nothing,
        without_results,
    )
    from pytest_burden.github.commenting import Text, comment, of_artifact
    from pytest_burden.github.surroundings import client, own_run, variable

    mark = marker(arguments.key)
    data = event.read(Path(variable(os.environ, "GITHUB_EVENT_PATH")))
    if arguments.results is None:
        here, ended = client(os.environ), event.ended(data)
        text = partial(of_artifact, here, ended, arguments.name, mark)
        return comment(here, ended, mark, arguments.author, text)
    own = event.own(data, *own_run(os.environ), arguments.conclusion)
    if own is None:
        return ["this job is not of a pull request: no comment"]
    if event.from_fork(data):
        return [_FORK]
    lines = []
    if arguments.results.exists():
        written = load(read_text(arguments.results), str(arguments.results))
        body = of_results(mark, written.run, own)
    else:  # pytest died: what an earlier push has measured must not stand there as if it were this
        lines = [f"{arguments.results} is not there: the comment says that nothing was measured"]
        body = without_results(mark, own, NOT_MEASURED, why_nothing(own))
    text = partial(Text, body)
    return chain(lines, comment(client(os.environ), own, mark, arguments.author, text))


def _base(arguments: argparse.Namespace) -> int:
    file = arguments.results
    keep([file] if file else [], output=arguments.output)
    written = load(read_text(file), str(file)) if file else None
    with comparing(written, file, configuration(root()).github):
        return _fetched(arguments)


def _fetched(arguments: argparse.Namespace) -> int:
    """Write the results of a branch.

    Raises:
        BurdenError: there are none, or GitHub does not hand them out.
    """
    from pytest_burden.github.base import newest
    from pytest_burden.github.surroundings import client

    found = newest(client(os.environ), arguments.branch, arguments.workflow, arguments.name)
    if found is None:
        missing = (
            f"no run of {arguments.workflow} for a push to {arguments.branch} has left an artifact"
            f" {arguments.name!r}"
        )
        if not arguments.missing_ok:
            raise BurdenError(f"{missing}; --missing-ok goes on without")
        say(f"{missing}: {arguments.output} is not written")
        return 0
    emit(dump(*found.written), arguments.output)
    newer = f"; {found.skipped} newer left none" if found.skipped else ""
    say(f"{arguments.output}: of run {found.run} at {found.sha}{newer}")
    return 0


def _output(arguments: argparse.Namespace) -> int:
    from pytest_burden.github import output
    from pytest_burden.github.surroundings import variable

    path = Path(variable(os.environ, "GITHUB_OUTPUT"))
    written = load(read_text(arguments.results), str(arguments.results))
    found = output.outputs(written)
    _append(path, output.text(found.values))
    for note in found.notes:
        say(note)
    return 0


def _append(path: Path, text: str) -> None:
    """Append lines to a file that other tools write too, one of which may not have ended its last.

    Raises:
        BurdenError: it cannot be written.
    """
    try:
        with path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                text = text if file.read(1) == b"\n" else f"\n{text}"
            file.write(text.encode(errors="backslashreplace"))
    except OSError as error:
        raise BurdenError(f"GITHUB_OUTPUT: {path}: {error.strerror}") from error
