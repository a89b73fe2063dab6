"""Which code is the network's own, and what names there are in it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Mapping
from types import CodeType, FunctionType, MethodType
from typing import Any

from torch import nn

_NOBODYS = sys.stdlib_module_names | {"torch", "pytest_burden"}


class Foreign(dict[object, bool]):
    """Whether a file is none of the network's, by the name of its module.

    Those of torch, of the standard library and of pytest-burden are not, nor are those of an
    installed package beside the network's if they do not name torch: numpy keeps no tensors.
    """

    def __init__(self, packages: Iterable[str]) -> None:
        """Take what is in these packages, by the first part of a name, for the network's."""
        self._packages = {*packages} - _NOBODYS

    def __missing__(self, module: object) -> bool:
        package = module.partition(".")[0] if isinstance(module, str) else "torch"
        found = package in _NOBODYS or not (
            package in self._packages
            or may_keep_tensors(getattr(sys.modules.get(str(module)), "__dict__", {}))
        )
        self[module] = found
        return found


def may_keep_tensors(space: dict[str, Any]) -> bool:
    """Return whether the file with these names is not installed, or names torch."""
    return "torch" in space or "site-packages" not in (space.get("__file__") or "")


def code_of_network(modules: Iterable[nn.Module]) -> list[object]:
    """Return the classes of a network, and the functions and classes of objects that it holds."""
    own: dict[type, bool] = {}
    held: dict[type, None] = {}
    functions: list[object] = []
    for module in modules:
        kind = type(module)
        is_own = own.get(kind)
        if is_own is None:
            is_own = own[kind] = not kind.__module__.startswith("torch.")
        if is_own:
            attributes = vars(module).values()
            kinds = {*map(type, attributes)} - _OF_EVERY_MODULE
            if kinds:
                held.update(dict.fromkeys(map(type, attributes)))
                if not kinds.isdisjoint(_FUNCTIONS):
                    functions += [item for item in attributes if type(item) in _FUNCTIONS]
        if module._forward_hooks or module._forward_pre_hooks:
            functions += [*module._forward_hooks.values(), *module._forward_pre_hooks.values()]
    return [*functions, *own, *held]


_FUNCTIONS = frozenset({FunctionType, MethodType, functools.partial})
_OF_EVERY_MODULE = frozenset(map(type, vars(nn.Module()).values())) | {int, float, str, tuple, list}


def names_in(code: CodeType) -> Mapping[str, None]:
    """Return all that a function may look up by name, and the functions inside of it, in order."""
    known = _NAMES.get(id(code))
    if known is None:
        if len(_NAMES) > _MANY:
            _NAMES.clear()
        names = dict.fromkeys(code.co_names)
        for const in code.co_consts:
            if isinstance(const, CodeType):
                names.update(names_in(const))
            elif type(const) is str and const.isidentifier():  # for getattr
                names[const] = None
        known = _NAMES[id(code)] = code, names
    return known[1]


_NAMES: dict[int, tuple[CodeType, Mapping[str, None]]] = {}
"""By ``id``, of which the code is kept: to hash it takes longer than to read the names."""
_MANY = 20_000
