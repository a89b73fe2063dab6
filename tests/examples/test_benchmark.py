"""The benchmark's large network is counted right, and without memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

LARGE = """\
import sys
sys.path[:0] = {paths}
import speed
from pytest_burden import measure
before = speed.memory("VmRSS")
burden = measure(speed.llama_70b, "int64[1, 2048]")
print(burden.params, burden.macs, burden.method, speed.memory("VmHWM") - before)
"""

LARGER = """\
import sys
sys.path[:0] = {paths}
import speed
rows = speed.larger()
print(*[row[2] for row in rows], *[row[3] for row in rows])
"""

SMALL = """\
import sys
sys.path[:0] = {paths}
import speed, torch
print(*speed.compare("layer", lambda: torch.nn.Linear(2, 2), torch.ones(1, 2)))
"""


def run(program: str) -> list[str]:
    """Run a program that can import the benchmark, and return the words it prints."""
    paths = [str(EXAMPLES / "benchmark"), str(EXAMPLES / "imagenet")]
    done = subprocess.run(
        [sys.executable, "-c", program.format(paths=paths)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_large_decoder() -> None:
    """282 GB of float32, measured in less than 100 MB above what the imports take.

    The parameters are those published for a Llama of this shape. In each layer, query and output
    are 8192 x 8192, key and value 8192 x 1024, gate, up and down 8192 x 28672; attention is two
    products of 2048 x 2048 x 8192; the head is 8192 x 128256.
    """
    params, macs, method, growth = run(LARGE)
    assert int(params) == 70_553_706_496
    layer = 2048 * 8192 * (2 * 8192 + 2 * 1024 + 3 * 28_672) + 2 * 2048 * 2048 * 8192
    assert int(macs) == 80 * layer + 2048 * 8192 * 128_256
    assert method == "abstract"
    assert int(growth) < 100_000_000


def decoder(shape: tuple[int, int, int, int], tokens: int, past: int = 0) -> int:
    """Return the multiply-adds by hand; ``shape``: layers, hidden, of keys and values, wide."""
    layers, hidden, narrow, wide = shape
    weights = 2 * hidden * hidden + 2 * hidden * narrow + 3 * hidden * wide
    attention = 2 * tokens * (past + tokens) * hidden
    return layers * (tokens * weights + attention) + tokens * hidden * 128_256


def test_larger_decoders() -> None:
    """Long texts, one token after a long text, and a training step of the largest decoder.

    A step is three times the forward, and one product of attention is worked out again. It takes
    four times its parameters (those, gradients, two moments) and little more: one batch is short.
    """
    figures = [*map(int, run(LARGER))]
    macs, peaks = figures[:6], figures[6:]
    llama, largest = (80, 8192, 1024, 28_672), (126, 16_384, 1024, 53_248)
    forward = decoder(largest, tokens=2048)
    assert macs == [
        decoder(llama, tokens=2048),
        decoder(llama, tokens=131_072),
        decoder(llama, tokens=1, past=131_071),
        forward,
        decoder(largest, tokens=131_072),
        3 * forward + 126 * 2048 * 2048 * 16_384,
    ]
    remembered = 80 * 2 * 8 * 131_071 * 128 * 4
    assert remembered < peaks[2] < 1.02 * remembered
    parameters = 405_853_388_800
    assert 4 * 4 * parameters < peaks[5] < 4 * 4 * 1.01 * parameters


def test_comparison() -> None:
    """A row of the table: name, two times, and the median of their ratio."""
    name, measuring, forward, ratio = run(SMALL)
    assert name == "layer"
    assert float(measuring) > 0
    assert float(forward) > 0
    assert float(ratio) > 1  # a layer of four weights runs faster than it can be traced
