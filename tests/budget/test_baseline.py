"""``burden-baseline.json``: there and back, and everything that may have happened to it between."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_burden.budget.baseline import (
    FILE,
    RENEW,
    Baseline,
    dump,
    entry_of,
    minor,
    nodes_of,
    read,
)
from pytest_burden.budget.baseline import _key as baseline_key
from pytest_burden.budget.files import write_whole
from pytest_burden.budget.problem import Problem
from pytest_burden.burden import METRICS, RULE_SET, Figures
from tests.budget.baselines import baseline, baselines, entry
from tests.budget.sample import MODULES, burden, trained

TWO = baseline(entry("t.py::a"), entry("t.py::b", flops=20))
TEXT = dump(TWO)
LINES = TEXT.split("\n")
GOLDEN = """\
{"burden-baseline": 1, "rule_set": 1, "torch": "2.13", "records": [
["7b901e81b5b6", "measurement", "t.py::a"],
["7b901e81b5b6", "facts", {"model": "Net", "inputs": ["1x4"], "fingerprint": "0123456789abcdef", \
"check": "CHECK"}],
["7b901e81b5b6", "metric", "params", 5],
["7b901e81b5b6", "metric", "macs", 8],
["7b901e81b5b6", "metric", "flops", 10],
["7b901e81b5b6", "module", "", "Sequential", 1, [], "", ["float32[1, 2]"]],
["7b901e81b5b6", "module", "0", "Linear", 1, [5, 8, 10, 8], "4, 2, bias=True", ["float32[1, 2]"]],
["7b901e81b5b6", "module", "1", "ReLU", 1, [], "", ["float32[1, 2]"]],
["7b901e81b5b6", "end"],
null]}
"""


def problems_of(text: str) -> list[str]:
    """Return what is wrong with a text, each in one line."""
    known, problems = read(text)
    assert problems or known is not None
    return [f"{problem.where.removeprefix(FILE)} {problem.reason}" for problem in problems]


def changed(old: str, new: str, *, of: str = TEXT) -> str:
    """Return a text with one thing in it changed, the first of its kind."""
    assert old in of
    return of.replace(old, new, 1)


def without(*numbers: int) -> str:
    """Return the file without some of its lines, from 1."""
    return "\n".join(line for number, line in enumerate(LINES, 1) if number not in numbers)


def twice(number: int, old: str = "", new: str = "") -> str:
    """Return the file with one line repeated below it, changed or as it is."""
    line = LINES[number - 1].replace(old, new)
    return "\n".join([*LINES[:number], line, *LINES[number:]])


def test_written() -> None:
    """One fact a line; nothing of when, where and by whom."""
    text = dump(baseline(entry("t.py::a")))
    assert re.sub(r'"check": "[0-9a-f]{16}"', '"check": "CHECK"', text) == GOLDEN


def test_sorted() -> None:
    """The order of the run leaves no trace."""
    names = ["t.py::b", "t.py::a", "pyproject.toml::net", "t.py::a#2"]
    one, other = (baseline(*map(entry, order)) for order in (names, names[::-1]))
    assert dump(one) == dump(other)
    known, _ = read(dump(one))
    assert known is not None
    assert list(known.entries) == sorted(names)


@given(baselines)
def test_there_and_back(written: Baseline) -> None:
    """Whatever the names of tests and modules, what is read is what was written."""
    text = dump(written)
    assert read(text) == (written, [])
    lines = text.splitlines() if text.isascii() else text.split("\n")
    assert len(lines) == len(set(lines))


@given(baselines)
@settings(max_examples=25)
def test_there_and_back_as_a_file(written: Baseline) -> None:
    """No name stops the file from being written, as UTF-8."""
    content = dump(written).encode(errors="backslashreplace")  # as `write_whole` does
    assert read(content.decode()) == (written, [])


def test_name_of_a_file_in_no_encoding(tmp_path: Path) -> None:
    r"""Such a name has a lone surrogate; the same name with \udcff written out is another one."""
    names = "t\udcff.py::a", r"t\udcff.py::a"
    write_whole(tmp_path / FILE, dump(baseline(*map(entry, names))))
    known, problems = read((tmp_path / FILE).read_text(encoding="utf-8"))
    assert not problems
    assert known is not None
    assert set(known.entries) == set(names)


def test_a_measurement() -> None:
    """All metrics that were measured, all modules, and what is the same in the same network."""
    known = entry_of("net", trained())
    assert {name: trained().value(name) for name in known.metrics} == known.metrics
    assert set(METRICS) - set(known.metrics) == {"cuda_memory"}
    assert known.nodes == nodes_of(trained())
    assert [node.path for node in known.nodes] == [row.path for row in MODULES]
    assert sum((node.own for node in known.nodes), Figures()) == MODULES[0].inclusive
    (read_back,) = read(dump(baseline(known)))[0].entries.values()  # type: ignore[union-attr]
    assert read_back == known
    assert read_back.nodes == known.nodes


def test_what_is_committed() -> None:
    """What one machine's counters say is in no file, nor that it is a lower bound."""
    bounds = {"cuda_memory": "it did not fit", "peak_memory": "an LSTM"}
    measured = entry_of("net", trained(cuda_memory=7, lower_bounds=bounds))
    assert measured.metrics["cuda_memory"] == 7
    known = measured.to_commit()
    assert known.metrics == entry_of("net", trained()).metrics
    assert known.lower_bounds == ("peak_memory",)
    assert known.rows == measured.rows


