"""A real run on a GPU: its counters, and every way in which there is no such run.

The counters of a stand-in show what is done with them; only the tests marked ``gpu`` ask real ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from pytest_burden import Burden, BurdenError, CudaRun, measure
from pytest_burden.burden import Convention
from pytest_burden.engine import cuda
from pytest_burden.engine.fit import fit
from pytest_burden.sweeps import needed
from tests.networks.vit import VisionTransformer

GIB = 2**30


def network() -> nn.Module:
    """Two linear layers."""
    return nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))


@dataclass
class Counted:
    """Counters of a device that is this CPU; the peak is what a list says."""

    peaks: list[int]
    free_bytes: int = GIB
    name: str = "Stand-in"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    windows: int = 0

    def allocated(self) -> int:
        """Return what others hold on the device."""
        return 1000

    def free(self) -> int:
        """Return what is free."""
        return self.free_bytes

    def reset(self) -> None:
        """Begin a window."""
        self.windows += 1

    def peak(self) -> int:
        """Return the next peak."""
        return self.peaks.pop(0)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Let any device be found, with counters that say 9,000 and then 5,000 bytes."""
    counted = Counted([9_000, 5_000])
    monkeypatch.setattr("pytest_burden.engine.measure.find_gpu", lambda _: counted)
    return counted


def on_gpu(training: object = None) -> Burden:
    """Measure a small network on a GPU."""
    return measure(network, "float32[2, 4]", device="cuda", training=training)


@pytest.mark.parametrize("training", [None, "SGD"])
def test_counted(stand_in: Counted, training: object) -> None:
    """The second run counts, in a window of its own, above what was there before."""
    burden = on_gpu(training)
    assert burden.cuda_memory == 5_000 - 1000
    assert (stand_in.windows, stand_in.peaks) == (2, [])
    assert burden.cuda is not None
    assert burden.cuda.workspace == 4_000 - burden.cuda.predicted
    assert Burden.from_dict(burden.to_dict()) == burden


@pytest.mark.usefixtures("stand_in")
def test_predicted() -> None:
    """Every tensor takes whole blocks: two weights, two biases, the input, two outputs."""
    burden = on_gpu()
    assert burden.cuda is not None
    assert burden.cuda.predicted == 512 * (2 + 2 + 1 + 2)


@pytest.mark.usefixtures("stand_in")
def test_buffers_are_predicted() -> None:
    """They take blocks like parameters: a weight, a bias, a buffer, the input, two outputs."""

    class Masked(nn.Linear):
        mask: torch.Tensor

        def __init__(self) -> None:
            super().__init__(4, 2)
            self.register_buffer("mask", torch.ones(2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * self.mask

    burden = measure(Masked, "float32[2, 4]", device="cuda")
    assert burden.cuda is not None
    assert burden.cuda.predicted == 512 * (2 + 1 + 1 + 2)


def test_larger_than_the_device(stand_in: Counted) -> None:
    """What is predicted not to fit is not tried; the prediction is a lower bound, and says so."""
    stand_in.free_bytes = 3_000
    burden = on_gpu()
    assert stand_in.windows == 0
    assert burden.cuda_memory == 3_584
    says = "3,584 bytes are needed where 3,000 are free on Stand-in"
    assert burden.lower_bounds["cuda_memory"] == says


def test_out_of_memory(stand_in: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that runs out on the way is no crash."""

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(cuda, "_counted", full)
    burden = on_gpu()
    assert burden.cuda == CudaRun(
        "Stand-in", 3_584, 3_584, f"out of memory on Stand-in, where {GIB:,} bytes were free"
    )
    assert stand_in.windows == 0


@pytest.mark.usefixtures("stand_in")
def test_own_error() -> None:
    """What the network raises on the device is the user's to see."""

    class Elsewhere(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if type(x) is torch.Tensor:
                raise RuntimeError("not on this device")
            return x + 1

    with pytest.raises(RuntimeError, match="not on this device"):
        measure(Elsewhere(), "float32[2]", device="cuda")


@pytest.fixture
def without_cuda(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Hide whatever GPUs this machine has."""
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return monkeypatch


def test_no_device(without_cuda: pytest.MonkeyPatch) -> None:
    """A build without CUDA and a machine without a GPU are told apart; neither is a pass."""
    burden = on_gpu()
    assert burden.cuda_memory is None
    assert burden.unsupported == {"cuda_memory": "this torch is built without CUDA"}
    without_cuda.setattr(torch.version, "cuda", "13.0")
    assert on_gpu().unsupported == {"cuda_memory": "no CUDA device is found here"}
    assert measure(network, "float32[2, 4]").unsupported == {}


@pytest.mark.parametrize(
    ("device", "says"),
    [
        ("cpu", "Invalid device (not a CUDA device): 'cpu'"),
        ("cudda", "Invalid device ("),
        (None, ""),
        (3.5, "Invalid device ("),
        ("cuda:7", "Invalid device (there is only cuda:0, cuda:1): 'cuda:7'"),
    ],
)
def test_devices(without_cuda: pytest.MonkeyPatch, device: object, says: str) -> None:
    """The user's choice holds, or it is said what there is."""
    without_cuda.setattr(torch.version, "cuda", "13.0")
    without_cuda.setattr(torch.cuda, "is_available", lambda: True)
    without_cuda.setattr(torch.cuda, "device_count", lambda: 2)
    if device is None:
        assert measure(network, "float32[2, 4]", device=None).cuda is None
        return
    with pytest.raises(BurdenError) as caught:
        measure(network, "float32[2, 4]", device=device)
    assert str(caught.value).startswith(says)


gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@gpu
@pytest.mark.gpu
@pytest.mark.parametrize("training", [None, "SGD", "Adam"])
def test_real_counters(training: object) -> None:
    """On a GPU the counters never say less than the tensors take, and not much more."""
    burden = measure(network, "float32[64, 4]", device="cuda", training=training)
    assert burden.cuda is not None
    assert burden.cuda_memory == burden.cuda.nbytes >= burden.cuda.predicted > 0


@gpu
@pytest.mark.gpu
@pytest.mark.parametrize("training", [None, "SGD"])
def test_what_fits(training: object) -> None:
    """The batch that is said to fit takes what was said, the counters say, within 2 %."""
    build = partial(VisionTransformer, 224, 16, 384, depth=6, heads=6, classes=1000)
    image, memory = "float32[{}, 3, 224, 224]", 4 * 2**30
    options: dict[str, Any] = {"training": training, "convention": Convention(target="cuda")}
    found = fit(build, image.format("B"), vary="B", memory=memory, **options)
    ran = measure(build, image.format(found.size), device="cuda", **options)
    assert ran.cuda is not None
    assert ran.cuda.nbytes == pytest.approx(needed(found.burden), rel=0.02)
