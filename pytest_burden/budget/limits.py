"""Limits: from ``max_gflops = 5`` to a metric and an integer that know where they were written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from pytest_burden.budget.growth import Growth, parse_growth
from pytest_burden.budget.scaling import EXAMPLE as SCALING_EXAMPLE
from pytest_burden.budget.scaling import KEY as SCALING
from pytest_burden.budget.scaling import LimitAt, Scaling, parse_at, parse_scaling
from pytest_burden.budget.units import EXAMPLES, SizeError, parse_scaled, parse_size
from pytest_burden.burden import METRICS
from pytest_burden.errors import BurdenError, nearest, quoted, suggest

_PREFIXES = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "p": 10**15}


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that one metric may be, in base units; equal to it passes."""

    metric: str
    maximum: int
    where: str
    """``tests/test_m.py:12`` or ``pyproject.toml: tool.burden.limits.max_flops``."""
    written: str = ""
    """Key and value as they were written, ``max_gflops=5``."""

    @property
    def key(self) -> str:
        """The key that sets it, in its plain form: ``max_flops``."""
        return f"max_{self.metric}"


Rule = Limit | Growth | Scaling | LimitAt
"""What a budget is made of; which of two holds is decided by `key`."""


@dataclass(frozen=True, slots=True)
class _Key:
    metric: str
    scale: int | None = None
    """Of ``max_gflops``; None for ``max_flops``, whose value has the unit."""
    grows: bool = False
    at: bool = False
    """Whether it is about other sizes: ``max_flops_at``."""


def _keys() -> dict[str, _Key]:
    keys = {f"max_{name}": _Key(name) for name in METRICS}
    keys |= {f"grow_{name}": _Key(name, grows=True) for name in METRICS}
    for name, metric in METRICS.items():
        if metric.unit in ("FLOPs", "MACs"):
            *first, last = name.split("_")
            for prefix, scale in _PREFIXES.items():
                keys["_".join(["max", *first, prefix + last])] = _Key(name, scale)
    at = {f"{key}_at": replace(each, at=True) for key, each in keys.items() if not each.grows}
    return keys | at


KEYS: Mapping[str, _Key] = _keys()
"""The keys that set a limit on one metric: ``max_gflops``, ``grow_params``, ``max_flops_at``, …."""

NAMES = (*KEYS, SCALING)
"""Every key that sets a limit."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A key that sets no limit, or a value that is none."""

    key: str
    value: object
    reason: str
    example: str
    """One line that works."""


def read_limits(
    written: Mapping[str, object],
    where: Callable[[str], str],
    other_keys: tuple[str, ...] = (),
) -> tuple[tuple[Rule, ...], list[Wrong]]:
    """Read a whole mapping of limits, and say everything that is wrong in it.

    Args:
        written: keys such as ``max_gflops`` and their values.
        where: for a key, where the limit stands.
        other_keys: what else may stand there, for the search of the nearest key.
    """
    limits: dict[str, Rule] = {}
    wrong = []
    for key, value in written.items():
        try:
            read = tuple(_read(key, value, where(key), other_keys))
        except BurdenError as error:
            reason = error.reason if isinstance(error, SizeError) else str(error)
            wrong.append(Wrong(key, value, reason, _example(key, other_keys)))
            continue
        for limit in read:
            if limit.key in limits:
                reason = f"a second limit on {limit.metric}: keep one of the two"
                wrong.append(Wrong(key, value, reason, ""))
            limits[limit.key] = limit
    return tuple(limits.values()), wrong


def _read(key: str, value: object, where: str, other_keys: tuple[str, ...]) -> Iterator[Rule]:
    written = f"{key}={quoted(value)}"
    if key == SCALING:
        for metric, symbol, power in parse_scaling(value):
            yield Scaling(metric, symbol, power, where, written)
        return
    known = KEYS.get(key)
    if known is None:
        raise BurdenError(f"unknown key{suggest(key, [*NAMES, *other_keys])}")
    if known.grows:
        percent, amount = parse_growth(value, METRICS[known.metric].unit)
        yield Growth(known.metric, percent, amount, where, written)
    elif known.at:
        for sizes, limit in parse_at(value):
            yield LimitAt(known.metric, sizes, _maximum(known, limit), where, written)
    else:
        yield Limit(known.metric, _maximum(known, value), where, written)


def _maximum(known: _Key, value: object) -> int:
    if known.scale is None:
        return parse_size(value, METRICS[known.metric].unit)
    return parse_scaled(value, known.scale)


def _example(key: str, other_keys: tuple[str, ...]) -> str:
    """Return a line that sets this limit, or the one that was meant; none if that is no limit."""
    if key not in NAMES:
        key = nearest(key, [*NAMES, *other_keys]) or "max_params"
    if key == SCALING:
        return SCALING_EXAMPLE
    known = KEYS.get(key)
    if known is None:
        return ""
    if known.grows:
        return f'{key} = "2% & {EXAMPLES[METRICS[known.metric].unit]}"'
    example = "5" if known.scale is not None else f'"{EXAMPLES[METRICS[known.metric].unit]}"'
    return f"{key} = {{ S = 4096, limit = {example} }}" if known.at else f"{key} = {example}"
