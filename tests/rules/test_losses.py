"""Losses that are one operator: the elementwise work of their definition."""

from __future__ import annotations

import pytest

from pytest_burden.engine.rules import Cost
from pytest_burden.engine.spec import Argument
from tests.rules.table import cost, spec

X = spec(3, 4)
PAIR: dict[str, Argument] = {"self": X, "target": X}
CLASSES: dict[str, Argument] = {"self": X, "target": spec(3, dtype="int64")}
KEPT, MEAN = {"reduction": 0}, {"reduction": 1}


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("mse_loss", {**PAIR, **KEPT}, Cost(0, 2 * 12)),
        ("mse_loss", {**PAIR, **MEAN}, Cost(0, 3 * 12)),
        ("smooth_l1_loss", {**PAIR, **KEPT}, Cost(0, 8 * 12)),
        ("huber_loss", {**PAIR, **MEAN}, Cost(0, 9 * 12)),
        ("binary_cross_entropy", {**PAIR, **KEPT}, Cost(0, 6 * 12, 2 * 12)),
        ("binary_cross_entropy", {**PAIR, **MEAN, "weight": X}, Cost(0, 8 * 12, 2 * 12)),
        ("binary_cross_entropy_with_logits", {**PAIR, **KEPT}, Cost(0, 3 * 12, 12)),
        (
            "binary_cross_entropy_with_logits",
            {**PAIR, **MEAN, "weight": X, "pos_weight": spec(4)},
            Cost(0, (3 + 3 + 1 + 1) * 12, 12),
        ),
        ("soft_margin_loss", {**PAIR, **MEAN}, Cost(0, 4 * 12, 2 * 12)),
        ("multi_margin_loss", {**CLASSES, **KEPT}, Cost(0, 4 * 12)),
        ("multi_margin_loss", {**CLASSES, **MEAN, "p": 2, "weight": spec(4)}, Cost(0, 6 * 12 + 3)),
        ("multilabel_margin_loss_forward", {**PAIR, **KEPT}, Cost(0, 4 * 12 * 4)),
        ("multilabel_margin_loss_forward", {**PAIR, **MEAN}, Cost(0, 4 * 12 * 4 + 3)),
        ("nll_loss_forward", {**CLASSES, **KEPT}, Cost(0, 3)),
        ("nll_loss_forward", {**CLASSES, **MEAN, "weight": spec(4)}, Cost(0, 3 * 3)),
        ("nll_loss2d_forward", {"target": spec(2, 5, 5), **MEAN}, Cost(0, 2 * 50)),
    ],
)
def test_losses(name: str, arguments: dict[str, Argument], expected: Cost) -> None:
    """Each sign of the formula is an operation, each log and exp a function value."""
    assert cost(f"aten.{name}", spec(), **arguments) == expected


def test_ctc() -> None:
    """Every state at every time step is a log of a sum of exponentials, whatever the lengths."""
    states = spec(2, 10, 2 * 4 + 1)
    assert cost("aten._ctc_loss", spec(2), states) == Cost(0, 4 * 180, 4 * 180)
