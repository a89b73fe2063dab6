"""A GitHub of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_burden.github.client import Client
from tests.github.server import REPOSITORY, TOKEN, GitHub, running


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    """Return an empty repository that is served on this machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running() as served:
        yield served


@pytest.fixture
def waits() -> list[float]:
    """Return the seconds that the client would have waited."""
    return []


@pytest.fixture
def client(github: GitHub, waits: list[float]) -> Client:
    """Return a client that waits for nothing, at noon."""
    return Client(
        github.api, REPOSITORY, TOKEN, timeout=0.5, sleep=waits.append, now=lambda: 1_796_126_400.0
    )
