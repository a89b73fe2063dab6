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


_SHOWN = 200
"""Characters of a value in a message."""
_DIGITS = 12
"""Of a whole number that Python does not print."""


def quoted(value: object, most: int = _SHOWN) -> str:
    """Return a value as a message shows it: its repr in one line, cut where it is longer than most.

    It never raises. Python prints no whole number of more than some thousand digits, and the repr
    of other people's objects may do anything.
    """
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 see above
        text = _without_repr(value)
    if not text.isprintable():
        text = " ".join(text.split()).encode("unicode-escape").decode()
    return text if len(text) <= most else f"{text[:most]}..."


def _without_repr(value: object) -> str:
    if isinstance(value, int):
        return f"{hex(value)[:_DIGITS]}... ({value.bit_length():,} bits)"
    return f"<{type(value).__name__}, which has no repr>"


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
