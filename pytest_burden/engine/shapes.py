"""What the most common operators return, where nobody need be asked: torch takes its time.

Its shape functions decompose and dispatch on, 7 ms for a batch norm. Here are answers for tensors
of one floating dtype whose arguments fit together, many of them for the ordinary layout alone; all
else is left to torch, its error messages among it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from operator import mul
from typing import Any

import torch

from pytest_burden.engine.abstract import CPU, intern
from pytest_burden.engine.call import Call
from pytest_burden.engine.result import New, Result, Same
from pytest_burden.engine.schema import DTYPES
from pytest_burden.engine.spec import Spec, contiguous_strides
from pytest_burden.engine.strides import element_by_element, is_dense

Answer = Callable[[Call], Result | None]


def known_result(call: Call) -> Result | None:
    """Return what a call returns, None if torch has to be asked."""
    answer = _ANSWERS.get(id(call.func))
    return answer(call) if answer is not None else None


def _ordinary(call: Call) -> bool:
    """Return whether all tensors are contiguous, of the same floating dtype, and not empty."""
    return (
        _alike(call)
        and _no_empty(call)
        and all(spec.strides == contiguous_strides(spec.shape) for spec in call.specs)
    )


def _any_pending(call: Call) -> bool:
    return any(spec.pending for spec in call.specs)


def _no_empty(call: Call) -> bool:
    return all(0 not in spec.shape for spec in call.specs)


def _alike(call: Call) -> bool:
    """Return whether all tensors are of the same floating dtype."""
    first, *others = call.specs
    alike = first.is_floating and all(spec.dtype == first.dtype for spec in others)
    return alike and not _any_pending(call)


def _new(shape: Sequence[int], dtype: torch.dtype) -> New:
    size = tuple(shape)
    nbytes = torch.Size(size).numel() * dtype.itemsize
    return New(intern(size, contiguous_strides(size), 0, dtype, nbytes))


def _one(output: New | Same) -> Result:
    return Result((output,), None, reshaped=False)


def _itself(call: Call) -> Result | None:
    """Change the elements of the only tensor."""
    lone = len(call.specs) == 1 and _alike(call) and is_dense(call.specs[0])
    return _one(Same(call.specs[0], 0)) if lone else None


def _by_number(call: Call) -> Result | None:
    """Change the elements of the only tensor by a number."""
    return _itself(call) if type(call.args[1]) in (int, float) else None


def _another(call: Call) -> Result | None:
    """Make a tensor like the only one."""
    if len(call.specs) != 1 or not _ordinary(call) or "memory_format" in call.kwargs:
        return None
    return _one(_new(call.specs[0].shape, DTYPES[call.specs[0].dtype]))


def _each(call: Call) -> Result | None:
    """Map each element of the only tensor."""
    return _pointwise(call, call.specs) if len(call.specs) == 1 and not call.kwargs else None


def _power(call: Call) -> Result | None:
    """Raise each element to a power that is a number."""
    return _each(call) if type(call.args[1]) in (int, float) else None


def _pointwise(call: Call, operands: Sequence[Spec]) -> Result | None:
    """Make a tensor of what is worked out element by element, of the only floating dtype."""
    dtypes = {spec.dtype for spec in call.specs if spec.is_floating}
    others = [spec for spec in call.specs if not spec.is_floating]
    # Whole numbers are cast before, to as many without gaps.
    fits = all(spec.dtype in _WHOLE and is_dense(spec) for spec in others)
    if len(dtypes) != 1 or not fits or not _no_empty(call) or _any_pending(call):
        return None
    found = element_by_element(operands)
    if found is None:
        return None
    shape, strides = found
    dtype = DTYPES[dtypes.pop()]
    return _one(New(intern(shape, strides, 0, dtype, math.prod(shape) * dtype.itemsize)))


_WHOLE = frozenset({"uint8", "int8", "int16", "int32", "int64"})


def _clone(call: Call) -> Result | None:
    """Make a tensor like the only one, or a contiguous one if that is asked for."""
    if call.kwargs.get("memory_format") is not torch.contiguous_format:
        return _another(call)
    (source,) = call.specs
    return _one(_new(source.shape, DTYPES[source.dtype])) if _alike(call) else None


def _of_two(call: Call) -> Result | None:
    """Make a tensor of two, or of one and a number."""
    first, *others = call.specs
    if call.args[0] is not call.tensors[0] or not (others or type(call.args[1]) in (int, float)):
        return None
    return _pointwise(call, call.specs if others else (first, _NUMBER))


_NUMBER = Spec(())


def _into_first(call: Call) -> Result | None:
    """Change the first of two, to which the other can be broadcast."""
    first = call.specs[0]
    made = _of_two(call) if first.is_floating and is_dense(first) else None
    result = made and made.outputs[0]
    fits = isinstance(result, New) and result.spec.shape == first.shape
    return _one(Same(first, 0)) if fits else None


def _max_pool(call: Call) -> Result | None:
    """The largest in each window, and where it is."""
    usual: list[Any] = [[], [0], [1], False]
    given = [*call.args[1:], *usual[len(call.args) - 2 :]]
    kernel, stride, padding, dilation, ceil_mode = given
    shape = _pooled(call, kernel, stride, padding, dilation, ceil_mode)
    if shape is None:
        return None
    made = _new(shape, DTYPES[call.specs[0].dtype]), _new(shape, torch.int64)
    return Result(made, tuple, reshaped=False)


def _average_pool(call: Call) -> Result | None:
    """The mean of each window."""
    usual: list[Any] = [[], [0], False]
    kernel, stride, padding, ceil_mode, *_ = [*call.args[1:], *usual[len(call.args) - 2 :]]
    shape = _pooled(call, kernel, stride, padding, [1], ceil_mode)
    return None if shape is None else _one(_new(shape, DTYPES[call.specs[0].dtype]))


def _pooled(  # noqa: PLR0913, PLR0917 as the operators take them
    call: Call,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil_mode: bool,  # noqa: FBT001
) -> tuple[int, ...] | None:
    """Return the shape of a pool's output: as of a convolution, or with a last partial window."""
    (source,) = call.specs
    if call.kwargs or len(source.shape) not in (3, 4) or not _ordinary(call):
        return None
    outputs = []
    for size, taps, step, pad, dilate in zip(
        source.shape[-2:],
        *map(_pair, (kernel, stride or kernel, padding, dilation)),
        strict=True,
    ):
        if not 0 <= 2 * pad <= taps or step < 1:
            return None
        space = size + 2 * pad - dilate * (taps - 1) - 1
        count = (space + (step - 1) * ceil_mode) // step + 1
        # A window has to begin inside of the input or of the padding before it.
        count -= ceil_mode and (count - 1) * step >= size + pad
        outputs.append(count)
    return (*source.shape[:-2], *outputs) if min(outputs) > 0 else None


