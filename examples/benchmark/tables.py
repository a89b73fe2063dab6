"""What the comparison found, as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from leaves import COLUMNS
from meters import COUNTER, FORWARD, METERS, OURS
from tabulate import tabulate
from truth import COUNTED, IMAGE, NETWORKS, TIMED

TOLERANCE = 0.001
QUIET = 0.1
"""The share of the cores that others may take before times are called provisional."""
MIB = 2**20
Results = dict[str, Any]


def report(results: Results) -> str:
    """Return all tables that there are results for."""
    parts = ["# Comparison", INTRODUCTION]
    if "time" in results:
        parts.append(machine(results["time"]["facts"]))
    parts.append("![Time in real forwards, and what a deeper network costs](comparison.svg)")
    if {"time", "count", "leaves"} <= results.keys():
        parts += ["## Summary", SUMMARY, summary(results)]
    if "count" in results:
        parts += ["## Right", RIGHT, right(results["count"]), asked()]
    if "time" in results:
        tables = (f"### {n.name}\n\n{quick(results['time'], n.name)}" for n in TIMED)
        parts += ["## Quick and light", QUICK, *tables]
    if "leaves" in results:
        parts += ["## Left behind", LEFT, left(results["leaves"])]
    if "growth" in results:
        parts += ["## Growth", GROWTH, growth(results["growth"])]
    if "zoo" in results:
        parts += ["## From factory to number", ZOO, zoo(results["zoo"])]
    return "\n\n".join(parts) + "\n"


INTRODUCTION = """\
Written by `compare.py`, and not touched by hand: `make compare` in the repository runs it again.
Every cell is a process of its own. Ratios are taken within one run."""
SUMMARY = f"""\
*Right* is how many of {len(COUNTED)} networks are within 0.1 % of what is derived by hand, as they
are deployed (evaluation, no gradients) and as they are trained. Times are geometric means over the
networks of one image of 224 x 224 pixels: how many times as fast as `FlopCounterMode` around a real
forward, and in real forwards. *Cold* is the first measurement in a process that has imported and
built everything, *warm* the median of further ones. *Memory* is the most that the first one took
beside these, in MiB; *imports* what its own take after torch's. *Left behind* names the columns of
the table below."""
RIGHT = """\
Multiply-adds, divided by those derived by hand in [`truth.py`](truth.py). The network is asked
about as it is deployed, in evaluation and without gradients; what is said of the same in training
mode with gradients follows behind a stroke where it differs. Bold: off by more than 0.1 %. An
exception is told by its type."""
QUICK = """\
*as fast* is the time of `FlopCounterMode` around a real forward divided by this one, *forwards*
this time divided by that of a real forward. *Memory* is the most that the first call took beside
imports, the built model and its input, in MiB."""
LEFT = """\
What is different in a network in training mode, or in the process, after a call that went well: how
many values are new, gone or other. The most of three networks: one with batch norm and dropout, a
layer of torch's encoder, one with shared modules and tied weights. What is empty was kept. A real
forward changes what a forward changes; `FlopCounterMode` runs one. *torch* is attributes of
`torch`, `torch.Tensor`, `torch.nn.functional` and `torch.nn.Module`, *runs* whether a forward goes
through afterwards, *freed* whether the model is gone with its last name."""
GROWTH = """\
The decoder of [`decoder.py`](decoder.py) with more and more layers, measured from its factory by
pytest-burden on 128 tokens, cold; the medians of three processes. *a layer* is the time divided by
the number of layers."""
ZOO = """\
torchvision's classifiers, one image of 224 x 224 pixels, one after the other in one process after
the imports: measured from the factory, beside building each and running it under
`FlopCounterMode`. *as published* are networks whose multiply-adds are torchvision's own figure, to
its three digits after the point, of those that it publishes for this size."""


def machine(facts: Results) -> str:
    """Return what all times depend on, and whether they mean something."""
    text = (
        f"Python {facts['python']}, torch {facts['versions'][FORWARD.name]}, {facts['system']}"
        f"\n({facts['kernels']}), {facts['cores']} cores, threads of torch: {facts['threads']}."
    )
    if "others" not in facts:
        return text
    text += f" Other processes took {facts['others']:.0%} of the cores' time meanwhile."
    if facts["others"] > QUIET:
        text += (
            "\n**The times are provisional**: the threads of a forward wait for each other where\n"
            "something else runs, and every meter that runs one looks slower than it is."
        )
    return text


def here(facts: Results) -> str:
    """Return the same for a row."""
    return f"{facts['versions'][FORWARD.name]}, {facts['threads']} of {facts['cores']}"


HERE = "torch, threads of cores"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Return a table whose first columns are text and whose others are numbers."""
    lines = list(rows)
    align = ["left"] * texts + ["right"] * (len(headers) - texts)
    return tabulate(lines, headers, tablefmt="github", colalign=align, disable_numparse=True)


