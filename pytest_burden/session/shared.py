"""What session- and module-scoped fixtures measure: once, for whichever test comes first."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import pytest

from pytest_burden.budget import ids
from pytest_burden.budget.precedence import Level
from pytest_burden.budget.result import Result
from pytest_burden.burden import Burden
from pytest_burden.errors import BurdenError
from pytest_burden.session.record import Failure, decide
from pytest_burden.session.settings import Settings
from pytest_burden.sweeps import Swept

PREFIX = ids.SHARED
"""Ids are ``burden_session#name``: they belong to no test, so that any test may come first."""

# The frames of this module are no news to somebody who gave two measurements one name.
__tracebackhide__ = True


@dataclass(slots=True)
class Shared:
    """The measurements that no single test owns, and those of them no report carries yet."""

    settings: Settings
    results: dict[str, Result] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)

    def add(self, name: str, outcome: Burden | Failure, limits: Level, swept: Swept) -> None:
        """Judge one measurement; the same one again (a fixture set up twice) is no second one.

        Raises:
            BurdenError: another measurement has this name.
        """
        result = decide(self.settings, "", f"{PREFIX}#{name}", outcome, [limits], swept)
        known = self.results.get(result.id)
        if known is not None and known != result:
            raise BurdenError(
                f"another measurement of burden_session is called {name!r}: give it a name="
            )
        if known is None:
            self.results[result.id] = result
            self.waiting.append(result.id)

    def take(self, test: str = "") -> tuple[Result, ...]:
        """Return what no test has reported yet, as measured by ``test``; it is reported once."""
        taken = [dataclasses.replace(self.results[name], test=test) for name in self.waiting]
        self.waiting.clear()
        return tuple(taken)


SHARED = pytest.StashKey[Shared]()
