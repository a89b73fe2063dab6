"""The file of results that a run has left: found, fetched, and taken out of its archive."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass

from pytest_burden.errors import BurdenError
from pytest_burden.github.client import ApiError, Client, Purpose
from pytest_burden.github.fields import find, pick
from pytest_burden.github.results import LARGEST, TooLargeError

LARGEST_ARCHIVE = 32 * 2**20
"""Bytes of the archive; JSON of the largest size allowed packs into less."""

_PERMISSION = "actions: read"
_SOURCE = "GitHub's list of artifacts"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact of a run, not fetched yet."""

    id: int
    name: str
    size: int
    """Bytes, as GitHub tells it."""
    expired: bool


def of_run(client: Client, run: int, name: str) -> Artifact | None:
    """Return a run's artifact of that name, the newest if a rerun made another; None without.

    Raises:
        ApiError: the list cannot be had.
    """
    purpose = Purpose(f"list the artifacts of run {run}", _PERMISSION)
    path = f"actions/runs/{run}/artifacts"
    found = [
        Artifact(
            id=pick(entry, "id", int, _SOURCE),
            name=name,
            size=pick(entry, "size_in_bytes", int, _SOURCE),
            expired=pick(entry, "expired", bool, _SOURCE),
        )
        for entry in client.pages(path, purpose, "artifacts")
        if find(entry, "name") == name
    ]
    return max(found, key=lambda artifact: (not artifact.expired, artifact.id), default=None)


def fetch(client: Client, artifact: Artifact) -> bytes:
    """Return the one file in an artifact. Nothing of it touches the disk.

    Raises:
        TooLargeError: it is larger than allowed, packed or unpacked.
        BurdenError: it has expired, or is not what it should be.
        ApiError: GitHub does not hand it out.
    """
    called = f"the artifact {artifact.name!r}"
    if artifact.expired:
        raise BurdenError(f"{called} has expired: GitHub keeps it no longer")
    if artifact.size > LARGEST_ARCHIVE:
        raise _too_large(called)
    purpose = Purpose(f"download {called}", _PERMISSION)
    try:
        packed = client.download(f"actions/artifacts/{artifact.id}/zip", purpose, LARGEST_ARCHIVE)
    except ApiError as error:
        if error.absent:
            raise BurdenError(f"{called} is gone by now ({error.status})") from error
        raise
    if len(packed) > LARGEST_ARCHIVE:
        raise _too_large(called)
    return _unpacked(packed, called)


def _too_large(called: str) -> TooLargeError:
    return TooLargeError(f"{called} has more than the {LARGEST_ARCHIVE:,} bytes allowed")


def _unpacked(packed: bytes, called: str) -> bytes:
    """Return the only file of an archive, whose own word on its sizes counts for nothing."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = archive.infolist()
            if len(members) != 1 or members[0].is_dir():
                raise BurdenError(
                    f"{called} holds {len(members)} files, one belongs there: what"
                    " pytest --burden-json=FILE has written"
                )
            if members[0].compress_type not in _METHODS:
                raise BurdenError(f"{called} is packed in a way that is not read")
            with archive.open(members[0]) as file:
                content = file.read(LARGEST + 1)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        raise BurdenError(f"{called} is no zip archive, or a broken one") from error
    if len(content) > LARGEST:
        raise TooLargeError(f"{called} holds more than the {LARGEST:,} bytes allowed")
    return content
