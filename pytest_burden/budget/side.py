"""One of two sets of measurements that are compared, and what is known of how it came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pytest_burden.budget.baseline import Baseline
from pytest_burden.budget.limits import Rule


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared."""

    name: str
    baseline: Baseline
    renew: str
    """The command that measures it again."""
    unmeasured: Mapping[str, str] = field(default_factory=dict)
    """Measurements that came to nothing, and why."""
    partial: tuple[str, ...] = ()
    """Why what is missing here may exist all the same; empty after a full run."""
    unfinished: tuple[str, ...] = ()
    """Tests of which not everything was measured, as in `Run`."""
    limits: Mapping[str, Sequence[Rule]] = field(default_factory=dict)
    """By id, what the tests allow themselves; of a commit also what its pyproject.toml does."""
    excuses: Mapping[str, str] = field(default_factory=dict)
    """By id, why a test did not fail although its measurement does: ``xfailed``, ``skipped``."""
    unsure: tuple[str, ...] = ()
    """Why there may be more than was measured, and worse, as in `Run`."""
    held: Mapping[str, Sequence[Rule]] = field(default_factory=dict)
    """By id, every limit that was in force; nothing of what was not judged."""
    growth_unknown: frozenset[str] = frozenset()
    """Ids of which `held` has not just the limits of growth that are their own: their baseline does
    not know them, or they have been compared with another run."""
    policies: Mapping[str, str] | None = None
    """As in `Run`, None where they are not known."""
    replaced_rules: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By id, as in `Burden`; nothing of a baseline, which does not keep them."""
