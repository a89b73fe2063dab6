"""``[tool.burden]``: what it may say, and every error at its line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from pytest_burden.budget.allowance import Allowance
from pytest_burden.budget.config import Config, Model
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.ids import Glob
from pytest_burden.budget.limits import Limit
from pytest_burden.budget.problem import report
from pytest_burden.budget.reading import load, read
from pytest_burden.budget.verdict import Kind, Policy
from pytest_burden.burden import Convention

EVERYTHING = """\
[tool.burden]
fma = 2
datum_bytes = 4
transcendental = 1
target = "cuda"
real = "never"
table = "failed"
junit = false

[tool.burden.limits]
max_uncounted_ops = 0

[tool.burden.budgets."*::test_resnet*"]
max_gflops = 5
[tool.burden.budgets."tests/t.py::x[224]"]
max_params = "26M"

[tool.burden.models.resnet50]
build = "shop.models:resnet50"
inputs = ["float32[1, 3, 224, 224]", ["1x3", { mask = "bool[1] = 0" }], 7]
kwargs = { depth = "int64[2]", flag = true, mode = "nearest" }
training = { optimizer = "SGD", momentum = 0.9 }
max_params = "26M"

[tool.burden.policy]
incomplete = "warn"
unmatched = "ignore"
"""


ALLOW = (
    "[[tool.burden.allow]]",
    'id = "t.py::net[*]"',
    'metric = "flops"',
    'up_to = "4.5 GFLOPs"',
    'reason = "wider stem"',
    "until = 2030-01-31",
)


def test_everything() -> None:
    """Every key is read, and every limit knows where it was written."""
    config, problems = read(EVERYTHING)
    assert not problems
    assert config.convention == Convention(fma=2, datum_bytes=4, transcendental=1, target="cuda")
    assert (config.real, config.table, config.junit) == ("never", "failed", False)
    key = "pyproject.toml: tool.burden"
    assert config.limits == (
        Limit("uncounted_ops", 0, f"{key}.limits.max_uncounted_ops", "max_uncounted_ops=0"),
    )
    first, second = config.budgets
    assert first.glob.text == "*::test_resnet*"
    assert first.where == f'{key}.budgets."*::test_resnet*"'
    assert first.limits == (Limit("flops", 5 * 10**9, f"{first.where}.max_gflops", "max_gflops=5"),)
    assert second.glob.text == "tests/t.py::x[224]"
    assert config.models == (
        Model(
            name="resnet50",
            build="shop.models:resnet50",
            inputs=("float32[1, 3, 224, 224]", ["1x3", {"mask": "bool[1] = 0"}], 7),
            kwargs={"depth": "int64[2]", "flag": True, "mode": "nearest"},
            training={"optimizer": "SGD", "momentum": 0.9},
            limits=(
                Limit(
                    "params",
                    26 * 10**6,
                    f"{key}.models.resnet50.max_params",
                    "max_params='26M'",
                ),
            ),
            line=18,
        ),
    )
    assert config.models[0].id == "pyproject.toml::resnet50"
    changed = {Kind.INCOMPLETE: Policy.WARN, Kind.UNMATCHED: Policy.IGNORE}
    assert config.policies == changed


def test_growth() -> None:
    """Limits of growth stand beside the others, accepted growth in tables of its own."""
    lines = [
        "[tool.burden.limits]",
        'grow_flops = "2% & 10M"',
        "max_flops = 5",
        'grow_params = "any"',
        *ALLOW,
        *ALLOW,
    ]
    config, problems = read("\n".join(lines))
    assert not problems
    assert [(rule.key, rule.written) for rule in config.limits] == [
        ("grow_flops", "grow_flops='2% & 10M'"),
        ("max_flops", "max_flops=5"),
        ("grow_params", "grow_params='any'"),
    ]
    growth, limit, unbounded = config.limits
    assert isinstance(growth, Growth)
    assert growth.text() == "2% & 10000000"
    assert isinstance(limit, Limit)
    assert isinstance(unbounded, Growth)
    assert not unbounded.bounded
    assert [each.where for each in config.allowances] == ["pyproject.toml:5", "pyproject.toml:11"]
    assert config.allowances[0] == Allowance(
        Glob("t.py::net[*]"),
        "flops",
        4_500_000_000,
        "wider stem",
        dt.date(2030, 1, 31),
        "pyproject.toml:5",
    )


@pytest.mark.parametrize(
    "text",
    ["", "[project]\nname = 'x'\n", "[tool.burden]\n", "tool = 5\n", "[tool]\nburden = {}\n"],
)
def test_defaults(text: str) -> None:
    """Every key has a default."""
    assert read(text) == (Config(), [])


HEX = f"0x{'f' * 5000}"
BITS = "0xffffffffff... (20,000 bits)"
"""A whole number with more digits than Python prints, and as it is shown."""
MODEL = ["[tool.burden.models.m]", 'build = "a:b"', "inputs = ['float32[S]']"]


@pytest.mark.parametrize(
    "table",
    [
        *("tool.pytest-burden", "tool.pytest_burden", "tool.Burden", "tool.burdens"),
        *("burden", "tools.burden", "tool.pytest.burden", "tool.pytest.ini_options.burden"),
    ],
)
def test_another_name(table: str) -> None:
    """What somebody has taken for our table is no table that holds nothing."""
    config, problems = read(f"[{table}.limits]\nmax_params = 1\n")
    assert config == Config()
    (problem,) = problems
    assert (problem.where, problem.what) == ("pyproject.toml:1", f"[{table}]")
    assert problem.reason == "the table is called [tool.burden]"


@pytest.mark.parametrize(
    "text",
    [
        '[tool.uv.sources]\npytest-burden = { path = "." }',
        '[project.optional-dependencies]\nburden = ["pytest-burden"]',
        '[tool.pytest.ini_options]\nburden = "x"',
    ],
)
def test_a_name_that_is_not_ours(text: str) -> None:
    """Other tables may say burden as they like."""
    assert read(text) == (Config(), [])


@pytest.mark.parametrize(
    ("lines", "what", "reason"),
    [
        (
            ["[tool.burden]", "fmaa = 2"],
            ":2: tool.burden.fmaa = 2",
            "unknown key (nearest: fma), one of fma,",
        ),
        (
            ["[tool.burden.limit]", "x = 2"],
            ":1: [tool.burden.limit]",
            "unknown key (nearest: limits),",
        ),
        (
            ["[tool.burden]", "limits = 5"],
            ":2: tool.burden.limits = 5",
            "a table belongs here; for example: [tool.burden.limits]",
        ),
        (
            ["tool.burden = 5"],
            ":1: tool.burden = 5",
            "a table belongs here",
        ),
        (
            ["[tool.burden]", "fma = true"],
            ":2: tool.burden.fma = true",
            "not 1 or 2; for example: fma = 1",
        ),
        (
            ["[tool.burden]", "fma = 3"],
            ":2: tool.burden.fma = 3",
            "not 1 or 2",
        ),
        (
            ["[tool.burden]", "fma = 2.0"],
            ":2: tool.burden.fma = 2.0",
            "not 1 or 2",
        ),
        (
            ["[tool.burden]", "datum_bytes = 0"],
            ":2: tool.burden.datum_bytes = 0",
            "not a whole number from 1 up",
        ),
        (
            ["[tool.burden]", "transcendental = true"],
            ":2: tool.burden.transcendental = true",
            "not a whole number from 0 up",
        ),
        (
            ["[tool.burden]", 'real = "nevr"'],
            ':2: tool.burden.real = "nevr"',
            'not "auto" or "never" (nearest: never)',
        ),
        (
            ["[tool.burden]", "junit = 1"],
            ":2: tool.burden.junit = 1",
            "not true or false",
        ),
        (
            ["[tool.burden.limits]", "max_gflop = 5"],
            ":2: tool.burden.limits.max_gflop = 5",
            "unknown key (nearest: max_gflops)",
        ),
        (
            ["[tool.burden.limits]", 'max_flops = "5 GFLOPS per second"'],
            ':2: tool.burden.limits.max_flops = "5 GFLOPS per second"',
            (
                "unknown unit 'GFLOPS per second', one of FLOPs, KFLOPs, MFLOPs, GFLOPs, TFLOPs;"
                ' for example: max_flops = "5 GFLOPs"'
            ),
        ),
        (
            ["[tool.burden.limits]", "max_params = true"],
            ":2: tool.burden.limits.max_params = true",
            "a size is a number, not true or false",
        ),
        (
            ["[tool.burden.limits]", "max_params = nan"],
            ":2: tool.burden.limits.max_params = NaN",
            "not a finite number",
        ),
        (
            ['[tool.burden.budgets."*"]', "max_params = -1"],
            ':2: tool.burden.budgets."*".max_params = -1',
            "negative",
        ),
        (
            ["[tool.burden.budgets]", '"*" = 5'],
            ':2: tool.burden.budgets."*" = 5',
            "a table belongs here",
        ),
        (
            ["[tool.burden.models.a]", 'inputs = ["1x3"]'],
            ":1: tool.burden.models.a",
            "the key build is missing",
        ),
        (
            ["[tool.burden.models.a]", 'build = "m:f"'],
            ":1: tool.burden.models.a",
            "the key inputs is missing",
        ),
        (
            ["[tool.burden.models.a]", 'build = "m.f"', "inputs = []"],
            ':2: tool.burden.models.a.build = "m.f"',
            "not of the form 'package.module:name'",
        ),
        (
            ["[tool.burden.models.a]", 'build = "m:f"', 'inputs = "1x3"'],
            ':3: tool.burden.models.a.inputs = "1x3"',
            "not a list of input specs",
        ),
        (
            ["[tool.burden.models.a]", 'build = "m:f"', 'inputs = [["flot32[1]"]]'],
            ':3: tool.burden.models.a.inputs = "flot32[1]"',
            "Invalid input spec (unknown dtype (nearest: float32))",
        ),
        (
            ["[tool.burden.models.a]", 'build = "m:f"', "kwargs = 3"],
            ":3: tool.burden.models.a.kwargs = 3",
            "not a table of keyword inputs",
        ),
        (
            ["[tool.burden.models.a]", 'build = "m:f"', "inputs = []", "max_parms = 1"],
            ":4: tool.burden.models.a.max_parms = 1",
            "unknown key (nearest: max_params)",
        ),
        (
            ["[tool.burden.models.a]", 'build = "m:f"', "input = []"],
            ":3: tool.burden.models.a.input = []",
            "unknown key (nearest: inputs)",
        ),
        (
            ['[tool.burden.models."a::b"]', 'build = "m:f"', "inputs = []"],
            ':1: tool.burden.models."a::b"',
            "a model's name is a text of one line without '::' and '#'",
        ),
        (
            [r'[tool.burden.models."a\nb"]', 'build = "m:f"', "inputs = []"],
            r':1: tool.burden.models."a\nb"',
            "a model's name is a text of one line",
        ),
        (
            ["[tool.burden.budgets]", "max_params = 5"],
            ":2: tool.burden.budgets.max_params = 5",
            'a table belongs here; for example: [tool.burden.budgets."*::test_resnet*"]',
        ),
        (
            ["[tool.burden.policy]", 'over = "warm"'],
            ':2: tool.burden.policy.over = "warm"',
            'not "fail" or "warn" or "ignore" (nearest: warn)',
        ),
        (
            ["[tool.burden.policy]", 'pass = "fail"'],
            ':2: tool.burden.policy.pass = "fail"',
            "unknown key",
        ),
        (
            ["[tool.burden.limits]", 'grow_flops = "2% & 3%"'],
            ':2: tool.burden.limits.grow_flops = "2% & 3%"',
            (
                "not of the form '2%', '10M' or '2% & 10M';"
                ' for example: grow_flops = "2% & 5 GFLOPs"'
            ),
        ),
        (
            ["[tool.burden.limits]", 'grow_peak_memory = "2M"'],
            ':2: tool.burden.limits.grow_peak_memory = "2M"',
            "unit 'M' is ambiguous, write MiB (1024) or MB (1000)",
        ),
        (
            ["[tool.burden.limits]", "grow_gflops = 2"],
            ":2: tool.burden.limits.grow_gflops = 2",
            "unknown key (nearest: grow_flops)",
        ),
        (
            ["[tool.burden]", 'allow = "flops"'],
            ':2: tool.burden.allow = "flops"',
            "a list of tables belongs here; for example: [[tool.burden.allow]] id = ",
        ),
        (
            ["[tool.burden.allow]", 'id = "*"'],
            ":1: [tool.burden.allow]",
            "a list of tables belongs here",
        ),
        (
            [*ALLOW, "", *ALLOW[:3], "up_to = true", *ALLOW[4:]],
            ":8: tool.burden.allow: up_to = true",
            "a size is a number, not true or false; a size such as '5 GFLOPs' belongs here",
        ),
        (
            [*ALLOW, "# of both", *ALLOW[:4], *ALLOW[5:]],
            ":8: tool.burden.allow: reason",
            "missing: an accepted growth says which, how far, why and until when",
        ),
        (
            ["", *ALLOW[:-1], 'until = "2030-01-31"'],
            ':2: tool.burden.allow: until = "2030-01-31"',
            "not a date such as 2030-01-31",
        ),
        (
            ["[tool.burden]", "fma = 1", "allow = [", "  {},", "  { id = 5 },", "]"],
            ":3: tool.burden.allow: id = 5",
            "not a text",
        ),
        (
            ["[tool.burden]", "fma = "],
            ": not TOML",
            "",
        ),
        (
            ["[tool.burden]", "", f"fma = {'9' * 5000}"],
            ":3: not TOML that can be read",
            "a whole number has at most",
        ),
        (
            ["[tool.burden]", "fma = 1", f"x = {'[' * 3000}{']' * 3000}"],
            ":3: not TOML that can be read",
            "lists and tables are at most 50 deep",
        ),
        (
            ["[tool.burden]", f"x = {'[' * 900}{']' * 900}"],
            ":2: not TOML that can be read",
            "lists and tables are at most 50 deep",
        ),
        (
            ["[tool.burden]", f"fma{'.a' * 5000} = 3"],
            ": not TOML that can be read",
            "lists and tables are at most 50 deep",
        ),
        (
            ["[tool.burden]", "fma = 1", f"[tool.x{'.a' * 5000}]"],
            ": not TOML that can be read",
            "lists and tables are at most 50 deep",
        ),
        (
            ["[tool.burden]", 'table = "\\u009b31m\\u202e"'],
            r':2: tool.burden.table = "\u009b31m\u202e"',
            'not "auto" or',
        ),
        (
            ["[tool.burden]", 'table = "größte"'],
            ':2: tool.burden.table = "größte"',
            'not "auto" or',
        ),
        (["[tool.burden]", f"fma = {HEX}"], f":2: tool.burden.fma = {BITS}", "not 1 or 2"),
        (
            ["[tool.burden]", f"datum_bytes = {HEX}"],
            f":2: tool.burden.datum_bytes = {BITS}",
            "not below 2^63; for example: datum_bytes = 4",
        ),
        (
            ["[tool.burden.limits]", f"max_params = {HEX}"],
            f":2: tool.burden.limits.max_params = {BITS}",
            "more than any network has",
        ),
        (
            ["[tool.burden.limits]", f"max_params = [{HEX}]"],
            ":2: tool.burden.limits.max_params = <list, which has no repr>",
            "a size is a number or a text",
        ),
        (
            [*ALLOW[:3], f"up_to = {HEX}", *ALLOW[4:]],
            f":1: tool.burden.allow: up_to = {BITS}",
            "more than any network has",
        ),
        (
            [*MODEL, "kwargs = { mask = '2x99999999999999999999' }"],
            """:4: tool.burden.models.m.kwargs = "2x99999999999999999999\"""",
            "Invalid input spec (a tensor has less than 2^63 bytes)",
        ),
        (
            [*MODEL, f"sizes = {{ S = {HEX} }}"],
            f":4: tool.burden.models.m.sizes.S = {BITS}",
            f"Invalid sizes (not below 10^18): {BITS}",
        ),
        (
            [*MODEL, "sweep = { S = '1:99999999999999999999' }"],
            ':4: tool.burden.models.m.sweep.S = "1:99999999999999999999"',
            "Invalid sizes (not below 10^18): '1:99999999999999999999'",
        ),
    ],
)
def test_errors(lines: list[str], what: str, reason: str) -> None:
    """An error names file, line, key and value, says what is accepted, and what would work."""
    _, problems = read("\n".join(lines))
    start = f"pyproject.toml{what}\n    {reason}"
    assert any(str(problem).startswith(start) for problem in problems), report(problems)


