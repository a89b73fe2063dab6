"""The client: pages, tries again, refusals in words, and a token that stays at home."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_burden.errors import BurdenError
from pytest_burden.github.client import MOST_PAGES, ApiError, Client, Purpose, UnsureError
from tests.github.server import TOKEN, Fault, GitHub, Reply, refused

PURPOSE = Purpose("list the comments", "pull-requests: write")
COMMENTS = "issues/7/comments"


def refusal(client: Client) -> str:
    """Return why a list was refused, in one line that holds no token."""
    with pytest.raises(ApiError) as raised:
        list(client.pages(COMMENTS, PURPOSE))
    said = str(raised.value)
    assert said.startswith("cannot list the comments: ")
    assert "\n" not in said
    assert TOKEN not in said
    return said.removeprefix("cannot list the comments: ")


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (100, 1), (101, 2), (350, 4)])
def test_pages(github: GitHub, client: Client, count: int, pages: int) -> None:
    """All entries come, in their order, with one request for each hundred."""
    for number in range(count):
        github.say(7, f"text {number}")
    bodies = [each["body"] for each in client.pages(COMMENTS, PURPOSE)]
    assert bodies == [f"text {number}" for number in range(count)]
    assert len(github.seen) == pages
    assert {each.query["per_page"] for each in github.seen} == {"100"}


@pytest.mark.parametrize(
    "link",
    [
        '<https://elsewhere.example/comments?page=2>; rel="next"',
        '<http://127.0.0.1:1/repositories/1/comments?page=2>; rel="next"',
        '<http://[broken>; rel="next"',
        '<file:///etc/passwd>; rel="next"',
    ],
)
def test_the_next_page_is_never_elsewhere(github: GitHub, client: Client, link: str) -> None:
    """A token is sent to one host only, and half a list is none."""
    github.faults.append(Fault("GET", "comments", Reply(200, [{"id": 1}], {"Link": link})))
    assert refusal(client) == "the next page is on another host"
    assert len(github.seen) == 1


def test_pages_without_end(github: GitHub, client: Client) -> None:
    """A list that never ends is given up, not shown in part."""
    again = f'<{github.api}/repos/octo-org/models/{COMMENTS}>; rel="next"'
    github.faults.append(Fault("GET", "comments", Reply(200, [], {"Link": again}), times=-1))
    assert refusal(client) == "there are more than 100 pages"
    assert len(github.seen) == MOST_PAGES


NEEDS = "the job needs `permissions:` with `pull-requests: write`"
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)
PRIMARY = "API rate limit exceeded for installation ID 12345."
AT_ONE = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(1_796_126_400 + 3600)}


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (
            refused(401, "Bad credentials"),
            (
                "GitHub does not accept the token (401, Bad credentials): GITHUB_TOKEN must be"
                " that of the job, ${{ github.token }}"
            ),
        ),
        (
            refused(403, "Resource not accessible by integration", x_ratelimit_remaining="4999"),
            f"GitHub does not allow it (403, Resource not accessible by integration); {NEEDS}",
        ),
        (
            refused(403, "Unable to create comment because issue is locked."),
            (
                "GitHub does not allow it (403, Unable to create comment because issue is locked.);"
                f" {NEEDS}"
            ),
        ),
        (
            refused(404, "Not Found"),
            f"GitHub finds nothing there, or does not show it (404, Not Found); {NEEDS}",
        ),
        (
            refused(403, PRIMARY, **AT_ONE),
            (
                f"GitHub limits how much is asked (403, {PRIMARY}): try again after"
                " 2026-12-01 13:00:00 UTC"
            ),
        ),
        (
            refused(429, PRIMARY, **AT_ONE),
            (
                f"GitHub limits how much is asked (429, {PRIMARY}): try again after"
                " 2026-12-01 13:00:00 UTC"
            ),
        ),
        (
            refused(403, "Forbidden", **AT_ONE),
            (
                "GitHub limits how much is asked (403, Forbidden): try again after"
                " 2026-12-01 13:00:00 UTC"
            ),
        ),
        (
            refused(403, SECONDARY, retry_after="900"),
            (
                f"GitHub limits how much is asked (403, {SECONDARY}): try again after"
                " 2026-12-01 12:15:00 UTC"
            ),
        ),
        (
            Reply(422, {"message": "Validation Failed", "errors": [{"message": "Body is too"}]}),
            "GitHub did not do it (422, Validation Failed: Body is too)",
        ),
        (
            Reply(422, {"message": "Problem", "errors": ["text"]}),
            "GitHub did not do it (422, Problem)",
        ),
        (Reply(400, b"<html>"), "GitHub did not do it (400, Bad Request)"),
        (Reply(418, b"[1]"), "GitHub did not do it (418, no reason given)"),
        (
            refused(418, "two\nlines ##[error] \x1b[31m"),
            r"GitHub did not do it (418, two lines ##\[error] \x1b[31m)",
        ),
        (Reply(200, b"<html>"), "what GitHub answered is not JSON"),
        (Reply(200, b"[" * 100_000), "what GitHub answered is not JSON"),
        (Reply(200, {"message": "no list"}), "GitHub's answer holds no list"),
    ],
)
def test_refusals(
    github: GitHub, client: Client, waits: list[float], reply: Reply, told: str
) -> None:
    """Each says what was not possible, what GitHub says, and what helps; none is tried again."""
    github.faults.append(Fault("GET", "comments", reply))
    assert refusal(client) == told
    assert (len(github.seen), waits) == (1, [])


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (None, [1.0, 2.0]),
        (Reply(500, b""), [1.0, 2.0]),
        (Reply(502, b"<html>"), [1.0, 2.0]),
        (refused(503, "Unavailable", retry_after="7"), [7.0, 7.0]),
        (refused(429, SECONDARY, retry_after="5"), [5.0, 5.0]),
        (refused(403, SECONDARY, retry_after="60"), [60.0, 60.0]),
        (refused(403, SECONDARY), [60.0, 60.0]),
        (
            refused(403, PRIMARY, x_ratelimit_remaining="0", x_ratelimit_reset="1796126410"),
            [10.0, 10.0],
        ),
        (
            refused(403, PRIMARY, x_ratelimit_remaining="0", x_ratelimit_reset="1796126390"),
            [1.0, 1.0],
        ),
        (Reply(200, b"[]", {"Content-Length": "2000"}), [1.0, 2.0]),
        (Reply(200, [], {"Delay": "0.8"}), [1.0, 2.0]),
    ],
)
def test_tried_again(
    github: GitHub, client: Client, waits: list[float], reply: Reply | None, expected: list[float]
) -> None:
    """What may pass is waited for as long as GitHub asks, two times, and no longer."""
    github.say(7, "text")
    github.faults.append(Fault("GET", "comments", reply, times=2))
    assert len(list(client.pages(COMMENTS, PURPOSE))) == 1
    assert waits == expected
    github.faults.append(Fault("GET", "comments", reply, times=3))
    refusal(client)
    assert not github.faults


@pytest.mark.parametrize(
    ("reply", "unsure"),
    [(None, True), (Reply(502, b""), True), (refused(422, "Validation Failed"), False)],
)
def test_what_creates_is_not_repeated(
    github: GitHub, client: Client, waits: list[float], reply: Reply | None, unsure: bool
) -> None:
    """A POST that may have succeeded is sent once, and its error says so."""
    github.faults.append(Fault("POST", "comments", reply, after=True))
    with pytest.raises(ApiError) as raised:
        client.post(COMMENTS, PURPOSE, {"body": "text"})
    assert isinstance(raised.value, UnsureError) == unsure
    assert (len(github.comments), waits) == (1, [])


def test_what_creates_is_repeated_where_it_was_turned_away(
    github: GitHub, client: Client, waits: list[float]
) -> None:
    """A limit on requests means that nothing was done."""
    github.faults.append(Fault("POST", "comments", refused(429, SECONDARY, retry_after="3")))
    assert client.post(COMMENTS, PURPOSE, {"body": "text"})["body"] == "text"
    assert (len(github.comments), waits) == (1, [3.0])


def test_the_token_stays_at_home(github: GitHub, client: Client) -> None:
    """A download leads to another host, which gets no token; the API always does."""
    github.leave(1, b"content")
    assert client.download("actions/artifacts/5000/zip", PURPOSE, 100) == b"content"
    assert [(each.host, "authorization" in each.headers) for each in github.seen] == [
        ("api", True),
        ("blob", False),
    ]
    assert TOKEN not in str(github.seen[1])
    assert TOKEN not in repr(client)


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "https://127.0.0.1:1/x", "http://[x"]
)
def test_downloads_lead_to_hosts_only(github: GitHub, client: Client, location: str) -> None:
    """No file of this machine, and no other kind of address than the API's own."""
    github.faults.append(Fault("GET", "zip", Reply(302, None, {"Location": location})))
    with pytest.raises(ApiError, match="points to an address of no use"):
        client.download("actions/artifacts/5000/zip", PURPOSE, 100)
    assert len(github.seen) == 1


