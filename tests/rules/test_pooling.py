"""Pooling: two operations for each input that a stride passes, one where all go into one."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 its usual name

from pytest_burden.engine.rules import Cost
from pytest_burden.engine.spec import Argument, Spec
from tests.rules.table import call, cost, find_state, recorded, spec, total


@pytest.mark.parametrize(
    ("name", "out", "arguments", "expected"),
    [
        # 2 · |out| · stride area
        ("max_pool2d_with_indices", (1, 8, 5, 5), {"kernel_size": [3, 3], "stride": [2, 2]}, 4),
        ("avg_pool2d", (1, 8, 5, 5), {"kernel_size": [3, 3], "stride": [2, 3]}, 6),
        ("avg_pool2d", (1, 8, 5, 5), {"kernel_size": [3, 3], "stride": [1, 1]}, 1),
        ("max_pool2d", (1, 8, 5, 5), {"kernel_size": [3, 3], "stride": [2]}, 4),
        ("max_pool2d", (1, 8, 5, 5), {"kernel_size": 3, "stride": 2}, 4),
        # no stride: as large as the window
        ("max_pool2d_with_indices", (1, 8, 5, 5), {"kernel_size": [3, 2], "stride": []}, 6),
        ("max_pool2d_with_indices", (1, 8, 5, 5), {"kernel_size": [3]}, 9),
        ("avg_pool1d", (1, 8, 25), {"kernel_size": [3], "stride": [2]}, 2),
        ("max_pool3d_with_indices", (1, 8, 1, 5, 5), {"kernel_size": [3], "stride": [2]}, 8),
        ("avg_pool3d", (1, 8, 1, 5, 5), {"kernel_size": [1, 2, 3], "stride": []}, 6),
    ],
)
def test_windows(
    name: str, out: tuple[int, ...], arguments: dict[str, Argument], expected: int
) -> None:
    """Two operations for each place of the stride, whatever the window."""
    found = cost(f"aten.{name}", Spec(out), self=spec(1, 8, 99), **arguments)
    assert found == Cost(other=2 * 200 * expected)


@pytest.mark.parametrize(
    ("name", "given", "out", "expected"),
    [
        ("_adaptive_avg_pool2d", (2, 8, 7, 7), (2, 8, 1, 1), 2 * 8 * 49),
        ("_adaptive_avg_pool2d", (2, 8, 7, 7), (2, 8, 3, 3), 2 * (2 * 8 * 49)),
        ("_adaptive_avg_pool2d", (8, 7, 7), (8, 1, 3), 2 * (8 * 49)),
        ("adaptive_max_pool2d", (2, 8, 7, 7), (2, 8, 1, 1), 2 * 8 * 49),
        ("adaptive_avg_pool1d", (2, 8, 7), (2, 8, 1), 2 * 8 * 7),
        ("adaptive_avg_pool1d", (2, 8, 7), (2, 8, 2), 2 * (2 * 8 * 7)),
        ("_adaptive_avg_pool3d", (2, 8, 4, 7, 7), (2, 8, 1, 1, 1), 2 * 8 * 4 * 49),
        ("_adaptive_avg_pool3d", (2, 8, 4, 7, 7), (2, 8, 2, 1, 1), 2 * (2 * 8 * 4 * 49)),
        ("fractional_max_pool2d", (2, 8, 7, 7), (2, 8, 5, 5), 2 * (2 * 8 * 49)),
    ],
)
def test_adaptive(name: str, given: tuple[int, ...], out: tuple[int, ...], expected: int) -> None:
    """Two operations an input, one if a whole image goes into one number."""
    assert cost(f"aten.{name}", Spec(out), self=Spec(given)) == Cost(other=expected)


def test_global_average_costs_the_same_by_either_operator() -> None:
    """A mean stands for an average pool to 1x1 in torch; both are one operation an input."""
    x = torch.ones(2, 8, 7, 7)
    ops = recorded(lambda: F.adaptive_avg_pool2d(x, 1))
    assert total(ops) == Cost(other=2 * 8 * 49)
    assert cost("aten._adaptive_avg_pool2d", spec(2, 8, 1, 1), self=spec(2, 8, 7, 7)) == total(ops)


def test_one_dimension_costs_the_same_by_either_operator() -> None:
    """A line is pooled as an image of height 1."""
    ops = recorded(lambda: F.max_pool1d(torch.ones(2, 8, 12), 3, 2))
    assert total(ops) == cost("aten.max_pool1d", spec(2, 8, 5), kernel_size=[3], stride=[2])
    assert total(ops) == Cost(other=2 * (2 * 8 * 5) * 2)


def test_unpooling_moves() -> None:
    """Putting elements where indices say computes nothing."""
    assert find_state(call("aten.max_unpool2d", spec(1, 1, 4, 4), self=spec(1, 1, 2, 2))) == "free"
