"""A tensor without its data, and one distinct operator: all that a counting rule ever sees."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

from pytest_burden.inputs import BYTES

Pending = Literal["", "conj", "neg"]


@dataclass(frozen=True, slots=True, eq=False)
class Spec:
    """Shape, dtype (by torch's name), strides and offset (in elements) of a tensor.

    Compared by identity: the recorder keeps one object for each distinct spec.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    strides: tuple[int, ...] = ()
    offset: int = 0
    storage_bytes: int = 0
    pending: Pending = ""
    """A conjugation or negation that torch has put off until the elements are used."""

    @property
    def numel(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return BYTES[self.dtype]

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.numel * self.itemsize

    @property
    def is_complex(self) -> bool:
        """Whether the elements are complex."""
        return self.dtype.startswith("complex")

    @property
    def is_floating(self) -> bool:
        """Whether the elements are real floating-point numbers."""
        return self.dtype.startswith(("float", "bfloat"))

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


text_of: Callable[[Spec], str] = cache(str)
"""Returns ``"float32[1, 3]"``; specs are few, and each is one object."""


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the strides of a tensor without gaps, its last dimension the closest."""
    strides = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


Argument: TypeAlias = "bool | int | float | complex | str | Spec | Sequence[Argument] | None"
"""A tensor arrives as its spec; scalars and lists as they are; anything else as its text."""


HIGHER_ORDER = "higher_order."
"""How the names of operators begin that take functions."""


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """One distinct operator: everything about a call but the data. Shared by all equal calls.

    ``name`` has neither overload nor the in-place underscore: ``aten.add`` for
    ``aten::add_.Tensor``. Compared by identity, like `Spec`.
    """

    name: str
    overload: str
    arguments: Mapping[str, Argument]
    """By the operator's own argument names, defaults included."""
    outputs: tuple[Spec, ...]
    view: bool = False
    """Whether it computes nothing: every output is another view of an argument."""
    tags: frozenset[str] = frozenset()
    """Names of torch's operator tags, such as ``pointwise``."""

    def tensors(self) -> list[Spec]:
        """Return the specs of all tensor arguments, those in lists included."""
        found: list[Spec] = []
        for value in self.arguments.values():
            found += [value] if isinstance(value, Spec) else _specs(value)
        return found


def _specs(value: Argument) -> list[Spec]:
    if not isinstance(value, (list, tuple)):
        return []
    return [spec for item in value for spec in ([item] if isinstance(item, Spec) else _specs(item))]
