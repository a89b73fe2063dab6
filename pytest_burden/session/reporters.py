"""The two ends of a run: what a worker sends, and what the controller makes of it."""

from __future__ import annotations

import os
import platform
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_burden import __version__
from pytest_burden.budget.config import FILE
from pytest_burden.budget.problem import summary as problem_summary
from pytest_burden.budget.run import Run
from pytest_burden.report.message import Case, sentences, violations
from pytest_burden.session.keys import REPORTER
from pytest_burden.session.lifecycle import ATTRIBUTE, dump, parse
from pytest_burden.session.settings import SETTINGS, Settings
from pytest_burden.session.shared import SHARED
from pytest_burden.session.state import State

_OUTPUT = "burden"
"""The key of what a worker sends when it has finished."""

_CHECK = "budget check"
"""When an error of the whole run was found, as in "ERROR at budget check of pyproject.toml"."""

_MARKUP = {
    "plain": {},
    "good": {"green": True},
    "warn": {"yellow": True},
    "bad": {"red": True, "bold": True},
}


class Worker:
    """Runs tests for a controller, which alone can end the run or report."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._problems: list[str] = []
        self._gone = 0

    def collected(self, problems: Sequence[str], gone: int) -> bool:
        """Let no test run if there are errors: raised here, they would be an internal error."""
        self._problems = list(problems)
        self._gone = gone
        return not problems

    def pytest_sessionfinish(self) -> None:
        """Send what no report could carry."""
        output: dict[str, Any] = self._config.workeroutput  # type: ignore[attr-defined] # xdist's
        output[_OUTPUT] = {
            "problems": self._problems,
            "gone": self._gone,
            "shared": dump(self._config.stash[SHARED].take()),
        }


class Controller:
    """Gathers the results as reports arrive, judges the run when it ends, and has it rendered."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._settings: Settings = config.stash[SETTINGS]
        self._state = State(self._settings)
        self._run: Run | None = None
        self._unwritten = ""

    def collected(self, problems: Sequence[str], gone: int) -> bool:
        """End the run if there are errors.

        Raises:
            pytest.UsageError: there are.
        """
        if problems:
            raise pytest.UsageError(problem_summary(problems))
        self._state.deselected = max(gone, self._state.deselected)
        return True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what was not collected."""
        if report.failed:
            self._state.uncollected = True
        elif report.skipped:
            self._state.skipped_collectors.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in what a test measured."""
        test = self._clean(report.nodeid)
        self._state.reported.add(test)
        if not report.passed:
            self._state.unfinished.add(test)
        if text := vars(report).pop(ATTRIBUTE, None):
            self._state.add(test, parse(text))

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> tuple[str, str, str] | None:
        """Call an error of the whole run an error: pytest knows no such report."""
        return ("error", "E", "ERROR") if report.when == _CHECK else None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take in what a worker of pytest-xdist sends at its end, or that it died."""
        if error:
            self._state.lost.setdefault(node.gateway.id, "")
        output = (getattr(node, "workeroutput", None) or {}).get(_OUTPUT)
        if output:
            self._state.problems += output["problems"]
            self._state.deselected = max(output["gone"], self._state.deselected)
            self._state.shared += parse(output["shared"])

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any) -> None:
        """Note what a worker was running when it died."""
        self._state.lost[report.node.gateway.id] = crashitem

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Fail the session for what no test could fail for: later its exit code is settled."""
        result = yield
        if self._state.problems:
            raise pytest.UsageError(problem_summary(self._state.problems))
        self._close(ended=not (session.shouldstop or session.shouldfail))
        return result

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the files; a run that never began has nothing to say."""
        if session.exitstatus == pytest.ExitCode.USAGE_ERROR:
            return
        run = self._run or self._close(ended=False)
        if self._settings.update and not self._config.getoption("collectonly"):
            self._run = run = self._renew(run)
            if " not written" in run.baseline:
                session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
        if self._settings.json:
            try:
                _write_json(self._settings.json, run)
            except OSError as error:
                self._unwritten = f"--burden-json={self._settings.json}: {error.strerror}"
                session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary and not run.silent:
            from pytest_burden.report.markdown import append_to  # noqa: PLC0415 rarely needed

            append_to(Path(summary), run)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the table and the notes."""
        if self._run is None:
            return
        from pytest_burden.report.terminal import summary  # noqa: PLC0415 only when there is one

        width = terminalreporter._tw.fullwidth  # noqa: SLF001 the writer has no public name
        verbosity = self._config.getoption("verbose", 0)
        shown = summary(self._run, width, verbosity, self._settings.table)
        if shown.heading:
            terminalreporter.write_sep("=", shown.heading.text, **_MARKUP[shown.heading.style])
        for line in shown.lines:
            terminalreporter.write_line(line.text, **_MARKUP[line.style])
        if self._unwritten:
            terminalreporter.write_line(self._unwritten, **_MARKUP["bad"])

    def _renew(self, run: Run) -> Run:
        """Write the baseline; a run that was to write it and did not fails."""
        from pytest_burden.budget.baseline import FILE as BASELINE  # noqa: PLC0415 only when asked
        from pytest_burden.budget.baseline import dump  # noqa: PLC0415 for
        from pytest_burden.budget.files import write_whole  # noqa: PLC0415
        from pytest_burden.session.renewal import renewal  # noqa: PLC0415

        settings, state = self._settings, self._state
        made = renewal(
            run, settings.baseline, state.stale, sorted(state.unfinished), broken=settings.broken
        )
        says = made.says
        if made.baseline is not None:
            try:
                write_whole(settings.baseline_file, dump(made.baseline))
            except OSError as error:
                says = f"not written: {error.strerror}"
        return replace(run, baseline=f"{BASELINE} {says}")

    def _close(self, *, ended: bool) -> Run:
        self._state.shared += self._config.stash[SHARED].take()
        self._run = run = self._state.close(self._config, ended=ended)
        known = [result.id for result in run.results]
        orphans = [result for result in run.results if result.fails and not result.test]
        told = [
            sentences((Case(v) for v in run.verdicts if v.fails), known),
            violations(orphans),
        ]
        if message := "\n".join(filter(None, told)):
            _fail_session(self._config, message)
        return run

    def _clean(self, nodeid: str) -> str:
        """Return a node id without the ``@group`` that pytest-xdist's loadgroup appends."""
        at = nodeid.rfind("@")
        grouped = self._config.getoption("dist", "no") == "loadgroup" and at > nodeid.rfind("]")
        return nodeid[:at] if grouped else nodeid


def _fail_session(config: pytest.Config, message: str) -> None:
    """Report an error of the whole run to everything that reports: exit code, JUnit, terminal."""
    report = pytest.CollectReport(FILE, "failed", message, [])
    report.when = _CHECK
    manager = config.pluginmanager
    terminal = manager.get_plugin("terminalreporter")
    # The cache would take it for a file to run again, the terminal would count collected files.
    names = ("lfplugin", "terminalreporter", REPORTER)
    without = [plugin for plugin in map(manager.get_plugin, names) if plugin]
    manager.subset_hook_caller("pytest_collectreport", without)(report=report)
    if terminal:
        terminal.stats.setdefault("error", []).append(report)


def _write_json(path: Path, run: Run) -> None:
    from pytest_burden.report.jsonfile import write  # noqa: PLC0415 only when asked for

    versions = {
        "pytest-burden": __version__,
        "pytest": pytest.__version__,
        "python": platform.python_version(),
    }
    write(path, run, versions)
