"""`burden github`: in a job's environment, against a GitHub on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pytest_burden
from pytest_burden.cli import main
from pytest_burden.report.jsonfile import Written, dump, load, write
from tests.github.sample import PAYLOADS, RUN, SHA, VERSIONS, packed, results
from tests.github.server import REPOSITORY, REPOSITORY_ID, TOKEN, GitHub, running
from tests.github.test_output import parsed
from tests.report import sample
from tests.report.rendered import may_command

Burden = Callable[..., tuple[int, str, str]]
OWN_SHA = "3484a3fb816e0859fd6e1cea078d76385ff50625"


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[GitHub]:
    """Return a repository, and be in a job that the end of a fork's run has started."""
    with running() as served:
        for name, value in {
            "NO_PROXY": "127.0.0.1",
            "GITHUB_API_URL": served.api,
            "GITHUB_EVENT_PATH": str(PAYLOADS / "fork.json"),
            "GITHUB_OUTPUT": str(tmp_path / "outputs"),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "7",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_TOKEN": TOKEN,
        }.items():
            monkeypatch.setenv(name, value)
        served.pull(7, SHA)
        yield served


@pytest.fixture
def burden(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Burden:
    """Return what runs the command: its exit status, what it printed, and its errors."""

    def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        status = main(["github", *arguments])
        out, err = capsys.readouterr()
        assert TOKEN not in out + err
        assert may_command(out) == may_command(err) == []
        assert err.count("\n") <= 1
        return status, out, err

    return run


def test_comment(github: GitHub, burden: Burden) -> None:
    """A line for each pull request; a broken budget is no failure of this job."""
    github.leave(RUN, results(sample.RED))
    assert burden("comment") == (0, "pull request 7: comment created\n", "")
    assert burden("comment") == (0, "pull request 7: comment unchanged\n", "")
    assert github.bodies(7)[0].startswith("<!-- pytest-burden: default -->\n## :x: ")


def test_options(github: GitHub, burden: Burden) -> None:
    """Another artifact, another comment, another author."""
    github.leave(RUN, results(sample.GREEN), "gpu results")
    github.leave(RUN, results(sample.RED))
    github.author = "models[bot]"
    author = ("--author", "models[bot]")
    options = ("--key", "gpu", "--name", "gpu results", *author)
    assert burden("comment", *author)[0] == burden("comment", *options)[0] == 0
    red, green = github.bodies(7, "models[bot]")
    assert red.startswith("<!-- pytest-burden: default -->\n## :x: ")
    assert green.startswith("<!-- pytest-burden: gpu -->\n## :white_check_mark: ")


@pytest.mark.parametrize(
    ("member", "told"),
    [
        ('{"schema": "##[error]\\n::error::x", "measurements": []}', "results of schema"),
        ('{"schema": 1, "measurements": [], "x\\n::error::": 1}', "broken: the key is missing"),
        ("\n::set-env name=PATH::x", "not JSON, or not all of it"),
    ],
)
def test_results_of_no_use(github: GitHub, burden: Burden, member: str, told: str) -> None:
    """The comment is written, and the job fails with one line that is no command."""
    github.leave(RUN, packed(("burden.json", member)))
    status, out, err = burden("comment")
    assert (status, out) == (2, "pull request 7: comment created\n")
    assert err.startswith("burden: the artifact 'burden': ")
    assert told in err


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("GITHUB_EVENT_PATH", "", "GITHUB_EVENT_PATH is not set; GitHub Actions sets it"),
        ("GITHUB_EVENT_PATH", "gone.json", "GITHUB_EVENT_PATH: gone.json: No such file or dir"),
        ("GITHUB_TOKEN", "", "GITHUB_TOKEN is not set: add `env: GITHUB_TOKEN: ${{ github"),
        ("GITHUB_TOKEN", "wrong", "GitHub does not accept the token (401, Bad credentials)"),
        ("GITHUB_TOKEN", "a\nb", "GITHUB_TOKEN is no token"),
        ("GITHUB_REPOSITORY", "x", "GITHUB_REPOSITORY is 'x', not owner/name"),
        ("GITHUB_REPOSITORY", "octo-org/gone", "GitHub finds nothing there, or does not show"),
        ("GITHUB_API_URL", "http://example.com", "GITHUB_API_URL is 'http://example.com', not"),
    ],
)
def test_environment(github: GitHub, burden: Burden, name: str, value: str, told: str) -> None:
    """What is missing or wrong is named, exit status 2."""
    status, out, err = burden("comment", **{name: value})
    assert (status, out) == (2, "")
    assert told in err
    assert not github.comments


