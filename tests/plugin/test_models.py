"""Networks that pyproject.toml names: tests without test code."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Project

MODELS = """
testpaths = ["tests"]
[tool.burden.models.small]
build = "nets:small"
inputs = ["1x4"]
max_params = 10
[tool.burden.models.large]
build = "nets:large"
inputs = ["float32[1, 10]"]
max_params = 219
"""


@pytest.fixture
def models(project: Project, pytester: pytest.Pytester) -> Project:
    """Return what runs pytest where models and one ordinary test are."""
    tests = pytester.mkdir("tests")
    (tests / "test_other.py").write_text("def test_other(): pass\n")

    def run(*options: str, config: str = MODELS) -> pytest.RunResult:
        return project("", *options, config=config)

    return run


def test_measured(models: Project) -> None:
    """Each is a test of its own, whatever testpaths says."""
    result = models("-v")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "tests/test_other.py::test_other PASSED*",
            "pyproject.toml::small PASSED*",
            "pyproject.toml::large FAILED*",
            "over max_params by 1 (0.5 %)",
            "    measured  220   forward, float32[[]1, 10[]]",
            "    limit     219   pyproject.toml: tool.burden.models.large.max_params",
        ]
    )


@pytest.mark.parametrize(
    ("options", "passed", "failed", "left_out"),
    [
        (["tests"], 1, 0, "paths were given): pyproject.toml::small, pyproject.toml::large"),
        (["pyproject.toml"], 1, 1, ""),
        (["pyproject.toml::small"], 1, 0, "paths were given): pyproject.toml::large"),
        (["tests", "pyproject.toml"], 2, 1, ""),
        (["."], 2, 1, ""),
        (["-k", "small"], 1, 0, "-k): pyproject.toml::large"),
        (["-m", "burden"], 1, 1, ""),
        (["-m", "not burden"], 1, 0, "-m): pyproject.toml::small, pyproject.toml::large"),
        (["--deselect", "pyproject.toml::large"], 2, 0, "--deselect): pyproject.toml::large"),
        (["-p", "no:terminal"], 2, 1, ""),
        (["-p", "no:cacheprovider"], 2, 1, ""),
        (["--override-ini=testpaths="], 2, 1, ""),
    ],
)
def test_selection(
    models: Project, options: list[str], passed: int, failed: int, left_out: str
) -> None:
    """They are selected like any test; a run that leaves some out says so in one line."""
    result = models(*options)
    if "no:terminal" in options:
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        return
    outcomes = result.parseoutcomes()
    assert (outcomes.get("passed", 0), outcomes.get("failed", 0)) == (passed, failed)
    notes = [line for line in result.outlines if line.startswith("Not measured (")]
    assert notes == ([f"Not measured ({left_out}"] if left_out else [])


@pytest.mark.parametrize("options", [[], ["--burden-strict"], ["-n2"], ["-n2", "--dist=loadfile"]])
def test_ignored_by_the_project(
    models: Project, pytester: pytest.Pytester, options: list[str]
) -> None:
    """Where nothing on the command line says so, their limits do not go off in silence."""
    pytester.makeconftest("collect_ignore = ['pyproject.toml']")
    config = MODELS.replace('testpaths = ["tests"]', "")
    result = models(*options, config=config)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    why = "    a plugin or a conftest.py (collect_ignore?) keeps pytest from pyproject.toml"
    for name in ("small", "large"):
        result.stdout.fnmatch_lines([f"pyproject.toml::{name} measured nothing", why])
    ignored = f'{config}[tool.burden.policy]\nunmeasured = "warn"\n'
    assert models(*options, config=ignored).ret == pytest.ExitCode.OK


def test_below_the_rootdir(
    models: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a folder below, without a path, they are there too."""
    monkeypatch.chdir(pytester.path / "tests")
    models().assert_outcomes(passed=2, failed=1)


@pytest.mark.parametrize(
    ("options", "listed"),
    [
        (["--collect-only"], ["*<ModelsFile pyproject.toml>*", "*<ModelItem small>*"]),
        (["--collect-only", "-q"], ["pyproject.toml::small", "pyproject.toml::large"]),
    ],
)
def test_collecting(models: Project, options: list[str], listed: list[str]) -> None:
    """Collecting lists them and builds nothing."""
    result = models(*options, config=MODELS.replace("nets:", "there_is_no_such_module:"))
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(listed)


