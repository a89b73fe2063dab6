"""What checks of numbers come to, where the numbers are valid: networks ask before they go on.

`torch.distributions` checks its arguments by `torch._is_all_true`; whether all numbers are finite,
networks ask before they clamp. Either would be a reason for a real run, which draws valid numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import torch

from pytest_burden.engine.call import Call
from pytest_burden.engine.trace import OpCall

aten = torch.ops.aten

ASKED = 4
"""How many calls before a check say what it is about."""

_INVALID = frozenset({"aten.isinf", "aten.isnan"})
_FINITE = frozenset({"aten.abs", "aten.ne", "aten.eq", "aten.mul"})
"""What `torch.isfinite` calls: ``(x == x) * (x.abs() != inf)``."""


def outcome(call: Call, storage: int, before: Sequence[OpCall]) -> bool | None:
    """Return what a check says of valid numbers, None if it may say either.

    Args:
        call: of an operator that `Operator.asserts`.
        storage: of what it looks at.
        before: the last calls, at most `ASKED`.
    """
    if call.func is aten._is_all_true.default:
        return True
    if len(call.args) > 1 or not before or before[-1].storages != (storage,):
        return None
    if call.func is aten.any.default:
        return False if before[-1].op.name in _INVALID else None
    names = {each.op.name: each.op.arguments for each in before}
    finite = names.keys() == _FINITE and names["aten.ne"]["other"] == inf
    return True if finite and before[-1].op.name == "aten.mul" else None
