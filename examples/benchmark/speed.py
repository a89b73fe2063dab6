"""What measuring costs: against one real forward in the same run, and for a decoder of 282 GB.

Run `make benchmark`, or `PYTHONPATH=../imagenet python speed.py` in this folder.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch._dynamo  # which measuring imports: here that is not what is timed and weighed
from decoder import LLAMA_70B, llama_70b, llama_405b, past_of, small
from efficientnet import efficientnet_b0
from networks.alexnet import alexnet
from networks.resnet import resnet_50, resnext_101_32x4d
from networks.squeezenet import squeezenet_1_1
from networks.vgg_verydeep import vgg_16
from tabulate import tabulate
from torch import Tensor, nn
from vit import VisionTransformer

from pytest_burden import measure

ROUNDS = 9


def main() -> None:
    """Print both results; the large one first, while the process has only imported."""
    print(large())
    columns = ("parameters\nbillions", "what", "TMACs", "peak\nGB", "seconds")
    print()
    found = [
        (billions, what, macs / 1e12, peak / 1e9, elapsed)
        for billions, what, macs, peak, elapsed in larger()
    ]
    print(tabulate(found, columns, floatfmt=("", "", ".1f", ".1f", ".2f")))
    rows = [
        compare("alexnet", alexnet, torch.randn(1, 3, 227, 227)),
        compare("squeezenet-1-1", squeezenet_1_1, torch.randn(1, 3, 224, 224)),
        compare("resnet-50", resnet_50, torch.randn(1, 3, 224, 224)),
        compare("resnext-101-32x4d", resnext_101_32x4d, torch.randn(1, 3, 224, 224)),
        compare("vgg-verydeep-16", vgg_16, torch.randn(1, 3, 224, 224)),
        compare("efficientnet-b0", efficientnet_b0, torch.randn(1, 3, 224, 224)),
        compare("vit-b-16", VisionTransformer, torch.randn(1, 3, 224, 224)),
        compare("decoder, 128 tokens", small, torch.ones(1, 128, dtype=torch.int64)),
        compare("decoder, 512 tokens", small, torch.ones(1, 512, dtype=torch.int64)),
    ]
    headers = ("network", "measure\nms", "real forward\nms", "ratio")
    print(f"\nWarm, medians of {ROUNDS} rounds in turn, {torch.get_num_threads()} threads:\n")
    print(tabulate(rows, headers, floatfmt=("", ".1f", ".1f", ".2f")))


def compare(
    name: str, factory: Callable[[], nn.Module], example: Tensor
) -> tuple[str, float, float, float]:
    """Return name, milliseconds of a measurement and of a forward, and the median of their ratio.

    Both are timed on the same built model, one after the other in each round, so that whatever
    else the machine does slows both.
    """
    model = factory().eval()
    with torch.no_grad():
        for _ in range(2):  # the first round fills caches: ours, and the convolutions' plans
            measure(model, example)
            model(example)
        gc.collect()
        rounds = [
            (seconds(lambda: measure(model, example)), seconds(lambda: model(example)))
            for _ in range(ROUNDS)
        ]
    measuring, forward = (1000 * statistics.median(times) for times in zip(*rounds, strict=True))
    return name, measuring, forward, statistics.median(first / second for first, second in rounds)


def seconds(work: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def large() -> str:
    """Measure the decoder of 70 billion parameters from its factory, once, cold."""
    before = memory("VmRSS")
    start = time.perf_counter()
    burden = measure(llama_70b, "int64[1, 2048]")
    elapsed = time.perf_counter() - start
    growth = (
        "memory not known here"
        if before is None
        else f"at its peak {((memory('VmHWM') or 0) - before) / 2**20:.0f} MiB above the imports"
    )
    return (
        f"decoder of {burden.params / 1e9:.1f} billion parameters ({burden.param_memory / 1e9:.0f}"
        f" GB of float32), 2048 tokens, {burden.macs / 1e12:.1f} TMACs:\n"
        f"measured from its factory in {elapsed:.2f} s, {growth}"
    )


def larger() -> list[tuple[str, str, int, int, float]]:
    """Return rows of measurements, each from its factory: what, MACs, bytes at the peak, seconds.

    The peak is that of the forward, beside the parameters, or of a training step, with all.
    """
    rows = []
    for billions, factory, what, inputs, training in (
        ("70.6", llama_70b, "2,048 tokens", ["int64[1, 2048]"], None),
        ("70.6", llama_70b, "131,072 tokens", ["int64[1, 131072]"], None),
        (
            "70.6",
            llama_70b,
            "one token after 131,071",
            ["int64[1, 1]", past_of(LLAMA_70B, 131_071)],
            None,
        ),
        ("405.9", llama_405b, "2,048 tokens", ["int64[1, 2048]"], None),
        ("405.9", llama_405b, "131,072 tokens", ["int64[1, 131072]"], None),
        ("405.9", llama_405b, "training with Adam, 2,048 tokens", ["int64[1, 2048]"], "Adam"),
    ):
        start = time.perf_counter()
        burden = measure(factory, inputs, training=training)
        elapsed = time.perf_counter() - start
        macs, peak = burden.macs, burden.peak_memory
        if training is not None:
            macs, peak = burden.training_macs or 0, burden.training_memory or 0
        rows.append((billions, what, macs, peak, elapsed))
    return rows


def memory(field: str) -> int | None:
    """Return this process's ``VmRSS`` (now) or ``VmHWM`` (at most so far) in bytes, on Linux."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
