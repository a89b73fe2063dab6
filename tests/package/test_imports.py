"""What is imported and started when, asked of a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.shell import environment

ROOT = Path(__file__).parents[2]

# Says which of the heavy modules are there at the end, and which processes were started.
GUARD = """\
import sys
started = []
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty")
sys.addaudithook(lambda event, args: started.append(event) if event in STARTS else None)
HEAVY = ("matplotlib", "matplotlib.pyplot", "numpy", "tabulate", "torch")
{program}
heavy = [name for name in HEAVY if name in sys.modules]
print("found:", *heavy, *started)
"""

# Run as it runs for everybody: with the plugin, and without a test that asks for it.
PYTEST = "import pytest\nstatus = pytest.main({arguments})\nassert status == 0, status"


def found(program: str, folder: Path) -> str:
    """Run a program in a fresh interpreter and return what the guard found."""
    done = subprocess.run(
        [sys.executable, "-c", GUARD.format(program=program)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1].removeprefix("found:").strip()


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("import pytest_burden", ""),
        ("import pytest_burden.plugin", ""),
        ("import pytest_burden.cli", ""),
        ("import pytest_burden; pytest_burden.METRICS", ""),
        ("import pytest_burden.report.pictures", ""),
        # The twins: the guard sees what it is there to see.
        ("import pytest_burden; pytest_burden.measure", "torch"),
        ("import pytest_burden.report.pictures.bars", "matplotlib"),
        ("import matplotlib.pyplot", "matplotlib.pyplot"),
        ("import tabulate", "tabulate"),
        ("import subprocess; subprocess.run(['true'])", "subprocess.Popen"),
    ],
)
def test_imports(program: str, expected: str) -> None:
    """Nothing heavy before a network is measured."""
    found_ = found(program, ROOT).split()
    assert (expected in found_) if expected else found_ == []


DRAW = """\
from pytest_burden.report import pictures
from tests.budget.sample import burden
pictures.to_bytes(pictures.profile(burden()), "png")
"""


def test_drawing() -> None:
    """Pictures need nothing of matplotlib that is shared with who draws in the same process."""
    heavy = found(DRAW, ROOT).split()
    assert "matplotlib" in heavy
    assert not {"matplotlib.pyplot", "torch"} & set(heavy)


@pytest.mark.parametrize(
    ("arguments", "pyproject", "test", "heavy"),
    [
        ([], "", "def test(): pass", False),
        ([], "[tool.burden.limits]\nmax_params = '1k'\n", "def test(): pass", False),
        (
            ["test_it.py"],
            "[tool.burden.models.net]\nbuild = 'net:net'\ninputs = ['1x1']\nmax_params = 1\n",
            "def test(): pass",
            False,
        ),
        (["--collect-only"], "", "def test(burden): pass", False),
        # The twin: a test that measures.
        (
            [],
            "",
            (
                "def test(burden):\n"
                "    from torch import nn\n"
                "    burden(lambda: nn.Linear(1, 1), '1x1')"
            ),
            True,
        ),
    ],
)
def test_running_pytest(
    arguments: list[str],
    pyproject: str,
    test: str,
    heavy: bool,
    tmp_path: Path,
) -> None:
    """A run that measures nothing pays nothing for the plugin."""
    (tmp_path / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\n{pyproject}")
    (tmp_path / "test_it.py").write_text(f"{test}\n")
    options = ["-p", "no:cacheprovider", *arguments]
    found_ = found(PYTEST.format(arguments=options), tmp_path)
    assert ("torch" in found_.split()) == heavy
    assert heavy or found_ == ""


NO_TORCH = """\
import sys

class Without:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name=name)

sys.meta_path.insert(0, Without())
"""
_RUN = "import pytest\nraise SystemExit(pytest.main(['-p', 'no:cacheprovider', "
_TOLD = "torch cannot be imported: No module named 'torch'"


@pytest.mark.parametrize(
    ("program", "status", "told"),
    [
        (
            (
                "from pytest_burden.cli import main\n"
                "raise SystemExit(main(['measure', 'net:net', '--input', '1x1']))"
            ),
            2,
            f"burden: {_TOLD}\n",
        ),
        (
            f"{_RUN}'test_it.py']))",
            1,
            f"E   pytest_burden.BurdenError: {_TOLD}",
        ),
        (
            f"{_RUN}'.']))",
            1,
            f'\n{_TOLD}\n    pyproject.toml:1: build = "net:net"\n',
        ),
    ],
)
def test_without_torch(program: str, status: int, told: str, tmp_path: Path) -> None:
    """An environment that lacks it is told in a line, without a frame of ours."""
    model = "[tool.burden.models.net]\nbuild = 'net:net'\ninputs = ['1x1']\nmax_params = 1\n"
    (tmp_path / "pyproject.toml").write_text(model)
    test = "import pytest\ndef test_a(burden): burden(int, '1x1')\n"
    marked = "@pytest.mark.burden(max_params=1)\ndef test_b(): pass\n"
    (tmp_path / "test_it.py").write_text(f"{test}{marked}")
    done = subprocess.run(
        [sys.executable, "-c", f"{NO_TORCH}{program}"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == status
    assert told in printed
    assert "engine" not in printed
    assert "Traceback" not in printed
