"""What a call did to tensors without data, written down again instead of being done again.

On its way through a module, a function of torch and the dispatcher a call takes several times as
long as writing down what came of it. What torch's own code does to tensors without data is a
function of what it is given, so a call equal to an earlier one need not be run.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from operator import is_not, itemgetter
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, GenericAlias
from typing import Any, NamedTuple, cast

import torch
from torch.autograd import forward_ad
from torch.nn import functional

from pytest_burden.engine.abstract import AbstractTensor, Tape, Token, abstract, token_of
from pytest_burden.engine.spec import Op, Spec
from pytest_burden.engine.trace import OpCall, Storage


class Output(NamedTuple):
    """One tensor that a call hands out."""

    same: bool
    """Whether it is the tensor that went in itself."""
    spec: Spec
    home: int
    """Where it lies: in a new storage, or ``~i``, in that of the tensor i that went in."""
    view: bool = False
    """Whether it is a view of another tensor, which lives as long."""


def _all(places: Sequence[int], homes: Sequence[int]) -> tuple[int, ...]:
    return tuple([places[home] for home in homes])


class Record(NamedTuple):
    """What went onto the tape in one call; times and new storages are counted from its beginning.

    `again` puts it there once more.
    """

    calls: tuple[tuple[Op, tuple[int, ...], bool], ...]
    """Operators, where each of their outputs lies (see `Output.home`), and `OpCall.inside`."""
    storages: tuple[tuple[int, int, int | None], ...]
    """Bytes, birth and death of each new storage; only what is handed out has no death."""

    def again(self, given: Sequence[int], tape: Tape, modules: Sequence[int] | None = None) -> int:
        """Record it, for a call that was given these storages; return the index of the first new.

        All of it belongs to the module that runs, or each call to one of ``modules``.
        """
        start, first = len(tape.calls), len(tape.storages)
        for nbytes, birth, death in self.storages:
            end = None if death is None else start + death
            tape.storages.append(Storage(nbytes, "result", start + birth, end))
        # Indices that count from the end, as those of the given do.
        places = [*range(first, len(tape.storages)), *reversed(given)]
        belongs = repeat(tape.module) if modules is None else modules
        make = OpCall._make
        tape.calls += [
            # One output is the rule.
            make((op, at, (places[homes[0]],) if len(homes) == 1 else _all(places, homes), inside))
            for (op, homes, inside), at in zip(self.calls, belongs, strict=False)
        ]
        return first


def recorded(
    given: Sequence[int], handed_out: Sequence[int], tape: Tape, first_call: int, first_storage: int
) -> tuple[Record, list[int]] | None:
    """Return what went onto the tape since, None if it cannot be done again.

    Args:
        given: the storages of the tensors that went in.
        handed_out: the storages of those that came out; they are returned as in `Output.home`.
        tape: what it stands on.
        first_call: number of calls before it.
        first_storage: number of storages before it.
    """
    homes = {index: ~i for i, index in reversed([*enumerate(given)])}
    homes |= {index: index - first_storage for index in range(first_storage, len(tape.storages))}
    calls, born = tape.calls[first_call:], tape.storages[first_storage:]
    out = [homes.get(index) for index in handed_out]
    kept = {index for index, one in enumerate(born) if one.death is None}
    new = [home for home in out if home is not None and home >= 0]
    used = {index for call in calls for index in call.storages}
    # An output's storage has one token here, so no two outputs can share a new one.
    if None in out or kept - {*new} or len({*new}) < len(new) or used - homes.keys():
        return None
    record = Record(
        tuple(
            (call.op, tuple(homes[index] for index in call.storages), call.inside) for call in calls
        ),
        tuple(_since(first_call, one) for one in born),
    )
    return record, [home for home in out if home is not None]


class Lone(NamedTuple):
    """One operator, and the one tensor that it made."""

    op: Op
    spec: Spec
    home: int
    """As in `Output.home`."""
    nbytes: int
    """Of the new storage, if that is where it lies."""


class Known(NamedTuple):
    """What one call did."""

    record: Record
    outputs: Any
    """One `Output`, or a tuple or list of them, such as a recurrent layer's pair of pairs."""
    lone: Lone | None = None
    """The whole of it, if that is one operator which made one tensor, as in most calls."""


