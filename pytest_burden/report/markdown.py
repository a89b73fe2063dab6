"""The summary as Markdown, for GitHub's step summary: the same rows, ids neutralised."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.report.message import Case, sentences
from pytest_burden.report.table import table

LARGEST = 1024 * 1024
"""GitHub drops the summary of a step, other tools' parts included, from this many bytes on."""

_PLAIN = re.compile(r"[^A-Za-z0-9 /-]")
_KEPT = re.compile(r"[^A-Za-z0-9 .,:()%+\n/-]")


def markdown(run: Run, room: int = LARGEST) -> str:
    """Return the summary in at most ``room`` bytes.

    All rows, else those that do not pass, else the totals; empty if not even these fit.
    """
    failing = [result for result in run.results if result.fails or result.warns]
    for results in (run.results, failing, ()):
        text = _document(run, results)
        if len(text.encode()) <= room:
            return text
    return ""


def append_to(path: Path, run: Run) -> None:
    """Append the summary to a file that other tools write too, so that all of it can be shown.

    A file that cannot be read or written is left alone: the terminal has said everything.
    """
    try:
        taken = path.stat().st_size if path.exists() else 0
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(markdown(run, LARGEST - taken))
    except OSError:
        return


def code(text: str) -> str:
    """Return any text as one inline piece of code: nothing in it is Markdown, HTML or a mention.

    Every character that could mean something is written as an entity, a line break as a space.
    """
    line = " ".join(text.split())
    return f"<code>{_PLAIN.sub(lambda match: f'&#{ord(match[0])};', line)}</code>"


def preformatted(text: str) -> str:
    """Return a text of several lines as it stands, nothing in it being Markdown or a mention."""
    shown = _KEPT.sub(lambda match: f"&#{ord(match[0])};", text)
    return f"<pre>{shown}</pre>\n"


def _document(run: Run, results: Sequence[Result]) -> str:
    mark = ":x:" if run.fails else ":white_check_mark:"
    parts = [f"## {mark} burden: {run.counts()}", ""]
    if results:
        cells = table(run, results)
        align = ["---", *("---:" for _ in cells.headers[1:-1]), "---"]
        parts += [_row(cells.headers), _row(align)]
        parts += [_row([code(row[0]), *row[1:]]) for row in cells.rows]
        parts.append("")
    if hidden := len(run.results) - len(results):
        parts += [f"{hidden} more not shown.", ""]
    known = [result.id for result in run.results]
    told = sentences((Case(v) for v in run.verdicts if v.fails or v.warns), known)
    parts += [line for text in [*told.splitlines(), *run.lost] for line in (code(text), "")]
    return "\n".join(parts) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
