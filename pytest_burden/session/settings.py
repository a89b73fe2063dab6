"""What holds for a whole run: the configuration and the options, found once when pytest starts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_burden.budget import baseline
from pytest_burden.budget.baseline import Baseline
from pytest_burden.budget.ci import on_ci
from pytest_burden.budget.config import FILE, Config, GitHub, Table
from pytest_burden.budget.files import lost
from pytest_burden.budget.problem import Problem
from pytest_burden.budget.verdict import DEFAULTS, LOCAL, Past, Policies
from pytest_burden.session.keys import CI


@dataclass(frozen=True, slots=True)
class Settings:
    """``[tool.burden]`` and the command line, the latter first."""

    config: Config
    root: Path
    """Pytest's rootdir."""
    json: Path | None
    markdown: Path | None
    html: Path | None
    table: Table
    github: GitHub
    strict: bool
    enforced: bool
    keep_rows: bool
    """Whether some report will show every module of a measurement, or the baseline keeps it."""
    on_ci: bool = False
    update: bool = False
    """Whether the baseline is written at the end, and growth is none."""
    baseline: Baseline | None = None
    broken: bool = False
    """Whether there is a baseline that cannot be read; only where it is renewed."""
    today: dt.date = dt.date.min

    @property
    def policies(self) -> Policies:
        """What each kind of verdict does."""
        usual = DEFAULTS if self.strict or self.on_ci else LOCAL
        return {**usual, **self.config.policies}

    @property
    def baseline_file(self) -> Path:
        """Where the baseline is, or would be."""
        return self.root / baseline.FILE

    @property
    def past(self) -> Past | None:
        """What measurements are compared with, None if there is no baseline or it is renewed."""
        if self.baseline is None or self.update:
            return None
        return Past(self.baseline, self.config.allowances, self.today, committed=True)


ON_CI = "burden_ci"
"""The key of what a worker is told of the environment."""

SETTINGS = pytest.StashKey[Settings]()


def make_settings(config: pytest.Config, burden: Config) -> tuple[Settings, list[Problem]]:
    """Put the options over the configuration, and read the baseline.

    Raises:
        pytest.UsageError: an option cannot be carried out.
    """
    outputs = {option: _file(config, option) for option in _OUTPUTS}
    json, markdown, html = outputs.values()
    _keep_files(config, outputs)
    update = bool(config.getoption("burden_update"))
    # A worker has the environment that the controller's conftest.py has left.
    told = getattr(config, "workerinput", {}).get(ON_CI, False)
    ci = on_ci() or config.stash.get(CI, False) or told
    if update and ci and not _is_forced(config):
        raise pytest.UsageError(
            "--burden-update is refused, for CI is set: a baseline is renewed where its change is"
            " read before it counts. --burden-force on the command line writes it all the same."
        )
    # At work, somebody may switch off for one run what addopts asks for.
    if ci and config.getoption("burden_strict") and config.getoption("burden_off"):
        raise pytest.UsageError(
            "--burden-strict and --no-burden contradict each other: one of them may stand in"
            " addopts or in PYTEST_ADDOPTS"
        )
    known, problems = _baseline(config.rootpath / baseline.FILE)
    settings = Settings(
        config=burden,
        root=config.rootpath,
        json=json,
        markdown=markdown,
        html=html,
        table=config.getoption("burden_table") or burden.table,
        github=config.getoption("burden_github") or burden.github,
        strict=bool(config.getoption("burden_strict")),
        enforced=not config.getoption("burden_off"),
        keep_rows=bool(json or html or update) or config.getoption("verbose", 0) > 0,
        on_ci=ci,
        update=update,
        baseline=known,
        broken=bool(problems),
        today=dt.datetime.now(dt.timezone.utc).date(),
    )
    if burden.baseline == "required" and known is None and not problems:
        problems = [Problem(baseline.FILE, "there is none", _REQUIRED, baseline.RENEW)]
    # What is broken is written anew, by a run that measures everything.
    return settings, [] if update else problems


def _is_forced(config: pytest.Config) -> bool:
    """Return whether this run alone is to write on CI: in addopts, none would ever be held."""
    forced = bool(config.getoption("burden_force"))
    said = hasattr(config, "workerinput") or "--burden-force" in config.invocation_params.args
    return forced and said


_REQUIRED = 'tool.burden.baseline is "required" in pyproject.toml'


_OUTPUTS = ("--burden-json", "--burden-markdown", "--burden-html")


def _keep_files(config: pytest.Config, outputs: Mapping[str, Path | None]) -> None:
    """Check that no output is where another file of the run is.

    Raises:
        pytest.UsageError: one is; it would be lost at the end of the run.
    """
    root = config.rootpath
    kept = [("the baseline", root / baseline.FILE), ("the configuration", root / FILE)]
    if config.inipath:
        kept.append(("the configuration", config.inipath))
    if report := config.getoption("xmlpath", None):
        path = config.invocation_params.dir / Path(report).expanduser()
        kept.append(("what --junit-xml writes", path))
    named = [(f"{name}={config.getoption(name)}", path) for name, path in outputs.items() if path]
    if told := lost(named, kept):
        raise pytest.UsageError(told)


def _baseline(path: Path) -> tuple[Baseline | None, list[Problem]]:
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return None, []
    except OSError as error:
        return None, [Problem(baseline.FILE, "cannot be read", str(error.strerror))]
    except UnicodeDecodeError as error:
        return None, [Problem(baseline.FILE, "not UTF-8", str(error), baseline.RENEW)]
    known, problems = baseline.read(text)
    return (None if problems else known), problems


def is_worker(config: pytest.Config) -> bool:
    """Return whether this process runs tests for the controller of pytest-xdist."""
    return hasattr(config, "workerinput")


def _file(config: pytest.Config, option: str) -> Path | None:
    """Return the file that an option names, None if it is not given.

    Raises:
        pytest.UsageError: it cannot be written.
    """
    given = config.getoption(option)
    if given is None:
        return None
    path: Path = config.invocation_params.dir / given
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # a name too long, or with a null character
        reason = getattr(error, "strerror", error)
        raise pytest.UsageError(f"{option}={path}: {reason}") from error
    if not path.parent.is_dir():
        raise pytest.UsageError(f"{option}={path}: there is no folder {path.parent}")
    if path.is_dir():
        raise pytest.UsageError(f"{option}={path}: this is a folder, a file belongs here")
    return path