def test_a_list_is_not_elsewhere(github: GitHub, client: Client) -> None:
    """Only downloads may lead to another host; a renamed repository is found on the same one."""
    moved = f"{github.api}/repos/octo-org/models/issues/7/comments?per_page=100"
    github.faults.append(Fault("GET", "comments", Reply(301, None, {"Location": moved})))
    assert list(client.pages(COMMENTS, PURPOSE)) == []
    github.faults.append(Fault("GET", "comments", Reply(301, None, {"Location": github.blob})))
    assert refusal(client) == "GitHub points to an address of no use"
    assert {each.host for each in github.seen} == {"api"}
    github.faults.append(Fault("GET", "comments", Reply(301, None, {"Location": moved}), times=-1))
    assert refusal(client) == "GitHub did not do it (301, Moved Permanently)"


def test_a_download_is_bounded(github: GitHub, client: Client) -> None:
    """One byte more than allowed is read, whatever there is."""
    github.leave(1, b"x" * 5000)
    assert client.download("actions/artifacts/5000/zip", PURPOSE, 10) == b"x" * 11


def test_the_other_host_refuses(github: GitHub, client: Client) -> None:
    """Its name is told; a permission would not help there."""
    github.leave(1, b"")
    github.faults.append(Fault("GET", "results", Reply(403, b"")))
    with pytest.raises(BurdenError) as raised:
        client.download("actions/artifacts/5000/zip", PURPOSE, 10)
    host = github.blob.removeprefix("http://")
    assert str(raised.value) == f"cannot list the comments: {host} answered 403"


def test_nobody_there(client: Client) -> None:
    """A host that does not answer is named."""
    gone = dataclasses.replace(client, api="http://127.0.0.1:1")
    assert refusal(gone).startswith("no answer from 127.0.0.1:1: ")
