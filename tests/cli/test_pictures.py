"""`burden report` and `sweep` with ``--format svg`` and ``png``: what is drawn, and where."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.burden import Burden
from pytest_burden.cli import main
from pytest_burden.report.jsonfile import write
from pytest_burden.report.readings import read
from pytest_burden.report.sweep import to_dict
from pytest_burden.sweeps import Point, Sweep
from tests.cli.conftest import Burden as Command
from tests.cli.conftest import Pytest
from tests.report import sample
from tests.report.test_pictures import NET, swept, weighing

VERSIONS = {"pytest-burden": "0.1.0"}
HEAVIER = dataclasses.replace(NET, flops=2 * NET.flops)


def results(*named: tuple[str, Burden | None], sweep: Sweep | None = None) -> Run:
    """Return a run that has measured these."""
    return Run(tuple(Result(name, name, burden, (), sweep=sweep) for name, burden in named))


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the file of a run of two measurements, in the current folder."""
    monkeypatch.chdir(tmp_path)
    write(Path("two.json"), results(("t.py::test_a[1/2]", NET), ("t.py::test_b", NET)), VERSIONS)
    return "two.json"


def shown(file: str) -> str:
    """Return the text of a picture."""
    return "".join(ET.parse(file).getroot().itertext())  # noqa: S314 it is our own


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        ([], "1  body.0.conv"),
        (["--picture", "profile"], "1  body.0.conv"),
        (["--picture", "cumulative"], "half of it up to"),
        (["--picture", "timeline"], "peak at call 1 of 4"),
    ],
)
def test_one(picture: list[str], told: str, two: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that ends with the format is a file; nothing is printed then."""
    only = ["--only", "*_b", "--output", "b.svg"]
    assert main(["report", two, "--format", "svg", *picture, *only]) == 0
    assert told in shown("b.svg")
    assert "t.py::test_b" in shown("b.svg")
    assert capsys.readouterr() == ("", "")


def test_several(two: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Any other name is a folder, with a file for each measurement, which are printed."""
    folder = str(Path("deep", "pictures"))
    assert main(["report", two, "--format", "png", "--output", folder]) == 0
    names = ["t.py-test_a-1-2.profile.png", "t.py-test_b.profile.png"]
    assert sorted(path.name for path in Path(folder).iterdir()) == names
    assert capsys.readouterr().out.splitlines() == [str(Path(folder, name)) for name in names]
    assert Path(folder, names[0]).read_bytes().startswith(b"\x89PNG")


def test_names_of_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Safe everywhere, and no two the same, whatever the measurements are called."""
    ids = ["t::a(b)", "t::a[B]", "t::a b", "../../etc", "\x00", "x" * 500, "漢字"]
    write(tmp_path / "r.json", results(*((name, NET) for name in ids)), VERSIONS)
    folder = tmp_path / "all"
    arguments = ["--format", "svg", "--picture", "cumulative", "--output", str(folder)]
    assert main(["report", str(tmp_path / "r.json"), *arguments]) == 0
    names = [Path(line).name for line in capsys.readouterr().out.splitlines()]
    assert names[:5] == [
        "t-a-b.cumulative.svg",
        "t-a-B-2.cumulative.svg",
        "t-a-b-3.cumulative.svg",
        "etc.cumulative.svg",
        "measurement.cumulative.svg",
    ]
    assert len(names) == len({name.casefold() for name in names}) == len(ids)
    assert sorted(names) == sorted(path.name for path in folder.iterdir())


def test_to_standard_output(two: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """One picture may go on through a pipe."""
    for form, start in (("svg", b"<?xml"), ("png", b"\x89PNG")):
        assert main(["report", two, "--format", form, "--only", "*_b"]) == 0
        assert capsysbinary.readouterr().out.startswith(start)


def test_no_png_on_a_terminal(
    two: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be noise."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    assert main(["report", two, "--format", "png", "--only", "*_b"]) == 2
    assert capsys.readouterr().err == "burden: a PNG is nothing for a terminal: --output FILE.png\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--format", "svg"], "2 measurements are several pictures: --output FOLDER"),
        (["--format", "svg", "--output", "x.svg"], "2 measurements are several pictures"),
        (["--format", "svg", "--output", "x.png"], "x.png is to be PNG: --format png"),
        (
            ["--format", "svg", "--only", "t.py::test_bb"],
            "--only 't.py::test_bb' is none of 2 measurements (nearest: t.py::test_b)",
        ),
        (["--format", "svg", "--only", "zzz"], "among them t.py::test_a[1/2], t.py::test_b"),
        (["--picture", "profile"], "--picture belongs to pictures: --format svg or --format png"),
        (["--only", "x"], "--only belongs to pictures"),
        (["--against", "x"], "--against belongs to pictures"),
        (
            ["--format", "svg", "--picture", "profile", "--against", "two.json"],
            "--against belongs to --picture versus",
        ),
        (
            ["--format", "svg", "--only", "*_b", "--against", "none.json"],
            "none.json cannot be",
        ),
        (
            ["--format", "svg", "--only", "*_b", "--picture", "sweep"],
            "t.py::test_b: it was measured at one size",
        ),
        (
            ["--format", "svg", "--only", "*_b", "--picture", "versus"],
            "t.py::test_b: nothing of it was compared: --against BASE",
        ),
        (["--format", "svg", "--output", "two.json/x"], "cannot be made: Not a directory"),
        (
            ["--format", "svg", "--output", "no/x.svg", "--only", "*_b"],
            "no/x.svg cannot be",
        ),
    ],
)
def test_refused(
    arguments: list[str], told: str, two: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on standard error, exit status 2, nothing written."""
    assert main(["report", two, *arguments]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert told in printed.err
    assert [path.name for path in Path().iterdir()] == ["two.json"]


def test_what_there_is_no_picture_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told; the others are drawn. If there is none of any, nothing is written."""
    short = Result("t::short", "t::short", NET, ()).without_rows()
    run = Run((short, *results(("t::whole", NET)).results, sample.ERROR))
    write(tmp_path / "r.json", run, VERSIONS)
    out = str(tmp_path / "out")
    arguments = ["report", str(tmp_path / "r.json"), "--format", "svg", "--picture", "timeline"]
    assert main([*arguments, "--output", out]) == 1  # as the run itself
    printed = capsys.readouterr()
    assert printed.out == f"{Path(out, 't-whole.timeline.svg')}\n"
    renew = "write it with pytest --burden-json=FILE"
    assert printed.err == (
        f"burden: no picture of t::short: it was written without its timeline of memory; {renew}\n"
        "burden: no picture of pyproject.toml::net: it was not measured: cannot import 'shop'\n"
    )
    none = str(tmp_path / "none")
    assert main([*arguments, "--output", none, "--only", "t::short", "--only", "*net"]) == 2
    assert capsys.readouterr().err.endswith(f"of memory; {renew} (and 1 more)\n")
    assert not Path(none).exists()


def test_against(two: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Another run, or a baseline: what is on both sides is drawn beside it."""
    write(Path("now.json"), results(("t.py::test_b", HEAVIER), ("t::new", weighing("a"))), VERSIONS)
    arguments = ["report", "now.json", "--format", "svg", "--against", two]
    assert main([*arguments, "--only", "*_b", "--output", "b.svg"]) == 0
    assert "3.85 GFLOPs → 7.7 GFLOPs, +3.85 GFLOPs (100.0 %)" in shown("b.svg")
    assert "two.json to now.json" in shown("b.svg")
    assert main([*arguments, "--only", "t::new"]) == 2
    assert "t::new: there is none of that name in two.json" in capsys.readouterr().err


def test_against_another_convention(two: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What was counted differently is never compared."""
    other = dataclasses.replace(NET, convention=dataclasses.replace(NET.convention, fma=2))
    write(Path("now.json"), results(("t.py::test_b", other)), VERSIONS)
    assert main(["report", "now.json", "--format", "svg", "--against", two]) == 2
    printed = capsys.readouterr()
    assert "fma was 1 and is 2" in printed.err
    assert printed.err.count("\n") == 1


def test_against_the_baseline(project: Path, burden: Command, run_tests: Pytest) -> None:
    """A real run that has grown over its baseline, without and with the file of the baseline."""
    assert burden("baseline", "update").returncode == 0
    nets = project / "nets.py"
    nets.write_text(nets.read_text(encoding="utf-8").replace("width=2", "width=3"), "utf-8")
    burden("diff", "burden-baseline.json", "burden-baseline.json")
    run_tests("--burden-json=now.json")
    for number, against in enumerate(([], ["--against", "burden-baseline.json"])):
        file = str(project / f"{number}.svg")
        picture = ["--picture", "versus", "--only", "*test_a", "--output", file]
        done = burden("report", "now.json", "--format", "svg", *picture, *against)
        assert done.returncode == 1, done.stderr  # as the run itself
        assert "13 → 19, +6 (46.2 %)" in shown(file)
        assert "(4×2→4×3)" in shown(file)


def written(data: object, folder: Path) -> str:
    """Write a file of JSON and return its name."""
    file = folder / "data.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    return str(file)


def test_of_a_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `burden sweep --format json` has written is drawn as a sweep, and as nothing else."""
    file = written(to_dict(swept(), "nets:net", ["float32[B, 3, S, S]"]), tmp_path)
    out = str(tmp_path / "x.svg")
    assert main(["report", file, "--format", "svg", "--output", out]) == 0
    assert "flops = 12·B·S² + 7·B" in shown(out)
    assert "nets:net: float32[B, 3, S, S]" in shown(out)
    assert main(["report", file, "--format", "svg", "--picture", "profile"]) == 2
    assert "nets:net: float32[B, 3, S, S]: it was not measured" in capsys.readouterr().err


def test_of_a_sweep_without_inputs() -> None:
    """Earlier versions did not write them."""
    data = to_dict(swept(), "nets:net", [])
    del data["inputs"]
    assert read(json.dumps(data), "s.json").run.results[0].id == "nets:net"


def test_of_a_result_with_a_sweep(tmp_path: Path) -> None:
    """A measurement that a test has made at other sizes, too."""
    write(tmp_path / "r.json", results(("t::x", NET), sweep=swept()), VERSIONS)
    out = str(tmp_path / "x.svg")
    picture = ["--format", "svg", "--picture", "sweep", "--output", out]
    assert main(["report", str(tmp_path / "r.json"), *picture]) == 0
    assert "flops = 12·B·S² + 7·B" in shown(out)


def test_of_one_measurement(tmp_path: Path) -> None:
    """What `burden measure --json` has written."""
    file = written(NET.to_dict(), tmp_path)
    out = str(tmp_path / "x.svg")
    assert main(["report", file, "--format", "svg", "--output", out]) == 0
    assert "1  body.0.conv" in shown(out)


SWEEP = to_dict(swept(), "nets:net", ["float32[B, 3, S, S]"])


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (7, "nothing of pytest-burden"),
        ({}, "no results of pytest-burden"),
        (SWEEP | {"schema": 2}, "a sweep of schema 2, this version of pytest-burden reads 1"),
        (SWEEP | {"schema": True}, "a sweep of schema True"),
        (SWEEP | {"network": 3}, "broken: network: not a text"),
        (SWEEP | {"inputs": "float32[1]"}, "broken: inputs: not a list of texts"),
        (SWEEP | {"inputs": [1]}, "broken: inputs: not a list of texts"),
        (SWEEP | {"symbols": "SB"}, "broken: symbols: not as it is written"),
        (SWEEP | {"symbols": ["S"]}, "broken: not a size for each symbol"),
        (SWEEP | {"points": [{"sizes": {"S": 1}, "x": 2}]}, "broken: "),
        (SWEEP | {"points": 3}, "broken: "),
        (SWEEP | {"points": [Point(sizes={"S": 1.5, "B": 1}).to_dict()]}, "not a whole number"),  # type: ignore[dict-item]
        (
            SWEEP | {"points": [Point(sizes={"S": 1, "B": 1}, metrics={"flops": -1}).to_dict()]},
            "broken: a negative number",
        ),
        ({k: v for k, v in SWEEP.items() if k != "until"}, "the key is missing: 'until'"),
        (NET.to_dict() | {"flops": "many"}, "broken: flops: not a whole number"),
        (NET.to_dict() | {"flops": -1}, "broken: a metric is negative"),
        (NET.to_dict() | {"inputs": "x"}, "broken: inputs: not as it is written"),
        (NET.to_dict() | {"more": 1}, "broken: "),
    ],
)
def test_broken_files(
    data: object, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that names the file and what is wrong in it."""
    file = written(data, tmp_path)
    assert main(["report", file, "--format", "svg"]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert printed.err.startswith(f"burden: {file}: ")
    assert told in printed.err


def test_no_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that says which commands write what can be drawn."""
    file = tmp_path / "x.json"
    file.write_text("{", encoding="utf-8")
    assert main(["report", str(file), "--format", "svg"]) == 2
    told = capsys.readouterr().err
    assert "not JSON, or not all of it" in told
    assert "pytest --burden-json=FILE, burden sweep --format json, burden measure --json" in told


def test_sweep_and_measure(project: Path, burden: Command) -> None:
    """The commands themselves: one draws, what the other prints can be drawn."""
    vary = ["nets:small", "--input", "float32[B, 4]", "--vary", "B=1:4"]
    out = str(project / "sweep.svg")
    assert burden("sweep", *vary, "--format", "svg", "--output", out).returncode == 0
    assert "nets:small: float32[B, 4]" in shown(out)
    assert "flops = " in shown(out)
    done = burden("measure", "nets:small", "--input", "1x4", "--json")
    (project / "one.json").write_text(done.stdout, encoding="utf-8")
    done = burden("report", "one.json", "--format", "svg", "--output", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Sequential(float32[1, 4])" in shown(out)


@pytest.mark.parametrize("command", ["report", "sweep"])
def test_without_matplotlib(project: Path, burden: Command, tmp_path: Path, command: str) -> None:
    """It is told in a line, before anything is measured."""
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "matplotlib.py").write_text("raise ImportError", encoding="utf-8")
    write(project / "one.json", results(("t", NET)), VERSIONS)
    arguments = ["one.json"] if command == "report" else ["nets:no", "--vary", "B=1:4"]
    places = (str(tmp_path / "without"), str(Path(__file__).parents[2]))
    done = burden(command, *arguments, "--format", "svg", PYTHONPATH=os.pathsep.join(places))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "burden: matplotlib is not installed, which draws pictures:"
        " pip install 'pytest-burden[plot]'\n"
    )
