"""What is in the package that users install, and what it says of itself."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import pytest_burden

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The built package."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    """What the package says of itself."""
    name = next(name for name in wheel.namelist() if name.endswith("dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_files(wheel: zipfile.ZipFile) -> None:
    """Every module of the package and its other files, nothing of the tests or examples."""
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "pytest_burden").rglob("*.py")}
    files = {name for name in wheel.namelist() if ".dist-info/" not in name}
    others = {"py.typed", "budget/schema.json", "report/results.schema.json"}
    page = ROOT / "pytest_burden/report/page/assets"
    others |= {f"report/page/assets/{path.name}" for path in page.iterdir()}
    assert files == modules | {f"pytest_burden/{name}" for name in others}


def test_entry_points(wheel: zipfile.ZipFile) -> None:
    """The plugin is found by pytest, the command by a shell."""
    name = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert wheel.read(name).decode().split("\n\n") == [
        "[console_scripts]\nburden = pytest_burden.cli:main",
        "[pytest11]\nburden = pytest_burden.plugin",
        "[validate_pyproject.tool_schema]\nburden = pytest_burden.budget.schema:schema\n",
    ]


def test_metadata(metadata: Message) -> None:
    """The version is the module's; the Python that is claimed is the one that runs this."""
    assert metadata["Name"] == "pytest-burden"
    assert metadata["Version"] == pytest_burden.__version__
    assert metadata["License-Expression"] == "MIT AND ISC"
    classifiers = metadata.get_all("Classifier", [])
    assert "Framework :: Pytest" in classifiers
    claimed = [c.rsplit(" ", 1)[1] for c in classifiers if re.search(r":: 3\.\d+$", c)]
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in claimed


def test_every_tool_is_pinned() -> None:
    """No tool that `make` installs is left to the day's newest version, torch least of all."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["test"], *extras["lint"], *extras["browser"]]
    named = {re.split(r"[<>=;]", line)[0].strip() for line in asked if "python_version" not in line}
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert named <= pinned.keys()
    assert pinned["torch"] == "2.13.0"
