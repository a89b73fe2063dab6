"""What the most common operators return, where nobody need be asked: torch takes its time.

Its shape functions decompose and dispatch on, 7 ms for a batch norm. Here are answers for tensors
of one floating dtype whose arguments fit together, many of them for the ordinary layout alone; all
else is left to torch, its error messages among it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_burden.engine.call import Call
from pytest_burden.engine.result import Result
from pytest_burden.engine.shapes import arranging, images, pointwise, sequences, transformers
from pytest_burden.engine.shapes.ordinary import Answer

BY_OPERATOR: Mapping[Any, Answer] = {
    **pointwise.ANSWERS,
    **images.ANSWERS,
    **transformers.ANSWERS,
    **arranging.ANSWERS,
    **sequences.ANSWERS,
}
# Torch hashes operators slowly; they live as long as the process.
_ANSWERS = {id(operator): answer for operator, answer in BY_OPERATOR.items()}


def known_result(call: Call) -> Result | None:
    """Return what a call returns, None if torch has to be asked."""
    answer = _ANSWERS.get(id(call.func))
    return answer(call) if answer is not None else None
