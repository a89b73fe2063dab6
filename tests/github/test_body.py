"""The comment's text: as it was looked over, below the limit, and of nobody else's making."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_burden.budget.run import Run
from pytest_burden.budget.verdict import Kind
from pytest_burden.errors import BurdenError
from pytest_burden.github import body, results
from pytest_burden.github.body import (
    NOT_MEASURED,
    NOT_READ,
    marker,
    of_results,
    why_nothing,
    without_results,
)
from pytest_burden.github.event import MeasuredRun, ended
from pytest_burden.report.jsonfile import dump
from pytest_burden.report.markdown import markdown
from pytest_burden.report.room import COMMENT
from tests.budget.sample import limit
from tests.github.sample import VERSIONS, payload
from tests.report import sample
from tests.report.rendered import OURS, Page
from tests.report.test_gfm import HOSTILE, texts

GOLDEN = Path(__file__).parent / "golden"
MARK = marker("default")
ALLOWED = OURS | {"a"}


class Comment(Page):
    """A rendered comment: the marker is its first line, and the only link is our own."""

    def __init__(self, text: str) -> None:
        self.hidden: list[str] = []
        self.links: list[str | None] = []
        super().__init__(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Enter an element; a link is noted."""
        if tag == "a":
            self.links.append(dict(attrs)["href"])
            attrs = []
        super().handle_starttag(tag, attrs)

    def handle_comment(self, data: str) -> None:
        """Note what does not show."""
        self.hidden.append(data)


def run(**changed: Any) -> MeasuredRun:
    """Return the fork's run."""
    return ended(payload(**changed))


FOOTER = (
    "\nCommit ec26c3e57ca3a959ca5aad62de7213c562f8c821,"
    " [run 289782777](https://github.com/octo-org/models/actions/runs/289782777).\n"
)
CANCELLED = "The run was cancelled: what follows may not be all.\n\n"


OTHERWISE = "The run failed for another reason than its budgets.\n\n"


@pytest.mark.parametrize(
    ("measured", "conclusion", "note"),
    [
        (sample.RED, "failure", ""),
        (sample.GREEN, "success", ""),
        (sample.GREEN, "", ""),
        (sample.GREEN, "failure", OTHERWISE),
        (sample.GREEN, "timed_out", OTHERWISE),
        (sample.RED, "cancelled", CANCELLED),
        (sample.GREEN, "cancelled", CANCELLED),
    ],
)
def test_frame(measured: Run, conclusion: str, note: str) -> None:
    """The marker, the report as in the step summary, the commit and the run's page."""
    text = of_results(MARK, measured, run(conclusion=conclusion))
    report = markdown(measured)
    if note == OTHERWISE:  # a run that failed is not well, whatever its budgets say
        report = report.replace(":white_check_mark:", ":warning:", 1)
    assert text == f"{MARK}\n{note}{report}{FOOTER}"
    assert (":white_check_mark:" in text) == (measured is sample.GREEN and note != OTHERWISE)


@pytest.mark.parametrize(
    ("name", "what", "why"),
    [
        ("unread", NOT_READ, "A sentence that says why."),
        ("unmeasured", NOT_MEASURED, why_nothing(run(conclusion="cancelled"))),
    ],
)
def test_without_results(name: str, what: str, why: str) -> None:
    """A heading, a sentence of ours, and the same below it."""
    text = without_results(MARK, run(), what, why)
    assert text == (GOLDEN / f"{name}.md").read_text(encoding="utf-8")
    assert text.endswith(FOOTER)


@pytest.mark.parametrize(
    ("conclusion", "told"),
    [
        ("success", "The run left no results."),
        ("failure", "The run failed before it left results."),
        ("timed_out", "The run took too long, and was ended before it left results."),
        ("skipped", "The run was skipped."),
        ("action_required", "The run waits to be let through."),
        ("cancelled", "The run was cancelled before it left results."),
    ],
)
def test_why_nothing(conclusion: str, told: str) -> None:
    """How the run ended is GitHub's word."""
    assert why_nothing(run(conclusion=conclusion)) == told
    assert told in without_results(MARK, run(), NOT_MEASURED, told)


@pytest.mark.parametrize("key", ["default", "gpu", "a.b-c_d", "0", "x" * 50])
def test_keys(key: str) -> None:
    """A marker is one line that does not show: an HTML comment and nothing else."""
    text = marker(key)
    assert text == f"<!-- pytest-burden: {key} -->"
    page = Comment(f"{text}\nafter")
    assert (page.hidden, page.plain.strip()) == ([f" pytest-burden: {key} "], "after")


@pytest.mark.parametrize(
    "key",
    [
        "",
        " ",
        "a b",
        "a--b",
        "-a",
        "a-",
        "-->",
        "a>b",
        "a\n",
        "a\nb",
        "é",
        "٣",
        "x" * 51,
        "<!--",
        "${{x}}",
    ],
)
def test_other_keys(key: str) -> None:
    """What could end the line, or show, is refused with one that would do."""
    with pytest.raises(BurdenError, match="such as default or gpu-tests"):
        marker(key)


