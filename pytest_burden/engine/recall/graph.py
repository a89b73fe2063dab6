"""Autograd's graph as plain data: with the tape of a forward, it says what the backward does."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import torch

from pytest_burden.engine.abstract import AbstractTensor

Nodes: TypeAlias = "tuple[tuple[object, ...], ...]"
"""Each node once. Of most its kind, its number in the forward, by which autograd chooses among
those that can be done next, and then in turn which nodes its results go to (-1 for none), and as
which of their inputs. Of one that adds to the gradient of a parameter, what tells that one."""

_IN_PYTHON = torch._C._FunctionBase
"""Nodes of custom functions, of reentrant checkpoints and of hooks on modules."""


class _Mark:
    """Lives as long as the node it is put on."""

    __slots__ = ("__weakref__",)


class Graph(NamedTuple):
    """What a backward goes through."""

    nodes: Nodes
    marks: list[weakref.ref[_Mark]]
    """On the nodes of the parameters, where every way ends."""

    def is_gone(self) -> bool:
        """Return whether nobody keeps a part of it, which a backward would have emptied."""
        return all(mark() is None for mark in self.marks)


def graph_of(loss: torch.Tensor, first: int, trained: Mapping[int, int]) -> Graph | None:
    """Return what a backward from ``loss`` goes through, None if not only autograd takes part.

    Nodes are counted from the ``first`` of the forward; ``trained`` are positions of parameters,
    by ``id``. The caller sees to it that no function mode is asked.
    """
    marks: list[weakref.ref[_Mark]] = []
    nodes: list[Any] = [loss.grad_fn]
    positions = {None: -1, nodes[0]: 0}
    graph: list[tuple[object, ...]] = []
    for node in nodes:  # which grows meanwhile
        edges = node.next_functions
        if not edges and (variable := getattr(node, "variable", None)) is not None:
            hooks = variable._backward_hooks or variable._post_accumulate_grad_hooks
            position = trained.get(id(variable))
            if type(variable) is not AbstractTensor or hooks or position is None:
                return None
            mark = node.metadata["pytest-burden"] = _Mark()
            marks.append(weakref.ref(mark))
            dtype = getattr(variable, "grad_dtype", None)  # which not every torch has
            graph.append((position, variable.spec, variable.requires_grad, dtype))
            continue
        if isinstance(node, _IN_PYTHON):
            return None
        described: list[object] = [node.name(), node._sequence_nr() - first]
        for one, place in edges:
            position = positions.get(one)
            if position is None:
                position = positions[one] = len(nodes)
                nodes.append(one)
            described += (position, place)
        graph.append((*described,))
    return Graph(tuple(graph), marks)


def since(index: int, first: int) -> int:
    """Return an index counted from a first; what was before it has the same for every first."""
    return index - first if index >= first else ~index
