"""Markdown as GitHub renders it, of texts that may hold anything.

Names of tests, errors of other people's code and whole files of results are not ours. They come
into a document through `code`, `preformatted` or `word` alone: none of it is then Markdown, HTML,
a link, a mention or a reference. GitHub looks for mentions and references outside code only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from pytest_burden.report.inert import visible

_NO_MARKDOWN = re.compile(r"[^A-Za-z0-9 /-]")
_MEANS_SOMETHING = re.compile(r"[&<>@#]|(?<=:):")
_WORD = re.compile(r"(?:burden(?: diff)?: )?[a-z0-9 ,()]*")
_FULL, _EMPTY = "█", "░"
_BLOCKS = 10


def code(text: str) -> str:
    """Return any text as one inline piece of code; a line break in it is a space.

    All but letters and digits are entities: unlike in backticks, also a pipe in a table can be
    told from a backslash and a pipe.
    """
    line = visible(" ".join(text.split()))
    return f"<code>{_NO_MARKDOWN.sub(_entity, line)}</code>"


def _entity(match: re.Match[str]) -> str:
    # Entities are read before addresses of e-mail are found and made links: a comment parts them.
    apart = "<!---->" if match[0] == "@" else ""
    return f"{apart}{_plain_entity(match)}"


def preformatted(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines as they stand, piece by piece; nothing if there is none.

    Nothing is Markdown within ``<pre>``, up to a closing tag.
    """
    before = "<pre>"
    for line in lines:
        yield f"{before}{_MEANS_SOMETHING.sub(_plain_entity, visible(line))}"
        before = "\n"
    if before == "\n":
        yield "</pre>\n"


def _plain_entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"


def word(text: str) -> str:
    """Return a few words of ours as they are, and anything else as code."""
    return text if _WORD.fullmatch(text) else code(text)


def heading(words: str, *, good: bool) -> str:
    """Return the first line of a document, with a mark that is seen at once."""
    return f"## {':white_check_mark:' if good else ':x:'} {word(words)}\n\n"


def table_lines(headers: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> Iterator[str]:
    """Yield the lines of a table whose cells are Markdown already; nothing if it has no row.

    Args:
        headers: one for each column.
        rows: as many cells each.
        align: for each column ``l`` or ``r``.
    """
    rule = ["---:" if side == "r" else "---" for side in align]
    before = f"{_row(headers)}{_row(rule)}"
    for row in rows:
        yield f"{before}{_row(row)}"
        before = ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def folded(title: str, body: Iterable[str]) -> Iterator[str]:
    """Yield a body, piece by piece, that is shown when its title, plain words, is clicked."""
    yield f"<details><summary>{title}</summary>\n\n"
    yield from body
    yield "\n</details>\n\n"


def titled(title: str, body: Iterable[str]) -> Iterator[str]:
    """Yield a heading, Markdown already, and a body below it; nothing if that is empty."""
    before = f"### {title}\n\n"
    for piece in body:
        yield f"{before}{piece}"
        before = ""
    if not before:
        yield "\n"


def bar(tenths: int) -> str:
    """Return a bar of ten blocks, so many of them full."""
    full = max(0, min(_BLOCKS, tenths))
    return _FULL * full + _EMPTY * (_BLOCKS - full)
