"""One comment, whatever happens between looking and writing."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_burden.github.client import ApiError, Client
from pytest_burden.github.sticky import Sticky
from tests.github.server import BOT, LONGEST_BODY, Fault, GitHub, Reply, refused

MARK = "<!-- pytest-burden: default -->"
OLD, NEW = f"{MARK}\nold\n", f"{MARK}\nnew\n"


@pytest.fixture
def sticky(client: Client) -> Sticky:
    """Return the comments of pull request 7 that are ours."""
    return Sticky(client, 7, MARK, BOT)


def fill(github: GitHub, count: int) -> None:
    """Let people talk."""
    for number in range(count):
        github.say(7, f"text {number}", "octocat")


@pytest.mark.parametrize(
    ("before", "done", "requests"),
    [
        ([], "created", ["GET", "POST", "GET"]),
        ([OLD], "updated", ["GET", "PATCH"]),
        ([NEW], "unchanged", ["GET"]),
        ([NEW.replace("\n", "\r\n")], "unchanged", ["GET"]),  # edited in a browser and put back
        ([OLD, OLD], "updated", ["GET", "PATCH", "DELETE"]),
        ([NEW, OLD, OLD], "unchanged", ["GET", "DELETE", "DELETE"]),
        ([f"{MARK} \r\nanything"], "updated", ["GET", "PATCH"]),
    ],
)
def test_keep(
    github: GitHub, sticky: Sticky, before: list[str], done: str, requests: list[str]
) -> None:
    """The oldest of ours stays, others go, and nothing is written that stands there."""
    for body in before:
        github.say(7, body)
    assert sticky.keep(NEW) == done
    assert [each.method for each in github.seen] == requests
    (left,) = github.bodies(7)
    assert left.split() == NEW.split()


@pytest.mark.parametrize(
    ("body", "author"),
    [
        (OLD, "octocat"),  # a person who knows the marker
        (OLD, "other-app[bot]"),
        (f"quoted\n{OLD}", BOT),  # another tool that writes as we do
        (f"> {OLD}", BOT),
        (OLD.replace("default", "gpu"), BOT),  # ours, of another key
        (OLD.replace("default", "default2"), BOT),
        ("", BOT),
    ],
)
def test_not_ours(github: GitHub, sticky: Sticky, body: str, author: str) -> None:
    """A comment is ours by its author and its first line; all others stay as they are."""
    github.say(7, body, author)
    github.say(8, OLD)
    assert sticky.keep(NEW) == "created"
    assert (github.comments[0]["body"], github.bodies(8)) == (body, [OLD])
    assert not github.sent("PATCH")
    assert not github.sent("DELETE")


def test_nobody_wrote_it(github: GitHub, sticky: Sticky) -> None:
    """The account of a comment's author may be deleted, and its text empty."""
    github.say(7, OLD)
    github.comments[0]["user"] = None
    github.say(7, OLD)
    github.comments[1]["body"] = None
    assert sticky.keep(NEW) == "created"


@pytest.mark.parametrize("place", [0, 150, 250])
def test_on_any_page(github: GitHub, sticky: Sticky, place: int) -> None:
    """All pages are read before it is said that there is none."""
    fill(github, place)
    github.say(7, OLD)
    fill(github, 250 - place)
    assert sticky.keep(NEW) == "updated"
    assert len(github.sent("GET")) == 3


@pytest.mark.parametrize("author", ["GitHub-Actions[bot]", "github-actions[bot]"])
def test_names_are_one_in_any_case(github: GitHub, sticky: Sticky, author: str) -> None:
    """As on GitHub."""
    github.say(7, OLD)
    assert dataclasses.replace(sticky, author=author).keep(NEW) == "updated"


def test_another_author(github: GitHub, sticky: Sticky) -> None:
    """A token of an app writes as that app."""
    github.author = "models[bot]"
    theirs = dataclasses.replace(sticky, author="models[bot]")
    assert (theirs.keep(OLD), theirs.keep(NEW)) == ("created", "updated")
    assert github.bodies(7, "models[bot]") == [NEW]


@pytest.mark.parametrize(
    ("writes", "left"), [("GitHub-Actions[bot]", [NEW]), ("models[bot]", []), ("octocat", [])]
)
def test_whose_comment_it_is(github: GitHub, sticky: Sticky, writes: str, left: list[str]) -> None:
    """One that would not be known again does not stay, and who wrote it is told."""
    github.author = writes
    if left:
        assert sticky.keep(NEW) == "created"
    else:
        with pytest.raises(ApiError) as raised:
            sticky.keep(NEW)
        assert str(raised.value) == (
            f"the token writes as {writes}, not as github-actions[bot]: --author {writes}"
        )
    assert github.bodies(7, writes) == left
    assert len(github.sent("POST")) == 1


