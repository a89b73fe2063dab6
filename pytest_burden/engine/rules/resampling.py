"""Images read between their pixels: interpolation, sampling on a grid."""

from __future__ import annotations

from pytest_burden.engine.rules.matmul import products
from pytest_burden.engine.rules.registry import Cost, aten, free, rule
from pytest_burden.engine.spec import Spec

free(
    *aten("upsample_nearest1d upsample_nearest2d upsample_nearest3d"),
    *aten("_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d"),
    because="each output is a copy of the nearest input",
)


@rule(*aten("upsample_linear1d upsample_bilinear2d _upsample_bilinear2d_aa"))
def bilinear(out: Spec) -> Cost:
    """4 operations an output element: one a neighbour.

    out (N, C, *D). Smoothing before it is made smaller (anti-aliasing) is not counted apart.
    """
    return Cost(other=4 * out.numel)


@rule("aten.upsample_trilinear3d")
def trilinear(out: Spec) -> Cost:
    """8 operations an output element: one a neighbour.

    out (N, C, D, H, W).
    """
    return Cost(other=8 * out.numel)


@rule(*aten("upsample_bicubic2d _upsample_bicubic2d_aa"))
def bicubic(out: Spec) -> Cost:
    """16 operations an output element: one a neighbour.

    out (N, C, H, W). Smoothing before it is made smaller (anti-aliasing) is not counted apart.
    """
    return Cost(other=16 * out.numel)


@rule("aten._upsample_lanczos2d_aa")
def lanczos(out: Spec) -> Cost:
    """36 operations an output element: one a neighbour, six each way.

    out (N, C, H, W).
    """
    return Cost(other=36 * out.numel)


@rule(*aten("grid_sampler_2d _grid_sampler_2d_cpu_fallback cudnn_grid_sampler"))
def grid_sample_2d(out: Spec, interpolation_mode: int = 0) -> Cost:
    """An interpolation an output element: bilinear 4, nearest 0, bicubic 16.

    out (N, C, H, W), interpolation_mode in this order. The weights of a place are made once for
    all channels and are left out, as in an interpolation.
    """
    return Cost(other=out.numel * (4, 0, 16)[interpolation_mode])


@rule("aten.grid_sampler_3d")
def grid_sample_3d(out: Spec, interpolation_mode: int) -> Cost:
    """An interpolation an output element: trilinear 8, nearest 0.

    out (N, C, D, H, W), interpolation_mode in this order.
    """
    return Cost(other=out.numel * (8, 0)[interpolation_mode])


@rule(*aten("affine_grid_generator cudnn_affine_grid_generator"))
def affine_grid(theta: Spec, out: Spec) -> Cost:
    """A matrix product: each point of the grid by the matrix of its image.

    theta (N, 2, 3) or (N, 3, 4), out (N, *D, 2 or 3).
    """
    return Cost(macs=products(out, theta.shape[-1]))
