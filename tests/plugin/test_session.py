"""What no single test can say: budgets that match nothing, and what a partial run may not judge."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from tests.plugin.conftest import OPTIONS, Project

TEST = """
def test_a(burden): burden(small, "1x4")
def test_b(burden): burden(small, "1x4", name="head")
@pytest.mark.skip
def test_skipped(burden): burden(small, "1x4")
@pytest.mark.xfail(strict=False)
def test_xfailed(burden): assert False
def test_plain(): pass
"""


def budgets(*patterns: str) -> str:
    """Return a configuration with a budget for each pattern."""
    return "".join(f'[tool.burden.budgets."{each}"]\nmax_params = 10\n' for each in patterns)


@pytest.mark.parametrize(
    "pattern",
    [
        "*::test_a",
        "test_it.py::test_a",
        "test_it.py::test_b#head",
        "test_it.py::test_skipped",  # it may measure on another machine
        "test_it.py::test_skipped#any",
        "*::test_xfailed*",
        "*",
    ],
)
def test_matched(project: Project, pattern: str) -> None:
    """A budget that stands for something, or may elsewhere, is no finding."""
    result = project(TEST, config=budgets(pattern))
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize("pattern", ["*::test_aa", "test_it.py::test_b", "*::test_plain", "x"])
def test_unmatched(project: Project, pattern: str) -> None:
    """A budget that stands for nothing fails the run: it was renamed away, or never right."""
    result = project(TEST, config=budgets("*::test_a", pattern))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=3, skipped=1, xfailed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at budget check of pyproject.toml*",
            f"no measurement matches '{pattern.replace('*', '[*]')}'*",
            f"    pyproject.toml: tool.burden.budgets.*{pattern.replace('*', '[*]')}*",
            "Correct the pattern, or remove the budget.",
            "*burden: 2 measured, 1 pass, 1 no limit, 1 unmatched*",
            f"unmatched: pyproject.toml: tool.burden.budgets.*{pattern.replace('*', '[*]')}*",
            f"ERROR pyproject.toml - no measurement matches '{pattern.replace('*', '[*]')}'*",
        ]
    )


@pytest.mark.parametrize(
    "options",
    [
        ["test_it.py"],
        ["-k", "test_b"],
        ["-m", "not skip"],
        ["--lf"],
        ["--sw"],
        ["--deselect", "test_it.py::test_a"],
        ["--ignore=other"],
        ["--ignore-glob=other*"],
        ["-o", "testpaths=."],
        ["-o", "norecursedirs=other"],
        ["-o", "python_files=test_*.py"],
        ["-o", "python_classes=Test"],
        ["-o", "python_functions=test"],
        ["-o", "collect_imported_tests=true"],
        ["-x", "-k", "test_b or test_a"],
        ["--collect-only"],
        ["--setup-only"],
        ["--setup-plan"],
        ["--no-burden"],
    ],
)
def test_not_judged_in_part_of_a_run(project: Project, options: list[str]) -> None:
    """What was not run may be what the budget is about."""
    result = project(TEST, *options, config=budgets("*::no"))
    assert result.ret == pytest.ExitCode.OK


def test_not_judged_when_a_plugin_deselects(project: Project, pytester: pytest.Pytester) -> None:
    """Plugins that split a run over machines take tests away without saying so."""
    pytester.makeconftest("def pytest_collection_modifyitems(items): del items[1:]")
    result = project(TEST, "-v", config=budgets("*::no"))
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        ["Not judged in a partial run (tests were deselected): 1 budget ('[*]::no')"]
    )


def test_not_judged_below_the_rootdir(
    project: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a folder below, only what is below it runs."""
    below = pytester.mkdir("below")
    (below / "test_below.py").write_text("def test_it(): pass\n")
    monkeypatch.chdir(below)
    result = project(TEST, config=budgets("*::no"))
    assert result.ret == pytest.ExitCode.OK