@pytest.mark.parametrize(
    "reply",
    [
        None,
        Reply(500, b""),
        Reply(200, b"<html>"),
        Reply(200, {"message": "odd"}),
        refused(403, "Resource not accessible by integration"),
        refused(404, "Not Found"),
    ],
)
@pytest.mark.parametrize("page", [1, 2])
def test_a_failed_look_creates_nothing(
    github: GitHub, sticky: Sticky, reply: Reply | None, page: int
) -> None:
    """Half a list is none: whether one is there is not known."""
    fill(github, 150)
    first = [Fault("GET", "comments", does=lambda: None)] * (page - 1)
    github.faults += [*first, Fault("GET", "comments", reply, times=9)]
    with pytest.raises(ApiError):
        sticky.keep(NEW)
    assert {each.method for each in github.seen} == {"GET"}


@pytest.mark.parametrize(
    ("fault", "posts"),
    [
        (Fault("POST", "comments", reply, after=after), 1 if after else 2)
        for reply in (None, Reply(502, b""))
        for after in (True, False)
    ],
)
def test_unsure_whether_it_was_created(
    github: GitHub, sticky: Sticky, waits: list[float], fault: Fault, posts: int
) -> None:
    """It is looked at again before another is written."""
    github.faults.append(fault)
    assert sticky.keep(NEW) == "created"
    assert (len(github.sent("POST")), github.bodies(7), waits) == (posts, [NEW], [2.0])


def test_sure_in_the_end(github: GitHub, sticky: Sticky) -> None:
    """What was written in the last round counts."""
    github.faults.append(Fault("POST", "comments", Reply(502, b""), times=2))
    assert sticky.keep(NEW) == "created"
    assert github.bodies(7) == [NEW]


def test_never_sure(github: GitHub, sticky: Sticky) -> None:
    """After three rounds the last answer is told."""
    github.faults.append(Fault("POST", "comments", Reply(502, b""), times=9))
    with pytest.raises(ApiError, match=r"write a comment .* \(502, Bad Gateway\)"):
        sticky.keep(NEW)
    assert len(github.sent("POST")) == 3


def test_deleted_in_between(github: GitHub, sticky: Sticky) -> None:
    """A comment that is gone when it is changed is written anew, after another look."""
    github.say(7, OLD)
    github.faults.append(Fault("PATCH", "comments", does=github.comments.clear))
    assert sticky.keep(NEW) == "created"
    assert github.bodies(7) == [NEW]


def test_deleted_each_time(github: GitHub, sticky: Sticky) -> None:
    """Somebody who does not want it has the last word."""
    github.say(7, OLD)
    github.faults.append(Fault("PATCH", "comments", refused(404, "Not Found"), times=9))
    with pytest.raises(ApiError, match="does not stay: it was deleted each time"):
        sticky.keep(NEW)


def test_a_race(github: GitHub, sticky: Sticky) -> None:
    """Two jobs that saw none both write one: both keep the older."""
    github.faults.append(Fault("POST", "comments", does=lambda: github.say(7, OLD)))
    assert sticky.keep(NEW) == "updated"
    assert github.bodies(7) == [NEW]


def test_deleted_by_the_other_job(github: GitHub, sticky: Sticky) -> None:
    """A second comment that is gone already is what was wanted."""
    github.say(7, NEW)
    second = github.say(7, NEW)
    gone = [each for each in github.comments if each["id"] != second]
    github.faults.append(
        Fault("DELETE", "comments", does=lambda: github.comments.__setitem__(slice(None), gone))
    )
    assert sticky.keep(NEW) == "unchanged"


def test_a_list_that_lags_behind(github: GitHub, sticky: Sticky) -> None:
    """What was created is there, whether the next list shows it or not."""
    github.faults += [
        Fault("GET", "comments", does=lambda: None),
        Fault("GET", "comments", Reply(200, [])),
    ]
    assert sticky.keep(NEW) == "created"
    assert (len(github.sent("POST")), github.sent("PATCH")) == (1, [])


def test_too_long(github: GitHub, sticky: Sticky) -> None:
    """What GitHub says of a text one character too long is told, and not tried again."""
    assert sticky.keep(f"{MARK}\n".ljust(LONGEST_BODY, "x")) == "created"
    with pytest.raises(ApiError, match=r"422, Validation Failed: Body is too long \(maximum is"):
        sticky.keep(f"{MARK}\n".ljust(LONGEST_BODY + 1, "x"))
    assert len(github.sent("PATCH")) == 1


@pytest.mark.parametrize(
    ("method", "before"), [("POST", []), ("PATCH", [OLD]), ("DELETE", [NEW, OLD])]
)
def test_only_reading_allowed(
    github: GitHub, sticky: Sticky, method: str, before: list[str]
) -> None:
    """The permission that is missing is named."""
    for body in before:
        github.say(7, body)
    denied = refused(403, "Resource not accessible by integration")
    github.faults.append(Fault(method, "comments", denied, times=9))
    with pytest.raises(ApiError, match="the job needs `permissions:` with `pull-requests: write`"):
        sticky.keep(NEW)
