"""Cumulative curves over depth: how much of the whole has come up to each module."""

from __future__ import annotations

from itertools import accumulate

from pytest_burden.budget.units import show
from pytest_burden.burden import METRICS, Burden
from pytest_burden.report.pictures.depth import PANELS, depth, name_bars
from pytest_burden.report.pictures.style import (
    LINES,
    QUIET,
    WIDTH,
    Figure,
    drawn,
    figure_of,
    name,
)

_PATH = 40
_MARKERS = 12


@drawn
def draw(burden: Burden, title: str) -> Figure:
    """Return the picture; the legend says up to which module a half has come."""
    bars, note = depth(burden)
    model = f"{burden.model}({', '.join(burden.inputs)})"
    figure = figure_of((WIDTH, 4.8), title, model, [note] if note else [])
    axes = figure.subplots()
    axes.axhline(50, color=QUIET, linewidth=0.7, linestyle=(0, (1, 2)))
    for number, ((metric, what), (colour, dashes, marker)) in enumerate(
        zip(PANELS, LINES, strict=False)
    ):
        sums = list(accumulate(getattr(bar.own, metric) for bar in bars))
        if not sums[-1]:
            continue
        half = next(place for place, value in enumerate(sums) if 2 * value >= sums[-1])
        shown = show(sums[-1], METRICS[metric].unit)
        every = max(len(bars) // _MARKERS, 1)
        axes.plot(
            range(len(bars)),
            [100 * value / sums[-1] for value in sums],
            color=colour,
            linestyle=dashes,
            marker=marker,
            markersize=4,
            markevery=(number * every // 3, every),
            label=f"{what}: {shown}, half of it up to {name(bars[half].name, _PATH)}",
            gid=metric,
        )
    axes.set_ylim(0, 104)
    axes.set_yticks(range(0, 101, 25))
    axes.set_ylabel("of the whole network (%)")
    axes.grid(axis="y")
    name_bars([axes], bars, WIDTH * 0.9)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.3)
    return figure
