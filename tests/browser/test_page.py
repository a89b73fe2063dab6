"""The page, as somebody uses it: with a pointer, with the keyboard, without scripts."""

from __future__ import annotations

import dataclasses
import re

import pytest
from playwright.sync_api import Page, expect

from pytest_burden.budget.run import Run
from pytest_burden.budget.units import show, show_percent
from pytest_burden.burden import Figures, ModuleRow, Unit
from pytest_burden.report.inert import visible
from pytest_burden.sweeps import Point, Sweep
from tests.browser import sample
from tests.browser.conftest import Open
from tests.report.test_gfm import HOSTILE
from tests.report.test_markdown import CHANGED, hostile_run

NET = f"#network-{sample.PLACE}"
GREW = "#network-8"


def column(page: Page, number: int) -> list[str]:
    """Return the texts of a column of the table, of the rows that are shown."""
    cells = page.locator(f"#table tbody tr:visible > :nth-child({number})")
    texts: list[str] = cells.all_inner_texts()
    return texts


def test_sort(opened: Open) -> None:
    """By a column's header: the largest first, then the smallest, then as before."""
    page = opened(sample.RUN)
    before = column(page, 1)
    number = 1 + page.locator("#table thead th").all_inner_texts().index("flops")
    head = page.locator("#table thead th").nth(number - 1)
    values = f"#table tbody tr > :nth-child({number})"

    def sorted_values() -> list[float]:
        return [
            float(each.get_attribute("data-value") or "") for each in page.locator(values).all()
        ]

    for order, reverse in (("descending", True), ("ascending", False)):
        head.get_by_role("button").click()
        expect(head).to_have_attribute("aria-sort", order)
        assert sorted_values() == sorted(sorted_values(), reverse=reverse)
        assert sorted_values()[0] != sorted_values()[-1]
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") is None
    assert column(page, 1) == before


def test_sort_by_name(opened: Open) -> None:
    """Numbers in names count as numbers."""
    run = Run(tuple(dataclasses.replace(sample.NET, id=f"t[{n}]") for n in (10, 9, 100)))
    page = opened(run)
    page.get_by_role("button", name="measurement").click()
    assert column(page, 1) == ["t[9]", "t[10]", "t[100]"]


def test_filter(opened: Open) -> None:
    """By words, in any order and case, and by verdict."""
    page = opened(sample.RUN)
    page.get_by_role("searchbox", name="Filter").fill("NET[ t.py")
    assert column(page, 1) == [sample.NET.id]
    expect(page.locator("#tools output")).to_have_text(f"1 of {len(sample.RUN.results)}")
    page.get_by_role("searchbox", name="Filter").fill("")
    assert len(column(page, 1)) == len(sample.RUN.results)
    page.get_by_label("Show").select_option("fails or warns")
    results = sample.RUN.results
    failing, warning = [r.id for r in results if r.fails], [r.id for r in results if r.warns]
    assert column(page, 1) == failing + warning


def test_open_and_return(opened: Open) -> None:
    """A network has an address; what it was opened from is found again."""
    page = opened(sample.RUN)
    link = page.locator("#table").get_by_role("link", name=sample.NET.id)
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#network h2")).to_have_text(sample.NET.id)
    expect(page.locator("#network h2")).to_be_focused()
    expect(page.locator("#overview")).to_be_hidden()
    assert page.url.endswith(NET)
    page.get_by_role("link", name="Next").click()
    expect(page.locator("#network h2")).to_have_text(sample.RUN.results[sample.PLACE + 1].id)
    page.go_back()
    expect(page.locator("#network h2")).to_have_text(sample.NET.id)
    page.get_by_role("link", name="All measurements").click()
    expect(page.locator("#overview")).to_be_visible()
    expect(link).to_be_focused()


def test_headline_leads_to_its_network(opened: Open) -> None:
    """From what fails to what there is to know of it."""
    page = opened(sample.RUN)
    page.get_by_role("link", name=f"{sample.NET.id} is over max_flops").click()
    expect(page.locator("#network h2")).to_have_text(sample.NET.id)
    expect(page.locator("#network .told h3")).to_contain_text("is over max_flops by")


