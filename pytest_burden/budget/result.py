"""One measurement and everything decided of it: what a test hands to the reports, also as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from pytest_burden.budget.compare import Change
from pytest_burden.budget.growth import Growth, parse_growth
from pytest_burden.budget.limits import Limit, Rule
from pytest_burden.budget.scaling import LimitAt, Scaling
from pytest_burden.budget.verdict import Elsewhere, Heavy, Kind, Policy, Verdict, renamed
from pytest_burden.burden import METRICS, Burden, Figures, shallow
from pytest_burden.sweeps import Point, Sweep

RARE = frozenset(
    {
        *("otherwise", "growth", "by_torch", "sweep", "at", "elsewhere"),
        *("not_judged", "baseline", "unfinished", "failed", "skipped", "policies", "compared_with"),
    }
)
"""Keys of results and runs that are left out of JSON where there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Result:
    """A measurement, by id; ``burden`` is None where there was nothing to measure, or no way to."""

    id: str
    test: str
    """The node id of the test that measured it, or of nothing where no single test did."""
    burden: Burden | None
    verdicts: tuple[Verdict, ...]
    changes: tuple[Change, ...] = ()
    """The modules that are not what they were in the baseline, where a metric is not."""
    otherwise: str = ""
    """What else was measured than in the baseline: other inputs, another training step."""
    growth: tuple[Growth, ...] = ()
    """The limits of growth that its test sets, also where there is nothing to compare with."""
    complete: bool = True
    """Whether the test ran to its end, so that there is nothing more to come."""
    by_torch: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Of joined runs: by minor version of torch, what other legs have of `verdict.BY_TORCH`."""
    sweep: Sweep | None = None
    """The same network at other sizes, where its test or a limit asks for that."""
    at: tuple[Point, ...] = ()
    """The same at the sizes of limits such as ``max_flops_at``."""

    @property
    def worst(self) -> Verdict | None:
        """The verdict that weighs most, failing before warning; None without limits."""
        ranked = sorted(self.verdicts, key=_weight, reverse=True)
        return ranked[0] if ranked else None

    @property
    def fails(self) -> bool:
        """Whether the run is red because of it."""
        return any(verdict.fails for verdict in self.verdicts)

    @property
    def warns(self) -> bool:
        """Whether it only warns."""
        return not self.fails and any(verdict.warns for verdict in self.verdicts)

    def excused(self, excuse: str) -> Result:
        """Return it with every failing verdict excused: the test did not fail."""
        excused = (
            dataclasses.replace(verdict, excuse=excuse) if verdict.fails else verdict
            for verdict in self.verdicts
        )
        return dataclasses.replace(self, verdicts=tuple(excused))

    def without_rows(self) -> Result:
        """Return it without module rows and timelines, which can be long."""
        if self.burden is None:
            return self
        peaks = tuple(dataclasses.replace(peak, timeline=()) for peak in self.burden.peaks)
        short = dataclasses.replace(self.burden, module_rows=(), peaks=peaks)
        return dataclasses.replace(self, burden=short)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready dictionaries and lists; `from_dict` reads it back."""
        data = {
            "id": self.id,
            "test": self.test,
            "burden": self.burden.to_dict() if self.burden else None,
            "verdicts": [verdict_to_dict(verdict) for verdict in self.verdicts],
            "changes": [
                change._asdict() | {"grown": change.grown._asdict()} for change in self.changes
            ],
            "complete": self.complete,
            "otherwise": self.otherwise,
            "growth": list(map(_rule_to_dict, self.growth)),
            "by_torch": {torch: dict(known) for torch, known in self.by_torch.items()},
            "sweep": self.sweep.to_dict() if self.sweep else None,
            "at": [point.to_dict() for point in self.at],
        }
        return without_empty(data)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Result:
        """Build a result from what `to_dict` returned, also after a trip through JSON."""
        return cls(
            id=data["id"],
            test=data["test"],
            burden=Burden.from_dict(data["burden"]) if data["burden"] else None,
            verdicts=tuple(map(verdict_from_dict, data["verdicts"])),
            changes=tuple(
                Change(**(change | {"grown": Figures(**change["grown"])}))
                for change in data["changes"]
            ),
            complete=data["complete"],
            otherwise=data.get("otherwise", ""),
            growth=tuple(map(_growth_from_dict, data.get("growth", ()))),
            by_torch=data.get("by_torch", {}),
            sweep=Sweep.from_dict(data["sweep"]) if data.get("sweep") else None,
            at=tuple(Point(**point) for point in data.get("at", ())),
        )


