"""``burden diff``: two sets of measurements, or this project at two commits, side by side."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pytest_burden.budget import baseline
from pytest_burden.budget.baseline import NONE, Baseline, entry_of, minor
from pytest_burden.budget.ci import on_ci
from pytest_burden.budget.config import FILE, Config, GitHub
from pytest_burden.budget.difference import Comparison, compare, judged_by
from pytest_burden.budget.limits import Limit, Rule
from pytest_burden.budget.precedence import Level, configured, resolve
from pytest_burden.budget.problem import listing
from pytest_burden.budget.reading import load as load_config
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.side import Side
from pytest_burden.budget.verdict import DEFAULTS, LOCAL, NO_GROWTH, Kind
from pytest_burden.commands.comparing import comparing
from pytest_burden.commands.output import (
    add_github,
    colourful,
    emit,
    keep,
    output_file,
    read_text,
    say,
    styled,
    summarize,
)
from pytest_burden.commands.project import Outcome, configuration, root, run_pytest
from pytest_burden.commands.worktree import checked_out, clean, environment, merge_base
from pytest_burden.errors import BurdenError
from pytest_burden.report.difference import lines, markdown, to_dict
from pytest_burden.report.inert import inert_json
from pytest_burden.report.jsonfile import Written, dump, from_dict, load
from pytest_burden.report.progress import progress

FORMATS = ("terminal", "markdown", "json")
HERE = "the working tree"
_TWO = 2
_ENDED = (0, 1, 5)
"""Pytest's exit status where tests ran, well or not, or there were none."""
_BY_CHANCE = ("--lf", "--stepwise", "errors in collection", "stopped early", "a worker was lost")
"""Why a run was not full, where the same reason on both sides need not leave out the same tests."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "diff",
        help="compare two runs, baselines or commits",
        usage="burden diff [options] BASE HEAD\n"
        "       burden diff [options] --base REF [PYTEST_ARGUMENT ...]",
        description="Compare what was measured: metric by metric, with the modules that did it."
        " BASE and HEAD are what --burden-json has written, or baselines. With --base the tests"
        " are run twice: at the commit where this branch left REF, and here. The exit status is 1"
        " if anything grew beyond what pyproject.toml allows, or if HEAD's run did not come to its"
        " end.",
        epilog="examples: burden diff old.json new.json; burden diff --base origin/main --"
        " -k resnet",
    )
    parser.add_argument("files", nargs="*", metavar="BASE HEAD", help="results or baselines")
    parser.add_argument(
        "--base",
        metavar="REF",
        help="measure the commit where HEAD left this branch; all else is for pytest,"
        " its options after --",
    )
    parser.add_argument(
        "--head",
        metavar="FILE",
        help="with --base: what --burden-json has written here, in place of a second run",
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="terminal", help="what to make of it (terminal)"
    )
    parser.add_argument("--output", type=output_file, metavar="FILE", help="write it there")
    parser.add_argument(
        "--results",
        type=output_file,
        metavar="FILE",
        help="write HEAD's results there, judged by this comparison too: for burden report, merge"
        " and github",
    )
    add_github(parser)
    parser.add_argument("--strict", action="store_true", help="judge as on CI")
    parser.add_argument("-v", "--verbose", action="store_true", help="all modules that changed")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare, and print; the arguments are those of `add`.

    Raises:
        BurdenError: there is nothing to compare, or it cannot be compared.
    """
    _keep(arguments)
    with baseline.uncollected():
        return _run(arguments)


def _keep(arguments: argparse.Namespace) -> None:
    """Check that no file is lost; only HEAD's may be written again, with what is found of it.

    Raises:
        BurdenError: one would be.
    """
    files = arguments.files if arguments.base is None else filter(None, [arguments.head])
    *base, head = [*files] or [""]
    keep(base, output=arguments.output, results=arguments.results)
    keep([head] if head else [], output=arguments.output)


def _run(arguments: argparse.Namespace) -> int:
    """Compare, and print.

    Raises:
        BurdenError: there is nothing to compare, or it cannot be compared.
    """
    folder = root()
    config = configuration(folder)
    github: GitHub = arguments.burden_github or config.github
    written = _results(arguments) if arguments.results else None
    with comparing(written, arguments.results, github):
        found = _found(arguments, folder, config)
    emit(_rendered(found, arguments), arguments.output)
    if written:
        judged = judged_by(written.run, found)
        emit(dump(judged, written.versions), arguments.results)
    summarize(partial(markdown, found), github)
    return int(found.fails)


