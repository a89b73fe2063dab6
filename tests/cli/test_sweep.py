"""`burden sweep` and `burden fit`: what they print, and what they refuse."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from pytest_burden.cli import main
from pytest_burden.engine.rules import Cost, registry

GOLDEN = Path(__file__).parent / "golden"
NETS = """
from torch import nn

def net(width=4):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(width, 8, 1),
        nn.Flatten(), nn.Linear(8 * 64, 10),
    )

def saturating():
    return nn.AdaptiveAvgPool1d(4)

print("imported")
"""
NET = "sized_nets:net"


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with two networks."""
    (tmp_path / "sized_nets.py").write_text(NETS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "sized_nets", raising=False)


@pytest.mark.parametrize(
    ("golden", "arguments"),
    [
        (
            "sweep_trunk",
            [
                *("sweep", NET, "--input", "float32[B, 3, S, S]", "--until", "2"),
                *("--vary", "S=8:48:4", "--vary", "B=1,2,5", "--metrics", "flops,params"),
            ],
        ),
        ("sweep_rejected", ["sweep", NET, "--input", "float32[1, 3, S, S]", "--vary", "S=13:17"]),
        (  # nothing can vary where only one size is taken
            "sweep_one_point",
            ["sweep", NET, "--input", "float32[1, 3, S, S]", "--vary", "S=8:32:8"],
        ),
        (  # strides round: the law is that of every other size
            "sweep_off",
            [
                *("sweep", NET, "--input", "float32[1, 3, S, S]", "--until", "2"),
                *("--vary", "S=9:20", "--metrics", "flops"),
            ],
        ),
        (
            "sweep_width",
            ["sweep", NET, "--input", "float32[1, 3, 16, 16]", "--vary", "width=2:8:2"],
        ),
        (
            "fit",
            ["fit", NET, "--input", "float32[B, 3, 16, 16]", "--vary", "B", "--memory", "1 MiB"],
        ),
        (
            "fit_training",
            [
                *("fit", NET, "--input", "float32[B, 3, 16, 16]", "--vary", "B=2::2"),
                *("--memory", "400 kB", "--training", "SGD"),
            ],
        ),
        (
            "fit_rejected",
            ["fit", NET, "--input", "float32[1, 3, S, S]", "--vary=S=16::8", "--memory", "1 MiB"],
        ),
    ],
)
def test_what_is_printed(
    golden: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is what was looked over, kept in a file; what the code prints goes elsewhere."""
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert printed.out == (GOLDEN / f"{golden}.txt").read_text(encoding="utf-8")
    assert printed.err == "imported\n"


SWEEP = ["sweep", NET, "--input", "float32[1, 3, S, S]", "--vary", "S=12:20:2"]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Exact numbers, the laws term by term, and why a point is empty."""
    assert main([*SWEEP, "--until", "2", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["network"], data["inputs"]) == (NET, ["float32[1, 3, S, S]"])
    assert (data["symbols"], data["until"], len(data["points"])) == (["S"], "2", 5)
    first = data["points"][0]
    assert (first["sizes"], first["metrics"]["macs"]) == ({"S": 12}, 36 * 4 * 27 + 36 * 4 * 8)
    laws = {each["metric"]: each for each in data["laws"]}
    assert laws["macs"]["terms"] == [{"coefficient": "35", "powers": {"S": 2}}]
    assert laws["macs"]["holds"] == {"S": {"modulus": 2, "remainder": 0}}


def test_csv(tmp_path: Path) -> None:
    """One row a point, also those that were rejected."""
    assert main([*SWEEP, "--format", "csv", "--output", "s.csv"]) == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "s.csv").read_text(encoding="utf-8"))))
    assert [row["S"] for row in rows] == ["12", "14", "16", "18", "20"]
    assert [bool(row["flops"]) for row in rows] == [False, False, True, False, False]
    assert rows[0]["reason"].startswith("RuntimeError: ")


