"""What is decided of a burden: one pure function, which everything that prints only renders."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_burden.budget.ids import Glob
from pytest_burden.budget.limits import Limit
from pytest_burden.burden import METRICS, Burden


class Kind(enum.Enum):
    """Every rule ends in exactly one of these."""

    PASS = "pass"  # noqa: S105 a kind of verdict
    OVER = "over"
    GREW = "grew"
    SHRANK = "shrank"
    NEW = "new"
    STALE = "stale"
    UNMATCHED = "unmatched"
    UNMEASURED = "unmeasured"
    UNSUPPORTED = "unsupported"
    INCOMPLETE = "incomplete"
    ERROR = "error"


class Policy(enum.Enum):
    """What a kind of verdict does to the run."""

    FAIL = "fail"
    WARN = "warn"
    IGNORE = "ignore"


Policies = Mapping[Kind, Policy]

DEFAULTS: Policies = dict.fromkeys(Kind, Policy.FAIL) | {
    Kind.PASS: Policy.IGNORE,
    Kind.SHRANK: Policy.WARN,
}
"""Everything fails that is not known to be well."""

CONFIGURABLE = (
    Kind.OVER,
    Kind.UNMATCHED,
    Kind.UNMEASURED,
    Kind.UNSUPPORTED,
    Kind.INCOMPLETE,
    Kind.ERROR,
)
"""The kinds that this version can give and whose policy can be set."""

_ARITHMETIC = ("FLOPs", "MACs")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of one subject; facts only, sentences are made in report/."""

    kind: Kind
    subject: str
    """A measurement's id, or the place of a budget."""
    limit: Limit | None
    measured: int | None
    policy: Policy
    detail: str = ""
    """Why it was not measured, or what was not counted."""
    excuse: str = ""
    """Why the run does not turn red although the policy says so: ``xfailed``, ``skipped``."""

    @property
    def fails(self) -> bool:
        """Whether the run is red because of it."""
        return self.policy is Policy.FAIL and not self.excuse

    @property
    def warns(self) -> bool:
        """Whether it is shown, but the run stays green."""
        return self.policy is Policy.WARN and not self.excuse and self.kind is not Kind.PASS


def judge(
    subject: str, burden: Burden, limits: Iterable[Limit], policies: Policies = DEFAULTS
) -> tuple[Verdict, ...]:
    """Hold one burden against its limits, one verdict each; a value equal to its limit passes."""
    limits = tuple(limits)
    accepted = max((each.maximum for each in limits if each.metric == "uncounted_ops"), default=0)
    return tuple(_judge_one(subject, burden, limit, accepted, policies) for limit in limits)


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
    ids, tests, collectors = tuple(measured), tuple(unfinished), tuple(skipped_collectors)
    return tuple(
        Verdict(Kind.UNMATCHED, where, None, None, policies[Kind.UNMATCHED], detail=glob.text)
        for glob, where in globs
        if not any(map(glob.matches, ids))
        and not any(map(glob.may_match, tests))
        and not any(map(glob.may_match_below, collectors))
    )


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
    elif METRICS[limit.metric].unit in _ARITHMETIC and burden.uncounted_ops > accepted:
        # What was counted is a lower bound: under the limit says nothing.
        kind = Kind.INCOMPLETE
        detail = uncounted(burden)
    elif limit.metric in burden.lower_bounds:
        kind = Kind.INCOMPLETE
        detail = burden.lower_bounds[limit.metric]
    else:
        kind = Kind.PASS
    return Verdict(kind, subject, limit, measured, policies[kind], detail)


def uncounted(burden: Burden) -> str:
    """Return the operators without a rule and how often each was called: ``aten.svd (2 calls)``."""
    rows = [row for row in burden.op_rows if row.state == "uncounted"]
    return ", ".join(f"{row.op} ({row.calls} call{'s' * (row.calls != 1)})" for row in rows)
