"""The pages about the 18 networks say what is measured now, and that is what was published."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.examples.shell import environment

EXAMPLE = Path(__file__).parents[2] / "examples" / "imagenet"
REPORT = EXAMPLE / "report"
FLOAT = 4


@pytest.fixture(scope="module")
def pages() -> Iterator[Any]:
    """The script as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLE)
        yield importlib.import_module("pages")


@pytest.fixture(scope="module")
def reports(pages: Any) -> dict[str, Any]:
    """What is measured now, by network."""
    return {network.name: pages.measure(network) for network in pages.TABLE}


def differences(pages: Any, report: Any) -> set[tuple[str, str]]:
    """Return the figures of a network that are not the published ones."""
    return {
        (report.network.name, name)
        for name, (published, measured) in pages.pairs(report).items()
        if published != measured
    }


def test_published(pages: Any, reports: dict[str, Any]) -> None:
    """All are the published figures, as they were printed, but for those with a reason.

    Of each network model memory, activation memory and FLOPs, and at six sizes of its trunk
    features, activation memory and FLOPs.
    """
    assert len(reports) == 18
    assert {len(pages.pairs(report)) for report in reports.values()} == {3 + 6 * 3}
    found = set().union(*(differences(pages, report) for report in reports.values()))
    assert found == pages.DIFFERENCES.keys() == {("squeezenet-1-0", "activation memory")}


@pytest.mark.parametrize(
    ("name", "without", "published"),
    [
        ("squeezenet-1-0", 29, 30),
        ("squeezenet-1-1", 17, 17),  # the same layer, and too little for another figure
    ],
)
def test_dropout(reports: dict[str, Any], name: str, without: int, published: int) -> None:
    """The one difference is a dropout layer's output and mask, each of the features before it."""
    report = reports[name]
    assert report.page.rows[1].features == "13 x 13 x 512"
    measured = report.burden.activation_memory
    assert round(measured / 2**20) == without
    assert round((measured + 2 * FLOAT * 13 * 13 * 512) / 2**20) == published
    assert report.network.feature_memory == f"{published} MB"


def test_notices(pages: Any, reports: dict[str, Any]) -> None:
    """A figure that is not the published one is found, counted and marked on the page."""
    report = reports["vgg-f"]
    assert pages.agreement([report]) == "Of 21 published figures 21 are those measured here."
    rows = report.page.rows
    for field, other in [("features", "7 x 6 x 256"), ("memory", "477 MB"), ("flops", "86 TFLOPs")]:
        changed = (rows[0], rows[1]._replace(**{field: other}), *rows[2:])
        wrong = report._replace(page=report.page._replace(rows=changed))
        assert differences(pages, wrong) == {("vgg-f", f"{field} of the trunk at 224")}
        assert pages.agreement([wrong]) == "Of 21 published figures 20 are those measured here."
        assert f"**{other}** (here {getattr(rows[1], field)})" in pages.page(wrong)


def test_pages_are_fresh(pages: Any, reports: dict[str, Any]) -> None:
    """What `make pages` would write is what there is, and nothing else is there."""
    files = pages.files(list(reports.values()))
    assert {path.name for path in REPORT.glob("*.md")} == files.keys()
    for name, text in files.items():
        assert (REPORT / name).read_text(encoding="utf-8") == text, f"{name}: run `make pages`"


def test_figures_are_fresh(pages: Any, reports: dict[str, Any]) -> None:
    """Each page has its figure, and one is drawn again."""
    figures = REPORT / "figures"
    assert {path.stem for path in figures.glob("*.svg")} == reports.keys()
    assert (figures / "alexnet.svg").read_bytes() == pages.figure(reports["alexnet"])


def test_command_line() -> None:
    """The command on a page measures what its table shows."""
    text = (REPORT / "vgg-f.md").read_text(encoding="utf-8")
    command = text.partition("```sh\n")[2].partition("```")[0]
    _, *arguments = shlex.split(command.replace("\\\n", ""))
    program = "from pytest_burden.cli import main; raise SystemExit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=EXAMPLE,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    rows = re.findall(r"^ *(\d+)  .*", done.stdout, re.MULTILINE)
    shown = re.findall(r"^\| (\d+) x \d+ \| .*? \| (.*?) \| .*? \| (.*?) \|", text, re.MULTILINE)
    assert rows == [size for size, _, _ in shown]
    for size, memory, flops in shown:
        (line,) = re.findall(rf"^ *{size}  .*", done.stdout, re.MULTILINE)
        assert f"  {memory}  " in line
        assert f"  {flops}  " in line
