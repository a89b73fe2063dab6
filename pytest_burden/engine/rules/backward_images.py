"""Gradients of pooling, interpolation, sampling on a grid and padding: sums over neighbours.

Where the forward reads an element with a weight, the backward adds to it with that weight: one
operation, as there.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from pytest_burden.engine.rules.pooling import Sizes
from pytest_burden.engine.rules.registry import Cost, aten, rule
from pytest_burden.engine.rules.resampling import bicubic, bilinear, lanczos, trilinear
from pytest_burden.engine.spec import Spec


@rule(
    *aten("max_pool2d_backward mkldnn_max_pool2d_backward mkldnn_max_pool3d_backward"),
    *aten("max_pool2d_with_indices_backward max_pool3d_with_indices_backward"),
    *aten("adaptive_max_pool2d_backward adaptive_max_pool3d_backward"),
    *aten("fractional_max_pool2d_backward fractional_max_pool3d_backward"),
    *aten("upsample_nearest1d_backward upsample_nearest2d_backward upsample_nearest3d_backward"),
    *aten("_upsample_nearest_exact1d_backward _upsample_nearest_exact2d_backward"),
    *aten("_upsample_nearest_exact3d_backward"),
    *aten("reflection_pad1d_backward reflection_pad2d_backward reflection_pad3d_backward"),
    *aten("replication_pad1d_backward replication_pad2d_backward replication_pad3d_backward"),
)
def to_source(grad_output: Spec) -> Cost:
    """One addition an element of grad_output, to the input that it was read from.

    grad_output (N, C, *D).
    """
    return Cost(other=grad_output.numel)


@rule("aten.avg_pool2d_backward")
def average2d(grad_output: Spec, kernel_size: Sizes) -> Cost:
    """g/area, added to each element of the window: 1 + kernel area operations an element of g.

    grad_output (N, C, H, W).
    """
    return _average(grad_output, kernel_size, dimensions=2)


@rule("aten.avg_pool3d_backward")
def average3d(grad_output: Spec, kernel_size: Sizes) -> Cost:
    """g/volume, added to each element of the window: 1 + kernel volume operations an element of g.

    grad_output (N, C, D, H, W).
    """
    return _average(grad_output, kernel_size, dimensions=3)


def _average(grad_output: Spec, kernel_size: Sizes, dimensions: int) -> Cost:
    sizes = [kernel_size] if isinstance(kernel_size, int) else list(kernel_size)
    area = prod(sizes if len(sizes) == dimensions else sizes[:1] * dimensions)
    return Cost(other=grad_output.numel * (1 + area))


@rule(
    *aten("_adaptive_avg_pool2d_backward mkldnn_adaptive_avg_pool2d_backward"),
    *aten("_adaptive_avg_pool3d_backward adaptive_avg_pool3d_backward"),
)
def adaptive_average(grad_output: Spec, self: Spec) -> Cost:
    """g/size, one operation an element of g, and one addition an input element.

    self (N, C, *D'), grad_output (N, C, *D).
    """
    return Cost(other=grad_output.numel + self.numel)


@rule(
    *aten("upsample_linear1d_backward upsample_bilinear2d_backward"),
    *aten("_upsample_bilinear2d_aa_backward"),
)
def bilinear_backward(grad_output: Spec) -> Cost:
    """As many operations as the forward: one a neighbour.

    grad_output (N, C, *D).
    """
    return bilinear(grad_output)


@rule("aten.upsample_trilinear3d_backward")
def trilinear_backward(grad_output: Spec) -> Cost:
    """As many operations as the forward: one a neighbour.

    grad_output (N, C, D, H, W).
    """
    return trilinear(grad_output)


@rule(*aten("upsample_bicubic2d_backward _upsample_bicubic2d_aa_backward"))
def bicubic_backward(grad_output: Spec) -> Cost:
    """As many operations as the forward: one a neighbour.

    grad_output (N, C, H, W).
    """
    return bicubic(grad_output)


@rule("aten._upsample_lanczos2d_aa_backward")
def lanczos_backward(grad_output: Spec) -> Cost:
    """As many operations as the forward: one a neighbour.

    grad_output (N, C, H, W).
    """
    return lanczos(grad_output)


@rule(*aten("grid_sampler_2d_backward _grid_sampler_2d_cpu_fallback_backward"))
def grid_sample_2d(
    grad_output: Spec, interpolation_mode: int, output_mask: Sequence[bool] = (True, True)
) -> Cost:
    """One addition an element of g and a neighbour, bilinear 4, nearest 1, bicubic 16; the grid's.

    grad_output g (N, C, H, W), interpolation_mode in this order. The gradient of the grid: for
    each of its 2 coordinates an interpolation by the slopes of the weights, and its sum with g;
    none for the nearest.
    """
    return _sampled(grad_output, (4, 1, 16)[interpolation_mode], 2, output_mask)


@rule("aten.grid_sampler_3d_backward")
def grid_sample_3d(
    grad_output: Spec, interpolation_mode: int, output_mask: Sequence[bool] = (True, True)
) -> Cost:
    """One addition an element of g and a neighbour, trilinear 8, nearest 1; the grid's.

    grad_output g (N, C, D, H, W), interpolation_mode in this order; the grid has 3 coordinates.
    """
    return _sampled(grad_output, (8, 1)[interpolation_mode], 3, output_mask)


@rule("aten.cudnn_grid_sampler_backward")
def grid_sample_of_cudnn(grad_output: Spec) -> Cost:
    """As `grid_sample_2d`, bilinear, both gradients.

    grad_output (N, C, H, W).
    """
    return _sampled(grad_output, 4, 2, (True, True))


def _sampled(
    grad_output: Spec, neighbours: int, coordinates: int, output_mask: Sequence[bool]
) -> Cost:
    to_input, to_grid = output_mask
    each = neighbours if to_input else 0
    if to_grid and neighbours > 1:
        each += coordinates * (neighbours + 1)
    return Cost(other=each * grad_output.numel)
