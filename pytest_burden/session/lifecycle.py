"""The life of one test, from its setup to its report: its limits, what it measured, its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any
from unittest import SkipTest

import pytest

from pytest_burden.budget.ids import Name
from pytest_burden.budget.precedence import Level
from pytest_burden.budget.result import Result
from pytest_burden.budget.verdict import Kind
from pytest_burden.errors import MeasureError
from pytest_burden.report.inert import inert
from pytest_burden.report.message import violations
from pytest_burden.session.keys import FIXTURES, ID
from pytest_burden.session.markers import Marked, Reader
from pytest_burden.session.measuring import measured
from pytest_burden.session.record import Failure, Measured, Record
from pytest_burden.session.settings import SETTINGS
from pytest_burden.session.shared import SHARED

READER = pytest.StashKey[Reader]()
LEVELS = pytest.StashKey[Sequence[Level]]()
"""The limits of a test that has them from elsewhere than markers."""

TEST = "burden_test"
"""Of a report: the node id of its test, without what pytest-xdist appends."""
AWAITED = "burden_awaited"
"""Of a report: that its test failed or was skipped, and was to measure something."""
ATTRIBUTE = "burden_results"
"""Of a report: the results as JSON. Unlike user properties it is not written into JUnit XML, and
unlike workeroutput it has arrived when a worker dies later."""

PROPERTY = "burden."
_PROPERTIES = ("params", "flops", "activation_memory")
_RECORD = pytest.StashKey[Record]()
_FIXTURE_MODULE = "pytest_burden.plugin"
_EXCUSES = (pytest.skip.Exception, pytest.xfail.Exception, SkipTest)
"""What a running test raises to say that it is no failure."""


def marked(item: pytest.Item) -> Marked:
    """Return what the markers of a test say, also those added since it was collected."""
    return item.config.stash[READER].marked(item)


def problems(items: Iterable[pytest.Item]) -> list[str]:
    """Return what is wrong with the markers of these tests, each once."""
    found = (problem for item in items for problem in marked(item).problems)
    return list(dict.fromkeys(map(str, found)))


def record_of(item: pytest.Item) -> Record:
    """Return the record of a test, begun if there is none."""
    if _RECORD not in item.stash:
        item.stash[_RECORD] = Record(_id_of(item), item.config.stash[SETTINGS])
    return item.stash[_RECORD]


def _id_of(item: pytest.Item) -> str:
    return item.stash.get(ID, item.nodeid)


def begin(item: pytest.Item) -> None:
    """Forget an earlier attempt of the same test: plugins run failed ones again."""
    if _RECORD in item.stash:
        del item.stash[_RECORD]
    item.user_properties[:] = [
        pair for pair in item.user_properties if not pair[0].startswith(PROPERTY)
    ]


def is_watched(item: pytest.Item) -> bool:
    """Return whether the test's own calls of networks are measured: marked, without a fixture.

    What `burden_session` measures belongs to no test, and a marker's limits do not hold for it.
    """
    if not item.config.stash[SETTINGS].enforced or LEVELS in item.stash:
        return False
    return not _requests(item, "burden") and marked(item).marked


def observer(item: pytest.Item) -> Callable[[Any, tuple[Any, ...], dict[str, Any]], None]:
    """Return what is to be told of each network that the test calls, just before the call."""
    record = record_of(item)

    def observe(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if record.asked:
            return
        outcome: Any
        name = Name(type(module).__name__)
        try:
            runs = record.runs(name, marked(item).levels)
            outcome, _ = measured(record.settings, module, args, kwargs, runs=runs)
        except MeasureError as error:
            outcome = Failure(Kind.INCOMPLETE, str(error))
        except Exception as error:  # noqa: BLE001 the test runs as it is; its own call will tell
            reason = f"{name.text} raised {type(error).__name__}: {error}"
            outcome = Failure(Kind.ERROR, reason)
        record.measured.append(Measured(name, outcome))

    return observe


def in_pieces(item: pytest.Item) -> Callable[[Any], None]:
    """Return what is to be told of a network that the test runs past its call, in pieces."""
    return _unmeasured(
        item,
        "{name}.forward was called, and not the network: each of its modules would be measured by"
        " itself. Call it as net(x).",
    )


def elsewhere(item: pytest.Item) -> Callable[[Any], None]:
    """Return what is to be told of a network that runs on another thread than the test."""
    return _unmeasured(
        item,
        "{name} was called on another thread, where it is not measured. Call it on the test's own,"
        " or measure it with the fixture burden.",
    )


def _unmeasured(item: pytest.Item, why: str) -> Callable[[Any], None]:
    """Return what notes that a network could not be measured, once for each class."""
    record = record_of(item)

    def told(module: Any) -> None:
        name = Name(type(module).__name__)
        failed = Measured(name, Failure(Kind.UNMEASURED, why.format(name=name.text)))
        if not record.asked and failed not in record.measured:
            record.measured.append(failed)

    return told


def end(item: pytest.Item) -> str:
    """Judge what a test that ran well measured; return why it fails, empty if it does not."""
    # unittest keeps the errors and skips of a test's body to itself until the report is made.
    hidden = getattr(item, "_excinfo", None)
    if hidden:
        end_failed(item, hidden[-1].value)
        return ""
    return _close(item, None)


def end_failed(item: pytest.Item, raised: BaseException) -> None:
    """Judge what a test measured before its body raised; its error stays, the rest is added."""
    if message := _close(item, raised):
        item.add_report_section("call", "burden", message)


def _close(item: pytest.Item, raised: BaseException | None) -> str:
    """Judge everything measured; return the message of what turns the run red."""
    found = marked(item)
    if _RECORD not in item.stash and not found.marked and not _requests(item, *FIXTURES):
        return ""
    record = record_of(item)
    for problem in found.problems if LEVELS not in item.stash else ():
        # Before the run they end it; a marker added by a running test or fixture is found here.
        record.measured.append(Measured(Name("marker"), Failure(Kind.ERROR, str(problem))))
    levels = item.stash.get(LEVELS, found.levels)
    results = record.close(levels, "" if raised else _missing(item, found))
    if raised is not None:
        results = tuple(replace(result, complete=False) for result in results)
    record.results = results = (*results, *_shared(item, raised))
    if record.settings.config.junit:
        item.user_properties += _properties(record.test, results)
    record.message = inert(violations(_untold(results, str(raised or "")), record.test))
    return record.message


def _untold(results: Iterable[Result], raised: str) -> Iterable[Result]:
    """Leave out the measurement whose error is the one that the test has raised."""
    if not raised:
        return results
    return [
        result
        for result in results
        if result.burden or not all(v.detail.endswith(raised) for v in result.verdicts)
    ]


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    """Put the results onto the report that says how the test ended; they travel with it."""
    setattr(report, TEST, _id_of(item))
    # What a session fixture measures, another test may have asked for.
    fixtures = FIXTURES if report.failed else ("burden",)
    if not report.passed and (marked(item).marked or _requests(item, *fixtures)):
        setattr(report, AWAITED, True)
    record = item.stash.get(_RECORD, None)
    if record is None or record.sent:
        return
    _shorten(report, record.message)
    if record.results is None:
        # Subtests have reports of their own before the test has ended.
        if report.when != "setup" or report.passed or not record.measured:
            return
        results = record.close(item.stash.get(LEVELS, marked(item).levels))
        record.results = tuple(replace(result, complete=False) for result in results)
    results = record.results or ()
    if report.skipped:
        excuse = "xfailed" if hasattr(report, "wasxfail") else "skipped"
        results = tuple(result.excused(excuse) for result in results)
    if not record.settings.keep_rows:
        # What fails is told again at the end, with the modules that weigh most.
        results = tuple(each if each.fails else each.without_rows() for each in results)
    record.sent = True
    if results:
        setattr(report, ATTRIBUTE, dump(results))


def _shorten(report: pytest.TestReport, message: str) -> None:
    """Leave the first line of the message to pytest's short summary, which cuts nothing on CI."""
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    if message and crash is not None and crash.message.endswith(message):
        crash.message = crash.message.partition("\n")[0]