def test_not_judged_after_an_early_stop(project: Project) -> None:
    """A run that -x ended has not seen everything: it is red for its own reason alone."""
    result = project("def test_a(): assert False\ndef test_b(): pass", "-x", config=budgets("no"))
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*unmatched*")


def test_not_judged_after_errors_in_collection(project: Project, pytester: pytest.Pytester) -> None:
    """A file that could not be imported may hold what the budget is about."""
    pytester.makepyfile(test_broken="1 / 0")
    result = project(TEST, "--continue-on-collection-errors", config=budgets("no"))
    result.assert_outcomes(passed=3, skipped=1, xfailed=1, errors=1)
    result.stdout.no_fnmatch_line("*unmatched*")


def test_file_that_is_skipped(project: Project, pytester: pytest.Pytester) -> None:
    """What a file skipped as a whole holds is not known."""
    pytester.makepyfile(test_gone="import pytest\npytest.importorskip('there_is_no_such_module')")
    config = budgets("test_gone.py::test_x")
    assert project(TEST, config=config).ret == pytest.ExitCode.OK
    config = budgets("test_come.py::test_x")
    assert project(TEST, config=config).ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("policy", "code", "shown"),
    [
        ("fail", pytest.ExitCode.TESTS_FAILED, True),
        ("warn", pytest.ExitCode.OK, True),
        ("ignore", pytest.ExitCode.OK, False),
    ],
)
def test_policy(project: Project, policy: str, code: pytest.ExitCode, *, shown: bool) -> None:
    """As the policy says."""
    config = f'{budgets("*::no")}[tool.burden.policy]\nunmatched = "{policy}"\n'
    result = project(TEST, config=config)
    assert result.ret == code
    assert ("no measurement matches '*::no'" in result.stdout.str()) is shown


def test_all_reports_agree(project: Project, pytester: pytest.Pytester) -> None:
    """What fails the run is an error for JUnit as well; the cache does not learn of it."""
    result = project(TEST, "--junitxml=out.xml", config=budgets("*::no"))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    suite = ET.parse(pytester.path / "out.xml").getroot()[0]  # noqa: S314 pytest's own
    assert (suite.get("errors"), suite.get("failures")) == ("1", "0")
    again = project(TEST, "--lf")
    again.assert_outcomes(passed=3, skipped=1, xfailed=1)
    again.stdout.no_fnmatch_line("*known failures*")


@pytest.mark.parametrize("options", [["-p", "no:terminal"], ["-p", "no:cacheprovider"], ["-q"]])
def test_without_other_plugins(project: Project, options: list[str]) -> None:
    """The exit code needs neither terminal nor cache."""
    result = project(TEST, *options, config=budgets("*::no"))
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("options", "ci", "told"),
    [((), "", False), (("--burden-strict",), "", True), ((), "true", True)],
)
def test_nothing_holds_growth(
    project: Project, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], ci: str, told: bool
) -> None:
    """Where it counts, a baseline that is not there is told: it may have been taken out."""
    monkeypatch.setenv("CI", ci)
    result = project(TEST, *options)
    assert result.ret == pytest.ExitCode.OK
    says = "There is no burden-baseline.json: growth is held by nothing."
    assert (says in result.stdout.str()) is told


