"""For which module autograd works: every operator of the backward has one, as in the forward."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path

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
        self.hooked = False
        """Whether a forward has hung a hook onto a tensor."""
        self._asked = 0
        self._engine_asked = True

    def mark(self, module: int) -> int:
        """Note that from now on a module runs; return the position of the note."""
        self._starts.append(torch._C._autograd._get_sequence_nr())
        self._modules.append(module)
        return len(self._starts) - 1

    def nodes(self, since: int) -> list[int]:
        """Return how many nodes were made until each note since one, and until now."""
        numbers = [*self._starts[since:], torch._C._autograd._get_sequence_nr()]
        return [number - numbers[0] for number in numbers]

    def begin(self) -> None:
        """Note that a backward begins."""
        self._asked, self._engine_asked = 0, True

    def was_alone(self, calls: int) -> bool:
        """Return whether autograd made all ``calls`` of the backward, and no Python code any."""
        return self._engine_asked and self._asked == calls

    def module(self) -> int:
        """Return the module of the node that autograd is at; the root where it is at none."""
        node = torch._C._current_autograd_node()
        if node is None:
            self._asked += not self._asked  # the first gradient, that of the loss
            return 0
        self._asked += 1
        self._engine_asked = self._engine_asked and _called_by_engine()
        number = node._sequence_nr()
        if number == _SUMS_UP:
            variable = node.variable  # type: ignore[attr-defined]  # such nodes have it
            return self._holders.get(id(variable), 0)
        position = bisect_right(self._starts, number)
        return self._modules[position - 1] if position else 0


_ENGINE = torch.autograd.graph._engine_run_backward.__code__
_OWN = str(Path(__file__).parent)


def _called_by_engine() -> bool:
    """Return whether no code but ours stands between an operator and autograd's engine."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename.startswith(_OWN):
        frame = frame.f_back  # type: ignore[assignment]  # the engine's own ends the loop
    return frame.f_code is _ENGINE
