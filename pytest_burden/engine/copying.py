"""A structural copy of a network or its inputs: everything a forward could change, new.

``copy.deepcopy`` would copy the data too. Here a function decides what becomes of each tensor;
modules, containers and plain objects are rebuilt around the results, with sharing kept.
"""

from __future__ import annotations

import copy
import copyreg
import enum
import functools
import types
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import fx, nn
from torch.utils.hooks import RemovableHandle

from pytest_burden.engine.caches import Cached, emptied
from pytest_burden.inputs import InputSpec

T = TypeVar("T")

_ATOMS = frozenset(
    {
        bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented),
        type, range, slice, types.BuiltinFunctionType, types.ModuleType, property,
        torch.dtype, torch.device, torch.layout, torch.memory_format, torch.Size,
    }
)  # fmt: skip
_CONTAINERS = frozenset({dict, list, set, OrderedDict})
_SHARED = (enum.Enum, type, types.ModuleType, torch.ScriptObject, fx.Graph)
"""Never changed by a forward, or not to be copied at all."""

_OWN = frozenset({"spec", "token"})
"""Attributes of an abstract tensor that every one has for itself."""


class Copier:
    """Copies one or several object graphs; what they share stays shared."""

    def __init__(self, leaf: Callable[[torch.Tensor | InputSpec], torch.Tensor]) -> None:
        """Make a copier that puts ``leaf(tensor)`` in the place of each tensor or input spec."""
        self._leaf = leaf
        self._memo: dict[int, Any] = {}
        self._alive: list[object] = []  # so that no id in the memo is given out again

    def copy(self, value: T) -> T:
        """Return the copy of ``value``; what nobody can copy (locks, files) is shared."""
        if type(value) in _ATOMS:
            return value
        if id(value) not in self._memo:
            self._alive.append(value)
            self._keep(value, self._copy(value))
        copied: T = self._memo[id(value)]
        return copied

    def _keep(self, value: object, made: Any) -> Any:
        self._memo[id(value)] = made
        return made

    def _copy(self, value: Any) -> Any:
        rebuild = _REBUILD.get(type(value))
        if rebuild is not None:
            return rebuild(self, value)
        if isinstance(value, torch.Tensor):
            return self._tensor(value)
        if isinstance(value, InputSpec):
            return self._leaf(value)
        if isinstance(value, nn.Module):
            return self._module(value)
        if isinstance(value, _SHARED):
            return value
        return self._other(value)

    def _tensor(self, tensor: torch.Tensor) -> torch.Tensor:
        """Let the leaf be made, and give it copies of what the user has hung onto the tensor."""
        made = self._leaf(tensor)
        self._keep(tensor, made)
        for name, item in vars(tensor).items():
            if name not in _OWN:
                setattr(made, name, self.copy(item))
        return made

    def _module(self, module: nn.Module) -> nn.Module:
        if type(module).__name__ == "OptimizedModule" and "_orig_mod" in module._modules:
            # torch.compile: the eager module is what is measured.
            return self.copy(module._modules["_orig_mod"])  # type: ignore[return-value]  # a module
        if isinstance(module, torch.jit.ScriptModule):
            return copy.deepcopy(module)
        new: nn.Module = self._keep(module, object.__new__(type(module)))
        self._state(module, new)
        new.__dict__["training"] = False
        new.__dict__.pop("_compiled_call_impl", None)
        return new

    def _state(self, value: object, new: object) -> None:
        state, memo = new.__dict__, self._memo
        for name, item in value.__dict__.items():
            kind = type(item)
            if kind in _ATOMS:
                state[name] = item
            elif kind in _CONTAINERS and not item and id(item) not in memo:
                state[name] = memo[id(item)] = kind()  # a module has a dozen of these
            else:
                state[name] = self.copy(item)
        for slot in copyreg._slotnames(type(value)):  # type: ignore[attr-defined]  # what copy uses
            if hasattr(value, slot):
                object.__setattr__(new, slot, self.copy(getattr(value, slot)))

    def _dict(self, value: dict[Any, Any]) -> dict[Any, Any]:
        new: dict[Any, Any] = self._keep(value, {})
        for key, item in value.items():
            new[key if type(key) is str else self.copy(key)] = self.copy(item)
        return new

    def _list(self, value: list[Any]) -> list[Any]:
        new: list[Any] = self._keep(value, [])
        new.extend(map(self.copy, value))
        return new

    def _tuple(self, value: tuple[Any, ...]) -> tuple[Any, ...]:
        items = [self.copy(item) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        kind = type(value)
        return kind(*items) if hasattr(kind, "_fields") else kind(items)

    def _container(self, value: Any) -> Any:
        """Rebuild a subclass of dict, list or set: its items, then its attributes."""
        new = copy.copy(value)  # keeps what a subclass is made of: a default factory, an order
        self._keep(value, new)
        if isinstance(new, dict):
            for key in list(new):
                dict.__setitem__(new, key, self.copy(dict.__getitem__(value, key)))
        elif isinstance(new, list):
            new[:] = map(self.copy, value)
        else:
            new.clear()
            new.update(map(self.copy, value))
        if hasattr(new, "__dict__"):
            for name, item in vars(value).items():
                new.__dict__[name] = self.copy(item)
        return new

    def _method(self, value: types.MethodType) -> object:
        return types.MethodType(value.__func__, self.copy(value.__self__))

    def _partial(self, value: functools.partial[Any]) -> object:
        return functools.partial(
            self.copy(value.func), *map(self.copy, value.args), **self.copy(value.keywords)
        )

    def _cached(self, value: Cached[Any]) -> object:
        """Give the copy a cache of its own, filled by a function that is its own."""
        wrapped = self.copy(value.__wrapped__)
        if wrapped is value.__wrapped__:
            return value
        return emptied(value, wrapped)

    def _weakref(self, value: weakref.ref[Any]) -> object:
        target = value()
        return value if id(target) not in self._memo else weakref.ref(self._memo[id(target)])

    def _handle(self, value: RemovableHandle) -> object:
        """Copy what removes a hook, so that it removes the copy's."""
        new = copy.copy(value)
        self._keep(value, new)
        hooks = value.hooks_dict_ref()
        new.hooks_dict_ref = weakref.ref(self.copy(OrderedDict() if hooks is None else hooks))
        return new

    def _function(self, value: types.FunctionType) -> object:
        """Copy a function whose closure holds copied things: a hook, a patched forward."""
        if not value.__closure__:
            return value
        cells = tuple(types.CellType() for _ in value.__closure__)
        new = types.FunctionType(
            value.__code__, value.__globals__, value.__name__, value.__defaults__, cells
        )
        self._keep(value, new)
        changed = False
        for old_cell, cell in zip(value.__closure__, cells, strict=True):
            try:
                content = old_cell.cell_contents
            except ValueError:  # not yet assigned
                continue
            cell.cell_contents = self.copy(content)
            changed = changed or cell.cell_contents is not content
        if not changed:
            return value
        new.__kwdefaults__ = value.__kwdefaults__
        new.__qualname__ = value.__qualname__
        new.__dict__.update(self.copy(value.__dict__))
        return new

    def _other(self, value: Any) -> Any:
        if isinstance(value, (dict, list, set)):
            return self._container(value)
        return self._tuple(value) if isinstance(value, tuple) else self._object(value)

    def _object(self, value: Any) -> Any:
        """Rebuild a plain object attribute by attribute; leave others to ``copy.deepcopy``."""
        kind = type(value)
        plain = not any(
            name in vars(base)
            for base in kind.__mro__[:-1]
            for name in ("__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__")
        )
        try:
            if plain and hasattr(value, "__dict__"):
                new = self._keep(value, object.__new__(kind))
                self._state(value, new)
                return new
            return copy.deepcopy(value, self._memo)
        except Exception:  # noqa: BLE001 whatever refuses to be copied is shared instead
            return value


_REBUILD: dict[type, Callable[[Copier, Any], Any]] = {
    torch.Tensor: Copier._tensor,
    nn.Parameter: Copier._tensor,
    dict: Copier._dict,
    list: Copier._list,
    tuple: Copier._tuple,
    functools.partial: Copier._partial,
    types.MethodType: Copier._method,
    types.FunctionType: Copier._function,
    weakref.ref: Copier._weakref,
    Cached: Copier._cached,
    RemovableHandle: Copier._handle,
}
