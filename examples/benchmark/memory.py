"""Predicted memory beside that of a real run, and what predicting it takes.

Run `make benchmark`, or `PYTHONPATH=../imagenet python memory.py` in this folder. With a GPU,
`python memory.py --gpu` writes what its own counters say into ``gpu.md`` beside this file.
"""

from __future__ import annotations

import functools
import gc
import statistics
import sys
import time
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import torch
from decoder import small
from efficientnet import efficientnet_b0
from networks.alexnet import alexnet
from networks.resnet import resnet_50, resnext_50_32x4d
from networks.squeezenet import squeezenet_1_0, squeezenet_1_1
from networks.vgg_shallow import vgg_f, vgg_m
from networks.vgg_verydeep import vgg_16
from tabulate import tabulate
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.mem_tracker import MemTracker
from vit import VisionTransformer

from pytest_burden import measure
from pytest_burden.engine.abstract import Tape, Token
from pytest_burden.engine.run import trace
from pytest_burden.engine.training import read_training

TRAINING = {"optimizer": "SGD", "foreach": False}
MIB = 2**20


class Network(NamedTuple):
    """A network and an input of a batch."""

    name: str
    factory: Callable[[], nn.Module]
    example: Tensor

    def __str__(self) -> str:
        return f"{self.name}, batch {self.example.shape[0]}"


class Loss(nn.Module):
    """A network and a loss with a gradient of its own for every output."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean of the squared outputs."""
        out: Tensor = self.network(x)
        return out.square().mean()


NETWORKS = (
    Network("resnet-50", resnet_50, torch.randn(8, 3, 224, 224)),
    Network("vit-b-16", VisionTransformer, torch.randn(8, 3, 224, 224)),
    Network("decoder, 128 tokens", small, torch.ones(8, 128, dtype=torch.int64)),
    Network("efficientnet-b0", efficientnet_b0, torch.randn(8, 3, 224, 224)),
    Network("squeezenet-1-1", squeezenet_1_1, torch.randn(8, 3, 224, 224)),
    Network("vgg-verydeep-16", vgg_16, torch.randn(2, 3, 224, 224)),
)
ON_A_GPU = (
    *NETWORKS,
    Network("alexnet", alexnet, torch.randn(8, 3, 227, 227)),
    Network("resnext-50-32x4d", resnext_50_32x4d, torch.randn(8, 3, 224, 224)),
    Network("squeezenet-1-0", squeezenet_1_0, torch.randn(8, 3, 224, 224)),
    Network("vgg-f", vgg_f, torch.randn(8, 3, 224, 224)),
    Network("vgg-m", vgg_m, torch.randn(8, 3, 224, 224)),
)


def main() -> None:
    """Print the tables, or write that of a GPU."""
    if "--gpu" in sys.argv[1:]:
        file = Path(__file__).with_name("gpu.md")
        file.write_text(f"# Memory on a GPU\n\n{counted_on_a_gpu()}\n", encoding="utf-8")
        print(f"written: {file.name}")
        return
    print("\nMemory of a real run on one thread, MiB, model and inputs included:\n")
    rows = [beside_a_real_run(network) for network in NETWORKS]
    headers = (
        "network",
        "forward\nreal",
        "predicted",
        "%",
        "training step\nreal",
        "predicted",
        "%",
    )
    print(tabulate(rows, headers, floatfmt=("", *(".1f", ".1f", "+.2f") * 2)))
    print("\nA forward and two training steps, warm, medians of 5 rounds in turn:\n")
    times = [beside_the_tracker(network) for network in NETWORKS[:4]]
    columns = ("network", "with Adam\nms", "with SGD\nms", "torch's MemTracker\nms", "ratio")
    print(tabulate(times, columns, floatfmt=("", ".1f", ".1f", ".1f", ".1f")))
    print("\nWhat following the lifetimes of storages takes of a trace, warm, least of 9 rounds:\n")
    shares = [spent_on_lifetimes(network) for network in NETWORKS[:4]]
    share = ("storages", "trace\nms", "lifetimes\nms", "%")
    heads = ("network", *share, *(f"training\n{name}" for name in share))
    print(tabulate(shares, heads, floatfmt=("", *("", ".1f", ".2f", ".1f") * 2)))


