"""What holds for a whole run: the configuration and the options, found once when pytest starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_burden.budget.config import Config, Table
from pytest_burden.budget.verdict import DEFAULTS, Policies


@dataclass(frozen=True, slots=True)
class Settings:
    """``[tool.burden]`` and the command line, the latter first."""

    config: Config
    root: Path
    """Pytest's rootdir."""
    json: Path | None
    table: Table
    strict: bool
    enforced: bool
    keep_rows: bool
    """Whether some report will show every module of a measurement."""

    @property
    def policies(self) -> Policies:
        """What each kind of verdict does."""
        return DEFAULTS if self.strict else self.config.policies


SETTINGS = pytest.StashKey[Settings]()


def make_settings(config: pytest.Config, burden: Config) -> Settings:
    """Put the options over the configuration.

    Raises:
        pytest.UsageError: ``--burden-json`` names a folder that does not exist.
    """
    json = config.getoption("burden_json")
    return Settings(
        config=burden,
        root=config.rootpath,
        json=None if json is None else _writable(config.invocation_params.dir / json),
        table=config.getoption("burden_table") or burden.table,
        strict=bool(config.getoption("burden_strict")),
        enforced=not config.getoption("burden_off"),
        keep_rows=json is not None or config.getoption("verbose", 0) > 0,
    )


def is_worker(config: pytest.Config) -> bool:
    """Return whether this process runs tests for the controller of pytest-xdist."""
    return hasattr(config, "workerinput")


def _writable(path: Path) -> Path:
    if not path.parent.is_dir():
        raise pytest.UsageError(f"--burden-json={path}: there is no folder {path.parent}")
    if path.is_dir():
        raise pytest.UsageError(f"--burden-json={path}: this is a folder, a file belongs here")
    return path
