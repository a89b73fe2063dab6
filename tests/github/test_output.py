"""Outputs: values that are read as they were written, and no larger than GitHub takes."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.run import Run
from pytest_burden.burden import ModuleRow
from pytest_burden.github import output
from pytest_burden.github.output import LARGEST, outputs, text
from pytest_burden.report.jsonfile import Written, dump, load
from pytest_burden.report.markdown import markdown
from tests.github.sample import VERSIONS
from tests.report import sample


def parsed(content: str) -> dict[str, str]:
    """Return the outputs that GitHub's runner reads (FileCommandManager.cs, LoadEnvironmentFile).

    A line ``name<<delimiter``, then lines up to one that is the delimiter; the last line break
    before it does not belong to the value.
    """
    found, lines = {}, iter(content.split("\n"))
    for line in lines:
        if line:
            name, delimiter = line.split("<<", 1)
            assert name
            assert delimiter
            found[name] = "\n".join(iter(lambda: next(lines), delimiter))
    return found


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]),
        st.text().filter(lambda each: not each.endswith("\n")) | st.just("x\ny<<z\n\nz"),
    )
)
def test_as_it_was_written(values: dict[str, str]) -> None:
    """Any values, line by line, are what comes out."""
    assert parsed(text(values)) == values


def test_delimiters() -> None:
    """Each value has one of its own, that nobody can foresee, and that is not in the value."""
    drawn = iter(["one", "two", "three"])
    written = text({"a": "one\nb<<x\nevil\nx", "b": "c"}, lambda: next(drawn))
    assert written == "a<<two\none\nb<<x\nevil\nx\ntwo\nb<<three\nc\nthree\n"
    assert parsed(written) == {"a": "one\nb<<x\nevil\nx", "b": "c"}
    first, second = (text({"a": "b"}).splitlines()[-1] for _ in range(2))
    assert first != second
    assert len(first) >= 32


@pytest.mark.parametrize(("run", "verdict"), [(sample.RED, "fail"), (sample.GREEN, "pass")])
def test_values(run: Run, verdict: str) -> None:
    """The verdict, the report and the file itself."""
    found = outputs(Written(run, VERSIONS))
    assert found.values["verdict"] == verdict
    assert found.values["markdown"] == markdown(run)
    assert load(found.values["json"], "json") == Written(run, VERSIONS)
    assert found.notes == ()


def large(rows: int, count: int = 1) -> Run:
    """Return a run with so many rows of modules in each of its measurements."""
    assert sample.PASSING.burden
    row = sample.PASSING.burden.module_rows[:1] or (_row(),)
    burden = dataclasses.replace(sample.PASSING.burden, module_rows=row * rows)
    each = dataclasses.replace(sample.PASSING, burden=burden)
    return Run(tuple(dataclasses.replace(each, id=f"test {n}") for n in range(count)))


def _row() -> ModuleRow:
    raise AssertionError("the sample has no rows")


def size(values: dict[str, str]) -> int:
    """Return the bytes that GitHub counts, as it documents: those of UTF-16."""
    return sum(len(value.encode("utf-16-le")) for value in values.values())


@pytest.mark.parametrize(
    ("run", "note"),
    [
        (large(10_000), "the output json has no rows of modules: it would be too large"),
        (large(1, 3000), "the output json is empty: it would be too large"),
    ],
)
def test_too_large(run: Run, note: str) -> None:
    """JSON is cut down to what fits, and it is said; verdict and report stay."""
    written = Written(run, VERSIONS)
    assert size({"json": dump(*written)}) > LARGEST
    found = outputs(written)
    assert size(dict(found.values)) <= LARGEST
    assert found.notes == (note,)
    assert found.values["verdict"] == "pass"
    assert found.values["markdown"].startswith("## ")
    if found.values["json"]:
        short = json.loads(found.values["json"])["measurements"][0]
        assert short["id"] == "test 0"
        assert short["burden"]["module_rows"] == []


def test_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that fits to the byte is kept, one byte less and it is not."""
    written = Written(sample.GREEN, VERSIONS)
    exact = size(dict(outputs(written).values))
    monkeypatch.setattr(output, "LARGEST", exact)
    assert outputs(written).notes == ()
    monkeypatch.setattr(output, "LARGEST", exact - 1)
    assert outputs(written).notes != ()


def test_no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that does not fit is said to be missing."""
    monkeypatch.setattr(output, "LARGEST_MARKDOWN", 1)
    found = outputs(Written(sample.GREEN, VERSIONS))
    assert found.values["markdown"] == ""
    assert found.notes == ("the output markdown is empty: it would be too long",)


@pytest.mark.parametrize(
    ("why", "verdict"),
    [
        ({}, "pass"),
        ({"partial": ("-k",)}, "pass"),
        ({"unfinished": ("t.py::test_skipped",)}, "pass"),
        ({"partial": ("stopped early",)}, "fail"),
        ({"partial": ("errors in collection",)}, "fail"),
        ({"lost": ("worker gw0 was lost",)}, "fail"),
        ({"unfinished": ("t.py::test_a",), "failed": ("t.py::test_a",)}, "fail"),
    ],
)
def test_a_run_that_did_not_come_to_its_end(why: dict[str, tuple[str, ...]], verdict: str) -> None:
    """Of what was not measured nobody knows: it is no pass, here and in the results themselves."""
    run = Run((sample.PASSING,), **why)  # type: ignore[arg-type]  # of tuples
    values = outputs(Written(run, VERSIONS)).values
    assert (values["verdict"], json.loads(values["json"])["verdict"]) == (verdict, verdict)
    assert load(values["json"], "json").run.verdict == verdict
