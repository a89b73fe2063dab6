"""The step summary: the same rows, whatever stands in an id, and never too large."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.run import Run
from pytest_burden.report.markdown import LARGEST, append_to, code, markdown
from tests.budget.sample import burden, limit
from tests.report import sample

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize(("name", "run"), [("green", sample.GREEN), ("red", sample.RED)])
def test_document(name: str, run: Run) -> None:
    """Verdict first, then the table, then what no test could report."""
    assert markdown(run) == (GOLDEN / f"{name}.md").read_text(encoding="utf-8")


HOSTILE = [
    "t::x[a|b]",
    "t::x[`rm`]",
    "t::x[<img src=x onerror=alert(1)>]",
    "t::x[@octocat]",
    "t::x[::error::boom]",
    "t::x[##[error]boom]",
    "t::x[a\nb\r\n::set-output]",
    "t::x[&amp;]",
    "t::x[*bold* _it_ [link](http://x.y)]",
    "t::x[</code>]",
    "t::x[\\|]",
    "t::x[\N{RIGHT-TO-LEFT OVERRIDE}]",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_ids(name: str) -> None:
    """An id is one cell of one row: no Markdown, no HTML, no mention, no workflow command."""
    run = Run((sample.result(name, burden(), limit("params", 1)),))
    lines = markdown(run).splitlines()
    (row,) = [line for line in lines if "<code>" in line]
    cells = row.strip("| ").split(" | ")
    assert len(cells) == len(lines[2].strip("| ").split(" | "))
    assert cells[0] == code(name)
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in lines)


@given(st.text(max_size=80))
def test_code(text: str) -> None:
    """Nothing but letters, digits and entities is left, and it reads as the text it was."""
    neutral = code(text).removeprefix("<code>").removesuffix("</code>")
    assert re.fullmatch(r"(?:[A-Za-z0-9 /-]|&#[0-9]+;)*", neutral)
    # html.unescape maps what HTML forbids (control characters) to something else.
    if text.isprintable():
        assert html.unescape(neutral) == " ".join(text.split())


@pytest.mark.parametrize(
    ("room", "rows", "hidden"),
    [(LARGEST, 3001, None), (100_000, 1, "3000 more not shown."), (150, 0, "3001 more not shown.")],
)
def test_degrades(room: int, rows: int, hidden: str | None) -> None:
    """All rows, else what does not pass, else the totals: whatever fits."""
    passing = [sample.result(f"t::x[{n}]", burden(), limit("params", 10**9)) for n in range(3000)]
    text = markdown(Run((*passing, sample.OVER)), room)
    assert len(text.encode()) <= room
    assert text.count("<code>") == rows
    assert text.startswith("## :x: burden: 3001 measured, 3000 pass, 1 over\n")
    assert hidden is None or hidden in text


def test_nothing_fits() -> None:
    """A summary that would cost other tools theirs is left out."""
    assert markdown(sample.RED, 50) == ""


def test_append(tmp_path: Path) -> None:
    """What other tools wrote stays, and together it is no larger than allowed."""
    path = tmp_path / "summary.md"
    append_to(path, sample.GREEN)
    append_to(path, sample.GREEN)
    assert path.read_text(encoding="utf-8") == markdown(sample.GREEN) * 2
    path.write_bytes(b"x" * (LARGEST - 100))
    append_to(path, sample.RED)
    assert path.stat().st_size == LARGEST - 100


@pytest.mark.parametrize("path", ["missing/summary.md", "."])
def test_unwritable(tmp_path: Path, path: str) -> None:
    """A summary that cannot be written ends nothing."""
    append_to(tmp_path / path, sample.RED)
    assert list(tmp_path.iterdir()) == []
