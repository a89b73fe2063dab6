"""What is known of distinct calls: what each returns, and writes to, is worked out once.

It lives as long as the process: what an operator returns is a function of its arguments' specs, of
which of them share a storage, and of its scalars with their types.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pytest_burden.engine.abstract import AbstractTensor
from pytest_burden.engine.call import NEVER, Call, operator_of
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.kernels import infer
from pytest_burden.engine.result import Output, Plain, Result, Same
from pytest_burden.engine.spec import Op

aten = torch.ops.aten


class Entry:
    """What is known of one distinct call: its description, its outputs, what it writes to."""

    __slots__ = ("lone", "op", "result", "writes")

    def __init__(self, op: Op, result: Result, writes: tuple[int, ...]) -> None:
        self.op = op
        self.result = result
        self.writes = writes
        self.lone = _lone(result, writes)
        """The only output if all there is to do is to hand it out, as for most calls."""


MEMO: dict[tuple[object, ...], Entry] = {}


def learn(
    call: Call,
    key: tuple[object, ...],
    shared: tuple[int, ...],
    stand_in: Call | None = None,
) -> Entry:
    """Infer a call's outputs once and remember them.

    Raises:
        NoShape: they depend on data.
    """
    asked = stand_in or call
    storages = (None if stand_in else shared) or range(len(asked.tensors))
    result = infer(asked, storages)
    outputs = tuple(o.spec for o in result.outputs if not isinstance(o, Plain))
    written = {
        id(tensor)
        for position, name in call.operator.writes
        for tensor in _flat(_argument(call, position, name))
    }
    writes = tuple(i for i, tensor in enumerate(call.tensors) if id(tensor) in written)
    entry = Entry(call.op(outputs), result, writes)
    if NEVER not in call.key:
        MEMO[key] = entry
    return entry


def _lone(result: Result, writes: tuple[int, ...]) -> Output | None:
    """Return the only output, None if a call does more than to hand it out.

    Writing into what is handed out is no more: it is abstract, or has no such output.
    """
    if len(result.outputs) != 1 or result.container is not None or result.reshaped:
        return None
    (output,) = result.outputs
    written = (output.index,) if type(output) is Same else ()
    return output if writes == written else None


def _argument(call: Call, position: int, name: str) -> object:
    return call.args[position] if position < len(call.args) else call.kwargs.get(name)


def _flat(value: object) -> Sequence[object]:
    return value if isinstance(value, (list, tuple)) else (value,)


def by_value_of(call: Call, homes: Homes) -> Call | None:
    """Return a call whose output shape says what this one's says only by a real tensor's values.

    A boolean index is the integer index of its true elements: ``x[mask]`` is ``x[nonzero(mask)]``.
    """
    if call.func is aten.masked_select.default:
        source, mask = call.args
        return _of_selected(source, mask, homes)
    if call.func is aten._ctc_loss.Tensor:
        return _of_lengths(call, homes)
    if call.func is not aten.index.Tensor:
        return None
    source, indices = call.args
    masks = [index for index in indices if index is not None and index.dtype in _MASKS]
    if not masks or any(type(mask) is AbstractTensor or not homes.trusts(mask) for mask in masks):
        return None
    positions: list[torch.Tensor | None] = []
    for index in indices:
        if index is None or index.dtype not in _MASKS:
            positions.append(index)
        else:
            positions += index.nonzero().unbind(1)
    return Call(operator_of(aten.index.Tensor), (source, positions), {})


def _of_selected(source: torch.Tensor, mask: torch.Tensor, homes: Homes) -> Call | None:
    """Return a call that makes as many elements as a mask selects, which is broadcast first."""
    if mask.dtype is not torch.bool or type(mask) is AbstractTensor or not homes.trusts(mask):
        return None
    repeats = torch.broadcast_shapes(source.shape, mask.shape).numel() // max(mask.numel(), 1)
    selected = int(mask.count_nonzero()) * repeats
    return Call(operator_of(aten.new_empty.default), (source, [selected]), {})


def _of_lengths(call: Call, homes: Homes) -> Call | None:
    """Return the same loss with lengths that are lists."""
    scores, targets, *lengths = call.args[:4]
    if any(type(each) is AbstractTensor or not homes.trusts(each) for each in lengths):
        return None
    known = [each.tolist() for each in lengths]
    args = (scores, targets, *known, *call.args[4:])
    return Call(operator_of(aten._ctc_loss.default), args, call.kwargs)


_MASKS = (torch.bool, torch.uint8)
