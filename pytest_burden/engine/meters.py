"""The metrics: pure functions of a `Trace`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from operator import add
from typing import NamedTuple

from pytest_burden.burden import Burden, Convention, Figures, ModuleRow, OpRow, State
from pytest_burden.engine.rules.activation import is_alias, stored
from pytest_burden.engine.rules.registry import Rule, cost_of
from pytest_burden.engine.spec import Op
from pytest_burden.engine.trace import ModuleInfo, Trace

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
    # Plain integers first: one Figures for each row, not for each sum on the way.
    own = [[_params(module) if module.held else 0, 0, 0, 0] for module in trace.modules]
    for (op, index), count in calls.items():
        _, macs, flops, memory = prices[op]
        mine = own[index]
        mine[1] += count * macs
        mine[2] += count * flops
        mine[3] += count * memory
    inclusive = [*map(list, own)]
    position = {module.path: index for index, module in enumerate(trace.modules)}
    for index in range(len(own) - 1, 0, -1):  # children come after their parents
        below = inclusive[index]
        if any(below):
            above = inclusive[_parent(trace.modules[index], position)]
            above[:] = map(add, above, below)
    return tuple(
        ModuleRow(
            module.path, module.cls, done.count,
            figures := Figures(*mine), figures if below == mine else Figures(*below),
            done.inputs, done.outputs,
        )
        for module, done, mine, below in zip(
            trace.modules, trace.module_calls, own, inclusive, strict=True
        )
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
