"""Calls of torch's own layers, recorded again from memory instead of being run again.

On its way through a layer, ``torch.nn.functional`` and the dispatcher a call takes several times
as long as writing down what came of it. What a layer of torch does to a tensor without data is a
function of its settings and of the specs that go in, so a call equal to an earlier one need not
be run; `_given` says what else must hold.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter, is_not, itemgetter
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules import module as torch_module

from pytest_burden.engine.abstract import AbstractTensor, Tape, abstract, token_of
from pytest_burden.engine.spec import Op, Spec
from pytest_burden.engine.trace import OpCall, Storage


class Layer(NamedTuple):
    """One kind of layer: everything that its evaluation forward reads."""

    settings: Callable[[Any], Any]
    tensors: tuple[str, ...] = ()
    """Names of its parameters, then of its buffers."""


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
}  # fmt: skip
"""The layers that are remembered; no subclass of them, which may do something else."""


class Known(NamedTuple):
    """What one call of a layer did; times and new storages are counted from its beginning."""

    calls: tuple[tuple[Op, tuple[int, ...]], ...]
    """Operators, and where each output lies: in a new storage, or ``~i``, in that of tensor i."""
    storages: tuple[tuple[int, int, int | None], ...]
    """Bytes, birth and death of each new storage; only what is handed out has no death."""
    output: Spec | None
    """None: the input itself is handed out."""
    home: int
    """Where the output lies, said as in `calls`."""


_KNOWN: dict[tuple[object, ...], Known] = {}


class Layers:
    """Answers the calls of layers in one run."""

    def __init__(self, tape: Tape) -> None:
        """Answer for a run without data that is recorded on ``tape``."""
        self._tape = tape
        self._on = _functions.are_own()

    def call(
        self,
        run: Callable[..., Any],
        module: nn.Module,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Return what ``run(module, *args, **kwargs)`` returns, recorded as if that had run."""
        __tracebackhide__ = True
        given = _given(module, args) if self._on and not kwargs else None
        if given is None:
            return run(module, *args, **kwargs)
        key = _key(module, given)
        known = None if key is None else _KNOWN.get(key)
        tape = self._tape
        if known is not None:
            return _again(known, given, tape)
        first_call, first_storage = len(tape.calls), len(tape.storages)
        out = run(module, *args)
        learnt = _learnt(out, given, tape, first_call, first_storage)
        if key is not None and learnt is not None:
            _KNOWN[key] = learnt
        return out


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
        or "forward" in module.__dict__
        or (*module._parameters, *module._buffers) != layer.tensors
        or _has_hooks(module)
        or _is_special()
    ):
        return None
    given = [args[0]]
    for tensor in (*module._parameters.values(), *module._buffers.values()):
        if type(tensor) is AbstractTensor:
            given.append(tensor)
        elif tensor is not None and tensor is not module._buffers.get("num_batches_tracked"):
            return None
    return given


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


def _is_special() -> bool:
    """Return whether anything is switched on beyond the recorder and the mode beside it."""
    return bool(
        torch.is_grad_enabled()
        or torch._C._is_any_autocast_enabled()
        or torch._C._len_torch_dispatch_stack() != 1
        or torch._C._len_torch_function_stack() != 1
    )


def _key(module: nn.Module, given: Sequence[AbstractTensor]) -> tuple[object, ...] | None:
    kind = type(module)
    try:
        # Tells 1 from 1.0 and True, which are equal.
        settings = marshal.dumps(LAYERS[kind].settings(module), 2)
    except ValueError:  # something that nobody expects there
        return None
    homes = [tensor.token.index for tensor in given]
    with torch._C.DisableTorchFunction():  # the mode beside the recorder sees attributes, too
        differentiable = [tensor.requires_grad for tensor in given]
    return (
        kind,
        settings,
        torch.get_default_dtype(),
        *[tensor is None for tensor in module._parameters.values()],
        *[tensor.spec for tensor in given],
        *differentiable,
        len(set(homes)) == len(homes) or tuple(map(homes.index, homes)),
    )


def _again(known: Known, given: Sequence[AbstractTensor], tape: Tape) -> AbstractTensor:
    """Record a call that was seen before."""
    start, first = len(tape.calls), len(tape.storages)
    for nbytes, birth, death in known.storages:
        end = None if death is None else start + death
        tape.storages.append(Storage(nbytes, "result", start + birth, end))
    for op, homes in known.calls:
        storages = tuple(
            [first + home if home >= 0 else given[~home].token.index for home in homes]
        )
        tape.calls.append(OpCall(op, tape.module, storages, inside=False))
    if known.output is None:
        return given[0]
    if known.home < 0:
        return abstract(known.output, given[~known.home].token)
    return abstract(known.output, token_of(tape, first + known.home))


def _learnt(
    out: object, given: Sequence[AbstractTensor], tape: Tape, first_call: int, first_storage: int
) -> Known | None:
    """Return what was recorded from ``first_call`` on, None if it cannot be done again."""
    if type(out) is not AbstractTensor or any(out is tensor for tensor in given[1:]):
        return None
    homes = {tensor.token.index: ~i for i, tensor in reversed([*enumerate(given)])}
    homes |= {index: index - first_storage for index in range(first_storage, len(tape.storages))}
    calls, born = tape.calls[first_call:], tape.storages[first_storage:]
    home = homes.get(out.token.index)
    kept = {index for index, one in enumerate(born) if one.death is None}
    elsewhere = {index for call in calls for index in call.storages} - homes.keys()
    if home is None or kept - {home} or elsewhere:
        return None
    return Known(
        tuple((call.op, tuple(homes[index] for index in call.storages)) for call in calls),
        tuple(
            (
                one.nbytes,
                one.birth - first_call,
                None if one.death is None else one.death - first_call,
            )
            for one in born
        ),
        None if out is given[0] else out.spec,
        home,
    )


def _since(start: int, storage: Storage) -> tuple[int, int, int | None]:
    death = None if storage.death is None else storage.death - start
    return storage.nbytes, storage.birth - start, death


class _Functions:
    """The functions of torch that layers call, and whether they are torch's own."""

    def __init__(self) -> None:
        # Of the base class all but what `frames` replaces meanwhile.
        self._of_modules = itemgetter(*vars(nn.Module).keys() - {"__call__"})
        self._of_torch = itemgetter(*{*dir(torch._C._VariableFunctions)} & vars(torch).keys())
        classes = {base for kind in LAYERS for base in kind.__mro__} - {nn.Module, object}
        self._spaces = [vars(functional), vars(torch._C._nn), *map(vars, classes)]
        self._seen: list[object] = []
        self._own = True

    def are_own(self) -> bool:
        """Return whether nobody has put another function in the place of one.

        What is remembered is forgotten if any has changed.
        """
        now = [
            *self._of_torch(vars(torch)),
            *self._of_modules(vars(nn.Module)),
            *(function for space in self._spaces for function in space.values()),
        ]
        if len(now) != len(self._seen) or any(map(is_not, now, self._seen)):
            _KNOWN.clear()
            self._seen = now
            self._own = all(map(_is_own, now))
        return self._own


_HOME = str(Path(torch.__file__).parent)


def _is_own(value: object) -> bool:
    if isinstance(value, FunctionType):
        # Not by its module, which functools.wraps hands on.
        return value.__code__.co_filename.startswith(_HOME)
    if not callable(value) or isinstance(value, (BuiltinFunctionType, type)):
        return True
    return type(value).__module__.partition(".")[0] in ("torch", "typing")


_functions = _Functions()
