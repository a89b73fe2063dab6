"""Baselines of any content, and by hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from pytest_burden.budget.baseline import Baseline, Entry
from pytest_burden.burden import METRICS, Convention

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SPECIAL = "\n\r\t\"'\\,:[]{}# =<>|\x00\x7f\x85\u2028\ud800\udcff\U0001f600a"

# JSON cannot tell two surrogates from the one letter that they stand for.
texts = st.text(st.characters(exclude_categories=()) | st.sampled_from(_SPECIAL), max_size=12)
texts = texts.filter(lambda text: not _PAIR.search(text))
ids = st.builds(lambda file, test: f"{file}::{test}", texts, texts) | texts
counts = st.integers(0, 10**24)
conventions = st.builds(
    Convention,
    fma=st.sampled_from([1, 2]),
    datum_bytes=st.none() | st.integers(1, 8),
    transcendental=st.integers(0, 3),
    target=st.sampled_from(["cpu", "cuda"]),
)


@st.composite
def module_rows(draw: st.DrawFn) -> Sequence[Sequence[Any]]:
    """Return modules as they stand in the file, each path once."""
    paths = draw(st.lists(texts, max_size=4, unique=True))
    figures = st.lists(counts, max_size=9).filter(lambda own: not own or own[-1] > 0)
    return [
        [path, draw(texts), draw(st.integers(0, 9)), draw(figures), draw(texts), draw(outputs)]
        for path in paths
    ]


outputs = st.lists(texts, max_size=2)
entries = st.builds(
    Entry,
    ids,
    model=texts,
    inputs=st.lists(texts, max_size=2).map(tuple),
    training=texts,
    convention=conventions,
    fingerprint=st.from_regex("[0-9a-f]{16}", fullmatch=True),
    metrics=st.dictionaries(st.sampled_from(sorted(METRICS)), counts),
    rows=module_rows(),
    lower_bounds=st.lists(st.sampled_from(sorted(METRICS)), max_size=2).map(tuple),
)


def baseline(*entries: Entry, torch: str = "2.13") -> Baseline:
    """Return a baseline of some entries."""
    return Baseline(torch, {entry.id: entry for entry in entries})


baselines = st.lists(entries, max_size=4, unique_by=lambda entry: entry.id).map(
    lambda found: baseline(*found)
)


def entry(name: str, flops: int = 10, params: int = 5) -> Entry:
    """Return a small network of two layers as it was measured."""
    rows = [
        ["", "Sequential", 1, [], "", ["float32[1, 2]"]],
        ["0", "Linear", 1, [params, 8, flops, 8], "4, 2, bias=True", ["float32[1, 2]"]],
        ["1", "ReLU", 1, [], "", ["float32[1, 2]"]],
    ]
    metrics = {"params": params, "macs": 8, "flops": flops}
    return Entry(name, "Net", ("1x4",), "", Convention(), "0123456789abcdef", metrics, rows)
