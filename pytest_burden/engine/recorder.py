"""Sees every operator of a run, answers it without data where it can, and writes it down."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch._ops import HigherOrderOperator, OpOverload
from torch.utils._python_dispatch import TorchDispatchMode, is_traceable_wrapper_subclass_type
from torch.utils._pytree import tree_leaves

from pytest_burden.engine import higher_order, sums, validity
from pytest_burden.engine.abstract import (
    AbstractTensor,
    Tape,
    Token,
    abstract,
    needs_data,
    shape_of,
    spec_of,
)
from pytest_burden.engine.call import Call, Operator, composite_op, known_spec, operator_of
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.kernels import NoShape
from pytest_burden.engine.known import MEMO, Entry, by_value_of, learn
from pytest_burden.engine.result import New, Result, Same, View
from pytest_burden.engine.schema import op_name
from pytest_burden.engine.spec import Op, Spec
from pytest_burden.engine.trace import OpCall

aten = torch.ops.aten

LARGE = 2**20
"""Elements above which integers and booleans have no data; positions of a long text have it.

Networks read them: whether a mask hides anything, where packed texts begin.
"""

_LARGE_FLOATING = 2**16
"""The same for floating-point tensors made from nothing."""

LARGE_WEIGHT = 2**10
"""The same for floating-point tensors while a factory builds a network: no weight is drawn."""

# Elements above which even what depends on nothing abstract is not computed (a 128k causal mask).
_HUGE = 2**22
_GROWS = frozenset({"aten.repeat", "aten.constant_pad_nd", "aten.index_select", "aten.index"})


_VIEWS: dict[tuple[object, ...], tuple[Op, Spec]] = {}
"""Views of one tensor, by a key that is quicker made."""


class Recorder(TorchDispatchMode):
    """Records every operator on a `Tape`; calls of abstract tensors are answered from `known`."""

    def __init__(self, tape: Tape, *, real: bool = False, building: bool = False) -> None:
        """Make a recorder that runs everything for real, or what it can without data."""
        super().__init__()  # type: ignore[no-untyped-call]  # torch declares nothing
        self.tape = tape
        self.homes = Homes(tape)
        self.composites = 0
        self.real = real
        self.writes: dict[int, int] = {}
        """How often the forward of a training step wrote into a storage; only where it did."""
        self._building = building
        self._silent = building

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # torch would wrap the dispatch below so that its first call imports the compiler, which
        # takes a second and 80 MB. Compiled code never runs under this mode.
        return False

    def __torch_dispatch__(  # noqa: PLR0911 each is one way
        self,
        func: OpOverload | HigherOrderOperator,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Answer one operator, in whichever way it allows."""
        __tracebackhide__ = True
        for kind in types:
            if kind is not AbstractTensor and is_traceable_wrapper_subclass_type(kind):
                # It is made of other tensors, and what it does to these is seen.
                return NotImplemented if self.real else needs_data(f"a {kind.__name__}")
        kwargs = kwargs or {}
        if not isinstance(func, OpOverload):
            return self._run_higher_order(func, args, kwargs)
        if func is sums.SUM and sums.is_in_place(sys._getframe(1).f_code, args, kwargs):
            func = func if self._is_formula(args[0]) else sums.SUM_IN_PLACE
        operator = operator_of(func)
        if operator.decomposes:
            return self._decompose(func, args, kwargs)
        if self.real:
            return self._run(Call(operator, args, kwargs))
        if operator.views_one and not kwargs and type(args[0]) is AbstractTensor:
            return self._answer_view(operator, args)
        call = Call(operator, args, kwargs)
        if (call.abstract and call.tensors) or any(map(self._has_no_values, call.tensors)):
            return self._answer(call)
        makes = not call.tensors and not operator.silent
        return self._make(call) if makes or _may_grow_huge(call) else self._run(call)

    def _decompose(self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        __tracebackhide__ = True
        for value in args:
            if isinstance(value, torch.Tensor):
                shape_of(value)  # what has none cannot be taken apart
        with self:
            return func.decompose(*args, **kwargs)

    def _is_formula(self, tensor: torch.Tensor) -> bool:
        """Return whether a derivative has made a tensor that it works up further."""
        gradients = self.tape.gradients
        if gradients is None:
            return False
        return gradients.is_formula(self.tape.storages[self.homes.token(tensor).index].birth)

    def _has_no_values(self, tensor: torch.Tensor) -> bool:
        return type(tensor) is AbstractTensor or not self.homes.trusts(tensor)

    def _run(self, call: Call, op: Op | None = None) -> Any:
        """Run an operator for real; ``op`` describes it if that is known before."""
        __tracebackhide__ = True
        self._meet(call.tensors)
        out = call.func(*call.args, **call.kwargs)
        values = out if isinstance(out, (list, tuple)) else (out,)
        outputs = [value for value in values if isinstance(value, torch.Tensor)]
        if outputs:
            storages = tuple([self.homes.token(tensor).index for tensor in outputs])
            if not self._building:
                self.record(op or call.op(tuple(map(spec_of, outputs))), storages)
        else:
            self._without_output(call)
        return out

    def _meet(self, tensors: Sequence[torch.Tensor]) -> None:
        """Register storages that are met for the first time: of tensors outside the network."""
        for tensor in tensors:
            self.homes.index(tensor)

    def _run_higher_order(
        self, func: HigherOrderOperator, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Answer an operator that takes functions, if it is known as a whole, or run it."""
        if self.tape.gradients is not None and func.name() not in higher_order.DIFFERENTIATED:
            self.tape.refuse(higher_order.not_differentiated(func.name()))
        flow = higher_order.FLOWS.get(func.name())
        if flow is not None:
            with self:
                return flow(*args, **kwargs)
        tensors = higher_order.tensors_of(func, args, kwargs)
        known = None if self.real else higher_order.outputs(func, tensors)
        if known is None and not self.real:
            needs_data(f"the higher-order operator {func.name()}")
        if known is None:
            out = func(*args, **kwargs)
            made = [value for value in tree_leaves(out) if isinstance(value, torch.Tensor)]
        else:
            tokens = [Token(self.tape, spec.storage_bytes, "result") for spec in known]
            out = tuple(map(abstract, known, tokens))
            made = list(out)
        op = higher_order.op_of(func, tensors, tuple(map(known_spec, made)))
        if made:
            taken = [self.homes.token(tensor) for tensor in tensors.values()]
            self.record(op, tuple(self.homes.token(tensor).index for tensor in made), taken)
        return out

    def _make(self, call: Call) -> Any:
        """Run an operator on nothing abstract for real, unless its output is too large."""
        key = tuple(call.key)
        entry = MEMO.get(key)
        if entry is None:
            try:
                entry = learn(call, key, ())
            except NoShape:
                return self._run(call)
        for output in entry.result.outputs:
            if type(output) is New and self._too_large(output.spec, bare=not call.tensors):
                return self._replay(call, entry, [self.homes.token(t) for t in call.tensors])
        return self._run(call, None if call.tensors else entry.op)

    def _too_large(self, spec: Spec, *, bare: bool) -> bool:
        if not bare:
            return spec.numel > _HUGE
        if spec.is_floating or spec.is_complex:
            return spec.numel > (LARGE_WEIGHT if self._building else _LARGE_FLOATING)
        return spec.numel > LARGE

    def _answer(self, call: Call) -> Any:
        """Answer an operator on abstract tensors without running it."""
        func = call.func
        if func is aten._local_scalar_dense.default and self._building and _in_initialiser():
            return DTYPE_ZERO[call.tensors[0].dtype.is_floating_point]
        if call.operator.asserts and (value := self._of_valid_numbers(call)) is not None:
            return value
        if call.abstract:
            tokens = [tensor.token for tensor in call.tensors]
        else:
            tokens = [self.homes.token(tensor) for tensor in call.tensors]
        key = tuple(call.key)
        shared: tuple[int, ...] = ()
        if len(tokens) > 1:
            indices = [token.index for token in tokens]
            if len(set(indices)) < len(indices):
                shared = tuple(map(indices.index, indices))
                key = (*key, "shared", shared)
        known_values = by_value_of(call, self.homes) if call.operator.by_value else None
        if known_values is not None:
            key = (*key, *known_values.key)
        entry = MEMO.get(key)
        if entry is None:
            try:
                entry = learn(call, key, shared, known_values)
            except NoShape as error:
                if self._building and func.name() == "c10d::broadcast_":
                    return call.args[0], _sent()
                needs_data(str(error))
        return self._replay(call, entry, tokens)

    def _of_valid_numbers(self, call: Call) -> torch.Tensor | None:
        """Hand out what a check says of valid numbers, None if that is not known."""
        looked_at = self.homes.token(call.tensors[0]).index
        known = validity.outcome(call, looked_at, self.tape.calls[-validity.ASKED :])
        if known is None:
            return None
        value = torch.tensor(known)
        self.record(call.op((spec_of(value),)), (self.homes.token(value).index,))
        return value

    def _answer_view(self, operator: Operator, args: Sequence[Any]) -> Any:
        """Answer a view of one tensor: of all calls the most common, and the simplest.

        Its arguments need no types beside them, for an operator is given those of its schema.
        """
        tensor = args[0]
        numbers = [tuple(one) if type(one) is list else one for one in args[1:]]
        key = (operator, tensor.spec, *numbers)
        known = _VIEWS.get(key)
        if known is None:
            call = Call(operator, args, {})
            out = self._answer(call)
            learnt = MEMO.get(tuple(call.key))
            if learnt is not None and type(learnt.lone) is View:
                _VIEWS[key] = learnt.op, learnt.lone.spec
            return out
        op, spec = known
        token = tensor.token
        self.record(op, (token.index,), (token,))
        return self._view(spec, token, tensor)

    def _replay(self, call: Call, entry: Entry, tokens: list[Token]) -> Any:
        """Hand out the outputs of a known call and record it."""
        lone = entry.lone
        if type(lone) is New:
            token = Token(self.tape, lone.spec.storage_bytes, "result")
            self.record(entry.op, (token.index,), tokens)
            return abstract(lone.spec, token)
        if type(lone) is View:
            token = tokens[lone.index]
            self.record(entry.op, (token.index,), tokens)
            return self._view(lone.spec, token, call.tensors[lone.index])
        if type(lone) is Same and type(tensor := call.tensors[lone.index]) is AbstractTensor:
            self.record(entry.op, (tensor.token.index,), tokens)
            self._note_write(tensor, entry.op)
            return tensor
        return self._replay_all(call, entry, tokens)

    def _replay_all(self, call: Call, entry: Entry, tokens: list[Token]) -> Any:
        """Hand out any number of outputs, and see to what else the call does."""
        result = entry.result
        if result.reshaped:
            self._reshape(call, result, tokens)
        values: list[Any] = []
        storages: list[int] = []
        for output in result.outputs:
            if isinstance(output, New):
                token = Token(self.tape, output.spec.storage_bytes, "result")
                values.append(abstract(output.spec, token))
                storages.append(token.index)
            elif isinstance(output, View):
                token = tokens[output.index]
                values.append(self._view(output.spec, token, call.tensors[output.index]))
                storages.append(token.index)
            elif isinstance(output, Same):
                values.append(call.tensors[output.index])
                storages.append(tokens[output.index].index)
            else:
                values.append(output.value)
        for index in entry.writes:
            if type(tensor := call.tensors[index]) is AbstractTensor:
                self._note_write(tensor, entry.op)
            else:
                self.homes.taint(tensor)
        if storages:
            self.record(entry.op, tuple(storages), tokens)
        else:
            self._without_output(call)
        return values[0] if result.container is None else result.container(values)

    def _view(self, spec: Spec, token: Token, base: torch.Tensor) -> AbstractTensor:
        if torch.is_inference_mode_enabled() and not base.is_inference():
            # Autograd goes on with it, and could not with a tensor that it must not know.
            with torch.inference_mode(mode=False):
                view = abstract(spec, token)
        else:
            view = abstract(spec, token)
        if self.writes:
            view.writes = self.writes.get(token.index, 0)
        return view

    def _note_write(self, tensor: AbstractTensor, op: Op) -> None:
        # A leaf that is written to without autograd is a parameter or what an optimizer keeps.
        if self.tape.gradients is not None and (torch.is_grad_enabled() or not tensor.is_leaf):
            storage = tensor.token.index
            self.writes[storage] = self.writes.get(storage, 0) + 1
            if op.view:  # a change of shape goes on with the tensor's own past
                tensor.writes = self.writes[storage]

    def _reshape(self, call: Call, result: Result, tokens: list[Token]) -> None:
        """Carry out an in-place change of shape on the tensors' metadata."""
        if "inplace_view" not in {tag.name for tag in call.func.tags}:
            needs_data(f"{call.func} on a tensor without data")
        with torch._C._DisableTorchDispatch():
            call.func(*call.args, **call.kwargs)
        for output in result.outputs:
            if type(output) is Same:
                tensor, nbytes = call.tensors[output.index], output.spec.storage_bytes
                if type(tensor) is AbstractTensor:
                    tensor.spec = output.spec
                    # Nothing else may hold the token of the storage that it leaves.
                    tokens[output.index] = self._moved(call, tokens, tensor.token, nbytes)
                    tensor.token = tokens[output.index]

    def _moved(self, call: Call, tokens: Sequence[Token], token: Token, nbytes: int) -> Token:
        """Return the storage in which a tensor lies after an in-place change of its shape.

        ``set_`` takes it to that of its source, without one to an empty one. A storage that grows
        is another one from then on, as for an allocator.
        """
        if op_name(call.func) == "aten.set":
            if len(call.args) == 1:
                return Token(self.tape, nbytes, "result")
            source = call.args[1]
            return next(tokens[i] for i, tensor in enumerate(call.tensors) if tensor is source)
        if nbytes > self.tape.storages[token.index].nbytes:
            return Token(self.tape, nbytes, "result")
        return token

    def composite(
        self, name: str, arguments: Mapping[str, Any], run: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """Run a function that counts as one operator, and record it as such."""
        self.composites += 1
        try:
            out = run()
        finally:
            self.composites -= 1
        op = composite_op(name, arguments, known_spec(out))
        self.record(op, (self.homes.token(out).index,))
        return out

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        """Write nothing down until the block ends."""
        before, self._silent = self._silent, True
        try:
            yield
        finally:
            self._silent = before

    def record(self, op: Op, storages: tuple[int, ...], taken: Sequence[Token] = ()) -> None:
        """Write one call down, unless the network is only being built."""
        if self._silent:
            return
        tape = self.tape
        module = tape.module
        if tape.gradients is not None:
            tape.gradients.note([token.index for token in taken])
            module = module or tape.gradients.module(len(tape.calls))
        tape.calls.append(OpCall(op, module, storages, self.composites > 0))

    def _without_output(self, call: Call) -> None:
        """Record a call that hands out no tensor if it writes into some, as many kernels do.

        Others check, print or read. If autograd sees it, let nobody take the tape for all there is.
        """
        if call.operator.silent and call.operator.writes:
            self.record(call.op(()), (), [self.homes.token(tensor) for tensor in call.tensors])
        gradients = self.tape.gradients
        if gradients is not None and any(tensor.requires_grad for tensor in call.tensors):
            gradients.untold = True


DTYPE_ZERO = {True: 0.0, False: 0}


def _sent() -> object:
    """Return what tells that a tensor has come from another process: what is in it is not known."""
    made: object = torch._C._distributed_c10d.FakeWork().boxed()
    return made


def _may_grow_huge(call: Call) -> bool:
    return prod(spec.numel or 1 for spec in call.specs) > _HUGE or op_name(call.func) in _GROWS


def _in_initialiser() -> bool:
    frame = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__") == "torch.nn.init":
            return True
        frame = frame.f_back  # type: ignore[assignment]  # None ends the loop
    return False
