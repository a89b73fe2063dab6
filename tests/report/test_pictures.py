"""What the pictures show: labels, units, and the numbers that were measured, whatever the names."""

from __future__ import annotations

import dataclasses
import re
import struct
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle, StepPatch
from matplotlib.text import Text

from pytest_burden.budget.baseline import entry_of
from pytest_burden.budget.compare import Change
from pytest_burden.budget.difference import Difference, Step
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.result import Result
from pytest_burden.budget.verdict import Kind, Policy, Verdict
from pytest_burden.burden import Burden, Figures, ModuleRow
from pytest_burden.errors import BurdenError
from pytest_burden.report import pictures
from pytest_burden.report.pictures import Sides
from pytest_burden.report.pictures.calls import COLUMNS
from pytest_burden.report.pictures.depth import MOST, PANELS, depth
from pytest_burden.report.pictures.sides import of_difference, of_result
from pytest_burden.report.pictures.style import amounts, log_amounts
from pytest_burden.sweeps import Point, Sweep
from tests.budget import sample
from tests.report.test_gfm import HOSTILE, texts

LINE = (2**20, 5 * 2**20, 3 * 2**20, 2**20)
FORWARD = dataclasses.replace(sample.PEAK, call=1, nbytes=max(LINE), timeline=LINE)
STEPS = (30 * 2**20, 40 * 2**20, 40 * 2**20, 35 * 2**20, 39 * 2**20, 25 * 2**20)
STEP = dataclasses.replace(
    sample.STEP,
    call=1,
    nbytes=max(STEPS),
    timeline=STEPS,
    categories={"parameters": 20 * 2**20, "gradients": 19 * 2**20, "buffers": 2**20},
    phases=(
        ("forward of step 1", 0),
        ("backward of step 1", 1),
        ("optimizer of step 1", 3),
        ("forward of step 2", 3),
    ),
)
NET = sample.trained(peaks=(FORWARD, STEP))
HEAVY = [row for row in NET.module_rows if any(row.own)]


def swept(of: Callable[[int, int], int] = lambda b, s: 12 * b * s * s + 7 * b) -> Sweep:
    """Return a sweep over S and B in which flops are as told, and params the same."""
    sizes = [(b, s) for s in (32, 64, 96, 128) for b in (1, 2, 8)]
    points = (
        Point(sizes={"S": s, "B": b}, metrics={"flops": of(b, s), "params": 9}) for b, s in sizes
    )
    return Sweep(("S", "B"), (*points, Point(sizes={"S": 8, "B": 1}, reason="too small")))


def sides(*changes: Change, otherwise: str = "") -> Sides:
    """Return what has grown in flops, and shrunk in params."""
    steps = (Step("params", 1000, 900), Step("flops", 10**9, 15 * 10**8))
    return Sides("base.json", "head.json", steps, changes, otherwise)


CHANGES = (
    Change("stem", "changed", Figures(flops=10**8), "stride 2→1"),
    Change("head.proj", "added", Figures(params=-100, flops=4 * 10**8), "Linear"),
    Change("norm", "moved", Figures(), "from body.norm"),
)

ALL: dict[str, Callable[[str], Figure]] = {
    "profile": lambda title: pictures.profile(NET, title),
    "cumulative": lambda title: pictures.cumulative(NET, title),
    "timeline": lambda title: pictures.timeline(NET, title),
    "sweep": lambda title: pictures.sweep(swept(), title),
    "versus": lambda title: pictures.versus(sides(*CHANGES), title),
}
every = pytest.mark.parametrize("draw", ALL.values(), ids=ALL)


def words(figure: Figure) -> str:
    """Return all texts of a picture, a line each."""
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def panels(figure: Figure) -> list[Any]:
    """Return the panels of a picture; much of what they give has no useful type."""
    return list(figure.findobj(Axes))


def bars(axes: Any, gid: str) -> list[float]:
    """Return the heights of the bars of one metric."""
    return [
        bar.get_height()
        for bar in axes.patches
        if isinstance(bar, Rectangle) and bar.get_gid() == gid
    ]


