"""A network over its depth: what each module weighs by itself, in the order of the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from pytest_burden.burden import Burden, Figures
from pytest_burden.errors import BurdenError
from pytest_burden.report.jsonfile import RENEW
from pytest_burden.report.network import ROOT
from pytest_burden.report.pictures.style import BAND, SMALL, WIDTH, Axes, name

PANELS = (
    ("params", "parameters"),
    ("activation_memory", "activation memory"),
    ("flops", "FLOPs"),
)
"""The figures that are shown, and what they are called."""
MOST = 400
"""Bars that can be told apart."""
_FEW = 40
"""Fewer bars than these would hide what they could show."""
_EACH = 52
"""Bars of which each has its name below it."""
_GROUPS = 4, 26
"""Names below the others, at best."""
_LABEL = 30
_APART = 0.15
"""Between two names that stand upright, in inches."""
_LETTER = 0.08
"""What one takes of a name that lies, in inches."""


class Bar(NamedTuple):
    """One module, or several in a row."""

    name: str
    own: Figures
    path: str
    """Of the module, or of the first one."""


class Depth(NamedTuple):
    """The modules that weigh anything, from the first to the last."""

    bars: tuple[Bar, ...]
    note: str
    """What one bar is, where it is not one module."""


def depth(burden: Burden) -> Depth:
    """Return the modules of a network that weigh anything by themselves; many are taken together.

    Raises:
        BurdenError: its modules are not known, or none weighs anything.
    """
    if not burden.module_rows:
        raise BurdenError(f"it was written without its modules; write it with {RENEW}")
    heavy = [
        Bar(row.path or ROOT, row.own, row.path)
        for row in burden.module_rows
        if any(getattr(row.own, figure) for figure, _ in PANELS)
    ]
    if not heavy:
        raise BurdenError("none of its modules has parameters, activations or FLOPs")
    if len(heavy) <= MOST:
        return Depth(tuple(heavy), "")
    finer, each = heavy, "modules"
    for level in range(max(bar.path.count(".") for bar in heavy), 0, -1):
        bars = [_joined(prefix, list(part)) for prefix, part in _by_prefix(heavy, level)]
        if _FEW <= len(bars) <= MOST:
            return Depth(tuple(bars), _note(heavy, f"a module with all below it, to level {level}"))
        if len(bars) < _FEW:
            break
        finer, each = bars, f"modules of level {level}"
    by = -(-len(finer) // MOST)
    rows = [finer[start : start + by] for start in range(0, len(finer), by)]
    runs = [_joined(f"{part[0].name} to {part[-1].name}", part) for part in rows]
    return Depth(tuple(runs), _note(heavy, f"up to {by} {each} in a row"))


def _note(heavy: Sequence[Bar], each: str) -> str:
    return f"{len(heavy):,} modules weigh something, too many to tell apart: each bar is {each}."


def _by_prefix(bars: Sequence[Bar], level: int) -> Iterator[tuple[str, Iterator[Bar]]]:
    return groupby(bars, key=lambda bar: ".".join(bar.path.split(".")[:level]) or ROOT)


def _joined(name: str, part: Sequence[Bar]) -> Bar:
    return Bar(name, sum((bar.own for bar in part), Figures()), part[0].path)


def name_bars(panels: Sequence[Axes], bars: Sequence[Bar], inches: float = WIDTH * 0.66) -> None:
    """Name the modules below the last panel: each, or the groups that they are in.

    Where there is no room for all names, those of large and of heavy groups are kept.
    """
    groups = list(_groups(bars))
    for number, (_, start, end) in enumerate(groups):
        if number % 2 and len(groups) < min(len(bars), _EACH):
            for axes in panels:
                axes.axvspan(start - 0.5, end + 0.5, color=BAND, zorder=0, linewidth=0)
    each = inches / len(bars)
    shown: list[tuple[float, str]] = []
    for text, start, end in sorted(groups, key=_importance(bars)):
        middle = (start + end) / 2
        if all(abs(middle - other) * each >= _APART for other, _ in shown):
            shown.append((middle, name(text, _LABEL)))
    shown.sort()
    needed = max(len(text) for _, text in shown) * _LETTER
    upright = any((b - a) * each < needed for (a, _), (b, _) in pairwise(shown))
    axes = panels[-1]
    axes.set_xticks(
        [middle for middle, _ in shown],
        [text for _, text in shown],
        rotation=90 if upright else 0,
    )
    axes.tick_params(axis="x", length=2, labelsize=SMALL)
    margin = 0.6 + len(bars) * 0.008
    axes.set_xlim(-margin, len(bars) - 1 + margin)
    axes.set_xlabel("module, from the first to the last")


def _importance(bars: Sequence[Bar]) -> Callable[[tuple[str, int, int]], tuple[bool, float, int]]:
    totals = [max(sum(getattr(bar.own, figure) for bar in bars), 1) for figure, _ in PANELS]

    def importance(group: tuple[str, int, int]) -> tuple[bool, float, int]:
        _, start, end = group
        shares = (
            sum(getattr(bar.own, figure) for bar in bars[start : end + 1]) / total
            for (figure, _), total in zip(PANELS, totals, strict=True)
        )
        return start == end, -max(shares), start

    return importance


def _groups(bars: Sequence[Bar]) -> Iterator[tuple[str, int, int]]:
    """Yield name, first and last bar of what is named together."""
    if len(bars) <= _EACH:
        yield from ((bar.name, number, number) for number, bar in enumerate(bars))
        return
    levels = max(bar.path.count(".") for bar in bars) + 1
    found: list[tuple[str, int]] = []
    for level in range(1, levels + 1):
        finer = [(prefix, len(list(part))) for prefix, part in _by_prefix(bars, level)]
        if len(found) >= _GROUPS[0] and len(finer) > _GROUPS[1]:
            break
        found = finer
    start = 0
    for prefix, count in found:
        yield prefix, start, start + count - 1
        start += count
