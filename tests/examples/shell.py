"""How the tests start another Python: as in the terminal of a user, wherever the tests run."""

from __future__ import annotations

import os

ELSEWHERE = (
    "BUILD_NUMBER",
    "CI",
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "GITHUB_STEP_SUMMARY",
    "NO_COLOR",
    "PYTEST_ADDOPTS",
    "PY_COLORS",
)
"""Variables that change what pytest shows, or where: no terminal of a user has them."""


def environment() -> dict[str, str]:
    """Return this process's environment without those, and with 80 columns."""
    kept = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    return kept | {"COLUMNS": "80"}
