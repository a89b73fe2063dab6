"""One network measured at every combination of some sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import nn

from pytest_burden.burden import Burden
from pytest_burden.engine.run import RealRun
from pytest_burden.engine.sized import Sized
from pytest_burden.errors import BurdenError, MeasureError
from pytest_burden.sizes import checked, parse_sizes, points
from pytest_burden.sweeps import Point, Sweep


def sweep(  # noqa: PLR0913 the public function, beside `measure`
    model_or_factory: nn.Module | Callable[..., nn.Module],
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    vary: Mapping[str, str | Iterable[int]],
    until: str = "",
    on_point: Callable[[int, int, Mapping[str, int]], object] | None = None,
    **options: Any,
) -> Sweep:
    """Measure a network at every combination of some sizes, one trace each.

    A point at which the network itself raises is kept with the reason, and the sweep goes on.

    Args:
        model_or_factory: as in `pytest_burden.measure`; a factory may take symbols as parameters.
        args: positional inputs, in whose specs sizes may be symbols: ``"float32[B, 3, S, S]"``, or
            worked out of them, ``"float32[B, S*S + 1, 768]"``.
        kwargs: keyword inputs, likewise.
        vary: for each symbol its sizes: ``range(112, 673, 112)``, ``"112:672:112"``, ``[1, 8]``.
        until: the path of a module: only the trunk up to the end of its first call is run.
        on_point: called before each point with its number, their number, and its sizes.
        options: of `pytest_burden.measure`.

    Raises:
        BurdenError: something in the call is wrong, such as a symbol without sizes.
    """
    sizes = {name: _sizes(each) for name, each in vary.items()}
    network = Sized(model_or_factory, args, dict(kwargs or {}), options, until)
    network.check(sizes)
    every = points(sizes)
    found: list[Burden | Exception] = []
    for number, point in enumerate(every):
        if on_point:
            on_point(number, len(every), point)
        found.append(_measured(network, point, "never"))
    if options.get("real", "auto") == "auto":
        # Where the network could be traced once, an error without data is its own.
        traced = any(isinstance(each, Burden) for each in found)
        for number, each in enumerate(found):
            if isinstance(each, MeasureError) or not (traced or isinstance(each, Burden)):
                found[number] = _measured(network, every[number], "auto")
    return Sweep(tuple(sizes), tuple(map(_point, every, found)), until)


def _sizes(each: str | Iterable[int]) -> tuple[int, ...]:
    return parse_sizes(each) if isinstance(each, str) else checked(each, each)


def _measured(network: Sized, point: Mapping[str, int], real: RealRun) -> Burden | Exception:
    try:
        return network.at(point, real=real)
    except MeasureError as error:
        return error
    except BurdenError:
        raise
    except Exception as error:  # noqa: BLE001 a network may raise anything at sizes it does not take
        return error


def _point(sizes: Mapping[str, int], found: Burden | Exception) -> Point:
    if isinstance(found, Burden):
        return Point.of(sizes, found)
    kind = "" if isinstance(found, MeasureError) else f"{type(found).__name__}: "
    return Point(sizes=sizes, reason=" ".join(f"{kind}{found}".split()))
