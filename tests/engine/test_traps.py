"""What a tensor without data could be fooled by: each trap that is known, by name."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import functools
import io
import pickle
import random
import subprocess
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Normal
from torch.nn import functional

from pytest_burden import BurdenError, MeasureError, measure
from tests.engine.tracker import evaluate
from tests.networks.cases import Around, around, calling

X = torch.full((3, 8), 2.0)
ONE = 3 * 8 * 8
"""Multiply-adds of one Linear(8, 8) on ``X``."""

RAW: Any = torch
"""Torch itself, for what its stubs do not know."""

Touch = Callable[[torch.Tensor], Any]


def touching(touch: Touch, *, caught: bool = False) -> nn.Module:
    """Return a network that hands its activations to ``touch`` between two layers.

    The first layer doubles, so that activations are 4. Where ``touch`` returns something false
    or fails, and the failure is caught, the network takes another path: a third layer.
    """

    def forward(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = layer(x)
        try:
            fine = touch(hidden)
        except Exception:
            if not caught:
                raise
            fine = False
        out: torch.Tensor = layer(hidden)
        return out if fine else layer(out)

    doubling = nn.Linear(8, 8, bias=False)
    doubling.weight.data.copy_(2 * torch.eye(8))
    return Around(doubling, forward)


def _first_by_pointer(x: torch.Tensor) -> float:
    return float(ctypes.cast(x.data_ptr(), ctypes.POINTER(ctypes.c_float))[0])


def _saved(x: torch.Tensor) -> bool:
    file = io.BytesIO()
    torch.save(x, file)
    file.seek(0)
    loaded: torch.Tensor = torch.load(file)
    return bool((loaded == 4).all())


READERS: dict[str, Touch] = {
    "item": lambda x: x.sum().item() == 96,
    "float": lambda x: float(x[0, 0]) == 4,
    "int": lambda x: int(x[0, 0]) == 4,
    "bool": lambda x: bool(x[0, 0] > 3),
    "complex": lambda x: complex(x[0, 0]) == 4,
    "index": lambda x: [0, 1, 2, 3, 4][x[0, 0].to(torch.int64)] == 4,
    "if": lambda x: True if (x > 3).all() else False,  # noqa: SIM210 a branch is what is tested
    "format": lambda x: f"{x[0, 0]:.1f}" == "4.0",
    "tolist": lambda x: x.tolist()[0][0] == 4,
    "numpy": lambda x: x.numpy()[0, 0] == 4,
    "numpy, forced": lambda x: x.numpy(force=True)[0, 0] == 4,
    "np.asarray": lambda x: np.asarray(x)[0, 0] == 4,
    "np.array of a list": lambda x: np.array(list(x[0]))[0] == 4,
    "a numpy function": lambda x: np.square(x.detach())[0, 0] == 16,
    "dlpack to numpy": lambda x: np.from_dlpack(x)[0, 0] == 4,
    "dlpack to torch": lambda x: float(RAW.from_dlpack(x)[0, 0]) == 4,
    "dlpack capsule": lambda x: (
        float(RAW.from_dlpack(RAW.utils.dlpack.to_dlpack(x))[0, 0]) == 4
    ),
    "data_ptr": lambda x: x.data_ptr() != 0,
    "ctypes": lambda x: _first_by_pointer(x) == 4,
    "storage": lambda x: x.storage()[0] == 4,
    "untyped_storage": lambda x: len(bytes(x.untyped_storage().tolist())) == 96,
    "storage pointer": lambda x: x.untyped_storage().data_ptr() != 0,
    "data_ptr of .data": lambda x: x.data.data_ptr() != 0,
    "data_ptr of a view": lambda x: x[1:].data_ptr() != 0,
    "torch.tensor": lambda x: float(torch.tensor(x)[0, 0]) == 4,
    "torch.tensor of a list": lambda x: float(torch.tensor([x[0, 0], 1.0])[0]) == 4,
    "torch.full": lambda x: float(RAW.full((2,), x[0, 0])[0]) == 4,
    "torch.arange": lambda x: len(RAW.arange(x[0, 0])) == 4,
    "pickle": lambda x: bool((pickle.loads(pickle.dumps(x)) == 4).all()),  # noqa: S301 our own
    "torch.save": _saved,
    "equal": lambda x: torch.equal(x, torch.full((3, 8), 4.0)),
    "allclose": lambda x: torch.allclose(x, torch.tensor(4.0)),
    "nonzero": lambda x: x.nonzero().shape == (24, 2),
    "argwhere": lambda x: len(torch.argwhere(x > 3)) == 24,
    "where of one": lambda x: len(torch.where(x > 3)[0]) == 24,
    "abstract mask": lambda x: x[x > 3].shape == (24,),
    "abstract mask of rows": lambda x: x[x[:, 0] > 3].shape == (3, 8),
    "masked_select": lambda x: torch.masked_select(x, x > 3).shape == (24,),
    "unique": lambda x: torch.unique(x).shape == (1,),
    "unique_consecutive": lambda x: torch.unique_consecutive(x).shape == (1,),
    "bincount": lambda x: len(torch.bincount(x.long().flatten())) == 5,
    "one_hot": lambda x: functional.one_hot(x.long()).shape == (3, 8, 5),
    "repeat_interleave": lambda x: x.repeat_interleave(x[:, 0].long(), 0).shape == (12, 8),
    "split by values": lambda x: len(x.split([int(x[0, 0]), 4], 1)) == 2,
    "a slice by value": lambda x: x[: x[0, 0].long() - 2].shape == (2, 8),
    "a shape by value": lambda x: torch.zeros(int(x[0, 0])).shape == (4,),
    "sparse": lambda x: x.to_sparse().values().shape == (24,),
    "item of a written buffer": lambda x: _written(x, lambda b: b.__setitem__(0, x[0]))[0, 0] == 4,
    "item of a buffer, copied to": lambda x: _written(x, lambda b: b.copy_(x))[2, 0].item() == 4,
    "item of out=": lambda x: _written(x, lambda b: torch.mul(x, 1, out=b))[2, 0].item() == 4,
    "item of an updated buffer": lambda x: _written(x, lambda b: b.add_(x))[2, 0].item() == 4,
    "item after index_put_": lambda x: _written(
        x, lambda b: b.index_put_((torch.tensor([1]),), x[:1])
    )[1, 0].item() == 4,
    "item of an alias": lambda x: _aliased(x)[0].item() == 4,
    "item of what was computed from it": lambda x: (_aliased(x) + 1)[0].item() == 5,
    "numpy of a written buffer": lambda x: _written(x, lambda b: b.copy_(x)).numpy()[0, 0] == 4,
    "storage of a written buffer": lambda x: (
        np.float32(4).tobytes() == bytes(_written(x, lambda b: b.copy_(x)).untyped_storage()[:4])
    ),
    "item of another's data": lambda x: _another(x)[0, 0].item() == 4,
    "a numpy alias": lambda x: _numpy_alias(x)[0, 0] == 4,
    "any() of others than were checked last": lambda x: bool((x > 3, x.isnan())[0].any()),
}  # fmt: skip


def _written(x: torch.Tensor, write: Callable[[torch.Tensor], object]) -> torch.Tensor:
    buffer = torch.zeros_like(torch.empty(x.shape))
    write(buffer)
    return buffer


def _aliased(x: torch.Tensor) -> torch.Tensor:
    buffer = torch.zeros(3, 8)
    alias = buffer.t()[:, 1]
    buffer[1] = x[1]
    return alias


def _another(x: torch.Tensor) -> torch.Tensor:
    buffer = torch.zeros(3, 8)
    y = x * 2
    y.data = buffer
    y.copy_(x)
    return buffer


def _numpy_alias(x: torch.Tensor) -> Any:
    buffer = torch.zeros(3, 8)
    seen = buffer.numpy()
    buffer[0] = x[0]
    return seen


@pytest.mark.parametrize("caught", [False, True], ids=["", "caught"])
@pytest.mark.parametrize("name", READERS)
@pytest.mark.filterwarnings("ignore")  # some of these ways are old
def test_reading_values_runs_for_real(name: str, caught: bool) -> None:
    """Whoever reads values gets them, from a real run; also if the network catches our refusal."""
    model = touching(READERS[name], caught=caught)
    assert bool(READERS[name](torch.full((3, 8), 4.0)))  # on real tensors it is fine
    burden = measure(model, X)
    assert (burden.macs, burden.method) == (2 * ONE, "real")
    assert burden.reason


def test_reading_values_in_training_alone() -> None:
    """A step that ran for real is told, also where the forward in evaluation needs no data."""

    class Reader(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out = super().forward(x)
            return out * 2 if self.training and out.sum() > 0 else out

    burden = measure(Reader(8, 8), X, training=True)
    assert (measure(Reader(8, 8), X).method, burden.method) == ("abstract", "real")
    assert burden.reason


@pytest.mark.parametrize("name", READERS)
@pytest.mark.filterwarnings("ignore")
def test_reading_values_is_refused(name: str) -> None:
    """Where no real run is wanted, the refusal says what was read, and in which module."""
    with pytest.raises(MeasureError, match='real = "never"') as caught:
        measure(touching(READERS[name], caught=True), X, real="never")
    assert "Around" in str(caught.value)


def _drawn(_: torch.Tensor) -> bool:
    return bool(torch.rand(3, generator=torch.Generator().manual_seed(0)).sum() > 0)


MASK = torch.tensor([True, False, True])

KEEPERS: dict[str, Touch] = {
    "real mask": lambda x: x[MASK].shape == (2, 8),
    "real mask in a row": lambda x: x[:, torch.arange(8) < 3].shape == (3, 3),
    "real mask of all axes": lambda x: x[torch.eye(3, 8).bool()].shape == (3,),
    "masked_select by a real mask": lambda x: x.masked_select(torch.eye(3, 8) > 0).shape == (3,),
    "masked_select, broadcast": lambda x: x.masked_select(torch.arange(8) < 3).shape == (9,),
    "masked_select, broadcast itself": lambda x: (
        x[0].masked_select(torch.eye(3, 8) > 0).shape == (3,)
    ),
    "real nonzero": lambda x: x[MASK.nonzero()[:, 0]].shape == (2, 8),
    "a schedule": lambda x: x * torch.linspace(0, 1, 5)[2].item() is not None,
    "a mask's all()": lambda x: bool(MASK.any()) and x is not None,
    "repeats that are known": lambda x: (
        x.repeat_interleave(torch.tensor([1, 2, 3]), 0).shape == (6, 8)
    ),
    "arguments of a distribution": lambda x: Normal(x, x.exp()).rsample().shape == (3, 8),
    "whether any number is none": lambda x: not (x.isinf().any() or x.isnan().any()),
    "whether all are finite": lambda x: bool(torch.isfinite(x * 2).all()),
    "copy.deepcopy": lambda x: copy.deepcopy(x).shape == (3, 8),
    "torch.as_tensor": lambda x: torch.as_tensor(x).shape == (3, 8),
    "repr": lambda x: "float32" in repr(x),
    "iteration": lambda x: len([row for row in x]) == 3,  # noqa: C416 iterating is what is tested
    "unpacking": lambda x: len(dict(zip("abc", x, strict=True))) == 3,
    "len": lambda x: len(x) == 3,
    "hash": lambda x: {x: 1}[x] == 1,
    "in a list": lambda x: any(x is other for other in [x]),
    "device and dtype": lambda x: (x.device.type, x.dtype) == ("cpu", torch.float32),
    "torch.Size": lambda x: torch.zeros(x.shape).numel() == 24,
    "a seeded generator": _drawn,
    "a written buffer": lambda x: _written(x, lambda b: b.copy_(x)).shape == (3, 8),
    "numpy of a constant": lambda x: torch.ones(3).numpy().sum() == 3 and x is not None,
    "torch.isfinite": lambda x: torch.isfinite(x).shape == (3, 8),
    "dispatch by is_cuda": lambda x: not x.is_cuda and not x.is_meta and not x.is_sparse,
    "dispatch by package": lambda x: type(x).__module__.partition(".")[0] == "torch",
    "no interface of CUDA": lambda x: not hasattr(x, "__cuda_array_interface__"),
    "no tracing": lambda _: not (RAW.jit.is_tracing() or torch.compiler.is_compiling()),
}  # fmt: skip


@pytest.mark.parametrize("name", KEEPERS)
def test_what_is_known_needs_no_run(name: str) -> None:
    """What does not depend on the network's data is computed, and decides as it would."""
    burden = measure(touching(KEEPERS[name]), X)
    assert (burden.macs, burden.method) == (2 * ONE, "abstract")


