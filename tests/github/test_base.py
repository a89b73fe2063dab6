"""The base: the newest results of a branch's own runs, or none."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_burden.errors import BurdenError
from pytest_burden.github.base import MOST_RUNS, Base, newest
from pytest_burden.github.client import ApiError, Client
from pytest_burden.report.jsonfile import Written
from tests.github.sample import VERSIONS, packed, results
from tests.github.server import FORK_ID, GitHub
from tests.report import sample


def found(client: Client, branch: str = "main", workflow: str = "ci.yml") -> Base | None:
    """Return what is found for a branch."""
    return newest(client, branch, workflow, "burden")


@pytest.mark.parametrize(
    ("newer", "skipped"),
    [
        ([], 0),
        ([{"conclusion": "cancelled"}], 1),
        ([{"event": "pull_request"}], 0),  # of a fork whose branch is called main
        ([{"head_repository": {"id": FORK_ID}}], 0),
        ([{"head_repository": None}], 0),
        ([{"head_branch": "other"}], 0),
        ([{"status": "in_progress"}], 0),
        ([{"path": ".github/workflows/lint.yml"}], 0),
        ([{}] * 120, 120),
    ],
)
@pytest.mark.parametrize("filters", [True, False])
def test_newest(
    github: GitHub, client: Client, newer: list[dict[str, Any]], skipped: int, filters: bool
) -> None:
    """Of a push to the branch, completed, whatever its end and whatever the server filters."""
    github.filters = filters
    github.ran(1)
    github.leave(1, results(sample.GREEN))
    github.ran(2, conclusion="failure")
    github.leave(2, results(sample.RED))
    for number, each in enumerate(newer, 3):
        github.ran(number, **each)
        if each and each.get("conclusion") != "cancelled":
            github.leave(number, results(sample.GREEN))
    assert found(client) == Base(Written(sample.RED, VERSIONS), 2, f"{2:040x}", skipped)


def test_expired(github: GitHub, client: Client) -> None:
    """Results that GitHub has dropped are none; older ones are older still."""
    github.ran(1)
    github.leave(1, results(), expired=True)
    assert found(client) is None


def test_none(github: GitHub, client: Client) -> None:
    """A branch without runs, and one with too many that left nothing."""
    github.ran(1)
    assert found(client, branch="other") is None
    for number in range(2, MOST_RUNS + 2):
        github.ran(number)
    github.leave(1, results())
    assert found(client) is None
    assert len(github.sent("GET", "artifacts")) == MOST_RUNS


def test_broken(github: GitHub, client: Client) -> None:
    """Results that cannot be read are told, not passed over for older ones."""
    github.ran(1)
    github.leave(1, results())
    github.ran(2)
    github.leave(2, packed(("burden.json", "{}")))
    with pytest.raises(BurdenError, match="the artifact 'burden' of run 2: no results"):
        found(client)


@pytest.mark.parametrize(
    ("workflow", "sent"),
    [("gone.yml", "gone.yml"), ("../../x?y#z", "..%2F..%2Fx%3Fy%23z")],
)
def test_no_such_workflow(github: GitHub, client: Client, workflow: str, sent: str) -> None:
    """It is told with its name, which is one part of the address, whatever it holds."""
    github.ran(1)
    with pytest.raises(ApiError) as raised:
        found(client, workflow=workflow)
    assert str(raised.value).startswith(f"cannot list the runs of {workflow} on main: ")
    assert github.seen[0].path.endswith(f"/actions/workflows/{sent}/runs")


def test_not_allowed(github: GitHub, client: Client) -> None:
    """The permission that is missing is named."""
    github.permissions.clear()
    with pytest.raises(ApiError, match="`actions: read`"):
        found(client)