_KNOWN: dict[tuple[object, ...], Known] = {}


class Recall:
    """What is known of calls, for one run."""

    def __init__(self, tape: Tape) -> None:
        """Remember for a run without data that is recorded on ``tape``."""
        self._tape = tape
        self.trusted = _code.is_own()
        """Whether the code that runs is torch's, so that what it did once it does again."""

    def call(
        self,
        key: tuple[object, ...],
        given: Sequence[AbstractTensor],
        asked: Sequence[bool],
        run: Callable[..., Any],
        args: Iterable[Any],
    ) -> Any:
        """Return what ``run(*args)`` returns, recorded as if it had run.

        ``key`` must say all that it depends on, among it the specs of the tensors ``given`` to it.
        By what torch chooses its way beside them, `gradients_asked`, is ``asked``.
        """
        __tracebackhide__ = True
        if len(given) == 1:
            key = (*key, *asked, True)
        else:
            homes = [tensor.token.index for tensor in given]
            alone = len(set(homes)) == len(homes)
            key = (*key, *asked, alone or tuple(map(homes.index, homes)))
        known = _KNOWN.get(key)
        tape = self._tape
        if known is not None:
            return _again(known, given, tape)
        first_call, first_storage = len(tape.calls), len(tape.storages)
        specs = [tensor.spec for tensor in given]
        out = run(*args)
        if specs == [tensor.spec for tensor in given] and asked == gradients_asked(given):
            learnt = _learnt(out, given, tape, first_call, first_storage)
            if learnt is not None:
                _KNOWN[key] = learnt
        return out


def gradients_asked(tensors: Sequence[AbstractTensor]) -> list[bool]:
    """Return which tensors require a gradient: even without one, matmul copies or does not."""
    with torch._C.DisableTorchFunction():  # a mode would see that an attribute is read
        return [tensor.requires_grad for tensor in tensors]


def is_special(functions: int) -> bool:
    """Return whether anything is switched on that a key of `Recall.call` does not say.

    A call that is answered would pass so many function modes: beyond them, and the recorder, it
    may be under a mode of the network's own. Autograd and autocast keep tensors; forward-mode
    derivatives come along with them; inference mode splits some operators into others; oneDNN,
    switched off in every run, has recurrent kernels of its own.
    """
    return bool(
        torch.is_grad_enabled()
        or torch.is_inference_mode_enabled()
        or torch._C._is_any_autocast_enabled()
        or torch._C._get_mkldnn_enabled()
        or torch._C._len_torch_dispatch_stack() != 1
        or torch._C._len_torch_function_stack() != functions
        or forward_ad._current_level >= 0
    )


def _again(known: Known, given: Sequence[AbstractTensor], tape: Tape) -> Any:
    """Record a call that was seen before."""
    if known.lone is not None:
        op, spec, home, nbytes = known.lone
        token = Token(tape, nbytes, "result") if home >= 0 else given[~home].token
        tape.calls.append(OpCall(op, tape.module, (token.index,), False))  # noqa: FBT003 a tuple's
        made = abstract(spec, token)
        if home < 0:
            made.viewed = token
        return made
    first = known.record.again([tensor.token.index for tensor in given], tape)
    return _handed_out(known.outputs, given, tape, first)


def _handed_out(outputs: Any, given: Sequence[AbstractTensor], tape: Tape, first: int) -> Any:
    if type(outputs) is not Output:
        return type(outputs)([_handed_out(one, given, tape, first) for one in outputs])
    same, spec, home, view = outputs
    if home >= 0:
        return _made(spec, token_of(tape, first + home), view=view)
    return given[~home] if same else _made(spec, given[~home].token, view=view)


def _made(spec: Spec, token: Token, *, view: bool) -> AbstractTensor:
    made = abstract(spec, token)
    if view:
        made.viewed = token
    return made


