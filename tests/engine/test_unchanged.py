"""Nothing is changed: the model, its inputs, torch, the random state; nothing is left behind."""

from __future__ import annotations

import contextlib
import gc
import logging
import random
import subprocess
import sys
import textwrap
import threading
import types
import warnings
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from pytest_burden import Burden, MeasureError, measure
from tests.engine.state import (
    differing,
    nothing_left,
    picture_of,
    quick_collections,
    random_states,
    world,
)
from tests.networks import NETWORKS, Network
from tests.networks.cases import Around, encoder, normed, shared_three_times, tied

SPEC = "float32[4, 6]"


@pytest.fixture(autouse=True, scope="module")
def _quick_collections() -> Iterator[None]:
    with quick_collections():
        yield


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    measure(nn.Linear(2, 2), "float32[1, 2]", training="SGD")  # what torch imports meanwhile
    with nothing_left():
        yield


class Hoarder(nn.Module):
    """Changes all of itself at each call."""

    cache: torch.Tensor | None
    ring: torch.Tensor
    steps: torch.Tensor

    def __init__(self, *, reads: bool = False, fails: str = "") -> None:
        super().__init__()
        self.reads, self.fails = reads, fails
        self.linear = nn.Linear(6, 6)
        self.norm = nn.BatchNorm1d(6)
        self.drop = nn.Dropout(0.5)
        self.inner = Inner(fails=fails == "inner")
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.register_buffer("ring", torch.zeros(3, 6))
        self.cache = None
        self.count = 0
        self.log: list[torch.Tensor] = []
        self.sizes: dict[str, Any] = {"seen": [], "last": None}
        self.plain = torch.arange(6.0)
        self.owner = types.SimpleNamespace(model=self, notes=[])
        self.linear.register_forward_hook(self._remember)
        kept: list[Any] = []
        self.norm.register_forward_pre_hook(lambda _, args: kept.append(args[0]))
        self.inner.register_forward_hook(partial(_note, self.owner.notes))
        self.linear.weight.grad = torch.ones(6, 6)
        self.linear.weight.note = ["a list on a parameter"]  # type: ignore[attr-defined]

    def _remember(self, module: nn.Module, args: Any, out: torch.Tensor) -> None:
        del module, args
        self.log.append(out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return something, after changing everything."""
        self.count += 1
        self.steps += 1
        if self.cache is None:
            self.cache = x.detach().mean(0)
            self.late = nn.Linear(6, 6)
            self.register_buffer("lazy", x.detach().clone())
        self.sizes["seen"].append(x)
        self.sizes["last"] = x
        self.ring[0] = x[0]
        self.plain.add_(x[0])
        with torch.no_grad():
            self.linear.weight.mul_(0.5)
            self.linear.weight.note.append("one more")  # type: ignore[attr-defined]
        x.add_(1)
        self.train()
        self.linear.requires_grad_(False)  # noqa: FBT003 torch's own signature
        out: torch.Tensor = self.inner(self.drop(self.norm(self.linear(x))))
        if self.reads and float(out.sum()) > 1e9:
            return x
        if self.fails == "outer":
            raise KeyError("of the network's own")
        return out + torch.rand(6) + random.random() + float(np.random.rand())  # noqa: NPY002, S311


class Inner(nn.Module):
    """A module inside, which may fail."""

    def __init__(self, *, fails: bool) -> None:
        super().__init__()
        self.fails = fails

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``x``, or fail."""
        if self.fails:
            raise KeyError("of the network's own")
        return x


def _note(notes: list[Any], module: nn.Module, args: Any, out: Any) -> None:
    notes.append((module, args, out))


def measured(model: nn.Module, *args: Any, **options: Any) -> Burden | None:
    """Measure; the network's own failure gives None."""
    with contextlib.suppress(KeyError, MeasureError):
        return measure(model, args, **options)
    return None


HOARDERS: dict[str, Callable[[], nn.Module]] = {
    "succeeds": Hoarder,
    "runs for real": lambda: Hoarder(reads=True),
    "fails": lambda: Hoarder(fails="outer"),
    "fails inside": lambda: Hoarder(fails="inner"),
    "fails for real": lambda: Hoarder(fails="outer", reads=True),
    "aliased": lambda: nn.Sequential(hoarder := Hoarder(), hoarder),
    "shared": lambda: nn.Sequential(nn.Linear(6, 64), shared_three_times()),
    "tied": lambda: nn.Sequential(nn.Linear(6, 64), tied()),
    "normed by hook": lambda: nn.Sequential(nn.Linear(6, 64), normed(nn.utils.spectral_norm)()),
    "attention": lambda: nn.Sequential(nn.Linear(6, 64), encoder()),
}


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", HOARDERS)
@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad=True")
def test_model_and_inputs_stay(name: str, training: bool) -> None:
    """Identity, order and bytes of all that a model and its inputs hold are as they were."""
    model = HOARDERS[name]().train(training)
    x = torch.randn(4, 6)
    before, drawn = picture_of(model, x), random_states()
    for given, real, steps in (
        (x, "auto", None),
        (x, "never", None),
        (SPEC, "auto", None),
        (x, "auto", "Adam"),
        (x, "never", {"optimizer": "SGD", "momentum": 0.9, "set_to_none": False}),
    ):
        measured(model, given, real=real, training=steps)
        assert differing(before, picture_of(model, x)) == []
        assert differing(drawn, random_states()) == []


def test_whatever_the_machine_is_set_to() -> None:
    """Threads, oneDNN, collections and modes of the caller's change no number."""
    network = NETWORKS[0]

    def figures() -> Burden:
        return measure(network.small, network.small_spec, training="Adam")

    expected, threads, onednn = figures(), torch.get_num_threads(), torch._C._get_mkldnn_enabled()
    try:
        for number in (1, 2, 4):
            torch.set_num_threads(number)
            assert figures() == expected
        torch._C._set_mkldnn_enabled(not onednn)
        assert figures() == expected
        gc.disable()
        assert figures() == expected
    finally:
        torch.set_num_threads(threads)
        torch._C._set_mkldnn_enabled(onednn)
        gc.enable()
    with torch.no_grad():
        assert figures() == expected
    with torch.inference_mode():
        assert figures() == expected


def test_a_change_is_seen() -> None:
    """Twin of the test above: one forward of that model changes all that it should."""
    model = Hoarder().train()
    x = torch.randn(4, 6)
    before = picture_of(model, x)
    model(x)
    found = " ".join(differing(before, picture_of(model, x)))
    for name in ("cache", "count", "log", "seen", "ring", "steps", "plain", "weight", "notes"):
        assert name in found
    for name in ("late", "lazy", "num_batches_tracked", "running_mean", "cell", "value1", "note"):
        assert name in found


def test_torch_itself_is_watched() -> None:
    """Twin of the tests here: a patched function and a drawn number are seen."""
    before, drawn = world(), random_states()
    torch.rand(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Module, "__call__", lambda *_: None)
        assert len(differing(before, world())) == 1
    assert differing(drawn, random_states()) == ["torch"]


@pytest.mark.parametrize("training", [None, "Adam"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_interrupted(error: type[BaseException], training: str | None) -> None:
    """Also Ctrl-C in the middle of a forward leaves everything in place."""

    def interrupt(inner: nn.Module, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = inner(x)
        if torch.is_grad_enabled() or training is None:
            raise error
        return out

    model = Around(nn.BatchNorm1d(6), interrupt)
    before = picture_of(model)
    with pytest.raises(error):
        measure(model, SPEC, training=training)
    assert differing(before, picture_of(model)) == []


@pytest.mark.parametrize("name", ["succeeds", "runs for real", "fails", "fails inside", "aliased"])
def test_the_model_is_freed(name: str) -> None:
    """Nothing holds the model once its owner lets go, not even until the next collection."""
    model = HOARDERS[name]()
    for module in model.modules():
        if isinstance(module, Hoarder):
            del module.owner.model  # the cycle is the test model's own
            module.linear._forward_hooks.clear()
    freed = weakref.ref(model)
    gc.collect()
    gc.disable()
    try:
        measured(model, SPEC)
        measured(model, SPEC, training="Adam")
        del model, module
        assert freed() is None
    finally:
        gc.enable()


class Held(nn.Linear):
    """A layer that is held by a class, which it has as an attribute."""

    def __init__(self) -> None:
        super().__init__(6, 6)
        self.record = type("Record", (), {"owner": self})()


@pytest.mark.parametrize(
    "build",
    [
        lambda: parametrizations.weight_norm(nn.Linear(6, 6)),
        lambda: parametrizations.spectral_norm(nn.Linear(6, 6)),
        lambda: nn.Sequential(parametrizations.orthogonal(nn.Linear(6, 6))),
        Held,
    ],
)
@pytest.mark.parametrize("training", [None, "SGD"])
def test_a_model_that_its_class_holds_is_freed(
    build: Callable[[], nn.Module], training: str | None
) -> None:
    """A parametrised module has a class of its own, and that the module."""
    model = build()
    freed = weakref.ref(model)
    measure(model, SPEC, training=training)
    del model
    gc.collect()
    assert freed() is None


@pytest.mark.parametrize("name", ["succeeds", "runs for real"])
def test_burdens_hold_no_tensor(name: str) -> None:
    """A result outlives its model, and holds plain data alone."""
    burden = measured(HOARDERS[name](), SPEC, training="SGD")
    assert burden is not None
    assert burden.training
    assert not any(isinstance(value, torch.Tensor) for value in picture_tensors(burden))


def picture_tensors(burden: Burden) -> Iterator[object]:
    """Yield all that a burden holds."""
    stack: list[object] = [burden.to_dict()]
    while stack:
        value = stack.pop()
        yield value
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, (list, tuple)):
            stack += value


def test_after_a_failure_the_next_is_right() -> None:
    """Counters that patch functions count double after a failure; here nothing is patched."""
    expected = measure(nn.Linear(64, 64), "float32[1, 64]")
    for name in ("fails", "fails inside", "fails for real"):
        assert measured(HOARDERS[name](), SPEC) is None
        assert measure(nn.Linear(64, 64), "float32[1, 64]") == expected
    assert expected.macs == 4096


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_does_not_matter(order: int) -> None:
    """The same burdens, to the byte, whatever was measured before, and again."""
    chosen = [n for n in NETWORKS if n.name in ("resnet50", "gpt2", "lstm", "shared_tied")]
    first = {n.name: measure(n.small, n.small_spec) for n in chosen}
    for network in chosen[::order]:
        assert measure(network.small, network.small_spec) == first[network.name]


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_one_process_is_as_another(network: Network) -> None:
    """The random state on entry does not show, be it of torch, numpy or Python."""
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 it is the global one that must not matter
    random.seed(1)
    one = measure(network.small, network.small_spec)
    torch.manual_seed(2)
    np.random.seed(2)  # noqa: NPY002
    random.seed(2)
    assert measure(network.small, network.small_spec) == one


def test_silence(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """No line on standard output or error, no log record, no warning from 14 networks."""
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for network in NETWORKS:
            measure(network.small, network.small_spec)
        measured(Hoarder(reads=True), SPEC)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert [str(warning.message) for warning in caught] == []


def test_silence_in_a_fresh_process() -> None:
    """The same for the first measurement of a process, every warning being an error."""
    code = """
        import logging, warnings
        import torch
        from torch import nn
        from pytest_burden import measure
        logging.basicConfig(level=0)
        warnings.simplefilter("error")
        layers = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
        measure(nn.Sequential(*layers), "float32[1, 3, 16, 16]")
        measure(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), "float32[1, 4, 8]")
        measure(nn.LSTM(8, 4), "float32[5, 2, 8]")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_threads() -> None:
    """Several threads that measure at once, or run networks meanwhile, do not meet."""
    chosen = [n for n in NETWORKS if n.name in ("resnet50", "gpt2", "einsum_sdpa", "shared_tied")]
    expected = {n.name: measure(n.small, n.small_spec) for n in chosen}
    found: dict[str, list[Burden]] = {n.name: [] for n in chosen}
    busy = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6)).eval()
    x = torch.randn(4, 6)
    right = busy(x)
    outputs: list[bool] = []
    failures: list[BaseException] = []

    def work(network: Network) -> None:
        try:
            for _ in range(5):
                found[network.name].append(measure(network.small, network.small_spec))
                outputs.append(torch.allclose(busy(x), right))
        except BaseException as error:  # noqa: BLE001 told below, in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(network,)) for network in chosen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert all(outputs)
    for name, burdens in found.items():
        assert burdens == [expected[name]] * 5


def test_a_global_cache_says_what_it_is() -> None:
    """A tensor that the network's code put where no copy reaches explains itself when used."""
    cache: dict[str, torch.Tensor] = {}
    holder = types.ModuleType("cache_of_the_network")  # modules are shared, never copied
    holder.cache = cache  # type: ignore[attr-defined]

    def caching(inner: nn.Module, x: torch.Tensor) -> torch.Tensor:
        holder.cache["x"] = inner(x)
        found: torch.Tensor = holder.cache["x"]
        return found

    measure(Around(nn.Linear(6, 6), caching), SPEC)
    assert "AbstractTensor" in repr(cache["x"])
    with pytest.raises(Exception, match="pytest-burden measured a network"):
        cache["x"].sum().item()
    with pytest.raises(Exception, match="pytest-burden measured a network"):
        cache["x"].numpy()
    cache.clear()
