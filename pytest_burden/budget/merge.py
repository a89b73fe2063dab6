"""The results of CI's shards and matrix legs, joined into one run with one verdict.

A *leg* is the results of one run of pytest: a shard, which measured some of the tests, or the
tests in another environment. The rules, none of which depends on the order of the legs:

* What any of them measured is measured. Of an id that several have measured, every limit has the
  verdict of the leg in which it is worst: no leg that passes hides one that fails. Shown is the
  burden of the worst leg, of equal ones the heaviest.
* Legs that have one id must have one network: equal numbers at equal inputs. If they have not, a
  failing verdict says which metric has which number in which leg. What another version of torch
  may change by itself (`verdict.BY_TORCH`) only warns between minor versions, and
  ``cuda_memory``, which is read off one machine's counters, always does.
* The run is full if a leg is, or if the legs are as many as were expected, were cut apart by
  nothing but a choice of tests, and left out no model. Then, of what no shard could judge alone (a
  budget that matched nothing, an entry of the baseline that was not measured), that is true which
  is true in every shard. Else it stays open, and another merge may decide it.
* What a full leg found missing stays missing unless another leg has measured it. That nothing was
  measured is true only if no leg has measured anything.
* Fewer or more legs than expected are a failing verdict, and so is a leg that did not come to its
  end: nobody knows what it would have measured. If it is known how many legs there are, that none
  of them has measured anything is one, too.
* Legs that were counted by different conventions, or of which some were not judged, are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

from pytest_burden.budget.baseline import minor
from pytest_burden.budget.ids import Glob, natural
from pytest_burden.budget.result import Result, as_renamed
from pytest_burden.budget.run import WHOLE, Run
from pytest_burden.budget.scaling import said
from pytest_burden.budget.verdict import BY_TORCH, DEFAULTS, Kind, Policy, Verdict, leniency
from pytest_burden.burden import METRICS, Burden, Convention, shallow
from pytest_burden.errors import BurdenError

NAME = "burden merge"
"""The subject of what is wrong with the legs as a whole."""

DISAGREE = "the legs disagree"
"""The first words of the verdict on an id that has more than one burden."""

BY_CHOICE = (
    "paths were given",
    "not run from the rootdir",
    "-k",
    "-m",
    "--deselect",
    "--ignore",
    "--ignore-glob",
    "-o",
    "tests were deselected",
)
"""Why a run is not full, where the rest of the tests can be in other shards. What was not measured
for another reason (it stopped early, a worker died) may be in none of them."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One run, and the name of the file that has it."""

    name: str
    run: Run


def merge(legs: Iterable[Leg], expected: int | None = None) -> Run:
    """Return several runs as one; see above.

    Args:
        legs: at least one.
        expected: how many there should be; None if that is not known.

    Raises:
        BurdenError: they cannot be joined.
    """
    # By name and not as they were given, so that also the texts are the same in any order.
    legs = sorted(legs, key=lambda leg: natural(leg.name))
    if refused := [*_conventions(legs), *_unenforced(legs)]:
        raise BurdenError("\n".join(refused))
    runs = [leg.run for leg in legs]
    results = _results(legs)
    found = _still_true(runs, results)
    left_out = tuple(name for name in runs[0].left_out if all(name in r.left_out for r in runs))
    partial = _partial(runs)
    not_judged = _open(runs) if partial else ()
    whole = expected == len(legs) and not left_out and all(why in BY_CHOICE for why in partial)
    if partial and whole:
        stale = tuple(verdict for verdict in not_judged if verdict.kind is Kind.STALE)
        others = tuple(verdict for verdict in not_judged if verdict.kind is not Kind.STALE)
        results, stale = as_renamed(results, stale)
        found, partial, not_judged = _each_once((*found, *others, *stale)), (), ()
    return Run(
        results=results,
        verdicts=(
            *found,
            *_not_as_expected(legs, expected),
            *_without_end(legs),
            *_nothing(results, found, expected, enforced=runs[0].enforced),
        ),
        convention=runs[0].convention,
        enforced=runs[0].enforced,
        partial=partial,
        left_out=left_out,
        not_judged=not_judged,
        baseline="; ".join(dict.fromkeys(run.baseline for run in runs if run.baseline)),
        lost=tuple(
            f"{text} ({leg.name})" if len(legs) > 1 else text
            for leg in legs
            for text in leg.run.lost
        ),
        unfinished=_unfinished(runs),
        failed=_failed(runs),
        skipped=_skipped(runs),
        policies=_policies(runs),
        compared_with="; ".join(dict.fromkeys(filter(None, (run.compared_with for run in runs)))),
    )