def test_a_run_that_cannot_be_named() -> None:
    """Without a repository no commit, without an address no link."""
    gone = of_results(MARK, sample.GREEN, run(head_repository=None, html_url=None))
    assert gone.endswith("\nCommit unknown.\n")


@pytest.mark.parametrize("count", [1, 300, 2000])
@pytest.mark.parametrize("wide", ["x", "é", "\N{PILE OF POO}"])
def test_length(count: int, wide: str) -> None:
    """However much was measured, GitHub takes it: in characters as it counts, and in bytes."""
    measured = [
        sample.result(f"{wide * 50}[{n}]", sample.OVER.burden, limit("flops", 1))
        for n in range(count)
    ]
    text = of_results(MARK, Run(tuple(measured), lost=("worker",)), run())
    assert len(text) <= len(text.encode()) <= COMMENT
    assert text.startswith(f"{MARK}\n## :x: ")
    assert "\nCommit ec26c3e57ca3a959ca5aad62de7213c562f8c821, [run " in text


def test_all_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that takes what it is given fills the comment to the byte."""
    monkeypatch.setattr(body, "markdown", lambda _, room: "x" * room)
    assert len(of_results(MARK, Run(), run()).encode()) == COMMENT


def test_nothing_fits() -> None:
    """Where even the totals are too long, the verdict is left."""
    odd = sample.alone("x", Kind.OVER, "")
    many = Run(tuple(odd.excused(f"excuse {n}") for n in range(9000)))
    text = of_results(MARK, many, run())
    assert "burden: within budget\n\nThe report is too long for a comment." in text


def harmless(text: str, source: MeasuredRun) -> None:
    """See that nothing in a comment is anybody's Markdown, HTML, mention or reference."""
    first, *others = text.split("\n")
    assert first == MARK
    assert not any(line.strip().startswith("<!--") for line in others)
    page = Comment(text)
    assert page.hidden[0] == " pytest-burden: default "
    assert not any(page.hidden[1:])  # gfm.code parts addresses of e-mail by empty ones
    assert set(page.elements) <= ALLOWED
    assert page.links == [source.url]
    assert "@" not in page.plain
    assert "#" not in page.plain
    assert "http" not in page.plain


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to each text in some data."""
    if isinstance(data, str):
        return [path]
    pairs: Any = ()
    if isinstance(data, dict):
        pairs = data.items()
    elif isinstance(data, list):
        pairs = enumerate(data)
    return [place for key, value in pairs for place in places(value, (*path, key))]


WHOLE = dump(
    Run(
        (
            *sample.RED.results,
            sample.MEMORY,
            sample.ERROR,
            dataclasses.replace(sample.XFAILED, id="excused"),
        ),
        sample.RED.verdicts,
        partial=sample.PARTIAL.partial,
        left_out=sample.PARTIAL.left_out,
        not_judged=sample.PARTIAL.not_judged,
        baseline="burden-baseline.json not written",
        lost=("worker gw0 was lost",),
    ),
    VERSIONS,
)


def hostile(text: str, chosen: Iterable[tuple[Any, ...]]) -> Run | None:
    """Return results with a text put into some places, each time another; None if refused."""
    data = json.loads(WHOLE)
    for number, path in enumerate(chosen):
        place = data
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = f"{text}{number}"
    try:
        return results.read(json.dumps(data).encode(), "results").run
    except BurdenError:
        return None


FREE = [place for place in places(json.loads(WHOLE)) if hostile("x", [place])]
"""Where any text at all is taken."""
MARKERS = [f"\n\n{MARK}\n", f"a\n{MARK}", "-->", f"</code>{MARK}", "</pre>\n\n<h1>boo</h1>"]


def test_free_texts() -> None:
    """There are many, names and what errors said among them; but not which kind a verdict is."""
    keys = {key for place in FREE for key in place}
    assert {"id", "test", "subject", "detail", "excuse", "where", "lost", "baseline"} <= keys
    assert not {"kind", "policy", "verdict"} & keys


@pytest.mark.parametrize("text", [*HOSTILE, *MARKERS])
def test_hostile_in_all_places(text: str) -> None:
    """Wherever a text is taken, it comes out as text."""
    made = hostile(text, FREE)
    assert made
    harmless(of_results(MARK, made, run()), run())


@settings(max_examples=200, deadline=None)
@given(texts | st.sampled_from(MARKERS), st.lists(st.sampled_from(FREE), min_size=1))
def test_any_text_in_any_places(text: str, chosen: list[tuple[Any, ...]]) -> None:
    """The same of any text, in several places."""
    made = hostile(text, chosen)
    if made is not None:
        harmless(of_results(MARK, made, run()), run())


@given(texts)
def test_any_id(text: str) -> None:
    """The same of any name of a test."""
    named = sample.result(text, sample.OVER.burden, limit("flops", 1, text))
    made = Run((named,), lost=(text,))
    harmless(of_results(MARK, made, run()), run())
