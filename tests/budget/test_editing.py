"""Changes to TOML that leave everything else as it was."""

from __future__ import annotations

import importlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.editing import dotted, replaced, value_at, with_tables
from pytest_burden.budget.toml_lines import Path
from pytest_burden.errors import BurdenError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PATH = ("tool", "burden", "limits", "max_flops")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '[tool.burden.limits]\nmax_flops = "5 GFLOPs"  # c',
            "[tool.burden.limits]\nmax_flops = 7  # c",
        ),
        ("[tool.burden.limits]\r\nmax_flops=5\r\n", "[tool.burden.limits]\r\nmax_flops=7\r\n"),
        ('[tool.burden.limits]\nmax_flops = """\n5"""\n', "[tool.burden.limits]\nmax_flops = 7\n"),
        ("[tool.burden]\nlimits.max_flops = 5\n", "[tool.burden]\nlimits.max_flops = 7\n"),
        ("[tool.burden.limits]\n'max_flops' = '5'\n", "[tool.burden.limits]\n'max_flops' = 7\n"),
        (
            "tool.burden = { budgets.a = { max_flops = 5 }, limits = { max_flops = 5 } }",
            "tool.burden = { budgets.a = { max_flops = 5 }, limits = { max_flops = 7 } }",
        ),
        (
            (
                "[tool.burden.budgets.a]\nmax_flops = 5\n[tool.burden.limits]\ngrow_flops = 5\n"
                "# max_flops = 5\nmax_flops = 5_000.0\nx = nan\n"
            ),
            (
                "[tool.burden.budgets.a]\nmax_flops = 5\n[tool.burden.limits]\ngrow_flops = 5\n"
                "# max_flops = 5\nmax_flops = 7\nx = nan\n"
            ),
        ),
    ],
)
def test_replaced(before: str, after: str) -> None:
    """One value, wherever it is written."""
    assert replaced(before, PATH, "7") == after


def test_a_mistake_of_the_editor_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the parser does not read as it was meant is refused, with what it was to be."""
    monkeypatch.setattr("tomlkit.dumps", lambda _: "x = 1")
    with pytest.raises(BurdenError, match=r"tool.burden.limits.max_flops could not be changed"):
        replaced("[tool.burden.limits]\nmax_flops = 5\n", PATH, "7")
    with pytest.raises(BurdenError) as raised:
        with_tables("[tool.burden]\nmodels = {}\n", NEW)
    assert str(raised.value) == (
        "tool.burden.models cannot be added to; by hand it would be:\n"
        '    [tool.burden.models."a b"]\n    max_params = "1K"'
    )


def test_the_editor_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it one line says what to install."""
    monkeypatch.setitem(sys.modules, "tomlkit", None)
    monkeypatch.delitem(sys.modules, "pytest_burden.budget.editing")
    with pytest.raises(BurdenError, match=r"pip install 'pytest-burden\[edit\]'"):
        importlib.import_module("pytest_burden.budget.editing")


