"""The two ends of a run: what a worker sends, and what the controller makes of it."""

from __future__ import annotations

import os
import platform
import secrets
import sys
import sysconfig
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_burden import __version__
from pytest_burden.budget.config import FILE
from pytest_burden.budget.ids import all_parameters
from pytest_burden.budget.problem import summary as problem_summary
from pytest_burden.budget.run import Run
from pytest_burden.report.annotations import Place, Sources, annotate
from pytest_burden.report.inert import inert, shown
from pytest_burden.report.message import Case, sentences, violations
from pytest_burden.session.keys import REPORTER
from pytest_burden.session.lifecycle import ATTRIBUTE, AWAITED, TEST, dump, parse
from pytest_burden.session.settings import ON_CI, SETTINGS, Settings
from pytest_burden.session.shared import SHARED
from pytest_burden.session.state import State

_OUTPUT = "burden"
"""The key of what a worker sends when it has finished."""

_CHECK = "budget check"
"""When an error of the whole run was found, as in "ERROR at budget check of pyproject.toml"."""

_ENDS = ("passed", "failed", "skipped")
"""Outcomes of a test's last attempt; plugins that run it again have others for those before."""

_EMPTY = "got empty parameter set"
"""How pytest begins the reason why it leaves a test out that has no parameters."""

_NO_SUCCESS = (
    "burden: this run is no pass, and was about to end with 0 all the same: its exit status is 1"
)
"""What is said where a hook, or pytest.exit, has set the exit status of a run that failed."""

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
        self._places: dict[str, Place] = {}
        self._unwritten: list[str] = []

    def collected(self, problems: Sequence[str], gone: int) -> bool:
        """End the run if there are errors.

        Raises:
            pytest.UsageError: there are.
        """
        if problems:
            raise pytest.UsageError(inert(problem_summary(problems)))
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
        test = vars(report).pop(TEST, None) or self._clean(report.nodeid)
        if report.when == "setup":
            self._state.begin(test)
        self._state.reported.add(test)
        if report.outcome not in _ENDS:
            self._state.done.discard(test)
        elif report.when == "call":
            self._state.done.add(test)
        file, line, _ = report.location
        self._places[test] = Place(file, 0 if line is None else line + 1)
        if not report.passed:
            self._state.unfinished.add(test)
            if _EMPTY in f"{report.longrepr} {getattr(report, 'wasxfail', '')}":
                self._state.skipped_collectors.add(all_parameters(test))
        if vars(report).pop(AWAITED, False):
            (self._state.failed if report.failed else self._state.skipped).add(test)
        if text := vars(report).pop(ATTRIBUTE, None):
            self._state.add(test, parse(text))

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> tuple[str, str, str] | None:
        """Call an error of the whole run an error: pytest knows no such report."""
        return ("error", "E", "ERROR") if report.when == _CHECK else None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist how to judge."""
        node.workerinput[ON_CI] = self._settings.on_ci

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
        self._state.lost[report.node.gateway.id] = self._clean(crashitem)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Fail the session for what no test could fail for: later its exit code is settled."""
        result = yield
        if self._state.problems:
            raise pytest.UsageError(inert(problem_summary(self._state.problems)))
        self._close(ended=not (session.shouldstop or session.shouldfail))
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Write the files, and when all else is printed the annotations.

        A run that never began has nothing to say.
        """
        if session.exitstatus != pytest.ExitCode.USAGE_ERROR:
            self._write(session)
        result = yield
        self._agree(session)
        if self._run and self._on_github("GITHUB_ACTIONS") == "true":
            _print(self._config, annotate(self._run, self._sources()))
        return result

    def _write(self, session: pytest.Session) -> None:
        run = self._run or self._close(ended=False)
        if self._settings.update and not self._config.getoption("collectonly"):
            self._run = run = self._renew(run)
            if " not written" in run.baseline:
                session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
        for option, path, write in (
            ("--burden-json", self._settings.json, _write_json),
            ("--burden-markdown", self._settings.markdown, _write_markdown),
            ("--burden-html", self._settings.html, _write_html),
        ):
            if path is None:
                continue
            try:
                write(path, run)
            except OSError as error:
                self._unwritten.append(f"{option}={path}: {error.strerror}")
                session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
        summary = self._on_github("GITHUB_STEP_SUMMARY")
        if summary and not run.silent:
            from pytest_burden.report.markdown import markdown  # noqa: PLC0415 rarely needed
            from pytest_burden.report.room import append_to  # noqa: PLC0415 likewise

            append_to(Path(summary), partial(markdown, run))

    def _agree(self, session: pytest.Session) -> None:
        """Let the exit status be none of success if the run is none: hooks, pytest.exit set it."""
        run = self._run
        if session.exitstatus or run is None or run.silent or not run.enforced:
            return
        if run.verdict == "pass":
            return
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal:
            terminal.write_line(_NO_SUCCESS, **_MARKUP["bad"])

    def _on_github(self, name: str) -> str:
        """Return a variable of GitHub Actions; empty elsewhere, and where that is off."""
        return os.environ.get(name, "") if self._settings.github == "auto" else ""

    def _sources(self) -> Sources:
        root = self._settings.root
        return Sources(
            root=str(root.resolve()),
            workspace=str(Path(os.environ.get("GITHUB_WORKSPACE") or root).resolve()),
            tests=self._places,
            config=_text(root / FILE),
            baseline=_text(self._settings.baseline_file),
        )

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the table and the notes."""
        if self._run is None:
            return
        from pytest_burden.report.terminal import Line, summary  # noqa: PLC0415 not before

        width = terminalreporter._tw.fullwidth  # noqa: SLF001 the writer has no public name
        verbosity = self._config.getoption("verbose", 0)
        found = summary(self._run, width, verbosity, self._settings.table)
        if found.heading:
            text = shown(found.heading.text)
            terminalreporter.write_sep("=", text, **_MARKUP[found.heading.style])
        for line in (*found.lines, *(Line(text, "bad") for text in self._unwritten)):
            terminalreporter.write_line(shown(line.text), **_MARKUP[line.style])

    def _renew(self, run: Run) -> Run:
        """Write the baseline; a run that was to write it and did not fails."""
        from pytest_burden.budget.baseline import ATTRIBUTE, dump  # noqa: PLC0415 only when asked
        from pytest_burden.budget.baseline import FILE as BASELINE  # noqa: PLC0415 for
        from pytest_burden.budget.files import write_whole  # noqa: PLC0415
        from pytest_burden.session.renewal import renewal  # noqa: PLC0415

        settings, state = self._settings, self._state
        made = renewal(
            run, settings.baseline, state.stale, sorted(state.unfinished), broken=settings.broken
        )
        says = made.says
        if not settings.baseline_file.exists() and _git_knows_not(settings.root, BASELINE):
            says += f"; the line {ATTRIBUTE!r} in .gitattributes lets git merge it"
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
        # Of no test, or of one that was reported as passed: another plugin has changed its report.
        red = self._state.unfinished
        orphans = [result for result in run.results if result.fails and result.test not in red]
        told = [
            sentences((Case(v) for v in run.verdicts if v.fails), known),
            violations(orphans),
        ]
        if message := "\n".join(filter(None, told)):
            _fail_session(self._config, inert(message))
        return run

    def _clean(self, nodeid: str) -> str:
        """Return a node id without the ``@group`` that pytest-xdist's loadgroup appends.

        Of a test that died; other reports bring its id along.
        """
        models = (model.id for model in self._settings.config.models)
        if self._config.getoption("dist", "no") != "loadgroup" or nodeid in models:
            return nodeid
        # Folders and parameters may have an @ of their own, and so may the group.
        at = nodeid.find("@", max(nodeid.rfind("]"), nodeid.rfind("::")))
        return nodeid if at < 0 else nodeid[:at]


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


