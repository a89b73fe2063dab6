"""From one call of a torch operator to an `Op`: its plain name and its arguments by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import torch
from torch._ops import OpOverload

from pytest_burden.engine.packed import is_packed, unpacked
from pytest_burden.engine.spec import Argument, Op, Spec

DTYPE_NAMES: dict[torch.dtype, str] = {
    value: str(value).removeprefix("torch.")
    for value in vars(torch).values()
    if isinstance(value, torch.dtype)
}
DTYPES: dict[str, torch.dtype] = {name: dtype for dtype, name in DTYPE_NAMES.items()}


@cache
def op_name(func: OpOverload) -> str:
    """Return ``aten.add`` for ``aten::add_.Tensor``: no overload, in place as out of place."""
    namespace, name = func._schema.name.split("::")
    in_place = name.endswith("_") and not name.endswith("__")
    return f"{namespace}.{name.removesuffix('_') if in_place else name}"


@cache
def is_view(func: OpOverload) -> bool:
    """Return whether every result aliases an argument whose data the operator does not change."""
    if torch.Tag.inplace_view in func.tags:
        return True
    returns = func._schema.returns
    return bool(returns) and all(
        r.alias_info is not None and not r.alias_info.is_write for r in returns
    )


@cache
def tag_names(func: OpOverload) -> frozenset[str]:
    """Return torch's tags of the operator by name."""
    return frozenset(tag.name for tag in func.tags)


def make_op(
    func: OpOverload,
    args: Sequence[object],
    kwargs: Mapping[str, object],
    outputs: tuple[Spec, ...],
    spec_of: Callable[[torch.Tensor], Spec],
) -> Op:
    """Describe one call: arguments by the operator's own names, tensors as specs."""
    arguments: dict[str, Argument] = {}
    for position, declared in enumerate(func._schema.arguments):
        if position < len(args) and not declared.kwarg_only:
            value = args[position]
        elif declared.name in kwargs:
            value = kwargs[declared.name]
        elif declared.has_default_value():
            value = declared.default_value
        else:
            value = None
        arguments[declared.name] = plain(value, spec_of)
    overload = func._schema.overload_name or "default"
    return Op(op_name(func), overload, arguments, outputs, is_view(func), tag_names(func))


def plain(value: object, spec_of: Callable[[torch.Tensor], Spec]) -> Argument:
    """Return an argument as rules see it: a tensor as its spec, an exotic value as its text.

    A packed weight is the list of what was packed: the weight, and the bias if there is one.
    """
    if value is None or isinstance(value, (bool, int, float, complex, str)):
        return value
    if isinstance(value, torch.Tensor):
        return spec_of(value)
    if isinstance(value, (list, tuple)):
        return [plain(item, spec_of) for item in value]
    if is_packed(value) and hasattr(value, "unpack"):
        return [Spec(tuple(part.shape), DTYPE_NAMES[part.dtype]) for part in unpacked(value)]
    return str(value)
