"""What a run leaves behind: JSON, JUnit XML, the step summary, and quiet where it should be."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pytest_burden.budget.result import Result
from tests.plugin.conftest import Project
from tests.report.page import Page

TEST = """
@pytest.mark.burden(max_params=15)
def test_it(burden):
    burden(small, "1x4")
    burden(large, "1x10", name="large")
def test_plain(): pass
"""


def test_json(project: Project, pytester: pytest.Pytester) -> None:
    """Everything, module rows included, whatever the terminal shows."""
    project(TEST, "--burden-json=out.json", "-p", "no:terminal")
    data = json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))
    assert (data["schema"], data["verdict"], data["full"]) == (1, "fail", True)
    assert data["versions"]["pytest"] == pytest.__version__
    small, large = map(Result.from_dict, data["measurements"])
    assert (small.id, large.id) == ("test_it.py::test_it", "test_it.py::test_it#large")
    assert [each["verdict"] for each in data["measurements"]] == ["pass", "over"]
    assert small.burden is not None
    assert [row.path for row in small.burden.module_rows] == ["", "0"]
    assert sum(row.own.flops for row in small.burden.module_rows) == small.burden.flops == 10


def test_page(project: Project, pytester: pytest.Pytester) -> None:
    """The page of the run, though it fails, with every module; no other option is needed."""
    result = project(TEST, "--burden-html=out.html")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    page = Page((pytester.path / "out.html").read_text(encoding="utf-8"))
    assert page.texts["h1"] == ["✗ Fails"]
    small, large = page.data["networks"]
    assert (small["says"], large["word"]) == ([], "over")
    assert small["modules"]["names"] == large["modules"]["names"] == ["", "0"]
    assert (
        dict(zip(page.texts["dt"], page.texts["dd"], strict=True))["pytest"] == pytest.__version__
    )
    result = project(TEST, "--burden-html=missing/out.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --burden-html=*: there is no folder*"])


def test_json_replaces(project: Project, pytester: pytest.Pytester) -> None:
    """The file is that of the last run; nothing else is left in the folder."""
    before = set(pytester.path.iterdir())
    (pytester.path / "out.json").write_text("old")
    project(TEST, "--burden-json=out.json", "-p", "no:cacheprovider")
    left = {path.name for path in set(pytester.path.iterdir()) - before}
    assert left - {"__pycache__"} == {"nets.py", "out.json", "pyproject.toml", "test_it.py"} - {
        path.name for path in before
    }
    assert json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))["schema"] == 1


def test_json_of_a_run_that_stops(project: Project, pytester: pytest.Pytester) -> None:
    """A run that ends early writes what there is, and says that it is not all."""
    project(TEST, "--burden-json=out.json", "-x")
    data = json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))
    assert (data["verdict"], data["full"], data["partial"]) == ("fail", False, ["stopped early"])
    assert len(data["measurements"]) == 2


UNFINISHED = """
def test_whole(burden): burden(small, "1x4")
def test_over(burden): burden(small, "1x4", max_params=1)
@pytest.mark.xfail
def test_xfailed(burden): burden(small, "1x4", max_params=1)
def test_skipped(burden): pytest.skip("there is none")
def test_half(burden):
    burden(small, "1x4", name="first")
    assert False
