"""``burden init``: budgets for what is measured and has none, written into pyproject.toml."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from pytest_burden.budget import baseline
from pytest_burden.budget.config import FILE
from pytest_burden.budget.headroom import literal, roomy
from pytest_burden.budget.ids import Glob
from pytest_burden.budget.limits import Limit
from pytest_burden.budget.result import Result
from pytest_burden.budget.toml_lines import Path
from pytest_burden.budget.verdict import ARITHMETIC, accepted_gaps
from pytest_burden.burden import METRICS
from pytest_burden.commands.edits import add_options, content, difference, measured, save
from pytest_burden.commands.network import metrics
from pytest_burden.commands.output import say
from pytest_burden.commands.project import configuration, root

METRICS_OF_A_BUDGET = ("params", "flops", "activation_memory")


class Proposal(NamedTuple):
    """The limits of new budgets, by table, and what is said of those that are not made."""

    tables: dict[Path, dict[str, str]]
    kept: list[Limit]
    """Those that are there already, from wherever."""
    notes: list[str]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "init",
        help="write budgets for what is measured into pyproject.toml",
        description="Measure the models of pyproject.toml and what the tests measure, and write a"
        " budget for each into pyproject.toml. A metric that has a limit is left alone.",
    )
    parser.add_argument(
        "--metrics",
        type=metrics,
        default=METRICS_OF_A_BUDGET,
        metavar="A,B",
        help=f"the metrics to limit ({','.join(METRICS_OF_A_BUDGET)})",
    )
    add_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from pytest_burden.budget.editing import with_tables  # noqa: PLC0415 needs an extra

    folder = root()
    configuration(folder)
    found = measured(folder)
    before = content(folder)
    made = proposal(found.results, arguments.metrics, arguments.headroom)
    after = with_tables(before, made.tables)
    for name in found.unfinished:
        made.notes.append(f"{name}: not measured to its end, no budget")
    if made.tables and not arguments.dry_run:
        save(folder, after)
    say("".join(f"{note}\n" for note in made.notes), end="")
    if made.tables and arguments.dry_run:
        say(difference(before, after))
    say(_said(made, written="would be written" if arguments.dry_run else "written"))
    if not (folder / baseline.FILE).is_file() and not arguments.dry_run:
        say(f"Next, to notice growth below these limits: {baseline.RENEW}")
    return 0


def _said(made: Proposal, *, written: str) -> str:
    limits, kept = sum(map(len, made.tables.values())), len(made.kept)
    counted = f"{limits or 'no'} limit{'s' * (limits != 1)} {written}"
    places = f" for {len(made.tables)} measurement{'s' * (len(made.tables) != 1)}" if limits else ""
    there = f", {kept} already there (burden explain ID shows where)" if kept else ""
    return f"{FILE}: {counted}{places}{there}"


def proposal(results: Sequence[Result], metrics: Sequence[str], headroom: Fraction) -> Proposal:
    """Return the limits that measurements lack, with head-room and rounded up.

    A limit of any kind, also a general one, keeps a metric from getting its own: that would hold
    in its place, and might allow more.
    """
    made = Proposal({}, [], [])
    for result in results:
        others = [other.id for other in results if other is not result]
        if any(map(Glob(result.id).matches, others)):
            made.notes.append(f"{result.id}: its * or ? would match others too, no budget")
            continue
        keys = dict(_limits(result, metrics, headroom, made))
        if keys:
            made.tables[_table(result.id)] = keys
    return made


def _limits(
    result: Result, metrics: Sequence[str], headroom: Fraction, made: Proposal
) -> Iterator[tuple[str, str]]:
    burden = result.burden
    if burden is None:
        return
    held = {v.limit.metric: v.limit for v in result.verdicts if isinstance(v.limit, Limit)}
    accepted = accepted_gaps(held.values())
    for metric in metrics:
        value = burden.value(metric)
        if metric in held:
            made.kept.append(held[metric])
        elif value is None:
            made.notes.append(f"{result.id}: {metric} is not measured, no limit")
        elif METRICS[metric].unit in ARITHMETIC and burden.uncounted_ops > accepted:
            made.notes.append(f"{result.id}: {metric} is not fully counted, no limit")
        elif metric in burden.lower_bounds:
            made.notes.append(f"{result.id}: {metric} is a lower bound, no limit")
        else:
            key = f"max_{metric}"
            yield key, literal(key, roomy(value, headroom))[0]


def _table(name: str) -> Path:
    prefix = f"{FILE}::"
    if name.startswith(prefix):
        return "tool", "burden", "models", name.removeprefix(prefix)
    return "tool", "burden", "budgets", name
