"""Texts of anybody's choice in Markdown, rendered by GitHub's own renderer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.report import gfm
from pytest_burden.report.inert import visible
from tests.report.rendered import Page, may_command

HOSTILE = [
    "t::x[a|b]",
    "t::x[\\|]",
    "t::x[`rm`]",
    "t::x[``]",
    "t::x[<img src=x onerror=alert(1)>]",
    "t::x[</code></pre></td></table><script>]",
    "t::x[<!-- ]",
    "t::x[@octocat]",
    "t::x[octocat@github.com]",
    "t::x[mailto:a@b.co xmpp:a@b.co/c]",
    "t::x[#123 GH-1 owner/name#1]",
    "t::x[https://x.yz www.x.yz ftp://x.yz]",
    "t::x[[link](http://x.yz)]",
    "t::x[![image](http://x.yz)]",
    "t::x[[ref]: http://x.yz]",
    "t::x[*a* _b_ ~~c~~ $d$]",
    "t::x[&amp; &#64; &lt;]",
    "::error::boom",
    "##[error]boom",
    "###[error]boom",
    "a\nb\r\n\n# c\n::set-output name=x::y\n| d |\n",
    "- [ ] a\n1. b\n> c\n```\nd",
    "\x00\x01\x1b[31m\x7f",
    "\N{RIGHT-TO-LEFT OVERRIDE}\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NO-BREAK SPACE}",
    "\ud800 \udfff",
    "日本語 Ünï \N{PILE OF POO}",
    "  a  ",
    "",
]
anything = st.text(st.characters(exclude_categories=()), max_size=60)
"""Any characters at all, half surrogates too."""
shaped = st.lists(st.sampled_from("|\\`<>&@#:[]!*_~-. \n\r1aw/"), max_size=30).map("".join)
"""Much of what means something to somebody."""
texts = anything | shaped


def one_line(text: str) -> str:
    """Return how a text of any form is read in one line."""
    return visible(" ".join(text.split()))


def check_code(text: str) -> None:
    """See a text come back as one cell of a row, and as nothing else."""
    page = Page("".join(gfm.table_lines(("a", "b"), [(gfm.code(text), "1"), ("2", "3")], "lr")))
    assert page.tables == [[["a", "b"], [one_line(text), "1"], ["2", "3"]]]
    assert page.code == [one_line(text)]
    assert set(page.elements) == {"table", "thead", "tbody", "tr", "th", "td", "code"}


def check_preformatted(text: str) -> None:
    """See a text come back line by line, and as nothing else."""
    written = "".join(gfm.preformatted(text.split("\n")))
    page = Page(f"before\n\n{written}\nafter\n")
    assert page.code == ["\n".join(map(visible, text.split("\n")))]
    assert (page.elements, page.plain.split()) == (["p", "pre", "p"], ["before", "after"])
    assert may_command(written) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile(text: str) -> None:
    """It is text: no Markdown, no HTML, no link, no mention, no command."""
    check_code(text)
    check_preformatted(text)
    assert may_command(gfm.code(text)) == []


@given(texts)
def test_code(text: str) -> None:
    """Of any text."""
    check_code(text)


@given(texts)
def test_preformatted(text: str) -> None:
    """Of any text."""
    check_preformatted(text)


@given(texts)
def test_words(text: str) -> None:
    """Words that are not ours are code, also in a heading."""
    page = Page(gfm.heading(f"burden: {text}", good=False))
    assert page.elements[0] == "h2"
    assert set(page.elements) <= {"h2", "code"}
    ours = page.plain.removeprefix(":x: ").strip()
    assert page.code == [one_line(f"burden: {text}")] or ours == f"burden: {text}".strip()


def test_our_words() -> None:
    """They stand as they are."""
    assert gfm.heading("burden: 1 measured, 1 over (xfailed)", good=False) == (
        "## :x: burden: 1 measured, 1 over (xfailed)\n\n"
    )


def test_folded() -> None:
    """A table within is one, and what follows is outside."""
    table = gfm.table_lines(("a",), [("b",)], "l")
    page = Page(
        "".join(gfm.folded("2 notes", [*table, "\n", *gfm.preformatted(["c", "", "d"])])) + "e\n"
    )
    assert page.elements[:2] == ["details", "summary"]
    assert page.tables == [[["a"], ["b"]]]
    assert page.code == ["c\n\nd"]
    assert page.elements[-1] == "p"


@pytest.mark.parametrize(
    ("tenths", "text"),
    [
        (0, "░░░░░░░░░░"),
        (7, "███████░░░"),
        (9, "█████████░"),
        (10, "██████████"),
        (250, "██████████"),
    ],
)
def test_bar(tenths: int, text: str) -> None:
    """Ten blocks, all of them full from the limit on."""
    assert gfm.bar(tenths) == text


def test_nothing() -> None:
    """Of no rows and no lines comes no table and no heading."""
    empty: list[str] = []
    assert list(gfm.table_lines(("a",), [], "l")) == []
    assert list(gfm.preformatted([])) == []
    assert list(gfm.titled("Fails", empty)) == []
