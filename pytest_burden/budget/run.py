"""Everything that one run of pytest measured and decided: what each report renders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pytest_burden.budget.result import Result
from pytest_burden.budget.verdict import Verdict
from pytest_burden.burden import Convention

WHOLE = "the run"
"""The subject of what is true of no single measurement."""
BY_ACCIDENT = ("errors in collection", "stopped early")
"""Reasons for `Run.partial` that nobody has chosen; that a worker died is in `Run.lost`."""


@dataclass(frozen=True, slots=True)
class Run:
    """The results in the order they came, and what is true of the run as a whole."""

    results: tuple[Result, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    """Those of no single test: budgets that match nothing, limits that no test could report."""
    convention: Convention = field(default_factory=Convention)
    enforced: bool = True
    """False under ``--no-burden``: measured, not judged."""
    partial: tuple[str, ...] = ()
    """Why it was not a full run; empty for a full one."""
    left_out: tuple[str, ...] = ()
    """Ids of the models in pyproject.toml that were not measured."""
    not_judged: tuple[Verdict, ...] = ()
    """Of a run that was not full: budgets that matched nothing and what nothing has needed of the
    baseline. They hold if no other shard measured it."""
    baseline: str = ""
    """What became of the baseline, if the run was to write it."""
    lost: tuple[str, ...] = ()
    """What died on the way, in words: ``worker gw0 was lost while running ...``."""
    unfinished: tuple[str, ...] = ()
    """Tests that were skipped or failed before they had measured everything, and with ``::`` at
    the end files and classes that were skipped as a whole, with ``[`` tests without parameters; see
    `pytest_burden.budget.ids.is_of`."""
    failed: tuple[str, ...] = ()
    """Of these, the tests that were to measure and failed, not by their budgets."""
    skipped: tuple[str, ...] = ()
    """What was to be measured and was not, since it was skipped, or may fail and did: tests, and
    what the baseline has below files and classes that were skipped as a whole."""
    policies: Mapping[str, str] = field(default_factory=dict)
    """By kind of verdict, what pyproject.toml says of it."""
    compared_with: str = ""
    """What it was compared with beside the baseline: ``main (3f2c1ab90)``."""

    @property
    def fails(self) -> bool:
        """Whether the run is red because of a verdict."""
        return any(v.fails for v in self.verdicts) or any(r.fails for r in self.results)

    @property
    def unsure(self) -> tuple[str, ...]:
        """Why there may be more than was measured, and worse: it did not come to its end."""
        return (
            *(f"not everything was measured: {why}" for why in self.partial if why in BY_ACCIDENT),
            *self.lost,
            *(f"{test} failed before it had measured everything" for test in self.failed),
        )

    @property
    def verdict(self) -> Literal["pass", "fail"]:
        """Return ``"pass"`` only of a run that came to its end: of another nobody knows."""
        return "fail" if self.fails or self.unsure else "pass"

    @property
    def silent(self) -> bool:
        """Whether nothing was measured and nothing decided: no summary then."""
        return not (self.results or self.verdicts or self.failed)

    def counts(self) -> str:
        """Return the run in one line: ``3 measured, 2 pass, 1 over``."""
        kinds = Counter(verdict_word(result, enforced=self.enforced) for result in self.results)
        kinds.update(verdict.kind.value for verdict in self.verdicts if verdict.fails)
        measured = sum(result.burden is not None for result in self.results)
        ranked = sorted(kinds.items(), key=lambda pair: pair[0] != "pass")
        return ", ".join([f"{measured} measured", *(f"{n} {word}" for word, n in ranked)])


def verdict_word(result: Result, *, enforced: bool = True) -> str:
    """Return a result in one or two words: ``pass``, ``over``, ``over (xfailed)``, ``no limit``."""
    worst = result.worst
    if not enforced:
        return "off"
    if worst is None:
        return "no limit"
    if worst.excuse:
        return f"{worst.kind.value} ({worst.excuse})"
    return f"{worst.kind.value} (warns)" if worst.warns else worst.kind.value
