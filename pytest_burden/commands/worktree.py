"""Another commit of the project, checked out beside it for as long as its tests run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_burden.errors import BurdenError, suggest

_SHORT = 9
_OF_A_HOOK = "GIT_"
"""How names begin that git sets for its hooks, and that would point every git at one index."""
_NOT_FOR_TESTS = ("GITHUB_STEP_SUMMARY", "GITHUB_TOKEN")


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit, and where the project is in its repository."""

    sha: str
    label: str
    """``main (3f2c1ab90)``."""
    repository: Path
    """The folder of the working tree that git knows."""
    below: Path
    """The project's folder, seen from there."""


def merge_base(ref: str, folder: Path) -> Commit:
    """Return the commit at which HEAD has left a branch.

    Raises:
        BurdenError: there is none, or no repository.
    """
    top = _run(folder, "rev-parse", "--show-toplevel")
    if top.returncode:
        raise BurdenError(f"{folder} is in no repository that git can use: {top.stderr.strip()}")
    repository = Path(top.stdout.rstrip("\n"))
    if (
        ref.startswith("-")
        or _git(folder, "rev-parse", "--verify", "-q", f"{ref}^{{commit}}") is None
    ):
        known = _git(folder, "for-each-ref", "--format=%(refname:short)") or ""
        raise BurdenError(f"git knows no commit {ref!r}{suggest(ref, known.split())}")
    sha = _git(folder, "merge-base", ref, "HEAD")
    if not sha:
        raise BurdenError(
            f"git knows no common commit of {ref!r} and HEAD; in a shallow clone fetch the whole"
            " history: git fetch --unshallow"
        )
    below = folder.resolve().relative_to(repository.resolve())
    return Commit(sha, f"{ref} ({sha[:_SHORT]})", repository, below)


class _TerminatedError(BaseException):
    """The process was asked to end."""


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let SIGTERM, as CI sends it to a job that is cancelled, first undo what was begun."""
    before = signal.getsignal(signal.SIGTERM)
    # Elsewhere handlers cannot be set; one that somebody has set, or that ignores it, stays.
    if threading.current_thread() is not threading.main_thread() or before != signal.SIG_DFL:
        yield
        return

    def terminate(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        raise _TerminatedError

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    except _TerminatedError:
        signal.signal(signal.SIGTERM, before)
        signal.raise_signal(signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def checked_out(commit: Commit) -> Iterator[Path]:
    """Check a commit out into a temporary folder, which is gone afterwards.

    Yields:
        The project's folder in it.

    Raises:
        BurdenError: git cannot, or the project is not there.
    """
    with _ending_in_order():
        yield from _checked_out(commit)


def _checked_out(commit: Commit) -> Iterator[Path]:
    scratch = Path(tempfile.mkdtemp(prefix="burden-"))
    tree = scratch / "tree"
    try:
        # A hook of the project, made for people who change branches, has no business here.
        add = ("-c", f"core.hooksPath={os.devnull}", "worktree", "add", "--detach", "--quiet")
        done = _run(commit.repository, *add, str(tree), commit.sha)
        if done.returncode:
            raise BurdenError(f"git cannot check {commit.label} out: {done.stderr.strip()}")
        there = tree / commit.below
        if not there.is_dir():
            raise BurdenError(f"{commit.label} has no folder {commit.below}")
        yield there
    finally:
        # Git first, for it keeps a list; what it does not take away is taken away all the same.
        _run(commit.repository, "worktree", "remove", "--force", "--force", str(tree))
        shutil.rmtree(scratch, ignore_errors=True)
        _run(commit.repository, "worktree", "prune")


def environment(commit: Commit, there: Path) -> Mapping[str, str]:
    """Return the environment in which that commit's code is imported, not the working tree's.

    Folders of the working tree that this Python imports from, as after ``pip install -e .``, are
    preceded by the same folders of the commit.
    """
    tree = there.parents[len(commit.below.parts) - 1] if commit.below.parts else there
    inside = [there, there / "src"]
    for entry in sys.path:
        path, top = Path(entry).resolve(), commit.repository.resolve()
        if entry and path.is_relative_to(top):
            inside.append(tree / path.relative_to(top))
    kept = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    paths = [*(str(path) for path in inside if path.is_dir()), *filter(None, kept)]
    return clean() | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def clean() -> dict[str, str]:
    """Return this environment without what a run of tests has no use for.

    It would report elsewhere, or code of another commit would have a token.
    """
    return {name: text for name, text in os.environ.items() if name not in _NOT_FOR_TESTS}


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git says, None if it refuses or is not there."""
    done = _run(folder, *arguments)
    return None if done.returncode else done.stdout.strip()


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(_OF_A_HOOK)}
    command = ["git", *arguments]
    try:
        return subprocess.run(  # noqa: S603 git, with arguments of ours and a checked name
            command,
            cwd=folder,
            env=kept,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))