@pytest.mark.parametrize(
    ("fields", "alike"),
    [
        ({}, True),
        ({"flops": 1, "training": "Adam"}, True),  # what was measured, not what came of it
        ({"inputs": ("float32[2]",)}, False),
        ({"module_rows": MODULES[:-1]}, False),
        ({"module_rows": (*MODULES[:-1], MODULES[-1]._replace(path="head.out"))}, False),
    ],
)
def test_alike(fields: dict[str, object], alike: bool) -> None:
    """The same network at the same inputs is known under whatever name."""
    past = baseline(entry_of("old", burden()), entry_of("older", burden()), entry("other"))
    found = past.alike(entry_of("new", burden(**fields)))
    assert found == (("old", "older") if alike else ())


@pytest.mark.parametrize(
    ("version", "short"),
    [
        ("2.13.0", "2.13"),
        ("2.13.1+cu130", "2.13"),
        ("2.14.0a0+git123", "2.14"),
        ("2.9.0.dev20250101", "2.9"),
        ("", ""),
    ],
)
def test_minor(version: str, short: str) -> None:
    """Of a version of torch, what may change its operators."""
    assert minor(version) == short


EDITED = ":2 facts and check differ: edited by hand, or mixed by a merge"
SECOND = "of one measurement, as a merge may leave it"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (TEXT, []),
        (TEXT.replace("\n", "\r\n"), []),
        (TEXT.rstrip(), []),
        # Measurements, or parts of them, that are there twice or not at all
        (twice(4), [f":5 a second params {SECOND}"]),
        (twice(4, "5]", "6]"), [f":5 a second params {SECOND}"]),
        (twice(2), [f":3 a second version {SECOND}"]),
        (twice(3), [f":4 a second version {SECOND}"]),
        (twice(3, "Net", "Network"), [f":4 a second version {SECOND}"]),
        (twice(8), [EDITED]),
        (without(2), [":2 facts of a measurement that is not here"]),
        (without(3), [EDITED]),
        (without(4), [EDITED]),
        (without(8), [EDITED]),
        (without(10), [":2 its end is missing"]),
        (without(*range(2, 9)), [":2 facts of a measurement that is not here"]),
        (without(*range(2, 10)), [":2 facts of a measurement that is not here"]),
        (without(*range(2, 11)), []),  # taken out whole
        (changed('"t.py::a"', '"t.py::c"'), [":2 its key is 611f4e33b0e7, not 7b901e81b5b6"]),
        # Values
        (changed('"params", 5]', '"params", 5.0]'), [":4 not a whole number from 0 up"]),
        (changed('"params", 5]', '"params", 5e0]'), [":4 not a whole number from 0 up"]),
        (changed('"params", 5]', '"params", true]'), [":4 not a whole number from 0 up"]),
        (changed('"params", 5]', '"params", "5"]'), [":4 not a whole number from 0 up"]),
        (changed('"params", 5]', '"params", -5]'), [":4 not a whole number from 0 up"]),
        (changed('"params", 5]', '"params", null]'), [":4 not a whole number from 0 up"]),
        (changed('"params", 5]', '"params", NaN]'), [":4 not a whole number from 0 up"]),
        (changed('"params"', '"parms"'), [":4 unknown metric (nearest: params)"]),
        (changed('"params"', "[1]"), [":4 unknown metric"]),
        (changed('"params", 5]', '"params", 6]'), [EDITED]),
        (changed("[5, 8, 10, 8]", "[5, 8, 11, 8]"), [EDITED]),
        (changed("[5, 8, 10, 8]", "[5, 8, 10.0, 8]"), [EDITED]),
        (changed("[5, 8, 10, 8]", "[5, 8, 10, 8, 0]"), [EDITED]),
        (changed('"Net"', '"Network"'), [EDITED]),
        (changed('{"model"', '{"fma": 2, "model"'), [EDITED]),
        (re.sub(', "check": "[^"]*"', "", TEXT, count=1), [EDITED]),
        (
            changed('"params", 5]', f'"params", {"9" * 5000}]'),
            [":4 Exceeds the limit (4300 digits) for integer string conversion"],
        ),
        # Records
        (
            changed('"metric", "params", 5]', '"metric", "params"]'),
            [":4 no record of a measurement: its id, facts, a metric, a module or its end"],
        ),
        (
            changed('"module", "0", "Linear", 1', '"module", "0", "Linear", true'),
            [":8 no record of a measurement: its id, facts, a metric, a module or its end"],
        ),
        (
            changed('"end"]', '"end", 1]'),
            [":10 no record of a measurement: its id, facts, a metric, a module or its end"],
        ),
        (
            changed('["7b901e81b5b6", "metric", "params", 5]', "5"),
            [":4 no record: a key, a kind and facts belong here", EDITED],
        ),
        (
            changed('["7b901e81b5b6", "metric", "params"', '[7, "metric", "params"'),
            [":4 no record: a key, a kind and facts belong here", EDITED],
        ),
        (
            changed('["7b901e81b5b6", "end"', '["7b901e81b5b7", "end"'),
            [":2 its end is missing", ":10 facts of a measurement that is not here"],
        ),
        # All errors in one go
        (
            changed('"flops", 20', '"flops", 2.5', of=changed('"params", 5]', '"params", 6]')),
            [":15 not a whole number from 0 up", EDITED],
        ),
        # The header
        (without(1), [":1 Extra data: line 1 column"]),
        (changed("burden-baseline", "baseline"), [":1 it does not begin as one"]),
        ("[]", [":1 it does not begin as one"]),
        ("null", [":1 it does not begin as one"]),
        (
            changed('"burden-baseline": 1', '"burden-baseline": 2'),
            [":1 this version of pytest-burden reads 1"],
        ),
        (
            changed('"burden-baseline": 1', '"burden-baseline": true'),
            [":1 this version of pytest-burden reads 1"],
        ),
        (
            changed('"rule_set": 1', '"rule_set": 7'),
            [":1 counted by rule set 7, this version of pytest-burden has 1"],
        ),
        (
            changed('"rule_set": 1', '"rule_set": "1"'),
            [":1 rule_set, torch and records belong there"],
        ),
        (changed('"torch": "2.13", ', ""), [":1 rule_set, torch and records belong there"]),
        (changed('"torch": "2.13"', '"torch": "2.12"'), [EDITED, EDITED.replace("2", "11", 1)]),
        ('{"burden-baseline": 1}', [":1 rule_set, torch and records belong there"]),
        # No JSON at all
        ("", [":1 Expecting value: line 1 column 1 (char 0)"]),
        ("\0\x01\x02", [":1 Expecting value: line 1 column 1 (char 0)"]),
        (f"\ufeff{TEXT}", [":1 Unexpected UTF-8 BOM (decode using utf-8-sig)"]),
        (TEXT[: TEXT.index('"macs"')], [":5 Expecting value"]),
        (changed('"params", 5],', '"params", 5]'), [":5 Expecting ',' delimiter"]),
        ("[" * 100_000, [":1 "]),
        ('{"a":' * 100_000, [":1 "]),
    ],
)
def test_broken(text: str, problems: list[str]) -> None:
    """What is wrong is told with its line, once, and nothing of the file is taken."""
    found = problems_of(text)
    assert len(found) == len(problems)
    for is_told, expected in zip(found, problems, strict=True):
        assert is_told.startswith(expected)


