"""The project that a command works on: where it is, what it says, and its tests run by pytest."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pytest_burden.budget.config import FILE, Config
from pytest_burden.budget.problem import listing
from pytest_burden.budget.reading import load
from pytest_burden.errors import BurdenError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

USAGE = 2
"""The exit status of a command that could not do what it was asked."""
ENDED = (0, 1)
"""Pytest's exit status where tests ran, well or not."""
EXAMPLE = (
    '\n[tool.burden.models.resnet50]\nbuild = "shop.models:resnet50"\n'
    'inputs = ["float32[1, 3, 224, 224]"]'
)
"""A model in pyproject.toml, for a project that has nothing to measure."""


class Outcome(NamedTuple):
    """What came of a run of pytest."""

    status: int
    """Pytest's exit status."""
    results: dict[str, Any] | None
    """What ``--burden-json`` has written; None if pytest did not come to it."""
    output: str
    """What it printed, if that was caught."""


def root() -> Path:
    """Return the nearest folder with a pyproject.toml, from here upwards; this one if none has."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / FILE).is_file()), here)


def configuration(folder: Path) -> Config:
    """Return what pyproject.toml says.

    Raises:
        BurdenError: something in it is wrong; all of it is told.
    """
    config, problems = load(folder / FILE)
    if problems:
        raise BurdenError(listing(problems))
    return config


def import_folders(folder: Path) -> list[str]:
    """Return where pytest imports from as well: ``pythonpath`` in pyproject.toml.

    A file that cannot be read names none: networks are found without it, too.
    """
    try:
        content = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
        return list(_import_folders(folder, content))
    except (OSError, ValueError, RecursionError):
        return []


def _import_folders(folder: Path, content: Mapping[str, Any]) -> Iterator[str]:
    for path in (("tool", "pytest"), ("tool", "pytest", "ini_options")):
        table: Any = content
        for key in path:
            table = table.get(key) if isinstance(table, dict) else None
        named = table.get("pythonpath") if isinstance(table, dict) else None
        names = shlex.split(named) if isinstance(named, str) else named
        if isinstance(names, list):
            yield from (str(folder / name) for name in names if isinstance(name, str))


def run_pytest(
    arguments: Sequence[str],
    folder: Path,
    *,
    caught: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run the tests of a project with this Python; its output goes where ours goes, or is caught.

    It is a process of its own, so that nothing of the tests stays in this one; ``environment`` is
    its whole environment, if not ours.
    """
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "burden.json")
        # What is caught is a part of something else, and no report of its own.
        own = ["--burden-github=off"] if caught and environment is None else []
        if environment is None and (folder / FILE).is_file():
            own.append(f"--burden-root={folder}")  # pytest may take another for its rootdir
        command = [sys.executable, "-m", "pytest", f"--burden-json={file}", *own, *arguments]
        done = subprocess.run(  # noqa: S603 this Python, with the user's own arguments
            command,
            cwd=folder,
            env=environment,
            check=False,
            text=True,
            errors="replace",
            stdout=subprocess.PIPE if caught else None,
            stderr=subprocess.STDOUT if caught else None,
        )
        results = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    return Outcome(done.returncode, results, done.stdout or "")