def _pair(value: Sequence[int]) -> Sequence[int]:
    return (value[0], value[0]) if len(value) == 1 else value


def _convolution(call: Call) -> Result | None:
    """Floor of outputs: (size + 2 padding - dilation (kernel - 1) - 1) / stride + 1."""
    stride, padding, dilation, transposed, _, groups = call.args[3:9]
    source, weight, *bias = call.specs
    dims = len(source.shape) - 2
    fits = (
        _ordinary(call)
        and not transposed
        and dims > 0
        and len(weight.shape) == dims + 2
        and {*map(len, (stride, padding, dilation))} == {dims}
        and source.shape[1] == weight.shape[1] * groups
        and weight.shape[0] % groups == 0
        and all(spec.shape == weight.shape[:1] for spec in bias)
        and min(*stride, *dilation) > 0 <= min(padding)
    )
    if not fits:
        return None
    outputs = [
        (size + 2 * pad - dilate * (kernel - 1) - 1) // step + 1
        for size, kernel, step, pad, dilate in zip(
            source.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True
        )
    ]
    if min(outputs) < 1:
        return None
    return _one(_new((source.shape[0], weight.shape[0], *outputs), DTYPES[source.dtype]))


def _batch_norm(call: Call) -> Result | None:
    """The normalised input, and the statistics of a batch if they are its own."""
    source, *others = call.specs
    channels = source.shape[1:2]
    if not channels or not _ordinary(call) or any(spec.shape != channels for spec in others):
        return None
    training, running = call.args[5], call.args[3:5]
    if source.numel == channels[0] if training else None in running:
        return None
    dtype = DTYPES[source.dtype]
    statistics = _new(channels if training else (0,), dtype)
    return Result((_new(source.shape, dtype), statistics, statistics), tuple, reshaped=False)


