"""What an operator returned, without the data."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_burden.engine.spec import Spec


@dataclass(frozen=True, slots=True)
class New:
    """An output in a storage of its own."""

    spec: Spec


@dataclass(frozen=True, slots=True)
class View:
    """An output that lives in the storage of tensor argument ``index``."""

    spec: Spec
    index: int


@dataclass(frozen=True, slots=True)
class Same:
    """The tensor argument ``index`` itself; its shape may have changed to ``spec``."""

    spec: Spec
    index: int


@dataclass(frozen=True, slots=True)
class Plain:
    """Not a tensor."""

    value: object


Output = New | View | Same | Plain


@dataclass(frozen=True, slots=True)
class Result:
    """The outputs of an operator in order, and the type that holds them (None: a lone one)."""

    outputs: tuple[Output, ...]
    container: type | None
    reshaped: bool
    """Whether an argument has another shape or storage afterwards (``t_``, ``set_``)."""
