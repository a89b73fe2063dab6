"""The summary at the end of a run, as lines with a style: what the terminal shows."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pytest_burden.budget.config import Table as Mode
from pytest_burden.budget.result import Result, in_report_order
from pytest_burden.budget.run import Run
from pytest_burden.budget.slack import slack
from pytest_burden.budget.units import show, show_percent
from pytest_burden.budget.verdict import Kind, Verdict, uncounted
from pytest_burden.burden import Burden, Convention
from pytest_burden.report.blame import by_module
from pytest_burden.report.comparison import accepted
from pytest_burden.report.lines import some
from pytest_burden.report.message import Case, module_name, sentences, warnings
from pytest_burden.report.network import (
    REPLACED,
    describe,
    module_table,
    peak_table,
    replaced,
)
from pytest_burden.report.sweep import briefly
from pytest_burden.report.sweep import text as sweep_text
from pytest_burden.report.table import Table, shortened, table
from pytest_burden.sweeps import Sweep

Style = Literal["plain", "good", "warn", "bad"]

OFF = "Limits are off: --no-burden."
_MANY = 100
"""From here on ``auto`` shows passing measurements as a number only."""
_HEAVIEST = 10
_CHANGED = ("flops", "params", "activation_memory")
_PATH = 32


@dataclass(frozen=True, slots=True)
class Line:
    """One line and how it is meant."""

    text: str
    style: Style = "plain"


@dataclass(frozen=True, slots=True)
class Summary:
    """A heading, if there is more than a note to tell, and the lines below it."""

    heading: Line | None
    lines: tuple[Line, ...]


def summary(run: Run, width: int = 80, verbosity: int = 0, mode: Mode = "auto") -> Summary:
    """Return what a run shows at its end; ids are shortened so that the table fits.

    Args:
        run: what was measured and decided.
        width: of the terminal, in characters.
        verbosity: pytest's: with -q one line, unless ``mode`` is ``all``; with -v the heaviest
            modules of each measurement, with -vv all.
        mode: ``--burden-table``; ``auto`` hides what passes if there is a lot of it, and with -q.
    """
    well: Style = "good" if run.enforced and not run.unsure else "warn"
    style: Style = "bad" if run.fails else well
    if mode == "off":
        return Summary(None, tuple(_alarms(run)))
    heading = None if run.silent else Line(f"burden: {run.counts()}", style)
    if verbosity < -1 or (verbosity < 0 and mode != "all"):
        # Failures have their own section above; what no test could report is told here alone.
        short = [_with_notes(heading, run)] if heading and verbosity == -1 else []
        return Summary(None, (*short, *_alarms(run)))
    shown = _shown(run, verbosity, mode)
    found = _modules(shown, verbosity) if verbosity > 0 else []
    found += [] if run.enforced else [Line(OFF)]
    found += [Line(text) for text in notes(run, verbosity)]
    if warned := warnings(run.results):
        found += [Line(text, "warn") for text in warned.splitlines()]
    if shown:
        found += _table_lines(table(run, in_report_order(shown), width))
    if hidden := len(run.results) - len(shown):
        found.append(Line(f"{hidden} more not shown (--burden-table=all)"))
    return Summary(heading, (*found, *_alarms(run)))


def _with_notes(heading: Line, run: Run) -> Line:
    """Return the heading with how much growth is accepted and what is skipped, where it is all."""
    metrics = sum(len(accepted(result)) for result in run.results)
    more = f"; accepted growth of {metrics} metric{'s' * (metrics != 1)}" if metrics else ""
    skipped = f"; {len(run.skipped):,} skipped" if run.skipped else ""
    return replace(heading, text=f"{heading.text}{more}{skipped}")


def _alarms(run: Run) -> list[Line]:
    """Return what no test could report; what fails has a section of its own, as tests have."""
    known = [result.id for result in run.results]
    warned = sentences((Case(verdict) for verdict in run.verdicts if verdict.warns), known)
    failed = [f"{v.kind.value}: {v.subject}" for v in run.verdicts if v.fails]
    written = [Line(run.baseline, "bad" if " not " in run.baseline else "plain")]
    return [
        *(Line(text, "warn") for text in warned.splitlines()),
        *(written if run.baseline else []),
        *(Line(text, "bad") for text in (*failed, *run.unsure)),
    ]


def _shown(run: Run, verbosity: int, mode: Mode) -> list[Result]:
    few = len(run.results) < _MANY or verbosity > 0
    everything = mode == "all" or (mode == "auto" and few)
    return [result for result in run.results if everything or result.fails or result.warns]


def _table_lines(cells: Table) -> list[Line]:
    align = ("left", *("right" for _ in cells.headers[1:-1]), "left")
    head, rule, *body = _aligned(cells.headers, cells.rows, align)
    return [Line(head), Line(rule), *map(_row, body, cells.results)]


def _aligned(
    headers: Sequence[str], rows: Iterable[Sequence[str]], align: Sequence[str]
) -> list[str]:
    """Return one line for the headers, a rule, and one line a row."""
    from tabulate import tabulate  # noqa: PLC0415 imported when a table is made, not with pytest

    # A line break in a cell would shift the lines: pytest escapes those of ids, not of paths.
    # And tabulate takes a cell of this control character for a line between rows.
    plain = (headers, *rows)
    cells = [[" ".join(cell.split()).replace("\1", "\\x01") for cell in row] for row in plain]
    # Headers as a row of their own: tabulate widens the columns of headers by two.
    text = tabulate(cells, tablefmt="plain", disable_numparse=True, colalign=align)
    head, *body = [line.rstrip() for line in text.splitlines()]
    return [head, "-" * max(map(len, (head, *body))), *body]


def _row(text: str, result: Result) -> Line:
    if result.fails:
        return Line(text, "bad")
    return Line(text, "warn" if result.warns else "good" if result.verdicts else "plain")


def notes(run: Run, verbosity: int) -> list[str]:
    """Return what there is to know of how a run was measured and judged, a line each.

    From verbosity 1 on also which limits are slack, and the patterns of budgets not judged.
    """
    found = []
    if run.convention != Convention():
        found.append(f"Counted: {describe(run.convention)}.")
    for result in run.results:
        found += _notes_of(result)
    why = f" ({', '.join(run.partial)})" if run.partial else ""
    if run.left_out:
        found.append(f"Not measured{why}: {', '.join(run.left_out)}")
    if run.skipped:
        found.append(f"Skipped or xfailed, and not measured: {some(run.skipped)}")
    if verbosity > 0 and run.enforced and not run.partial:
        found += [f"Slack: {use.text()}" for use in slack(run.results)]
    if run.not_judged:
        found.append(f"Not judged in a partial run{why}: {_unjudged(run.not_judged, verbosity)}")
    return found


def _notes_of(result: Result) -> Iterator[str]:
    name, burden = result.id, result.burden
    if burden is None:
        return
    if burden.method == "real":
        yield f"Measured by a real run: {name}: {burden.reason}"
    for metric, why in burden.lower_bounds.items():
        yield f"A lower bound: {name}: {metric}: {why}"
    if burden.uncounted_ops:
        yield f"Uncounted, no rule is known: {name}: {uncounted(burden)}"
    if burden.replaced_rules:
        yield f"{REPLACED}: {name}: {replaced(burden)}"
    yield from (f"Accepted growth: {text}" for text in accepted(result))


def _unjudged(verdicts: Sequence[Verdict], verbosity: int) -> str:
    """Return what a full run would have judged: how many of each, the patterns from 1 on."""
    unmatched = [repr(v.detail) for v in verdicts if v.kind is Kind.UNMATCHED]
    stale = [verdict for verdict in verdicts if verdict.kind is Kind.STALE]
    allowances = sum(bool(verdict.detail) for verdict in stale)
    counts = (
        (len(unmatched), "budget", "budgets"),
        (len(stale) - allowances, "entry of the baseline", "entries of the baseline"),
        (allowances, "allowance", "allowances"),
    )
    said = ", ".join(f"{n} {one if n == 1 else more}" for n, one, more in counts if n)
    return f"{said} ({', '.join(unmatched)})" if unmatched and verbosity > 0 else said


def _modules(results: Sequence[Result], verbosity: int) -> list[Line]:
    found: list[Line] = []
    for result in in_report_order(results):
        if result.sweep and result.sweep.measured:
            found += map(Line, _swept(result.id, result.sweep, verbosity))
        if result.burden and result.burden.module_rows:
            burden = result.burden
            text = module_table(burden.module_rows) if verbosity > 1 else _heaviest(burden)
            found += [Line(result.id), *(Line(f"    {row}") for row in text.splitlines())]
            limited = {verdict.limit.metric for verdict in result.verdicts if verdict.limit}
            for peak in burden.peaks:
                if peak.metric in limited or verbosity > 1:
                    found += [Line(f"    {row}") for row in peak_table(peak).splitlines()]
            found += [Line(f"    {row}") for row in _changed(result, verbosity)]
    return found


def _swept(name: str, sweep: Sweep, verbosity: int) -> list[str]:
    if verbosity > 1:
        return sweep_text(sweep, name, most=sys.maxsize).splitlines()
    first, *laws = briefly(sweep, name)
    return [first, *(f"    {line}" for line in laws)]


def _changed(result: Result, verbosity: int) -> list[str]:
    """Return the modules that are not what they were in the baseline, the weightiest first."""
    most = len(result.changes) if verbosity > 1 else _HEAVIEST
    rows = by_module(result.changes, _CHANGED, most)
    texts = _aligned(("changed", "since the baseline"), rows, ("left", "left")) if rows else []
    moved = sum(change.how == "moved" for change in result.changes)
    return [*texts, f"{moved} modules have moved"] if moved else texts


def _heaviest(burden: Burden) -> str:
    """Return the modules that weigh most by themselves, by flops."""
    ranked = sorted(burden.module_rows, key=lambda row: (-row.own.flops, -row.own.params))
    cells = [
        (
            shortened(module_name(row), _PATH),
            row.cls,
            show(row.own.params, ""),
            show(row.own.flops, ""),
            show(row.own.activation_memory, "bytes"),
            show_percent(row.own.flops, burden.flops) if burden.flops else "-",
        )
        for row in ranked[:_HEAVIEST]
    ]
    headers = ("module", "class", "params", "flops", "activation", "of flops")
    align = ("left", "left", "right", "right", "right", "right")
    text = "\n".join(_aligned(headers, cells, align))
    more = len(ranked) - _HEAVIEST
    return f"{text}\n{more} more modules (-vv)" if more > 0 else text