def svg(figure: Figure) -> ET.Element:
    """Return the SVG as a parser of XML reads it."""
    return ET.fromstring(pictures.to_bytes(figure, "svg"))  # noqa: S314 it is our own


def test_profile() -> None:
    """A panel for parameters, activation memory and FLOPs, in which a bar is a module's own."""
    found = panels(pictures.profile(NET, "net"))
    assert [axes.get_ylabel() for axes in found] == [
        "parameters (M)",
        "activation memory (MiB)",
        "FLOPs (GFLOPs)",
    ]
    assert found[-1].get_xlabel() == "module, from the first to the last"
    for axes, (metric, _) in zip(found, PANELS, strict=True):
        assert bars(axes, metric) == [getattr(row.own, metric) for row in HEAVY]
    assert [text.get_text() for text in found[-1].get_xticklabels()] == [r.path for r in HEAVY]


def test_the_heaviest_are_named() -> None:
    """By a number on the bar and a list beside the panel, as in the other reports."""
    axes = panels(pictures.profile(NET, "net"))[2]
    numbers = {text.get_text(): text.xy for text in axes.texts if hasattr(text, "xy")}
    order = [row.path for row in HEAVY]
    for number, path in enumerate(("body.0.conv", "stem", "head.proj"), start=1):
        x, y = numbers[str(number)]
        assert (x, y) == (order.index(path), HEAVY[order.index(path)].own.flops)
    told = "all  3.85 GFLOPs\n1  body.0.conv\n    2.6 GFLOPs (67.5 %)\n2  stem\n"
    assert any(text.get_text().startswith(told) for text in axes.texts)


def test_the_same_numbers_as_the_axis_says() -> None:
    """A tick is its label in the unit of the axis: powers of 1024 for bytes."""
    figure = pictures.profile(NET, "net")
    for axes, scale in zip(panels(figure), (10**6, 2**20, 10**9), strict=True):
        ticks = axes.yaxis.get_major_locator()()
        labels = axes.yaxis.get_major_formatter().format_ticks(list(ticks))
        assert len(ticks) > 2
        assert [float(label) * scale for label in labels] == pytest.approx(list(ticks))


@given(st.integers(0, 10**24), st.sampled_from(["", "bytes", "FLOPs"]))
@settings(deadline=None)
def test_ticks(largest: int, unit: str) -> None:
    """Of any value there are some, the last no less than the value, in whole units below a K."""
    axes: Any = Figure().subplots()
    amounts(axes.yaxis, largest, unit, "x")  # type: ignore[arg-type] # one of them
    ticks = list(axes.yaxis.get_major_locator()())
    assert 2 <= len(ticks) <= 7
    assert ticks[0] == 0
    assert ticks[-1] >= largest
    if 0 < largest < 1000:
        assert all(float(tick).is_integer() for tick in ticks)


@given(st.integers(1, 10**24), st.integers(1, 10**12), st.sampled_from(["", "bytes", "FLOPs"]))
@settings(deadline=None)
def test_log_ticks(low: int, ratio: int, unit: str) -> None:
    """Of any range there is a handful, and each label is the tick."""
    axes: Any = Figure().subplots()
    log_amounts(axes.yaxis, low, low * ratio, unit, "x")  # type: ignore[arg-type] # one of them
    ticks = list(axes.yaxis.get_major_locator()())
    assert len(ticks) <= 6
    assert ticks == sorted(set(ticks))
    assert len(axes.yaxis.get_major_formatter().format_ticks(ticks)) == len(ticks)


def test_cumulative() -> None:
    """Curves in per cent, and the module up to which a half has come."""
    (axes,) = panels(pictures.cumulative(NET, "net"))
    assert axes.get_ylabel() == "of the whole network (%)"
    lines = {line.get_gid(): line for line in axes.lines if line.get_gid()}
    assert list(lines) == [metric for metric, _ in PANELS]
    whole = sum(row.own.flops for row in HEAVY)
    sums = [sum(row.own.flops for row in HEAVY[: n + 1]) for n in range(len(HEAVY))]
    assert list(lines["flops"].get_ydata()) == pytest.approx([100 * n / whole for n in sums])
    legend = axes.get_legend()
    assert legend
    assert legend.get_texts()[2].get_text() == "FLOPs: 3.85 GFLOPs, half of it up to body.0.conv"
    looks = {(line.get_linestyle(), line.get_marker()) for line in lines.values()}
    assert len(looks) == len(lines)  # told apart without colour


