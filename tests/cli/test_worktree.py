"""The environment of tests that `burden diff` runs."""

from __future__ import annotations

import pytest

from pytest_burden.commands.worktree import clean


@pytest.mark.parametrize("name", ["GITHUB_STEP_SUMMARY", "GITHUB_TOKEN"])
def test_clean(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It has neither where the step reports nor what it may; all else is as it was."""
    monkeypatch.setenv(name, "x")
    monkeypatch.setenv("GITHUB_REF", "y")
    assert name not in clean()
    assert clean()["GITHUB_REF"] == "y"
