"""Layouts of what is worked out element by element are those of torch's own kernels."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_burden.engine.abstract import Tape, Token, abstract, spec_of
from pytest_burden.engine.call import Call, operator_of
from pytest_burden.engine.result import New, Same
from pytest_burden.engine.shapes import BY_OPERATOR, known_result

aten: Any = torch.ops.aten
TAPE = Tape()
NAMES = ("_each", "_itself", "_power", "_of_two", "_into_first", "_within", "_by_number")
OPERATORS = [
    operator
    for operator, answer in BY_OPERATOR.items()
    if answer.__name__ in NAMES
    and str(operator)
    not in ("aten.uniform_.default", "aten.normal_.default", "aten.bernoulli_.float")
]


@st.composite
def tensors(draw: st.DrawFn, shape: tuple[int, ...]) -> torch.Tensor:
    """Return a tensor of a shape: permuted, with gaps, or broadcast, of ones."""
    order = draw(st.permutations(range(len(shape))))
    gaps = [draw(st.sampled_from((1, 1, 1, 2))) for _ in shape]
    strides, step = [0] * len(shape), 1
    for dim in order:
        strides[dim] = step
        step *= shape[dim] * gaps[dim]
    for dim in range(len(shape)):
        if shape[dim] == 1:
            strides[dim] = draw(st.sampled_from((strides[dim], 0, 1, 7)))
        elif draw(st.integers(0, 9)) == 0:
            strides[dim] = 0
    whole = torch.ones(1 + sum(max(n - 1, 0) * s for n, s in zip(shape, strides, strict=True)))
    return whole.as_strided(shape, strides)


SHAPES = st.lists(st.sampled_from((1, 2, 3)), max_size=5).map(tuple)


@st.composite
def whole_numbers(draw: st.DrawFn, shape: tuple[int, ...]) -> torch.Tensor:
    """Return whole numbers in any layout."""
    dtype = draw(st.sampled_from((torch.bool, torch.uint8, torch.int32, torch.int64)))
    plain = draw(tensors(shape))
    made = torch.ones(plain.untyped_storage().nbytes(), dtype=dtype)
    return made.as_strided(plain.shape, plain.stride())


@st.composite
def operands(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor | float]:
    """Return a tensor, and one beside it: of its shape, another that may broadcast, a number."""
    shape = draw(SHAPES)
    kind = draw(st.sampled_from(("same", "other", "number")))
    first = draw(tensors(shape))
    if kind == "number":
        return first, 2.0
    if kind == "same":
        return first, draw(tensors(shape))
    other = tuple(draw(st.sampled_from((1, size))) for size in shape[draw(st.integers(0, 2)) :])
    return first, draw(tensors(other) if draw(st.booleans()) else whole_numbers(other))


def stand_in(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor of the same spec, without data."""
    spec = spec_of(tensor)
    return abstract(spec, Token(TAPE, spec.storage_bytes, "input"))


def is_left(value: torch.Tensor | float) -> bool:
    """Return whether torch is asked: for truth values, and for whole numbers that have gaps."""
    if not isinstance(value, torch.Tensor) or value.is_floating_point():
        return False
    return value.dtype is torch.bool or not bool(aten.is_non_overlapping_and_dense(value))


@pytest.mark.parametrize("operator", OPERATORS, ids=str)
@settings(max_examples=100)
@given(pair=operands())
def test_as_the_kernel(operator: Any, pair: tuple[torch.Tensor, torch.Tensor | float]) -> None:
    """Where there is an answer, it is what comes out for real; what torch refuses has none."""
    name = BY_OPERATOR[operator].__name__
    first, second = pair
    if name in ("_power", "_within", "_by_number") or operator is aten.fill_.Scalar:
        check(operator, first, 2.0)
    elif name in ("_each", "_itself"):
        check(operator, first)
    else:
        check(operator, first, second)
    if name == "_of_two" and isinstance(second, torch.Tensor):
        check(operator, second, first)


def check(operator: Any, *args: torch.Tensor | float) -> None:
    """Assert that the answer to a call is what comes out of it, and that there is one."""
    given = torch.utils._pytree.tree_map_only(torch.Tensor, stand_in, args)
    found = known_result(Call(operator_of(operator), given, {}))
    try:
        made = operator(*args)
    except RuntimeError:
        assert found is None
        return
    if found is None:  # what has gaps, or several elements in one place, is not written to here
        assert operator._schema.is_mutable or any(map(is_left, args))
        return
    (output,) = found.outputs
    assert isinstance(output, Same if made is args[0] else New)
    assert output.spec is spec_of(made)
