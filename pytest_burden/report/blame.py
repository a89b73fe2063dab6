"""Which modules made a network heavier or lighter than it was, the weightiest first."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_burden.budget.compare import Change
from pytest_burden.budget.units import show
from pytest_burden.burden import METRICS, Figures

BLAMED = {
    "params": "params",
    "trainable_params": "params",
    "param_memory": "params",
    "model_memory": "params",
    **{name: name for name in Figures._fields if name != "params"},
}
"""The figure broken down by module that stands behind a metric."""

ROOT = "(root)"


def signed(value: int, metric: str) -> str:
    """Return a difference with its sign: ``+0.9 GFLOPs``."""
    return f"{'-' if value < 0 else '+'}{show(abs(value), METRICS[metric].unit)}"


def by_module(
    changes: Sequence[Change], metrics: Sequence[str], most: int
) -> list[tuple[str, str]]:
    """Return module and text of the changes behind some metrics, and one line for the rest.

    ``layer3.0.conv2``, ``+0.9 GFLOPs (stride 2→1, out 14×14→28×28)``, the weightiest in the first
    metric before the others. Empty where no metric is broken down by module.
    """
    figures = list(dict.fromkeys(BLAMED[metric] for metric in metrics if metric in BLAMED))
    if "flops" in figures:
        figures = [figure for figure in figures if figure != "macs"]  # nearly the same again
    heavy = [change for change in changes if any(getattr(change.grown, f) for f in figures)]
    heavy.sort(key=lambda change: [-abs(getattr(change.grown, figure)) for figure in figures])
    rows = [
        (change.path or ROOT, f"{_weights([change], figures)}{said(change)}") for change in heavy
    ]
    if rest := heavy[most:]:
        rows[most:] = [(f"{len(rest)} more", _weights(rest, figures))]
    return rows


def _weights(changes: Sequence[Change], figures: Sequence[str]) -> str:
    """Return the sums of some changes: ``+0.9 GFLOPs, +2.36M params``."""
    parts = []
    for figure in figures:
        total = sum(getattr(change.grown, figure) for change in changes)
        unit = METRICS[figure].unit
        name = "" if unit in ("FLOPs", "MACs") and figure in ("flops", "macs") else f" {figure}"
        if total:
            parts.append(f"{signed(total, figure)}{name.removesuffix('_memory')}")
    return ", ".join(parts) or "0"


def said(change: Change) -> str:
    """Return in brackets what became of a module: `` (added, Conv2d)``."""
    how = "" if change.how == "changed" else change.how
    parts = [part for part in (how, change.what) if part]
    return f" ({', '.join(parts)})" if parts else ""
