"""The pull request: that of the run's own repository, branch and commit, or none."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_burden.errors import BurdenError
from pytest_burden.github.client import Client
from pytest_burden.github.event import Head, ended
from pytest_burden.github.pulls import Found, of_head
from tests.github.sample import SHA, payload
from tests.github.server import GitHub

OTHER = "0" * 40


def head(name: str = "fork") -> Head:
    """Return the head of an event's run."""
    found = ended(payload(name)).head
    assert found
    return found


@pytest.mark.parametrize(
    ("opened", "current", "moved_on"),
    [
        ([], (), ()),
        ([{"sha": SHA}], (1,), ()),
        ([{"sha": OTHER}], (), (1,)),  # somebody has pushed meanwhile
        ([{"sha": SHA, "state": "closed"}], (), ()),
        ([{"sha": SHA}, {"sha": SHA}], (1, 2), ()),  # to two branches
        ([{"sha": OTHER, "state": "closed"}, {"sha": SHA}], (2,), ()),
        # The same commit, pushed by somebody else: its results must not come to this one.
        ([{"sha": SHA, "owner": "mallory", "repository": 666}], (), ()),
        ([{"sha": SHA, "repository": 666}], (), ()),  # two forks of one owner
        ([{"sha": SHA, "ref": "other"}], (), ()),
        ([{"sha": SHA, "gone": True}], (), ()),
    ],
)
def test_of_head(
    github: GitHub,
    client: Client,
    opened: list[dict[str, Any]],
    current: tuple[int, ...],
    moved_on: tuple[int, ...],
) -> None:
    """An open one whose head is the commit, by the repository that was measured.

    Also where the server filters nothing.
    """
    for number, each in enumerate(opened, 1):
        github.pull(number, **each)
    for github.filters in (True, False):
        assert of_head(client, head()) == Found(current, moved_on)


def test_of_the_same_repository(github: GitHub, client: Client) -> None:
    """There it is found the same way."""
    own = head("same-repository")
    github.pull(12, own.sha, owner=own.owner, ref=own.branch, repository=own.repository)
    assert of_head(client, own) == Found((12,), ())


def test_whatever_the_server_filters(github: GitHub, client: Client) -> None:
    """A server that knows no filter by branch changes nothing; all its pages are read."""
    github.filters = False
    for number in range(1, 151):
        github.pull(number, SHA, owner=f"other{number}", repository=number)
    github.pull(151, SHA)
    assert of_head(client, head()) == Found((151,), ())


def test_branches_with_odd_names(github: GitHub, client: Client) -> None:
    """A branch is one value of the address, whatever it is called."""
    branch = "a&state=all#é/ü ?"
    github.pull(3, SHA, ref=branch)
    odd = Head(300077002, "octocat", branch, SHA)
    assert of_head(client, odd) == Found((3,), ())


def test_not_allowed(github: GitHub, client: Client) -> None:
    """The permission that is missing is named; nothing is taken for no pull request."""
    github.permissions.remove("pull-requests")
    with pytest.raises(BurdenError, match="`pull-requests: write`"):
        of_head(client, head())
