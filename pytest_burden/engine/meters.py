"""The metrics: pure functions of a `Trace`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from pytest_burden.burden import Burden, Convention, Figures, ModuleRow, OpRow, State
from pytest_burden.engine.memory import forward_peak, lower_bounds, saved, training_peak
from pytest_burden.engine.rules.activation import is_alias, stored
from pytest_burden.engine.rules.registry import OWN, Rule, cost_of, replaced
from pytest_burden.engine.spec import Op
from pytest_burden.engine.trace import ModuleInfo, OpCall, Trace

NO_RULES: Mapping[str, Rule] = {}


class Price(NamedTuple):
    """What one call of a distinct operator adds to each figure."""

    state: State
    macs: int
    flops: int
    activation_memory: int


def price(op: Op, convention: Convention, own: Mapping[str, Rule] = NO_RULES) -> Price:
    """Apply the operator's rule under a convention; ``own`` rules go before the registered."""
    state, cost = cost_of(op, own)
    flops = (
        convention.fma * cost.macs + cost.other + convention.transcendental * cost.transcendental
    )
    datum = convention.datum_bytes
    memory = sum(spec.nbytes if datum is None else spec.numel * datum for spec in stored(op))
    return Price(state, cost.macs, flops, memory)


def meter(
    trace: Trace,
    convention: Convention,
    own: Mapping[str, Rule] = NO_RULES,
    training: Trace | None = None,
) -> Burden:
    """Return every metric of a forward, and of its ``training`` if that was traced too."""
    calls = Counter((call.op, call.module) for call in trace.calls if not call.inside)
    prices = {op: price(op, convention, own) for op in dict.fromkeys(op for op, _ in calls)}
    figures = _own_figures(trace, calls, prices)
    moments = [forward_peak(trace, convention.target)]
    reasons = lower_bounds(trace, ("peak_memory",))
    if training is not None:
        reasons |= _train(training, convention, own, figures)
        moments += [saved(training, convention.target), training_peak(training, convention.target)]
    for moment in moments:
        for index, nbytes in moment.by_module.items():
            figures[index][Figures._fields.index(moment.peak.metric)] += nbytes
    rows = _module_rows(trace, figures)
    ops = _op_rows(calls, prices)
    held = [item for module in trace.modules for item in module.held]
    parameters = [item for item in held if item.role == "parameter"]
    total = rows[0].inclusive
    buffer_memory = sum(item.nbytes for item in held if item.role == "buffer")
    param_memory = sum(item.nbytes for item in parameters)
    real = next((each for each in (trace, training) if each and each.method == "real"), trace)
    return Burden(
        model=trace.modules[0].cls,
        inputs=trace.inputs,
        params=total.params,
        trainable_params=sum(item.numel for item in parameters if item.trainable),
        param_memory=param_memory,
        buffer_memory=buffer_memory,
        model_memory=param_memory + buffer_memory,
        macs=total.macs,
        flops=total.flops,
        activation_memory=total.activation_memory,
        peak_memory=total.peak_memory,
        saved_memory=total.saved_memory if training else None,
        training_memory=total.training_memory if training else None,
        training_macs=total.training_macs if training else None,
        training_flops=total.training_flops if training else None,
        modules=len(trace.modules),
        ops=sum(count for (op, _), count in calls.items() if not is_alias(op)),
        uncounted_ops=sum(row.calls for row in ops if row.state == "uncounted"),
        convention=convention,
        method=real.method,
        reason=real.reason,
        torch=trace.torch,
        training=training.optimizer if training else "",
        lower_bounds=reasons,
        replaced_rules=_replaced(trace, training, own),
        peaks=tuple(moment.peak for moment in moments),
        module_rows=rows,
        op_rows=ops,
    )


def _replaced(trace: Trace, training: Trace | None, own: Mapping[str, Rule]) -> dict[str, str]:
    """Return whose functions count in place of ours, of all operators that are counted."""
    if not (own or OWN):
        return {}
    calls = (*trace.calls, *(_step(training) if training else ()))
    ops = {call.op for call in calls if not call.inside}
    return dict(sorted((op.name, name) for op in ops if (name := replaced(op, own))))


