"""The baseline: earlier measurements in a file that people and git read line by line.

``burden-baseline.json`` is JSON with one fact a line: a measurement, a metric or a module of it.
Every line names its measurement by a key, so that no two lines of the file are equal and git can
join what two branches add. Each measurement has a check of all its facts: a merge that mixed two
versions of one is noticed.
"""

from __future__ import annotations

import gc
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any, NamedTuple

from pytest_burden.budget.problem import Problem
from pytest_burden.burden import METRICS, RULE_SET, Burden, Convention, Figures, ModuleRow
from pytest_burden.errors import suggest

FILE = "burden-baseline.json"
SCHEMA = 1
RENEW = "burden baseline update"
"""The command that measures everything again and writes the file."""


class Node(NamedTuple):
    """One module as the baseline knows it: `ModuleRow` without what follows from the others."""

    path: str
    cls: str
    calls: int
    own: Figures
    settings: str = ""
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One measurement as it was."""

    id: str
    model: str
    inputs: tuple[str, ...]
    training: str
    convention: Convention
    fingerprint: str
    metrics: Mapping[str, int]
    rows: Sequence[Sequence[Any]] = ()
    """The modules as they stand in the file; see `nodes`."""

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Its modules, in the order of ``named_modules()``."""
        return tuple(
            Node(path, cls, calls, Figures(*own), settings, tuple(outputs))
            for path, cls, calls, own, settings, outputs in self.rows
        )


@dataclass(frozen=True)
class Baseline:
    """All entries by id, and by what they were measured."""

    torch: str
    """Minor version, ``2.13``."""
    entries: Mapping[str, Entry] = field(default_factory=dict)
    rule_set: int = RULE_SET

    def alike(self, entry: Entry) -> tuple[str, ...]:
        """Return the ids under which the same network at the same inputs stands here."""
        return tuple(self._by_network.get((entry.fingerprint, entry.inputs), ()))

    @cached_property
    def _by_network(self) -> Mapping[tuple[str, tuple[str, ...]], Sequence[str]]:
        found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for known in self.entries.values():
            found.setdefault((known.fingerprint, known.inputs), []).append(known.id)
        return found


def minor(version: str) -> str:
    """Return ``2.13`` of ``2.13.0+cpu``."""
    return ".".join(version.partition("+")[0].split(".")[:2])


def entry_of(name: str, burden: Burden) -> Entry:
    """Return what the baseline keeps of a measurement."""
    values = {metric: burden.value(metric) for metric in METRICS}
    return Entry(
        name,
        burden.model,
        burden.inputs,
        burden.training,
        burden.convention,
        fingerprint(burden.module_rows),
        {metric: value for metric, value in values.items() if value is not None},
        [_row(row) for row in burden.module_rows],
    )


def nodes_of(burden: Burden) -> tuple[Node, ...]:
    """Return the modules of a measurement as the baseline would know them."""
    return tuple(
        Node(row.path, row.cls, row.calls, row.own, row.settings, row.outputs)
        for row in burden.module_rows
    )


def fingerprint(rows: Iterable[ModuleRow]) -> str:
    """Return what two networks of the same modules, parameters and shapes have in common."""
    facts = [(r.path, r.cls, r.calls, r.own.params, r.inputs, r.outputs) for r in rows]
    return _digest(facts)


def dump(baseline: Baseline) -> str:
    """Return the text of the file: sorted, nothing in it but facts."""
    header = {"burden-baseline": SCHEMA, "rule_set": baseline.rule_set, "torch": baseline.torch}
    lines = [f'{json.dumps(header)[:-1]}, "records": [']
    for name in sorted(baseline.entries):
        for record in _records(baseline.entries[name]):
            lines.append(f"{_encode(record)},")  # noqa: PERF401
    return "\n".join([*lines, "null]}", ""])


