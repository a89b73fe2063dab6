"""A factory becomes a network without memory, a spec string becomes an input."""

from __future__ import annotations

import copy
import importlib
import inspect
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from operator import setitem
from types import GeneratorType, SimpleNamespace
from typing import Any

from torch import nn

from pytest_burden.engine.abstract import NeedsData, Tape, active
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.nests import DEPTH
from pytest_burden.engine.recorder import Recorder
from pytest_burden.engine.weights import Weights
from pytest_burden.errors import BurdenError, suggest
from pytest_burden.inputs import is_meant, parse_input

Factory = Callable[[], nn.Module]


def import_target(target: str) -> Any:
    """Return what ``"package.module:name"`` names; ``name`` may have dots.

    Raises:
        BurdenError: the text is not of that form, the import fails, or there is no such name.
    """
    module_name, colon, name = target.partition(":")
    if not colon or not module_name or not name:
        raise BurdenError(f"Invalid target (not of the form 'package.module:factory'): {target!r}")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        kind = type(error).__name__
        raise BurdenError(
            f"cannot import {module_name!r} of {target!r}: {kind}: {error}"
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            near = suggest(part, dir(found))
            raise BurdenError(f"{module_name!r} has no {name!r}{near}: {target!r}")
        found = getattr(found, part)
    return found


def build(factory: Factory) -> tuple[nn.Module, Homes]:
    """Call a factory so that no weight is allocated or drawn; small constants stay real.

    Returns:
        The network, and which of its real tensors' values can be trusted.

    Raises:
        NeedsData: the factory reads values that do not exist.
        BurdenError: it needs arguments, or returned something else than a module.
    """
    _check_signature(factory)
    tape = Tape()
    active.tape = tape
    recorder = Recorder(tape, building=True)
    try:
        with recorder, Weights(recorder.homes, tape):
            made = factory()
    finally:
        active.tape = None
        tape.close()
    if tape.needs_data:
        raise NeedsData(tape.needs_data[0])
    return as_module(made, factory), recorder.homes


def _check_signature(factory: Factory) -> None:
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # a builtin that does not tell
        return
    try:
        signature.bind()
    except TypeError as error:
        raise BurdenError(
            f"the factory {_name(factory)!r} needs arguments ({error});"
            f" give them in a function of none: lambda: {_name(factory)}(...)"
        ) from None


def _name(factory: object) -> str:
    return str(getattr(factory, "__qualname__", None) or factory)


def as_module(made: object, factory: object) -> nn.Module:
    """Return ``made`` if it is a module.

    Raises:
        BurdenError: it is not.
    """
    if isinstance(made, nn.Module):
        return made
    kind = type(made).__name__
    raise BurdenError(f"the factory {_name(factory)!r} returned {kind}, not a torch.nn.Module")


def read_specs(value: Any, *, where: str = "input", depth: int = 0) -> Any:
    """Replace each spec string in a nest of containers and dataclasses by its `InputSpec`.

    A string that is not meant as a spec is left alone inside containers and as a keyword argument,
    where it may be a mode or a name. A container without specs is returned itself.

    Raises:
        BurdenError: a string is meant as a spec and is not one, or an input can be read only once.
    """
    if isinstance(value, str):
        if where == "input" or is_meant(value):
            return parse_input(value)
        return value
    if isinstance(value, GeneratorType):
        raise BurdenError("an input is a generator, which can be read only once: give a list")
    if depth > DEPTH:
        return value
    items, put = _items(value)
    read = [(key, item, read_specs(item, where="inside", depth=depth + 1)) for key, item in items]
    changed = [(key, new) for key, old, new in read if new is not old]
    if not changed:
        return value
    if isinstance(value, tuple):
        kind: Any = type(value)
        contents = [new for _, _, new in read]
        return kind(*contents) if hasattr(kind, "_fields") else kind(contents)
    made = copy.copy(value)
    for key, new in changed:
        put(made, key, new)
    return made


def _items(value: Any) -> tuple[Iterable[tuple[Any, Any]], Callable[[Any, Any, Any], None]]:
    """Return the keys and contents of a container, and how to put another content there."""
    if isinstance(value, dict):
        return value.items(), setitem
    if isinstance(value, (list, tuple, deque)):
        return enumerate(value), setitem
    if isinstance(value, SimpleNamespace):
        return vars(value).items(), setattr
    if is_dataclass(value) and not isinstance(value, type):
        names = [entry.name for entry in fields(value) if hasattr(value, entry.name)]
        return [(name, getattr(value, name)) for name in names], object.__setattr__
    return (), setitem
