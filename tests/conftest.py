"""What all tests need: pytest's own fixture for testing plugins, and a Python that starts fast."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import warm

pytest_plugins = ["pytester"]

# Tests run side by side, a process a core: torch's threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def warm_python() -> Iterator[str]:
    """Return a program to be used as ``python``, see `tests.warm`."""
    with warm.warm_python() as program:
        yield program
