"""Inputs in containers of every kind: the same figures as in a list, and left as they were."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

from pytest_burden import fit, measure, sweep
from pytest_burden.errors import BurdenError

SPEC = "float32[40, 16]"


@dataclass
class Batch:
    """Two tensors, and one that no argument gives."""

    x: Any
    y: Any
    made: Any = field(default=None, init=False)


@dataclass(frozen=True, slots=True)
class Frozen:
    """The same without a dictionary."""

    x: Any
    y: Any


class Pair(NamedTuple):
    """The same as a tuple."""

    x: Any
    y: Any


class Slots:
    """The same, and no dataclass."""

    __slots__ = ("x", "y")

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y


class Plain:
    """The same with a dictionary."""

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y


class Named(OrderedDict[str, Any]):
    """The same with items that are attributes, as outputs of transformers are."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


Make = Callable[[Any, Any], Any]
READ: dict[str, Make] = {
    "list": lambda x, y: [x, y],
    "tuple": lambda x, y: (x, y),
    "deque": lambda x, y: deque([x, y], maxlen=2),
    "dict": lambda x, y: {"x": x, "y": y},
    "OrderedDict": lambda x, y: OrderedDict(x=x, y=y),
    "defaultdict": lambda x, y: defaultdict(list, x=x, y=y),
    "subclass of OrderedDict": lambda x, y: Named(x=x, y=y),
    "dataclass": Batch,
    "dataclass with slots": Frozen,
    "NamedTuple": Pair,
    "SimpleNamespace": lambda x, y: SimpleNamespace(x=x, y=y),
    "several": lambda x, y: [{"a": deque([Batch(x, Pair(y, None))])}],
}
"""Containers that specs are read in."""
COPIED: dict[str, Make] = READ | {"class": Plain, "class with slots": Slots}


class Sums(nn.Module):
    """Uses all tensors that it finds."""

    def forward(self, given: Any) -> torch.Tensor:
        """Return a sum of exponentials."""
        first, second = found(given)
        return first.exp() + second.exp()


def found(given: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in any of the containers above."""
    if isinstance(given, torch.Tensor):
        yield given
    elif isinstance(given, dict):
        yield from (tensor for item in given.values() for tensor in found(item))
    elif isinstance(given, (list, tuple, deque)):
        yield from (tensor for item in given for tensor in found(item))
    elif given is not None:
        yield from found(given.x)
        yield from found(given.y)


@pytest.mark.parametrize("name", COPIED)
def test_tensors(name: str) -> None:
    """No tensor is missing from a figure, wherever it is; nothing of the input is changed."""
    x, y = torch.zeros(40, 16), torch.ones(40, 16)
    given = COPIED[name](x, y)
    burden = measure(Sums(), [given])
    # Two inputs, two exponentials and their sum, of 2,560 bytes each.
    assert (burden.peak_memory, burden.method) == (5 * 40 * 16 * 4, "abstract")
    assert [*map(id, found(given))] == [id(x), id(y)]


@pytest.mark.parametrize("name", READ)
def test_specs(name: str) -> None:
    """A spec is read wherever a tensor may stand; the caller's container keeps its strings."""
    given = READ[name](SPEC, SPEC)
    before = repr(given)
    burden = measure(Sums(), [given])
    assert burden.peak_memory == 5 * 40 * 16 * 4
    assert [text.rpartition("=")[2] for text in burden.inputs] == [SPEC, SPEC]
    assert repr(given) == before


def test_a_generator() -> None:
    """It would be read in the first attempt, and be empty in the second and for its owner."""
    given = (torch.zeros(2) for _ in range(2))
    with pytest.raises(BurdenError, match="generator, which can be read only once: give a list"):
        measure(Sums(), [given])
    assert len([*given]) == 2


class Nameless:
    """Has no text: its repr raises."""

    def __repr__(self) -> str:
        """Raise."""
        raise RuntimeError("no repr")


@pytest.mark.parametrize(
    ("kwargs", "shown"),
    [
        ([1], "[1]"),
        ([], "[]"),
        ("", "''"),
        ("x=1x4", "'x=1x4'"),
        (5, "5"),
        ({1: "1x4"}, "{1: '1x4'}"),
        (Nameless(), "<Nameless, which has no repr>"),
    ],
)
def test_keyword_inputs_without_names(kwargs: Any, shown: str) -> None:
    """They belong into a mapping, wherever one calls us; what is empty is no exception."""
    told = "Invalid kwargs (not a mapping from names to inputs, as in {'mask': 'bool[1, 128]'}): "
    for call in (
        lambda: measure(nn.Identity(), "1x4", kwargs),
        lambda: sweep(nn.Identity(), "float32[S]", kwargs, vary={"S": [1]}),
        lambda: fit(nn.Identity(), "float32[S]", kwargs, vary="S", memory=10**6),
    ):
        with pytest.raises(BurdenError) as failed:
            call()
        assert str(failed.value) == told + shown


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"rules": [1]}, "Invalid rules (not a mapping from names to functions): [1]"),
        ({"rules": {5: len}}, "Invalid operator name (not of the form 'mylib::myop'): 5"),
        ({"real": Nameless()}, 'Invalid real (neither "auto" nor "never"): <Nameless, which'),
        ({"device": Nameless()}, "Invalid device ("),
        ({"training": Nameless()}, "Invalid training ("),
        ({"convention": 1}, "Invalid convention (not a pytest_burden.Convention): 1"),
    ],
)
def test_options_of_another_kind(options: dict[str, Any], reason: str) -> None:
    """What was found is shown as far as it can be."""
    with pytest.raises(BurdenError) as failed:
        measure(nn.Identity(), "1x4", **options)
    assert str(failed.value).startswith(reason)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("float32[99999999999999999999, 8]", "a tensor has less than 2^63 bytes"),
        ("99999999999x99999999999", "a tensor has less than 2^63 bytes"),
        (f"float32[{'9' * 5000}]", "a tensor has less than 2^63 bytes"),
        ("uint8[1, 8] = 300", "uint8 holds 0 to 255"),
        ("uint8[1, 8] = -1", "uint8 holds 0 to 255"),
        ("int8[1, 8] = -129", "int8 holds -128 to 127"),
        ("bool[1, 8] = 7", "bool holds 0 to 1"),
        (f"int64[1] = {2**63}", "int64 holds -9,223,372,036,854,775,808 to"),
        (f"uint64[1] = {2**63}", "uint64 holds 0 to 9,223,372,036,854,775,807"),
        (f"int64[1] = {'9' * 5000}", "int64 holds"),
    ],
)
def test_specs_out_of_range(spec: str, reason: str) -> None:
    """No tensor can be so large, or hold that: it is said before one is made."""
    with pytest.raises(BurdenError) as failed:
        measure(nn.Identity(), spec)
    assert str(failed.value).startswith(f"Invalid input spec ({reason}")
    assert len(str(failed.value)) < 200


@pytest.mark.parametrize("spec", ["int8[2] = -128", f"uint64[2] = {2**63 - 1}", "bool[2] = 0"])
def test_specs_at_the_end_of_their_range(spec: str) -> None:
    """What a kind of number can hold, it is filled with."""
    assert measure(nn.Identity(), spec).peak_memory
