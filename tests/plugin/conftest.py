"""Small projects in which the plugin runs, in this process where that is enough."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent

import pytest
import torch._dynamo  # noqa: F401 a run in this process would drop it again, and it loads only once

# pytester takes back what a run imports. torch does not survive a second import, and rules are
# registered where they are imported: everything is there before the first run.
import pytest_burden.engine.measure
import pytest_burden.engine.watch
import pytest_burden.plugin
import pytest_burden.report.jsonfile
import pytest_burden.report.markdown
import pytest_burden.report.page
import pytest_burden.report.terminal

Project = Callable[..., pytest.RunResult]

NETS = '''
"""Networks whose figures can be worked out by hand."""

import torch
from torch import nn


def small():
    """4 * 2 + 2 parameters; on 1 x 4: 8 multiply-adds and 2 additions."""
    return nn.Sequential(nn.Linear(4, 2))


def large():
    """10 * 20 + 20 parameters; on 1 x 10: 200 multiply-adds and 20 additions."""
    return nn.Sequential(nn.Linear(10, 20))


class Data(nn.Module):
    """Needs the values of its input: it cannot be traced without data."""

    def forward(self, x):
        return x[: int(x.sum().item())]


class Svd(nn.Module):
    """Calls an operator that no rule knows."""

    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(4, 4)

    def forward(self, x):
        return torch.linalg.svd(self.proj(x))[1]
'''

STAND_IN = '''
"""In place of the engine: a linear layer's burden, at no cost and without torch."""

import contextlib
import sys
import types

import pytest_burden
from pytest_burden.burden import Burden, Figures, ModuleRow, OpRow
from pytest_burden.errors import MeasureError


def measure(model, args=(), kwargs=None, **options):
    if model == "giant":
        raise MeasureError("does not fit into memory")
    figures = Figures(10, 8, 10, 8)
    return Burden(
        model="Linear", inputs=tuple(map(str, args)), params=10, trainable_params=10,
        param_memory=40, buffer_memory=0, model_memory=40, macs=8, flops=10,
        activation_memory=8, peak_memory=12, modules=1, ops=1, uncounted_ops=0,
        convention=options["convention"], torch="none",
        module_rows=(ModuleRow("", "Linear", 1, figures, figures),),
        op_rows=(OpRow("aten.linear", "counted", 1),),
    )


def import_target(target):
    return target.partition(":")[2]


engine = sys.modules["pytest_burden.engine"] = types.ModuleType("pytest_burden.engine")
engine.__path__ = [f"{pytest_burden.__path__[0]}/engine"]
for name in ("measure", "build", "watch"):
    module = types.ModuleType(f"pytest_burden.engine.{name}")
    module.measure, module.import_target = measure, import_target
    module.unwatched = contextlib.nullcontext
    sys.modules[module.__name__] = module
'''


# The plugin as it is installed, or from this checkout. Hypothesis's own takes seconds to import.
INSTALLED = bool(entry_points(group="pytest11", name="burden"))
OPTIONS = [*([] if INSTALLED else ["-p", "pytest_burden.plugin"]), "-p", "no:hypothesispytest"]
OPTIONS += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # imported already, see above


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs within this run print as on a developer's machine, and write no summary."""
    github = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE")
    for name in ("BUILD_NUMBER", "CI", *github):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return what runs pytest on a test file and a pyproject.toml, in this process."""
    pytester.makepyfile(nets=NETS)
    monkeypatch.syspath_prepend(pytester.path)

    def run(test: str = "", *options: str, config: str = "") -> pytest.RunResult:
        if test:
            pytester.makepyfile(test_it=f"import pytest, torch\nfrom nets import *\n{dedent(test)}")
        pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\n{config}")
        return pytester.runpytest_inprocess(*OPTIONS, *options)

    return run


@pytest.fixture
def apart(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return what runs pytest in a process of its own (for xdist), a stand-in for the engine."""
    pytester.makeconftest(STAND_IN)

    if not INSTALLED:
        root = Path(pytest_burden.__file__).parents[1]
        monkeypatch.setenv("PYTHONPATH", str(root), prepend=os.pathsep)

    def run(test: str, *options: str, config: str = "") -> pytest.RunResult:
        pytester.makepyfile(test_it=f"import pytest\n{dedent(test)}")
        pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\n{config}")
        return pytester.runpytest_subprocess(*OPTIONS, *options)

    return run