def beside_a_real_run(network: Network) -> tuple[object, ...]:
    """Return what the allocator says of a forward and of two steps, and what was predicted."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    # A trained module of attention takes a kernel of its own for the forward, which is faster and
    # takes less memory; what is predicted is the forward without it.
    torch.backends.mha.set_fastpath_enabled(False)
    model = network.factory()
    burden = measure(model, network.example)
    step = measure(Loss(model), network.example, training=TRAINING)
    resident = burden.model_memory + network.example.untyped_storage().nbytes()
    figures: list[float] = []
    for predicted, run in (
        (burden.model_memory + burden.peak_memory, forward),
        (step.training_memory or 0, two_steps),
    ):
        real = resident + most_allocated(run, model, network.example)
        figures += [real / MIB, predicted / MIB, 100 * (predicted - real) / real]
    torch.set_num_threads(threads)
    return str(network), *figures


def forward(model: nn.Module, example: Tensor) -> None:
    """Run the network once as it is deployed."""
    model.eval()
    with torch.no_grad():
        model(example)


def two_steps(model: nn.Module, example: Tensor) -> None:
    """Train the network as `TRAINING` says."""
    trained = Loss(model).train()
    optimizer = torch.optim.SGD(model.parameters(), foreach=False)
    for _ in range(2):
        optimizer.zero_grad(set_to_none=True)
        trained(example).backward()
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def most_allocated(run: Callable[[nn.Module, Tensor], None], model: nn.Module, x: Tensor) -> int:
    """Return the most bytes that the allocator had handed out at once, above the beginning."""
    run(model, x)  # what is made once in a process is not the network's
    gc.collect()
    with torch.profiler.profile(profile_memory=True) as profiler:
        run(model, x)
    kineto: Any = profiler.profiler
    events = [event for event in kineto.kineto_results.events() if event.name() == "[memory]"]
    events.sort(key=lambda event: event.start_ns())
    return max(accumulate(event.nbytes() for event in events), default=0)


def beside_the_tracker(network: Network) -> tuple[object, ...]:
    """Return milliseconds of ours and of torch's own tracker, and the median of their ratio.

    The tracker is given SGD. There is none of the transformer: it copies its layers, which fake
    tensors do not survive.
    """
    model = network.factory()
    runs: list[Callable[[], object]] = [
        lambda: measure(model, network.example, training="Adam"),
        lambda: measure(model, network.example, training=TRAINING),
    ]
    if network.name != "vit-b-16":
        runs.append(lambda: tracked(network))
    for run in runs[:2]:
        run()
    rounds = [[_milliseconds(run) for run in runs] for _ in range(5)]
    medians = [statistics.median(times) for times in zip(*rounds, strict=True)]
    ratios = [theirs / ours for _, ours, *others in rounds for theirs in others]
    return str(network), *medians, *([statistics.median(ratios)] if ratios else [])


def spent_on_lifetimes(network: Network) -> tuple[object, ...]:
    """Return what a trace takes, and as many storages that are noted, born and ended as it has.

    Once for the evaluation, once for two steps with Adam.
    """
    model = network.factory()
    columns: list[object] = []
    for training in (None, read_training("Adam", "cpu")):
        run = functools.partial(trace, model, [network.example], {}, training=training)
        storages = len(run().storages)
        whole = min(_milliseconds(run) for _ in range(9))
        spent = min(_milliseconds(functools.partial(live_and_die, storages)) for _ in range(9))
        columns += [storages, whole, spent, 100 * spent / whole]
    return str(network), *columns


def live_and_die(storages: int) -> None:
    """Do what a trace does for the lifetimes of so many storages."""
    tape = Tape()
    for _ in range(storages):
        Token(tape, 4, "result")


def _milliseconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)


def tracked(network: Network) -> None:
    """Let torch's tracker follow two steps on fake tensors."""
    with FakeTensorMode():
        model = network.factory()
        x = torch.empty(network.example.shape, dtype=network.example.dtype)
        optimizer = torch.optim.SGD(model.parameters(), foreach=False)
        tracker = MemTracker()
        tracker.track_external(model, optimizer, x)
        with tracker:
            for _ in range(2):
                optimizer.zero_grad(set_to_none=True)
                model(x).sum().backward()
                optimizer.step()
                tracker.reset_mod_stats()  # it follows one step at a time


def counted_on_a_gpu() -> str:
    """Return a Markdown table of what a GPU counted and what was predicted for it."""
    if not torch.cuda.is_available():
        raise SystemExit("no CUDA device is found here")
    rows = []
    for network in ON_A_GPU:
        row: list[object] = [str(network)]
        for training in (None, "Adam"):
            run = measure(network.factory, network.example, device="cuda", training=training).cuda
            if run is None or run.failure:
                row += [run.failure if run else "", "", ""]
            else:
                row += [run.nbytes / MIB, run.predicted / MIB, run.workspace / MIB]
        rows.append(row)
    headers = (
        "network",
        *("forward", "predicted", "workspace"),
        *("training step", "predicted", "workspace"),
    )
    table = tabulate(rows, headers, tablefmt="github", floatfmt=".1f")
    return f"{torch.cuda.get_device_name()}, torch {torch.__version__}, MiB\n\n{table}"


if __name__ == "__main__":
    main()
