"""For which module autograd works: every operator of the backward has one, as in the forward."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

import torch

_SUMS_UP = 2**64 - 1
"""The number of the nodes that add to the gradient of a parameter."""


class Gradients:
    """Knows for which module a backward operator works: the one whose forward made its node.

    Autograd numbers its nodes in the order of the forward; here stands from which number on which
    module was running.
    """

    def __init__(self, holders: Mapping[int, int]) -> None:
        """Attribute the sums of a parameter's gradients by ``holders``: module by ``id``."""
        self._holders = holders
        self._starts: list[int] = []
        self._modules: list[int] = []

    def mark(self, module: int) -> None:
        """Note that from now on a module runs."""
        self._starts.append(torch._C._autograd._get_sequence_nr())
        self._modules.append(module)

    def module(self) -> int:
        """Return the module of the node that autograd is at; the root where it is at none."""
        node = torch._C._current_autograd_node()
        if node is None:
            return 0
        number = node._sequence_nr()
        if number == _SUMS_UP:
            variable = node.variable  # type: ignore[attr-defined]  # such nodes have it
            return self._holders.get(id(variable), 0)
        position = bisect_right(self._starts, number)
        return self._modules[position - 1] if position else 0
