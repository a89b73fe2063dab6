"""What is decided of a burden: one pure function, which everything that prints only renders."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

from pytest_burden.budget import baseline
from pytest_burden.budget.allowance import Allowance
from pytest_burden.budget.baseline import Baseline, Entry
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.ids import SHARED, Glob, is_of
from pytest_burden.budget.limits import Limit, Rule
from pytest_burden.budget.units import show_excess
from pytest_burden.burden import MEMORY, METRICS, Burden, Convention


class Kind(enum.Enum):
    """Every rule ends in exactly one of these."""

    PASS = "pass"  # noqa: S105 a kind of verdict
    OVER = "over"
    GREW = "grew"
    SHRANK = "shrank"
    EASED = "eased"
    NEW = "new"
    STALE = "stale"
    UNMATCHED = "unmatched"
    UNMEASURED = "unmeasured"
    UNSUPPORTED = "unsupported"
    INCOMPLETE = "incomplete"
    ERROR = "error"


class Policy(enum.Enum):
    """What a kind of verdict does to the run, the strictest first."""

    FAIL = "fail"
    WARN = "warn"
    IGNORE = "ignore"


Policies = Mapping[Kind, Policy]

DEFAULTS: Policies = dict.fromkeys(Kind, Policy.FAIL) | {
    Kind.PASS: Policy.IGNORE,
    Kind.SHRANK: Policy.WARN,
    Kind.EASED: Policy.WARN,
}
"""Everything fails that is not known to be well: what holds on CI."""

LOCAL: Policies = {**DEFAULTS, Kind.NEW: Policy.WARN, Kind.STALE: Policy.WARN}
"""The same where somebody is still at work."""

_BY_LENIENCY = tuple(policy.value for policy in Policy)


def leniency(policy: str) -> int:
    """Return how much a policy lets pass, one that is not known nothing."""
    return _BY_LENIENCY.index(policy) if policy in _BY_LENIENCY else -1


CONFIGURABLE = tuple(kind for kind in Kind if kind is not Kind.PASS)
"""The kinds whose policy can be set."""

ARITHMETIC = ("FLOPs", "MACs")
"""Units of the metrics that operators without a rule are missing from."""

GROWING = ("params", "macs", "flops", "activation_memory")
"""The metrics that may not grow beyond the baseline unless something else is said."""

NO_GROWTH: tuple[Rule, ...] = tuple(
    Growth(metric, None, 0, f"{baseline.FILE}: nothing may grow by default") for metric in GROWING
)

BY_TORCH = (*MEMORY, "ops", "cuda_memory")
"""Metrics that another version of torch may change by itself."""


class Heavy(NamedTuple):
    """A module that stands behind a verdict at other sizes."""

    module: str
    value: int
    """What it has of the metric by itself, in base units."""
    power: float | None = None
    """By which it grows."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What was found at other sizes, for a limit that is about them."""

    sizes: Mapping[str, int]
    """Where the modules were looked at."""
    power: float | None = None
    """By which the metric grows, of a `Scaling`."""
    heaviest: tuple[Heavy, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of one subject; facts only, sentences are made in report/."""

    kind: Kind
    subject: str
    """A measurement's id, or the place of a budget."""
    limit: Rule | None
    measured: int | None
    policy: Policy
    detail: str = ""
    """Why it was not measured, what was not counted, or why a growth is accepted."""
    excuse: str = ""
    """Why the run does not turn red although the policy says so: ``xfailed``, ``skipped``."""
    base: int | None = None
    """What the baseline has, of a growth."""
    alike: tuple[str, ...] = ()
    """Of a new measurement: ids under which the baseline has the same network."""
    allowance: str = ""
    """Where the allowance stands that is about this growth."""
    elsewhere: Elsewhere | None = None
    since: str = ""
    """The base that says so of a growth, or of what is new or gone, if it is not the baseline."""

    @property
    def fails(self) -> bool:
        """Whether the run is red because of it."""
        return self.policy is Policy.FAIL and not self.excuse

    @property
    def warns(self) -> bool:
        """Whether it is shown, but the run stays green."""
        return self.policy is Policy.WARN and not self.excuse and self.kind is not Kind.PASS


@dataclass(frozen=True, slots=True)
class Past:
    """What a measurement is compared with."""

    baseline: Baseline
    allowances: tuple[Allowance, ...] = ()
    today: dt.date = dt.date.min
    committed: bool = False
    """Whether it is the file that is kept with the code, not another run."""


def judge(
    subject: str,
    burden: Burden,
    limits: Iterable[Rule],
    policies: Policies = DEFAULTS,
    past: Past | None = None,
) -> tuple[Verdict, ...]:
    """Hold one burden against its limits, one verdict each; a value equal to its limit passes.

    Without ``past``, limits of growth are left out. With it, one verdict more says if the baseline
    does not know the measurement, or cannot be compared with.
    """
    rules = tuple(limits)
    absolute = [rule for rule in rules if isinstance(rule, Limit)]
    accepted = accepted_gaps(rules)
    verdicts = [_judge_one(subject, burden, limit, accepted, policies) for limit in absolute]
    if past is not None:
        growths = [rule for rule in rules if isinstance(rule, Growth) and rule.bounded]
        verdicts += _judge_growth(subject, burden, growths, accepted, policies, past)
    return tuple(verdicts)


def accepted_gaps(rules: Iterable[Rule]) -> int:
    """Return how many calls of operators without a rule the limits of a measurement accept."""
    absolute = (rule for rule in rules if isinstance(rule, Limit))
    return max((rule.maximum for rule in absolute if rule.metric == "uncounted_ops"), default=0)


def judge_stale(
    past: Past,
    measured: Mapping[str, Iterable[Verdict]],
    unfinished: Iterable[str],
    skipped_collectors: Iterable[str] = (),
    policies: Policies = DEFAULTS,
) -> tuple[Verdict, ...]:
    """Return a verdict for each entry of the baseline, and each allowance, that nothing needs.

    Args:
        past: the baseline and the allowances.
        measured: the verdicts of all measurements of a full run, by id.
        unfinished: tests that were skipped or failed: what they would have measured is not known.
        skipped_collectors: files and classes skipped as a whole, likewise.
        policies: what each kind of verdict does.
    """
    tests, skipped = _without_end(unfinished, skipped_collectors)
    policy = policies[Kind.STALE]
    gone = [
        Verdict(Kind.STALE, name, None, None, policy)
        for name in past.baseline.entries
        if name not in measured and not is_of(name, tests, skipped)
    ]
    used = {verdict.allowance for verdicts in measured.values() for verdict in verdicts}
    over = [
        Verdict(Kind.STALE, allowance.where, None, None, policy, _no_longer(allowance))
        for allowance in past.allowances
        if allowance.where not in used
        and not any(map(allowance.glob.may_match, tests))
        and not any(map(allowance.glob.may_match_below, skipped))
    ]
    return (*gone, *over)


def _no_longer(allowance: Allowance) -> str:
    return f"{allowance.metric} of {allowance.glob.text}"


def renamed(verdicts: Iterable[Verdict], stale: Iterable[str]) -> dict[str, str]:
    """Return the old ids by the new ones of measurements that are new, and stale under another id.

    Each old id is taken once.
    """
    left = dict.fromkeys(stale)
    found = {}
    for verdict in verdicts:
        old = next((name for name in verdict.alike if name in left), None)
        if verdict.kind is Kind.NEW and verdict.limit is None and old is not None:
            found[verdict.subject] = old
            del left[old]
    return found


def judge_globs(
    globs: Sequence[tuple[Glob, str]],
    measured: Iterable[str],
    unfinished: Iterable[str],
    skipped_collectors: Iterable[str] = (),
    policies: Policies = DEFAULTS,
) -> tuple[Verdict, ...]:
    """Return a verdict for each budget that stands in the configuration for nothing.

    Args:
        globs: patterns, and where each was written.
        measured: the ids of all measurements of a full run.
        unfinished: tests that were skipped or failed: what they would have measured is not known.
        skipped_collectors: files and classes skipped as a whole, likewise.
        policies: what each kind of verdict does.
    """
    ids = tuple(measured)
    tests, collectors = _without_end(unfinished, skipped_collectors)
    return tuple(
        Verdict(Kind.UNMATCHED, where, None, None, policies[Kind.UNMATCHED], detail=glob.text)
        for glob, where in globs
        if not any(map(glob.matches, ids))
        and not any(map(glob.may_match, tests))
        and not any(map(glob.may_match_below, collectors))
    )


def _without_end(
    unfinished: Iterable[str], skipped_collectors: Iterable[str]
) -> tuple[set[str], tuple[str, ...]]:
    """Return the tests and the collectors of which it is not known what they would measure.

    Any of them might have been the only one that asks for what tests share.
    """
    tests, collectors = set(unfinished), tuple(skipped_collectors)
    return tests | {SHARED} if tests or collectors else tests, collectors


def _judge_one(
    subject: str, burden: Burden, limit: Limit, accepted: int, policies: Policies
) -> Verdict:
    measured = burden.value(limit.metric)
    detail = ""
    if measured is None:
        kind = Kind.UNSUPPORTED
        detail = burden.unsupported.get(limit.metric, "")
    elif measured > limit.maximum:
        kind = Kind.OVER
    elif METRICS[limit.metric].unit in ARITHMETIC and burden.uncounted_ops > accepted:
        # What was counted is a lower bound: under the limit says nothing.
        kind = Kind.INCOMPLETE
        detail = uncounted(burden)
    elif limit.metric in burden.lower_bounds:
        kind = Kind.INCOMPLETE
        detail = burden.lower_bounds[limit.metric]
    else:
        kind = Kind.PASS
    return Verdict(kind, subject, limit, measured, policies[kind], detail)


def _judge_growth(  # noqa: PLR0913, PLR0917 what `judge` was asked
    subject: str,
    burden: Burden,
    growths: Sequence[Growth],
    accepted: int,
    policies: Policies,
    past: Past,
) -> Iterator[Verdict]:
    entry = past.baseline.entries.get(subject)
    if entry is None:
        alike = _as_heavy(baseline.entry_of(subject, burden), burden, past.baseline)
        yield Verdict(Kind.NEW, subject, None, None, policies[Kind.NEW], alike=alike)
        return
    if differs := conventions_differ(entry.convention, burden.convention):
        detail = (
            f"cannot be compared with {baseline.FILE}: {differs}\nRenew it with {baseline.RENEW}."
        )
        yield Verdict(Kind.ERROR, subject, None, None, policies[Kind.ERROR], detail)
        return
    accepted = max(accepted, entry.metrics.get("uncounted_ops", 0))
    for growth in growths:
        yield _judge_one_growth(subject, burden, growth, entry, accepted, policies, past)


def _as_heavy(entry: Entry, burden: Burden, known: Baseline) -> tuple[str, ...]:
    """Return the ids of the same network that has grown in nothing: a rename hides no growth."""
    by_torch = BY_TORCH if baseline.minor(burden.torch) != known.torch else ("cuda_memory",)
    return tuple(
        name
        for name in known.alike(entry)
        if all(
            value == entry.metrics.get(metric, value)
            for metric, value in known.entries[name].metrics.items()
            if metric not in by_torch
        )
    )


def _judge_one_growth(  # noqa: PLR0913, PLR0917 what `judge` was asked
    subject: str,
    burden: Burden,
    growth: Growth,
    entry: Entry,
    accepted: int,
    policies: Policies,
    past: Past,
) -> Verdict:
    metric = growth.metric
    measured, base = burden.value(metric), entry.metrics.get(metric)
    detail = where = ""
    if measured is None:
        kind = Kind.UNSUPPORTED
        detail = burden.unsupported.get(metric, "")
    elif base is None and past.committed and metric in baseline.UNCOMMITTED:
        kind = Kind.UNSUPPORTED
        detail = f"{baseline.FILE} does not keep it"
    elif base is None:
        kind = Kind.NEW
    else:
        kind = Kind.SHRANK if measured < base else Kind.PASS
        if measured > growth.allowed(base):
            kind, detail, where = _allowed(subject, metric, measured, past)
        gaps = METRICS[metric].unit in ARITHMETIC and burden.uncounted_ops > accepted
        if gaps and kind is not Kind.GREW:
            # What was counted is a lower bound: that it is allowed says nothing.
            kind, detail = Kind.INCOMPLETE, uncounted(burden)
        elif metric in burden.lower_bounds and kind is not Kind.GREW:
            kind, detail = Kind.INCOMPLETE, burden.lower_bounds[metric]
    policy = policies[kind]
    other_torch = baseline.minor(burden.torch) != past.baseline.torch
    if kind is Kind.GREW and policy is Policy.FAIL and metric in BY_TORCH and other_torch:
        policy = Policy.WARN
        versions = f"torch was {past.baseline.torch} and is {burden.torch}"
        detail = f"{detail}; {versions}" if detail else versions
    return Verdict(kind, subject, growth, measured, policy, detail, base=base, allowance=where)


def _allowed(subject: str, metric: str, measured: int, past: Past) -> tuple[Kind, str, str]:
    """Return what an allowance makes of a growth, why, and where it stands.

    Of several that are about it the first counts that holds, else the first that has not expired.
    """
    about = [each for each in past.allowances if each.concerns(subject, metric)]
    best = min(
        about, key=lambda each: (each.expired(past.today), measured > each.up_to), default=None
    )
    if best is None:
        return Kind.GREW, "", ""
    if best.expired(past.today):
        return Kind.GREW, f"was allowed until {best.until}: {best.reason}", best.where
    if measured > best.up_to:
        _, most, _ = show_excess(measured, best.up_to, METRICS[metric].unit)
        return Kind.GREW, f"is allowed up to {most} only: {best.reason}", best.where
    return Kind.PASS, f"is allowed until {best.until}: {best.reason}", best.where


def conventions_differ(then: Convention, now: Convention) -> str:
    """Return what was counted otherwise, empty if nothing was."""
    names = [each.name for each in fields(Convention)]
    return ", ".join(
        f"{name} was {getattr(then, name)!r} and is {getattr(now, name)!r}"
        for name in names
        if getattr(then, name) != getattr(now, name)
    )


def runs_differ(then: Entry, now: Entry | Burden) -> str:
    """Return what else was measured than in the baseline, empty if the same was."""
    parts = []
    if then.inputs != now.inputs:
        was, is_ = (", ".join(each.inputs) or "none" for each in (then, now))
        parts.append(f"inputs were {was} and are {is_}")
    if then.training and now.training and then.training != now.training:
        parts.append(f"the training step was {then.training} and is {now.training}")
    return "; ".join(parts)


def uncounted(burden: Burden) -> str:
    """Return the operators without a rule and how often each was called: ``aten.svd (2 calls)``."""
    rows = [row for row in burden.op_rows if row.state == "uncounted"]
    return ", ".join(f"{row.op} ({row.calls} call{'s' * (row.calls != 1)})" for row in rows)
