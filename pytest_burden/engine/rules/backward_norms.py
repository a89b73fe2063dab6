"""Gradients of normalisations.

g is the gradient of the output, xhat = (x - mean)·rstd the normalised input, made again: 2
operations. A sum of products is 2 operations an element, as a variance is. What there is one of
for each channel, group or row is not counted, as in the forward.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_burden.engine.rules.registry import Cost, aten, rule
from pytest_burden.engine.spec import Spec

_ALL = (True, True, True)


def _by_channel(elements: int, output_mask: Sequence[bool]) -> Cost:
    """Return the cost where weights and sums are by channel: the sums serve all three gradients."""
    to_input, to_weight, to_bias = output_mask
    products = 4 if to_input or to_weight else 0  # xhat, and sum(g·xhat)
    sums = 1 if to_input or to_bias else 0  # sum(g)
    return Cost(other=elements * (products + sums + (4 if to_input else 0)))


@rule("aten.native_batch_norm_backward")
def batch_norm(input: Spec, train: bool, output_mask: Sequence[bool] = _ALL) -> Cost:
    """w·rstd·(g - mean(g) - xhat·mean(g·xhat)): 9 operations an element in training.

    input (N, C, *D). xhat 2, the two means 3, the rest 4; the gradients of weight and bias,
    sum(g·xhat) and sum(g), are made on the way: alone they are 4 and 1. In evaluation the first
    is g·(w·rstd), 1 operation.
    """
    if train:
        return _by_channel(input.numel, output_mask)
    to_input, to_weight, to_bias = output_mask
    each = (1 if to_input else 0) + (4 if to_weight else 0) + (1 if to_bias else 0)
    return Cost(other=each * input.numel)


@rule("aten.batch_norm_backward")
def batch_norm_with_update(input: Spec, update: bool, output_mask: Sequence[bool] = _ALL) -> Cost:
    """9 operations an element in training: as `batch_norm`.

    input (N, C, *D); update says that it trains.
    """
    return batch_norm(input, update, output_mask)


@rule(*aten("cudnn_batch_norm_backward miopen_batch_norm_backward"))
def batch_norm_training(input: Spec) -> Cost:
    """9 operations an element: as `batch_norm` in training, all three gradients.

    input (N, C, *D).
    """
    return batch_norm(input, train=True)


@rule("aten.batch_norm_backward_reduce")
def batch_norm_sums(input: Spec, input_g: bool, weight_g: bool, bias_g: bool) -> Cost:
    """sum(g) and sum(g·(x - mean)): 4 operations an element, the first part across workers.

    input (N, C, *D). The first sum is for input and bias, the second for input and weight.
    """
    sums, products = 1 if input_g or bias_g else 0, 3 if input_g or weight_g else 0
    return Cost(other=(sums + products) * input.numel)


@rule("aten.batch_norm_backward_elemt")
def batch_norm_elements(input: Spec) -> Cost:
    """(g - a - (x - mean)·b)·c: 5 operations an element, its second part.

    input (N, C, *D); a, b and c are one for each channel.
    """
    return Cost(other=5 * input.numel)


@rule("aten.native_group_norm_backward")
def group_norm(input: Spec, output_mask: Sequence[bool]) -> Cost:
    """rstd·(g·w - mean(g·w) - xhat·mean(g·w·xhat)): 9 operations an element.

    input (N, C, *D). Weights are by channel: the means over a group are made of sums over its
    channels, which are the gradients of weight and bias too, as in `batch_norm`.
    """
    return _by_channel(input.numel, output_mask)


@rule("aten.native_layer_norm_backward")
def layer_norm(input: Spec, weight: Spec | None, output_mask: Sequence[bool]) -> Cost:
    """rstd·(h - mean(h) - xhat·mean(h·xhat)), h = g·w: 9 operations an element, 10 with w.

    input (*, normalised shape). xhat 2, the two means 3, the rest 4, and h; for the weight
    sum(g·xhat), 2 more (with xhat 4, alone), for the bias sum(g), 1.
    """
    to_input, to_weight, to_bias = output_mask
    each = 2 if to_input or to_weight else 0
    each += (7 + bool(weight)) if to_input else 0
    each += (2 if to_weight else 0) + (1 if to_bias else 0)
    return Cost(other=each * input.numel)


@rule("aten._fused_rms_norm_backward")
def rms_norm(input: Spec, weight: Spec | None, output_mask: Sequence[bool]) -> Cost:
    """rstd·(h - xhat·mean(h·xhat)), h = g·w: 6 operations an element, 7 with w.

    input (*, normalised shape). xhat = x·rstd 1, the mean 2, the rest 3, and h; for the weight
    sum(g·xhat), 2 more (with xhat 3, alone).
    """
    to_input, to_weight = output_mask
    each = 1 if to_input or to_weight else 0
    each += (5 + bool(weight)) if to_input else 0
    each += 2 if to_weight else 0
    return Cost(other=each * input.numel)


@rule("aten._weight_norm_interface_backward")
def weight_norm(saved_v: Spec) -> Cost:
    """a·(g - v·b), where sum(g·v) is in b: 5 operations a weight.

    saved_v: any shape; a and b are one for each slice of it. The sum 2, the rest 3.
    """
    return Cost(other=5 * saved_v.numel)