def _conventions(legs: Sequence[Leg]) -> Iterator[str]:
    """Yield what to say of legs that were counted differently."""
    names = [each.name for each in fields(Convention)]
    differing = [
        name for name in names if len({getattr(leg.run.convention, name) for leg in legs}) > 1
    ]
    if differing:
        yield "these results cannot be joined, they were counted differently:"
        for leg in legs:
            values = (f"{name} {getattr(leg.run.convention, name)!r}" for name in differing)
            yield f"    {leg.name}: {', '.join(values)}"
        yield "Measure them with one configuration and one version of pytest-burden."


def _unenforced(legs: Sequence[Leg]) -> Iterator[str]:
    """Yield what to say if some legs were held to their limits and some were not."""
    off = [leg.name for leg in legs if not leg.run.enforced]
    if off and len(off) < len(legs):
        yield "these results cannot be joined, some were measured with --no-burden:"
        yield from (f"    {name}" for name in off)
        yield "Run them without it."


def _not_as_expected(legs: Sequence[Leg], expected: int | None) -> Iterator[Verdict]:
    if expected not in (None, len(legs)):
        names = "\n".join(leg.name for leg in legs)
        are = "1 file is" if len(legs) == 1 else f"{len(legs)} files are"
        detail = f"{are} here, {expected} were expected\n{names}"
        yield Verdict(Kind.ERROR, NAME, None, None, Policy.FAIL, detail)


def _without_end(legs: Sequence[Leg]) -> Iterator[Verdict]:
    """Yield what to say of legs that may have had more to measure, unless it was said before."""
    for leg in legs:
        told = (verdict.detail for verdict in leg.run.verdicts if verdict.subject == NAME)
        if leg.run.unsure and not any(_NO_END in detail for detail in told):
            detail = "\n".join([f"{leg.name} {_NO_END}", *leg.run.unsure])
            yield Verdict(Kind.ERROR, NAME, None, None, Policy.FAIL, detail)


_NO_END = "did not come to its end"


def _nothing(
    results: Sequence[Result], found: Sequence[Verdict], expected: int | None, *, enforced: bool
) -> Iterator[Verdict]:
    """Yield what to say if these are all legs and nothing was measured: the gate would be off."""
    told = any(verdict.kind is Kind.UNMEASURED for verdict in found)
    if expected is not None and enforced and not told and not any(r.burden for r in results):
        yield Verdict(Kind.UNMEASURED, NAME, None, None, Policy.FAIL, "no leg has a measurement")


