"""torch's compiler: imported late, and nothing measured is another for that."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.examples.shell import environment

ROOT = Path(__file__).parents[2]
NETWORKS = """\
import sys
import torch
from torch import nn
from pytest_burden import measure

class Around(nn.Module):
    def __init__(self, step):
        super().__init__()
        self.layer, self.step = nn.Linear(64, 64), step
    def forward(self, x):
        return self.step(self.layer(x))

def plain():
    return nn.Sequential(nn.Conv2d(1, 64, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2))

def log_softmax():
    return nn.Sequential(nn.Linear(64, 64), nn.LogSoftmax(-1), nn.Linear(64, 8))

def branches():
    return Around(lambda x: torch.cond(torch.tensor(True), torch.sin, torch.cos, (x,)))

def both():
    return nn.Sequential(log_softmax(), nn.Linear(8, 64), branches())

def compiles():
    return Around(lambda x: torch.compile(lambda y: torch.relu(y @ y.T), backend="eager")(x))

def compiled():
    return torch.compile(log_softmax(), backend="eager")
"""


def said(python: str, program: str) -> str:
    """Return what a program prints in an interpreter that has at most torch."""
    done = subprocess.run(
        [python, "-c", f"{NETWORKS}{program}"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("network", "inputs", "there"),
    [
        ("plain", "1x1x12x12", False),
        ("log_softmax", "2x64", True),  # the twin
    ],
)
def test_imported_where_it_is_needed(
    warm_python: str, network: str, inputs: str, there: bool
) -> None:
    """Not with the engine, and not for operators whose results are known."""
    program = f"measure({network}, {inputs!r}); print('torch._dynamo' in sys.modules)"
    assert said(warm_python, program) == str(there)


FIRST_AND_SECOND = """
assert "torch._dynamo" not in sys.modules or "{network}" == "compiled"
first = measure({network}, "2x64"{more})
assert "torch._dynamo" in sys.modules
second = measure({network}, "2x64"{more})
assert first.peak_memory and first == second, (first, second)
assert torch._dynamo.eval_frame._stance.stance == "default"
"""

COMPILED_AGAIN = """
measure({network}, "2x64")
calls = []
torch.compile(lambda x: x + 1, backend=lambda graph, _: calls.append(1) or graph)(torch.ones(1))
assert len(calls) == 1
"""


@pytest.mark.parametrize(
    ("network", "more"),
    [
        ("log_softmax", ""),
        ("log_softmax", ", training=True"),
        ("branches", ""),
        ("both", ""),
        ("compiles", ""),
        ("compiles", ", training=True"),
        ("compiled", ""),
    ],
)
def test_first_measurement(warm_python: str, network: str, more: str) -> None:
    """Whoever imports it in the middle of a trace, no byte is other than in the next trace."""
    said(warm_python, FIRST_AND_SECOND.format(network=network, more=more))


@pytest.mark.parametrize("network", ["log_softmax", "compiles"])
def test_compiling_afterwards(warm_python: str, network: str) -> None:
    """What is not measured is compiled, whoever has imported the compiler."""
    said(warm_python, COMPILED_AGAIN.format(network=network))
