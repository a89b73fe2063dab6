"""Functions that are answered from memory: the same trace as when they run, or they must run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from pytest_burden.engine.abstract import Tape, Token, abstract, dense_spec
from pytest_burden.engine.call import Arguments
from pytest_burden.engine.recall import calls
from tests.engine.test_same_traces import Inputs, differences, fast, real
from tests.networks.cases import calling

ROW: tuple[int, ...] = (4, 6)


def repeated(x: torch.Tensor) -> Any:
    """Call functions of all kinds twice, the second time from memory."""
    for _ in range(2):
        y = functional.softmax(x.exp() * 2 + x, dim=1).relu_()
        a, b = y.chunk(2, dim=1)
        values, indices = torch.sort(a @ b.transpose(0, 1))
        top = torch.topk(values, 2)
        x = torch.cat([y, a.contiguous().contiguous(), top.values[:, :2]], dim=1)[:, 1:7]
        x = x.clone(memory_format=torch.contiguous_format) * indices[..., None, :1].flatten()[:1]
        x = x.to(torch.float64).float()
        x = x.view(-1, 6).unsqueeze(0).squeeze(0)
        x = torch.einsum("ij,kj,jl->il", x, y, torch.einsum("ij->ji", x[:, :6]))
        x = torch.tensordot(x, y, dims=([0], [0])).view(-1, 6)
    return x


def composites(x: torch.Tensor) -> Any:
    """Call what counts as one operation though torch runs several, twice."""
    for _ in range(2):
        q = x.view(1, 2, 2, 6)
        mask = q.new_zeros(2, 2)
        attended = functional.scaled_dot_product_attention(q, q, q, mask, scale=0.5)
        attended = functional.scaled_dot_product_attention(attended, q, q, is_causal=True)
        normed = functional.rms_norm(attended, [6]) + torch.rms_norm(q, [6], q[0, 0, 0], 1e-5)
        response = functional.local_response_norm(normed, 2)
        x = functional.instance_norm(response, eps=1e-3).view(4, 6)
    return x


def views_written(x: torch.Tensor) -> Any:
    """Write into views, and into what they show."""
    for _ in range(2):
        y = x + 1
        y[:, 0] = 0
        y.narrow(1, 0, 2).mul_(3)
        torch.add(y, 1, out=y)
    return y


def shapes_changed(x: torch.Tensor) -> Any:
    """Change shapes in place."""
    for _ in range(2):
        y = x * 2
        y.t_()
        y.unsqueeze_(0)
        z = y.resize_(6, 4).sum()
    return y, z


def with_values(x: torch.Tensor) -> Any:
    """Mix tensors with values and without."""
    table = torch.arange(6)
    for _ in range(2):
        y = x[:, table[table > 2]]
        table[0] += 3
        z = torch.where(table > 3, x, x.new_zeros(()))
    return y, z


def kinds_of_numbers(x: torch.Tensor) -> Any:
    """Calls that differ in the type of a number alone."""
    return x + 1, x + 1.0, x + True, x.sum(1, keepdim=True), x.clamp(min=0), x.clamp(max=0)


def aliases(x: torch.Tensor) -> Any:
    """Calls that differ in what shares a storage alone."""
    y = x.view(2, 2, 6)
    return y[0] * y[1], y[0] * x[2:], x.mul_(x), x.mul_(y.view(4, 6))


def modes(x: torch.Tensor) -> Any:
    """Calls that differ in what is switched on alone."""
    weight, batch, other = x.t(), x.view(2, 2, 6), x.view(2, 6, 2)
    plain = x @ weight, x.mean(), torch.zeros_like(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = x @ weight, x.mean()
    with torch.enable_grad():
        kept = (x.clone().requires_grad_() * x).sum()
    with torch.inference_mode():
        inferred = x @ weight, x.reshape(-1), batch @ other
    with torch.device("meta"):
        elsewhere = torch.zeros_like(x)
    return plain, cast, kept, inferred, elsewhere, x @ weight, batch @ other


def kernels_of_attention(x: torch.Tensor) -> Any:
    """Attend by any kernel, and by products alone; by a layer, too."""
    heads, layer = x.reshape(1, 2, 4, 3), nn.MultiheadAttention(6, 2).eval()
    attend = functional.scaled_dot_product_attention
    first = attend(heads, heads, heads), layer(x, x, x, need_weights=False)[0]
    with sdpa_kernel(SDPBackend.MATH):
        return first, attend(heads, heads, heads), layer(x, x, x, need_weights=False)[0]


def numbers_drawn(x: torch.Tensor) -> Any:
    """Go another way by a number that is drawn after a pooling has drawn some."""
    pooled = functional.fractional_max_pool2d(x[None], 2, output_size=2)
    return pooled.exp() if torch.rand(()) > 0.3 else pooled.sin()


def gradients_asked(x: torch.Tensor) -> Any:
    """Ask for gradients and no longer, each time anew."""
    y = x.clone()
    y.requires_grad_()
    first = y.requires_grad
    y = y.detach_() if first else y
    return y * (2 if first else 3) * (2 if y.requires_grad else 3)


def forward_mode(x: torch.Tensor) -> Any:
    """Call a function with a tangent and without."""
    first = x.sin()
    with forward_ad.dual_level():
        second = forward_ad.make_dual(x, x + 1).sin()
        return first, forward_ad.unpack_dual(second).tangent


def default_dtypes(x: torch.Tensor) -> Any:
    """Divide whole numbers under two default dtypes."""
    whole = (x > 0).long()
    first = whole / 2
    torch.set_default_dtype(torch.float64)
    try:
        return first, whole / 2
    finally:
        torch.set_default_dtype(torch.float32)


FUNCTIONS: list[Callable[..., Any]] = [
    repeated,
    composites,
    views_written,
    shapes_changed,
    with_values,
    kinds_of_numbers,
    aliases,
    modes,
    kernels_of_attention,
    numbers_drawn,
    gradients_asked,
    forward_mode,
    default_dtypes,
]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # by torch's tangents
def test_function(function: Callable[..., Any]) -> None:
    """What is recorded from memory is what a run with data records, to the byte."""
    network = calling(function)()
    inputs: Inputs = ([torch.zeros(ROW)], {})
    truth = real(network, inputs)
    calls._KNOWN.clear()
    assert differences(fast(network, inputs), truth) == []
    assert differences(fast(network, inputs), truth) == []


class Views(nn.Module):
    """Multiplies by views of parameters of one shape, which matmul folds for their gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList([nn.Parameter(torch.zeros(5, 6)) for _ in range(3)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the sum of all."""
        x = x[:, None].expand(4, 6, 6)  # no view of it has two dimensions
        made = [x @ torch.zeros(5, 6).add(x[0, 0]).transpose(0, 1)]  # and asks for no gradient
        made += [x @ weight.transpose(0, 1) for weight in self.weights]
        return torch.stack(made).sum(0)


def test_view_of_another_parameter() -> None:
    """A view of a parameter asks for a gradient, also of the second."""
    network = Views()
    inputs: Inputs = ([torch.zeros(ROW)], {})
    truth = real(network, inputs)
    calls._KNOWN.clear()
    assert differences(fast(network, inputs), truth) == []
    assert differences(fast(network, inputs), truth) == []


def in_python(x: torch.Tensor) -> Any:
    """Call what torch has written in Python, whatever it is made of."""
    return torch.tensordot(torch.einsum("ij,kj->ik", x, x), x, 1)


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Sequential(nn.Linear(6, 6), nn.Softplus(), nn.Linear(6, 6)),
        calling(in_python),
    ],
    ids=["layers", "functions in Python"],
)
def test_most_calls_are_answered(
    build: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second measurement runs nothing that the first has run."""
    network = build()
    inputs: Inputs = ([torch.zeros(ROW)], {})
    first = fast(network, inputs)

    def refuse(*_: object) -> None:
        raise AssertionError("run again")

    monkeypatch.setattr("pytest_burden.engine.recorder.Recorder._answer", refuse)
    assert differences(fast(network, inputs), first) == []


def test_patched_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a function of torch calls may have been patched, and do something else each time."""
    network = nn.BatchNorm1d(6)
    inputs: Inputs = ([torch.zeros(ROW)], {})
    ways = [torch.sin, torch.cos, torch.exp]
    monkeypatch.setattr(torch, "batch_norm", lambda x, *_: ways.pop()(x))

    def operators() -> list[str]:
        return [call.op.name for call in fast(network, inputs).calls]

    assert [operators() for _ in range(3)] == [["aten.exp"], ["aten.cos"], ["aten.sin"]]


def test_other_arguments_have_other_keys() -> None:
    """No two of these calls are the same call."""
    x = abstract(dense_spec(torch.empty(2)), Token(Tape(), 8, "input"))
    different: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((x,), {}),
        ((x, None), {}),
        ((x, 1), {}),
        ((x, 1.0), {}),
        ((x, True), {}),
        ((x, [1]), {}),
        ((x, [True]), {}),
        ((x, slice(1)), {}),
        ((x, None, 1, None), {}),
        ((x, ...), {}),
        ((x,), {"min": 1}),
        ((x,), {"max": 1}),
        (([x], x), {}),
        (([x, x],), {}),
        ((x, x), {}),
        (([[x], x],), {}),
        (([[x, x]],), {}),
    ]
    keys = {tuple(Arguments(torch.add, args, kwargs).key) for args, kwargs in different}
    assert len(keys) == len(different)
