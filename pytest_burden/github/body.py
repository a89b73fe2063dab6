"""What stands in the comment: a hidden marker, the report, and of which commit it is."""

from __future__ import annotations

import re

from pytest_burden.budget.run import Run
from pytest_burden.errors import BurdenError
from pytest_burden.github.event import MeasuredRun
from pytest_burden.report.markdown import markdown
from pytest_burden.report.room import COMMENT

_KEY = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")
_LONGEST_KEY = 50

NOT_MEASURED = "nothing was measured"
NOT_READ = "the results could not be read"

_GOOD, _UNSURE = "## :white_check_mark: ", "## :warning: "
_CANCELLED = "The run was cancelled: what follows may not be all."
_OTHERWISE = "The run failed for another reason than its budgets."


def marker(key: str) -> str:
    """Return the line by which a comment is known again; it does not show.

    Raises:
        BurdenError: the key could end the line early, or hold anything else that means something.
    """
    if not _KEY.fullmatch(key) or len(key) > _LONGEST_KEY:
        raise BurdenError(
            f"the key {key!r} does not do: letters and digits, with single dots, hyphens or"
            f" underscores between them, {_LONGEST_KEY} at most, such as default or gpu-tests"
        )
    return f"<!-- pytest-burden: {key} -->"


def of_results(mark: str, run: Run, source: MeasuredRun) -> str:
    """Return the comment on what was measured."""
    otherwise = source.conclusion not in ("", "success", "cancelled") and not run.fails
    note = f"{_CANCELLED}\n\n" if _cancelled(source) else f"{_OTHERWISE}\n\n" if otherwise else ""
    start, end = f"{mark}\n{note}", f"\n{_footer(source)}\n"
    report = markdown(run, COMMENT - len(start.encode()) - len(end.encode()))
    if not report:
        verdict = "over budget" if run.fails else "within budget"
        report = f"## burden: {verdict}\n\nThe report is too long for a comment.\n"
    if otherwise and report.startswith(_GOOD):
        report = f"{_UNSURE}{report.removeprefix(_GOOD)}"
    return f"{start}{report}{end}"


def without_results(mark: str, source: MeasuredRun, what: str, why: str) -> str:
    """Return the comment where there is nothing to show; nothing of the artifact is in it.

    Args:
        mark: see `marker`.
        source: the run.
        what: `NOT_MEASURED` or `NOT_READ`.
        why: a sentence.
    """
    return f"{mark}\n{_UNSURE}burden: {what}\n\n{why}\n\n{_footer(source)}\n"


_HOW_IT_ENDED = {
    "success": "The run left no results.",
    "cancelled": "The run was cancelled before it left results.",
    "timed_out": "The run took too long, and was ended before it left results.",
    "skipped": "The run was skipped.",
    "action_required": "The run waits to be let through.",
    "neutral": "The run had nothing to measure.",
    "stale": "The run was given up.",
}


def why_nothing(source: MeasuredRun) -> str:
    """Return the sentence that says how a run came to leave no results."""
    return _HOW_IT_ENDED.get(source.conclusion, "The run failed before it left results.")


def _cancelled(source: MeasuredRun) -> bool:
    return source.conclusion == "cancelled"


def _footer(source: MeasuredRun) -> str:
    commit = f"Commit {source.head.sha}" if source.head else "Commit unknown"
    return f"{commit}, [run {source.id}]({source.url})." if source.url else f"{commit}."
