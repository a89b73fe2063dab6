"""A small project on which commands work, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import pytest_burden

Burden = Callable[..., subprocess.CompletedProcess[str]]
"""Runs ``burden`` with some arguments in the project."""
Pytest = Callable[..., subprocess.CompletedProcess[str]]
"""Runs its tests, likewise."""

NETS = """
from torch import nn

def small(width=2):
    return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 1))
"""
CONFIG = """\
[tool.pytest.ini_options]
pythonpath = ["."]
addopts = "-p no:cacheprovider -p no:hypothesispytest"
"""
"""Hypothesis takes as long to import as all else that a run needs, but for torch."""
TESTS = """
from nets import small

def test_a(burden): burden(small, "1x4")
def test_b(burden): burden(small, "8x4", name="batch")
"""
MODELS = """
[tool.burden.models.small]
build = "nets:small"
inputs = ["2x4"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a network, two tests and an empty configuration."""
    (tmp_path / "nets.py").write_text(NETS, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


@pytest.fixture
def burden(project: Path, warm_python: str) -> Burden:
    """Return what runs the command in the project, as on a developer's machine."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_THERE}
    root = str(Path(pytest_burden.__file__).parents[1])
    program = "from pytest_burden.cli import main; raise SystemExit(main())"

    def run(
        *arguments: str, folder: Path = project, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [warm_python, "-c", program, *arguments],
            cwd=folder,
            env=kept | {"PYTHONPATH": root} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def run_tests(project: Path, warm_python: str) -> Pytest:
    """Return what runs the tests of the project in a terminal of 80 columns."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_THERE}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [warm_python, "-m", "pytest", *arguments],
            cwd=project,
            env=kept | {"COLUMNS": "80"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


_NOT_THERE = ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "PYTEST_ADDOPTS", "PYTHONPATH")