def dump(results: Sequence[Result]) -> str:
    """Return results as one JSON text, which every transport carries."""
    return json.dumps([result.to_dict() for result in results])


def parse(text: str) -> tuple[Result, ...]:
    """Return the results of a text that `dump` returned."""
    return tuple(Result.from_dict(data) for data in json.loads(text))


def _requests(item: pytest.Item, *fixtures: str) -> bool:
    """Return whether a test asks for one of these fixtures, itself or through others."""
    return any(
        name in fixtures and _is_ours(item, name) for name in getattr(item, "fixturenames", ())
    )


def _is_ours(item: pytest.Item, fixture: str) -> bool:
    """Return whether a fixture is this plugin's, or one of that name that is made from it."""
    info = getattr(item, "_fixtureinfo", None)
    defined = getattr(info, "name2fixturedefs", {}).get(fixture, ())
    for each in reversed(defined):  # the last one is what the test gets
        if each.func.__module__ == _FIXTURE_MODULE:
            return True
        if fixture not in each.argnames:
            return False
    return False


def _missing(item: pytest.Item, found: Marked) -> str:
    """Return what to say if the test measures nothing; empty if it need not."""
    if not item.config.stash[SETTINGS].enforced:
        return ""
    if is_watched(item):
        session = _requests(item, "burden_session")
        return (
            "It is marked with limits, but it called no torch.nn.Module and does not ask for the"
            " fixture burden."
        ) + (" What burden_session measures has limits of its own, in its call." if session else "")
    info = getattr(item, "_fixtureinfo", None)
    if "burden" in getattr(info, "argnames", ()) and _is_ours(item, "burden"):
        return "It asks for the fixture burden and never called it."
    if found.marked:
        return "It is marked with limits, but the fixture burden was never called."
    return ""


def _shared(item: pytest.Item, raised: BaseException | None) -> tuple[Result, ...]:
    """Return what its session- and module-scoped fixtures measured and nobody has reported yet.

    A test that is skipped or may fail cannot report it: the next one does.
    """
    excused = isinstance(raised, _EXCUSES) or item.get_closest_marker("xfail")
    if excused or not _requests(item, "burden_session"):
        return ()
    return item.config.stash[SHARED].take(record_of(item).test)


def _properties(test: str, results: Sequence[Result]) -> list[tuple[str, object]]:
    """Return a few numbers for JUnit XML; the name of a measurement goes with its metric."""
    found: list[tuple[str, object]] = []
    for result in results:
        name = result.id.removeprefix(test) if result.id.startswith(test) else f"#{result.id}"
        if result.burden is not None:
            found += [(f"{PROPERTY}{m}{name}", result.burden.value(m)) for m in _PROPERTIES]
    return found
