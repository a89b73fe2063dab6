"""One network measured at every combination of some sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from pytest_burden.burden import Burden
from pytest_burden.engine.run import RealRun
from pytest_burden.engine.sized import Sized
from pytest_burden.errors import BurdenError, MeasureError
from pytest_burden.inputs import by_name
from pytest_burden.sizes import TooSmallError, all_sizes, own_sizes, path_of, points
from pytest_burden.sweeps import Point, Sweep, Swept


def sweep(  # noqa: PLR0913 the public function, beside `measure`
    model_or_factory: nn.Module | Callable[..., nn.Module],
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    vary: Mapping[str, str | Iterable[int]],
    sizes: Mapping[str, int] | None = None,
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
        sizes: those of symbols that do not vary.
        until: the path of a module: only the trunk up to the end of its first call is run.
        on_point: called before each point with its number, their number, and its sizes.
        options: of `pytest_burden.measure`.

    Raises:
        BurdenError: something in the call is wrong, such as a symbol without sizes.
    """
    varied, own = all_sizes(vary), own_sizes(sizes)
    network = Sized(model_or_factory, args, by_name(kwargs), options, path_of(until))
    network.check([*varied, *own])
    return _swept(network, varied, own, on_point)


def elsewhere(  # noqa: PLR0913 as `sweep`
    model_or_factory: nn.Module | Callable[..., nn.Module],
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    sizes: Mapping[str, int],
    vary: Mapping[str, str | Iterable[int]],
    grow: Iterable[str] = (),
    at: Iterable[Mapping[str, int]] = (),
    until: str = "",
    **options: Any,
) -> tuple[Burden, Swept]:
    """Measure a network at its own sizes, and at the others that limits are about.

    Args:
        model_or_factory: as in `sweep`.
        args: likewise.
        kwargs: likewise.
        sizes: its own; of a symbol that is varied the smallest if it is not said.
        vary: as in `sweep`, at the own sizes of all other symbols.
        grow: symbols that some limit is about; those that are not varied get some multiples of
            their own size. A name that is no symbol is left out.
        at: sizes that stand alone, the others being its own; likewise.
        until: as in `sweep`; the network's own sizes are those of all of it.
        options: of `pytest_burden.measure`.

    Raises:
        BurdenError: something in the call is wrong.
        Exception: what the network raises at its own sizes.
    """
    varied = all_sizes(vary)
    own = {**{name: each[0] for name, each in varied.items()}, **own_sizes(sizes)}
    network = Sized(model_or_factory, args, by_name(kwargs), options)
    network.check(own)
    burden = network.at(own)
    growing = [name for name in dict.fromkeys(grow) if name in own and name not in varied]
    multiples = MULTIPLES if len(growing) + len(varied) == 1 else MULTIPLES[:ENOUGH]
    varied |= {name: tuple(own[name] * times for times in multiples) for name in growing}
    trunk = replace(network, until=path_of(until))
    # What could be traced once is the network's own error elsewhere, and no reason to run it.
    real: RealRun = "never" if burden.method == "abstract" else options.get("real", "auto")
    alone = [{**own, **point} for point in at if point.keys() <= own.keys()]
    found = [_point(point, _measured(trunk, point, real)) for point in alone]
    return burden, Swept(_swept(trunk, varied, own) if varied else None, tuple(found))


MULTIPLES = (1, 2, 3, 4, 5, 6, 8, 12, 16)
"""Of a size, where it is not said which ones there are: an exact law of degree 4 shows in any six,
and elsewhere the larger ones show how it ends."""
ENOUGH = 6
"""How many of them where several sizes are varied."""


def _swept(
    network: Sized,
    sizes: Mapping[str, Sequence[int]],
    own: Mapping[str, int],
    on_point: Callable[[int, int, Mapping[str, int]], object] | None = None,
) -> Sweep:
    """Measure at all combinations of sizes, those of other symbols being ``own``."""
    every = points(sizes)
    found: list[Burden | Exception] = []
    for number, point in enumerate(every):
        if on_point:
            on_point(number, len(every), point)
        found.append(_measured(network, {**own, **point}, "never"))
    if network.options.get("real", "auto") == "auto":
        # Where the network could be traced once, an error without data is its own.
        traced = any(isinstance(each, Burden) for each in found)
        for number, each in enumerate(found):
            if isinstance(each, MeasureError) or not (traced or isinstance(each, Burden)):
                found[number] = _measured(network, {**own, **every[number]}, "auto")
    return Sweep(tuple(sizes), tuple(map(_point, every, found)), network.until)


def _measured(network: Sized, point: Mapping[str, int], real: RealRun) -> Burden | Exception:
    try:
        return network.at(point, real=real)
    except (MeasureError, TooSmallError) as error:
        return error
    except BurdenError:
        raise
    except Exception as error:  # noqa: BLE001 a network may raise anything at sizes it does not take
        return error


def _point(sizes: Mapping[str, int], found: Burden | Exception) -> Point:
    if isinstance(found, Burden):
        return Point.of(sizes, found)
    kind = "" if isinstance(found, BurdenError) else f"{type(found).__name__}: "
    return Point(sizes=sizes, reason=" ".join(f"{kind}{found}".split()))