def test_treemap(opened: Open) -> None:
    """Every module has its share of the surface; a click opens one, the path leads back."""
    page = opened(sample.RUN, at=NET)
    tiles = page.locator(".treemap .tile")
    assert tiles.count() > 12
    area = """tile => tile.offsetWidth * tile.offsetHeight"""
    head = page.locator('.tile[aria-label^="head,"]')
    share = head.evaluate(area) / page.locator(".treemap").evaluate(area)
    assert abs(share - 90_000_000 / sample.FLOPS) < 0.05
    page.locator('.tile[aria-label^="trunk.1,"]').click(position={"x": 8, "y": 5})
    expect(page.locator(".crumbs [aria-current]")).to_have_text("1")
    names = page.locator(".list tbody th").all_inner_texts()
    assert names == ["mlp", "attention", "norm"]
    page.locator(".crumbs").get_by_role("button", name="trunk").click()
    expect(page.locator(".crumbs [aria-current]")).to_have_text("trunk")
    assert page.locator(".list tbody th").all_inner_texts() == ["0", "1", "2", "(itself)"]


def test_treemap_by_another_metric(opened: Open) -> None:
    """Sizes and numbers are those of the metric that is chosen."""
    page = opened(sample.RUN, at=NET)
    row = page.locator(".list tbody tr", has_text="head")
    expect(row).to_contain_text("90 MFLOPs")
    page.get_by_label("by", exact=True).first.select_option("params")
    expect(row).to_contain_text("90K")
    expect(page.locator('.tile[aria-label^="head,"]')).to_contain_text("90K")


def test_treemap_by_keyboard(opened: Open) -> None:
    """Arrows move, Enter opens, Escape goes back; what has the focus is told."""
    page = opened(sample.RUN, at=NET)
    page.locator(".tile").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tip")).to_be_visible()
    label = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert page.locator("#tip b").inner_text() == label.split(",")[0]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.locator(".crumbs [aria-current]")).to_have_text("trunk")
    assert page.evaluate("document.activeElement.classList.contains('tile')")
    page.keyboard.press("Escape")
    expect(page.locator(".crumbs [aria-current]")).to_have_text("(Net)")
    assert page.locator(".tile[tabindex='0']").count() == 1


def test_tip_of_the_focus_stays(opened: Open) -> None:
    """To give the focus may scroll the page, which hides the tip of a pointer alone."""
    page = opened(sample.RUN, at=NET)
    page.set_viewport_size({"width": 900, "height": 400})
    page.locator(".tile").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tip")).to_be_visible()
    scrolled = "new Promise(done => { addEventListener('scroll', () => done(), {once: true}); "
    page.evaluate(scrolled + "scrollBy(0, 60); })")
    expect(page.locator("#tip")).to_be_visible()
    page.evaluate("document.activeElement.blur()")
    expect(page.locator("#tip")).to_be_hidden()


def test_list_by_keyboard(opened: Open) -> None:
    """The same as a list: Enter opens a module."""
    page = opened(sample.RUN, at=NET)
    for name in ("trunk", "0", "mlp"):
        page.locator(".list").get_by_role("button", name=name, exact=True).press("Enter")
    assert page.locator(".list tbody th").all_inner_texts() == ["0", "1"]


def test_tip_of_a_module(opened: Open) -> None:
    """Its path, class, settings and figures."""
    page = opened(sample.RUN, at=NET)
    page.locator('.tile[aria-label^="head,"]').hover()
    tip = page.locator("#tip")
    expect(tip).to_contain_text("Linear(8, 8)")
    share = show_percent(90_000_000, sample.FLOPS)
    expect(tip).to_contain_text(f"flops 90 MFLOPs ({share})")
    expect(tip).to_contain_text("output float32[1, 8]")


