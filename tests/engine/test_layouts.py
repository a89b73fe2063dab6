"""Strides of what operators return, in all dimensions: what is predicted beside the kernel's."""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import Any

import pytest
import torch

from pytest_burden.engine.abstract import AbstractTensor, Tape, Token, abstract, spec_of
from pytest_burden.engine.call import Call, operator_of
from pytest_burden.engine.kernels import infer
from pytest_burden.engine.result import New

aten: Any = torch.ops.aten

NAMES = """
    abs acos acosh angle asin asinh atan atanh ceil clamp clamp_min clamp_max cos cosh digamma elu
    erf erfc erfinv exp exp2 expm1 floor frac gelu hardshrink hardsigmoid hardswish hardtanh i0
    isnan leaky_relu lgamma log log10 log1p log2 logical_not logit mish nan_to_num neg pow
    reciprocal relu relu6 round rsqrt sgn sigmoid sign signbit silu sin sinc sinh softplus
    softshrink sqrt square tan tanh threshold trunc
    add sub mul div remainder eq ne lt le gt ge clone
"""
ALSO: dict[str, tuple[float, ...]] = {
    "clamp": (0.1, 0.9),
    "threshold": (0.5, 0.0),
    **dict.fromkeys(("clamp_min", "clamp_max", "pow", "remainder"), (0.5,)),
    **dict.fromkeys(("add", "sub", "mul", "div"), (2,)),
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), (0.5,)),
}
"""Numbers that follow the tensor."""
OVERLOADS = {
    "pow": "Tensor_Scalar",
    **dict.fromkeys(("remainder", "eq", "ne", "lt", "le", "gt", "ge"), "Scalar"),
    **dict.fromkeys(("add", "sub", "mul", "div"), "Tensor"),
}
SHAPES = ((2, 1, 8, 8), (1, 3, 4, 1), (1, 1, 2, 1), (2, 1, 3), (1, 4), (2, 3, 1, 2, 1))


def layouts() -> list[torch.Tensor]:
    """Return tensors without gaps in every order of their dimensions, some of size 1."""
    made = []
    for shape in SHAPES:
        for order in list(permutations(range(len(shape))))[:24]:
            base = torch.rand([shape[dim] for dim in order])
            made.append(base.permute([order.index(dim) for dim in range(len(shape))]))
        if len(shape) == 4:
            made.append(torch.rand(shape).contiguous(memory_format=torch.channels_last))
    odd = torch.rand(2, 1, 4, 1)
    return [*made, odd.as_strided((2, 1, 4, 1), (4, 7, 1, 2)), odd.as_strided((2, 1, 4), (4, 1, 1))]


def predicted(func: Any, *args: Any) -> tuple[int, ...]:
    """Return the strides that a measurement takes the first output to have."""
    given = torch.utils._pytree.tree_map_only(torch.Tensor, stand_in, args)
    call = Call(operator_of(func), given, {})
    (first, *_) = infer(call, range(len(call.tensors))).outputs
    assert isinstance(first, New)
    return first.spec.strides


def stand_in(tensor: torch.Tensor) -> AbstractTensor:
    """Return a tensor of the same spec, without data."""
    spec = spec_of(tensor)
    return abstract(spec, Token(Tape(), spec.storage_bytes, "input"))


def made(func: Any, *args: Any) -> tuple[int, ...]:
    """Return the strides that the first output has."""
    out = func(*args)
    first: torch.Tensor = out[0] if isinstance(out, tuple) else out
    return first.stride()


@pytest.mark.parametrize("name", NAMES.split())
def test_element_by_element(name: str) -> None:
    """An operator on one tensor, beside numbers."""
    func = getattr(getattr(aten, name), OVERLOADS.get(name, "default"))
    also = ALSO.get(name, ())
    for tensor in layouts():
        assert predicted(func, tensor, *also) == func(tensor, *also).stride(), tensor.stride()


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("sizes", [(4, 6, 5), (1, 6, 5), (4, 1, 5), (4, 6, 1), (4, 1, 1)])
@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_group_norm(
    batch: int, sizes: tuple[int, int, int], memory_format: torch.memory_format
) -> None:
    """Of one image, and of several."""
    channels, height, width = sizes
    tensor = torch.rand(batch, *sizes).contiguous(memory_format=memory_format)
    rest = (None, None, batch, channels, height * width, 1, 1e-5)
    func = aten.native_group_norm.default
    assert predicted(func, tensor, *rest) == func(tensor, *rest)[0].stride()


