"""Files that are written in one step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_burden.budget.files import lost, write_whole

ENDLESS = """
import sys
from pathlib import Path
from pytest_burden.budget.files import write_whole
n = 0
while True:
    n += 1
    write_whole(Path(sys.argv[1]), f"{n % 10}" * 300_000)
"""


@pytest.mark.parametrize("moment", [0.3, 0.35, 0.4, 0.47])
def test_killed(tmp_path: Path, moment: float) -> None:
    """Whoever is killed while writing leaves one version, whole."""
    path = tmp_path / "file"
    write_whole(path, "0" * 300_000)
    with subprocess.Popen([sys.executable, "-c", ENDLESS, str(path)]) as writer:
        time.sleep(moment)
        seen = [path.read_text(encoding="utf-8") for _ in range(20)]
        writer.send_signal(signal.SIGKILL)
    for text in (*seen, path.read_text(encoding="utf-8")):
        assert (len(text), len(set(text))) == (300_000, 1)


def test_refused(tmp_path: Path) -> None:
    """What cannot be written leaves nothing behind."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"folder"):
        write_whole(tmp_path / "folder", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_lone_surrogate(tmp_path: Path) -> None:
    """A name of a file may have one; it is written as an escape."""
    write_whole(tmp_path / "file", "a\udcffb")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "a\\udcffb"


@pytest.mark.parametrize("there", [True, False])
def test_link(tmp_path: Path, *, there: bool) -> None:
    """What a link leads to is written, and the link stays; nothing else is left."""
    (tmp_path / "kept").mkdir()
    file, link = tmp_path / "kept" / "file", tmp_path / "link"
    link.symlink_to(Path("kept", "file"))
    if there:
        file.write_text("old", encoding="utf-8")
    write_whole(link, "new")
    assert (link.is_symlink(), link.readlink()) == (True, Path("kept", "file"))
    assert (file.is_symlink(), file.read_text(encoding="utf-8")) == (False, "new")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "kept", "link"]


def test_pipe(tmp_path: Path) -> None:
    """What is read as it is written is written to, not put aside: nor is /dev/null."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", "text")
    assert (os.read(reader, 9), (tmp_path / "pipe").is_fifo()) == (b"text", True)
    os.close(reader)


KEPT = "would overwrite the baseline: give another file"


@pytest.mark.parametrize(
    ("outputs", "told"),
    [
        (["a.json", "b.json"], ""),
        (["a.json", "kept/a.json"], ""),
        (["a.json", "a.json"], "--0=a.json and --1=a.json are one file: give each its own"),
        (["a.json", "./kept/../a.json"], "--0=a.json and --1=./kept/../a.json are one file: give"),
        (["a.json", "link"], "--0=a.json and --1=link are one file: give each its own"),
        (["kept/a.json", "folder/a.json"], "--0=kept/a.json and --1=folder/a.json are one file"),
        (["kept/base"], f"--0=kept/base {KEPT}"),
        (["base"], f"--0=base {KEPT}"),
        (["a.json", "folder/base"], f"--1=folder/base {KEPT}"),
        (["hard"], f"--0=hard {KEPT}"),
        (["/dev/null", "/dev/null"], ""),
        (["pipe", "pipe"], ""),
        ([f"{'x' * 999}", "a.json"], ""),
    ],
)
def test_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs: list[str], told: str
) -> None:
    """Two names are of one file wherever they lead to it, whether it is there or not."""
    monkeypatch.chdir(tmp_path)
    Path("kept").mkdir()
    Path("folder").symlink_to("kept")
    Path("link").symlink_to("a.json")
    os.mkfifo("pipe")
    Path("kept/base").write_text("{}", encoding="utf-8")
    Path("base").symlink_to("kept/base")
    Path("hard").hardlink_to("kept/base")
    named = [(f"--{number}={name}", Path(name)) for number, name in enumerate(outputs)]
    assert lost(named, [("the baseline", Path("kept/base"))])[: len(told) or 999] == told


def test_lost_before_it_is_there(tmp_path: Path) -> None:
    """What would be written there is lost when the baseline is made."""
    told = lost([("x", tmp_path / "base")], [("the baseline", tmp_path / "." / "base")])
    assert told == f"x {KEPT}"
