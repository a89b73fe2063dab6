"""Results that somebody else has measured: read strictly, and held to bounds of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_burden.budget.result import Result
from pytest_burden.errors import BurdenError
from pytest_burden.report.jsonfile import Written, load, to_dict

LARGEST = 32 * 2**20
"""Bytes of the file."""
MOST = 2000
"""Measurements, and verdicts of one measurement or of the whole run."""
LONGEST = 10_000
"""Characters of one text: a node id, or what an error said."""


def read(content: bytes, name: str) -> Written:
    """Return results, every text and number of which may still have been made up.

    Args:
        content: of the file.
        name: of the file, for messages.

    Raises:
        BurdenError: they are not of the form that this version writes, or beyond a bound.
    """
    if len(content) > LARGEST:
        raise BurdenError(f"{name}: {len(content):,} bytes, allowed are {LARGEST:,}")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise BurdenError(f"{name}: not UTF-8 ({error.reason})") from error
    written = load(text, name)
    for problem in _beyond(written):
        raise BurdenError(f"{name}: {problem}")
    return written


def _beyond(written: Written) -> Iterator[str]:
    run = written.run
    counted = (
        ("measurements", len(run.results)),
        ("verdicts", len(run.verdicts)),
        ("verdicts of one measurement", max(map(_verdicts, run.results), default=0)),
        ("lost workers", len(run.lost)),
    )
    for what, count in counted:
        if count > MOST:
            yield f"{count:,} {what}, allowed are {MOST:,}"
    longest = max(map(len, _texts(to_dict(run, written.versions))), default=0)
    if longest > LONGEST:
        yield f"a text of {longest:,} characters, allowed are {LONGEST:,}"


def _verdicts(result: Result) -> int:
    return len(result.verdicts)


def _texts(data: object) -> Iterator[str]:
    """Yield every text in data for JSON, keys included."""
    waiting = [data]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, Mapping):
            waiting += each.keys()
            waiting += each.values()
        elif isinstance(each, list | tuple):
            waiting += each