def test_reported_again(capsys: pytest.CaptureFixture[str]) -> None:
    """`burden report` prints from the file what the sweep has printed."""
    assert main(SWEEP) == 0
    printed = capsys.readouterr().out
    assert main([*SWEEP, "--format", "json", "--output", "s.json"]) == 0
    assert main(["report", "s.json"]) == 0
    assert capsys.readouterr().out == printed
    assert main([*SWEEP, "--format", "csv"]) == 0
    rows = capsys.readouterr().out
    assert main(["report", "s.json", "--format", "csv"]) == 0
    assert capsys.readouterr().out == rows
    assert main(["report", "s.json", "--format", "markdown"]) == 2
    assert "s.json is a sweep: --format terminal, csv, svg or png" in capsys.readouterr().err


def free() -> Cost:
    """Say that there is nothing to be done."""
    return Cost()


def test_a_rule_in_place_of_ours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told with what it counts, also when that is read again."""
    monkeypatch.setitem(registry.OWN, "aten.convolution", registry.counted(free))
    registry._registered_cost.cache_clear()
    arguments = ["sweep", NET, "--input", "float32[B, 3, 16, 16]", "--vary", "B=1,2,3"]
    told = f"\ncounted by another rule than ours: aten.convolution ({__name__}.free)\n"
    assert main([*arguments, "--format", "json", "--output", "sweep.json"]) == 0
    assert main(arguments) == 0
    assert told in capsys.readouterr().out
    assert main(["report", "sweep.json"]) == 0
    assert told in capsys.readouterr().out
    registry._registered_cost.cache_clear()


def test_a_fit_to_the_last_byte(capsys: pytest.CaptureFixture[str]) -> None:
    """What would look alike is told exactly: 2 and 2.00 GiB say nothing of what does not fit."""
    tanh = ["fit", "torch.nn:Tanh", "--input", "float32[B, 1000000]", "--vary", "B"]
    assert main([*tanh, "--memory", "2 GiB"]) == 0
    assert capsys.readouterr().out.splitlines()[:4] == [
        "torch.nn:Tanh: B = 268 fits into 2 GiB, 269 does not",
        "",
        *(
            f"B = {size}: {total} B, 0 B of parameters and buffers and {total} B beside them"
            for size, total in ((268, "2_144_000_000"), (269, "2_152_000_000"))
        ),
    ]


def test_fit_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes as integers."""
    fit = ["fit", NET, "--input", "float32[B, 3, 16, 16]", "--vary", "B", "--memory", "1 MiB"]
    assert main([*fit, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["needed"] <= data["memory"] == 2**20 < data["needed_by_more"]
    assert data["burden"]["inputs"] == [f"float32[{data['size']}, 3, 16, 16]"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sweep", NET, "--input", "1x3x8x8", "--vary", "S=1"], "no input has a size S"),
        (["sweep", NET, "--input", "float32[S]", "--vary", "S=x"], "Invalid sizes (not whole"),
        ([*SWEEP, "--vary", "S=1"], "--vary S is given twice"),
        ([*SWEEP, "--until", "9"], "the network has no module '9'"),
        (
            ["sweep", NET, "--input", "float32[1, 3, S, S]", "--vary", "S=5:7"],
            "none of 3 points could be measured: RuntimeError: ",
        ),
        (["sweep", "nowhere:net", "--vary", "S=1"], "cannot import 'nowhere'"),
        (["fit", NET, "--vary", "B=", "--memory", "1 MiB"], "--vary is a symbol, as B, B=8 or"),
        (["fit", NET, "--vary", "B=0", "--memory", "1 MiB"], "--vary is a symbol, as B, B=8 or"),
        (
            ["fit", NET, "--vary", f"B={'9' * 5000}", "--memory", "1 MiB"],
            "--vary is a symbol, as B, B=8 or S=224::32, its sizes not below 10^18: 'B=99",
        ),
        (["fit", NET, "--vary", "B", "--memory", "1 MB/s"], "Invalid size"),
        (
            ["fit", NET, "--input", "float32[B, 3, 16, 16]", "--vary", "B", "--memory", "1 kB"],
            "B = 1 needs 27,",
        ),
    ],
)
def test_refused(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what is wrong, exit status 2."""
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert told in printed.err
    assert printed.err.removeprefix("imported\n").startswith("burden: ")


MODELS = """
[tool.burden]
fma = 2
[tool.burden.models.small]
build = "sized_nets:net"
inputs = ["float32[B, 3, S, S]"]
training = "SGD"
sizes = { B = 2 }
[tool.burden.models.small.sweep]
S = "8:48:8"
until = "2"
[tool.burden.models.fixed]
build = "sized_nets:net"
inputs = ["float32[1, 3, 16, 16]"]
"""


@pytest.fixture
def models(tmp_path: Path) -> None:
    """Write two models into pyproject.toml."""
    (tmp_path / "pyproject.toml").write_text(MODELS, encoding="utf-8")


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("arguments", "sizes", "macs"),
    [
        (["sweep", "small"], [{"S": size} for size in range(8, 49, 8)], 35 * 2),
        (["sweep", "small", "--vary", "S=16"], [{"S": 16}], 35 * 2),
        (["sweep", "small", "--vary", "B=5", "--vary", "S=16"], [{"S": 16, "B": 5}], 35 * 5),
        (
            ["sweep", "fixed", "--input", "float32[1, 3, S, S]", "--vary", "S=8", "--until", "2"],
            [{"S": 8}],
            35,
        ),
    ],
)
def test_model(
    arguments: list[str],
    sizes: list[dict[str, int]],
    macs: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A model brings its inputs, sizes, trunk, training and conventions; an option goes first."""
    assert main([*arguments, "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [point["sizes"] for point in data["points"]] == sizes
    found = data["points"][0]
    side = found["sizes"]["S"]
    assert found["metrics"]["macs"] == macs * side * side
    assert found["metrics"]["flops"] > 2 * found["metrics"]["macs"]
    assert ("training_memory" in found["metrics"]) is (arguments[1] == "small")


@pytest.mark.usefixtures("models")
def test_measure_and_fit_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    """The other commands know it too."""
    assert main(["measure", "fixed", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["inputs"], data["convention"]["fma"]) == (["float32[1, 3, 16, 16]"], 2)
    assert main(["measure", "fixed", "--json", "--fma=1"]) == 0
    assert json.loads(capsys.readouterr().out)["convention"]["fma"] == 1
    small = ["small", "--input", "float32[B, 3, 16, 16]", "--json"]
    assert main(["fit", *small, "--vary", "B", "--memory", "1 MiB"]) == 0
    assert json.loads(capsys.readouterr().out)["burden"]["training"].startswith("SGD")


@pytest.mark.parametrize(
    "setting",
    [
        '[tool.pytest.ini_options]\npythonpath = ["lib", "src"]',
        '[tool.pytest.ini_options]\npythonpath = "lib src"',
        '[tool.pytest]\npythonpath = ["src"]',
    ],
)
@pytest.mark.parametrize("network", ["small", "inside_src:net"])
def test_src_layout(
    tmp_path: Path,
    network: str,
    setting: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where pytest finds a model by its `pythonpath`, so do these commands, also further down."""
    model = '[tool.burden.models.small]\nbuild = "inside_src:net"\ninputs = ["1x4"]\n'
    (tmp_path / "pyproject.toml").write_text(f"{setting}\n{model}", encoding="utf-8")
    source = "from torch import nn\ndef net(): return nn.Linear(4, 2)\n"
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "inside_src.py").write_text(source, encoding="utf-8")
    (tmp_path / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "deeper")
    monkeypatch.delitem(sys.modules, "inside_src", raising=False)
    assert main(["measure", network, "--input", "1x4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["params"] == 4 * 2 + 2


@pytest.mark.parametrize(
    "text", ["[tool", "[tool]\npytest = 3", "tool.pytest.ini_options.pythonpath = [3]", "tool = 1"]
)
def test_no_src_layout(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What pyproject.toml says is no matter to a network that is found without it."""
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    assert main(["measure", "sized_nets:net", "--input", "1x3x16x16", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["params"] > 0


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sweep", "smal"], "'smal' is neither MODULE:FACTORY nor the name of a model in"),
        (["measure", "smal"], "(nearest: small)"),
        (["sweep", "fixed"], "no sizes to measure at: give them with --vary S=112:672:112"),
        (["sweep", "small", "--vary", "T=3"], "no input has a size T"),
    ],
)
def test_refused_model(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what is wrong."""
    assert main(arguments) == 2
    assert told in capsys.readouterr().err
