"""``burden-baseline.json`` in real runs: when it is written, what is held against it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pytest_burden.budget.baseline import dump, read
from tests.plugin.conftest import Project

FILE = "burden-baseline.json"
SMALL = "def test_it(burden): burden(small, '1x4')"
LARGE = "def test_it(burden): burden(large, '1x10')"
TWO = """
def test_a(burden): burden(small, "1x4")
def test_b(burden): burden(large, "1x10", name="head")
"""
USAGE = pytest.ExitCode.USAGE_ERROR
FAILED = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def file(pytester: pytest.Pytester) -> Path:
    """Return where the baseline is written."""
    return pytester.path / FILE


def resized(outputs: int) -> str:
    """Return the module of networks, the small one with other outputs than 2."""
    return f"from torch import nn\ndef small(): return nn.Sequential(nn.Linear(4, {outputs}))"


def ids(file: Path) -> list[str]:
    """Return the measurements in a baseline."""
    known, problems = read(file.read_text(encoding="utf-8"))
    assert known is not None, problems
    return [*known.entries]


def test_written_only_on_request(project: Project, file: Path) -> None:
    """A run without the option writes nothing, and one with it what it measured."""
    project(TWO)
    assert not file.exists()
    result = project(TWO, "--burden-update")
    result.stdout.fnmatch_lines([f"{FILE} written: 2 new"])
    assert ids(file) == ["test_it.py::test_a", "test_it.py::test_b#head"]


ON_A_GPU = """
import torch

class Counted:
    device, name = torch.device("cpu"), "Stand-in"
    def allocated(self): return 1000
    def free(self): return 2**30
    def reset(self): pass
    def peak(self): return 5000

def test_it(burden, monkeypatch):
    monkeypatch.setattr("pytest_burden.engine.measure.find_gpu", lambda _: Counted())
    found = burden(small, "1x4", max_cuda_memory="1 GiB", GROWTH)
    assert found.cuda_memory == 4000