def test_key(github: GitHub, burden: Burden) -> None:
    """A key that could do harm is refused before anything is asked."""
    status, _, err = burden("comment", "--key=--><h1>")
    assert status == 2
    assert err.startswith("burden: the key '--><h1>' does not do: ")
    assert not github.seen


@pytest.fixture
def red(tmp_path: Path) -> str:
    """Return the file of a run that failed."""
    path = tmp_path / "results.json"
    write(path, sample.RED, VERSIONS)
    return str(path)


def test_own_results(github: GitHub, burden: Burden, red: str) -> None:
    """A job of a pull request comments on its own results, in the same comment."""
    github.pull(12, OWN_SHA, owner="octo-org", ref="wider", repository=REPOSITORY_ID)
    done = burden("comment", "--results", red, GITHUB_EVENT_PATH=f"{PAYLOADS}/pull-request.json")
    assert done == (0, "pull request 12: comment created\n", "")
    (body,) = github.bodies(12)
    assert f"Commit {OWN_SHA}, [run 7](https://github.com/octo-org/models/actions/runs/7)" in body
    assert not github.sent("GET", "artifacts")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"pull_request": None}, "this job is not of a pull request: no comment"),
        ({"repository": {"id": 5}}, "the pull request is from a fork"),
    ],
)
def test_own_results_of_others(
    github: GitHub, burden: Burden, red: str, changed: dict[str, object], told: str
) -> None:
    """Where a job has nothing to comment on, or no right to, it says so and is well."""
    data = json.loads((PAYLOADS / "pull-request.json").read_text(encoding="utf-8"))
    event = Path(red).with_name("event.json")
    event.write_text(json.dumps(data | changed), encoding="utf-8")
    status, out, err = burden("comment", "--results", red, GITHUB_EVENT_PATH=str(event))
    assert (status, err) == (0, "")
    assert out.startswith(told)
    assert not github.seen


def test_another_author(github: GitHub, burden: Burden, red: str) -> None:
    """A comment that would not be known again is taken away, and the way out is named."""
    github.pull(12, OWN_SHA, owner="octo-org", ref="wider", repository=REPOSITORY_ID)
    github.author = "models[bot]"
    event = f"{PAYLOADS}/pull-request.json"
    status, _, err = burden("comment", "--results", red, GITHUB_EVENT_PATH=event)
    assert (status, github.comments) == (2, [])
    assert "the token writes as models[bot], not as github-actions[bot]: --author models" in err


def test_results_that_are_not_there(github: GitHub, burden: Burden, red: str) -> None:
    """Where pytest died, what was measured of an earlier push does not stay."""
    github.pull(12, OWN_SHA, owner="octo-org", ref="wider", repository=REPOSITORY_ID)
    event = {"GITHUB_EVENT_PATH": f"{PAYLOADS}/pull-request.json"}
    burden("comment", "--results", red, **event)
    gone = f"{red}.gone"
    status, out, err = burden("comment", "--results", gone, **event)
    told = f"{gone} is not there: the comment says that nothing was measured\n"
    assert (status, out, err) == (0, f"{told}pull request 12: comment updated\n", "")
    (body,) = github.bodies(12)
    assert "burden: nothing was measured" in body


BASE = ("base", "--branch", "main", "--workflow", "ci.yml", "--output")


def test_base(github: GitHub, burden: Burden, tmp_path: Path) -> None:
    """The file is what the run had written, and one line says whose it is."""
    path = tmp_path / "base.json"
    github.ran(3)
    github.leave(3, results(sample.RED))
    github.ran(4)
    status, out, err = burden(*BASE, str(path))
    assert (status, err) == (0, "")
    assert out == f"{path}: of run 3 at {3:040x}; 1 newer left none\n"
    assert load(path.read_text(encoding="utf-8"), "base") == Written(sample.RED, VERSIONS)


