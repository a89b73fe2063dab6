"""Autograd's graph as plain data: with the tape of a forward, it says what the backward does."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch

from pytest_burden.engine.abstract import AbstractTensor

Graph: TypeAlias = "tuple[tuple[object, ...], ...]"
"""Each node once. Of most its kind, its number in the forward, by which autograd chooses among
those that can be done next, and then in turn which nodes its results go to (-1 for none), and as
which of their inputs. Of one that adds to a leaf's gradient the leaf's spec and where it lies."""

_IN_PYTHON = torch._C._FunctionBase
"""Nodes of custom functions, of reentrant checkpoints and of hooks on modules."""


def graph_of(loss: torch.Tensor, first_node: int, first_storage: int) -> Graph | None:
    """Return what a backward from ``loss`` goes through, None if code in Python takes part.

    Nodes and storages are counted from those that were the first of the forward. The caller sees
    to it that no function mode is asked.
    """
    nodes: list[Any] = [loss.grad_fn]
    positions = {None: -1, nodes[0]: 0}
    graph: list[tuple[object, ...]] = []
    for node in nodes:  # which grows meanwhile
        edges = node.next_functions
        if not edges and (variable := getattr(node, "variable", None)) is not None:
            hooks = variable._backward_hooks or variable._post_accumulate_grad_hooks
            if type(variable) is not AbstractTensor or hooks:
                return None
            graph.append((variable.spec, since(variable.token.index, first_storage)))
            continue
        if isinstance(node, _IN_PYTHON):
            return None
        described: list[object] = [node.name(), node._sequence_nr() - first_node]
        for one, place in edges:
            position = positions.get(one)
            if position is None:
                position = positions[one] = len(nodes)
                nodes.append(one)
            described += (position, place)
        graph.append((*described,))
    return tuple(graph)


def since(index: int, first: int) -> int:
    """Return an index counted from a first; what was before it has the same for every first."""
    return index - first if index >= first else ~index
