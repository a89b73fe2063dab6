"""`burden measure`: what is printed, what is counted, and how it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_burden
from pytest_burden import Burden
from pytest_burden.budget.config import FILE
from pytest_burden.cli import main
from pytest_burden.inputs import EXAMPLE
from tests.cli import sample

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
IMAGE = "float32[1, 1, 4, 4]"


@pytest.fixture(autouse=True)
def _own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what the command adds to the import path."""
    monkeypatch.setattr(sys, "path", sys.path.copy())


def measured(capsys: pytest.CaptureFixture[str], target: str, *options: str) -> Burden:
    """Return what `burden measure --json` prints, as a burden."""
    status = main(["measure", f"tests.cli.sample:{target}", "--json", *options])
    printed = capsys.readouterr()
    assert status == 0, printed.err
    return Burden.from_dict(json.loads(printed.out))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what the command says when it measures nothing."""
    status = main(["measure", *arguments])
    printed = capsys.readouterr()
    assert status == 2
    assert printed.out == ""
    return printed.err


@pytest.mark.parametrize(
    ("golden", "target", "options"),
    [
        ("table", "net", ["--input", IMAGE]),
        ("modules", "net", ["--input", "1x1x4x4", "--modules", "--fma", "2"]),
        ("uncounted", "Custom", ["--input", "float32[2, 2]"]),
        ("real", "Choosy", ["--input", "float32[2, 2]", "--datum-bytes", "1"]),
        (
            "training",
            "net",
            ["--input", "float32[2, 1, 4, 4]", "--training", "Adam", "--memory", "--modules"],
        ),
    ],
)
def test_what_is_printed(
    golden: str, target: str, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The table is the one that was looked over, kept in a file."""
    assert main(["measure", f"tests.cli.sample:{target}", *options]) == 0
    expected = (HERE / "golden" / f"{golden}.txt").read_text()
    assert capsys.readouterr().out == expected


def test_counted_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    """A convolution of 2 x 2 x 2 sites with 3 x 3 taps, a rectifier, a linear layer of 8 x 3."""
    burden = measured(capsys, "net", "--input", IMAGE)
    assert burden.params == (2 * 9 + 2) + (8 * 3 + 3)
    assert burden.macs == 8 * 9 + 8 * 3
    assert burden.flops == (8 * 9 + 8) + 2 * 8 + (8 * 3 + 3)
    assert burden.activation_memory == 4 * (8 + 3)


