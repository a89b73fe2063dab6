"""Runs a network once under the recorder: without data if it can, for real if it must."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any, Literal

import torch
from torch import nn

from pytest_burden.engine import higher_order, sums
from pytest_burden.engine.abstract import LAZY, NeedsData, Tape, active, not_followed
from pytest_burden.engine.build import as_module, build
from pytest_burden.engine.bystanders import bystanders
from pytest_burden.engine.caches import kept_by_factory, kept_caches
from pytest_burden.engine.call import known_spec
from pytest_burden.engine.compiler import came_with_network, import_compiler, is_there
from pytest_burden.engine.composites import Composites
from pytest_burden.engine.frames import Frames, following, shapes
from pytest_burden.engine.freememory import free_memory
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.inventory import inventory, is_lazy
from pytest_burden.engine.leaves import AbstractLeaves, RealLeaves, copies
from pytest_burden.engine.nests import tensors
from pytest_burden.engine.recall.backwards import Misremembered
from pytest_burden.engine.recall.calls import Recall
from pytest_burden.engine.recall.layers import Layers
from pytest_burden.engine.recorder import Recorder
from pytest_burden.engine.spec import text_of
from pytest_burden.engine.steps import Steps, train
from pytest_burden.engine.surroundings import (
    every_kernel_of_attention,
    fixed_surroundings,
    seed,
)
from pytest_burden.engine.trace import ModuleInfo, Trace
from pytest_burden.engine.training import Training
from pytest_burden.errors import BurdenError, MeasureError
from pytest_burden.inputs import BYTES, InputSpec

RealRun = Literal["auto", "never"]
Source = nn.Module | Callable[[], nn.Module]


class _Run:
    """One network, its inputs, and what is known of them so far."""

    def __init__(self, source: Source, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self.source = source
        self.inputs = (list(args), dict(kwargs))
        self.network: nn.Module | None = None

    def abstractly(self, training: Training | None = None) -> Trace:
        """Trace the network without data.

        Raises:
            NeedsData: it reads values.
        """
        __tracebackhide__ = True
        try:
            found = self._abstractly(training)
        except Misremembered:
            found = self._abstractly(training, recall=False)
        if sums.asked_in_vain():  # by a forward that differentiates: once in a process
            sums.learn_holders()
            found = self._abstractly(training)
        return found

    def _abstractly(self, training: Training | None, *, recall: bool = True) -> Trace:
        __tracebackhide__ = True
        with kept_by_factory(self.source):
            return self._built_abstractly(training, recall=recall)

    def _built_abstractly(self, training: Training | None, *, recall: bool) -> Trace:
        __tracebackhide__ = True
        if isinstance(self.source, nn.Module):
            module, built = self.source, None
        else:
            module, built = build(self.source)
        self.network = module
        recorder = Recorder(Tape())
        leaves = AbstractLeaves(recorder.homes, built, module)
        active.tape = recorder.tape
        try:
            network, inputs = copies(module, self.inputs, leaves)
            del leaves  # what the network drops must die
            known = Recall(recorder.tape) if recall else None
            return _trace(network, inputs, recorder, known, training)
        finally:
            active.tape = None

    def for_real(self, reason: str, training: Training | None = None) -> Trace:
        """Trace the network by running a copy of it once."""
        __tracebackhide__ = True
        with kept_by_factory(self.source):
            return self._built_for_real(reason, training)

    def _built_for_real(self, reason: str, training: Training | None) -> Trace:
        __tracebackhide__ = True
        sums.learn_holders()
        if isinstance(self.source, nn.Module):
            module = self.source
        else:
            seed()  # an attempt without data may have drawn numbers
            with torch.enable_grad():  # it may differentiate
                module = as_module(self.source(), self.source)
        recorder = Recorder(Tape(), real=True)
        network, inputs = copies(module, self.inputs, RealLeaves(recorder.homes))
        del module  # two copies of the weights are enough
        return replace(_trace(network, inputs, recorder, None, training), reason=reason)


def trace(
    source: Source,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    real: RealRun = "auto",
    training: Training | None = None,
) -> Trace:
    """Run the network once, on a copy, and return what happened.

    In evaluation, or with ``training`` in training mode: two steps.

    Raises:
        MeasureError: it cannot be traced without data, and a real run is not wanted or does not
            fit into memory; or there is nothing to train.
        Exception: whatever the network itself raises, with a note that says where.
    """
    __tracebackhide__ = True
    if training is not None:
        import_compiler()  # every optimizer does
    given = (source, args, kwargs, real, training)
    if not is_there():
        try:
            found = _traced(*given)
        except Exception:
            if not came_with_network():
                raise
        else:
            if not came_with_network():
                return found
        # It was imported in the middle of the trace, and may have compiled something: once more.
    return _traced(*given)


def _traced(
    source: Source,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    real: RealRun,
    training: Training | None,
) -> Trace:
    __tracebackhide__ = True
    run = _Run(source, args, kwargs)
    with fixed_surroundings(), every_kernel_of_attention():
        if training is not None:
            sums.learn_holders()
        own_error: Exception | None = None
        try:
            return run.abstractly(training)
        except NeedsData as error:
            reason = str(error)
        except BurdenError:
            raise
        except Exception as error:  # noqa: BLE001 the network's own, or torch's about our tensors
            own_error = error
            reason = f"{type(error).__name__} without data: {error}"
        try:
            refusal = _refusal(run, real, training)
            if refusal is None:
                return run.for_real(reason, training)
            if own_error is not None:
                raise own_error
        finally:
            del own_error  # its traceback holds this frame: a cycle that would keep the network
    raise MeasureError(f"the network cannot be traced without data ({reason}), and {refusal}")


_TIMES_IN_TRAINING = 4
"""Parameters, gradients, and two moments of an optimizer such as Adam."""


def _refusal(run: _Run, real: RealRun, training: Training | None) -> str | None:
    if real == "never":
        return 'real runs are switched off (real = "never")'
    held = _bytes(run.network) * (_TIMES_IN_TRAINING if training else 1)
    needed, free = held + _bytes_of_specs(run.inputs), free_memory()
    if free is not None and needed > free:
        return f"a real run needs more than {needed:,} bytes where {free:,} are free"
    return None


def _trace(
    network: nn.Module,
    inputs: tuple[list[Any], dict[str, Any]],
    recorder: Recorder,
    recall: Recall | None,
    training: Training | None,
) -> Trace:
    __tracebackhide__ = True
    args, kwargs = inputs
    tape = recorder.tape
    if training is not None:
        network.train()  # as the user's own loop does: some keep parts of a network in evaluation
    named = list(network.named_modules())
    modules = [module for _, module in named]
    lazy = recorder.real and is_lazy(modules)
    _tell_held(modules, recorder.homes)
    holdings = None if lazy else _held_before(named, recorder.homes)
    described = shapes((args, kwargs))
    given = {}
    for tensor in tensors(inputs):
        recorder.homes.tell(tensor, "input")
        given[recorder.homes.token(tensor).index] = text_of(known_spec(tensor))
    if training is None:
        _as_trainable(modules)
    _refuse_forks(modules)
    seed()
    layers = None if recall is None else Layers(recall)
    steps = Steps([])
    others = bystanders(recorder.homes)
    with others, kept_caches(modules), following(modules, tape, layers) as frames:
        try:
            with recorder, Composites(recorder, recall):
                if training is None:
                    network(*args, **kwargs)
                else:
                    steps = train(network, inputs, training, recorder.homes, recall)
        except NeedsData:
            pass  # what asked for data first stands on the tape
        except Exception as error:
            if training is not None and (name := higher_order.raised_in(error)):
                raise MeasureError(higher_order.not_differentiated(name)) from error
            if tape.needs_data is None and not tape.refused:
                _note(error, frames, named)
                raise
    tape.close()
    _give_up(tape, named)
    return Trace(
        modules=holdings or inventory(named, recorder.homes),
        module_calls=tuple(frames.calls),
        calls=tape.calls,
        storages=tape.storages,
        inputs=described,
        method="real" if recorder.real else "abstract",
        torch=torch.__version__,
        given=given,
        phases=tuple(steps.phases),
        loss=steps.loss,
        optimizer=steps.optimizer,
        recurrent=tape.recurrent or any(isinstance(module, nn.RNNBase) for module in modules),
    )


def _give_up(tape: Tape, named: Sequence[tuple[str, nn.Module]]) -> None:
    """Raise what the network must not have caught."""
    if tape.refused:
        raise MeasureError(tape.refused)
    if tape.needs_data is not None:
        what, index = tape.needs_data
        raise NeedsData(f"{what}, in {_label(*named[index])}")


def _tell_held(modules: Iterable[nn.Module], homes: Homes) -> None:
    """Say which of the tensors that were there before the run are buffers.

    And which are parameters, where the copier does not see them.
    """
    for module in modules:
        if isinstance(module, torch.jit.ScriptModule):
            for parameter in module._parameters.values():
                if parameter is not None:
                    homes.token(parameter, "parameter")
        for buffer in module._buffers.values():
            if buffer is not None:
                homes.tell(buffer, "buffer")


def _held_before(named: Sequence[tuple[str, nn.Module]], homes: Homes) -> tuple[ModuleInfo, ...]:
    """Return what the modules hold before the run.

    A parameter that none of them has registered, for it stands in a plain list, say, is none to a
    checkpoint or an optimizer: it is noted as a tensor like any other.
    """
    holdings = inventory(named, homes)
    registered = {held.storage for module in holdings for held in module.held}
    for index, storage in enumerate(homes.tape.storages):
        if storage.role == "parameter" and index not in registered:
            storage.role = "constant"
    return holdings


def _refuse_forks(modules: Iterable[nn.Module]) -> None:
    """Raise if a scripted module may run a part of itself on another thread."""
    for module in modules:
        graph: Any = None
        if isinstance(module, torch.jit.ScriptModule):
            graph = getattr(module, "inlined_graph", None)
        if graph is not None and graph.findAllNodes("prim::fork"):
            raise MeasureError(not_followed("a scripted module runs a part of itself"))


def _as_trainable(modules: Iterable[nn.Module]) -> None:
    """Let every parameter require a gradient, so that a frozen network measures the same.

    Even under no_grad, matmul copies or does not depending on it.
    """
    for module in modules:
        for parameter in module._parameters.values():
            if parameter is None or parameter.requires_grad or isinstance(parameter, LAZY):
                continue
            if parameter.is_floating_point() or parameter.is_complex():
                parameter.requires_grad_()


def _note(error: Exception, frames: Frames, named: Sequence[tuple[str, nn.Module]]) -> None:
    """Add the line that says in which module, with which shapes, the network failed."""
    if frames.failed is None:
        return
    index, inputs = frames.failed
    given = ", ".join(inputs) or "no tensors"
    note = f"pytest-burden: raised in {_label(*named[index])}, called with {given}"
    # Python 3.10 has no add_note; pytest shows the attribute all the same.
    error.__notes__ = [*getattr(error, "__notes__", []), note]


def _label(path: str, module: nn.Module) -> str:
    cls = type(module).__name__
    return f"{path} ({cls})" if path else f"the root module ({cls})"


def _bytes(network: nn.Module | None) -> int:
    if network is None:  # its factory could not be called without data
        return 0
    return sum(
        tensor.numel() * tensor.dtype.itemsize
        for tensor in (*network.parameters(), *network.buffers())
        if not isinstance(tensor, LAZY)
    )


def _bytes_of_specs(value: Any) -> int:
    if isinstance(value, InputSpec):
        return prod(value.shape) * BYTES[value.dtype]
    if isinstance(value, dict):
        return sum(map(_bytes_of_specs, value.values()))
    if isinstance(value, (list, tuple)):
        return sum(map(_bytes_of_specs, value))
    return 0
