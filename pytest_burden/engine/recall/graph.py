"""Autograd's graph as plain data: with the tape of a forward, it says what the backward does."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from pytest_burden.engine.abstract import AbstractTensor
from pytest_burden.engine.spec import Spec

_IN_PYTHON = torch._C._FunctionBase
"""Nodes of custom functions, of reentrant checkpoints and of hooks on modules."""


class Leaf(NamedTuple):
    """What adds to the gradient of a parameter."""

    spec: Spec
    storage: int


class Node(NamedTuple):
    """One step of a backward."""

    kind: str
    number: int
    """Position in the forward, by which autograd chooses among the steps that can be done next."""
    following: tuple[tuple[int, int] | None, ...]
    """Which nodes of the graph its results go to, and as which of their inputs."""


Graph = tuple[Leaf | Node, ...]


def graph_of(loss: torch.Tensor, first_node: int, first_storage: int) -> Graph | None:
    """Return what a backward from ``loss`` goes through, None if code in Python takes part.

    Nodes and storages are counted from those that were the first of the forward. The caller sees
    to it that no function mode is asked.
    """
    nodes: list[Any] = [loss.grad_fn]
    positions = {nodes[0]: 0}
    graph: list[Leaf | Node] = []
    for node in nodes:  # which grows meanwhile
        if isinstance(node, _IN_PYTHON):
            return None
        edges = node.next_functions
        if not edges and (variable := getattr(node, "variable", None)) is not None:
            hooks = variable._backward_hooks or variable._post_accumulate_grad_hooks
            if type(variable) is not AbstractTensor or hooks:
                return None
            graph.append(Leaf(variable.spec, since(variable.token.index, first_storage)))
            continue
        following: list[tuple[int, int] | None] = []
        for one, place in edges:
            if one is None:
                following.append(None)
                continue
            position = positions.setdefault(one, len(nodes))
            if position == len(nodes):
                nodes.append(one)
            following.append((position, place))
        graph.append(Node(node.name(), node._sequence_nr() - first_node, tuple(following)))
    return tuple(graph)


def since(index: int, first: int) -> int:
    """Return an index counted from a first; what was before it has the same for every first."""
    return index - first if index >= first else ~index