def test_half() -> None:
    """It has come where the sum is no less than the rest: 1 + 2 + 3 + 4 of 15."""
    (axes,) = panels(pictures.cumulative(weighing("a", "b", "c", "d", "e"), "net"))
    told = [text.get_text() for text in axes.get_legend().get_texts()]
    assert told == ["parameters: 15, half of it up to d"]  # nothing of what none has


def test_timeline() -> None:
    """A panel for the forward, one for training: bytes a call, the peak marked at its call."""
    forward, training = panels(pictures.timeline(NET, "net"))
    for axes, peak in ((forward, FORWARD), (training, STEP)):
        (filled,) = [
            p for p in axes.patches if isinstance(p, StepPatch) and p.get_gid() == peak.metric
        ]
        values, edges, _ = filled.get_data()
        assert list(values) == list(peak.timeline)
        assert list(edges) == list(range(len(peak.timeline) + 1))
        (mark,) = [line for line in axes.lines if line.get_gid() == "peak"]
        assert mark.get_xydata().tolist() == [[peak.call + 0.5, peak.nbytes]]
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("operator call", "memory alive (MiB)")
    assert "peak 5 MiB" in [text.get_text() for text in forward.texts]
    assert "peak 40 MiB" in [text.get_text() for text in training.texts]


def test_what_holds_the_peak() -> None:
    """Its categories, and its largest tensors, with bytes and share."""
    forward, training = panels(pictures.timeline(NET, "net"))
    told = "\n".join(text.get_text() for text in forward.texts)
    assert "peak at call 1 of 4,\n  in the forward:\n  aten.relu\n  in body.0.act" in told
    assert "  activations 4.43 MiB (88.5 %)\n  inputs 588 KiB (11.5 %)" in told
    assert "  aten.convolution 3.06 MiB\n    in stem" in told
    told = "\n".join(text.get_text() for text in training.texts)
    assert "gradient of head.proj.weight 20 MiB" in told
    assert "parameters and buffers, 21 MiB" in told


def test_phases() -> None:
    """Those in which anything happens are named above the training's panel, below their step."""
    _, training = panels(pictures.timeline(NET, "net"))
    named = [t.get_text() for t in training.texts]
    phases = [text for text in named if text in ("forward", "backward", "optimizer")]
    assert phases == ["forward", "backward", "forward"]  # the optimizer of step 1 has no call
    assert [text for text in named if text.startswith("step")] == ["step 1", "step 2"]


def test_many_calls_are_thinned() -> None:
    """Each column is the most of its calls, so that the peak stays; the picture says so."""
    line = tuple((n * 7919) % 10007 for n in range(100_000))
    peak = dataclasses.replace(FORWARD, timeline=line, nbytes=max(line), call=line.index(max(line)))
    figure = pictures.timeline(sample.trained(peaks=(peak,)), "net")
    (filled,) = [p for p in panels(figure)[0].patches if p.get_gid() == "peak_memory"]
    values = list(filled.get_data().values)
    assert len(values) <= COLUMNS
    assert max(values) == max(line)
    assert "peak_memory: 100,000 calls, each column the most of 67 in a row." in words(figure)


def test_sweep() -> None:
    """A panel a metric that varies, on log axes: the points, and the law through them."""
    figure = pictures.sweep(swept(), "net")
    (axes,) = panels(figure)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("S", "flops")
    points = {line.get_label(): line for line in axes.lines if line.get_gid()}
    assert list(points) == ["B=1", "B=2", "B=8"]
    for b in (1, 2, 8):
        expected = [[s, 12 * b * s * s + 7 * b] for s in (32, 64, 96, 128)]
        assert points[f"B={b}"].get_xydata().tolist() == expected
    assert len({line.get_marker() for line in points.values()}) == 3  # told apart without colour
    law = "flops = 12·B·S² + 7·B\nS in multiples of 32, exact at 12 points"
    assert axes.get_title(loc="left") == law
    drawn = [line for line in axes.lines if line.get_gid() is None]
    for line, b in zip(drawn, (1, 2, 8), strict=True):
        assert all(y == 12 * b * x * x + 7 * b for x, y in line.get_xydata())
    assert "Not at S=8, B=1: too small" in words(figure)


