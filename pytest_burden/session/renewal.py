"""What `--burden-update` writes: the baseline with what a run has measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pytest_burden.budget.baseline import Baseline, Entry, entry_of, minor
from pytest_burden.budget.run import Run
from pytest_burden.budget.verdict import Kind, Policy, Verdict, renamed
from pytest_burden.burden import RULE_SET


@dataclass(frozen=True, slots=True)
class Renewal:
    """The baseline as it is to be, or why it stays as it is."""

    baseline: Baseline | None
    says: str
    """In one line, for the end of the run."""


def renewal(
    run: Run,
    known: Baseline | None,
    stale: Iterable[str] = (),
    unfinished: Iterable[str] = (),
    *,
    broken: bool = False,
) -> Renewal:
    """Return the baseline with the measurements of a run that came to their end.

    Nothing is taken out, but for an entry that a renamed measurement replaces in a full run; what
    was not measured stays as it was.

    Args:
        run: what was measured.
        known: the baseline so far, if it could be read.
        stale: ids in it that a full run did not measure.
        unfinished: tests that were skipped or failed.
        broken: whether there is a file that could not be read.
    """
    burdens = {r.id: r.burden for r in run.results if r.burden is not None and r.complete}
    versions = {minor(burden.torch) for burden in burdens.values()}
    if len(versions) != 1:
        why = f"measured by torch {', '.join(sorted(versions))}" if versions else "nothing measured"
        return Renewal(None, f"not written: {why}")
    (torch,) = versions
    same = known is not None and (known.torch, known.rule_set) == (torch, RULE_SET)
    missing = [*run.partial, *(r.id for r in run.results if r.id not in burdens), *unfinished]
    if (broken or (known is not None and not same)) and missing:
        what = f"of torch {known.torch}, this is {torch}" if known else "broken"
        return Renewal(
            None,
            f"not written: the file is {what}, so everything has to be measured at once"
            f" ({', '.join(missing)})",
        )
    before = known.entries if known is not None and same else {}
    entries = {name: entry_of(name, burden).to_commit() for name, burden in burdens.items()}
    moved = _renamed(entries.values(), Baseline(torch, before), stale)
    gone = set(moved.values())
    after = {name: entry for name, entry in before.items() if name not in gone} | entries
    counts = Counter(
        "renamed" if name in moved else _what(before.get(name), entry)
        for name, entry in entries.items()
    )
    says = ", ".join(f"{counts[word]} {word}" for word in _WORDS if counts[word])
    left = known.gone | gone if known is not None and same else frozenset()
    return Renewal(Baseline(torch, after, gone=left - after.keys()), f"written: {says}")


_WORDS = ("unchanged", "changed", "new", "renamed")


def _renamed(entries: Iterable[Entry], known: Baseline, stale: Iterable[str]) -> dict[str, str]:
    policy = Policy.IGNORE
    new = (
        Verdict(Kind.NEW, entry.id, None, None, policy, alike=known.alike(entry))
        for entry in entries
        if entry.id not in known.entries
    )
    return renamed(new, stale)


def _what(before: Entry | None, after: Entry) -> str:
    if before is None:
        return "new"
    return "unchanged" if _facts(before) == _facts(after) else "changed"


def _facts(entry: Entry) -> Entry:
    return replace(entry, rows=[list(row) for row in entry.rows])
