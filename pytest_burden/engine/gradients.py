"""For which module autograd works: every operator of the backward has one, as in the forward."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

import torch

_saved_otherwise = torch._C._autograd._top_saved_tensors_default_hooks
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
        self.untold = False
        """Whether a forward did what its operators do not tell: has hung a hook, say."""
        self.taken: list[int] = []
        """Storages of all tensors that went into operators."""
        self.in_backward = False
        self._number = -1
        """Of the node whose operators were recorded last."""
        self._began = 0
        """Calls that were recorded before it."""

    def mark(self, module: int) -> int:
        """Note that from now on a module runs; return the position of the note."""
        self._starts.append(torch._C._autograd._get_sequence_nr())
        self._modules.append(module)
        return len(self._starts) - 1

    def nodes(self, since: int) -> list[tuple[int, int]]:
        """Return each note since one, and one for now: nodes made until then, module that ran."""
        self.mark(0)
        first = self._starts[since]
        numbers = [number - first for number in self._starts[since:]]
        return [*zip(numbers, self._modules[since:], strict=True)]

    def number(self, since: int) -> int:
        """Return the number of the first node that was made since a note."""
        return self._starts[since]

    def holder(self, parameter: torch.Tensor) -> int:
        """Return the module of a parameter."""
        return self._holders.get(id(parameter), 0)

    def note(self, taken: list[int]) -> None:
        """Note what goes into an operator, and whether it tells all that autograd makes of it."""
        self.taken += taken
        if not self.in_backward and (
            _saved_otherwise(True) is not None  # noqa: FBT003 takes no keyword
            or torch._C._current_autograd_node() is not None
        ):
            self.untold = True

    def is_formula(self, birth: int) -> bool:
        """Return whether the node that autograd is at has made a tensor, to work it up itself.

        That was made in call ``birth``. Where a node hands two gradients to one tensor it is not.
        """
        node = torch._C._current_autograd_node()
        if birth < self._began or node._sequence_nr() != self._number:
            return False
        receivers = [edge for edge in node.next_functions if edge[0] is not None]
        return len(set(receivers)) == len(receivers)

    def module(self, call: int) -> int:
        """Return the module of the node that autograd is at; the root where it is at none.

        It is told the number of calls that are recorded before this one.
        """
        node = torch._C._current_autograd_node()
        if node is None:
            return 0
        number = node._sequence_nr()
        if number != self._number:
            self._number, self._began = number, call
        if number == _SUMS_UP:
            variable = node.variable  # type: ignore[attr-defined]  # such nodes have it
            return self.holder(variable)
        position = bisect_right(self._starts, number)
        return self._modules[position - 1] if position else 0
