"""The report as Markdown: what it says, how GitHub renders it, and that it always fits."""

from __future__ import annotations

import dataclasses
import re
import time
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.baseline import Baseline, Entry, entry_of, nodes_of
from pytest_burden.budget.compare import changes
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.verdict import LOCAL, NO_GROWTH, Kind, Past, Policy, Verdict, judge
from pytest_burden.burden import Burden
from pytest_burden.report.blame import by_module
from pytest_burden.report.markdown import markdown
from pytest_burden.report.room import COMMENT, LARGEST, append_to
from pytest_burden.report.terminal import notes
from tests.budget.sample import MODULES, burden, limit
from tests.report import sample
from tests.report.rendered import OURS, Page, may_command
from tests.report.test_gfm import HOSTILE, one_line, texts

OUR_WORDS = re.compile(r"(?::x: (?:burden: )?)?[a-z0-9 ,()]*")
GOLDEN = Path(__file__).parent / "golden"
WIDER = MODULES[1]._replace(
    own=MODULES[1].own._replace(flops=1_420_000_000, params=1200), settings="3, 64, stride=(1, 1)"
)
HEAVIER = burden(
    flops=4_260_000_000, params=3_000_300, module_rows=(MODULES[0], WIDER, *MODULES[2:])
)
LIGHTER = burden(flops=3_000_000_000)


def compared(name: str, measured: Burden, entry: Entry | None, *rules: Growth) -> Result:
    """Return a measurement beside its entry in the baseline."""
    known = {} if entry is None else {name: dataclasses.replace(entry, id=name)}
    wanted = {rule.metric for rule in rules}
    limits = [limit("params", 10**8), *rules, *(r for r in NO_GROWTH if r.metric not in wanted)]
    verdicts = judge(name, measured, limits, LOCAL, Past(Baseline("2.13", known)))
    changed = changes(entry.nodes, nodes_of(measured)) if entry else ()
    return Result(name, name, measured, verdicts, changed)


BEFORE = entry_of("", burden())
GREW = compared("t.py::test_grew", HEAVIER, BEFORE)
ALLOWED = compared(
    "t.py::test_allowed", HEAVIER, BEFORE, Growth("flops", Fraction(20), None, "t.py:3")
)
SHRANK = compared("t.py::test_shrank", LIGHTER, BEFORE)
SAME = compared("t.py::test_same", burden(), BEFORE)
NEW = compared("t.py::test_new", burden(), None)
STALE = Verdict(Kind.STALE, "t.py::test_gone", None, None, Policy.WARN)
CHANGED = Run((SAME, SHRANK, NEW, ALLOWED, GREW, sample.OVER), (STALE,), baseline="b.json not read")


@pytest.mark.parametrize(
    ("name", "run"), [("green", sample.GREEN), ("red", sample.RED), ("changed", CHANGED)]
)
def test_document(name: str, run: Run) -> None:
    """The verdict first, what changed, what fails, what warns; the rest is folded."""
    assert markdown(run) == (GOLDEN / f"{name}.md").read_text(encoding="utf-8")


def test_rendered() -> None:
    """On GitHub it has these parts, in this order."""
    page = Page(markdown(CHANGED))
    assert set(page.elements) <= OURS
    parts = [each for each in page.elements if each in ("h2", "h3", "table", "pre", "details")]
    told = ["h3", "pre", "h3", "pre"]
    assert parts == ["h2", "h3", "table", "pre", *told, "details", "table", "details", "pre"]
    titles = ["Changed since burden-baseline.json", "Fails", "Warns", "6 measurements"]
    assert [line for line in page.plain.splitlines() if line in titles] == titles


def test_what_changed() -> None:
    """Each metric that is not what it was, with what is allowed; what fails stands first."""
    (head, *rows), _ = Page(markdown(CHANGED)).tables
    assert head[:4] == ["measurement", "metric", "before", "after"]
    params = ["3_000_000", "3_000_300", "+300 (<0.1 %)"]
    flops = ["3.85 GFLOPs", "4.26 GFLOPs", "+0.41 GFLOPs (10.6 %)"]
    assert rows == [
        ["t.py::test_allowed", "flops", *flops, "20%", "pass"],
        ["", "params", *params, "no growth", "grew"],
        ["t.py::test_grew", "params", *params, "no growth", "grew"],
        ["", "flops", *flops, "no growth", "grew"],
        [
            "t.py::test_shrank", "flops", "3.85 GFLOPs", "3 GFLOPs", "-0.85 GFLOPs (22.1 %)",
            "no growth", "shrank (warns)",
        ],
        ["t.py::test_new", "", "", "", "", "", "new (warns)"],
        ["t.py::test_gone", "", "", "", "", "", "gone (warns)"],
    ]  # fmt: skip


