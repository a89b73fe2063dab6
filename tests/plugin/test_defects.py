"""What other tools that hold budgets get wrong, each shown once: here it goes well.

Found in pytest-memray (1 to 4), pytest-benchmark (5, 6), pytest-codspeed (7), syrupy (8),
pytest-regressions (9), pytest-github-actions-annotate-failures (10), pytest's own closest marker
(11), bundlewatch (12), tools that comment on pull requests (13) and pytest-cov (14).
"""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import Project
from tests.report.rendered import OURS, Page, command

FILE = "burden-baseline.json"
FAILED = pytest.ExitCode.TESTS_FAILED
USAGE = pytest.ExitCode.USAGE_ERROR
GROWS = "import os\ndef test_it(burden): burden('linear', '1x4', grow_params=0)\n"


def test_1_a_function_may_loosen_its_class(project: Project) -> None:
    """The nearer marker holds, not each of them."""
    project("""
    @pytest.mark.burden(max_params=1)
    class TestNet:
        @pytest.mark.burden(max_params="100k")
        def test_it(self, burden): burden(small, "1x4")
    """).assert_outcomes(passed=1)


@pytest.mark.parametrize("wrong", ["max_params='5 Foo'", "max_params='-5'", "params_max=5"])
def test_2_a_bad_marker_is_no_internal_error(project: Project, wrong: str) -> None:
    """Told with file and line before a test runs, by the exit code of a usage error."""
    result = project(f"""
    def test_fine(burden): burden(small, "1x4")
    @pytest.mark.burden({wrong})
    def test_it(burden): burden(small, "1x4")
    """)
    assert result.ret == USAGE
    assert "INTERNALERROR" not in result.stdout.str()
    assert "test_it.py:5: " in result.stderr.str()


