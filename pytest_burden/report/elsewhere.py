"""The sentences of verdicts on a network at other sizes of its inputs."""

from __future__ import annotations

from pytest_burden.budget.law import power as power_of
from pytest_burden.budget.limits import Rule
from pytest_burden.budget.scaling import LimitAt, Scaling, said
from pytest_burden.budget.units import show, show_excess, show_percent
from pytest_burden.budget.verdict import Elsewhere, Kind, Verdict
from pytest_burden.burden import METRICS
from pytest_burden.report import laws
from pytest_burden.report.comparison import maximum
from pytest_burden.report.lines import ACCEPT_BOUNDS, Lines, columns, first, headline, indented
from pytest_burden.sweeps import Sweep

_LIGHTER = "Make it lighter at that size, or raise the limit where it stands."
_FLATTER = "Make it grow more slowly, or raise the power where it stands."
_GIVE_SIZES = (
    'Name the size in an input, as in "float32[1, S]", and give it a value:'
    ' burden(..., sizes={"S": 128}), or sizes = { S = 128 } in pyproject.toml.'
)
_OTHER_SIZES = (
    "Say at which sizes it is measured: burden(..., vary=...), or the table sweep of the model."
)
_ANOTHER = "Name a size that the network takes, or the module up to which it does: until=..."


def elsewhere(subject: str, verdict: Verdict, sweep: Sweep | None) -> tuple[Lines, str]:
    """Return the lines of one verdict, and the next step.

    Args:
        subject: the id of the measurement.
        verdict: its limit is a `Scaling` or a `LimitAt`.
        sweep: as in `Result`.
    """
    limit = verdict.limit
    if verdict.kind is Kind.OVER and verdict.elsewhere is not None:
        if isinstance(limit, Scaling):
            return _steeper(subject, limit, verdict.elsewhere, sweep)
        if isinstance(limit, LimitAt) and verdict.measured is not None:
            return _over(subject, limit, verdict.measured, verdict.elsewhere), _LIGHTER
    return _unknown(subject, verdict, sweep)


def power(symbol: str, number: float, beside: float | None = None) -> str:
    """Return ``S^2``, ``S^1.37``, with more decimals where it would look like another number."""
    if number.is_integer():
        return f"{symbol}^{number:.0f}"
    digits = 2
    while beside is not None and beside != number and digits < _MOST_DIGITS:
        if f"{number:.{digits}f}" != f"{beside:.{digits}f}":
            break
        digits += 1
    return f"{symbol}^{number:.{digits}f}"


_MOST_DIGITS = 12


def _steeper(
    subject: str, limit: Scaling, found: Elsewhere, sweep: Sweep | None
) -> tuple[Lines, str]:
    grows = power(limit.symbol, found.power or 0, float(limit.power))
    unit = METRICS[limit.metric].unit
    rows = [
        ("measured", grows, _reason(limit, sweep, found)),
        ("limit", limit.text(), limit.where),
    ]
    for number, heavy in enumerate(found.heaviest):
        by = power(limit.symbol, heavy.power or 0)
        text = f"{show(heavy.value, unit)} at {said(found.sizes)}, {by}"
        rows.append(first(number, heavy.module, text, "steepest"))
    says = f"is over max_scaling: {limit.metric} grows with {grows}"
    return [headline(subject, says), *columns(rows)], _FLATTER


def _reason(limit: Scaling, sweep: Sweep | None, found: Elsewhere) -> str:
    """Return the law behind a power, all other sizes as they were, or that it is fitted."""
    if sweep is None:
        return ""
    place = sweep.symbols.index(limit.symbol)
    others = {name: size for name, size in found.sizes.items() if name != limit.symbol}
    values = {
        sizes[place]: value
        for sizes, value in sweep.values(limit.metric).items()
        if all(dict(zip(sweep.symbols, sizes, strict=True))[n] == v for n, v in others.items())
    }
    at = f" at {said(others)}" if others else ""
    whole = power_of(limit.symbol, values)
    exact = whole.ending if whole else None
    if exact is None:
        fitted = f"fitted to {len(values)} sizes of {limit.symbol}{at}: they show no exact law"
        if whole is None or whole.exponent == found.power:
            return fitted
        return f"the law of a part; all of it {power(limit.symbol, whole.exponent)}, {fitted}"
    parts = [f"{laws.polynomial(exact.law)}{at}", laws.classes(exact.law)]
    parts += [] if exact.all else [f"from {limit.symbol} = {exact.first} on"]
    return ", ".join(filter(None, parts))


def _over(subject: str, limit: LimitAt, measured: int, found: Elsewhere) -> Lines:
    unit = METRICS[limit.metric].unit
    texts = show_excess(measured, limit.maximum, unit)
    share = f" ({show_percent(measured - limit.maximum, limit.maximum)})" if limit.maximum else ""
    rows = [
        ("measured", texts[0], f"at {said(found.sizes)}"),
        ("limit", texts[1], limit.where),
    ]
    for number, heavy in enumerate(found.heaviest):
        text = f"{show(heavy.value, unit)} ({show_percent(heavy.value, measured)})"
        rows.append(first(number, heavy.module, text))
    return [headline(subject, f"is over {limit.key} by {texts[2]}{share}"), *columns(rows)]


def _unknown(subject: str, verdict: Verdict, sweep: Sweep | None) -> tuple[Lines, str]:
    limit: Rule | None = verdict.limit
    if not isinstance(limit, (Scaling, LimitAt)):
        return [headline(subject, verdict.detail)], ""
    name = limit.key
    if verdict.kind is Kind.UNSUPPORTED:
        says = f"has a limit {name}, and {limit.metric} was not measured"
        next_step = "Remove the limit, or limit a metric that is measured."
    else:
        says = f"may be over {name}: that is not known"
        next_step = _to_know(limit, verdict, sweep)
    rows = columns([("limit", maximum(limit), limit.where)])
    return [headline(subject, says), *rows, *indented(verdict.detail)], next_step


def _to_know(limit: Scaling | LimitAt, verdict: Verdict, sweep: Sweep | None) -> str:
    """Return what to do so that a limit can be judged."""
    if verdict.elsewhere is not None:
        rejected = isinstance(limit, LimitAt) and verdict.measured is None
        return _ANOTHER if rejected else ACCEPT_BOUNDS
    if isinstance(limit, Scaling) and sweep and limit.symbol in sweep.symbols:
        return _OTHER_SIZES
    return _GIVE_SIZES