def read(text: str, name: str = FILE) -> tuple[Baseline | None, list[Problem]]:
    """Read the text of a baseline; anything that is broken in it is told with its line.

    A file of other rules or of another schema cannot be compared with, and is a problem too.
    """
    if problems := list(_conflicts(text, name)):
        return None, problems
    reader = _Reader(text, name)
    with _uncollected():
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            line = getattr(error, "lineno", 1)
            return None, [Problem(f"{name}:{line}", "not JSON", str(error), RENEW)]
        return reader.baseline(data), reader.problems


_encode = json.JSONEncoder(ensure_ascii=False).encode


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no cycles among a million small lists: that takes as long as the rest."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


_MARKERS = re.compile(r"^(?:<<<<<<<|\|\|\|\|\|\|\||=======|>>>>>>>).*", re.MULTILINE)


def _conflicts(text: str, name: str) -> Iterator[Problem]:
    for match in _MARKERS.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        reason = "a merge was not resolved: take either version, then measure again"
        yield Problem(f"{name}:{line}", match[0][:20].strip(), reason, RENEW)


def _row(row: ModuleRow) -> list[Any]:
    own = list(row.own)
    while own and not own[-1]:
        own.pop()
    return [row.path, row.cls, row.calls, own, row.settings, list(row.outputs)]


def _key(name: str) -> str:
    return hashlib.sha256(name.encode(errors="backslashreplace")).hexdigest()[:12]


def _digest(facts: object) -> str:
    return hashlib.sha256(repr(facts).encode(errors="backslashreplace")).hexdigest()[:16]


_CONVENTION: Mapping[str, Any] = {
    each.name: each.default for each in fields(Convention) if each.name != "rule_set"
}
"""What is left out where it is the default; the set of rules stands in the header."""


def _about(entry: Entry) -> dict[str, Any]:
    """Return the facts of an entry that are neither metrics nor modules."""
    about: dict[str, Any] = {"model": entry.model, "inputs": list(entry.inputs)}
    if entry.training:
        about["training"] = entry.training
    kept = asdict(entry.convention)
    about |= {key: kept[key] for key, usual in _CONVENTION.items() if kept[key] != usual}
    return about | {"fingerprint": entry.fingerprint}


def _check(about: object, metrics: object, rows: object) -> str:
    return _digest([about, metrics, rows])


def _records(entry: Entry) -> Iterator[list[Any]]:
    key, about = _key(entry.id), _about(entry)
    metrics = {metric: entry.metrics[metric] for metric in METRICS if metric in entry.metrics}
    rows = [list(row) for row in entry.rows]
    yield [key, "measurement", entry.id, about | {"check": _check(about, metrics, rows)}]
    for metric, value in metrics.items():
        yield [key, "metric", metric, value]
    for row in rows:
        yield [key, "module", *row]


@dataclass
class _Draft:
    """The records of one key, as they come."""

    line: int
    id: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, int] = field(default_factory=dict)
    rows: list[list[Any]] = field(default_factory=list)


_MODULE_TYPES = (str, str, int, list, str, list)


