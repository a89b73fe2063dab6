"""A Python that has torch and pytest already: as good as a new process, in a tenth of the time.

Most of what a command takes on a small network are these imports. So one process does them and
forks for every command: what runs in the fork has its own arguments, folder, environment,
path, standard streams and exit status, and has imported nothing else. What is to show what a fresh
interpreter does, imports or prints is started with `sys.executable` instead.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SERVER = Path(__file__).with_name("server.py")
_CLIENT = Path(__file__).with_name("client.py")


@contextmanager
def warm_python() -> Iterator[str]:
    """Return the path of a program to be used as ``python``, for as long as the block lasts."""
    if sys.platform != "linux":  # elsewhere a process that has imported torch does not fork well
        yield sys.executable
        return
    # A short path: that of a socket may have a hundred characters.
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        address, program = Path(folder, "socket"), Path(folder, "python")
        text = _CLIENT.read_text(encoding="utf-8").replace("{address}", str(address))
        program.write_text(f"#!{sys.executable} -IS\n{text}", encoding="utf-8")
        program.chmod(0o755)
        command = [sys.executable, str(_SERVER), str(address), str(program)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            try:
                yield str(program)
            finally:
                server.kill()
