"""Write a page about each of the 18 networks, and an index of them, into `report`.

Run `python pages.py`, or `make pages` in the repository. What is written depends on nothing but
the networks, the counting and the published figures: a page that changes tells of a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import trunks
from published import DIFFERENCES, TABLE, Published

import pytest_burden
from pytest_burden.budget.units import show
from pytest_burden.burden import METRICS, Burden
from pytest_burden.report import pictures
from pytest_burden.report.gfm import table_lines
from pytest_burden.sweeps import Sweep

FOLDER = Path(__file__).with_name("report")


class Report(NamedTuple):
    """What a page is made of."""

    network: Published
    page: trunks.Page
    """What was published of the trunk."""
    burden: Burden
    """Of the whole network, for one image."""
    trunk: Sweep
    """For a batch, at the published input sizes."""


def main() -> None:
    """Write all files."""
    reports = [measure(network) for network in TABLE]
    (FOLDER / "figures").mkdir(parents=True, exist_ok=True)
    for name, text in files(reports).items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    for report in reports:
        (FOLDER / "figures" / f"{report.network.name}.svg").write_bytes(figure(report))
    print(f"{len(reports)} networks: {agreement(reports)}")


def measure(network: Published) -> Report:
    """Measure a network and its trunk."""
    burden = pytest_burden.measure(trunks.factory(network), network.input)
    return Report(network, trunks.PAGES[network.name], burden, trunks.measure(network))


def files(reports: Sequence[Report]) -> dict[str, str]:
    """Return the text of the index and of each page, by the name of the file."""
    pages = {f"{report.network.name}.md": page(report) for report in reports}
    return {"README.md": index(reports), **pages}


def figure(report: Report) -> bytes:
    """Return the profile of a network over its depth, as SVG."""
    return pictures.to_bytes(pictures.profile(report.burden, report.network.name), "svg")


# --- one network ----------------------------------------------------------------------------------


PAGE = """\
# {name}

`{function}` of [`networks/{module}.py`](../networks/{module}.py), published in 2017 as
[{published}]({url});
[all networks](README.md).

One image, `{input}`:

{whole}
{reasons}
## Its trunk at other sizes

Up to the end of its module `{until}`, published as `{layer}`, the network takes images of any size.
At 0.5 to 3 times the size above, for a batch of {batch}:

{trunk}

The same from the command line, in `examples/imagenet`:

```sh
burden sweep networks.{build} --input '{spec}' \\
    --vary S={sizes} --until {until}
```

## Its profile

Where one image meets parameters, activations and FLOPs, from the first layer to the last:

![Profile of {name}](figures/{name}.svg)
"""


def page(report: Report) -> str:
    """Return the page of a network."""
    network, published = report.network, report.page
    module, function = network.build.split(":")
    return PAGE.format(
        name=network.name,
        build=network.build,
        module=module,
        function=function,
        input=network.input,
        published=Path(published.url).stem,
        url=published.url,
        whole=whole(report),
        reasons="".join(
            f"\n{why}\n" for (name, _), why in DIFFERENCES.items() if name == network.name
        ),
        until=report.trunk.until,
        layer=published.layer,
        batch=trunks.BATCH,
        trunk=trunk(report),
        spec=trunks.SPEC,
        sizes=",".join(str(row.size) for row in published.rows),
    )


def whole(report: Report) -> str:
    """Return the table of the whole network."""
    compared = {metric: (theirs, ours) for metric, theirs, ours in figures(report)}
    metrics = ("params", "model_memory", "macs", "flops", "activation_memory", "peak_memory")
    rows = [
        (
            f"`{metric}`",
            shown(report.burden, metric),
            beside(*compared[metric]) if metric in compared else "",
        )
        for metric in metrics
    ]
    return table(("metric", "measured", "published"), rows)


def trunk(report: Report) -> str:
    """Return the table of the trunk, a row for each input size."""
    rows = [
        (
            f"{theirs.size} x {theirs.size}",
            beside(theirs.features, ours.features),
            shown(burden, "activation_memory"),
            beside(theirs.memory, ours.memory),
            shown(burden, "flops"),
            beside(theirs.flops, ours.flops),
        )
        for theirs, ours, burden in sizes(report)
    ]
    headers = ("input", "feature size", "`activation_memory`", "published", "`flops`", "published")
    return table(headers, rows)


def figures(report: Report) -> list[tuple[str, str, str]]:
    """Return the metrics with a published figure: that, and what is measured, rounded like it."""
    published = {
        "model_memory": report.network.model_memory,
        "flops": report.network.flops,
        "activation_memory": report.network.feature_memory,
    }
    return [(name, text, trunks.rounded(report.burden, name)) for name, text in published.items()]


def sizes(report: Report) -> list[tuple[trunks.Row, trunks.Row, Burden]]:
    """Return for each input size of the trunk what was published, and what is measured."""
    burdens = {point.sizes["S"]: point.burden for point in report.trunk.points if point.burden}
    return [
        (theirs, trunks.row(theirs.size, burdens[theirs.size]), burdens[theirs.size])
        for theirs in report.page.rows
    ]


def shown(burden: Burden, metric: str) -> str:
    """Return a metric to three digits."""
    return show(burden.value(metric) or 0, METRICS[metric].unit)


def beside(published: str, measured: str) -> str:
    """Return a published figure, marked where what is measured does not round to it."""
    return published if published == measured else f"**{published}** (here {measured})"


# --- all of them ----------------------------------------------------------------------------------


INDEX = """\
# {count} ImageNet networks

Written by `make pages`, and not touched by hand. There is a page about each network: its burden
beside the figures that [convnet-burden]({source})
published, its trunk at six input sizes, and a picture of where in its depth the burden lies. What
is counted is explained in the [README](../../../README.md#what-is-counted).

{table}

A published MB is 2^20 bytes, a multiply-add one FLOP; figures are rounded to whole numbers.
{agreement}

{reasons}
"""


def index(reports: Sequence[Report]) -> str:
    """Return the page that leads to the others."""
    return INDEX.format(
        count=len(reports),
        source=trunks.SOURCE,
        table=catalogue(reports),
        agreement=agreement(reports),
        reasons="\n\n".join(DIFFERENCES.values()),
    )


def catalogue(reports: Iterable[Report]) -> str:
    """Return the table of all networks, for one image each."""
    metrics = ("params", "model_memory", "flops", "activation_memory")
    rows = [
        (
            f"[{report.network.name}]({report.network.name}.md)",
            report.network.input,
            *(shown(report.burden, metric) for metric in metrics),
        )
        for report in reports
    ]
    return table(("network", "input", *(f"`{metric}`" for metric in metrics)), rows)


def agreement(reports: Iterable[Report]) -> str:
    """Return how many of the published figures are what is measured here."""
    compared = [pair for report in reports for pair in pairs(report).values()]
    equal = sum(published == measured for published, measured in compared)
    return f"Of {len(compared)} published figures {equal} are those measured here."


def pairs(report: Report) -> dict[str, tuple[str, str]]:
    """Return each published figure of a network, and what is measured, by what it is of."""
    found = {name.replace("_", " "): (theirs, ours) for name, theirs, ours in figures(report)}
    for theirs, ours, _ in sizes(report):
        for field in ("features", "memory", "flops"):
            name = f"{field} of the trunk at {theirs.size}"
            found[name] = getattr(theirs, field), getattr(ours, field)
    return found


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as Markdown: names on the left, numbers on the right."""
    align = "l" + "r" * (len(headers) - 1)
    return "".join(table_lines(headers, rows, align)).rstrip("\n")


if __name__ == "__main__":
    main()
