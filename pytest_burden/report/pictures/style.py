"""How all pictures look: legible without colour, the same whatever the user's settings are."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from pytest_burden.budget.units import SI, base_of, prefix_of, show, with_unit
from pytest_burden.burden import Unit
from pytest_burden.errors import BurdenError
from pytest_burden.report.inert import visible
from pytest_burden.report.network import NOTHING
from pytest_burden.report.table import shortened

try:
    import matplotlib.style
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
except ImportError as error:  # an extra: nothing else needs it
    raise BurdenError(
        "matplotlib is not installed, which draws pictures: pip install 'pytest-burden[plot]'"
    ) from error

# What else of matplotlib the pictures need comes through here, and so with the message above.
__all__ = ["Axes", "Figure", "FixedFormatter", "FixedLocator", "NullLocator"]

SETTINGS: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.06,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the layout is the same everywhere
    "font.size": 8,
    "grid.color": "0.88",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
    "savefig.dpi": 160,
    "svg.fonttype": "none",  # text that can be searched and read aloud
    "svg.hashsalt": "pytest-burden",  # names inside the file are random otherwise
    "text.parse_math": False,  # names may hold $ and _
}
DARK, MIDDLE, LIGHT, BAND = "#12354f", "#4a90c2", "#bfd9ea", "0.95"
"""From dark to light in grey too; the last is the ground behind every other part."""
QUIET = "0.35"
LINES: Sequence[tuple[str, Any, str]] = (
    (DARK, "-", "o"),
    (MIDDLE, "--", "s"),
    ("#b3541e", "-.", "^"),
    ("0.45", ":", "D"),
    ("#5b2a86", (0, (5, 1, 1, 1, 1, 1)), "v"),
    ("#2e7d4f", (0, (8, 2)), "P"),
)
"""Colour, dashes and marker: each alone tells one line from another."""
HATCH = "////"
WIDTH = 10.0
"""Of a picture, in inches."""
Size = tuple[float, float]
SMALL = 7
_TITLE, _NOTE = 120, 165
"""Characters that fit into the width."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


def drawn(draw: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return a function that draws as `SETTINGS` say, and leaves those of the process alone."""

    def function(*arguments: _P.args, **keywords: _P.kwargs) -> _R:
        with _settings():
            return draw(*arguments, **keywords)

    function.__doc__ = draw.__doc__
    return function


@contextmanager
def _settings() -> Iterator[None]:
    with warnings.catch_warnings(), matplotlib.style.context(["default", SETTINGS]):
        # A name in a script that the font does not have shows as boxes, in PNG alone.
        warnings.filterwarnings("ignore", "(?s)Glyph .* missing from", UserWarning)
        warnings.filterwarnings("ignore", "(?s)Matplotlib currently does not support", UserWarning)
        yield


@drawn
def to_bytes(figure: Figure, form: str) -> bytes:
    """Return the file of a picture: without date and version, so that the same is the same."""
    file = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
    figure.savefig(file, format=form, metadata=metadata)
    content = file.getvalue()
    # As in all that may be printed; the same text to who reads it.
    return content.replace(b"##[", b"#&#35;[") if form == "svg" else content


def figure_of(size: Size, title: str, subtitle: str = "", notes: Sequence[str] = ()) -> Figure:
    """Return an empty picture with its titles above and its notes below."""
    figure = Figure(figsize=size, layout="constrained")
    left: dict[str, Any] = {"x": 0.01, "ha": "left"}
    part = size[0] / WIDTH
    lines = (
        [name(title, int(_TITLE * part))] if title and not subtitle.startswith(f"{title}(") else []
    )
    if subtitle:
        lines.append(name(subtitle, int(_TITLE * part)))
    if lines:
        figure.suptitle("\n".join(lines), fontsize=9, linespacing=1.5, **left)
    if notes:
        text = "\n".join(name(note, int(_NOTE * part)) for note in notes)
        figure.supxlabel(text, fontsize=SMALL, color=QUIET, **left)
    return figure


def name(text: str, width: int) -> str:
    """Return a text of anybody's choice in one line that all can be seen of, not too long."""
    return shortened(visible(" ".join(text.split())), width)


def legend_name(text: str, width: int) -> str:
    """Return a text that a legend shows: it leaves out what is empty or begins with ``_``."""
    shown = name(text, width) or NOTHING
    return f" {shown}" if shown.startswith("_") else shown


def unit_of(largest: int, unit: Unit) -> tuple[str, int]:
    """Return the unit of an axis that goes up to a value: ``("MiB", 1048576)``."""
    base = base_of(unit)
    power = 0
    while power < len(SI) - 1 and largest >= base ** (power + 1):
        power += 1
    return with_unit("", prefix_of(power, base), unit).strip(), base**power


def amounts(axis: Axis, largest: int, unit: Unit, what: str, most: int = 4) -> None:
    """Scale an axis from zero to a value, with round numbers of one unit; the label names it."""
    shown, scale = unit_of(largest, unit)
    step = _nice(max(largest, 1) / scale / most)
    if scale == 1:
        step = max(step, 1)  # there are no halves of a byte
    ticks = [step * number for number in range(int(max(largest, 1) / scale / step) + 2)]
    axis.set_major_locator(FixedLocator([tick * scale for tick in ticks]))
    axis.set_major_formatter(FixedFormatter([f"{tick:,g}" for tick in ticks]))
    axis.set_label_text(f"{what} ({shown})" if shown not in ("", what) else what)


def _nice(least: float) -> float:
    """Return the first of 1, 2, 5, 10, 20, ... that is no less."""
    power = 10.0
    while power > least:
        power /= 10
    while power * 10 <= least:
        power *= 10
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.999)


def log_amounts(axis: Axis, low: int, high: int, unit: Unit, what: str) -> None:
    """Give a log axis ticks at round numbers, each with its prefix."""
    base = base_of(unit)
    ticks = _log_ticks(low, high, base)
    labels = [_round(tick, base, unit) for tick in ticks]
    if low < high and not any(low <= tick <= high for tick in ticks):
        ticks = [low, high]  # no round number lies between
        labels = [show(tick, unit) for tick in ticks]
    axis.set_major_locator(FixedLocator([float(tick) for tick in ticks]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FixedFormatter(labels))
    axis.set_label_text(what)


_TICKS = 6
_TEN = 10


def _log_ticks(low: int, high: int, base: int) -> list[int]:
    """Return round numbers in even steps, few enough; powers of 2 for bytes."""
    if base == 1000:  # noqa: PLR2004 SI
        powers = [_TEN**power for power in range(3 * len(SI))]
        ways = [[factor * power for power in powers for factor in (1, 2, 5)]]
    else:
        powers = [2**power for power in range(10 * len(SI))]
        ways = []
    ways += [powers[::by] for by in range(1, len(powers))]
    inside = ([tick for tick in way if low / 1.5 <= tick <= high * 1.5] for way in ways)
    return next(ticks for ticks in inside if len(ticks) <= _TICKS)


def _round(tick: int, base: int, unit: Unit) -> str:
    power = 0
    while tick >= base ** (power + 1) and power < len(SI) - 1:
        power += 1
    return with_unit(f"{tick // base**power}", prefix_of(power, base), unit)


def listed(axes: Axes, lines: Sequence[str]) -> None:
    """Write a list to the right of a panel."""
    axes.text(
        1.015,
        1.0,
        "\n".join(lines),
        transform=axes.transAxes,
        ha="left",
        va="top",
        fontsize=SMALL,
        linespacing=1.35,
    )
