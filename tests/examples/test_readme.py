"""What the README shows is what happens.

Blocks are told what they are by a comment before them: ``file`` is that file, ``output`` is what a
command prints, ``change`` is applied to the quickstart, ``config`` is read without a complaint,
``runs`` is run.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pytest_burden.budget.reading import read
from pytest_burden.budget.verdict import CONFIGURABLE
from pytest_burden.burden import METRICS
from tests.examples.shell import environment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "examples"

_BLOCK = re.compile(r"<!-- (\w+)(?:: ([^\n]+?))? -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(kind, about, text) for kind, about, text in _BLOCK.findall(README)]
OUTPUT = {about: text for kind, about, text in BLOCKS if kind == "output"}
CHANGE = {about: text for kind, about, text in BLOCKS if kind == "change"}


def run(folder: Path, *arguments: str) -> str:
    """Run Python as in a terminal of 80 columns and return what it prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.stdout


def pytest_output(folder: Path, first: str) -> str:
    """Return what pytest prints from a line that contains ``first``, its last line without time."""
    lines = run(folder, "-m", "pytest", "-p", "no:cacheprovider").splitlines()
    start = next(number for number, line in enumerate(lines) if first in line)
    return "".join(f"{without_time(line)}\n" for line in lines[start:])


def without_time(line: str) -> str:
    """Return ``1 passed`` for a line that ends the run, whatever it took."""
    return re.sub(r"^=+ (.*) in [\d.]+s.* =+$", r"\1", line)


@pytest.fixture
def quickstart(tmp_path: Path) -> Path:
    """A copy of the example, as a user has it."""
    return Path(shutil.copytree(EXAMPLES / "quickstart", tmp_path / "quickstart"))


@pytest.mark.parametrize(
    ("path", "text"), [(about, text) for kind, about, text in BLOCKS if kind == "file"]
)
def test_files(path: str, text: str) -> None:
    """Each file that is shown is the one in the example."""
    assert (ROOT / path).read_text() == text


def test_quickstart_passes(quickstart: Path) -> None:
    """The files as they are shown: one measured, one pass."""
    shown = "".join(f"{without_time(line)}\n" for line in OUTPUT["pytest"].splitlines())
    assert pytest_output(quickstart, "burden: 1 measured") == shown


def test_quickstart_fails_after_the_change(quickstart: Path) -> None:
    """The one line that is changed gives the output on top of the page."""
    ((name, diff),) = CHANGE.items()
    old, new = (line[1:] for line in diff.splitlines())
    file = quickstart / name
    assert file.read_text().count(f"{old}\n") == 1
    file.write_text(file.read_text().replace(old, new))
    expected = OUTPUT["pytest, after the change"]
    shown = "".join(f"{without_time(line)}\n" for line in expected.splitlines())
    assert pytest_output(quickstart, "= FAILURES =") == shown


def test_growth(quickstart: Path) -> None:
    """What is said of growth over the baseline, within all limits."""
    run(quickstart, "-m", "pytest", "--burden-update")
    file = quickstart / "digits.py"
    file.write_text(file.read_text().replace("width: int = 32", "width: int = 34"))
    assert f"\n{OUTPUT['growth']}" in pytest_output(quickstart, "= FAILURES =")


def test_other_commands(quickstart: Path) -> None:
    """What explain, diff and merge print, diff of two runs with the change above between them."""

    def burden(shown: str) -> str:
        first, _, _ = OUTPUT[shown].partition("\n")
        program = "from pytest_burden.cli import main; raise SystemExit(main())"
        return f"{first}\n{run(quickstart, '-c', program, *first.split()[2:])}"

    assert burden("explain") == OUTPUT["explain"]
    run(quickstart, "-m", "pytest", "--burden-json=before.json")
    file = quickstart / "digits.py"
    file.write_text(file.read_text().replace("width: int = 32", "width: int = 34"))
    run(quickstart, "-m", "pytest", "--burden-json=after.json")
    assert burden("diff") == OUTPUT["diff"]
    shutil.copy(quickstart / "before.json", quickstart / "results-1.json")
    assert burden("merge") == OUTPUT["merge"]


def test_known_networks() -> None:
    """The table is what the demo prints as Markdown."""
    table = README.partition("<!-- table: demo -->\n\n")[2].partition("\n\n")[0]
    assert run(EXAMPLES / "imagenet", "demo.py", "--markdown") == f"{table}\n"


