"""The 18 networks beside their published figures, and the example's own budgets."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.examples.shell import environment

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "imagenet"


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    monkeypatch.syspath_prepend(EXAMPLE)
    spec = importlib.util.spec_from_file_location("imagenet_demo", EXAMPLE / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "imagenet_demo", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the example, to be changed."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "imagenet"))


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run Python in a folder and return its exit status and output."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_demo() -> None:
    """18 of 18, 18 of 18, 17 of 18, and exit status 0."""
    status, output = run(EXAMPLE, "demo.py")
    totals = "model memory 18 of 18, flops 18 of 18, activation memory 17 of 18; measured in "
    assert totals in output
    assert status == 0
    rows = [line for line in output.splitlines() if " ok" in line]
    assert len(rows) == 18
    assert sum(line.count(" ok") for line in rows) == 18 + 18 + 17
    assert [line.split()[0] for line in rows if "differs" in line] == ["squeezenet-1-0"]


@pytest.mark.parametrize(
    ("name", "published", "status"),
    [
        ("alexnet", {}, 0),
        ("alexnet", {"model_memory": "234 MB"}, 1),
        ("alexnet", {"flops": "726 MFLOPs"}, 1),
        ("alexnet", {"feature_memory": "4 MB"}, 1),
        ("alexnet", {"first_feature_memory": "8 MB"}, 0),  # shown, not compared
        ("squeezenet-1-0", {"flops": "836 MFLOPs"}, 1),
        ("squeezenet-1-0", {"feature_memory": "29 MB"}, 1),  # the difference is gone
    ],
)
def test_demo_notices(
    name: str,
    published: dict[str, str],
    status: int,
    demo: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit status 1 whenever other figures differ than the one that is explained."""
    rows = [row for row in demo.TABLE if row.name in ("alexnet", "squeezenet-1-0")]
    changed = [row._replace(**published) if row.name == name else row for row in rows]
    monkeypatch.setattr(demo, "TABLE", changed)
    monkeypatch.setattr(sys, "argv", ["demo.py"])
    assert demo.main() == status


@pytest.mark.parametrize(
    ("measured", "published", "agrees"),
    [
        (233 * 2**20, "233 MB", True),
        (233 * 2**20 - 2**19, "233 MB", True),  # a half is rounded up
        (233 * 2**20 - 2**19 - 1, "233 MB", False),
        (233 * 2**20 + 2**19 - 1, "233 MB", True),
        (233 * 2**20 + 2**19, "233 MB", False),
        (727_499_999, "727 MFLOPs", True),
        (727_500_000, "727 MFLOPs", False),
        (3_500_000_000, "4 GFLOPs", True),
        (3_499_999_999, "4 GFLOPs", False),
    ],
)
def test_agreement(demo: ModuleType, measured: int, published: str, agrees: bool) -> None:
    """A figure agrees if it rounds to the published one."""
    assert demo.Comparison(measured, published).agrees == agrees


def test_published_table_is_the_seed(demo: ModuleType) -> None:
    """The sums of the columns are those of the two published tables."""
    columns = zip(*demo.TABLE, strict=True)
    names, *_, model_memory, first, corrected, _flops = columns
    assert len(set(names)) == 18
    sums = [
        sum(int(cell.split()[0]) for cell in column) for column in (model_memory, first, corrected)
    ]
    assert sums == [4502, 594, 1372]


def test_budgets() -> None:
    """The example's tests pass: 18 networks, two models without test code, and two tests more."""
    status, output = run(EXAMPLE, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert "22 passed" in output
    assert status == 0


def test_budgets_notice(copy: Path) -> None:
    """A wider network breaks the budgets of all tests and models that measure it, and no other."""
    network = copy / "networks" / "resnet.py"
    text = network.read_text()
    assert "width: int = 64" in text
    network.write_text(text.replace("width: int = 64", "width: int = 80"))
    status, output = run(copy, "-m", "pytest", "-q", "-rf", "-p", "no:cacheprovider")
    failed = sorted(re.findall(r"^FAILED (\S+)", output, re.MULTILINE))
    assert failed == [
        "pyproject.toml::resnet-50",
        "test_imagenet.py::TestResidualNetworks::test_resnet_50",
        "test_imagenet.py::TestResidualNetworks::test_resnext_has_fewer_parameters",
        "test_imagenet.py::test_no_heavier_than_published[resnet-101]",
        "test_imagenet.py::test_no_heavier_than_published[resnet-152]",
        "test_imagenet.py::test_no_heavier_than_published[resnet-50]",
    ]
    assert status == 1
