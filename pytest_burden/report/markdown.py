"""A run as Markdown, for GitHub's step summary, for a comment, or as a file of its own.

The verdict in one line, what is not what it was in the baseline, what fails and what warns; all
measurements and what there is to know of them are folded. What does not fit is left out by whole
sections, and the document says so.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from pytest_burden.budget import baseline
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.report import changed, gfm
from pytest_burden.report.message import Case, failing, lines_of, told, warning
from pytest_burden.report.room import LARGEST, fitting, joined
from pytest_burden.report.sweep import briefly
from pytest_burden.report.table import table, tenths
from pytest_burden.report.terminal import OFF, notes

_FEW = 10
"""How many measurements are shown where not all can be that changed or do not pass."""
_WHERE = (
    "`pytest --burden-json=FILE` writes everything into a file, which `burden report FILE` shows."
)


def markdown(run: Run, room: int = LARGEST) -> str:
    """Return the report of a run in at most ``room`` bytes.

    Everything; else without the measurements that are what they were and pass; else some of the
    others; else the totals; empty if not even these fit.
    """
    return fitting(_documents(run, room), room)


def _documents(run: Run, room: int) -> Iterator[Iterable[str]]:
    """Yield the document, then shorter ones, each in pieces that are made when asked for."""
    results = sorted(run.results, key=lambda result: (not result.fails, not result.warns))
    count = _count(len(results), "measurement")
    news = joined(_news(run, results, sys.maxsize), room)
    if news is not None:
        middle = [f"{news}\n"] if news.strip() else []
        yield chain(_head(run), middle, _rest(run, results))
        says = f"the table of {count} and the notes are left out"
        yield chain(_head(run), _shortened(says), middle)
    says = f"of {count} at most {_FEW} are shown in each part"
    yield chain(_head(run), _shortened(says), _news(run, results, _FEW))
    yield chain(_head(run), _shortened(f"{count} are left out"))


def _shortened(says: str) -> Iterator[str]:
    yield f"Not everything fits here: {says}. {_WHERE}\n\n"


def _head(run: Run) -> Iterator[str]:
    yield gfm.heading(f"burden: {run.counts()}", good=not (run.fails or run.unsure))
    if not run.enforced:
        yield f"{OFF}\n\n"


def _news(run: Run, results: Sequence[Result], most: int) -> Iterator[str]:
    """Yield what changed, what fails and what warns, of each so many at most."""
    differing = chain(map(changed.of_result, results), map(changed.of_stale, run.verdicts))
    known = islice(filter(None, differing), most)
    since = gfm.code(run.compared_with) if run.compared_with else baseline.FILE
    yield from gfm.titled(f"Changed since {since}", changed.section(known))
    unwritten = [run.baseline] if " not " in run.baseline else []
    yield from gfm.titled("Not measured", gfm.preformatted(islice(run.unsure, most)))
    yield from gfm.titled("Fails", _told(run, failing(results, run.verdicts), most, unwritten))
    yield from gfm.titled("Warns", _told(run, warning(results, run.verdicts), most))


def _told(run: Run, cases: Iterable[Case], most: int, more: Iterable[str] = ()) -> Iterator[str]:
    """Yield what there is to say of verdicts, but for what stands below the table already."""
    briefly = (case._replace(changes=(), otherwise="") for case in cases)
    known = [result.id for result in run.results]
    blocks = islice(told(briefly, known), most)
    return gfm.preformatted(chain(lines_of(blocks), more))


def _rest(run: Run, results: Sequence[Result]) -> Iterator[str]:
    """Yield all measurements and all notes, folded."""
    if results:
        title = _count(len(results), "measurement")
        yield from gfm.folded(title, _measurements(run, results))
    if swept := [result for result in results if result.sweep and result.sweep.measured]:
        yield from gfm.folded(_count(len(swept), "sweep"), gfm.preformatted(_sweeps(swept)))
    known = [run.baseline] if run.baseline and " not " not in run.baseline else []
    if said := [*notes(run, 1), *known]:
        yield from gfm.folded(_count(len(said), "note"), gfm.preformatted(said))


def _sweeps(results: Iterable[Result]) -> Iterator[str]:
    for result in results:
        if result.sweep:
            yield from briefly(result.sweep, result.id)
            yield ""


def _measurements(run: Run, results: Sequence[Result]) -> Iterator[str]:
    cells = table(run, results)
    align = f"l{'r' * (len(cells.headers) - 3)}ll"
    rows = map(_measurement, cells.rows, cells.results)
    return gfm.table_lines(cells.headers, rows, align)


def _measurement(row: Sequence[str], result: Result) -> Sequence[str]:
    """Return the cells of a row, with a bar for how much of the tightest limit is used."""
    name, *middle, use, verdict = row
    full = tenths(result)
    shown = use if full is None else f"{gfm.bar(full)} {use}"
    return gfm.code(name), *middle, shown, gfm.word(verdict)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'s' * (number != 1)}"
