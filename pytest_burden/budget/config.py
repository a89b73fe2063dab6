"""``[tool.burden]`` of pyproject.toml: what it may say, read with all of its errors in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_burden.budget.allowance import Allowance
from pytest_burden.budget.ids import Glob
from pytest_burden.budget.limits import Rule
from pytest_burden.budget.verdict import Kind, Policy
from pytest_burden.burden import Convention

FILE = "pyproject.toml"

Real = Literal["auto", "never"]
Table = Literal["auto", "all", "failed", "off"]
GitHub = Literal["auto", "off"]
Presence = Literal["optional", "required"]


@dataclass(frozen=True, slots=True)
class Budget:
    """``[tool.burden.budgets."*::test_resnet*"]``: limits for the ids that match."""

    glob: Glob
    limits: tuple[Rule, ...]
    where: str


@dataclass(frozen=True, slots=True)
class Model:
    """``[tool.burden.models.resnet50]``: a network that is measured with no test code."""

    name: str
    build: str
    """``package.module:factory``."""
    inputs: tuple[Any, ...]
    """Spec strings, and lists and tables of them."""
    kwargs: Mapping[str, Any]
    training: Any
    """As in `pytest_burden.measure`."""
    limits: tuple[Rule, ...]
    line: int
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Of symbols in the inputs: at these it is measured."""
    vary: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Other sizes at which it is measured too."""
    until: str = ""
    """The module up to which it is run at these."""

    @property
    def id(self) -> str:
        """The id of its measurement."""
        return f"{FILE}::{self.name}"


@dataclass(frozen=True, slots=True)
class Config:
    """Everything ``[tool.burden]`` says; each part has a default."""

    convention: Convention = field(default_factory=Convention)
    device: str = "cuda"
    """Where `cuda_memory` is measured."""
    real: Real = "auto"
    """Whether a network that cannot be traced without data may be run once."""
    table: Table = "auto"
    github: GitHub = "auto"
    """Whether GitHub Actions get a summary of the step and annotations."""
    baseline: Presence = "optional"
    """Whether there has to be a baseline."""
    junit: bool = True
    """Whether the figures are written into JUnit XML as properties."""
    limits: tuple[Rule, ...] = ()
    budgets: tuple[Budget, ...] = ()
    models: tuple[Model, ...] = ()
    policies: Mapping[Kind, Policy] = field(default_factory=dict)
    """What is said of kinds of verdicts; of the others, `DEFAULTS` or `LOCAL` says it."""
    allowances: tuple[Allowance, ...] = ()
