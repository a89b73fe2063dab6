"""The composite action, its steps run here by its own shell scripts on a small project."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import pytest_burden
from pytest_burden.report.jsonfile import load
from tests.github.runner import Done, run
from tests.github.sample import PAYLOADS, packed
from tests.github.server import REPOSITORY, REPOSITORY_ID, GitHub

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github" / "actions" / "burden" / "action.yml"
NETS = """
from torch import nn

def small(width=2):
    return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 1))
"""
TESTS = """
from nets import small

def test_a(burden): burden(small, "1x4")
def test_b(burden): burden(small, "8x4", {limit})
"""
CONFIG = """\
[tool.pytest.ini_options]
pythonpath = ["."]
addopts = "-p no:hypothesispytest"
[tool.burden.policy]
new = "warn"
"""
OWN_SHA = "3484a3fb816e0859fd6e1cea078d76385ff50625"
"""Of the pull request's event."""
STEPS = ("Measure", "Compare with the base", "Set the outputs", "Upload the results", "Comment")

pytestmark = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("git")), reason="there is no bash, or no git"
)
Act = Callable[..., Done]


def git(folder: Path, *arguments: str) -> None:
    """Run git, as somebody."""
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
    command = ["git", *who, "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"]
    subprocess.run([*command, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Return a repository as it is checked out for a pull request, the project in a folder."""
    top = tmp_path / "workspace"
    project = top / "lib"
    project.mkdir(parents=True)
    (project / "nets.py").write_text(NETS, encoding="utf-8")
    (project / "test_it.py").write_text(TESTS.replace("{limit}", ""), encoding="utf-8")
    (project / "pyproject.toml").write_text(CONFIG, encoding="utf-8")
    git(top, "init")
    git(top, "add", ".")
    git(top, "commit", "-m", "first")
    git(top, "update-ref", "refs/remotes/origin/main", "HEAD")
    return top


@pytest.fixture
def act(workspace: Path, tmp_path: Path, warm_python: str) -> Act:
    """Return what runs the action on the project, as a pull request's job would."""
    (tmp_path / "temp").mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    usual = kept | {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_BASE_REF": "main",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_WORKSPACE": str(workspace),
        "PYTHONPATH": str(Path(pytest_burden.__file__).parents[1]),
        "RUNNER_TEMP": str(tmp_path / "temp"),
    }

    def on(environment: Mapping[str, str] = {}, **inputs: str) -> Done:
        named = {name.replace("_", "-"): text for name, text in inputs.items()}
        given = {"working-directory": "lib", "python": warm_python} | named
        return run(ACTION, given, workspace, usual | dict(environment))

    return on


def limit(workspace: Path, text: str) -> None:
    """Give one of the measurements a limit."""
    (workspace / "lib" / "test_it.py").write_text(TESTS.replace("{limit}", text), encoding="utf-8")


def widen(workspace: Path) -> None:
    """Make the network heavier."""
    (workspace / "lib" / "nets.py").write_text(NETS.replace("width=2", "width=3"), encoding="utf-8")


@pytest.mark.parametrize(
    ("allowed", "verdict"), [("max_params=13", "pass"), ("max_params=12", "fail")]
)
def test_verdict(workspace: Path, act: Act, tmp_path: Path, allowed: str, verdict: str) -> None:
    """Outputs and artifact are there whatever the verdict; the job is red if it fails."""
    limit(workspace, allowed)
    done = act()
    assert (done.outputs["verdict"], done.failed) == (verdict, verdict == "fail"), done.log
    assert [done.outcomes[name] for name in STEPS] == [
        "success",
        "skipped",
        "success",
        "success",
        "skipped",
    ]
    written = load(done.outputs["json"], "the output")
    assert [result.id for result in written.run.results] == [
        "test_it.py::test_a",
        "test_it.py::test_b",
    ]
    assert written.run.fails is (verdict == "fail")
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert done.outputs["markdown"].strip() == summary.strip()
    uploaded = done.used["Upload the results"]
    assert uploaded["name"] == "burden"
    assert json.loads(Path(uploaded["path"]).read_text(encoding="utf-8"))["verdict"] == verdict


@pytest.mark.parametrize(
    ("arguments", "measured"),
    [
        ("", ["a", "b"]),
        ("-k test_a", ["a"]),
        ("-k 'test_a or test_b' -q", ["a", "b"]),
        ("test_it.py::test_b", ["b"]),
        ("  \n  -k\n  test_b  ", ["b"]),
        ("-m '' -k test_a", ["a"]),
        ("-o 'markers=one: 1\n  two: 2' -k test_a", ["a"]),
    ],
)
def test_arguments(act: Act, arguments: str, measured: list[str]) -> None:
    """They reach pytest as a shell would have taken them apart."""
    done = act(pytest_arguments=arguments)
    ids = [each["id"][-1] for each in json.loads(done.outputs["json"])["measurements"]]
    assert (ids, done.outputs["verdict"]) == (measured, "pass")


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"pytest_arguments": "-k 'test_a"}, "No closing quotation"),
        ({"pytest_arguments": "nowhere.py"}, "file or directory not found: nowhere.py"),
        ({"pytest_arguments": "-p no:burden"}, "unrecognized arguments: --burden-json"),
        ({"pytest_arguments": "$(touch hacked) `touch hacked` ; touch hacked"}, "not found: "),
        ({"base": "main"}, "::error::base is committed, merge-base or artifact"),
        ({"comment": "true"}, "::error::comment is on or off"),
        ({"python": "nopython"}, "nopython: command not found"),
        ({"pytest_arguments": "--burden-json=mine.json"}, "::error::pytest-arguments has no place"),
        ({"pytest_arguments": "-q -- test_it.py"}, "::error::pytest-arguments has no place for --"),
    ],
)
def test_what_cannot_begin(act: Act, workspace: Path, inputs: dict[str, str], told: str) -> None:
    """It is told and fails; nothing of an input is a command."""
    done = act(**inputs)
    assert told in done.log
    assert (done.outputs["verdict"], done.failed) == ("fail", True)
    assert [done.outcomes[name] for name in STEPS[1:]] == ["skipped"] * 4
    assert not list(workspace.rglob("hacked"))


