"""What ``training=`` says: which optimizer, how it is made, and what a step is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.optim import Optimizer

from pytest_burden.burden import Target
from pytest_burden.errors import BurdenError, quoted, suggest

DEFAULT = "Adam"
_OWN_KEYS = ("optimizer", "accumulate", "set_to_none")
_OPTIMIZERS: Mapping[str, type[Optimizer]] = {
    name: value
    for name, value in vars(torch.optim).items()
    if isinstance(value, type) and issubclass(value, Optimizer) and value is not Optimizer
}


@dataclass(frozen=True, slots=True)
class Training:
    """How a network is trained."""

    make: Callable[[list[torch.Tensor]], Any]
    """Makes the optimizer from the parameters that require a gradient."""
    name: str
    accumulate: int = 1
    """Forwards and backwards in one step."""
    set_to_none: bool = True
    """Whether a step frees the gradients of the step before, rather than filling them with 0."""
    target: Target = "cpu"
    """Where: torch chooses there how an optimizer works if it is not told."""

    def optimizer(self, parameters: list[torch.Tensor]) -> Optimizer:
        """Make the optimizer, with what torch would choose on the target.

        Raises:
            BurdenError: it cannot be made, or is none.
        """
        try:
            optimizer = self.make(parameters)
        except (TypeError, ValueError) as error:
            raise BurdenError(f"the optimizer {self.name} cannot be made: {error}") from error
        if not isinstance(optimizer, Optimizer):
            raise BurdenError(
                f"Invalid training ({self.name} made no torch.optim.Optimizer): {quoted(optimizer)}"
            )
        closure = inspect.signature(optimizer.step).parameters.get("closure")
        if closure is not None and closure.default is inspect.Parameter.empty:
            raise BurdenError(
                f"Invalid training (a step of {self.name} runs forward and backward as often as it"
                " likes; what that takes depends on the data)"
            )
        for group in optimizer.param_groups:
            if "foreach" in group and group["foreach"] is None and not group.get("fused"):
                group["foreach"] = self.target == "cuda"
        return optimizer

    def describe(self, optimizer: Optimizer) -> str:
        """Return how it trains with an optimizer: ``"Adam, for-loop"``."""
        group = optimizer.param_groups[0]
        how = "fused" if group.get("fused") else "foreach" if group.get("foreach") else "for-loop"
        parts = [type(optimizer).__name__, how]
        if self.accumulate > 1:
            parts.append(f"{self.accumulate} batches a step")
        if not self.set_to_none:
            parts.append("gradients zeroed in place")
        return ", ".join(parts)


def read_training(value: object, target: Target = "cpu") -> Training | None:
    """Return how ``training=`` says that the network is trained, None if it says that it is not.

    Args:
        target: where it is trained.
        value: None or False; True for Adam; an optimizer's name in `torch.optim`; a dictionary
            of ``optimizer``, ``accumulate``, ``set_to_none`` and what the optimizer takes; or a
            callable that makes an optimizer from a list of parameters.

    Raises:
        BurdenError: it is none of these, or names what the optimizer does not take.
    """
    if value is None or value is False:
        return None
    return replace(_read(value), target=target)


def _read(value: object) -> Training:
    if value is True:
        return _named(DEFAULT, {})
    if isinstance(value, str):
        return _named(value, {})
    if isinstance(value, Mapping):
        return _described(value)
    if isinstance(value, Optimizer):
        raise BurdenError(
            f"Invalid training (an optimizer of other parameters): {type(value).__name__}; give"
            f" a function that makes one, such as training=torch.optim.{type(value).__name__}"
        )
    if callable(value):
        return Training(value, getattr(value, "__name__", type(value).__name__))
    raise BurdenError(
        f"Invalid training (neither a name, a dictionary nor a callable): {quoted(value)};"
        f' for example: training="{DEFAULT}"'
    )


def _named(name: str, options: Mapping[str, Any]) -> Training:
    kind = _optimizer(name)
    known = [
        parameter.name
        for parameter in list(inspect.signature(kind).parameters.values())[1:]
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    for key in options:
        if key not in known:
            near = suggest(str(key), [*known, *_OWN_KEYS])
            raise BurdenError(
                f"Invalid training ({kind.__name__} takes no {quoted(key)}{near}):"
                f" {quoted(key)}; it takes: {', '.join(known)}"
            )
    if options.get("foreach") and options.get("fused"):
        raise BurdenError(f"Invalid training ({kind.__name__} is either foreach or fused): both")
    return Training(lambda parameters: kind(parameters, **options), kind.__name__)


def _optimizer(name: str) -> type[Optimizer]:
    found = {known.lower(): kind for known, kind in _OPTIMIZERS.items()}.get(name.lower())
    if found is None:
        raise BurdenError(
            f"Invalid training (torch.optim has no such optimizer{suggest(name, _OPTIMIZERS)}):"
            f" {quoted(name)}; it has: {', '.join(sorted(_OPTIMIZERS))}"
        )
    return found


def _described(value: Mapping[Any, Any]) -> Training:
    options = dict(value)
    optimizer = options.pop("optimizer", DEFAULT)
    accumulate = options.pop("accumulate", 1)
    set_to_none = options.pop("set_to_none", True)
    if type(accumulate) is not int or accumulate < 1:
        raise BurdenError(
            f"Invalid accumulate (not a whole number, 1 or more): {quoted(accumulate)}"
        )
    if type(set_to_none) is not bool:
        raise BurdenError(f"Invalid set_to_none (neither True nor False): {quoted(set_to_none)}")
    if isinstance(optimizer, str):
        made = _named(optimizer, options)
    elif callable(optimizer) and not isinstance(optimizer, Optimizer):
        name = getattr(optimizer, "__name__", type(optimizer).__name__)
        made = Training(lambda parameters: optimizer(parameters, **options), name)
    else:
        raise BurdenError(f"Invalid optimizer (neither a name nor a callable): {quoted(optimizer)}")
    return replace(made, accumulate=accumulate, set_to_none=set_to_none)