"""


def test_what_a_gpu_counts_is_not_written(project: Project, file: Path) -> None:
    """A machine without one would write another file; so its growth cannot be held here."""
    test = ON_A_GPU.replace("GROWTH", "")
    project(test, "--burden-update").stdout.fnmatch_lines([f"{FILE} written: 1 new"])
    assert '"flops"' in file.read_text(encoding="utf-8")
    assert "cuda" not in file.read_text(encoding="utf-8")
    project(test, "--burden-update").stdout.fnmatch_lines([f"{FILE} written: 1 unchanged"])
    project(test).assert_outcomes(passed=1)
    grown = project(ON_A_GPU.replace("GROWTH", "grow_cuda_memory=0"))
    assert grown.ret == FAILED
    grown.stdout.fnmatch_lines(
        [
            "*has a limit on the growth of cuda_memory",
            "*no growth*test_it.py:*",
            f"*It is read off one machine's counters: {FILE} does not keep it.",
            "*Use max_cuda_memory, or compare two runs of one machine: burden diff.",
        ]
    )


@pytest.mark.parametrize(
    ("kept", "attributes", "says"),
    [
        (False, "", ""),
        (True, "", f"; the line '{FILE} merge=union' in .gitattributes lets git merge it"),
        (True, f"*.py text\n{FILE} merge=union\n", ""),
    ],
)
def test_written_into_a_repository(
    project: Project, file: Path, kept: bool, attributes: str, says: str
) -> None:
    """Where git keeps the file, the first run says how two branches do not collide in it."""
    if kept:
        (file.parent / ".git").mkdir()
    (file.parent / ".gitattributes").write_text(attributes, encoding="utf-8")
    project(TWO, "--burden-update").stdout.fnmatch_lines([f"{FILE} written: 2 new{says}"])
    project(TWO, "--burden-update").stdout.fnmatch_lines([f"{FILE} written: 2 unchanged"])


def test_other_inputs(project: Project, file: Path) -> None:
    """A growth says that more was asked of the network, beside how much it is."""
    project(SMALL, "--burden-update")
    assert file.exists()
    result = project(SMALL.replace("1x4", "2x4"))
    assert result.ret == FAILED
    result.stdout.fnmatch_lines(["*grew in flops by *"])
    result.stdout.fnmatch_lines(["    inputs were float32[[]1, 4[]] and are float32[[]2, 4[]]"])


def test_written_again(project: Project, file: Path) -> None:
    """The same measurements give the same file, to the byte."""
    project(TWO, "--burden-update")
    before = file.read_bytes()
    result = project(TWO, "--burden-update")
    result.stdout.fnmatch_lines([f"{FILE} written: 2 unchanged"])
    assert file.read_bytes() == before
    assert project(TWO).ret == 0


def test_growth_fails_the_test(project: Project, pytester: pytest.Pytester) -> None:
    """In the exit code, in JUnit, in the JSON, with the module that did it."""
    project(SMALL, "--burden-update")
    pytester.makepyfile(nets=resized(3))
    result = project(SMALL, "--junitxml=junit.xml", "--burden-json=burden.json")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "grew in flops by 5 FLOPs (50.0 %), and in params, macs, activation_memory",
            "    by module  0   +5 FLOPs, +5 params, +4 B activation (4×2→4×3*)",
        ]
    )
    suite = next(iter(ET.parse(pytester.path / "junit.xml").getroot()))  # noqa: S314 written by pytest
    assert suite.attrib["failures"] == "1"
    data = json.loads((pytester.path / "burden.json").read_text(encoding="utf-8"))
    (measurement,) = data["measurements"]
    assert (data["verdict"], measurement["verdict"]) == ("fail", "grew")
    assert {v["limit"]["metric"]: (v["base"], v["measured"]) for v in measurement["verdicts"]} == {
        "params": (10, 15),
        "macs": (8, 12),
        "flops": (10, 15),
        "activation_memory": (8, 12),
    }
    assert [c["path"] for c in measurement["changes"] if c["path"]] == ["0"]


@pytest.mark.parametrize(
    ("rule", "passes"),
    [
        ("", False),
        ("grow_params='49%', grow_flops='49%', grow_macs='any', grow_activation_memory=4", False),
        ("grow_params='50%', grow_flops=5, grow_macs='any', grow_activation_memory=4", True),
        ("grow_params='1% & 5', grow_flops='50% & 0', grow_macs=4, grow_activation_memory=4", True),
        (
            "grow_params='1% & 4', grow_flops='50% & 0', grow_macs=4, grow_activation_memory=4",
            False,
        ),
    ],
)
def test_growth_limits(
    project: Project, pytester: pytest.Pytester, rule: str, passes: bool
) -> None:
    """A growth equal to its limit passes; with two parts only what exceeds both fails."""
    test = f"@pytest.mark.burden({rule})\n{SMALL}"
    project(test, "--burden-update")
    pytester.makepyfile(nets=resized(3))
    assert (project(test).ret == 0) is passes


def test_less_is_a_warning(project: Project, pytester: pytest.Pytester) -> None:
    """A network that got lighter passes, and says that the baseline is loose."""
    project(SMALL, "--burden-update")
    pytester.makepyfile(nets=resized(1))
    result = project(SMALL)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["test_it.py::test_it shrank in flops by 5 FLOPs*"])


@pytest.mark.parametrize(("on_ci", "code"), [("", 0), ("true", FAILED)])
def test_new(project: Project, monkeypatch: pytest.MonkeyPatch, on_ci: str, code: int) -> None:
    """A measurement that the file does not know."""
    project(SMALL, "--burden-update")
    monkeypatch.setenv("CI", on_ci)
    result = project(f"{SMALL}\ndef test_more(burden): burden(large, '1x10')")
    assert result.ret == code
    result.stdout.fnmatch_lines([f"*new to {FILE}", "Add it with burden baseline update."])


def test_growth_limit_without_a_baseline(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of growth is never off: without a file everything is new."""
    monkeypatch.setenv("CI", "true")
    result = project("def test_it(burden): burden(small, '1x4', grow_flops='2%')")
    assert result.ret == FAILED
    result.stdout.fnmatch_lines([f"new to {FILE}"])


FULL = """
def test_a(burden): burden(small, "1x4")
def test_b(burden): burden(small, "2x4")
"""


