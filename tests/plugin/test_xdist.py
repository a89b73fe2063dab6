"""Many workers: the same verdicts, nothing twice, nothing lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.plugin.conftest import Project
from tests.report.page import Page

pytest.importorskip("xdist", reason="the tests of many workers need it")

TEST = """
@pytest.mark.burden(max_params=9)
@pytest.mark.parametrize("n", range(4))
def test_over(burden, n): burden("linear", "1x4")
def test_within(burden): burden("linear", "1x4", max_params=10)
def test_several(burden):
    burden("linear", "1x4")
    burden("linear", "1x4", name="head")
@pytest.mark.xfail
def test_xfailed(burden): burden("linear", "1x4", max_params=9)
@pytest.fixture(scope="session")
def found(burden_session): return burden_session("linear", "1x4", name="shared", max_macs=7)
@pytest.mark.parametrize("n", range(4))
def test_shared(found, n): pass
def test_giant(burden): burden("giant", "1x4")
"""
CONFIG = """
[tool.burden.limits]
max_flops = 100
[tool.burden.budgets."*::nothing"]
max_params = 1
[tool.burden.models.net]
build = "nets:linear"
inputs = ["1x4"]
max_params = 9
"""


def written(pytester: pytest.Pytester) -> Any:
    """Return what ``--burden-json`` wrote, but for which run it was, and who shared first."""
    data = json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))
    data["versions"].pop("run", None)
    for measurement in data["measurements"]:
        if measurement["id"].startswith("burden_session"):
            measurement["test"] = "some test"
    return data


def table(result: pytest.RunResult) -> list[str]:
    """Return the summary of a run, from its heading on."""
    start = next(n for n, line in enumerate(result.outlines) if "= burden: " in line)
    end = next(n for n, line in enumerate(result.outlines) if "short test summary" in line)
    return result.outlines[start:end]


def test_what_stands_in_for_the_engine(apart: Project) -> None:
    """These runs are quick, for none of their processes imports torch."""
    test = """
    def test_it(burden):
        import sys
        assert burden("linear", "1x4").torch == "none"
        assert "torch" not in sys.modules
    """
    apart(test, "-n1").assert_outcomes(passed=1)


@pytest.mark.parametrize("dist", ["load", "loadgroup"])
def test_same_as_in_one_process(apart: Project, pytester: pytest.Pytester, dist: str) -> None:
    """Table, JSON and exit code are those of a run without workers."""
    one = apart(TEST, "--burden-json=out.json", config=CONFIG)
    expected = written(pytester)
    assert len(expected["measurements"]) == 11
    files = ["--burden-json=out.json", "--burden-html=out.html"]
    many = apart(TEST, *files, "-n2", "--dist", dist, config=CONFIG)
    assert written(pytester) == expected
    page = Page((pytester.path / "out.html").read_text(encoding="utf-8"))
    drawn = [each["id"] for each in page.data["networks"]]
    assert drawn == [each["id"] for each in expected["measurements"]]
    assert table(many) == table(one)
    assert one.ret == many.ret == pytest.ExitCode.TESTS_FAILED


def test_groups_stay_out_of_ids(apart: Project, pytester: pytest.Pytester) -> None:
    """The group that loadgroup appends to node ids never reaches a measurement, nor its budget."""
    test = """
    @pytest.mark.xdist_group("a@b")
    @pytest.mark.parametrize("n", ["x@y"])
    def test_it(burden, n): burden("linear", "1x4")
    """
    config = '[tool.burden.budgets."test_it.py::test_it[x@y]"]\nmax_params = 9\n'
    result = apart(test, "--burden-json=out.json", "-n2", "--dist=loadgroup", config=config)
    result.assert_outcomes(failed=1)
    (measurement,) = written(pytester)["measurements"]
    assert measurement["id"] == measurement["test"] == "test_it.py::test_it[x@y]"
    assert measurement["verdict"] == "over"


def test_names_with_the_sign_of_groups(apart: Project, pytester: pytest.Pytester) -> None:
    """What stands after an @ is no group where pytest-xdist has not put it."""
    folder = pytester.mkpydir("a@b")
    lines = ["import os, pytest", "def test_it(burden): burden('linear', '1x4')"]
    lines += ["@pytest.mark.xdist_group('c@d')", "def test_group(burden):"]
    lines += ["    burden('linear', '1x4')", "    if os.environ.get('DIE'): os._exit(1)"]
    (folder / "test_a.py").write_text("\n".join(lines), encoding="utf-8")
    config = '[tool.burden.models."m@x"]\nbuild = "nets:linear"\ninputs = ["1x4"]\n'
    config += f"[tool.burden.models.m]\n{config.partition(chr(10))[2]}"
    options = ["--burden-json=out.json", "-n2", "--dist=loadgroup", "--max-worker-restart=0"]
    result = apart("", *options, config=config)
    result.assert_outcomes(passed=4)
    ids = [
        "a@b/test_a.py::test_group",
        "a@b/test_a.py::test_it",
        "pyproject.toml::m",
        "pyproject.toml::m@x",
    ]
    assert [each["id"] for each in written(pytester)["measurements"]] == ids
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIE", "1")
        apart("", *options, config=config)
    (lost,) = written(pytester)["lost"]
    assert lost.endswith("was lost while running a@b/test_a.py::test_group")


def test_killed_worker(apart: Project, pytester: pytest.Pytester) -> None:
    """What was reported stays; who died running what is said; absence proves nothing then."""
    test = """
    import os
    def test_a(burden): burden("linear", "1x4", max_params=9)
    def test_b(burden): burden("linear", "1x4", max_params=10)
    def test_dies(burden):
        burden("linear", "1x4")
        os._exit(1)
    """
    config = '[tool.burden.budgets."*::nothing"]\nmax_params = 1\n'
    options = ["--burden-json=out.json", "-n1", "--max-worker-restart=0"]
    result = apart(test, *options, config=config)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["test_it.py::test_b * pass", "test_it.py::test_a * over"], consecutive=True
    )
    result.stdout.fnmatch_lines(["worker gw0 was lost while running test_it.py::test_dies"])
    result.stdout.no_fnmatch_line("*unmatched*")
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    data = written(pytester)
    assert [each["id"] for each in data["measurements"]] == [
        "test_it.py::test_a",
        "test_it.py::test_b",
    ]
    assert data["lost"] == ["worker gw0 was lost while running test_it.py::test_dies"]
    assert data["full"] is False


def test_shared_fixture_that_no_test_can_report(apart: Project) -> None:
    """The worker cannot fail the run; what it sends at its end can."""
    test = """
    @pytest.fixture(scope="session")
    def found(burden_session): return burden_session("linear", "1x4", max_macs=7)
    @pytest.mark.xfail(strict=False)
    def test_it(found): pass
    """
    result = apart(test, "-n1")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(xpassed=1, errors=1)
    result.stdout.fnmatch_lines(["burden_session#str is over max_macs by 1 MACs (14.3 %)"])


def test_part_of_a_run(apart: Project) -> None:
    """What workers deselect is known to the controller, which alone judges."""
    config = '[tool.burden.budgets."*::nothing"]\nmax_params = 1\n'
    test = "def test_a(burden): burden('linear', '1x4')\ndef test_b(): pass"
    assert apart(test, "-n1", "-k", "test_a", config=config).ret == pytest.ExitCode.OK
    assert apart(test, "-n1", config=config).ret == pytest.ExitCode.TESTS_FAILED


def test_large_measurements(apart: Project, pytester: pytest.Pytester) -> None:
    """Thousands of module rows travel, where a report will show them, and are all there."""
    pytester.makepyfile(
        big="""
        import dataclasses, sys
        engine = sys.modules["pytest_burden.engine.measure"]
        plain = engine.measure

        def measure(model, *args, **options):
            found = plain(model, *args, **options)
            row = found.module_rows[0]
            rows = tuple(row._replace(path=f"layer.{n}") for n in range(5_000))
            return dataclasses.replace(found, module_rows=rows)

        engine.measure = measure
        """
    )
    test = "import big\ndef test_it(burden): burden('linear', '1x4')"
    options = ["--burden-json=out.json", "-n1", "-o", "pythonpath=."]
    apart(test, *options).assert_outcomes(passed=1)
    (measurement,) = written(pytester)["measurements"]
    assert len(measurement["burden"]["module_rows"]) == 5_000


def test_two_networks_of_one_name(apart: Project, pytester: pytest.Pytester) -> None:
    """Workers that cannot know of each other measure two networks under one name: neither is it."""
    tests = """
    import pytest
    @pytest.fixture(scope="module")
    def net(burden_session): return burden_session("linear", "{}x4", name="net")
    def test_one(net): pass
    def test_two(net): pass
    """
    pytester.makepyfile(test_other=tests.format(8))
    result = apart(tests.format(1), "-n2", "--dist=loadfile")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["*another network is measured under this name, by another worker*"]
    )