def test_a_baseline_that_is_required(project: Project) -> None:
    """Without it no test runs, until it is written."""
    config = '[tool.burden]\nbaseline = "required"\n'
    result = project(TEST, config=config)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["burden-baseline.json: there is none"])
    assert project(TEST, "--burden-update", config=config).ret == pytest.ExitCode.OK
    assert project(TEST, config=config).ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        ([], 0, 1),
        (["-n2"], 0, 1),
        (["--burden-strict"], 1, 1),
        (["--no-burden"], 0, 0),
        (["member"], 0, 1),
        (["-k", "test_a"], 0, 0),  # it is not the member's
    ],
)
def test_budgets_of_a_project_below(
    project: Project, pytester: pytest.Pytester, options: list[str], code: int, told: int
) -> None:
    """From the top of several projects theirs do not hold: that is told, and not passed over."""
    member = pytester.mkdir("member")
    (member / "pyproject.toml").write_text("[tool.burden.limits]\nmax_params = 1\n")
    (pytester.mkdir("other") / "pyproject.toml").write_text(
        "[tool.burden.limits]\nmax_params = 1\n"
    )
    test = "from nets import small\ndef test_b(burden): burden(small, '1x4')\n"
    (member / "test_member.py").write_text(test)
    config = "pythonpath = ['.']\n"
    result = project("def test_a(burden): burden(small, '1x4')", *options, config=config)
    assert result.ret == code
    says = "member/pyproject.toml: its [tool.burden] does not hold, for pytest's rootdir is"
    lines = [line for line in result.outlines if line.startswith(says)]
    assert len(lines) == told
    if told:
        result.stdout.fnmatch_lines([f"*Run pytest in member, or move it into {pytester.path}*"])
    result.stdout.no_fnmatch_line("*other/pyproject.toml*")


OVER = 'def test_a(burden): burden(small, "1x4", max_params=9)\n'


@pytest.mark.parametrize(
    ("hook", "body"),
    [
        ("pytest_runtest_makereport(item)", "report = yield; report.outcome = 'passed'"),
        ("pytest_runtest_call(item)", "try: report = yield\n    except BaseException: report = 0"),
    ],
)
def test_reports_that_hooks_make_green(
    project: Project, pytester: pytest.Pytester, hook: str, body: str
) -> None:
    """A budget that is broken is an error of the run where its test is reported as passed."""
    wrapper = "@pytest.hookimpl(wrapper=True, tryfirst=True)"
    pytester.makeconftest(f"import pytest\n{wrapper}\ndef {hook}:\n    {body}\n    return report\n")
    result = project(OVER)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["test_it.py::test_a is over max_params by 1 (11.1 %)"])


EXIT = "def test_z(): pytest.exit('enough', returncode=0)\n"
ALL_WELL = "def pytest_sessionfinish(session): session.exitstatus = 0"


@pytest.mark.parametrize(
    ("test", "conftest", "options", "code"),
    [
        (OVER + EXIT, "", [], 1),
        (OVER, ALL_WELL, [], 1),
        (OVER, ALL_WELL, ["-p", "no:terminal"], 1),
        (OVER, ALL_WELL, ["--no-burden"], 0),
        (OVER.replace("9", "10") + EXIT, "", [], 1),  # of what comes after, nobody knows
        (OVER.replace("9", "10"), ALL_WELL, [], 0),
        (EXIT, "", [], 0),
        (EXIT, "", ["--burden-strict"], 1),
    ],
)
def test_exit_status_is_the_verdict(  # noqa: PLR0913, PLR0917 a row of the table
    project: Project,
    pytester: pytest.Pytester,
    test: str,
    conftest: str,
    options: list[str],
    code: int,
) -> None:
    """No run ends with 0 that is no pass, whoever sets the exit status."""
    pytester.makeconftest(conftest)
    result = project(test, *options)
    assert result.ret == code
    says = "burden: this run is no pass, and was about to end with 0 all the same: *"
    if code and options[:1] != ["-p"]:
        result.stdout.fnmatch_lines([says])
    else:
        result.stdout.no_fnmatch_line(says)


SKIPPED = """
def test_a(burden): burden(small, "1x4")
@pytest.mark.skip
def test_b(burden): burden(small, "2x4")
@pytest.mark.xfail
@pytest.mark.burden(max_params=9)
def test_c(): 1 / 0
@pytest.mark.xfail
def test_over(burden): burden(small, "3x4", max_params=9)
@pytest.mark.skip
def test_plain(): pass
@pytest.fixture(scope="module")
def found(burden_session): burden_session(small, "4x4")
def test_first(found): pass
@pytest.mark.skip
def test_second(found): pass
"""


