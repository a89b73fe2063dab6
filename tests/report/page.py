"""The HTML page, read as a browser without scripts reads it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "rect"}
"""Elements of ours without an end."""
OURS = {
    *VOID, "html", "head", "title", "style", "body", "nav", "main", "div", "span", "strong",
    "script", "header", "section", "article", "h1", "h2", "h3", "p", "pre", "code", "a", "ul", "li",
    "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "svg",
}  # fmt: skip
"""Every element that the page has before its scripts run."""
ATTRIBUTES = {
    "aria-hidden", "aria-label", "aria-labelledby", "charset", "class", "content", "data-place",
    "data-subject", "data-value", "height", "hidden", "href", "http-equiv", "id", "lang", "name",
    "preserveaspectratio", "role", "scope", "tabindex", "title", "type", "viewbox", "width", "x",
}  # fmt: skip
"""None of them runs anything, or fetches anything but by ``href``."""


class Page(HTMLParser):
    """Elements that are all closed, the texts in them, tables, scripts and the data."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        """Whole texts of some elements by name, of an article and a heading among others."""
        self.tables: list[list[list[str]]] = []
        self._open: list[str] = []
        self._parts: list[list[str]] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Enter an element."""
        self.elements.append((tag, dict(attrs)))
        if tag in VOID:
            return
        self._open.append(tag)
        self._parts.append([])
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])

    def handle_endtag(self, tag: str) -> None:
        """Leave it."""
        if tag in VOID:
            return
        assert self._open.pop() == tag
        text = "".join(self._parts.pop())
        self.texts.setdefault(tag, []).append(text)
        if tag in ("th", "td"):
            self.tables[-1][-1].append(text.strip())

    def handle_data(self, data: str) -> None:
        """Take in a text, character references decoded."""
        for parts in self._parts:
            parts.append(data)

    @property
    def data(self) -> Any:
        """What the scripts draw."""
        (place,) = (n for n, (_, attrs) in enumerate(self._scripts) if "type" in attrs)
        return json.loads(self.texts["script"][place])

    @property
    def programs(self) -> list[str]:
        """The scripts themselves."""
        kinds = zip(self._scripts, self.texts["script"], strict=True)
        return [text for (_, attrs), text in kinds if "type" not in attrs]

    @property
    def policy(self) -> str:
        """What the page may load and run."""
        (found,) = (a["content"] for _, a in self.elements if "http-equiv" in a)
        return found or ""

    @property
    def _scripts(self) -> list[tuple[str, dict[str, str | None]]]:
        return [element for element in self.elements if element[0] == "script"]
