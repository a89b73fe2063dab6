"""A run on GitHub Actions: the summary of the step, annotations, and the switch for both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_burden.report.room import LARGEST
from tests.plugin.conftest import Project
from tests.report.rendered import Command, Page, command, may_command

FAILED = pytest.ExitCode.TESTS_FAILED
USAGE = pytest.ExitCode.USAGE_ERROR
OVER = """
@pytest.mark.burden(max_params=5)
def test_over(burden): burden(small, "1x4")
def test_within(burden): burden(small, "1x4", max_params=10)
"""
LINE = "4"
"""Of the marker, below two lines of imports and an empty one."""


@pytest.fixture
def github(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of the summary; the workspace is the folder of the tests."""
    file = pytester.path / "step.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    return file


def understood(lines: Sequence[str]) -> list[Command]:
    """Return what the runner takes for commands in the output of a run."""
    return [command(line.lstrip()) for line in may_command("\n".join(lines)) if "::" in line]


@pytest.mark.parametrize(
    "options",
    [
        [], ["-q"], ["-qq"], ["-v"], ["-s"], ["--no-summary"], ["--color=yes"],
        ["-p", "no:terminal"], ["--burden-table=off"], ["-o", "console_output_style=classic"],
        ["-s", "-p", "no:terminal"],
    ],
)  # fmt: skip
@pytest.mark.usefixtures("github")
def test_annotation(project: Project, options: list[str]) -> None:
    """Each begins a line whatever is printed before it; file and line are the marker's."""
    result = project(f"{OVER}def test_last(): print('x', end='')", *options)
    assert result.ret == FAILED
    (found,) = understood(result.outlines)
    assert found.name == "error"
    assert found.properties == {
        "file": "test_it.py",
        "line": LINE,
        "title": "burden: over params",
    }
    assert found.message.startswith("test_it.py::test_over is over max_params by 5 (100.0 %)\n")
    assert "largest   0    10 (100.0 %)" in found.message
    assert result.stderr.str() == ""


def test_elsewhere(project: Project) -> None:
    """No other CI, and no terminal of a user, sees any."""
    assert understood(project(OVER).outlines) == []


@pytest.mark.usefixtures("github")
def test_rootdir_below_the_workspace(
    project: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub names files from the folder of the checkout, not from pytest's."""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path.parent))
    (found,) = understood(project(OVER).outlines)
    assert found.properties["file"] == f"{pytester.path.name}/test_it.py"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path / "elsewhere"))
    (found,) = understood(project(OVER).outlines)
    assert "file" not in found.properties
    monkeypatch.setenv("GITHUB_WORKSPACE", "")
    (found,) = understood(project(OVER).outlines)
    assert found.properties["file"] == "test_it.py"


@pytest.mark.usefixtures("github")
def test_limit_in_the_configuration(project: Project) -> None:
    """The line of the key; of a model that has grown, that of its table."""
    config = """
[tool.burden.limits]
max_params = 5
[tool.burden.models.net]
build = "nets:small"
inputs = ["1x4"]
"""
    places = [
        (each.properties["file"], each.properties["line"])
        for each in understood(
            project("def test_it(burden): burden(small, '1x4')", config=config).outlines
        )
    ]
    assert places == [("pyproject.toml", "4"), ("pyproject.toml", "4")]


@pytest.mark.usefixtures("github")
def test_growth(project: Project, pytester: pytest.Pytester) -> None:
    """With no limit written anywhere, the line of the test, or that of the model's table."""
    config = '\n[tool.burden.models.net]\nbuild = "nets:small"\ninputs = ["1x4"]\n'
    test = "def test_it(burden): burden(small, '1x4')"
    project(test, "--burden-update", config=config)
    file = pytester.path / "burden-baseline.json"
    lighter = file.read_text(encoding="utf-8")
    project(test, "--burden-update", config=config)
    changed = config.replace("1x4", "2x4")
    found = understood(project(test.replace("1x4", "2x4"), config=changed).outlines)
    assert file.read_text(encoding="utf-8") == lighter
    assert [(each.name, each.properties["file"], each.properties["line"]) for each in found] == [
        ("error", "pyproject.toml", "3"),
        ("error", "test_it.py", "3"),
    ]
    assert found[1].properties["title"] == "burden: grew macs, flops, activation_memory"