def _found(arguments: argparse.Namespace, folder: Path, config: Config) -> Comparison:
    """Return what the comparison comes to.

    Raises:
        BurdenError: there is nothing to compare, or it cannot be compared.
    """
    if arguments.base is not None:
        base, head = _two_runs(arguments.base, arguments.files, folder, arguments.head)
    elif arguments.head is not None:
        raise BurdenError("--head belongs to --base: burden diff --base REF --head FILE")
    elif len(arguments.files) == _TWO:
        base, head = map(read_side, arguments.files)
    else:
        raise BurdenError(
            f"two files belong here, not {len(arguments.files)}: burden diff BASE HEAD, or"
            " burden diff --base REF"
        )
    found = _compared(base, head, config, strict=arguments.strict)
    if found.unlike:
        raise BurdenError(cannot(found))
    return found


def _results(arguments: argparse.Namespace) -> Written:
    """Return what was measured on the side of the head.

    Raises:
        BurdenError: it is not in a file, or that holds no results.
    """
    file = arguments.files[-1] if arguments.base is None and arguments.files else arguments.head
    if file is None:
        raise BurdenError("--results needs the results of a run: with --base REF also --head FILE")
    return load(read_text(Path(file)), file)


def _compared(base: Side, head: Side, config: Config, *, strict: bool) -> Comparison:
    def rules(name: str) -> Sequence[Rule]:
        return _said(config, name, base.name)

    policies = {**(DEFAULTS if strict or on_ci() else LOCAL), **config.policies}
    today = dt.datetime.now(dt.timezone.utc).date()
    return compare(base, head, rules, policies, config.allowances, today)


def _said(config: Config, name: str, base: str) -> Level:
    """Return what pyproject.toml says of one measurement, and what holds over a base if nothing."""
    of_model = (model.limits for model in config.models if model.id == name)
    where = f"{base}: nothing may grow by default"
    by_default = [replace(rule, where=where) for rule in NO_GROWTH]
    return resolve([*of_model, *configured(config, name), by_default])


def cannot(found: Comparison) -> str:
    """Return why two sides cannot be compared."""
    texts = "".join(f"\n    {text}" for text in found.unlike)
    renew = " or ".join(dict.fromkeys((found.base.renew, found.head.renew)))
    return (
        f"{found.base.name} and {found.head.name} cannot be compared, they were counted"
        f" differently:{texts}\nRenew the older one with {renew}."
    )


def _rendered(found: Comparison, arguments: argparse.Namespace) -> str:
    if arguments.format == "json":
        return inert_json(f"{json.dumps(to_dict(found), indent=1, ensure_ascii=False)}\n")
    if arguments.format == "markdown":
        return markdown(found)
    verbosity = int(arguments.verbose)
    return styled(lines(found, verbosity), colours=colourful(arguments.output))


def read_side(file: str) -> Side:
    """Return what stands in a file, whichever of the two it is.

    Raises:
        BurdenError: it is neither, or broken.
    """
    text = read_text(Path(file))
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None  # a baseline's reader says more, of conflicts in it
    if isinstance(data, dict) and "burden-baseline" not in data:
        if not {"schema", "measurements"} <= data.keys():
            raise BurdenError(
                f"{file}: neither results (pytest --burden-json={file}) nor a baseline"
                f" ({baseline.RENEW})"
            )
        return side_of(file, from_dict(data, file).run, f"pytest --burden-json={file}")
    known, problems = baseline.read(text, file)
    if problems or known is None:
        raise BurdenError(listing(problems))
    return Side(file, known, baseline.RENEW)


