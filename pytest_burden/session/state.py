"""What the process that reports keeps while tests run, here or in workers, until all has ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest

from pytest_burden.budget.baseline import NONE, Baseline
from pytest_burden.budget.config import FILE
from pytest_burden.budget.ids import below, is_of, natural
from pytest_burden.budget.result import Result, as_renamed
from pytest_burden.budget.run import WHOLE, Run
from pytest_burden.budget.verdict import Kind, Past, Verdict, judge_globs, judge_stale
from pytest_burden.session.members import unheard
from pytest_burden.session.settings import Settings

_CHOOSING = tuple(
    f"{name}="
    for name in (
        "testpaths",
        "norecursedirs",
        "python_files",
        "python_classes",
        "python_functions",
        "collect_imported_tests",
    )
)
"""How values of ``-o`` begin by which tests are left out."""


@dataclass(slots=True)
class State:
    """Everything that has arrived so far."""

    settings: Settings
    by_test: dict[str, tuple[Result, ...]] = field(default_factory=dict)
    """The results of each test's last attempt."""
    shared: list[Result] = field(default_factory=list)
    """What session fixtures measured and no test could report."""
    reported: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    """Tests that have had their turn, and not an attempt that was to be followed by another."""
    unfinished: set[str] = field(default_factory=set)
    """Tests that were skipped or failed: they may not have come to measure."""
    failed: set[str] = field(default_factory=set)
    """Of these, the tests that failed and were to measure."""
    skipped: set[str] = field(default_factory=set)
    """Of these, the tests that were skipped, or may fail and did, and were to measure."""
    skipped_collectors: set[str] = field(default_factory=set)
    """Files and classes that were skipped as a whole, and ``test[`` of one without parameters."""
    problems: list[str] = field(default_factory=list)
    """Errors in markers that workers found."""
    deselected: int = 0
    lost: dict[str, str] = field(default_factory=dict)
    """The test that each lost worker was running, empty if none."""
    uncollected: bool = False
    """Whether something could not be collected."""
    stale: tuple[str, ...] = ()
    """What the baseline has and a full run has not measured."""

    def begin(self, test: str) -> None:
        """Forget an earlier attempt of a test, but for what it has measured for others, too.

        Of another test with the same id (of folders beside the rootdir, say) nothing is forgotten.
        """
        if test in self.done:
            self.shared += self.by_test.pop(test, ())
            return
        self.unfinished.discard(test)
        self.failed.discard(test)
        self.skipped.discard(test)
        earlier = self.by_test.pop(test, ())
        self.shared += [replace(each, test="") for each in earlier if not is_of(each.id, {test})]

    def add(self, test: str, results: tuple[Result, ...]) -> None:
        """Take in what a test measured; a later attempt of it replaces an earlier one."""
        self.by_test[test] = results

    def close(self, config: pytest.Config, *, ended: bool) -> Run:
        """Judge the run as a whole.

        Args:
            config: of pytest.
            ended: whether every test had its turn.
        """
        settings = self.settings
        partial = tuple(self._partial(config, ended=ended))
        collecting = bool(config.getoption("collectonly"))
        results = self._results()
        globs = [(budget.glob, budget.where) for budget in settings.config.budgets]
        unmatched: tuple[Verdict, ...] = ()
        if settings.enforced and not collecting:
            unmatched = judge_globs(
                globs,
                [result.id for result in results],
                self.unfinished,
                self.skipped_collectors,
                settings.policies,
            )
        stale: tuple[Verdict, ...] = ()
        missing: tuple[Verdict, ...] = ()
        if settings.enforced and not collecting:
            stale, missing = self._stale(results, full=not partial)
        results, stale = as_renamed(results, stale)
        models = [model.id for model in settings.config.models]
        left_out = tuple(m for m in models if m not in self.reported and not collecting)
        return Run(
            results=results,
            verdicts=(
                *(() if partial else unmatched),
                *(() if settings.update else stale),
                *(self._two(each.id) for each in results if not (each.burden or each.verdicts)),
                *(self._uncollected(name) for name in left_out if not partial),
                *self._nothing(results, collecting),
                *self._unheard(results),
            ),
            convention=settings.config.convention,
            policies={kind.value: each.value for kind, each in settings.config.policies.items()},
            baseline=NONE if results and self._ungated() else "",
            enforced=settings.enforced,
            partial=partial,
            left_out=left_out,
            not_judged=(*unmatched, *(() if settings.update else missing)) if partial else (),
            lost=tuple(
                f"worker {worker} was lost{f' while running {test}' if test else ''}"
                for worker, test in self.lost.items()
            ),
            unfinished=tuple(sorted(self._unfinished())),
            failed=tuple(sorted(self.failed.intersection(self._unfinished()))),
            skipped=tuple(sorted({*self._skipped(results)})) if settings.enforced else (),
        )

    def _ungated(self) -> bool:
        """Return whether growth is not looked at where it should be."""
        settings = self.settings
        return (settings.strict or settings.on_ci) and settings.enforced and not settings.baseline

    def _unfinished(self) -> Iterable[str]:
        """Yield what may have more to measure than has arrived, as `Run.unfinished` has it."""
        for test in self.unfinished:
            results = self.by_test.get(test, ())
            if not results or not all(result.complete for result in results):
                yield test
        yield from map(below, self.skipped_collectors)

    def _skipped(self, results: Iterable[Result]) -> Iterable[str]:
        """Yield what was to be measured and was not, as `Run.skipped` has it."""
        yield from (test for test in self.skipped if not self.by_test.get(test))
        known = self.settings.baseline.entries if self.settings.baseline else ()
        measured = {result.id for result in results}
        for name in known:
            if name not in measured and is_of(name, (), self.skipped_collectors):
                yield name

    def _stale(
        self, results: Iterable[Result], *, full: bool
    ) -> tuple[tuple[Verdict, ...], tuple[Verdict, ...]]:
        """Judge what the baseline and the configuration have for nothing; remember the former.

        What is not measured is known in a full run; but a model that pyproject.toml has no longer
        is gone, whatever was run. What a full run alone could tell is returned second.
        """
        settings = self.settings
        past = Past(settings.baseline or Baseline(""), settings.config.allowances, settings.today)
        found = judge_stale(
            past,
            {result.id: result.verdicts for result in results},
            self.unfinished,
            self.skipped_collectors,
            settings.policies,
        )
        models = {model.id for model in settings.config.models}
        names = {v.subject for v in found if v.subject.startswith(f"{FILE}::")} - models
        known = tuple(v for v in found if full or v.subject in names)
        self.stale = tuple(v.subject for v in known if v.subject in past.baseline.entries)
        return known, () if full else tuple(v for v in found if v.subject not in names)

    def _results(self) -> tuple[Result, ...]:
        """Return one result for each id, sorted: workers finish in any order."""
        by_id: dict[str, Result] = {}
        for result in (*(r for results in self.by_test.values() for r in results), *self.shared):
            # Each worker sets session fixtures up for itself, so these come more than once.
            known = by_id.get(result.id)
            if known is not None and known.burden != result.burden:
                by_id[result.id] = replace(known, burden=None, verdicts=())
            elif known is None or result.fails > known.fails:
                by_id[result.id] = result
        return tuple(sorted(by_id.values(), key=lambda result: natural(result.id)))

    def _two(self, name: str) -> Verdict:
        """Return what is said of two networks that workers have measured under one name."""
        reason = (
            "another network is measured under this name, by another worker or by another test of"
            " this id: give it a name="
        )
        return Verdict(Kind.ERROR, name, None, None, self.settings.policies[Kind.ERROR], reason)

    def _uncollected(self, name: str) -> Verdict:
        """Return what is said of a model that a full run has left out."""
        reason = f"a plugin or a conftest.py (collect_ignore?) keeps pytest from {FILE}"
        policy = self.settings.policies[Kind.UNMEASURED]
        return Verdict(Kind.UNMEASURED, name, None, None, policy, reason)

    def _unheard(self, results: Iterable[Result]) -> Iterable[Verdict]:
        """Return what is said of projects around the rootdir whose budgets do not hold."""
        settings = self.settings
        tests = [result.test for result in results] if settings.enforced else []
        return unheard(settings.root, tests, strict=settings.strict)

    def _nothing(self, results: Iterable[Result], collecting: bool) -> tuple[Verdict, ...]:  # noqa: FBT001
        measured = any(result.burden for result in results)
        if not self.settings.strict or measured or collecting or not self.settings.enforced:
            return ()
        policy = self.settings.policies[Kind.UNMEASURED]
        return (Verdict(Kind.UNMEASURED, WHOLE, None, None, policy, "--burden-strict is on"),)

    def _partial(self, config: pytest.Config, *, ended: bool) -> Iterable[str]:
        """Yield why this was not a full run: what was not measured proves nothing then."""
        sources = pytest.Config.ArgsSource
        elsewhere = config.invocation_params.dir != config.rootpath
        if config.args_source is sources.ARGS:
            yield "paths were given"
        elif config.args_source is sources.INVOCATION_DIR and elsewhere:
            yield "not run from the rootdir"
        flags = {
            "keyword": "-k",
            "markexpr": "-m",
            "lf": "--lf",
            "stepwise": "--stepwise",
            "deselect": "--deselect",
            "ignore": "--ignore",
            "ignore_glob": "--ignore-glob",
            "setuponly": "--setup-only",
            "collectonly": "--collect-only",
        }
        given = [flag for name, flag in flags.items() if config.getoption(name, None)]
        if any(each.startswith(_CHOOSING) for each in config.getoption("override_ini") or ()):
            given.append("-o")
        yield from given
        if self.deselected and not given:
            yield "tests were deselected"
        if self.uncollected:
            yield "errors in collection"
        if not ended:
            yield "stopped early"
        if self.lost:
            yield "a worker was lost"
