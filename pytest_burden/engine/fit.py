"""The largest batch, length or resolution at which a network stays within some memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from pytest_burden.burden import Burden
from pytest_burden.engine.sized import Sized
from pytest_burden.errors import BurdenError, quoted
from pytest_burden.inputs import by_name
from pytest_burden.sizes import own_sizes
from pytest_burden.sweeps import Fit, needed

LARGEST = 2**40
"""No size above it is tried: memory that does not grow with a symbol has no end."""


def fit(  # noqa: PLR0913 the public function, beside `measure` and `sweep`
    model_or_factory: nn.Module | Callable[..., nn.Module],
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    vary: str,
    memory: int,
    first: int = 1,
    step: int = 1,
    sizes: Mapping[str, int] | None = None,
    on_size: Callable[[int], object] | None = None,
    **options: Any,
) -> Fit:
    """Return the largest size of one symbol at which a network stays within some memory.

    It is found by doubling, then by bisection, one trace each: a network that needs less memory at
    a larger size is not expected. Memory is that of a training step where ``training`` is given,
    else that of the forward; parameters and buffers count in both.

    Args:
        model_or_factory: as in `pytest_burden.measure`.
        args: positional inputs, in whose specs one size is a symbol: ``"float32[B, 3, 224, 224]"``.
        kwargs: keyword inputs, likewise.
        vary: the symbol, or the name of a parameter of the factory.
        memory: in bytes.
        first: the smallest size, which has to fit.
        step: between two sizes.
        sizes: those of other symbols.
        on_size: called before each trace.
        options: of `pytest_burden.measure`.

    Raises:
        BurdenError: the first size does not fit, no size is too large, or the call is wrong.
        Exception: what the network raises at the first size.
    """
    for name, number, least in (("memory", memory, 0), ("first", first, 1), ("step", step, 1)):
        if type(number) is not int or number < least:
            reason = f"not a whole number from {least} up"
            raise BurdenError(f"Invalid {name} ({reason}): {quoted(number)}")
    if not isinstance(vary, str):
        raise BurdenError(f"Invalid vary (not the name of a size): {quoted(vary)}")
    network = Sized(model_or_factory, args, by_name(kwargs), options)
    own = own_sizes(sizes)
    network.check([vary, *own])
    if on_size:
        on_size(first)
    smallest = network.at({**own, vary: first})
    if needed(smallest) > memory:
        raise BurdenError(
            f"{vary} = {first} needs {needed(smallest):,} bytes already, there are {memory:,}"
        )
    # What could be traced once is the network's own error later, and no reason to run it.
    real = {"real": "never"} if smallest.method == "abstract" else {}

    def at(size: int) -> Burden:
        if on_size:
            on_size(size)
        return network.at({**own, vary: size}, **real)

    return _largest(at, vary, memory, (first, step), smallest)


def _largest(
    at: Callable[[int], Burden], symbol: str, memory: int, steps: tuple[int, int], smallest: Burden
) -> Fit:
    """Double the number of steps until it is too many, then halve the gap between."""
    first, step = steps
    good, best = 0, smallest
    bad: int | None = None
    beyond: Burden | Exception | None = None
    while bad is None or bad - good > 1:
        tried = max(1, 2 * good) if bad is None else (good + bad) // 2
        size = first + tried * step
        if size > LARGEST:
            raise BurdenError(
                f"{symbol} = {first + good * step:,} fits still: no larger one is tried"
            )
        found = _tried(at, size)
        if isinstance(found, Burden) and needed(found) <= memory:
            good, best = tried, found
        else:
            bad, beyond = tried, found
    rejected = isinstance(beyond, Exception)
    return Fit(
        symbol=symbol,
        memory=memory,
        size=first + good * step,
        burden=best,
        more=first + bad * step,
        why_not=f"{type(beyond).__name__}: {beyond}" if rejected else "",
        beyond=beyond if isinstance(beyond, Burden) else None,
    )


def _tried(at: Callable[[int], Burden], size: int) -> Burden | Exception:
    try:
        return at(size)
    except Exception as error:  # noqa: BLE001 a network may raise anything at sizes it does not take
        return error
