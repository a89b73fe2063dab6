"""Something wrong in a marker or in the configuration, and how all of it is reported in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where and what it is, why it is wrong, what would be right."""

    where: str
    """``pyproject.toml:14`` or ``tests/test_m.py:12``."""
    what: str
    """The key and its value as written."""
    reason: str
    example: str = ""
    """One line that works."""

    def __str__(self) -> str:
        works = f"; for example: {self.example}" if self.example else ""
        return f"{self.where}: {self.what}\n    {self.reason}{works}"


def listing(problems: Sequence[Problem]) -> str:
    """Return the problems, one below the other."""
    return "\n".join(dict.fromkeys(map(str, problems)))


def report(problems: Sequence[Problem]) -> str:
    """Return the message that ends the run, all problems in the order they were found."""
    return summary([str(problem) for problem in problems])


def summary(texts: Sequence[str]) -> str:
    """Return the same message from problems that are texts already, each once."""
    distinct = list(dict.fromkeys(texts))
    count = "an error" if len(distinct) == 1 else f"{len(distinct)} errors"
    return "\n".join([f"{count} in the budgets, no test was run", *distinct])
