"""The HTML page of 50 networks: its size, and how quickly a browser shows, sorts and zooms it.

Run it as `make benchmark` does: PYTHONPATH=examples/imagenet:. python examples/benchmark/page.py
With a FILE the page is only written there.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from published import TABLE

from pytest_burden import __version__, measure
from pytest_burden.budget.limits import Limit
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.verdict import judge
from pytest_burden.burden import Burden
from pytest_burden.report.page import html
from tests.networks import NETWORKS

if TYPE_CHECKING:
    from playwright.sync_api import Page

BATCHES = (1, 8)
ROUNDS = 5
TASKS = {
    "sort by flops": "document.querySelectorAll('#table thead button')[4].click()",
    "filter": "const i = document.getElementById('filter'); i.value = 'resnet';"
    " i.dispatchEvent(new Event('input'))",
    "open resnet-152": "[...document.querySelectorAll('#table a')]"
    ".find(a => a.textContent.includes('resnet-152-8')).click()",
    "treemap by another metric": "const s = [...document.querySelectorAll('select')]"
    ".find(s => s.value === 'flops'); s.value = 'params'; s.dispatchEvent(new Event('change'))",
    "zoom into a module": "document.querySelector('.tile.group').click()",
}
"""What somebody does, in this order."""
UNTIL_DRAWN = """() => new Promise(done => {
    const start = performance.now();
    (() => { %s })();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
})"""


def measured() -> Iterator[tuple[str, Burden]]:
    """Measure 18 ImageNet networks at two batch sizes and the 14 test networks, with training."""
    for row in TABLE:
        module, name = row.build.split(":")
        build = getattr(importlib.import_module(f"networks.{module}"), name)
        for batch in BATCHES:
            inputs = row.input.replace("[1,", f"[{batch},")
            test = f"tests/test_imagenet.py::test_classifier[{row.name}-{batch}]"
            yield test, measure(build, (inputs,), training="Adam")
    for network in NETWORKS:
        burden = measure(network.build, network.inputs(2), training="Adam")
        yield f"tests/test_networks.py::test_network[{network}]", burden


def fifty() -> Run:
    """Return them as a run in which each has limits, and some break them."""
    results = []
    for number, (name, burden) in enumerate(measured()):
        share = 96 if number % 17 == 0 else 110
        limits = [
            Limit("flops", burden.flops * share // 100, "tests/test_imagenet.py:21"),
            Limit("peak_memory", burden.peak_memory * 6 // 5, "pyproject.toml: tool.burden.limits"),
        ]
        results.append(Result(name, name, burden, judge(name, burden, limits)))
    return Run(tuple(results))


def browser() -> str | None:
    """Return the browser that there is."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return os.environ.get("BURDEN_BROWSER") or next(filter(None, map(shutil.which, names)), None)


def round_of(page: Page, file: Path) -> dict[str, float]:
    """Return the milliseconds of each task in a page that is opened anew."""
    page.goto("about:blank")
    page.goto(file.as_uri())
    page.wait_for_function("performance.getEntriesByType('paint').length > 0")
    found = {"first paint": page.evaluate("performance.getEntriesByType('paint')[0].startTime")}
    ready = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
    found["scripts are done"] = page.evaluate(ready)
    for name, task in TASKS.items():
        found[name] = page.evaluate(UNTIL_DRAWN % task)
    return found


def main() -> None:
    """Print the size of the page, and the time of each task."""
    run = fifty()
    start = time.perf_counter()
    text = html(run, {"pytest-burden": __version__})
    taken = time.perf_counter() - start
    size = len(text.encode())
    print(f"{len(run.results)} networks: {size:,} bytes, made in {taken:.2f} s")
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text, encoding="utf-8")
        return
    path = browser()
    if path is None:
        print("no browser: the page is not opened")
        return
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 only where it is needed

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "page.html"
        file.write_text(text, encoding="utf-8")
        started = playwright.chromium.launch(executable_path=path)
        page = started.new_page(viewport={"width": 1280, "height": 900})
        rounds = [round_of(page, file) for _ in range(ROUNDS)]
        for name in rounds[0]:
            print(f"{name:26} {median(each[name] for each in rounds):6.0f} ms")
        started.close()


if __name__ == "__main__":
    main()
