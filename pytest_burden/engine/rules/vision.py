"""torchvision's own operators, for detection and deformable convolution."""

from __future__ import annotations

from math import prod

from pytest_burden.engine.rules.convolution import taps
from pytest_burden.engine.rules.registry import Cost, free, rule, uncounted
from pytest_burden.engine.spec import Op, Spec

_BILINEAR = 4
"""Operations to read one value between four pixels, as in an interpolation."""


@rule("torchvision.deform_conv2d")
def deform_conv2d(input: Spec, weight: Spec, use_mask: bool, out: Spec) -> Cost:
    """A convolution with bias; each tap is read by an interpolation, and masked if asked for.

    input (N, C, H', W'), weight (C', C/groups, kh, kw), out (N, C', H, W); a tap of each channel
    is read once for all outputs. torchvision always adds a bias, zeros if there is none.
    Source: Dai et al. 2017, arXiv:1703.06211; Zhu et al. 2018, arXiv:1811.11168.
    """
    places = out.shape[0] * prod(out.shape[2:]) * prod(weight.shape[2:])
    read = input.shape[1] * places * (_BILINEAR + (1 if use_mask else 0))
    return Cost(macs=taps(weight, out.numel), other=out.numel + read)


@rule("torchvision._deform_conv2d_backward")
def deform_conv2d_backward(grad: Spec, input: Spec, weight: Spec, use_mask: bool) -> Cost:
    """Twice the multiply-adds of the forward, a sum for the bias, and each tap read and spread.

    grad (N, C', H, W), input (N, C, H', W'), weight (C', C/groups, kh, kw). A tap is read again,
    its gradient spread over four pixels, both masked if asked for; each of its two offsets takes
    an interpolation by the slopes of the weights and a sum, its mask a sum. All five gradients
    are made, whichever are asked for.
    """
    places = grad.shape[0] * prod(grad.shape[2:]) * prod(weight.shape[2:])
    each = 2 * _BILINEAR + 2 * (_BILINEAR + 1) + (3 if use_mask else 0)
    other = grad.numel + input.shape[1] * places * each
    return Cost(macs=2 * taps(weight, grad.numel), other=other)


@rule("torchvision.roi_align", "torchvision.ps_roi_align")
def roi_align(out: Spec, sampling_ratio: int) -> Cost:
    """ratio**2 samples an output element: an interpolation and an addition each.

    out (boxes, C, h, w). Source: He et al. 2017, arXiv:1703.06870.
    """
    return Cost(other=out.numel * sampling_ratio**2 * (_BILINEAR + 1))


@rule("torchvision._roi_align_backward", "torchvision._ps_roi_align_backward")
def roi_align_backward(grad: Spec, sampling_ratio: int) -> Cost:
    """For each of ratio**2 samples 4 additions, to its pixels, and one quotient an element of grad.

    grad (boxes, C, h, w).
    """
    return Cost(other=grad.numel * (1 + sampling_ratio**2 * _BILINEAR))


@rule("torchvision._roi_pool_backward")
def roi_pool_backward(grad: Spec) -> Cost:
    """One addition an element of grad, to the input that was the largest.

    grad (boxes, C, h, w).
    """
    return Cost(other=grad.numel)


def _adaptive(op: Op) -> bool:
    ratio = op.arguments.get("sampling_ratio")
    return not isinstance(ratio, int) or ratio <= 0


uncounted(
    *("torchvision.roi_align", "torchvision.ps_roi_align"),
    *("torchvision._roi_align_backward", "torchvision._ps_roi_align_backward"),
    because="how many samples it takes depends on the sizes of the boxes",
    when=_adaptive,
)
uncounted(
    *("torchvision.roi_pool", "torchvision.ps_roi_pool", "torchvision._ps_roi_pool_backward"),
    because="how many elements it compares or sums depends on the sizes of the boxes",
)
free("torchvision.nms", because="chooses boxes, as topk and unique choose elements")
