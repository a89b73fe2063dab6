"""``burden tighten``: limits in pyproject.toml that allow more than they need to, lowered."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from pytest_burden.budget.config import FILE, Config
from pytest_burden.budget.headroom import lowered, roomy
from pytest_burden.budget.limits import Limit, Rule
from pytest_burden.budget.scaling import LIMIT, LimitAt, parse_at
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
    from pytest_burden.budget.editing import replaced, value_at  # noqa: PLC0415 needs an extra

    folder = root()
    config = configuration(folder)
    found = measured(folder)
    before = after = content(folder)
    look = partial(value_at, before)
    own, shared = _written(_own(config), look), _written(_shared(config), look)
    count, notes = 0, []
    for use in uses(found.results):
        limit = use.limit
        place = limit.where, limit.key
        path, written = own.get(place) or shared.get(place) or ((), None)
        key = limit.written.partition("=")[0]
        change = lowered(key, written, limit.maximum, roomy(use.measured, arguments.headroom))
        if change is None:
            continue
        text, maximum = change
        unit = METRICS[limit.metric].unit
        if place in own or (place in shared and not found.gaps):
            after = replaced(after, path, text)
            count += 1
        elif place in shared:
            notes.append(f"{limit.where}: left alone, for not all it holds for was measured")
        else:
            could, used = show(maximum, unit), show(use.measured, unit)
            notes.append(f"{limit.where}: {limit.key} could be {could}, {used} is used")
    if found.gaps:
        notes.append(f"Not all was measured: {', '.join(found.gaps)}")
    say("".join(f"{line}\n" for line in (*notes, *difference(before, after).splitlines())), end="")
    if not arguments.dry_run and count:
        save(folder, after)
    would = "would be " if arguments.dry_run and count else ""
    say(f"{FILE}: {count or 'no'} limit{'s' * (count != 1)} {would}lowered")
    return 0


_Places = dict[tuple[str, str], tuple[Sequence[str | int], object]]
"""The path and the value of limits in the file, by `where` and `key`."""


def _written(
    limits: Iterable[tuple[Path, Rule]], look: Callable[[Sequence[str | int]], Any]
) -> _Places:
    found: _Places = {}
    for table, rule in limits:
        path: Sequence[str | int] = (*table, rule.written.partition("=")[0])
        value = look(path)
        if isinstance(rule, LimitAt):
            if isinstance(value, list):
                index = [dict(sizes) for sizes, _ in parse_at(value)].index(dict(rule.sizes))
                path, value = (*path, index), value[index]
            path, value = (*path, LIMIT), value[LIMIT]
        if isinstance(rule, (Limit, LimitAt)):
            found[rule.where, rule.key] = path, value
    return found


def _own(config: Config) -> Iterator[tuple[Path, Rule]]:
    """Yield the table and each limit of one measurement."""
    for model in config.models:
        yield from _in(("tool", "burden", "models", model.name), model.limits)
    for budget in config.budgets:
        if budget.glob.exact:
            yield from _in(("tool", "burden", "budgets", budget.glob.text), budget.limits)


def _shared(config: Config) -> Iterator[tuple[Path, Rule]]:
    """Yield the same of limits that may hold for several."""
    yield from _in(("tool", "burden", "limits"), config.limits)
    for budget in config.budgets:
        if not budget.glob.exact:
            yield from _in(("tool", "burden", "budgets", budget.glob.text), budget.limits)


def _in(table: Path, limits: Iterable[Rule]) -> Iterator[tuple[Path, Rule]]:
    return ((table, rule) for rule in limits)
