"""What the plugin must know before anything else of this package is needed: names, and no more."""

from __future__ import annotations

import pytest

MARKER = "burden"
FIXTURES = ("burden", "burden_session")

REPORTER = "burden-reporter"
"""The name of the plugin that is registered when a run turns out to have to do with budgets."""

CI = pytest.StashKey[bool]()
"""Whether this was a run of continuous integration before any conftest.py was imported."""

ID = pytest.StashKey[str]()
"""A test's node id as it was collected: pytest-xdist appends ``@group`` to it later."""
