"""A network up to one of its modules: for networks whose head fixes the size of the input."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import nn

from pytest_burden.engine.build import as_module
from pytest_burden.errors import BurdenError, suggest


class _Reached(BaseException):
    """Ends a forward from within; a network that catches its own errors does not see it."""

    def __init__(self, output: Any) -> None:
        super().__init__()
        self.output = output


def trunk(
    model_or_factory: nn.Module | Callable[[], nn.Module], until: str
) -> nn.Module | Callable[[], nn.Module]:
    """Return a network whose forward ends with the first call of a module, and returns its output.

    Its modules, paths and parameters are those of the whole network; the module itself is changed
    in nothing, a built one not at all.

    Args:
        model_or_factory: as in `pytest_burden.measure`.
        until: the path of the module, as in ``named_modules()``.

    Raises:
        BurdenError: there is no such module; of a factory when it is called.
    """
    if isinstance(model_or_factory, nn.Module):
        return _cut(copy.copy(model_or_factory), until)
    factory = model_or_factory
    return lambda: _cut(as_module(factory(), factory), until)


def _cut(network: nn.Module, until: str) -> nn.Module:
    paths = [path for path, _ in network.named_modules() if path]
    if until not in paths:
        near = suggest(until, paths) or f", one of {', '.join(dict(network.named_children()))}"
        raise BurdenError(f"the network has no module {until!r}{near}")
    cls = type(network)

    def forward(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        def reached(_: nn.Module, __: Any, output: Any) -> None:
            raise _Reached(output)

        handle = self.get_submodule(until).register_forward_hook(reached)
        try:
            cls.forward(self, *args, **kwargs)
        except _Reached as end:
            return end.output
        finally:
            handle.remove()
        raise BurdenError(f"the forward does not come to {until!r}")

    # A class of the same name: what is shown of the network is what it was.
    network.__class__ = type(
        cls.__name__, (cls,), {"forward": forward, "__module__": cls.__module__}
    )
    return network
