"""Layers that are answered from memory: the same trace as when they run, or they must run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pytest_burden.engine.recall import calls, functions, layers
from tests.engine.test_same_traces import Inputs, differences, fast, real
from tests.networks.cases import around

IMAGE, SEQUENCE, VOLUME, ROW = (2, 4, 8, 8), (2, 4, 8), (2, 4, 8, 8, 8), (2, 4)

EXAMPLES: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    (lambda: nn.Conv1d(4, 6, 3, stride=2), SEQUENCE),
    (lambda: nn.Conv2d(4, 6, 3, padding="same", bias=False), IMAGE),
    (lambda: nn.Conv2d(4, 4, (3, 1), padding=(1, 0), groups=2), IMAGE),
    (lambda: nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), IMAGE),
    (lambda: nn.Conv3d(4, 6, 3, dilation=2), VOLUME),
    (lambda: nn.Linear(4, 3), ROW),
    (lambda: nn.Linear(8, 3), IMAGE),
    (lambda: nn.Linear(8, 3, bias=False), SEQUENCE),
    (lambda: nn.BatchNorm1d(4), SEQUENCE),
    (lambda: nn.BatchNorm2d(4), IMAGE),
    (lambda: nn.BatchNorm2d(4, affine=False), IMAGE),
    (lambda: nn.BatchNorm2d(4, track_running_stats=False), IMAGE),
    (lambda: nn.BatchNorm3d(4), VOLUME),
    (lambda: nn.LayerNorm((8, 8)), IMAGE),
    (lambda: nn.LayerNorm(8, elementwise_affine=False), IMAGE),
    (lambda: nn.GroupNorm(2, 4), IMAGE),
    (nn.ReLU, IMAGE),
    (lambda: nn.ReLU(inplace=True), IMAGE),
    (nn.SiLU, IMAGE),
    (nn.Mish, IMAGE),
    (lambda: nn.Hardswish(inplace=True), IMAGE),
    (nn.Hardsigmoid, IMAGE),
    (nn.Sigmoid, IMAGE),
    (nn.Tanh, IMAGE),
    (nn.ReLU6, IMAGE),
    (lambda: nn.LeakyReLU(0.2), IMAGE),
    (nn.ELU, IMAGE),
    (lambda: nn.GELU("tanh"), IMAGE),
    (nn.Dropout, IMAGE),
    (nn.Dropout2d, IMAGE),
    (lambda: nn.MaxPool2d(2), IMAGE),
    (lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True), IMAGE),
    (lambda: nn.AvgPool2d(2), IMAGE),
    (lambda: nn.AdaptiveAvgPool2d(1), IMAGE),
    (lambda: nn.AdaptiveAvgPool2d((3, None)), IMAGE),
    (lambda: nn.RNN(8, 5, nonlinearity="relu"), SEQUENCE),
    (lambda: nn.LSTM(8, 5, num_layers=2, batch_first=True, bidirectional=True), SEQUENCE),
    (lambda: nn.LSTM(8, 6, proj_size=3, bias=False), SEQUENCE),
    (lambda: nn.GRU(4, 3, dropout=0.5, num_layers=2), ROW),
]


def zeros(shape: tuple[int, ...]) -> Inputs:
    """Return one input of this shape."""
    return [torch.zeros(shape)], {}


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that grows by one with each layer answered from memory; functions all run."""
    answered: list[object] = []
    plain = calls._again

    def spy(*args: Any) -> Any:
        answered.append(None)  # and nothing that would keep a tensor alive
        return plain(*args)

    monkeypatch.setattr(calls, "_again", spy)
    monkeypatch.setattr(functions, "call", lambda _memory, run, *call: run(*call))
    return answered


def test_every_layer_has_an_example() -> None:
    """No kind of layer is remembered that the test below does not see."""
    assert {type(build()) for build, _ in EXAMPLES} == set(layers.LAYERS)


class Ends(nn.Module):
    """Uses all that a layer returns: recurrent ones return their last states too."""

    def forward(self, out: Any) -> list[torch.Tensor]:
        """Return a new tensor for each."""
        return [functional.softplus(tensor) for tensor in tree_leaves(out)]


