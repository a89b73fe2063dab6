"""``burden baseline update`` and ``prune``: the file that measurements are compared with."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_burden.budget import baseline
from pytest_burden.budget.baseline import Baseline
from pytest_burden.budget.ci import on_ci
from pytest_burden.budget.files import write_whole
from pytest_burden.budget.ids import SHARED, owner
from pytest_burden.budget.problem import listing
from pytest_burden.commands.output import read_text, say
from pytest_burden.commands.project import ENDED, USAGE, Outcome, root, run_pytest
from pytest_burden.errors import BurdenError, suggest


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "baseline",
        help=f"write {baseline.FILE}",
        description=f"Write {baseline.FILE}, with which later measurements are compared.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    update = actions.add_parser(
        "update",
        help="measure, and write what was measured",
        description="Run the tests, and write what they measured into the baseline.",
    )
    prune = actions.add_parser(
        "prune",
        help="take out what is measured no longer",
        description="Run all tests, and take out of the baseline what none of them measured.",
    )
    for action, run, ids in (
        (update, _update, "measure these alone; all if none is given"),
        (prune, _prune, "take these out without running anything"),
    ):
        action.add_argument("ids", nargs="*", metavar="ID", help=ids)
        action.add_argument("--force", action="store_true", help="write where CI is set, too")
        action.set_defaults(run=run)
    prune.add_argument("--dry-run", action="store_true", help="say what would be taken out")


def _update(arguments: argparse.Namespace) -> int:
    for name in arguments.ids:
        if name.startswith(f"{SHARED}#"):
            raise BurdenError(
                f"{name} is measured by a fixture for many tests: give one of these, or no ID to"
                " measure everything"
            )
    # Names of measurements are no node ids; a test renews all that it measures.
    tests = dict.fromkeys(map(owner, arguments.ids))
    force = ["--burden-force"] if arguments.force else []
    outcome = run_pytest(["--burden-update", *force, *tests], root())
    if outcome.status == 0 and not (outcome.results or {}).get("baseline"):
        raise BurdenError(f"pytest measured nothing: {baseline.FILE} is not written")
    return outcome.status if outcome.status in ENDED else USAGE


def _prune(arguments: argparse.Namespace) -> int:
    if on_ci() and not arguments.force and not arguments.dry_run:
        raise BurdenError("refused, for CI is set: --force writes all the same")
    path = root() / baseline.FILE
    if not path.exists():
        raise BurdenError(f"{path}: there is none: {baseline.RENEW} writes it")
    known = _read(path)
    gone = arguments.ids or _stale(run_pytest(["-q"], root(), caught=True))
    for name in gone:
        if name not in known.entries:
            near = suggest(name, known.entries)
            raise BurdenError(f"{baseline.FILE} has no measurement {name!r}{near}")
    for name in gone:
        say(name)
    if gone and not arguments.dry_run:
        write_whole(path, baseline.dump(known.without(gone)))
    say(f"{baseline.FILE}: {len(gone)} {'would be ' if arguments.dry_run else ''}taken out")
    return 0


def _read(path: Path) -> Baseline:
    known, problems = baseline.read(read_text(path))
    if problems or known is None:
        raise BurdenError(listing(problems))
    return known


def _stale(outcome: Outcome) -> Sequence[str]:
    """Return what a run of all tests says is measured no longer.

    Raises:
        BurdenError: not everything was run, so that nothing can be said.
    """
    results: Mapping[str, Any] | None = outcome.results
    if results is None or outcome.status not in ENDED:
        say(outcome.output, end="", file=sys.stderr)
        raise BurdenError("the tests could not be run: nothing is taken out")
    if results["partial"]:
        why = ", ".join(results["partial"])
        raise BurdenError(f"not all tests were run ({why}): nothing is taken out")
    stale = [verdict for verdict in results["verdicts"] if verdict["kind"] == "stale"]
    return [verdict["subject"] for verdict in stale if not verdict["detail"]]