@pytest.mark.parametrize(("options", "expected"), [((), 2), (("--missing-ok",), 0)])
def test_no_base(
    github: GitHub, burden: Burden, tmp_path: Path, options: tuple[str, ...], expected: int
) -> None:
    """Nothing to compare with ends the job, unless that was foreseen; no file is left."""
    path = tmp_path / "base.json"
    github.ran(3)
    status, out, err = burden(*BASE, str(path), *options)
    assert (status, path.exists()) == (expected, False)
    assert "no run of ci.yml for a push to main has left an artifact 'burden'" in out + err
    assert ("--missing-ok" in err) == (expected == 2)


def test_base_that_is_none(github: GitHub, burden: Burden, tmp_path: Path) -> None:
    """A file of before stays as it was; --missing-ok is for what is missing, not for what fails."""
    path = tmp_path / "base.json"
    path.write_text("before", encoding="utf-8")
    github.ran(3)
    github.leave(3, packed(("burden.json", "{}")))
    for option in ([], ["--missing-ok"]):
        status, _, err = burden(*BASE, str(path), *option)
        assert status == 2
        assert "the artifact 'burden' of run 3: no results of pytest-burden" in err
    github.permissions.clear()
    assert burden(*BASE, str(path), "--missing-ok")[0] == 2
    assert path.read_text(encoding="utf-8") == "before"


def test_no_place_for_it(github: GitHub, burden: Burden, tmp_path: Path) -> None:
    """A folder that is not there is named."""
    github.ran(3)
    github.leave(3, results())
    status, _, err = burden(*BASE, str(tmp_path / "gone" / "base.json"))
    assert status == 2
    assert err.endswith("base.json cannot be written: No such file or directory\n")


@pytest.mark.parametrize(
    ("before", "others"), [(None, {}), ("a=b\n", {"a": "b"}), ("a=b", {"a": "b"})]
)
@pytest.mark.usefixtures("github")
def test_output(
    burden: Burden, red: str, tmp_path: Path, before: str | None, others: dict[str, str]
) -> None:
    """Outputs of other tools stay, and a broken budget is an output, no failure."""
    path = tmp_path / "outputs"
    if before is not None:
        path.write_text(before, encoding="utf-8")
    assert burden("output", "--results", red) == (0, "", "")
    content = path.read_text(encoding="utf-8")
    for name, value in others.items():
        first, _, content = content.partition("\n")
        assert first == f"{name}={value}"
    values = parsed(content)
    assert list(values) == ["verdict", "markdown", "json"]
    assert values["verdict"] == "fail"
    assert f"{values['json']}\n" == dump(sample.RED, VERSIONS)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        ('{"schema": "##[error]", "measurements": []}', "results of schema"),
        ("[]", "no results of pytest-burden"),
    ],
)
@pytest.mark.usefixtures("github")
def test_no_output(burden: Burden, tmp_path: Path, content: str | None, told: str) -> None:
    """Without results no output is set, exit status 2."""
    path = tmp_path / "results.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    status, out, err = burden("output", "--results", str(path))
    assert (status, out) == (2, "")
    assert told in err
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    ("place", "told"),
    [("", "GITHUB_OUTPUT is not set; GitHub Actions sets it"), (".", "GITHUB_OUTPUT: .: Is a dir")],
)
@pytest.mark.usefixtures("github")
def test_no_file_for_outputs(burden: Burden, red: str, place: str, told: str) -> None:
    """No file, or a folder in its place, is named."""
    status, _, err = burden("output", "--results", red, GITHUB_OUTPUT=place)
    assert status == 2
    assert err.startswith(f"burden: {told}")


ALONE = """\
import sys
sys.modules.update(torch=None, numpy=None, pytest=None, _pytest=None)
{program}
"""


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("from pytest_burden.cli import main; raise SystemExit(main(['github', 'comment']))", 0),
        # The twins: what is not there cannot be imported.
        ("import torch", 1),
        ("import pytest", 1),
    ],
)
def test_without_torch_and_pytest(github: GitHub, program: str, status: int) -> None:
    """The job that holds the token installs neither; the whole way needs none."""
    github.leave(RUN, results(sample.RED))
    done = subprocess.run(
        [sys.executable, "-c", ALONE.format(program=program)],
        cwd=Path(pytest_burden.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert done.stdout == ("" if status else "pull request 7: comment created\n")