@pytest.mark.parametrize(("build", "shape"), EXAMPLES)
def test_layer(build: Callable[[], nn.Module], shape: tuple[int, ...], again: list[object]) -> None:
    """What is recorded from memory is what a run with data records, to the byte."""
    calls._KNOWN.clear()
    network = nn.Sequential(nn.Softplus(), build(), Ends())
    inputs = zeros(shape)
    truth = real(network, inputs)
    assert differences(fast(network, inputs), truth) == []
    assert again == []
    assert differences(fast(network, inputs), truth) == []
    assert len(again) == 1


class Halved(nn.Linear):
    """A subclass of a layer, with a forward of its own."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 the base class names it so
        """Return half of what the layer returns."""
        return super().forward(input) / 2


class Doubled(TorchFunctionMode):
    """A mode of the network's own: every linear function is followed by another operator."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        return out * 2 if func is functional.linear else out


def settings_changed(layer: Any, x: torch.Tensor) -> Any:
    """Call a convolution with two strides."""
    first = layer(x)
    layer.stride = (2, 2)
    return first, layer(x)


def hooked(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer without and with a hook."""
    first = layer(x)
    layer.register_forward_hook(lambda _layer, _args, out: out + 1)
    return first, layer(x)


def hooked_before(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer without and with a hook that comes first."""
    first = layer(x)
    layer.register_forward_pre_hook(lambda _layer, args: (args[0] + 1,))
    return first, layer(x)


def hooked_everywhere(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer without and with a hook that every module has."""
    first = layer(x)
    with nn.modules.module.register_module_forward_hook(lambda _layer, _args, out: out + 1):
        return first, layer(x)


def own_forward(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer before and after its forward is replaced."""
    first = layer(x)
    layer.forward = torch.exp
    return first, layer(x)


def own_convolution(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer before and after what its forward calls is replaced."""
    first = layer(x)
    layer._conv_forward = lambda x, *_: torch.exp(x)
    return first, layer(x)


def own_order(layer: Any, x: torch.Tensor) -> Any:
    """Do the same with a recurrent layer."""
    first, _ = layer(x)
    layer.permute_hidden = lambda hidden, _: (hidden[0].exp(), hidden[1])
    return first, layer(x)


def with_onednn(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer with oneDNN, which is switched off outside."""
    on, off = True, False
    torch._C._set_mkldnn_enabled(on)
    try:
        return layer(x)
    finally:
        torch._C._set_mkldnn_enabled(off)


def in_training(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer in evaluation mode, then in training mode."""
    first = layer(x)
    layer.train()
    return first, layer(x)


def with_gradients(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer without and with autograd, which keeps its input."""
    first = layer(x)
    with torch.enable_grad():
        second = layer(x * 2)
        third = second.sum()
    return first, third


def under_autocast(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer without and under autocast, which casts its weight once."""
    first = layer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return first, layer(x), layer(x)


def under_a_mode(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer without and under a mode of the network's own."""
    first = layer(x)
    with Doubled():
        return first, layer(x)


def in_inference_mode(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer without and in inference mode."""
    first = layer(x)
    with torch.inference_mode():
        return first, layer(x)


class Negated(TorchDispatchMode):
    """A mode of the network's own: every product is followed by another operator."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operator."""
        out = func(*args, **(kwargs or {}))
        return -out if func is torch.ops.aten.addmm.default else out


def under_a_dispatch_mode(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer without and under a mode that sees operators."""
    first = layer(x)
    with Negated():  # type: ignore[no-untyped-call]  # torch declares nothing
        return first, layer(x)


def frozen(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer before and after its weight is frozen, by which matmul chooses its way."""
    first = layer(x.transpose(0, 1))
    layer.weight.requires_grad_(requires_grad=False)
    return first, layer(x.transpose(0, 1))


def weights_as_input(layers: Any, _x: torch.Tensor) -> Any:
    """Call a layer on its own weight, and on the weight of another."""
    own, other = layers
    return own(own.weight), own(other.weight)


def half_affine(layers: Any, x: torch.Tensor) -> Any:
    """Call a batch norm without a shift, and one without a scale."""
    without_shift, without_scale = layers
    without_shift.bias = without_scale.weight = None
    return without_shift(x), without_scale(x)


def under_a_default_dtype(layer: Any, _x: torch.Tensor) -> Any:
    """Call a layer on whole numbers, which become the default dtype."""
    x = torch.arange(2**17)
    first = layer(x)
    torch.set_default_dtype(torch.float64)
    try:
        return first, layer(x)
    finally:
        torch.set_default_dtype(torch.float32)


def on_a_view(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer on a whole tensor and on half of one."""
    y = x * 2
    return layer(x + 1), layer(y[:, ::2]), layer(y)


def without_bias(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer with its bias and without."""
    first = layer(x)
    layer.bias = None
    return first, layer(x)


def weight_of_its_own(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer with its parameter, and with plain tensors in the parameter's place."""
    first = layer(x)
    weight = layer.weight * 2
    del layer.weight
    layer.weight = weight
    second = layer(x)
    layer.weight = weight[:2]
    return first, second, layer(x)


def statistics_dropped(layer: Any, x: torch.Tensor) -> Any:
    """Call a batch norm with running statistics and without."""
    first = layer(x)
    layer.running_mean = layer.running_var = None
    return first, layer(x)


def under_vmap(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer on a batch, and vectorised over it."""
    return layer(x), torch.vmap(layer)(x)


def by_keyword(layer: Any, x: torch.Tensor) -> Any:
    """Call a layer by position and by keyword."""
    return layer(x), layer(input=x)


def weights_exchanged(layer: Any, x: torch.Tensor) -> Any:
    """Call a recurrent layer with its parameters, and with a tensor in the place of one."""
    first, _ = layer(x)
    other = layer.weight_ih_l0.t().contiguous().t()
    layer._flat_weights[0] = other
    second, _ = layer(x)
    del layer.weight_ih_l0
    layer.weight_ih_l0 = other
    third, _ = layer(x)
    return first, second, third


def with_a_state(layer: Any, x: torch.Tensor) -> Any:
    """Call a recurrent layer from zeros and from the state it ended in."""
    first, state = layer(x)
    return first, layer(x, state)[0]


CONV: Callable[[], nn.Module] = lambda: nn.Conv2d(4, 4, 3)  # noqa: E731 a row of a table
LINEAR: Callable[[], nn.Module] = lambda: nn.Linear(4, 4)  # noqa: E731
TWO: Callable[[], nn.Module] = lambda: nn.Sequential(  # noqa: E731
    nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
)
NORM: Callable[[], nn.Module] = lambda: nn.BatchNorm2d(4)  # noqa: E731
RELU: Callable[[], nn.Module] = lambda: nn.ReLU(inplace=True)  # noqa: E731

CORNERS: list[tuple[Callable[[], nn.Module], Callable[..., Any], tuple[int, ...]]] = [
    (CONV, settings_changed, IMAGE),
    (CONV, hooked, IMAGE),
    (CONV, hooked_before, IMAGE),
    (CONV, hooked_everywhere, IMAGE),
    (CONV, own_forward, IMAGE),
    (CONV, own_convolution, IMAGE),
    (lambda: nn.LSTM(8, 3), own_order, SEQUENCE),
    (nn.Dropout, in_training, IMAGE),
    (NORM, in_training, IMAGE),
    (CONV, with_gradients, IMAGE),
    (LINEAR, under_autocast, ROW),
    (LINEAR, under_a_mode, ROW),
    (LINEAR, in_inference_mode, ROW),
    (LINEAR, under_a_dispatch_mode, ROW),
    (lambda: nn.Linear(4, 4, bias=False), frozen, (2, 3, 4)),
    (
        lambda: nn.Sequential(*(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))),
        weights_as_input,
        ROW,
    ),
    (lambda: nn.Sequential(NORM(), NORM()), half_affine, IMAGE),
    (nn.Sigmoid, under_a_default_dtype, ROW),
    (RELU, on_a_view, ROW),
    (LINEAR, without_bias, ROW),
    (lambda: nn.Conv2d(4, 4, 3, bias=False), weight_of_its_own, IMAGE),
    (NORM, statistics_dropped, IMAGE),
    (LINEAR, under_vmap, ROW),
    (LINEAR, by_keyword, ROW),
    (lambda: nn.GRU(8, 3), weights_exchanged, SEQUENCE),
    (lambda: nn.LSTM(8, 3, 2), with_a_state, SEQUENCE),
    (lambda: Halved(4, 4), lambda layer, x: layer(layer(x)), ROW),
]


@pytest.mark.parametrize(
    ("build", "function", "shape"), CORNERS, ids=lambda part: getattr(part, "__name__", None)
)
@pytest.mark.filterwarnings("ignore:There is a performance drop")  # vmap
def test_corner(
    build: Callable[[], nn.Module], function: Callable[..., Any], shape: tuple[int, ...]
) -> None:
    """A layer runs again where it may do something else than before."""
    network, inputs = around(build, function)(), zeros(shape)
    truth = real(network, inputs)
    assert differences(fast(network, inputs), truth) == []
    assert differences(fast(network, inputs), truth) == []


def test_statistics_with_values(again: list[object]) -> None:
    """A batch norm of one channel has statistics of known value, as a real run would: it runs."""
    network, inputs = nn.BatchNorm2d(1), zeros((2, 1, 8, 8))
    for _ in range(2):
        assert differences(fast(network, inputs), real(network, inputs)) == []
    assert again == []


def test_onednn() -> None:
    """A recurrent layer has a kernel there that it has not elsewhere; neither answers the other."""
    plain, inside = nn.LSTM(8, 3), around(lambda: nn.LSTM(8, 3), with_onednn)()
    alone = []
    for network in (plain, inside):
        calls._KNOWN.clear()
        alone.append(names(network))
    assert alone[0] != alone[1]
    assert [names(network) for network in (plain, inside, plain)] == [*alone, alone[0]]


def names(network: nn.Module) -> list[str]:
    """Return the operators of a sequence's way through a network."""
    return [call.op.name for call in fast(network, zeros(SEQUENCE)).calls]


def test_settings_of_another_type() -> None:
    """1 and 1.0 are equal and not the same argument."""

    def slopes(number: float) -> list[str]:
        inputs = zeros(ROW)
        return [str(call.op.arguments) for call in fast(nn.LeakyReLU(number), inputs).calls]

    assert slopes(1) != slopes(1.0)


def test_patched_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a layer did before one of torch's functions was replaced is forgotten, and back."""
    network, inputs = nn.Sequential(nn.Softplus(), nn.SiLU()), zeros(ROW)

    def operators() -> list[str]:
        return [call.op.name for call in fast(network, inputs).calls]

    plain = operators()
    with monkeypatch.context() as patch:
        patch.setattr(functional, "silu", lambda x, inplace: x.exp() + inplace)
        assert operators() == ["aten.softplus", "aten.exp", "aten.add"]
    assert operators() == plain == ["aten.softplus", "aten.silu"]
    with monkeypatch.context() as patch:
        patch.setattr(nn.SiLU, "forward", lambda _layer, x: x.tanh())
        assert operators() == ["aten.softplus", "aten.tanh"]
    assert operators() == plain
    with monkeypatch.context() as patch:
        patch.setattr(torch._C._nn, "silu", torch.sin)
        assert operators() == ["aten.softplus", "aten.sin"]
    assert operators() == plain


def test_patched_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of what layers look up in torch itself nothing is remembered across a change."""
    network, inputs, plain = nn.GRU(8, 3), zeros(SEQUENCE), torch.zeros

    def operators() -> set[str]:
        return {call.op.name for call in fast(network, inputs).calls}

    before = operators()
    with monkeypatch.context() as patch:
        patch.setattr(torch, "zeros", lambda *size, **options: plain(*size, **options).cos())
        assert operators() == before | {"aten.cos"}
    assert operators() == before


@pytest.mark.parametrize("wrap", [functools.wraps(nn.Linear.forward), lambda function: function])
def test_patched_for_good(monkeypatch: pytest.MonkeyPatch, wrap: Callable[..., Any]) -> None:
    """A forward that is not torch's may read anything of the layer: nothing is remembered."""
    plain = nn.Linear.forward

    @wrap
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        return plain(layer, x) + (layer.beside(x) if hasattr(layer, "beside") else 0)

    monkeypatch.setattr(nn.Linear, "forward", forward)
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    network[1].beside = nn.Linear(4, 4, bias=False)
    inputs = zeros(ROW)
    assert differences(fast(network, inputs), real(network, inputs)) == []
