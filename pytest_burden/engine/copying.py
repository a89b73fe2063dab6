"""A structural copy of a network or its inputs: everything a forward could change, new.

``copy.deepcopy`` would copy the data too. Here a function decides what becomes of each tensor;
modules, containers and plain objects are rebuilt around the results, with sharing kept.
"""

from __future__ import annotations

import contextlib
import copy
import copyreg
import enum
import functools
import types
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import is_dataclass
from pathlib import Path
from sys import getrefcount
from typing import Any, Protocol, TypeVar

import torch
from torch import fx, nn, optim
from torch.utils._python_dispatch import is_traceable_wrapper_subclass
from torch.utils.hooks import RemovableHandle

from pytest_burden.engine.caches import emptied
from pytest_burden.engine.state import Cached
from pytest_burden.inputs import InputSpec

T = TypeVar("T")

_ATOMS = frozenset(
    {
        bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented),
        type, range, slice, types.ModuleType, property,
        torch.dtype, torch.device, torch.layout, torch.memory_format, torch.Size,
    }
)  # fmt: skip
_TABLES = frozenset(name for name, value in vars(nn.Module()).items() if hasattr(value, "clear"))
"""Attributes of every module, fifteen, and most of them empty."""
_ALONE = max(getrefcount(item) for _, item in {"": object()}.items())
"""References to an attribute, in a loop like that of `Copier._state`, that nothing else holds."""
_INNER = {
    "torch._dynamo.eval_frame.OptimizedModule": "_orig_mod",
    "torch.nn.parallel.data_parallel.DataParallel": "module",
    "torch.nn.parallel.distributed.DistributedDataParallel": "module",
}
"""Wrappers of a network by name, and where they keep it: to import the first takes seconds."""
_SHARED = (enum.Enum, type, types.ModuleType, torch.ScriptObject, fx.Graph)
"""Never changed by a forward, or not to be copied at all."""

_OF_TORCH = str(Path(torch.__file__).parent)
_ABSENT = object()


class Leaf(Protocol):
    """What becomes of each tensor."""

    buffers: bool
    """Whether it is asked for buffers now."""

    def __call__(self, tensor: torch.Tensor | InputSpec) -> torch.Tensor:
        """Return what stands in the copy for a tensor, or for an input spec."""


