"""Limits at other sizes than a test measures: in markers, calls, models, over processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.plugin.conftest import OPTIONS, Project

ATTENTION = '''
"""Attention whose cost grows with the square of the length, and one whose cost does not."""

import torch
from torch import nn


class Quadratic(nn.Module):
    def forward(self, q, k, v):
        return q @ k.mT @ v


class Linear(nn.Module):
    def forward(self, q, k, v):
        return q @ (k.mT @ v)


class Net(nn.Module):
    def __init__(self, attention, depth=1):
        super().__init__()
        self.qkv = nn.Linear(8, 24, bias=False)
        self.attention = nn.ModuleList(attention() for _ in range(depth))

    def forward(self, x):
        if x.shape[1] > 512:
            raise ValueError("at most 512 positions")
        for attention in self.attention:
            x = attention(*self.qkv(x).chunk(3, -1))
        return x


def quadratic(depth=1):
    return Net(Quadratic, depth)


def linear(depth=1):
    return Net(Linear, depth)
'''


@pytest.fixture(autouse=True)
def _attention(pytester: pytest.Pytester) -> None:
    """Put the networks beside the tests."""
    pytester.makepyfile(attention=ATTENTION)


TEST = """
    from attention import *

    @pytest.mark.parametrize("net", [linear, quadratic])
    @pytest.mark.burden(
        max_kflops=100,
        max_scaling={"flops": "S^1.1"},
    )
    def test_net(burden, net):
        burden(net, "float32[1, S, 8]", sizes={"S": 16})
"""


def test_marker(project: Project) -> None:
    """The small budget holds for both; the one that grows with the square fails by its module."""
    result = project(TEST)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "over max_scaling: flops grows with S^2",
            # x by 3 * 8 columns; q @ k.mT and (q @ k.mT) @ v, each 8 multiply-adds a pair
            "    measured  S^2           16·S² + 192·S, S in multiples of 16",
            "    limit     S^1.1         test_it.py:9",
            "    steepest  attention.0   1.05 MFLOPs at S = 256, S^2",
            "Make it grow more slowly, or raise the power where it stands.",
            "*burden: 2 measured, 1 pass, 1 over*",
        ]
    )


def test_over_processes(pytester: pytest.Pytester, project: Project) -> None:
    """Under xdist the controller says the same, and has the same results."""
    here = project(TEST, "--burden-json=here.json").stdout.lines
    there = pytester.runpytest_subprocess(*OPTIONS, "-n2", "--burden-json=there.json").stdout.lines
    told = [line for line in here if line.startswith(("over ", "    "))]
    assert told
    assert [line for line in there if line.startswith(("over ", "    "))] == told
    files = [json.loads(Path(pytester.path, f"{n}.json").read_text()) for n in ("here", "there")]
    one, other = (sorted(data["measurements"], key=lambda each: each["id"]) for data in files)
    assert one == other
    points = one[0]["sweep"]["points"]
    assert [point["sizes"]["S"] for point in points if point["metrics"]] == [
        *(16, 32, 48, 64, 80, 96, 128, 192, 256)
    ]


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        (
            'max_flops_at={"S": 512, "limit": "4 MFLOPs"}',
            [
                "over max_flops_at S = 512 by 0.29 MFLOPs (7.3 %)",
                "    measured  4.29 MFLOPs   at S = 512",
                "    limit     4 MFLOPs      test_it.py:7",
                "    largest   attention.0   4.19 MFLOPs (97.7 %)",
                "Make it lighter at that size, or raise the limit where it stands.",
            ],
        ),
        (
            'max_flops_at={"S": 513, "limit": "4 MFLOPs"}',
            [
                "may be over max_flops_at S = 513: that is not known",
                "    not at S = 513: ValueError: at most 512 positions",
                "Name a size that the network takes, or the module up to which it does: until=...",
            ],
        ),
        (
            'max_scaling={"flops": "T"}',
            [
                "may be over max_scaling of flops with T: that is not known",
                "    no size of its inputs, and no parameter of its factory, is called T*",
                'Name the size in an input, as in "float32?1, S?", and give it a value: *',
            ],
        ),
        (
            'max_scaling={"flops": "S"}, sizes={"S": 256}',
            [
                "may be over max_scaling of flops with S: that is not known",
                "    2 sizes of S: too few to show an exact law, or to fit a power to",
                "    not at S = 768: ValueError: at most 512 positions",
            ],
        ),
        (
            'max_scaling={"params": "depth^0"}, sizes={"S": 4, "depth": 2}, vary={"depth": [1, 2]}',
            ["*burden: 1 measured, 1 pass*"],
        ),
        (
            'max_scaling={"flops": "depth^0.5"}, sizes={"S": 4, "depth": 2}',
            [
                "over max_scaling: flops grows with depth^1",
                "test_it.py::test_net * depth^1 flops  over",
            ],
        ),
        (
            'max_scaling={"flops": "S^2"}, vary={"S": "8:64:8"}, until="qkv"',
            ["*burden: 1 measured, 1 pass*"],
        ),
    ],
)
def test_call(project: Project, call: str, lines: list[str]) -> None:
    """One size, sizes that the network rejects, a name that is no size, a parameter, a trunk."""
    sizes = "" if "sizes=" in call or "vary=" in call else 'sizes={"S": 4}, vary={"S": [4, 8, 12]},'
    result = project(
        f"""
        from attention import *

        def test_net(burden):
            burden(
                quadratic, "float32[1, S, 8]",
                {sizes} {call}
            )
        """
    )
    result.stdout.fnmatch_lines(lines)
    result.assert_outcomes(**({"passed": 1} if "1 pass" in lines[0] else {"failed": 1}))


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (
            "",
            "*no size is given for S: give it one, or put a number in its place): 'float32[[]1, S*",
        ),
        ('kwargs={"y": "float32[S]"}', "*no size is given for S*"),
        ("kwargs=[1]", "*Invalid kwargs (not a mapping from names to inputs, as in *): [[]1[]]"),
        ("sizes=3", '*Invalid sizes (not of the form sizes={"S": 128}): 3'),
        ('sizes={"S": 0}', "*Invalid sizes (not whole numbers from 1 up): {'S': 0}"),
        ('sizes={"S": 4, "T": 4}', "*no input has a size T*: write it as float32[[]1, T[]]"),
        ('sizes={"S": 4}, vary={"S": "x"}', "*Invalid sizes (not whole numbers, as in *): 'x'"),
        ('sizes={"S": 4}, max_flops_at=3', "*max_flops_at=3: not a table of sizes and a limit;*"),
    ],
)
def test_wrong_call(project: Project, call: str, line: str) -> None:
    """An error says what was given, and what belongs there."""
    result = project(
        f"""
        from attention import *
        def test_net(burden): burden(linear, "float32[1, S, 8]", {call})
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([line])


