"""`burden merge`: the results of several runs, by real shards and by files made by hand."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pytest_burden.budget.run import Run
from pytest_burden.cli import main
from pytest_burden.commands import merge
from pytest_burden.errors import quoted
from pytest_burden.report.jsonfile import write
from tests.budget.sample import burden as made
from tests.budget.sample import limit
from tests.cli.conftest import MODELS, Burden
from tests.report import sample

HERE = Path(__file__).parent
VERSIONS = {"pytest-burden": "0.1.0", "pytest": "9", "python": "3.11", "platform": "linux-x86_64"}
NAME = "t.py::test_net"
OLD = sample.result(NAME, made(torch="2.13.0"), limit("flops", 4 * 10**9))
NEW = sample.result(NAME, made(torch="2.14.0", peak_memory=6 * 2**20), limit("flops", 4 * 10**9))
LIGHT = sample.result(NAME, made(torch="2.14.0", flops=385 * 10**7 - 1), limit("flops", 4 * 10**9))

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, on a terminal of 80 characters."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def file(name: str, run: Run, **versions: str) -> str:
    """Write results, here, and return the name of the file."""
    write(Path(name), run, VERSIONS | versions)
    return name


def data(name: str) -> Any:
    """Return what stands in a file."""
    return json.loads(Path(name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("golden", "legs", "status"),
    [
        ("merge_agree.txt", [OLD, replace(OLD, complete=False)], 0),
        ("merge_torch.txt", [OLD, NEW], 0),
        ("merge_disagree.txt", [OLD, LIGHT], 1),
        ("merge_disagree.md", [OLD, LIGHT], 1),
    ],
)
def test_what_is_printed(
    golden: str, legs: list[Any], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is what was looked over, kept in a file."""
    names = [file(f"{name}.json", Run((leg,))) for name, leg in zip("ab", legs, strict=True)]
    formats = ["--format", "markdown"] if golden.endswith("md") else []
    assert main(["merge", *names, *formats]) == status
    printed = capsys.readouterr()
    assert printed.out == (HERE / "golden" / golden).read_text(encoding="utf-8")
    assert printed.err == ""


