"""From a run that has measured to one comment on its pull request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pytest_burden.errors import BurdenError
from pytest_burden.github import artifact, body, pulls, results
from pytest_burden.github.client import ApiError, Client
from pytest_burden.github.event import PULL_REQUEST, MeasuredRun
from pytest_burden.github.sticky import Sticky

_QUIET = ("skipped", "action_required", "neutral", "stale")
"""Conclusions of runs that had no reason to measure: nobody is told who was not told before."""

_EXPIRED = "GitHub keeps them no longer: run the workflow again."
_UNREADABLE = "What the run left is not what pytest-burden writes; this job's log says more."
_TOO_LARGE = "What the run left is too large for a comment; this job's log says more."


@dataclass(frozen=True, slots=True)
class Text:
    """A comment's text, and what else follows from the results."""

    body: str
    worth_creating: bool = True
    problem: str = ""
    """Why the job that comments has to fail, too."""


def comment(
    client: Client, source: MeasuredRun, mark: str, author: str, text: Callable[[], Text]
) -> Iterator[str]:
    """Write what a run measured into one comment on its pull request.

    Args:
        client: of the repository.
        source: the run that measured.
        mark: the first line of the comment, see `body.marker`.
        author: as whom the client's token writes.
        text: returns what to write; asked for where there is a pull request to write it on.

    Yields:
        What was done, a line each.

    Raises:
        BurdenError: it could not be done, or the text tells of a problem.
    """
    if source.event != PULL_REQUEST:
        yield f"run {source.id} is of {source.event}, not of a pull request: no comment"
        return
    if source.head is None:
        yield f"run {source.id} is of a repository that is gone: no comment"
        return
    found = pulls.of_head(client, source.head)
    for number in found.moved_on:
        yield f"pull request {number}: its head is no longer {source.head.sha}: left alone"
    if not found.current:
        if not found.moved_on:
            yield f"{source.head.owner}:{source.head.branch} has no open pull request: no comment"
        return
    made = text()
    for number in found.current:
        sticky = Sticky(client, number, mark, author)
        if made.worth_creating or sticky.has_one():
            yield f"pull request {number}: comment {sticky.keep(made.body)}"
        else:
            yield f"pull request {number}: the run was {source.conclusion}: no comment"
    if made.problem:
        raise BurdenError(made.problem)


def of_artifact(client: Client, source: MeasuredRun, name: str, mark: str) -> Text:
    """Return the text on what a run has left as an artifact, on whatever it has left.

    Raises:
        ApiError: GitHub does not hand it out.
    """
    left = artifact.of_run(client, source.id, name)
    if left is None:
        missing = (
            f"run {source.id} succeeded and left no artifact {name!r}: a step of it uploads what"
            " pytest --burden-json=FILE has written, with actions/upload-artifact"
        )
        return Text(
            body.without_results(mark, source, body.NOT_MEASURED, body.why_nothing(source)),
            worth_creating=source.conclusion not in _QUIET,
            problem=missing if source.conclusion == "success" else "",
        )
    try:
        written = results.read(artifact.fetch(client, left), f"the artifact {name!r}")
    except ApiError:
        raise
    except BurdenError as error:
        large = isinstance(error, results.TooLargeError)
        why = _EXPIRED if left.expired else _TOO_LARGE if large else _UNREADABLE
        return Text(body.without_results(mark, source, body.NOT_READ, why), problem=str(error))
    return Text(body.of_results(mark, written.run, source))
