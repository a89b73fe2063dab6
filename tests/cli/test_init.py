"""``burden init``: budgets for what has none."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.config import FILE
from pytest_burden.budget.editing import with_tables
from pytest_burden.budget.headroom import lowered, roomy
from pytest_burden.budget.limits import Limit
from pytest_burden.budget.precedence import configured, resolve
from pytest_burden.budget.reading import read
from pytest_burden.budget.result import Result
from pytest_burden.budget.verdict import judge
from pytest_burden.burden import Burden as Figures
from pytest_burden.commands.init import proposal
from tests.budget.sample import burden as figures
from tests.budget.sample import limit, uncounted
from tests.cli.conftest import MODELS, Burden

MARKED = """
import pytest
from nets import small

@pytest.mark.burden(max_params=13)
def test_c(burden): burden(small, "1x4")
"""
# 13 parameters; on 1 x 4: 8 + 2 and 2 x 2 and 2 + 1 operations, 3 numbers of activations.
WRITTEN = """
[tool.burden.budgets."test_it.py::test_a"]
max_params = 15
max_flops = "19 FLOPs"
max_activation_memory = "14 B"

[tool.burden.budgets."test_it.py::test_b#batch"]
max_params = 15
max_flops = "150 FLOPs"
max_activation_memory = "110 B"

[tool.burden.budgets."test_m.py::test_c"]
max_flops = "19 FLOPs"
max_activation_memory = "14 B"
"""


def pyproject(project: Path, more: str = "") -> str:
    """Add to pyproject.toml, and return what it is."""
    path = project / FILE
    text = path.read_text(encoding="utf-8") + more
    path.write_text(text, encoding="utf-8")
    return text


def test_init(project: Path, burden: Burden) -> None:
    """A tenth of head-room, readable; models in their own tables; the rest as it was; once."""
    (project / "test_m.py").write_text(MARKED, encoding="utf-8")
    before = pyproject(project, f"{MODELS}max_flops = 1_000 # mine\n\n# the end\n")
    done = burden("init")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"{FILE}: 10 limits written for 4 measurements, 2 already there"
        " (burden explain ID shows where)\n"
        "Next, to notice growth below these limits: burden baseline update\n"
    )
    model = 'max_flops = 1_000 # mine\nmax_params = 15\nmax_activation_memory = "27 B"\n'
    after = before.replace("max_flops = 1_000 # mine\n", model) + WRITTEN
    assert pyproject(project) == after
    done = burden("init")
    assert done.stdout.startswith(f"{FILE}: no limits written, 12 already there")
    assert pyproject(project) == after
    assert burden("tighten").stdout.endswith("\npyproject.toml: 1 limit lowered\n")
    assert pyproject(project) == after.replace("1_000", "38")


def test_dry_run(project: Path, burden: Burden) -> None:
    """The diff, and nothing else."""
    before = pyproject(project)
    done = burden("init", "--dry-run", "--headroom", "100", "--metrics", "ops,peak_memory")
    assert done.returncode == 0, done.stderr
    last = before.splitlines()[-1]
    assert done.stdout.startswith(f"--- a/{FILE}\n+++ b/{FILE}\n@@ ")
    assert f' {last}\n+\n+[tool.burden.budgets."test_it.py::test_a"]\n+max_ops = 6\n' in done.stdout
    assert done.stdout.endswith("pyproject.toml: 4 limits would be written for 2 measurements\n")
    assert pyproject(project) == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--metrics", "flos"], "unknown metric 'flos' (nearest: flops)"),
        (["--headroom", "ten"], "not a percentage such as 10: 'ten'"),
        (["--headroom", "-5"], "not a percentage such as 10: '-5'"),
        (["--headroom", ""], "not a percentage such as 10: ''"),
        (["--headroom", "9" * 5000], "not a percentage such as 10: '9"),
    ],
)
def test_wrong_arguments(
    arguments: list[str],
    told: str,
    project: Path,  # noqa: ARG001
    burden: Burden,
) -> None:
    """What is accepted is told."""
    done = burden("init", *arguments)
    assert (done.returncode, told in done.stderr) == (2, True)


def test_empty_folder(tmp_path_factory: pytest.TempPathFactory, burden: Burden) -> None:
    """What a first user sees: what to do, and no traceback."""
    folder = tmp_path_factory.mktemp("empty")
    (folder / "pyproject.toml").write_text("", encoding="utf-8")
    for command in ("init", "tighten"):
        done = burden(command, folder=folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(
            "burden: nothing was measured: let a test ask for the fixture"
        )
        assert 'build = "shop.models:resnet50"' in done.stderr


def test_no_file_yet(project: Path, burden: Burden) -> None:
    """It is made."""
    (project / FILE).unlink()
    assert burden("init").returncode == 0
    assert pyproject(project).startswith('[tool.burden.budgets."test_it.py::test_a"]\n')


def test_what_cannot_be_run(project: Path, burden: Burden) -> None:
    """Pytest's own words are shown, the file is left alone; a failed test has no budget."""
    before = pyproject(project)
    (project / "test_it.py").write_text("import nothing_of_this_name\n", encoding="utf-8")
    done = burden("init")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No module named 'nothing_of_this_name'" in done.stderr
    assert "burden: the tests could not be run: pyproject.toml is left as it is" in done.stderr
    assert pyproject(project) == before
    failing = 'from nets import small\ndef test_a(burden): burden(small, "1x4"); assert 0\n'
    (project / "test_it.py").write_text(
        f'{failing}def test_b(burden): burden(small, "1x4")\n', encoding="utf-8"
    )
    done = burden("init")
    assert done.stdout.startswith("test_it.py::test_a: not measured to its end, no budget\n")
    assert "for 1 measurement\n" in done.stdout