@pytest.mark.parametrize("classes", [0, -2])
def test_one_hot_of_no_classes_is_the_error_of_a_run(classes: int) -> None:
    """What torch does to tensors of a subclass would make an empty tensor of it."""

    def touch(x: torch.Tensor) -> bool:
        return functional.one_hot(x.long(), classes) is not None

    with pytest.raises(RuntimeError, match="smaller than num_classes"):
        touch(torch.zeros(3, 8))
    with pytest.raises(RuntimeError, match="smaller than num_classes"):
        measure(touching(touch), X, real="never")


def _data(x: torch.Tensor) -> torch.Tensor:
    y = x.clone()
    y.data = x.t().clone()
    return y


IN_PLACE: dict[str, Callable[[torch.Tensor], Any]] = {
    "t_": lambda x: x.clone().t_(),
    "transpose_": lambda x: x.clone().transpose_(0, 1),
    "swapaxes_": lambda x: x.clone().swapaxes_(0, 1),
    "swapdims_": lambda x: x.clone().swapdims_(0, 1),
    "unsqueeze_": lambda x: x.clone().unsqueeze_(1),
    "squeeze_": lambda x: x.clone().unsqueeze(0).squeeze_(),
    "squeeze_ of a dimension": lambda x: x.clone().unsqueeze(0).squeeze_(0),
    "as_strided_": lambda x: x.clone().as_strided_((2, 2), (8, 1)),
    "detach_": lambda x: x.clone().detach_(),
    "resize_, smaller": lambda x: x.clone().resize_(2, 4),
    "resize_, larger": lambda x: x.clone().resize_(30, 4),
    "resize_as_": lambda x: x.clone().resize_as_(torch.zeros(4, 5)),
    "set_": lambda x: RAW.empty(0).set_(x.clone()),
    ".data =": _data,
    "moveaxis and t_ of a view": lambda x: x.clone()[1:].t_() + 1,
    "the alias of what was turned": lambda x: [y := x.clone(), y.t_(), y @ x],
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_changes_of_shape(name: str) -> None:
    """A tensor that changes its own shape has that shape, its strides and its storage."""
    shapes: list[Any] = []
    holder = types.SimpleNamespace(shapes=shapes)
    keeper = types.ModuleType("keeper")  # a module is shared by the copy: what it holds comes out
    keeper.holder = holder  # type: ignore[attr-defined]

    def forward(x: torch.Tensor) -> Any:
        found = IN_PLACE[name](x)
        for tensor in found if isinstance(found, list) else [found]:
            use = tensor.t() @ tensor if tensor.ndim == 2 else tensor * 2
            facts = (tensor.shape, tensor.stride(), tensor.storage_offset(), tensor.dtype)
            keeper.holder.shapes.append((*facts, use.shape))
        return found

    model = Around(nn.Identity(), lambda _, x: forward(x))
    model(X)
    expected, shapes[:] = list(shapes), []
    burden = measure(model, X)
    assert shapes[-len(expected) :] == expected
    assert burden.method == ("real" if name == "set_" else "abstract")


DATA_OF_A_REAL_TENSOR = """
import torch
from torch import nn
from pytest_burden import measure

class InForward(nn.Module):
    def forward(self, x):
        weight = nn.Parameter(torch.zeros(2, 2))
        weight.data = x @ x.t()
        return x.t() @ (weight * 2)

class InFactory(nn.Module):
    def __init__(self):
        super().__init__()
        self.large = nn.Parameter(torch.zeros(64, 64))
        self.small = nn.Parameter(torch.zeros(2, 2))
        self.small.data = self.large.data[:4, :4]
        self.small.data = self.small * 2

    def forward(self, x):
        return x @ self.small

print(*(measure(network, "float32[3, 4]").macs for network in (InForward, InFactory)))
"""


def test_data_of_a_real_tensor() -> None:
    """A small real tensor that is given the data of an abstract one; alone, as it may crash."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", DATA_OF_A_REAL_TENSOR],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(3 * 3 * 4 + 4 * 3 * 3), str(3 * 4 * 4)]


def test_numbers_with_their_type() -> None:
    """1, 1.0 and True are equal, and hash alike; what they make of integers is not."""
    x = torch.ones(70_000, dtype=torch.int64)  # too large to be kept real
    for factor, dtype in ((1, "int64"), (1.0, "float32"), (True, "int64")):
        for _ in range(2):  # cold and warm
            burden = measure(calling(lambda x, factor=factor: x * factor), x)
            assert burden.module_rows[0].outputs == (f"{dtype}[70000]",)


def test_the_default_dtype() -> None:
    """A division of integers gives the default dtype, which may change between two runs."""
    x = torch.ones(70_000, dtype=torch.int64)
    for dtype in (torch.float32, torch.float64, torch.float32):
        torch.set_default_dtype(dtype)
        try:
            burden = measure(calling(lambda x: x / 2), x)
        finally:
            torch.set_default_dtype(torch.float32)
        assert burden.module_rows[0].outputs == (f"{str(dtype).removeprefix('torch.')}[70000]",)


def test_two_tensors_or_one_twice() -> None:
    """Equal shapes, another sharing of storages: neither call answers for the other."""

    def adding(x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return x.add_(other[0])

    x = torch.randn(3, 8)
    expected = measure(calling(adding), (x, x.clone()))
    # Torch refuses to add a tensor's own row to it in place, but has no say without data.
    with contextlib.suppress(RuntimeError):
        measure(calling(lambda x: adding(x, x)), x)
    assert measure(calling(adding), (x, x.clone())) == expected
    assert expected.method == "abstract"


def test_repeats_by_value() -> None:
    """The same shapes of arguments, other values: the memo must not answer for the first."""
    for repeats, rows in (([1, 1, 1], 3), ([1, 2, 3], 6), ([0, 0, 1], 1)):
        known = torch.tensor(repeats)
        model = calling(lambda x, w, known=known: x.repeat_interleave(known, 0) @ w, (8, 8))
        assert measure(model, X).macs == rows * 8 * 8


def test_masks_by_value() -> None:
    """The same for boolean indices whose values are known."""
    for mask, rows in (([True, True, False], 2), ([False, False, True], 1), ([False] * 3, 0)):
        known = torch.tensor(mask)
        burden = measure(calling(lambda x, w, known=known: x[known] @ w, (8, 8)), X)
        assert (burden.macs, burden.method) == (rows * 8 * 8, "abstract")


def test_inputs_by_value() -> None:
    """Small integer and boolean inputs keep their values: they say how much work there is."""

    def forward(x: torch.Tensor, w: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return x[mask] @ w

    for mask, rows in (([True, True, False], 2), ([False, False, True], 1)):
        burden = measure(calling(forward), (X, torch.zeros(8, 8), torch.tensor(mask)))
        assert (burden.macs, burden.method) == (rows * 8 * 8, "abstract")
    assert measure(calling(forward), (X, "float32[8, 8]", "bool[3]")).macs == 3 * 8 * 8
    assert measure(calling(forward), (X, "float32[8, 8]", "bool[3] = 0")).macs == 0


class _Scaled(nn.Module):
    """Scales by a number that it reads from what it holds."""

    def __init__(self, hold: Callable[[_Scaled], torch.Tensor]) -> None:
        """Hold what ``hold`` makes of the network."""
        super().__init__()
        self.layer = nn.Linear(8, 8)
        self.weight = nn.Parameter(torch.ones(2))
        self.register_buffer("kept", torch.ones(2))
        self.scales = hold(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 8) from (N, 8)."""
        out: torch.Tensor = self.layer(x) * float(self.scales[0])
        return out


@pytest.mark.parametrize(
    ("hold", "method"),
    [
        (lambda _: torch.tensor([8.0, 16.0]), "abstract"),
        (lambda _: torch.ones(17), "real"),  # no setting, but a table
        (lambda _: torch.ones(2, requires_grad=True), "real"),
        (lambda network: network.weight.data, "real"),  # which an optimizer changes
        (lambda network: network.kept[:], "real"),
    ],
)
@pytest.mark.parametrize("built", [False, True])
@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad=True to a scalar")
def test_settings_by_value(
    hold: Callable[[_Scaled], torch.Tensor], method: str, built: bool
) -> None:
    """A few numbers that a network holds beside its state keep their values, its state does not."""
    source = _Scaled(hold) if built else lambda: _Scaled(hold)
    assert measure(source, X).method == method
    assert measure(source, X, training="SGD").method == method


class LayerDrop(nn.Module):
    """Skips layers at random, in evaluation as well, by torch's, numpy's and Python's numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in range(12))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the layers that were not dropped make of ``x``."""
        for layer in self.layers:
            if float(torch.rand(())) < 0.7:
                x = layer(x)
            if random.random() < 0.7:  # noqa: S311 no secret
                x = layer(x)
            if np.random.rand() < 0.7:  # noqa: NPY002 the global one is what networks use
                x = layer(x)
        return x


def test_layer_drop_gives_one_answer() -> None:
    """A network that drops layers at random is measured the same each time, without a real run."""
    burdens = [measure(source, X) for source in (LayerDrop, LayerDrop(), LayerDrop, LayerDrop())]
    assert all(burden == burdens[0] for burden in burdens)
    assert 0 < burdens[0].macs < 36 * ONE
    assert burdens[0].method == "abstract"


def test_too_large_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real run that would not fit is not begun: the error says what it needs, and why."""
    needed = 8 * 8 * 4
    model = touching(READERS["item"])
    for free, fits in ((needed + 1000, True), (needed - 1, False)):
        monkeypatch.setattr("pytest_burden.engine.run.free_memory", lambda free=free: free)
        if fits:
            assert measure(model, X).method == "real"
        else:
            with pytest.raises(MeasureError, match=f"{needed - 1:,} are free") as caught:
                measure(model, X)
            assert "Around" in str(caught.value)
    monkeypatch.setattr("pytest_burden.engine.run.free_memory", lambda: None)
    assert measure(model, X).method == "real"


def test_weights_that_exist_nowhere() -> None:
    """A network on the meta device that reads values can neither be traced nor run: it says so."""
    with torch.device("meta"):
        model = nn.Linear(8, 8)
    with pytest.raises(MeasureError, match="meta device"):
        measure(Around(model, lambda inner, x: inner(x) * inner(x).sum().item()), "float32[3, 8]")


def test_real_must_be_a_known_word() -> None:
    """A wrong option is refused before anything runs."""
    with pytest.raises(BurdenError, match="'always'"):
        measure(nn.Linear(8, 8), X, real="always")  # type: ignore[arg-type]  # what is tested


class OwnError(ValueError):
    """An error with arguments of its own, that cannot be made from a text."""

    def __init__(self, code: int, *, where: str) -> None:
        super().__init__(code, where)
        self.code, self.where = code, where


class Failing(nn.Module):
    """Raises an error of its own, caused by another."""

    def forward(self, x: torch.Tensor, *, scale: torch.Tensor) -> torch.Tensor:
        """Fail."""
        try:
            _fail_deep_inside({})
        except KeyError as error:
            raise OwnError(7, where="here") from error
        return x * scale


def _fail_deep_inside(table: dict[str, int]) -> int:
    return table["missing"]


def test_the_networks_own_error() -> None:
    """Class, arguments, cause and traceback are the network's; one line is added, once."""
    model = nn.ModuleDict({"block": Around(Failing(), lambda m, x: m(x, scale=x[0]))})
    outer = Around(model, lambda m, x: m["block"](x))
    with pytest.raises(OwnError) as caught:
        measure(outer, X)
    error = caught.value
    assert (error.code, error.where) == (7, "here")
    assert isinstance(error.__cause__, KeyError)
    told = "".join(traceback.format_exception(error))
    assert "_fail_deep_inside" in told
    assert "raise OwnError(7" in told
    (note,) = error.__notes__
    assert note.startswith("pytest-burden: raised in inner.block.inner (Failing), called with")
    assert note.endswith("float32[3, 8], scale=float32[8]")


@pytest.mark.parametrize("reads", [False, True], ids=["abstract", "real"])
def test_an_error_of_shapes(reads: bool) -> None:
    """A shape that the network rejects: torch's own error, and the module and shapes beside it."""
    layer = nn.Sequential(nn.ReLU(), nn.Linear(9, 2))
    model = Around(layer, lambda m, x: m(x * x.sum().item() if reads else x))
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied") as caught:
        measure(model, X)
    (note,) = caught.value.__notes__
    assert note == "pytest-burden: raised in inner.1 (Linear), called with float32[3, 8]"


def test_wrong_arguments() -> None:
    """A call that the forward's signature rejects is the same TypeError as without us."""
    with pytest.raises(TypeError, match="positional argument"):
        measure(nn.Linear(8, 8), (X, X))
    with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
        measure(nn.Linear(8, 8), X, {"y": X})


def test_an_error_that_only_we_cause() -> None:
    """Code that accepts nothing but plain tensors fails on ours: then a real run decides."""

    def picky(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
        if type(x) is not torch.Tensor:
            raise TypeError("a plain tensor, please")
        out: torch.Tensor = layer(x)
        return out

    burden = measure(Around(nn.Linear(8, 8), picky), X)
    assert (burden.macs, burden.method) == (ONE, "real")
    assert "a plain tensor, please" in burden.reason


def test_errors_that_networks_catch_are_theirs() -> None:
    """An exception that the forward raises and handles itself changes nothing."""

    def handling(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
        with contextlib.suppress(RuntimeError):
            layer(x[:, :3])
        out: torch.Tensor = layer(x)
        return out

    burden = measure(Around(nn.Linear(8, 8), handling), X)
    assert (burden.macs, burden.method) == (ONE, "abstract")


def by_first_call(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Compute a table at the first call, and keep it."""
    if not hasattr(layer, "table"):
        layer.table = layer(x)
    out: torch.Tensor = layer(x) + layer.table
    return out


def test_lazy_caches_are_filled_each_time() -> None:
    """A cache that the first forward fills is filled in the copy, so each measurement pays it."""
    model = around(lambda: nn.Linear(8, 8), by_first_call)()
    assert [measure(model, X).macs for _ in range(3)] == [2 * ONE] * 3


def _behind(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that keeps a cache where no name shows it."""
    cached = functools.lru_cache(function)

    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return cached(*args)

    return wrapper


@functools.lru_cache
def table(size: int) -> torch.Tensor:
    """Return a table that takes ``size`` cubed multiply-adds."""
    return torch.ones(size, size) @ torch.ones(size, size)


@_behind
def hidden_table(size: int) -> torch.Tensor:
    """Return the same from a cache of a decorator."""
    return torch.ones(size, size) @ torch.ones(size, size)


class Tables(nn.Module):
    """Takes each of three cached tables twice."""

    @staticmethod
    @functools.lru_cache
    def own(size: int) -> torch.Tensor:
        """Return the same from a cache of the class."""
        return torch.ones(size, size) @ torch.ones(size, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 8) from (N, 8)."""
        for make in (table, hidden_table, self.own):
            x = x + make(8)[0] + make(8)[1]
        return x


def test_cached_functions_are_computed_once_in_each_measurement() -> None:
    """A process-wide cache neither hides work from later measurements nor keeps their tensors."""
    burdens = [measure(source, X) for source in (Tables, Tables(), Tables, Tables())]
    assert all(burden == burdens[0] for burden in burdens)
    assert burdens[0].macs == 3 * 8 * 8 * 8
    assert (table.cache_info().currsize, Tables.own.cache_info().currsize) == (0, 0)
    assert type(vars(Tables)["own"]) is staticmethod
    model = Tables()
    model(X)
    assert measure(model, X) == burdens[0]
    assert (table.cache_info().currsize, Tables.own.cache_info().currsize) == (1, 1)


def test_large_integers_have_no_values() -> None:
    """Integers above 2^20 elements are not kept: reading them is a real run, using them is not."""
    ids = torch.zeros(1100, 1000, dtype=torch.int64)
    used = measure(calling(functional.embedding), (ids, "float32[5, 2]"))
    read = measure(calling(lambda ids, w: w * int(ids.max())), (ids, "float32[5, 2]"))
    assert (used.method, read.method) == ("abstract", "real")


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    """Be the only process of a group, as training on several would begin."""
    where = f"file://{tmp_path / 'group'}"
    torch.distributed.init_process_group("gloo", init_method=where, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch cannot distribute")
@pytest.mark.parametrize("spread", [nn.DataParallel, nn.parallel.DistributedDataParallel])
@pytest.mark.parametrize("training", [None, "SGD"])
@pytest.mark.usefixtures("alone")
def test_spread_over_devices(
    spread: Callable[[nn.Module], nn.Module], training: str | None
) -> None:
    """A wrapper for several devices costs what the network in it does, which stays as it was."""

    def network() -> nn.Module:
        return nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 8))

    def held(model: nn.Module) -> nn.Module:
        return nn.Sequential(spread(model))

    model = network()
    bare = measure(model, X, training=training)
    wrapped = spread(model)
    assert measure(wrapped, X, training=training) == bare
    assert measure(lambda: spread(network()), X, training=training) == bare
    inside = measure(held(model), X, training=training)
    assert (inside.macs, inside.training_memory) == (bare.macs, bare.training_memory)
    assert inside.method == "abstract"
    wrapped(X).sum().backward()  # the group still works


def test_tables_that_two_modules_share() -> None:
    """A shallow copy of a module has the same hooks, also those that are registered later."""

    def run(pair: Any, x: torch.Tensor) -> Any:
        first, twin = pair
        first.register_forward_hook(lambda _module, _args, out: out.exp())
        return twin(x)

    layer = nn.Linear(8, 8)
    assert "aten.exp" in {
        row.op for row in measure(Around(nn.ModuleList([layer, copy.copy(layer)]), run), X).op_rows
    }
    assert not layer._forward_hooks


TABLE = torch.arange(300.0)


@pytest.mark.parametrize(
    "use",
    [
        lambda y: y + TABLE[:8],
        lambda y: y.gather(1, TABLE[:3].long()[None]),
        lambda y: (TABLE + 1)[:8] + y,
        lambda y: y + TABLE.sum(),
    ],
)
@pytest.mark.parametrize("reads", [False, True], ids=["abstract", "real"])
def test_tensors_outside_the_network(use: Callable[[torch.Tensor], Any], reads: bool) -> None:
    """What is only read there counts from when it is met, without data as with it."""

    def forward(layer: nn.Module, x: torch.Tensor) -> Any:
        y = layer(x)
        return use(y), y.sum().item() if reads else 0

    network = Around(nn.Linear(8, 8), forward)
    burden = measure(network, X)
    assert burden.method == ("real" if reads else "abstract")
    assert burden.peak_memory == evaluate(network, [X]).peak
