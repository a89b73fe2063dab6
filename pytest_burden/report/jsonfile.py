"""``--burden-json``: everything that was measured and decided, for other programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_burden.budget.files import write_whole
from pytest_burden.budget.result import verdict_to_dict
from pytest_burden.budget.run import Run, verdict_word

SCHEMA = 1
"""Raised whenever a reader of the last version would misread the file."""


def to_dict(run: Run, versions: Mapping[str, str]) -> dict[str, Any]:
    """Return the run as JSON-ready dictionaries and lists: integers in base units, nothing rounded.

    Args:
        run: what was measured and decided.
        versions: of python, pytest and pytest-burden; that of torch stands in each burden.
    """
    return {
        "schema": SCHEMA,
        "versions": dict(versions),
        "verdict": "fail" if run.fails else "pass",
        "enforced": run.enforced,
        "full": not run.partial,
        "partial": list(run.partial),
        "lost": list(run.lost),
        "left_out": list(run.left_out),
        "convention": dataclasses.asdict(run.convention),
        "verdicts": [verdict_to_dict(verdict) for verdict in run.verdicts],
        "measurements": [
            result.to_dict() | {"verdict": verdict_word(result, enforced=run.enforced)}
            for result in run.results
        ],
    }


def write(path: Path, run: Run, versions: Mapping[str, str]) -> None:
    """Write the file in one step: whoever reads it finds the old one or the new one, whole.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(to_dict(run, versions), indent=1, ensure_ascii=False)
    write_whole(path, f"{text}\n")
