"""``burden explain``: which limits hold, where they stand, what they shadow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import MODELS, Burden

TESTS = """
import pytest
from nets import small

pytestmark = pytest.mark.burden(max_params=100, max_gflops=2)

@pytest.mark.burden(max_params="1k")
class TestIt:
    @pytest.mark.burden(
        max_params="2k",
        grow_flops="2%",
    )
    def test_marked(self): small()

def test_fixture(burden): burden(small, "1x4", name="a#b")

@pytest.mark.parametrize("x", ["a#b", pytest.param("c", marks=pytest.mark.burden(max_params=5))])
def test_many(x): raise AssertionError("never run")
"""
CONFIG = """
[tool.burden.limits]
max_params = "5M"
max_peak_memory = "1 GiB"
[tool.burden.budgets."*"]
max_params = "4M"
[tool.burden.budgets."test_m*"]
max_params = "3M"
[tool.burden.budgets."test_m.py::test_fixture#a#b"]
max_params = "3.5M"
"""
ALLOW = """
[[tool.burden.allow]]
id = "test_m.py::*"
metric = "flops"
up_to = "1 MFLOPs"
reason = "wider stem"
until = {until}
"""
GENERAL = """\
    shadows        100         test_m.py:5
    shadows        3M          pyproject.toml: tool.burden.budgets."test_m*".max_params
    shadows        4M          pyproject.toml: tool.burden.budgets."*".max_params
    shadows        5M          pyproject.toml: tool.burden.limits.max_params
"""
MARKED = (
    """\
test_m.py::TestIt::test_marked
  max_params       2K          test_m.py:10
    shadows        1K          test_m.py:7
"""
    + GENERAL
    + """\
  max_flops        2 GFLOPs    test_m.py:5
  grow_flops       2%          test_m.py:11
    expired        up to 1 MFLOPs  pyproject.toml:14: until 2020-01-31: wider stem
    accepted       up to 1 MFLOPs  pyproject.toml:20: until 2999-01-31: wider stem
  max_peak_memory  1 GiB       pyproject.toml: tool.burden.limits.max_peak_memory
There is no burden-baseline.json: to a limit of growth, everything is new.
"""
)


@pytest.fixture
def project(project: Path) -> Path:
    """Return the project with limits in every place."""
    (project / "test_m.py").write_text(TESTS, encoding="utf-8")
    path = project / "pyproject.toml"
    path.write_text(path.read_text(encoding="utf-8") + CONFIG + MODELS, encoding="utf-8")
    return project


def words(text: str) -> list[list[str]]:
    """Return the words of each line: columns are as wide as they must."""
    return [line.split() for line in text.splitlines()]


def test_every_level(project: Path, burden: Burden) -> None:
    """The most specific first; markers by file and line, configuration by key."""
    path = project / "pyproject.toml"
    allowed = ALLOW.format(until="2020-01-31") + ALLOW.format(until="2999-01-31")
    path.write_text(path.read_text(encoding="utf-8") + allowed, encoding="utf-8")
    lines = [
        f"pyproject.toml:{n}" for n, line in _numbered(path) if line == "[[tool.burden.allow]]"
    ]
    expected = MARKED.replace("pyproject.toml:14", lines[0]).replace("pyproject.toml:20", lines[1])
    done = burden("explain", "test_m.py::TestIt::test_marked")
    assert done.returncode == 0, done.stderr
    assert words(done.stdout) == words(expected)


def test_limits_that_look_alike(project: Path, burden: Burden) -> None:
    """Where two of a key would round alike, all of them are told to the last digit."""
    (project / "test_alike.py").write_text(
        """
import pytest
pytestmark = pytest.mark.burden(max_params=1006, max_flops="4k", max_flops_at={"S": 8, "limit": 1})

