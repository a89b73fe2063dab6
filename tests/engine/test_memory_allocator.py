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
from torch.utils.checkpoint import checkpoint

from pytest_burden import measure
from pytest_burden.engine.fit import fit
from pytest_burden.sweeps import needed
from tests.engine.learners import LEARNERS, Blocks
from tests.engine.tracker import real
from tests.networks.language import Gpt, Llama
from tests.networks.resnet import ResNet
from tests.networks.vit import VisionTransformer

SAVING = (
    "perceptron",
    "LeNet",
    "convolutions with norms",
    "mixer",
    "dense blocks",
    "experts",
    "volumes",
)


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
    burden = measure(Loss(build()), real(spec), training=SGD)
    steps, forward = truth(build, spec)
    predicted = burden.model_memory + burden.peak_memory
    return (burden.training_memory or 0) / steps - 1, predicted / forward - 1


SGD = {"optimizer": "SGD", "foreach": False}


def truth(build: Callable[[], nn.Module], spec: str) -> tuple[int, int]:
    """Return the most bytes alive in two steps, and in a forward, network and input included."""
    model, x = Loss(build()), real(spec)
    tensors = [*model.parameters(), *model.buffers(), x]
    resident = sum(tensor.untyped_storage().nbytes() for tensor in tensors)
    model.train()
    steps = resident + most_allocated(lambda: two_steps(model, x))
    model.eval()
    with torch.no_grad():
        return steps, resident + most_allocated(lambda: model(x))


@pytest.mark.parametrize("training", [None, SGD], ids=["forward", "training"])
@pytest.mark.parametrize(
    ("build", "spec"),
    [
        (partial(Gpt, 500, 64, 64, 4, 3), "int64[B, 64]"),
        (partial(Llama, 300, 64, heads=4, hidden=128, depth=2), "int64[B, 32]"),
        (
            partial(VisionTransformer, 64, 16, 64, depth=3, heads=4, classes=10),
            "float32[B, 3, 64, 64]",
        ),
    ],
    ids=["decoder", "decoder with rotary positions", "vision transformer"],
)
def test_what_fits(
    build: Callable[[], nn.Module], spec: str, training: dict[str, Any] | None
) -> None:
    """The batch that is said to fit into a memory does, the allocator says; one more does not."""
    place = 0 if training else 1
    # Of fewer images the patches' convolution takes more scratch on its way back than all the rest.
    memory = truth(build, spec.replace("B", "9"))[place] * 101 // 100
    found = fit(lambda: Loss(build()), spec, vary="B", memory=memory, training=training)
    fits, more = (truth(build, spec.replace("B", str(n)))[place] for n in (found.size, found.more))
    assert (found.size, found.more) == (9, 10)
    assert fits <= memory < more
    assert needed(found.burden) == pytest.approx(fits, rel=0.02)


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


class Deep(Gpt):
    """A decoder whose blocks are computed again in the backward, or not."""

    def __init__(self, *, again: bool | None) -> None:
        super().__init__(300, 64, 64, 4, 6)
        self.again = again
        """Whether by a reentrant backward; None for never."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x) if self.again is None else checkpoint(block, x, use_reentrant=self.again)
        logits: torch.Tensor = self.lm_head(self.ln_f(x))
        return logits


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")  # in evaluation
def test_checkpointing() -> None:
    """What is saved by computing a decoder's blocks again is what the allocator says."""
    spec = "int64[8, 64]"
    predicted: dict[bool | None, int] = {}
    allocated: dict[bool | None, int] = {}
    for again in (None, True, False):
        build = partial(Deep, again=again)
        burden = measure(Loss(build()), real(spec), training=SGD)
        predicted[again] = burden.training_memory or 0
        allocated[again], _ = truth(build, spec)
    for again in (True, False):
        saving = allocated[None] - allocated[again]
        assert saving > allocated[None] / 2
        assert predicted[None] - predicted[again] == pytest.approx(saving, rel=0.01)


def growth(model: nn.Module, x: torch.Tensor) -> int:
    """Return by how much the allocator grows in a forward of which autograd alone keeps anything.

    The output is dropped, and its sum, from which the backward begins, is not counted.
    """
    model.train()
    model(x).sum()
    gc.collect()
    with torch.profiler.profile(profile_memory=True) as profiler:
        loss = model(x).sum()
    kineto: Any = profiler.profiler
    events = [event for event in kineto.kineto_results.events() if event.name() == "[memory]"]
    grown = sum(int(event.nbytes()) for event in events)
    return grown - int(loss.nbytes)


RANDOM_STATE = torch.get_rng_state().nbytes


@pytest.mark.parametrize(
    ("build", "spec", "states"),
    [
        (partial(ResNet, (1, 1, 1, 1), 16, 10), "float32[4, 3, 64, 64]", 0),
        (partial(Gpt, 500, 64, 64, 4, 3), "int64[4, 64]", 0),
        (partial(Llama, 300, 64, heads=4, hidden=128, depth=2), "int64[4, 32]", 0),
        (
            partial(VisionTransformer, 64, 16, 64, depth=3, heads=4, classes=10),
            "float32[4, 3, 64, 64]",
            0,
        ),
        *((LEARNERS[name].build, LEARNERS[name].args[0], 0) for name in SAVING),
        (partial(Deep, again=True), "int64[4, 64]", 6),
        (partial(Deep, again=False), "int64[4, 64]", 6),
    ],
)
@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")  # in evaluation
def test_saved(build: Callable[[], nn.Module], spec: str, states: int) -> None:
    """What autograd keeps is what the allocator has not got back.

    But for constants, and what a checkpoint keeps to draw the same numbers again.
    """
    burden = measure(build(), real(spec), training="SGD")
    more = growth(build(), real(spec)) - (burden.saved_memory or 0)
    assert 0 <= more - states * RANDOM_STATE < 1024


class Tasks(nn.Module):
    """One trunk and a head for each of three tasks: their gradients meet in what the trunk made."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(32, 1024), nn.ReLU())
        self.heads = nn.ModuleList([nn.Linear(1024, classes) for classes in (10, 2, 1)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what all heads say, in a row."""
        features = self.trunk(x)
        return torch.cat([head(features) for head in self.heads], 1)


class Mixture(nn.Module):
    """Experts that all see everything, weighted by a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.gate = nn.Linear(16, 256), nn.Linear(256, 4)
        self.experts = nn.ModuleList([nn.Linear(256, 64) for _ in range(4)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the weighted sum."""
        features = self.stem(x)
        gates = self.gate(features).softmax(-1)
        weighted = [one(features) * gates[:, i, None] for i, one in enumerate(self.experts)]
        return torch.stack(weighted).sum(0)


@pytest.mark.parametrize("build", [Tasks, Mixture])
def test_where_gradients_meet(build: Callable[[], nn.Module]) -> None:
    """The third gradient, and each that follows, is added to what is there."""
    width = 32 if build is Tasks else 16
    for deviation in deviations(build, f"float32[512, {width}]"):
        assert abs(deviation) < 1e-3


def test_convolutions() -> None:
    """Convolutions take scratch on the way back: less than a hundredth, and never predicted."""
    build = partial(ResNet, (3, 4, 6, 3), 16, 10)
    steps, forward = deviations(build, "float32[8, 3, 112, 112]")
    assert -0.01 < steps < 1e-3
    assert -0.01 < forward < 1e-3