def test_all_errors_in_one_go() -> None:
    """Nobody mends one error to be shown the next."""
    _, problems = read("[tool.burden]\nfmaa = 1\nfma = 3\n[tool.burden.limits]\nmax_x = 1\n")
    assert [problem.where for problem in problems] == [f"pyproject.toml:{n}" for n in (2, 3, 5)]
    assert report(problems).startswith("3 errors in the budgets, no test was run\npyproject.toml:2")


def test_one_error_for_one_mistake() -> None:
    """A model that is no table has no keys that could be missing."""
    _, problems = read('[tool.burden.models]\nresnet50 = "shop.models:resnet50"\n')
    assert [problem.reason for problem in problems] == ["a table belongs here"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "[tool.burden]\n".encode("utf-16"),
            "pyproject.toml:1: not UTF-8\n    byte 0xff: save it as UTF-8",
        ),
        (
            b"[tool.burden]\nx = '\xff'\n",
            "pyproject.toml:2: not UTF-8\n    byte 0xff: save it as UTF-8",
        ),
        (b"[tool.burden\n", "pyproject.toml: not TOML\n    "),
    ],
)
def test_unreadable(tmp_path: Path, content: bytes, message: str) -> None:
    """A file that is no UTF-8 or no TOML is told as such."""
    path = tmp_path / "pyproject.toml"
    path.write_bytes(content)
    config, (problem,) = load(path)
    assert config == Config()
    assert str(problem).startswith(message)


@pytest.mark.parametrize("content", [None, b"", b"not [ toml, and none of our business"])
def test_nothing_of_ours(tmp_path: Path, content: bytes | None) -> None:
    """A file without our name is not looked into."""
    path = tmp_path / "pyproject.toml"
    if content is not None:
        path.write_bytes(content)
    assert load(path) == (Config(), [])
