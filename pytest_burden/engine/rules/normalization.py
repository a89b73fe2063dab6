"""Normalisations over batch, layer, group, instance and channel, and of weights."""

from __future__ import annotations

from math import prod

from pytest_burden.engine.rules.registry import Cost, aten, free, rule
from pytest_burden.engine.spec import Spec


@rule(
    *aten("batch_norm native_batch_norm cudnn_batch_norm miopen_batch_norm _batch_norm_impl_index"),
    *aten("_native_batch_norm_legit _native_batch_norm_legit_functional"),
)
def batch_norm(input: Spec, training: bool) -> Cost:
    """Nothing in evaluation, 6 operations an element in training.

    input (N, C, *D). In evaluation it is a fixed scale and shift, folded into the convolution
    before it. Source: albanie/convnet-burden, ``core/burden.m``.
    """
    return Cost(other=6 * input.numel if training else 0)


@rule(*aten("_batch_norm_with_update _batch_norm_with_update_functional"))
def batch_norm_training(input: Spec) -> Cost:
    """6 operations an element: a batch norm in training.

    input (N, C, *D).
    """
    return batch_norm(input, training=True)


free(
    *aten("_batch_norm_no_update _native_batch_norm_legit_no_training quantized_batch_norm"),
    *("quantized.batch_norm", "quantized.batch_norm1d", "quantized.batch_norm2d"),
    *("quantized.batch_norm3d", "onednn.qbatch_norm2d"),
    because="a batch norm in evaluation is folded into the convolution before it",
)


@rule(*aten("batch_norm_stats batch_norm_update_stats"))
def batch_norm_stats(input: Spec) -> Cost:
    """2 operations an element: mean and variance, the first part of a batch norm in training.

    input (N, C, *D).
    """
    return Cost(other=2 * input.numel)


@rule("aten.batch_norm_elemt")
def batch_norm_elemt(input: Spec) -> Cost:
    """4 operations an element: shift, scale and affine weights, its second part.

    input (N, C, *D).
    """
    return Cost(other=4 * input.numel)


@rule(*aten("batch_norm_gather_stats batch_norm_gather_stats_with_counts"))
def batch_norm_gather_stats(mean: Spec, invstd: Spec) -> Cost:
    """2 operations for each statistic of each worker.

    mean, invstd (workers, C).
    """
    return Cost(other=2 * (mean.numel + invstd.numel))


def normalized(input: Spec, *, affine: bool) -> Cost:
    """Return 4 operations an element, 6 with affine weights."""
    return Cost(other=(6 if affine else 4) * input.numel)


@rule(
    "torch.rms_norm",
    *aten("native_layer_norm layer_norm native_group_norm group_norm rms_norm _fused_rms_norm"),
    *("quantized.layer_norm", "quantized.group_norm", "quantized.instance_norm"),
)
def layer_norm(input: Spec, weight: Spec | None, bias: Spec | None = None) -> Cost:
    """4 operations an element: mean, variance, shift, scale; 6 with affine weights.

    input: any shape; weight and bias: the normalised shape, or the channels.
    """
    return normalized(input, affine=bool(weight or bias))


@rule("torch.instance_norm", "aten.instance_norm")
def instance_norm(
    input: Spec, weight: Spec | None, bias: Spec | None, use_input_stats: bool | None
) -> Cost:
    """4 operations an element, 6 with affine weights; nothing with the statistics of training.

    input (N, C, *D), weight and bias (C,). With running statistics it is a fixed scale and shift,
    as a batch norm in evaluation is; not told, it takes the input's own.
    """
    if use_input_stats is False:
        return Cost()
    return normalized(input, affine=bool(weight or bias))


@rule("torch.local_response_norm")
def local_response_norm(input: Spec) -> Cost:
    """|out| + (2 + 2·C)·N·H·W operations.

    input (N, C, *D), of which H and W are the *D.
    Source: albanie/convnet-burden, ``core/burden.m``.
    """
    batch, channels, *sizes = input.shape
    return Cost(other=input.numel + (2 + 2 * channels) * batch * prod(sizes))


@rule(*aten("_weight_norm_interface _weight_norm"))
def weight_norm(v: Spec) -> Cost:
    """3 operations a weight: its norm, and the scale.

    v: any shape, g: one number for each slice of v.
    """
    return Cost(other=3 * v.numel)


@rule("aten.renorm")
def renorm(self: Spec) -> Cost:
    """3 operations an element: its norm, and the scale.

    self: any shape.
    """
    return Cost(other=3 * self.numel)


@rule("aten.embedding_renorm")
def embedding_renorm(self: Spec, indices: Spec) -> Cost:
    """3 operations for each element of the rows looked up: their norm, and the scale.

    self (rows, width), indices: any shape.
    """
    return Cost(other=3 * indices.numel * prod(self.shape[1:]))
