"""A project's way with budgets, from the first to a merged growth, in a repository of git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_burden.budget.limits import Limit
from pytest_burden.budget.reading import read
from tests.cli.conftest import MODELS, Burden

ALLOW = """
[[tool.burden.allow]]
id = "test_it.py::test_b#batch"
metric = "{metric}"
up_to = {up_to}
reason = "wider until the pruned one is trained"
until = 9999-12-31
"""

Git = Callable[..., str]


@pytest.fixture
def git(project: Path) -> Git:
    """Return what runs git in the project, which is a repository with one commit."""
    name = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]

    def run(*arguments: str) -> str:
        command = ["git", *name, *arguments]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
        return done.stdout

    run("init", "--quiet", "--initial-branch=main")
    (project / ".gitattributes").write_text("burden-baseline.json merge=union\n", encoding="utf-8")
    (project / ".gitignore").write_text("__pycache__\n", encoding="utf-8")
    run("add", ".")
    run("commit", "--quiet", "--message=first")
    return run


OnCI = Callable[[], subprocess.CompletedProcess[str]]


@pytest.fixture
def on_ci(project: Path, warm_python: str) -> OnCI:
    """Return what runs the tests as CI does."""

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [warm_python, "-m", "pytest", "-p", "no:cacheprovider"],
            cwd=project,
            env={**os.environ, "CI": "true"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def change(path: Path, old: str, new: str) -> None:
    """Put one text in the place of another."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def ceilings(text: str) -> dict[tuple[str, str], int]:
    """Return the limits of a configuration, by id and metric."""
    config, problems = read(text)
    assert problems == []
    rules = [(each.glob.text, rule) for each in config.budgets for rule in each.limits]
    return {(name, rule.metric): rule.maximum for name, rule in rules if isinstance(rule, Limit)}


def test_story(project: Path, burden: Burden, git: Git, on_ci: OnCI) -> None:
    """Budgets, baseline, growth on a branch, red, an allowance, green, merged, tightened."""
    config = project / "pyproject.toml"

    # Budgets with much room and the baseline are made once, and CI agrees with them.
    assert burden("init", "--headroom", "300").returncode == 0
    roomy = config.read_text(encoding="utf-8")
    assert len(ceilings(roomy)) == 6
    assert burden("baseline", "update").returncode == 0
    git("add", ".")
    git("commit", "--quiet", "--message=baseline")
    assert on_ci().returncode == 0

    # On a branch a layer is widened: CI is red and names it.
    git("switch", "--quiet", "--create", "wider")
    change(project / "nets.py", "width=2", "width=4")
    git("commit", "--quiet", "--all", "--message=wider")
    red = on_ci()
    assert red.returncode == 1
    assert "grew in flops" in red.stdout
    assert "by module  0   +10 FLOPs, +10 params, +8 B activation (4×2→4×4)" in red.stdout

    # One test's growth is accepted with a reason, the other's by renewing its entry: green.
    for metric, up_to in (
        ("flops", 360),
        ("macs", 160),
        ("params", 25),
        ("activation_memory", 160),
    ):
        with config.open("a", encoding="utf-8") as file:
            file.write(ALLOW.format(metric=metric, up_to=up_to))
    assert burden("baseline", "update", "test_it.py::test_a").returncode == 0
    green = on_ci()
    assert green.returncode == 0, green.stdout
    assert green.stdout.count("Accepted growth: test_it.py::test_b#batch") == 4
    git("commit", "--quiet", "--all", "--message=accepted")

    # Meanwhile main has a model more. The two merge by themselves, and CI stays green.
    git("switch", "--quiet", "main")
    change(config, "[tool.pytest", f"{MODELS.lstrip()}\n[tool.pytest")
    change(config, "nets:small", "nets:other")
    with (project / "nets.py").open("a", encoding="utf-8") as file:
        file.write("\ndef other(): return nn.Linear(4, 7)\n")
    assert burden("baseline", "update", "pyproject.toml::small").returncode == 0
    git("commit", "--quiet", "--all", "--message=model")
    git("merge", "--quiet", "--no-edit", "wider")
    merged = on_ci()
    assert merged.returncode == 0, merged.stdout

    # The growth becomes the measure: the allowances are no longer needed, and say so.
    assert burden("baseline", "update").returncode == 0
    needless = on_ci()
    assert needless.returncode == 1
    assert (
        "the allowance for flops of test_it.py::test_b#batch is no longer needed" in needless.stdout
    )
    text = config.read_text(encoding="utf-8")
    config.write_text(text.partition("\n[[tool.burden.allow]]")[0] + "\n", encoding="utf-8")
    assert on_ci().returncode == 0

    # The room that was left is taken back.
    assert burden("tighten", "--headroom", "5").returncode == 0
    before, after = ceilings(roomy), ceilings(config.read_text(encoding="utf-8"))
    assert before.keys() == after.keys()
    assert all(after[key] < before[key] for key in before)
    assert on_ci().returncode == 0