@pytest.mark.parametrize(
    ("test", "options", "stale"),
    [
        ("def test_a(burden): burden(small, '1x4')", [], True),
        ("def test_a(burden): burden(small, '1x4')", ["test_it.py"], False),
        (FULL, ["-k", "test_a"], False),
        (FULL, ["-m", "not nothing"], False),
        (FULL, ["--deselect", "test_it.py::test_b"], False),
        (FULL, ["--collect-only"], False),
        (f"def test_0(): assert 0\n{FULL}", ["-x"], False),
        (f"@pytest.mark.skip\ndef test_b(burden): burden()\n{FULL.splitlines()[1]}", [], False),
        (f"def test_b(burden): assert 0\n{FULL.splitlines()[1]}", [], False),
        (f"@pytest.mark.xfail\ndef test_b(burden): assert 0\n{FULL.splitlines()[1]}", [], False),
        (f"def test_b(): pass\n{FULL.splitlines()[1]}", [], True),
        (f"pytest.skip(allow_module_level=True)\n{FULL}", [], False),
    ],
)
def test_stale(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    test: str,
    options: list[str],
    stale: bool,
) -> None:
    """An entry that a full run did not measure, though nothing kept it from that."""
    project(FULL, "--burden-update")
    monkeypatch.setenv("CI", "true")
    result = project(test, *options)
    said = f"test_it.py::test_b is in {FILE}, and no test measured it" in result.stdout.str()
    assert said is stale
    assert result.ret == FAILED or not stale


def test_last_failed_is_no_full_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What --lf leaves out is not stale."""
    project(FULL, "--burden-update")
    monkeypatch.setenv("CI", "true")
    broken = FULL.replace('"2x4")', '"2x4"); assert 0')
    project(broken)
    assert "no test measured it" not in project(broken, "--lf").stdout.str()


def test_renamed(project: Project, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same network under another id is one row, and one entry after the update."""
    project(TWO, "--burden-update")
    monkeypatch.setenv("CI", "true")
    other = TWO.replace("test_a", "test_z")
    result = project(other, "--burden-json=burden.json")
    assert result.ret == FAILED
    assert "stale" not in result.stdout.str()
    data = json.loads((file.parent / "burden.json").read_text(encoding="utf-8"))
    assert [
        (m["id"], v["detail"])
        for m in data["measurements"]
        for v in m["verdicts"]
        if v["kind"] == "new"
    ] == [("test_it.py::test_z", "test_it.py::test_a")]
    monkeypatch.delenv("CI")
    project(other, "--burden-update").stdout.fnmatch_lines(
        [f"{FILE} written: 1 unchanged, 1 renamed"]
    )
    assert ids(file) == ["test_it.py::test_b#head", "test_it.py::test_z"]


