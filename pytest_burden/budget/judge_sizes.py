"""What is decided of a network at other sizes: how its metrics grow, and what they come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pytest_burden.budget.law import ending, trend
from pytest_burden.budget.limits import Limit, Rule
from pytest_burden.budget.scaling import LimitAt, Scaling, said
from pytest_burden.budget.verdict import ARITHMETIC, Elsewhere, Heavy, Kind, Policies, Verdict
from pytest_burden.burden import METRICS, Burden, Figures, ModuleRow
from pytest_burden.sweeps import Point, Sweep, Swept

ENOUGH = 5
"""Sizes without which a fitted power says nothing: it may still bend."""
HEAVIEST = 3
"""How many modules a verdict names."""


def judge_sizes(
    subject: str, burden: Burden, rules: Iterable[Rule], policies: Policies, swept: Swept
) -> tuple[Verdict, ...]:
    """Hold one network at other sizes to its limits, one verdict each; equal to a limit passes.

    Args:
        subject: the id of the measurement.
        burden: what was measured at its own sizes.
        rules: the limits that hold; those that are about its own sizes are left out.
        policies: what each kind of verdict does.
        swept: the network at other sizes.
    """
    every = tuple(rules)
    accepted = max(
        (r.maximum for r in every if isinstance(r, Limit) and r.metric == "uncounted_ops"),
        default=0,
    )
    found: list[tuple[Rule, _Found]] = []
    for rule in every:
        if isinstance(rule, Scaling):
            found.append((rule, _of_power(rule, burden, swept.sweep, accepted)))
        elif isinstance(rule, LimitAt):
            found.append((rule, _of_size(rule, burden, swept.at, accepted)))
    return tuple(
        Verdict(
            kind=each.kind,
            subject=subject,
            limit=rule,
            measured=each.measured,
            policy=policies[each.kind],
            detail=each.detail,
            elsewhere=each.elsewhere,
        )
        for rule, each in found
    )


class _Found(NamedTuple):
    """As in `Verdict`."""

    kind: Kind
    detail: str = ""
    measured: int | None = None
    elsewhere: Elsewhere | None = None


def _of_power(rule: Scaling, burden: Burden, sweep: Sweep | None, accepted: int) -> _Found:
    if sweep is None or rule.symbol not in sweep.symbols:
        return _Found(Kind.INCOMPLETE, _no_size(rule.symbol))
    values = sweep.values(rule.metric)
    if sweep.measured and not values:
        return _Found(Kind.UNSUPPORTED, burden.unsupported.get(rule.metric, ""))
    steepest = _steepest(sweep, rule.symbol, values)
    if steepest is None:
        return _Found(Kind.INCOMPLETE, _too_few(sweep, rule.symbol, values))
    power, along = steepest
    points = {place: _at(sweep.measured, place, sweep.symbols) for place in along}
    if power > rule.power:
        heaviest = _growing(rule, points, sweep.symbols.index(rule.symbol))
        largest = points[max(points)]
        return _Found(Kind.OVER, elsewhere=Elsewhere(largest.sizes, power, heaviest))
    kind, detail = _known(rule.metric, sweep.measured, accepted)
    return _Found(kind, detail, elsewhere=Elsewhere({}, power))


def _of_size(rule: LimitAt, burden: Burden, at: Sequence[Point], accepted: int) -> _Found:
    sizes = rule.sizes.items()
    point = next((each for each in at if sizes <= each.sizes.items()), None)
    if point is None:
        return _Found(Kind.INCOMPLETE, _no_size(*rule.sizes))
    if not point.metrics:
        return _Found(Kind.INCOMPLETE, f"not at {said(point.sizes)}: {point.reason}")
    measured = point.metrics.get(rule.metric)
    if measured is None:
        return _Found(Kind.UNSUPPORTED, burden.unsupported.get(rule.metric, ""))
    if measured > rule.maximum:
        heaviest = _heaviest(rule.metric, point)
        return _Found(Kind.OVER, "", measured, Elsewhere(point.sizes, None, heaviest))
    kind, detail = _known(rule.metric, [point], accepted)
    return _Found(kind, detail, measured, Elsewhere(point.sizes))


def _no_size(*symbols: str) -> str:
    """Return why a network was not measured at other sizes."""
    which = " and ".join(symbols)
    return (
        f"no size of its inputs, and no parameter of its factory, is called {which} and has a value"
    )


def _too_few(sweep: Sweep, symbol: str, values: Mapping[tuple[int, ...], int]) -> str:
    place = sweep.symbols.index(symbol)
    known = len({sizes[place] for sizes in values})
    count = f"{known} size{'s' * (known != 1)}"
    why = f"{count} of {symbol}: too few to show an exact law, or to fit a power to"
    rejected = next((point for point in sweep.points if not point.metrics), None)
    if rejected is None:
        return why
    return f"{why}\nnot at {said(rejected.sizes)}: {rejected.reason}"


def _known(metric: str, points: Iterable[Point], accepted: int) -> tuple[Kind, str]:
    """Return whether all of a metric was counted at some points, and what was not."""
    for point in points:
        if METRICS[metric].unit in ARITHMETIC and sum(point.uncounted.values()) > accepted:
            names = ", ".join(f"{op} ({calls} calls)" for op, calls in point.uncounted.items())
            return Kind.INCOMPLETE, f"no rule is known: {names}"
        if metric in point.lower_bounds:
            return Kind.INCOMPLETE, point.lower_bounds[metric]
    return Kind.PASS, ""


_Along = Mapping[tuple[int, ...], int]
"""A metric at sizes that differ in one symbol alone."""


def _steepest(
    sweep: Sweep, symbol: str, values: Mapping[tuple[int, ...], int]
) -> tuple[float, _Along] | None:
    """Return the largest power by which a metric grows along one symbol, and where it does.

    None if there is too little to say, at some sizes of the other symbols.
    """
    place = sweep.symbols.index(symbol)
    by_others: dict[tuple[int, ...], dict[tuple[int, ...], int]] = defaultdict(dict)
    for sizes, value in values.items():
        by_others[sizes[:place] + sizes[place + 1 :]][sizes] = value
    powers = [(_power(along, place), along) for along in by_others.values()]
    known = [(power, along) for power, along in powers if power is not None]
    if not known or len(known) < len(powers):
        return None
    return max(known, key=lambda pair: (pair[0], max(pair[1])))


def _power(along: _Along, place: int) -> float | None:
    """Return the power by which a metric grows in the end: a law's degree, or a fitted exponent."""
    values = {sizes[place]: value for sizes, value in along.items()}
    if exact := ending("S", values):
        return float(exact.law.degree("S"))
    if len(values) < ENOUGH:
        return None
    fitted = trend(["S"], {(size,): value for size, value in values.items()}, "S")
    return fitted.exponent if fitted else None


