"""The baseline: earlier measurements in a file that people and git read line by line.

``burden-baseline.json`` is JSON with one fact a line: a measurement, a metric or a module of it.
Every line names its measurement by a key, so that no two lines of the file are equal. The first
and the last line of a measurement have nothing in them that could change, and stay when it is
taken out: between any two changes of different ones stands a line that is the same on both
branches, and git can join them.
Each measurement has a check of all its facts, and of what the whole file was measured by: a merge
that mixed two versions is noticed.
"""

from __future__ import annotations

import gc
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, NamedTuple

from pytest_burden.budget.problem import Problem
from pytest_burden.burden import METRICS, RULE_SET, Burden, Convention, Figures, ModuleRow
from pytest_burden.errors import suggest

FILE = "burden-baseline.json"
SCHEMA = 1
RENEW = "burden baseline update"
"""The command that measures everything again and writes the file."""
ATTRIBUTE = f"{FILE} merge=union"
"""The line of ``.gitattributes`` by which git joins what two branches have written."""
NONE = f"There is no {FILE}: growth is held by nothing."
"""What a run says of a baseline that is not there, where that matters."""


UNCOMMITTED = frozenset({"cuda_memory"})
"""Metrics that no file keeps: a counter's, which differ from one machine to the next."""


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
    lower_bounds: tuple[str, ...] = ()
    """The metrics that may be more than what could be counted."""

    def to_commit(self) -> Entry:
        """Return it without what only the machine says that it was measured on."""
        return replace(
            self,
            metrics={name: n for name, n in self.metrics.items() if name not in UNCOMMITTED},
            lower_bounds=tuple(name for name in self.lower_bounds if name not in UNCOMMITTED),
        )

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
    gone: frozenset[str] = frozenset()
    """Ids of which only the first and the last line are left, for git's sake."""

    def without(self, ids: Iterable[str]) -> Baseline:
        """Return it with some entries taken out."""
        out = frozenset(ids)
        left = {name: entry for name, entry in self.entries.items() if name not in out}
        return replace(self, entries=left, gone=(self.gone | out) - left.keys())

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
        tuple(sorted(burden.lower_bounds)),
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
    for name in sorted({*baseline.entries, *baseline.gone}):
        entry = baseline.entries.get(name)
        records = _records(baseline, entry) if entry else _rest(name)
        for record in records:
            lines.append(f"{_encode(record)},")  # noqa: PERF401
    return "\n".join([*lines, "null]}", ""])


def read(text: str, name: str = FILE) -> tuple[Baseline | None, list[Problem]]:
    """Read the text of a baseline; anything that is broken in it is told with its line.

    A file of other rules or of another schema cannot be compared with, and is a problem too.
    """
    if problems := list(_conflicts(text, name)):
        return None, problems
    reader = _Reader(text, name)
    with uncollected():
        try:
            return reader.baseline(json.loads(text)), reader.problems
        except (ValueError, RecursionError) as error:
            line = getattr(error, "lineno", 0) or _line_of_digits(text)
            return None, [Problem(f"{name}:{line}", "not JSON", str(error), RENEW)]


_encode = json.JSONEncoder(ensure_ascii=False).encode


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no cycles among a million small lists: that takes as long as the rest."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _line_of_digits(text: str) -> int:
    """Return where a number stands that is too long to be read; the parser does not say."""
    digits = re.search("[0-9]{600}", text)
    return text.count("\n", 0, digits.start()) + 1 if digits else 1


_MARKERS = re.compile(r"^(?:<<<<<<<|\|\|\|\|\|\|\||=======|>>>>>>>).*", re.MULTILINE)


def _conflicts(text: str, name: str) -> Iterator[Problem]:
    for match in _MARKERS.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        reason = (
            "a merge was not resolved: take either version, then measure again; the line"
            f" {ATTRIBUTE!r} in .gitattributes lets git resolve it"
        )
        yield Problem(f"{name}:{line}", match[0][:20].strip(), reason, RENEW)


