"""The metrics: pure functions of a `Trace`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_burden.burden import Burden, Convention, Figures, ModuleRow, OpRow, State
from pytest_burden.engine.rules.activation import is_alias, stored
from pytest_burden.engine.rules.registry import Rule, registered_cost
from pytest_burden.engine.spec import Op
from pytest_burden.engine.trace import ModuleInfo, Trace

NO_RULES: Mapping[str, Rule] = {}


@dataclass(frozen=True, slots=True)
class Price:
    """What one call of a distinct operator adds to each figure."""

    state: State
    figures: Figures


def price(op: Op, convention: Convention, own: Mapping[str, Rule] = NO_RULES) -> Price:
    """Apply the operator's rule under a convention; ``own`` rules go before the registered."""
    if op.name in own:
        state: State = own[op.name].state
        cost = own[op.name].cost(op)
    else:
        state, cost = registered_cost(op)
    flops = (
        convention.fma * cost.macs + cost.other + convention.transcendental * cost.transcendental
    )
    datum = convention.datum_bytes
    memory = sum(spec.nbytes if datum is None else spec.numel * datum for spec in stored(op))
    return Price(state, Figures(0, cost.macs, flops, memory))


def meter(trace: Trace, convention: Convention, own: Mapping[str, Rule] = NO_RULES) -> Burden:
    """Return every metric of a trace."""
    calls = Counter((call.op, call.module) for call in trace.calls if not call.inside)
    prices = {op: price(op, convention, own) for op, _ in calls}
    rows = _module_rows(trace, calls, prices)
    ops = _op_rows(calls, prices)
    held = [item for module in trace.modules for item in module.held]
    parameters = [item for item in held if item.role == "parameter"]
    total = rows[0].inclusive
    buffer_memory = sum(item.nbytes for item in held if item.role == "buffer")
    param_memory = sum(item.nbytes for item in parameters)
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
        modules=len(trace.modules),
        ops=sum(count for (op, _), count in calls.items() if not is_alias(op)),
        uncounted_ops=sum(row.calls for row in ops if row.state == "uncounted"),
        convention=convention,
        method=trace.method,
        reason=trace.reason,
        torch=trace.torch,
        module_rows=rows,
        op_rows=ops,
    )


def _module_rows(
    trace: Trace, calls: Mapping[tuple[Op, int], int], prices: Mapping[Op, Price]
) -> tuple[ModuleRow, ...]:
    own = [Figures(params=_params(module)) for module in trace.modules]
    for (op, index), count in calls.items():
        own[index] += _times(prices[op].figures, count)
    inclusive = list(own)
    position = {module.path: index for index, module in enumerate(trace.modules)}
    for index in range(len(own) - 1, 0, -1):  # children come after their parents
        inclusive[_parent(trace.modules[index], position)] += inclusive[index]
    return tuple(
        ModuleRow(module.path, module.cls, done.count, mine, below, done.inputs, done.outputs)
        for module, done, mine, below in zip(
            trace.modules, trace.module_calls, own, inclusive, strict=True
        )
    )


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


def _times(figures: Figures, count: int) -> Figures:
    return Figures(
        figures.params,
        figures.macs * count,
        figures.flops * count,
        figures.activation_memory * count,
    )


def _op_rows(calls: Mapping[tuple[Op, int], int], prices: Mapping[Op, Price]) -> tuple[OpRow, ...]:
    by_name: dict[tuple[str, State], tuple[int, Figures]] = {}
    for (op, _), count in calls.items():
        if is_alias(op):
            continue
        key = (op.name, prices[op].state)
        seen, figures = by_name.get(key, (0, Figures()))
        by_name[key] = (seen + count, figures + _times(prices[op].figures, count))
    return tuple(
        OpRow(name, state, count, figures.macs, figures.flops, figures.activation_memory)
        for (name, state), (count, figures) in sorted(by_name.items(), key=lambda item: item[0])
    )