@pytest.mark.parametrize(
    ("of", "told"),
    [
        (lambda b, s: int(b * s**1.5), "flops ∝ S^1.50, B^1.00"),
        (lambda b, s: b * (s % 7 + 1) * 10**9, "fitted: no exact law"),
    ],
)
def test_a_trend(of: Callable[[int, int], int], told: str) -> None:
    """Where there is no law the exponents are told, and lines lead from point to point."""
    (axes,) = panels(pictures.sweep(swept(of), "net"))
    assert told in axes.get_title(loc="left")
    assert all(line.get_gid() for line in axes.lines)
    assert all(line.get_linestyle() != "None" for line in axes.lines)


def test_a_class_that_needs_a_line_of_its_own() -> None:
    """Long names of sizes do not run into the next panel."""
    points = [
        Point(sizes={"sequence_length": size}, metrics={"flops": size, "ops": 27 + 4 * (size > 8)})
        for size in (8, 24, 40, 48, 56)
    ]
    flops, ops = panels(pictures.sweep(Sweep(("sequence_length",), tuple(points)), "net"))
    assert flops.get_title(loc="left").splitlines()[1:] == [
        "sequence_length in multiples of 8",
        "exact at 5 points",
    ]
    # No round number lies between 27 and 31: the axis has these two.
    low, high = ops.get_ylim()
    ticks = zip(ops.get_yticks(), ops.get_yticklabels(), strict=True)
    assert [text.get_text() for at, text in ticks if low <= at <= high] == ["27", "31"]


def test_metrics_of_a_sweep() -> None:
    """Those asked for; a network that is the same at all sizes has no curves."""
    (axes,) = panels(pictures.sweep(swept(), "net", ("params",)))
    assert axes.get_ylabel() == "params"
    with pytest.raises(BurdenError, match="no metric varies"):
        pictures.sweep(Sweep(("S",), (Point(sizes={"S": 1}, metrics={"flops": 1}),)))


def test_more_curves_than_can_be_told_apart() -> None:
    """Over what has most sizes; of the others the first, the last, and some between."""
    sizes = [(a, b) for a in range(1, 31) for b in range(1, 41)]
    points = (Point(sizes={"A": a, "B": b}, metrics={"flops": a * b}) for a, b in sizes)
    figure = pictures.sweep(Sweep(("A", "B"), tuple(points)), "net")
    (axes,) = panels(figure)
    assert axes.get_xlabel() == "B"
    labels = [line.get_label() for line in axes.lines if line.get_gid()]
    assert (len(labels), labels[0], labels[-1]) == (6, "A=1", "A=30")
    assert "6 of 30 curves are drawn." in words(figure)


def test_versus() -> None:
    """Both sides of each metric, the base being 100 %, with both values and the difference."""
    figure = pictures.versus(sides(*CHANGES, otherwise="inputs were a and are b"), "net")
    metrics, flops, params = panels(figure)
    widths = [bar.get_width() for bar in metrics.patches]
    assert widths == [100, 100, 90, 150]
    assert metrics.get_xlabel() == "of the base (%)"
    legend = metrics.get_legend()
    assert legend
    assert [text.get_text() for text in legend.get_texts()] == ["base.json", "head.json"]
    hatches = [bar.get_hatch() for bar in metrics.patches]
    assert all(hatches[:2])
    assert not any(hatches[2:])  # told apart without colour
    said = [text.get_text() for text in metrics.texts]
    assert said == ["1K → 900, -100 (10.0 %)", "1 GFLOPs → 1.5 GFLOPs, +500 MFLOPs (50.0 %)"]
    named = [text.get_text() for text in flops.get_yticklabels()]
    assert named == ["head.proj\n(added, Linear)", "stem\n(stride 2→1)"]  # not what only moved
    assert [bar.get_width() for bar in flops.patches] == [4 * 10**8, 10**8]
    assert [bar.get_width() for bar in params.patches] == [-100, 0]
    assert flops.get_xlabel() == "growth of flops (MFLOPs)"
    assert "inputs were a and are b" in words(figure)


