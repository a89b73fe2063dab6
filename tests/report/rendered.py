"""What GitHub makes of Markdown and of a step's output, as far as a machine can tell.

Markdown is rendered by GitHub's own cmark-gfm; lines are read for commands as the runner reads them
(actions/runner, src/Runner.Common/ActionCommand.cs).
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import NamedTuple

import cmarkgfm
from cmarkgfm.cmark import Options

QUIET = {"code", "pre"}
"""In these GitHub looks for no mention, reference or address."""
OURS = {
    *QUIET, "h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "details", "summary",
}  # fmt: skip
"""Every element that a document of ours has."""


class Page(HTMLParser):
    """Rendered Markdown: its elements, its tables, what stands in code and what does not."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.code: list[str] = []
        self.plain = ""
        self._open: list[str] = []
        # Raw HTML is rendered as it stands: what it would do is seen here.
        html = cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE)
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Enter an element."""
        assert not attrs or tag in ("th", "td"), (tag, attrs)
        self.elements.append(tag)
        self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")
        elif tag in QUIET:
            self.code.append("")

    def handle_endtag(self, tag: str) -> None:
        """Leave it."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Take in a text, character references decoded."""
        if "td" in self._open or "th" in self._open:
            self.tables[-1][-1][-1] += data
        if QUIET & set(self._open):
            self.code[-1] += data
        else:
            self.plain += data


class Command(NamedTuple):
    """A workflow command, as the runner understands it."""

    name: str
    properties: dict[str, str]
    message: str


_LINES = re.compile("\r\n|\r|\n")
_BLANKS = "".join(map(chr, (*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B))))
_BLANKS += "\u2028\u2029\u202f\u205f\u3000"


def may_command(output: str) -> list[str]:
    """Return the lines of a step's output that could be workflow commands."""
    lines = _LINES.split(output)
    return [line for line in lines if line.lstrip(_BLANKS).startswith("::") or "##[" in line]


def command(line: str) -> Command:
    """Return what a line tells the runner to do."""
    assert len(_LINES.split(line)) == 1
    assert line.startswith("::")
    end = line.index("::", 2)
    name, _, written = line[2:end].partition(" ")
    pairs = [part.split("=", 1) for part in written.strip().split(",") if part]
    return Command(name, {key: _property(text) for key, text in pairs}, _data(line[end + 2 :]))


def _data(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def _property(text: str) -> str:
    for written, meant in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(written, meant)
    return text
