"""The HTML page: everything that is decided stands in it, and nothing in it is anybody's markup."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
from importlib import resources
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run, verdict_word
from pytest_burden.burden import METRICS, Figures, ModuleRow
from pytest_burden.report import page, sweep
from pytest_burden.report.inert import inert, visible
from pytest_burden.report.message import failing, told, warning
from pytest_burden.report.page import data
from pytest_burden.sweeps import Point, Sweep
from tests.budget.sample import MODULES, PEAK, burden, limit, trained
from tests.report import sample
from tests.report.page import ATTRIBUTES, OURS, Page
from tests.report.rendered import may_command
from tests.report.test_gfm import HOSTILE, texts
from tests.report.test_markdown import CHANGED, hostile_run

VERSIONS = {"pytest-burden": "0.1.0", "pytest": "9", "python": "3.11", "run": "c0ffee"}
ASSETS = resources.files(page) / "assets"
SWEEP = Sweep(
    ("B", "S"),
    (
        *(
            Point(sizes={"B": b, "S": s}, metrics={"params": 5, "flops": 3 * b * s * s})
            for b in (1, 2, 3)
            for s in (8, 16, 24, 32)
        ),
        Point(sizes={"B": 9, "S": 1}, reason="too\x1bsmall"),
    ),
)
SWEPT = dataclasses.replace(sample.PASSING, sweep=SWEEP)
RUNS = {
    "green": sample.GREEN,
    "red": sample.RED,
    "partial": sample.PARTIAL,
    "off": sample.OFF,
    "empty": sample.EMPTY,
    "changed": CHANGED,
    "memory": Run((sample.MEMORY, sample.LOWER_BOUND, sample.TOO_LARGE, sample.UNSUPPORTED)),
    "swept": Run((SWEPT,)),
}


def read(run: Run) -> Page:
    """Return the page of a run."""
    return Page(page.html(run, VERSIONS))


@pytest.mark.parametrize("name", RUNS)
def test_everything_is_in_it(name: str) -> None:
    """Without a script: each measurement with its verdict, each sentence of the terminal's."""
    run = RUNS[name]
    found = read(run)
    if run.results:
        (table,) = (t for t in found.tables if t[0][0] == "measurement")
        rows = {row[0]: row[1] for row in table[1:]}
        assert rows.keys() == {result.id for result in run.results}
        for result in run.results:
            assert rows[result.id].endswith(verdict_word(result, enforced=run.enforced))
    blocks = [*told(failing(run.results, run.verdicts)), *told(warning(run.results, run.verdicts))]
    shown = "\n".join(found.texts["body"])
    for block in blocks:
        assert all(line.strip() in shown for line in block.lines)
        assert block.next_step in shown
    assert all(text in shown for text in (*run.unsure, *run.left_out))
    assert run.counts() in found.texts["p"]


@pytest.mark.parametrize("name", RUNS)
def test_everything_is_drawn(name: str) -> None:
    """For the scripts: every network with every metric, limit and verdict, in the run's order."""
    run = RUNS[name]
    networks = read(run).data["networks"]
    assert [each["id"] for each in networks] == [result.id for result in run.results]
    for each, result in zip(networks, run.results, strict=True):
        limited = [v for v in result.verdicts if v.limit]
        assert [v[0] for v in each["verdicts"]] == [v.limit.metric for v in limited if v.limit]
        assert len(each["says"]) == len(list(told([*failing([result]), *warning([result])])))
        if result.burden:
            values = {metric: result.burden.value(metric) for metric in METRICS}
            exact = {row[0]: int(row[2].replace(",", "")) for row in each["metrics"]}
            assert exact == {metric: n for metric, n in values.items() if n is not None}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("green", ["✓ Passes"]),
        ("off", ["! Limits are off"]),
        ("red", ["✗ Fails"]),
        ("empty", ["✓ Passes"]),
    ],
)
def test_verdict_first(name: str, expected: list[str]) -> None:
    """In one word, before everything else."""
    found = read(RUNS[name])
    assert found.texts["h1"] == expected
    headings = [tag for tag, _ in found.elements if tag in ("h1", "h2", "h3")]
    assert headings[0] == "h1"


