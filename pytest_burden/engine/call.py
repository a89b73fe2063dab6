"""One operator call on its way through the recorder, and the key that tells it from others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import EllipsisType
from typing import Any

import torch
from torch._ops import OpOverload

from pytest_burden.engine.abstract import AbstractTensor, spec_of
from pytest_burden.engine.schema import is_view, make_op, plain
from pytest_burden.engine.spec import Op, Spec

_SCALARS = frozenset(
    {
        bool, float, complex, str,
        EllipsisType, torch.dtype, torch.device, torch.layout, torch.memory_format, torch.Size,
    }
)  # fmt: skip
_INT = frozenset({int})
NEVER = object()
"""Stands in a key for a value that no two calls can be known to share."""


class Operator:
    """One operator and what is asked of it at every call; `operator_of` returns the only one."""

    __slots__ = ("asserts", "by_value", "decomposes", "func", "silent", "views_one", "writes")

    def __init__(self, func: OpOverload) -> None:
        self.func = func
        self.by_value = func in _BY_VALUE
        self.asserts = func in _ASSERTS
        """Whether its output may be known because networks compute with numbers that are valid."""
        self.silent = not func._schema.returns
        self.writes = [
            (position, declared.name)
            for position, declared in enumerate(func._schema.arguments)
            if declared.alias_info is not None and declared.alias_info.is_write
        ]
        """Positions and names of the arguments that it changes."""
        self.views_one = _views_one(func)
        """Whether it makes another view of its first argument by nothing but whole numbers."""
        has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
        # Torch defines it by others, as is seen under inference_mode; some have a kernel besides.
        self.decomposes = has_kernel(func.name(), "CompositeImplicitAutograd") and not has_kernel(
            func.name(), "CPU"
        )


def _views_one(func: OpOverload) -> bool:
    schema = func._schema
    first, *others = [str(argument.type) for argument in schema.arguments] or [""]
    return (
        is_view(func)
        and torch.Tag.inplace_view not in func.tags
        and [first] == ["Tensor"] == [str(value.type) for value in schema.returns]
        and _WHOLE.issuperset(others)
    )


_WHOLE = frozenset({"int", "int?", "Optional[int]", "List[int]", "bool"})
_BY_VALUE = (
    torch.ops.aten.index.Tensor, torch.ops.aten.masked_select.default,
    torch.ops.aten._ctc_loss.Tensor,
)  # fmt: skip
"""Operators whose output's shape may be the number of true elements of an argument, or its largest.
"""

_ASSERTS = (
    torch.ops.aten._is_all_true.default, torch.ops.aten.all.default, torch.ops.aten.any.default,
)  # fmt: skip

_OPERATORS: dict[int, Operator] = {}


def operator_of(func: OpOverload) -> Operator:
    """Return what is known of an operator. By address, for torch hashes operators slowly."""
    known = _OPERATORS.get(id(func))
    if known is None:
        known = _OPERATORS[id(func)] = Operator(func)
    return known


_OPS: dict[tuple[object, ...], Op] = {}


_default_dtype = torch.get_default_dtype


class Arguments:
    """What goes into one call: its tensors, their specs, and a key that tells it from others."""

    __slots__ = ("abstract", "key", "specs", "tensors")

    def __init__(self, called: object, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self.key: list[object] = [called, _default_dtype()]
        self.tensors: list[Any] = []
        self.specs: list[Spec] = []
        self.abstract = True
        """Whether no tensor has values."""
        self._scan(args)
        for name, value in kwargs.items():
            self.key.append(name)
            self._scan((value,))

    def _scan(self, values: Sequence[Any]) -> None:
        key = self.key
        for value in values:
            kind = type(value)
            if kind is AbstractTensor:
                spec = value.spec
                self.tensors.append(value)
                self.specs.append(spec)
                key.append(spec)
            elif kind is int or value is None:
                key.append(value)
            elif kind is slice:
                key.append(kind)
                self._scan((value.start, value.stop, value.step))
            elif kind in _SCALARS:
                key.append(kind)  # 1.0 and True equal 1
                key.append(value)
            elif kind is list or kind is tuple:
                if _INT.issuperset(map(type, value)):
                    key.append(tuple(value))
                else:
                    key.append(len(value))
                    key.append(kind)
                    self._scan(value)
            elif isinstance(value, torch.Tensor):
                self.abstract = False
                self._scan_real(value)
            else:
                key.append(kind if isinstance(value, torch.Generator) else NEVER)

    def _scan_real(self, tensor: torch.Tensor) -> None:
        """Take a tensor that has values, on which the outcome may depend."""
        del tensor
        self.key.append(NEVER)


class Call(Arguments):
    """One call on its way through the recorder, which looks after the tensors with values."""

    __slots__ = ("args", "func", "kwargs", "operator")

    def __init__(self, operator: Operator, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        super().__init__(operator, args, kwargs)
        self.operator = operator
        self.func = operator.func
        self.args = args
        self.kwargs = kwargs

    def _scan_real(self, tensor: torch.Tensor) -> None:
        spec = spec_of(tensor)
        self.tensors.append(tensor)
        self.specs.append(spec)
        self.key.append(spec)

    def op(self, outputs: tuple[Spec, ...]) -> Op:
        """Return the one `Op` object of this call with these outputs."""
        key = (*self.key, outputs)
        op = _OPS.get(key)
        if op is None:
            specs = {
                id(tensor): spec for tensor, spec in zip(self.tensors, self.specs, strict=True)
            }
            op = make_op(
                self.func, self.args, self.kwargs, outputs, lambda tensor: specs[id(tensor)]
            )
            if NEVER not in self.key:
                _OPS[key] = op
        return op


def composite_op(name: str, arguments: Mapping[str, Any], output: Spec) -> Op:
    """Return the one `Op` object of a composite with these arguments and this output."""
    described = {key: plain(value, known_spec) for key, value in arguments.items()}
    key = (name, *map(_freeze, described.items()), output)
    op = _OPS.get(key)
    if op is None:
        op = _OPS[key] = Op(name, "", described, (output,))
    return op


def known_spec(tensor: torch.Tensor) -> Spec:
    """Return the spec of any tensor."""
    return tensor.spec if type(tensor) is AbstractTensor else spec_of(tensor)


def _freeze(value: object) -> object:
    """Return a hashable equal of an argument, numbers with their type."""
    if isinstance(value, (list, tuple)):
        return tuple(map(_freeze, value))
    return value if isinstance(value, Spec) else (type(value), value)