def test_real_calls(project: Project) -> None:
    """A marked test that calls its network itself has no sizes with names: that is no pass."""
    result = project(
        """
        from attention import *

        @pytest.mark.burden(max_scaling={"flops": "S"}, max_gflops_at={"S": 9, "limit": 5})
        def test_net():
            linear()(torch.zeros(1, 4, 8))
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*may be over max_scaling of flops with S: that is not known",
            "    limit  5 GFLOPs at S = 9   test_it.py:6",
            'Name the size in an input, as in "float32[[]1, S[]]", and give it a value: *',
        ]
    )


MODEL = """
[tool.burden.models.net]
build = "attention:quadratic"
inputs = ["float32[B, S, 8]"]
max_scaling = { flops = "S^2 * B", activation_memory = "B" }
max_gflops_at = { S = 500, limit = 1 }
[tool.burden.models.net.sweep]
S = "64:512:64"
B = [1, 2, 3]
"""


def test_model(project: Project) -> None:
    """A model is swept as its table says, measured at the smallest sizes; -v shows the laws."""
    result = project("", "-v", "--burden-markdown=report.md", config=MODEL)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "pyproject.toml::net, S = 64 to 512, B = 1 to 3",
            "    flops * = 16·B·S² + 192·B·S",
            "*∝ S^2.00, B^1.00; S in multiples of 64; exact at 24 points",
        ],
    )
    assert "16·B·S² + 192·B·S" in Path("report.md").read_text(encoding="utf-8")
    sized = MODEL.replace("max_scaling", 'sizes = { S = 512 }\nmax_flops = "4 MFLOPs"\nmax_scaling')
    project("", config=sized).stdout.fnmatch_lines(
        ["over max_flops by *", "    measured * float32[[]1, 512, 8[]]"]
    )


def test_wrong_model(project: Project) -> None:
    """All that is wrong is told before anything runs."""
    result = project(
        "",
        config="""
[tool.burden.models.net]
build = "attention:linear"
inputs = ["float32[B, S, 8]"]
sizes = { S = 0 }
sweep = { B = "1-2", until = 3 }
max_scaling = { flop = "S" }
""",
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "*pyproject.toml:6: tool.burden.models.net.sizes.S = 0*",
            "*pyproject.toml:7: tool.burden.models.net.sweep.until = 3*",
            '*tool.burden.models.net.sweep.B = "1-2"*',
            "*tool.burden.models.net.inputs = *",
            "*no size is given for B*",
            "*pyproject.toml:8: *max_scaling*",
            "*unknown metric 'flop' (nearest: flops)*",
        ]
    )


def test_shared(project: Project) -> None:
    """A session fixture may name sizes too."""
    result = project(
        """
        from attention import *

        @pytest.fixture(scope="session")
        def net(burden_session):
            return burden_session(
                quadratic, "float32[1, S, 8]", sizes={"S": 8}, max_scaling={"flops": "S"}
            )

        def test_net(net): pass
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*burden_session#quadratic is over max_scaling: flops grows *"])
