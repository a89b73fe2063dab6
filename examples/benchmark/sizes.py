"""Sweeps: the trunks of 18 ImageNet networks at six sizes each, and the time that it takes.

Run it as `make benchmark` does: PYTHONPATH=examples/imagenet python examples/benchmark/sizes.py
"""

from __future__ import annotations

import importlib
import time

import torch
from published import TABLE
from torch import nn

from pytest_burden import sweep
from pytest_burden.budget.law import law

SIZES = "112:672:112"
HEADS = (nn.AvgPool2d, nn.Flatten)
"""What follows the trunk, and fixes the size of the input."""


def trunk(network: nn.Sequential) -> str:
    """Return the path of the last module before the head; empty if every module takes any size."""
    paths = [path for path, child in network.named_children() if isinstance(child, HEADS)]
    return str(int(paths[0]) - 1) if paths else ""


def main() -> None:
    """Print a line for each network, and the time of all."""
    begin = time.perf_counter()
    for row in TABLE:
        module, name = row.build.split(":")
        build = getattr(importlib.import_module(f"networks.{module}"), name)
        start = time.perf_counter()
        with torch.device("meta"):
            until = trunk(build())
        swept = sweep(build, "float32[1, 3, S, S]", vary={"S": SIZES}, until=until)
        exact = law(swept.symbols, swept.values("macs"))
        degree = f"macs: S^{exact.degree('S')} exactly" if exact else "macs: no exact law"
        taken = time.perf_counter() - start
        print(f"{row.name:24}  {len(swept.measured)} sizes  {degree:22}  {taken:5.2f} s")
    print(f"{len(TABLE)} networks at {SIZES}: {time.perf_counter() - begin:.1f} s")


if __name__ == "__main__":
    main()
