"""The workflows that hold a token: what they may, what they run, and that it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pytest_burden import __version__
from pytest_burden.commands.github import ARTIFACT
from tests.github.sample import PAYLOADS, RUN, SHA, results
from tests.github.server import REPOSITORY, TOKEN, GitHub

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
RIGHTS = {"actions": "read", "pull-requests": "write"}


def workflow(name: str) -> Any:
    """Return a workflow as data."""
    return YAML(typ="safe", pure=True).load((FOLDER / name).read_text(encoding="utf-8"))


INSTALL = "Install pytest-burden, without torch and pytest"
COMMENT = workflow("burden-comment.yml")
STEPS = {step["name"]: step for step in COMMENT["jobs"]["comment"]["steps"]}


@pytest.mark.parametrize(
    ("name", "job"), [("burden-comment.yml", "comment"), ("burden-pull-request.yml", "burden")]
)
def test_rights(name: str, job: str) -> None:
    """Two rights, for one job, and none for the rest."""
    data = workflow(name)
    assert data["permissions"] == {}
    assert list(data["jobs"]) == [job]
    assert data["jobs"][job]["permissions"] == RIGHTS


def test_nothing_of_the_pull_request() -> None:
    """Nothing is checked out, restored or built; no value of others is part of a script."""
    used = [step["uses"].partition("@")[0] for step in STEPS.values() if "uses" in step]
    assert used == ["actions/setup-python"]
    for step in STEPS.values():
        assert "${{" not in step.get("run", "")
        assert "cache" not in step.get("with", {})
    assert "--no-deps --only-binary :all:" in STEPS[INSTALL]["run"]


def test_the_release() -> None:
    """The workflow of a release installs that release."""
    assert COMMENT["on"]["workflow_call"]["inputs"]["version"]["default"] == __version__


README = (ROOT / "README.md").read_text(encoding="utf-8")


def shown(about: str) -> Any:
    """Return a piece of YAML that the README shows."""
    text = README.partition(f"<!-- workflow: {about} -->\n```yaml\n")[2].partition("```")[0]
    return YAML(typ="safe", pure=True).load(text)


def test_the_readme() -> None:
    """Its workflow is ours from another repository; its steps leave what ours looks for."""
    whole, ours = shown("whole"), workflow("burden-pull-request.yml")
    for data in (whole, ours):
        data["jobs"]["burden"].pop("name", None)
    uses = whole["jobs"]["burden"].pop("uses")
    assert uses == f"OWNER/pytest-burden/.github/workflows/burden-comment.yml@v{__version__}"
    assert ours["jobs"]["burden"].pop("uses") == "$/.github/workflows/burden-comment.yml"
    assert whole == ours
    measure, upload = shown("steps")
    assert measure["run"].endswith(f" --burden-json={upload['with']['path']}")
    default = COMMENT["on"]["workflow_call"]["inputs"]["name"]["default"]
    assert upload["with"]["name"] == default == ARTIFACT


@pytest.mark.parametrize("key", ["default", "gpu"])
def test_the_command(github: GitHub, key: str) -> None:
    """What the last step runs, with the inputs' defaults or others, comments."""
    github.pull(7, SHA)
    github.leave(RUN, results())
    inputs = COMMENT["on"]["workflow_call"]["inputs"]
    step = STEPS["Comment"]
    assert step["env"] == {
        "GITHUB_TOKEN": "${{ github.token }}",
        "KEY": "${{ inputs.key }}",
        "NAME": "${{ inputs.name }}",
    }
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],  # noqa: S607
        env={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GITHUB_API_URL": github.api,
            "GITHUB_EVENT_PATH": str(PAYLOADS / "fork.json"),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": TOKEN,
            "KEY": inputs["key"]["default"] if key == "default" else key,
            "NAME": inputs["name"]["default"],
            "NO_PROXY": "127.0.0.1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("pull request 7: comment created\n", "")
    assert github.bodies(7)[0].startswith(f"<!-- pytest-burden: {key} -->\n")