def _print(config: pytest.Config, lines: Sequence[str]) -> None:
    """Print lines, the first of them on a line of its own whatever was printed before."""
    if not lines:
        return
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal:
        for line in lines:
            terminal.write_line(line)
        terminal.flush()
        return
    text = "".join(f"\n{line}" for line in lines)
    coding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(f"{text.encode(coding, 'backslashreplace').decode(coding)}\n")
    sys.stdout.flush()


def _text(path: Path) -> str:
    """Return the text of a file, empty where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _git_knows_not(root: Path, name: str) -> bool:
    """Return whether git keeps a folder, and is not told how to join a file in it."""
    folders = (root, *root.parents)
    told = any(name in _text(folder / ".gitattributes") for folder in folders)
    return not told and any((folder / ".git").exists() for folder in folders)


def _write_markdown(path: Path, run: Run) -> None:
    from pytest_burden.budget.files import write_whole  # noqa: PLC0415 only when asked for
    from pytest_burden.report.markdown import markdown  # noqa: PLC0415 for

    write_whole(path, markdown(run))


def _write_html(path: Path, run: Run) -> None:
    from pytest_burden.budget.files import write_whole  # noqa: PLC0415 only when asked for
    from pytest_burden.report.page import html  # noqa: PLC0415 for

    write_whole(path, html(run, _versions()))


def _write_json(path: Path, run: Run) -> None:
    from pytest_burden.report.jsonfile import write  # noqa: PLC0415 only when asked for

    write(path, run, _versions())


def _versions() -> dict[str, str]:
    """Return what the run was made with."""
    return {
        "pytest-burden": __version__,
        "pytest": pytest.__version__,
        "python": platform.python_version(),
        "platform": sysconfig.get_platform(),
        "run": secrets.token_hex(8),  # by which a copy is told from another run like it
    }
