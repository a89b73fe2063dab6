"""The start of a run that has to do with budgets: configuration, options, and who reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_burden.budget.config import FILE
from pytest_burden.budget.problem import report as problem_report
from pytest_burden.budget.reading import load
from pytest_burden.report.inert import inert
from pytest_burden.session import models
from pytest_burden.session.keys import REPORTER
from pytest_burden.session.lifecycle import READER
from pytest_burden.session.markers import Reader
from pytest_burden.session.reporters import Controller, Worker
from pytest_burden.session.settings import SETTINGS, is_worker, make_settings
from pytest_burden.session.shared import SHARED, Shared


def start(config: pytest.Config) -> None:
    """Read the configuration and register what reports.

    Raises:
        pytest.UsageError: something in configuration or options is wrong; all of it is told.
    """
    if asked := config.getoption("burden_root"):
        _expect_root(config, Path(asked))
    burden_config, problems = load(config.rootpath / FILE)
    settings, broken = make_settings(config, burden_config)
    if problems or broken:
        raise pytest.UsageError(inert(problem_report([*problems, *broken])))
    config.stash[SETTINGS] = settings
    config.stash[SHARED] = Shared(settings)
    config.stash[READER] = Reader(config.rootpath)
    models.add_to_arguments(config)
    reporter = Worker if is_worker(config) else Controller
    config.pluginmanager.register(reporter(config), REPORTER)


def _expect_root(config: pytest.Config, folder: Path) -> None:
    """Check that pytest works on the project that a command works on.

    Raises:
        pytest.UsageError: it does not, for another folder has its settings.
    """
    root, settings = config.rootpath.resolve(), config.inipath
    if root == folder.resolve():
        return
    file = folder / FILE
    if folder.resolve().is_relative_to(root):
        advice = f"give {file} a table [tool.pytest.ini_options] of its own, or work in {root}"
    else:
        advice = f"put what is there into {file}, [tool.pytest.ini_options]"
    raise pytest.UsageError(
        f"pytest's rootdir is {root}{f', for it found {settings}' if settings else ''}; the budgets"
        f" of {file} do not hold there: {advice}"
    )
