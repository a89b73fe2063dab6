"""A sweep as a table with the laws below it, as JSON, and as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pytest_burden.budget.units import show
from pytest_burden.burden import METRICS
from pytest_burden.report import laws
from pytest_burden.report.csvfile import guarded
from pytest_burden.report.network import NOTHING
from pytest_burden.sweeps import Point, Sweep

SCHEMA = 1
"""Of the JSON, raised whenever a reader of the last version would misread it."""

_BESIDE = {"macs": "flops", "training_macs": "training_flops"}
"""Metrics that say nearly the same as another, which is shown."""


def shown_metrics(sweep: Sweep, asked: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the metrics of the table: those asked for, else what varies."""
    if asked:
        return tuple(asked)
    return tuple(each for each in sweep.varying if _BESIDE.get(each) not in sweep.varying)


def _of_one_point(sweep: Sweep) -> tuple[str, ...]:
    """Return the metrics of the only point that was measured: none of them varies."""
    if len(sweep.measured) > 1:
        return ()
    return tuple(each for each, value in sweep.constant.items() if value and each not in _BESIDE)


def text(sweep: Sweep, name: str, asked: Sequence[str] = (), most: int = laws.TERMS) -> str:
    """Return the table, one row a point, then what could not be measured, and the laws.

    Args:
        sweep: all points.
        name: of the network.
        asked: the metrics; empty for those that are not the same everywhere.
        most: how many terms of a law are shown.
    """
    from tabulate import tabulate  # noqa: PLC0415 imported when a table is made

    metrics = shown_metrics(sweep, asked) or _of_one_point(sweep)
    rows = [
        [*(point.sizes[symbol] for symbol in sweep.symbols), *_cells(point, metrics)]
        for point in sweep.points
    ]
    headers = (*sweep.symbols, *metrics)
    table = tabulate(rows, headers, disable_numparse=True, colalign=["right"] * len(headers))
    until = f", up to {sweep.until}" if sweep.until else ""
    parts = [f"{name}{until}", "", table, "", *notes(sweep, metrics, most)]
    return "\n".join(parts).rstrip("\n")


def briefly(sweep: Sweep, name: str, most: int = laws.TERMS) -> list[str]:
    """Return the same in lines, without the table."""
    until = f", up to {sweep.until}" if sweep.until else ""
    sizes = (f"{symbol} = {_range(sweep, symbol)}" for symbol in sweep.symbols)
    return [f"{name}{until}, {', '.join(sizes)}", *notes(sweep, shown_metrics(sweep), most)]


def _range(sweep: Sweep, symbol: str) -> str:
    every = sorted({point.sizes[symbol] for point in sweep.points})
    return f"{every[0]}" if len(every) == 1 else f"{every[0]} to {every[-1]}"


def notes(sweep: Sweep, metrics: Sequence[str], most: int = laws.TERMS) -> list[str]:
    """Return what could not be measured, what is the same everywhere, and the laws, as lines."""
    return [*_rejected(sweep), *_gaps(sweep), *_constant(sweep), *_laws(sweep, metrics, most)]


def _cells(point: Point, metrics: Sequence[str]) -> Iterator[str]:
    for metric in metrics:
        value = point.metrics.get(metric)
        yield NOTHING if value is None else show(value, METRICS[metric].unit)


def _rejected(sweep: Sweep) -> Iterator[str]:
    """Yield why points are empty: those alike but for numbers in one line."""
    alike: dict[str, list[Point]] = {}
    for point in sweep.points:
        if not point.metrics:
            alike.setdefault(re.sub(r"\d+", "0", point.reason), []).append(point)
    for points in alike.values():
        first, *others = points
        sizes = ", ".join(f"{symbol}={size}" for symbol, size in first.sizes.items())
        also = f", {len(others)} more" if others else ""
        yield f"not at {sizes}{also}: {first.reason}"


def _gaps(sweep: Sweep) -> Iterator[str]:
    """Yield what is not counted, by another rule, run for real, or a lower bound, somewhere."""
    if names := {op for point in sweep.points for op in point.uncounted}:
        yield f"not counted, no rule is known: {', '.join(sorted(names))}"
    if rules := {pair for point in sweep.points for pair in point.replaced_rules.items()}:
        named = (f"{op} ({name})" for op, name in sorted(rules))
        yield f"counted by another rule than ours: {', '.join(named)}"
    real = [point.real for point in sweep.points if point.real]
    if real:
        count = "all points" if len(real) == len(sweep.points) else f"{len(real)} points"
        yield f"measured by a real run at {count}: {real[0]}"
    bounds = {metric: why for each in sweep.points for metric, why in each.lower_bounds.items()}
    yield from (f"{metric} is a lower bound: {why}" for metric, why in bounds.items())


def _constant(sweep: Sweep) -> Iterator[str]:
    """Yield what is the same at all points."""
    if len(sweep.measured) > 1:
        known = ((name, value) for name, value in sweep.constant.items() if value)
        parts = [f"{name} {show(value, METRICS[name].unit)}" for name, value in known]
        if parts:
            yield f"the same everywhere: {', '.join(parts)}"


def _laws(sweep: Sweep, metrics: Sequence[str], most: int) -> Iterator[str]:
    found = laws.find(sweep, [metric for metric in metrics if metric in sweep.varying])
    width = max((len(each.metric) for each in found), default=0)
    for each in found:
        name = f"{each.metric:{width}}"
        how = laws.proportional(each)
        if each.law:
            where = laws.classes(each.law)
            holds = [
                how,
                *([where] if where else []),
                laws.exact_at(each.law, len(sweep.values(each.metric))),
            ]
            yield f"{name} = {laws.polynomial(each.law, most)}"
            yield f"{'':{width}}   {'; '.join(holds)}"
        elif how:
            yield f"{name} {how} (fitted: these sizes show no exact law)"
        else:
            yield f"{name}   too few points for a law: a symbol needs 3 sizes, one more a power"


def heading(network: str, inputs: Sequence[str]) -> str:
    """Return how a sweep is named: its network, and the inputs with their symbols."""
    return f"{network}: {', '.join(inputs)}" if inputs else network


def to_dict(sweep: Sweep, network: str, inputs: Sequence[str]) -> dict[str, Any]:
    """Return everything as JSON-ready dictionaries and lists: integers in base units."""
    found = laws.find(sweep, sweep.varying)
    return {
        "schema": SCHEMA,
        "network": network,
        "symbols": list(sweep.symbols),
        "inputs": list(inputs),
        **sweep.to_dict(),
        "laws": [laws.to_dict(each) for each in found],
    }


def to_csv(sweep: Sweep) -> str:
    """Return one row a point: its sizes, every metric as an exact integer, why it is empty."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([*map(guarded, sweep.symbols), *METRICS, "reason"])
    for point in sweep.points:
        sizes = (point.sizes[symbol] for symbol in sweep.symbols)
        values = (point.metrics.get(each) for each in METRICS)
        writer.writerow([*sizes, *values, guarded(point.reason)])
    return file.getvalue()