@pytest.mark.parametrize("depth", range(100, 1100, 50))
def test_deep(depth: int) -> None:
    """However deep a value is nested: what can be read can be told, or the file is refused."""
    nested = "[" * depth + "]" * depth
    _, problems = read(changed('"params", 5]', f'"params", {nested}]'))
    assert problems


@pytest.mark.parametrize("marker", ["<<<<<<< ours", "||||||| base", "=======", ">>>>>>> theirs"])
def test_conflict(marker: str) -> None:
    """A merge that nobody resolved."""
    text = "\n".join([*LINES[:5], marker, *LINES[5:8], marker, *LINES[8:]])
    assert read(text) == (
        None,
        [
            Problem(
                f"{FILE}:{line}",
                marker,
                "a merge was not resolved: take either version, then measure again; the line"
                f" '{FILE} merge=union' in .gitattributes lets git resolve it",
                RENEW,
            )
            for line in (6, 10)
        ],
    )


def test_next_step() -> None:
    """A broken file is written anew by a run that measures everything, and by no other."""
    _, (problem,) = read(changed('"params", 5]', '"params", 6]'))
    assert str(problem) == (
        f"{FILE}:2: t.py::a\n"
        "    facts and check differ: edited by hand, or mixed by a merge;"
        f" for example: {RENEW}"
    )