def test_versus_the_baseline() -> None:
    """What the verdicts of a run say of the baseline is enough."""

    def verdict(metric: str, base: int | None, measured: int) -> Verdict:
        growth = Growth(metric, None, 0, "by default")
        return Verdict(Kind.GREW, "t", growth, measured, Policy.FAIL, base=base)

    verdicts = (verdict("flops", 10, 15), verdict("params", 7, 7), verdict("macs", None, 3))
    found = of_result(Result("t", "t", NET, verdicts, CHANGES, "other inputs"))
    assert found == Sides(
        "the baseline",
        "this run",
        (Step("params", 7, 7), Step("flops", 10, 15)),
        CHANGES,
        "other inputs",
    )
    assert of_result(Result("t", "t", NET, ())) is None


def test_versus_another_run() -> None:
    """Metrics that everybody asks for, and others that differ, but not what says the same again."""
    after = dataclasses.replace(NET, macs=1, flops=2, buffer_memory=9, model_memory=9)
    found = of_difference(Difference("t", entry_of("t", NET), entry_of("t", after)), "a", "b")
    assert found
    assert [step.metric for step in found.steps] == [
        "params",
        "buffer_memory",
        "model_memory",
        "flops",
        "activation_memory",
        "peak_memory",
        "training_memory",
        "training_flops",
    ]
    assert of_difference(Difference("t", None, entry_of("t", NET)), "a", "b") is None


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda: pictures.profile(sample.burden(module_rows=())), "without its modules"),
        (lambda: pictures.cumulative(sample.burden(module_rows=())), "without its modules"),
        (lambda: pictures.profile(weighing()), "none of its modules"),
        (lambda: pictures.timeline(sample.burden()), "without its timeline"),
        (lambda: pictures.versus(Sides("a", "b", (), ())), "no metric"),
    ],
)
def test_nothing_to_draw(draw: Callable[[], Figure], told: str) -> None:
    """It is told, in one line."""
    with pytest.raises(BurdenError, match=told) as raised:
        draw()
    assert "\n" not in str(raised.value)


def weighing(*paths: str) -> Burden:
    """Return a network whose modules weigh 1, 2, 3, ... parameters."""
    root = ModuleRow("", "Net", 1, Figures(), Figures())
    rows = (ModuleRow(p, "L", 1, Figures(n), Figures()) for n, p in enumerate(paths, start=1))
    return sample.burden(module_rows=(root, *rows))


@pytest.mark.parametrize(
    ("paths", "first", "each"),
    [
        (  # to a level at which there are not too many
            [f"b.{i}.{j}" for i in range(50) for j in range(20)],
            "b.0",
            "a module with all below it, to level 2.",
        ),
        (  # there is no such level
            [f"m{i}" for i in range(2000)],
            "m0 to m4",
            "up to 5 modules in a row.",
        ),
        (  # one would be too few
            [f"b.{i}.{j}" for i in range(1000) for j in range(2)],
            "b.0 to b.2",
            "up to 3 modules of level 2 in a row.",
        ),
    ],
)
def test_many_modules(paths: list[str], first: str, each: str) -> None:
    """They are taken together, nothing is lost, and the picture says so."""
    network = weighing(*paths)
    many = f"{len(paths):,} modules weigh something, too many to tell apart"
    note = f"{many}: each bar is {each}"
    bars_, said = depth(network)
    assert len(bars_) <= MOST
    assert (bars_[0].name, said) == (first, note)
    assert sum(bar.own.params for bar in bars_) == len(paths) * (len(paths) + 1) // 2
    figure = pictures.profile(network, "net")
    assert note in words(figure)
    labels = {text.get_text() for text in panels(figure)[-1].get_xticklabels()}
    assert labels <= {path[:end] for path in paths for end in range(len(path) + 1)}
    names = panels(figure)[-1].get_xticks()
    assert all(b - a >= len(bars_) * 0.02 for a, b in pairwise(names))