def test_order() -> None:
    """What fails, what warns, all measurements, what changed, the rest."""
    titles = [re.sub(r"[ \d]+$", "", text) for text in read(CHANGED).texts["h2"]]
    since = "Changed since burden-baseline.json"
    assert titles == ["What fails", "What warns", "Measurements", since, "Notes"]
    titles = [re.sub(r"[ \d]+$", "", text) for text in read(sample.RED).texts["h2"]]
    assert titles == ["What fails", "What warns", "Measurements", "Notes"]


def test_policy() -> None:
    """Nothing is fetched; only the scripts and the style that are ours count, by their hashes."""
    found = read(sample.RED)

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    scripts = " ".join(map(hashed, found.programs))
    assert found.policy == (
        f"default-src 'none'; script-src {scripts}; style-src {hashed(found.texts['style'][0])};"
        " base-uri 'none'; form-action 'none'"
    )
    for tag, attributes in found.elements:
        assert attributes.get("href", "#").startswith("#"), tag  # type: ignore[union-attr]


def check(run: Run) -> None:
    """See that a run's texts are texts: no element, no attribute and no data is made of them."""
    text = page.html(run, VERSIONS)
    found = Page(text)
    assert {tag for tag, _ in found.elements} <= OURS
    assert {name for _, attributes in found.elements for name in attributes} <= ATTRIBUTES
    assert len(found.programs) == len(Page(page.html(sample.GREEN, VERSIONS)).programs)
    written = data.to_dict(run)
    assert found.data == written == json.loads(json.dumps(written))
    assert may_command(text) == []
    assert text.replace("\n", "").isprintable()
    for result in run.results:
        assert visible(result.id) in found.texts["code"]


LONG = [c * 10_000 for c in ("a", "<", "\N{RIGHT-TO-LEFT OVERRIDE}", "\ud800")]


@pytest.mark.parametrize("name", [*HOSTILE, "</script><!--<script>", "\u2028\u2029", *LONG])
def test_hostile(name: str) -> None:
    """Wherever a name can stand."""
    check(hostile_run(name))
    swept = Sweep((name,), (Point(sizes={name: 3}, metrics={"flops": 1}),))
    check(Run((dataclasses.replace(sample.PASSING, id=name, sweep=swept),), compared_with=name))


@given(texts)
def test_any_text(name: str) -> None:
    """Of any characters, half surrogates too."""
    check(hostile_run(name))


