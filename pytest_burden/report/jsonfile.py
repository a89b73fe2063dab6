"""``--burden-json``: everything that was measured and decided, for other programs and `load`."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_burden.budget.files import write_whole
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.result import Result, verdict_from_dict, verdict_to_dict
from pytest_burden.budget.run import Run, verdict_word
from pytest_burden.budget.verdict import Kind, Verdict
from pytest_burden.budget.wellformed import misfit
from pytest_burden.burden import METRICS, Convention
from pytest_burden.errors import BurdenError

SCHEMA = 1
"""Raised whenever a reader of the last version would misread the file."""

RENEW = "pytest --burden-json=FILE"
"""The command that writes such a file."""


class Written(NamedTuple):
    """What stands in such a file."""

    run: Run
    versions: Mapping[str, str]


def to_dict(run: Run, versions: Mapping[str, str]) -> dict[str, Any]:
    """Return the run as JSON-ready dictionaries and lists: integers in base units, nothing rounded.

    Args:
        run: what was measured and decided.
        versions: of python, pytest and pytest-burden; that of torch stands in each burden.
    """
    return {
        "schema": SCHEMA,
        "versions": dict(versions),
        "verdict": "fail" if run.fails else "pass",
        "enforced": run.enforced,
        "full": not run.partial,
        "partial": list(run.partial),
        "lost": list(run.lost),
        "left_out": list(run.left_out),
        "convention": dataclasses.asdict(run.convention),
        "verdicts": [verdict_to_dict(verdict) for verdict in run.verdicts],
        "measurements": [
            result.to_dict() | {"verdict": verdict_word(result, enforced=run.enforced)}
            for result in run.results
        ],
        # Rarely there is anything to say: other readers need not know of them.
        **({"not_judged": list(run.not_judged)} if run.not_judged else {}),
        **({"baseline": run.baseline} if run.baseline else {}),
    }


def dump(run: Run, versions: Mapping[str, str]) -> str:
    """Return the text of the file."""
    return f"{json.dumps(to_dict(run, versions), indent=1, ensure_ascii=False)}\n"


def write(path: Path, run: Run, versions: Mapping[str, str]) -> None:
    """Write the file in one step: whoever reads it finds the old one or the new one, whole.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(path, dump(run, versions))


def load(text: str, name: str) -> Written:
    """Read the text of a file.

    Args:
        text: of the file.
        name: of the file, for messages.

    Raises:
        BurdenError: it is broken, or something else; one line says what.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BurdenError(f"{name}: not JSON, or not all of it: {error}; {_WRITE}") from error
    return from_dict(data, name)


def from_dict(data: object, name: str) -> Written:
    """Read what `to_dict` returned, also after a trip through JSON.

    Raises:
        BurdenError: ``data`` is not of that form; one line says what.
    """
    if not isinstance(data, dict) or not {"schema", "measurements"} <= data.keys():
        raise BurdenError(f"{name}: no results of pytest-burden: {_WRITE}")
    if type(data["schema"]) is not int or data["schema"] != SCHEMA:
        found = " ".join(str(data["schema"])[:_SHOWN].split())
        raise BurdenError(
            f"{name}: results of schema {found}, this version of pytest-burden reads {SCHEMA}:"
            f" {_WRITE}"
        )
    try:
        run, versions, verdict = _run(data), data["versions"], data["verdict"]
    except (AttributeError, BurdenError, IndexError, KeyError, TypeError, ValueError) as error:
        missing = "the key is missing: " if isinstance(error, KeyError) else ""
        raise BurdenError(f"{name}: broken: {missing}{_line(error)}; {_WRITE}") from error
    if wrong := next(_wrong(run, versions, verdict), ""):
        raise BurdenError(f"{name}: broken: {_line(wrong)}; {_WRITE}")
    return Written(run, versions)


_WRITE = f"write it with {RENEW}"
_SHOWN = 120


def _line(said: object) -> str:
    """Return in one line, not too long, what was said of a file that may hold anything."""
    text = " ".join(str(said).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _run(data: Mapping[str, Any]) -> Run:
    return Run(
        results=tuple(map(Result.from_dict, data["measurements"])),
        verdicts=tuple(map(verdict_from_dict, data["verdicts"])),
        convention=Convention(**data["convention"]),
        enforced=data["enforced"],
        partial=tuple(data["partial"]),
        left_out=tuple(data["left_out"]),
        not_judged=tuple(data.get("not_judged", ())),
        baseline=data.get("baseline", ""),
        lost=tuple(data["lost"]),
    )


def _wrong(run: Run, versions: object, verdict: object) -> Iterator[str]:
    """Yield what is not as this package writes it; types first, for the rest relies on them."""
    parts = [(each, Result, f"measurements[{number}]") for number, each in enumerate(run.results)]
    whole = (dataclasses.replace(run, results=()), Run, "")
    for value, hint, path in (*parts, whole, (versions, Mapping[str, str], "versions")):
        if text := misfit(value, hint, path):
            yield text
    yield from _inconsistent(run, verdict)


def _inconsistent(run: Run, verdict: object) -> Iterator[str]:
    for name, count in Counter(result.id for result in run.results).items():
        if count > 1:
            yield f"{count} measurements are called {name}"
    for each in (*run.verdicts, *(v for result in run.results for v in result.verdicts)):
        if text := _wrong_verdict(each):
            yield f"the verdict {each.kind.value} of {each.subject}: {text}"
    for result in run.results:
        burden = result.burden
        if burden and any((burden.value(metric) or 0) < 0 for metric in METRICS):
            yield f"a metric of {result.id} is negative"
    if verdict != ("fail" if run.fails else "pass"):
        yield f"its verdict is {verdict!r}, which its measurements are not"


_BASELESS = (Kind.NEW, Kind.INCOMPLETE)
"""Kinds of verdicts on growth that say nothing of a difference."""


def _wrong_verdict(verdict: Verdict) -> str:
    limit, base = verdict.limit, verdict.base
    if limit is None:
        return ""
    if limit.metric not in METRICS:
        return f"unknown metric {limit.metric!r}"
    if any((number or 0) < 0 for number in (verdict.measured, base)):
        return "a negative number"
    compared = isinstance(limit, Growth) and verdict.measured is not None
    if compared and base is None and verdict.kind not in _BASELESS:
        return "base is missing"
    return ""
