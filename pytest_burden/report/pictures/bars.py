"""Three panels over depth: parameters, activation memory, FLOPs, a bar a module."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_burden.budget.units import show, show_percent
from pytest_burden.burden import METRICS, Burden
from pytest_burden.report.pictures.depth import PANELS, Bar, depth, name_bars
from pytest_burden.report.pictures.style import (
    DARK,
    MIDDLE,
    SMALL,
    WIDTH,
    Axes,
    Figure,
    amounts,
    drawn,
    figure_of,
    listed,
    name,
)

_HEAVIEST = 3
_PATH = 26
_APART = 0.02
"""Of the width: nearer numbers would stand on each other."""


@drawn
def draw(burden: Burden, title: str) -> Figure:
    """Return the picture; the heaviest bars of each panel are numbered and named beside it."""
    bars, note = depth(burden)
    model = f"{burden.model}({', '.join(burden.inputs)})"
    figure = figure_of((WIDTH, 6.4), title, model, [note] if note else [])
    panels = figure.subplots(3, 1, sharex=True)
    for axes, (metric, what) in zip(panels, PANELS, strict=True):
        _panel(axes, [getattr(bar.own, metric) for bar in bars], metric, what)
        listed(axes, _told(bars, metric))
    name_bars(panels, bars)
    figure.align_ylabels(panels)
    return figure


def _panel(axes: Axes, values: Sequence[int], metric: str, what: str) -> None:
    heaviest = _heaviest(values)
    colours = [DARK if place in heaviest else MIDDLE for place in range(len(values))]
    axes.bar(range(len(values)), values, width=0.85, color=colours, gid=metric)
    amounts(axes.yaxis, max(values), METRICS[metric].unit, what)
    axes.set_ylim(0, max(*values, 1) * 1.18)
    axes.grid(axis="y")
    axes.tick_params(axis="x", length=0)
    for x, y, text in _numbers(values, heaviest):
        axes.annotate(
            text, (x, y), (0, 1.5), textcoords="offset points", ha="center", fontsize=SMALL
        )


def _heaviest(values: Sequence[int]) -> list[int]:
    ranked = sorted(range(len(values)), key=lambda place: (-values[place], place))
    return [place for place in ranked[:_HEAVIEST] if values[place]]


def _numbers(values: Sequence[int], heaviest: Sequence[int]) -> list[tuple[float, int, str]]:
    """Return where the numbers of the heaviest stand; those of neighbours as one: ``1, 2``."""
    near: list[list[int]] = []
    for place in sorted(heaviest):
        if near and place - near[-1][-1] <= len(values) * _APART:
            near[-1].append(place)
        else:
            near.append([place])
    return [
        (
            sum(places) / len(places),
            max(values[place] for place in places),
            ", ".join(str(number) for number in sorted(heaviest.index(p) + 1 for p in places)),
        )
        for places in near
    ]


def _told(bars: Sequence[Bar], metric: str) -> list[str]:
    values = [getattr(bar.own, metric) for bar in bars]
    total, unit = sum(values), METRICS[metric].unit
    lines = [f"all  {show(total, unit)}"]
    for number, place in enumerate(_heaviest(values), start=1):
        share = f"{show(values[place], unit)} ({show_percent(values[place], total)})"
        lines += [f"{number}  {name(bars[place].name, _PATH)}", f"    {share}"]
    return lines
