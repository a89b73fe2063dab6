"""What commands print, and what they leave to the runs that they start."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_burden.cli import main
from pytest_burden.report.jsonfile import write
from tests.cli.conftest import Burden
from tests.report import sample
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


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        ("mesure nets:small", "measure"),
        ("measure nets:small --inptu 1x4", "--input"),
        ("measure nets:small --target cpuu", "cpu"),
        ("baseline updte", "update"),
        ("baseline prune --dry-rum", "--dry-run"),
        ("merge a.json --format=markdwn", "markdown"),
        ("check --stricct=3", "--strict"),
        ("check --budgets", ""),  # another command has nothing to do with it
        ("baseline x", ""),
    ],
)
def test_what_was_meant(arguments: str, near: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands, options and their values that are nearly right are told with the right one."""
    with pytest.raises(SystemExit, match="2"):
        main(arguments.split())
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.endswith(f" (nearest: {near})") if near else "nearest" not in last


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [("diff --base main -k resnet", True), ("diff a.json b.json -k resnet", False)],
)
def test_options_for_pytest(
    arguments: str,
    hint: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is meant for pytest is told where it goes, with the command that takes it."""
    with pytest.raises(SystemExit, match="2"):
        main(arguments.split())
    told = capsys.readouterr().err
    assert "unrecognized arguments: -k" in told
    where = "; options for pytest go after --: burden diff --base main -- -k ...\n"
    assert told.endswith(where) is hint


COMMANDS = {
    "measure": ("measure", "nets:small", "--input", "1x4"),
    "schema": ("schema",),
}
FULL = Path("/dev/full")


@pytest.mark.parametrize("name", ["measure", "schema"])
@pytest.mark.skipif(not FULL.exists(), reason="there is no device that is full")
def test_a_full_disk(name: str, project: Path, warm_python: str) -> None:
    """One line says so; where nobody can be told, the status does."""
    with FULL.open("w") as full:
        done = _burden(warm_python, project, name, stdout=full, stderr=subprocess.PIPE)
        told = "burden: standard output cannot be written: No space left on device\n"
        assert (done.returncode, done.stderr) == (2, told)
        assert _burden(warm_python, project, name, stdout=full, stderr=full).returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
@pytest.mark.parametrize("name", ["measure", "schema"])
def test_nobody_reads(name: str, project: Path, warm_python: str) -> None:
    """``burden ... | head`` ends without a word, as other commands do."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = _burden(warm_python, project, name, stdout=writing, stderr=subprocess.PIPE)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
@pytest.mark.parametrize(("closed", "status"), [(">&-", 0), ("2>&-", 0)])
def test_without_streams(closed: str, status: int, project: Path, warm_python: str) -> None:
    """As services are started."""
    command = shlex.join([warm_python, "-c", PROGRAM, *COMMANDS["measure"]])
    done = subprocess.run(
        ["/bin/sh", "-c", f"{command} {closed}"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (status, "")


PROGRAM = "from pytest_burden.cli import main; raise SystemExit(main())"


def _burden(
    python: str, project: Path, name: str, **streams: Any
) -> subprocess.CompletedProcess[str]:
    command = [python, "-c", PROGRAM, *COMMANDS[name]]
    return subprocess.run(command, cwd=project, text=True, check=False, **streams)


BASE = ["github", "base", "--branch", "main", "--workflow", "ci.yml"]
SWEEP = ["sweep", "nets:small", "--input", "float32[B, 4]", "--vary", "B=1,2"]
SVG = ["--format", "svg"]
BASELINE = "would overwrite the baseline: give another file"
CONFIGURATION = "would overwrite the configuration: give another file"
READ = "would overwrite a.json, which is read: give another file"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["report", "a.json", "--output", "burden-baseline.json"], BASELINE),
        (["report", "a.json", "--output", "link"], BASELINE),
        (["report", "a.json", "--output", "pyproject.toml"], CONFIGURATION),
        (["report", "a.json", *SVG, "--output", "pyproject.toml"], CONFIGURATION),
        (["report", "a.json", "--output", "./a.json"], READ),
        (["report", "a.json", *SVG, "--output", "a.json"], READ),
        (
            ["report", "b.json", "--format", "svg", "--against", "a.json", "--output", "a.json"],
            READ,
        ),
        (["merge", "a.json", "--output", "pyproject.toml"], CONFIGURATION),
        (["merge", "a.json", "--json", "burden-baseline.json"], BASELINE),
        (["merge", "a.json", "--json", "a.json"], READ),
        (["merge", "b.json", "a.json", "--output", "a.json"], READ),
        (
            ["merge", "a.json", "--output", "out", "--json", "./out"],
            "--output out and --json out are one file: give each its own",
        ),
        (["diff", "a.json", "b.json", "--output", "burden-baseline.json"], BASELINE),
        (["diff", "b.json", "a.json", "--results", "burden-baseline.json"], BASELINE),
        (["diff", "a.json", "b.json", "--output", "a.json"], READ),
        (["diff", "a.json", "b.json", "--results", "a.json"], READ),
        (["diff", "--base", "main", "--head", "a.json", "--output", "a.json"], READ),
        (
            ["diff", "a.json", "b.json", "--output", "out", "--results", "out"],
            "--output out and --results out are one file: give each its own",
        ),
        ([*SWEEP, "--output", "burden-baseline.json"], BASELINE),
        ([*SWEEP, "--output", "sub/../pyproject.toml"], CONFIGURATION),
        ([*BASE, "--output", "burden-baseline.json"], BASELINE),
        ([*BASE, "--output", "a.json", "--results", "a.json"], READ),
    ],
)
def test_files_that_would_be_lost(
    arguments: list[str],
    told: str,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a command would overwrite is left as it is, and named; the exit status is 2."""
    monkeypatch.chdir(project)
    Path("sub").mkdir()
    for name in ("a.json", "b.json", "burden-baseline.json"):
        write(Path(name), sample.RED, {})
    Path("link").symlink_to("burden-baseline.json")
    before = {path: path.read_bytes() for path in project.iterdir() if path.is_file()}
    try:
        status = main(arguments)
    except SystemExit as exit_:  # argparse's own
        status = int(str(exit_.code))
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert printed.err.endswith(f"{told}\n")
    assert "Traceback" not in printed.err
    assert {path: path.read_bytes() for path in project.iterdir() if path.is_file()} == before
