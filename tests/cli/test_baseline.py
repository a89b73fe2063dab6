"""``burden baseline update`` and ``burden baseline prune``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_burden.budget.baseline import read
from tests.cli.conftest import Burden

FILE = "burden-baseline.json"
A, B = "test_it.py::test_a", "test_it.py::test_b#batch"


def ids(project: Path) -> list[str]:
    """Return the measurements in the baseline."""
    known, problems = read((project / FILE).read_text(encoding="utf-8"))
    assert known is not None, problems
    return [*known.entries]


def change(project: Path, name: str, old: str, new: str) -> None:
    """Put one text in the place of another."""
    text = (project / name).read_text(encoding="utf-8")
    assert old in text
    (project / name).write_text(text.replace(old, new), encoding="utf-8")


def test_update(project: Path, burden: Burden) -> None:
    """Everything, and then one test alone: named as its measurement is."""
    done = burden("baseline", "update")
    assert (done.returncode, f"{FILE} written: 2 new" in done.stdout) == (0, True)
    assert ids(project) == [A, B]
    before = (project / FILE).read_text(encoding="utf-8").splitlines()
    change(project, "nets.py", "width=2", "width=3")
    done = burden("baseline", "update", B)
    assert f"{FILE} written: 1 changed" in done.stdout
    after = (project / FILE).read_text(encoding="utf-8").splitlines()
    assert {line.split('"')[1] for line in set(before) ^ set(after)} == {before[-2].split('"')[1]}


def test_update_with_signs_in_names(project: Path, burden: Burden) -> None:
    """A # may stand in a parameter; what a fixture measures for many tests has none of its own."""
    test = """
import pytest
from nets import small
@pytest.fixture(scope="session")
def found(burden_session): return burden_session(small, "1x4", name="sh")
@pytest.mark.parametrize("n", ["#2", "a]#b"])
def test_p(burden, found, n): burden(small, "1x4", name="x")
"""
    (project / "test_it.py").write_text(test, encoding="utf-8")
    done = burden("baseline", "update", "test_it.py::test_p[#2]#x")
    assert f"{FILE} written: 2 new" in done.stdout
    assert ids(project) == ["burden_session#sh", "test_it.py::test_p[#2]#x"]
    done = burden("baseline", "update", "burden_session#sh")
    assert done.returncode == 2
    assert done.stderr == (
        "burden: burden_session#sh is measured by a fixture for many tests: give one of these, or"
        " no ID to measure everything\n"
    )


def test_what_a_broken_file_asks_for(project: Path, burden: Burden) -> None:
    """The advice is followed, and all is well."""
    burden("baseline", "update")
    path = project / FILE
    path.write_text(path.read_text(encoding="utf-8").replace('"flops", ', '"flops", 1'), "utf-8")
    broken = burden("check").stderr + burden("baseline", "prune").stderr
    (advice,) = set(re.findall("for example: burden (.*)", broken))
    done = burden(*advice.split())
    assert (done.returncode, f"{FILE} written: 2 new" in done.stdout) == (0, True)
    assert burden("baseline", "prune").stdout == f"{FILE}: 0 taken out\n"


def test_from_a_folder_below(project: Path, burden: Burden) -> None:
    """The project is the nearest folder above with a pyproject.toml."""
    below = project / "src" / "deep"
    below.mkdir(parents=True)
    assert burden("baseline", "update", folder=below).returncode == 0
    assert ids(project) == [A, B]


def test_refused_on_ci(project: Path, burden: Burden) -> None:
    """No file is written there, unless forced."""
    done = burden("baseline", "update", CI="true")
    assert (done.returncode, (project / FILE).exists()) == (2, False)
    assert "--burden-update is refused, for CI is set" in done.stderr
    assert burden("baseline", "update", "--force", CI="true").returncode == 0
    done = burden("baseline", "prune", A, CI="true")
    assert (done.returncode, done.stderr) == (
        2,
        "burden: refused, for CI is set: --force writes all the same\n",
    )


def test_collecting_is_no_measurement(project: Path, burden: Burden) -> None:
    """Nothing is written or taken out, and that is told."""
    done = burden("baseline", "update", PYTEST_ADDOPTS="--co")
    told = f"burden: pytest measured nothing: {FILE} is not written\n"
    assert (done.returncode, done.stderr) == (2, told)
    burden("baseline", "update")
    done = burden("baseline", "prune", PYTEST_ADDOPTS="--co")
    assert done.returncode == 2
    assert "not all tests were run (--collect-only): nothing is taken out" in done.stderr
    assert ids(project) == [A, B]


def test_prune(project: Path, burden: Burden) -> None:
    """What no test measures any more goes, when asked for; the rest is as it was."""
    burden("baseline", "update")
    change(project, "test_it.py", "def test_b", "def helper_b")
    before = (project / FILE).read_text(encoding="utf-8")
    done = burden("baseline", "prune", "--dry-run")
    assert (done.returncode, done.stdout) == (0, f"{B}\n{FILE}: 1 would be taken out\n")
    assert (project / FILE).read_text(encoding="utf-8") == before
    done = burden("baseline", "prune")
    assert (done.returncode, done.stdout) == (0, f"{B}\n{FILE}: 1 taken out\n")
    assert ids(project) == [A]


@pytest.mark.parametrize(
    ("test", "options", "told"),
    [
        ("\nimport nothing_of_this_name\n", "", "the tests could not be run"),
        ("\ndef test_0(): assert 0\n", "-x", "not all tests were run (stopped early)"),
        ("", "-k test_a", "not all tests were run (-k)"),
    ],
)
def test_prune_needs_a_full_run(
    project: Path, burden: Burden, test: str, options: str, told: str
) -> None:
    """Otherwise nothing is taken out."""
    burden("baseline", "update")
    before = (project / FILE).read_bytes()
    text = (project / "test_it.py").read_text(encoding="utf-8")
    (project / "test_it.py").write_text(test + text.replace("test_b", "no_b"), encoding="utf-8")
    done = burden("baseline", "prune", PYTEST_ADDOPTS=options)
    assert done.returncode == 2
    assert f"burden: {told}: nothing is taken out\n" in done.stderr
    assert (project / FILE).read_bytes() == before


def test_a_failed_test_keeps_its_entry(project: Path, burden: Burden) -> None:
    """What it would have measured is not known."""
    burden("baseline", "update")
    change(project, "test_it.py", "def test_b(burden): ", "def test_b(burden): assert 0; ")
    done = burden("baseline", "prune")
    assert (done.returncode, done.stdout) == (0, f"{FILE}: 0 taken out\n")
    assert ids(project) == [A, B]


def test_prune_by_name(project: Path, burden: Burden) -> None:
    """Runs nothing; an id that is not there is told with the nearest one."""
    burden("baseline", "update")
    (project / "test_it.py").write_text("broken(", encoding="utf-8")
    done = burden("baseline", "prune", "test_it.py::test_c")
    assert (done.returncode, done.stderr) == (
        2,
        f"burden: {FILE} has no measurement 'test_it.py::test_c' (nearest: {A})\n",
    )
    assert burden("baseline", "prune", A).returncode == 0
    assert ids(project) == [B]


@pytest.mark.parametrize(
    ("text", "told"), [(None, "there is none: burden baseline update"), ("[]", "no baseline")]
)
def test_no_baseline(project: Path, burden: Burden, text: str | None, told: str) -> None:
    """One line, and no traceback."""
    if text is not None:
        (project / FILE).write_text(text, encoding="utf-8")
    done = burden("baseline", "prune")
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
