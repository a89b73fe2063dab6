"""What the page's script draws: a run as compact JSON, all of it text that can be seen."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from pytest_burden.budget import baseline
from pytest_burden.budget.law import Law
from pytest_burden.budget.limits import Limit
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run, verdict_word
from pytest_burden.budget.units import show, show_percent, show_use
from pytest_burden.budget.verdict import Verdict
from pytest_burden.burden import METRICS, Burden, Figures, ModuleRow, Peak
from pytest_burden.report import changed, laws, sweep
from pytest_burden.report.comparison import maximum
from pytest_burden.report.inert import visible
from pytest_burden.report.lines import Lines
from pytest_burden.report.message import Case, failing, told, warning
from pytest_burden.report.network import NOTHING, ROOT, notes
from pytest_burden.sweeps import Point, Sweep

POINTS = 1000
"""At most so many points of a timeline are drawn, its largest and smallest ones among them."""

_ESCAPED = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
"""What could end the element around the JSON, or a line of a script."""


class Words:
    """Texts that many modules have in common, each of them once."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        """Return where a text stands in `all`."""
        return self._places.setdefault(visible(text), len(self._places))

    def all(self) -> list[str]:
        """Return every text that has a place."""
        return list(self._places)


def to_json(run: Run) -> str:
    """Return the data as JSON that can stand in a ``<script>``."""
    text = json.dumps(to_dict(run), ensure_ascii=False, separators=(",", ":"))
    return text.translate(_ESCAPED)


def to_dict(run: Run) -> dict[str, Any]:
    """Return what is drawn of each result, in the order of the run."""
    words = Words()
    networks = [network(result, words, enforced=run.enforced) for result in run.results]
    units = {metric.name: metric.unit for metric in METRICS.values()}
    since = visible(run.compared_with or baseline.FILE)
    return {"units": units, "since": since, "networks": networks, "words": words.all()}


def network(result: Result, words: Words, *, enforced: bool = True) -> dict[str, Any]:
    """Return one result: its figures as texts, its modules, timelines, changes and sweep."""
    burden = result.burden
    found: dict[str, Any] = {
        "id": visible(result.id),
        "word": visible(verdict_word(result, enforced=enforced)),
        "state": state(result),
        "says": said([result]),
        "verdicts": [_verdict(verdict) for verdict in result.verdicts if verdict.limit],
    }
    if burden:
        found |= {
            "model": visible(f"{burden.model}({', '.join(burden.inputs)})"),
            "notes": list(map(visible, notes(burden))),
            "metrics": _metrics(burden),
            "modules": _modules(burden.module_rows, words),
            "peaks": [_peak(peak) for peak in burden.peaks],
        }
    if what := changed.of_result(result):
        found["changed"] = _changed(what)
    if result.sweep:
        found["sweep"] = _sweep(result.sweep)
    return found


def state(result: Result) -> str:
    """Return what a result means for the run: ``fail``, ``warn``, ``pass``, or ``none``."""
    if result.fails:
        return "fail"
    if result.warns:
        return "warn"
    return "pass" if result.verdicts else "none"


def said(results: Sequence[Result]) -> list[list[str]]:
    """Return the sentences of all verdicts that fail or warn: the lines of each, and what to do."""
    blocks = told(_briefly([*failing(results), *warning(results)]))
    return [[*lines_of(block.lines), visible(block.next_step)] for block in blocks]


def lines_of(lines: Lines) -> Lines:
    """Return the lines of a block, of which the first is its headline."""
    return [line.removeprefix("    ") for line in lines]


def _briefly(cases: Iterable[Case]) -> Iterable[Case]:
    """Yield cases without the modules that changed, which are drawn."""
    return (case._replace(changes=(), otherwise="") for case in cases)


def _metrics(burden: Burden) -> list[list[str]]:
    """Return name, text, exact text and meaning of each metric that was measured."""
    values = ((metric, burden.value(metric.name)) for metric in METRICS.values())
    return [
        [metric.name, show(value, metric.unit), f"{value:,}", metric.meaning]
        for metric, value in values
        if value is not None
    ]


def _verdict(verdict: Verdict) -> list[str]:
    """Return metric, limit, where it stands, how much of it is used, and the verdict."""
    limit = verdict.limit
    if limit is None:
        return []
    use = NOTHING
    if isinstance(limit, Limit) and verdict.measured is not None:
        use = show_use(verdict.measured, limit.maximum)
    return [limit.metric, maximum(limit), visible(limit.where), use, visible(changed.word(verdict))]


def _modules(rows: Sequence[ModuleRow], words: Words) -> dict[str, Any]:
    """Return the tree of modules as arrays; a name is what its parent's path does not say.

    Figures are the modules' own; what is below them is summed up where it is drawn.
    """
    places: dict[str, int] = {}
    for place, row in enumerate(rows):
        places.setdefault(row.path, place)
    parents = [_parent(row.path, place, places) for place, row in enumerate(rows)]
    names = [
        visible(row.path[len(rows[parent].path) + 1 :] if rows[parent].path else row.path)
        if parent >= 0
        else visible(row.path)
        for row, parent in zip(rows, parents, strict=True)
    ]
    own = {
        metric: [getattr(row.own, metric) for row in rows]
        for metric in Figures._fields
        if any(getattr(row.own, metric) for row in rows)
    }
    return {
        "parents": parents,
        "names": names,
        "classes": [words.place(row.cls) for row in rows],
        "calls": [row.calls for row in rows],
        "settings": [words.place(row.settings) for row in rows],
        "outputs": [words.place(", ".join(row.outputs)) for row in rows],
        "own": own,
    }


def _parent(path: str, place: int, places: dict[str, int]) -> int:
    """Return the place of the nearest module around one; -1 of what has none, as the root."""
    around = path
    while around:
        around = around.rpartition(".")[0]
        if places.get(around, place) != place:
            return places[around]
    return -1


def _peak(peak: Peak) -> dict[str, Any]:
    """Return the moment of a peak, what is alive then, and the bytes of every call."""
    positions = thinned(peak.timeline)
    values = [peak.timeline[at] for at in positions]
    unit = math.gcd(*values) or 1
    return {
        "metric": peak.metric,
        "bytes": peak.nbytes,
        "call": peak.call,
        "when": visible(
            f"in the {peak.phase}, at call {peak.call}: {peak.op} in {peak.module or ROOT}"
            if peak.op
            else f"when the {peak.phase} begins"
        ),
        "calls": len(peak.timeline),
        # Differences have half the digits.
        "at": [now - before for before, now in pairwise((0, *positions))],
        "unit": unit,
        "alive": [now - before for before, now in pairwise((0, *(v // unit for v in values)))],
        "phases": [[visible(name), start] for name, start in peak.phases],
        "categories": [[visible(name), size] for name, size in peak.categories.items()],
        "tensors": [
            {
                "name": visible(held.name),
                "category": visible(held.category),
                "shape": visible(held.shape),
                "bytes": held.nbytes,
                "share": show_percent(held.nbytes, peak.nbytes) if peak.nbytes else NOTHING,
                "module": visible(held.module or ROOT),
                "op": visible(held.op),
                "birth": held.birth,
                "death": held.death,
            }
            for held in peak.tensors
        ],
    }


def thinned(timeline: Sequence[int], most: int = POINTS) -> list[int]:
    """Return positions of at most so many points: of each stretch the smallest and the largest.

    The line through them has the peaks and the valleys of the whole.
    """
    if len(timeline) <= most:
        return list(range(len(timeline)))
    stretch = -(-len(timeline) * 2 // most)
    found: list[int] = []
    for start in range(0, len(timeline), stretch):
        inside = range(start, min(start + stretch, len(timeline)))
        ends = {min(inside, key=timeline.__getitem__), max(inside, key=timeline.__getitem__)}
        found += sorted(ends)
    return found


def _changed(what: changed.Changed) -> dict[str, Any]:
    """Return the metrics that are not what they were, and every module with its differences."""
    return {
        "rows": [list(map(visible, row)) for row in what.rows],
        "details": list(map(visible, what.details)),
        "modules": [
            {
                "path": visible(change.path),
                "how": change.how,
                "what": visible(change.what),
                "grown": {name: n for name, n in change.grown._asdict().items() if n},
            }
            for change in what.changes
        ],
    }


def _sweep(swept: Sweep) -> dict[str, Any]:
    """Return the points, and what a terminal says below its table of them."""
    metrics = sweep.shown_metrics(swept)
    exact = [found.law for found in laws.find(swept, metrics)]
    return {
        "symbols": list(map(visible, swept.symbols)),
        "metrics": list(metrics),
        "points": [
            {
                "sizes": [point.sizes[symbol] for symbol in swept.symbols],
                "values": [point.metrics.get(metric) for metric in metrics],
                "off": [place for place, law in enumerate(exact) if law and _is_off(law, point)],
            }
            for point in swept.points
        ],
        "notes": list(map(visible, sweep.notes(swept, metrics))),
    }


def _is_off(law: Law, point: Point) -> bool:
    """Return whether a law does not hold at a point: it is no class of sizes that it is about."""
    return not law.holds_at(tuple(point.sizes[symbol] for symbol in law.symbols))