def test_python_of_several_words(act: Act) -> None:
    """As in ``uv run python``; this Python is a new process each time."""
    assert act(python=f"env A=b {sys.executable}").outputs["verdict"] == "pass"


def broken_before(workspace: Path) -> None:
    """Let the tests of the base be such that they cannot be run."""
    test = workspace / "lib" / "test_it.py"
    here = test.read_text(encoding="utf-8")
    test.write_text("import nowhere", encoding="utf-8")
    git(workspace, "commit", "-a", "-m", "broken")
    git(workspace, "update-ref", "refs/remotes/origin/main", "HEAD")
    test.write_text(here, encoding="utf-8")


@pytest.mark.parametrize("change", ["none", "grew", "no branch", "broken there"])
def test_merge_base(workspace: Path, act: Act, tmp_path: Path, change: str) -> None:
    """What grew since the branch was left fails, by module; what cannot be compared as well."""
    if change == "grew":
        widen(workspace)
    if change == "no branch":
        git(workspace, "update-ref", "-d", "refs/remotes/origin/main")
    if change == "broken there":
        broken_before(workspace)
    done = act(base="merge-base", pytest_arguments="-k test_a")
    good = change == "none"
    assert (done.outputs["verdict"], done.failed) == ("pass" if good else "fail", not good)
    told = {
        "none": "burden diff: 1 unchanged",
        "grew": "test_it.py::test_a: grew",
        "no branch": "burden: git knows no commit 'origin/main'",
        "broken there": "could not be run: nothing is compared",
    }[change]
    assert told in done.log
    uploaded = json.loads(uploaded_by(done))
    for each in (json.loads(done.outputs["json"]), uploaded):
        assert each["verdict"] == ("pass" if good else "fail")
    markdown = done.outputs["markdown"]
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert markdown.startswith("## :white_check_mark: " if good else "## :x: ")
    assert (":x:" in summary) is not good
    assert ("by module  0" in markdown) is (change == "grew")
    why = "git knows no commit" if change == "no branch" else "could not be run"
    without = change in ("no branch", "broken there")
    assert (why in markdown, why in summary) == (without, without)
    # Where there is no baseline, the base holds growth, if it could be measured.
    assert ("growth is held by nothing" in markdown) is without
    assert "burden baseline update" not in markdown


