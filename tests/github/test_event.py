"""The event and the environment: what GitHub tells, and nothing that it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_burden.errors import BurdenError
from pytest_burden.github.event import Head, MeasuredRun, ended, from_fork, own, read
from pytest_burden.github.surroundings import client, own_run
from tests.github.sample import PAYLOADS, payload
from tests.github.server import FORK_ID, REPOSITORY, REPOSITORY_ID, TOKEN

RUNS = "https://github.com/octo-org/models/actions/runs"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "same-repository",
            MeasuredRun(
                289782451,
                "pull_request",
                "success",
                f"{RUNS}/289782451",
                Head(
                    REPOSITORY_ID, "octo-org", "wider", "3484a3fb816e0859fd6e1cea078d76385ff50625"
                ),
            ),
        ),
        (
            "fork",
            MeasuredRun(
                289782777,
                "pull_request",
                "success",
                f"{RUNS}/289782777",
                Head(FORK_ID, "octocat", "patch-1", "ec26c3e57ca3a959ca5aad62de7213c562f8c821"),
            ),
        ),
    ],
)
def test_payloads(name: str, expected: MeasuredRun) -> None:
    """Both kinds are read the same way; a fork's lists no pull requests, nor is that looked at."""
    assert ended(read(PAYLOADS / f"{name}.json")) == expected


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"id": "7"}, "the event workflow_run: id is not a whole number"),
        ({"id": True}, "the event workflow_run: id is not a whole number"),
        ({"event": None}, "the event workflow_run: event is missing"),
        ({"head_sha": "main; rm -rf /"}, "the event workflow_run: head_sha is no commit"),
        ({"head_sha": "EC26"}, "the event workflow_run: head_sha is no commit"),
        ({"head_branch": None}, "the event workflow_run: head_branch is missing"),
        (
            {"head_repository": {"owner": {"login": "octocat"}}},
            "the event workflow_run: head_repository.id is missing",
        ),
    ],
)
def test_broken_payloads(changed: dict[str, Any], told: str) -> None:
    """What is not as GitHub documents it is named."""
    with pytest.raises(BurdenError) as raised:
        ended(payload(**changed))
    assert str(raised.value) == told


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"conclusion": None}, ("", True, True)),
        ({"conclusion": "cancelled"}, ("cancelled", True, True)),
        ({"head_repository": None}, ("success", False, True)),
        ({"html_url": "javascript:alert(1)"}, ("success", True, False)),
        ({"html_url": "https://x.y/) @octocat"}, ("success", True, False)),
    ],
)
def test_what_may_be_missing(changed: dict[str, Any], expected: tuple[str, bool, bool]) -> None:
    """A run without a conclusion, its repository, or an address that can be shown."""
    run = ended(payload(**changed))
    assert (run.conclusion, run.head is not None, run.url != "") == expected


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"action": "opened", "pull_request": {}}, "this job's event is not workflow_run"),
        ([], "this job's event is not workflow_run"),
        ({**payload(), "action": "requested"}, "the run has not ended yet"),
    ],
)
def test_other_events(data: object, told: str) -> None:
    """The message shows the lines that the workflow lacks."""
    with pytest.raises(BurdenError, match=told):
        ended(data)


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "No such file or directory"), (b"{", "holds no JSON"), (b"\xff", "holds no JSON")],
)
def test_no_payload(tmp_path: Path, content: bytes | None, told: str) -> None:
    """A file that is not there, or is none of GitHub's."""
    path = tmp_path / "event.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BurdenError, match=f"GITHUB_EVENT_PATH: .*{told}"):
        read(path)


def test_a_job_of_a_pull_request() -> None:
    """There the run is the job's own, and has no conclusion yet but what it is told."""
    data = read(PAYLOADS / "pull-request.json")
    sha = "3484a3fb816e0859fd6e1cea078d76385ff50625"
    head = Head(REPOSITORY_ID, "octo-org", "wider", sha)
    assert own(data, 7, f"{RUNS}/7") == MeasuredRun(7, "pull_request", "", f"{RUNS}/7", head)
    known = own(data, 7, f"{RUNS}/7", "failure")
    assert known
    assert known.conclusion == "failure"
    assert not from_fork(data)


def test_a_job_of_a_fork() -> None:
    """It is told by the number of the repository; one that is gone was one."""
    data: Any = read(PAYLOADS / "pull-request.json")
    data["pull_request"]["head"]["repo"]["id"] = FORK_ID
    assert from_fork(data)
    data["pull_request"]["head"]["repo"] = None
    assert from_fork(data)
    run = own(data, 7, "no address")
    assert run
    assert (run.head, run.url) == (None, "")
    assert own(payload(), 7, "") is None


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, (7, "https://github.com/octo-org/models/actions/runs/7")),
        (
            {"GITHUB_SERVER_URL": "https://github.example.com"},
            (7, "https://github.example.com/octo-org/models/actions/runs/7"),
        ),
        ({"GITHUB_RUN_ID": "x"}, "GITHUB_RUN_ID is 'x', not a number"),
        ({"GITHUB_RUN_ID": ""}, "GITHUB_RUN_ID is not set; GitHub Actions sets it"),
    ],
)
def test_own_run(changed: dict[str, str], expected: object) -> None:
    """Its number and its page."""
    environment = {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_RUN_ID": "7", **changed}
    try:
        assert own_run(environment) == expected
    except BurdenError as error:
        assert str(error) == expected  # noqa: PT017 both are rows of one table


WELL = {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN}


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        (None, "https://api.github.com"),
        ("", "https://api.github.com"),
        ("https://api.github.com/", "https://api.github.com"),
        ("https://github.example.com/api/v3", "https://github.example.com/api/v3"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ],
)
def test_which_api(api: str | None, expected: str) -> None:
    """GitHub's, that of a company, or one on this machine."""
    environment = WELL if api is None else {**WELL, "GITHUB_API_URL": api}
    made = client(environment)
    assert (made.api, made.repository, made.token) == (expected, REPOSITORY, TOKEN)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"GITHUB_REPOSITORY": ""}, "GITHUB_REPOSITORY is not set; GitHub Actions sets it"),
        ({"GITHUB_REPOSITORY": "models"}, "GITHUB_REPOSITORY is 'models', not owner/name"),
        ({"GITHUB_REPOSITORY": "a/b/../c"}, "GITHUB_REPOSITORY is 'a/b/../c', not owner/name"),
        ({"GITHUB_REPOSITORY": "a/b?x"}, "GITHUB_REPOSITORY is 'a/b?x', not owner/name"),
        (
            {"GITHUB_TOKEN": " "},
            "GITHUB_TOKEN is not set: add `env: GITHUB_TOKEN: ${{ github.token }}` to the step",
        ),
        (
            {"GITHUB_TOKEN": f"{TOKEN}\nX: y"},
            "GITHUB_TOKEN is no token: it holds characters that none has",
        ),
        *(
            (
                {"GITHUB_API_URL": url},
                f"GITHUB_API_URL is {url!r}, not an address such as https://api.github.com",
            )
            for url in (
                "api.github.com",
                "http://api.github.com",
                "file:///x",
                "https://",
                "http://[",
            )
        ),
    ],
)
def test_the_environment(changed: dict[str, str], told: str) -> None:
    """What is wrong is named; a token is neither shown nor sent in the clear."""
    with pytest.raises(BurdenError) as raised:
        client({**WELL, **changed})
    assert str(raised.value) == told
