"""The sentences of verdicts, as they are printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.result import Result
from pytest_burden.report.message import Case, sentences, violations, warnings
from tests.budget.sample import burden, limit, uncounted
from tests.report import sample

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize(
    ("name", "results"),
    [
        ("over", [sample.OVER]),
        ("several", [sample.SEVERAL, sample.OVER]),
        ("incomplete", [sample.INCOMPLETE]),
        ("operators", [sample.OPERATORS]),
        ("memory", [sample.MEMORY]),
        ("lower_bound", [sample.LOWER_BOUND, sample.UNTRAINED]),
        ("unsupported", [sample.UNSUPPORTED]),
        ("nothing", [sample.UNMEASURED, sample.TOO_LARGE, sample.ERROR]),
    ],
)
def test_message(name: str, results: list[Result]) -> None:
    """What, the two numbers, where each came from, what weighs most, the next step."""
    assert f"{violations(results)}\n" == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_unmatched() -> None:
    """A pattern that matches nothing is told with the id that comes nearest."""
    known = ["tests/test_m.py::test_vgg", "*::test_resnet"]
    assert sentences([Case(sample.UNMATCHED)], known) == (
        "no measurement matches '*::test_resnt*' (nearest: *::test_resnet)\n"
        '    pyproject.toml: tool.burden.budgets."*::test_resnt*"\n'
        "Correct the pattern, or remove the budget."
    )


def test_one_next_step() -> None:
    """Two verdicts for one cause have one way out."""
    name = "tests/test_m.py::test_custom"
    limits = limit("uncounted_ops", 0), limit("flops", 4 * 10**9)
    text = violations([sample.result(name, uncounted(), *limits)], name)
    assert text.startswith("over max_uncounted_ops by 3\n")
    assert "\nmay be over max_flops: not all is counted\n" in text
    assert text.count("Register a rule") == 1


def test_below_its_test() -> None:
    """Where the test is named already, a measurement has what tells it apart, if anything."""
    name = "tests/test_m.py::test_it"
    over = limit("flops", 3_640_000_000)
    results = [sample.result(f"{name}{more}", burden(), over) for more in ("", "#2", "#small")]
    results += [sample.result("burden_session#resnet", burden(), over)]
    told = [line for line in violations(results, name).splitlines() if " by " in line]
    assert [line.partition("over")[0] for line in told] == [
        "",
        "#2 is ",
        "#small is ",
        "burden_session#resnet is ",
    ]


def test_near_the_limit() -> None:
    """Numbers that would look alike are printed exactly."""
    near = sample.result("net", burden(), limit("flops", 3_849_999_999))
    first, second, third, *_ = violations([near]).splitlines()
    assert first == "net is over max_flops by 1 FLOPs (<0.1 %)"
    assert second == "    measured  3_850_000_000 FLOPs   forward, float32[1, 3, 224, 224]"
    assert third == "    limit     3_849_999_999 FLOPs   tests/test_m.py:12"


def test_only_what_fails() -> None:
    """A violation message holds what turns the run red; what warns has its own."""
    results = [sample.PASSING, sample.XFAILED, sample.NO_LIMIT]
    assert violations([*results, sample.WARNING]) == ""
    assert warnings(results) == ""
    assert warnings([sample.WARNING, sample.OVER]).startswith(
        "tests/test_m.py::test_warns may be over max_flops: not all is counted\n"
    )


@given(st.sampled_from(["params", "flops", "macs", "activation_memory", "ops"]), st.data())
def test_says_a_number_if_and_only_if_over(metric: str, data: st.DataObject) -> None:
    """The message and the verdict cannot disagree."""
    value = burden().value(metric)
    assert value is not None
    maximum = data.draw(st.integers(0, 2 * value))
    message = violations([sample.result("net", burden(), limit(metric, maximum))])
    assert message.startswith(f"net is over max_{metric} by ") == (value > maximum)
    assert (message == "") == (value <= maximum)
