"""Metrics over the sizes of a network, on log axes: the points, and the law that goes through."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_burden.budget.law import Law
from pytest_burden.burden import METRICS
from pytest_burden.errors import BurdenError
from pytest_burden.report import laws
from pytest_burden.report.pictures.style import (
    LINES,
    SMALL,
    WIDTH,
    Axes,
    Figure,
    FixedFormatter,
    FixedLocator,
    NullLocator,
    drawn,
    figure_of,
    legend_name,
    log_amounts,
    name,
)
from pytest_burden.report.sweep import shown_metrics
from pytest_burden.sweeps import Sweep

MOST = len(LINES)
"""Curves that can be told apart."""
PANELS = 6
_COLUMNS = 3
_WIDTHS = {1: WIDTH * 0.6, 2: WIDTH * 0.8, 3: WIDTH}
_LAW = 44
"""Characters of a law above a panel."""
_FEWER = range(laws.TERMS, 0, -1)
_STEPS = 200
_KEY = "Markers are measured. Lines are the laws above them, or lead from point to point."
_TICKS = 7


@drawn
def draw(sweep: Sweep, title: str, metrics: tuple[str, ...]) -> Figure:
    """Return the picture: a panel a metric, over the symbol with most sizes, a curve each other.

    Raises:
        BurdenError: no metric has values above zero at two sizes.
    """
    asked = [metric for metric in shown_metrics(sweep, metrics) if _some(sweep, metric)]
    if not asked or not sweep.symbols:
        raise BurdenError("no metric varies with its sizes")
    shown = asked[:PANELS]
    across = max(sweep.symbols, key=lambda symbol: len({p.sizes[symbol] for p in sweep.measured}))
    place = sweep.symbols.index(across)
    others = sorted({_without(sizes, place) for metric in shown for sizes in sweep.values(metric)})
    kept = _spread(others)
    notes = list(_notes(sweep, asked, others, kept))
    columns = min(len(shown), _COLUMNS)
    rows = -(-len(shown) // columns)
    until = f"up to {sweep.until}" if sweep.until else ""
    figure = figure_of((_WIDTHS[columns], 0.9 + 3.3 * rows), title, until, notes)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, found in zip(panels, laws.find(sweep, shown), strict=False):
        _panel(axes, sweep, found, place, kept)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    if sweep.symbols[1:]:
        handles, labels = panels[0].get_legend_handles_labels()
        last = panels[columns - 1]
        last.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.02, 1), handlelength=3)
    return figure


def _some(sweep: Sweep, metric: str) -> bool:
    return any(value > 0 for value in sweep.values(metric).values())


def _without(sizes: Sequence[int], place: int) -> tuple[int, ...]:
    return (*sizes[:place], *sizes[place + 1 :])


def _spread(others: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return as many as can be told apart, the first and the last among them."""
    if len(others) <= MOST:
        return list(others)
    return [others[number * (len(others) - 1) // (MOST - 1)] for number in range(MOST)]


def _notes(
    sweep: Sweep,
    asked: Sequence[str],
    others: Sequence[tuple[int, ...]],
    kept: Sequence[tuple[int, ...]],
) -> list[str]:
    notes = [_KEY]
    if left := asked[PANELS:]:
        notes.append(f"Not drawn: {', '.join(left)}.")
    if len(kept) < len(others):
        notes.append(f"{len(kept)} of {len(others)} curves are drawn.")
    if rejected := [point for point in sweep.points if not point.metrics]:
        first = rejected[0]
        sizes = ", ".join(f"{symbol}={size}" for symbol, size in first.sizes.items())
        also = f" and {len(rejected) - 1} more" if rejected[1:] else ""
        notes.append(f"Not at {sizes}{also}: {first.reason}")
    zero = [m for m in asked if any(value <= 0 for value in sweep.values(m).values())]
    if zero:
        notes.append(f"Zeros of {', '.join(zero)} have no place on a log axis.")
    return notes


def _panel(
    axes: Axes, sweep: Sweep, found: laws.Found, place: int, kept: Sequence[tuple[int, ...]]
) -> None:
    values = {sizes: value for sizes, value in sweep.values(found.metric).items() if value > 0}
    symbols = _without_name(sweep.symbols, place)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for other, (colour, dashes, marker) in zip(kept, LINES, strict=False):
        points = sorted(
            (sizes[place], value)
            for sizes, value in values.items()
            if _without(sizes, place) == other
        )
        if not points:
            continue
        xs, ys = zip(*points, strict=True)
        label = ", ".join(f"{symbol}={size}" for symbol, size in zip(symbols, other, strict=True))
        if found.law:
            axes.plot(
                *_curve(found.law, place, other, xs), color=colour, linestyle=dashes, linewidth=1
            )
        axes.plot(
            xs,
            ys,
            color=colour,
            marker=marker,
            markersize=4,
            linestyle="none" if found.law else dashes,
            linewidth=0.8,
            label=legend_name(label, _LAW),
            gid=found.metric,
        )
    drawn_values = list(values.values())
    low, high = min(drawn_values), max(drawn_values)
    log_amounts(axes.yaxis, low, high, METRICS[found.metric].unit, found.metric)
    if low == high:
        axes.set_ylim(low / 2, high * 2)
    _sizes(axes, sorted({sizes[place] for sizes in values}), sweep.symbols[place])
    axes.grid(which="major")
    axes.set_title(
        _law(found, len(sweep.values(found.metric))),
        fontsize=SMALL,
        fontweight="normal",
        linespacing=1.3,
    )


def _without_name(symbols: Sequence[str], place: int) -> tuple[str, ...]:
    return (*symbols[:place], *symbols[place + 1 :])


def _curve(
    law: Law, place: int, other: tuple[int, ...], xs: Sequence[int]
) -> tuple[list[int], list[float]]:
    """Return the law between the first and the last size, where it holds."""
    by = max((xs[-1] - xs[0]) // _STEPS, 1)
    sizes = sorted({*range(xs[0], xs[-1] + 1, by), *xs})
    points = [(size, (*other[:place], size, *other[place:])) for size in sizes]
    held = [(size, float(law.at(at))) for size, at in points if law.holds_at(at)]
    above = [(size, value) for size, value in held if value > 0]
    return [size for size, _ in above], [value for _, value in above]


def _sizes(axes: Axes, sizes: Sequence[int], symbol: str) -> None:
    """Put ticks at sizes that were measured, not too near to one another."""
    ticks: list[int] = []
    ratio = max((sizes[-1] / max(sizes[0], 1)) ** (1 / _TICKS), 1.001)
    for size in reversed(sizes):
        if not ticks or max(size, 1) * ratio <= ticks[-1]:
            ticks.append(size)
    axes.xaxis.set_major_locator(FixedLocator([float(tick) for tick in ticks]))
    axes.xaxis.set_major_formatter(FixedFormatter([f"{tick:,}" for tick in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(name(symbol, _LAW))


def _law(found: laws.Found, measured: int) -> str:
    """Return a law, and for which sizes, or the trend in its place."""
    grows = laws.proportional(found)
    if found.law is None:
        told = "fitted: no exact law" if found.trends else "too few points for a law"
        return f"{_fitting(f'{found.metric} {grows}', grows)}\n{told}"
    whole = (f"{found.metric} = {laws.polynomial(found.law, most)}" for most in _FEWER)
    text = _fitting(*whole, grows)
    where = name(laws.classes(found.law), _LAW) or "for all sizes"
    exact = laws.exact_at(found.law, measured)
    apart = ", " if len(f"{where}, {exact}") <= _LAW else "\n"
    return f"{text}\n{where}{apart}{exact}"


def _fitting(*texts: str) -> str:
    """Return the first text that there is room for above a panel, or of the last what there is."""
    return name(next((text for text in texts if len(text) <= _LAW), texts[-1]), _LAW)
