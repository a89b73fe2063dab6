"""What fits into a memory, as text and as JSON."""

from __future__ import annotations

from typing import Any

from pytest_burden.budget.units import show
from pytest_burden.burden import Burden
from pytest_burden.report.network import peak_table
from pytest_burden.sweeps import Fit, needed

_PEAKS = ("training_memory", "peak_memory")


def text(fit: Fit, name: str) -> str:
    """Return the size that fits, what it needs, the next one, and what holds the memory."""
    memory = show(fit.memory, "bytes")
    limit = "does not" if fit.beyond else "the network does not take"
    lines = [
        f"{name}: {fit.symbol} = {fit.size:,} fits into {memory}, {fit.more:,} {limit}",
        "",
        _needs(fit, fit.size, fit.burden),
    ]
    if fit.beyond:
        lines.append(_needs(fit, fit.more, fit.beyond))
    else:
        lines.append(f"{fit.symbol} = {fit.more:,}: {' '.join(fit.why_not.split())}")
    peak = next(filter(None, map(fit.burden.peak, _PEAKS)), None)
    if peak:
        lines += ["", f"At {fit.symbol} = {fit.size:,}, {peak_table(peak)}"]
    return "\n".join(lines)


def _needs(fit: Fit, size: int, burden: Burden) -> str:
    total = f"{fit.symbol} = {size:,}: {show(needed(burden), 'bytes')}"
    if burden.training_memory is not None:
        return f"{total} in a training step ({burden.training})"
    model, beside = (show(each or 0, "bytes") for each in (burden.model_memory, burden.peak_memory))
    return f"{total}, {model} of parameters and buffers and {beside} beside them"


def to_dict(fit: Fit, name: str) -> dict[str, Any]:
    """Return it as JSON-ready dictionaries: bytes as integers, the whole burden that fits."""
    return {
        "network": name,
        "symbol": fit.symbol,
        "memory": fit.memory,
        "size": fit.size,
        "needed": needed(fit.burden),
        "more": fit.more,
        "needed_by_more": needed(fit.beyond) if fit.beyond else None,
        "why_not": fit.why_not,
        "burden": fit.burden.to_dict(),
    }
