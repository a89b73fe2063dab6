"""Predictions beside what torch's own allocator hands out, kernels' scratch included."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate
from typing import Any

import pytest
import torch
from torch import nn, optim

from pytest_burden import measure
from tests.engine.learners import Blocks
from tests.engine.tracker import real
from tests.networks.language import Gpt
from tests.networks.resnet import ResNet
from tests.networks.vit import VisionTransformer


class Loss(nn.Module):
    """A network and a loss with a gradient of its own for every output."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the mean of the squared outputs."""
        out: torch.Tensor = self.network(x)
        return out.square().mean()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Let no kernel take scratch for a second thread, and attention no path of its own."""
    threads, fast = torch.get_num_threads(), torch.backends.mha.get_fastpath_enabled()
    torch.set_num_threads(1)
    torch.backends.mha.set_fastpath_enabled(False)
    yield
    torch.set_num_threads(threads)
    torch.backends.mha.set_fastpath_enabled(fast)


def most_allocated(run: Callable[[], object]) -> int:
    """Return the most bytes that were handed out at once, above those at the beginning."""
    run()  # what is made once in a process is not the network's
    gc.collect()
    with torch.profiler.profile(profile_memory=True) as profiler:
        run()
    kineto: Any = profiler.profiler
    events = [event for event in kineto.kineto_results.events() if event.name() == "[memory]"]
    events.sort(key=lambda event: event.start_ns())
    return max(accumulate(event.nbytes() for event in events), default=0)


def two_steps(model: nn.Module, x: torch.Tensor) -> None:
    """Train with SGD, and let the gradients go."""
    optimizer = optim.SGD(model.parameters(), foreach=False)
    for _ in range(2):
        optimizer.zero_grad(set_to_none=True)
        model(x).backward()
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def deviations(build: Callable[[], nn.Module], spec: str) -> tuple[float, float]:
    """Return by what part of the truth two steps, and a forward, are predicted too high."""
    model, x = Loss(build()), real(spec)
    burden = measure(model, x, training={"optimizer": "SGD", "foreach": False})
    resident = burden.model_memory + x.untyped_storage().nbytes()
    model.train()
    steps = resident + most_allocated(lambda: two_steps(model, x))
    model.eval()
    with torch.no_grad():
        forward = resident + most_allocated(lambda: model(x))
    predicted = burden.model_memory + burden.peak_memory
    return (burden.training_memory or 0) / steps - 1, predicted / forward - 1


@pytest.mark.parametrize(
    ("build", "spec"),
    [
        (partial(Gpt, 500, 64, 64, 4, 3), "int64[8, 64]"),
        (
            partial(VisionTransformer, 64, 16, 64, depth=3, heads=4, classes=10),
            "float32[8, 3, 64, 64]",
        ),
        (Blocks, "float32[64, 8]"),
    ],
    ids=["decoder", "vision transformer", "linear layers"],
)  # fmt: skip
def test_transformers(build: Callable[[], nn.Module], spec: str) -> None:
    """Products and norms take no scratch to speak of: within a thousandth."""
    for deviation in deviations(build, spec):
        assert abs(deviation) < 1e-3


def test_convolutions() -> None:
    """Convolutions take scratch on the way back: less than a hundredth, and never predicted."""
    build = partial(ResNet, (3, 4, 6, 3), 16, 10)
    steps, forward = deviations(build, "float32[8, 3, 112, 112]")
    assert -0.01 < steps < 1e-3
    assert -0.01 < forward < 1e-3
