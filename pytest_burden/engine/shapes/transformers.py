"""What transformers are made of beside pointwise operators: products, attention, norms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from pytest_burden.engine.abstract import intern
from pytest_burden.engine.call import Call
from pytest_burden.engine.result import New, Result
from pytest_burden.engine.schema import DTYPES
from pytest_burden.engine.shapes.ordinary import Answer, alike, another, new, no_empty, one
from pytest_burden.engine.spec import contiguous_strides
from pytest_burden.engine.strides import is_dense


def _layer_norm(call: Call) -> Result | None:
    """The normalised input, and a mean and a deviation of all that are normalised together.

    They are contiguous, whatever the input is.
    """
    normalized = tuple(call.args[1])
    source, *others = call.specs
    before = source.shape[: len(source.shape) - len(normalized)]
    fits = (
        alike(call)
        and no_empty(call)
        and normalized
        and source.shape == (*before, *normalized)
        and all(spec.shape == normalized for spec in others)
    )
    if not fits:
        return None
    dtype = DTYPES[source.dtype]
    statistics = new((*before, *[1] * len(normalized)), dtype)
    return Result((new(source.shape, dtype), statistics, statistics), tuple, reshaped=False)


def _product(call: Call) -> Result | None:
    """(n, k) x (k, m), and a bias of m before; the result is contiguous, whatever they are."""
    *bias, left, right = call.specs
    fits = (
        alike(call)
        and len(left.shape) == len(right.shape) == 2  # noqa: PLR2004 matrices
        and left.shape[1] == right.shape[0]
        and all(spec.shape == right.shape[1:] for spec in bias)
    )
    return one(new((left.shape[0], right.shape[1]), DTYPES[left.dtype])) if fits else None


def _products(call: Call) -> Result | None:
    """(b, n, k) x (b, k, m); the result is contiguous, whatever they are."""
    left, right = call.specs
    fits = (
        alike(call)
        and len(left.shape) == len(right.shape) == 3  # noqa: PLR2004 matrices
        and left.shape[0] == right.shape[0]
        and left.shape[2] == right.shape[1]
        and no_empty(call)
    )
    shape = (*left.shape[:2], *right.shape[2:])
    return one(new(shape, DTYPES[left.dtype])) if fits else None


def _softmax(call: Call) -> Result | None:
    """Share out one among the elements along a dimension."""
    dim, as_float = call.args[1:]
    rank = max(len(call.specs[0].shape), 1)
    return another(call) if not as_float and -rank <= dim < rank else None


def _embedding(call: Call) -> Result | None:
    """A row of a table for each index."""
    table, indices = call.specs
    fits = (
        table.is_floating
        and not table.pending
        and len(table.shape) == 2  # noqa: PLR2004 rows and columns
        and table.strides == contiguous_strides(table.shape)
        and indices.dtype in ("int32", "int64")
        and no_empty(call)
    )
    return one(new((*indices.shape, table.shape[1]), DTYPES[table.dtype])) if fits else None


def _attention(call: Call) -> Result | None:
    """What is attended to, laid out as the queries, and the logarithm of each query's sum."""
    query, key, value, *mask = call.specs
    fits = (
        alike(call)
        and no_empty(call)
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


_aten: Any = torch.ops.aten
ANSWERS: Mapping[Any, Answer] = {
    _aten.native_layer_norm.default: _layer_norm,
    **dict.fromkeys((_aten.mm.default, _aten.addmm.default), _product),
    _aten.bmm.default: _products,
    _aten._softmax.default: _softmax,
    _aten.embedding.default: _embedding,
    _aten._scaled_dot_product_flash_attention_for_cpu.default: _attention,
}
