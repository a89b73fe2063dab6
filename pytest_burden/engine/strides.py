"""How results are laid out that are worked out element by element.

Source: ``TensorIteratorBase`` in ``aten/src/ATen/TensorIterator.cpp`` of torch 2.13, by whose code
all kernels of the CPU that are made for it allocate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_burden.engine.spec import Spec, contiguous_strides

Shape = tuple[int, ...]
Strides = tuple[int, ...]
_CHANNELS_LAST = (1, 3, 2, 0)
"""The dimensions of an image, the innermost first."""
_CHANNELS = {4: _CHANNELS_LAST, 5: (1, 4, 3, 2, 0)}
"""By how many dimensions there are: those of an image, and of a volume."""
NUMBER = Spec(())
"""A number beside tensors."""


def element_by_element(specs: Sequence[Spec]) -> tuple[Shape, Strides] | None:
    """Return shape and strides of what is made of tensors of one dtype; none of them is empty.

    None if they do not broadcast. A number beside them is a tensor without dimensions.
    """
    shape = _broadcast([spec.shape for spec in specs])
    if shape is None:
        return None
    if all(spec.shape == shape for spec in specs):
        strides = _as_all(specs)
        if strides is not None:
            return shape, strides
    return shape, _sorted(shape, [_spread(spec, shape) for spec in specs])


def _broadcast(shapes: Sequence[Shape]) -> Shape | None:
    found: list[int] = []
    for place in range(1, max(map(len, shapes)) + 1):
        sizes = {shape[-place] for shape in shapes if len(shape) >= place} - {1}
        if len(sizes) > 1:
            return None
        found.append(sizes.pop() if sizes else 1)
    return tuple(reversed(found))


def _as_all(specs: Sequence[Spec]) -> Strides | None:
    """Return the strides where all are laid out in one way (``fast_set_up``)."""
    first = specs[0]
    if all(is_compact(spec, range(len(spec.shape))[::-1]) for spec in specs):
        return contiguous_strides(first.shape)
    if len(first.shape) == 4 and all(is_compact(spec, _CHANNELS_LAST) for spec in specs):  # noqa: PLR2004
        return _compact(first.shape, _CHANNELS_LAST)
    alike = all(spec.strides == first.strides for spec in specs)
    return first.strides if alike and is_dense(first) else None


def like(spec: Spec) -> Strides:
    """Return the strides of a copy (``clone``, ``empty_like``): the same, or without the gaps."""
    return spec.strides if is_dense(spec) else _sorted(spec.shape, [spec.strides])


def is_compact(spec: Spec, order: Sequence[int]) -> bool:
    """Return whether elements lie one after the other in an order of dimensions, innermost first.

    Strides of dimensions of size 1 may be any.
    """
    step = 1
    for dim in order:
        size = spec.shape[dim]
        if size != 1:
            if spec.strides[dim] != step:
                return False
            step *= size
    return True


def is_dense(spec: Spec) -> bool:
    """Return whether a tensor has neither gaps nor elements that lie in one place."""
    wide = [dim for dim, size in enumerate(spec.shape) if size != 1]
    return is_compact(spec, sorted(wide, key=spec.strides.__getitem__))


def _compact(shape: Shape, order: Sequence[int]) -> Strides:
    """Return strides without gaps in an order of dimensions, innermost first."""
    strides = [1] * len(shape)
    step = 1
    for dim in order:
        strides[dim] = step
        step *= shape[dim]
    return tuple(strides)


def _spread(spec: Spec, shape: Shape) -> Strides:
    """Return strides for a larger shape: 0 where a tensor is broadcast (``compute_strides``)."""
    missing = len(shape) - len(spec.shape)
    given = zip(spec.shape, spec.strides, shape[missing:], strict=True)
    return (
        *(0,) * missing,
        *(0 if size == 1 != wanted else stride for size, stride, wanted in given),
    )


def _sorted(shape: Shape, strides: Sequence[Strides]) -> Strides:
    """Return strides without gaps, in the order of the operands' (``reorder_dimensions``)."""
    order = list(range(len(shape)))[::-1]
    for place in range(1, len(order)):
        moving = place
        for before in range(place - 1, -1, -1):
            further = _is_further_out(order[before], order[moving], shape, strides)
            if further > 0:
                order[before], order[moving] = order[moving], order[before]
                moving = before
            elif further < 0:
                break
    return _compact(shape, order)


def _is_further_out(dim: int, other: int, shape: Shape, strides: Sequence[Strides]) -> int:
    """Return 1 if a dimension belongs outside of another, -1 if inside, 0 if no operand tells."""
    for each in strides:
        one, two = each[dim], each[other]
        if 0 in (one, two):
            continue
        if one != two:
            return int(math.copysign(1, one - two))
        if shape[dim] > shape[other]:
            return 1
    return 0


def in_format(spec: Spec, shape: Shape) -> Strides:
    """Return strides of another shape: channels_last if a tensor is like it, or contiguous.

    By ``Tensor::suggest_memory_format`` and ``at::empty`` in a memory format.
    """
    order = _CHANNELS.get(len(shape))
    if order is None or not _is_like(spec, order):
        return contiguous_strides(shape)
    return _compact(shape, order)


def in_compact_format(spec: Spec) -> Strides | None:
    """Return strides of one more tensor of a memory format, None for one that has neither.

    By ``Tensor::is_contiguous``, for which dimensions of size 1 may lie anywhere.
    """
    rank = len(spec.shape)
    if is_compact(spec, range(rank)[::-1]):
        return contiguous_strides(spec.shape)
    order = _CHANNELS.get(rank)
    return _compact(spec.shape, order) if order and is_compact(spec, order) else None


def _is_like(spec: Spec, order: Sequence[int]) -> bool:
    """Return whether strides grow in the order of channels_last (``MemoryFormat.h``).

    Unlike `is_compact`, this asks dimensions of size 1 as well, and minds no gaps.
    """
    if len(spec.shape) != len(order) or spec.strides[1] == 0 or 0 in spec.shape:
        return False
    least = 0
    for dim in order:
        stride = spec.strides[dim]
        if stride < least or (dim == 0 and least == spec.strides[1]):
            return False
        least = stride * spec.shape[dim]
    return True
