"""``burden tighten``: limits that allow more than they need to."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_burden.budget.config import FILE
from tests.cli.conftest import MODELS, Burden
from tests.cli.test_init import pyproject

LIMITS = """
[tool.burden.limits]
max_params = "26M"  # for all
max_kflops = 5
grow_flops = "5%"
max_ops = 3
[tool.burden.budgets]
"test_it.py::test_*" = { max_peak_memory = "1 GiB", max_modules = 100 } # inline
"test_it.py::test_a" = { max_peak_memory = 123_456 }
"""
TIGHTENED = (
    LIMITS.replace('"26M"', "15")
    .replace("max_kflops = 5", "max_kflops = 0.15")
    .replace('"1 GiB"', '"290 B"')
    .replace("max_modules = 100", "max_modules = 5")
    .replace("123_456", "36")
)
MARKED = """
import pytest
from nets import small

@pytest.mark.burden(max_params="2k")
def test_c(burden): burden(small, "1x4", max_flops=1000)
"""


def test_tighten(project: Path, burden: Burden) -> None:
    """General limits by what uses most; nothing is raised; markers are named."""
    (project / "test_m.py").write_text(MARKED, encoding="utf-8")
    before = pyproject(project, LIMITS)
    done = burden("tighten", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert pyproject(project) == before
    first, second, *diff = done.stdout.splitlines()
    assert {first, second} == {
        "test_m.py:5: max_params could be 15, 13 is used",
        "test_m.py:6: max_flops could be 19 FLOPs, 17 FLOPs is used",
    }
    assert diff[-1] == f"{FILE}: 5 limits would be lowered"
    assert '-max_params = "26M"  # for all' in diff
    done = burden("tighten")
    assert done.stdout.splitlines()[:-1] == [first, second, *diff[:-1]]
    assert done.stdout.endswith(f"{FILE}: 5 limits lowered\n")
    assert pyproject(project) == before.replace(LIMITS, TIGHTENED)
    assert burden("tighten").stdout.endswith(f"{FILE}: no limits lowered\n")
    assert burden("tighten", "--headroom", "50").stdout.endswith(f"{FILE}: no limits lowered\n")


def test_models(project: Path, burden: Burden) -> None:
    """A limit in a model's table, too; what is tightened passes."""
    before = pyproject(project, f"{MODELS}max_params = '26M' # c\n")
    assert burden("tighten", "--headroom=0").returncode == 0
    assert pyproject(project) == before.replace("'26M'", "13")
    assert burden("check").returncode == 0


AT = """
[tool.burden.models.grown]
build = "nets:small"
inputs = ["float32[B, 4]"]
sizes = { B = 2 }
max_scaling = { flops = "B^3" }
max_flops_at = { B = 64, limit = "5 GFLOPs" }  # a table
max_peak_memory_at = [
    { B = 64, limit = 1_000_000 },  # the first
    { limit = "4.2 kB", B = 128 },
    { B = 256, limit = "1 GiB" },
]
"""
MARKED_AT = """
import pytest
from nets import small

@pytest.mark.burden(max_kflops_at={"B": 64, "limit": 5})
def test_d(burden): burden(small, "float32[B, 4]", sizes={"B": 2})
"""


def test_at_other_sizes(project: Path, burden: Burden) -> None:
    """Limits at other sizes, in a table and in a list; one in a marker is named."""
    (project / "test_m.py").write_text(MARKED_AT, encoding="utf-8")
    before = pyproject(project, AT)
    done = burden("tighten")
    assert done.returncode == 0, done.stderr
    named = "max_flops_at B = 64 could be 1.2 KFLOPs, 1.09 KFLOPs is used"
    assert done.stdout.startswith(f"test_m.py:5: {named}\n")
    assert done.stdout.endswith(f"{FILE}: 3 limits lowered\n")
    # 13 parameters, and 4 + 2 + 2 numbers a row: 4 * (13 + 64 * 8) * 1.1 = 2,310 bytes.
    lowered = before.replace('"5 GFLOPs"', '"1.2 KFLOPs"').replace("1_000_000", "2_355")
    assert pyproject(project) == lowered.replace('"1 GiB"', '"8.9 KiB"')
    assert burden("check").returncode == 0
    assert burden("tighten").stdout.endswith(f"{FILE}: no limits lowered\n")


@pytest.mark.parametrize(
    ("test", "options", "why"),
    [
        ("def test_d(): assert 0\n", "", "a test failed"),
        ("", "-k test_a", "-k"),
        ("def test_d(burden): burden(lambda: 1 / 0, '1x1')\n", "", "a test failed"),
    ],
)
def test_not_all_was_measured(
    test: str, options: str, why: str, project: Path, burden: Burden
) -> None:
    """A limit for several is left alone; the one of what was measured is lowered."""
    (project / "test_m.py").write_text(test, encoding="utf-8")
    before = pyproject(project, LIMITS)
    done = burden("tighten", PYTEST_ADDOPTS=options)
    assert done.returncode == 0, done.stderr
    left = "left alone, for not all it holds for was measured\n"
    assert f"{FILE}: tool.burden.limits.max_params: {left}" in done.stdout
    assert f"Not all was measured: {why}" in done.stdout
    assert pyproject(project) == before.replace("123_456", "36")


@pytest.mark.parametrize("command", ["init", "tighten"])
def test_without_the_editor(project: Path, burden: Burden, tmp_path: Path, command: str) -> None:
    """It is told before anything is measured, and nothing is written."""
    before = pyproject(project, LIMITS)
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "tomlkit.py").write_text("raise ImportError", encoding="utf-8")
    done = burden(command, PYTHONPATH=str(tmp_path / "without"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "burden: tomlkit is not installed, by which pyproject.toml is edited:"
        " pip install 'pytest-burden[edit]'\n"
    )
    assert pyproject(project) == before
