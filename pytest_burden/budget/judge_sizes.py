"""What is decided of a network at other sizes: how its metrics grow, and what they come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pytest_burden.budget.law import Power, power
from pytest_burden.budget.limits import Rule
from pytest_burden.budget.scaling import LimitAt, Scaling, said
from pytest_burden.budget.verdict import (
    ARITHMETIC,
    Elsewhere,
    Heavy,
    Kind,
    Policies,
    Verdict,
    accepted_gaps,
)
from pytest_burden.burden import METRICS, Burden, Figures, OpRow
from pytest_burden.sweeps import Point, Sweep, Swept

ERRORS = 2
"""How many standard errors a fitted power has to stay below a limit."""
HEAVIEST = 3
"""How many modules a verdict names."""
SUMS = ("params", "macs", "flops", "activation_memory", "training_macs", "training_flops")
"""The metrics of the whole that are those of its parts together; peaks are not."""


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
    accepted = accepted_gaps(every)
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
    place = sweep.symbols.index(rule.symbol)
    lines = _lines(values, place)
    known = [found for along in lines if (found := _power(along, place))]
    if not known or len(known) < len(lines):
        return _Found(Kind.INCOMPLETE, _too_few(sweep, rule.symbol, values))
    points = [{at: _at(sweep.measured, at, sweep.symbols) for at in along} for along in lines]
    exponents = [
        # Where all of it has a law, no part of it grows faster.
        found.exponent
        if found.ending
        else max(found.exponent, _steepest_part(rule.metric, along, place))
        for found, along in zip(known, points, strict=True)
    ]
    exponent, _, steepest = max(
        zip(exponents, map(max, points), points, strict=True), key=lambda each: each[:2]
    )
    if exponent > rule.power:
        heaviest = _growing(rule, steepest, place)
        sizes = steepest[max(steepest)].sizes
        return _Found(Kind.OVER, elsewhere=Elsewhere(sizes, exponent, heaviest))
    for found, along in zip(known, lines, strict=True):
        if detail := _above(rule.symbol, found, along, place) or _unsure(rule, found):
            return _Found(Kind.INCOMPLETE, detail)
    kind, detail = _known(rule.metric, sweep.measured, accepted)
    return _Found(kind, detail, elsewhere=Elsewhere({}, exponent))


def _of_size(rule: LimitAt, burden: Burden, at: Sequence[Point], accepted: int) -> _Found:
    sizes = rule.sizes.items()
    point = next((each for each in at if sizes <= each.sizes.items()), None)
    if point is None:
        return _Found(Kind.INCOMPLETE, _no_size(*rule.sizes))
    if not point.metrics:
        detail = f"not at {said(point.sizes)}: {point.reason}"
        return _Found(Kind.INCOMPLETE, detail, None, Elsewhere(point.sizes))
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


def _lines(values: _Along, place: int) -> tuple[_Along, ...]:
    """Return a metric along one symbol, at each combination of the others."""
    by_others: dict[tuple[int, ...], dict[tuple[int, ...], int]] = defaultdict(dict)
    for sizes, value in values.items():
        by_others[sizes[:place] + sizes[place + 1 :]][sizes] = value
    return tuple(by_others.values())


def _power(along: _Along, place: int) -> Power | None:
    return power("S", {sizes[place]: value for sizes, value in along.items()})


def _steepest_part(metric: str, points: Mapping[tuple[int, ...], Point], place: int) -> float:
    """Return the highest degree among the laws of modules and operators.

    A sum grows in the end as its steepest part. A fit to all of it does not show that where the
    part is still small, and a fit to a part, which may be tiny, is too weak a witness.
    """
    if metric not in SUMS:
        return 0
    every = {  # of blocks that are alike, one
        tuple(values.items())
        for parts in (_modules, _operators)
        for values in _by_part(parts, metric, points).values()
    }
    found = (_power(dict(values), place) for values in every if len(values) == len(points))
    return max((each.exponent for each in found if each and each.ending), default=0)


def _above(symbol: str, found: Power, along: _Along, place: int) -> str:
    """Return that one size has much more than the law says; empty if none has."""
    if found.ending is None or found.ending.above is None:
        return ""
    above, law = found.ending.above, found.ending.law
    values = {sizes[place]: value for sizes, value in along.items()}
    times = float(values[above] / law.at((above,)))
    return (
        f"at {symbol} = {above} it is {times:.1f} times what the law of other sizes says, and too"
        " few sizes are like it to show one"
    )


def _unsure(rule: Scaling, found: Power) -> str:
    """Return that a fit cannot tell whether a power is kept; empty if it can."""
    if found.exponent + ERRORS * found.error <= rule.power:
        return ""
    return (
        f"fitted is {rule.symbol}^{found.exponent:.3f} ± {found.error:.3f}, with {ERRORS} such"
        f" errors more than {rule.text()}, and there is no exact law"
    )


def _at(points: Iterable[Point], sizes: tuple[int, ...], symbols: Sequence[str]) -> Point:
    return next(p for p in points if tuple(p.sizes[symbol] for symbol in symbols) == sizes)


def _growing(
    rule: Scaling, points: Mapping[tuple[int, ...], Point], place: int
) -> tuple[Heavy, ...]:
    """Return what grows by a higher power than is allowed, the heaviest first.

    It is modules, or operators where no module by itself shows it.
    """
    largest = max(points)
    for parts in (_modules, _operators):
        found = [
            Heavy(name, values[largest], grows.exponent)
            for name, values in _by_part(parts, rule.metric, points).items()
            if values.get(largest) and (grows := _power(values, place)) is not None
            if grows.exponent > rule.power
        ]
        if found:
            return tuple(sorted(found, key=lambda heavy: -heavy.value)[:HEAVIEST])
    return ()


def _heaviest(metric: str, point: Point) -> tuple[Heavy, ...]:
    """Return the modules that weigh most at one point."""
    ranked = sorted(_modules(metric, point), key=lambda pair: -pair[1])[:HEAVIEST]
    return tuple(Heavy(name, value) for name, value in ranked if value)


def _by_part(
    parts: Callable[[str, Point], Iterator[tuple[str, int]]],
    metric: str,
    points: Mapping[tuple[int, ...], Point],
) -> Mapping[str, _Along]:
    """Return a metric at some points for each part."""
    along: dict[str, dict[tuple[int, ...], int]] = defaultdict(dict)
    for sizes, point in points.items():
        for name, value in parts(metric, point):
            along[name][sizes] = value
    return along


def _modules(metric: str, point: Point) -> Iterator[tuple[str, int]]:
    """Yield what each module has of a metric by itself."""
    if point.burden is not None and metric in Figures._fields:
        for row in point.burden.module_rows:
            yield row.path or f"({row.cls})", getattr(row.own, metric)


def _operators(metric: str, point: Point) -> Iterator[tuple[str, int]]:
    """Yield what all calls of each operator have of a metric."""
    if point.burden is not None and metric in OpRow._fields:
        yield from ((row.op, getattr(row, metric)) for row in point.burden.op_rows)
