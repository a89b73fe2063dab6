"""The Python that has torch already is as a new one, but for that."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

SAYS = """
import json, os, sys
print(json.dumps([
    __name__, sys.argv[1:], sys.path, os.getcwd(), dict(os.environ), sys.stdin.read(), __file__
    if "__file__" in globals() else "", sys.stdout.encoding, sys.stdout.errors,
    sys.dont_write_bytecode, sys.modules["__main__"].__name__,
]))
"""


def ended(python: str, *arguments: str, folder: Path, **more: str) -> tuple[object, str, str]:
    """Return exit status, output and errors of a program."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "A": "b\nc"} | more
    done = subprocess.run(
        [python, *arguments],
        cwd=folder,
        env=environment,
        input="given",
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        (["-c", SAYS, "x", "-y", ""], {}),
        (["-m", "says", "x"], {}),
        (["says.py", "x"], {"PYTHONPATH": "some:/where"}),
        (["-u", "-m", "says"], {"PYTHONIOENCODING": "ascii:replace", "PYTHONPATH": ""}),
        (["-m", "says"], {"PYTHONDONTWRITEBYTECODE": "1"}),
        (["-c", "raise SystemExit(3)"], {}),
        (["-c", "raise SystemExit('no')"], {}),
        (["-c", "import atexit; atexit.register(print, 'last'); raise SystemExit(None)"], {}),
        (["-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"], {}),
        (["-c", "import os; os._exit(7)"], {}),
        (["-c", "import sys; print(1); print(2, file=sys.stderr)"], {}),
        (
            ["-c", "import threading as t, time; t.Timer(0.1, print, ('late',)).start()"],
            {},
        ),
    ],
)
def test_as_a_new_one(
    warm_python: str, tmp_path: Path, arguments: list[str], more: dict[str, str]
) -> None:
    """What a program sees of its surroundings, and what is seen of it."""
    (tmp_path / "says.py").write_text(SAYS, encoding="utf-8")
    warm = ended(warm_python, *arguments, folder=tmp_path, **more)
    assert warm == ended(sys.executable, *arguments, folder=tmp_path, **more)


def test_an_error(warm_python: str, tmp_path: Path) -> None:
    """It ends with status 1 and its traceback."""
    status, out, err = ended(warm_python, "-c", "1 / 0", folder=tmp_path)
    assert (status, out, err.splitlines()[-1]) == (1, "", "ZeroDivisionError: division by zero")


@pytest.mark.skipif(sys.platform != "linux", reason="it is an ordinary Python")
def test_what_it_has(warm_python: str, tmp_path: Path) -> None:
    """It has torch and pytest, and nothing of this package or a plugin; and nothing stays."""
    program = "import json, sys; print(json.dumps(sorted(sys.modules))); import tabulate"
    for _ in range(2):
        found = json.loads(ended(warm_python, "-c", program, folder=tmp_path)[1])
        assert {"torch", "pytest"} <= {*found}
        heads = {name.partition(".")[0] for name in found}
        assert not heads & {"xdist", "pytest_burden", "tabulate", "tests", "hypothesis"}
        assert "torch._dynamo" not in found


def test_its_own_processes(warm_python: str, tmp_path: Path) -> None:
    """They are of the same kind, for they are started with ``sys.executable``."""
    inner = "import sys; print('torch' in sys.modules)"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    assert ended(warm_python, "-c", program, folder=tmp_path)[1] == f"{sys.platform == 'linux'}\n"


STARTS = """
from tests import warm
import time
with warm.warm_python() as program:
    print(program, flush=True)
    time.sleep(60)
"""


def listens(address: Path) -> bool:
    """Return whether there is somebody at an address."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(address)) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is started")
def test_ends_with_whoever_started_it() -> None:
    """Also if that is killed, as a worker may be, and cannot end it."""
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", STARTS]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        folder = Path(starter.stdout.readline().strip()).parent
        starter.kill()
    until = time.monotonic() + 30
    while listens(folder / "socket") and time.monotonic() < until:
        time.sleep(0.1)
    assert not listens(folder / "socket")
    shutil.rmtree(folder)
