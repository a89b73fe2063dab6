"""One network at many sizes of its inputs: plain data, like `burden.Burden`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pytest_burden.burden import METRICS, Burden


@dataclass(frozen=True, slots=True)
class Point:
    """One combination of sizes, and what was measured there."""

    sizes: Mapping[str, int]
    burden: Burden | None
    """None where the network does not take inputs of these sizes."""
    reason: str = ""
    """Why there is no burden."""


@dataclass(frozen=True)
class Sweep:
    """All points, in the order in which they were asked for."""

    symbols: tuple[str, ...]
    points: tuple[Point, ...]
    until: str = ""
    """The module up to which the network was measured; empty for all of it."""

    @property
    def measured(self) -> tuple[tuple[Point, Burden], ...]:
        """The points at which the network could be measured."""
        return tuple((point, point.burden) for point in self.points if point.burden is not None)

    def values(self, metric: str) -> dict[tuple[int, ...], int]:
        """Return a metric by the sizes of the symbols, in their order."""
        found = {}
        for point, burden in self.measured:
            value = burden.value(metric)
            if value is not None:
                found[tuple(point.sizes[symbol] for symbol in self.symbols)] = value
        return found

    @cached_property
    def constant(self) -> Mapping[str, int]:
        """The metrics that are the same at all points."""
        every = {metric: set(self.values(metric).values()) for metric in METRICS}
        return {metric: values.pop() for metric, values in every.items() if len(values) == 1}

    @cached_property
    def varying(self) -> tuple[str, ...]:
        """The metrics that were measured and are not the same at all points."""
        return tuple(
            metric for metric in METRICS if self.values(metric) and metric not in self.constant
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready dictionaries and lists, without rows of modules."""
        return {
            "symbols": list(self.symbols),
            "until": self.until,
            "points": [
                {
                    "sizes": dict(point.sizes),
                    "metrics": _metrics(point.burden) if point.burden else None,
                    "reason": point.reason,
                }
                for point in self.points
            ],
        }


def _metrics(burden: Burden) -> dict[str, int]:
    values = {metric: burden.value(metric) for metric in METRICS}
    return {metric: value for metric, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Fit:
    """The largest size of one symbol at which a network stays within some memory."""

    symbol: str
    memory: int
    """Bytes that there are."""
    size: int
    burden: Burden
    """At that size."""
    more: int
    """The next size, which is too large."""
    why_not: str
    """Why it is: what the network raised there; empty where it needs more memory."""
    beyond: Burden | None
    """At the next size; None where the network does not take it."""


def needed(burden: Burden) -> int:
    """Return the bytes that a network needs: of a training step if one was measured, or a forward.

    Parameters and buffers are among them.
    """
    if burden.training_memory is not None:
        return burden.training_memory
    return burden.model_memory + (burden.peak_memory or 0)