# --- right ----------------------------------------------------------------------------------------


def right(found: Results) -> str:
    """Return a row for each network, a column for each meter."""
    rows = [
        [
            network.name,
            f"{network.macs / 1e6:,.2f}",
            *(ratio(found, network.name, meter.name) for meter in METERS),
            here(found["facts"]),
        ]
        for network in COUNTED
    ]
    headers = ("network", "truth, M", *(meter.name for meter in METERS), HERE)
    return table(headers, rows)


def ratio(found: Results, network: str, meter: str) -> str:
    """Return what a meter says in both modes, as ratios to the truth."""
    said = [answer(found, network, meter, mode) for mode in ("evaluation", "training")]
    texts = [
        value if isinstance(value, str) else f"{value:.3f}" if _right(value) else f"**{value:.3f}**"
        for value in said
    ]
    return " / ".join(dict.fromkeys(texts))


def answer(found: Results, network: str, meter: str, mode: str) -> float | str:
    """Return the ratio to the truth, or the type of an exception."""
    result = found["cells"][network][meter]
    value = result.get("error", result.get(mode))
    return value if isinstance(value, str) else value / NETWORKS[network].macs


def _right(value: float | str) -> bool:
    return not isinstance(value, str) and abs(value - 1) <= TOLERANCE


def rights(found: Results, meter: str, mode: str) -> int:
    """Return how many networks a meter is right about in a mode."""
    return sum(_right(answer(found, network.name, meter, mode)) for network in COUNTED)


def asked() -> str:
    """Return what each meter's answer counts."""
    return table(("meter", "its answer"), [(m.name, m.counts) for m in METERS], texts=2)


# --- quick and light ------------------------------------------------------------------------------


def time(found: Results, network: str, meter: str, kind: str) -> float | None:
    """Return the median of a time over processes, in seconds, or None if none came back."""
    values = [run[kind] for run in found["cells"][network][meter] if kind in run]
    return statistics.median(values) if values else None


def quick(found: Results, network: str) -> str:
    """Return the table of one network."""
    rows = []
    for meter in (FORWARD, *METERS):
        runs = found["cells"][network][meter.name]
        if "error" in runs[0]:
            rows.append([meter.name, runs[0]["error"], *[""] * 6, here(found["facts"])])
            continue
        row = [meter.name]
        for kind in ("cold", "warm"):
            own = time(found, network, meter.name, kind)
            assert own is not None
            row.append(f"{1000 * own:.1f}")
            row += [_text(_ratio(time(found, network, COUNTER.name, kind), own))]
            row += [_text(_ratio(own, time(found, network, FORWARD.name, kind)))]
        growth = runs[0]["growth"]
        row.append("" if growth is None else f"{growth / MIB:.0f}")
        rows.append([*row, here(found["facts"])])
    times = ("ms", "as fast", "forwards")
    headers = ("meter", *(f"{kind} {t}" for kind in ("cold,", "warm,") for t in times))
    return table((*headers, "memory", HERE), rows)


def _ratio(first: float | None, second: float | None) -> float | None:
    return first / second if first and second else None


def _text(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1f}" if round(value, 1) >= 1 else f"{value:.2g}"


def mean_ratios(found: Results, meter: str, kind: str) -> tuple[list[float], list[float]]:
    """Return, over networks of images: times as fast as the counter, and forwards."""
    faster, forwards = [], []
    for network in TIMED:
        own = time(found, network.name, meter, kind)
        if network.shape != IMAGE or own is None:
            continue
        faster.append((time(found, network.name, COUNTER.name, kind) or 0) / own)
        forwards.append(own / (time(found, network.name, FORWARD.name, kind) or 1))
    return faster, forwards


