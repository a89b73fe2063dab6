"""What deciding and reporting takes for many measurements, and that it grows with their number."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from tabulate import tabulate

from pytest_burden import Burden, Figures, ModuleRow
from pytest_burden.budget import baseline
from pytest_burden.budget.baseline import Baseline, entry_of, nodes_of
from pytest_burden.budget.compare import changes
from pytest_burden.budget.difference import Comparison, compare
from pytest_burden.budget.limits import Limit
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.side import Side
from pytest_burden.budget.verdict import DEFAULTS, NO_GROWTH, Past, judge
from pytest_burden.report.annotations import Sources, annotate
from pytest_burden.report.difference import lines
from pytest_burden.report.jsonfile import to_dict
from pytest_burden.report.markdown import markdown
from pytest_burden.report.room import COMMENT
from pytest_burden.report.terminal import summary

SIZES = (1_000, 10_000)
MODULES = 8


def burden(number: int) -> Burden:
    """Return the burden of a network of a few layers."""
    own = Figures(100 + number, 1000, 1100, 400)
    rows = tuple(
        ModuleRow(f"layers.{i}", "Linear", 1, own, own, (), ("float32[1, 100]",), "10, 10")
        for i in range(MODULES)
    )
    sums = Figures(*(MODULES * figure for figure in own))
    return Burden(
        model="Net", inputs=("float32[1, 100]",), params=sums.params, trainable_params=sums.params,
        param_memory=4 * sums.params, buffer_memory=0, model_memory=4 * sums.params,
        macs=sums.macs, flops=sums.flops, activation_memory=sums.activation_memory,
        peak_memory=800, modules=MODULES, ops=MODULES, uncounted_ops=0, torch="2.13.0",
        module_rows=rows,
    )  # fmt: skip


def steps(number: int) -> Mapping[str, Callable[[], object]]:
    """Return what is timed, for so many measurements; each finds what the one before has made."""
    burdens = {f"tests/test_nets.py::test_net[{i}]": burden(i) for i in range(number)}
    before = Baseline("2.13", {name: entry_of(name, each) for name, each in burdens.items()})
    text = baseline.dump(before)
    past = Past(before)
    limits = (Limit("flops", 10**9, "pyproject.toml"), *NO_GROWTH)
    heavier = {name: replace(each, flops=each.flops + 1) for name, each in burdens.items()}

    def judged() -> list[Result]:
        return [
            Result(name, name, each, judge(name, each, limits, past=past))
            for name, each in burdens.items()
        ]

    def compared() -> list[Result]:
        return [
            Result(
                name, name, each, judge(name, each, limits, past=past),
                changes(before.entries[name].nodes, nodes_of(each)),
            )
            for name, each in heavier.items()
        ]  # fmt: skip

    some = {
        name: heavier[name] if number % 10 == 0 else each
        for number, (name, each) in enumerate(burdens.items())
    }
    tenth = Baseline("2.13", {name: entry_of(name, each) for name, each in some.items()})

    def compared_with(head: Baseline) -> Comparison:
        sides = (Side("base", before, ""), Side("head", head, ""))
        with baseline.uncollected():
            return compare(*sides, lambda _: NO_GROWTH, DEFAULTS)

    run, grown = Run(results=tuple(judged())), Run(results=tuple(compared()))
    return {
        "baseline, read": lambda: baseline.read(text),
        "baseline, written": lambda: baseline.dump(before),
        "judged": judged,
        "judged, and compared by module": compared,
        "table": lambda: summary(run, mode="all"),
        "Markdown": lambda: markdown(run),
        "Markdown, all have grown": lambda: markdown(grown),
        "Markdown, in a comment": lambda: markdown(grown, COMMENT),
        "annotations": lambda: annotate(grown, Sources()),
        "JSON": lambda: to_dict(run, {}),
        "burden diff, nothing changed": lambda: lines(compared_with(before)),
        "burden diff, one of ten has grown": lambda: lines(compared_with(tenth)),
    }


def seconds(action: Callable[[], object]) -> float:
    """Return the least of three times."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print a row for each step: seconds for each size, and how much longer the larger takes."""
    timed = [{name: seconds(action) for name, action in steps(size).items()} for size in SIZES]
    rows = [
        (name, *(f"{each[name]:.2f}" for each in timed), f"{timed[-1][name] / timed[0][name]:.1f}")
        for name in timed[0]
    ]
    headers = ("step", *(f"{size:,}, s" for size in SIZES), "times as long")
    print(tabulate(rows, headers, disable_numparse=True, colalign=("left", *["right"] * 3)))


if __name__ == "__main__":
    main()
