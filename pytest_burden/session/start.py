"""The start of a run that has to do with budgets: configuration, options, and who reports."""

from __future__ import annotations

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