@pytest.mark.burden(max_params=1007, max_flops="5k", max_flops_at={"S": 8, "limit": "2k"})
def test_it(burden): raise AssertionError("never run")
""",
        encoding="utf-8",
    )
    done = burden("explain", "test_alike.py::test_it")
    assert done.returncode == 0, done.stderr
    told = [" ".join(line[:-1]) for line in words(done.stdout)]
    assert told[1:3] == ["max_params 1_007", "shadows 1_006"]
    assert "max_flops 5 KFLOPs" in told
    assert "max_flops_at 2 KFLOPs at S = 8" in told


def _numbered(path: Path) -> list[tuple[int, str]]:
    return list(enumerate(path.read_text(encoding="utf-8").splitlines(), start=1))


@pytest.mark.parametrize(
    ("name", "first"),
    [
        # An exact id is the most specific of what the configuration has; a name is no test's.
        ("test_m.py::test_fixture#a#b", "max_params 100 test_m.py:5"),
        ("test_m.py::test_many[a#b]", "max_params 100 test_m.py:5"),
        ("test_m.py::test_many[c]", "max_params 5 test_m.py:17"),
        ("pyproject.toml::small", 'max_params 4M pyproject.toml: tool.burden.budgets."*"'),
        ("burden_session#x", 'max_params 4M pyproject.toml: tool.burden.budgets."*"'),
    ],
)
def test_names(name: str, first: str, project: Path, burden: Burden) -> None:  # noqa: ARG001
    """Tests, models, what is measured under a name, and what belongs to no test."""
    done = burden("explain", name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == name
    assert " ".join(done.stdout.splitlines()[1].split()).startswith(first)
    exact = 'budgets."test_m.py::test_fixture#a#b".max_params' in done.stdout
    assert exact == ("fixture" in name)
    assert ("known only when the test runs" in done.stdout) == ("fixture" in name or "#x" in name)


def test_baseline(project: Path, burden: Burden) -> None:
    """Growth that is forbidden by default, and the figures that it is counted from."""
    name = "test_it.py::test_b#batch"
    burden("baseline", "update", name)
    assert (project / "burden-baseline.json").is_file()
    printed = words(burden("explain", name).stdout)
    default = "burden-baseline.json: nothing may grow by default"
    assert ["grow_macs", "no", "growth", *default.split()] in printed
    assert ["burden-baseline.json", "(float32[8,", "4])"] in printed
    assert ["params", "13", "13"] in printed
    told = burden("explain", "test_it.py::test_b#bath").stdout
    assert f"burden-baseline.json does not know it; of this test it knows {name}\n" in told


def test_no_limit(project: Path, burden: Burden) -> None:
    """That, too, is said."""
    path = project / "pyproject.toml"
    path.write_text(path.read_text(encoding="utf-8").split("[tool.burden")[0], encoding="utf-8")
    done = burden("explain", "test_it.py::test_a")
    assert words(done.stdout)[:2] == [
        ["test_it.py::test_a"],
        ["no", "limit", "measured,", "not", "judged"],
    ]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("test_m.py::test_mny[c]", "; nearest:\n    test_m.py::test_many[c]\n"),
        ("test_a", "; nearest:\n    test_it.py::test_a\n"),
        ("pyproject.toml::smal", "; nearest:\n    pyproject.toml::small\n"),
        ("qqqq", "\n"),
    ],
)
def test_unknown(name: str, nearest: str, project: Path, burden: Burden) -> None:  # noqa: ARG001
    """The nearest ids are told, and nothing is printed."""
    done = burden("explain", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"burden: no test measures {name!r}{nearest}")


def test_broken(project: Path, burden: Burden) -> None:
    """What keeps a test from being collected is shown; another file's error does not matter."""
    (project / "test_m.py").write_text("import nothing_of_this_name\n", encoding="utf-8")
    done = burden("explain", "test_m.py::test_many[c]")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No module named 'nothing_of_this_name'" in done.stderr
    assert burden("explain", "test_it.py::test_a").returncode == 0
    path = project / "pyproject.toml"
    path.write_text(path.read_text(encoding="utf-8") + "max_parms = 1\n", encoding="utf-8")
    done = burden("explain", "test_it.py::test_a")
    assert done.stderr.startswith("burden: pyproject.toml:")
    assert "nearest: max_params" in done.stderr
