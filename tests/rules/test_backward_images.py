"""Gradients of pooling, interpolation, sampling and padding."""

from __future__ import annotations

import pytest

from pytest_burden.engine.rules import Cost
from pytest_burden.engine.spec import Argument, Spec
from tests.rules.table import cost, spec

G = spec(2, 3, 4, 5)
ELEMENTS = 2 * 3 * 4 * 5


@pytest.mark.parametrize(
    "name",
    [
        "max_pool2d_with_indices_backward",
        "mkldnn_max_pool2d_backward",
        "adaptive_max_pool2d_backward",
        "fractional_max_pool2d_backward",
        "upsample_nearest2d_backward",
        "_upsample_nearest_exact2d_backward",
        "reflection_pad2d_backward",
        "replication_pad2d_backward",
    ],
)
def test_one_source(name: str) -> None:
    """Each gradient is added where its element was read."""
    assert cost(f"aten.{name}", spec(2, 3, 8, 10), grad_output=G) == Cost(0, ELEMENTS)


@pytest.mark.parametrize(
    ("name", "kernel", "area"),
    [
        ("avg_pool2d_backward", [3, 2], 3 * 2),
        ("avg_pool2d_backward", [3], 3 * 3),
        ("avg_pool2d_backward", 2, 2 * 2),
        ("avg_pool3d_backward", [1, 2, 3], 1 * 2 * 3),
        ("avg_pool3d_backward", [2], 2**3),
    ],
)
def test_average(name: str, kernel: Argument, area: int) -> None:
    """A quotient, and an addition for each place of the window."""
    found = cost(f"aten.{name}", spec(2, 3, 8, 10), grad_output=G, kernel_size=kernel)
    assert found == Cost(0, ELEMENTS * (1 + area))


@pytest.mark.parametrize(
    ("name", "given", "grad"),
    [
        ("_adaptive_avg_pool2d_backward", (2, 8, 7, 7), (2, 8, 1, 1)),
        ("_adaptive_avg_pool3d_backward", (2, 8, 4, 7, 7), (2, 8, 2, 3, 3)),
        ("mkldnn_adaptive_avg_pool2d_backward", (2, 8, 7, 7), (2, 8, 3, 3)),
    ],
)
def test_adaptive_average(name: str, given: tuple[int, ...], grad: tuple[int, ...]) -> None:
    """A quotient a gradient, an addition an input."""
    found = cost(f"aten.{name}", Spec(given), self=Spec(given), grad_output=Spec(grad))
    assert found == Cost(0, Spec(grad).numel + Spec(given).numel)


@pytest.mark.parametrize(
    ("name", "neighbours"),
    [
        ("upsample_linear1d", 4),
        ("upsample_bilinear2d", 4),
        ("_upsample_bilinear2d_aa", 4),
        ("upsample_trilinear3d", 8),
        ("upsample_bicubic2d", 16),
        ("_upsample_bicubic2d_aa", 16),
        ("_upsample_lanczos2d_aa", 36),
    ],
)
def test_interpolation(name: str, neighbours: int) -> None:
    """As many as the forward took for an image of that size."""
    found = cost(f"aten.{name}_backward", spec(2, 3, 2, 2), grad_output=G)
    assert found == cost(f"aten.{name}", G, self=spec(2, 3, 2, 2)) == Cost(0, neighbours * ELEMENTS)


@pytest.mark.parametrize(
    ("name", "mode", "to_input", "to_grid"),
    [
        # an interpolation for the input; one for each coordinate, and its sum with g
        ("grid_sampler_2d_backward", 0, 4, 2 * (4 + 1)),
        ("grid_sampler_2d_backward", 1, 1, 0),
        ("grid_sampler_2d_backward", 2, 16, 2 * (16 + 1)),
        ("grid_sampler_3d_backward", 0, 8, 3 * (8 + 1)),
        ("grid_sampler_3d_backward", 1, 1, 0),
    ],
)
def test_grid(name: str, mode: int, to_input: int, to_grid: int) -> None:
    """Of the input, of the grid, or both."""
    given: dict[str, Argument] = {"grad_output": G, "interpolation_mode": mode}
    for mask, each in (
        ([True, False], to_input),
        ([False, True], to_grid),
        ([True, True], to_input + to_grid),
    ):
        assert cost(f"aten.{name}", G, **given, output_mask=mask) == Cost(0, each * ELEMENTS)


def test_grid_without_a_mask() -> None:
    """Both gradients."""
    fallback = cost(
        "aten._grid_sampler_2d_cpu_fallback_backward", G, grad_output=G, interpolation_mode=0
    )
    assert fallback == Cost(0, (4 + 2 * (4 + 1)) * ELEMENTS)
    assert cost("aten.cudnn_grid_sampler_backward", G, grad_output=G) == fallback