def test_command_line() -> None:
    """The command that is shown prints what is shown."""
    first, _, shown = OUTPUT["command line"].partition("\n")
    dollar, burden, *arguments = first.split()
    assert (dollar, burden) == ("$", "burden")
    program = "from pytest_burden.cli import main; raise SystemExit(main())"
    assert run(EXAMPLES / "imagenet", "-c", program, *arguments) == shown


def test_sweep() -> None:
    """The sweep that is shown gives the table and the laws that are shown."""
    first, _, shown = OUTPUT["sweep"].partition("\n")
    _, _, *arguments = shlex.split(first)
    program = "from pytest_burden.cli import main; raise SystemExit(main())"
    assert run(EXAMPLES / "imagenet", "-c", program, *arguments) == shown


def test_picture(tmp_path: Path) -> None:
    """The picture that is shown says what the commands below it draw."""
    shown = EXAMPLES / "imagenet" / "resnet_50.svg"
    assert f"]({shown.relative_to(ROOT).as_posix()})" in section("Pictures")
    block = section("Pictures").partition("```sh\n")[2].partition("```")[0]
    commands = re.findall(r"^burden (.*)$", block, re.MULTILINE)
    assert len(commands) == 2
    program = "from pytest_burden.cli import main; raise SystemExit(main())"
    for command in commands:
        line, _, file = command.replace("resnet_50.", f"{tmp_path / 'new'}.").partition(" > ")
        if printed := run(EXAMPLES / "imagenet", "-c", program, *shlex.split(line)):
            Path(file).write_text(printed, encoding="utf-8")
    # Not its bytes: another version of matplotlib may lay it out differently.
    assert written_in(tmp_path / "new.svg") == written_in(shown)


def written_in(picture: Path) -> list[str]:
    """Return the texts in an SVG."""
    root = ET.parse(picture).getroot()  # noqa: S314 it is our own
    return sorted(text.strip() for text in root.itertext() if text.strip())


@pytest.mark.parametrize("text", [text for kind, _, text in BLOCKS if kind == "config"])
def test_configuration(text: str) -> None:
    """The configuration that is shown is read, without a complaint."""
    config, problems = read(text)
    assert problems == []
    assert len(config.models) == 1
    assert len(config.budgets) == text.count("[tool.burden.budgets.")


def section(title: str) -> str:
    """Return the text below a heading."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_metric_is_explained() -> None:
    """The table has what is measured, and promises nothing else."""
    rows = section("What is counted").partition("| metric |")[2].partition("\n\n")[0]
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", rows, re.MULTILINE)))
    assert named == list(METRICS)


def test_every_verdict_is_explained() -> None:
    """The table has each kind whose policy can be set."""
    rows = section("Budgets").partition("| verdict |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", rows, re.MULTILINE)) == {k.value for k in CONFIGURABLE}


def test_every_option_is_explained(tmp_path: Path) -> None:
    """The table has each option that `pytest --help` lists."""
    listed = set(re.findall(r"--\w*-?burden[\w-]*", run(tmp_path, "-m", "pytest", "--help")))
    rows = section("Budgets").partition("| option |")[2].partition("\n\n")[0]
    assert set(re.findall(r"--\w*-?burden[\w-]*", rows)) == listed


CONTEXT = """\
import pytest, torch
from torch import nn


class Net(nn.Sequential):
    def __init__(self, width):
        super().__init__(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 2))
"""


def test_python(tmp_path: Path) -> None:
    """The pieces of Python run, and the tests among them pass."""
    pieces = [text for kind, _, text in BLOCKS if kind == "runs"]
    (tmp_path / "test_pieces.py").write_text("\n\n".join([CONTEXT, *pieces]))
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    output = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert "burden: 4 measured, 4 pass" in output
    assert "3 passed" in output


def test_scaling(tmp_path: Path) -> None:
    """The same attention in another order fails as it is shown, by its growth alone."""
    (linear,) = (text for kind, _, text in BLOCKS if kind == "runs" and "class Attention" in text)
    quadratic = linear.replace("q @ (k.mT @ v)", "(q @ k.mT) @ v")
    assert quadratic != linear
    (tmp_path / "test_attention.py").write_text(f"import pytest, torch\n\n{quadratic}")
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    told, _, _ = pytest_output(tmp_path, "over max_scaling").partition("====")
    assert told == OUTPUT["scaling"]


def test_every_block_is_checked() -> None:
    """But for commands to type, no block stands without a comment that says what it is."""
    fences = re.findall(r"^```(\w+)$", README, re.MULTILINE)
    assert len(fences) - fences.count("sh") == len(BLOCKS)
