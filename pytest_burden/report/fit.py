"""What fits into a memory, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pytest_burden.budget.units import show, show_apart
from pytest_burden.burden import Burden
from pytest_burden.report.network import peak_table
from pytest_burden.sweeps import Fit, needed

_PEAKS = ("training_memory", "peak_memory")


def text(fit: Fit, name: str) -> str:
    """Return the size that fits, what it needs, the next one, and what holds the memory."""
    compared = [each for each in (fit.burden, fit.beyond) if each]
    memory = show(fit.memory, "bytes")
    limit = "does not" if fit.beyond else "the network does not take"
    lines = [
        f"{name}: {fit.symbol} = {fit.size:,} fits into {memory}, {fit.more:,} {limit}",
        "",
        *_needs(fit, compared),
    ]
    if not fit.beyond:
        lines.append(f"{fit.symbol} = {fit.more:,}: {' '.join(fit.why_not.split())}")
    peak = next(filter(None, map(fit.burden.peak, _PEAKS)), None)
    if peak:
        lines += ["", f"At {fit.symbol} = {fit.size:,}, {peak_table(peak)}"]
    return "\n".join(lines)


def _needs(fit: Fit, compared: Sequence[Burden]) -> Iterator[str]:
    """Yield a line for each size: what is needed in all, and of what that is the sum."""
    totals = show_apart(list(map(needed, compared)), "bytes")
    beside = show_apart([each.peak_memory or 0 for each in compared], "bytes")
    sizes = (fit.size, fit.more)[: len(compared)]
    for size, burden, total, forward in zip(sizes, compared, totals, beside, strict=True):
        text = f"{fit.symbol} = {size:,}: {total}"
        if burden.training_memory is not None:
            yield f"{text} in a training step ({burden.training})"
        else:
            model = show(burden.model_memory or 0, "bytes")
            yield f"{text}, {model} of parameters and buffers and {forward} beside them"


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
