"""Base against head: metric by metric, and the modules that made the difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pytest_burden.budget.compare import Change
from pytest_burden.budget.difference import Step
from pytest_burden.budget.units import show_apart, show_percent
from pytest_burden.burden import METRICS
from pytest_burden.errors import BurdenError
from pytest_burden.report.blame import BLAMED, ROOT, said, signed
from pytest_burden.report.pictures.sides import Sides
from pytest_burden.report.pictures.style import (
    DARK,
    HATCH,
    LIGHT,
    MIDDLE,
    SMALL,
    WIDTH,
    Axes,
    Figure,
    FixedLocator,
    NullLocator,
    drawn,
    figure_of,
    legend_name,
    name,
    unit_of,
)

MODULES = 12
"""How many are named."""
_PANELS = ("flops", "params", "activation_memory", "training_memory", "peak_memory")
_MOST = 3
_TICKS = 6
_TWICE = 200
_PATH, _WHAT = 34, 38
_LETTER = 0.0085
"""What one takes of a text, of the width."""
_ROW = 0.36
"""Height of a metric, in inches."""
_CHANGED = 0.4
"""Height of a module, in inches."""


@drawn
def draw(sides: Sides, title: str) -> Figure:
    """Return the picture.

    Raises:
        BurdenError: no metric is on both sides.
    """
    steps = [step for step in sides.steps if step.before is not None and step.after is not None]
    if not steps:
        raise BurdenError("no metric of it was compared")
    figures = _blamed(steps, sides.changes)
    heavy = [c for c in sides.changes if any(getattr(c.grown, figure) for figure in figures)]
    heavy.sort(key=lambda change: [-abs(getattr(change.grown, figure)) for figure in figures])
    shown = heavy[:MODULES]
    heights = [0.5 + _ROW * len(steps), 0.7 + _CHANGED * len(shown)][: 2 if shown else 1]
    notes = [sides.otherwise] if sides.otherwise else []
    if more := heavy[MODULES:]:
        notes.append(f"{len(more):,} more modules have changed.")
    figure = figure_of((WIDTH, 0.9 + sum(heights)), title, f"{sides.base} to {sides.head}", notes)
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    _metrics(parts[0].subplots(), steps, sides)
    if shown:
        panels = parts[1].subplots(1, len(figures), sharey=True, squeeze=False)[0]
        for axes, figure_name in zip(panels, figures, strict=True):
            _modules(axes, shown, figure_name)
        panels[0].set_yticks(range(len(shown)), [_called(change) for change in shown])
        panels[0].invert_yaxis()
        panels[0].set_title("modules that changed", loc="left")
    return figure


def _metrics(axes: Axes, steps: Sequence[Step], sides: Sides) -> None:
    """Draw both sides of each metric, the base being 100 %; at each what they are."""
    before, after = zip(*map(_shares, steps), strict=True)
    looks: Sequence[tuple[str, Sequence[float], float, dict[str, Any]]] = (
        (sides.base, before, -0.19, {"facecolor": LIGHT, "edgecolor": "0.3", "hatch": HATCH}),
        (sides.head, after, 0.19, {"facecolor": DARK, "edgecolor": DARK}),
    )
    for side, values, shift, look in looks:
        places = [row + shift for row in range(len(steps))]
        axes.barh(places, values, 0.36, label=legend_name(side, 60), linewidth=0.6, **look)
    for row, step in enumerate(steps):
        axes.annotate(
            _text(step),
            (max(_shares(step)), row),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL + 0.5,
        )
    axes.set_yticks(range(len(steps)), [step.metric for step in steps])
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    # So far that the longest text ends inside.
    axes.set_xlim(0, max(max(_shares(step)) / (1 - _LETTER * len(_text(step))) for step in steps))
    axes.xaxis.set_major_locator(FixedLocator(_per_cents(max(*before, *after))))
    axes.set_xlabel("of the base (%)")
    axes.axvline(100, color="black", linewidth=0.7, linestyle=(0, (2, 2)))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)


def _per_cents(top: float) -> list[float]:
    """Return the ticks up to a share, 100 % among them."""
    by = 50 if top <= _TWICE else 100 * math.ceil(top / 100 / _TICKS)
    return sorted({100.0, *(float(tick) for tick in range(0, math.ceil(top) + 1, by))})


def _shares(step: Step) -> tuple[float, float]:
    """Return both sides in per cent of the base; of the head where the base is nothing."""
    before, after = step.before or 0, step.after or 0
    whole = before or after or 1
    return 100 * before / whole, 100 * after / whole


def _text(step: Step) -> str:
    before, after = step.before or 0, step.after or 0
    unit = METRICS[step.metric].unit
    if before == after:
        return f"{show_apart([before], unit)[0]}, the same"
    then, now = show_apart([before, after], unit)
    share = f" ({show_percent(abs(after - before), before)})" if before else ""
    return f"{then} \N{RIGHTWARDS ARROW} {now}, {signed(after - before, step.metric)}{share}"


def _blamed(steps: Sequence[Step], changes: Sequence[Change]) -> list[str]:
    """Return the figures by which modules are shown: those that moved, FLOPs first."""
    moved = {BLAMED.get(step.metric, "") for step in steps if step.before != step.after}
    known = [figure for figure in _PANELS if figure in moved]
    return [f for f in known if any(getattr(change.grown, f) for change in changes)][:_MOST]


def _modules(axes: Axes, changes: Sequence[Change], figure: str) -> None:
    """Draw what each module has grown or shrunk by, and write it at the bar."""
    values = [getattr(change.grown, figure) for change in changes]
    largest = max(map(abs, values)) or 1
    for row, value in enumerate(values):
        look: dict[str, Any] = (
            {"facecolor": MIDDLE} if value > 0 else {"facecolor": "white", "hatch": HATCH}
        )
        axes.barh(row, value, 0.55, edgecolor=DARK, linewidth=0.6, gid=f"{figure} {row}", **look)
        if value:
            axes.annotate(
                signed(value, figure),
                (value, row),
                (3 if value > 0 else -3, 0),
                textcoords="offset points",
                va="center",
                ha="left" if value > 0 else "right",
                fontsize=SMALL,
            )
    low, high = min(*values, 0), max(*values, 0)
    axes.set_xlim(low - 0.9 * largest * (low < 0), high + 0.75 * largest * (high > 0))
    axes.axvline(0, color="black", linewidth=0.8)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(NullLocator())
    axes.spines["bottom"].set_visible(False)
    unit, _ = unit_of(largest, METRICS[figure].unit)
    axes.set_xlabel(f"growth of {figure}" + (f" ({unit})" if unit else ""))


def _called(change: Change) -> str:
    what = said(change).strip()
    path = name(change.path or ROOT, _PATH)
    return f"{path}\n{name(what, _WHAT)}" if what else path