class Copier:
    """Copies one or several object graphs; what they share stays shared."""

    def __init__(self, leaf: Leaf) -> None:
        """Make a copier that puts ``leaf(tensor)`` in the place of each tensor or input spec."""
        self._leaf = leaf
        self._memo: dict[int, Any] = {}
        self._alive: list[object] = []  # so that no id in the memo is given out again
        self._rebuild = _Rebuild(_REBUILD)
        self._slots = _Slots()
        self._in_hook = False
        """Whether what functions find by name in their modules is copied too."""
        self._spaces: dict[int, dict[str, Any]] = {}
        """By ``id`` of a module's names: what the copied functions of that module find."""

    def copy(self, value: T) -> T:
        """Return the copy of ``value``; what nobody can copy (locks, files) is shared."""
        kind = type(value)
        if kind in _ATOMS:
            return value
        made = self._memo.get(id(value), _ABSENT)
        if made is _ABSENT:
            self._alive.append(value)
            made = self._memo[id(value)] = self._rebuild[kind](self, value)
        copied: T = made
        return copied

    def _keep(self, value: object, made: Any) -> Any:
        self._memo[id(value)] = made
        return made

    def _tensor(self, tensor: torch.Tensor) -> torch.Tensor:
        """Let the leaf be made, and give it copies of what the user has hung onto the tensor.

        What a tensor is made of stands there too; the leaf has its own.
        """
        made = self._leaf(tensor)
        if tensor._backward_hooks or tensor._post_accumulate_grad_hooks:
            self._hooks(tensor, made)
        if (extra := tensor.__dict__) and not is_traceable_wrapper_subclass(made):
            self._keep(tensor, made)
            for name, item in extra.items():
                setattr(made, name, self.copy(item))
        return made

    def _hooks(self, tensor: torch.Tensor, made: torch.Tensor) -> None:
        """Register what runs when a gradient arrives: it may be the optimizer itself."""
        ways = (
            (tensor._backward_hooks, made.register_hook),
            (tensor._post_accumulate_grad_hooks, made.register_post_accumulate_grad_hook),
        )
        for hooks, register in ways:
            if hooks and made.is_leaf and made.requires_grad:
                self._keep(tensor, made)
                before, self._in_hook = self._in_hook, True
                for hook in hooks.values():
                    register(self.copy(hook))  # type: ignore[no-untyped-call]  # torch's is not
                self._in_hook = before

    def _spec(self, spec: InputSpec) -> torch.Tensor:
        return self._leaf(spec)

    def _module(self, module: nn.Module) -> nn.Module:
        new: nn.Module = self._keep(module, object.__new__(type(module)))
        self._state(module, new)
        new.__dict__["training"] = False
        new.__dict__.pop("_compiled_call_impl", None)
        return new

    def _wrapped(self, module: nn.Module) -> nn.Module:
        """Copy the module that is compiled or spread over devices: it is what is measured.

        Beside it there is what no copy can have, such as connections to other processes.
        """
        inner = module._modules.get(_where_inner(type(module)))
        return self._module(module) if inner is None else self.copy(inner)

    def _state(self, value: object, new: object) -> None:
        state = getattr(new, "__dict__", {})
        for name, item in getattr(value, "__dict__", {}).items():
            kind = type(item)
            if kind in _ATOMS or (kind is tuple and _ATOMS.issuperset(map(type, item))):
                state[name] = item
            elif name in _TABLES and not item and getrefcount(item) == _ALONE:
                state[name] = kind()
            elif name == "_buffers":
                self._leaf.buffers = True
                state[name] = self.copy(item)
                self._leaf.buffers = False
            else:
                state[name] = self.copy(item)
        for slot in self._slots[type(value)]:
            if hasattr(value, slot):
                object.__setattr__(new, slot, self.copy(getattr(value, slot)))

    def _dict(self, value: dict[Any, Any]) -> dict[Any, Any]:
        new: dict[Any, Any] = self._keep(value, {})
        for key, item in value.items():
            new[key if type(key) is str else self.copy(key)] = self.copy(item)
        return new

    def _list(self, value: list[Any]) -> list[Any]:
        if _ATOMS.issuperset(map(type, value)):
            return value.copy()
        new: list[Any] = self._keep(value, [])
        new.extend(map(self.copy, value))
        return new

    def _set(self, value: set[Any]) -> set[Any]:
        return value.copy() if _ATOMS.issuperset(map(type, value)) else self._container(value)

    def _tuple(self, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if _ATOMS.issuperset(map(type, value)):
            return value
        items = [self.copy(item) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        kind = type(value)
        return kind(*items) if hasattr(kind, "_fields") else kind(items)

    def _container(self, value: Any) -> Any:
        """Rebuild a deque, or a subclass of dict, list or set: its items, then its attributes."""
        new = copy.copy(value)  # keeps what a subclass is made of: a default factory, an order
        self._keep(value, new)
        if isinstance(new, dict):
            keys = {key: self.copy(key) for key in new}
            for key in list(new):
                dict.__setitem__(new, key, self.copy(dict.__getitem__(value, key)))
            if any(copied is not key for key, copied in keys.items()):  # an optimizer's state
                items = [(keys[key], dict.__getitem__(new, key)) for key in new]
                new.clear()
                new.update(items)
        elif isinstance(new, list):
            new[:] = map(self.copy, value)
        elif isinstance(new, deque):
            new.clear()
            new.extend(map(self.copy, value))
        else:
            new.clear()
            new.update(map(self.copy, value))
        if hasattr(new, "__dict__"):
            for name, item in vars(value).items():
                new.__dict__[name] = self.copy(item)
        return new

    def _method(self, value: types.MethodType) -> object:
        function = self.copy(value.__func__) if self._in_hook else value.__func__
        return types.MethodType(function, self.copy(value.__self__))

    def _builtin(self, value: types.BuiltinFunctionType) -> object:
        """Copy a method of a built-in type, ``list.append`` say, with its object."""
        owner: object = value.__self__
        copied = self.copy(owner)
        return value if copied is owner else getattr(copied, value.__name__)

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
        """Copy a function that holds copied things in its closure or its defaults: a hook, say.

        A hook of a parameter may step the user's own optimizer, by whatever name it finds that.
        """
        space, known = value.__globals__, set[str]()
        if self._in_hook and not value.__code__.co_filename.startswith(_OF_TORCH):
            known = _names(value.__code__) & value.__globals__.keys()
        if not (value.__closure__ or value.__defaults__ or value.__kwdefaults__ or known):
            return value
        if known:  # what one function writes another may read
            space = self._spaces.setdefault(id(value.__globals__), dict(value.__globals__))
        cells = tuple(types.CellType() for _ in value.__closure__ or ())
        new = types.FunctionType(value.__code__, space, value.__name__, None, cells)
        self._keep(value, new)
        new.__defaults__ = self.copy(value.__defaults__)
        named = self.copy(value.__kwdefaults__ or {})
        new.__kwdefaults__ = named
        pairs: list[tuple[object, object]] = [(new.__defaults__, value.__defaults__)]
        pairs += [(named[name], item) for name, item in (value.__kwdefaults__ or {}).items()]
        for old_cell, cell in zip(value.__closure__ or (), cells, strict=True):
            try:
                content = old_cell.cell_contents
            except ValueError:  # not yet assigned
                continue
            cell.cell_contents = self.copy(content)
            pairs.append((cell.cell_contents, content))
        for name in known:
            if space[name] is value.__globals__[name]:
                with contextlib.suppress(Exception):  # what refuses to be copied is shared
                    space[name] = self.copy(value.__globals__[name])
        if not known and all(copied is held for copied, held in pairs):
            return value
        new.__qualname__ = value.__qualname__
        new.__dict__.update(self.copy(value.__dict__))
        return new

    def _plain(self, value: T) -> T:
        """Rebuild attribute by attribute what ``copy.deepcopy`` would rebuild with its data."""
        new: T = self._keep(value, type(value).__new__(type(value)))
        self._state(value, new)
        return new

    def _same(self, value: T) -> T:
        return value

    def _scripted(self, module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
        new = copy.deepcopy(module)
        for parameter, copied in zip(module.parameters(), new.parameters(), strict=True):
            copied.requires_grad_(parameter.requires_grad)
        return new

    def _object(self, value: Any) -> Any:
        """Rebuild a plain object attribute by attribute; leave others to ``copy.deepcopy``."""
        kind = type(value)
        own = {name for base in kind.__mro__[:-1] for name in vars(base)}
        ways = {"__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__"}
        if is_dataclass(value):
            ways.remove("__getstate__")  # one with slots has it, and it is nobody's own
        try:
            if own.isdisjoint(ways) and (hasattr(value, "__dict__") or self._slots[kind]):
                new = self._keep(value, object.__new__(kind))
                self._state(value, new)
                return new
            return copy.deepcopy(value, self._memo)
        except Exception:  # noqa: BLE001 whatever refuses to be copied is shared instead
            return value


class _Slots(dict[type, list[str]]):
    """Names of the slots of classes, of one copier: a class may hold what is copied."""

    def __missing__(self, kind: type) -> list[str]:
        names: list[str] = copyreg._slotnames(kind)  # type: ignore[attr-defined]  # what copy uses
        self[kind] = names
        return names


class _Rebuild(dict[type, Callable[[Copier, Any], Any]]):
    """How to copy an object of each type; what stands for the types not yet met is found here."""

    def __missing__(self, kind: type) -> Callable[[Copier, Any], Any]:
        family = next((base for base in _FAMILIES if issubclass(kind, base)), object)
        found = self[kind] = Copier._wrapped if _where_inner(kind) else _FAMILIES[family]
        return found


def _names(code: types.CodeType) -> set[str]:
    """Return all that a function looks up by name, and the functions inside of it."""
    inside = [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return {*code.co_names}.union(*map(_names, inside))


def _where_inner(kind: type) -> str:
    """Return under which name a wrapper keeps its network, empty for what is none."""
    names = (f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__)
    return next((_INNER[name] for name in names if name in _INNER), "")


_REBUILD: dict[type, Callable[[Copier, Any], Any]] = {
    torch.Tensor: Copier._tensor,
    nn.Parameter: Copier._tensor,
    dict: Copier._dict,
    list: Copier._list,
    tuple: Copier._tuple,
    set: Copier._set,
    functools.partial: Copier._partial,
    types.MethodType: Copier._method,
    types.BuiltinFunctionType: Copier._builtin,
    types.FunctionType: Copier._function,
    weakref.ref: Copier._weakref,
    Cached: Copier._cached,
    RemovableHandle: Copier._handle,
}

_FAMILIES: dict[type, Callable[[Copier, Any], Any]] = {
    torch.Tensor: Copier._tensor,
    InputSpec: Copier._spec,
    torch.jit.ScriptModule: Copier._scripted,
    nn.Module: Copier._module,
    optim.Optimizer: Copier._plain,
    **dict.fromkeys(_SHARED, Copier._same),
    **dict.fromkeys((dict, list, set, deque), Copier._container),
    types.SimpleNamespace: Copier._plain,
    tuple: Copier._tuple,
    object: Copier._object,
}
"""By base class, for types that have no entry of their own; the first that fits."""
