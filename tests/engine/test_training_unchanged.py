"""A training step that is predicted leaves no trace, and nothing outside has a say in it."""

from __future__ import annotations

import contextlib
import gc
import random
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn, optim

from pytest_burden import Burden, measure
from tests.engine.learners import LEARNERS, ROWS, Blocks, normal_cnn
from tests.engine.state import (
    differing,
    nothing_left,
    picture_of,
    quick_collections,
    random_states,
)
from tests.networks.cases import Around

BATCH = torch.Size((64, 8))
DESCRIPTIONS: tuple[Any, ...] = (
    True,
    {"optimizer": "SGD", "momentum": 0.9, "accumulate": 2, "set_to_none": False},
    {"optimizer": "AdamW", "foreach": True},
    {"optimizer": "Adam", "fused": True},
)


@pytest.fixture(autouse=True, scope="module")
def _quick_collections() -> Iterator[None]:
    with quick_collections():
        yield


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    measure(nn.Linear(2, 2), "float32[1, 2]", training=True)  # what torch imports meanwhile
    with nothing_left():
        yield


class Lived(nn.Module):
    """A network in the middle of its life: gradients, hooks, statistics, parts in evaluation."""

    mean: torch.Tensor

    def __init__(self, *, reads: bool = False) -> None:
        super().__init__()
        self.inner, self.norm, self.reads = Blocks(), nn.BatchNorm1d(8), reads
        self.register_buffer("mean", torch.zeros(8))
        self.cache: list[torch.Tensor] = []
        self.count, self.notes = 0, {"last": None}
        self.inner.blocks[0].eval()
        self.inner.blocks[1].requires_grad_(requires_grad=False)
        # Detached: with a graph and these hooks the network would never be freed, measured or not.
        self.inner.stem.register_forward_hook(lambda _, __, out: self.cache.append(out.detach()))
        self.norm.register_full_backward_hook(self._remember)
        self.inner.stem.weight.register_hook(self.cache.append)
        for parameter in self.parameters():
            parameter.grad = torch.ones_like(parameter) if parameter.requires_grad else None

    def _remember(self, module: nn.Module, into: Any, out: Any) -> None:
        del module, out
        self.cache.append(into[0])

    def forward(self, x: torch.Tensor) -> Any:
        """Return something, after changing everything that a forward may change."""
        self.count += 1
        with torch.no_grad():
            self.inner.get_parameter("blocks.1.0.weight").mul_(0.5)
        out = self.norm(self.inner(x)) + torch.rand(8) + random.random()  # noqa: S311
        self.mean = 0.9 * self.mean + out.detach().mean(0)
        self.notes["last"] = out.detach()
        if self.reads and float(out.detach().sum()) > 1e9:
            return x
        return {"out": out, "drawn": np.random.rand()}  # noqa: NPY002 the global one must stay


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=str)
@pytest.mark.parametrize("reads", [False, True], ids=["without data", "for real"])
@pytest.mark.parametrize("training", [False, True], ids=["in evaluation", "in training"])
def test_everything_stays(description: Any, reads: bool, training: bool) -> None:
    """Weights, gradients, flags, buffers, hooks, attributes, inputs and the random state."""
    model, x = Lived(reads=reads).train(training), torch.randn(BATCH, requires_grad=True)
    x.grad = torch.ones(BATCH)
    before, drawn = picture_of(model, x), random_states()
    with torch.set_grad_enabled(not reads):
        burden = measure(model, (x,), training=description)
        assert torch.is_grad_enabled() == (not reads)
    assert burden.method == ("real" if reads else "abstract")
    assert differing(before, picture_of(model, x)) == []
    assert differing(drawn, random_states()) == []


def test_a_change_is_seen() -> None:
    """Twin of the test above: one real step of that model changes all that it should."""
    model, x = Lived().train(), torch.randn(BATCH, requires_grad=True)
    before, drawn = picture_of(model, x), random_states()
    optimizer = optim.SGD([p for p in model.parameters() if p.requires_grad])
    model(x)["out"].sum().backward()
    optimizer.step()
    found = " ".join(differing(before, picture_of(model, x)))
    for name in ("cache", "count", "notes", "mean", "running_var", "weight", "grad", "value1"):
        assert name in found
    assert differing(drawn, random_states()) == ["torch", "Python", "numpy"]


class Fails(torch.autograd.Function):
    """Cannot go back."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Return something."""
        del ctx
        return x * 1

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        """Fail."""
        del ctx, grad
        raise KeyError("backward")


class FailsToStep(optim.SGD):
    """Fails when all is updated."""

    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # torch has overloads
        """Fail."""
        super().step(closure)
        raise KeyError("step")


class FailsToZero(optim.SGD):
    """Fails at once."""

    def zero_grad(self, set_to_none: bool = True) -> None:  # noqa: FBT002 torch's own signature
        """Fail."""
        del set_to_none
        raise KeyError("zero_grad")


def backward(inner: nn.Module, x: torch.Tensor) -> Any:
    """Fail on the way back."""
    return Fails.apply(inner(x))  # type: ignore[no-untyped-call]


