"""What a network holds: its modules, and the parameters and buffers of each, shared ones once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Any

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
    return tuple(
        [
            ModuleInfo(path, type(module).__name__, _held(module, seen, homes), _settings(module))
            for path, module in named
        ]
    )


def _settings(module: nn.Module) -> str:
    """Return how a layer of torch was made: ``64, 128, kernel_size=(3, 3), stride=(1, 1)``.

    What others say of themselves may read data.
    """
    kind: Any = type(module)  # which mypy takes for unhashable
    if not _tells_settings(kind):
        return ""
    try:
        return module.extra_repr()
    except (AttributeError, TypeError):  # a layer that was changed since it was made
        return ""


@lru_cache(maxsize=256)
def _tells_settings(kind: Any) -> bool:
    said = kind.extra_repr
    own = said is not nn.Module.extra_repr and said.__module__.startswith("torch.nn.modules.")
    return own and not said.__module__.endswith(".container")


def is_lazy(modules: Iterable[nn.Module]) -> bool:
    """Return whether a parameter or buffer gets its shape only at the first call."""
    return any(
        isinstance(tensor, LAZY)
        for module in modules
        for held in (module._parameters, module._buffers)
        for tensor in held.values()
    )


def _held(module: nn.Module, seen: set[int], homes: Homes) -> tuple[Held, ...]:
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
    kind: Any = type(module)  # which mypy takes for unhashable
    if _may_pack(kind) and any(map(packs, {*map(type, vars(module).values())})):
        held += _packed(module, seen)
    return tuple(held)


@lru_cache(maxsize=256)
def _may_pack(kind: Any) -> bool:
    """Return whether a class is none of torch's own that are not quantised."""
    return not str(kind.__module__).startswith("torch.nn.modules.")


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
