"""What is worked out element by element."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from pytest_burden.engine.abstract import intern
from pytest_burden.engine.call import Call
from pytest_burden.engine.result import New, Result, Same
from pytest_burden.engine.schema import DTYPES
from pytest_burden.engine.shapes.ordinary import (
    Answer,
    alike,
    another,
    any_pending,
    new,
    no_empty,
    one,
    ordinary,
)
from pytest_burden.engine.spec import Spec, contiguous_strides
from pytest_burden.engine.strides import NUMBER, element_by_element, is_dense


def _itself(call: Call) -> Result | None:
    """Change the elements of the only tensor."""
    lone = len(call.specs) == 1 and alike(call) and is_dense(call.specs[0])
    return one(Same(call.specs[0], 0)) if lone else None


def _by_number(call: Call) -> Result | None:
    """Change the elements of the only tensor by a number."""
    return _itself(call) if type(call.args[1]) in (int, float) else None


def _each(call: Call) -> Result | None:
    """Map each element of the only tensor."""
    return _pointwise(call, call.specs) if len(call.specs) == 1 and not call.kwargs else None


def _power(call: Call) -> Result | None:
    """Raise each element to a power that is a number."""
    return _each(call) if type(call.args[1]) in (int, float) else None


def _within(call: Call) -> Result | None:
    """Make a tensor like the only one, between numbers."""
    numbers = all(limit is None or type(limit) in (int, float) for limit in call.args[1:])
    return _each(call) if numbers else None


def _pointwise(call: Call, operands: Sequence[Spec]) -> Result | None:
    """Make a tensor of what is worked out element by element, of the only floating dtype."""
    dtypes = {spec.dtype for spec in call.specs if spec.is_floating}
    others = [spec for spec in call.specs if not spec.is_floating]
    # Whole numbers are cast before, to as many without gaps.
    fits = all(spec.dtype in _WHOLE and is_dense(spec) for spec in others)
    if len(dtypes) != 1 or not fits or not no_empty(call) or any_pending(call):
        return None
    found = element_by_element(operands)
    if found is None:
        return None
    shape, strides = found
    dtype = DTYPES[dtypes.pop()]
    return one(New(intern(shape, strides, 0, dtype, math.prod(shape) * dtype.itemsize)))


_WHOLE = frozenset({"uint8", "int8", "int16", "int32", "int64"})


def _of_two(call: Call) -> Result | None:
    """Make a tensor of two, or of one and a number."""
    first, *others = call.specs
    if call.args[0] is not call.tensors[0] or not (others or type(call.args[1]) in (int, float)):
        return None
    return _pointwise(call, call.specs if others else (first, NUMBER))


def _into_first(call: Call) -> Result | None:
    """Change the first of two, to which the other can be broadcast."""
    first = call.specs[0]
    made = _of_two(call) if first.is_floating and is_dense(first) else None
    result = made and made.outputs[0]
    fits = isinstance(result, New) and result.spec.shape == first.shape
    return one(Same(first, 0)) if fits else None


def _compared(call: Call) -> Result | None:
    """Hold each element against a number."""
    if len(call.specs) != 1 or not ordinary(call) or type(call.args[1]) not in (int, float):
        return None
    return one(new(call.specs[0].shape, torch.bool))


def _either(call: Call) -> Result | None:
    """Join two tensors of truth values."""
    left, right = call.specs
    ordinary = left is right and left.strides == contiguous_strides(left.shape)
    return one(new(left.shape, torch.bool)) if ordinary and left.dtype == "bool" else None


_aten: Any = torch.ops.aten
_IN_PLACE_TOO = (
    *("relu", "sigmoid", "silu", "hardswish", "hardsigmoid", "leaky_relu", "elu", "gelu", "tanh"),
    *("exp", "mish"),
)
_UNARY = ("abs", "neg", "sin", "cos", "sqrt", "rsqrt", "reciprocal", "log", "erf", "floor")
_ARITHMETIC = ("add", "sub", "mul", "div")
ANSWERS: Mapping[Any, Answer] = {
    **{getattr(_aten, name).default: _each for name in (*_IN_PLACE_TOO, *_UNARY)},
    **{getattr(_aten, f"{name}_").default: _itself for name in (*_IN_PLACE_TOO, "hardtanh")},
    _aten.hardtanh.default: another,  # lays other layouts out in a way of its own
    **dict.fromkeys(
        (
            _aten.uniform_.default, _aten.normal_.default, _aten.bernoulli_.float,
            _aten.zero_.default, _aten.fill_.Scalar,
        ),
        _itself,
    ),
    _aten.pow.Tensor_Scalar: _power,
    **dict.fromkeys((_aten.clamp.default, _aten.clamp_min.default), _within),
    **{getattr(_aten, name).Tensor: _of_two for name in _ARITHMETIC},
    **{getattr(_aten, f"{name}_").Tensor: _into_first for name in _ARITHMETIC},
    **{getattr(_aten, f"{name}_").Scalar: _by_number for name in _ARITHMETIC},
    **dict.fromkeys((_aten.lt.Scalar, _aten.gt.Scalar), _compared),
    _aten.bitwise_or.Tensor: _either,
}  # fmt: skip
