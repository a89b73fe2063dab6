"""Sums into places that an index names: one operation a source element, none without a sum."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from pytest_burden.engine.rules.registry import Cost, aten, rule
from pytest_burden.engine.spec import Spec


@rule(*aten("scatter_add scatter_reduce"))
def scatter_add(index: Spec) -> Cost:
    """One operation a source element that the index names.

    index: not larger than src along any dimension.
    """
    return Cost(other=index.numel)


@rule("aten.scatter")
def scatter(index: Spec, reduce: str | None = None) -> Cost:
    """One operation a source element with a reduction, none without.

    index: not larger than src along any dimension.
    """
    return Cost(other=index.numel if reduce else 0)


@rule("aten.index_add")
def index_add(source: Spec, alpha: complex = 1) -> Cost:
    """One addition a source element, and one product if alpha scales it.

    source: any shape.
    """
    return Cost(other=source.numel * (2 if alpha != 1 else 1))


@rule("aten.index_reduce")
def index_reduce(source: Spec) -> Cost:
    """One operation a source element.

    source: any shape.
    """
    return Cost(other=source.numel)


@rule("aten.put")
def put(source: Spec, accumulate: bool = False) -> Cost:
    """One addition a source element if they accumulate, none otherwise.

    source: any shape.
    """
    return Cost(other=source.numel if accumulate else 0)


@rule(*aten("index_put _index_put_impl _unsafe_index_put"))
def index_put(
    self: Spec, indices: Sequence[Spec | None], values: Spec, accumulate: bool = False
) -> Cost:
    """One addition a source element if they accumulate, none otherwise.

    values: broadcast to the places that the indices name; how many places a mask names depends
    on its data, so there the values are counted as they are.
    """
    if not accumulate:
        return Cost()
    given = [index for index in indices if index]
    if any(index.dtype in {"bool", "uint8"} for index in given):
        return Cost(other=values.numel)
    return Cost(other=prod(_broadcast(given)) * prod(_kept(self, indices)))


@rule("aten._unsafe_masked_index_put_accumulate")
def masked_index_put(values: Spec) -> Cost:
    """One addition a source element.

    values: any shape.
    """
    return Cost(other=values.numel)


def _broadcast(indices: Sequence[Spec]) -> list[int]:
    longest = max((len(index.shape) for index in indices), default=0)
    padded = [(1,) * (longest - len(index.shape)) + index.shape for index in indices]
    return [0 if 0 in sizes else max(sizes) for sizes in zip(*padded, strict=True)]


def _kept(given: Spec, indices: Sequence[Spec | None]) -> list[int]:
    """Return the sizes of the dimensions that no index takes."""
    return [
        size for dim, size in enumerate(given.shape) if dim >= len(indices) or indices[dim] is None
    ]


@rule(*aten("_embedding_bag _embedding_bag_forward_only"))
def embedding_bag(weight: Spec, indices: Spec) -> Cost:
    """One operation a source element: indices·width.

    weight (rows, width), indices (bags, size) or all in one. Weighting a row before it is added
    is part of the one multiply-add.
    """
    return Cost(other=indices.numel * prod(weight.shape[1:]))


@rule(
    *("quantized.embedding_bag_byte", "quantized.embedding_bag_4bit"),
    "quantized.embedding_bag_byte_rowwise_offsets",
    "quantized.embedding_bag_4bit_rowwise_offsets",
    "quantized.embedding_bag_2bit_rowwise_offsets",
)
def quantized_embedding_bag(indices: Spec, out: Spec) -> Cost:
    """One operation a source element: indices·width.

    indices: any shape, out (bags, width).
    """
    return Cost(other=indices.numel * out.shape[-1])


@rule(*aten("bincount histc histogram _histogramdd_from_bin_cts _histogramdd_from_bin_tensors"))
def histogram(self: Spec) -> Cost:
    """One addition an input element.

    self: any shape.
    """
    return Cost(other=self.numel)


@rule("aten.col2im")
def col2im(self: Spec) -> Cost:
    """One addition an input element: windows are summed where they overlap.

    self (N, C·kernel area, windows).
    """
    return Cost(other=self.numel)


@rule("aten.unfold_backward")
def unfold_backward(grad_in: Spec) -> Cost:
    """One addition an input element: windows are summed where they overlap.

    grad_in: the windows.
    """
    return Cost(other=grad_in.numel)
