"""Measure the 18 networks and set each figure beside the published one.

Run `python demo.py`, or `python demo.py --markdown` for a table to paste. Exit status 0 means that
every figure agrees at the published precision, but for the one disagreement that is explained.
"""

from __future__ import annotations

import argparse
import importlib
import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import cast

from published import DIFFERENCES, TABLE, Published
from tabulate import tabulate
from torch import nn

import pytest_burden

UNITS = {"MB": (2**20, ""), "MFLOPs": (10**6, " M"), "GFLOPs": (10**9, " G")}
"""How many base units, and what is put behind a number; memory has its unit in the header."""
COLUMNS = ("model memory", "flops", "activation memory")


@dataclass(frozen=True)
class Comparison:
    """One measured figure, in base units, and the text that was published for it."""

    measured: int
    published: str

    @property
    def _unit(self) -> int:
        return UNITS[self.published.split()[1]][0]

    @property
    def _suffix(self) -> str:
        return UNITS[self.published.split()[1]][1]

    @property
    def agrees(self) -> bool:
        """Whether the figure, rounded to the nearest whole unit, is the published one."""
        return math.floor(self.measured / self._unit + 0.5) == int(self.published.split()[0])

    def cells(self) -> tuple[str, str]:
        """Return the figure in the unit of the published one, and that one with our verdict."""
        verdict = "ok" if self.agrees else "differs"
        return (
            f"{self.measured / self._unit:.2f}{self._suffix}",
            f"{self.published.split()[0]}{self._suffix} {verdict}",
        )


def compare(network: Published) -> dict[str, Comparison]:
    """Measure one network and return each of `COLUMNS` beside its published figure."""
    module, factory = f"networks.{network.build}".split(":")
    build = cast("Callable[[], nn.Module]", getattr(importlib.import_module(module), factory))
    burden = pytest_burden.measure(build, network.input)
    return {
        "model memory": Comparison(burden.model_memory, network.model_memory),
        "flops": Comparison(burden.flops, network.flops),
        "activation memory": Comparison(burden.activation_memory, network.feature_memory),
    }


HEADERS = (
    "network",
    "model\nmemory\nMiB",
    "published\nMB",
    "FLOPs",
    "published",
    "activation\nmemory\nMiB",
    "published,\ncorrected\nMB",
    "first\nrelease\nMB",
)


def row(network: Published, figures: dict[str, Comparison]) -> list[str]:
    """Return the cells of one network's row."""
    measured = [cell for column in COLUMNS for cell in figures[column].cells()]
    return [network.name, *measured, network.first_feature_memory.split()[0]]


def table(rows: Sequence[Sequence[str]], *, markdown: bool) -> str:
    """Return the rows as text for a terminal or as Markdown."""
    align = ("left", *["right"] * 7)
    if markdown:
        headers = [header.replace("\n", " ") for header in HEADERS]
        return tabulate(rows, headers, tablefmt="github", colalign=align, disable_numparse=True)
    # Headers as a row of their own: tabulate widens the columns of headers by two.
    lines = [HEADERS, ["-" * 22] + ["-" * 9] * 7, *rows]
    return tabulate(lines, tablefmt="plain", colalign=align, disable_numparse=True)


def main() -> int:
    """Print the table and its totals; return 1 if other figures differ than is expected."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    arguments = parser.parse_args()
    start = time.perf_counter()
    compared = {network: compare(network) for network in TABLE}
    seconds = time.perf_counter() - start
    rows = [row(network, figures) for network, figures in compared.items()]
    print(table(rows, markdown=arguments.markdown))
    if not arguments.markdown:
        reasons = "\n".join(DIFFERENCES.values())
        print(f"\n{reasons}\n\n{totals(compared.values())}; measured in {seconds:.1f} s")
    differences = {
        (network.name, column)
        for network, figures in compared.items()
        for column in COLUMNS
        if not figures[column].agrees
    }
    return 0 if differences == DIFFERENCES.keys() else 1


def totals(compared: Collection[dict[str, Comparison]]) -> str:
    """Return how many networks agree, column by column."""
    return ", ".join(
        f"{column} {sum(figures[column].agrees for figures in compared)} of {len(compared)}"
        for column in COLUMNS
    )


if __name__ == "__main__":
    raise SystemExit(main())
