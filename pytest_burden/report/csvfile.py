"""The measurements as a table for spreadsheets: one row each, every metric an exact integer."""

from __future__ import annotations

import csv
import io

from pytest_burden.budget.run import Run, verdict_word
from pytest_burden.burden import METRICS
from pytest_burden.report.comparison import accepted

_FACTS = ("measurement", "test", "verdict", "model", "inputs", "accepted")
HEADERS = (*_FACTS, *METRICS)

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 spreadsheets take the wide ones too
"""What a spreadsheet may take for the beginning of a formula."""


def to_csv(run: Run) -> str:
    """Return one row a measurement; a metric that was not measured is empty.

    A text that a spreadsheet could take for a formula begins with an apostrophe.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file)  # with the line ends of RFC 4180
    writer.writerow(HEADERS)
    for result in run.results:
        burden = result.burden
        facts = (
            result.id,
            result.test,
            verdict_word(result, enforced=run.enforced),
            burden.model if burden else "",
            ", ".join(burden.inputs) if burden else "",
            "; ".join(text.removeprefix(f"{result.id}: ") for text in accepted(result)),
        )
        values = (burden.value(metric) if burden else None for metric in METRICS)
        writer.writerow([*map(guarded, facts), *values])
    return file.getvalue()


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