def test_no_token_for_the_base(workspace: Path, act: Act) -> None:
    """The base's own tests have none, neither the action's nor one of the whole job."""
    test = workspace / "lib" / "test_it.py"
    here = test.read_text(encoding="utf-8")
    test.write_text(f"import os\nassert not os.environ.get('GITHUB_TOKEN')\n{here}", "utf-8")
    git(workspace, "commit", "-a", "-m", "looks for a token")
    git(workspace, "update-ref", "refs/remotes/origin/main", "HEAD")
    test.write_text(here, encoding="utf-8")
    done = act({"GITHUB_TOKEN": "the job's"}, base="merge-base", pytest_arguments="-k test_a")
    assert "burden diff: 1 unchanged" in done.log
    assert done.outputs["verdict"] == "pass", done.log
    having = [name for name, env in done.given.items() if env.get("GITHUB_TOKEN")]
    assert having == []


def test_no_pull_request(act: Act) -> None:
    """A push has no base: that nothing is compared is said."""
    done = act({"GITHUB_BASE_REF": ""}, base="merge-base")
    assert done.outputs["verdict"] == "pass"
    assert "::notice::This is no pull request: nothing is compared with its base." in done.log


def of_workflow(github: GitHub, event: str = "pull-request") -> dict[str, str]:
    """Return what a job knows of GitHub, and of the event that started it."""
    return {
        "GITHUB_API_URL": github.api,
        "GITHUB_EVENT_PATH": str(PAYLOADS / f"{event}.json"),
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_RUN_ID": "7",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/.github/workflows/ci.yml@refs/pull/12/merge",
        "NO_PROXY": "127.0.0.1",
    }


def uploaded_by(done: Done) -> str:
    """Return the results that a run of the action has left."""
    return Path(done.used["Upload the results"]["path"]).read_text(encoding="utf-8")


def test_artifact(workspace: Path, act: Act, github: GitHub) -> None:
    """The base is what the same workflow has uploaded for that branch; without one it fails."""
    first = act(of_workflow(github), base="artifact")
    assert (first.outputs["verdict"], first.failed) == ("fail", True)
    assert "GitHub finds nothing there" in first.log
    for text in (first.outputs["json"], uploaded_by(first)):
        assert json.loads(text)["verdict"] == "fail"
    assert first.outputs["markdown"].startswith("## :x: burden: 2 measured, ")
    assert "GitHub finds nothing there" in first.outputs["markdown"]
    github.ran(3)
    # What a push leaves is compared with nothing.
    push = act(of_workflow(github) | {"GITHUB_BASE_REF": ""}, base="artifact")
    github.leave(3, packed(("burden.json", uploaded_by(push))))
    same = act(of_workflow(github), base="artifact")
    assert same.outputs["verdict"] == "pass", same.log
    assert "burden diff: 2 unchanged" in same.log
    widen(workspace)
    grown = act(of_workflow(github), base="artifact")
    assert (grown.outputs["verdict"], "burden diff: 2 grew" in grown.log) == ("fail", True)
    assert json.loads(grown.outputs["json"])["verdict"] == "fail"
    having = [name for name, env in grown.given.items() if env.get("GITHUB_TOKEN")]
    assert having == ["Compare with the base"]


def test_comment(workspace: Path, act: Act, github: GitHub) -> None:
    """It is written whatever the verdict, and stays one."""
    github.pull(12, OWN_SHA, owner="octo-org", ref="wider", repository=REPOSITORY_ID)
    assert act(of_workflow(github), comment="on").outputs["verdict"] == "pass"
    limit(workspace, "max_params=12")
    assert act(of_workflow(github), comment="on").outputs["verdict"] == "fail"
    (body,) = github.bodies(12)
    assert ":x: burden: 2 measured" in body


def test_comment_on_growth(workspace: Path, act: Act, github: GitHub) -> None:
    """It says what the comparison says, and so do outputs and artifact: the module that grew."""
    github.pull(12, OWN_SHA, owner="octo-org", ref="wider", repository=REPOSITORY_ID)
    widen(workspace)
    done = act(of_workflow(github), base="merge-base", comment="on", pytest_arguments="-k test_a")
    (body,) = github.bodies(12)
    for text in (body, done.outputs["markdown"]):
        assert "## :x: burden: 1 measured, 1 grew\n" in text
        assert "by module  0 " in text
    uploaded = json.loads(uploaded_by(done))
    assert (uploaded["verdict"], done.outputs["verdict"], done.failed) == ("fail", "fail", True)


