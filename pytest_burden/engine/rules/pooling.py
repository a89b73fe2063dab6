"""Pooling over windows."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from pytest_burden.engine.rules.registry import Cost, aten, free, rule
from pytest_burden.engine.spec import Spec

Sizes = int | Sequence[int]
"""One for all dimensions, or one each, as torch takes them."""


def windows(out: Spec, kernel_size: Sizes, stride: Sizes, dimensions: int) -> Cost:
    """Return 2 operations an output element and a place of the stride: two an input element.

    No stride is that of the kernel. Source: albanie/convnet-burden, ``core/burden.m``.
    """
    steps = stride or kernel_size
    sizes = [steps] if isinstance(steps, int) else list(steps)
    area = prod(sizes if len(sizes) == dimensions else sizes[:1] * dimensions)
    return Cost(other=2 * out.numel * area)


@rule(
    *aten("max_pool1d max_pool1d_with_indices avg_pool1d quantized_max_pool1d"),
    "quantized.max_pool1d",
)
def pool1d(out: Spec, kernel_size: Sizes, stride: Sizes = ()) -> Cost:
    """2·|out|·stride operations: two an input element.

    out (N, C, L).
    """
    return windows(out, kernel_size, stride, dimensions=1)


@rule(
    *aten("max_pool2d max_pool2d_with_indices avg_pool2d mkldnn_max_pool2d quantized_max_pool2d"),
    "quantized.max_pool2d",
)
def pool2d(out: Spec, kernel_size: Sizes, stride: Sizes = ()) -> Cost:
    """2·|out|·stride area operations: two an input element.

    out (N, C, H, W).
    """
    return windows(out, kernel_size, stride, dimensions=2)


@rule(
    *aten("max_pool3d max_pool3d_with_indices avg_pool3d mkldnn_max_pool3d quantized_max_pool3d"),
)
def pool3d(out: Spec, kernel_size: Sizes, stride: Sizes = ()) -> Cost:
    """2·|out|·stride volume operations: two an input element.

    out (N, C, D, H, W).
    """
    return windows(out, kernel_size, stride, dimensions=3)


@rule(*aten("adaptive_avg_pool1d adaptive_max_pool1d"))
def adaptive1d(self: Spec, out: Spec) -> Cost:
    """Two operations an input element, one if it all goes into one output.

    self (N, C, L'), out (N, C, L).
    """
    return adaptive(self, out, dimensions=1)


@rule(
    *aten("adaptive_avg_pool2d _adaptive_avg_pool2d adaptive_max_pool2d fractional_max_pool2d"),
    *aten("mkldnn_adaptive_avg_pool2d"),
)
def adaptive2d(self: Spec, out: Spec) -> Cost:
    """Two operations an input element, one if it all goes into one output.

    self (N, C, H', W'), out (N, C, H, W). A mean over H' and W' costs the same as that to 1·1.
    """
    return adaptive(self, out, dimensions=2)


@rule(*aten("adaptive_avg_pool3d _adaptive_avg_pool3d adaptive_max_pool3d fractional_max_pool3d"))
def adaptive3d(self: Spec, out: Spec) -> Cost:
    """Two operations an input element, one if it all goes into one output.

    self (N, C, D', H', W'), out (N, C, D, H, W).
    """
    return adaptive(self, out, dimensions=3)


def adaptive(given: Spec, out: Spec, dimensions: int) -> Cost:
    """Return the cost of windows whose stride is |in| / |out|, and of one that takes it all."""
    to_one = prod(out.shape[-dimensions:]) == 1
    return Cost(other=given.numel * (1 if to_one else 2))


free(*aten("max_unpool2d max_unpool3d"), because="puts elements where their indices say")
