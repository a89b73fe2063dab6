"""What the comparison found, as a picture: legible without colour, the same for the same data."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import matplotlib as mpl
from meters import FORWARD, METERS, OURS
from tables import MIB, grown, mean_ratios

mpl.use("svg")
from matplotlib import pyplot as plt

KINDS = (("cold", "o", "white", -0.14), ("warm", "s", "black", 0.14))


def draw(results: dict[str, Any], file: Path) -> None:
    """Write the picture of what there are results for, as SVG."""
    settings: dict[Any, Any] = {
        "svg.hashsalt": "comparison",
        "svg.fonttype": "none",
        "font.size": 9,
    }
    with plt.rc_context(settings):
        figure, (left, middle, right) = plt.subplots(
            1, 3, figsize=(11, 4), width_ratios=(2.2, 1, 1), layout="constrained"
        )
        if "time" in results:
            times(left, results["time"])
        if "growth" in results:
            rows = grown(results["growth"])
            deeper(middle, [(layers, seconds) for layers, seconds, _ in rows], "seconds")
            sizes = [(layers, size / MIB) for layers, _, size in rows if size is not None]
            deeper(right, sizes, "memory above the imports, MiB")
        figure.savefig(file, metadata={"Date": None})
        plt.close(figure)


def times(axes: Any, found: dict[str, Any]) -> None:
    """Draw each meter's times in real forwards: the mean, and from least to most."""
    names = [meter.name for meter in METERS]
    for kind, marker, fill, shift in KINDS:
        for row, name in enumerate(names):
            _, forwards = mean_ratios(found, name, kind)
            if not forwards:
                continue
            axes.plot([min(forwards), max(forwards)], [row + shift] * 2, color="0.5", linewidth=1.2)
            axes.plot(
                statistics.geometric_mean(forwards),
                row + shift,
                marker=marker,
                markerfacecolor=fill,
                markeredgecolor="black",
                linestyle="none",
                label=kind if name == OURS.name else None,
            )
    axes.axvline(1, color="black", linewidth=0.8, linestyle="--")
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(f"time of one measurement, in {FORWARD.name.removeprefix('a ')}s")
    axes.set_title("Images of 224 x 224: geometric mean, least to most")
    axes.grid(axis="x", which="major", color="0.85")
    axes.set_axisbelow(True)
    axes.legend(loc="best")


def deeper(axes: Any, points: list[tuple[int, float]], label: str) -> None:
    """Draw a cost against the number of layers, beside one in proportion to it."""
    if not points:
        return
    layers, costs = zip(*points, strict=True)
    axes.loglog(layers, costs, color="black", marker="o", label="pytest-burden")
    proportional = [costs[-1] * count / layers[-1] for count in layers]
    axes.loglog(layers, proportional, color="0.4", linestyle="--", label="slope 1")
    axes.set_xlabel("layers of the decoder")
    axes.set_ylabel(label)
    axes.grid(which="major", color="0.85")
    axes.set_axisbelow(True)
    axes.legend(loc="upper left")
