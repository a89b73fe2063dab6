"""`burden report`: what a run has written, shown again without measuring."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_burden.budget.run import Run
from pytest_burden.cli import main
from pytest_burden.report.jsonfile import write
from pytest_burden.report.page import html
from pytest_burden.report.terminal import summary
from tests.cli.conftest import Burden, Pytest
from tests.report import sample

HERE = Path(__file__).parent
VERSIONS = {"pytest-burden": "0.1.0", "pytest": "9", "python": "3.11"}


@pytest.fixture
def red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a run that failed, on a terminal of 80 characters."""
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "results.json"
    write(path, sample.RED, VERSIONS)
    return path


@pytest.mark.parametrize(
    ("golden", "options"),
    [
        ("report.txt", []),
        ("report.md", ["--format", "markdown"]),
        ("report.csv", ["--format", "csv"]),
    ],
)
def test_what_is_printed(
    golden: str, options: list[str], red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is what was looked over, kept in a file; the exit status is that of a broken budget."""
    assert main(["report", str(red), *options]) == 1
    printed = capsys.readouterr()
    assert printed.out == (HERE / "golden" / golden).read_bytes().decode()
    assert printed.err == ""


def test_page(red: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page of the run, printed or written; the exit status is the same."""
    output = tmp_path / "page.html"
    assert main(["report", str(red), "--format", "html", "--output", str(output)]) == 1
    assert output.read_text(encoding="utf-8") == html(sample.RED, VERSIONS)
    assert main(["report", str(red), "--format", "html"]) == 1
    assert capsys.readouterr().out == html(sample.RED, VERSIONS)


@pytest.mark.parametrize("verbosity", [1, 2])
def test_modules(verbosity: int, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With -v and -vv what pytest shows with them."""
    assert main(["report", str(red), *["-v"] * verbosity]) == 1
    lines = summary(sample.RED, 80, verbosity).lines
    assert capsys.readouterr().out.endswith("".join(f"{line.text}\n" for line in lines))


def test_json_is_the_file_itself(red: Path, tmp_path: Path) -> None:
    """Read and written, it is the same to the byte."""
    again = tmp_path / "again.json"
    assert main(["report", str(red), "--format", "json", "--output", str(again)]) == 1
    assert again.read_bytes() == red.read_bytes()


def test_a_run_that_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0, and no messages before the table."""
    path = tmp_path / "results.json"
    write(path, sample.GREEN, VERSIONS)
    assert main(["report", str(path)]) == 0
    assert capsys.readouterr().out.startswith("=")
    write(path, sample.EMPTY, VERSIONS)
    assert main(["report", str(path)]) == 0
    assert capsys.readouterr().out == "burden: nothing was measured\n"


@pytest.mark.parametrize("format_", ["terminal", "json", "html", "svg"])
def test_a_run_without_an_end(format_: str, tmp_path: Path) -> None:
    """What it did not come to measure may be over its budget: no success."""
    path = tmp_path / "results.json"
    options = ["--format", format_, "--output", str(tmp_path / f"shown.{format_}")]
    for lost, status in (((), 0), (("worker gw0 was lost",), 1)):
        write(path, replace(Run((sample.PASSING,)), lost=lost), VERSIONS)
        assert main(["report", str(path), *options]) == status


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"burden-baseline": 1}', "no results of pytest-burden but a baseline, which"),
        (b'{"module_rows": []}', "no results of pytest-burden but one measurement"),
        (None, "cannot be read: No such file or directory"),
        (b"\xff\xfe", "cannot be read: it is not UTF-8"),
        (b"", "not JSON, or not all of it"),
        (b"{}", "no results of pytest-burden"),
        (b'{"schema": 7, "measurements": []}', "results of schema 7"),
    ],
)
def test_refused(
    content: bytes | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on standard error, exit status 2."""
    path = tmp_path / "results.json"
    if content is not None:
        path.write_bytes(content)
    assert main(["report", str(path)]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert printed.err.startswith(f"burden: {path}")
    assert told in printed.err


def test_no_place_for_it(red: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not there is named."""
    there = tmp_path / "nowhere" / "x.md"
    assert main(["report", str(red), "--output", str(there)]) == 2
    assert (
        capsys.readouterr().err == f"burden: {there} cannot be written: No such file or directory\n"
    )


def table(text: str) -> list[str]:
    """Return the lines of a summary from its heading on, without pytest's own last line."""
    lines = [line.rstrip("= ").lstrip("= ") for line in text.splitlines()]
    start = next(n for n, line in enumerate(lines) if line.startswith("burden: "))
    ends = [
        n for n, line in enumerate(lines) if "short test summary" in line or " failed in " in line
    ]
    return lines[start : min(ends, default=len(lines))]


def test_as_the_run_itself(project: Path, burden: Burden, run_tests: Pytest) -> None:
    """The table, the notes and the messages of a real run, from its file."""
    config = project / "pyproject.toml"
    text = config.read_text(encoding="utf-8")
    limits = (
        '[tool.burden.limits]\nmax_params = 12\n[tool.burden.budgets."*::nothing"]\nmax_ops = 1\n'
    )
    config.write_text(f"{text}{limits}", encoding="utf-8")
    (project / "nets.py").write_text(
        (project / "nets.py").read_text(encoding="utf-8").replace("width=2", "width=3"),
        encoding="utf-8",
    )
    file = project / "results.json"
    done = run_tests(f"--burden-json={file}")
    shown = burden("report", str(file), COLUMNS="80")
    assert shown.returncode == 1
    assert table(shown.stdout) == table(done.stdout)
    message = "over max_params by 7 (58.3 %)"
    assert message in done.stdout
    assert f"test_it.py::test_a is {message}" in shown.stdout
    rows = list(csv.DictReader(burden("report", str(file), "--format", "csv").stdout.splitlines()))
    assert [(row["measurement"], row["params"]) for row in rows] == [
        ("test_it.py::test_a", "19"),
        ("test_it.py::test_b#batch", "19"),
    ]
    assert json.loads(burden("report", str(file), "--format", "json").stdout) == json.loads(
        file.read_text(encoding="utf-8")
    )


@pytest.mark.parametrize("coding", ["ascii", "utf-8"])
def test_any_terminal(red: Path, burden: Burden, coding: str) -> None:
    """What a terminal cannot show is escaped; what would steer it is not sent."""
    data = json.loads(red.read_text(encoding="utf-8"))
    data["measurements"][0]["id"] = "a×\x1b[31m\udc80"
    red.write_text(json.dumps(data), encoding="utf-8")
    done = burden("report", str(red), "--burden-table", "all", PYTHONIOENCODING=coding)
    assert done.returncode == 1, done.stderr
    assert "\x1b" not in done.stdout
    assert "\\x1b[31m\\udc80" in done.stdout
