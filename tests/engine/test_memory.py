"""Memory predicted without running is that of a real run, to the byte."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn, optim
from torch.nn import functional
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

from pytest_burden import Burden, Convention, Figures, measure
from pytest_burden.burden import MEMORY
from pytest_burden.engine.abstract import Tape
from pytest_burden.engine.build import read_specs
from pytest_burden.engine.copying import Copier
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.leaves import RealLeaves
from tests.engine.real_memory import Memory, Optimizer, Tracker, real_memory
from tests.networks import NETWORKS
from tests.networks.cases import CASES, Case
from tests.networks.corners import CORNERS

SGD = {"optimizer": "SGD", "foreach": False, "momentum": 0.9}
SMALL = [Case(network.name, network.small, (network.small_spec,), 0) for network in NETWORKS]
APART = frozenset(
    {
        "expanded input",  # inputs are taken as compact copies: there it is larger than it was
        "spectral_norm, by hook",  # hands over one storage in two tensors, which copies have not
    }
)
"""Networks whose copy differs from them."""


def sgd(parameters: list[nn.Parameter]) -> optim.Optimizer:
    """Return what `SGD` describes."""
    return optim.SGD(parameters, foreach=False, momentum=0.9)


def drawn(value: Any) -> Any:
    """Return inputs with real tensors in the place of specs."""
    return Copier(RealLeaves(Homes(Tape()))).copy(value)


def memory(burden: Burden) -> Memory:
    """Return the three metrics."""
    return Memory(burden.peak_memory, burden.saved_memory, burden.training_memory)


@pytest.mark.parametrize(
    "case",
    [case for case in (*SMALL, *CASES, *CORNERS) if case.name not in APART and not case.reads],
    ids=str,
)
@pytest.mark.filterwarnings("ignore")
def test_networks(case: Case) -> None:
    """All networks that we have: the forward, and two steps of those that learn."""
    args = drawn([read_specs(value) for value in case.args])
    kwargs = drawn(
        {name: read_specs(value, where="keyword") for name, value in case.kwargs.items()}
    )
    training: Any = SGD if learns(case.build, args, kwargs) else None
    burden = measure(case.build, args, kwargs, training=training, real="never")
    truth = real_memory(case.build, args, kwargs, sgd if training else None)
    assert memory(burden) == truth
    check_laws(burden)


def learns(build: Callable[[], nn.Module], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Return whether an output of the network depends on a parameter."""
    model = build()
    if not any(parameter.requires_grad for parameter in model.parameters()):
        return False
    try:
        out = model(*args, **kwargs)
    except (RuntimeError, ValueError):
        return False
    values = out if isinstance(out, (list, tuple)) else [out]
    return all(isinstance(value, torch.Tensor) and value.requires_grad for value in values)


def check_laws(burden: Burden) -> None:
    """Categories, module rows and the timeline tell the same as the metric."""
    for metric in MEMORY:
        value, peak = burden.value(metric), burden.peak(metric)
        assert (value is None) == (peak is None)
        assert sum(getattr(row.own, metric) for row in burden.module_rows) == (value or 0)
        if peak is not None:
            assert peak.nbytes == value == sum(peak.categories.values())
            assert sum(tensor.nbytes for tensor in peak.tensors) <= peak.nbytes
            assert not peak.timeline or max(peak.timeline) == peak.nbytes
    for figure in Figures._fields:
        own = sum(getattr(row.own, figure) for row in burden.module_rows)
        assert own == (burden.value(figure) or 0)