def test_3_a_unit_is_read_to_its_end(project: Project) -> None:
    """What only begins with a unit is none."""
    result = project("""
    def test_it(burden): burden(small, "1x4", max_activation_memory="500 MBananas")
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*unknown unit 'MBananas'*"])


@pytest.mark.parametrize("by", ["command line", "configuration"])
def test_4_an_option_holds_wherever_it_is_set(project: Project, by: str) -> None:
    """The table is switched off by either."""
    options = ["--burden-table=off"] if by == "command line" else []
    config = '[tool.burden]\ntable = "off"\n' if by == "configuration" else ""
    result = project("def test_it(burden): burden(small, '1x4')", *options, config=config)
    assert "measurement" not in result.stdout.str()


def test_4_a_run_without_the_option_leaves_the_baseline(project: Project) -> None:
    """What has grown does not become the measure by being run twice."""
    project("def test_it(burden): burden(small, '1x4')", "--burden-update")
    for _ in range(2):
        assert project("def test_it(burden): burden(small, '2x4')").ret == FAILED


def test_5_a_regression_is_a_failure_everywhere(
    project: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a new test, too: JUnit has as many failures as the exit code says."""
    project("def test_it(burden): burden(small, '1x4')", "--burden-update")
    monkeypatch.setenv("CI", "1")
    result = project(
        """
        def test_it(burden): burden(small, "2x4")
        def test_renamed_and_grown(burden): burden(small, "3x4")
        """,
        "--junitxml=junit.xml",
    )
    assert result.ret == FAILED
    assert 'failures="2"' in (pytester.path / "junit.xml").read_text(encoding="utf-8")


@pytest.mark.parametrize("workers", [[], ["-n2"]])
def test_6_workers_do_not_switch_the_gate_off(apart: Project, workers: list[str]) -> None:
    """The same exit code with and without them."""
    apart(GROWS, "--burden-update")
    assert apart(GROWS, *workers).ret == 0
    assert apart(GROWS.replace("'1x4'", "'1x4', max_params=9"), *workers).ret == FAILED


def test_7_workers_measure_as_much(apart: Project) -> None:
    """And the summary says so."""
    result = apart(GROWS, "-n2")
    result.stdout.fnmatch_lines(["*burden: 1 measured*"])


def test_8_a_dying_worker_takes_nothing_from_the_file(
    apart: Project, pytester: pytest.Pytester
) -> None:
    """Measurements of tests that it had run, or would have run, stay in the baseline."""
    test = """
    import os
    @pytest.mark.parametrize("n", range(8))
    def test_it(burden, n):
        burden("linear", "1x4")
        if n == 5 and os.environ.get("DIE"): os._exit(1)
    """
    apart(test, "--burden-update")
    before = (pytester.path / FILE).read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIE", "1")
        apart(test, "-n2", "--burden-update")
    assert (pytester.path / FILE).read_bytes() == before


def test_9_ids_that_look_alike_are_not_alike(project: Project, pytester: pytest.Pytester) -> None:
    """Each has an entry of its own."""
    test = """
    @pytest.mark.parametrize("n", ["a-b", "a_b", "a/b"])
    def test_it(burden, n): burden(small, "1x4")
    class TestOne:
        def test_it(self, burden): burden(small, "1x4")
    class TestTwo:
        def test_it(self, burden): burden(small, "1x4")
    """
    project(test, "--burden-update")
    records = json.loads((pytester.path / FILE).read_text(encoding="utf-8"))["records"][:-1]
    assert sorted(record[2] for record in records if record[1] == "measurement") == [
        "test_it.py::TestOne::test_it",
        "test_it.py::TestTwo::test_it",
        "test_it.py::test_it[a-b]",
        "test_it.py::test_it[a/b]",
        "test_it.py::test_it[a_b]",
    ]


def test_10_annotations_are_not_lost(
    project: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one stream they begin lines, there are ten with a count of the rest, files are whole."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    folder = pytester.mkdir("a,b%20c")
    (folder / "test_t.py").write_text(
        "import nets, pytest\n"
        "@pytest.mark.parametrize('n', range(14))\n"
        "def test_it(burden, n): burden(nets.small, '1x4', max_params=1)\n",
        encoding="utf-8",
    )
    result = project()
    result.assert_outcomes(failed=14)
    lines = [line for line in result.outlines if "::error" in line]
    found = [command(line) for line in lines]
    assert len(found) == 10
    assert {each.properties["file"] for each in found[:9]} == {"a,b%20c/test_t.py"}
    assert "and 5 more" in found[9].message
    assert "::error" not in result.stderr.str()


def test_11_a_class_comes_before_its_bases(project: Project) -> None:
    """The marker of the class itself holds."""
    project("""
    @pytest.mark.burden(max_params=1)
    class Base: pass
    @pytest.mark.burden(max_params=100)
    class TestNet(Base):
        def test_it(self, burden): burden(small, "1x4")
    """).assert_outcomes(passed=1)


@pytest.mark.parametrize("value", ['"100 bananas"', '""', "[]", "nan", "true"])
def test_12_a_limit_that_cannot_be_read_is_no_permission(project: Project, value: str) -> None:
    """It is an error, not infinite."""
    config = f"[tool.burden.limits]\nmax_params = {value}\n"
    assert project("def test_it(burden): burden(small, '1x4')", config=config).ret == USAGE


def test_13_names_do_not_break_the_table(
    project: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in an id is neither a cell nor a link, an image or a mention."""
    summary = pytester.path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    name = "a|b`c`<img src=x>@octocat #1 [d](http://e.fg) h@i.jk"
    project(f"""
    @pytest.mark.parametrize("net", [small], ids=[{name!r}])
    def test_it(burden, net): burden(net, "1x4")
    """)
    page = Page(summary.read_text(encoding="utf-8"))
    ((_, row),) = page.tables
    assert row[0] == f"test_it.py::test_it[{name}]"
    assert set(page.elements) <= OURS
    assert "octocat" not in page.plain


def test_14_no_number_contradicts_the_verdict(project: Project) -> None:
    """Where rounding would make them equal, both show all their digits."""
    result = project("""
    def test_it(burden):
        burden(lambda: nn_of(1_000_001), "1x1", max_params="1M")
    def nn_of(outputs):
        from torch import nn
        return nn.Linear(1, outputs, bias=False)
    """)
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "over max_params by 1 " in text
    assert "1_000_001" in text
    assert "1_000_000" in text
