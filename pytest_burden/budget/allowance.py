"""Growth that is accepted on purpose: ``[[tool.burden.allow]]``, with a reason and an end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_burden.budget.ids import Glob
from pytest_burden.budget.limits import Wrong
from pytest_burden.budget.units import EXAMPLES, SizeError, parse_size
from pytest_burden.burden import METRICS, Unit
from pytest_burden.errors import suggest

EXAMPLE = (
    '[[tool.burden.allow]] id = "tests/test_m.py::test_net", metric = "flops",'
    ' up_to = "4.5 GFLOPs", reason = "wider stem", until = 2030-01-31'
)


@dataclass(frozen=True, slots=True)
class Allowance:
    """One metric of the measurements that match may be so much, for now."""

    glob: Glob
    metric: str
    up_to: int
    """In base units; equal to it passes."""
    reason: str
    until: dt.date
    """The last day on which it holds."""
    where: str

    def concerns(self, name: str, metric: str) -> bool:
        """Return whether it is about this metric of this measurement."""
        return metric == self.metric and self.glob.matches(name)

    def expired(self, today: dt.date) -> bool:
        """Return whether it holds no longer."""
        return today > self.until


_MISSING = "missing: an accepted growth says which, how far, why and until when"
KEYS = ("id", "metric", "up_to", "reason", "until")


def read_allowance(table: Mapping[str, Any], where: str) -> tuple[Allowance | None, list[Wrong]]:
    """Read one table; None if anything in it is wrong, and everything that is."""
    found: dict[str, Any] = {}
    wrong = [
        Wrong(key, value, f"unknown key{suggest(key, KEYS)}, one of {', '.join(KEYS)}", EXAMPLE)
        for key, value in table.items()
        if key not in KEYS
    ]
    if missing := [key for key in KEYS if key not in table]:
        wrong.append(Wrong(", ".join(missing), None, _MISSING, EXAMPLE))
    for key in KEYS:
        found[key] = value = table.get(key)
        if key in table and (reason := _refusal(key, value, table)):
            wrong.append(Wrong(key, value, reason, EXAMPLE))
    if wrong:
        return None, wrong
    unit = METRICS[found["metric"]].unit
    glob, up_to = Glob(found.pop("id")), parse_size(found.pop("up_to"), unit)
    return Allowance(glob=glob, up_to=up_to, where=where, **found), []


def _no_size(value: object, unit: Unit) -> str:
    try:
        parse_size(value, unit)
    except SizeError as error:
        return f"{error.reason}; a size such as {EXAMPLES[unit]!r} belongs here"
    return ""


def _refusal(key: str, value: object, table: Mapping[str, Any]) -> str:
    """Return why a key cannot have this value, empty if it can."""
    if key == "until":
        return "" if type(value) is dt.date else "not a date such as 2030-01-31"
    if key == "up_to":
        metric = METRICS.get(str(table.get("metric")))
        return _no_size(value, metric.unit) if metric else ""
    if not isinstance(value, str) or not value.strip():
        return "not a text"
    if key == "metric" and value not in METRICS:
        return f"unknown metric{suggest(value, METRICS)}"
    return ""