@pytest.mark.parametrize("target", ["net", "BUILT"])
def test_json_is_what_measure_returns(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A factory and a built network; nothing is lost on the way."""
    expected = pytest_burden.measure(getattr(sample, target), (IMAGE,))
    assert measured(capsys, target, "--input", IMAGE) == expected


@pytest.mark.parametrize(
    ("target", "options", "flops", "activation_memory"),
    [
        ("net", [], 123, 44),
        ("net", ["--fma", "2"], 123 + 96, 44),
        ("net", ["--datum-bytes", "2"], 123, 22),
        ("net", ["--transcendental", "5"], 123, 44),
        ("curve", [], 0, 64),
        ("curve", ["--transcendental", "5"], 5 * 16, 64),
    ],
)
def test_conventions(
    target: str,
    options: list[str],
    flops: int,
    activation_memory: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each option changes what it names, and nothing else."""
    burden = measured(capsys, target, "--input", IMAGE, *options)
    assert (burden.flops, burden.activation_memory) == (flops, activation_memory)


@pytest.mark.parametrize(
    ("options", "flops"),
    [
        ([], 6),
        (["--kwarg", "times=3"], 6),
        (["--kwarg", "times=3", "--kwarg", "mode=often"], 18),
        (["--kwarg", "times=3", "--kwarg", 'mode="often"'], 18),
    ],
)
@pytest.mark.parametrize("scale", ["float32[3]", "2x3"])
def test_keyword_inputs(
    scale: str, options: list[str], flops: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A spec, a number, a text: 2 x 3 products each time."""
    given = ["--input", "float32[2, 3]", "--kwarg", f"scale={scale}"]
    burden = measured(capsys, "Keywords", *given, *options)
    assert burden.flops == flops


def test_prints_of_the_network_stay_out_of_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    """They go to standard error, so that the JSON can be read."""
    assert main(["measure", "tests.cli.sample:Talkative", "--input", "2x2", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["flops"] == 4
    assert "forward was called" in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["nowhere:net"],
            (
                "cannot import 'nowhere' of 'nowhere:net': "
                "ModuleNotFoundError: No module named 'nowhere'"
            ),
        ),
        (
            ["tests.cli.broken:net"],
            (
                "cannot import 'tests.cli.broken' of 'tests.cli.broken:net': "
                "RuntimeError: no licence for this module"
            ),
        ),
        (
            ["tests.cli.sample"],
            f"'tests.cli.sample' is neither MODULE:FACTORY nor the name of a model in {FILE}",
        ),
        (
            ["tests.cli.sample:nett"],
            "'tests.cli.sample' has no 'nett' (nearest: net): 'tests.cli.sample:nett'",
        ),
        (
            ["tests.cli.sample:Wide"],
            (
                "the factory 'Wide' needs arguments (missing a required argument: 'width'); "
                "give them in a function of none: lambda: Wide(...)"
            ),
        ),
        (
            ["tests.cli.sample:NUMBER"],
            "expected a torch.nn.Module or a factory of one, got: int",
        ),
        (
            ["tests.cli.sample:text"],
            "the factory 'text' returned str, not a torch.nn.Module",
        ),
        (
            ["tests.cli.sample:net", "--input", "float23[1]"],
            "Invalid input spec (unknown dtype (nearest: float32)): 'float23[1]'",
        ),
        (
            ["tests.cli.sample:net", "--input", "1x3xS"],
            (
                "Invalid input spec (sizes that have names stand in brackets,"
                """ "float32[1, 3, S]"): '1x3xS'"""
            ),
        ),
        (
            ["tests.cli.sample:net", "--input", "1x3x"],
            f"Invalid input spec (not of the form {EXAMPLE}): '1x3x'",
        ),
        (
            ["tests.cli.sample:net", "--kwarg", "input=float32[1, x]"],
            (
                "Invalid input spec (no size is given for x: give it one, or put a number in its"
                " place): 'float32[1, x]'"
            ),
        ),
        (
            ["tests.cli.sample:Keywords", "--kwarg", "times=3", "--kwarg", "times=4"],
            "--kwarg times is given twice",
        ),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, nothing on standard output, and no traceback of ours."""
    assert refused(capsys, *arguments) == f"burden: {message}\n"


def test_a_network_that_needs_data_is_refused_if_told_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--real never` says why there is no answer."""
    message = refused(capsys, "tests.cli.sample:Choosy", "--input", "2x2", "--real", "never")
    assert message.startswith("burden: the network cannot be traced without data")
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--fma", "3"],
        ["--datum-bytes", "-1"],
        ["--datum-bytes", "two"],
        ["--datum-bytes", "0"],
        ["--kwarg", "scale"],
        ["--kwarg", "=1"],
        ["--kwarg", f"x={'[' * 9000}"],
        ["--real", "always"],
        ["--inptu", "1x1"],
    ],
)
def test_bad_options(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The usual usage message, and exit status 2."""
    with pytest.raises(SystemExit) as exit_:
        main(["measure", "tests.cli.sample:net", *options])
    assert exit_.value.code == 2
    assert "usage: burden" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--datum-bytes", "--transcendental"])
@pytest.mark.parametrize("number", ["9" * 5000, str(2**63)], ids=["digits", "number"])
def test_numbers_that_are_too_large(
    option: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """They end where those of the configuration do, and are shown as far as there is room."""
    with pytest.raises(SystemExit):
        main(["measure", "tests.cli.sample:net", option, number])
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {option}: not below 2^63: '9" in last
    assert len(last) < 300


def test_own_error_of_the_network(capsys: pytest.CaptureFixture[str]) -> None:
    """The user's own traceback with the place in the network, without our frames."""
    message = refused(capsys, "tests.cli.sample:Faulty", "--input", "1x4")
    assert message.startswith("Traceback (most recent call last):\n")
    assert "hidden = self.first(x)" not in message
    assert 'cast("Tensor", self.second(hidden))' in message
    assert "RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x3 and 4x3)\n" in message
    assert message.endswith("raised in second (Linear), called with float32[1, 3]\n")
    assert "_call_impl" not in message
    assert str(ROOT / "pytest_burden") not in message


def test_own_error_of_the_factory(capsys: pytest.CaptureFixture[str]) -> None:
    """Likewise, and also if it wants to end the program."""
    message = refused(capsys, "tests.cli.sample:leave", "--input", "1x4")
    assert "in leave" in message
    assert message.endswith("SystemExit: 0\n")


def test_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    """One line and the exit status of shells: 1 would be a broken budget."""
    assert main(["measure", "tests.cli.sample:interrupt", "--input", "1x4"]) == 130
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "burden: interrupted\n")


def test_from_a_shell(tmp_path: Path) -> None:
    """The current folder is importable, and neither pytest nor anything of it is imported.

    The command lies in another folder, as an installed one does.
    """
    project, programs = tmp_path / "project", tmp_path / "bin"
    project.mkdir()
    programs.mkdir()
    (programs / "burden").write_text(
        "from pytest_burden.cli import main\nraise SystemExit(main())\n"
    )
    (project / "shop.py").write_text(
        "import sys\n"
        "from torch import nn\n"
        "def net():\n"
        "    print(sorted(name for name in sys.modules if 'pytest' in name.split('.')))\n"
        "    return nn.Linear(2, 3)\n"
    )
    done = subprocess.run(
        [sys.executable, programs / "burden", "measure", "shop:net", "--input", "1x2", "--json"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["params"] == 9
    assert done.stderr == "[]\n"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The package's own."""
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"pytest-burden {pytest_burden.__version__}\n"
