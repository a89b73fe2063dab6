"""``burden schema``: what is shipped, on standard output."""

from __future__ import annotations

import json
from importlib.metadata import entry_points

import pytest

from pytest_burden.budget.schema import FILE, schema, whole_file
from pytest_burden.cli import main


def test_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The file of the package, or the schema of a whole pyproject.toml."""
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == FILE.read_text(encoding="utf-8")
    assert main(["schema", "--whole-file"]) == 0
    assert json.loads(capsys.readouterr().out) == whole_file()


def test_validators_find_it() -> None:
    """validate-pyproject calls the entry point with the name of the table."""
    found = list(entry_points(group="validate_pyproject.tool_schema", name="burden"))
    if not found:
        pytest.skip("the package is not installed, or was before it had a schema")
    made = found[0].load()("burden")
    assert made == schema()
    assert made["$id"]
    assert made["$schema"] == "http://json-schema.org/draft-07/schema#"