def test_the_modules_that_did_it() -> None:
    """They stand below the table, and not again where it is said what fails."""
    text = markdown(CHANGED)
    ((module, what),) = by_module(GREW.changes, ["flops", "params"], 3)
    assert f"by module  {module}   {what}" in text
    assert text.count("by module") == 2  # of the two measurements that are heavier


def test_bars() -> None:
    """A bar says how much of the tightest limit is used; where there is no limit is none."""
    *_, (_, *rows) = Page(markdown(Run((sample.PASSING, sample.OVER, sample.NO_LIMIT)))).tables
    assert [row[-2] for row in rows] == [
        "██████████ 105.8 % flops",
        "███████░░░ 75.0 % params",
        "-",
    ]


@pytest.mark.parametrize(
    "run", [sample.RED, sample.GREEN, sample.PARTIAL, sample.OFF, sample.EMPTY, CHANGED]
)
def test_nothing_of_the_terminal_is_missing(run: Run) -> None:
    """Every note, what was lost, what became of the baseline, and that limits are off."""
    page = Page(markdown(run))
    code = "\n".join(page.code)
    said = [*notes(run, 1), *run.lost, *([run.baseline] if run.baseline else [])]
    assert [line for line in said if line not in code] == []
    assert ("Limits are off" in page.plain) == (not run.enforced)
    assert page.plain.lstrip().startswith(f":{'x' if run.fails else 'white_check_mark'}: burden: ")


def hostile_run(name: str) -> Run:
    """Return a run in which a text stands wherever a text can stand."""
    written = dataclasses.replace(limit("params", 1), where=name)
    rows = (MODULES[1]._replace(path=name, cls=name),)
    measured = burden(
        module_rows=rows, method="real", reason=name, lower_bounds={"peak_memory": name},
        replaced_rules={name: name}, model=name,
    )  # fmt: skip
    result = Result(name, name, measured, judge(name, measured, [written]))
    renamed = dataclasses.replace(NEW.verdicts[-1], subject=f"{name}2", detail=name)
    excused = dataclasses.replace(sample.OVER, id=f"{name}3").excused(name)
    return Run(
        (result, dataclasses.replace(NEW, id=f"{name}2", verdicts=(renamed,)), excused),
        (Verdict(Kind.STALE, name, None, None, Policy.FAIL),),
        left_out=(name,), lost=(name,), partial=(name,), baseline=name,
    )  # fmt: skip


def check_hostile(name: str) -> None:
    """See a text as text wherever it stands: no element is made of it, nothing is outside code."""
    text = markdown(hostile_run(name))
    page = Page(text)
    assert set(page.elements) <= OURS
    assert [len(row) for rows in page.tables for row in rows] == [
        len(rows[0]) for rows in page.tables for _ in rows
    ]
    *_, measured = page.tables
    assert measured[1][0] == one_line(name)
    ours = Page(markdown(hostile_run("x"))).plain.splitlines()
    others = [line for line in page.plain.splitlines() if line not in ours]
    # Of a heading or a verdict with letters alone in its brackets; all else stands in code.
    assert [line for line in others if not OUR_WORDS.fullmatch(line)] == []
    assert may_command(text) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    """Whatever an id, a place, a reason or a class is called, GitHub shows it as it is."""
    check_hostile(name)


@given(texts)
def test_any_text(name: str) -> None:
    """Of any characters."""
    check_hostile(name)


MANY = [sample.result(f"t::x[{n}]", burden(), limit("params", 10**9)) for n in range(3000)]
FAILING = [sample.result(f"t::x[{n}]", burden(), limit("params", 1)) for n in range(3000)]
WHERE = ("pytest --burden-json=FILE", "burden report FILE")
SHORTER = "Not everything fits here: "


