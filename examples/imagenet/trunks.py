"""The trunks of the 18 networks at six input sizes, and what was published of them.

A trunk is the network up to the last layer that takes an input of any size: what follows, a fully
connected layer or a pool over the whole map, fixes the size. What was published of it, by the tool
of `published.py`, is in `published_trunks.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import NamedTuple, cast

import torch
from networks.resnet import Bottleneck
from networks.squeezenet import Fire
from published import Published
from torch import nn

import pytest_burden
from pytest_burden.budget.units import base_of
from pytest_burden.burden import METRICS, Burden
from pytest_burden.sweeps import Sweep

LAST = (nn.MaxPool2d, Bottleneck, Fire)
"""The last one of these in a network ends its trunk."""
UNITS = {
    "bytes": ("B", "KB", "MB", "GB", "TB"),
    "FLOPs": ("FLOPs", "KFLOPs", "MFLOPs", "GFLOPs", "TFLOPs"),
}
"""As the published pages name them; of bytes each is 1024 of the one before it."""


class Row(NamedTuple):
    """A trunk at one input size, as a published page shows it."""

    size: int
    features: str
    """Height, width and channels for one image: ``"7 x 7 x 512"``."""
    memory: str
    flops: str


class Page(NamedTuple):
    """What was published of one trunk."""

    url: str
    layer: str
    """The name that its last layer has there."""
    rows: tuple[Row, ...]


def _read(file: Path) -> tuple[str, int, dict[str, Page]]:
    data = json.loads(file.read_text(encoding="utf-8"))
    source = f"{data['source']}/blob/{data['commit']}"
    pages = {
        name: Page(f"{source}/{each['page']}", each["layer"], tuple(Row(*r) for r in each["rows"]))
        for name, each in data["networks"].items()
    }
    return f"{data['source']}/tree/{data['commit']}", data["batch"], pages


SOURCE, BATCH, PAGES = _read(Path(__file__).with_name("published_trunks.json"))
SPEC = f"float32[{BATCH}, 3, S, S]"


def factory(network: Published) -> Callable[[], nn.Module]:
    """Return what builds a network."""
    return cast("Callable[[], nn.Module]", resolve_name(f"networks.{network.build}"))


def measure(network: Published) -> Sweep:
    """Measure the trunk of a network, for a batch, at the published input sizes."""
    build = factory(network)
    sizes = [row.size for row in PAGES[network.name].rows]
    return pytest_burden.sweep(build, SPEC, vary={"S": sizes}, until=end(build))


def end(build: Callable[[], nn.Module]) -> str:
    """Return the path of the last module of a network's trunk."""
    with torch.device("meta"):
        children = build().named_children()
        return [path for path, child in children if isinstance(child, LAST)][-1]


def row(size: int, burden: Burden) -> Row:
    """Return the burden of a trunk as a published page would show it."""
    memory, flops = (rounded(burden, metric) for metric in ("activation_memory", "flops"))
    return Row(size, features(burden), memory, flops)


def features(burden: Burden) -> str:
    """Return what a trunk makes of one image, as ``"7 x 7 x 512"``."""
    (output,) = burden.module_rows[0].outputs
    _, channels, height, width = re.findall(r"\d+", output.partition("[")[2])
    return f"{height} x {width} x {channels}"


def rounded(burden: Burden, metric: str) -> str:
    """Return a metric as it was published: a whole number of the largest unit not above it."""
    value, unit = burden.value(metric) or 0, METRICS[metric].unit
    base, power = base_of(unit), 0
    while value >= base ** (power + 1):
        power += 1
    return f"{value / base**power:.0f} {UNITS[unit][power]}"
