"""A network whose inputs, and whose factory, have sizes left open."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from pytest_burden.burden import Burden
from pytest_burden.engine.measure import measure
from pytest_burden.engine.trunk import trunk
from pytest_burden.errors import BurdenError, suggest
from pytest_burden.sizes import filled, symbols


@dataclass(frozen=True, slots=True)
class Sized:
    """What is measured once sizes are given: by symbols in specs, and parameters of the factory."""

    source: nn.Module | Callable[..., nn.Module]
    args: Any
    kwargs: Mapping[str, Any]
    options: Mapping[str, Any]
    """Of `pytest_burden.measure`."""
    until: str = ""

    def check(self, names: Iterable[str]) -> None:
        """Refuse a symbol that nothing takes.

        Raises:
            BurdenError: there is one.
        """
        known = {*symbols((self.args, dict(self.kwargs))), *self._parameters()}
        for name in names:
            if name not in known:
                raise BurdenError(
                    f"no input has a size {name}, and no parameter of the factory that name"
                    f"{suggest(name, known)}: write it as float32[1, {name}]"
                )

    def at(self, sizes: Mapping[str, int], **options: Any) -> Burden:
        """Measure it at some sizes.

        Raises:
            BurdenError: a symbol has no size, or what `pytest_burden.measure` raises.
            Exception: what the network or the factory raises.
        """
        given = {name: sizes[name] for name in self._parameters() if name in sizes}
        source = functools.partial(self.source, **given) if given else self.source
        network = trunk(source, self.until) if self.until else source
        args, kwargs = filled(self.args, sizes), filled(dict(self.kwargs), sizes)
        return measure(network, args, kwargs, **{**self.options, **options})

    def _parameters(self) -> list[str]:
        """Return the names by which the factory takes something."""
        if isinstance(self.source, nn.Module):
            return []
        try:
            found = inspect.signature(self.source).parameters.values()
        except (TypeError, ValueError):  # a builtin that does not tell
            return []
        by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return [each.name for each in found if each.kind in by_name]