def _layer_norm(call: Call) -> Result | None:
    """The normalised input, and a mean and a deviation of all that are normalised together.

    They are contiguous, whatever the input is.
    """
    normalized = tuple(call.args[1])
    source, *others = call.specs
    before = source.shape[: len(source.shape) - len(normalized)]
    fits = (
        _alike(call)
        and _no_empty(call)
        and normalized
        and source.shape == (*before, *normalized)
        and all(spec.shape == normalized for spec in others)
    )
    if not fits:
        return None
    dtype = DTYPES[source.dtype]
    statistics = _new((*before, *[1] * len(normalized)), dtype)
    return Result((_new(source.shape, dtype), statistics, statistics), tuple, reshaped=False)


def _product(call: Call) -> Result | None:
    """(n, k) x (k, m), and a bias of m before; the result is contiguous, whatever they are."""
    *bias, left, right = call.specs
    fits = (
        _alike(call)
        and len(left.shape) == len(right.shape) == 2  # noqa: PLR2004 matrices
        and left.shape[1] == right.shape[0]
        and all(spec.shape == right.shape[1:] for spec in bias)
    )
    return _one(_new((left.shape[0], right.shape[1]), DTYPES[left.dtype])) if fits else None


def _mean(call: Call) -> Result | None:
    """One of all along some dimensions."""
    (source,) = call.specs
    rank = len(source.shape)
    dims = call.args[1] if len(call.args) > 1 else None
    keep = len(call.args) > 2 and call.args[2]  # noqa: PLR2004 its third argument
    if not dims or call.kwargs or not _ordinary(call) or not all(-rank <= d < rank for d in dims):
        return None
    gone = {dim % rank for dim in dims}
    if len(gone) < len(dims):
        return None
    sizes = [1 if dim in gone else size for dim, size in enumerate(source.shape)]
    shape = sizes if keep else [size for dim, size in enumerate(sizes) if dim not in gone]
    return _one(_new(shape, DTYPES[source.dtype]))


def _roll(call: Call) -> Result | None:
    """Move the elements of the only tensor along some dimensions."""
    shifts, *dims = call.args[1:]
    rank = len(call.specs[0].shape)
    fits = dims and len(shifts) == len(dims[0]) and all(-rank <= dim < rank for dim in dims[0])
    return _another(call) if fits else None


def _within(call: Call) -> Result | None:
    """Make a tensor like the only one, between numbers."""
    numbers = all(limit is None or type(limit) in (int, float) for limit in call.args[1:])
    return _each(call) if numbers else None


def _softmax(call: Call) -> Result | None:
    """Share out one among the elements along a dimension."""
    dim, as_float = call.args[1:]
    rank = max(len(call.specs[0].shape), 1)
    return _another(call) if not as_float and -rank <= dim < rank else None


def _products(call: Call) -> Result | None:
    """(b, n, k) x (b, k, m); the result is contiguous, whatever they are."""
    left, right = call.specs
    fits = (
        _alike(call)
        and len(left.shape) == len(right.shape) == 3  # noqa: PLR2004 matrices
        and left.shape[0] == right.shape[0]
        and left.shape[2] == right.shape[1]
        and _no_empty(call)
    )
    shape = (*left.shape[:2], *right.shape[2:])
    return _one(_new(shape, DTYPES[left.dtype])) if fits else None