def test_one_broken_name_in_another() -> None:
    """Each broken measurement is told, also where its name ends as that of another does."""
    text = dump(baseline(entry("a.py::t", params=6), entry("tests/a.py::t")))
    text = text.replace('"params", 5]', '"params", 5.5]').replace('"params", 6]', '"params", 7]')
    assert [(problem.where, problem.what) for problem in read(text)[1]] == [
        (f"{FILE}:13", "params: 5.5"),
        (f"{FILE}:2", "a.py::t"),
    ]


@pytest.mark.parametrize(
    "layout",
    [
        lambda data: json.dumps(data, indent=2),
        lambda data: json.dumps(data, indent=2, sort_keys=True),
        lambda data: json.dumps(data, separators=(",", ":")),
        lambda data: json.dumps(data, indent=None, ensure_ascii=True),
        lambda data: TEXT.replace("\n", "\n\n"),  # noqa: ARG005 the text is at hand
    ],
)
def test_other_layout(layout: Callable[[object], str]) -> None:
    """A file that some tool has laid out anew is the same; its lines are records then."""
    data = json.loads(TEXT)
    assert read(layout(data)) == (TWO, [])
    text = layout(data)
    broken = re.sub(r'("params",\s*)5', r"\g<1>5.5", text, count=1)
    assert broken != text
    assert problems_of(broken) == [": record 3 not a whole number from 0 up"]


@given(st.text() | st.text('{}[]"burden-baseline:, \n01null.eE+-<>=|'))
def test_any_text(text: str) -> None:
    """No text is too strange to be refused."""
    known, problems = read(text)
    assert problems
    assert known is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
    | st.lists(
        st.sampled_from(["k", "measurement", "metric", "module", "facts", "end", "flops", 1, {}])
    ),
    st.booleans(),
)
def test_any_record(record: object, last: bool) -> None:
    """No record is too strange to be told, but a key of its own that does nothing."""
    data = json.loads(TEXT)
    data["records"].insert(-1 if last else 0, record)
    known, problems = read(json.dumps(data))
    assert problems or known == TWO


characters = st.characters() | st.sampled_from('0123456789"[]{},: \nae')


@given(st.data())
@settings(max_examples=400)
def test_any_edit(data: st.DataObject) -> None:
    """A line or a letter that is gone, doubled or another one: never another number, unnoticed."""
    text = TEXT
    for _ in range(data.draw(st.integers(1, 2))):
        by_line = data.draw(st.booleans())
        parts = text.splitlines(keepends=True) if by_line else list(text)
        at = data.draw(st.integers(0, len(parts) - 1))
        other = data.draw(st.integers(0, len(parts) - 1))
        how = data.draw(st.sampled_from(["delete", "double", "swap", "alter"]))
        if how == "delete":
            del parts[at]
        elif how == "double":
            parts.insert(at, parts[at])
        elif how == "swap":
            parts[at], parts[other] = parts[other], parts[at]
        else:
            parts[at] = data.draw(characters if not by_line else st.text(max_size=3)) + "\n" * (
                by_line
            )
        text = "".join(parts)
    known, problems = read(text)
    if not problems:
        assert known is not None
        assert all(TWO.entries.get(name) == entry for name, entry in known.entries.items())


@given(baselines, st.sampled_from(["id", "model", "inputs", "metrics", "rows", "convention"]))
def test_every_fact_is_checked(written: Baseline, field: str) -> None:
    """No fact of one measurement can be that of another."""
    if len(written.entries) < 2:
        return
    one, other, *_ = written.entries.values()
    if getattr(one, field) == getattr(other, field):
        return
    mixed = dataclasses.replace(one, **{field: getattr(other, field)})
    checks = [re.findall(r'"check": "(\w+)"', dump(baseline(each))) for each in (one, mixed)]
    if field == "id":  # the key is its check
        assert len(set(re.findall(r'"([0-9a-f]{12})", "end"', dump(baseline(one, mixed))))) == 2
    else:
        assert checks[0] != checks[1]


def test_rule_set() -> None:
    """A file says by which rules it was counted."""
    assert json.loads(TEXT)["rule_set"] == RULE_SET == TWO.rule_set


def test_what_stays_of_an_entry() -> None:
    """Taken out it leaves two lines, which are no entry, and are gone when it is back."""
    whole = baseline(entry("a"), entry("b"), entry("c"))
    left = whole.without(["b"])
    text = dump(left)
    assert [line for line in text.splitlines() if line.startswith(f'["{baseline_key("b")}"')] == [
        f'["{baseline_key("b")}", "measurement", "b"],',
        f'["{baseline_key("b")}", "end"],',
    ]
    known, problems = read(text)
    assert (known, problems) == (left, [])
    assert [*left.entries] == ["a", "c"]
    # A merge may have dropped one of the two lines: that is told.
    broken = text.replace(f'["{baseline_key("b")}", "end"],\n', "")
    assert read(broken)[1]
    assert dump(dataclasses.replace(left, entries=whole.entries, gone=frozenset())) == dump(whole)
