"""Functions that every reader takes for one operation, though torch runs several operators.

Which ones differs between builds and devices; caught here by their Python function they are one
row, one cost and one output everywhere. The list is short on purpose:

* ``scaled_dot_product_attention``: fused, or a chain of products, by device and mask;
* ``local_response_norm``: padding, pooling, power and division;
* ``rms_norm``: fused or not, by torch's version;
* ``instance_norm``: runs as batch norm in training mode over a repeated weight, and so could not
  be told from a batch norm that has no running statistics.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

from pytest_burden.engine import views
from pytest_burden.engine.abstract import AbstractTensor
from pytest_burden.engine.escapes import Guard
from pytest_burden.engine.recall import functions
from pytest_burden.engine.recall.calls import Recall
from pytest_burden.engine.recorder import Recorder

_ATTENTION = (
    "query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa",
)  # fmt: skip
_RMS_NORM = ("input", "normalized_shape", "weight", "eps")
_INSTANCE_NORM = (
    "input", "running_mean", "running_var", "weight", "bias", "use_input_stats", "momentum", "eps",
)  # fmt: skip

COMPOSITES: Mapping[Callable[..., Any], tuple[str, tuple[str, ...]]] = {
    functional.scaled_dot_product_attention: ("scaled_dot_product_attention", _ATTENTION),
    functional.local_response_norm: (
        "local_response_norm",
        ("input", "size", "alpha", "beta", "k"),
    ),
    functional.rms_norm: ("rms_norm", _RMS_NORM),
    torch.rms_norm: ("rms_norm", _RMS_NORM),
    functional.instance_norm: ("instance_norm", _INSTANCE_NORM),
    torch.instance_norm: ("instance_norm", (*_INSTANCE_NORM, "cudnn_enabled")),
}
"""By function: the operator's name and its arguments' names in order."""


_RECURRENT = frozenset({torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu})
"""No composites, for their products are rows of their own; but torch has one kernel for each."""

_TENSOR: Any = torch.Tensor  # whose slots and descriptors the stubs do not know
_HOOKING = frozenset(
    {
        torch.Tensor.register_hook,
        torch.Tensor.register_post_accumulate_grad_hook,
        torch.Tensor.retain_grad,
        _TENSOR.grad_fn.__get__,  # whose nodes take hooks, and say not that they have
    }
)
"""By what a forward changes a backward though its operators stay the same."""

# This function asks for overrides itself, which switches the mode off for all that it calls. Its
# twin does not ask, so that the attention inside is seen; see `Composites`.
_ATTENTION_LAYER = functional.multi_head_attention_forward
_ATTENTION_LAYER_UNASKED = types.FunctionType(
    _ATTENTION_LAYER.__code__,
    {**_ATTENTION_LAYER.__globals__, "has_torch_function": lambda _: False},
    _ATTENTION_LAYER.__name__,
    _ATTENTION_LAYER.__defaults__,
    _ATTENTION_LAYER.__closure__,
)


def _one_hot(input: torch.Tensor, num_classes: int = -1) -> torch.Tensor:  # noqa: A002 torch's name
    """Do what torch 2.13 does on a CPU: a subclass it compares with every class instead."""
    if type(input) is not AbstractTensor or input.dtype is not torch.int64 or num_classes == -1:
        return functional.one_hot(input, num_classes)
    if num_classes <= 0:
        few = torch.zeros(min(input.numel(), 1), dtype=input.dtype)
        return functional.one_hot(few, num_classes)  # which is an error
    shape = (*input.shape, num_classes)
    options = {"dtype": input.dtype, "layout": input.layout, "device": input.device}
    out: torch.Tensor
    if not input.numel():
        out = torch.ops.aten.empty.memory_format(shape, **options)
        return out
    input.aminmax()  # whether every class is among them
    out = torch.ops.aten.zeros.default(shape, **options)
    return out.scatter_(-1, input.unsqueeze(-1), 1)


_TWINS = {functional.one_hot: _one_hot}
"""By function: what does the same to a tensor of a subclass as torch to a plain one."""

_NOTED = COMPOSITES.keys() | _RECURRENT | _HOOKING | _TWINS.keys() | {_ATTENTION_LAYER}


class Composites(Guard):
    """Records each call of a composite as one operator; what it runs inside is marked so."""

    def __init__(self, recorder: Recorder, recall: Recall | None) -> None:
        """Make a mode that writes to ``recorder``, and answers from ``recall`` if there is one."""
        super().__init__(recorder.homes)
        self._recorder = recorder
        self._recall = recall

    def answer(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Let every function pass, and write the composites down."""
        __tracebackhide__ = True
        if self._recorder.tape.gradients is not None:
            return views.call(self._recorder, self._call, func, args, kwargs)
        return self._call(func, args, kwargs)

    def _call(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        __tracebackhide__ = True
        if func not in _NOTED:
            return self._recalled(self.run, func, args, kwargs)
        if func in _HOOKING and (gradients := self._recorder.tape.gradients) is not None:
            gradients.untold = True
        if func is _ATTENTION_LAYER:
            with self:
                return _ATTENTION_LAYER_UNASKED(*args, **kwargs)
        if func in _TWINS and not _is_transformed():
            return _TWINS[func](*args, **kwargs)
        if func in _RECURRENT:
            self._recorder.tape.recurrent = True
        run = self._composite if func in COMPOSITES and not _is_transformed() else self.run
        return self._recalled(run, func, args, kwargs)

    def _composite(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        __tracebackhide__ = True
        name, names = COMPOSITES[func]
        arguments = dict.fromkeys(names) | dict(zip(names, args, strict=False)) | dict(kwargs)
        return self._recorder.composite(f"torch.{name}", arguments, lambda: func(*args, **kwargs))

    def _recalled(
        self,
        run: functions.Run,
        func: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Run a function, or answer it from memory."""
        __tracebackhide__ = True
        trains = self._recorder.tape.gradients is not None  # what is recalled notes no write
        if self._recall is None or trains:
            return run(func, args, kwargs)
        return functions.call(self._recall, run, func, args, kwargs)


def _is_transformed() -> bool:
    """Return whether a function runs inside ``torch.func.vmap`` or the like.

    Its tensors stand for others there, and what is run on these is something else: no composite.
    """
    return torch._C._functorch.peek_interpreter_stack() is not None
