"""``burden tighten``: limits in pyproject.toml that allow more than they need to, lowered."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pytest_burden.budget.config import FILE, Config
from pytest_burden.budget.headroom import lowered, roomy
from pytest_burden.budget.slack import uses
from pytest_burden.budget.toml_lines import Path
from pytest_burden.budget.units import show
from pytest_burden.burden import METRICS
from pytest_burden.commands.edits import add_options, content, difference, measured, save
from pytest_burden.commands.output import say
from pytest_burden.commands.project import configuration, root


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "tighten",
        help="lower the limits in pyproject.toml that are slack",
        description="Run all tests, and lower the limits in pyproject.toml that are further above"
        " what was measured than they need to be. No limit is raised. Those in markers are named.",
    )
    add_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from pytest_burden.budget.editing import replaced  # noqa: PLC0415 needs an extra

    folder = root()
    config = configuration(folder)
    found = measured(folder)
    before = after = content(folder)
    own, shared = dict(_own(config)), dict(_shared(config))
    count, notes = 0, []
    for use in uses(found.results):
        change = lowered(use.limit, roomy(use.measured, arguments.headroom))
        if change is None:
            continue
        written, maximum = change
        unit, where = METRICS[use.limit.metric].unit, use.limit.where
        could = (
            f"{use.limit.key} could be {show(maximum, unit)}, {show(use.measured, unit)} is used"
        )
        if where in own or (where in shared and not found.gaps):
            after = replaced(after, (own | shared)[where], written)
            count += 1
        elif where in shared:
            notes.append(f"{where}: left alone, for not all it holds for was measured")
        else:
            notes.append(f"{where}: {could}")
    if found.gaps:
        notes.append(f"Not all was measured: {', '.join(found.gaps)}")
    say("".join(f"{line}\n" for line in (*notes, *difference(before, after).splitlines())), end="")
    if not arguments.dry_run and count:
        save(folder, after)
    would = "would be " if arguments.dry_run and count else ""
    say(f"{FILE}: {count or 'no'} limit{'s' * (count != 1)} {would}lowered")
    return 0


def _own(config: Config) -> Iterator[tuple[str, Path]]:
    """Yield where each limit of one measurement stands, and the path of its key."""
    for model in config.models:
        for rule in model.limits:
            yield rule.where, ("tool", "burden", "models", model.name, _key(rule.written))
    for budget in config.budgets:
        if budget.glob.exact:
            for rule in budget.limits:
                yield (
                    rule.where,
                    ("tool", "burden", "budgets", budget.glob.text, _key(rule.written)),
                )


def _shared(config: Config) -> Iterator[tuple[str, Path]]:
    """Yield the same of limits that may hold for several."""
    for rule in config.limits:
        yield rule.where, ("tool", "burden", "limits", _key(rule.written))
    for budget in config.budgets:
        if not budget.glob.exact:
            for rule in budget.limits:
                yield (
                    rule.where,
                    ("tool", "burden", "budgets", budget.glob.text, _key(rule.written)),
                )


def _key(written: str) -> str:
    return written.partition("=")[0]
