"""Names of anybody's choice in all that is printed and written: they survive, and command nothing.

Everything that this package prints passes `shown` (lines with a style) or `inert` (whole texts).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.baseline import Baseline, entry_of
from pytest_burden.budget.compare import Change
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.verdict import NO_GROWTH, Past, judge
from pytest_burden.burden import Figures
from pytest_burden.commands.output import emit, say, styled
from pytest_burden.report import difference
from pytest_burden.report.annotations import Sources, annotate
from pytest_burden.report.csvfile import guarded, to_csv
from pytest_burden.report.inert import inert, inert_json, shown, visible
from pytest_burden.report.jsonfile import dump, load
from pytest_burden.report.markdown import markdown
from pytest_burden.report.message import violations
from pytest_burden.report.terminal import Line, summary
from tests.budget.sample import burden, limit
from tests.report import rendered, sample
from tests.report.rendered import OURS, Page, may_command
from tests.report.test_difference import compared, entry, side
from tests.report.test_gfm import HOSTILE, one_line, texts
from tests.report.test_markdown import hostile_run

commands = st.lists(
    st.sampled_from(
        ["::", ":", "##[", "#", "[", "error", "]", "\n", "\r", " ", "\t", "\u200b", "x"]
    ),
    max_size=12,
).map("".join)


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what has been printed since this was last asked."""
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("tests/t.py::test_it[a::b]", "tests/t.py::test_it[a::b]"),  # almost all that there is
        ("::error::boom", r"\::error::boom"),
        ("  \t::error::boom", "  \t\\::error::boom"),
        ("a\n::error::boom\r\n ::x::", "a\n\\::error::boom\r\n \\::x::"),
        ("a\r::error::boom", "a\r\\::error::boom"),
        ("a ##[error]boom", r"a ##\[error]boom"),
        ("####[error]##[x]", r"####\[error]##\[x]"),
        ("\N{ZERO WIDTH SPACE}::error::", "\N{ZERO WIDTH SPACE}\\::error::"),
        ("# [error]", "# [error]"),
    ],
)
def test_inert(text: str, expected: str) -> None:
    """A backslash parts what would be a command; all else stays."""
    assert inert(text) == expected


@given(texts | commands)
def test_no_command(text: str) -> None:
    """Of any text, printed whole or as a line; nothing is lost."""
    assert may_command(inert(text)) == []
    assert inert(inert(text)) == inert(text)
    assert inert(text).replace("\\", "") == text.replace("\\", "")
    assert may_command(shown(text)) == []
    assert shown(text).isprintable()


@given(texts)
def test_visible(text: str) -> None:
    """What can be seen stays; the rest can be read back."""
    if text.isprintable():
        assert visible(text) == text
    elif "\\" not in text and text.isascii():
        assert visible(text).encode().decode("unicode-escape") == text


@given(texts | commands)
def test_json(text: str) -> None:
    """It is the same JSON."""
    written = json.dumps([text, {text: 1}], ensure_ascii=False, indent=1)
    assert json.loads(inert_json(written)) == json.loads(written)
    assert may_command(inert_json(written)) == []


def check(name: str) -> None:
    """See a name in every report of a run in which it stands wherever a name can."""
    run = hostile_run(name)
    alone = Run((sample.result(name, burden(), limit("params", 1)),))
    lines = summary(alone, 10_000, 1, "all").lines
    terminal = styled([*lines, *map(Line, violations(run.results).split("\n"))], colours=False)
    assert may_command(terminal) == []
    assert shown(one_line_cell(name)) in terminal
    assert may_command(styled(summary(run, 80, 2).lines, colours=False)) == []
    assert may_command(inert(violations(run.results))) == []
    text = dump(alone, {})
    assert load(text, "f").run == alone
    assert may_command(text) == []
    file = to_csv(alone)
    assert next(iter(list(csv.reader(io.StringIO(file, newline="")))[1:]))[0] == guarded(name)
    assert may_command(inert(file)) == []
    *_, (_, row) = Page(markdown(alone)).tables
    assert row[0] == one_line(name)
    assert may_command(markdown(run)) == []
    found = annotate(run, Sources("/w", "/w"))
    assert all(rendered.command(line).name in ("error", "warning") for line in found)
    assert any(visible(name) in rendered.command(line).message for line in found)


def one_line_cell(name: str) -> str:
    """Return how the terminal's table has a name: blanks in one, and see `terminal._aligned`."""
    return " ".join(name.split()).replace("\1", "\\x01")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    """Names that were made to do harm."""
    check(name)


@given(texts | commands)
def test_any_name(name: str) -> None:
    """Names of any characters, half surrogates too."""
    check(name)


def messages(path: str) -> Iterator[list[str]]:
    """Yield the lines of what is said where a module of this name is too heavy, or new."""
    row = burden().module_rows[0]._replace(path=path, own=Figures(params=9))
    heavy = burden(module_rows=[row])
    yield violations([sample.result("net", heavy, limit("params", 1))]).split("\n")
    past = Past(Baseline("2.13", {"net": entry_of("net", burden(params=1))}))
    verdicts = judge("net", heavy, NO_GROWTH, past=past)
    changes = (Change(path, "added", row.own, path),)
    yield violations([Result("net", "net", heavy, verdicts, changes)]).split("\n")


@pytest.mark.parametrize(
    "path", ["a\x1b[2Jb", "a\u202eb", "a\nFAILED b", "a\r\x85\u2028b", *HOSTILE]
)
def test_names_of_modules(path: str) -> None:
    """Whatever a module is called, in a message it is a word of one line, and can be seen."""
    for lines, usual in zip(messages(path), messages("layer"), strict=True):
        assert all(line.isprintable() for line in lines)
        assert len(lines) == len(usual)
        assert any(visible(path).rstrip() in line for line in lines)


def check_difference(name: str) -> None:
    """See a name in what is said of two sides."""
    then, now = entry(name), entry(name, flops=4 * 10**9)
    sides = (
        side(name, then, entry(f"{name}2")),
        side(f"{name}3", now, unmeasured={f"{name}2": name}),
    )
    found = compared(*sides)
    page = Page(difference.markdown(found))
    assert set(page.elements) <= OURS
    ((_, *rows),) = page.tables
    assert {row[0] for row in rows} == {one_line(name), one_line(f"{name}2")}
    printed_lines = styled(difference.lines(found), colours=False)
    assert may_command(printed_lines) == []
    assert shown(name) in printed_lines


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_difference(name: str) -> None:
    """The same where two runs are compared."""
    check_difference(name)


@given(texts | commands)
def test_any_difference(name: str) -> None:
    """Of any characters."""
    check_difference(name)


@pytest.mark.parametrize("name", HOSTILE)
def test_printed_by_commands(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a command prints, by whichever way."""
    for text in (name, to_csv(hostile_run(name)), f"{name}\n{name}"):
        say(text)
        emit(text, None)
        assert may_command(printed(capsys)) == []


def test_the_check_can_fail() -> None:
    """What the tests above ask is answered otherwise where nothing is done."""
    assert may_command("::error::boom") == ["::error::boom"]
    assert may_command("a\r\u2003::set-output name=x::y") == ["\u2003::set-output name=x::y"]
    assert may_command("a ##[error]boom") == ["a ##[error]boom"]
    assert may_command("a ::error::boom\nb") == []
