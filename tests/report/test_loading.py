"""What `--burden-json` has written, read again: all of it, or one line that says what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_burden.budget.run import Run
from pytest_burden.errors import BurdenError
from pytest_burden.report.csvfile import to_csv
from pytest_burden.report.jsonfile import Written, dump, from_dict, load
from pytest_burden.report.markdown import markdown
from pytest_burden.report.message import violations
from pytest_burden.report.terminal import summary
from tests.report import sample

VERSIONS = {"pytest-burden": "0.1.0", "pytest": "9", "python": "3.11"}
MEMORY = Run((sample.MEMORY, sample.LOWER_BOUND, sample.NO_LIMIT, sample.XFAILED))
RUNS = [sample.RED, sample.GREEN, sample.PARTIAL, sample.OFF, sample.EMPTY, MEMORY]


def refused(text: str) -> str:
    """Return what is said of a file that cannot be read, in one line."""
    with pytest.raises(BurdenError) as raised:
        load(text, "results.json")
    said = str(raised.value)
    assert said.startswith("results.json: ")
    assert "\n" not in said
    return said


@pytest.mark.parametrize("run", RUNS)
def test_nothing_is_lost(run: Run) -> None:
    """What was written is read, and written again as it was."""
    text = dump(run, VERSIONS)
    assert load(text, "results.json") == Written(run, VERSIONS)
    assert dump(*load(text, "results.json")) == text


def test_the_baseline_written_by_the_run() -> None:
    """It is told again."""
    run = Run((sample.PASSING,), baseline="burden-baseline.json written: 1 new")
    assert load(dump(run, VERSIONS), "results.json").run == run


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not JSON, or not all of it"),
        ("{", "not JSON, or not all of it"),
        ("[" * 100_000, "not JSON, or not all of it"),
        ("[]", "no results of pytest-burden"),
        ("null", "no results of pytest-burden"),
        ('{"a": 1}', "no results of pytest-burden"),
        ('{"schema": 2, "measurements": []}', "results of schema 2, this version of"),
        ('{"schema": true, "measurements": []}', "results of schema True, this version of"),
        ('{"schema": 1, "measurements": []}', "broken: the key is missing: 'verdicts'"),
    ],
)
def test_other_files(text: str, told: str) -> None:
    """Each is called what it is, with the command that writes a right one."""
    said = refused(text)
    assert told in said
    assert said.endswith("write it with pytest --burden-json=FILE")


def edited(**changed: Any) -> str:
    """Return the file of a red run, its first measurement changed."""
    data = json.loads(dump(sample.RED, VERSIONS))
    for path, value in changed.items():
        *parts, last = path.split("__")
        place = data["measurements"][0]
        for part in parts:
            place = place[int(part) if part.isdigit() else part]
        place[last] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"burden__flops": "1"}, "measurements[0].burden.flops: not a whole number"),
        ({"burden__flops": True}, "measurements[0].burden.flops: not a whole number"),
        ({"burden__flops": 1.5}, "measurements[0].burden.flops: not a whole number"),
        ({"burden__flops": 10**30}, "measurements[0].burden.flops: more than any network has"),
        ({"burden__flops": -1}, "a metric of classifier is negative"),
        (
            {"burden__method": "magic"},
            "measurements[0].burden.method: not one of 'abstract', 'real'",
        ),
        ({"burden__convention": []}, "argument after ** must be a mapping"),
        ({"id": 5}, "measurements[0].id: not a text"),
        ({"id": sample.PASSING.id}, "2 measurements are called tests/test_m.py::test_resnet[64]"),
        ({"verdicts__0__kind": "unsure"}, "'unsure' is not a valid Kind"),
        ({"verdicts__0__limit__metric": "flop"}, "unknown metric 'flop'"),
    ],
)
def test_broken(changed: dict[str, Any], told: str) -> None:
    """What is wrong is said with its place."""
    assert told in refused(edited(**changed))


def test_a_verdict_that_was_edited() -> None:
    """A file that says pass and holds failures says nothing."""
    data = json.loads(dump(sample.RED, VERSIONS)) | {"verdict": "pass"}
    assert "its verdict is 'pass', which its measurements are not" in refused(json.dumps(data))


def rendered(written: Written) -> None:
    """Render everything: what was read can be shown."""
    run = written.run
    violations(run.results)
    summary(run, verbosity=2)
    markdown(run)
    to_csv(run)
    dump(*written)


def taken(text: str) -> None:
    """Read a file that may be anything; if it is taken, it can be shown."""
    try:
        written = load(text, "results.json")
    except BurdenError:
        refused(text)
    else:
        rendered(written)


WHOLE = dump(Run((*sample.RED.results[:2], sample.MEMORY), sample.RED.verdicts), VERSIONS)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to each value in some data."""
    found = [path] if path else []
    pairs = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data if isinstance(data, list) else ())
    )
    for key, value in pairs:
        found += places(value, (*path, key))
    return found


PLACES = places(json.loads(WHOLE))


@given(st.integers(0, len(WHOLE)))
def test_truncated(length: int) -> None:
    """A file that is not whole is refused."""
    if length < len(WHOLE.rstrip()):
        refused(WHOLE[:length])


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PLACES), st.none() | st.tuples(ANYTHING))
def test_one_value_of_another_kind(path: tuple[Any, ...], value: tuple[Any] | None) -> None:
    """Whichever value is another one or missing, it is refused, or can be shown."""
    data = json.loads(WHOLE)
    place = data
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value[0]
    taken(json.dumps(data))


@given(st.text() | ANYTHING.map(json.dumps))
def test_any_text(text: str) -> None:
    """Whatever a file holds, there is no traceback."""
    taken(text)


@given(ANYTHING)
def test_any_data(data: Any) -> None:
    """The same of what some program has read already."""
    with pytest.raises(BurdenError):
        from_dict(data, "results.json")
