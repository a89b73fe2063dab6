"""One network's burden as text: a table of its metrics, and one of its modules."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_burden.budget.units import show, show_percent
from pytest_burden.burden import METRICS, Burden, Convention, ModuleRow, OpRow, Peak

NOTHING = "-"
ROOT = "(root)"


def network_table(burden: Burden, name: str = "") -> str:
    """Return the model and its inputs, one row a metric, and how it was counted."""
    from tabulate import tabulate  # noqa: PLC0415 imported when a table is made, not with pytest

    rows = []
    for metric in METRICS.values():
        value = burden.value(metric.name)
        if value is not None:
            rows.append((metric.name, show(value, metric.unit), f"{value:,}"))
    headers = ("metric", "measured", "exactly")
    table = tabulate(rows, headers, disable_numparse=True, colalign=("left", "right", "right"))
    model = f"{burden.model}({', '.join(burden.inputs)})"
    return "\n".join([f"{name}: {model}" if name else model, "", table, "", *notes(burden)])


def module_table(rows: Sequence[ModuleRow]) -> str:
    """Return one row a module, each with everything below it, in the order of `named_modules`."""
    from tabulate import tabulate  # noqa: PLC0415 imported when a table is made, not with pytest

    trained = ["training_memory"] if any(row.own.training_memory for row in rows) else []
    cells = [
        (
            row.path or ROOT,
            row.cls if row.calls == 1 else f"{row.cls} x {row.calls}",
            show(row.inclusive.params, ""),
            show(row.inclusive.flops, "FLOPs"),
            show(row.inclusive.activation_memory, "bytes"),
            show(row.inclusive.peak_memory, "bytes"),
            *(show(row.inclusive.training_memory, "bytes") for _ in trained),
            ", ".join(row.outputs),
        )
        for row in rows
    ]
    memory = ("activation_memory", "peak_memory", *trained)
    headers = ("module", "class", "params", "flops", *memory, "output")
    align = ("left", "left", "right", "right", *["right"] * len(memory), "left")
    return tabulate(cells, headers, disable_numparse=True, colalign=align)


def peak_table(peak: Peak) -> str:
    """Return what is alive at a peak: bytes by category, and the largest tensors."""
    from tabulate import tabulate  # noqa: PLC0415 imported when a table is made, not with pytest

    parts = (f"{name} {show(nbytes, 'bytes')}" for name, nbytes in peak.categories.items())
    # Activations are called by what made them.
    makers = any(held.op not in ("", held.name) for held in peak.tensors)
    cells = [
        (
            show(held.nbytes, "bytes"),
            show_percent(held.nbytes, peak.nbytes) if peak.nbytes else NOTHING,
            held.category,
            held.name,
            held.shape,
            *([held.op] if makers else []),
            held.module or ROOT,
            f"{held.birth} to {'the end' if held.death is None else held.death}",
        )
        for held in peak.tensors
    ]
    made_by = ["made by"] if makers else []
    headers = ("bytes", "share", "category", "tensor", "shape", *made_by, "module", "alive, calls")
    align = ("right", "right", *["left"] * (len(headers) - 2))
    table = tabulate(cells, headers, disable_numparse=True, colalign=align)
    if peak.op:
        when = f"in the {peak.phase}, at call {peak.call}: {peak.op} in {peak.module or ROOT}"
    else:
        when = f"when the {peak.phase} begins"
    head = f"{peak.metric} {show(peak.nbytes, 'bytes')} {when}"
    return "\n".join([head, ", ".join(parts), table] if cells else [head])


def notes(burden: Burden) -> list[str]:
    """Return how it was counted and what it leaves open, a line each."""
    found = [f"Counted: {describe(burden.convention)}."]
    if burden.training:
        found.append(f"Trained by: {burden.training}.")
    if burden.cuda and not burden.cuda.failure:
        predicted, workspace = burden.cuda.predicted, burden.cuda.workspace
        more = f"{show(abs(workspace), 'bytes')} {'less' if workspace < 0 else 'of workspace'}"
        found.append(
            f"cuda_memory on {burden.cuda.device}: {show(predicted, 'bytes')} predicted, {more}."
        )
    for metric, why in burden.unsupported.items():
        found.append(f"{metric} was not measured: {why}.")
    for metric, why in burden.lower_bounds.items():
        found.append(f"{metric} is a lower bound: {why}.")
    if burden.method == "real":
        found.append(f"Measured by a real run: {burden.reason}.")
    if uncounted := [row for row in burden.op_rows if row.state == "uncounted"]:
        found.append(f"Uncounted, no rule is known: {', '.join(map(_calls, uncounted))}.")
    if burden.replaced_rules:
        found.append(f"{REPLACED}: {replaced(burden)}.")
    return found


REPLACED = "Counted by another rule than ours"


def replaced(burden: Burden) -> str:
    """Return what somebody else's functions count in place of our rules: ``aten.mm (nets.mm)``."""
    return ", ".join(f"{op} ({name})" for op, name in burden.replaced_rules.items())


def describe(convention: Convention) -> str:
    """Return in words how arithmetic and bytes were counted."""
    if convention.datum_bytes is None:
        activations = "activations in their own dtype"
    else:
        plural = "" if convention.datum_bytes == 1 else "s"
        activations = f"activations of {convention.datum_bytes} byte{plural}"
    blocks = ", memory in blocks of CUDA's allocator" if convention.target == "cuda" else ""
    return (
        f"multiply-add {convention.fma}, exp and the like {convention.transcendental},"
        f" {activations}{blocks}, rule set {convention.rule_set}"
    )


def _calls(row: OpRow) -> str:
    return row.op if row.calls == 1 else f"{row.op} ({row.calls} calls)"