def test_the_check_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is escaped, the checks above see it."""
    monkeypatch.setattr("pytest_burden.report.page.document.escape", lambda text: text)
    with pytest.raises(AssertionError):
        check(hostile_run("t::x[<img src=x onerror=alert(1)>]"))
    monkeypatch.undo()
    monkeypatch.setattr(data, "_ESCAPED", {})
    with pytest.raises((AssertionError, ValueError)):
        check(hostile_run("</script><script>alert(1)</script>"))


paths = st.lists(st.lists(st.sampled_from(["a", "b", "0", ""]), max_size=4).map(".".join))


@given(paths)
def test_tree(found: list[str]) -> None:
    """Names and parents say every path, in whatever order the modules come."""
    rows = [ModuleRow(path, "Net", 1, Figures(params=1), Figures()) for path in found]
    tree = data._modules(rows, data.Words())
    parents, names = tree["parents"], tree["names"]

    def path(place: int) -> str:
        around = path(parents[place]) if parents[place] >= 0 else ""
        return f"{around}.{names[place]}" if around else str(names[place])

    assert [path(place) for place in range(len(rows))] == found
    for place, parent in enumerate(parents):
        around = [p for p in found if p != found[place] and f"{found[place]}.".startswith(f"{p}.")]
        if around:
            assert parent == found.index(max(around, key=len))


def test_modules() -> None:
    """Figures that are all zero are left out; classes and settings stand there once."""
    words = data.Words()
    tree = data._modules(MODULES, words)
    assert tree["parents"] == [-1, 0, 0, 0, 0]
    assert tree["names"] == ["", "stem", "body.0.conv", "head.act", "head.proj"]
    assert set(tree["own"]) == {"params", "macs", "flops", "activation_memory"}
    assert sum(tree["own"]["flops"]) == burden().flops
    assert [words.all()[place] for place in tree["classes"]] == [row.cls for row in MODULES]


@given(st.lists(st.integers(0, 10**12), max_size=300), st.integers(2, 40))
def test_thinned(timeline: list[int], most: int) -> None:
    """The largest and the smallest are kept, in order, and not too many."""
    places = data.thinned(timeline, most)
    assert places == sorted(set(places))
    assert len(places) <= max(most, 2) + 1
    values = [timeline[place] for place in places]
    if timeline:
        assert (min(values), max(values)) == (min(timeline), max(timeline))
    if len(timeline) <= most:
        assert values == timeline


@given(st.lists(st.integers(0, 10**6).map(lambda n: n * 512), min_size=1, max_size=50))
def test_timeline(timeline: list[int]) -> None:
    """Positions and bytes can be summed up from their differences."""
    found = data._peak(dataclasses.replace(PEAK, timeline=tuple(timeline)))
    assert list(accumulate(found["at"])) == list(range(len(timeline)))
    assert [n * found["unit"] for n in accumulate(found["alive"])] == timeline


def test_peaks() -> None:
    """The moment in words, and what is alive then."""
    first, second = read(Run((sample.MEMORY,))).data["networks"][0]["peaks"]
    assert first["when"] == "in the forward, at call 7: aten.relu in body.0.act"
    assert [held["share"] for held in first["tensors"]] == ["61.3 %", "27.3 %", "11.5 %"]
    assert second["phases"][1] == ["backward of step 1", 20]
    whole = trained().peak("training_memory")
    assert whole
    assert sum(size for _, size in second["categories"]) == whole.nbytes


def test_changed() -> None:
    """Base against head: the metrics that differ, and every module that did it."""
    (grew,) = (n for n in read(CHANGED).data["networks"] if n["id"] == "t.py::test_grew")
    rows = {row[0]: row[1:] for row in grew["changed"]["rows"]}
    assert rows["flops"][2] == "+0.41 GFLOPs (10.6 %)"
    (module,) = grew["changed"]["modules"]
    assert module["path"] == "stem"
    assert module["grown"]["flops"] == 410_000_000
    titles = [text for text in read(CHANGED).texts["h3"] if text.startswith("t.py::test_gone")]
    assert titles == ["t.py::test_gone is in burden-baseline.json, and no test measured it",
                      "t.py::test_gone gone (warns)"]  # fmt: skip


def test_sweep() -> None:
    """All points, and the laws as the terminal has them."""
    found = read(Run((SWEPT,))).data["networks"][0]["sweep"]
    assert found["symbols"] == ["B", "S"]
    assert found["metrics"] == ["flops"]
    assert found["points"][1] == {"sizes": [1, 16], "values": [3 * 16 * 16], "off": []}
    assert found["points"][-1]["values"] == [None]
    assert found["notes"][0] == "not at B=9, S=1: too\\x1bsmall"
    assert any("= 3·B·S²" in line for line in found["notes"])
    terminal = sweep.text(SWEEP, "net")
    assert all(line in terminal for line in found["notes"][1:])


def test_off_the_law() -> None:
    """A point of a size that the law is not about is told from the others, metric by metric."""
    points = tuple(
        Point(sizes={"S": s}, metrics={"macs": 3 * s, "ops": 2 * s + (s % 8 and s * s + 1)})
        for s in (8, 12, 16, 24, 26, 31, 32, 40)
    )
    swept = dataclasses.replace(sample.PASSING, sweep=Sweep(("S",), points))
    found = read(Run((swept,))).data["networks"][0]["sweep"]
    off = {
        point["sizes"][0]: [found["metrics"][place] for place in point["off"]]
        for point in found["points"]
    }
    assert off == {s: ["ops"] if s % 8 else [] for s in (8, 12, 16, 24, 26, 31, 32, 40)}


@pytest.mark.parametrize(
    ("maximum", "full", "widths"),
    [
        (6_000_000, 0.5, ["50.0"]),
        (3_000_000, 1.0, ["100.0"]),  # at the limit
        (2_400_000, 1.25, ["80.0", "20.0"]),  # a fifth of what is used is over it
    ],
)
def test_bar(maximum: int, full: float, widths: list[str]) -> None:
    """It shows the limit, and what is over it."""
    found = read(Run((sample.result("net", burden(), limit("params", maximum)),)))
    (used,) = (a for t, a in found.elements if t == "td" and "used" in (a.get("class") or ""))
    assert float(used["data-value"] or "") == full
    assert [a["width"] for t, a in found.elements if t == "rect"] == widths


def test_values_to_sort_by() -> None:
    """Rows carry the integers along; nothing measured comes last."""
    found = read(Run((sample.UNMEASURED, sample.PASSING)))
    values = [
        a["data-value"] for t, a in found.elements if t == "td" and a.get("class") == "number"
    ]
    assert values == ["-1"] * 4 + ["3000000", "3850000000", str(4 * 2**20 + 40), str(5 * 2**20)]


def test_versions() -> None:
    """What it was made with; the number of a run says nothing to a reader."""
    found = read(sample.GREEN)
    facts = dict(zip(found.texts["dt"], found.texts["dd"], strict=True))
    assert facts["pytest-burden"] == "0.1.0"
    assert facts["torch"] == "2.13.0"
    assert "run" not in facts


@pytest.mark.parametrize("name", [path.name for path in ASSETS.iterdir() if path.is_file()])
def test_assets(name: str) -> None:
    """They can stand in an element, and on a runner's standard output, as they are."""
    text = (ASSETS / name).read_text(encoding="utf-8")
    assert inert(text) == text
    if name.endswith(".js"):
        assert not re.search(r"</script|<!--", text, re.IGNORECASE)
        assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\b", text)
    if name.endswith((".js", ".css")) and name != "d3.js":
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_library() -> None:
    """The library is the one that was built, and its licences stand beside it."""
    about = (ASSETS / "d3.txt").read_text(encoding="utf-8")
    digest = hashlib.sha256((ASSETS / "d3.js").read_bytes()).hexdigest()
    assert f"\nsha256 {digest}\n" in about
    parts = re.findall(r"^(d3-[a-z-]+) [0-9.]+, ISC$", about, re.MULTILINE)
    assert {"d3-array", "d3-hierarchy", "d3-scale", "d3-shape"} <= set(parts)
    told_of = re.findall(r"^The licence of (.*):$", about, re.MULTILINE)
    assert sorted(", ".join(told_of).split(", ")) == sorted(parts)


def test_large() -> None:
    """A thousand measurements are made at once: what is shown grows with them, not faster."""
    rows = tuple(
        ModuleRow(f"layers.{n}", "Linear", 1, Figures(n, n, n), Figures()) for n in range(200)
    )
    measured = burden(module_rows=(MODULES[0], *rows))

    def size(count: int) -> int:
        results = tuple(
            Result(f"t.py::test[{n}]", "t.py::test", measured, sample.PASSING.verdicts)
            for n in range(count)
        )
        return len(page.html(Run(results), VERSIONS))

    few, many = size(10), size(110)
    assert (many - few) / 100 < 12_000