def _at(points: Iterable[Point], sizes: tuple[int, ...], symbols: Sequence[str]) -> Point:
    return next(p for p in points if tuple(p.sizes[symbol] for symbol in symbols) == sizes)


def _growing(
    rule: Scaling, points: Mapping[tuple[int, ...], Point], place: int
) -> tuple[Heavy, ...]:
    """Return the modules that grow by a higher power than is allowed, the heaviest first."""
    along: dict[str, dict[tuple[int, ...], int]] = defaultdict(dict)
    for sizes, point in points.items():
        for row, value in _own(rule.metric, point):
            along[_name(row)][sizes] = value
    largest = max(points)
    found = [
        Heavy(name, values[largest], power)
        for name, values in along.items()
        if values.get(largest) and (power := _power(values, place)) is not None
        if power > rule.power
    ]
    return tuple(sorted(found, key=lambda heavy: -heavy.value)[:HEAVIEST])


def _heaviest(metric: str, point: Point) -> tuple[Heavy, ...]:
    """Return the modules that weigh most at one point."""
    ranked = sorted(_own(metric, point), key=lambda pair: -pair[1])[:HEAVIEST]
    return tuple(Heavy(_name(row), value) for row, value in ranked if value)


def _own(metric: str, point: Point) -> Iterator[tuple[ModuleRow, int]]:
    """Yield what each module has of a metric by itself."""
    if point.burden is not None and metric in Figures._fields:
        yield from ((row, getattr(row.own, metric)) for row in point.burden.module_rows)


def _name(row: ModuleRow) -> str:
    return row.path or f"({row.cls})"
