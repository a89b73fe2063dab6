"""Names of measurements, and patterns over them."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.ids import (
    Glob,
    Name,
    is_of,
    measurement_ids,
    natural,
    owner,
    split_unfinished,
)


def given_name(text: str) -> Name:
    """Return a name as the user gives it."""
    return Name(text, given=True)


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        ([], []),
        ([Name()], ["t.py::x"]),
        ([Name(), Name(), Name()], ["t.py::x", "t.py::x#2", "t.py::x#3"]),
        ([given_name("a")], ["t.py::x#a"]),
        ([given_name("a"), given_name("b")], ["t.py::x#a", "t.py::x#b"]),
        ([Name(), given_name("a"), Name()], ["t.py::x", "t.py::x#a", "t.py::x#2"]),
        ([Name("Net")], ["t.py::x"]),
        (
            [Name("Net"), Name("Head"), Name("Net")],
            ["t.py::x#Net", "t.py::x#Head", "t.py::x#Net#2"],
        ),
    ],
)
def test_ids(names: list[Name], ids: list[str]) -> None:
    """A name that was given always shows; the others tell apart what is more than one."""
    assert measurement_ids("t.py::x", names) == ids


AUTOMATIC = st.lists(st.sampled_from([Name(), Name("Net"), Name("Head")]), max_size=6)
GIVEN = st.sets(st.sampled_from(["a", "b", "c"]))


@given(AUTOMATIC, GIVEN)
def test_ids_are_distinct(automatic: list[Name], names: set[str]) -> None:
    """No two measurements of one test have one id."""
    ids = measurement_ids("t", [*automatic, *map(given_name, sorted(names))])
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("t.py::test_x[224]", "t.py::test_x[224]", True),
        ("t.py::test_x[224]", "t.py::test_x2", False),  # for fnmatch, [224] is one character
        ("*::test_x[224]", "tests/t.py::test_x[224]", True),
        ("*::test_x*", "tests/t.py::test_x[64]#head", True),
        ("*::test_x*", "tests/t.py::test_y", False),
        ("t.py::test_?", "t.py::test_a", True),
        ("t.py::test_?", "t.py::test_ab", False),
        ("t.py::x", "t.py::x#2", False),
        ("T.py::x", "t.py::x", False),
        ("t.py::x[*]", "t.py::x[*]", True),
        ("*", "any\nthing", True),
        ("t.py::x.", "t.py::xx", False),
    ],
)
def test_glob(pattern: str, name: str, *, matches: bool) -> None:
    """Only ``*`` and ``?`` are special, and a text always matches itself."""
    assert Glob(pattern).matches(name) is matches


@given(st.text("ab*?", max_size=6), st.text("ab", max_size=6))
def test_glob_is_fnmatch_without_brackets(pattern: str, name: str) -> None:
    """Where there are no brackets, the standard library agrees."""
    assert Glob(pattern).matches(name) is fnmatch.fnmatchcase(name, pattern)


@pytest.mark.parametrize(
    ("pattern", "test", "may"),
    [
        ("t.py::x", "t.py::x", True),
        ("t.py::x#head", "t.py::x", True),  # the skipped test might have measured it
        ("t.py::x#head", "t.py::xy", False),
        ("*#head", "t.py::x", True),
        ("*head", "t.py::x", True),
        ("t.py::*", "t.py::x", True),
        ("*::nothing", "t.py::x", False),
        ("*::x*", "t.py::x", True),
        ("u.py::*", "t.py::x", False),
    ],
)
def test_may_match(pattern: str, test: str, *, may: bool) -> None:
    """A test that was skipped may be what a pattern is about, whatever it would have measured."""
    assert Glob(pattern).may_match(test) is may


@pytest.mark.parametrize(
    ("pattern", "collector", "may"),
    [
        ("t.py::x", "t.py", True),
        ("t.py::*", "t.py", True),
        ("*::x", "t.py", True),
        ("u.py::x", "t.py", False),
        ("t.py::TestA::x", "t.py::TestA", True),
        ("t.py::TestB::x", "t.py::TestA", False),
        ("t.py::x[1]", "t.py::x[", True),
        ("t.py::x*", "t.py::x[", True),
        ("t.py::x", "t.py::x[", False),
        ("t.py::xy[1]", "t.py::x[", False),
    ],
)
def test_may_match_below(pattern: str, collector: str, *, may: bool) -> None:
    """A file that was skipped as a whole may hold what a pattern is about."""
    assert Glob(pattern).may_match_below(collector) is may


@pytest.mark.parametrize(
    ("name", "unfinished", "expected"),
    [
        ("t.py::x", ["t.py::x"], True),
        ("t.py::x#head", ["t.py::x"], True),
        ("t.py::x[a#b]#head#2", ["t.py::x[a#b]"], True),
        ("t.py::x#head", ["t.py::x#h"], False),
        ("t.py::xy", ["t.py::x"], False),
        ("t.py::x", ["t.py::"], True),
        ("t.py::A::x", ["t.py::A::"], True),
        ("t.py::A::x", ["t.py::A"], False),
        ("st.py::x", ["t.py::"], False),
        ("t.py::x[1]", ["t.py::x["], True),
        ("t.py::x[1]#head", ["t.py::x["], True),
        ("t.py::x", ["t.py::x["], False),
        ("t.py::xy[1]", ["t.py::x["], False),
        ("t.py::x", [], False),
    ],
)
def test_unfinished(name: str, unfinished: list[str], *, expected: bool) -> None:
    """A measurement may be one of a skipped test, or of any below a skipped file or class."""
    assert is_of(name, *split_unfinished(unfinished)) is expected


@pytest.mark.parametrize(
    ("name", "test"),
    [
        ("t.py::x", "t.py::x"),
        ("t.py::x#head", "t.py::x"),
        ("t.py::x#head#2", "t.py::x"),
        ("t.py::x#head[0]", "t.py::x"),
        ("t.py::x[#2]", "t.py::x[#2]"),
        ("t.py::x[#2]#head", "t.py::x[#2]"),
        ("t.py::x[a]#b]#head#2", "t.py::x[a]#b]"),
        ("a#b/t.py::A::x[1]", "a#b/t.py::A::x[1]"),
        ("a#b/t.py::A::x#head", "a#b/t.py::A::x"),
        ("a#[b]/t.py::x#head", "a#[b]/t.py::x"),
        ("a#b/t.py", "a#b/t.py"),
    ],
)
def test_owner(name: str, test: str) -> None:
    """A measurement is renewed by the test that it is named after."""
    assert owner(name) == test


def test_natural() -> None:
    """Numbers in ids sort as numbers, and letters of any kind as letters."""
    names = ["t[128]", "t[64]", "t", "t[²]", "t[8]x10", "t[8]x9"]
    assert sorted(names, key=natural) == ["t", "t[8]x9", "t[8]x10", "t[64]", "t[128]", "t[²]"]