def test_refused_on_ci(project: Project, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything runs; the other option writes all the same."""
    monkeypatch.setenv("CI", "true")
    result = project(SMALL, "--burden-update")
    assert (result.ret, file.exists()) == (USAGE, False)
    result.stderr.fnmatch_lines(["*--burden-update is refused, for CI is set*--burden-force*"])
    assert project(SMALL, "--burden-update", "--burden-force").ret == 0
    assert ids(file) == ["test_it.py::test_it"]


def test_forced_by_the_project_itself(
    project: Project, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where each run on CI renewed the baseline, none would be held to it."""
    monkeypatch.setenv("CI", "true")
    addopts = 'addopts = "--burden-update --burden-force"\n'
    assert (project(SMALL, config=addopts).ret, file.exists()) == (USAGE, False)
    assert (project(SMALL, "--burden-force", config=addopts).ret, file.exists()) == (0, True)


def test_forced_over_workers(apart: Project, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are told by options alone."""
    monkeypatch.setenv("CI", "true")
    assert apart(LINEAR, "-n1", "--burden-update", "--burden-force").ret == 0
    assert len(ids(file)) == 7


@pytest.mark.parametrize(
    ("body", "written"),
    [
        ("burden(large, '1x10')", True),
        ("burden(large, '1x10', max_params=1)", True),
        ("burden(large, '1x10'); assert 0", False),
        ("burden(large, '1x10'); pytest.skip()", False),
        ("burden(large, '1x10'); pytest.xfail()", False),
    ],
)
def test_only_what_ran_to_its_end(project: Project, file: Path, body: str, written: bool) -> None:
    """A test that broke off may have measured half of what it measures."""
    project(SMALL, "--burden-update")
    before = file.read_text(encoding="utf-8")
    result = project(f"def test_it(burden): {body}", "--burden-update")
    assert (file.read_text(encoding="utf-8") != before) is written
    if not written:
        result.stdout.fnmatch_lines([f"{FILE} not written: nothing measured"])
        assert result.ret == FAILED


@pytest.mark.parametrize("options", [["-k", "test_a"], ["test_it.py::test_a"], ["-x"]])
def test_a_part_leaves_the_rest(project: Project, file: Path, options: list[str]) -> None:
    """An update of a few tests renews their entries and takes nothing out."""
    project(TWO, "--burden-update")
    other = TWO.replace('small, "1x4"', 'small, "3x4"')
    if options == ["-x"]:
        other = other.replace("def test_b", "def test_ab(): assert 0\ndef test_b")
    project(other, "--burden-update", *options).stdout.fnmatch_lines([f"{FILE} written: 1 changed"])
    assert ids(file) == ["test_it.py::test_a", "test_it.py::test_b#head"]


def test_stale_entries_stay(project: Project, file: Path) -> None:
    """Nothing is pruned, in a full run neither."""
    project(TWO, "--burden-update")
    project("def test_c(burden): burden(small, '5x4')", "--burden-update")
    assert ids(file) == ["test_it.py::test_a", "test_it.py::test_b#head", "test_it.py::test_c"]


BREAKS: dict[str, tuple[Callable[[str], str], int | None, str]] = {
    "conflict": (lambda text: f"<<<<<<< ours\n{text}", 1, "a merge was not resolved"),
    "float": (
        lambda text: text.replace('"params", 10]', '"params", 10.0]'),
        4,
        "not a whole number",
    ),
    "edited": (
        lambda text: text.replace('"params", 10]', '"params", 9]'),
        2,
        "facts and check differ",
    ),
    "metric": (
        lambda text: text.replace('"params"', '"parms"'),
        4,
        "unknown metric (nearest: params)",
    ),
    "cut": (lambda text: text[: len(text) // 2], None, "not JSON"),
    "rules": (lambda text: text.replace('"rule_set": 1', '"rule_set": 99'), 1, "rule set 99"),
    "empty": (lambda _: "", 1, "not JSON"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_broken(project: Project, file: Path, name: str) -> None:
    """Told with its line before a test runs; a full update writes the file anew."""
    project(SMALL, "--burden-update")
    good = file.read_text(encoding="utf-8")
    damage, line, reason = BREAKS[name]
    file.write_text(damage(good), encoding="utf-8")
    result = project(SMALL)
    assert result.ret == USAGE
    place = f"{FILE}:{line}" if line else FILE
    told = result.stderr.str()
    assert place in told
    assert reason in told
    assert project(SMALL, "--burden-update").ret == 0
    assert file.read_text(encoding="utf-8") == good


def test_no_text(project: Project, file: Path) -> None:
    """A file that is no UTF-8 is told as any that is broken, and one that cannot be opened too."""
    file.write_bytes(b"\xff\xfe")
    result = project(SMALL)
    assert result.ret == USAGE
    result.stderr.fnmatch_lines([f"*{FILE}*not UTF-8*"])
    file.unlink()
    file.mkdir()
    result = project(SMALL)
    assert result.ret == USAGE
    result.stderr.fnmatch_lines([f"*{FILE}*cannot be read*"])


def test_broken_and_only_a_part(project: Project, file: Path) -> None:
    """What cannot be read is not written over by a run that measures less than all."""
    project(TWO, "--burden-update")
    file.write_text("broken", encoding="utf-8")
    result = project(TWO, "--burden-update", "-k", "test_a")
    assert result.ret == FAILED
    result.stdout.fnmatch_lines([f"{FILE} not written: the file is broken, so everything*(-k)"])
    assert file.read_text(encoding="utf-8") == "broken"


def test_other_torch(project: Project, file: Path) -> None:
    """Counts of arithmetic are held against another torch's, peaks and operators only warn."""
    test = "def test_it(burden): burden(large, '1x10', grow_peak_memory=0, grow_ops=0)"
    project(test.replace("large, '1x10'", "small, '1x4'"), "--burden-update")
    known, _ = read(file.read_text(encoding="utf-8"))
    assert known is not None
    file.write_text(dump(replace(known, torch="2.0")), encoding="utf-8")
    result = project(test, "--burden-json=burden.json")
    (measurement,) = json.loads((file.parent / "burden.json").read_text(encoding="utf-8"))[
        "measurements"
    ]
    policies = {
        v["limit"]["metric"]: v["policy"] for v in measurement["verdicts"] if v["kind"] == "grew"
    }
    assert policies["flops"] == "fail"
    assert policies["peak_memory"] == "warn"
    assert result.ret == FAILED


def test_other_convention(project: Project) -> None:
    """Figures that are counted otherwise are not compared."""
    project(SMALL, "--burden-update")
    result = project(SMALL, config="[tool.burden]\nfma = 2\n")
    assert result.ret == FAILED
    result.stdout.fnmatch_lines(
        [
            f"cannot be compared with {FILE}: fma was 1 and is 2",
            "*Renew it with burden baseline update.",
        ]
    )


OTHERS = "grow_params='any', grow_macs='any', grow_activation_memory='any'"
ALLOW = """
[[tool.burden.allow]]
id = "{id}"
metric = "{metric}"
up_to = {up_to}
reason = "wider head"
until = {until}
"""


@pytest.mark.parametrize(
    ("table", "code", "says"),
    [
        ({}, 0, "Accepted growth: test_it.py::test_it: *is allowed until 9999-01-01: wider head"),
        ({"id": "*::test_i?"}, 0, "Accepted growth: *"),
        ({"up_to": 14}, FAILED, "grew in flops by 5 FLOPs (50.0 %)"),
        ({"until": "2020-01-01"}, FAILED, "*flops was allowed until 2020-01-01: wider head"),
        ({"metric": "macs"}, FAILED, "grew in flops by 5 FLOPs (50.0 %)"),
        ({"id": "test_it.py::other"}, FAILED, "grew in flops by 5 FLOPs (50.0 %)"),
    ],
)  # fmt: skip
def test_allowance(
    project: Project, pytester: pytest.Pytester, table: dict[str, object], code: int, says: str
) -> None:
    """A growth that is accepted with a reason, up to a value and a day."""
    test = f"@pytest.mark.burden({OTHERS})\n{SMALL}"
    project(test, "--burden-update")
    pytester.makepyfile(nets=resized(3))
    usual = {"id": "test_it.py::test_it", "metric": "flops", "up_to": 15, "until": "9999-01-01"}
    result = project(test, config=ALLOW.format_map(usual | table))
    assert result.ret == code
    result.stdout.fnmatch_lines([says])


@pytest.mark.parametrize("options", [[], ["-k", "test_it"]])
def test_allowance_that_nothing_needs(
    project: Project, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """Where nothing has grown, the permission to grow has to go; only a full run can tell."""
    project(SMALL, "--burden-update")
    monkeypatch.setenv("CI", "true")
    table = {"id": "test_it.py::test_it", "metric": "flops", "up_to": 15, "until": "9999-01-01"}
    result = project(SMALL, *options, config=ALLOW.format_map(table))
    needless = "the allowance for flops of test_it.py::test_it is no longer needed"
    assert (needless in result.stdout.str()) == (not options)
    assert result.ret == (0 if options else FAILED)


def test_models_that_are_gone(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that pyproject.toml has no longer is stale in whatever was run."""
    model = '[tool.burden.models.{}]\nbuild = "nets:{}"\ninputs = ["{}"]\n'
    both = model.format("a", "small", "1x4") + model.format("b", "large", "1x10")
    project("", "--burden-update", config=both)
    monkeypatch.setenv("CI", "true")
    result = project("", "pyproject.toml", config=model.format("a", "small", "1x4"))
    result.stdout.fnmatch_lines([f"pyproject.toml::b is in {FILE}, and no test measured it"])
    assert result.ret == FAILED


LINEAR = """
@pytest.mark.parametrize("n", range(6))
@pytest.mark.xdist_group("together")
def test_many(burden, n): burden("linear", "1x4")
def test_one(burden): burden("linear", "1x4", name="head")
"""


@pytest.mark.parametrize(
    "dist", ["load", "loadscope", "loadfile", "loadgroup", "worksteal", "each"]
)
def test_workers_write_the_same_file(apart: Project, file: Path, dist: str) -> None:
    """The controller alone writes, and no id has what pytest-xdist appends to it."""
    apart(LINEAR, "--burden-update")
    alone = file.read_bytes()
    file.unlink()
    tests = ["--tx=2*popen"] if dist == "each" else ["-n2"]
    result = apart(LINEAR, *tests, f"--dist={dist}", "--burden-update")
    result.stdout.fnmatch_lines([f"{FILE} written: 7 new"])
    assert file.read_bytes() == alone
    assert apart(LINEAR, *tests, f"--dist={dist}").ret == 0


def test_killed_worker_takes_nothing_along(apart: Project, file: Path) -> None:
    """What a lost worker had measured before is written, the rest stays as it was."""
    test = """
    import os
    def test_a(burden): burden("linear", "1x4")
    def test_b(burden): burden("linear", "1x4")
    def test_dies(burden):
        burden("linear", "1x4")
        if os.environ.get("DIE"): os._exit(1)
    def test_z(burden): burden("linear", "1x4")
    """
    apart(test, "--burden-update")
    before = file.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIE", "1")
        result = apart(test, "-n2", "--burden-update")
        assert result.ret != 0
        assert file.read_bytes() == before
        patch.setenv("CI", "true")
        assert "no test measured it" not in apart(test, "-n2").stdout.str()


def test_run_again(apart: Project, file: Path) -> None:
    """Of a test that is run again after a failure, the last attempt counts."""
    test = """
    import pathlib
    def test_it(burden):
        tried = pathlib.Path("tried")
        burden("linear", "1x4" if tried.exists() else "2x4")
        if not tried.exists():
            tried.touch()
            assert False
    """
    result = apart(test, "--reruns=1", "--burden-update")
    result.stdout.fnmatch_lines([f"{FILE} written: 1 new"])
    assert ids(file) == ["test_it.py::test_it"]
    assert '"inputs": ["1x4"]' in file.read_text(encoding="utf-8")


AGAIN = """
import pathlib
def test_it(burden):
    burden("linear", "1x4", name="x")
    if {fails} and not pathlib.Path("tried").exists():
        pathlib.Path("tried").touch()
        assert False
    {then}
"""
SHARED = """
@pytest.fixture(scope="session")
def found(burden_session): return burden_session("linear", "1x4", name="net", max_params={most})
def test_it(found, burden):
    burden("linear", "1x4")
    import pathlib
    tried = pathlib.Path("tried")
    if {fails} and not tried.exists(): tried.touch(); assert False
"""


@pytest.mark.parametrize("workers", [[], ["-n1"]])
def test_a_conftest_that_is_not_on_ci(apart: Project, file: Path, workers: list[str]) -> None:
    """What takes CI out of the environment of its tests lets nobody off."""
    test = "def test_{}(burden): burden('linear', '1x4')"
    apart(test.format("a"), "--burden-update")
    conftest = file.parent / "conftest.py"
    off = "import os\nos.environ.pop('CI', None)\n"
    conftest.write_text(f"{off}{conftest.read_text(encoding='utf-8')}", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CI", "true")
        result = apart(test.format("b").replace("1x4", "2x4"), *workers)
        result.assert_outcomes(failed=1, errors=1)
        apart(test.format("b"), "--burden-update").stderr.fnmatch_lines(
            ["*refused, for CI is set*"]
        )
    assert apart(test.format("b")).ret == 0


@pytest.mark.parametrize("fails", [False, True])
def test_run_again_hides_nothing(apart: Project, file: Path, fails: bool) -> None:
    """A test that passes at last has measured all that it measures: what is missing is stale."""
    apart(AGAIN.format(fails=False, then='burden("linear", "1x4", name="gone")'), "--burden-update")
    assert ids(file) == ["test_it.py::test_it#gone", "test_it.py::test_it#x"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CI", "true")
        result = apart(AGAIN.format(fails=fails, then=""), "--reruns=1", "--burden-json=out.json")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"*test_it#gone is in {FILE}, and no test measured it"])
    data = json.loads((file.parent / "out.json").read_text(encoding="utf-8"))
    assert (data.get("unfinished", []), data.get("failed", [])) == ([], [])


@pytest.mark.parametrize(("most", "code"), [(10, 0), (9, FAILED)])
@pytest.mark.parametrize("fails", [False, True])
def test_run_again_with_a_fixture(
    apart: Project, file: Path, fails: bool, most: int, code: int
) -> None:
    """What a session fixture has measured for the first attempt is measured."""
    result = apart(SHARED.format(fails=fails, most=most), "--reruns=1", "--burden-json=out.json")
    assert result.ret == code
    data = json.loads((file.parent / "out.json").read_text(encoding="utf-8"))
    found = {each["id"]: each["verdict"] for each in data["measurements"]}
    assert found == {
        "burden_session#net": "over" if code else "pass",
        "test_it.py::test_it": "no limit",
    }


EMPTY = "@pytest.mark.parametrize('n', {values})\ndef test_p(burden, n): burden(small, f'{{n}}x4')"


@pytest.mark.parametrize("mark", ["skip", "xfail"])
@pytest.mark.parametrize("pairs", [False, True])
def test_no_parameters(
    project: Project, monkeypatch: pytest.MonkeyPatch, mark: str, pairs: bool
) -> None:
    """Where a list of parameters is empty, nothing is known of those that it had."""
    both = "@pytest.mark.parametrize('m', 'ab')\n" if pairs else ""
    test = (both + EMPTY).replace("burden, n", "burden, n, m") if pairs else EMPTY
    config = f"empty_parameter_set_mark = '{mark}'\n"
    budget = '[tool.burden.budgets."test_it.py::test_p[1*"]\nmax_params = 10\n'
    project(test.format(values=[1, 2]), "--burden-update", config=config + budget)
    monkeypatch.setenv("CI", "true")
    result = project(test.format(values=[]), config=config + budget)
    assert (result.ret, "stale" in result.stdout.str()) == (0, False)
    # One of that name without parameters is another.
    result = project("def test_p(burden): burden(small, '9x4')", config=config)
    assert result.ret == FAILED
    result.stdout.fnmatch_lines(["*test_p[[]*1*] is in *, and no test measured it"])


@pytest.mark.parametrize(
    ("setting", "full"),
    [
        ("testpaths=sub", False),
        ("python_files=other_*.py", False),
        ("python_classes=Net", False),
        ("python_functions=test_a", False),
        ("norecursedirs=sub", False),
        ("console_output_style=classic", True),
    ],
)
def test_settings_that_leave_tests_out(
    project: Project, monkeypatch: pytest.MonkeyPatch, setting: str, full: bool
) -> None:
    """What is chosen by -o is a part of the tests, as it is with a path."""
    project(FULL, "--burden-update")
    monkeypatch.setenv("CI", "true")
    result = project(FULL.replace("test_b", "test_ab"), "-o", setting, "--burden-json=out.json")
    data = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert data["partial"] == ([] if full else ["-o"])
    assert "stale" not in result.stdout.str()


@pytest.mark.parametrize("options", [["-p", "no:terminal"], ["-p", "no:cacheprovider"]])
def test_without_other_plugins(apart: Project, file: Path, options: list[str]) -> None:
    """Written, and held, whatever else is switched off."""
    test = "def test_it(burden): burden('linear', '1x4')"
    apart(test, "--burden-update", *options)
    text = file.read_text(encoding="utf-8")
    assert ids(file) == ["test_it.py::test_it"]
    assert apart(test, *options).ret == 0
    file.write_text(text.replace('"params", 10]', '"params", 9]'), encoding="utf-8")
    assert apart(test, *options).ret == USAGE


def test_subtests(project: Project, file: Path) -> None:
    """Measurements in subtests are the test's, each once."""
    test = """
    def test_it(burden, subtests):
        for n in (1, 2):
            with subtests.test(n=n):
                burden(small, f"{n}x4", name=f"n{n}")
    """
    project(test, "--burden-update").stdout.fnmatch_lines([f"{FILE} written: 2 new"])
    assert ids(file) == ["test_it.py::test_it#n1", "test_it.py::test_it#n2"]
    assert project(test).ret == 0
