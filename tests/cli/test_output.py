"""What commands print, and what they leave to the runs that they start."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_burden.cli import main
from tests.cli.conftest import Burden
from tests.report.rendered import may_command

ON_GITHUB = {"GITHUB_ACTIONS": "true"}


def test_runs_within_commands_report_nothing(burden: Burden, project: Path) -> None:
    """A run whose output is caught writes no summary; one that is shown does."""
    summary = project / "step.md"
    environment = {**ON_GITHUB, "GITHUB_STEP_SUMMARY": str(summary)}
    assert burden("init", **environment).returncode == 0
    assert not summary.exists()
    assert burden("baseline", "update", **environment).returncode == 0
    assert summary.exists()


@pytest.mark.parametrize("name", ["::error::boom", "##[error]boom"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "{name}"],
        ["diff", "{name}", "{name}"],
        ["measure", "{name}"],
        ["measure", "json:{name}"],
        ["explain", "x\n{name}"],
        ["init", "--metrics", "{name}"],
    ],
)
def test_arguments(
    name: str,
    arguments: list[str],
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An argument that comes back in a message commands nothing."""
    monkeypatch.chdir(project)
    try:
        status = main([each.format(name=name) for each in arguments])
    except SystemExit as exit_:  # argparse's own
        status = int(str(exit_.code))
    assert status == 2
    printed = capsys.readouterr()
    assert may_command(printed.out + printed.err) == []