def _row(row: ModuleRow) -> list[Any]:
    own = list(row.own)
    while own and not own[-1]:
        own.pop()
    return [row.path, row.cls, row.calls, own, row.settings, list(row.outputs)]


def _key(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:12]


def _digest(facts: object) -> str:
    # Not repr(): what it prints of a letter depends on the version of Python.
    return hashlib.sha256(ascii(facts).encode()).hexdigest()[:16]


_CONVENTION: Mapping[str, Any] = {
    each.name: each.default for each in fields(Convention) if each.name != "rule_set"
}
"""What is left out where it is the default; the set of rules stands in the header."""


def _about(entry: Entry) -> dict[str, Any]:
    """Return the facts of an entry that are neither metrics nor modules."""
    about: dict[str, Any] = {"model": entry.model, "inputs": list(entry.inputs)}
    if entry.training:
        about["training"] = entry.training
    if entry.lower_bounds:
        about["lower_bounds"] = list(entry.lower_bounds)
    kept = asdict(entry.convention)
    about |= {key: kept[key] for key, usual in _CONVENTION.items() if kept[key] != usual}
    return about | {"fingerprint": entry.fingerprint}


def _check(
    header: tuple[int, str], about: Mapping[str, Any], metrics: Mapping[str, int], rows: object
) -> str:
    # Another tool may have sorted the keys.
    return _digest([header, sorted(about.items()), sorted(metrics.items()), rows])


def _records(baseline: Baseline, entry: Entry) -> Iterator[list[Any]]:
    key, about = _key(entry.id), _about(entry)
    metrics = {metric: entry.metrics[metric] for metric in METRICS if metric in entry.metrics}
    rows = [list(row) for row in entry.rows]
    check = _check((baseline.rule_set, baseline.torch), about, metrics, rows)
    yield [key, "measurement", entry.id]
    yield [key, "facts", about | {"check": check}]
    for metric, value in metrics.items():
        yield [key, "metric", metric, value]
    for row in rows:
        yield [key, "module", *row]
    yield [key, "end"]


def _rest(name: str) -> Iterator[list[Any]]:
    """Yield what stays of an entry that is taken out, until everything is measured anew."""
    yield [_key(name), "measurement", name]
    yield [_key(name), "end"]


