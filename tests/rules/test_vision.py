"""torchvision's operators, by the schemas that it registers."""

from __future__ import annotations

import pytest

from pytest_burden.engine.rules import Cost, find
from tests.rules.table import call, cost, spec


@pytest.mark.parametrize(("use_mask", "each"), [(False, 4), (True, 5)])
def test_deformable_convolution(*, use_mask: bool, each: int) -> None:
    """A convolution whose taps are interpolated: once a tap, an input channel and a place."""
    found = cost(
        "torchvision.deform_conv2d",
        spec(2, 6, 5, 5),
        input=spec(2, 4, 7, 7),
        weight=spec(6, 2, 3, 3),
        use_mask=use_mask,
    )
    outputs = 2 * 6 * 5 * 5
    assert found == Cost(outputs * (2 * 9), outputs + each * (2 * 4) * 9 * 25)


@pytest.mark.parametrize("name", ["torchvision.roi_align", "torchvision.ps_roi_align"])
def test_roi_align(name: str) -> None:
    """A fixed number of samples an output, each interpolated and added."""
    out = spec(10, 4, 7, 7)
    found = cost(name, out, input=spec(1, 4, 50, 50), sampling_ratio=2)
    assert found == Cost(0, out.numel * (2 * 2) * (4 + 1))


@pytest.mark.parametrize("ratio", [-1, 0, None])
def test_roi_align_with_samples_by_the_size_of_a_box_is_named(ratio: int | None) -> None:
    """How large boxes are is data."""
    op = call("torchvision.roi_align", spec(10, 4, 7, 7), sampling_ratio=ratio)
    found = find(op)
    assert found.state == "uncounted"
    assert "boxes" in found.because
    assert found.cost(op) == Cost()


def test_pooling_of_boxes_and_their_choice() -> None:
    """A maximum over boxes is named; choosing among boxes is free, as topk is."""
    assert find(call("torchvision.roi_pool", spec(10, 4, 7, 7))).state == "uncounted"
    assert find(call("torchvision.nms", spec(10, dtype="int64"))).state == "free"


@pytest.mark.parametrize("use_mask", [False, True])
def test_gradient_of_deformable_convolution(*, use_mask: bool) -> None:
    """Two products; each tap is read again, spread, and moves along two offsets."""
    found = cost(
        "torchvision._deform_conv2d_backward",
        spec(2, 4, 7, 7),
        grad=spec(2, 6, 5, 5),
        input=spec(2, 4, 7, 7),
        weight=spec(6, 2, 3, 3),
        use_mask=use_mask,
    )
    outputs, taps = 2 * 6 * 5 * 5, (2 * 4) * 9 * 25
    each = 4 + 4 + 2 * (4 + 1) + (3 if use_mask else 0)  # masked both ways, and the mask's own
    assert found == Cost(2 * outputs * (2 * 9), outputs + each * taps)


@pytest.mark.parametrize("name", ["_roi_align_backward", "_ps_roi_align_backward"])
def test_gradient_of_roi_align(name: str) -> None:
    """A quotient, and four pixels for each sample."""
    grad = spec(10, 4, 7, 7)
    found = cost(f"torchvision.{name}", spec(1, 4, 50, 50), grad=grad, sampling_ratio=2)
    assert found == Cost(0, grad.numel * (1 + (2 * 2) * 4))
    adaptive = call(f"torchvision.{name}", grad=grad, sampling_ratio=0)
    assert find(adaptive).state == "uncounted"


def test_gradient_of_roi_pool() -> None:
    """The largest element gets it; by position, all that were averaged do."""
    grad = spec(10, 4, 7, 7)
    assert cost("torchvision._roi_pool_backward", grad=grad) == Cost(0, grad.numel)
    assert find(call("torchvision._ps_roi_pool_backward", grad=grad)).state == "uncounted"