def without_empty(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return JSON-ready data without what of `RARE` is empty."""
    return {key: value for key, value in data.items() if value or key not in RARE}


def verdict_to_dict(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON-ready dictionaries."""
    elsewhere = verdict.elsewhere
    data = shallow(verdict) | {
        "kind": verdict.kind.value,
        "limit": _rule_to_dict(verdict.limit),
        "policy": verdict.policy.value,
        "fails": verdict.fails,
        "elsewhere": elsewhere
        and shallow(elsewhere) | {"heaviest": [each._asdict() for each in elsewhere.heaviest]},
    }
    return without_empty(data)


def _rule_to_dict(rule: Rule | None) -> dict[str, Any] | None:
    if rule is None:
        return None
    data = shallow(rule)
    if isinstance(rule, Scaling):
        data["power"] = str(rule.power)
    if not isinstance(rule, Growth):
        return data
    return {
        "metric": rule.metric,
        "growth": rule.text(),
        "where": rule.where,
        "written": rule.written,
    }


def _rule_from_dict(data: Mapping[str, Any] | None) -> Rule | None:
    if data is None:
        return None
    if "growth" in data:
        return _growth_from_dict(data)
    if "power" in data:
        power = Fraction(data["power"])
        return Scaling(data["metric"], data["symbol"], power, data["where"], data["written"])
    return LimitAt(**data) if "sizes" in data else Limit(**data)


def _growth_from_dict(data: Mapping[str, Any]) -> Growth:
    percent, amount = parse_growth(data["growth"], METRICS[data["metric"]].unit)
    return Growth(data["metric"], percent, amount, data["where"], data["written"])


def verdict_from_dict(data: Mapping[str, Any]) -> Verdict:
    """Build a verdict from what `verdict_to_dict` returned."""
    return Verdict(
        kind=Kind(data["kind"]),
        subject=data["subject"],
        limit=_rule_from_dict(data["limit"]),
        measured=data["measured"],
        policy=Policy(data["policy"]),
        detail=data["detail"],
        excuse=data["excuse"],
        base=data["base"],
        alike=tuple(data["alike"]),
        allowance=data["allowance"],
        since=data.get("since", ""),
        elsewhere=_elsewhere_from_dict(data.get("elsewhere")),
    )


def _elsewhere_from_dict(data: Mapping[str, Any] | None) -> Elsewhere | None:
    if data is None:
        return None
    return Elsewhere(**{**data, "heaviest": tuple(Heavy(**each) for each in data["heaviest"])})


def as_renamed(
    results: Sequence[Result], stale: Sequence[Verdict]
) -> tuple[tuple[Result, ...], tuple[Verdict, ...]]:
    """Return both without what is only a new name: the result says it, and nothing is stale."""
    new = (verdict for result in results for verdict in result.verdicts)
    old = renamed(new, [verdict.subject for verdict in stale])
    names = set(old.values())
    return (
        tuple(
            _called(result, old[result.id]) if result.id in old else result for result in results
        ),
        tuple(verdict for verdict in stale if verdict.subject not in names),
    )


def _called(result: Result, before: str) -> Result:
    """Return a result whose verdict says that it is not new, but was called otherwise."""
    verdicts = (
        dataclasses.replace(v, detail=before) if v.kind is Kind.NEW and v.limit is None else v
        for v in result.verdicts
    )
    return dataclasses.replace(result, verdicts=tuple(verdicts))


def in_report_order(results: Sequence[Result]) -> list[Result]:
    """Return what passes first and what fails last, next to pytest's own result."""
    return sorted(results, key=lambda result: (result.fails, result.warns))


def _weight(verdict: Verdict) -> tuple[bool, bool, bool]:
    return verdict.fails, verdict.warns, verdict.kind is not Kind.PASS
