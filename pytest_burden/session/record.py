"""What one test has measured so far, and what is decided of it when it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pytest_burden.budget.baseline import Baseline, nodes_of
from pytest_burden.budget.compare import Change, changes
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.ids import Name, measurement_ids
from pytest_burden.budget.judge_sizes import judge_sizes
from pytest_burden.budget.limits import Rule
from pytest_burden.budget.precedence import Level, configured, resolve
from pytest_burden.budget.result import Result
from pytest_burden.budget.scaling import LimitAt, Scaling
from pytest_burden.budget.verdict import NO_GROWTH, Kind, Past, Verdict, judge, runs_differ
from pytest_burden.burden import TRAINING, Burden
from pytest_burden.errors import BurdenError
from pytest_burden.session.measuring import Runs
from pytest_burden.session.settings import Settings
from pytest_burden.sweeps import Swept

_NOWHERE = Swept()

# The frames of this module are no news to somebody who gave two measurements one name.
__tracebackhide__ = True


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no burden: the kind of verdict this is, and the reason."""

    kind: Kind
    reason: str


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement: what it is called, the limits of the call, and what came out."""

    name: Name
    outcome: Burden | Failure
    limits: Level = ()
    swept: Swept = _NOWHERE


@dataclass(slots=True)
class Record:
    """The measurements of one test, in order."""

    test: str
    """Its node id, without what pytest-xdist appends."""
    settings: Settings
    measured: list[Measured] = field(default_factory=list)
    asked: bool = False
    """Whether the test has the fixture ``burden``: only what is handed to that is measured."""
    results: tuple[Result, ...] | None = None
    """What was decided, once the test has ended."""
    message: str = ""
    """What the test failed with because of them."""
    sent: bool = False
    """Whether a report carries the results already."""

    def expect_free(self, name: Name) -> None:
        """Check that a measurement can be added.

        Raises:
            BurdenError: the name is taken, or the test has ended.
        """
        if self.results is not None:
            raise BurdenError(
                "burden() was called after the test had ended: measure in the test or its setup"
            )
        if name.given and name in [each.name for each in self.measured]:
            raise BurdenError(f"a second measurement is called name={name.text!r}: name it apart")

    def runs(
        self, name: Name, levels: Sequence[Level], training: object = None, device: object = None
    ) -> Runs:
        """Return what the next measurement has to run beside the forward; see `needed_runs`."""
        subject = measurement_ids(self.test, [*(each.name for each in self.measured), name])[-1]
        return needed_runs(self.settings, subject, levels, training, device)

    def close(self, levels: Sequence[Level], missing: str = "") -> tuple[Result, ...]:
        """Judge everything that was measured.

        Args:
            levels: limits of the test's markers, the most specific first.
            missing: what to say if nothing was measured; empty if that is well.
        """
        ids = measurement_ids(self.test, [each.name for each in self.measured])
        results = [
            decide(self.settings, self.test, name, each.outcome, [each.limits, *levels], each.swept)
            for name, each in zip(ids, self.measured, strict=True)
        ]
        if missing and not results:
            failure = Failure(Kind.UNMEASURED, missing)
            results = [decide(self.settings, self.test, self.test, failure, [])]
        self.results = tuple(results)
        return self.results


def needed_runs(
    settings: Settings,
    subject: str,
    levels: Sequence[Level],
    training: object = None,
    device: object = None,
) -> Runs:
    """Return what a measurement has to run beside the forward: as asked, or for a limit's sake.

    Args:
        settings: of the run.
        subject: the id that the measurement will have.
        levels: limits of call and markers; those of the configuration are added.
        training: as in `pytest_burden.measure`; None for the default where a limit needs it.
        device: likewise.
    """
    grow: tuple[str, ...] = ()
    at: tuple[Mapping[str, int], ...] = ()
    if settings.enforced:
        limits = resolve([*levels, *configured(settings.config, subject)])
        limited = {limit.metric for limit in limits}
        grow = tuple(limit.symbol for limit in limits if isinstance(limit, Scaling))
        at = tuple(limit.sizes for limit in limits if isinstance(limit, LimitAt))
        if training is None and limited.intersection(TRAINING):
            training = True
        if device is None and "cuda_memory" in limited:
            device = settings.config.device
    return Runs(training, device, grow, at)


def decide(  # noqa: PLR0913, PLR0917 what a measurement consists of
    settings: Settings,
    test: str,
    name: str,
    outcome: Burden | Failure,
    levels: Sequence[Level],
    swept: Swept = _NOWHERE,
) -> Result:
    """Return one measurement with its verdicts, none if limits are off.

    Args:
        settings: of the run.
        test: the node id of the test that measured it.
        name: the id of the measurement.
        outcome: the burden, or why there is none.
        levels: limits of call and markers, the most specific first; those of the configuration
            come after them.
        swept: the same network at other sizes.
    """
    policies = settings.policies
    found: tuple[Change, ...] = ()
    otherwise = ""
    if isinstance(outcome, Failure):
        policy = policies[outcome.kind]
        verdicts: tuple[Verdict, ...] = (
            Verdict(outcome.kind, name, None, None, policy, outcome.reason),
        )
        burden = None
    else:
        past = settings.past
        general = [NO_GROWTH] if past else []
        limits = resolve([*levels, *configured(settings.config, name), *general])
        if past is None and not settings.update and any(map(_grows, limits)):
            past = Past(Baseline(""))  # which knows nothing: a limit of growth is never off
        verdicts = (
            *judge(name, outcome, limits, policies, past),
            *judge_sizes(name, outcome, limits, policies, swept),
        )
        burden = outcome
        known = past.baseline.entries.get(name) if past else None
        if known and any(v.base not in (None, v.measured) for v in verdicts):
            found = changes(known.nodes, nodes_of(outcome))
            otherwise = runs_differ(known, outcome)
    return Result(
        id=name,
        test=test,
        burden=burden,
        verdicts=verdicts if settings.enforced else (),
        changes=found,
        otherwise=otherwise,
        growth=tuple(rule for rule in resolve(levels) if isinstance(rule, Growth)),
        sweep=swept.sweep,
        at=swept.at,
    )


def _grows(rule: Rule) -> bool:
    return isinstance(rule, Growth) and rule.bounded