@pytest.mark.usefixtures("github")
def test_excused_and_warning(project: Project) -> None:
    """What is excused makes none; what warns is a warning."""
    result = project(
        """
        @pytest.mark.xfail
        def test_xfailed(burden): burden(small, "1x4", max_params=1)
        def test_warns(burden): burden(Svd, "1x4", max_flops="1k")
        """,
        config='[tool.burden.policy]\nincomplete = "warn"\n',
    )
    assert result.ret == 0
    (found,) = understood(result.outlines)
    assert (found.name, found.properties["line"]) == ("warning", "6")


@pytest.mark.usefixtures("github")
@pytest.mark.parametrize("options", [["-n2"], ["-n2", "-p", "no:terminal"], ["-n0"]])
def test_workers(apart: Project, options: list[str]) -> None:
    """Under pytest-xdist each is printed once, by the process that reports."""
    test = """
    @pytest.mark.parametrize("n", range(3))
    def test_it(burden, n): burden("linear", "1x4", max_params=n)
    """
    result = apart(test, *options)
    found = understood([*result.outlines, *result.errlines])
    assert [each.message.split()[0] for each in found] == [
        f"test_it.py::test_it[{n}]" for n in range(3)
    ]
    assert {each.properties["line"] for each in found} == {"4"}


@pytest.mark.usefixtures("github")
def test_more_than_github_keeps(project: Project) -> None:
    """Ten, and the tenth says how many there are."""
    result = project("""
    @pytest.mark.parametrize("n", range(14))
    def test_it(burden, n): burden(small, "1x4", max_params=1)
    """)
    found = understood(result.outlines)
    assert len(found) == 10
    assert found[-1].message.startswith("and 5 more fail:\ntest_it.py::test_it[9]: over\n")


def test_summary(project: Project, github: Path) -> None:
    """What other tools have written stays; with nothing measured nothing is added."""
    github.write_text(
        "## Coverage\n\n| file | lines |\n|---|---|\n| a.py | 90 % |", encoding="utf-8"
    )
    project(OVER)
    text = github.read_text(encoding="utf-8")
    page = Page(text)
    assert [each for each in page.elements if each == "h2"] == ["h2", "h2"]
    coverage, measured = page.tables
    assert coverage == [["file", "lines"], ["a.py", "90 %"]]
    assert [row[0] for row in measured[1:]] == ["test_it.py::test_over", "test_it.py::test_within"]
    assert ":x: burden: 2 measured, 1 pass, 1 over" in page.plain
    project("def test_it(): pass")
    assert github.read_text(encoding="utf-8") == text


def test_summary_that_is_nearly_full(project: Project, github: Path) -> None:
    """It is not made too large, for then GitHub would show none of it."""
    github.write_bytes(b"x" * (LARGEST - 400))
    project(OVER)
    text = github.read_text(encoding="utf-8")
    assert "Not everything fits here: 2 measurements are left out." in text
    assert len(text.encode()) <= LARGEST


def test_summary_of_workers(apart: Project, github: Path) -> None:
    """It is written once, with the modules that weigh most though workers have measured."""
    test = """
    @pytest.mark.parametrize("n", [5, 15])
    def test_it(burden, n): burden("linear", "1x4", max_params=n)
    """
    apart(test, "-n2")
    page = Page(github.read_text(encoding="utf-8"))
    assert page.elements.count("h2") == 1
    assert len(page.tables[-1]) == 3
    assert "largest   (Linear)   10 (100.0 %)" in page.code[0]


@pytest.mark.parametrize(
    ("options", "config"),
    [
        (["--burden-github=off"], ""),
        ([], '[tool.burden]\ngithub = "off"\n'),
        (["--burden-github=off"], '[tool.burden]\ngithub = "auto"\n'),
    ],
)
def test_off(project: Project, github: Path, options: list[str], config: str) -> None:
    """One switch for both, on the command line before the configuration."""
    result = project(OVER, *options, config=config)
    result.assert_outcomes(passed=1, failed=1)
    assert understood(result.outlines) == []
    assert not github.exists()


def test_option_before_configuration(project: Project, github: Path) -> None:
    """On again by the option."""
    result = project(OVER, "--burden-github=auto", config='[tool.burden]\ngithub = "off"\n')
    assert len(understood(result.outlines)) == 1
    assert github.exists()


