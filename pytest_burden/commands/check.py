"""``burden check``: the models of pyproject.toml against limits and baseline, without test code."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_burden.budget.config import FILE
from pytest_burden.commands.project import (
    ENDED,
    EXAMPLE,
    USAGE,
    Outcome,
    configuration,
    root,
    run_pytest,
)
from pytest_burden.errors import BurdenError, suggest


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "check",
        help="measure the models of pyproject.toml and hold them to their budgets",
        description="Measure the models of pyproject.toml, and hold them to their limits and to"
        " the baseline. No test code is needed.",
    )
    parser.add_argument("models", nargs="*", metavar="MODEL", help="these alone; all if none")
    parser.add_argument("--strict", action="store_true", help="judge as on CI")
    parser.add_argument("-v", "--verbose", action="store_true", help="the modules as well")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    folder = root()
    known = [model.name for model in configuration(folder).models]
    if not known:
        raise BurdenError(f"{FILE} has no models to check; for example:{EXAMPLE}")
    for name in arguments.models:
        if name not in known:
            near = suggest(name, known)
            raise BurdenError(f"{FILE} has no model {name!r}{near}; it has: {', '.join(known)}")
    options = ["--burden-strict"] if arguments.strict else []
    options += ["-v"] if arguments.verbose else []
    tests = [f"{FILE}::{name}" for name in arguments.models] or [FILE]
    quiet = ["--no-header", "-p", "no:cacheprovider", "--override-ini", "addopts="]
    outcome = run_pytest([*quiet, *options, *tests], folder)
    if outcome.status == 0:
        _held(outcome, [f"{FILE}::{name}" for name in arguments.models or known])
    return outcome.status if outcome.status in ENDED else USAGE


def _held(outcome: Outcome, ids: Sequence[str]) -> None:
    """Accept no success in which models were left out: pytest can be told so from outside.

    Raises:
        BurdenError: some were.
    """
    results: Mapping[str, Any] = outcome.results or {"measurements": []}
    judged = {each["id"] for each in results["measurements"]} if results.get("enforced") else set()
    if missing := [name for name in ids if name not in judged]:
        given = os.environ.get("PYTEST_ADDOPTS", "")
        raise BurdenError(
            f"pytest succeeded and did not check {', '.join(missing)}:"
            + (f" PYTEST_ADDOPTS is {given!r}" if given else " a plugin or a conftest.py is why")
        )
