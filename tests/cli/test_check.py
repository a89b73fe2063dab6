"""``burden check``: models of pyproject.toml, without test code."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_burden.cli import main
from tests.cli.conftest import MODELS, Burden


def configure(project: Path, text: str) -> None:
    """Add to pyproject.toml."""
    path = project / "pyproject.toml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.mark.parametrize(
    ("limit", "arguments", "status", "told"),
    [
        ("", [], 0, "burden: 1 measured, 1 no limit"),
        ("max_params = 13", [], 0, "burden: 1 measured, 1 pass"),
        ("max_params = 12", [], 1, "over max_params by 1 (8.3 %)"),
        ("max_params = 12", ["small"], 1, "over max_params by 1 (8.3 %)"),
        ("grow_params = 0", [], 0, "1 new (warns)"),
        ("grow_params = 0", ["--strict"], 1, "1 new"),
        ("max_parms = 12", [], 2, "unknown key (nearest: max_params)"),
    ],
)
def test_check(  # noqa: PLR0913, PLR0917 a row of the table
    project: Path, burden: Burden, limit: str, arguments: list[str], status: int, told: str
) -> None:
    """The tests are left alone; the exit status is 0, 1 over budget, 2 for an error."""
    configure(project, f"{MODELS}{limit}\n")
    (project / "test_it.py").write_text("broken(", encoding="utf-8")
    done = burden("check", *arguments)
    assert done.returncode == status
    assert told in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("9" * 5000, "a whole number has at most 19 digits"),
        (f"{'[' * 3000}{']' * 3000}", "lists and tables are at most 50 deep"),
    ],
    ids=["digits", "nested"],
)
@pytest.mark.parametrize(
    "command", [["check"], ["init"], ["tighten"], ["explain", "a"], ["diff", "a", "b"]]
)
def test_what_python_does_not_read(  # noqa: PLR0913, PLR0917 a row of the table
    project: Path,
    value: str,
    reason: str,
    command: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is told where that stands, without a traceback, before pytest looks at the same file."""
    configure(project, f"[tool.burden]\nfma = {value}\n")
    monkeypatch.chdir(project)
    assert main(command) == 2
    told = f"burden: pyproject.toml:5: not TOML that can be read\n    {reason}\n"
    assert capsys.readouterr().err == told


def test_nothing_to_check(project: Path, burden: Burden) -> None:
    """A gate that holds nothing says so."""
    done = burden("check")
    assert done.returncode == 2
    assert done.stderr.startswith("burden: pyproject.toml has no models to check; for example:\n")
    configure(project, MODELS)
    done = burden("check", "smal")
    assert (done.returncode, done.stderr) == (
        2,
        "burden: pyproject.toml has no model 'smal' (nearest: small); it has: small\n",
    )


@pytest.mark.parametrize("options", ["--no-burden", "--co", "--setup-plan", "--setup-only"])
@pytest.mark.parametrize("strict", [[], ["--strict"]])
def test_a_gate_that_is_switched_off(
    project: Path, burden: Burden, options: str, strict: list[str]
) -> None:
    """Options that CI's environment has for other runs of pytest cannot make a pass of nothing."""
    configure(project, f"{MODELS}max_params = 12\n")
    done = burden("check", *strict, PYTEST_ADDOPTS=options)
    if strict and options.startswith("--setup"):
        assert (done.returncode, done.stderr) == (1, "")
        assert "the run measured nothing" in done.stdout
        return
    told = f"did not check pyproject.toml::small: PYTEST_ADDOPTS is {options!r}"
    assert (done.returncode, done.stderr) == (2, f"burden: pytest succeeded and {told}\n")


def test_a_skipped_model(project: Path, burden: Burden) -> None:
    """Also where code of the project keeps one from being measured."""
    configure(project, f"{MODELS}\n{MODELS.replace('small]', 'other]')}")
    skips = "def pytest_runtest_setup(item):\n    if item.name == 'other': pytest.skip('no')\n"
    (project / "conftest.py").write_text(f"import pytest\n{skips}", encoding="utf-8")
    done = burden("check")
    told = "did not check pyproject.toml::other: a plugin or a conftest.py is why\n"
    assert (done.returncode, done.stderr) == (2, f"burden: pytest succeeded and {told}")
    assert burden("check", "small").returncode == 0


@pytest.mark.parametrize(
    "command", [("check",), ("init",), ("baseline", "update"), ("explain", "pyproject.toml::small")]
)
def test_settings_of_pytest_in_a_folder_around(
    project: Path, burden: Burden, command: tuple[str, ...]
) -> None:
    """That folder is pytest's rootdir: it is said, and the advice makes both agree."""
    inner = project / "inner"
    inner.mkdir()
    (project / "pytest.ini").write_text("[pytest]\npythonpath = .\n", encoding="utf-8")
    (project / "pyproject.toml").unlink()
    (inner / "pyproject.toml").write_text(MODELS, encoding="utf-8")
    done = burden(*command, folder=inner)
    assert done.returncode == 2
    assert (
        f"pytest's rootdir is {project}, for it found {project / 'pytest.ini'}; the budgets of"
        f" {inner / 'pyproject.toml'} do not hold there: give {inner / 'pyproject.toml'} a table"
        f" [tool.pytest.ini_options] of its own, or work in {project}\n"
    ) in done.stdout + done.stderr
    table = "[tool.pytest.ini_options]\npythonpath = ['..']\n"
    (inner / "pyproject.toml").write_text(f"{table}{MODELS}", encoding="utf-8")
    done = burden(*command, folder=inner)
    assert done.returncode == 0, done.stdout + done.stderr


def test_settings_of_pytest_in_a_folder_below(project: Path, burden: Burden) -> None:
    """With a path below it, such a folder would have a baseline of its own."""
    (project / "tests").mkdir()
    (project / "test_it.py").rename(project / "tests" / "test_it.py")
    (project / "tests" / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    done = burden("baseline", "update", "tests/test_it.py::test_a")
    assert done.returncode == 2
    assert (
        f"put what is there into {project / 'pyproject.toml'}, [tool.pytest.ini_options]"
        in done.stderr
    )
    assert not (project / "tests" / "burden-baseline.json").exists()