@pytest.mark.parametrize(
    ("run", "room", "says", "named"),
    [
        (Run((*MANY, sample.OVER)), LARGEST, "", 3001),
        (
            Run((*MANY, sample.OVER)),
            100_000,
            "the table of 3,001 measurements and the notes are left out.",
            1,
        ),
        (Run((*MANY, sample.OVER)), 300, "3,001 measurements are left out.", 0),
        (
            Run(tuple(FAILING)),
            COMMENT,
            "of 3,000 measurements at most 10 are shown in each part.",
            10,
        ),
        (Run(tuple(FAILING)), 300, "3,000 measurements are left out.", 0),
    ],
)
def test_degrades(run: Run, room: int, says: str, named: int) -> None:
    """Everything, else what changed and does not pass, else a few of these, else the totals."""
    text = markdown(run, room)
    assert len(text.encode()) <= room
    assert text.startswith(f"## :x: burden: {run.counts()}\n")
    assert (SHORTER + says in text) if says else (SHORTER not in text)
    assert ("`pytest --burden-json=FILE`" in text) == bool(says)
    page = Page(text)
    ids = {result.id for result in run.results}
    words = {word for line in page.code for word in line.split()}
    assert len(ids & words) == named


@given(st.integers(50, 6000))
def test_no_room_cuts_a_table(room: int) -> None:
    """Whatever the room is, what is there is whole."""
    text = markdown(CHANGED, room)
    assert len(text.encode()) <= room
    page = Page(text)
    whole = Page(markdown(CHANGED))
    assert all(table in whole.tables for table in page.tables)
    assert all(code in whole.code for code in page.code if not code.startswith(WHERE))
    assert (SHORTER in text) == (text != markdown(CHANGED)) or text == ""


@pytest.mark.parametrize("room", [LARGEST, COMMENT, 10**9])
@pytest.mark.parametrize("measurement", [SAME, GREW])
def test_ten_thousand(room: int, measurement: Result) -> None:
    """They are rendered within the room, in seconds on any machine: nothing in it is quadratic."""
    many = [dataclasses.replace(measurement, id=f"t.py::test_net[{n}]") for n in range(10_000)]
    # For each the nearest id is looked for, but not among all of them.
    unmatched = [
        Verdict(Kind.UNMATCHED, f"pyproject.toml:{n}", None, None, Policy.FAIL, f"*::test_ne[{n}]")
        for n in range(20)
    ]
    start = time.process_time()
    text = markdown(Run(tuple(many), tuple(unmatched)), room)
    assert time.process_time() - start < (3 if room <= LARGEST else 60)
    assert 0 < len(text.encode()) <= room


def test_nothing_fits() -> None:
    """A summary that would cost other tools theirs is left out."""
    assert markdown(sample.RED, 50) == ""


@pytest.mark.parametrize("before", ["", "a", "a\n", "a\n\n", "# a\n\n- b"])
def test_append(tmp_path: Path, before: str) -> None:
    """What other tools wrote stays, and the heading is one of its own."""
    path = tmp_path / "summary.md"
    path.write_text(before, encoding="utf-8")
    append_to(path, partial(markdown, sample.GREEN))
    append_to(path, partial(markdown, sample.GREEN))
    text = path.read_text(encoding="utf-8")
    assert text.startswith(before)
    assert text.count(markdown(sample.GREEN)) == 2
    assert Page(text).elements.count("h2") == 2


@pytest.mark.parametrize("left", [0, 1, 100, 2000, 10_000])
def test_room_that_others_left(tmp_path: Path, left: int) -> None:
    """Together it is no larger than GitHub takes."""
    path = tmp_path / "summary.md"
    before = "é" * ((LARGEST - left) // 2)
    path.write_text(before, encoding="utf-8")
    append_to(path, partial(markdown, CHANGED))
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) <= LARGEST
    assert (text == before) == (left <= 100)


@pytest.mark.parametrize("path", ["missing/summary.md", "."])
def test_unwritable(tmp_path: Path, path: str) -> None:
    """A summary that cannot be written ends nothing."""
    append_to(tmp_path / path, partial(markdown, sample.RED))
    assert list(tmp_path.iterdir()) == []
