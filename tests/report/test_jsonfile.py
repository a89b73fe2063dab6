"""``--burden-json``: everything, exactly, in one step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.report.jsonfile import SCHEMA, write
from tests.budget.sample import burden, limit
from tests.report import sample

VERSIONS = {"pytest-burden": "0.1.0", "pytest": "9", "python": "3.11"}


def written(path: Path) -> Any:
    """Return what stands in a file."""
    return json.loads(path.read_text(encoding="utf-8"))


def test_file(tmp_path: Path) -> None:
    """The run as data: a reader needs nothing of ours."""
    path = tmp_path / "burden.json"
    write(path, sample.RED, VERSIONS)
    data = written(path)
    measurements = data.pop("measurements")
    assert data == {
        "schema": SCHEMA,
        "versions": VERSIONS,
        "verdict": "fail",
        "enforced": True,
        "full": True,
        "partial": [],
        "lost": ["worker gw0 was lost while running tests/test_m.py::test_dies"],
        "left_out": [],
        "convention": {
            "fma": 2,
            "datum_bytes": None,
            "transcendental": 0,
            "target": "cpu",
            "rule_set": 1,
        },
        "verdicts": [
            {
                "kind": "unmatched",
                "subject": 'pyproject.toml: tool.burden.budgets."*::test_resnt*"',
                "limit": None,
                "measured": None,
                "policy": "fail",
                "detail": "*::test_resnt*",
                "excuse": "",
                "base": None,
                "alike": [],
                "allowance": "",
                "since": "",
                "fails": True,
            }
        ],
    }
    first = measurements[0]
    assert (first["id"], first["verdict"]) == ("classifier", "over")
    assert first["burden"]["flops"] == 3_850_000_000
    assert [row["path"] for row in first["burden"]["module_rows"]][-1] == "head.proj"
    assert first["verdicts"] == [
        {
            "kind": "over",
            "subject": "classifier",
            "limit": {
                "metric": "flops",
                "maximum": 3_640_000_000,
                "where": sample.CONFIGURED,
                "written": "",
            },
            "measured": 3_850_000_000,
            "policy": "fail",
            "detail": "",
            "excuse": "",
            "base": None,
            "alike": [],
            "allowance": "",
            "since": "",
            "fails": True,
        }
    ]
    assert tuple(Result.from_dict(each) for each in measurements) == sample.RED.results


def test_partial(tmp_path: Path) -> None:
    """A run that was not full says so, and what it left out."""
    path = tmp_path / "burden.json"
    write(path, sample.PARTIAL, VERSIONS)
    data = written(path)
    assert (data["verdict"], data["full"], data["partial"]) == ("pass", False, ["paths were given"])
    assert data["left_out"] == ["pyproject.toml::net", "pyproject.toml::giant"]


def test_any_text(tmp_path: Path) -> None:
    """A file name that is no Unicode, and a number beyond 64 bits, are written."""
    path = tmp_path / "burden.json"
    run = Run((sample.result("t\udc80::x", burden(flops=10**25), limit("params", 1)),))
    write(path, run, VERSIONS)
    (measurement,) = written(path)["measurements"]
    assert (measurement["id"], measurement["burden"]["flops"]) == ("t\udc80::x", 10**25)


def test_old_file_or_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails on the way leaves the old file, and nothing beside it."""
    path = tmp_path / "burden.json"
    path.write_text("old", encoding="utf-8")

    def full(_path: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write(path, sample.RED, VERSIONS)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