def test_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """A leg that is not there turns it red, and what is there is shown."""
    names = [file("a.json", Run((OLD,))), file("b.json", Run((NEW,)))]
    assert main(["merge", *names, "--expect", "2"]) == 0
    capsys.readouterr()
    assert main(["merge", *names, "--expect", "3"]) == 1
    shown = (HERE / "golden" / "merge_missing.txt").read_text(encoding="utf-8")
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize("format_", ["terminal", "markdown", "html", "json", "csv"])
def test_as_report(format_: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One file joined with nothing is that file, in every format."""
    name = file("a.json", replace(sample.GREEN, results=sample.GREEN.results[::-1]))  # by id
    assert main(["report", name, "--format", format_]) == 0
    shown = capsys.readouterr().out
    assert main(["merge", name, "--format", format_]) == 0
    assert capsys.readouterr().out == shown


def test_versions() -> None:
    """Those of all legs, each once, the old ones first."""
    names = [
        file("a.json", Run((OLD,)), python="3.12.1", platform="win-amd64"),
        file("b.json", Run((OLD,)), python="3.9.9"),
    ]
    assert main(["merge", *names, "--json", "ab.json"]) == 0
    assert main(["merge", "ab.json", file("c.json", Run((OLD,))), "--json", "all.json"]) == 0
    assert data("all.json")["versions"] == VERSIONS | {
        "python": "3.9.9, 3.11, 3.12.1",
        "platform": "linux-x86_64, win-amd64",
    }


def test_read_again(capsys: pytest.CaptureFixture[str]) -> None:
    """What it writes is results: of `burden report`, `burden diff`, and itself with more."""
    names = [file("a.json", Run((OLD,))), file("b.json", Run((NEW,)))]
    Path("pyproject.toml").touch()
    assert main(["merge", *names, "--json", "ab.json", "--output", "ab.txt"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["report", "ab.json", "--output", "again.txt"]) == 0
    assert Path("again.txt").read_bytes() == Path("ab.txt").read_bytes()
    assert main(["diff", "ab.json", "ab.json"]) == 0
    # Another leg of torch 2.13 that has the peak of 2.14.
    other = replace(NEW, burden=made(torch="2.13.0", peak_memory=6 * 2**20))
    assert main(["merge", "ab.json", file("c.json", Run((other,))), "--json", "all.json"]) == 1
    told = [v["detail"] for v in data("all.json")["measurements"][0]["verdicts"] if v["fails"]]
    assert told[0].splitlines() == [
        "the legs disagree",
        "peak_memory is 5,242,880 in a.json (torch 2.13.0) and 6,291,456 in b.json (torch 2.14.0)",
        (
            "peak_memory is 6,291,456 in ab.json (torch 2.14.0), c.json (torch 2.13.0)"
            " and 5,242,880 in ab.json (torch 2.13)"
        ),
        "shown is ab.json",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["a.json", "no.json"], ["no.json cannot be read: No such file or directory"]),
        (
            ["no.json", "broken.json", "a.json"],
            [
                "no.json cannot be read: No such file or directory",
                "broken.json: not JSON, or not all of it",
            ],
        ),
        (["a.json", "b.json", "a.json"], ["a.json was given twice"]),
        (["a.json", "./x/../a.json"], ["x/../a.json was given twice, also as a.json"]),
        (["a.json", "link.json"], ["link.json was given twice, also as a.json"]),
        (
            ["a.json", "copy.json"],
            ["copy.json is a copy of a.json: the same results of one environment"],
        ),
        (
            ["a.json", "off.json"],
            [
                "these results cannot be joined, some were measured with --no-burden:",
                "    off.json",
                "Run them without it.",
            ],
        ),
        (["a.json", "b.json", "--json", "x/y/z"], ["x/y/z cannot be written: No such file"]),
    ],
)
def test_refused(arguments: list[str], told: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, nothing on standard output, every file that is wrong is named."""
    run = Run((OLD,))
    for name in ("a.json", "copy.json"):
        file(name, run)
    file("b.json", run, platform="win-amd64")
    file("off.json", replace(run, enforced=False))
    Path("broken.json").write_text('{"schema": 1', encoding="utf-8")
    Path("link.json").symlink_to("a.json")
    Path("x").mkdir()
    assert main(["merge", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.removeprefix("burden: ").splitlines()
    assert len(lines) == len(told)
    assert all(line.startswith(start) for line, start in zip(lines, told, strict=True))


def test_legs_of_two_platforms_are_no_copies() -> None:
    """Nor are two shards that had nothing to measure."""
    names = [file("a.json", Run((OLD,))), file("b.json", Run((OLD,)), platform="win-amd64")]
    names += [file(name, Run(partial=("-k",))) for name in ("c.json", "d.json")]
    assert main(["merge", *names, "--expect", "4"]) == 0


@pytest.mark.parametrize("number", ["0", "-1", "two", "1.5", "", pytest.param("9" * 5000, id="9")])
def test_expect(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A number of files."""
    with pytest.raises(SystemExit) as raised:
        main(["merge", "a.json", f"--expect={number}"])
    assert raised.value.code == 2
    told = capsys.readouterr().err
    assert f"{quoted(number)} is no number of files" in told


# Real runs.

TESTS = {
    "test_one.py": """
import pytest
from nets import small

def test_a(burden): burden(small, "1x4")
def test_over(burden): burden(small, "1x4", max_params=12)
def test_skipped(burden): pytest.skip("there is none")
@pytest.mark.xfail
def test_xfailed(burden): burden(small, "1x4", max_params=12)
""",
    "test_two.py": """
from nets import small

def test_b(burden): burden(small, "8x4", name="batch")
def test_gone(burden): burden(small, "2x4")
def test_old_name(burden): burden(small, "4x4")
""",
}
BUDGETS = """
[tool.burden.budgets."*::test_b*"]
max_params = 100
[tool.burden.budgets."*::test_skipp*"]
max_params = 100
[tool.burden.budgets."*::test_nothing*"]
max_params = 100
"""


@pytest.fixture
def shards(project: Path, burden: Burden) -> Path:
    """Return a project with a baseline, after which a test was renamed and one deleted."""
    (project / "test_it.py").unlink()
    for name, text in TESTS.items():
        (project / name).write_text(text, encoding="utf-8")
    with (project / "pyproject.toml").open("a", encoding="utf-8") as config:
        config.write(MODELS)
    assert burden("baseline", "update").returncode == 1  # test_over
    with (project / "pyproject.toml").open("a", encoding="utf-8") as config:
        config.write(BUDGETS)
    after = TESTS["test_two.py"].replace("old_name", "new_name").split("def test_gone")
    kept = f"{after[0]}def {after[1].partition('def ')[2]}"
    (project / "test_two.py").write_text(kept, encoding="utf-8")
    return project


Pytest = Callable[..., int]


@pytest.fixture
def pytest_in(warm_python: str) -> Pytest:
    """Return what runs the tests of a project as CI does, and returns the exit status."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTEST_ADDOPTS"} | {"CI": "true"}

    def run(project: Path, *arguments: str) -> int:
        done = subprocess.run(
            [warm_python, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
            cwd=project,
            env=kept,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode

    return run


def test_shards_are_the_run(shards: Path, burden: Burden, pytest_in: Pytest) -> None:
    """Two shards, one of them on a worker, are to the byte what one run has written."""
    pytest.importorskip("xdist", reason="a shard on workers needs it")
    assert pytest_in(shards, "--burden-json=one.json") == 1
    first = ("test_one.py", "pyproject.toml", "-n1")
    assert pytest_in(shards, *first, "--burden-json=s1.json") == 1
    assert pytest_in(shards, "-k", "test_two", "--burden-json=s2.json") == 1

    merge = ("merge", "s1.json", "s2.json", "--expect", "2", "--json", "all.json")
    done = burden(*merge, folder=shards)
    assert (done.returncode, done.stderr) == (1, "")
    one = shards / "one.json"
    texts = [path.read_text(encoding="utf-8") for path in (shards / "all.json", one)]
    runs = [json.loads(text)["versions"]["run"] for text in texts]
    assert runs[0].count(", ") == 1  # the joined run has the numbers of both
    assert texts[0].replace(runs[0], "") == texts[1].replace(runs[1], "")
    # It is no small thing that is the same.
    found = json.loads(one.read_text(encoding="utf-8"))
    assert [v["subject"] for v in found["verdicts"] if v["kind"] == "stale"] == [
        "test_two.py::test_gone"
    ]
    assert [v["detail"] for v in found["verdicts"] if v["kind"] == "unmatched"] == [
        "*::test_nothing*"
    ]
    words = {each["id"].partition("::")[2]: each["verdict"] for each in found["measurements"]}
    assert words == {
        "small": "pass",
        "test_a": "pass",
        "test_over": "over",
        "test_xfailed": "over (xfailed)",
        "test_b#batch": "pass",
        "test_new_name": "new",
    }
    assert found["unfinished"] == ["test_one.py::test_skipped"]

    # Who does not say that these are all is told what that leaves open.
    done = burden("merge", "s1.json", "s2.json", folder=shards)
    assert (done.returncode, "unmatched" in done.stdout) == (1, False)
    assert "not judged: --expect says how many shards there are" in done.stderr
    assert "3 budgets or entries of the baseline that nothing needed here are not" in done.stderr


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (1, "1 budget or entry of the baseline that nothing needed here is not judged: "),
        (2, "2 budgets or entries of the baseline that nothing needed here are not judged: "),
    ],
)
def test_what_is_open(count: int, told: str) -> None:
    """One thing is told as one."""
    joined = SimpleNamespace(not_judged=("x",) * count, partial=(), left_out=())
    assert merge._open(cast("Any", joined), None).startswith(told)


def test_killed_worker(shards: Path, burden: Burden, pytest_in: Pytest) -> None:
    """What the worker took with it is not missing: it is not known, also with all shards there."""
    pytest.importorskip("xdist", reason="only workers die alone")
    dies = "import os\ndef test_dies(burden): os._exit(1)\n"
    (shards / "test_dies.py").write_text(dies, encoding="utf-8")
    options = ("-n1", "--max-worker-restart=0")
    assert pytest_in(shards, "test_dies.py", *options, "--burden-json=s1.json") == 1
    rest = ("test_one.py", "test_two.py", "pyproject.toml")
    assert pytest_in(shards, *rest, "--burden-json=s2.json") == 1
    merge = ("merge", "s1.json", "s2.json", "--expect", "2", "--json", "all.json")
    done = burden(*merge, folder=shards)
    assert done.returncode == 1  # test_over
    lost = "worker gw0 was lost while running test_dies.py::test_dies (s1.json)"
    assert lost in done.stdout
    assert "are not judged: a worker was lost" in done.stderr
    found = json.loads((shards / "all.json").read_text(encoding="utf-8"))
    assert found["lost"] == [lost]
    (verdict,) = found["verdicts"]
    assert (found["full"], verdict["kind"], verdict["fails"]) == (False, "error", True)
    assert verdict["detail"].startswith("s1.json did not come to its end\n")
    assert "test_dies.py::test_dies" in found["unfinished"]


def test_legs(project: Path, burden: Burden, pytest_in: Pytest) -> None:
    """A matrix of two versions of torch, of which the second is the first's file edited."""
    assert pytest_in(project, "--burden-json=a.json") == 0
    text = (project / "a.json").read_text(encoding="utf-8")
    leg = json.loads(text)
    measured = leg["measurements"][0]["burden"]
    for each in leg["measurements"]:
        each["burden"]["torch"] = "1.9.0"

    def status() -> int:
        (project / "b.json").write_text(json.dumps(leg), encoding="utf-8")
        done = burden("merge", "a.json", "b.json", "--expect", "2", folder=project)
        assert done.stderr == ""
        assert ("the legs disagree" in done.stdout) == (leg["measurements"][0]["burden"] != first)
        return done.returncode

    first = dict(measured)
    assert status() == 0
    measured["peak_memory"] += 8
    assert status() == 0
    measured["flops"] += 1
    assert status() == 1


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
    config: str, option: list[str], shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On GitHub Actions the joined report stands in the job's summary."""
    Path("pyproject.toml").write_text(f"[tool.burden]\n{config}", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    main(["merge", *option, file("a.json", Run((OLD,))), file("b.json", Run((LIGHT,)))])
    assert Path("summary.md").exists() is shown
    if shown:
        text = Path("summary.md").read_text(encoding="utf-8")
        assert text == (HERE / "golden" / "merge_disagree.md").read_text(encoding="utf-8")


DEAD = """
import nonexistent

def test_dead(burden):
    burden(None)
"""
RAISES = """
import pytest

@pytest.mark.burden(max_params=5)
def test_raises():
    raise ValueError

def test_of_something_else():
    raise ValueError
"""


@pytest.mark.parametrize(
    ("tests", "told"),
    [
        (DEAD, "not everything was measured: errors in collection"),
        (RAISES, "test_more.py::test_raises failed before it had measured everything"),
    ],
)
def test_a_shard_that_broke(
    shards: Path, burden: Burden, pytest_in: Pytest, tests: str, told: str
) -> None:
    """It is told and fails: what its tests would have measured nobody knows."""
    (shards / "test_more.py").write_text(tests, encoding="utf-8")
    pytest_in(shards, "test_more.py", "--burden-json=s1.json")
    pytest_in(shards, "-k", "test_two", "--burden-json=s2.json")
    done = burden("merge", "s1.json", "s2.json", "--expect", "2", folder=shards)
    assert done.returncode == 1
    assert f"    {told}\n" in done.stdout
    assert "test_of_something_else" not in done.stdout
    alone = burden("report", "s1.json", "--format", "markdown", folder=shards)
    assert alone.stdout.startswith("## :x: burden: ")
    assert f"### Not measured\n\n<pre>{told.replace('::', ':&#58;')}" in alone.stdout


def test_two_runs_that_are_alike(shards: Path, burden: Burden, pytest_in: Pytest) -> None:
    """Two runs of the same are two legs; the file of one, under another name, is a copy."""
    for name in ("s1.json", "s2.json"):
        pytest_in(shards, "-k", "test_two", f"--burden-json={name}")
    done = burden("merge", "s1.json", "s2.json", "--expect", "2", folder=shards)
    assert done.returncode == 1  # a budget is broken there
    assert "is a copy" not in done.stderr
    (shards / "s3.json").write_bytes((shards / "s1.json").read_bytes())
    copied = burden("merge", "s1.json", "s3.json", folder=shards)
    assert (copied.returncode, copied.stdout) == (2, "")
    assert "s3.json is a copy of s1.json" in copied.stderr
