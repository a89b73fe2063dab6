"""From a run to its comment: what is written when, and what the job's own end is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from pytest_burden.errors import BurdenError
from pytest_burden.github import results as limits
from pytest_burden.github.body import marker
from pytest_burden.github.client import Client
from pytest_burden.github.commenting import comment, of_artifact
from pytest_burden.github.event import ended
from tests.github.sample import RUN, SHA, packed, payload, results
from tests.github.server import BOT, Fault, GitHub, Reply, refused
from tests.report import sample

MARK = marker("default")


def commenting(client: Client, **changed: Any) -> Iterator[str]:
    """Comment on the fork's run."""
    run = ended(payload(**changed))
    return comment(client, run, MARK, BOT, partial(of_artifact, client, run, "burden", MARK))


@pytest.mark.parametrize("conclusion", ["success", "failure", "cancelled", "timed_out"])
def test_results(github: GitHub, client: Client, conclusion: str) -> None:
    """Whatever the run's end, what it measured is shown, a broken budget above all."""
    github.pull(7, SHA)
    github.leave(RUN, results(sample.RED))
    assert list(commenting(client, conclusion=conclusion)) == ["pull request 7: comment created"]
    (body,) = github.bodies(7)
    assert ("The run was cancelled" in body) == (conclusion == "cancelled")
    assert "## :x: burden: " in body
    assert SHA in body


def test_again(github: GitHub, client: Client) -> None:
    """The next commit's results take the same comment; the same ones again write nothing."""
    github.pull(7, SHA)
    github.leave(RUN, results(sample.RED))
    list(commenting(client))
    assert list(commenting(client)) == ["pull request 7: comment unchanged"]
    github.pulls[0]["head"]["sha"] = "0" * 40
    github.leave(RUN + 1, results(sample.GREEN))
    assert list(commenting(client, id=RUN + 1, head_sha="0" * 40)) == [
        "pull request 7: comment updated"
    ]
    (body,) = github.bodies(7)
    assert "## :white_check_mark: burden: " in body


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"event": "push"}, f"run {RUN} is of push, not of a pull request: no comment"),
        ({"head_repository": None}, f"run {RUN} is of a repository that is gone: no comment"),
        ({"head_branch": "gone"}, "octocat:gone has no open pull request: no comment"),
        ({"head_sha": "0" * 40}, f"pull request 7: its head is no longer {'0' * 40}: left alone"),
    ],
)
def test_no_pull_request(
    github: GitHub, client: Client, changed: dict[str, Any], told: str
) -> None:
    """It is said, nothing is fetched or written, and that is no failure."""
    github.pull(7, SHA)
    github.leave(RUN, b"never looked at")
    assert list(commenting(client, **changed)) == [told]
    assert not github.sent("GET", "artifacts")
    assert not github.comments


def test_two_pull_requests(github: GitHub, client: Client) -> None:
    """One branch may be asked into two others."""
    github.pull(7, SHA)
    github.pull(9, SHA)
    github.pull(11, "0" * 40)
    github.leave(RUN, results())
    assert list(commenting(client)) == [
        f"pull request 11: its head is no longer {SHA}: left alone",
        "pull request 7: comment created",
        "pull request 9: comment created",
    ]


def failing(client: Client, **changed: Any) -> tuple[list[str], str]:
    """Return what was done before the job failed, and why it did."""
    done: list[str] = []
    with pytest.raises(BurdenError) as raised:
        done.extend(commenting(client, **changed))
    return done, str(raised.value)


THEIRS = "<b>@octocat</b> ##[error] text of the artifact"