def _step(training: Trace) -> Sequence[OpCall]:
    """Return the calls of a step's forward and backward; the optimizer's are left out."""
    end = next(phase.start for phase in training.phases if phase.name == "optimizer")
    return training.calls[:end]


_ByModule: TypeAlias = "defaultdict[int, list[int]]"
"""The own figures of each module that has any, in the order of `Figures`."""
_PARAMS, _MACS, _FLOPS, _ACTIVATION = range(4)
_TRAINING_MACS, _TRAINING_FLOPS = map(Figures._fields.index, ("training_macs", "training_flops"))
_NONE = Figures()


def _own_figures(
    trace: Trace, calls: Mapping[tuple[Op, int], int], prices: Mapping[Op, Price]
) -> _ByModule:
    """Return what each module holds and calls itself, in evaluation."""
    figures: _ByModule = defaultdict(lambda: [0] * len(_NONE))
    for index, module in enumerate(trace.modules):
        if module.held and (params := _params(module)):
            figures[index][_PARAMS] = params
    for (op, index), count in calls.items():
        _, macs, flops, memory = prices[op]
        mine = figures[index]
        mine[_MACS] += count * macs
        mine[_FLOPS] += count * flops
        mine[_ACTIVATION] += count * memory
    return figures


def _train(
    trace: Trace, convention: Convention, own: Mapping[str, Rule], figures: _ByModule
) -> dict[str, str]:
    """Add the arithmetic of one step's forward and backward; return what is a lower bound.

    The optimizer's is left out, as everywhere.
    """
    calls = Counter((call.op, call.module) for call in _step(trace) if not call.inside)
    prices = {op: price(op, convention, own) for op in {op for op, _ in calls}}
    uncounted: Counter[str] = Counter()
    for (op, index), count in calls.items():
        state, macs, flops, _ = prices[op]
        figures[index][_TRAINING_MACS] += count * macs
        figures[index][_TRAINING_FLOPS] += count * flops
        if state == "uncounted":
            uncounted[op.name] += count
    reasons = lower_bounds(trace, ("saved_memory", "training_memory"))
    if uncounted:
        names = ", ".join(f"{name} ({count})" for name, count in sorted(uncounted.items()))
        text = f"operators without a rule, and their calls: {names}"
        reasons |= dict.fromkeys(("training_macs", "training_flops"), text)
    return reasons


def _module_rows(trace: Trace, own: _ByModule) -> tuple[ModuleRow, ...]:
    mine = {index: Figures(*figures) for index, figures in own.items()}
    inclusive = mine.copy()
    position = {module.path: index for index, module in enumerate(trace.modules)}
    for index in range(len(trace.modules) - 1, 0, -1):  # children come after their parents
        below = inclusive.get(index)
        if below is not None:
            parent = _parent(trace.modules[index], position)
            above = inclusive.get(parent)
            inclusive[parent] = below if above is None else above + below
    return tuple(
        [
            ModuleRow(
                module.path, module.cls, done.count,
                mine.get(index, _NONE), inclusive.get(index, _NONE),
                done.inputs, done.outputs, module.settings,
            )
            for index, (module, done) in enumerate(
                zip(trace.modules, trace.module_calls, strict=True)
            )
        ]
    )  # fmt: skip


def _parent(module: ModuleInfo, position: Mapping[str, int]) -> int:
    """Return the index of the nearest module whose path is a prefix of this one's."""
    path = module.path
    while path:
        path = path.rpartition(".")[0]
        if path in position:
            return position[path]
    return 0


def _params(module: ModuleInfo) -> int:
    return sum(item.numel for item in module.held if item.role == "parameter")


def _op_rows(calls: Mapping[tuple[Op, int], int], prices: Mapping[Op, Price]) -> tuple[OpRow, ...]:
    sums: dict[tuple[str, State], list[int]] = {}
    for (op, _), count in calls.items():
        if is_alias(op):
            continue
        state, macs, flops, memory = prices[op]
        total = sums.setdefault((op.name, state), [0, 0, 0, 0])
        total[0] += count
        total[1] += count * macs
        total[2] += count * flops
        total[3] += count * memory
    return tuple(OpRow(name, state, *total) for (name, state), total in sorted(sums.items()))