@every
@pytest.mark.parametrize("form", ["svg", "png"])
def test_the_same_bytes(draw: Callable[[str], Figure], form: pictures.Format) -> None:
    """Whenever, and whatever else matplotlib was told before; its settings stay what they were."""
    first = pictures.to_bytes(draw("net"), form)
    with mpl.rc_context({"font.size": 20, "svg.fonttype": "path", "axes.grid": True}):
        before = repr(mpl.rcParams)
        assert pictures.to_bytes(draw("net"), form) == first
        assert repr(mpl.rcParams) == before
    assert b"dc:date" not in first


@every
def test_files(draw: Callable[[str], Figure]) -> None:
    """SVG holds text as text, in a family that every system has; PNG has pixels for printing."""
    figure = draw("the title")
    root = svg(figure)
    assert "the title" in "".join(root.itertext())
    styles = {text.get("style", "") for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert styles
    assert all(re.search(r"sans-serif(;|$)", style) for style in styles)
    content = pictures.to_bytes(figure, "png")
    assert content.startswith(b"\x89PNG")
    width, _ = struct.unpack(">II", content[16:24])
    assert width >= 900


def drawn_with(name: str) -> Iterator[Figure]:
    """Yield all pictures, everything in them that may be named being named so."""
    rows = (
        ModuleRow("", name, 1, Figures(1, 1, 1, 1), Figures()),
        ModuleRow(name, name, 1, Figures(2, 2, 2, 2), Figures()),
        ModuleRow(f"a.{name}", name, 1, Figures(3, 3, 3, 3), Figures()),
    )
    held = tuple(tensor._replace(name=name, module=name) for tensor in FORWARD.tensors)
    peak = dataclasses.replace(
        FORWARD, op=name, module=name, tensors=held, categories={name: FORWARD.nbytes}
    )
    phased = dataclasses.replace(STEP, phases=((name, 0), (f"{name} of {name}", 2)))
    network = sample.trained(
        model=name, inputs=(name,), module_rows=rows, peaks=(peak, phased), training=name
    )
    yield pictures.profile(network, name)
    yield pictures.cumulative(network, name)
    yield pictures.timeline(network, name)
    points = (
        Point(sizes={name: size}, metrics={"flops": size}, reason=name) for size in (1, 2, 3, 4)
    )
    yield pictures.sweep(Sweep((name,), (*points, Point(sizes={name: 9}, reason=name)), name), name)
    change = Change(name, "changed", Figures(flops=1), name)
    yield pictures.versus(Sides(name, name, sides().steps, (change,), name), name)


def check_texts(name: str) -> None:
    """Whatever is named so: all that is written can be seen, and is no formula."""
    for figure in drawn_with(name):
        for text in figure.findobj(Text):
            assert all(line.isprintable() for line in text.get_text().split("\n"))
            assert "$" not in text.get_text() or not text.get_parse_math()


def check_files(name: str) -> None:
    """Whatever is named so: the files are well-formed, and nobody is warned or commanded."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure in drawn_with(name):
            content = pictures.to_bytes(figure, "svg")
            ET.fromstring(content)  # noqa: S314 it is our own
            assert b"##[" not in content
            assert not re.search(rb"(?m)^\s*::", content)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name: str) -> None:
    """Of modules, tensors, operators, tests, files, symbols."""
    check_texts(name)


@given(texts)
@settings(deadline=None, max_examples=20)
def test_any_name(name: str) -> None:
    """Of any text."""
    check_texts(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "_hidden $\\frac{ $x_{1}$",
        "-->]]><script>&\"' ##[error]",
        "::x\n::y\r" + "name" * 1000,
        "漢字.カナ.\N{MATHEMATICAL FRAKTUR CAPITAL U}e\u0301",
        "\ud800\ufffe\x00\x0b\u202e",
    ],
)
def test_hostile_files(name: str) -> None:
    """The same as files."""
    check_files(name)


def test_names_are_no_formulas() -> None:
    """A dollar and an underscore are shown as they are."""
    figure = pictures.profile(weighing("$a_{1}$"), "t::x[$b^2$]")
    shown = "".join(svg(figure).itertext())
    assert "$a_{1}$" in shown
    assert "t::x[$b^2$]" in shown
    pictures.to_bytes(figure, "png")
