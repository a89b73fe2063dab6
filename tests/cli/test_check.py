"""``burden check``: models of pyproject.toml, without test code."""

from __future__ import annotations

from pathlib import Path

import pytest

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
