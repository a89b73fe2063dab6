"""The user's own optimizers, which a hook of the network may reach: none of them moves here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

from pytest_burden.engine.homes import Homes
from pytest_burden.errors import MeasureError


@contextmanager
def bystanders(homes: Homes) -> Iterator[None]:
    """Refuse steps of optimizers of tensors that ``homes`` does not know, until the block ends.

    Hooks are given copies of what they name. What they reach in another way (an attribute of a
    class, a method that looks up a name) is the user's.
    """
    thread = threading.get_ident()
    zero_grad = Optimizer.zero_grad

    def refuse(optimizer: Optimizer, *_: object) -> None:
        mine = threading.get_ident() == thread
        if mine and not all(map(homes.knows, _parameters(optimizer))):
            raise MeasureError(
                f"the network has a hook that moves an optimizer which is not its own:"
                f" {type(optimizer).__name__}. While a network is measured its hooks get copies of"
                " what they hold and name; this one was reached in another way"
            )

    def watched(optimizer: Optimizer, *args: Any, **kwargs: Any) -> None:
        refuse(optimizer)
        zero_grad(optimizer, *args, **kwargs)

    handle = register_optimizer_step_pre_hook(refuse)
    _set_zero_grad(watched)
    try:
        yield
    finally:
        _set_zero_grad(zero_grad)
        handle.remove()


def _parameters(optimizer: Optimizer) -> Iterator[torch.Tensor]:
    for group in optimizer.param_groups:
        yield from group["params"]


def _set_zero_grad(function: Callable[..., None]) -> None:
    Optimizer.zero_grad = function  # type: ignore[method-assign]
