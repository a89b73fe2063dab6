"""What ``burden`` does inside a test: it measures, and keeps that for the test's end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest

from pytest_burden.budget.ids import Name
from pytest_burden.budget.limits import Wrong, read_limits
from pytest_burden.budget.precedence import Level
from pytest_burden.budget.verdict import Kind, Policy
from pytest_burden.burden import Burden
from pytest_burden.errors import BurdenError, MeasureError, quoted
from pytest_burden.report.inert import visible
from pytest_burden.session.measuring import Runs, Sizes, measured
from pytest_burden.session.record import Failure, Measured, Record, needed_runs
from pytest_burden.session.settings import Settings
from pytest_burden.session.shared import PREFIX, Shared
from pytest_burden.sizes import SIZES_EXAMPLE, VARY_EXAMPLE, by_symbol, path_of
from pytest_burden.sweeps import Swept

# The frames of this module are no news to somebody whose own forward failed.
__tracebackhide__ = True


@dataclass(frozen=True, slots=True, repr=False)
class Measure:
    """The value of the fixture ``burden``: call it with a network and its inputs."""

    record: Record
    levels: Callable[[], Sequence[Level]]
    """Returns the limits of the test's markers."""

    def __call__(  # noqa: PLR0913 as `measure`
        self,
        model_or_factory: Any,
        /,
        *inputs: Any,
        name: str | None = None,
        kwargs: Mapping[str, Any] | None = None,
        training: object = None,
        device: object = None,
        rules: Mapping[str, Callable[..., Any]] | None = None,
        sizes: Mapping[str, int] | None = None,
        vary: Mapping[str, str | Iterable[int]] | None = None,
        until: str = "",
        **limits: object,
    ) -> Burden:
        """Measure a network; its limits are judged when the test ends, all at once.

        Args:
            model_or_factory: a module, or a callable without arguments that returns one.
            inputs: tensors, spec strings such as ``"float32[1, 3, 224, 224]"``, nested ones.
            name: tells the measurements of one test apart.
            kwargs: keyword inputs of the network.
            training: as in `pytest_burden.measure`; measured with Adam where a limit needs it.
            device: as in `pytest_burden.measure`; ``"cuda"`` where a limit needs it.
            rules: as in `pytest_burden.measure`.
            sizes: of symbols in the inputs, ``{"S": 128}`` for ``"float32[1, S]"``; of a symbol
                that varies the smallest if it is not said.
            vary: other sizes at which it is measured too, as in `pytest_burden.sweep`; what
                ``max_scaling`` needs is measured without.
            until: the module up to which it is run at these other sizes.
            limits: ``max_gflops=5``, before those of markers and configuration.

        Raises:
            BurdenError: a limit, a name or an input is wrong.
            MeasureError: there is no way to measure it.
            Exception: what the network's own forward or the factory raised.
        """
        called = Name(_valid(name), given=True) if name is not None else Name()
        level = _limits(limits, self.record.settings, self.record.test)
        self.record.expect_free(called)

        def keep(outcome: Burden | Failure, swept: Swept) -> None:
            self.record.measured.append(Measured(called, outcome, level, swept))

        runs = self.record.runs(called, [level, *self.levels()], training, device)
        network = _Network(model_or_factory, inputs, kwargs, rules, _sizes(sizes, vary, until))
        return _measure(self.record.settings, keep, network, runs)

    def __repr__(self) -> str:
        return f"<burden of {self.record.test}>"


