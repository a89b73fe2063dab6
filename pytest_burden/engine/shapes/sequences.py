"""What the loss of sequences that are not aligned returns: torch has no shape function for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from pytest_burden.engine.call import Call
from pytest_burden.engine.result import Result
from pytest_burden.engine.schema import DTYPES
from pytest_burden.engine.shapes.ordinary import Answer, new


def _ctc(call: Call) -> Result | None:
    """A loss for each sequence, and a logarithm for each position and state of it.

    A target of n labels has 2 n + 1 states, for blanks stand around them; the longest counts.
    """
    scores, targets = call.specs
    lengths, labels = call.args[2:4]
    fits = (
        len(scores.shape) == 3  # noqa: PLR2004 positions, sequences, classes
        and scores.dtype in ("float32", "float64")
        and not scores.pending
        and len(lengths) == len(labels) == scores.shape[1] > 0
        and max(lengths) <= scores.shape[0]
        and min(*lengths, *labels) >= 0
        and targets.dtype in ("int32", "int64")
        and _hold(targets.shape, labels)
    )
    if not fits:
        return None
    positions, sequences, _ = scores.shape
    dtype = DTYPES[scores.dtype]
    states = (sequences, positions, 2 * max(labels) + 1)
    return Result((new((sequences,), dtype), new(states, dtype)), tuple, reshaped=False)


def _hold(shape: tuple[int, ...], labels: list[int]) -> bool:
    """Return whether there are so many labels: one after the other, or in rows."""
    if len(shape) == 1:
        return shape[0] == sum(labels)
    return len(shape) == 2 and shape[0] == len(labels) and shape[1] >= max(labels)  # noqa: PLR2004


_aten: Any = torch.ops.aten
ANSWERS: Mapping[Any, Answer] = {_aten._ctc_loss.default: _ctc}
