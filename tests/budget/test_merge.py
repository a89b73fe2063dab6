"""What git makes of two branches that have both changed the baseline."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_burden.budget.baseline import FILE, RENEW, Baseline, Entry, dump, read
from tests.budget.baselines import baseline, entry

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")

NAMES = tuple(f"t.py::{letter}" for letter in "abcdefgh")
KNOWN = NAMES[1::2]
"""What stands in the file from which both branches start: between any two is room for another."""

Edits = Mapping[str, Entry | None]
"""What becomes of some measurements on one branch; None where they are taken out."""

versions = st.builds(
    lambda flops, params: (flops, params), st.integers(11, 99), st.sampled_from([5, 6])
)


class Repository:
    """A repository with a baseline on which two branches work."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE
        self._folder = folder
        self._git("init", "--quiet", "--initial-branch=main")
        (folder / ".gitattributes").write_text(f"{FILE} merge=union\n", encoding="utf-8")

    def merged(self, start: Baseline, ours: Baseline, theirs: Baseline) -> str:
        """Return the file after the merge of two branches, which git has to do by itself."""
        self._git("checkout", "--quiet", "--orphan", "start")
        self._commit(start)
        self._git("checkout", "--quiet", "-B", "theirs")
        self._commit(theirs)
        self._git("checkout", "--quiet", "-B", "ours", "start")
        self._commit(ours)
        self._git("merge", "--quiet", "--no-edit", "theirs")
        text = self.file.read_text(encoding="utf-8")
        self._git("checkout", "--quiet", "--detach")
        self._git("branch", "--quiet", "-D", "start", "ours", "theirs")
        return text

    def _commit(self, state: Baseline) -> None:
        self.file.write_text(dump(state), encoding="utf-8")
        self._git("add", ".")
        self._git("commit", "--quiet", "--allow-empty", "--message=measured")

    def _git(self, *arguments: str) -> None:
        nobody = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
        plain = ["-c", "core.autocrlf=false", "-c", "commit.gpgsign=false"]
        command = ["git", *nobody, *plain, *arguments]
        done = subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Return an empty repository that has git merge baselines line by line."""
    return Repository(tmp_path_factory.mktemp("repository"))


def start() -> Baseline:
    """Return what both branches start from."""
    return baseline(*map(entry, KNOWN))


def edited(before: Baseline, *edits: Edits) -> Baseline:
    """Return a baseline after some edits."""
    after: dict[str, Entry | None] = dict(before.entries)
    for each in edits:
        after |= each
    left = {name for name, known in after.items() if known is None} & before.entries.keys()
    whole = baseline(*(known for known in after.values() if known is not None))
    return replace(whole, gone=(before.gone | left) - whole.entries.keys())


def edit(draw: st.DrawFn, name: str) -> Entry | None:
    """Return another version of a measurement, also with a module more or another last one."""
    if name in KNOWN and draw(st.booleans()):
        return None
    known = entry(name, *draw(versions))
    first, *rows = known.rows
    last = ["1", "ReLU", 2, [], "", ["float32[1, 2]"]]
    more = ["2", "Linear", 1, [1], "", []]
    others = draw(st.sampled_from([rows, [rows[0], last], [*rows, more], rows[:1], []]))
    return Entry(
        name,
        draw(st.sampled_from(["Net", "Other"])),
        known.inputs,
        "",
        known.convention,
        known.fingerprint,
        known.metrics,
        [first, *others],
    )


@st.composite
def different_edits(draw: st.DrawFn) -> tuple[Edits, Edits]:
    """Return what two branches do to different measurements."""
    owners = draw(st.tuples(*(st.sampled_from(["neither", "ours", "theirs"]) for _ in NAMES)))
    ours: dict[str, Entry | None] = {}
    theirs: dict[str, Entry | None] = {}
    for name, owner in zip(NAMES, owners, strict=True):
        if owner != "neither":
            found = ours if owner == "ours" else theirs
            found[name] = edit(draw, name)
    return ours, theirs


slow = settings(max_examples=15, deadline=None)


def neighbours() -> tuple[Edits, Edits]:
    """Return edits of everything by turns: two measurements that touch are never on one branch."""
    every = {name: entry(name, 77, 6) for name in NAMES}
    return (
        {name: every[name] for name in NAMES[::2]},
        {name: every[name] for name in NAMES[1::2]},
    )


@given(edits=different_edits())
@example(edits=neighbours())
@example(edits=neighbours()[::-1])
@example(edits=({NAMES[1]: entry(NAMES[1], 12)}, {NAMES[3]: entry(NAMES[3], 13)}))
@example(edits=({NAMES[1]: None}, {NAMES[3]: entry(NAMES[3], 13)}))
@example(edits=({NAMES[3]: entry(NAMES[3], 13)}, {NAMES[1]: None, NAMES[5]: None}))
@example(edits=({NAMES[1]: None, NAMES[5]: None}, {NAMES[3]: None, NAMES[7]: None}))
@example(edits=(dict.fromkeys(KNOWN), {name: entry(name, 12) for name in NAMES[::2]}))
@slow
def test_different_measurements(repository: Repository, edits: tuple[Edits, Edits]) -> None:
    """Both branches' edits are there, and nothing else is."""
    ours, theirs = edits
    text = repository.merged(start(), edited(start(), ours), edited(start(), theirs))
    assert read(text) == (edited(start(), ours, theirs), [])


@given(
    name=st.sampled_from(NAMES),
    ours=versions,
    theirs=versions,
    others=st.booleans(),
)
@example(name=NAMES[1], ours=(11, 5), theirs=(10, 6), others=False)
@slow
def test_same_measurement(
    repository: Repository, name: str, ours: tuple[int, int], theirs: tuple[int, int], others: bool
) -> None:
    """Two versions of one measurement are refused with a line, the same version is no conflict."""
    more = {other: entry(other, 50) for other in NAMES if others and other != name}
    mine, yours = (edited(start(), {name: entry(name, *version)}) for version in (ours, theirs))
    text = repository.merged(start(), edited(mine, more), yours)
    known, problems = read(text)
    if ours == theirs or yours == start():
        assert (known, problems) == (edited(mine, more), [])
        return
    assert problems
    lines = text.splitlines()
    key = next(line for line in lines if line.endswith(f'"measurement", "{name}"],')).split(",")[0]
    for problem in problems:
        assert problem.example == RENEW
        at = int(problem.where.rpartition(":")[2])
        assert lines[at - 1].startswith(key)


@pytest.mark.parametrize("changed", [NAMES[1], NAMES[0]])
def test_measured_by_another_torch(repository: Repository, changed: str) -> None:
    """What one branch measured by an older torch does not slip into the newer one's file."""
    newer = baseline(*map(entry, KNOWN), torch="2.14")
    older = edited(start(), {changed: entry(changed, 12)})
    _, problems = read(repository.merged(start(), newer, older))
    assert problems