def _either(call: Call) -> Result | None:
    """Join two tensors of truth values."""
    left, right = call.specs
    ordinary = left is right and left.strides == contiguous_strides(left.shape)
    return _one(_new(left.shape, torch.bool)) if ordinary and left.dtype == "bool" else None


def _any(call: Call) -> Result | None:
    """Say whether one of them is true."""
    dtype = torch.uint8 if call.specs[0].dtype == "uint8" else torch.bool
    return _one(_new((), dtype))


def _compared(call: Call) -> Result | None:
    """Hold each element against a number."""
    if len(call.specs) != 1 or not _ordinary(call) or type(call.args[1]) not in (int, float):
        return None
    return _one(_new(call.specs[0].shape, torch.bool))


def _cat(call: Call) -> Result | None:
    """As long as all together."""
    dim = call.args[1] if len(call.args) > 1 else 0
    first, *others = call.specs
    rank = len(first.shape)
    # Several images in channels_last are put together in that; all else becomes contiguous.
    is_plain = rank not in (4, 5) or any(spec.strides[-1] < spec.strides[1] for spec in call.specs)
    fits = (_alike(call) and _no_empty(call)) if is_plain else _ordinary(call)
    if not -rank <= dim < rank or not fits:
        return None
    dim %= rank
    if any(_but(spec, dim) != _but(first, dim) for spec in others):
        return None
    shape = list(first.shape)
    shape[dim] = sum(spec.shape[dim] for spec in call.specs)
    return _one(_new(shape, DTYPES[first.dtype]))


def _but(spec: Spec, dim: int) -> tuple[int, ...]:
    return (*spec.shape[:dim], len(spec.shape), *spec.shape[dim + 1 :])


def _repeat(call: Call) -> Result | None:
    """So many times the only tensor, along each dimension."""
    (source,), times = call.specs, call.args[1]
    missing = len(times) - len(source.shape)
    if missing < 0 or min(times, default=1) < 1 or not (_alike(call) and _no_empty(call)):
        return None
    shape = map(mul, (*[1] * missing, *source.shape), times)
    return _one(_new([*shape], DTYPES[source.dtype]))


def _embedding(call: Call) -> Result | None:
    """A row of a table for each index."""
    table, indices = call.specs
    fits = (
        table.is_floating
        and not table.pending
        and len(table.shape) == 2  # noqa: PLR2004 rows and columns
        and table.strides == contiguous_strides(table.shape)
        and indices.dtype in ("int32", "int64")
        and _no_empty(call)
    )
    return _one(_new((*indices.shape, table.shape[1]), DTYPES[table.dtype])) if fits else None


def _attention(call: Call) -> Result | None:
    """What is attended to, laid out as the queries, and the logarithm of each query's sum."""
    query, key, value, *mask = call.specs
    fits = (
        _alike(call)
        and _no_empty(call)
        and not mask
        and (len(call.args) <= 3 or call.args[3] == 0)  # noqa: PLR2004 no dropout
        and len(query.shape) == 4  # noqa: PLR2004 batch, heads, positions, width
        and is_dense(query)
        and key.shape == value.shape
        and len(key.shape) == len(query.shape)
        and (query.shape[0], query.shape[3]) == (key.shape[0], key.shape[3])
        and query.shape[1] % key.shape[1] == 0  # heads may share their keys
    )
    if not fits:
        return None
    dtype = DTYPES[query.dtype]
    attended = intern(query.shape, query.strides, 0, dtype, query.nbytes)
    batch, heads, positions, _ = query.shape
    wide = torch.float64 if dtype is torch.float64 else torch.float32
    nbytes = batch * heads * positions * wide.itemsize
    strides = (heads * positions, 1, heads)
    sums = intern((batch, heads, positions), strides, 0, wide, nbytes)
    return Result((New(attended), New(sums)), tuple, reshaped=False)