@dataclass
class _Draft:
    """The records of one key, as they come."""

    line: int
    id: str | None = None
    about: dict[str, Any] | None = None
    metrics: dict[str, int] = field(default_factory=dict)
    rows: list[list[Any]] = field(default_factory=list)
    ended: bool = False
    broken: bool = False
    """Whether a problem is told of it already."""

    @property
    def gone(self) -> bool:
        """Whether it is what stays of an entry that was taken out."""
        return self.ended and self.id is not None and not (self.about or self.metrics or self.rows)


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
            self._problem(0, "no baseline", "it does not begin as one")
            return None
        schema = data["burden-baseline"]
        if type(schema) is not int or schema != SCHEMA:
            reason = f"this version of pytest-burden reads {SCHEMA}"
            self._problem(0, f'"burden-baseline": {_short(schema)}', reason)
            return None
        rule_set, torch, records = (data.get(key) for key in ("rule_set", "torch", "records"))
        if type(rule_set) is not int or not isinstance(torch, str) or not isinstance(records, list):
            self._problem(0, "a broken header", "rule_set, torch and records belong there")
            return None
        if rule_set != RULE_SET:
            reason = f"counted by rule set {rule_set}, this version of pytest-burden has {RULE_SET}"
            self._problem(0, f'"rule_set": {rule_set}', reason)
            return None
        self._in_lines = self._text.rstrip().count("\n") == len(records)
        for number, record in enumerate(records[:-1] if records[-1:] == [None] else records):
            self._take(number + 2, record)
        entries = dict(self._entries(rule_set, torch))
        gone = frozenset(draft.id for draft in self._drafts.values() if draft.id and draft.gone)
        return Baseline(torch, entries, rule_set, gone)

    def _take(self, line: int, record: Any) -> None:
        if not isinstance(record, list) or len(record) < 2 or type(record[0]) is not str:  # noqa: PLR2004
            self._problem(line, _short(record), "no record: a key, a kind and facts belong here")
            return
        key, kind, *facts = record
        draft = self._drafts.get(key)
        if draft is None:
            draft = self._drafts[key] = _Draft(line)
        types = tuple(map(type, facts))
        if kind == "module" and types == _MODULE_TYPES:
            draft.rows.append(facts)
        elif kind == "metric" and len(facts) == 2:  # noqa: PLR2004
            self._take_metric(line, draft, *facts)
        elif kind == "measurement" and types == (str,):
            self._take_id(line, key, draft, *facts)
        elif kind == "facts" and types == (dict,):
            if draft.about is not None:
                self._second(line, draft, draft.id or key, "version")
            draft.about = facts[0]
        elif kind == "end" and not facts:
            draft.ended = True
        else:
            reason = "no record of a measurement: its id, facts, a metric, a module or its end"
            self._problem(line, _short(record), reason, draft)

    def _take_metric(self, line: int, draft: _Draft, metric: object, value: object) -> None:
        if not isinstance(metric, str) or metric not in METRICS:
            near = suggest(metric, METRICS) if isinstance(metric, str) else ""
            self._problem(line, _short(metric), f"unknown metric{near}", draft)
        elif type(value) is not int or value < 0:
            reason = "not a whole number from 0 up"
            self._problem(line, f"{metric}: {_short(value)}", reason, draft)
        elif metric in draft.metrics:
            self._second(line, draft, f"{metric}: {value}", metric)
        else:
            draft.metrics[metric] = value

    def _take_id(self, line: int, key: str, draft: _Draft, name: str) -> None:
        if draft.id is not None:
            self._second(line, draft, name, "version")
            return
        draft.id, draft.line = name, line
        if _key(name) != key:
            self._problem(line, name, f"its key is {_key(name)}, not {key}", draft)

    def _second(self, line: int, draft: _Draft, what: str, of: str) -> None:
        reason = f"a second {of} of one measurement, as a merge may leave it"
        self._problem(line, what, reason, draft)

    def _entries(self, rule_set: int, torch: str) -> Iterator[tuple[str, Entry]]:
        for key, draft in self._drafts.items():
            if draft.broken or draft.gone:  # the former is told
                continue
            if draft.id is None:
                self._problem(draft.line, key, "facts of a measurement that is not here", draft)
                continue
            about = dict(draft.about or {})
            check = about.pop("check", None)
            if check != _check((rule_set, torch), about, draft.metrics, draft.rows):
                reason = "facts and check differ: edited by hand, or mixed by a merge"
                self._problem(draft.line, draft.id, reason, draft)
            elif not draft.ended:
                self._problem(draft.line, draft.id, "its end is missing", draft)
            else:
                entry = self._entry(draft, draft.id, about, rule_set)
                if entry is not None:
                    yield draft.id, entry

    def _entry(
        self, draft: _Draft, name: str, about: dict[str, Any], rule_set: int
    ) -> Entry | None:
        told = {key: about.get(key, usual) for key, usual in _CONVENTION.items()}
        try:
            return Entry(
                name,
                about["model"],
                tuple(about["inputs"]),
                about.get("training", ""),
                Convention(**told, rule_set=rule_set),
                about["fingerprint"],
                draft.metrics,
                draft.rows,
                tuple(about.get("lower_bounds", ())),
            )
        except (KeyError, TypeError) as error:
            self._problem(draft.line, name, f"facts are missing: {error}", draft)
            return None

    def _problem(self, line: int, what: str, reason: str, draft: _Draft | None = None) -> None:
        at = f"{self._name}:{max(line, 1)}"
        if line and not self._in_lines:  # some tool has laid the file out anew
            at = f"{self._name}: record {line - 1}"
        if draft is not None:
            draft.broken = True
        self.problems.append(Problem(at, what, reason, RENEW))

    _in_lines = True


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004
