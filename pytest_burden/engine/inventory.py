"""What a network holds: its modules, and the parameters and buffers of each, shared ones once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import torch
from torch import nn

from pytest_burden.engine.abstract import LAZY
from pytest_burden.engine.call import known_spec
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.packed import is_packed, packs, unpacked
from pytest_burden.engine.spec import Spec, text_of
from pytest_burden.engine.trace import Held, ModuleInfo, Role


def inventory(named: Iterable[tuple[str, nn.Module]], homes: Homes) -> tuple[ModuleInfo, ...]:
    """Return the modules with what each is the first to hold."""
    seen: set[int] = set()
    kinds = _Kinds()
    found = []
    for path, module in named:
        kind = kinds[type(module)]
        held = _held(module, seen, homes, may_pack=kind.may_pack)
        settings = _settings(module) if kind.tells_settings else ""
        found.append(ModuleInfo(path, kind.name, held, settings))
    return tuple(found)


class _Kind(NamedTuple):
    """What is asked of a class of modules."""

    name: str
    tells_settings: bool
    """Whether it is torch's own that says how a layer was made. Others may read data for it."""
    may_pack: bool
    """Whether it is none of torch's own that are not quantised."""


class _Kinds(dict[type, _Kind]):
    """Classes of one network. Some hold one of its modules, so no table may outlive it."""

    def __missing__(self, kind: type[nn.Module]) -> _Kind:
        said = kind.extra_repr
        own = said is not nn.Module.extra_repr and said.__module__.startswith("torch.nn.modules.")
        found = self[kind] = _Kind(
            kind.__name__,
            own and not said.__module__.endswith(".container"),
            not str(kind.__module__).startswith("torch.nn.modules."),
        )
        return found


def _settings(module: nn.Module) -> str:
    """Return how a layer of torch was made: ``64, 128, kernel_size=(3, 3), stride=(1, 1)``."""
    try:
        return module.extra_repr()
    except (AttributeError, TypeError):  # a layer that was changed since it was made
        return ""


def is_lazy(modules: Iterable[nn.Module]) -> bool:
    """Return whether a parameter or buffer gets its shape only at the first call."""
    return any(
        isinstance(tensor, LAZY)
        for module in modules
        for held in (module._parameters, module._buffers)
        for tensor in held.values()
    )


def _held(module: nn.Module, seen: set[int], homes: Homes, *, may_pack: bool) -> tuple[Held, ...]:
    held: list[Held] = []
    for name, parameter in module._parameters.items():
        if parameter is not None and id(parameter) not in seen:
            seen.add(id(parameter))
            held.append(_as_held(name, "parameter", parameter, homes.index(parameter)))
    for name, buffer in module._buffers.items():
        if buffer is not None and id(buffer) not in seen:
            seen.add(id(buffer))
            held.append(_as_held(name, "buffer", buffer, homes.index(buffer)))
    # Quantised layers keep weight and bias packed in an object that is no parameter.
    if may_pack and any(map(packs, {*map(type, vars(module).values())})):
        held += _packed(module, seen)
    return tuple(held)


def _packed(module: nn.Module, seen: set[int]) -> Iterator[Held]:
    for name, value in vars(module).items():
        if is_packed(value) and id(value) not in seen:
            seen.add(id(value))
            # Recurrent layers tell of a bias twice: by itself, and packed with its weight.
            tensors = {tensor.data_ptr(): tensor for tensor in unpacked(value)}
            for tensor in tensors.values():
                yield _as_held(name, "parameter", tensor, None)._replace(trainable=False)


def _as_held(name: str, role: Role, tensor: torch.Tensor, storage: int | None) -> Held:
    trainable = role == "parameter" and tensor.requires_grad
    spec = known_spec(tensor)
    if spec.strides or not spec.shape:
        numel, nbytes, text = _described(spec)
    else:  # sparse or nested
        numel = tensor.numel()
        nbytes, text = numel * tensor.dtype.itemsize, text_of(spec)
    return Held(name, role, numel, nbytes, trainable, text, storage)


@cache  # specs are few, and each is one object
def _described(spec: Spec) -> tuple[int, int, str]:
    return spec.numel, spec.nbytes, text_of(spec)
