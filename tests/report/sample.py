"""Runs, made by hand, as a session would hand them to the reports."""

from __future__ import annotations

import dataclasses

from pytest_burden.budget.limits import Limit
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.verdict import DEFAULTS, Kind, Policy, Verdict, judge
from pytest_burden.burden import Burden, Convention
from tests.budget.sample import burden, limit, trained, uncounted

CONFIGURED = "pyproject.toml: tool.burden.models.classifier.max_flops"


def result(name: str, measured: Burden | None, *limits: Limit) -> Result:
    """Return a measurement with its verdicts by default policies."""
    return Result(name, name, measured, judge(name, measured, limits) if measured else ())


def alone(name: str, kind: Kind, detail: str, policy: Policy = Policy.FAIL) -> Result:
    """Return a measurement that came to nothing."""
    return Result(name, name, None, (Verdict(kind, name, None, None, policy, detail),))


PASSING = result("tests/test_m.py::test_resnet[64]", burden(), limit("params", 4_000_000))
OVER = result("classifier", burden(), limit("flops", 3_640_000_000, CONFIGURED))
SEVERAL = result(
    "tests/test_m.py::test_resnet[224]",
    burden(),
    limit("activation_memory", 2**21),
    limit("model_memory", 11_999_999, "pyproject.toml: tool.burden.limits.max_model_memory"),
    limit("params", 10**9),
)
INCOMPLETE = result("tests/test_m.py::test_custom", uncounted(), limit("flops", 4 * 10**9))
UNSUPPORTED = result("tests/test_m.py::test_gpu", burden(), limit("cuda_memory", 2**30))
MEMORY = result(
    "tests/test_m.py::test_memory",
    trained(),
    limit("peak_memory", 4 * 2**20),
    limit("training_memory", 30 * 2**20),
    limit("training_flops", 10**10),
)
LOWER_BOUND = result(
    "tests/test_m.py::test_lstm",
    trained(lower_bounds={"peak_memory": "kernels of recurrent layers keep memory of their own"}),
    limit("peak_memory", 6 * 2**20),
)
UNTRAINED = result("tests/test_m.py::test_no_step", burden(), limit("training_memory", 2**30))
OPERATORS = result("tests/test_m.py::test_custom", uncounted(), limit("uncounted_ops", 0))
UNMEASURED = alone("tests/test_m.py::test_no", Kind.UNMEASURED, "It never called burden.")
TOO_LARGE = alone(
    "pyproject.toml::giant", Kind.INCOMPLETE, "needs data in head (NMS)\nneeds 300 GiB of 8"
)
ERROR = alone("pyproject.toml::net", Kind.ERROR, "cannot import 'shop'")
NO_LIMIT = result(
    "tests/test_m.py::test_free", burden(method="real", reason="reads a value in neck")
)
XFAILED = OVER.excused("xfailed")
WARNING = Result(
    "tests/test_m.py::test_warns",
    "tests/test_m.py::test_warns",
    uncounted(),
    judge(
        "tests/test_m.py::test_warns",
        uncounted(),
        [limit("flops", 4 * 10**9)],
        {**DEFAULTS, Kind.INCOMPLETE: Policy.WARN},
    ),
)
UNMATCHED = Verdict(
    Kind.UNMATCHED,
    'pyproject.toml: tool.burden.budgets."*::test_resnt*"',
    None,
    None,
    Policy.FAIL,
    "*::test_resnt*",
)

EMPTY = Run()
GREEN = Run((PASSING, NO_LIMIT))
RED = Run(
    (OVER, UNMEASURED, WARNING, PASSING, NO_LIMIT, SEVERAL),
    (UNMATCHED,),
    convention=Convention(fma=2),
    lost=("worker gw0 was lost while running tests/test_m.py::test_dies",),
)
PARTIAL = Run(
    partial=("paths were given",),
    left_out=("pyproject.toml::net", "pyproject.toml::giant"),
    not_judged=(
        dataclasses.replace(
            UNMATCHED,
            subject='pyproject.toml: tool.burden.budgets."*::test_resnet*"',
            detail="*::test_resnet*",
        ),
    ),
)
OFF = Run(tuple(dataclasses.replace(each, verdicts=()) for each in (PASSING, OVER)), enforced=False)
