"""Calls of torch's own layers, recorded again from memory instead of being run again.

What a layer of torch does to a tensor without data is a function of its settings and of the tensors
that go in; `_given` says what else must hold.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.modules import module as torch_module

from pytest_burden.engine.abstract import AbstractTensor
from pytest_burden.engine.recall.calls import Code, Recall, gradients_asked, is_special, overrides


class Layer(NamedTuple):
    """One kind of layer: everything that its evaluation forward reads."""

    settings: Callable[[Any], Any]
    tensors: tuple[str, ...] | None = ()
    """Names of its parameters, then of its buffers; None for those in ``_flat_weights``."""


_AFFINE = ("weight", "bias")
_CONVOLUTION = Layer(
    attrgetter(
        "stride", "padding", "dilation", "groups", "padding_mode",
        "_reversed_padding_repeated_twice",
    ),
    _AFFINE,
)  # fmt: skip
_BATCH_NORM = Layer(
    attrgetter("momentum", "eps", "track_running_stats"),
    (*_AFFINE, "running_mean", "running_var", "num_batches_tracked"),
)
_INPLACE = Layer(attrgetter("inplace"))
_NO_SETTINGS: Callable[[Any], Any] = attrgetter("training")

_RECURRENT = Layer(
    attrgetter(
        "mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout",
        "bidirectional", "proj_size",
    ),
    None,
)  # fmt: skip

LAYERS: Mapping[type[nn.Module], Layer] = {
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), _CONVOLUTION),
    nn.Linear: Layer(_NO_SETTINGS, _AFFINE),
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d), _BATCH_NORM),
    nn.LayerNorm: Layer(attrgetter("normalized_shape", "eps"), _AFFINE),
    nn.GroupNorm: Layer(attrgetter("num_groups", "eps"), _AFFINE),
    **dict.fromkeys((nn.ReLU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Hardsigmoid), _INPLACE),
    **dict.fromkeys((nn.Sigmoid, nn.Tanh), Layer(_NO_SETTINGS)),
    nn.ReLU6: Layer(attrgetter("min_val", "max_val", "inplace")),
    nn.LeakyReLU: Layer(attrgetter("negative_slope", "inplace")),
    nn.ELU: Layer(attrgetter("alpha", "inplace")),
    nn.GELU: Layer(attrgetter("approximate")),
    **dict.fromkeys((nn.Dropout, nn.Dropout2d), Layer(attrgetter("p", "inplace"))),
    nn.MaxPool2d: Layer(
        attrgetter("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
    ),
    nn.AvgPool2d: Layer(
        attrgetter(
            "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad",
            "divisor_override",
        )
    ),
    nn.AdaptiveAvgPool2d: Layer(attrgetter("output_size")),
    **dict.fromkeys((nn.RNN, nn.LSTM, nn.GRU), _RECURRENT),
}  # fmt: skip
"""The layers that are remembered; no subclass of them, which may do something else."""


class Layers:
    """Answers the calls of layers in one run."""

    def __init__(self, recall: Recall) -> None:
        """Answer from ``recall`` what is known there."""
        self._recall = recall
        self._on = recall.trusted and _code.is_own()

    def call(self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return what the module returns, recorded as if it had run."""
        __tracebackhide__ = True
        if self._on and not kwargs and (given := _given(module, args)):
            key = _key(module, given)
            if key is not None:
                asked = gradients_asked(given)
                return self._recall.call(key, given, asked, module._call_impl, args)
        return module._call_impl(*args, **kwargs)


def _given(module: nn.Module, args: tuple[Any, ...]) -> list[AbstractTensor] | None:
    """Return the tensors that go into a call, None if it may differ from one seen before.

    It may if anything but torch's own code can take part (an override, a hook, a mode), in
    training mode (numbers are drawn, statistics kept), under autograd or autocast (which keep
    tensors), or if a tensor has values.
    """
    layer = LAYERS.get(type(module))
    if (
        layer is None
        or len(args) != 1
        or type(args[0]) is not AbstractTensor
        or module.training
        or overrides(module)
        or _has_hooks(module)
        or is_special(functions=1)
    ):
        return None
    tensors = _tensors(module, layer)
    if tensors is None:
        return None
    given = [args[0]]
    for tensor in tensors:
        if type(tensor) is AbstractTensor:
            given.append(tensor)
        elif tensor is not None and tensor is not module._buffers.get("num_batches_tracked"):
            return None
    return given


def _tensors(module: Any, layer: Layer) -> Sequence[torch.Tensor | None] | None:
    """Return what a layer computes with, None if that is not what it was made with."""
    if layer.tensors is not None:
        if (*module._parameters, *module._buffers) != layer.tensors:
            return None
        return (*module._parameters.values(), *module._buffers.values())
    weights = [module._parameters.get(name) for name in module._flat_weights_names]
    return weights if [*map(id, weights)] == [*map(id, module._flat_weights)] else None


def _has_hooks(module: nn.Module) -> bool:
    """Return whether a call would do more than call ``forward``, by the condition of torch."""
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or torch_module._global_forward_hooks
        or torch_module._global_forward_pre_hooks
        or torch_module._global_backward_hooks
        or torch_module._global_backward_pre_hooks
    )


def _key(module: nn.Module, given: Sequence[AbstractTensor]) -> tuple[object, ...] | None:
    kind = type(module)
    try:
        # Tells 1 from 1.0 and True, which are equal.
        settings = marshal.dumps(LAYERS[kind].settings(module), 2)
    except ValueError:  # something that nobody expects there
        return None
    return (
        kind,
        settings,
        torch.get_default_dtype(),
        *[tensor is None for tensor in module._parameters.values()],
        *[tensor.spec for tensor in given],
    )


_code = Code(
    # All but what `watch` and `frames` replace meanwhile.
    partial(
        itemgetter(*vars(nn.Module).keys() - {"__call__", "_compiled_call_impl"}), vars(nn.Module)
    ),
    *(vars(kind).values for kind in {base for layer in LAYERS for base in layer.__mro__[:-2]}),
)
