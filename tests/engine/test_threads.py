"""Networks that work on several threads: refused in one line, for there nothing is seen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import nn

from pytest_burden import measure
from pytest_burden.errors import MeasureError

Way = Callable[[ThreadPoolExecutor, nn.Module, torch.Tensor], Any]


def by_a_pool(pool: ThreadPoolExecutor, layer: nn.Module, x: torch.Tensor) -> Any:
    """Wait for what a pool returns."""
    return pool.submit(layer, x).result()


def by_a_pool_of_its_own(pool: ThreadPoolExecutor, layer: nn.Module, x: torch.Tensor) -> Any:
    """Do the same with a pool that is made for it."""
    del pool
    with ThreadPoolExecutor(2) as own:
        return sum(own.map(layer, [x, x]))


def by_a_thread(pool: ThreadPoolExecutor, layer: nn.Module, x: torch.Tensor) -> Any:
    """Wait for a thread, and take what is not there because it has failed."""
    del pool
    out: list[torch.Tensor] = []
    thread = threading.Thread(target=lambda: out.append(layer(x)))
    thread.start()
    thread.join()
    return out[0]


def caught(pool: ThreadPoolExecutor, layer: nn.Module, x: torch.Tensor) -> Any:
    """Go on without."""
    try:
        return pool.submit(layer, x).result()
    except Exception:  # noqa: BLE001 as such networks do
        return x


WAYS = [by_a_pool, by_a_pool_of_its_own, by_a_thread, caught]


class Spread(nn.Module):
    """Calls a layer on another thread, after it has read a value or without."""

    def __init__(self, way: Way, pool: ThreadPoolExecutor, *, reads: bool) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 8)
        self.way, self.pool, self.reads = way, pool, reads

    def forward(self, x: torch.Tensor) -> Any:
        """Return the layer's output, got in some way."""
        if self.reads and x.sum() < 0:
            x = x * 2
        return self.way(self.pool, self.layer, x)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Return a pool whose threads run already."""
    with ThreadPoolExecutor(1) as made:
        made.submit(int).result()
        yield made


@pytest.mark.parametrize("training", [None, "SGD"])
@pytest.mark.parametrize("reads", [False, True], ids=["abstract", "real"])
@pytest.mark.parametrize("way", WAYS)
def test_a_module_on_another_thread(
    way: Way,
    reads: bool,
    training: object,
    pool: ThreadPoolExecutor,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It is no silent zero, no error of a list that is empty, and no traceback of a thread."""
    network = Spread(way, pool, reads=reads)
    with pytest.raises(MeasureError) as failed:
        measure(network, torch.ones(4, 16), training=training)
    assert str(failed.value) == "Linear is called on another thread, where no operator is seen"
    assert capfd.readouterr().err == ""
    assert network(torch.ones(4, 16)).shape == (4, 8)  # and threads work as before


def test_a_function_on_another_thread(pool: ThreadPoolExecutor) -> None:
    """It meets tensors without data there, and is told which operator it was."""
    network = Spread(lambda pool, _, x: pool.submit(torch.exp, x).result(), pool, reads=False)
    with pytest.raises(MeasureError, match=r"^aten\.exp\.default runs on another thread, where"):
        measure(network, "float32[4, 16]")


def test_threads_that_do_something_else(pool: ThreadPoolExecutor) -> None:
    """A thread that writes a log, say, is nobody's business; nor is its traceback hidden."""
    raised: list[Any] = []
    before, threading.excepthook = threading.excepthook, raised.append
    try:
        network = Spread(logged, pool, reads=False)
        assert measure(network, "float32[4, 16]").macs == 4 * 16 * 8
    finally:
        threading.excepthook = before
    assert [ended.exc_type for ended in raised] == [ZeroDivisionError]


def logged(pool: ThreadPoolExecutor, layer: nn.Module, x: torch.Tensor) -> Any:
    """Let a thread run that has nothing to do with tensors, and fails."""
    del pool
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    return layer(x)


class Forks(nn.Module):
    """Runs one of its layers as TorchScript's task."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(16, 8), nn.Linear(16, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the sum of both."""
        task = torch.jit.fork(self.one, x)
        out: torch.Tensor = self.other(x) + torch.jit.wait(task)
        return out


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_tasks() -> None:
    """Scripted, they run on other threads or not, from run to run; in Python they do not."""
    assert measure(Forks(), "float32[4, 16]").macs == 2 * 4 * 16 * 8
    with pytest.raises(MeasureError, match=r"^a scripted module runs a part of itself on another"):
        measure(nn.Sequential(torch.jit.script(Forks())), "float32[4, 16]")
