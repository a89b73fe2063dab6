"""The results that a branch's newest run has left: what a pull request is compared with."""

from __future__ import annotations

import itertools
import urllib.parse
from dataclasses import dataclass

from pytest_burden.github import artifact, results
from pytest_burden.github.client import Client, Purpose
from pytest_burden.github.fields import find, pick
from pytest_burden.report.jsonfile import Written

MOST_RUNS = 200
"""Runs that are looked at before it is said that there are no results."""

_EVENT = "push"
_SOURCE = "GitHub's list of runs"


@dataclass(frozen=True, slots=True)
class Base:
    """Results, and the run they are of."""

    written: Written
    run: int
    sha: str
    skipped: int
    """Newer runs that left none, as cancelled ones do."""


def newest(client: Client, branch: str, workflow: str, name: str) -> Base | None:
    """Return the results of the newest completed run that left some; None if none did.

    Only runs of pushes to the branch count: a fork's branch can have the same name.

    Args:
        client: of the repository.
        branch: such as ``main``.
        workflow: file name, ``ci.yml``.
        name: of the artifact.

    Raises:
        BurdenError: the newest results are unusable: older ones would be another measure.
        ApiError: GitHub does not hand out what is needed.
    """
    purpose = Purpose(f"list the runs of {workflow} on {branch}", "actions: read")
    path = f"actions/workflows/{urllib.parse.quote(workflow, safe='')}/runs"
    query = {"branch": branch, "event": _EVENT, "status": "completed"}
    listed = client.pages(path, purpose, "workflow_runs", **query)
    for skipped, run in enumerate(
        itertools.islice((run for run in listed if _counts(run, branch)), MOST_RUNS)
    ):
        number = pick(run, "id", int, _SOURCE)
        left = artifact.of_run(client, number, name)
        if left is not None and not left.expired:
            source = f"the artifact {name!r} of run {number}"
            written = results.read(artifact.fetch(client, left), source)
            return Base(written, number, pick(run, "head_sha", str, _SOURCE), skipped)
    return None


def _counts(run: object, branch: str) -> bool:
    """Return whether a run is what was asked for; GitHub's filters are taken as a wish."""
    return (
        find(run, "event") == _EVENT
        and find(run, "head_branch") == branch
        and find(run, "status") == "completed"
        and find(run, "head_repository.id") == find(run, "repository.id")
    )
