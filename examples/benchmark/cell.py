"""One cell of the comparison: what a process of its own measures, written to a file as JSON.

`compare.py` starts it: ``python cell.py FILE KIND METER NETWORK``.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import vision
from decoder import SMALL, Decoder
from leaves import behind
from meters import BY_NAME, OURS, Ask, Meter
from torch import nn
from truth import IMAGE, NETWORKS, Network

ROUNDS = 5
AT_LEAST = 3
ENOUGH = 2.0
"""Seconds after which no further round begins, if there were at least so many."""


def timed(ask: Ask, network: Network) -> dict[str, Any]:
    """Return seconds of the first call and of further ones, and bytes that the first one took.

    The network is deployed: built, in evaluation, no gradients are asked for.
    """
    model, x = network.build().eval(), network.input()
    with torch.no_grad():
        rise = Rise()
        cold = seconds(lambda: ask(model, x))
        growth = rise.bytes()
        rounds: list[float] = []
        while len(rounds) < AT_LEAST or (len(rounds) < ROUNDS and sum(rounds) < ENOUGH):
            rounds.append(seconds(lambda: ask(model, x)))
    return {"cold": cold, "warm": statistics.median(rounds), "growth": growth}


def counted(ask: Ask, network: Network) -> dict[str, Any]:
    """Return multiply-adds: in evaluation without gradients, and in training mode with them.

    What one of both raises is told in its place.
    """
    answers: dict[str, Any] = {}
    for mode in ("evaluation", "training"):
        model = network.build().train(mode == "training")
        with torch.set_grad_enabled(mode == "training"):
            try:
                answers[mode] = ask(model, network.input())
            except Exception as error:  # noqa: BLE001 any is an answer here
                answers[mode] = type(error).__name__
    return answers


def grown(layers: int) -> dict[str, Any]:
    """Return what measuring a decoder of so many layers takes, from its factory."""
    ask = factory_meter()
    shape = replace(SMALL, layers=layers)
    rise = Rise()
    cold = seconds(lambda: ask(lambda: Decoder(shape), "int64[1, 128]"))
    return {"cold": cold, "growth": rise.bytes()}


def zoo(meter: Meter) -> dict[str, Any]:
    """Return seconds, multiply-adds and the published figure of torchvision's classifiers.

    From factory to number: whoever needs a real network has to build it first. Published are
    10^9 multiply-adds; None if they are those of another size of image.
    """
    library = vision.load()
    if library is None:
        return {}
    ask = meter.load()
    image = torch.randn(IMAGE)
    measure = factory_meter()
    found: dict[str, Any] = {}
    for name in library.models.list_models(module=library.models):
        make = library.models.get_model_builder(name)

        def work(make: Callable[[], nn.Module] = make) -> float:
            if meter is OURS:
                return float(measure(make, "float32[1, 3, 224, 224]"))
            with torch.no_grad():
                return ask(make().eval(), image)

        gc.collect()
        start = time.perf_counter()
        macs = work()
        elapsed = time.perf_counter() - start
        weights = library.models.get_model_weights(name).DEFAULT
        same = weights.transforms.keywords["crop_size"] == IMAGE[-1]
        found[name] = [elapsed, macs, weights.meta["_ops"] if same else None]
    return found


def factory_meter() -> Callable[[Callable[[], nn.Module], str], int]:
    """Return ours with a factory, which builds no weights."""
    from pytest_burden import measure  # noqa: PLC0415 not in the process of another meter

    return lambda factory, spec: measure(factory, spec).macs


def seconds(work: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Rise:
    """How far the memory of this process rises above where it was, on Linux."""

    def __init__(self) -> None:
        gc.collect()
        self.status = Path("/proc/self/status")
        if self.status.exists():
            Path("/proc/self/clear_refs").write_text("5")  # what was the peak so far is forgotten
            self.before = self._read("VmRSS")

    def bytes(self) -> int | None:
        """Return the highest so far above the beginning, or None where it is not known."""
        return self._read("VmHWM") - self.before if self.status.exists() else None

    def _read(self, field: str) -> int:
        lines = self.status.read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))


KINDS: dict[str, Callable[[Ask, Network], dict[str, Any]]] = {
    "time": timed,
    "count": counted,
    "leaves": behind,
}


def main() -> None:
    """Measure the cell that the arguments name."""
    file, kind, *rest = sys.argv[1:]
    result: dict[str, Any]
    try:
        if kind == "growth":
            result = grown(int(rest[0]))
        elif kind == "zoo":
            result = zoo(BY_NAME[rest[0]])
        else:
            work = KINDS[kind]
            meter, network = rest
            start = time.perf_counter()
            ask = BY_NAME[meter].load()
            imports = time.perf_counter() - start
            result = {"imports": imports, **work(ask, NETWORKS[network])}
    except Exception as error:  # noqa: BLE001 a crash is a cell too
        result = {"error": type(error).__name__, "message": str(error)}
    Path(file).write_text(json.dumps(result))


if __name__ == "__main__":
    main()
