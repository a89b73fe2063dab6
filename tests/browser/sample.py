"""A run that has all that the page can draw, made by hand."""

from __future__ import annotations

import dataclasses

from pytest_burden.budget.run import Run
from pytest_burden.burden import Burden, Figures, ModuleRow, Peak
from pytest_burden.sweeps import Point, Sweep
from tests.budget.sample import PEAK, STEP, limit, trained
from tests.report import sample
from tests.report.test_markdown import CHANGED

MIB = 2**20


def _row(path: str, cls: str, flops: int = 0) -> ModuleRow:
    own = Figures(params=flops // 1000, macs=flops, flops=flops, activation_memory=flops // 100)
    return ModuleRow(path, cls, 1, own, own, (), ("float32[1, 8]",), "8, 8")


ROWS = (
    _row("", "Net"),
    _row("trunk", "Trunk", 1_000_000),
    *(
        row
        for n in range(3)
        for row in (
            _row(f"trunk.{n}", "Block"),
            _row(f"trunk.{n}.attention", "Attention", 30_000_000),
            _row(f"trunk.{n}.norm", "LayerNorm", 2_000_000),
            _row(f"trunk.{n}.mlp", "Sequential"),
            _row(f"trunk.{n}.mlp.0", "Linear", 50_000_000),
            _row(f"trunk.{n}.mlp.1", "GELU", 3_000_000),
        )
    ),
    _row("head", "Linear", 90_000_000),
)
FLOPS = sum(row.own.flops for row in ROWS)


PHASES = (("forward of step 1", 0), ("backward of step 1", 1500), ("forward of step 2", 3000))


def net(**changed: object) -> Burden:
    """Return a burden with a tree of modules and timelines of a training step."""
    step = [10 * MIB + n * MIB // 200 for n in range(3000)] + [30 * MIB - n for n in range(2000)]
    step[4000] = 40 * MIB
    peaks: tuple[Peak, ...] = (
        dataclasses.replace(PEAK, timeline=(1 * MIB, 3 * MIB, 5 * MIB, 2 * MIB), call=2),
        dataclasses.replace(
            STEP,
            call=4000,
            timeline=tuple(step),
            phases=PHASES,
        ),
    )  # fmt: skip
    return trained(**({"module_rows": ROWS, "flops": FLOPS, "peaks": peaks} | changed))


def _point(b: int, s: int) -> Point:
    metrics = {"params": 5, "flops": 3 * b * s * s + b, "peak_memory": 64 * b * s}
    return Point(sizes={"B": b, "S": s}, metrics=metrics)


SWEEP = Sweep(("B", "S"), tuple(_point(b, s) for b in (1, 2, 4, 8) for s in (16, 32, 64, 128)))
NET = dataclasses.replace(
    sample.result("t.py::test_net[224]", net(), limit("flops", FLOPS - 10**6)), sweep=SWEEP
)
RUN = Run((sample.PASSING, NET, sample.UNMEASURED, sample.WARNING, *CHANGED.results))
PLACE = 1
"""Of `NET` among them."""