PAIRED = """
    atan2 complex fmax fmin heaviside hypot logaddexp logaddexp2 logical_and logical_or logical_xor
    maximum minimum nextafter polar add.Tensor sub.Tensor rsub.Tensor mul.Tensor div.Tensor
    eq.Tensor lt.Tensor remainder.Tensor fmod.Tensor copysign.Tensor xlogy.Tensor floor_divide
    pow.Tensor_Tensor special_xlog1py normal.Tensor_Tensor silu_backward mish_backward
    tanh_backward sigmoid_backward gelu_backward hardswish_backward hardsigmoid_backward
"""
FURTHER: dict[str, tuple[Any, ...]] = {
    "huber_loss": (0,),
    "mse_loss": (0,),
    "smooth_l1_loss": (0, 1.0),
    "binary_cross_entropy": (None, 0),
    "binary_cross_entropy_with_logits": (None, None, 0),
    "lerp.Scalar": (0.5,),
    "native_dropout_backward": (2.0,),
    "hardtanh_backward": (-1.0, 1.0),
    "softplus_backward": (1, 20),
    "threshold_backward": (0.5,),
    "leaky_relu_backward": (0.1, False),
    "logit_backward": (1e-6,),
}
"""What follows two tensors."""


@pytest.mark.parametrize("name", sorted({*PAIRED.split(), *FURTHER}))
def test_two_layouts(name: str) -> None:
    """An operator on two tensors, each laid out in its own way."""
    packet, _, overload = name.partition(".")
    func = getattr(getattr(aten, packet), overload or "default")
    for one, other in pairs():
        if name == "native_dropout_backward":
            other = other > 0.5  # noqa: PLW2901
        args = (one, other, *FURTHER.get(name, ()))
        assert predicted(func, *args) == made(func, *args), (one.stride(), other.stride())


