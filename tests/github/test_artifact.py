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
from pytest_burden.report.jsonfile import dump
from tests.github.sample import RUN, VERSIONS, packed
from tests.github.server import Fault, GitHub, refused
from tests.report import sample


def fetched(client: Client) -> bytes:
    """Return what the run's artifact holds."""
    found = of_run(client, RUN, "burden")
    assert found
    return fetch(client, found)


def refusal(client: Client) -> str:
    """Return why the artifact is of no use."""
    with pytest.raises(BurdenError) as raised:
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
    """Return some kilobytes that unpack to more than is allowed."""
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
        (bomb, "holds more than the 33,554,432 bytes allowed"),
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
    assert refusal(client) == "the artifact 'burden' has more than the 1,000 bytes allowed"
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
    first = data["measurements"][0]
    data["measurements"] = [first | {"id": str(n), "test": str(n)} for n in range(2001)]


def verdicts(data: dict[str, Any]) -> None:
    """Give one measurement one verdict too many."""
    first = data["measurements"][0]
    first["verdicts"] = first["verdicts"][:1] * 2001


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (many, "2,001 measurements, allowed are 2,000"),
        (verdicts, "2,001 verdicts of one measurement, allowed are 2,000"),
        (lambda d: d.update(verdicts=d["verdicts"] * 2001), "2,001 verdicts, allowed are 2,000"),
        (lambda d: d.update(lost=["x"] * 2001), "2,001 lost workers, allowed are 2,000"),
        (
            lambda d: d["measurements"][0].update(id="x" * 10_001),
            "a text of 10,001 characters, allowed are 10,000",
        ),
        (
            lambda d: d["versions"].update({"x" * 10_001: "1"}),
            "a text of 10,001 characters, allowed are 10,000",
        ),
        (
            lambda d: d["measurements"][0]["verdicts"][0].update(detail="é" * 10_001),
            "a text of 10,001 characters, allowed are 10,000",
        ),
    ],
)
def test_bounds(change: Callable[[dict[str, Any]], object], told: str) -> None:
    """One past each bound is refused; at it, it is not."""
    with pytest.raises(BurdenError) as raised:
        results.read(edited(change), "results")
    assert str(raised.value) == f"results: {told}"


def test_within_bounds() -> None:
    """A text of the longest length, and the file itself."""
    content = edited(lambda d: d["measurements"][0].update(id="x" * 10_000))
    assert results.read(content, "results").run.results[0].id == "x" * 10_000
    assert results.read(dump(sample.RED, VERSIONS).encode(), "results").run == sample.RED


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff", "not UTF-8"),
        (b"[", "not JSON, or not all of it"),
        (b"{}", "no results of pytest-burden"),
        (b" " * (results.LARGEST + 1), "33,554,433 bytes, allowed are 33,554,432"),
    ],
)
def test_other_files(content: bytes, told: str) -> None:
    """Each is called what it is."""
    with pytest.raises(BurdenError, match=f"^results: {told}"):
        results.read(content, "results")


@given(st.binary(max_size=200) | st.binary(max_size=50).map(lambda c: packed(("x", c))))
def test_any_upload(content: bytes) -> None:
    """Whatever it is, it ends in results or in one line."""
    with pytest.raises(BurdenError):
        results.read(artifact._unpacked(content, "it"), "it")


def test_nothing_measured() -> None:
    """Results of nothing are results."""
    assert results.read(dump(Run(), VERSIONS).encode(), "results").run == Run()
