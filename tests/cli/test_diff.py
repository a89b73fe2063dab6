"""`burden diff`: two files of either kind, or the project at two commits."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import pytest_burden
from pytest_burden.budget.baseline import Baseline, dump, entry_of
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.verdict import NO_GROWTH, Kind, Policy, Verdict
from pytest_burden.burden import Burden as Measured
from pytest_burden.burden import Convention
from pytest_burden.cli import main
from pytest_burden.report.jsonfile import write
from tests.budget.sample import burden as made
from tests.cli.conftest import NETS, Burden
from tests.report.sample import result

HERE = Path(__file__).parent
VERSIONS = {"pytest-burden": "0.1.0", "pytest": "9", "python": "3.11"}
NAME = "t.py::test_net"
MORE = made(flops=3_900_000_000)


def results(path: Path, measured: Measured) -> Path:
    """Write what a run with one measurement writes."""
    run = Run((result(NAME, measured),), convention=measured.convention)
    write(path.with_suffix(".results.json"), run, VERSIONS)
    return path.with_suffix(".results.json")


def baseline(path: Path, measured: Measured) -> Path:
    """Write a baseline with one measurement."""
    path = path.with_suffix(".baseline.json")
    text = dump(Baseline("2.13", {NAME: entry_of(NAME, measured)}))
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty project, on a developer's machine."""
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)