def summary(results: Results) -> str:
    """Return one row for each meter."""
    timed, counted = results["time"], results["count"]
    rows = []
    for meter in METERS:
        runs = [run for network in timed["cells"].values() for run in network[meter.name]]
        imports = [run["imports"] for run in runs if "imports" in run]
        risen = [run["growth"] for run in runs if run.get("growth") is not None]
        row = [meter.name, timed["facts"]["versions"][meter.name]]
        row += [str(rights(counted, meter.name, mode)) for mode in ("evaluation", "training")]
        for kind in ("cold", "warm"):
            row += [
                _text(statistics.geometric_mean(ratios)) if ratios else ""
                for ratios in mean_ratios(timed, meter.name, kind)
            ]
        row.append(f"{max(risen) / MIB:.0f}" if risen else "")
        row.append(f"{statistics.median(imports):.1f}" if imports else "")
        behind = changes(results["leaves"], meter.name)
        row.append(", ".join(name for name in COLUMNS if name in behind) or "nothing")
        rows.append([*row, here(timed["facts"])])
    headers = (
        *("meter", "version", "right, evaluation", "right, training"),
        *("cold, as fast", "cold, forwards", "warm, as fast", "warm, forwards"),
        *("memory", "imports, s", "left behind", HERE),
    )
    return table(headers, rows, texts=2)


# --- left behind ----------------------------------------------------------------------------------


def changes(found: Results, meter: str) -> dict[str, str]:
    """Return for each column the largest change over the networks."""
    told: dict[str, str] = {}
    for network in found["cells"].values():
        result = network[meter]
        if "error" in result:
            continue
        for name in COLUMNS:
            if not (change := result.get(name)):
                continue
            told[name] = max(told.get(name, ""), change, key=_size)
    return told


def _size(change: str) -> int:
    return sum(int(word) for word in change.split() if word.isdigit()) + bool(change)


def left(found: Results) -> str:
    """Return a row for each meter; columns that nobody changed are left out."""
    behind = {meter.name: changes(found, meter.name) for meter in (FORWARD, *METERS)}
    columns = [name for name in COLUMNS if any(told.get(name) for told in behind.values())]
    rows = []
    for meter, told in behind.items():
        crashed = [
            f"{network}: {cells[meter]['error']}"
            for network, cells in found["cells"].items()
            if "error" in cells[meter]
        ]
        cells = [told.get(name, "") for name in columns]
        rows.append([meter, *cells, "; ".join(crashed), here(found["facts"])])
    kept = ", ".join(name for name in COLUMNS if name not in columns)
    text = table(("meter", *columns, "raised", HERE), rows, texts=len(columns) + 3)
    return f"{text}\n\nKept by all: {kept}." if kept else text


# --- growth and zoo -------------------------------------------------------------------------------


def grown(found: Results) -> list[tuple[int, float, float | None]]:
    """Return layers, seconds and bytes."""
    rows = []
    for layers, runs in found["cells"].items():
        good = [run for run in runs if "error" not in run]
        if good:
            growths = [run["growth"] for run in good if run["growth"] is not None]
            rows.append(
                (
                    int(layers),
                    statistics.median(run["cold"] for run in good),
                    statistics.median(growths) if growths else None,
                )
            )
    return rows


def growth(found: Results) -> str:
    """Return a row for each number of layers."""
    rows = [
        [
            f"{layers:,}",
            f"{seconds:.2f}",
            f"{1000 * seconds / layers:.2f}",
            "" if size is None else f"{size / MIB:.0f}",
            here(found["facts"]),
        ]
        for layers, seconds, size in grown(found)
    ]
    return table(("layers", "seconds", "a layer, ms", "memory, MiB", HERE), rows)


def zoo(found: Results) -> str:
    """Return totals and the ratios of all networks, or why there are none."""
    ours, counter = (found["cells"][meter.name] for meter in (OURS, COUNTER))
    for result in (ours, counter):
        if not result or "error" in result:
            return f"Not run: {result.get('error', 'torchvision is not installed')}."
    rows = []
    for meter, result in ((OURS, ours), (COUNTER, counter)):
        seconds = [cell[0] for cell in result.values()]
        ratios = [counter[name][0] / cell[0] for name, cell in result.items()]
        known = [cell for cell in result.values() if cell[2] is not None]
        same = [cell for cell in known if abs(cell[1] / 1e9 - cell[2]) <= PUBLISHED]
        rows.append(
            [
                meter.name,
                f"{len(result)}",
                f"{sum(seconds):.1f}",
                f"{statistics.median(seconds):.3f}",
                f"{sum(cell[0] for cell in counter.values()) / sum(seconds):.1f}",
                f"{statistics.geometric_mean(ratios):.1f}",
                f"{min(ratios):.1f}",
                f"{len(same)} of {len(known)}",
                here(found["facts"]),
            ]
        )
    headers = (
        *("meter", "networks", "total, s", "median, s"),
        *("as fast, total", "as fast, geometric mean", "as fast, least"),
        *("as published", HERE),
    )
    return table(headers, rows)


PUBLISHED = 0.0005001
"""Published are 10^9 multiply-adds with three digits after the point."""
