"""A composite action, run step by step as far as ours needs it: GitHub's own runner is elsewhere.

Expressions, ``if``, ``env``, ``GITHUB_OUTPUT`` and the shell are as GitHub documents them. Actions
that a step uses are written down instead of run.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.github.server import TOKEN

_SHELL = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail")
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(r"'[^']*'|always\(\)|[A-Za-z_][\w.-]*|[!=]=|&&|\|\||[()]")
_OPERATORS = {"&&": "and", "||": "or", "always()": "True"}


@dataclass
class Done:
    """What became of an action."""

    outputs: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    """``success``, ``failure`` or ``skipped`` by the step's name."""
    log: str = ""
    used: dict[str, dict[str, str]] = field(default_factory=dict)
    """The inputs of other actions, by the step's name."""
    given: dict[str, dict[str, str]] = field(default_factory=dict)
    """The variables that a step sets for its script, by its name."""

    @property
    def failed(self) -> bool:
        """Whether the job is red."""
        return "failure" in self.outcomes.values()


def run(
    file: Path, inputs: Mapping[str, str], workspace: Path, environment: Mapping[str, str]
) -> Done:
    """Run an action in a workspace."""
    action = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    unknown = inputs.keys() - action["inputs"].keys()
    assert not unknown, unknown
    temp = Path(environment["RUNNER_TEMP"])
    known: dict[str, Any] = {"github": {"token": TOKEN}, "runner": {"temp": str(temp)}}
    given = {name: _text(each.get("default", ""), known) for name, each in action["inputs"].items()}
    known |= {"inputs": given | dict(inputs), "steps": {}}
    done = Done()
    for number, step in enumerate(action["runs"]["steps"]):
        condition = step.get("if", "success()").strip()
        wanted = _wanted(condition, known, failed=done.failed)
        outcome, outputs = "skipped", dict[str, str]()
        if wanted and "uses" in step:
            outcome = "success"
            done.used[step["name"]] = {k: _text(v, known) for k, v in step["with"].items()}
        elif wanted:
            outcome, outputs = _run(step, known, workspace, environment, temp / str(number), done)
        done.outcomes[step["name"]] = outcome
        if "id" in step:
            known["steps"][step["id"]] = {"outcome": outcome, "outputs": outputs}
    done.outputs = {name: _text(each["value"], known) for name, each in action["outputs"].items()}
    return done


def _wanted(condition: str, known: Mapping[str, Any], *, failed: bool) -> bool:
    """Return whether a step runs: without a function of its own, only after no failure."""
    bare = _EXPRESSION.sub(r"\1", condition)
    if "always()" in bare:
        return bool(_value(bare, known))
    return not failed and (bare == "success()" or bool(_value(bare, known)))


def _run(  # noqa: PLR0913, PLR0917 what a step knows
    step: Mapping[str, Any],
    known: Mapping[str, Any],
    workspace: Path,
    environment: Mapping[str, str],
    output: Path,
    done: Done,
) -> tuple[str, dict[str, str]]:
    assert step["shell"] == "bash"
    assert "${{" not in step["run"], "an expression in a script can be code"
    script = output.with_suffix(".sh")
    script.write_text(step["run"], encoding="utf-8")
    output.write_bytes(b"")
    env = {name: _text(text, known) for name, text in step.get("env", {}).items()}
    done.given[step["name"]] = env
    ended = subprocess.run(
        [*_SHELL, str(script)],
        cwd=workspace / _text(step.get("working-directory", "."), known),
        env={**environment, **env, "GITHUB_OUTPUT": str(output)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    done.log += ended.stdout
    return ("failure" if ended.returncode else "success"), _outputs(output)


def _outputs(file: Path) -> dict[str, str]:
    """Return what a step has written: ``name=value``, or lines up to a delimiter."""
    found = {}
    lines = iter(file.read_text(encoding="utf-8").split(os.linesep))
    for line in lines:
        if match := re.fullmatch(r"([\w-]+)<<(.+)", line):
            value = []
            while (each := next(lines)) != match[2]:
                value.append(each)
            found[match[1]] = "\n".join(value)
        elif line:
            name, _, text = line.partition("=")
            found[name] = text
    return found


def _text(value: object, known: Mapping[str, Any]) -> str:
    """Return a value of the file, its expressions replaced."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _EXPRESSION.sub(lambda match: str(_value(match[1], known)), text)


def _value(expression: str, known: Mapping[str, Any]) -> Any:
    """Return what an expression comes to; what is not there is an empty text."""
    tokens = _TOKEN.findall(expression)
    assert "".join(tokens) == re.sub(r"\s", "", expression), expression
    return eval(" ".join(_python(token, known) for token in tokens))  # noqa: S307 our own file


def _python(token: str, known: Mapping[str, Any]) -> str:
    if token[0] == "'" or token in ("==", "!=", "(", ")"):
        return token
    if token in _OPERATORS:
        return _OPERATORS[token]
    value: Any = known
    for part in token.split("."):
        value = value.get(part, "") if isinstance(value, Mapping) else ""
    return repr(value)