def test_timeline(opened: Open) -> None:
    """Under the pointer and by the arrows: the bytes at a call, and its phase."""
    page = opened(sample.RUN, at=NET)
    chart = page.get_by_role("slider")
    chart.scroll_into_view_if_needed()
    chart.hover(position={"x": 900, "y": 100})
    expect(page.locator("#tip")).to_contain_text("forward of step 2")
    chart.focus()
    page.keyboard.press("Home")
    expect(chart).to_have_attribute(
        "aria-valuetext", re.compile(r"^10 MiB, call 0, forward of step 1")
    )
    page.keyboard.press("ArrowRight")
    assert int(chart.get_attribute("aria-valuenow") or 0) > 0
    page.keyboard.press("End")
    expect(chart).to_have_attribute("aria-valuetext", re.compile("forward of step 2"))


def test_peak(opened: Open) -> None:
    """Its bytes, its moment, what is alive then; of each metric of memory."""
    page = opened(sample.RUN, at=NET)
    memory = page.locator("section", has=page.locator("#memory"))
    expect(memory.locator(".lead")).to_contain_text("40 MiB in the optimizer of step 1")
    expect(memory.locator("tbody tr")).to_have_count(1)
    page.get_by_label("of", exact=True).first.select_option("peak_memory")
    expect(memory.locator(".lead")).to_contain_text("5 MiB in the forward")
    expect(memory.locator("tbody tr")).to_have_count(3)
    expect(memory.locator("tbody tr").first).to_contain_text("aten.convolution")


def test_sweep(opened: Open) -> None:
    """A line for each of the other sizes, a point for each that was measured, and the laws."""
    page = opened(sample.RUN, at=NET)
    section = page.locator("section", has=page.locator("#sweep"))
    expect(section.locator("path.line:not(.sample path)")).to_have_count(4)
    expect(section.locator("circle")).to_have_count(16)
    section.locator("circle").last.focus()
    expect(page.locator("#tip")).to_contain_text(show(3 * 8 * 128 * 128 + 8, "FLOPs"))
    page.get_by_label("by", exact=True).last.select_option("S")
    expect(section.locator(".legend li")).to_have_text(["B=1", "B=2", "B=4", "B=8"])
    before = section.locator("circle").first.get_attribute("cx")
    section.get_by_label("logarithmic").check()
    assert section.locator("circle").first.get_attribute("cx") != before
    expect(section.locator("pre")).to_contain_text("= 3·B·S² + B")
    section.locator("summary").click()
    expect(section.locator("details tbody tr")).to_have_count(16)


def test_changes(opened: Open) -> None:
    """Base against head, and from a module that did it to its place in the treemap."""
    place = next(n for n, r in enumerate(CHANGED.results) if r.id == "t.py::test_grew")
    page = opened(CHANGED, at=f"#network-{place}")
    section = page.locator("section", has=page.locator("#since"))
    expect(section.locator("table").first).to_contain_text("+0.41 GFLOPs (10.6 %)")
    expect(section.locator(".blame tbody tr")).to_contain_text("+410 MFLOPs")
    expect(page.locator(".tile.changed")).to_contain_text("Δ stem")
    section.get_by_role("button", name="stem").click()
    expect(page.locator(".treemap")).to_be_in_viewport()


SIZES: list[tuple[int, Unit]] = [
    (n, unit)
    for n in (0, 1, 999, 1000, 1023, 1024, 1536, 999_499, 999_500, 25_557_032, 3 * 2**30, 10**15)
    for unit in ("", "FLOPs", "bytes")
]  # fmt: skip


def test_sizes(opened: Open) -> None:
    """The script writes them as the terminal does."""
    page = opened(sample.RUN)
    written = page.evaluate("sizes => sizes.map(([n, unit]) => show(n, unit))", SIZES)
    assert written == [show(n, unit) for n, unit in SIZES]
    shares = [(1, 3), (1, 10_000), (0, 5), (5, 5), (2, 3000)]
    written = page.evaluate("shares => shares.map(([a, b]) => percent(a, b))", shares)
    assert written == [show_percent(*share) for share in shares]


def test_themes(opened: Open) -> None:
    """The browser's own, or the one that is chosen."""
    background = "getComputedStyle(document.body).backgroundColor"
    light = opened(sample.RUN, color_scheme="light")
    dark = opened(sample.RUN, color_scheme="dark")
    colours = [page.evaluate(background) for page in (light, dark)]
    assert colours[0] != colours[1]
    button = dark.get_by_role("button", name="Theme")
    button.click()
    expect(button).to_have_text("Theme: Light")
    assert dark.evaluate(background) == colours[0]
    button.click()
    assert dark.evaluate(background) == colours[1]
    button.click()
    expect(button).to_have_text("Theme: Auto")