def pairs() -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return tensors of the same shape, in different layouts."""
    every = layouts()
    chosen = [*pairwise(every), *zip(every, every[7:], strict=False)][::5]
    return [(one, other) for one, other in chosen if one.shape == other.shape]


@pytest.mark.parametrize("name", ["mul", "add", "div", "remainder", "floor_divide"])
def test_two_dtypes(name: str) -> None:
    """Numbers that lie in one place or with gaps beside whole ones, of which a copy is made."""
    func = getattr(getattr(aten, name), "default" if name == "floor_divide" else "Tensor")
    for one, other in pairs():
        apart = torch.ones([*one.shape, 2])[..., 0]
        for numbers in (one, one[..., :1].expand(one.shape), apart):
            for whole in (other.long(), other.long()[..., :1].expand(one.shape)):
                for args in ((numbers, whole + 1), (whole, numbers + 1)):
                    assert predicted(func, *args) == made(func, *args), args


def test_choice() -> None:
    """A choice by a mask, which may be laid out as neither of what it chooses from."""
    for one, other in pairs():
        mask = one.mT.contiguous().mT > 0.5
        for args in ((mask, one, other), (mask, other, one), (mask, one, torch.tensor(2.0))):
            assert predicted(aten.where.self, *args) == made(aten.where.self, *args)
        fill = aten.masked_fill.Scalar
        assert predicted(fill, other, mask, 0.0) == made(fill, other, mask, 0.0)


def test_rolls() -> None:
    """Along each dimension, along two, and all elements as if they lay in a row."""
    for tensor in layouts():
        for args in (([1],), ([1], [1]), ([-5], [-1]), ([1, 0], [0, -1]), ([1, 1], [-1, -2])):
            assert predicted(aten.roll.default, tensor, *args) == made(
                aten.roll.default, tensor, *args
            )


def test_indices() -> None:
    """One index tensor or two, side by side or apart, in either layout, of size 1 or broadcast."""
    rows = torch.zeros(2, 3, dtype=torch.int64)
    columns = torch.zeros(3, 2, dtype=torch.int64).t()
    lone = torch.zeros(1, 2, dtype=torch.int64).t()
    every = [rows, columns, lone, rows[0], rows[0, 0], rows[:1].expand(2, 3)]
    places: list[list[Any]] = [
        *([index] for index in every),
        *([None, index] for index in every),
        *([index, columns] for index in every),
        *([index, None, columns] for index in every),
        *([None, None, index] for index in every[:3]),
    ]
    for tensor in layouts()[::3]:
        for indices in places:
            if len(indices) <= tensor.dim():
                args = (tensor, indices)
                assert predicted(aten.index.Tensor, *args) == made(aten.index.Tensor, *args)


IMAGES = (
    (aten.upsample_nearest2d.default, ([1, 1],)),
    (aten.upsample_bilinear2d.default, ([2, 3], False)),
    (aten.replication_pad2d.default, ([1, 0, 0, 1],)),
    (aten.native_batch_norm.default, (None, None, None, None, True, 0.1, 1e-5)),
    (aten._log_softmax.default, (1, False)),
    (aten.flip.default, ([1],)),
    (aten.tril.default, ()),
    (aten.sort.default, (1,)),
    (aten.im2col.default, ([1, 1], [1, 1], [0, 0], [8, 8])),
    (aten.channel_shuffle.default, (1,)),
    *((aten.rot90.default, args) for args in ((), (2,), (3, [2, 1]), (4, [1, 0]), (-2, [1, 0]))),
)


@pytest.mark.parametrize(("func", "args"), IMAGES, ids=str)
def test_images(func: Any, args: tuple[Any, ...]) -> None:
    """Images of every order of dimensions, among them those of one row, column or channel."""
    for tensor in layouts():
        if tensor.dim() == 4:
            assert predicted(func, tensor, *args) == made(func, tensor, *args), tensor.stride()


def test_unpooled() -> None:
    """Images of every order of dimensions, each value put back to where it was the largest."""
    for tensor in layouts():
        if tensor.dim() == 4:
            args = (tensor, torch.zeros_like(tensor, dtype=torch.int64), [8, 9])
            func = aten.max_unpool2d.default
            assert predicted(func, *args) == made(func, *args), tensor.stride()


def test_angles_of_complex_numbers() -> None:
    """Their angles are laid out in another way than those of real numbers."""
    for tensor in layouts():
        numbers = tensor.to(torch.complex64)
        assert predicted(aten.angle.default, numbers) == made(aten.angle.default, numbers)


@pytest.mark.parametrize("func", [aten.pow.Scalar, aten.normal.float_Tensor], ids=str)
def test_after_a_number(func: Any) -> None:
    """An operator on a number and a tensor."""
    for tensor in layouts():
        assert predicted(func, 2, tensor) == made(func, 2, tensor), tensor.stride()


def test_batch_norm_backward() -> None:
    """The gradient of an image, where the one that comes in may be laid out differently."""
    func = aten.native_batch_norm_backward.default
    for one, other in pairs():
        if one.dim() == 4:
            channels = torch.ones(one.shape[1])
            args = (one, other, *[channels] * 5, True, 1e-5, [True] * 3)
            assert predicted(func, *args) == made(func, *args), (one.stride(), other.stride())


@pytest.mark.parametrize("name", ["replication_pad3d", "reflection_pad3d", "upsample_nearest3d"])
def test_volumes(name: str) -> None:
    """Volumes of either memory format."""
    func = getattr(aten, name).default
    for memory_format in (torch.contiguous_format, torch.channels_last_3d):
        tensor = torch.rand(2, 3, 4, 2, 5).contiguous(memory_format=memory_format)
        args = (tensor, [4, 3, 2] if "upsample" in name else [1] * 6)
        assert predicted(func, *args) == made(func, *args)


FLOATS = ("float64", "float32", "float16", "bfloat16")


@pytest.mark.parametrize("reduction", [0, 1])
@pytest.mark.parametrize("pair", list(permutations(FLOATS, 2)), ids="-".join)
@pytest.mark.parametrize("loss", ["mse_loss", "smooth_l1_loss", "soft_margin_loss", "huber_loss"])
def test_losses_of_two_dtypes(loss: str, pair: tuple[str, str], reduction: int) -> None:
    """Half precision beside a target in full: of which dtype the loss and its gradient are."""
    given, target = (torch.rand(3, 4).to(getattr(torch, dtype)) for dtype in pair)
    more = (1.0,) if loss in ("smooth_l1_loss", "huber_loss") else ()
    forward, backward = getattr(aten, loss).default, getattr(aten, f"{loss}_backward").default
    out = forward(given, target, reduction, *more)
    assert dtype_of(forward, given, target, reduction, *more) == out.dtype
    arguments = (torch.ones_like(out), given, target, reduction, *more)
    try:
        made = backward(*arguments)
    except RuntimeError:
        with pytest.raises(RuntimeError, match="expected tensors of one dtype"):
            dtype_of(backward, *arguments)
    else:
        assert dtype_of(backward, *arguments) == made.dtype


def dtype_of(func: Any, *args: Any) -> torch.dtype:
    """Return the dtype that a measurement takes the first output to have."""
    given = torch.utils._pytree.tree_map_only(torch.Tensor, stand_in, args)
    call = Call(operator_of(func), given, {})
    (first, *_) = infer(call, range(len(call.tensors))).outputs
    assert isinstance(first, New)
    dtype: torch.dtype = getattr(torch, first.spec.dtype)
    return dtype
