"""Lines of keys in a TOML file."""

from __future__ import annotations

import pytest

from pytest_burden.budget.toml_lines import find_item_line, find_line

TEXT = """\
# [tool.burden] in a comment is no table
title = "[tool.burden.limits]"
[tool.other]
names = [
    "a", # [tool.burden]
    "b",
]
long = \"\"\"
[tool.burden]
max_params = 1
\"\"\"
[tool.burden]
fma = 1
limits.max_params = "26M"   # dotted
policy = { over = "warn", error = "fail" }

[ tool . burden . budgets . "*::test_x[1]" ]
max_flops = 1
'max_macs' = 2
[tool.burden.models.net]
inputs = [
    "float32[1]",
    "float32[2]",
]
max_params = 3
[[tool.many]]
x = 1
[[tool.many]]
y = 2
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("title", 2),
        ("tool", 3),
        ("tool.other.names", 4),
        ("tool.burden", 12),
        ("tool.burden.fma", 13),
        ("tool.burden.limits", 14),
        ("tool.burden.limits.max_params", 14),
        ("tool.burden.policy.error", 15),
        ("tool.burden.budgets.*::test_x[1]", 17),
        ("tool.burden.budgets.*::test_x[1].max_macs", 19),
        ("tool.burden.models.net.inputs", 21),
        ("tool.burden.models.net.max_params", 25),
        ("tool.many.y", 29),
        ("tool.burden.models.net.nothing", 20),  # the table around it
        ("nothing", None),
    ],
)
def test_line(path: str, line: int | None) -> None:
    """Each key is found where it stands, not in comments, texts and arrays."""
    assert find_line(TEXT, path.split(".")) == line


def test_line_endings() -> None:
    """Lines are counted alike whatever they end with."""
    assert find_line(TEXT.replace("\n", "\r\n"), ["tool", "burden", "fma"]) == 13


def test_long_array() -> None:
    """An array of many lines takes no quadratic time: this would be minutes."""
    lines = "".join(f'    "package-{number}",\n' for number in range(20_000))
    text = f"dependencies = [\n{lines}]\n[tool.burden]\nfma = 3\n"
    assert find_line(text, ["tool", "burden", "fma"]) == 20_004


@pytest.mark.parametrize(("index", "line"), [(0, 2), (1, 8), (2, 10)])
def test_items(index: int, line: int) -> None:
    """Blank lines and comments within a table are none of its headers."""
    text = "\n[[a.b]]\nx = 1\n\n# y\ny = 2\n\n[[a.b]]\n\n[[a.b]]\n"
    assert find_item_line(text, ("a", "b"), index) == line


@pytest.mark.parametrize("index", [0, 1, 2])
def test_items_of_an_array(index: int) -> None:
    """Tables of one array stand where it begins, and where there is none they stand nowhere."""
    text = "[a]\nx = 1\nb = [\n    { x = 1 },\n    { x = 2 },\n]\n"
    assert find_item_line(text, ("a", "b"), index) == 3
    assert find_item_line(text, ("a", "c"), index) is None