def measurement(name: str, made: Figures, *limits: Limit) -> Result:
    """Return a measurement with its verdicts."""
    return Result(name, name, made, judge(name, made, limits))


@pytest.mark.parametrize(
    ("made", "limits", "note"),
    [
        (uncounted(), (), "a: flops is not fully counted, no limit"),
        (
            figures(lower_bounds={"peak_memory": "why"}),
            (),
            "a: peak_memory is a lower bound, no limit",
        ),
        (figures(), (), "a: training_memory is not measured, no limit"),
        (uncounted(), (limit("uncounted_ops", 3),), ""),
    ],
)
def test_no_limit_that_could_not_pass(made: Figures, limits: tuple[Limit, ...], note: str) -> None:
    """What is not known exactly has no limit, unless the gap is accepted."""
    metrics = ("flops", "peak_memory", *(["training_memory"] if "training" in note else []))
    made_ = proposal([measurement("a", made, *limits)], metrics, Fraction(10))
    assert made_.notes == ([note] if note else [])


def test_an_id_that_is_a_glob() -> None:
    """It would hold for others; one that matches nobody else is written."""
    results = [measurement(name, figures()) for name in ("t[*]", "t[a]", "u[?]")]
    made = proposal(results, ["params"], Fraction(10))
    assert made.notes == ["t[*]: its * or ? would match others too, no budget"]
    assert [table[-1] for table in made.tables] == ["t[a]", "u[?]"]


IDS = st.sampled_from(["t.py::a", "t.py::b[1-'x\"]", "t.py::c#d\\n", f"{FILE}::net", "t.py::é[*]"])
SIZES = st.integers(0, 10**13)
METRICS = st.lists(
    st.sampled_from(["params", "flops", "macs", "activation_memory", "peak_memory"]), unique=True
)
BASE = """# c
[tool.burden.models.net] # n
build = "m:f"
inputs = []

[tool.burden.limits]
max_params = "9000T"   # all
"""


@given(st.dictionaries(IDS, st.tuples(SIZES, SIZES, SIZES)), METRICS, st.sampled_from([0, 10, 33]))
def test_everything_passes(
    sizes: dict[str, tuple[int, int, int]], metrics: list[str], percent: int
) -> None:
    """After init, and after tighten, whatever was measured is within what is written."""
    burdens = {
        name: figures(params=a, flops=b, macs=b, activation_memory=c, peak_memory=c)
        for name, (a, b, c) in sizes.items()
    }
    results = [Result(name, name, made, ()) for name, made in burdens.items()]
    text = with_tables(BASE, proposal(results, metrics, Fraction(percent)).tables)
    left, room = iter(text.splitlines()), Fraction(percent)
    assert all(line in left for line in BASE.splitlines())
    config, problems = read(text)
    assert not problems
    for name, made in burdens.items():
        own = [model.limits for model in config.models if model.id == name]
        limits = resolve([*own, *configured(config, name)])
        verdicts = judge(name, made, limits)
        assert {v.kind.value for v in verdicts} <= {"pass"}
        assert {each.metric for each in limits} == {*metrics, "params"}
        again = [
            lowered(each.key, "", each.maximum, roomy(made.value(each.metric) or 0, room))
            for each in limits
            if isinstance(each, Limit) and ".limits." not in each.where and "*" not in each.where
        ]
        assert not any(again)