@pytest.mark.parametrize("one", [results, baseline])
@pytest.mark.parametrize("other", [results, baseline])
@pytest.mark.parametrize(
    ("config", "status"),
    [
        ("", 1),
        ('[tool.burden.limits]\ngrow_flops = "2%"', 0),
        ('[tool.burden.limits]\ngrow_flops = "1%"', 1),
        ('[tool.burden.budgets."*::test_net"]\ngrow_flops = "any"', 0),
        ('[tool.burden.policy]\ngrew = "warn"', 0),
        (
            (
                '[[tool.burden.allow]]\nid = "t.py::*"\nmetric = "flops"\nup_to = "3.9G"\n'
                'reason = "wider"\nuntil = 2999-01-01'
            ),
            0,
        ),
    ],
)
def test_files(one, other, config: str, status: int, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """The two kinds of files are one to it; pyproject.toml says what may grow."""
    (tmp_path / "pyproject.toml").write_text(config, encoding="utf-8")
    base, head = one(tmp_path / "a", made()), other(tmp_path / "b", MORE)
    assert main(["diff", str(base), str(head)]) == status
    assert main(["diff", str(head), str(base)]) == 0
    assert main(["diff", str(base), str(base)]) == 0


def test_a_base_that_was_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the comparison has held it to is no limit of its own, which a later run would lack."""
    files = [str(results(tmp_path / name, made())) for name in "ab"]
    judged = str(tmp_path / "judged.json")
    assert main(["diff", *files, "--results", judged]) == 0
    assert main(["diff", judged, files[0]]) == 0
    assert "eased" not in capsys.readouterr().out


def test_a_new_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That the baseline does not know it yet is no limit that is gone."""
    grow, known = NO_GROWTH[0], made()
    for name, verdict in (
        ("old", Verdict(Kind.PASS, "old", grow, known.params, Policy.IGNORE, base=known.params)),
        ("new", Verdict(Kind.NEW, "new", None, None, Policy.WARN)),
    ):
        run = Run((Result(name, name, known, (verdict,)),), convention=known.convention)
        write(tmp_path / name, run, VERSIONS)
    assert main(["diff", "old", "new"]) == 0
    assert capsys.readouterr().out.startswith("new (was old): renamed\n\nburden diff: 1 renamed (")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"partial": ("stopped early",)}, "not everything was measured: stopped early"),
        ({"partial": ("-k",)}, ""),
        ({"lost": ("worker gw0 was lost",)}, "worker gw0 was lost"),
        ({"failed": ("t.py::a",)}, "a failed before it had measured everything"),
    ],
)
@pytest.mark.parametrize("format_", ["terminal", "markdown", "json"])
def test_a_run_without_an_end(
    changed: dict[str, Any],
    told: str,
    format_: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What HEAD did not come to measure may be heavier: no pass. What the base lacks is no more."""
    whole, cut = tmp_path / "whole.json", tmp_path / "cut.json"
    run = Run((result(NAME, made()),))
    write(whole, run, VERSIONS)
    write(cut, replace(run, **changed), VERSIONS)
    assert main(["diff", str(whole), str(cut), "--format", format_]) == bool(told)
    printed = capsys.readouterr().out
    assert told in printed
    assert ('"verdict": "fail"' in printed) is (bool(told) and format_ == "json")
    assert main(["diff", str(cut), str(whole)]) == 0


@pytest.mark.parametrize(
    ("options", "ci", "status"), [([], "", 0), (["--strict"], "", 1), ([], "true", 1)]
)
def test_new(
    options: list[str], ci: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New and gone measurements fail where CI is set, or by hand."""
    monkeypatch.setenv("CI", ci)
    empty = tmp_path / "empty.json"
    empty.write_text(dump(Baseline("2.13")), encoding="utf-8")
    full = results(tmp_path / "a", made())
    assert main(["diff", str(empty), str(full), *options]) == status
    assert main(["diff", str(full), str(empty), *options]) == status


@pytest.mark.parametrize(
    ("mark", "status"), [("", 1), ("@pytest.mark.xfail", 0), ("@pytest.mark.xfail(strict=True)", 0)]
)
def test_a_test_that_may_fail(
    project: Path, burden: Burden, warm_python: str, mark: str, status: int
) -> None:
    """Growth that pytest excuses is excused here too, and told."""
    test = f"import pytest\nfrom nets import small\n{mark}\ndef test_a(burden):"
    (project / "test_it.py").write_text(f"{test} burden(small, '1x4')", encoding="utf-8")
    burden("baseline", "update", "test_it.py::test_a")
    (project / "test_it.py").write_text(f"{test} burden(lambda: small(9), '1x4')", encoding="utf-8")
    ran = subprocess.run(
        [warm_python, "-m", "pytest", "-q", "--burden-json=head.json"],
        cwd=project,
        check=False,
        capture_output=True,
    )
    assert ran.returncode == status
    done = burden("diff", "burden-baseline.json", "head.json")
    assert done.returncode == status, done.stdout
    assert ("test_it.py::test_a: grew (xfailed)\n" in done.stdout) is (status == 0)


def test_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text, Markdown, JSON, also into a file."""
    files = [str(results(tmp_path / "a", made())), str(baseline(tmp_path / "b", MORE))]
    assert main(["diff", *files]) == 1
    expected = (HERE / "golden" / "diff.txt").read_text(encoding="utf-8")
    assert capsys.readouterr().out.replace(f"{tmp_path}{os.sep}", "") == expected
    assert main(["diff", *files, "--format", "json"]) == 1
    (measurement,) = json.loads(capsys.readouterr().out)["measurements"]
    assert measurement["metrics"] == {"flops": {"before": 3_850_000_000, "after": 3_900_000_000}}
    there = tmp_path / "diff.md"
    assert main(["diff", *files, "--format", "markdown", "--output", str(there)]) == 1
    assert capsys.readouterr().out == ""
    assert there.read_text(encoding="utf-8").startswith("## :x: burden diff: 1 grew\n")


@pytest.mark.parametrize(
    ("config", "option", "shown"),
    [
        ("", [], True),
        ('github = "off"', [], False),
        ("", ["--burden-github=off"], False),
        ('github = "off"', ["--burden-github=auto"], True),
    ],
)
def test_step_summary(
    config: str, option: list[str], shown: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On GitHub Actions the comparison stands in the summary, below what others have written."""
    (tmp_path / "pyproject.toml").write_text(f"[tool.burden]\n{config}", encoding="utf-8")
    summary = tmp_path / "summary.md"
    summary.write_text("Of others.\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    files = [str(results(tmp_path / "a", made())), str(results(tmp_path / "b", MORE))]
    main(["diff", *option, *files])
    text = summary.read_text(encoding="utf-8")
    assert text.startswith(
        "Of others.\n\n## :x: burden diff: 1 grew\n" if shown else "Of others.\n"
    )
    assert ("burden diff" in text) is shown


def cancelled(*_: object) -> object:
    """Do as if somebody had pressed Ctrl-C."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("how", ["broken", "cancelled"])
def test_no_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """The head's results fail and say why, until a comparison comes to its end."""
    summary, judged = tmp_path / "summary.md", tmp_path / "judged.json"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    head = str(results(tmp_path / "b", made()))
    options = ["diff", "--results", str(judged)]
    with monkeypatch.context() as patched:
        if how == "cancelled":
            patched.setattr("pytest_burden.commands.diff.compare", cancelled)
            assert main([*options, head, head]) == 130
            why = "it did not come to its end"
        else:
            assert main([*options, "nowhere.json", head]) == 2
            why = "nowhere.json cannot be read: No such file or directory"
    data = json.loads(judged.read_text(encoding="utf-8"))
    assert data["verdict"] == "fail"
    (verdict,) = data["verdicts"]
    assert verdict["detail"] == f"nothing is compared with the base\n{why}"
    assert summary.read_text(encoding="utf-8") == (
        f"## :x: burden diff: not compared\n\n<pre>{why}</pre>\n"
    )
    assert main([*options, head, str(judged)]) == 0
    data = json.loads(judged.read_text(encoding="utf-8"))
    assert (data["verdict"], data["verdicts"]) == ("pass", [])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "two files belong here, not 0: burden diff BASE HEAD, or burden diff --base REF"),
        (["a.json"], "two files belong here, not 1"),
        (["nowhere.json", "a.json"], "nowhere.json cannot be read: No such file or directory"),
        (["empty.json", "a.json"], "empty.json: neither results (pytest --burden-json=empty.json)"),
        (["broken.json", "a.json"], "broken.json:1: not JSON"),
        (["old.json", "a.json"], "old.json: results of schema 0"),
        (["edited.json", "a.json"], ": t.py::test_net\n    facts and check differ"),
        (["--base", "main"], "is in no repository that git can use: "),
        (["a.json", "a.json", "--head", "a.json"], "--head belongs to --base: burden diff --base"),
    ],
)
def test_refused(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong is said, with exit status 2."""
    results(tmp_path / "a", made()).rename(tmp_path / "a.json")
    (tmp_path / "empty.json").write_text("{}", encoding="utf-8")
    (tmp_path / "broken.json").write_text('{"schema"', encoding="utf-8")
    (tmp_path / "old.json").write_text('{"schema": 0, "measurements": []}', encoding="utf-8")
    text = baseline(tmp_path / "b", made()).read_text(encoding="utf-8")
    (tmp_path / "edited.json").write_text(text.replace("3850000000", "1"), encoding="utf-8")
    assert main(["diff", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert told in printed.err


def test_conventions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is compared that was counted differently; the way out is named."""
    base = baseline(tmp_path / "a", made())
    head = results(tmp_path / "b", replace(made(), convention=Convention(fma=2)))
    assert main(["diff", base.name, head.name]) == 2
    assert capsys.readouterr().err == (
        "burden: a.baseline.json and b.results.json cannot be compared, they were counted"
        " differently:\n    t.py::test_net: fma was 1 and is 2\n"
        "Renew the older one with burden baseline update or pytest --burden-json=b.results.json.\n"
    )


def git(folder: Path, *arguments: str) -> str:
    """Run git, as somebody."""
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
    settings = ("-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *who, *settings, *arguments],  # noqa: S607 whichever git is there
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.fixture
def repository(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the project as a folder in a repository, committed, on a branch of its own."""
    top = tmp_path_factory.mktemp("repository")
    below = project.rename(top / "below")
    (top / ".gitignore").write_text("__pycache__\n", encoding="utf-8")
    git(top, "init")
    git(top, "add", ".")
    git(top, "commit", "-m", "first")
    git(top, "checkout", "-b", "work")
    return below


@pytest.fixture
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where temporary files are made."""
    return tmp_path_factory.mktemp("scratch")


def widen(below: Path) -> None:
    """Make the network heavier, without a commit."""
    (below / "nets.py").write_text(NETS.replace("width=2", "width=3"), encoding="utf-8")


def clean(below: Path, scratch: Path) -> bool:
    """Return whether nothing is left of the other commit."""
    alone = git(below, "worktree", "list").count("\n") == 1
    return alone and not list(scratch.glob("burden-*"))


def test_base(repository: Path, burden: Burden, scratch: Path) -> None:
    """Two runs of the same tests, one of them where the branch began; nothing stays of it."""
    same = burden("diff", "--base", "main", folder=repository, TMPDIR=str(scratch))
    assert same.returncode == 0, same.stderr
    assert same.stdout.startswith("burden diff: 2 unchanged (main (")
    widen(repository)
    grown = burden("diff", "--base", "main", folder=repository, TMPDIR=str(scratch))
    assert grown.returncode == 1, grown.stderr
    expected = (HERE / "golden" / "diff_base.txt").read_text(encoding="utf-8")
    assert re.sub(r"main \([0-9a-f]{9}\)", "main (COMMIT)", grown.stdout) == expected
    assert clean(repository, scratch)
    assert git(repository, "status", "--short") == " M nets.py\n"


MARKED = """
import pytest
from nets import small

@pytest.mark.burden(grow_params="any", grow_macs="any", grow_flops="any", {activation})
def test_a(burden): burden(small, "1x4")

def test_b(burden): burden(small, "8x4", grow_params="any")

@pytest.mark.skip
def test_c(burden): burden(small, "9x4")
"""


@pytest.mark.parametrize(
    ("activation", "first"),
    [
        ('grow_activation_memory="any"', "changed"),
        ('grow_activation_memory="4 B"', "changed"),
        ('grow_activation_memory="3 B"', "grew"),
    ],
)
def test_limits_of_tests(activation: str, first: str, repository: Path, burden: Burden) -> None:
    """What a marker or a call allows is allowed here too; a skipped test is not gone."""
    file = repository / "test_it.py"
    text = MARKED.replace("{activation}", activation)
    file.write_text(text.replace("@pytest.mark.skip\n", ""), encoding="utf-8")
    git(repository, "checkout", "main")
    git(repository, "commit", "-am", "marked")
    git(repository, "checkout", "work")
    git(repository, "merge", "main")
    widen(repository)
    file.write_text(text, encoding="utf-8")
    done = burden("diff", "--base", "main", "--format", "json", folder=repository, CI="true")
    assert done.returncode == 1, done.stderr
    found = {each["id"]: each for each in json.loads(done.stdout)["measurements"]}
    assert list(found) == ["test_it.py::test_a", "test_it.py::test_b", "test_it.py::test_c"]
    a, b, c = found.values()
    assert a["fails"] is (first == "grew")
    grew = {v["limit"]["metric"] for v in b["verdicts"] if v["kind"] == "grew"}
    assert grew == {"macs", "flops", "activation_memory"}
    assert (c["difference"], c["fails"]) == ("unknown", False)


def test_base_is_where_the_branch_began(repository: Path, burden: Burden) -> None:
    """What the other branch has got since then is not this one's doing."""
    git(repository, "checkout", "main")
    widen(repository)
    git(repository, "commit", "-am", "wider")
    git(repository, "checkout", "work")
    done = burden("diff", "--base", "main", folder=repository)
    assert (done.returncode, done.stdout[:25]) == (0, "burden diff: 2 unchanged ")


def test_arguments_of_pytest(repository: Path, burden: Burden) -> None:
    """Both runs have them; a file that is new is not asked of the old commit."""
    widen(repository)
    done = burden("diff", "--base", "main", "--", "-k", "test_a", folder=repository)
    assert (done.returncode, "test_it.py::test_a: grew" in done.stdout) == (1, True)
    assert "test_b" not in done.stdout
    tests = "from nets import small\ndef test_c(burden): burden(small, '2x4')\n"
    (repository / "test_new.py").write_text(tests, encoding="utf-8")
    done = burden("diff", "--base", "main", "test_new.py", folder=repository)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("test_new.py::test_c: new (warns), 19 params, ")


def test_head_that_was_measured(repository: Path, burden: Burden, warm_python: str) -> None:
    """A run that has been is not repeated: here it could not even begin."""
    widen(repository)
    command = [warm_python, "-m", "pytest", "-q", "--burden-json=head.json"]
    subprocess.run(command, cwd=repository, check=True, capture_output=True)
    (repository / "test_it.py").write_text("import nowhere", encoding="utf-8")
    done = burden("diff", "--base", "main", "--head", "head.json", folder=repository)
    assert (done.returncode, done.stdout.count(": grew\n")) == (1, 2), done.stderr
    assert " -> head.json)" in done.stdout
    missing = burden("diff", "--base", "main", "--head", "no.json", folder=repository)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr == "burden: no.json cannot be read: No such file or directory\n"


def test_results(repository: Path, burden: Burden, warm_python: str) -> None:
    """The head's results with what the comparison says: for reports, comments and outputs."""
    widen(repository)
    command = [warm_python, "-m", "pytest", "-q", "--burden-json=head.json"]
    subprocess.run(command, cwd=repository, check=True, capture_output=True)
    options = ("--base", "main", "--head", "head.json", "--results", "head.json")
    done = burden("diff", *options, folder=repository)
    assert done.returncode == 1, done.stderr
    data = json.loads((repository / "head.json").read_text(encoding="utf-8"))
    assert data["verdict"] == "fail"
    assert data["compared_with"].startswith("main (")
    assert {each["verdict"] for each in data["measurements"]} == {"grew"}
    again = burden("diff", *options, folder=repository)
    assert (again.returncode, again.stdout) == (1, done.stdout)
    assert json.loads((repository / "head.json").read_text(encoding="utf-8")) == data
    shown = burden("report", "head.json", "--format", "markdown", folder=repository)
    assert shown.returncode == 1
    assert "### Changed since <code>main &#40;" in shown.stdout
    assert "by module  0" in shown.stdout
    refused = burden("diff", "--base", "main", "--results", "x.json", folder=repository)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--results needs the results of a run" in refused.stderr


def test_raised_limits(repository: Path, burden: Burden, warm_python: str) -> None:
    """A change that raises its own budget passes, and is told of; a policy can refuse it."""
    tests = "import pytest\nfrom nets import small\n\n@pytest.mark.burden(max_params=30)\n"
    tests += "def test_a(burden): burden(small, '2x4')\n"
    file = repository / "test_it.py"
    file.write_text(tests, encoding="utf-8")
    git(repository, "commit", "-am", "held")
    git(repository, "branch", "-f", "main")
    file.write_text(tests.replace("30", "40"), encoding="utf-8")
    told = "test_it.py:4: max_params=40 allows more than max_params=30 in main ("
    done = burden("diff", "--base", "main", folder=repository)
    assert (done.returncode, done.stdout.startswith(told)) == (0, True), done.stdout
    command = [warm_python, "-m", "pytest", "-q", "--burden-json=head.json"]
    subprocess.run(command, cwd=repository, check=True, capture_output=True)
    options = ("--base", "main", "--head", "head.json", "--results", "head.json")
    done = burden("diff", *options, folder=repository)
    assert (done.returncode, done.stdout.startswith(told)) == (0, True), done.stderr
    shown = burden("report", "head.json", "--format", "markdown", folder=repository).stdout
    assert f"### Warns\n\n<pre>{told}" in shown
    (repository / "pyproject.toml").write_text(
        '[tool.burden.policy]\neased = "fail"\n', encoding="utf-8"
    )
    done = burden("diff", "--base", "main", folder=repository)
    assert (done.returncode, "unchanged, 1 limit eased (" in done.stdout) == (1, True), done.stdout
    (repository / "pyproject.toml").write_text(
        '[tool.burden.policy]\nover = "warn"\n', encoding="utf-8"
    )
    done = burden("diff", "--base", "main", folder=repository)
    policy = (
        'pyproject.toml: tool.burden.policy.over: over = "warn" allows more than over = "fail" in'
    )
    assert (done.returncode, done.stdout.startswith(policy)) == (0, True), done.stdout
    (repository / "pyproject.toml").write_text(
        '[tool.burden.limits]\ngrow_flops = "50%"\n', encoding="utf-8"
    )
    done = burden("diff", "--base", "main", folder=repository)
    growth = (
        "pyproject.toml: tool.burden.limits.grow_flops: grow_flops='50%' allows more than"
        " grow_flops=0 by default in main ("
    )
    assert (done.returncode, growth in done.stdout) == (0, True), done.stdout


@pytest.mark.parametrize("layout", ["PYTHONPATH", "src"])
def test_code_of_the_commit(repository: Path, burden: Burden, layout: str) -> None:
    """Also where the working tree's folder is on the path: the commit's comes before it."""
    config = '[tool.pytest.ini_options]\naddopts = "--import-mode=importlib"\n'
    source = repository / "src"
    source.mkdir()
    git(repository, "mv", "nets.py", "src")
    (repository / "pyproject.toml").write_text(config, encoding="utf-8")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "src")
    git(repository, "branch", "-f", "main")
    widen(source)
    root = str(Path(pytest_burden.__file__).parents[1])
    path = os.pathsep.join([str(source), root] if layout == "PYTHONPATH" else ["src", root])
    done = burden("diff", "--base", "main", folder=repository, PYTHONPATH=path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 grew" in done.stdout


def test_tests_that_fail(repository: Path, burden: Burden) -> None:
    """What a test that failed did not measure may be there all the same, and be heavier."""
    tests = repository / "test_it.py"
    text = tests.read_text(encoding="utf-8").replace(
        "def test_b(burden): ", "def test_b(burden): 1/0; "
    )
    tests.write_text(text, encoding="utf-8")
    done = burden("diff", "--base", "main", "--strict", folder=repository)
    assert done.returncode == 1, done.stdout
    assert "the working tree is not all (tests failed)" in done.stdout
    failed = "the working tree: test_it.py::test_b failed before it had measured everything\n"
    assert failed in done.stdout


@pytest.mark.parametrize(
    ("ref", "break_it", "told"),
    [
        ("mian", "", "burden: git knows no commit 'mian' (nearest: main)\n"),
        ("--help", "", "git knows no commit '--help'"),
        ("lonely", "", "git knows no common commit of 'lonely' and HEAD; in a shallow clone"),
        ("root", "", "has no folder below"),
        ("main", "import nowhere", "the tests of the working tree could not be run"),
    ],
)
def test_no_base(  # noqa: PLR0913, PLR0917 a row of the table
    repository: Path, burden: Burden, scratch: Path, ref: str, break_it: str, told: str
) -> None:
    """Each is named; nothing stays of what was begun."""
    git(repository, "checkout", "--orphan", "lonely")
    git(repository, "commit", "-m", "lonely")
    git(repository, "rm", "-rfq", ".")
    git(repository.parent, "commit", "--allow-empty", "-m", "root")
    git(repository.parent, "branch", "root")
    if ref == "root":
        git(repository.parent, "checkout", "main", "--", ".")
        git(repository.parent, "commit", "-m", "again")
    else:
        git(repository.parent, "checkout", "work")
    if break_it:
        (repository / "test_it.py").write_text(break_it, encoding="utf-8")
    done = burden("diff", f"--base={ref}", folder=repository, TMPDIR=str(scratch))
    assert done.returncode == 2, done.stdout
    assert told in done.stderr
    assert clean(repository, scratch)


@pytest.mark.parametrize(
    ("number", "status", "told"),
    [
        (signal.SIGINT, 130, "burden: interrupted\n"),
        (signal.SIGTERM, -signal.SIGTERM, ""),  # ended by it, as a shell would say with 143
    ],
)
def test_interrupted(
    repository: Path, scratch: Path, number: signal.Signals, status: int, told: str
) -> None:
    """Ctrl-C leaves no other commit behind, nor does a job that is cancelled."""
    tests = (
        "import pathlib, time\n"
        "def test_slow():\n"
        "    pathlib.Path(__file__).with_name('begun').touch()\n"
        "    time.sleep(60)\n"
    )
    (repository / "test_slow.py").write_text(tests, encoding="utf-8")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "slow")
    # A shell starts what it leaves in the background with Ctrl-C ignored: here it is not.
    heeds = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{heeds}; from pytest_burden.cli import main; raise SystemExit(main())"
    started = subprocess.Popen(
        [sys.executable, "-c", program, "diff", "--base", "work"],
        cwd=repository,
        env=os.environ | {"TMPDIR": str(scratch), "PYTHONPATH": str(HERE.parents[1])},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + 60
    while not list(scratch.glob("burden-*/tree/below/begun")) and time.monotonic() < until:
        time.sleep(0.1)
    os.killpg(started.pid, number)
    _, said = started.communicate(timeout=60)
    assert (started.returncode, said) == (status, told)
    assert clean(repository, scratch)
