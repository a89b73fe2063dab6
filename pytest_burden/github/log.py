"""Text of others for a job's log, in which GitHub looks for commands."""

from __future__ import annotations

from pytest_burden.report.inert import shown

LONGEST = 1000


def line(text: str) -> str:
    """Return any text as one line that is no command, and not too long."""
    flat = shown(" ".join(text.split()))
    return flat if len(flat) <= LONGEST else f"{flat[:LONGEST]}..."
