"""Fifty real networks: a page that is small enough to send, and quick."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Watched

ROOT = Path(__file__).parents[2]
LARGEST = 3_000_000
"""Bytes that the page may have."""


@pytest.fixture(scope="module")
def fifty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the benchmark."""
    file = tmp_path_factory.mktemp("fifty") / "page.html"
    program = ROOT / "examples/benchmark/page.py"
    folders = f"{ROOT}{os.pathsep}{ROOT / 'examples/imagenet'}"
    command = [sys.executable, "-W", "ignore", str(program), str(file)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": folders})
    return file


def test_size(fifty: Path) -> None:
    """It is an artifact of CI, and may be sent by mail."""
    assert fifty.stat().st_size < LARGEST


def test_every_network_opens(fifty: Path, watched: Watched) -> None:
    """Each has a treemap and timelines; `make benchmark` says how long that takes."""
    page = watched.open_file(fifty)
    expect(page.locator("#table tbody tr")).to_have_count(50)
    for place in range(50):
        page.evaluate("place => { location.hash = `network-${place}`; }", place)
        page.locator(".tile").first.wait_for()
        page.locator(".area").wait_for()
