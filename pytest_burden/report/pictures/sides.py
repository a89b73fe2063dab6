"""What a picture of base against head shows, of a run and its baseline or of two runs."""

from __future__ import annotations

from typing import NamedTuple

from pytest_burden.budget.compare import Change
from pytest_burden.budget.difference import Difference, Step
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.result import Result
from pytest_burden.burden import METRICS


class Sides(NamedTuple):
    """One measurement on both sides."""

    base: str
    """What it is compared with: the name of a file, ``the baseline``."""
    head: str
    steps: tuple[Step, ...]
    """Metrics on both sides, also those that are the same."""
    changes: tuple[Change, ...]
    otherwise: str = ""
    """What else was measured: other inputs, another training step."""


def of_result(result: Result) -> Sides | None:
    """Return a measurement beside the baseline; None if nothing of it was compared."""
    steps = {
        verdict.limit.metric: Step(verdict.limit.metric, verdict.base, verdict.measured)
        for verdict in result.verdicts
        if isinstance(verdict.limit, Growth)
        if verdict.base is not None and verdict.measured is not None
    }
    if not steps:
        return None
    ordered = tuple(steps[metric] for metric in METRICS if metric in steps)
    return Sides("the baseline", "this run", ordered, result.changes, result.otherwise)


def of_difference(difference: Difference, base: str, head: str) -> Sides | None:
    """Return a measurement of two runs; None if it is on one side only."""
    if difference.before is None or difference.after is None:
        return None
    then, now = difference.before.metrics, difference.after.metrics
    both = [metric for metric in METRICS if metric in then and metric in now]
    steps = tuple(
        Step(metric, then[metric], now[metric])
        for metric in both
        if metric in _TOLD or (then[metric] != now[metric] and metric not in _BESIDE)
    )
    return Sides(base, head, steps, difference.changes, difference.otherwise)


_TOLD = ("params", "flops", "activation_memory", "peak_memory", "training_memory", "training_flops")
"""Metrics that are shown although they are the same."""
_BESIDE = ("trainable_params", "param_memory", "macs", "training_macs")
"""Metrics that change as another one does, which is shown."""
