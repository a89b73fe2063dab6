"""``--burden-json``: everything that was measured and decided, for other programs and `load`."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_burden.budget.files import write_whole
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.ids import natural
from pytest_burden.budget.result import (
    RARE,
    Result,
    verdict_from_dict,
    verdict_to_dict,
    without_empty,
)
from pytest_burden.budget.run import Run, verdict_word
from pytest_burden.budget.verdict import BY_TORCH, Kind, Verdict
from pytest_burden.budget.wellformed import misfit
from pytest_burden.burden import METRICS, Convention
from pytest_burden.errors import BurdenError
from pytest_burden.report.inert import inert_json
from pytest_burden.sweeps import Sweep

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
        versions: of python, pytest, pytest-burden and the platform; that of torch stands in each
            burden.
    """
    data = {
        "schema": SCHEMA,
        "versions": dict(versions),
        "verdict": run.verdict,
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
        "not_judged": [verdict_to_dict(verdict) for verdict in run.not_judged],
        "baseline": run.baseline,
        "unfinished": list(run.unfinished),
        "failed": list(run.failed),
        "skipped": list(run.skipped),
        "policies": dict(run.policies),
        "compared_with": run.compared_with,
    }
    return without_empty(data)


def dump(run: Run, versions: Mapping[str, str]) -> str:
    """Return the text of the file."""
    return inert_json(f"{json.dumps(to_dict(run, versions), indent=1, ensure_ascii=False)}\n")


def write(path: Path, run: Run, versions: Mapping[str, str]) -> None:
    """Write the file in one step: whoever reads it finds the old one or the new one, whole.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(path, dump(run, versions))


def joined_versions(each: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the versions of several runs as one: ``3.11.9, 3.12.1`` where they differ."""
    found: dict[str, set[str]] = {}
    for versions in each:
        for name, text in versions.items():
            # Runs that were joined before have several.
            found.setdefault(name, set()).update(text.split(_BETWEEN))
    return {name: _BETWEEN.join(sorted(texts, key=natural)) for name, texts in found.items()}


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
        raise BurdenError(f"{name}: no results of pytest-burden{_what_else(data)}: {_WRITE}")
    if type(data["schema"]) is not int or data["schema"] != SCHEMA:
        found = " ".join(str(data["schema"])[:_SHOWN].split())
        raise BurdenError(
            f"{name}: results of schema {found}, this version of pytest-burden reads {SCHEMA}:"
            f" {_WRITE}"
        )
    try:
        run, versions, verdict = _run(data), data["versions"], data["verdict"]
    except (
        *(AttributeError, BurdenError, IndexError, KeyError),
        *(TypeError, ValueError, ZeroDivisionError),
    ) as error:
        missing = "the key is missing: " if isinstance(error, KeyError) else ""
        raise BurdenError(f"{name}: broken: {missing}{one_line(error)}; {_WRITE}") from error
    # Only what has the right types can be written again.
    wrong = next(_wrong(run, versions, verdict), "")
    if not wrong:
        wrong = next(unlike(data, to_dict(run, versions)), "")
    if wrong:
        raise BurdenError(f"{name}: broken: {one_line(wrong)}; {_WRITE}")
    return Written(run, versions)


_OTHERS = {
    "burden-baseline": "but a baseline, which burden diff compares",
    "module_rows": "but one measurement, which burden report draws with --format svg",
    "symbols": "but a sweep, which burden report shows",
}


def _what_else(data: object) -> str:
    """Return what another file of ours is, by a key that only it has."""
    known = (what for key, what in _OTHERS.items() if isinstance(data, dict) and key in data)
    return next((f" {what}" for what in known), "")


_BETWEEN = ", "
_WRITE = f"write it with {RENEW}"
_SHOWN = 120


def one_line(said: object) -> str:
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
        not_judged=tuple(map(verdict_from_dict, data.get("not_judged", ()))),
        baseline=data.get("baseline", ""),
        lost=tuple(data["lost"]),
        unfinished=tuple(data.get("unfinished", ())),
        failed=tuple(data.get("failed", ())),
        skipped=tuple(data.get("skipped", ())),
        policies=data.get("policies", {}),
        compared_with=data.get("compared_with", ""),
    )


def _wrong(run: Run, versions: object, verdict: object) -> Iterator[str]:
    """Yield what is not as this package writes it; types first, for the rest relies on them."""
    parts = [(each, Result, f"measurements[{number}]") for number, each in enumerate(run.results)]
    whole = (dataclasses.replace(run, results=()), Run, "")
    for value, hint, path in (*parts, whole, (versions, Mapping[str, str], "versions")):
        if text := misfit(value, hint, path):
            yield text
    yield from _inconsistent(run, verdict)


def unlike(found: Any, written: Any, path: str = "") -> Iterator[str]:
    """Yield where data is not what it would be if it were written again.

    Keys that are not known are let alone: a later version may have more of them.
    """
    if isinstance(written, Mapping) and isinstance(found, Mapping):
        for key in (*written, *(key for key in found if key in RARE and key not in written)):
            place = f"{path}.{key}".lstrip(".")
            if key not in found:
                yield f"{place}: missing"
            elif key not in written:
                yield f"{place}: empty, and then left out"
            else:
                yield from unlike(found[key], written[key], place)
    elif isinstance(written, list | tuple) and isinstance(found, list | tuple):
        if len(found) != len(written):
            yield f"{path}: not as it is written"
        for number, (one, other) in enumerate(zip(found, written, strict=False)):
            yield from unlike(one, other, f"{path}[{number}]")
    elif type(found) is not type(written) or found != written:
        yield f"{path}: not as it is written"


def _inconsistent(run: Run, verdict: object) -> Iterator[str]:
    for name, count in Counter(result.id for result in run.results).items():
        if count > 1:
            yield f"{count} measurements are called {name}"
    for each in (*run.verdicts, *(v for result in run.results for v in result.verdicts)):
        if text := _wrong_verdict(each):
            yield f"the verdict {each.kind.value} of {each.subject}: {text}"
    for result in run.results:
        burden = result.burden
        known = [number for numbers in result.by_torch.values() for number in numbers.items()]
        if any(metric not in BY_TORCH for metric, _ in known):
            yield f"by_torch of {result.id}: not one of {', '.join(BY_TORCH)}"
        known += [(metric, burden.value(metric) or 0) for metric in METRICS] if burden else []
        if any(number < 0 for _, number in known):
            yield f"a metric of {result.id} is negative"
        if result.sweep and (text := wrong_sweep(result.sweep)):
            yield f"the sweep of {result.id}: {text}"
    if verdict != run.verdict:
        yield f"its verdict is {verdict!r}, which its measurements are not"


def wrong_sweep(sweep: Sweep) -> str:
    """Return what of a sweep cannot be, empty if nothing."""
    if any(point.sizes.keys() != set(sweep.symbols) for point in sweep.points):
        return "not a size for each symbol"
    if any(not point.metrics.keys() <= METRICS.keys() for point in sweep.points):
        return "an unknown metric"
    numbers = (
        n for point in sweep.points for n in (*point.metrics.values(), *point.sizes.values())
    )
    return "a negative number" if any(number < 0 for number in numbers) else ""


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
