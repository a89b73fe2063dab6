"""Outputs of a step: what later steps and jobs read, in the form of the file GITHUB_OUTPUT."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pytest_burden.report.jsonfile import Written, dump
from pytest_burden.report.markdown import markdown

LARGEST = 1_000_000
"""Bytes in UTF-16 of all outputs of a job together, which GitHub limits to 1 MB."""
LARGEST_MARKDOWN = 65_536
"""Bytes: what a comment can hold."""


class Outputs(NamedTuple):
    """The values by name, and a line on each that is not all it could be."""

    values: Mapping[str, str]
    notes: tuple[str, ...]


def outputs(written: Written) -> Outputs:
    """Return ``verdict``, ``markdown`` and ``json``, as much of it as fits.

    JSON that is too large loses the rows of modules; if that is not enough, it is empty.
    """
    run = written.run
    short = dataclasses.replace(run, results=tuple(each.without_rows() for each in run.results))
    values = {
        "verdict": run.verdict,
        "markdown": markdown(run, LARGEST_MARKDOWN),
    }
    notes = [] if values["markdown"] else ["the output markdown is empty: it would be too long"]
    room = LARGEST - sum(map(_size, values.values()))
    whole = dump(*written)
    if _size(whole) > room:
        whole = dump(short, written.versions)
        notes.append("the output json has no rows of modules: it would be too large")
    if _size(whole) > room:
        whole = ""
        notes[-1] = "the output json is empty: it would be too large"
    return Outputs(values | {"json": whole}, tuple(notes))


def text(values: Mapping[str, str], random: Callable[[], str] = secrets.token_hex) -> str:
    """Return the lines that set outputs; no value can end early or set another.

    Args:
        values: by name.
        random: returns another text at each call, which nobody can foresee.
    """
    parts = []
    for name, value in values.items():
        delimiter = random()
        while delimiter in value:
            delimiter = random()
        parts.append(f"{name}<<{delimiter}\n{value.removesuffix(chr(10))}\n{delimiter}\n")
    return "".join(parts)


def _size(value: str) -> int:
    return len(value.encode("utf-16-le", "surrogatepass"))
