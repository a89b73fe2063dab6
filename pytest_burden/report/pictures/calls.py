"""Memory over time: the bytes alive during each operator call, the peak and what holds it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_burden.budget.units import show, show_percent
from pytest_burden.burden import Burden, Peak
from pytest_burden.errors import BurdenError
from pytest_burden.report.jsonfile import RENEW
from pytest_burden.report.network import ROOT
from pytest_burden.report.pictures.style import (
    BAND,
    DARK,
    HATCH,
    LIGHT,
    MIDDLE,
    QUIET,
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

COLUMNS = 1500
"""More cannot be told apart."""
_PANEL, _UPRIGHT = 3.0, 0.5
"""Height of a panel, and what names of phases add that stand upright, in inches."""
_APART = 0.14
_CATEGORIES = 6
_TENSORS = 4
_NAME = 34
_INCHES = 7.2
"""Width of a panel."""
_LETTER = 0.06
"""What one takes of a name, in inches."""
_ROOM = 1.16
"""Of the peak: the height of a panel, so that its name fits above it."""
_BROAD = 0.1
"""Share of the height from which on a band can hold a line of text."""

_TITLES = {"peak_memory": "forward: bytes alive beside parameters and buffers"}
_TRAINING = "training: all bytes alive in two steps"


@drawn
def draw(burden: Burden, title: str) -> Figure:
    """Return the picture: a panel for the forward, and one for the training steps if measured.

    Raises:
        BurdenError: the measurement has no timeline.
    """
    known = (burden.peak(metric) for metric in ("peak_memory", "training_memory"))
    peaks = [peak for peak in known if peak and peak.timeline]
    if not peaks:
        raise BurdenError(f"it was written without its timeline of memory; write it with {RENEW}")
    notes = [
        f"{peak.metric}: {len(peak.timeline):,} calls, each column the most of"
        f" {_by(peak.timeline)} in a row."
        for peak in peaks
        if _by(peak.timeline) > 1
    ]
    model = f"{burden.model}({', '.join(burden.inputs)})"
    figure = figure_of((WIDTH, 0.8 + sum(map(_height, peaks))), title, model, notes)
    panels = figure.subplots(len(peaks), 1, squeeze=False)[:, 0]
    for axes, peak in zip(panels, peaks, strict=True):
        by = f" by {burden.training}" if burden.training else ""
        _panel(axes, peak, _TITLES.get(peak.metric, f"{_TRAINING}{by}"))
        listed(axes, list(_told(peak)))
    figure.align_ylabels(panels)
    return figure


def _height(peak: Peak) -> float:
    return _PANEL + _UPRIGHT * _are_upright(peak)


def _by(timeline: Sequence[int]) -> int:
    """Return how many calls are taken together."""
    return -(-len(timeline) // COLUMNS)


def _panel(axes: Axes, peak: Peak, title: str) -> None:
    by, count = _by(peak.timeline), len(peak.timeline)
    values = [max(peak.timeline[start : start + by]) for start in range(0, count, by)]
    edges = [*range(0, count, by), count]
    top = max(peak.nbytes, 1) * _ROOM
    axes.stairs(values, edges, fill=True, color=MIDDLE, linewidth=0, gid=peak.metric)
    axes.stairs(values, edges, color=DARK, linewidth=0.8, baseline=None)
    _model(axes, peak, top)
    axes.set_xlim(0, count)
    axes.set_ylim(0, top)
    amounts(axes.yaxis, peak.nbytes, "bytes", "memory alive")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("operator call")
    axes.grid(axis="y")
    _mark(axes, peak)
    raised = _phases(axes, peak)
    axes.set_title(name(title, 100), pad=4 + raised)


def _model(axes: Axes, peak: Peak, top: float) -> None:
    """Hatch what is there all the time, where that is much."""
    kept = peak.categories.get("parameters", 0) + peak.categories.get("buffers", 0)
    if kept < _BROAD * top or kept > min(peak.timeline):
        return
    count = len(peak.timeline)
    axes.stairs(
        [kept], [0, count], fill=True, facecolor=LIGHT, edgecolor="0.45", hatch=HATCH, linewidth=0.5
    )
    axes.text(
        count * 0.01,
        kept / 2,
        f"parameters and buffers, {show(kept, 'bytes')}",
        va="center",
        fontsize=SMALL,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
    )


def _mark(axes: Axes, peak: Peak) -> None:
    at = peak.call + 0.5
    axes.plot(
        [at], [peak.nbytes], marker="v", color="black", markersize=6, clip_on=False, gid="peak"
    )
    late = peak.call > len(peak.timeline) / 2
    axes.annotate(
        f"peak {show(peak.nbytes, 'bytes')}",
        (at, peak.nbytes),
        (-6 if late else 6, 2),
        textcoords="offset points",
        ha="right" if late else "left",
        va="bottom",
        fontweight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
    )


class _Phase(NamedTuple):
    name: str
    step: str
    start: int
    end: int


def _split(peak: Peak) -> Iterator[_Phase]:
    """Yield the phases in which anything happens."""
    ends = [start for _, start in peak.phases[1:]] + [len(peak.timeline)]
    for (phase, start), end in zip(peak.phases, ends, strict=False):
        what, _, step = phase.partition(" of ")
        if end > start:
            yield _Phase(name(what, _NAME), name(step, _NAME), start, end)


def _are_upright(peak: Peak) -> bool:
    """Return whether a phase is too short for its name to lie above it."""
    each = _INCHES / len(peak.timeline)
    return any((p.end - p.start) * each < len(p.name) * _LETTER for p in _split(peak))


def _phases(axes: Axes, peak: Peak) -> int:
    """Shade every other phase and name each above; return the points that the names take."""
    phases = list(_split(peak))
    if not phases:
        return 0
    upright = _are_upright(peak)
    apart, last = _APART / _INCHES * len(peak.timeline), -math.inf
    for number, phase in enumerate(phases):
        if number % 2:
            axes.axvspan(phase.start, phase.end, color=BAND, zorder=0, linewidth=0)
        if number:
            strong = phase.step != phases[number - 1].step
            axes.axvline(
                phase.start, color="black" if strong else QUIET, linewidth=1.2 if strong else 0.5
            )
        middle = (phase.start + phase.end) / 2
        if middle - last < apart:
            continue
        last = middle
        axes.annotate(
            phase.name,
            (middle, 1),
            (0, 2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="bottom",
            rotation=90 if upright else 0,
            fontsize=SMALL,
        )
    raised = 44 if upright else 10
    for step in dict.fromkeys(phase.step for phase in phases):
        within = [phase for phase in phases if phase.step == step]
        axes.annotate(
            step,
            ((within[0].start + within[-1].end) / 2, 1),
            (0, raised + 1),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=SMALL,
            fontweight="bold",
        )
    return raised + 10


def _told(peak: Peak) -> Iterator[str]:
    """Yield where the peak is, and what holds it."""
    yield f"peak at call {peak.call:,} of {len(peak.timeline):,},"
    yield f"  in the {name(peak.phase, _NAME)}:"
    yield f"  {name(peak.op, _NAME)}"
    yield f"  in {name(peak.module or ROOT, _NAME)}"
    yield "alive then:"
    held = [(category, nbytes) for category, nbytes in peak.categories.items() if nbytes]
    for category, nbytes in held[:_CATEGORIES]:
        yield f"  {name(category, _NAME)} {_share(nbytes, peak)}"
    if rest := sum(nbytes for _, nbytes in held[_CATEGORIES:]):
        yield f"  others {_share(rest, peak)}"
    if peak.tensors:
        yield "the largest:"
    for tensor in peak.tensors[:_TENSORS]:
        yield f"  {name(tensor.name, _NAME)} {show(tensor.nbytes, 'bytes')}"
        where = f"in {tensor.module or ROOT}"
        if tensor.module not in tensor.name or not tensor.module:
            yield f"    {name(where, _NAME)}"


def _share(nbytes: int, peak: Peak) -> str:
    return f"{show(nbytes, 'bytes')} ({show_percent(nbytes, peak.nbytes)})"
