"""What the sentences of verdicts are made of: headlines, aligned rows, who weighs most."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import dedent, indent

from pytest_burden.budget.units import show
from pytest_burden.burden import TRAINING, Burden
from pytest_burden.report.inert import visible

Lines = list[str]
HEAVIEST = 3
"""How many modules, operators or tensors a message names."""
NAMED = 5
"""How many ids a line names."""
ACCEPT_BOUNDS = 'Accept lower bounds with [tool.burden.policy] incomplete = "warn".'


def headline(subject: str, says: str) -> str:
    """Return the first line, which is also all that pytest's short summary has room for."""
    return f"{subject} {says}" if subject else says.removeprefix("is ")


def columns(rows: Sequence[tuple[str, str, str]]) -> Lines:
    """Return the rows as lines, the first two columns aligned; names in them may be anything."""
    rows = [(visible(a), visible(b), visible(c)) for a, b, c in rows]
    first, second = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    return [f"    {a:{first}}  {b:{second}}   {c}".rstrip() for a, b, c in rows]


def first(number: int, name: str, text: str, word: str = "largest") -> tuple[str, str, str]:
    """Return one row of several below a word that stands before the first."""
    return ("" if number else word, name, text)


def indented(text: str) -> Lines:
    """Return the lines of a text, below a headline."""
    return indent(dedent(text), "    ").splitlines()


def calls(number: int) -> str:
    """Return ``2 calls``."""
    return "1 call" if number == 1 else f"{number} calls"


def some(names: Sequence[str]) -> str:
    """Return ``a, b`` of a few names; of many the first and how many more there are."""
    more = len(names) - NAMED
    return f"{', '.join(names[:NAMED])}{f' and {more:,} more' if more > 0 else ''}"


def how(burden: Burden, metric: str) -> str:
    """Return in what run, at which inputs, a metric was measured."""
    run = f"training step ({burden.training})" if metric in TRAINING else "forward"
    if metric == "cuda_memory" and burden.cuda:
        predicted = show(burden.cuda.predicted, "bytes")
        run = f"on {burden.cuda.device}, {predicted} predicted"
    return ", ".join([run, *burden.inputs])


def rule_or_gap(burden: Burden) -> str:
    """Return what to do about operators that no rule counts."""
    return (
        "Register a rule for each operator with pytest_burden.rule, or accept the gap with"
        f" max_uncounted_ops={burden.uncounted_ops}."
    )