def _learnt(
    out: object, given: Sequence[AbstractTensor], tape: Tape, first_call: int, first_storage: int
) -> Known | None:
    """Return what was recorded from ``first_call`` on, None if it cannot be done again."""
    values = _flat(out)
    if any(type(value) is not AbstractTensor for value in values):
        return None
    tensors = cast("list[AbstractTensor]", values)
    found = recorded(
        [tensor.token.index for tensor in given],
        [tensor.token.index for tensor in tensors],
        tape,
        first_call,
        first_storage,
    )
    if found is None:
        return None
    record, homes = found
    outputs: list[Output] = []
    for value, home in zip(tensors, homes, strict=True):
        same = next((i for i, tensor in enumerate(given) if tensor is value), None)
        if same is None and value.requires_grad:
            return None  # a parameter's view asks its base, which another tensor would not have
        place = home if same is None else ~same
        outputs.append(Output(same is not None, value.spec, place, value._is_view()))
    arranged = _arranged(iter(outputs), out)
    return Known(record, arranged, _lone(record, arranged))


def _lone(record: Record, outputs: object) -> Lone | None:
    if not isinstance(outputs, Output) or outputs.same or len(record.calls) != 1:
        return None
    op, homes, inside = record.calls[0]
    storages = [(nbytes, birth) for nbytes, birth, _ in record.storages]
    fresh = len(storages) == (outputs.home >= 0) and not any(birth for _, birth in storages)
    if inside or not fresh or homes != (outputs.home,):
        return None
    return Lone(op, outputs.spec, outputs.home, nbytes=storages[0][0] if storages else 0)


def _flat(value: object) -> list[object]:
    if not isinstance(value, (list, tuple)):
        return [value]
    return [leaf for one in value for leaf in _flat(one)]


def _arranged(outputs: Iterator[Output], as_in: object) -> Any:
    if not isinstance(as_in, (list, tuple)):
        return next(outputs)
    kind: Any = type(as_in)
    return kind([_arranged(outputs, one) for one in as_in])


def _since(start: int, storage: Storage) -> tuple[int, int, int | None]:
    death = None if storage.death is None else storage.death - start
    return storage.nbytes, storage.birth - start, death


class Code:
    """Functions and methods of torch, and whether they are torch's own."""

    def __init__(self, *spaces: Callable[[], Iterable[object]]) -> None:
        """Look after what ``spaces`` return, each time anew."""
        self._spaces = spaces
        self._seen: list[object] = []
        self._own = True

    def is_own(self) -> bool:
        """Return whether nobody has put another function in the place of one.

        What is remembered is forgotten if any has changed.
        """
        now = [function for space in self._spaces for function in space()]
        if len(now) != len(self._seen) or any(map(is_not, now, self._seen)):
            _KNOWN.clear()
            self._seen = now
            self._own = all(map(is_own, now))
        return self._own


_HOME = str(Path(torch.__file__).parent)
_TYPING = str(typing.__file__)


def is_own(value: object) -> bool:
    """Return whether a function, or what else stands under a name, is torch's."""
    if isinstance(value, FunctionType):
        # Not by its module, which functools.wraps hands on.
        return value.__code__.co_filename.startswith((_HOME, _TYPING))
    if not callable(value) or isinstance(value, (BuiltinFunctionType, type, GenericAlias)):
        return True
    return type(value).__module__.partition(".")[0] in ("torch", "typing")


def overrides(instance: object) -> bool:
    """Return whether an object has anything of its own in the place of a method of its class."""
    kind = type(instance)
    methods = _METHODS.get(kind)
    if methods is None:
        every = (item for base in kind.__mro__ for item in vars(base).items())
        names = (name for name, value in every if isinstance(value, _METHOD))
        methods = _METHODS[kind] = frozenset(names)
    return not methods.isdisjoint(instance.__dict__)


_METHOD = (FunctionType, BuiltinFunctionType, staticmethod, classmethod)
_METHODS: dict[type, frozenset[str]] = {}
"""Names, by class of torch."""


_python = [one.__code__ for one in vars(functional).values() if isinstance(one, FunctionType)]
_names = {name for code in _python for name in code.co_names} & vars(torch).keys()
_code = Code(
    partial(itemgetter(*_names), vars(torch)),  # what functions in Python look up by name
    vars(functional).values,
    vars(torch.functional).values,
    vars(torch._C._nn).values,
)