def side_of(name: str, measured: Run, renew: str) -> Side:
    """Return what a run has measured as one of the two sides."""
    burdens = {r.id: r.burden for r in measured.results if r.burden is not None}
    torch = ", ".join(sorted({minor(burden.torch) for burden in burdens.values()}))
    entries = {each: entry_of(each, burden) for each, burden in burdens.items()}
    # Under --no-burden nothing is judged, under --burden-update no growth.
    unheld = not measured.enforced or measured.baseline not in {"", NONE}
    unmeasured = {
        r.id: (r.worst.detail if r.worst else "") or "it measured nothing"
        for r in measured.results
        if r.burden is None
    }
    return Side(
        name,
        Baseline(torch, entries, measured.convention.rule_set),
        renew,
        unmeasured,
        measured.partial,
        measured.unfinished,
        {result.id: _own_limits(result) for result in measured.results},
        {
            r.id: verdict.excuse
            for r in measured.results
            for verdict in r.verdicts
            if verdict.excuse
        },
        measured.unsure,
        {} if unheld else {result.id: _held(result) for result in measured.results},
        frozenset(result.id for result in measured.results if _is_growth_unknown(result)),
        measured.policies,
        {name: burden.replaced_rules for name, burden in burdens.items()},
    )


def _held(result: Result) -> Level:
    """Return every limit that a measurement was held to."""
    return tuple(dict.fromkeys(verdict.limit for verdict in result.verdicts if verdict.limit))


def _is_growth_unknown(result: Result) -> bool:
    """Return whether its own limits of growth were not asked for, or stand among others."""
    return any(
        verdict.since or (verdict.kind in {Kind.NEW, Kind.ERROR} and not verdict.limit)
        for verdict in result.verdicts
    )


def _own_limits(result: Result) -> Level:
    """Return what a test allows itself; what pyproject.toml says is read there, as it is now."""
    absolute = (v.limit for v in result.verdicts if isinstance(v.limit, Limit))
    accepted = (limit for limit in absolute if limit.metric == "uncounted_ops")
    every: tuple[Rule, ...] = (*result.growth, *accepted)
    return tuple(rule for rule in every if not rule.where.startswith(FILE))


def _two_runs(ref: str, given: Sequence[str], folder: Path, here: str | None) -> tuple[Side, Side]:
    """Run the tests where HEAD has left a branch, and here if that has not been done.

    Args:
        ref: the other branch.
        given: arguments of pytest.
        folder: of the project.
        here: the results of a run in it.

    Raises:
        BurdenError: there is no such commit, the tests cannot be run, or results cannot be read.
    """
    commit = merge_base(ref, folder)
    head = None if here is None else read_side(here)
    with checked_out(commit) as there:
        tests = [text for text in given if not _only_here(text, folder, there)]
        if given and not tests:
            measured = Run()
        else:
            with progress(f"measuring {commit.label}", sys.stderr):
                outcome = run_pytest(
                    tests, there, caught=True, environment=environment(commit, there)
                )
            measured = _measured(outcome, commit.label)
        config, _ = load_config(there / FILE)
    base = _configured(side_of(commit.label, measured, f"burden diff --base {ref}"), config)
    if head is None:
        with progress(f"measuring {HERE}", sys.stderr):
            outcome = run_pytest(given, folder, caught=True, environment=clean())
        head = side_of(HERE, _measured(outcome, HERE), f"burden diff --base {ref}")
    same = [why for why in base.partial if why in head.partial and why not in _BY_CHANCE]
    return _without(base, same), _without(head, same)


def _configured(side: Side, config: Config) -> Side:
    """Return a side with what its pyproject.toml allows beside its tests."""
    own = {name: side.limits.get(name, ()) for name in side.baseline.entries}
    said = {name: resolve([own[name], _said(config, name, side.name)]) for name in own}
    return replace(side, limits=said)


def _only_here(argument: str, here: Path, there: Path) -> bool:
    """Return whether an argument names a file that the other commit does not have yet."""
    path = argument.partition("::")[0]
    given = not argument.startswith("-") and bool(path)
    return given and (here / path).exists() and not (there / path).exists()


def _measured(outcome: Outcome, name: str) -> Run:
    """Return what a run of the tests has measured.

    Raises:
        BurdenError: they could not be run; what pytest said goes to standard error.
    """
    if outcome.results is None or outcome.status not in _ENDED:
        say(outcome.output, end="", file=sys.stderr)
        raise BurdenError(f"the tests of {name} could not be run: nothing is compared")
    measured = from_dict(outcome.results, name).run
    if outcome.status == 1 and not measured.fails:
        # They may have failed before they came to measure.
        return replace(measured, partial=(*measured.partial, "tests failed"))
    return measured


def _without(side: Side, reasons: Sequence[str]) -> Side:
    return replace(side, partial=tuple(why for why in side.partial if why not in reasons))
