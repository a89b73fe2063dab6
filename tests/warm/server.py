"""Imports torch and pytest, and forks for each client what is as a new Python with these two."""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import runpy
import select
import socket
import sys
import threading
import traceback
import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest  # noqa: F401 what all this is for
import torch  # noqa: F401 likewise

_OWN_PATH = len(os.environ.get("PYTHONPATH", "").split(os.pathsep)) * ("PYTHONPATH" in os.environ)
_PATH = sys.path[1 + _OWN_PATH :]
"""Without the folder of this file, and what the environment adds."""


def serve(address: str, program: str) -> None:
    """Wait for clients, as long as there is somebody who could start one."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        # Pytest collects all garbage where it ends: none of it is what stays from here.
        gc.freeze()
        print("ready", flush=True)  # noqa: T201 the answer to who has started this
        # Whoever has started this holds the other end of its standard input, also if killed.
        while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:
            client, _ = listening.accept()
            if not os.fork():
                listening.close()
                _answer(client, program)
            client.close()
            with suppress(ChildProcessError):  # there is none
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _answer(client: socket.socket, program: str) -> None:
    """Run what a client asks for in a process of its own, and say how it ended."""
    size, streams, *_ = socket.recv_fds(client, 8, 3)
    if not size:  # nobody: it was only asked whether there is an answer
        os._exit(0)
    left, parts = int.from_bytes(size, "big"), []
    while left:
        parts.append(client.recv(min(left, 1 << 20)))
        left -= len(parts[-1])
    arguments, folder, environment = json.loads(b"".join(parts))
    child = os.fork()
    if not child:
        client.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os._exit(_run(arguments, folder, environment, program))
    for stream in streams:
        os.close(stream)
    _, status = os.waitpid(child, 0)
    with suppress(OSError):  # the client was killed
        client.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _run(
    arguments: Sequence[str], folder: str, environment: Mapping[str, str], program: str
) -> int:
    """Be Python with these arguments; return the exit status."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.executable = program
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    coding, _, errors = environment.get("PYTHONIOENCODING", "utf-8").partition(":")
    variables = (environment.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    lenient = next(filter(None, variables), "C") in ("C", "C.UTF-8", "POSIX")
    strict = "surrogateescape" if lenient else "strict"
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), coding)
    for name, number, other in (("stdout", 1, strict), ("stderr", 2, "backslashreplace")):
        raw = io.FileIO(number, "w", closefd=False)
        buffered = io.BufferedWriter(raw)
        lines = number == 2 or raw.isatty() or bool(environment.get("PYTHONUNBUFFERED"))
        stream = io.TextIOWrapper(buffered, coding, errors or other, line_buffering=lines)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    return _ended(arguments, environment)


def _ended(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    given = [*arguments]
    while given and given[0] == "-u":
        del given[0]
    kind, *rest = given
    given_path = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:] = [*map(os.path.abspath, given_path), *_PATH]
    try:
        _execute(kind, rest)
    except SystemExit as error:
        status: object = error.code
    except KeyboardInterrupt:
        status = 130
    except BaseException:  # noqa: BLE001 as Python does with it
        traceback.print_exc()
        status = 1
    else:
        status = 0
    if status is not None and not isinstance(status, int):
        print(status, file=sys.stderr)  # noqa: T201 as Python does with it
        status = 1
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    return (status or 0) & 0xFF


def _execute(kind: str, rest: list[str]) -> None:
    if kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path.insert(0, "")
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)  # noqa: S102 as python -c does
    elif kind == "-m":
        sys.argv = ["-m", *rest[1:]]
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 as python -m does
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [kind, *rest]
        file = Path(kind).absolute()
        sys.path.insert(0, str(file.parent))
        runpy.run_path(str(file), run_name="__main__")


if __name__ == "__main__":
    serve(*sys.argv[1:])
