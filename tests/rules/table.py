"""What the tables in these tests are made of: one call of an operator, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pytest_burden.engine.rules import Cost, find
from pytest_burden.engine.schema import DTYPE_NAMES, make_op
from pytest_burden.engine.spec import Argument, Op, Spec


def spec(*shape: int, dtype: str = "float32") -> Spec:
    """Return a tensor of that shape."""
    return Spec(shape, dtype)


def call(name: str, *outputs: Spec, **arguments: Argument) -> Op:
    """Return one call of an operator that is neither a view nor tagged."""
    return Op(name, "default", arguments, outputs)


def cost(name: str, *outputs: Spec, **arguments: Argument) -> Cost:
    """Return what one call costs by the rule that is found for it, which has to be a count."""
    op = call(name, *outputs, **arguments)
    found = find(op)
    assert found.state == "counted", f"{name} is {found.state}: {found.because}"
    return found.cost(op)


def spec_of(tensor: torch.Tensor) -> Spec:
    """Return shape and dtype of a tensor, of whatever layout."""
    return Spec(tuple(tensor.shape), DTYPE_NAMES[tensor.dtype])


class Recorder(TorchDispatchMode):
    """Runs every operator for real and keeps what it was."""

    ops: list[Op]

    def __torch_dispatch__(
        self, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> object:
        """Run one operator and write it down."""
        result = func(*args, **(kwargs or {}))
        outputs = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        self.ops.append(make_op(func, args, kwargs or {}, tuple(map(spec_of, outputs)), spec_of))
        return result


def recorded(run: Callable[[], object]) -> list[Op]:
    """Run something for real, without gradients, and return the operators it called, in order."""
    mode = Recorder()  # type: ignore[no-untyped-call] # torch leaves its base class untyped
    mode.ops = []
    with torch.no_grad(), mode:
        run()
    return mode.ops


def total(ops: list[Op]) -> Cost:
    """Return what all of the calls cost together; none of them may be uncounted."""
    assert [op.name for op in ops if find(op).state == "uncounted"] == []
    return sum((find(op).cost(op) for op in ops), Cost())


def find_state(op: Op) -> str:
    """Return whether the call is counted, free or uncounted."""
    return find(op).state