NEW: dict[Path, dict[str, str]] = {("tool", "burden", "models", "a b"): {"max_params": '"1K"'}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '[tool.burden.models."a b"]\nmax_params = "1K"\n'),
        ("x = 1", 'x = 1\n\n[tool.burden.models."a b"]\nmax_params = "1K"\n'),
        ("x = 1\r\n", 'x = 1\r\n\r\n[tool.burden.models."a b"]\r\nmax_params = "1K"\r\n'),
        (
            '[tool.burden.models."a b"] # c\n\n# next\n[y]\n',
            '[tool.burden.models."a b"] # c\nmax_params = "1K"\n\n# next\n[y]\n',
        ),
        (
            '[tool.burden.models."a b"]\n  x = [\n1,\n] # c\n\n# next\n[y]\n',
            '[tool.burden.models."a b"]\n  x = [\n1,\n] # c\n  max_params = "1K"\n\n# next\n[y]\n',
        ),
        (
            '[tool.burden.models."a b"]\nx = 1\n[tool.burden.models."a b".kwargs]\ny = 1',
            (
                '[tool.burden.models."a b"]\nx = 1\nmax_params = "1K"\n'
                '[tool.burden.models."a b".kwargs]\ny = 1'
            ),
        ),
        (
            '[tool.burden.models."a b"]\nx = 1',
            '[tool.burden.models."a b"]\nx = 1\nmax_params = "1K"\n',
        ),
        (
            "[tool.burden]\nmodels = {} # c\n",
            '[tool.burden]\nmodels = {"a b" = {max_params = "1K"}} # c\n',
        ),
        (
            '[tool.burden.models]\n"a b" = { x = 1 }\n',
            '[tool.burden.models]\n"a b" = { x = 1, max_params = "1K"}\n',
        ),
        (
            '[tool.burden.models]\n"a b".x = 1\n# next\n[y]\n',
            '[tool.burden.models]\n"a b".x = 1\n"a b".max_params = "1K"\n# next\n[y]\n',
        ),
        (
            "[tool.burden.limits]\n\n# about y\n[y]\n",
            (
                "[tool.burden.limits]\n\n# about y\n[y]\n"
                '\n[tool.burden.models."a b"]\nmax_params = "1K"\n'
            ),
        ),
    ],
)
def test_added(before: str, after: str) -> None:
    """Below the last key of its table, or in a new one at the end."""
    assert with_tables(before, NEW) == after


NAMES = st.sampled_from(["a", "b c", "t.py::x[1-'ü\"]", "*\\n#", "é\U0001f600\x7f"])
LINES = st.lists(
    st.sampled_from(["", "# c", "  ", "k1 = 1", 'k2 = """\n[x]\nk = 1"""']), max_size=4
)


@given(
    st.lists(st.tuples(NAMES, LINES), unique_by=lambda block: block[0], max_size=3),
    st.dictionaries(NAMES, st.just({"max_params": '"1K"', "max_flops": "5"}), max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_all_else_is_kept(
    blocks: list[tuple[str, list[str]]],
    new: dict[str, dict[str, str]],
    windows: bool,
    ended: bool,
) -> None:
    """Every line of before is there after, in its order; the parser finds what was meant."""
    tables = [
        "\n".join([f"[{dotted(('t', name))}]", *dict.fromkeys(lines), ""]) for name, lines in blocks
    ]
    before = "".join(tables)
    before = before if ended else before.rstrip("\n")
    before = before.replace("\n", "\r\n") if windows else before
    after = with_tables(before, {("t", name): keys for name, keys in new.items()})
    wanted = tomllib.loads(before)
    for name in new:
        wanted.setdefault("t", {}).setdefault(name, {}).update(max_params="1K", max_flops=5)
    assert tomllib.loads(after) == wanted
    left = iter(after.splitlines(keepends=True))
    assert all(
        any(line.rstrip("\r\n") == other.rstrip("\r\n") for other in left)
        for line in before.splitlines()
    )
    assert "\r\n" not in after or windows
    for name in new:
        lowered = replaced(after, ("t", name, "max_flops"), "4")
        pairs = zip(after.split("\n"), lowered.split("\n"), strict=True)
        assert [pair for pair in pairs if pair[0] != pair[1]] in (
            [("max_flops = 5", "max_flops = 4")],
            [("max_flops = 5\r", "max_flops = 4\r")],
        )


def test_inside_of_a_list() -> None:
    """One value of one table in a list; what stands around it stays."""
    text = "[t]\nx_at = [  # two\n  { S = 1, limit = 5 },\n  { limit = '5 k', S = 2 }, # last\n]\n"
    assert value_at(text, ("t", "x_at", 1, "limit")) == "5 k"
    assert replaced(text, ("t", "x_at", 1, "limit"), '"4 k"') == text.replace("'5 k'", '"4 k"')
    assert replaced(text, ("t", "x_at", 0, "limit"), "4") == text.replace("5 }", "4 }")


def test_a_number_that_python_does_not_print() -> None:
    """What other programs have in the file is theirs, and is kept."""
    text = f"[tool.x]\nx = 0x{'f' * 5000}\n"
    added = with_tables(text, {PATH[:-1]: {PATH[-1]: "5"}})
    assert added == f"{text}\n[tool.burden.limits]\nmax_flops = 5\n"