@pytest.mark.parametrize(
    ("build", "inputs", "told"),
    [
        ("nots:small", '"1x4"', "cannot import 'nots' of 'nots:small': ModuleNotFoundError: *"),
        ("other:numbr", '"1x4"', "'other' has no 'numbr' (nearest: number): 'other:numbr'"),
        ("broken:small", '"1x4"', "cannot import 'broken' of 'broken:small': ZeroDivisionError: *"),
        ("leaves:small", '"1x4"', "cannot import 'leaves:small': SystemExit: 3"),
        ("other:number", '"1x4"', "expected a torch.nn.Module or a factory of one, got: int"),
    ],
)
def test_cannot_be_built(
    models: Project, pytester: pytest.Pytester, build: str, inputs: str, told: str
) -> None:
    """A clear verdict at run time, without a traceback of ours."""
    pytester.makepyfile(broken="1 / 0", leaves="raise SystemExit(3)")
    pytester.makepyfile(other="number = 5")
    config = f'[tool.burden.models.net]\nbuild = "{build}"\ninputs = [{inputs}]\n'
    result = models(config=config)
    result.assert_outcomes(passed=1, failed=1)
    place = f'    pyproject.toml:2: build = "{build}"'
    result.stdout.fnmatch_lines([told, place])
    result.stdout.fnmatch_lines(["pyproject.toml::net * error"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_burden*")
    result.stdout.fnmatch_lines([f"FAILED pyproject.toml::net - Failed: {told[:12]}*"])


def test_shape_that_the_model_rejects(models: Project) -> None:
    """The network's own error with its own traceback, not pytest's or ours, and a row."""
    config = '[tool.burden.models.net]\nbuild = "nets:small"\ninputs = ["1x5"]\n'
    result = models(config=config)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E *raised in 0 (Linear)*float32[[]1, 5[]]*"])
    result.stdout.fnmatch_lines(["pyproject.toml::net * error"])
    result.stdout.no_fnmatch_line("*Captured burden call*")  # which would only repeat it
    # A line of torch's for each of its frames, not the source of its functions.
    result.stdout.no_fnmatch_line("*def _call_impl*")
    for ours in ("*pluggy/*", "*runner.py*", "*measuring.py*", "*models.py*"):
        result.stdout.no_fnmatch_line(ours)


def test_needs_data(models: Project) -> None:
    """A network that cannot be measured at all is incomplete, with the reason."""
    model = '[tool.burden.models.net]\nbuild = "nets:Data"\ninputs = ["3"]\n'
    result = models(config=f'[tool.burden]\nreal = "never"\n{model}')
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["could not be measured"])
    result.stdout.fnmatch_lines(["pyproject.toml::net * incomplete"])


def test_budgets_hold_for_models(models: Project) -> None:
    """A model's own limits come before those of budgets, metric by metric."""
    config = MODELS + '[tool.burden.budgets."pyproject.toml::*"]\nmax_params = 1\nmax_macs = 7\n'
    result = models(config=config)
    result.stdout.fnmatch_lines(
        [
            "over max_macs by 1 MACs (14.3 %)",
            '    limit     7 MACs   *: tool.burden.budgets."pyproject.toml::[*]".max_macs',
        ]
    )
    assert "over max_params" not in result.stdout.str().partition("_ large _")[0]


def test_line_of_the_table(models: Project, pytester: pytest.Pytester) -> None:
    """Reports name the line of the model's table, counted from 0 as pytest does."""
    models("--junitxml=out.xml", "-o", "junit_family=xunit1")
    xml = (pytester.path / "out.xml").read_text(encoding="utf-8")
    line = pytester.path.joinpath("pyproject.toml").read_text().splitlines()
    assert line[7] == "[tool.burden.models.large]"
    assert 'name="large" file="pyproject.toml" line="7"' in xml


def test_another_file_holds_the_settings_of_pytest(
    models: Project, pytester: pytest.Pytester
) -> None:
    """pytest.ini takes pytest's settings over, not ours; a nested pyproject.toml is ignored."""
    (pytester.path / "pytest.ini").write_text("[pytest]\n")
    (pytester.path / "tests" / "pyproject.toml").write_text("[tool.burden]\nnonsense = 1\n")
    models().assert_outcomes(passed=2, failed=1)