class Block(nn.Module):
    """A residual block of a transformer's kind."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        out: torch.Tensor = x + self.down(functional.gelu(self.up(self.norm(x))))
        return out


class Checkpointed(nn.Module):
    """Four blocks, each recomputed in the backward or not."""

    def __init__(self, reentrant: bool | None) -> None:
        super().__init__()
        self.stem = nn.Linear(16, 16)
        self.blocks = nn.ModuleList(Block() for _ in range(4))
        self.reentrant = reentrant

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        x = self.stem(x)
        for block in self.blocks:
            if self.reentrant is None:
                x = block(x)
            else:
                x = checkpoint(block, x, use_reentrant=self.reentrant)
        return x


class UnderAutocast(nn.Module):
    """Convolutions, norms and products in bfloat16, with weights in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.GroupNorm(2, 8)
        )
        self.head = nn.Sequential(nn.Linear(8, 6), nn.LayerNorm(6), nn.Linear(6, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return three numbers for each image."""
        with torch.autocast("cpu", torch.bfloat16):
            out: torch.Tensor = self.head(self.body(x).mean((2, 3)))
            return out


class Tied(nn.Module):
    """Embeds and predicts with the same weights."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 16)
        self.block = Block()
        self.head = nn.Linear(16, 20, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return twenty scores for each token."""
        scores: torch.Tensor = self.head(self.block(self.embedding(tokens)))
        return scores


class Exponential(torch.autograd.Function):
    """Saves its output, and keeps another tensor beside."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Return exp(x)."""
        out = x.exp()
        ctx.save_for_backward(out)
        ctx.beside = x * 2
        return out

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        """Return the gradient."""
        (out,) = ctx.saved_tensors
        result: torch.Tensor = grad * out + 0 * ctx.beside
        return result


class Custom(nn.Module):
    """A custom function after a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return eight numbers."""
        out: torch.Tensor = Exponential.apply(self.layer(x))  # type: ignore[no-untyped-call]
        return out.sum(0)


class InPlace(nn.Module):
    """Rectifies and drops in place, also on a view."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.head = nn.Linear(8 * 16, 4)
        self.dropout = nn.Dropout(0.5, inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return four numbers for each image."""
        x = functional.max_pool2d(functional.relu_(self.conv(x)), 2)
        out: torch.Tensor = self.head(self.dropout(torch.flatten(x, 1)))
        return out


class Several(nn.Module):
    """Returns a dictionary: with integers, with its input, and nested."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> dict[str, Any]:
        """Return several tensors."""
        hidden = self.first(x)
        return {"h": hidden, "o": [self.second(hidden), hidden.argmax(-1)], "x": x}


class Frozen(nn.Module):
    """A layer that learns between one that does not and one that is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(8, 8).requires_grad_(requires_grad=False)
        self.second, self.unused = nn.Linear(8, 8), nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return eight numbers for each row."""
        out: torch.Tensor = self.second(torch.relu(self.first(x)))
        return out


def convolutional() -> nn.Sequential:
    """Return a small network of convolutions and norms."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5),
    )  # fmt: skip


def in_memory_format(network: nn.Module) -> nn.Module:
    """Lay out the weights of convolutions as channels_last wants them."""
    to: Any = network.to  # whose stubs leave the argument out
    made: nn.Module = to(memory_format=torch.channels_last)
    return made


def imagenet(module: str, factory: str) -> nn.Module:
    """Build one of the example's networks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[2] / "examples" / "imagenet")
        made: nn.Module = getattr(importlib.import_module(f"networks.{module}"), factory)()
    return made


IMAGE, ROWS = (2, 3, 8, 8), (6, 16)
TRAINED: Mapping[str, tuple[Callable[[], nn.Module], torch.Tensor]] = {
    "plain": (lambda: Checkpointed(None), torch.randn(ROWS)),
    "reentrant": (lambda: Checkpointed(reentrant=True), torch.randn(ROWS)),
    "not reentrant": (lambda: Checkpointed(reentrant=False), torch.randn(ROWS)),
    "autocast": (UnderAutocast, torch.randn(IMAGE)),
    "tied": (Tied, torch.randint(20, (2, 7))),
    "custom": (Custom, torch.randn(5, 8)),
    "in place": (InPlace, torch.randn(IMAGE)),
    "several": (Several, torch.randn(3, 4)),
    "frozen": (Frozen, torch.randn(5, 8)),
    "convolutions": (convolutional, torch.randn(IMAGE)),
    "bfloat16": (lambda: convolutional().bfloat16(), torch.randn(IMAGE).bfloat16()),
    "channels_last": (
        lambda: in_memory_format(convolutional()),
        torch.randn(IMAGE).to(memory_format=torch.channels_last),
    ),
    "input learns": (convolutional, torch.randn(IMAGE).requires_grad_()),
    "encoder": (
        lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 2
        ),
        torch.randn(2, 5, 16),
    ),
    "weight norm": (lambda: parametrizations.weight_norm(nn.Linear(4, 4)), torch.randn(3, 4)),
    "spectral norm": (lambda: parametrizations.spectral_norm(nn.Linear(4, 4)), torch.randn(3, 4)),
    "resnet-50": (lambda: imagenet("resnet", "resnet_50"), torch.randn(1, 3, 224, 224)),
    "squeezenet-1-1": (lambda: imagenet("squeezenet", "squeezenet_1_1"), torch.randn(2, 3, 64, 64)),
}  # fmt: skip

OPTIMIZERS: Mapping[str, tuple[Any, Optimizer]] = {
    "SGD": ("SGD", lambda p: optim.SGD(p, foreach=False)),
    "Nesterov": (
        {"optimizer": "SGD", "momentum": 0.9, "nesterov": True, "foreach": True},
        lambda p: optim.SGD(p, momentum=0.9, nesterov=True, foreach=True),
    ),
    "Adam": ("Adam", lambda p: optim.Adam(p, foreach=False)),
    "foreach": ({"foreach": True}, lambda p: optim.Adam(p, foreach=True)),
    "fused": ({"fused": True}, lambda p: optim.Adam(p, fused=True)),
    "amsgrad": (
        {"optimizer": "AdamW", "amsgrad": True},
        lambda p: optim.AdamW(p, amsgrad=True, foreach=False),
    ),
    "RMSprop": (
        {"optimizer": "rmsprop", "centered": True},
        lambda p: optim.RMSprop(p, centered=True, foreach=False),
    ),
    "Adagrad": ("Adagrad", lambda p: optim.Adagrad(p, foreach=False)),
    "Adafactor": ("Adafactor", lambda p: optim.Adafactor(p, foreach=False)),
    "NAdam": ("NAdam", lambda p: optim.NAdam(p, foreach=False)),
    "Rprop": ("Rprop", lambda p: optim.Rprop(p, foreach=False)),
}


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "foreach"])
@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")  # reentrant checkpoint
def test_training(name: str, optimizer: str) -> None:
    """Every kind of difficulty, with three ways to update."""
    (build, x), (training, make) = TRAINED[name], OPTIMIZERS[optimizer]
    burden = measure(build, (x,), training=training)
    assert memory(burden) == real_memory(build, (x,), {}, make)
    check_laws(burden)


@pytest.mark.parametrize("name", ["convolutions", "frozen", "tied"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers(name: str, optimizer: str) -> None:
    """Every optimizer: its state, when it is born, and what an update takes beside."""
    (build, x), (training, make) = TRAINED[name], OPTIMIZERS[optimizer]
    assert memory(measure(build, (x,), training=training)) == real_memory(build, (x,), {}, make)


@pytest.mark.parametrize(
    "options", [{"accumulate": 3}, {"set_to_none": False}, {"accumulate": 2, "set_to_none": False}]
)
def test_other_loops(options: dict[str, Any]) -> None:
    """Several batches a step, and gradients that are filled with zeros."""
    build, x = TRAINED["convolutions"]
    burden = measure(build, (x,), training={**SGD, **options})
    assert memory(burden) == real_memory(build, (x,), {}, sgd, **options)


def test_foreach_takes_the_parameters_once_more() -> None:
    """Adam's temporaries: of all parameters at once, or of one at a time, or none.

    One at a time there are three: the root of the second moment, that over its correction, and
    the last one of the parameter before.
    """
    build, x = lambda: nn.Sequential(*(nn.Linear(64, 64, bias=False) for _ in range(8))), "1x64"
    loop, foreach, fused = (
        measure(build, x, training={"foreach": foreach, "fused": fused}).training_memory or 0
        for foreach, fused in ((False, None), (True, None), (None, True))
    )
    weights = 4 * 64 * 64
    held = 4 * 8 * weights + 8 * 4 + 4 * 64  # with gradients, moments, steps and the input
    assert loop == held + 3 * weights
    assert foreach == held + 8 * weights
    assert held <= fused < held + weights
    aimed = measure(build, x, training=True, convention=Convention(target="cuda"))
    assert aimed.training == "Adam, foreach"


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")  # reentrant checkpoint
def test_checkpointing_saves() -> None:
    """Less is kept and more is computed: each block's forward once more.

    Not reentrant it stops at the last tensor that was saved: before the second of two products.
    """
    plain, reentrant, other = (
        measure(TRAINED[name][0], "256x16", training="SGD")
        for name in ("plain", "reentrant", "not reentrant")
    )
    block = 2 * 256 * 16 * 64
    for checkpointed, again in ((reentrant, block), (other, block // 2)):
        assert (checkpointed.saved_memory or 0) < (plain.saved_memory or 0) / 3
        assert (checkpointed.training_memory or 0) < (plain.training_memory or 0)
        assert checkpointed.training_macs == (plain.training_macs or 0) + 4 * again
        assert checkpointed.macs == plain.macs == 4 * block + 256 * 16 * 16


def test_training_macs_by_hand() -> None:
    """A product for the input's gradient only where something before it learns."""
    burden = measure(Frozen, "float32[5, 8]", training="SGD")
    layer = 5 * 8 * 8
    assert burden.macs == 2 * layer
    assert burden.training_macs == 2 * layer + layer  # no gradient reaches the first layer
    learning = measure(convolutional, "float32[2, 3, 8, 8]", training="SGD")
    first, second, head = 2 * 64 * 8 * 27, 2 * 64 * 16 * 72, 2 * 16 * 5
    assert learning.training_macs == 3 * (first + second + head) - first


def test_recurrent_layers_are_lower_bounds() -> None:
    """Their kernels keep what is not seen: every metric of memory says so, others do not."""
    for build in (lambda: nn.LSTM(4, 4), Functional):
        burden = measure(build, "float32[3, 2, 4]", training="SGD")
        assert set(burden.lower_bounds) == set(MEMORY)
    assert measure(nn.LSTMCell(4, 4), "float32[3, 4]").lower_bounds == {}


class Functional(nn.Module):
    """Calls the recurrent function itself."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList(
            [torch.zeros(16, 4), torch.zeros(16, 4), torch.zeros(16), torch.zeros(16)]
        )

    def forward(self, x: torch.Tensor) -> Any:
        """Return the outputs."""
        zeros = x.new_zeros(1, 2, 4)
        flags = True, 1, 0.0, False, False, False
        return torch.lstm(x, (zeros, zeros), list(self.weights), *flags)


def test_the_truth_can_tell() -> None:
    """Twin of the tests above: a tracker that misses one output tells another number."""
    build, x = TRAINED["convolutions"]
    truth = real_memory(build, (x,), {}, sgd)
    with pytest.MonkeyPatch.context() as patch:
        plain = Tracker.add
        patch.setattr(
            Tracker, "add", lambda self, t: 0 if t.shape == (2, 16, 8, 8) else plain(self, t)
        )
        assert real_memory(build, (x,), {}, sgd) != truth
