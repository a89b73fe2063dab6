"""Projects below or above pytest's rootdir whose budgets do not hold in its run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from pytest_burden.budget.config import FILE
from pytest_burden.budget.verdict import Kind, Policy, Verdict


def unheard(root: Path, tests: Iterable[str], *, strict: bool) -> Iterator[Verdict]:
    """Yield a verdict for each configuration between a test that measured and the rootdir.

    If the rootdir has no budgets, also for the next one above it in the same repository.

    Args:
        root: pytest's rootdir.
        tests: node ids of the tests that measured.
        strict: whether that fails the run; it warns otherwise.
    """
    files = [PurePosixPath(test.partition("::")[0]) for test in tests]
    # The last parent is the rootdir itself.
    folders = dict.fromkeys(folder for file in files for folder in list(file.parents)[:-1])
    policy = Policy.FAIL if strict else Policy.WARN
    for folder in folders:
        if _has_budgets(root / folder / FILE):
            detail = (
                f"its [tool.burden] does not hold, for pytest's rootdir is {root}\n"
                f"Run pytest in {folder}, or move it into {root / FILE}."
            )
            yield Verdict(Kind.ERROR, str(folder / FILE), None, None, policy, detail)
    above = _above(root) if files and not _has_budgets(root / FILE) else None
    if above:
        detail = (
            f"its [tool.burden] does not hold, for pytest's rootdir is {root}\n"
            f"Run pytest with --rootdir={above}, or move it into {root / FILE}."
        )
        yield Verdict(Kind.ERROR, str(above / FILE), None, None, policy, detail)


def _above(root: Path) -> Path | None:
    """Return the nearest folder above that has budgets, no further up than the repository."""
    for folder in (root, *root.parents):
        if folder != root and _has_budgets(folder / FILE):
            return folder
        if (folder / ".git").exists():
            break
    return None


def _has_budgets(file: Path) -> bool:
    try:
        return b"[tool.burden" in file.read_bytes()
    except OSError:
        return False
