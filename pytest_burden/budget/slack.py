"""How much of each limit is used, over everything that it holds for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_burden.budget.limits import Limit
from pytest_burden.budget.result import Result
from pytest_burden.budget.scaling import LimitAt, said
from pytest_burden.budget.verdict import Kind, Verdict

FACTOR = 2
"""A limit that is so many times what is used is called slack."""
_WHOLE = 1000
"""In tenths: from here on they are left out."""


@dataclass(frozen=True, slots=True)
class Use:
    """One limit as it was written, and the most that was measured under it."""

    limit: Limit | LimitAt
    measured: int
    ids: tuple[str, ...]
    """The measurements that it holds for."""

    @property
    def far(self) -> bool:
        """Whether it is `FACTOR` times what is used, or more."""
        return 0 < self.limit.maximum >= FACTOR * self.measured

    def text(self) -> str:
        """Return it as ``pyproject.toml: tool.burden.limits.max_flops: 3.1x what is used``."""
        key = self.limit.written.partition("=")[0] or self.limit.key
        where = self.limit.where
        # A line of a file may have several limits; a key of the configuration names its own.
        named = where if where.endswith(f".{key}") else f"{where}: {key}"
        if isinstance(self.limit, LimitAt):
            named += f" at {said(self.limit.sizes)}"
        if not self.measured:
            return f"{named}: nothing of it is used"
        tenths = self.limit.maximum * 10 // self.measured
        times = f"{tenths // 10:,}" if tenths >= _WHOLE else f"{tenths // 10}.{tenths % 10}"
        return f"{named}: {times}x what is used"


def uses(results: Iterable[Result]) -> list[Use]:
    """Return every limit that all it holds for have passed, in the order they are first met."""
    found: dict[Limit | LimitAt, list[Verdict]] = {}
    unknown: set[Limit | LimitAt] = set()
    for result in results:
        for verdict in result.verdicts:
            if not isinstance(verdict.limit, (Limit, LimitAt)):
                continue
            found.setdefault(verdict.limit, []).append(verdict)
            if verdict.kind is not Kind.PASS or not result.complete:
                unknown.add(verdict.limit)
    return [_use(limit, same) for limit, same in found.items() if limit not in unknown]


def slack(results: Iterable[Result]) -> list[Use]:
    """Return the limits that are far above what is used."""
    return [use for use in uses(results) if use.far]


def _use(limit: Limit | LimitAt, verdicts: Sequence[Verdict]) -> Use:
    most = max(verdict.measured or 0 for verdict in verdicts)
    return Use(limit, most, tuple(dict.fromkeys(verdict.subject for verdict in verdicts)))
