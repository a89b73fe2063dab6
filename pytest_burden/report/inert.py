"""Text as it may be printed: nothing in it steers a terminal, or is a command to GitHub's runner.

The runner reads all that a step prints. A line that begins with ``::``, after blanks, may be a
command, and so may what follows ``##[`` anywhere in a line; names of tests and errors of other
people's code can hold both. Wherever it runs, a backslash is put before the second half.
"""

from __future__ import annotations

import re

# What is invisible counts as a blank, for some comparisons of strings leave it out.
_BLANK = r"[\s\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*"
_COMMAND = re.compile(rf"(^|[\r\n])({_BLANK})::")
_OLD_COMMAND = "##["


def inert(text: str) -> str:
    r"""Return a text of any number of lines of which none is a command: ``\::error::``."""
    if _OLD_COMMAND in text:
        text = text.replace(_OLD_COMMAND, r"##\[")
    return _COMMAND.sub(r"\1\2\\::", text) if "::" in text else text


def inert_json(text: str) -> str:
    """Return the same JSON without ``##[``; its lines begin with brackets and quotes anyway."""
    return text.replace(_OLD_COMMAND, r"#\u0023[")


def visible(text: str) -> str:
    r"""Return one line in which all can be seen: a control character is written ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode-escape").decode() for c in text)


def shown(text: str) -> str:
    """Return one line as it may be printed."""
    return inert(visible(text))
