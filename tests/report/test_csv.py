"""The table for spreadsheets."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.allowance import Allowance
from pytest_burden.budget.baseline import Baseline, entry_of
from pytest_burden.budget.ids import Glob
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.verdict import NO_GROWTH, Past, judge
from pytest_burden.burden import METRICS
from pytest_burden.report.csvfile import HEADERS, guarded, to_csv
from tests.budget.sample import burden, limit
from tests.report import sample


def rows(run: Run) -> list[dict[str, str]]:
    """Return what any reader of such files finds."""
    return list(csv.DictReader(io.StringIO(to_csv(run), newline="")))


def test_rows() -> None:
    """One a measurement, in the order of the run; nothing is rounded."""
    found = rows(sample.RED)
    assert [row["measurement"] for row in found] == [each.id for each in sample.RED.results]
    assert tuple(found[0]) == HEADERS
    first = found[0]
    assert (first["verdict"], first["flops"], first["activation_memory"]) == (
        "over",
        "3850000000",
        str(4 * 2**20 + 40),
    )
    assert first["inputs"] == "float32[1, 3, 224, 224]"
    assert first["training_memory"] == ""


def test_what_came_to_nothing() -> None:
    """It has a row, without figures."""
    (row,) = rows(Run((sample.TOO_LARGE,)))
    assert row["verdict"] == "incomplete"
    assert {row[metric] for metric in METRICS} == {""}
    assert rows(sample.EMPTY) == []


def test_accepted() -> None:
    """Growth that is allowed for a while has its reason beside it."""
    past = Past(
        Baseline("2.13", {"net": entry_of("net", burden(params=2_999_999))}),
        (Allowance(Glob("*"), "params", 10**12, "=wider", dt.date(2030, 1, 31), "here"),),
    )
    verdicts = judge("net", burden(), NO_GROWTH, past=past)
    grown, other = rows(Run((Result("net", "net", burden(), verdicts), sample.PASSING)))
    assert grown["accepted"] == "params +1 is allowed until 2030-01-31: =wider"
    assert other["accepted"] == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tests/test_m.py::test_a", "tests/test_m.py::test_a"),
        ("=1+1", "'=1+1"),
        ("  =1+1", "'  =1+1"),
        ("+a", "'+a"),
        ("-a", "'-a"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=a", "'\t=a"),
        ("", ""),
    ],
)
def test_formulas(text: str, expected: str) -> None:
    """What a spreadsheet would compute is a text."""
    assert guarded(text) == expected


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_id(name: str) -> None:
    """Whatever stands in an id, it is one cell of one row."""
    (row,) = rows(Run((sample.result(name, burden(), limit("params", 1)),)))
    assert row["measurement"] in (name, f"'{name}")
    assert row["params"] == "3000000"
