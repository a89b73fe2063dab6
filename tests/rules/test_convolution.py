"""Convolutions: each row is the arithmetic of one layer, written out."""

from __future__ import annotations

import pytest

from pytest_burden.engine.rules import Cost
from pytest_burden.engine.spec import Argument, Spec
from tests.rules.table import cost, spec


@pytest.mark.parametrize(
    ("given", "weight", "bias", "out", "expected"),
    [
        # 1d, 2d, 3d: one multiply-add for each output and each tap of the kernel
        ((2, 3, 9), (4, 3, 5), None, (2, 4, 5), Cost((2 * 4 * 5) * (3 * 5))),
        ((1, 1, 7, 7), (8, 1, 3, 3), None, (1, 8, 5, 5), Cost((8 * 5 * 5) * (1 * 3 * 3))),
        ((1, 2, 4, 4, 4), (3, 2, 2, 2, 2), None, (1, 3, 3, 3, 3), Cost((3 * 27) * (2 * 8))),
        # the bias is an addition an output
        ((1, 1, 7, 7), (8, 1, 3, 3), (8,), (1, 8, 5, 5), Cost((8 * 25) * 9, 8 * 25)),
        # padded: as if the border were data
        ((1, 1, 5, 5), (1, 1, 3, 3), None, (1, 1, 5, 5), Cost(25 * 9)),
        # grouped: each output sees its group's channels only; depthwise: one channel
        ((1, 4, 5, 5), (6, 2, 3, 3), None, (1, 6, 3, 3), Cost((6 * 9) * (2 * 9))),
        ((1, 4, 5, 5), (4, 1, 3, 3), None, (1, 4, 3, 3), Cost((4 * 9) * (1 * 9))),
        # unbatched, and an empty batch
        ((3, 9), (4, 3, 5), None, (4, 5), Cost((4 * 5) * (3 * 5))),
        ((0, 3, 9), (4, 3, 5), (4,), (0, 4, 5), Cost()),
    ],
)
def test_convolution(
    given: tuple[int, ...],
    weight: tuple[int, ...],
    bias: tuple[int, ...] | None,
    out: tuple[int, ...],
    expected: Cost,
) -> None:
    """Sites·taps multiply-adds, plus the bias."""
    arguments: dict[str, Argument] = {
        "input": Spec(given),
        "weight": Spec(weight),
        "bias": Spec(bias) if bias else None,
    }
    assert cost("aten.convolution", Spec(out), **arguments, transposed=False) == expected
    assert cost("aten.conv2d", Spec(out), **arguments) == expected
    arguments["self"] = arguments.pop("input")
    assert cost("aten.mkldnn_convolution", Spec(out), **arguments) == expected


@pytest.mark.parametrize(
    ("given", "weight", "bias", "out", "expected"),
    [
        # each *input* element meets the kernel once, whatever the stride
        ((1, 8, 6, 6), (8, 4, 3, 3), None, (1, 4, 13, 13), Cost((8 * 36) * (4 * 9))),
        ((1, 8, 6, 6), (8, 4, 3, 3), (4,), (1, 4, 13, 13), Cost((8 * 36) * (4 * 9), 4 * 169)),
        ((2, 4, 5), (4, 3, 2), None, (2, 6, 10), Cost((2 * 4 * 5) * (3 * 2))),  # two groups
    ],
)
def test_transposed(
    given: tuple[int, ...],
    weight: tuple[int, ...],
    bias: tuple[int, ...] | None,
    out: tuple[int, ...],
    expected: Cost,
) -> None:
    """The sites of a transposed convolution are its inputs; the bias is added to its outputs."""
    arguments: dict[str, Argument] = {
        "input": Spec(given),
        "weight": Spec(weight),
        "bias": Spec(bias) if bias else None,
    }
    assert cost("aten.convolution", Spec(out), **arguments, transposed=True) == expected
    assert cost("aten.conv_transpose2d", Spec(out), **arguments) == expected
    arguments["self"] = arguments.pop("input")
    assert cost("aten.slow_conv_transpose2d", Spec(out), **arguments) == expected


def test_complex() -> None:
    """A complex multiply-add is four real ones."""
    given, weight, out = (spec(*s, dtype="complex64") for s in [(1, 1, 5), (1, 1, 3), (1, 1, 3)])
    expected = Cost(4 * 3 * 3)
    assert cost("aten.convolution", out, input=given, weight=weight, bias=None) == expected


def test_time_first() -> None:
    """conv_tbc keeps time first and the channels of its kernel in the middle."""
    out = spec(8, 2, 5)
    found = cost("aten.conv_tbc", out, self=spec(10, 2, 4), weight=spec(3, 4, 5), bias=spec(5))
    assert found == Cost((8 * 2 * 5) * (3 * 4), 8 * 2 * 5)


@pytest.mark.parametrize(
    ("attr", "each"),
    [("none", Cost()), ("relu", Cost(other=2)), ("add", Cost(other=1)), ("tanh", Cost(0, 0, 1))],
)
def test_fused(attr: str, each: Cost) -> None:
    """What is fused behind a convolution costs what it costs alone."""
    out = spec(1, 8, 5, 5)
    found = cost(
        "mkldnn._convolution_pointwise",
        out,
        X=spec(1, 1, 7, 7),
        W=spec(8, 1, 3, 3),
        B=spec(8),
        attr=attr,
    )
    assert found == Cost(200 * 9, 200 + 200 * each.other, 200 * each.transcendental)


def test_rectified_on_gpu() -> None:
    """One kernel of cuDNN adds a bias and a second operand and rectifies."""
    out, arguments = spec(1, 8, 5, 5), {"weight": spec(8, 1, 3, 3), "bias": spec(8)}
    assert cost("aten.cudnn_convolution_relu", out, **arguments) == Cost(200 * 9, 3 * 200)
    summed = cost("aten.cudnn_convolution_add_relu", out, **arguments, z=spec(1, 8, 5, 5))
    assert summed == Cost(200 * 9, 4 * 200)