@pytest.mark.parametrize("what", ["a test", "the comparison"])
def test_comment_on_another_failure(workspace: Path, act: Act, github: GitHub, what: str) -> None:
    """Where budgets are kept and the job is red all the same, nothing looks well."""
    github.pull(12, OWN_SHA, owner="octo-org", ref="wider", repository=REPOSITORY_ID)
    if what == "a test":
        (workspace / "lib" / "test_other.py").write_text("def test_c(): assert 0", encoding="utf-8")
    else:
        git(workspace, "update-ref", "-d", "refs/remotes/origin/main")
    done = act(of_workflow(github), base="merge-base", comment="on")
    assert done.outputs["verdict"] == "fail"
    (body,) = github.bodies(12)
    other = "The run failed for another reason than its budgets."
    told = other if what == "a test" else "burden diff: nothing is compared with the base\n"
    assert told in body
    assert ":white_check_mark:" not in body


def test_comment_after_a_crash(workspace: Path, act: Act, github: GitHub) -> None:
    """What an earlier push has measured does not stay as if it were of this one."""
    github.pull(12, OWN_SHA, owner="octo-org", ref="wider", repository=REPOSITORY_ID)
    act(of_workflow(github), comment="on")
    assert ":white_check_mark:" in github.bodies(12)[0]
    crash = workspace / "lib" / "conftest.py"
    crash.write_text("import os\ndef pytest_runtest_setup(): os._exit(3)", encoding="utf-8")
    done = act(of_workflow(github), comment="on")
    assert (done.outcomes["Measure"], done.outcomes["Comment"]) == ("failure", "success")
    assert done.outputs["verdict"] == "fail"
    (body,) = github.bodies(12)
    assert "burden: nothing was measured\n\nThe run failed before it left results." in body


def test_comment_by_another(act: Act, github: GitHub) -> None:
    """The token of an app writes as that app: told so it keeps one comment, else it leaves none."""
    github.pull(12, OWN_SHA, owner="octo-org", ref="wider", repository=REPOSITORY_ID)
    github.author = "models[bot]"
    for _ in range(2):
        done = act(of_workflow(github), comment="on", author="models[bot]")
        assert done.outcomes["Comment"] == "success", done.log
    assert len(github.bodies(12, "models[bot]")) == 1
    github.comments.clear()
    done = act(of_workflow(github), comment="on")
    assert done.outcomes["Comment"] == "failure"
    assert "the token writes as models[bot], not as github-actions[bot]: --author" in done.log
    assert github.comments == []


def used(workflow: Path) -> list[dict[str, str]]:
    """Return the inputs with which a workflow of ours uses the action."""
    jobs = YAML(typ="safe", pure=True).load(workflow.read_text(encoding="utf-8"))["jobs"]
    steps = (step for job in jobs.values() for step in job.get("steps", ()))
    return [step["with"] for step in steps if step.get("uses") == "$/.github/actions/burden"]


def test_our_own_examples(act: Act, workspace: Path, warm_python: str) -> None:
    """What CI holds to its budgets: 18 networks to their baseline, the quickstart to its base."""
    hidden = shutil.ignore_patterns(".*", "__pycache__")
    shutil.copytree(ROOT / "examples", workspace / "examples", ignore=hidden)
    git(workspace, "add", ".")
    git(workspace, "commit", "-m", "examples")
    git(workspace, "update-ref", "refs/remotes/origin/main", "HEAD")
    given = used(ROOT / ".github" / "workflows" / "ci.yml")
    assert [each["working-directory"] for each in given] == [
        "examples/imagenet",
        "examples/quickstart",
    ]
    for each in given:
        done = act(**{**each, "python": warm_python})
        assert done.outputs["verdict"] == "pass", done.log
        assert json.loads(done.outputs["json"])["measurements"]
    file = workspace / "examples" / "imagenet" / "networks" / "squeezenet.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("Conv2d(512, 1000", "Conv2d(512, 1001"), encoding="utf-8")
    heavier = act(**{**given[0], "python": warm_python})
    assert heavier.outputs["verdict"] == "fail"
    assert "grew in flops by" in heavier.log