class _Reader:
    """Walks through the records; every error becomes a problem and the walk goes on."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name
        self._drafts: dict[str, _Draft] = {}
        self.problems: list[Problem] = []

    def baseline(self, data: Any) -> Baseline | None:
        if not isinstance(data, dict) or "burden-baseline" not in data:
            self._problem(0, "no baseline", "it does not begin as one", RENEW)
            return None
        if data["burden-baseline"] != SCHEMA:
            found, known = data["burden-baseline"], f"this version of pytest-burden reads {SCHEMA}"
            self._problem(0, f'"burden-baseline": {found!r}', known, RENEW)
            return None
        rule_set, torch, records = (data.get(key) for key in ("rule_set", "torch", "records"))
        if type(rule_set) is not int or not isinstance(torch, str) or not isinstance(records, list):
            self._problem(0, "a broken header", "rule_set, torch and records belong there", RENEW)
            return None
        if rule_set != RULE_SET:
            reason = f"counted by rule set {rule_set}, this version of pytest-burden has {RULE_SET}"
            self._problem(0, f'"rule_set": {rule_set}', reason, RENEW)
            return None
        self._in_lines = self._text.count("\n") == len(records) + 1 or len(records) < 2  # noqa: PLR2004
        for number, record in enumerate(records[:-1] if records[-1:] == [None] else records):
            self._take(number + 2, record)
        return Baseline(torch, dict(self._entries(rule_set)), rule_set)

    def _take(self, line: int, record: Any) -> None:
        if not isinstance(record, list) or len(record) < 3 or type(record[0]) is not str:  # noqa: PLR2004
            self._problem(line, _short(record), "no record: a key, a kind and facts belong here")
            return
        key, kind, *facts = record
        draft = self._drafts.get(key)
        if draft is None:
            draft = self._drafts[key] = _Draft(line)
        if kind == "module" and tuple(map(type, facts)) == _MODULE_TYPES:
            draft.rows.append(facts)
        elif kind == "metric" and len(facts) == 2:  # noqa: PLR2004
            self._take_metric(line, draft, *facts)
        elif kind == "measurement" and tuple(map(type, facts)) == (str, dict):
            self._take_measurement(line, key, draft, *facts)
        else:
            self._problem(line, _short(record), "no record of a measurement, a metric or a module")

    def _take_metric(self, line: int, draft: _Draft, metric: object, value: object) -> None:
        if not isinstance(metric, str) or metric not in METRICS:
            near = suggest(str(metric), METRICS)
            self._problem(line, _short(metric), f"unknown metric{near}")
        elif type(value) is not int or value < 0:
            self._problem(line, f"{metric}: {_short(value)}", "not a whole number from 0 up")
        elif metric in draft.metrics:
            reason = f"a second {metric} of one measurement, as a merge may leave it"
            self._problem(line, f"{metric}: {value}", reason, f"{RENEW} {draft.id}".strip())
        else:
            draft.metrics[metric] = value

    def _take_measurement(
        self, line: int, key: str, draft: _Draft, name: str, about: dict[str, Any]
    ) -> None:
        if draft.id:
            reason = "a second version of one measurement, as a merge may leave it"
            self._problem(line, name, reason, f"{RENEW} {name}")
        elif _key(name) != key:
            self._problem(line, name, f"its key is {_key(name)}, not {key}", f"{RENEW} {name}")
        draft.id, draft.about, draft.line = name, about, line

    def _entries(self, rule_set: int) -> Iterator[tuple[str, Entry]]:
        for key, draft in self._drafts.items():
            about = dict(draft.about)
            check = about.pop("check", None)
            if not draft.id:
                self._problem(draft.line, key, "facts of a measurement that is not here")
            elif check != _check(about, draft.metrics, draft.rows):
                # Two problems of one entry would be one cause told twice.
                if not any(problem.example.endswith(draft.id) for problem in self.problems):
                    reason = "facts and check differ: edited by hand, or mixed by a merge"
                    self._problem(draft.line, draft.id, reason, f"{RENEW} {draft.id}")
            else:
                entry = self._entry(draft, about, rule_set)
                if entry is not None:
                    yield draft.id, entry

    def _entry(self, draft: _Draft, about: dict[str, Any], rule_set: int) -> Entry | None:
        told = {key: about.get(key, usual) for key, usual in _CONVENTION.items()}
        try:
            return Entry(
                draft.id,
                about["model"],
                tuple(about["inputs"]),
                about.get("training", ""),
                Convention(**told, rule_set=rule_set),
                about["fingerprint"],
                draft.metrics,
                draft.rows,
            )
        except (KeyError, TypeError) as error:
            self._problem(draft.line, draft.id, f"facts are missing: {error}", RENEW)
            return None

    def _problem(self, line: int, what: str, reason: str, works: str = "") -> None:
        at = f"{self._name}:{max(line, 1)}"
        if line and not self._in_lines:  # some tool has laid the file out anew
            at = f"{self._name}: record {line - 1}"
        self.problems.append(Problem(at, what, reason, works or RENEW))

    _in_lines = True


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004
