"""pytest's events in, answers out: every hook gathers, calls one function, and hands back.

Most runs of pytest have nothing to do with budgets, and pay next to nothing for this plugin: the
rest of the package is imported when pyproject.toml, an option, a marker or a fixture asks for it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_burden.budget.ci import on_ci
from pytest_burden.session.keys import CI, FIXTURES, ID, MARKER, REPORTER

if TYPE_CHECKING:
    from pytest_burden.fixture import Measure, MeasureOnce

# ruff: noqa: PLC0415 see above


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; none has a default, so that pyproject.toml can give it."""
    group = parser.getgroup("burden", "budgets for PyTorch networks")
    group.addoption(
        "--burden-json",
        metavar="FILE",
        default=None,
        help="write everything measured and decided to FILE, as JSON",
    )
    group.addoption(
        "--burden-markdown",
        metavar="FILE",
        default=None,
        help="write the report to FILE, as GitHub's Markdown",
    )
    group.addoption(
        "--burden-html",
        metavar="FILE",
        default=None,
        help="write the report to FILE, as one HTML page that needs nothing beside it",
    )
    group.addoption(
        "--burden-github",
        choices=("auto", "off"),
        default=None,
        help="whether a run on GitHub Actions writes a summary of the step and annotations (auto)",
    )
    group.addoption(
        "--burden-table",
        choices=("auto", "all", "failed", "off"),
        default=None,
        help="which measurements the summary shows (auto: all, unless they are many)",
    )
    group.addoption(
        "--burden-strict",
        action="store_true",
        default=None,
        help="judge as on CI: new and stale measurements fail too, and so does measuring nothing",
    )
    group.addoption(
        "--burden-update",
        action="store_true",
        default=None,
        help="write what was measured into burden-baseline.json; refused where CI is set",
    )
    group.addoption(
        "--burden-force",
        action="store_true",
        default=None,
        help="let --burden-update write where CI is set",
    )
    group.addoption(
        "--no-burden",
        dest="burden_off",
        action="store_true",
        default=None,
        help="measure, but hold nothing to its limits",
    )
    # The project that a command works on.
    group.addoption("--burden-root", default=None, help=argparse.SUPPRESS)
    # What `burden explain` asks: an id, and the file for the answer.
    group.addoption("--burden-explain", nargs=2, default=None, help=argparse.SUPPRESS)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Note whether ``CI`` is set: a conftest.py may take it out of its tests' environment."""
    early_config.stash[CI] = on_ci()


def pytest_configure(config: pytest.Config) -> None:
    """Read the configuration; all of its errors end the run before a test is collected."""
    config.addinivalue_line(
        "markers",
        "burden(**limits): hold what the test measures to limits, as burden(max_gflops=5)",
    )
    if _is_configured(config):
        _start(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the models of pyproject.toml."""
    if not _is_on(parent.config):
        return None
    from pytest_burden.session import models

    return models.collect(file_path, parent)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, object, object]:
    """Check every marker, also those that other hooks add; errors end the run before a test."""
    before = list(items)
    for item in before:
        item.stash[ID] = item.nodeid
    result = yield
    either = {id(item): item for item in (*before, *items)}.values()
    if _is_on(config) or _concern(either):
        _start(config)
        from pytest_burden.session import lifecycle

        gone = len({*map(id, before)} - {*map(id, items)})
        reporter: Any = config.pluginmanager.get_plugin(REPORTER)
        if not reporter.collected(lifecycle.problems(either), gone):
            items.clear()
        elif asked := config.getoption("burden_explain"):
            from pytest_burden.session import explain

            explain.write(config, either, *asked)
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin anew: a plugin may run a failed test again."""
    if _is_on(item.config):
        from pytest_burden.session import lifecycle

        lifecycle.begin(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that ran well but broke its budget; leave an error of its own alone."""
    try:
        with _watching(item):
            result = yield
    except BaseException as raised:
        if _is_on(item.config):
            from pytest_burden.session import lifecycle

            lifecycle.end_failed(item, raised)
        raise
    if _is_on(item.config):
        from pytest_burden.session import lifecycle

        if message := lifecycle.end(item):
            pytest.fail(message, pytrace=False)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, pytest.TestReport]:
    """Put what the test measured onto its report, which carries it to the controller."""
    report: pytest.TestReport = yield
    if _is_on(item.config):
        from pytest_burden.session import lifecycle

        lifecycle.attach(item, report)
    return report


@pytest.fixture
def burden(request: pytest.FixtureRequest) -> Measure:
    """Measure a network and hold it to its budget: ``burden(resnet50, "1x3x224x224")``."""
    _start(request.config)
    from pytest_burden.fixture import Measure
    from pytest_burden.session.lifecycle import marked, record_of

    record = record_of(request.node)
    record.asked = True
    return Measure(record, lambda: marked(request.node).levels)


@pytest.fixture(scope="session")
def burden_session(request: pytest.FixtureRequest) -> MeasureOnce:
    """Like ``burden``, for fixtures of session or module scope that measure once."""
    _start(request.config)
    from pytest_burden.fixture import MeasureOnce
    from pytest_burden.session.shared import SHARED

    return MeasureOnce(request.config.stash[SHARED])


def _start(config: pytest.Config) -> None:
    """Begin, if that has not happened yet."""
    if not _is_on(config):
        from pytest_burden.session.start import start

        start(config)


def _is_on(config: pytest.Config) -> bool:
    return config.pluginmanager.has_plugin(REPORTER)


def _is_configured(config: pytest.Config) -> bool:
    """Return whether configuration or command line have to do with budgets."""
    names = ("json", "markdown", "html", "github", "table", "strict", "off", "update")
    options = [f"burden_{name}" for name in names]
    if any(config.getoption(name) is not None for name in options):
        return True
    if config.getoption("numprocesses", None) or config.getoption("tx", None):
        return True  # the controller of pytest-xdist does not see the tests that its workers run
    try:
        content = (config.rootpath / "pyproject.toml").read_bytes()
    except OSError:
        return False
    return MARKER.encode() in content.replace(b"\0", b"")  # between the letters of UTF-16


def _concern(items: Iterable[pytest.Item]) -> bool:
    """Return whether any of these tests has to do with budgets."""
    packages: set[str] = set()
    for item in items:
        names = getattr(item, "fixturenames", ())
        marks = (mark for node in item.listchain() for mark in node.own_markers)
        if any(name in names for name in FIXTURES) or any(mark.name == MARKER for mark in marks):
            return True
        packages.add(getattr(getattr(item, "module", None), "__package__", None) or "")
    return any(_is_marked(package) for package in packages)


def _is_marked(package: str) -> bool:
    """Return whether a package or one around it has marks, which pytest itself does not read."""
    around = package.rpartition(".")[0]
    marked = hasattr(sys.modules.get(package), "pytestmark")
    return marked or (bool(around) and _is_marked(around))


def _watching(item: pytest.Item) -> AbstractContextManager[None]:
    """Measure the networks that a marked test calls, unless it measures by itself."""
    if not _is_on(item.config):
        return nullcontext()
    from pytest_burden.session import lifecycle

    if not lifecycle.is_watched(item):
        return nullcontext()
    from pytest_burden.errors import BurdenError

    try:
        from pytest_burden.engine.watch import watching
    except BurdenError:  # without torch it calls none, which is told when it ends
        return nullcontext()
    return watching(lifecycle.observer(item), lifecycle.in_pieces(item), lifecycle.elsewhere(item))