def _partial(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return why no leg was a full run; empty if one was."""
    if not all(run.partial for run in runs):
        return ()
    return tuple(dict.fromkeys(why for run in runs for why in run.partial))


def _open(runs: Sequence[Run]) -> tuple[Verdict, ...]:
    """Return what is true of every shard and could be judged in none."""
    known = [set(map(_claim, run.not_judged)) for run in runs]
    verdicts = (verdict for run in runs for verdict in run.not_judged)
    return _each_once(v for v in verdicts if all(_claim(v) in claims for claims in known))


def _still_true(runs: Sequence[Run], results: Sequence[Result]) -> tuple[Verdict, ...]:
    """Return the verdicts of whole legs that what other legs have measured does not refute."""
    ids = {result.id for result in results}
    used = {verdict.allowance for result in results for verdict in result.verdicts}
    measured = any(result.burden for result in results)

    def refuted(verdict: Verdict) -> bool:
        if verdict.kind is Kind.UNMEASURED:
            return measured if verdict.subject in {WHOLE, NAME} else verdict.subject in ids
        if verdict.kind is Kind.UNMATCHED:
            return any(map(Glob(verdict.detail).matches, ids))
        return verdict.kind is Kind.STALE and verdict.subject in (
            used if verdict.detail else ids  # an allowance, or an entry of the baseline
        )

    return tuple(
        verdict
        for verdict in _each_once(verdict for run in runs for verdict in run.verdicts)
        if not refuted(verdict)
    )


def _claim(verdict: Verdict) -> tuple[Kind, str, str]:
    """Return what a verdict says, whatever that does to the run."""
    return verdict.kind, verdict.subject, verdict.detail


def _each_once(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Return verdicts on whole runs without repetition, each by its strictest policy."""
    found: dict[object, list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault(_claim(verdict), []).append(verdict)
    return tuple(max(same, key=_badness) for same in found.values())


def _policies(runs: Sequence[Run]) -> dict[str, str]:
    """Return the policies of the legs, of several the one that lets most pass."""
    usual = {kind.value: policy.value for kind, policy in DEFAULTS.items()}
    kinds = dict.fromkeys(kind for run in runs for kind in run.policies)
    return {
        kind: max((run.policies.get(kind, usual.get(kind, "")) for run in runs), key=leniency)
        for kind in kinds
    }


def _unfinished(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return the tests that no leg has run to the end."""
    finished = {result.test for run in runs for result in run.results if result.complete}
    names = {name for run in runs for name in run.unfinished}
    return tuple(sorted(names - finished))


def _failed(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return the tests that failed before they had measured, and were no better in another leg."""
    return tuple(
        sorted({name for run in runs for name in run.failed}.intersection(_unfinished(runs)))
    )


def _skipped(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return what legs have skipped, and no other has measured."""
    measured = {name for run in runs for result in run.results for name in (result.id, result.test)}
    return tuple(sorted({name for run in runs for name in run.skipped} - measured))


def _results(legs: Sequence[Leg]) -> tuple[Result, ...]:
    shares: dict[str, list[tuple[str, Result]]] = {}
    for leg in legs:
        for result in leg.run.results:
            shares.setdefault(result.id, []).append((leg.name, result))
    return tuple(_joined(shares[name]) for name in sorted(shares, key=natural))


def _joined(shares: Sequence[tuple[str, Result]]) -> Result:
    """Return what several legs have made of one id, each with its name."""
    if len(shares) == 1:
        return shares[0][1]
    results = [result for _, result in shares]
    name, shown = max(shares, key=lambda share: _weight(share[1]))
    verdicts = [verdict for result in (shown, *results) for verdict in result.verdicts]
    seen = [each for share in shares for each in _seen(*share)]
    return replace(
        shown,
        verdicts=(
            *_worst(verdict for verdict in verdicts if not _is_disagreement(verdict)),
            *_disagreement(shown.id, name, seen, [v for v in verdicts if _is_disagreement(v)]),
        ),
        complete=any(result.complete for result in results),
        by_torch=_by_torch(seen, shown.burden),
    )


def _weight(result: Result) -> tuple[object, ...]:
    """Return a key by which the result that is shown is the largest: a burden, the worst one."""
    burden = result.burden
    if burden is None:
        return False, result.fails, result.warns
    numbers = [-1 if (n := burden.value(metric)) is None else n for metric in METRICS]
    return True, result.fails, result.warns, numbers, natural(burden.torch), burden.model


def _worst(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Return one verdict for each limit, and each other question, the worst there is."""
    by_question: dict[object, list[Verdict]] = {}
    for verdict in verdicts:
        by_question.setdefault(_question(verdict), []).append(verdict)
    return tuple(map(_worst_of, by_question.values()))


def _worst_of(verdicts: Sequence[Verdict]) -> Verdict:
    worst = max(verdicts, key=_badness)
    # That an allowance is needed is true if it is in one leg.
    needed = worst.allowance or max(verdict.allowance for verdict in verdicts)
    return worst if needed == worst.allowance else replace(worst, allowance=needed)


def _question(verdict: Verdict) -> object:
    if verdict.limit is not None:
        return verdict.limit
    # There can be several errors, of different causes.
    return verdict.kind, verdict.detail if verdict.kind is Kind.ERROR else ""


def _badness(verdict: Verdict) -> tuple[object, ...]:
    """Return a key by which the worst verdict is the largest; the rest only makes it certain."""
    return (
        verdict.fails,
        verdict.warns,
        verdict.kind is not Kind.PASS,
        -1 if verdict.measured is None else verdict.measured,
        verdict.kind.value,
        verdict.policy.value,
        verdict.detail,
        verdict.excuse,
        -1 if verdict.base is None else verdict.base,
        verdict.alike,
        verdict.allowance,
        verdict.since,
    )


class _Seen(NamedTuple):
    """What one leg has measured under an id, by name: metrics, inputs and all else that is exact.

    Of a leg that was joined before it may be only what depends on torch.
    """

    leg: str
    torch: str
    facts: Mapping[str, object]


def _seen(leg: str, result: Result) -> Iterator[_Seen]:
    burden = result.burden
    if burden is not None:
        values = {metric: burden.value(metric) for metric in METRICS}
        facts = {
            "model": burden.model,
            "inputs": ", ".join(burden.inputs) or "none",
            "training": burden.training or "none",
            **shallow(burden.convention),
            **{metric: value for metric, value in values.items() if value is not None},
            **_elsewhere(result),
        }
        yield _Seen(leg, burden.torch, facts)
    for torch, known in result.by_torch.items():
        yield _Seen(leg, torch, known)


def _elsewhere(result: Result) -> dict[str, int]:
    """Return what was measured at other sizes, but for what depends on torch."""
    points = (*(result.sweep.points if result.sweep else ()), *result.at)
    return {
        f"{metric} at {said(point.sizes)}": value
        for point in points
        for metric, value in point.metrics.items()
        if metric not in BY_TORCH
    }


def _by_torch(seen: Iterable[_Seen], shown: Burden | None) -> dict[str, dict[str, int]]:
    """Return what the legs have of `BY_TORCH` that the burden shown does not say."""
    found: dict[str, dict[str, int]] = {}
    for each in seen:
        known = found.setdefault(minor(each.torch), {})
        for metric in BY_TORCH:
            if isinstance(value := each.facts.get(metric), int):
                # That two of one version differ is a verdict already.
                known[metric] = max(value, known.get(metric, value))
    if shown is not None:
        own = minor(shown.torch)
        known = found.get(own, {})
        found[own] = {metric: n for metric, n in known.items() if n != shown.value(metric)}
    return {torch: known for torch, known in sorted(found.items()) if known}


def _disagreement(
    subject: str, shown: str, seen: Sequence[_Seen], earlier: Sequence[Verdict]
) -> Iterator[Verdict]:
    """Yield a verdict if the legs have not measured the same.

    Args:
        subject: the id.
        shown: the leg whose burden is shown.
        seen: what each leg has measured.
        earlier: what was said of legs that were joined before.
    """
    names = dict.fromkeys(name for each in seen for name in each.facts)
    differing = [name for name in names if len(_values(seen, name)) > 1]
    fails = any(verdict.fails for verdict in earlier) or any(
        _is_exact(name, seen) for name in differing
    )
    before = [line for verdict in earlier for line in verdict.detail.split("\n")[1:-1]]
    if lines := dict.fromkeys([*before, *(_told(name, seen) for name in differing)]):
        detail = "\n".join([DISAGREE, *lines, f"shown is {shown}"])
        policy = Policy.FAIL if fails else Policy.WARN
        yield Verdict(Kind.ERROR, subject, None, None, policy, detail)


def _is_disagreement(verdict: Verdict) -> bool:
    return verdict.kind is Kind.ERROR and verdict.detail.partition("\n")[0] == DISAGREE


def _is_exact(name: str, seen: Sequence[_Seen]) -> bool:
    """Return whether something that differs should be the same."""
    if name == "cuda_memory" or name not in BY_TORCH:
        return name != "cuda_memory"
    versions = {minor(each.torch) for each in seen}
    return any(
        len(_values([each for each in seen if minor(each.torch) == version], name)) > 1
        for version in versions
    )


def _values(seen: Iterable[_Seen], name: str) -> dict[object, list[_Seen]]:
    """Return the legs by what they have under a name."""
    found: dict[object, list[_Seen]] = {}
    for each in seen:
        if name in each.facts:
            found.setdefault(each.facts[name], []).append(each)
    return found


def _told(name: str, seen: Sequence[_Seen]) -> str:
    """Return ``flops is 385 in a.json (torch 2.13.0) and 364 in b.json (torch 2.14.0)``."""
    texts = []
    for value, legs in _values(seen, name).items():
        text = f"{value:,}" if isinstance(value, int) else str(value)
        places = dict.fromkeys(f"{each.leg} (torch {each.torch})" for each in legs)
        texts.append(f"{text} in {', '.join(places)}")
    return " ".join(f"{name} is {' and '.join(texts)}".split())
