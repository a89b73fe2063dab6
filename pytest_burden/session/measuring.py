"""The way from a test to the engine, which is imported with torch when first asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pytest_burden.burden import Burden
from pytest_burden.errors import BurdenError
from pytest_burden.inputs import by_name
from pytest_burden.session.settings import Settings
from pytest_burden.sizes import symbols
from pytest_burden.sweeps import Swept

# The frames of this module are no news to somebody whose own forward failed.
__tracebackhide__ = True


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is given for the symbols in inputs such as ``"float32[B, S]"``."""

    own: Mapping[str, int] = field(default_factory=dict)
    """At which the network is measured; of a symbol that varies the smallest if it is not said."""
    vary: Mapping[str, str | Iterable[int]] = field(default_factory=dict)
    """At which it is measured beside, as in `pytest_burden.sweep`."""
    until: str = ""
    """The module up to which it is then run, as in `pytest_burden.sweep`."""


class Runs(NamedTuple):
    """What to run beside the forward, as `pytest_burden.measure` takes it, and at which sizes."""

    training: object = None
    device: object = None
    grow: tuple[str, ...] = ()
    """Symbols that a limit on growth is about."""
    at: tuple[Mapping[str, int], ...] = ()
    """Sizes that a limit is about."""


def measured(  # noqa: PLR0913 what the engine takes
    settings: Settings,
    target: Any,
    inputs: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    runs: Runs,
    sizes: Sizes | None = None,
    rules: Mapping[str, Callable[..., Any]] | None = None,
) -> tuple[Burden, Swept]:
    """Measure a model or a factory under the convention of the run, at other sizes too.

    Raises:
        MeasureError: there is no way to measure it.
        BurdenError: something in the call is wrong.
        Exception: what the network's own forward or the factory raised.
    """
    from pytest_burden.engine.watch import unwatched  # noqa: PLC0415 it brings torch

    options: dict[str, Any] = {
        "training": runs.training,
        "device": runs.device,
        "convention": settings.config.convention,
        "rules": rules,
        "real": settings.config.real,
    }
    given = sizes or Sizes()
    if not (given.own or given.vary or any(symbols((tuple(inputs), by_name(kwargs))))):
        from pytest_burden.engine.measure import measure  # noqa: PLC0415 it brings torch

        with unwatched():
            return measure(target, tuple(inputs), kwargs, **options), Swept()
    from pytest_burden.engine.sweep import elsewhere  # noqa: PLC0415 it brings torch

    with unwatched():
        return elsewhere(
            target,
            tuple(inputs),
            kwargs,
            sizes=given.own,
            vary=given.vary,
            grow=runs.grow,
            at=runs.at,
            until=given.until,
            **options,
        )


def imported(build: str) -> Any:
    """Return what ``"package.module:factory"`` names.

    Raises:
        BurdenError: it cannot be imported; the message says why.
    """
    from pytest_burden.engine.build import import_target  # noqa: PLC0415 it brings torch

    try:
        return import_target(build)
    except SystemExit as error:
        raise BurdenError(f"cannot import {build!r}: SystemExit: {error}") from error
