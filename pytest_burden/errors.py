"""The errors that pytest-burden raises about its input, and the search for what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BurdenError(Exception):
    """Something the user can mend: the message says what is wrong, where, and what would do."""


class MeasureError(BurdenError):
    """A network that could not be measured, neither without data nor by a real run."""


for _error in (BurdenError, MeasureError):
    _error.__module__ = "pytest_burden"  # where users import it from; pytest prints it with that


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the entry of ``words`` that looks most like ``word``, or None if none comes near.

    Upper and lower case are told apart only where that decides between two of them.
    """
    known = list(words)
    folded = {each.casefold(): each for each in known}
    matches = difflib.get_close_matches(word, known, n=1, cutoff=0.6) or [
        folded[match] for match in difflib.get_close_matches(word.casefold(), folded, n=1)
    ]
    return matches[0] if matches else None


def suggest(word: str, words: Iterable[str]) -> str:
    """Return `` (nearest: max_gflops)`` for a message, or an empty string if nothing comes near."""
    match = nearest(word, words)
    return f" (nearest: {match})" if match else ""