@dataclass(frozen=True, slots=True, repr=False)
class MeasureOnce:
    """The value of the fixture ``burden_session``; its limits are judged by the first test."""

    shared: Shared

    def __call__(  # noqa: PLR0913 as `measure`
        self,
        model_or_factory: Any,
        /,
        *inputs: Any,
        name: str | None = None,
        kwargs: Mapping[str, Any] | None = None,
        training: object = None,
        device: object = None,
        rules: Mapping[str, Callable[..., Any]] | None = None,
        sizes: Mapping[str, int] | None = None,
        vary: Mapping[str, str | Iterable[int]] | None = None,
        until: str = "",
        **limits: object,
    ) -> Burden:
        """Measure a network for many tests; ``name`` is the network's own if not given.

        Arguments and errors are those of the fixture ``burden``. Limits come from the call and
        the configuration, not from markers: which test is the first to use it is chance.
        """
        settings = self.shared.settings
        own = getattr(model_or_factory, "__name__", type(model_or_factory).__name__)
        called = _valid(name) if name is not None else own
        level = _limits(limits, settings, f"{PREFIX}#{called}")

        def keep(outcome: Burden | Failure, swept: Swept) -> None:
            self.shared.add(called, outcome, level, swept)

        runs = needed_runs(settings, f"{PREFIX}#{called}", [level], training, device)
        network = _Network(model_or_factory, inputs, kwargs, rules, _sizes(sizes, vary, until))
        return _measure(settings, keep, network, runs)

    def __repr__(self) -> str:
        return "<burden_session>"


class _Network(NamedTuple):
    """What is measured: the arguments of the fixtures."""

    target: Any
    inputs: tuple[Any, ...]
    kwargs: Mapping[str, Any] | None
    rules: Mapping[str, Callable[..., Any]] | None
    sizes: Sizes


def _measure(
    settings: Settings,
    keep: Callable[[Burden | Failure, Swept], None],
    network: _Network,
    runs: Runs,
) -> Burden:
    target, inputs, kwargs, rules, sizes = network
    try:
        found, swept = measured(
            settings, target, inputs, kwargs, runs=runs, sizes=sizes, rules=rules
        )
    except MeasureError as error:
        keep(Failure(Kind.INCOMPLETE, str(error)), Swept())
        if settings.policies[Kind.INCOMPLETE] is Policy.FAIL:
            raise error.with_traceback(None) from None
        # There is no burden to go on with, and the policy says that this is no failure.
        pytest.skip(f"could not be measured: {error}")
    except BurdenError as error:
        raise error.with_traceback(None) from None  # the line of the call says where
    keep(found, swept)
    return found


def _sizes(
    sizes: Mapping[str, int] | None,
    vary: Mapping[str, str | Iterable[int]] | None,
    until: str,
) -> Sizes:
    try:
        return Sizes(by_symbol(sizes, SIZES_EXAMPLE), by_symbol(vary, VARY_EXAMPLE), path_of(until))
    except BurdenError as error:
        raise error.with_traceback(None) from None  # the line of the call says where


def _valid(name: object) -> str:
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        reason = "not a text of one line that is not empty"
        raise BurdenError(f"Invalid name ({reason}): {quoted(name)}")
    if name.isdigit() or "#" in name or "::" in name:
        raise BurdenError(f"Invalid name (a number, or one with '#' or '::'): {quoted(name)}")
    return name


def _limits(written: Mapping[str, object], settings: Settings, subject: str) -> Level:
    """Read the limits of a call, and say everything that is wrong with them at once."""
    place = _place(sys._getframe(2), settings.root) or subject  # noqa: SLF001 the caller's frame
    limits, wrong = read_limits(written, lambda _: place)
    if wrong:
        raise BurdenError("\n".join(map(_told, wrong)))
    return limits


def _place(caller: FrameType, root: Path) -> str:
    """Return the line of a call, empty if a pool's thread has made it: nobody wrote it there."""
    if caller.f_globals.get("__name__") in {"concurrent.futures.thread", "threading"}:
        return ""
    path = Path(caller.f_code.co_filename)
    named = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{named.as_posix()}:{caller.f_lineno}"


def _told(wrong: Wrong) -> str:
    works = f"; for example: {wrong.example}" if wrong.example else ""
    return f"{visible(wrong.key)}={quoted(wrong.value)}: {wrong.reason}{works}"