@pytest.mark.burden(max_params=10)
def test_marked(): assert False
def test_plain(): assert False
"""


@pytest.mark.parametrize("options", [[], ["-k", "test"]])
def test_json_of_tests_without_end(
    project: Project, pytester: pytest.Pytester, options: list[str]
) -> None:
    """Of which tests, files and classes it is not known what they measure, and which failed so."""
    pytester.makepyfile(test_other="import pytest\npytest.importorskip('there_is_none')")
    project(UNFINISHED, "--burden-json=out.json", *options)
    data = json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))
    assert data["unfinished"] == [
        "test_it.py::test_half",
        "test_it.py::test_marked",
        "test_it.py::test_plain",
        "test_it.py::test_skipped",
        "test_other.py::",
    ]
    assert data["failed"] == ["test_it.py::test_half", "test_it.py::test_marked"]
    project("def test_it(burden): burden(small, '1x4')", "--burden-json=out.json", "test_it.py")
    assert "unfinished" not in json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))


def test_json_of_what_a_part_cannot_judge(project: Project, pytester: pytest.Pytester) -> None:
    """What a full run would be red for, unless the rest of the tests measures it."""
    test = "def test_a(burden): burden(small, '1x4')\ndef test_b(burden): burden(small, '1x4')\n"
    project(test, "--burden-update")
    budgets = '[tool.burden.budgets."*::test_b*"]\nmax_params = 10\n'
    project(test, "--burden-json=out.json", "-k", "test_a", "--burden-strict", config=budgets)
    data = json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))
    assert (data["verdict"], data["verdicts"]) == ("pass", [])
    assert [(v["kind"], v["subject"], v["detail"], v["policy"]) for v in data["not_judged"]] == [
        ("unmatched", 'pyproject.toml: tool.burden.budgets."*::test_b*"', "*::test_b*", "fail"),
        ("stale", "test_it.py::test_b", "", "fail"),
    ]
    project(test, "--burden-json=out.json", "--burden-strict", config=budgets)
    assert "not_judged" not in json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))


def test_json_that_cannot_be_written(
    project: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, and the run is not green."""

    def full(_path: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    result = project("def test_it(): pass", "--burden-json=out.json", "-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["--burden-json=*out.json: No space left on device"])
    assert not (pytester.path / "out.json").exists()


@pytest.mark.parametrize(
    ("config", "written"), [("", True), ("[tool.burden]\njunit = false\n", False)]
)
def test_junit(project: Project, pytester: pytest.Pytester, config: str, *, written: bool) -> None:
    """A failing budget is a failing test; a few numbers are properties, module rows are not."""
    project(TEST, "--junitxml=out.xml", config=config)
    path = pytester.path / "out.xml"
    suite = ET.parse(path).getroot()[0]  # noqa: S314 pytest's own
    assert (suite.get("failures"), suite.get("errors")) == ("1", "0")
    properties = {each.get("name"): each.get("value") for each in suite.iter("property")}
    expected = {
        "burden.params": "10",
        "burden.flops": "10",
        "burden.activation_memory": "8",
        "burden.params#large": "220",
        "burden.flops#large": "220",
        "burden.activation_memory#large": "80",
    }
    assert properties == (expected if written else {})
    assert "module_rows" not in path.read_text(encoding="utf-8")


def test_step_summary(
    project: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On GitHub the table is appended to the summary of the step."""
    path = pytester.path / "summary.md"
    path.write_text("# before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    project(TEST)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# before\n\n## :x: burden: 2 measured, 1 pass, 1 over\n")
    assert text.count("<code>") == 2
    project("def test_it(): pass")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("place", ["missing/summary.md", "."])
def test_step_summary_that_cannot_be_written(
    project: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """It is no reason to fail."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / place))
    project("def test_it(burden): burden(small, '1x4')").assert_outcomes(passed=1)


def test_quiet(project: Project) -> None:
    """With -q one line, with -qq none, and none at all where nothing was measured."""
    one = project(TEST, "-q")
    assert [line for line in one.outlines if "burden" in line and "test_it" not in line] == [
        "burden: 2 measured, 1 pass, 1 over"
    ]
    assert "measured, " not in project(TEST, "-qq").stdout.str()
    nothing = project("def test_x(): pass").outlines
    assert not [line for line in nothing if "burden" in line and not line.startswith("plugins:")]


def test_verbose(project: Project) -> None:
    """With -v the modules that weigh most; with -vv all of them."""
    result = project(TEST, "-v")
    result.stdout.fnmatch_lines(
        ["test_it.py::test_it#large", "    0             Linear         220    220 *100.0 %"]
    )
    result = project(TEST, "-vv")
    result.stdout.fnmatch_lines(["test_it.py::test_it#large", "    (root) *Sequential *220*"])


@pytest.mark.parametrize(("color", "coloured"), [("yes", True), ("no", False), ("auto", False)])
def test_colour(project: Project, color: str, *, coloured: bool) -> None:
    """Colours are pytest's own, so there are none where no terminal is."""
    result = project(TEST, f"--color={color}")
    (row,) = [line for line in result.outlines if "test_it.py::test_it#large  " in line]
    assert row.startswith("\x1b[31m") is coloured


def test_eighty_columns(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long ids are shortened in the middle, so that a row stays a row."""
    monkeypatch.setenv("COLUMNS", "80")
    result = project(
        """
        @pytest.mark.parametrize("name", ["a" * 90 + "end"])
        def test_it(burden, name): burden(small, "1x4", max_activation_memory="1 MiB")
        """
    )
    (row,) = [line for line in result.outlines if line.endswith("  pass")]
    assert len(row) <= 80
    assert row.startswith("test_it.py")
    assert "...aaa" in row
    assert "end]" in row
