"""What fails and what warns as annotations of GitHub Actions, each at the line that says so.

A workflow command is a line of output: ``::error file=tests/test_m.py,line=12,title=...::message``.
GitHub keeps ten of a kind for a step, and the beginning of a long message.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, islice
from pathlib import PurePath
from typing import Literal, NamedTuple

from pytest_burden.budget import baseline
from pytest_burden.budget.config import FILE
from pytest_burden.budget.reading import undotted
from pytest_burden.budget.run import Run
from pytest_burden.budget.toml_lines import Path, all_lines, nearest_line
from pytest_burden.budget.verdict import Kind, Verdict
from pytest_burden.report.inert import visible
from pytest_burden.report.message import Case, failing, together, told, warning

MOST = 10
"""Of a kind that GitHub keeps for one step."""
LONGEST = 4096
"""Characters of a message that it keeps, in UTF-16."""

_LINE = re.compile(r"(?P<file>.+):(?P<line>[0-9]+)", re.DOTALL)
_KEY = f"{FILE}: "
"""Before the dotted path of a key."""


class Place(NamedTuple):
    """A file and a line in it, 0 if the line is not known."""

    file: str
    line: int = 0


@dataclass(frozen=True)
class Sources:
    """What is known of files where the run was; it is not in the run itself."""

    root: str = ""
    """The absolute path of pytest's rootdir, from which the run names files."""
    workspace: str = ""
    """That of the folder from which GitHub names them."""
    tests: Mapping[str, Place] = field(default_factory=dict)
    """Where each test is, by node id."""
    config: str = ""
    """The text of pyproject.toml."""
    baseline: str = ""
    """The text of the baseline."""

    @cached_property
    def keys(self) -> Mapping[Path, int]:
        """The line of every key of pyproject.toml."""
        return all_lines(self.config)


def annotate(run: Run, sources: Sources) -> list[str]:
    """Return a line for each block of verdicts, what fails before what warns.

    Of more than `MOST` of a kind the last one says how many are left out.
    """
    tests = {result.id: result.test for result in run.results}
    known = list(tests)
    fails, warns = (list(kind(run.results, run.verdicts)) for kind in (failing, warning))
    return [
        *_of_one_kind("error", fails, known, tests, sources),
        *_of_one_kind("warning", warns, known, tests, sources),
    ]


_Level = Literal["error", "warning"]


def _of_one_kind(
    level: _Level,
    cases: Sequence[Case],
    known: Sequence[str],
    tests: Mapping[str, str],
    sources: Sources,
) -> Iterator[str]:
    count = sum(1 for _ in groupby(cases, together))
    shown = count if count <= MOST else MOST - 1
    for block in islice(told(cases, known), shown):
        verdict = block.verdicts[0]
        place = _place(block.verdicts, tests.get(verdict.subject, ""), sources)
        lines = [*block.lines, *filter(None, [block.next_step])]
        yield command(level, _title(block.verdicts), lines, place)
    if left := count - shown:
        rest = [next(group).verdict for _, group in islice(groupby(cases, together), shown, None)]
        names = [f"{v.subject}: {v.kind.value}" for v in rest[:_NAMED]]
        more = f"and {left:,} more {'fail' if level == 'error' else 'warn'}"
        yield command(level, f"burden: {more}", [f"{more}:", *names], None)


_NAMED = 50
"""How many of those left out are named: as many as a message may have room for."""


def _title(verdicts: Iterable[Verdict]) -> str:
    first, *_ = verdicts = tuple(verdicts)
    metrics = ", ".join(verdict.limit.metric for verdict in verdicts if verdict.limit)
    return f"burden: {first.kind.value}{' ' * bool(metrics)}{metrics}"


def command(level: _Level, title: str, lines: Iterable[str], place: Place | None) -> str:
    """Return one workflow command, in one line without its end.

    Args:
        level: ``error`` or ``warning``.
        title: a few words.
        lines: of the message.
        place: where it is shown, if anywhere.
    """
    properties = {}
    if place:
        properties["file"] = visible(place.file)
    if place and place.line:
        properties["line"] = str(place.line)
    properties["title"] = visible(title)
    written = ",".join(f"{name}={_property(text)}" for name, text in properties.items())
    message = _shortened("\n".join(map(visible, lines)))
    return f"::{level} {written}::{_data(message)}"


def _shortened(text: str) -> str:
    """Return as much of a text as GitHub keeps."""
    if len(text.encode("utf-16-le")) // 2 <= LONGEST:
        return text
    # Beyond the first 65,536 characters each counts twice.
    most = LONGEST if max(text) <= "\uffff" else LONGEST // 2
    return f"{text[: most - len(_CUT)]}{_CUT}"


_CUT = "..."


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _place(verdicts: Sequence[Verdict], test: str, sources: Sources) -> Place | None:
    """Return where a limit is written, else where the test or the model is that measured."""
    limits = (verdict.limit.where for verdict in verdicts if verdict.limit)
    written = next((place for where in limits if (place := _written(where, sources))), None)
    verdict = verdicts[0]
    if written is None and test:
        written = sources.tests.get(test)
    elif written is None and verdict.limit is None:
        stale = verdict.kind is Kind.STALE and not verdict.detail
        written = (_entry if stale else _written)(verdict.subject, sources)
    return _seen(written, sources) if written else None


def _written(where: str, sources: Sources) -> Place | None:
    """Return the place of ``tests/test_m.py:12`` or ``pyproject.toml: tool.burden...``."""
    if where.startswith(_KEY):
        return Place(FILE, nearest_line(sources.keys, undotted(where.removeprefix(_KEY))) or 0)
    match = _LINE.fullmatch(where)
    return Place(match["file"], int(match["line"])) if match else None


def _entry(name: str, sources: Sources) -> Place:
    """Return where a measurement stands in the baseline."""
    at = sources.baseline.find(json.dumps(name, ensure_ascii=False))
    return Place(baseline.FILE, sources.baseline.count("\n", 0, at) + 1 if at >= 0 else 0)


def _seen(place: Place, sources: Sources) -> Place | None:
    """Return the same place as GitHub names it; None if it is outside of the workspace."""
    path = PurePath(os.path.normpath(PurePath(sources.root, place.file)))
    if not path.is_relative_to(sources.workspace):
        return None
    return Place(path.relative_to(sources.workspace).as_posix(), place.line)
