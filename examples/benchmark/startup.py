"""What the plugin adds to a run of pytest that has nothing to do with budgets."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 20
COMMAND = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
WAYS = {"without": ["-p", "no:burden"], "with": []}


def seconds(folder: Path, options: list[str]) -> float:
    """Return how long one run takes."""
    start = time.perf_counter()
    subprocess.run([*COMMAND, *options], cwd=folder, check=True, capture_output=True)  # noqa: S603
    return time.perf_counter() - start


def main() -> None:
    """Run both in turn, so that whatever else the machine does slows both; print the medians."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_nothing.py").write_text("def test_nothing(): pass\n", encoding="utf-8")
        taken: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(ROUNDS):
            for way, options in WAYS.items():
                taken[way].append(seconds(folder, options))
    for way, times in taken.items():
        print(f"{way} the plugin: {1000 * statistics.median(times):.0f} ms")
    pairs = zip(taken["with"], taken["without"], strict=True)
    more = statistics.median(one - other for one, other in pairs)
    print(f"added: {1000 * more:.1f} ms (median of {ROUNDS} pairs)")


if __name__ == "__main__":
    main()