def _range(call: Call) -> Result | None:
    """Whole numbers, one after the other or some steps apart."""
    options: dict[str, Any] = dict(call.kwargs)
    dtype = options.pop("dtype", None) or torch.int64
    first, last, step = (*call.args, 1)[:3] if len(call.args) > 1 else (0, *call.args, 1)
    plain = (
        type(first) is type(last) is type(step) is int
        and first <= last
        and step > 0
        and _is_default(options)
        and dtype in DTYPES.values()
    )
    return _one(_new((-((first - last) // step),), dtype)) if plain else None


def _is_default(options: dict[str, Any]) -> bool:
    """Return whether a tensor is to be made as always; takes out what says so."""
    return (
        options.pop("device", None) in (None, CPU)
        and options.pop("layout", None) in (None, torch.strided)
        and not any(options.values())
    )


def _made(call: Call) -> Result | None:
    """Make a tensor of a size."""
    options: dict[str, Any] = dict(call.kwargs)
    dtype = options.pop("dtype", None) or torch.get_default_dtype()
    plain = (
        _is_default(options)
        and len(call.args) == 1
        and dtype in DTYPES.values()
        and all(type(size) is int and size >= 0 for size in call.args[0])
    )
    return _one(_new(call.args[0], dtype)) if plain else None


_aten: Any = torch.ops.aten
_POINTWISE = (
    *("relu", "sigmoid", "silu", "hardswish", "hardsigmoid", "hardtanh", "leaky_relu", "elu"),
    *("gelu", "tanh", "exp", "mish"),
)
_MORE = ("abs", "neg", "sin", "cos", "sqrt", "rsqrt", "reciprocal", "log", "erf", "floor")
_BY_OPERATOR: Mapping[Any, Answer] = {
    **{getattr(_aten, name).default: _each for name in (*_POINTWISE, *_MORE)},
    _aten.hardtanh.default: _another,
    _aten.pow.Tensor_Scalar: _power,
    _aten.clone.default: _clone,
    _aten.max_pool2d_with_indices.default: _max_pool,
    _aten.avg_pool2d.default: _average_pool,
    **{getattr(_aten, f"{name}_").default: _itself for name in _POINTWISE},
    **dict.fromkeys(
        (
            _aten.uniform_.default, _aten.normal_.default, _aten.bernoulli_.float,
            _aten.zero_.default, _aten.fill_.Scalar,
        ),
        _itself,
    ),
    **{getattr(_aten, name).Tensor: _of_two for name in ("add", "sub", "mul", "div")},
    **{getattr(_aten, f"{name}_").Tensor: _into_first for name in ("add", "sub", "mul", "div")},
    _aten.convolution.default: _convolution,
    _aten.native_batch_norm.default: _batch_norm,
    _aten.native_layer_norm.default: _layer_norm,
    **dict.fromkeys((_aten.mm.default, _aten.addmm.default), _product),
    _aten.bmm.default: _products,
    **{getattr(_aten, f"{name}_").Scalar: _by_number for name in ("add", "sub", "mul", "div")},
    _aten.repeat.default: _repeat,
    _aten.embedding.default: _embedding,
    _aten._scaled_dot_product_flash_attention_for_cpu.default: _attention,
    **dict.fromkeys((_aten.arange.default, _aten.arange.start, _aten.arange.start_step), _range),
    _aten.roll.default: _roll,
    **dict.fromkeys((_aten.clamp.default, _aten.clamp_min.default), _within),
    _aten._softmax.default: _softmax,
    _aten.bitwise_or.Tensor: _either,
    _aten.any.default: _any,
    _aten.mean.dim: _mean,
    **dict.fromkeys((_aten.lt.Scalar, _aten.gt.Scalar), _compared),
    _aten.cat.default: _cat,
    **dict.fromkeys((_aten.empty.memory_format, _aten.zeros.default, _aten.ones.default), _made),
}  # fmt: skip
# Torch hashes operators slowly; they live as long as the process.
_ANSWERS = {id(operator): answer for operator, answer in _BY_OPERATOR.items()}
