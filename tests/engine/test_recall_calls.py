"""What may be remembered of a call, and when it is forgotten."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from pytest_burden.engine.abstract import AbstractTensor, Tape, Token, abstract, dense_spec
from pytest_burden.engine.recall import calls
from pytest_burden.engine.recall.calls import Known, Lone, Output, Record
from pytest_burden.engine.spec import Op
from pytest_burden.engine.trace import OpCall

SPEC = dense_spec(torch.empty(2))
EXP = Op("aten.exp", "default", {}, (SPEC,))


class Callable(nn.Module):
    """Something that can be called, and is no function."""


@pytest.mark.parametrize("replacement", [functools.partial(torch.relu), Callable(), lambda x: x])
def test_own_functions(monkeypatch: pytest.MonkeyPatch, replacement: Any) -> None:
    """Whatever can be called and is not torch's is noticed, and undoing it as well."""
    assert calls._code.is_own()
    monkeypatch.setattr(functional, "silu", replacement)
    assert not calls._code.is_own()
    monkeypatch.undo()
    assert calls._code.is_own()


def test_changed_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known is forgotten if one function of torch stands in the place of another."""
    assert calls._code.is_own()
    calls._KNOWN["key",] = Known(Record((), ()), ())
    assert calls._code.is_own()
    assert calls._KNOWN
    monkeypatch.setattr(functional, "silu", functional.gelu)
    assert calls._code.is_own()
    assert not calls._KNOWN


def test_only_what_ends_in_the_call() -> None:
    """A call that leaves a storage behind, or reaches one that it was not given, is forgotten."""
    tape = Tape()
    x, elsewhere, out = (abstract(SPEC, Token(tape, 8, "input")) for _ in range(3))
    between = Token(tape, 8, "result")

    def learnt(result: object, call_on: AbstractTensor, *given: AbstractTensor) -> Known | None:
        tape.calls[:] = [OpCall(EXP, 0, (call_on.token.index,), inside=False)]
        return calls._learnt(result, given, tape, 0, first_storage=2)

    assert learnt(out, out, x) is None
    del between
    stored = ((8, 0, None), (8, 0, 1))
    new, same = Output(same=False, spec=SPEC, home=0), Output(same=True, spec=SPEC, home=~0)
    assert learnt(out, out, x) == Known(Record(((EXP, (0,), False),), stored), new)
    assert learnt(out, x, x) == Known(Record(((EXP, (~0,), False),), stored), new)
    assert learnt([x, out], x, x) == Known(Record(((EXP, (~0,), False),), stored), [same, new])
    assert learnt(out, elsewhere, x) is None
    assert learnt(out, elsewhere, x, elsewhere) is not None
    assert learnt(elsewhere, x, x) is None
    assert learnt([out, 3], x, x) is None
    assert learnt((out, [x]), x, x) == Known(Record(((EXP, (~0,), False),), stored), (new, [same]))
    assert learnt(torch.empty(2), x, x) is None
    twin = abstract(SPEC, out.token)
    assert learnt([out, twin], x, x) is None


NEW, OF_FIRST, OF_SECOND = (Output(same=False, spec=SPEC, home=home) for home in (0, ~0, ~1))
KEPT = (8, 0, None)


@pytest.mark.parametrize(
    ("made", "storages", "outputs", "lone"),
    [
        ([(EXP, (0,), False)], [KEPT], NEW, Lone(EXP, SPEC, 0, 8)),
        ([(EXP, (~0,), False)], [], OF_FIRST, Lone(EXP, SPEC, ~0, 0)),
        ([(EXP, (~1,), False)], [], OF_SECOND, Lone(EXP, SPEC, ~1, 0)),
        ([(EXP, (~0,), False)], [], OF_FIRST._replace(same=True), None),
        ([(EXP, (0,), False)], [KEPT], [NEW], None),
        ([(EXP, (0,), False)], [KEPT], (), None),
        ([(EXP, (0,), True)], [KEPT], NEW, None),
        ([(EXP, (~0,), False)], [KEPT], NEW, None),
        ([(EXP, (0,), False)], [KEPT], OF_FIRST, None),
        ([(EXP, (0, 1), False)], [KEPT, (8, 0, 1)], NEW, None),
        ([(EXP, (0,), False)], [KEPT, (8, 0, 1)], NEW, None),
        ([(EXP, (0,), False)], [(8, 1, None)], NEW, None),
        ([(EXP, (0,), False)] * 2, [KEPT], NEW, None),
        ([], [], OF_FIRST, None),
    ],
)
def test_lone_call(made: Any, storages: Any, outputs: Any, lone: Lone | None) -> None:
    """Only what is one operator and the one tensor that it made takes the short way."""
    assert calls._lone(Record(tuple(made), tuple(storages)), outputs) == lone


def test_lone_call_again() -> None:
    """The short way writes down the same as the long one."""
    for storages, outputs in (([KEPT], NEW), ([], OF_FIRST), ([], OF_SECOND)):
        record = Record(((EXP, (outputs.home,), False),), tuple(storages))
        written = []
        for lone in (None, calls._lone(record, outputs)):
            tape = Tape()
            tape.module = 3
            given = [abstract(SPEC, Token(tape, 8, "input")) for _ in range(2)]
            out = calls._again(Known(record, outputs, lone), given, tape)
            tape.close()
            written.append((tape.calls, tape.storages, out.token.index, out.spec))
        assert written[0] == written[1]
