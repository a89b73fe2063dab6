"""What a file of JSON holds that this package has written: a run, a sweep or one measurement."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.wellformed import misfit
from pytest_burden.burden import METRICS, Burden
from pytest_burden.errors import BurdenError
from pytest_burden.report.jsonfile import RENEW, from_dict, one_line, unlike, wrong_sweep
from pytest_burden.report.sweep import SCHEMA, heading
from pytest_burden.sweeps import Sweep

Kind = Literal["results", "sweep", "measurement"]
_WRITERS: Mapping[Kind, str] = {
    "results": RENEW,
    "sweep": "burden sweep --format json",
    "measurement": "burden measure --json",
}


class Reading(NamedTuple):
    """What was read; a sweep and a measurement are a run of that one result."""

    run: Run
    kind: Kind


def read(text: str, name: str) -> Reading:
    """Read the text of a file.

    Args:
        text: of the file.
        name: of the file, for messages.

    Raises:
        BurdenError: it is broken, or something else; one line says what.
    """
    writers = ", ".join(_WRITERS.values())
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BurdenError(
            f"{name}: not JSON, or not all of it: {error}; what writes it: {writers}"
        ) from error
    if not isinstance(data, dict):
        raise BurdenError(f"{name}: nothing of pytest-burden, which writes it by {writers}")
    if {"schema", "network", "symbols", "points"} <= data.keys():
        return Reading(Run((_sweep(data, name),)), "sweep")
    if {"model", "inputs", "module_rows"} <= data.keys():
        return Reading(Run((_measurement(data, name),)), "measurement")
    return Reading(from_dict(data, name).run, "results")


def _sweep(data: Mapping[str, Any], name: str) -> Result:
    schema, network = data["schema"], data["network"]
    inputs = data.get("inputs", [])
    if type(schema) is not int or schema != SCHEMA:
        raise BurdenError(
            f"{name}: a sweep of schema {one_line(schema)}, this version of pytest-burden reads"
            f" {SCHEMA}: write it with {_WRITERS['sweep']}"
        )
    keys = ("symbols", "points", "until")
    try:
        sweep = Sweep.from_dict({key: data[key] for key in keys})
        wrong = "" if isinstance(network, str) else "network: not a text"
        wrong = wrong or _wrong_inputs(inputs) or next(_wrong_sweep(sweep, data), "")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        wrong = _said(error)
    if wrong:
        raise _broken(name, wrong, "sweep")
    title = heading(network, inputs)
    return Result(title, title, None, (), sweep=sweep)


def _wrong_inputs(inputs: object) -> str:
    texts = isinstance(inputs, list) and all(isinstance(each, str) for each in inputs)
    return "" if texts else "inputs: not a list of texts"


def _wrong_sweep(sweep: Sweep, data: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is not as it is written; types first, for the rest relies on them."""
    yield from filter(None, [misfit(sweep, Sweep)])
    yield from filter(None, [wrong_sweep(sweep)])
    yield from unlike(data, sweep.to_dict())


def _measurement(data: Mapping[str, Any], name: str) -> Result:
    try:
        burden = Burden.from_dict(data)
        wrong = next(_wrong_burden(burden, data), "")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        wrong = _said(error)
    if wrong:
        raise _broken(name, wrong, "measurement")
    return Result(burden.model, burden.model, burden, ())


def _wrong_burden(burden: Burden, data: Mapping[str, Any]) -> Iterator[str]:
    yield from filter(None, [misfit(burden, Burden)])
    if any((burden.value(metric) or 0) < 0 for metric in METRICS):
        yield "a metric is negative"
    yield from unlike(data, burden.to_dict())


def _said(error: Exception) -> str:
    return f"{'the key is missing: ' if isinstance(error, KeyError) else ''}{error}"


def _broken(name: str, what: str, kind: Kind) -> BurdenError:
    return BurdenError(f"{name}: broken: {one_line(what)}; write it with {_WRITERS[kind]}")
