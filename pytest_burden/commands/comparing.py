"""What a comparison that could not be made leaves behind: results that fail, and say why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from pytest_burden.budget.config import GitHub
from pytest_burden.budget.difference import not_compared
from pytest_burden.commands.output import emit, summarize
from pytest_burden.errors import BurdenError
from pytest_burden.report.difference import uncompared
from pytest_burden.report.jsonfile import Written, dump


@contextmanager
def comparing(written: Written | None, file: Path | None, github: GitHub) -> Iterator[None]:
    """Tell it in the results of a run, and in the step's summary, if it cannot be compared.

    Every report is made of these results: none of them shows a pass then.

    Args:
        written: the run that is to be compared; nothing is told without.
        file: where its results go.
        github: as `summarize` has it.

    Raises:
        BurdenError: the file cannot be written, or what the comparison raised.
    """
    try:
        yield
    except BaseException as error:  # also when the job is cancelled
        why = str(error) if isinstance(error, BurdenError) else "it did not come to its end"
        if written and file:
            emit(dump(not_compared(written.run, why), written.versions), file)
            summarize(partial(uncompared, why), github)
        raise
