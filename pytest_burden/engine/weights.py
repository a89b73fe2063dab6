"""What a factory does most while it builds a network: layers make weights, and fill them.

No weight is drawn. What torch's own layers make for themselves has no data, however small it is,
and what would fill it is not run again once it was seen to be in order.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch.nn import init

from pytest_burden.engine.abstract import CPU, AbstractTensor, Tape, Token, abstract
from pytest_burden.engine.call import NEVER, Arguments, known_spec
from pytest_burden.engine.escapes import Guard
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.recall.calls import Code, is_special
from pytest_burden.engine.spec import Spec, contiguous_strides

_MADE: dict[tuple[object, ...], Spec] = {}
"""What a layer gets, by what it asks for."""
_FILLED: set[tuple[object, ...]] = set()
"""Ways to fill a tensor that are in order."""


class Weights(Guard):
    """Watches a factory."""

    def __init__(self, homes: Homes, tape: Tape) -> None:
        """Make a mode that tells ``homes`` what it sees, for a factory that runs on ``tape``."""
        super().__init__(homes)
        self._tape = tape
        self._own = _code.is_own()

    def answer(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Run one function of torch, or do what comes of it."""
        __tracebackhide__ = True
        answer = _ANSWERS.get(func)
        if answer is None or not self._own or is_special(functions=0):
            return self.run(func, args, kwargs)
        return answer(self, func, args, kwargs)

    def _make(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Return the floating-point tensor that a layer asks for, without data."""
        __tracebackhide__ = True
        caller = sys._getframe(3)  # behind `answer` and the function mode
        if not str(caller.f_globals.get("__name__")).startswith("torch.nn.modules."):
            return self.run(func, args, kwargs)
        arguments = Arguments(func, args, kwargs)
        key = tuple(arguments.key)
        spec = _MADE.get(key)
        if spec is None:
            made = self.run(func, args, kwargs)
            if NEVER in key or arguments.tensors or not _is_weight(made):
                return made
            spec = _MADE[key] = known_spec(made)
        return abstract(spec, Token(self._tape, spec.storage_bytes, "constant"))

    def _fill(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Return the tensor that is filled."""
        __tracebackhide__ = True
        arguments = Arguments(func, args, kwargs)
        tensor = arguments.tensors[0] if len(arguments.tensors) == 1 else None
        drawn = torch.Generator in arguments.key  # from a generator of its own
        if tensor is None or NEVER in arguments.key or drawn or not _is_contiguous(tensor.spec):
            return self.run(func, args, kwargs)
        # Whether that is in order depends on the tensor's dtype and number of dimensions alone.
        form = (tensor.spec.dtype, len(tensor.spec.shape))
        key = tuple([form if item is tensor.spec else item for item in arguments.key])
        if key not in _FILLED:
            _try(func, args, kwargs)
            _FILLED.add(key)
        return tensor

    def _zero(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Return the tensor that is filled with zeros: a weight, or the counter of a batch norm."""
        __tracebackhide__ = True
        counts = type(args[0]) is torch.Tensor and self._homes.trusts(args[0])
        return (self._past_recorder if counts else self._fill)(func, args, kwargs)

    def _detach(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Return what a parameter is made of."""
        __tracebackhide__ = True
        if type(args[0]) is not AbstractTensor:
            return self.run(func, args, kwargs)
        return abstract(args[0].spec, args[0].token)

    def _tensor(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Return a number as a tensor, which is real."""
        __tracebackhide__ = True
        run = self._past_recorder if args and type(args[0]) is int else self.run
        return run(func, args, kwargs)

    def _past_recorder(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Run what the recorder would only run."""
        __tracebackhide__ = True
        with torch._C._DisableTorchDispatch():
            made = func(*args, **kwargs)
        self._homes.token(made)
        return made


def _try(func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Let torch fill a small tensor, and say what is wrong; as if no number had been drawn."""
    __tracebackhide__ = True

    def small(value: Any) -> Any:
        if type(value) is not AbstractTensor:
            return value
        return torch.empty([2] * value.dim(), dtype=value.dtype)  # torch checks less for one

    before = torch.default_generator.get_state()
    try:
        with torch._C._DisableTorchDispatch():
            func(*map(small, args), **{name: small(value) for name, value in kwargs.items()})
    finally:
        torch.default_generator.set_state(before)


_ANSWERS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    **dict.fromkeys((torch.empty, torch.zeros, torch.ones), Weights._make),
    **dict.fromkeys(
        (
            torch.Tensor.fill_, torch.Tensor.uniform_, torch.Tensor.normal_,
            init.uniform_, init.normal_, init.constant_, init.kaiming_uniform_,
        ),
        Weights._fill,
    ),
    torch.Tensor.zero_: Weights._zero,
    torch.Tensor.detach: Weights._detach,
    torch.tensor: Weights._tensor,
}  # fmt: skip


def _is_weight(made: torch.Tensor) -> bool:
    return (
        made.dtype.is_floating_point
        and made.layout is torch.strided
        and made.device == CPU
        and not made.requires_grad
    )


@cache
def _is_contiguous(spec: Spec) -> bool:
    return spec.strides == contiguous_strides(spec.shape)


_code = Code(vars(init).values)
