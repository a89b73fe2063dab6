"""The way from a test to the engine, which is imported with torch when first asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_burden.burden import Burden
from pytest_burden.errors import BurdenError
from pytest_burden.session.settings import Settings

# The frames of this module are no news to somebody whose own forward failed.
__tracebackhide__ = True


def measured(  # noqa: PLR0913 what the engine takes
    settings: Settings,
    target: Any,
    inputs: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    training: object = None,
    device: object = None,
    rules: Mapping[str, Callable[..., Any]] | None = None,
) -> Burden:
    """Measure a model or a factory under the convention of the run.

    Raises:
        MeasureError: there is no way to measure it.
        BurdenError: something in the call is wrong.
        Exception: what the network's own forward or the factory raised.
    """
    from pytest_burden.engine.measure import measure  # noqa: PLC0415 it brings torch

    return measure(
        target,
        tuple(inputs),
        kwargs,
        training=training,
        device=device,
        convention=settings.config.convention,
        rules=rules,
        real=settings.config.real,
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
