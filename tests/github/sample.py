"""Results as a job leaves them, and the events that follow."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from pytest_burden.budget.run import Run
from pytest_burden.report.jsonfile import dump
from tests.report import sample

PAYLOADS = Path(__file__).parent / "payloads"
VERSIONS = {"pytest-burden": "0.1.0", "pytest": "9", "python": "3.11"}
RUN = 289782777
SHA = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
"""Run and commit of the fork's event."""


def payload(name: str = "fork", **changed: Any) -> Any:
    """Return an event, keys of its ``workflow_run`` changed."""
    data = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
    data["workflow_run"] |= changed
    return data


def packed(*members: tuple[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive as actions/upload-artifact makes it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def results(run: Run = sample.RED) -> bytes:
    """Return the archive of a run's results."""
    return packed(("burden.json", dump(run, VERSIONS)))