def forward(inner: nn.Module, x: torch.Tensor) -> Any:
    """Fail at the end, in training alone."""
    if inner.training:
        raise KeyError("forward")
    return inner(x)


def plain(inner: nn.Module, x: torch.Tensor) -> Any:
    """Do not fail."""
    return inner(x)


FAILURES: dict[str, tuple[Callable[..., Any], Any]] = {
    "forward": (forward, "SGD"),
    "backward": (backward, "SGD"),
    "step": (plain, FailsToStep),
    "zero_grad": (plain, FailsToZero),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failures(name: str) -> None:
    """Whoever raises, it is told as it is, and all stays, down to the last reference."""
    function, training = FAILURES[name]
    model, x = Around(Blocks(), function), torch.randn(BATCH)
    before, drawn = picture_of(model, x), random_states()
    with pytest.raises(KeyError, match=name):
        measure(model, x, training=training)
    assert differing(before, picture_of(model, x)) == []
    assert differing(drawn, random_states()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interrupted_in_the_backward(error: type[BaseException]) -> None:
    """Also Ctrl-C in the middle of a step leaves everything in place."""

    class Stops(optim.SGD):
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            del closure
            raise error

    model = Blocks()
    before = picture_of(model)
    with pytest.raises(error):
        measure(model, ROWS, training=Stops)
    assert differing(before, picture_of(model)) == []


@pytest.mark.parametrize("name", ["nothing", *FAILURES])
def test_the_model_is_freed(name: str) -> None:
    """Nothing holds a model once its owner lets go, not even until the next collection."""
    function, training = FAILURES.get(name, (plain, True))
    model = Around(Blocks(), function)
    freed = weakref.ref(model)
    gc.disable()
    try:
        with contextlib.suppress(KeyError):
            measure(model, ROWS, training=training)
        del model
        assert freed() is None
    finally:
        gc.enable()


def measured(build: Callable[[], nn.Module] = normal_cnn) -> Burden:
    """Measure a network with training."""
    spec = ROWS if build is Blocks else "float32[2, 3, 12, 10]"
    return measure(build(), spec, training={"optimizer": "Adam", "foreach": True})


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_of_torch(threads: int) -> None:
    """How many threads torch may use does not matter."""
    expected, before = measured(), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert measured() == expected
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _without_one_dnn() -> Iterator[None]:
    before = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(not before)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(before)


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextlib.contextmanager
def _deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)  # noqa: FBT003 torch's own signature
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)  # noqa: FBT003


@pytest.mark.parametrize(
    "around",
    [
        contextlib.nullcontext,
        torch.no_grad,
        torch.inference_mode,
        _without_one_dnn,
        _without_collections,
        _deterministic,
        lambda: torch.autograd.set_multithreading_enabled(False),
        lambda: torch.profiler.profile(profile_memory=True),
        lambda: torch.autograd.set_detect_anomaly(True),
        torch.autograd.graph.save_on_cpu,
    ],
    ids=[
        *("nothing", "no_grad", "inference_mode", "oneDNN", "garbage collection", "deterministic"),
        *("one thread", "profiler", "anomaly detection", "saved elsewhere"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_surroundings(around: Callable[[], contextlib.AbstractContextManager[object]]) -> None:
    """What is switched on or off outside does not matter."""
    expected, model = measured(), normal_cnn()
    with around():
        assert measured(lambda: model) == expected


def test_again_elsewhere_and_later() -> None:
    """Twice, in another thread, in evaluation, and after a real step: the same figures."""
    expected = measured(Blocks)
    assert measured(Blocks) == expected
    found: list[Burden] = []
    thread = threading.Thread(target=lambda: found.append(measured(Blocks)))
    thread.start()
    thread.join()
    assert found == [expected]
    model = Blocks()
    assert measured(Blocks) == expected
    optimizer = optim.Adam(model.parameters())
    model(torch.randn(BATCH)).sum().backward()
    optimizer.step()
    for switched in (model.train(), model.eval()):
        again = measure(switched, ROWS, training={"optimizer": "Adam", "foreach": True})
        assert again == expected


def test_threads_at_once() -> None:
    """Several threads that measure at once do not meet."""
    names = ("mixer", "field", "graph", "flow")
    expected = {name: measure(*LEARNERS[name], training=True) for name in names}
    found: dict[str, list[Burden]] = {name: [] for name in names}

    def work(name: str) -> None:
        for _ in range(3):
            found[name].append(measure(*LEARNERS[name], training=True))

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {name: [expected[name]] * 3 for name in names}


def test_hooks_of_all_optimizers() -> None:
    """Hooks that the user has for every optimizer hear nothing of a measurement."""
    seen: list[object] = []
    hooks = sys.modules["torch.optim.optimizer"]
    handle = hooks.register_optimizer_step_post_hook(lambda *_: seen.append(1))
    try:
        measured(Blocks)
        assert seen == []
    finally:
        handle.remove()
