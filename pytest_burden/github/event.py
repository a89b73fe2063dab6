"""The event that started a job: which run has measured, at which commit of whose branch."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from pytest_burden.errors import BurdenError
from pytest_burden.github.fields import find, pick

PULL_REQUEST = "pull_request"
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_URL = re.compile(r"https?://[A-Za-z0-9.:/_-]+")


@dataclass(frozen=True, slots=True)
class Head:
    """A commit at the tip of a branch of a repository, this one or a fork."""

    repository: int
    """Its number: names change."""
    owner: str
    branch: str
    sha: str


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """A workflow's run; all of it is GitHub's word, nothing of it the measuring code's."""

    id: int
    event: str
    """What started it, ``pull_request``."""
    conclusion: str
    """``success``, ``failure``, ``cancelled``, ...; empty if there is none yet."""
    url: str
    """Of its page; empty if that is no plain address."""
    head: Head | None
    """None if the repository is gone."""


def read(path: Path) -> object:
    """Return the payload of the event that started this job.

    Raises:
        BurdenError: it cannot be read.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise BurdenError(f"GITHUB_EVENT_PATH: {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BurdenError(f"GITHUB_EVENT_PATH: {path} holds no JSON") from error


def ended(data: object) -> MeasuredRun:
    """Return the run whose end has started this job, by the payload of ``workflow_run``.

    Raises:
        BurdenError: the payload is that of another event, or of a run that goes on.
    """
    run, source = find(data, "workflow_run"), "the event workflow_run"
    if run is None:
        raise BurdenError(
            "this job's event is not workflow_run: the workflow begins with `on: workflow_run:`"
        )
    if find(data, "action") != "completed":
        raise BurdenError("the run has not ended yet: the workflow needs `types: [completed]`")
    url, conclusion = find(run, "html_url"), find(run, "conclusion")
    return MeasuredRun(
        id=pick(run, "id", int, source),
        event=pick(run, "event", str, source),
        conclusion=conclusion if isinstance(conclusion, str) else "",
        url=url if isinstance(url, str) and _URL.fullmatch(url) else "",
        head=_head(run, ("head_repository", "head_branch", "head_sha"), source),
    )


def own(data: object, run: int, url: str, conclusion: str = "") -> MeasuredRun | None:
    """Return this job's own run, by the payload of ``pull_request``; None for other events.

    Args:
        data: the payload.
        run: its number.
        url: of its page.
        conclusion: of the job, where it is known.

    Raises:
        BurdenError: the payload is not as GitHub documents it.
    """
    pull, source = find(data, PULL_REQUEST), "the event pull_request"
    if pull is None:
        return None
    head = _head(pull, ("head.repo", "head.ref", "head.sha"), source)
    return MeasuredRun(run, PULL_REQUEST, conclusion, url if _URL.fullmatch(url) else "", head)


def from_fork(data: object) -> bool:
    """Return whether a pull request, by the payload of its event, is that of a fork."""
    return find(data, "pull_request.head.repo.id") != find(data, "repository.id")


def _head(data: object, paths: tuple[str, str, str], source: str) -> Head | None:
    """Return the commit whose repository, branch and SHA stand there; None without the first."""
    repository, branch, sha = paths
    if find(data, f"{repository}.owner.login") is None:
        return None
    return Head(
        repository=pick(data, f"{repository}.id", int, source),
        owner=pick(data, f"{repository}.owner.login", str, source),
        branch=pick(data, branch, str, source),
        sha=_commit(data, sha, source),
    )


def _commit(data: object, path: str, source: str) -> str:
    sha = pick(data, path, str, source)
    if not _SHA.fullmatch(sha):
        raise BurdenError(f"{source}: {path} is no commit")
    return sha
