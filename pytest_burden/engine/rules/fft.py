"""Fourier transforms."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2, prod

from pytest_burden.engine.rules.registry import Cost, rule
from pytest_burden.engine.spec import Spec


def transforms(points: Spec, dim: Sequence[int]) -> Cost:
    """Return 5·n·log2(n) operations a transform, n the points of one, rounded once at the end.

    The radix-2 count of Cooley and Tukey, by which transforms of any size are compared.
    Source: Frigo & Johnson, The Design and Implementation of FFTW3, 2005.
    """
    size = prod(points.shape[axis] for axis in dim)
    return Cost(other=round(5 * points.numel * log2(size)) if points.numel else 0)


@rule("aten._fft_c2c", "aten._fft_r2c")
def forward(self: Spec, dim: Sequence[int]) -> Cost:
    """5·n·log2(n) operations a transform.

    self (..., *n, ...): n points along dim; real ones count as complex ones.
    """
    return transforms(self, dim)


@rule("aten._fft_c2r")
def to_real(out: Spec, dim: Sequence[int]) -> Cost:
    """5·n·log2(n) operations a transform.

    out (..., *n, ...): n points along dim, of which self holds one half.
    """
    return transforms(out, dim)
