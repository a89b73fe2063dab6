"""A picture of everything that a measurement must leave as it was: of a model, and of the world."""

from __future__ import annotations

import gc
import random
import threading
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from pytest_burden.engine.abstract import AbstractTensor

Picture = dict[str, object]


def picture_of(*values: object) -> Picture:
    """Return what there is to know of values and of all they hold: identity, order and bytes."""
    found: Picture = {}
    seen: set[int] = set()
    for number, value in enumerate(values):
        found.update(_walk(value, f"value{number}", seen))
    return found


def _walk(value: Any, path: str, seen: set[int]) -> Iterator[tuple[str, object]]:
    yield path, (id(value), type(value), _facts(value))
    if id(value) not in seen:
        seen.add(id(value))
        for name, part in _parts(value):
            yield from _walk(part, f"{path}{name}", seen)


def _facts(value: Any) -> object:
    if isinstance(value, torch.Tensor):
        return _tensor(value)
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        return [key if isinstance(key, (str, int)) else id(key) for key in value]
    return value if isinstance(value, (int, float, str, bytes)) else None


def _parts(value: Any) -> Sequence[tuple[str, Any]]:
    """Return what a value holds, by name."""
    if isinstance(value, torch.Tensor):
        return [("!vars", vars(value)), (".grad", value.grad if value.is_leaf else None)]
    if isinstance(value, dict):
        return [(f"[{key!r}]", item) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [(f"[{number}]", item) for number, item in enumerate(value)]
    if isinstance(value, types.FunctionType):
        cells = enumerate(value.__closure__ or ())
        return [(f"!cell{number}", cell.cell_contents) for number, cell in cells]
    if isinstance(value, types.MethodType):
        return [("!self", value.__self__)]
    shared = isinstance(value, (type, types.ModuleType))
    return [] if shared or not hasattr(value, "__dict__") else [("!vars", vars(value))]


def _tensor(tensor: torch.Tensor) -> tuple[object, ...]:
    data = b"" if tensor.is_meta else bytes(_bytes(tensor))
    return (
        *(tensor.shape, tensor.stride(), tensor.storage_offset(), tensor.dtype, tensor.device),
        *(tensor.requires_grad, tensor.is_leaf, tensor._version, tensor.grad_fn),
        *(0 if tensor.is_meta else tensor.data_ptr(), data),
    )


def _bytes(tensor: torch.Tensor) -> bytes:
    plain: np.ndarray[Any, Any] = tensor.detach().contiguous().view(-1).view(torch.uint8).numpy()
    return plain.tobytes()


OWNERS: tuple[Any, ...] = (
    *(torch, torch.Tensor, torch._C._TensorBase, functional, torch._C._nn, nn, nn.init),
    *(nn.Module, nn.Parameter, nn.Linear, nn.Sequential, nn.MultiheadAttention, nn.LSTM),
    *(torch.linalg, torch.special, torch.autograd, torch.overrides, torch._VF),
    *(nn.TransformerEncoder, nn.TransformerEncoderLayer),
)
"""Where others patch torch."""


def world() -> dict[str, object]:
    """Return torch's attributes and flags."""
    found: dict[str, object] = {
        f"{owner}.{name}": id(value)
        for owner in OWNERS
        for name, value in vars(owner).items()
        # A submodule may be imported at any time, and copying notes what slots a class has.
        if not isinstance(value, types.ModuleType) and name != "__slotnames__"
    }
    return found | {
        "grad mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "oneDNN": torch._C._get_mkldnn_enabled(),
        "fast path": torch.backends.mha.get_fastpath_enabled(),
        "opt_einsum": torch.backends.opt_einsum.enabled,
        "garbage collection": gc.isenabled(),
        "default dtype": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "autocast dtype": torch.get_autocast_dtype("cpu"),
        "function modes": torch._C._len_torch_function_stack(),
        "dispatch modes": torch._C._len_torch_dispatch_stack(),
        "global hooks": _global_hooks(),
        "running threads": threading.active_count(),
        "flags of attention": (
            torch.backends.cuda.flash_sdp_enabled(),
            torch.backends.cuda.math_sdp_enabled(),
            torch.backends.cuda.mem_efficient_sdp_enabled(),
        ),
    }


def random_states() -> dict[str, object]:
    """Return what the next random number depends on, wherever it is drawn."""
    numpy_state: Any = np.random.get_state()  # noqa: NPY002 it is the global one that must stay
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "Python": random.getstate(),
        "numpy": (numpy_state[1].tobytes(), *numpy_state[2:]),
    }


def _global_hooks() -> list[int]:
    module = nn.modules.module
    return [
        len(module._global_forward_hooks),
        len(module._global_forward_pre_hooks),
        len(module._global_backward_hooks),
        len(module._global_parameter_registration_hooks),
        len(module._global_module_registration_hooks),
    ]


def abstract_tensors() -> list[AbstractTensor]:
    """Return the tensors without data that are still alive."""
    gc.collect()
    return [thing for thing in gc.get_objects() if type(thing) is AbstractTensor]


def differing(before: Picture, after: Picture) -> list[str]:
    """Return the paths whose facts are not the same."""
    return [path for path in {**before, **after} if before.get(path) != after.get(path)]


@contextmanager
def quick_collections() -> Iterator[None]:
    """Set aside what torch and the tests made before, so that looking for leaks is quick."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@contextmanager
def nothing_left() -> Iterator[None]:
    """Assert that torch is as before when the block has ended, and no abstract tensor is alive."""
    before = world()
    yield
    assert differing(before, world()) == []
    assert abstract_tensors() == []