@pytest.mark.parametrize(
    ("options", "config", "told"),
    [
        ([], '[tool.burden]\ngithub = "on"\n', 'pyproject.toml:3: tool.burden.github = "on"'),
        ([], "[tool.burden]\ngithub = false\n", 'not "auto" or "off"'),
        (["--burden-github=on"], "", "invalid choice: 'on'"),
    ],
)
def test_wrong_value(project: Project, options: list[str], config: str, told: str) -> None:
    """It ends the run before a test, as with other keys."""
    result = project(OVER, *options, config=config)
    assert result.ret == USAGE
    assert told in result.stderr.str()


def test_markdown_file(project: Project, pytester: pytest.Pytester, github: Path) -> None:
    """The same report for any CI, whatever else is off."""
    options = ["--burden-markdown=out.md", "-p", "no:cacheprovider"]
    (pytester.path / "out.md").write_text("old")
    project(OVER, *options)
    text = (pytester.path / "out.md").read_text(encoding="utf-8")
    assert text == github.read_text(encoding="utf-8")
    project(OVER, *options, "--burden-github=off", "-p", "no:terminal")
    assert (pytester.path / "out.md").read_text(encoding="utf-8") == text
    project("def test_it(): pass", *options)
    assert (pytester.path / "out.md").read_text(encoding="utf-8").endswith("burden: 0 measured\n")


@pytest.mark.parametrize(
    ("name", "told"),
    [("missing/out.md", "there is no folder"), (".", "this is a folder, a file belongs here")],
)
def test_markdown_file_that_cannot_be(project: Project, name: str, told: str) -> None:
    """It is told before a test runs."""
    result = project(OVER, f"--burden-markdown={name}")
    assert result.ret == USAGE
    result.stderr.fnmatch_lines([f"ERROR: --burden-markdown=*: {told}*"])


def test_files_that_cannot_be_written(
    project: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is told, and the run is not green."""

    def full(_path: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    files = ["--burden-json=out.json", "--burden-markdown=out.md", "--burden-html=out.html"]
    result = project("def test_it(): pass", *files, "-p", "no:cacheprovider")
    assert result.ret == FAILED
    for option in files:
        name, _, file = option.partition("=")
        result.stdout.fnmatch_lines([f"{name}=*{file}: No space left on device"])
        assert not (pytester.path / file).exists()


@pytest.mark.usefixtures("github")
def test_hostile_names(project: Project, pytester: pytest.Pytester) -> None:
    """No line of ours is a command but the annotations; pytest's own lines are not ours."""
    pytester.makepyfile(broken="raise ImportError('boom\\n::error::z\\n ##[error]w')")
    result = project(
        """
        @pytest.mark.parametrize("net", [small], ids=["##[error]y"])
        def test_it(burden, net): burden(net, "1x4", max_params=1)
        """,
        config='\n[tool.burden.models.net]\nbuild = "broken:net"\ninputs = ["1x4"]\n',
    )
    lines = [line for line in result.outlines if not line.startswith(("FAILED ", "______"))]
    *ours, broken, over = lines
    assert may_command("\n".join(ours)) == []
    assert "\\::error::z" in [line.strip() for line in ours]
    assert [line for line in ours if line.startswith("test_it.py::test_it[##\\[error]y]  ")]
    assert "\n    ::error::z\n     ##[error]w\n" in command(broken).message
    assert "test_it.py::test_it[##[error]y] is over max_params" in command(over).message


@pytest.mark.parametrize(
    "config",
    [
        '[tool.burden.budgets."##[error]z"]\nmax_params = 1\n',  # which matches nothing
        '[tool.burden.budgets."##[error]z"]\nmax_params = "##[error]"\n',
        '[tool.burden.limits]\n"##[error]z" = 1\n',
    ],
)
def test_hostile_configuration(project: Project, config: str) -> None:
    """Nor where the configuration is told of."""
    result = project("def test_it(burden): burden(small, '1x4')", config=config)
    assert result.ret != 0
    assert may_command("\n".join([*result.outlines, *result.errlines])) == []
    assert "##\\[error]z" in result.stdout.str() + result.stderr.str()
