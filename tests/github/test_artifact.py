"""The artifact: found on whichever page, bounded, one file, and nothing on the disk."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.run import Run
from pytest_burden.errors import BurdenError
from pytest_burden.github import artifact, results
from pytest_burden.github.artifact import LARGEST_ARCHIVE, fetch, of_run
from pytest_burden.github.client import ApiError, Client
from pytest_burden.github.results import TooLargeError
from pytest_burden.report.jsonfile import dump, load
from tests.github.sample import RUN, VERSIONS, packed
from tests.github.server import Fault, GitHub, refused
from tests.report import sample


def fetched(client: Client) -> bytes:
    """Return what the run's artifact holds."""
    found = of_run(client, RUN, "burden")
    assert found
    return fetch(client, found)


def refusal(client: Client, kind: type[BurdenError] = BurdenError) -> str:
    """Return why the artifact is of no use."""
    with pytest.raises(kind) as raised:
        fetched(client)
    assert not isinstance(raised.value, ApiError)
    return str(raised.value)


def test_the_one_file(github: GitHub, client: Client) -> None:
    """The run's own artifact of that name, also on the third page."""
    for number in range(250):
        github.leave(RUN, b"", f"log {number}")
    github.leave(RUN + 1, b"")
    github.leave(RUN, packed(("some/name.json", "content")))
    assert fetched(client) == b"content"


def test_none(github: GitHub, client: Client) -> None:
    """A run that left others left none."""
    github.leave(RUN, b"", "Burden")
    github.leave(RUN, b"", "burden-2")
    assert of_run(client, RUN, "burden") is None


@pytest.mark.parametrize(("expired", "expected"), [(False, b"second"), (True, b"first")])
def test_a_rerun(github: GitHub, client: Client, expired: bool, expected: bytes) -> None:
    """Of two by one name the newer counts, if it is still there."""
    github.leave(RUN, packed(("burden.json", "first")))
    github.leave(RUN, packed(("burden.json", "second")), expired=expired)
    assert fetched(client) == expected


def bomb() -> bytes:
    """Return a small archive that unpacks to more than is allowed."""
    return packed(("burden.json", b" " * (results.LARGEST + 1)))


def lying() -> bytes:
    """Return the same with its own word that it is small."""
    content = bomb()
    for size in (results.LARGEST + 1,):
        content = content.replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little"))
    return content


def damaged() -> bytes:
    """Return an archive with one byte of its content changed."""
    content = bytearray(packed(("burden.json", "content"), method=zipfile.ZIP_STORED))
    content[content.index(b"content")] ^= 1
    return bytes(content)


def locked() -> bytes:
    """Return an archive that says it has a password."""
    content = bytearray(packed(("burden.json", "content")))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


HOLDS = "one belongs there: what pytest --burden-json=FILE has written"
NO_ZIP = "is no zip archive, or a broken one"


@pytest.mark.parametrize(
    ("archive", "told"),
    [
        (packed, f"holds 0 files, {HOLDS}"),
        (lambda: packed(("a.json", "1"), ("b.json", "2")), f"holds 2 files, {HOLDS}"),
        (lambda: packed(("folder/", "")), f"holds 1 files, {HOLDS}"),
        (lambda: b"", NO_ZIP),
        (lambda: b"{}", NO_ZIP),
        (lambda: packed(("burden.json", "1"))[:-5], NO_ZIP),
        (damaged, NO_ZIP),
        (locked, NO_ZIP),
        (bomb, "holds more than the 134,217,728 bytes allowed"),
        (lying, NO_ZIP),
        (
            lambda: packed(("burden.json", "1"), method=zipfile.ZIP_LZMA),
            "is packed in a way that is not read",
        ),
    ],
)
def test_other_archives(
    github: GitHub, client: Client, archive: Callable[[], bytes], told: str
) -> None:
    """Whatever was uploaded, one line says what it is not."""
    github.leave(RUN, archive())
    assert refusal(client) == f"the artifact 'burden' {told}"


@pytest.mark.parametrize(
    ("said", "asked"), [(LARGEST_ARCHIVE + 1, 1), (10, 3)], ids=["as it says", "and does not say"]
)
def test_too_large(
    github: GitHub, client: Client, monkeypatch: pytest.MonkeyPatch, said: int, asked: int
) -> None:
    """It is not asked for, or not read to its end."""
    monkeypatch.setattr(artifact, "LARGEST_ARCHIVE", 1000)
    github.leave(RUN, b"x" * 1001, size=said)
    assert (
        refusal(client, TooLargeError)
        == "the artifact 'burden' has more than the 1,000 bytes allowed"
    )
    assert len(github.seen) == asked


def test_expired(github: GitHub, client: Client) -> None:
    """It is said without asking, or as soon as GitHub says so."""
    github.leave(RUN, b"", expired=True)
    assert refusal(client) == "the artifact 'burden' has expired: GitHub keeps it no longer"
    assert not github.sent("GET", "zip")
    github.artifacts[0]["expired"] = False
    github.faults.append(Fault("GET", "zip", refused(410, "Artifact has expired")))
    assert refusal(client) == "the artifact 'burden' is gone by now (410)"


def test_not_allowed(github: GitHub, client: Client) -> None:
    """That is no fault of the artifact's, and names the permission."""
    github.permissions.remove("actions")
    with pytest.raises(ApiError, match="`actions: read`"):
        fetched(client)