def test_what_is_skipped_is_told(project: Project, pytester: pytest.Pytester) -> None:
    """A test that measures nothing since it is skipped leaves a trace in every report."""
    gone = "def test_d(burden): burden(small, '5x4')\n"
    other = pytester.makepyfile(test_other=f"from nets import *\n{gone}")
    assert project(SKIPPED, "--burden-update").ret == pytest.ExitCode.OK
    other.write_text(f"import pytest\npytest.importorskip('there_is_none')\n{gone}")
    result = project(SKIPPED, "--burden-json=out.json", "--burden-markdown=out.md")
    assert result.ret == pytest.ExitCode.OK
    says = "test_it.py::test_b, test_it.py::test_c, test_other.py::test_d"
    result.stdout.fnmatch_lines([f"Skipped or xfailed, and not measured: {says}"])
    data = json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))
    assert data["skipped"] == says.split(", ")
    assert "Skipped or xfailed, and not measured" in (pytester.path / "out.md").read_text()
    project(SKIPPED, "--no-burden").stdout.no_fnmatch_line("Skipped or xfailed*")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("own", "top", "options", "code", "told"),
    [
        ("", "", [], 0, True),
        ("", "", ["--burden-strict"], 1, True),
        ("", "", ["--no-burden"], 0, False),
        ("", "", ["--rootdir=.."], 1, False),
        ("[tool.burden.limits]\nmax_ops = 1", "", [], 0, False),
        ("", "tests", [], 0, False),
    ],
)
def test_budgets_of_a_project_above(  # noqa: PLR0913, PLR0917 a row of the table
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    own: str,
    top: str,
    options: list[str],
    code: int,
    told: bool,
) -> None:
    """A file that makes a folder below the rootdir takes no limit away without a word."""
    config = pytester.makepyprojecttoml("[tool.burden.limits]\nmax_params = 1\n")
    below = pytester.mkdir("tests")
    (pytester.path / top / ".git").mkdir()
    monkeypatch.chdir(below)
    (below / "pytest.ini").write_text("[pytest]\n")
    (below / "pyproject.toml").write_text(own)
    test = "from nets import small\ndef test_it(burden): burden(small, '1x4')\n"
    (below / "test_below.py").write_text(test)
    result = pytester.runpytest_inprocess(*OPTIONS, *options)
    assert result.ret == code
    says = f"{config}: its [[]tool.burden[]] does not hold, for pytest's rootdir is {below}"
    if told:
        advice = f"*Run pytest with --rootdir={pytester.path}, or move it into {below}*"
        result.stdout.fnmatch_lines([says, advice])
    else:
        result.stdout.no_fnmatch_line(says)


@pytest.mark.parametrize(
    ("size", "says"), [(4, "is over max_params by 1 *"), (5, "*another test*")]
)
@pytest.mark.parametrize("options", [[], ["-n1"]])
def test_two_tests_of_one_id(
    apart: Project, pytester: pytest.Pytester, options: list[str], size: int, says: str
) -> None:
    """Of folders beside the rootdir, files of one name have tests of one id: none hides another."""
    test = "def test_it(burden): burden('linear', '1x{}', max_params={})\n"
    for folder, inputs, most in (("a", 4, 9), ("b", size, 10)):
        pytester.mkdir(folder)
        (pytester.path / folder / "test_one.py").write_text(test.format(inputs, most))
    pytester.mkdir("ci")
    (pytester.path / "ci" / "x.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    given = ("-c", "ci/x.ini", "-p", "conftest", "a", "b", "--burden-json=out.json", *options)
    result = apart("", *given)
    result.assert_outcomes(passed=1, failed=1, errors=int(size != 4))
    data = json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))
    assert data["verdict"] == "fail"
    result.stdout.fnmatch_lines([f"test_one.py::test_it* {says}" if size != 4 else says[3:]])