@pytest.mark.parametrize("at", ["", NET, "#network-2", GREW])
@pytest.mark.parametrize("width", [360, 640, 1600])
def test_widths(opened: Open, at: str, width: int) -> None:
    """Nothing is wider than the window; tables scroll by themselves."""
    page = opened(sample.RUN, at=at, width=width)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_narrowed(opened: Open) -> None:
    """Drawings follow the window."""
    page = opened(sample.RUN, at=NET)
    page.set_viewport_size({"width": 400, "height": 700})
    page.wait_for_function("document.querySelector('.chart').clientWidth < 400")
    page.wait_for_function(
        "[...document.querySelectorAll('.tile')].every(t => t.offsetLeft + t.offsetWidth < 400)"
    )


def test_without_scripts(opened: Open) -> None:
    """The verdict, what fails, and the table are there."""
    page = opened(sample.RUN, java_script_enabled=False, at=NET)
    expect(page.locator("h1")).to_have_text("✗ Fails")
    expect(page.locator(".told.fail article").first).to_contain_text("is over max_flops by")
    expect(page.locator("#table tbody tr")).to_have_count(len(sample.RUN.results))
    expect(page.locator("#network")).to_be_hidden()


MARKER = "<img src=x onerror=\"window.harm='img'\"><script>window.harm='script'</script>"
HARMFUL = [
    *HOSTILE,
    f"</script>{MARKER}",
    f"</style></title></pre></code>{MARKER}",
    f"\"'>{MARKER}",
    "javascript:window.harm=1",
    "${window.harm=1}",
    "__proto__",
    "constructor",
    "a" * 10_000,
    "\N{RIGHT-TO-LEFT OVERRIDE}\ud800\u2028<b>" * 1000,
]


@pytest.mark.parametrize("name", HARMFUL, ids=range(len(HARMFUL)))
def test_hostile(opened: Open, name: str) -> None:
    """Wherever a name stands, also in tips: nothing of it runs, and it is shown as it is."""
    shown = visible(name)
    rows = (
        ModuleRow("", name, 1, Figures(flops=1), Figures()),
        ModuleRow(f"a{name}", name, 1, Figures(flops=5), Figures(), (), (name,), name),
        ModuleRow(f"b.{name}", name, 1, Figures(flops=7), Figures(), (), (name,), name),
    )
    peaks = tuple(
        dataclasses.replace(
            peak,
            op=name,
            phases=((name, 0),),
            categories={name: peak.nbytes},
            tensors=tuple(t._replace(name=name, category=name, shape=name) for t in peak.tensors),
        )
        for peak in sample.net().peaks
    )
    symbol = f"s{name}"
    points = tuple(Point(sizes={symbol: n}, metrics={"flops": n}) for n in (1, 2, 3))
    sweep = Sweep((symbol,), points)
    burden = sample.net(module_rows=rows, model=name, peaks=peaks)
    result = dataclasses.replace(sample.NET, id=f"x{name}", burden=burden, sweep=sweep)
    run = dataclasses.replace(hostile_run(name), compared_with=name)
    run = dataclasses.replace(run, results=(result, *run.results))
    page = opened(run, width=900)
    assert f"x{shown}" in [
        text.replace("\n", "") for text in page.locator("#table code").all_text_contents()
    ]
    for place in range(len(run.results)):
        page.evaluate("place => { location.hash = `network-${place}`; }", place)
        expect(page.locator("#network h2")).to_have_text(
            visible(run.results[place].id), use_inner_text=False
        )
        for drawn in page.locator(".tile, circle.dot").all():
            drawn.dispatch_event("pointermove")
            drawn.dispatch_event("pointerenter")
        if place == 0:
            page.get_by_role("slider").press("Home")
            assert shown in (page.locator("#tip").text_content() or "")
    assert page.locator("main img, main script").count() == 0
    assert page.evaluate("'harm' in window") is False
