"""Ours and other meters on the same networks: right, quick, light, and what they leave behind.

Run `make compare`, or in this folder, where `requirements.txt` is installed,
`PYTHONPATH=../imagenet python compare.py`. Every cell, one meter on one network, runs in a fresh
process of its own. What was measured is kept in `build/comparison.json` of the repository, and
`comparison.md` and `comparison.svg` are written from it; ``python compare.py render`` writes them
again.

``python compare.py zoo`` adds torchvision's classifiers, from factory to number; with ``time``,
``count``, ``leaves`` or ``growth`` it measures that part again. Times mean something where nothing
else runs: the report says how much did.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from chart import draw
from meters import COUNTER, FORWARD, METERS, OURS
from tables import report
from truth import COUNTED, TIMED

HERE = Path(__file__).parent
KEPT = HERE.parents[1] / "build" / "comparison.json"
TOUCHED = ("efficientnet-b0", "TransformerEncoderLayer", "shared and tied")
"""Networks to leave something behind in: statistics and dropout, fast paths, shared modules."""
LAYERS = (10, 100, 1000)
LIMIT = 120
"""Seconds a cell may take."""
LIMIT_OF_ZOO = 1800
PARTS = ("time", "count", "leaves", "growth")
"""What is measured if nothing else is asked for."""


@dataclass(frozen=True)
class Cell:
    """What one process measures: a kind, and its arguments."""

    kind: str
    arguments: tuple[str, ...]
    limit: int = LIMIT

    def run(self, threads: int | None = None) -> dict[str, Any]:
        """Return what was measured, or the type of what went wrong."""
        environment = dict(os.environ)
        if threads:
            environment["OMP_NUM_THREADS"] = str(threads)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "cell.json"
            start = time.perf_counter()
            command = [sys.executable, str(HERE / "cell.py"), str(file), self.kind, *self.arguments]
            try:
                done = subprocess.run(  # noqa: S603 this Python, and a file beside this one
                    command, env=environment, capture_output=True, timeout=self.limit, check=False
                )
            except subprocess.TimeoutExpired:
                result: dict[str, Any] = {"error": f"over {self.limit} s"}
            else:
                result = (
                    json.loads(file.read_text())
                    if file.exists()
                    else {"error": f"exit {done.returncode}"}
                )
        words = " ".join((self.kind, *self.arguments))
        outcome = f"  {result['error']}" if "error" in result else ""
        print(f"{time.perf_counter() - start:6.1f} s  {words}{outcome}", file=sys.stderr)
        return result


def main() -> None:
    """Run the parts that the arguments name, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="?", default="all", choices=["all", *PARTS, "zoo", "render"])
    parser.add_argument(
        "--repeats", type=int, default=1, help="processes for times of ours, torch's, a forward"
    )
    parser.add_argument("--threads", type=int, help="threads of torch for times; its own choice")
    arguments = parser.parse_args()
    results = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for part in PARTS if arguments.part == "all" else [arguments.part]:
        if part == "time":
            results[part] = timed(arguments.repeats, arguments.threads)
        elif part in ("count", "leaves"):
            results[part] = beside_each_other(part)
        elif part == "growth":
            results[part] = grown()
        elif part == "zoo":
            results[part] = zoo()
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(results, indent=1))
    (HERE / "comparison.md").write_text(report(results))
    draw(results, HERE / "comparison.svg")
    print(f"written: {HERE.name}/comparison.md and {HERE.name}/comparison.svg")


def timed(repeats: int, threads: int | None) -> dict[str, Any]:
    """Time each meter on each network; nothing else runs beside it."""
    found = facts() | ({"threads": threads} if threads else {})
    start, busy = time.perf_counter(), busy_elsewhere()
    cells: dict[str, Any] = {}
    for network in TIMED:
        meters = [FORWARD, *METERS] + [FORWARD, OURS, COUNTER] * (repeats - 1)
        runs = cells[network.name] = {meter.name: [] for meter in meters}
        for meter in meters:
            runs[meter.name].append(Cell("time", (meter.name, network.name)).run(threads))
    if busy is not None:
        share = ((busy_elsewhere() or 0) - busy) / (time.perf_counter() - start)
        found["others"] = max(share, 0) / found["cores"]
    return {"facts": found, "cells": cells}


def beside_each_other(kind: str) -> dict[str, Any]:
    """Run cells in which nothing is timed, on one thread each, on all cores."""
    names = [network.name for network in COUNTED] if kind == "count" else TOUCHED
    meters = METERS if kind == "count" else (FORWARD, *METERS)
    runs = [Cell(kind, (meter.name, name)) for name in names for meter in meters]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda cell: cell.run(threads=1), runs))
    cells: dict[str, Any] = {name: {} for name in names}
    for cell, result in zip(runs, results, strict=True):
        meter, network = cell.arguments
        cells[network][meter] = result
    return {"facts": facts() | {"threads": 1}, "cells": cells}


def grown() -> dict[str, Any]:
    """Measure decoders of more and more layers, each in three processes."""
    cells = {str(n): [Cell("growth", (str(n),)).run() for _ in range(3)] for n in LAYERS}
    return {"facts": facts(), "cells": cells}


def zoo() -> dict[str, Any]:
    """Measure torchvision's classifiers: ours from the factory, torch's built and run."""
    cells = {
        meter.name: Cell("zoo", (meter.name,), LIMIT_OF_ZOO).run() for meter in (OURS, COUNTER)
    }
    return {"facts": facts(), "cells": cells}


def busy_elsewhere() -> float | None:
    """Return seconds that the cores worked for other processes since they started, on Linux."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    user, nice, system, _idle, _waiting, *interrupts = map(int, stat.read_text().split()[1:9])
    total = (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
    own = os.times()
    return total - own.user - own.system - own.children_user - own.children_system


def facts() -> dict[str, Any]:
    """Return what the numbers depend on, of versions and of this machine."""
    return {
        "versions": {meter.name: meter.version for meter in (FORWARD, *METERS)},
        "python": platform.python_version(),
        "system": f"{platform.system()} on {platform.machine()}",
        "kernels": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    main()