def edited(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return the file of a red run, changed."""
    data = json.loads(dump(sample.RED, VERSIONS))
    change(data)
    return json.dumps(data).encode()


def many(data: dict[str, Any]) -> None:
    """Put in one measurement too many."""
    first = data["measurements"][1]
    data["measurements"] = [first | {"id": str(n), "test": str(n)} for n in range(20_001)]


def verdicts(data: dict[str, Any]) -> None:
    """Give one measurement one verdict too many."""
    first = data["measurements"][0]
    first["verdicts"] = first["verdicts"][:1] * 20_001


LISTS = ("verdicts", "lost", "partial", "left_out", "not_judged", "unfinished", "failed")
"""What a run can have any number of, beside measurements."""
TOO_MANY = "20,001 entries in {}, allowed are 20,000"
TOO_LONG = "a name of 10,001 characters, allowed are 10,000"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (many, TOO_MANY.format("measurements")),
        (verdicts, TOO_MANY.format("verdicts of one measurement")),
        (
            lambda d: d["measurements"][0].update(changes=[{}] * 20_001),
            TOO_MANY.format("changes of one measurement"),
        ),
        *((lambda d, k=key: d.update({k: ["x"] * 20_001}), TOO_MANY.format(key)) for key in LISTS),
        (
            lambda d: d.update(versions=dict.fromkeys(map(str, range(20_001)), "1")),
            TOO_MANY.format("versions"),
        ),
        (lambda d: d["measurements"][0].update(id="x" * 10_001), TOO_LONG),
        (lambda d: d["measurements"][0].update(test="é" * 10_001), TOO_LONG),
    ],
)
def test_bounds(change: Callable[[dict[str, Any]], object], told: str) -> None:
    """One past each bound is too large: not that it is anything else."""
    with pytest.raises(TooLargeError) as raised:
        results.read(edited(change), "results")
    assert str(raised.value) == f"results: {told}"


def wide(data: dict[str, Any]) -> None:
    """Put in as many measurements as are allowed, and give the run as many of all else."""
    first = data["measurements"][1]
    data["measurements"] = [first | {"id": str(n), "test": str(n)} for n in range(20_000)]
    data["verdicts"] *= 20_000
    data["lost"] *= 20_000


def test_within_bounds() -> None:
    """At the bounds, and the file itself."""
    content = edited(lambda d: d["measurements"][0].update(id="x" * 10_000))
    assert results.read(content, "results").run.results[0].id == "x" * 10_000
    assert len(results.read(edited(wide), "results").run.results) == 20_000
    assert results.read(dump(sample.RED, VERSIONS).encode(), "results").run == sample.RED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("é" * 10_000, "é" * 10_000),
        ("é" * 10_001, f"{'é' * 10_000}... (1 characters more)"),
        ("é" * 50_000, f"{'é' * 10_000}... (40,000 characters more)"),
    ],
    ids=["at it", "one past it", "far past it"],
)
def test_long_texts(text: str, expected: str) -> None:
    """What an error said may be long: it is cut, wherever it stands, and is results still."""

    def change(data: dict[str, Any]) -> None:
        data["baseline"], data["lost"], data["versions"] = text, ["a", text], {"pytest": text}
        first = data["measurements"][0]
        first["verdicts"][0]["detail"] = first["burden"]["reason"] = text
        first["burden"]["lower_bounds"] = {"peak_memory": text}
        first["burden"]["module_rows"][0]["path"] = text

    written = results.read(edited(change), "results")
    first = written.run.results[0]
    assert first.burden
    assert {
        written.run.baseline,
        written.run.lost[1],
        written.versions["pytest"],
        first.verdicts[0].detail,
        first.burden.reason,
        first.burden.lower_bounds["peak_memory"],
        first.burden.module_rows[0].path,
    } == {expected}
    assert load(dump(*written), "again") == written


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff", "not UTF-8"),
        (b"[", "not JSON, or not all of it"),
        (b"{}", "no results of pytest-burden"),
        (b'{"schema": 1, "measurements": [0]}', "broken"),
        (b'{"schema": 1, "measurements": {}}', "broken"),
    ],
)
def test_other_files(content: bytes, told: str) -> None:
    """Each is called what it is."""
    with pytest.raises(BurdenError, match=f"^results: {told}") as raised:
        results.read(content, "results")
    assert not isinstance(raised.value, TooLargeError)


def test_a_large_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told to the byte, and to the value."""
    content = dump(sample.RED, VERSIONS).encode()
    values = sum(map(content.count, (b",", b":", b"[", b"{")))
    monkeypatch.setattr(results, "LARGEST", len(content))
    monkeypatch.setattr(results, "MOST_VALUES", values)
    assert results.read(content, "results").run == sample.RED
    with pytest.raises(TooLargeError, match=r"^results: \S+ bytes, allowed are \S+$"):
        results.read(content + b" ", "results")
    monkeypatch.setattr(results, "MOST_VALUES", values - 1)
    with pytest.raises(TooLargeError, match=f"^results: some {values:,} values, allowed are"):
        results.read(content, "results")


def test_what_is_written_has_room() -> None:
    """No file of the largest size that this version writes has too many values."""
    for run in (sample.RED, Run((sample.MEMORY,))):
        content = dump(run, VERSIONS)
        values = sum(map(content.count, ",:[{"))
        assert values * results.LARGEST / len(content) < results.MOST_VALUES


@given(st.binary(max_size=200) | st.binary(max_size=50).map(lambda c: packed(("x", c))))
def test_any_upload(content: bytes) -> None:
    """Whatever it is, it ends in results or in one line."""
    with pytest.raises(BurdenError):
        results.read(artifact._unpacked(content, "it"), "it")


def test_nothing_measured() -> None:
    """Results of nothing are results."""
    assert results.read(dump(Run(), VERSIONS).encode(), "results").run == Run()
