"""One network at many sizes of its inputs: plain data, like `burden.Burden`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pytest_burden.burden import METRICS, Burden, shallow


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One combination of sizes, and what was measured there."""

    sizes: Mapping[str, int]
    metrics: Mapping[str, int] = field(default_factory=dict)
    """What was measured; empty where the network does not take inputs of these sizes."""
    reason: str = ""
    """Why nothing was."""
    lower_bounds: Mapping[str, str] = field(default_factory=dict)
    """As in `Burden`."""
    uncounted: Mapping[str, int] = field(default_factory=dict)
    """Calls of the operators for which no rule exists."""
    replaced_rules: Mapping[str, str] = field(default_factory=dict)
    """As in `Burden`."""
    real: str = ""
    """Why it was run for real; empty where it was traced."""
    burden: Burden | None = field(default=None, compare=False)
    """All of it, with a row a module; it is not written into JSON."""

    @classmethod
    def of(cls, sizes: Mapping[str, int], burden: Burden) -> Point:
        """Return the point at which a burden was measured."""
        values = {metric: burden.value(metric) for metric in METRICS}
        return cls(
            sizes=sizes,
            metrics={metric: value for metric, value in values.items() if value is not None},
            lower_bounds=burden.lower_bounds,
            uncounted={row.op: row.calls for row in burden.op_rows if row.state == "uncounted"},
            replaced_rules=burden.replaced_rules,
            real=burden.reason,
            burden=burden,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready dictionaries, without the burden."""
        return {name: value for name, value in shallow(self).items() if name != "burden"}


@dataclass(frozen=True)
class Sweep:
    """All points, in the order in which they were asked for."""

    symbols: tuple[str, ...]
    points: tuple[Point, ...]
    until: str = ""
    """The module up to which the network was measured; empty for all of it."""

    @property
    def measured(self) -> tuple[Point, ...]:
        """The points at which the network could be measured."""
        return tuple(point for point in self.points if point.metrics)

    def values(self, metric: str) -> dict[tuple[int, ...], int]:
        """Return a metric by the sizes of the symbols, in their order."""
        return {
            tuple(point.sizes[symbol] for symbol in self.symbols): point.metrics[metric]
            for point in self.points
            if metric in point.metrics
        }

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
            "points": [point.to_dict() for point in self.points],
            "until": self.until,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Sweep:
        """Build a sweep from what `to_dict` returned, also after a trip through JSON.

        Raises:
            KeyError, TypeError: ``data`` is not of that form.
        """
        points = tuple(Point(**point) for point in data["points"])
        return cls(**{**data, "symbols": tuple(data["symbols"]), "points": points})


@dataclass(frozen=True, slots=True)
class Swept:
    """A network at other sizes than it is measured at, where something asks for that."""

    sweep: Sweep | None = None
    at: tuple[Point, ...] = ()
    """At sizes that stand alone, those of limits such as ``max_flops_at``."""


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
