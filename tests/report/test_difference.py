"""Two sets of measurements side by side, as it is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_burden.budget.baseline import Baseline, Entry, entry_of
from pytest_burden.budget.difference import Comparison, compare
from pytest_burden.budget.limits import Limit
from pytest_burden.budget.side import Side
from pytest_burden.budget.verdict import LOCAL, NO_GROWTH
from pytest_burden.report.difference import lines, markdown, to_dict
from tests.budget.sample import IMAGE, burden

GOLDEN = Path(__file__).parent / "golden"
ROWS = burden().module_rows
WIDER = ROWS[1]._replace(
    own=ROWS[1].own._replace(flops=1_420_000_000, params=1200), settings="3, 64, stride=(1, 1)"
)


def entry(name: str, **changed: object) -> Entry:
    """Return a measurement."""
    return entry_of(name, burden(**changed))


def side(name: str, *entries: Entry, torch: str = "2.13", **more: object) -> Side:
    """Return what was measured."""
    known = Baseline(torch, {each.id: each for each in entries})
    return Side(name, known, "again", **more)  # type: ignore[arg-type] # each has its type


OF_OPS = Limit("ops", 9, "pyproject.toml: tool.burden.limits.max_ops", "max_ops=9")
BASE = side(
    "main (3f2c1ab90)",
    entry("t.py::test_same"),
    entry("t.py::test_grew"),
    entry("t.py::test_shrank", inputs=("float32[2]",)),
    entry("t.py::test_trained", saved_memory=100, training="Adam"),
    entry("t.py::test_old", inputs=("float32[3]",)),
    entry("t.py::test_gone", inputs=("float32[4]",)),
    entry("t.py::test_broke", inputs=("float32[5]",)),
    entry("t.py::test_eased"),
    held={"t.py::test_eased": [Limit("params", 3_000_000, "t.py:7", "max_params='3M'"), OF_OPS]},
)
HEAD = side(
    "the working tree",
    entry("t.py::test_same"),
    entry(
        "t.py::test_grew",
        flops=4_260_000_000,
        params=3_000_300,
        module_rows=(ROWS[0], WIDER, *ROWS[2:]),
    ),
    entry("t.py::test_shrank", inputs=("float32[2]",), params=1_000_000, ops=3),
    entry("t.py::test_trained"),
    entry("t.py::test_new_name", inputs=("float32[3]",)),
    entry("t.py::test_added|b", inputs=(IMAGE, IMAGE)),
    entry("t.py::test_eased"),
    held={"t.py::test_eased": [Limit("params", 4_000_000, "t.py:8", "max_params='4M'")]},
    torch="2.14",
    unmeasured={"t.py::test_broke": "needs data in head (NMS)\nneeds 300 GiB of 8"},
)


def compared(base: Side, head: Side) -> Comparison:
    """Compare where nothing may grow."""
    return compare(base, head, lambda _: NO_GROWTH, LOCAL)


def printed(comparison: Comparison, verbosity: int = 0) -> str:
    """Return the lines with the style of each before it."""
    return "".join(f"{line.style:5} |{line.text}\n" for line in lines(comparison, verbosity))


@pytest.mark.parametrize(
    ("name", "comparison"),
    [
        ("everything", compared(BASE, HEAD)),
        ("same", compared(BASE, BASE)),
        ("partial", compared(BASE, side("b.json", partial=("paths were given", "-k")))),
        ("nothing", compared(side("a.json"), side("b.json"))),
    ],
)
def test_printed(name: str, comparison: Comparison) -> None:
    """The whole of what is printed, kept in a file that was looked over."""
    expected = (GOLDEN / f"difference_{name}.txt").read_text(encoding="utf-8")
    assert printed(comparison) == expected


@pytest.mark.parametrize(
    ("name", "comparison"), [("everything", compared(BASE, HEAD)), ("same", compared(BASE, BASE))]
)
def test_markdown(name: str, comparison: Comparison) -> None:
    """The same for a comment: every row has as many cells as the head, whatever an id holds."""
    text = markdown(comparison)
    assert text == (GOLDEN / f"difference_{name}.md").read_text(encoding="utf-8")
    assert {row.count("|") for row in text.splitlines() if row.startswith("|")} <= {8}


def test_all_modules() -> None:
    """Three of the modules that changed are named, with -v all of them."""
    heavier = [row._replace(own=row.own._replace(flops=row.own.flops + 1)) for row in ROWS]
    head = side("b", entry("t.py::test_grew", flops=3_850_000_005, module_rows=tuple(heavier)))
    base = side("a", entry("t.py::test_grew"))
    assert "2 more" in printed(compared(base, head))
    assert "2 more" not in printed(compared(base, head), 1)


def test_json() -> None:
    """The numbers are exact; a reader needs nothing of ours."""
    data = json.loads(json.dumps(to_dict(compared(BASE, HEAD))))
    assert (data["schema"], data["verdict"]) == (1, "fail")
    there = {"name": "the working tree", "torch": "2.14", "partial": [], "unsure": []}
    assert data["head"] == there
    by_id = {each["id"]: each for each in data["measurements"]}
    grew = by_id["t.py::test_grew"]
    assert grew["metrics"] == {
        "params": {"before": 3_000_000, "after": 3_000_300},
        "flops": {"before": 3_850_000_000, "after": 4_260_000_000},
    }
    assert (grew["difference"], grew["fails"]) == ("changed", True)
    assert [change["path"] for change in grew["changes"]] == ["stem"]
    renamed = by_id["t.py::test_new_name"]
    assert (renamed["difference"], renamed["was"]) == ("renamed", "t.py::test_old")


MINE, YOURS = {"aten.mm": "nets.mm"}, {"aten.mm": "nets.others"}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {}, []),
        ({"old": MINE}, {"new": MINE}, []),
        ({}, {"new": MINE}, ["in head alone: aten.mm (nets.mm), in new"]),
        ({"old": MINE}, {}, ["in base alone: aten.mm (nets.mm), in new"]),
        (
            {"old": MINE},
            {"new": YOURS},
            [
                "in base alone: aten.mm (nets.mm), in new",
                "in head alone: aten.mm (nets.others), in new",
            ],
        ),
        ({"gone": MINE}, {"added": MINE}, []),  # nothing is compared
    ],
)
def test_rules_in_place_of_ours(
    before: dict[str, dict[str, str]], after: dict[str, dict[str, str]], told: list[str]
) -> None:
    """What was counted otherwise is not simply more or less."""
    other = {"inputs": ("float32[2]",)}
    base = side("base", entry("old"), entry("gone", **other), replaced_rules=before)
    head = side("head", entry("new"), entry("added", inputs=("int8[3]",)), replaced_rules=after)
    found = [f"warn  |Counted by another rule than ours, {text}\n" for text in told]
    text = printed(compared(base, head))
    assert [line for line in text.splitlines(keepends=True) if "another rule" in line] == found


def test_eased_limits_that_have_to_fit() -> None:
    """So of limits that allow more; also where no measurement has changed."""
    names = [f"t.py::{number}" for number in range(300)]
    before, after = (
        {name: [Limit("params", most, f"t.py:{n}", "max_params")] for n, name in enumerate(names)}
        for most in (1, 2)
    )
    entries = [entry(name) for name in names]
    many = compared(side("a", *entries, held=before), side("b", *entries, held=after))
    whole = markdown(many)
    assert whole.count(" allows more than ") == 300
    some = markdown(many, len(whole.encode()) - 1)
    assert some.count(" allows more than ") == 10
    assert "Not everything fits here: 290 limits that are eased are left out.\n\n" in some
    assert len(to_dict(many)["eased"]) == 300


def test_markdown_that_has_to_fit() -> None:
    """All that changed, else ten, else the heading, else nothing; never half a table."""
    names = [f"t.py::{number}" for number in range(300)]
    many = compared(
        side("a", *(entry(name) for name in names)),
        side("b", *(entry(name, flops=5) for name in names)),
    )
    whole = markdown(many)
    size = len(whole.encode()) + 1  # a line end more, that is then taken off
    assert (markdown(many, size), whole.count("<code>t&#46;py")) == (whole, 300)
    some = markdown(many, size - 1)
    assert some.count("<code>t&#46;py") == 10
    assert "\n\nNot everything fits here: 290 measurements that changed are left out.\n\n" in some
    head = markdown(many, len(some.encode()))
    assert head.startswith(whole.partition("\n")[0])
    assert "|" not in head
    assert markdown(many, len(head.encode())) == ""
