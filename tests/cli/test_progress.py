"""A sign of life is shown on a terminal, late, and taken away again."""

from __future__ import annotations

import io
import time

import pytest

from pytest_burden.report.progress import progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize(
    ("stream", "seconds", "shown"),
    [
        (Terminal(), 0.01, True),
        (Terminal(), 60.0, False),  # the work is done before the first sign
        (io.StringIO(), 0.01, False),  # a file or a pipe
    ],
)
def test_progress(stream: io.StringIO, seconds: float, shown: bool) -> None:
    """What is written begins with the label and ends with an erased line; else there is nothing."""
    with progress("measuring net", stream, seconds=seconds):
        time.sleep(0.2)  # many signs, or time enough for one that should not come
        deadline = time.monotonic() + 10
        while shown and not stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.005)
    written = stream.getvalue()
    assert written.startswith("\rmeasuring net ... ") == shown
    assert written.endswith("\r\033[K") == shown
    assert shown or not written


def test_the_line_goes_also_when_the_work_fails() -> None:
    """An error does not leave a half-written line, and passes through."""
    terminal = Terminal()

    def fail_late() -> None:
        with progress("measuring net", terminal, seconds=0.01):
            time.sleep(0.1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_late()
    assert terminal.getvalue().endswith("\r\033[K")
