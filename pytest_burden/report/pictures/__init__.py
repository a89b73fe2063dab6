"""Pictures of what was measured, drawn by matplotlib, which is an extra and imported with them.

Each function returns a figure, and `to_bytes` its file: the same bytes for the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pytest_burden.burden import Burden
from pytest_burden.report.pictures.sides import Sides
from pytest_burden.sweeps import Sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Format = Literal["svg", "png"]

# ruff: noqa: PLC0415 matplotlib comes with what draws, and only then


def profile(burden: Burden, title: str = "") -> Figure:
    """Return parameters, activation memory and FLOPs over depth: three panels, a bar a module.

    Raises:
        BurdenError: there is nothing to draw, or matplotlib is not installed.
    """
    from pytest_burden.report.pictures import bars

    return bars.draw(burden, title)


def cumulative(burden: Burden, title: str = "") -> Figure:
    """Return the shares of all parameters, activation memory and FLOPs up to each module.

    Raises:
        BurdenError: there is nothing to draw, or matplotlib is not installed.
    """
    from pytest_burden.report.pictures import shares

    return shares.draw(burden, title)


def timeline(burden: Burden, title: str = "") -> Figure:
    """Return the bytes alive during each operator call, the peaks marked and what holds them.

    Raises:
        BurdenError: there is nothing to draw, or matplotlib is not installed.
    """
    from pytest_burden.report.pictures import calls

    return calls.draw(burden, title)


def sweep(found: Sweep, title: str = "", metrics: tuple[str, ...] = ()) -> Figure:
    """Return how metrics grow with the sizes of a network, on log axes, with their laws.

    Args:
        found: all points.
        title: of the picture.
        metrics: which ones; empty for those that vary.

    Raises:
        BurdenError: there is nothing to draw, or matplotlib is not installed.
    """
    from pytest_burden.report.pictures import curves

    return curves.draw(found, title, metrics)


def versus(sides: Sides, title: str = "") -> Figure:
    """Return base against head: metric by metric, and the modules that made the difference.

    Raises:
        BurdenError: there is nothing to draw, or matplotlib is not installed.
    """
    from pytest_burden.report.pictures import beside

    return beside.draw(sides, title)


def to_bytes(figure: Figure, form: Format) -> bytes:
    """Return the file of a picture; text stays text in SVG.

    Raises:
        BurdenError: matplotlib is not installed.
    """
    from pytest_burden.report.pictures import style

    return style.to_bytes(figure, form)


__all__ = ["Format", "Sides", "cumulative", "profile", "sweep", "timeline", "to_bytes", "versus"]
