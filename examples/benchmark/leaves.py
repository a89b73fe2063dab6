"""What a meter leaves changed in a model, or in the process, after a call that went well."""

from __future__ import annotations

import gc
import pickle
import random
import weakref
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
import torch
from meters import Ask
from torch import Tensor, nn
from torch.nn import functional
from truth import Network

WATCHED = {
    "torch": torch,
    "torch.Tensor": torch.Tensor,
    "torch.nn.functional": functional,
    "torch.nn.Module": nn.Module,
}
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
COLUMNS = (
    "mode",
    "batch norm",
    "weights",
    "state_dict",
    "hooks",
    "attributes",
    "requires_grad",
    "gradients",
    "random state",
    "settings",
    "torch",
    "runs",
    "freed",
)


def behind(ask: Ask, network: Network) -> dict[str, Any]:
    """Return what is different after asking about a network in training mode, by column.

    It is handed over as a trainer has it: training, with gradients. What is not in the result
    was kept, value by value.
    """
    model = network.build().train()
    x = network.input()
    before = _state(model)
    ask(model, x)
    after = _state(model)
    for column in ("batch norm", "weights"):  # what is new has a column of its own
        after[column] = {name: after[column].get(name) for name in before[column]}
    differences = {name: _difference(before[name], after[name]) for name in before}
    changed = {name: told for name, told in differences.items() if told}
    del before, after
    try:
        model.eval()(x)
    except Exception as error:  # noqa: BLE001 whatever it raises, it raised nothing before
        changed["runs"] = f"no more: {type(error).__name__}"
    alive = weakref.ref(model)
    del model
    gc.collect()
    if alive() is not None:
        changed["freed"] = "never"
    return changed


def _state(model: nn.Module) -> dict[str, dict[str, Any]]:
    """Return what is compared, as values under names; objects are compared by identity."""
    modules = dict(model.named_modules(remove_duplicate=False))
    values = {name: value.clone() for name, value in model.state_dict().items()}
    parameters = dict(model.named_parameters(remove_duplicate=False))
    statistics = {name for name in values if name.endswith(STATISTICS)}
    return {
        "mode": {name: module.training for name, module in modules.items()},
        "batch norm": {name: values[name] for name in values if name in statistics},
        "weights": {name: values[name] for name in values if name not in statistics},
        "state_dict": dict.fromkeys(values, 0),
        "hooks": {
            f"{name}.{kind}.{key}": 0
            for name, module in modules.items()
            for kind, hooks in vars(module).items()
            if kind.endswith("_hooks") and isinstance(hooks, Mapping)
            for key in hooks
        },
        "attributes": {
            f"{name}.{key}": _plain(value)
            for name, module in modules.items()
            for key, value in vars(module).items()
            if key != "training"
        },
        "requires_grad": {name: value.requires_grad for name, value in parameters.items()},
        "gradients": {name: value.grad is None for name, value in parameters.items()},
        "random state": {
            "torch": torch.get_rng_state(),
            "random": random.getstate(),
            "numpy": pickle.dumps(np.random.get_state()).hex(),  # noqa: NPY002 the global one
        },
        "settings": {
            "gradients": torch.is_grad_enabled(),
            "dtype": torch.get_default_dtype(),
            "threads": torch.get_num_threads(),
            "fast path": torch.backends.mha.get_fastpath_enabled(),
        },
        "torch": {
            f"{place}.{key}": value
            for place, owner in WATCHED.items()
            for key, value in vars(owner).items()
            # imports add themselves to their package, and a warning says that it was given
            if not isinstance(value, ModuleType) and key != "__warningregistry__"
        },
    }


def _plain(value: object) -> object:
    """Return what an attribute is compared by; containers have columns of their own."""
    return type(value) if isinstance(value, (Mapping, set)) else value


def _difference(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return how many names were added, went and have another value, or nothing."""
    added = [name for name in after if name not in before]
    gone = [name for name in before if name not in after]
    other = [name for name in before if name in after and not _same(before[name], after[name])]
    told = [
        f"{len(names)} {word}"
        for names, word in ((added, "new"), (gone, "gone"), (other, "other"))
        if names
    ]
    return ", ".join(told)


def _same(before: object, after: object) -> bool:
    if isinstance(before, Tensor) and isinstance(after, Tensor):
        return torch.equal(before, after)
    plain = isinstance(before, (bool, int, float, str, tuple))
    return before is after or (plain and before == after)
