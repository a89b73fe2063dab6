"""Which pull requests a commit is the head of: asked of GitHub, never of the artifact."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_burden.github.client import Client, Purpose
from pytest_burden.github.event import Head
from pytest_burden.github.fields import find, pick

_SOURCE = "GitHub's list of pull requests"


@dataclass(frozen=True, slots=True)
class Found:
    """The open pull requests of a branch."""

    current: tuple[int, ...]
    """Numbers of those whose head is the commit."""
    moved_on: tuple[int, ...]
    """Numbers of those whose head is another commit by now."""


def of_head(client: Client, head: Head) -> Found:
    """Return the open pull requests of a head's branch.

    They are asked for by branch, for GitHub does not list those of forks by commit. Repository,
    branch and commit must all be the run's own: anybody can push a commit of somebody else.

    Raises:
        ApiError: they cannot be had.
    """
    purpose = Purpose(
        f"list the pull requests of {head.owner}:{head.branch}", "pull-requests: write"
    )
    query = {"state": "open", "head": f"{head.owner}:{head.branch}"}
    current: list[int] = []
    moved_on: list[int] = []
    for entry in client.pages("pulls", purpose, **query):
        if find(entry, "state") != "open" or find(entry, "head.repo.id") != head.repository:
            continue
        if find(entry, "head.ref") != head.branch:
            continue
        same = pick(entry, "head.sha", str, _SOURCE) == head.sha
        (current if same else moved_on).append(pick(entry, "number", int, _SOURCE))
    return Found(tuple(sorted(current)), tuple(sorted(moved_on)))
