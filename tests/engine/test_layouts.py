"""Strides of what operators return, in all dimensions: what is predicted beside the kernel's."""

from __future__ import annotations

from itertools import permutations
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


def predicted(func: Any, tensor: torch.Tensor, *others: Any) -> tuple[int, ...]:
    """Return the strides that a measurement takes the first output to have."""
    spec = spec_of(tensor)
    given: AbstractTensor = abstract(spec, Token(Tape(), spec.storage_bytes, "input"))
    (first, *_) = infer(Call(operator_of(func), (given, *others), {}), [0]).outputs
    assert isinstance(first, New)
    return first.spec.strides


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
