"""Interpolation, sampling on a grid, Fourier transforms."""

from __future__ import annotations

import pytest

from pytest_burden.engine.rules import Cost
from pytest_burden.engine.spec import Argument, Spec
from tests.rules.table import call, cost, find_state, spec


@pytest.mark.parametrize(
    ("name", "out", "each"),
    [
        ("upsample_linear1d", (2, 3, 9), 4),
        ("upsample_bilinear2d", (2, 3, 9, 9), 4),
        ("_upsample_bilinear2d_aa", (2, 3, 9, 9), 4),
        ("upsample_trilinear3d", (2, 3, 9, 9, 9), 8),
        ("upsample_bicubic2d", (2, 3, 9, 9), 16),
        ("_upsample_bicubic2d_aa", (2, 3, 9, 9), 16),
        ("_upsample_lanczos2d_aa", (2, 3, 9, 9), 6 * 6),
    ],
)
def test_interpolation(name: str, out: tuple[int, ...], each: int) -> None:
    """An operation for each neighbour of an output element."""
    assert cost(f"aten.{name}", Spec(out), self=spec(2, 3, 5)) == Cost(0, each * Spec(out).numel)


@pytest.mark.parametrize("name", ["upsample_nearest2d", "_upsample_nearest_exact1d"])
def test_nearest_copies(name: str) -> None:
    """The nearest neighbour is copied."""
    assert find_state(call(f"aten.{name}", spec(2, 3, 9, 9), self=spec(2, 3, 5, 5))) == "free"


@pytest.mark.parametrize(("mode", "each"), [(0, 4), (1, 0), (2, 16)])
def test_grid_2d(mode: int, each: int) -> None:
    """Bilinear, nearest, bicubic, in torch's order."""
    found = cost("aten.grid_sampler_2d", spec(2, 3, 5, 5), interpolation_mode=mode)
    assert found == Cost(0, each * 150)


@pytest.mark.parametrize(("mode", "each"), [(0, 8), (1, 0)])
def test_grid_3d(mode: int, each: int) -> None:
    """Trilinear, nearest."""
    found = cost("aten.grid_sampler_3d", spec(2, 3, 1, 5, 5), interpolation_mode=mode)
    assert found == Cost(0, each * 150)


def test_affine_grid() -> None:
    """Each point, with a 1 behind it, by a matrix."""
    flat = cost("aten.affine_grid_generator", spec(2, 4, 5, 2), theta=spec(2, 2, 3))
    assert flat == Cost((2 * 4 * 5) * 2 * 3)
    deep = cost("aten.affine_grid_generator", spec(2, 3, 4, 5, 3), theta=spec(2, 3, 4))
    assert deep == Cost((2 * 3 * 4 * 5) * 3 * 4)


COMPLEX = {"dtype": "complex64"}


@pytest.mark.parametrize(
    ("name", "arguments", "out", "expected"),
    [
        # 5·n·log2(n) a transform: eight of 16 points, one of 8 by 16 points
        ("_fft_c2c", {"self": spec(8, 16), "dim": [1]}, (8, 16), 8 * (5 * 16 * 4)),
        ("_fft_c2c", {"self": spec(8, 16), "dim": [0]}, (8, 16), 16 * (5 * 8 * 3)),
        ("_fft_c2c", {"self": spec(8, 16), "dim": [0, 1]}, (8, 16), 5 * 128 * 7),
        ("_fft_c2c", {"self": spec(8, 16), "dim": [-1]}, (8, 16), 8 * (5 * 16 * 4)),
        # to and from real numbers: n is the number of those
        ("_fft_r2c", {"self": spec(8, 16), "dim": [1]}, (8, 9), 8 * (5 * 16 * 4)),
        ("_fft_c2r", {"self": spec(8, 9), "dim": [1]}, (8, 16), 8 * (5 * 16 * 4)),
        ("_fft_c2c", {"self": spec(2, 1), "dim": [1]}, (2, 1), 0),
        ("_fft_c2c", {"self": spec(0, 16), "dim": [1]}, (0, 16), 0),
        # 5·2·3·log2(3) = 47.54...: rounded once, for both transforms together
        ("_fft_c2c", {"self": spec(2, 3), "dim": [1]}, (2, 3), 48),
    ],
)
def test_fourier(
    name: str, arguments: dict[str, Argument], out: tuple[int, ...], expected: int
) -> None:
    """No multiply-adds: a transform is counted as what it is, not as a matrix product."""
    assert cost(f"aten.{name}", spec(*out, **COMPLEX), **arguments) == Cost(0, expected)
