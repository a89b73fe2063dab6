"""Operators of one's own: with a shape function, and without."""

from __future__ import annotations

import torch


@torch.library.custom_op("burden_tests::product", mutates_args=())
def product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return ``x @ y``, hidden from every counter."""
    return x @ y


@product.register_fake
def _(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return x.new_empty(x.shape[0], y.shape[1])


@torch.library.custom_op("burden_tests::shapeless", mutates_args=())
def shapeless(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return ``x @ y``; nobody told torch of which shape that is."""
    return x @ y


@torch.library.custom_op("burden_tests::product_into", mutates_args={"out"})
def product_into(out: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> None:
    """Write ``x @ y`` where it is told to, as kernels written by hand do, and return nothing."""
    torch.mm(x, y, out=out)
