"""Errors in ``[tool.burden]`` and in options end the run before anything is collected."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import OPTIONS, Project

TEST = "print('imported')\ndef test_it(): print('ran')"


@pytest.mark.parametrize(
    "options", [[], ["--collect-only"], ["-p", "no:terminal"], ["--no-burden"]]
)
def test_told(project: Project, options: list[str]) -> None:
    """All at once, with exit code 4, and without a traceback."""
    result = project(
        TEST, "-s", *options, config="[tool.burden]\nfmaa = 2\nfma = 3\n[tool.burden.polcy]\n"
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: 3 errors in the budgets, no test was run",
            "pyproject.toml:3: tool.burden.fmaa = 2",
            "    unknown key (nearest: fma), *",
            "pyproject.toml:5: [[]tool.burden.polcy[]]",
            "    unknown key (nearest: policy), *",
            "pyproject.toml:4: tool.burden.fma = 3",
            "    not 1 or 2; for example: fma = 1",
        ]
    )
    result.stdout.no_fnmatch_line("imported")
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize("options", [[], ["-n2"]])
def test_told_under_xdist(apart: Project, options: list[str]) -> None:
    """The controller tells it, once, before a worker starts."""
    result = apart(TEST, *options, config="[tool.burden]\nfma = 3\n")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.stderr.str().count("tool.burden.fma = 3") == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[tool.burden\n", "pyproject.toml: not TOML"),
        (b"[tool.burden]\n# \xff\n", "pyproject.toml:2: not UTF-8"),
        ("[tool.burden]\n".encode("utf-16"), "pyproject.toml:1: not UTF-8"),
        (b"[tool.burden]\nfma = " + b"9" * 5000, "pyproject.toml:2: not TOML that can be read"),
        (b"[tool.burden]\nfma = " + b"[" * 3000, "pyproject.toml:2: not TOML that can be read"),
    ],
)
def test_unreadable(pytester: pytest.Pytester, content: bytes, told: str) -> None:
    """Where pytest is told to read another file, we are the first to read this one."""
    (pytester.path / "other.ini").write_text("[pytest]\n")
    (pytester.path / "pyproject.toml").write_bytes(content)
    result = pytester.runpytest_inprocess(*OPTIONS, "-c", "other.ini")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: an error in the budgets, no test was run", told])


@pytest.mark.parametrize(("ci", "status"), [("true", 4), ("", 0)])
def test_switched_off_and_strict(
    project: Project, monkeypatch: pytest.MonkeyPatch, ci: str, status: int
) -> None:
    """On CI one of them has crept into addopts; somebody at work may switch off for one run."""
    monkeypatch.setenv("CI", ci)
    result = project("def test_it(burden): pass", "--burden-strict", "--no-burden")
    assert result.ret == status
    if ci:
        told = "ERROR: --burden-strict and --no-burden contradict each other: *"
        result.stderr.fnmatch_lines([told])


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--burden-json=missing/out.json", "ERROR: --burden-json=*: there is no folder *missing"),
        ("--burden-json=", "ERROR: --burden-json=*: this is a folder, a file belongs here"),
        ("--burden-json=.", "ERROR: --burden-json=*: this is a folder, a file belongs here"),
        ("--burden-table=some", "*argument --burden-table: invalid choice: 'some'*"),
    ],
)
def test_bad_option(project: Project, option: str, told: str) -> None:
    """Told before a test runs, not after all of them."""
    result = project(TEST, "-s", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([told])
    result.stdout.no_fnmatch_line("imported")


BASELINE = "would overwrite the baseline: give another file"
OURS = "would overwrite the configuration: give another file"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--burden-json=burden-baseline.json"], f"--burden-json=burden-baseline.json {BASELINE}"),
        (["--burden-markdown=sub/../burden-baseline.json"], f"--burden-markdown=* {BASELINE}"),
        (["--burden-json=link"], f"--burden-json=link {BASELINE}"),
        (["--burden-html=pyproject.toml"], f"--burden-html=pyproject.toml {OURS}"),
        (["--burden-json=other.ini", "-c", "other.ini"], f"--burden-json=other.ini {OURS}"),
        (
            ["--burden-json=out", "--burden-html=./out"],
            "--burden-json=out and --burden-html=./out are one file: give each its own",
        ),
        (
            ["--burden-markdown=out", "--junit-xml=sub/../out"],
            "--burden-markdown=out would overwrite what --junit-xml writes: give another file",
        ),
        (
            ["--burden-update", "--burden-json=burden-baseline.json"],
            f"--burden-json=burden-baseline.json {BASELINE}",
        ),
    ],
)
def test_files_that_would_be_lost(
    project: Project, pytester: pytest.Pytester, options: list[str], told: str
) -> None:
    """An option that would overwrite another file of the run is refused before a test runs."""
    pytester.mkdir("sub")
    (pytester.path / "other.ini").write_text("[pytest]\n")
    baseline = pytester.path / "burden-baseline.json"
    project("def test_it(burden): burden(small, '1x4')", "--burden-update")
    before = baseline.read_bytes()
    (pytester.path / "link").symlink_to(baseline.name)
    result = project(TEST, "-s", *options, config="# kept\n")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {told}"])
    result.stdout.no_fnmatch_line("imported")
    assert baseline.read_bytes() == before
    assert "# kept" in (pytester.path / "pyproject.toml").read_text()


def test_files_that_keep_nothing(project: Project) -> None:
    """Two reports may go where nothing is kept."""
    test = "def test_it(burden): burden(small, '1x4')"
    options = ["--burden-json=/dev/null", "--burden-markdown=/dev/null"]
    assert project(test, *options).ret == 0


def test_a_name_that_no_file_can_have(project: Project) -> None:
    """Told before a test runs, with what the system says."""
    result = project(TEST, f"--burden-json={'x' * 300}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --burden-json=*: File name too long"])


@pytest.mark.parametrize(
    ("config", "options", "shown"),
    [
        ("", [], True),
        ('[tool.burden]\ntable = "off"\n', [], False),
        ('[tool.burden]\ntable = "off"\n', ["--burden-table=all"], True),
        ('[tool.burden]\ntable = "failed"\n', [], False),
        ("", ["--burden-table=failed"], False),
        ("", ["--burden-table=off"], False),
    ],
)
def test_option_over_configuration(
    project: Project, config: str, options: list[str], *, shown: bool
) -> None:
    """What the command line says comes before what the file says."""
    test = "def test_it(burden): burden(small, '1x4')"
    result = project(test, *options, config=config)
    assert ("test_it.py::test_it      10" in result.stdout.str()) is shown


def test_no_burden(project: Project) -> None:
    """Limits are off: the fixture measures, nothing fails, and the summary says so."""
    result = project(
        """
        def test_a(burden): assert burden(small, "1x4", max_params=1).params == 10
        @pytest.mark.burden(max_params=1)
        def test_b(): small()(torch.ones(1, 4))
        @pytest.mark.burden
        def test_c(): pass
        def test_d(burden): pass
        """,
        "--no-burden",
        config=(
            '[tool.burden.budgets."*::no*"]\nmax_params = 1\n'
            '[tool.burden.models.net]\nbuild = "nets:small"\ninputs = ["1x4"]\nmax_params = 1\n'
        ),
    )
    result.assert_outcomes(passed=4, skipped=1)
    result.stdout.fnmatch_lines(
        ["Limits are off: --no-burden.", "test_it.py::test_a      10     10         8 B     -  off"]
    )


class TestStrict:
    """``--burden-strict``: as on CI."""

    @pytest.mark.parametrize(
        ("options", "on_ci", "config", "outcome"),
        [
            ([], "", "", {"passed": 1}),
            (["--burden-strict"], "", "", {"failed": 1}),
            ([], "true", "", {"failed": 1}),
            ([], "false", "", {"passed": 1}),
            (["--burden-strict"], "", '[tool.burden.policy]\nnew = "warn"\n', {"passed": 1}),
            ([], "true", '[tool.burden.policy]\nnew = "ignore"\n', {"passed": 1}),
            ([], "", '[tool.burden.policy]\nnew = "fail"\n', {"failed": 1}),
        ],
    )
    def test_as_on_ci(  # noqa: PLR0913, PLR0917 a row of the table
        self,
        project: Project,
        monkeypatch: pytest.MonkeyPatch,
        options: list[str],
        on_ci: str,
        config: str,
        outcome: dict[str, int],
    ) -> None:
        """What only warns where somebody works fails; what the policy says holds in both places."""
        monkeypatch.setenv("CI", on_ci)
        test = "def test_it(burden): burden(small, '1x4', grow_params=1)"
        project(test, *options, config=config).assert_outcomes(**outcome)

    @pytest.mark.parametrize(
        ("test", "options", "code"),
        [
            ("def test_it(): pass", ["--burden-strict"], pytest.ExitCode.TESTS_FAILED),
            ("def test_it(): pass", [], pytest.ExitCode.OK),
            ("def test_it(): pass", ["--burden-strict", "--collect-only"], pytest.ExitCode.OK),
            (
                "def test_it(burden): burden(small, '1x4')",
                ["--burden-strict"],
                pytest.ExitCode.OK,
            ),
        ],
    )
    def test_nothing_measured(
        self, project: Project, test: str, options: list[str], code: pytest.ExitCode
    ) -> None:
        """A gate that holds nothing is no gate."""
        result = project(test, *options)
        assert result.ret == code
        if code:
            result.stdout.fnmatch_lines(["the run measured nothing", "    --burden-strict is on"])