@pytest.mark.parametrize(
    ("archive", "told"),
    [
        (packed(("burden.json", f'{{"schema": "{THEIRS}", "measurements": []}}')), "of schema"),
        (packed(("burden.json", THEIRS)), "not JSON"),
        (packed((THEIRS, "1"), (f"{THEIRS}2", "2")), "holds 2 files"),
        (THEIRS.encode(), "no zip archive"),
    ],
)
def test_unreadable_results(github: GitHub, client: Client, archive: bytes, told: str) -> None:
    """The comment says so, in no word of the artifact's; the log says more, and the job fails."""
    github.pull(7, SHA)
    github.say(7, f"{MARK}\nall was well")
    github.leave(RUN, archive)
    done, why = failing(client)
    assert done == ["pull request 7: comment updated"]
    assert told in why
    (body,) = github.bodies(7)
    assert "## :warning: burden: the results could not be read" in body
    assert "all was well" not in body
    assert "octocat" not in body
    assert "text of" not in body


@pytest.mark.parametrize("bound", ["MOST", "LARGEST", "MOST_VALUES"])
def test_large_results(
    github: GitHub, client: Client, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    """That they are too large is no word against them, and the log says by how much."""
    github.pull(7, SHA)
    github.leave(RUN, results(sample.RED))
    monkeypatch.setattr(limits, bound, 1)
    assert "allowed are 1" in failing(client)[1]
    (body,) = github.bodies(7)
    assert "What the run left is too large for a comment; this job's log says more." in body
    assert "is not what pytest-burden writes" not in body


def test_expired_results(github: GitHub, client: Client) -> None:
    """They are told as such."""
    github.pull(7, SHA)
    github.leave(RUN, b"", expired=True)
    assert "has expired" in failing(client)[1]
    assert "GitHub keeps them no longer: run the workflow again." in github.bodies(7)[0]


MISSING = (
    f"run {RUN} succeeded and left no artifact 'burden': a step of it uploads what pytest"
    " --burden-json=FILE has written, with actions/upload-artifact"
)


@pytest.mark.parametrize(
    ("conclusion", "created", "told"),
    [
        ("success", "created", MISSING),  # a job that measures forgot to upload
        ("failure", "created", ""),
        ("cancelled", "created", ""),
        ("skipped", "", ""),
        ("action_required", "", ""),  # a newcomer's run that waits to be let through
    ],
)
def test_no_results(
    github: GitHub, client: Client, conclusion: str, created: str, told: str
) -> None:
    """An older comment never stands as if it were of this commit; a needless one is not begun."""
    github.pull(7, SHA)
    github.pull(8, SHA)
    github.leave(RUN, results(), "logs")
    github.say(7, f"{MARK}\nall was well")
    done: list[str] = []
    try:
        done.extend(commenting(client, conclusion=conclusion))
    except BurdenError as error:
        assert str(error) == told  # noqa: PT017 whether it fails is a row of the table
    else:
        assert not told
    assert github.bodies(7) == [body for body in github.bodies(7) if "nothing was measured" in body]
    assert len(github.bodies(8)) == bool(created)
    last = f"comment {created}" if created else f"the run was {conclusion}: no comment"
    assert done == ["pull request 7: comment updated", f"pull request 8: {last}"]


@pytest.mark.parametrize(
    ("path", "permission"),
    [("artifacts$", "actions: read"), ("zip", "actions: read"), ("pulls", "pull-requests: write")],
)
def test_not_allowed(github: GitHub, client: Client, path: str, permission: str) -> None:
    """What is not the pull request's fault is not told there."""
    github.pull(7, SHA)
    github.leave(RUN, results())
    denied = refused(403, "Resource not accessible by integration")
    github.faults.append(Fault("GET", path, denied, times=9))
    assert permission in failing(client)[1]
    assert not github.comments


def test_out_of_order(github: GitHub, client: Client) -> None:
    """A host of artifacts that is down leaves the comment as it was."""
    github.pull(7, SHA)
    github.say(7, f"{MARK}\nold")
    github.leave(RUN, results())
    github.faults.append(Fault("GET", "results", Reply(503, b""), times=9))
    assert "answered 503" in failing(client)[1]
    assert github.bodies(7) == [f"{MARK}\nold"]
