"""What changed between two measurements of one network, module by module."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from operator import sub

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pytest_burden import measure
from pytest_burden.budget.baseline import Node, nodes_of
from pytest_burden.budget.compare import Change, changes
from pytest_burden.burden import Figures

CONV = Node(
    "conv",
    "Conv2d",
    1,
    Figures(900, 4000, 4100, 800),
    "3, 64, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), bias=False",
    ("float32[1, 64, 14, 14]",),
)
LINEAR = Node(
    "head",
    "Linear",
    1,
    Figures(650, 640, 650, 40),
    "in_features=64, out_features=10, bias=True",
    ("float32[1, 10]",),
)


def total(nodes: Sequence[Node]) -> Figures:
    """Return what a network weighs."""
    return sum((node.own for node in nodes), Figures())


def grown(before: Sequence[Node], after: Sequence[Node]) -> Figures:
    """Return what a network weighs less what it weighed."""
    return Figures(*map(sub, total(after), total(before)))


def nodes(network: nn.Module, inputs: str) -> tuple[Node, ...]:
    """Return the modules of a network as the baseline knows them."""
    return nodes_of(measure(network, inputs))


def told(found: Sequence[Change]) -> list[tuple[str, str, str]]:
    """Return path, kind and text of each change."""
    return [(change.path, change.how, change.what) for change in found]


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (CONV, CONV._replace(own=Figures(901)), ""),  # weighs more, for no reason that is seen
        (
            CONV,
            CONV._replace(
                settings=CONV.settings.replace("stride=(2, 2)", "stride=(1, 1)"),
                outputs=("float32[1, 64, 28, 28]",),
            ),
            "stride 2→1, out 14×14→28×28",
        ),
        (
            CONV,
            CONV._replace(settings=CONV.settings.replace("(2, 2)", "(2, 1)")),
            "stride 2→(2, 1)",
        ),
        (CONV, CONV._replace(settings=CONV.settings.replace("64", "96")), "3×64→3×96"),
        (
            CONV,
            CONV._replace(
                settings=CONV.settings.replace("64", "96"), outputs=("float32[1, 96, 14, 14]",)
            ),
            "3×64→3×96",  # the channels of the output are said already
        ),
        (CONV, CONV._replace(outputs=("float32[1, 96, 14, 14]",)), "out 1×64×14×14→1×96×14×14"),
        (CONV, CONV._replace(outputs=("float32[1, 64, 15, 14]",)), "out 14×14→15×14"),
        (CONV, CONV._replace(outputs=("float32[1, 64]",)), "out 1×64×14×14→1×64"),
        (CONV, CONV._replace(outputs=("bfloat16[1, 64, 14, 14]",)), "float32→bfloat16"),
        (
            CONV,
            CONV._replace(outputs=("bfloat16[1, 64, 7, 7]",), calls=2),
            "calls 1→2, float32→bfloat16, out 14×14→7×7",
        ),
        (CONV, CONV._replace(outputs=()), ""),  # one whose output is no tensor says nothing
        (CONV, CONV._replace(settings=f"{CONV.settings}, groups=4"), "groups none→4"),
        (CONV, CONV._replace(settings=CONV.settings[:-12]), "bias False→none"),
        (CONV, CONV._replace(cls="Conv3d", settings="5, 5"), "Conv2d→Conv3d"),
        (LINEAR, LINEAR._replace(settings=LINEAR.settings.replace("10", "12")), "64×10→64×12"),
        (LINEAR, LINEAR._replace(outputs=("float32[8, 10]",)), "out 1×10→8×10"),
        (
            LINEAR._replace(settings="(64,), eps=1e-05"),
            LINEAR._replace(settings="(64, 64), eps=1e-06"),
            "(64,)→(64, 64), eps 1e-05→1e-06",
        ),
        (
            LINEAR._replace(settings=""),
            LINEAR._replace(settings="4, x=[1, 2]"),
            "→4, x none→[1, 2]",
        ),
        (LINEAR, LINEAR._replace(calls=3), "calls 1→3"),
    ],
)
def test_changed(before: Node, after: Node, what: str) -> None:
    """One module is another, and what it says of itself says why."""
    found = changes([before], [after])
    if not what and before.own == after.own:
        assert found == ()
        return
    assert told(found) == [(after.path, "changed", what)]
    assert found[0].grown == grown([before], [after])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (["", "a"], ["", "a"], []),
        ([], [], []),
        ([], ["", "a"], [("", "added", 1), ("a", "added", 1)]),
        (["", "a"], ["", "a", "b"], [("b", "added", 1)]),
        (["", "a", "b"], ["", "a"], [("b", "removed", -1)]),
        # With what is in it, one change
        (["", "a"], ["", "a", "b", "b.x", "b.x.y", "b.z"], [("b", "added", 4)]),
        (["", "a", "a.x", "a.x.y"], [""], [("a", "removed", -3)]),
        (["", "a", "a.x"], ["", "a", "a.x", "a.y", "a.y.z"], [("a.y", "added", 2)]),
        (["", "ab"], ["", "ab", "a", "a.b"], [("a", "added", 2)]),  # ab is not below a
    ],
)
def test_added_and_removed(
    before: list[str], after: list[str], expected: list[tuple[str, str, int]]
) -> None:
    """Modules that were not there, or are not any longer, the outermost ones."""
    made = [
        [Node(path, f"Class{path}", 1, Figures(params=1)) for path in paths]
        for paths in (before, after)
    ]
    found = changes(*made)
    assert [(change.path, change.how, change.grown.params) for change in found] == expected


def block(path: str, width: int) -> list[Node]:
    """Return a block of two layers."""
    return [
        Node(path, "Block", 1, Figures(), "", (f"float32[1, {width}]",)),
        Node(f"{path}.a", "Linear", 1, Figures(width), f"{width}, {width}"),
        Node(f"{path}.b", "ReLU", 1, Figures(flops=width), "", (f"float32[1, {width}]",)),
    ]


def test_moved() -> None:
    """A whole block under another name is the same block."""
    assert told(changes(block("old", 4), block("new", 4))) == [
        ("new", "moved", "from old"),
        ("new.a", "moved", "from old.a"),
        ("new.b", "moved", "from old.b"),
    ]


def test_order() -> None:
    """As in the network that is, and what is gone from it at the end."""
    before = [*block("a", 4), *block("b", 5), *block("z", 6)]
    after = [*block("new", 7), *block("b", 8), *block("a", 9)]
    paths = [change.path for change in changes(before, after)]
    assert paths == ["new", "b", "b.a", "b.b", "a", "a.a", "a.b", "z"]


def mlp(*widths: int) -> nn.Sequential:
    """Return linear layers of these widths."""
    return nn.Sequential(*itertools.starmap(nn.Linear, itertools.pairwise(widths)))


def convs(*layers: nn.Module) -> nn.Sequential:
    """Return a network of images."""
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), *layers, nn.Conv2d(8, 4, 1))


@pytest.mark.parametrize(
    ("before", "after", "inputs", "expected"),
    [
        (mlp(4, 8, 2), mlp(4, 8, 2), "1x4", []),
        (
            mlp(4, 8, 2),
            mlp(4, 16, 2),
            "1x4",
            [("0", "changed", "4×8→4×16"), ("1", "changed", "8×2→16×2")],
        ),
        # Every index behind the new layer is another one, though all are of one class
        (
            mlp(4, 8, 16, 2),
            mlp(4, 8, 8, 16, 2),
            "1x4",
            [("1", "added", "Linear"), ("2", "moved", "from 1"), ("3", "moved", "from 2")],
        ),
        (
            mlp(4, 8, 8, 16, 2),
            mlp(4, 8, 16, 2),
            "1x4",
            [("1", "removed", "Linear"), ("1", "moved", "from 2"), ("2", "moved", "from 3")],
        ),
        # As many as before: each is the one that it was
        (
            mlp(4, 8, 16, 32),
            mlp(4, 16, 32, 64),
            "1x4",
            [
                ("", "changed", "out 1×32→1×64"),
                ("0", "changed", "4×8→4×16"),
                ("1", "changed", "8×16→16×32"),
                ("2", "changed", "16×32→32×64"),
            ],
        ),
        (
            convs(nn.ReLU()),
            convs(nn.BatchNorm2d(8), nn.ReLU()),
            "1x3x8x8",
            [("1", "added", "BatchNorm2d"), ("2", "moved", "from 1"), ("3", "moved", "from 2")],
        ),
        (
            convs(nn.MaxPool2d(2)),
            convs(nn.MaxPool2d(2, stride=1)),
            "1x3x8x8",
            [
                ("", "changed", "out 4×4→7×7"),
                ("1", "changed", "stride 2→1, out 4×4→7×7"),
                ("2", "changed", "out 4×4→7×7"),
            ],
        ),
        (
            convs(nn.ReLU()),
            convs(nn.GELU()),
            "1x3x8x8",
            [("1", "changed", "ReLU→GELU")],
        ),
        (
            convs(),
            convs(nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU())),
            "1x3x8x8",
            [("1", "added", "Sequential"), ("2", "moved", "from 1")],
        ),
    ],
)
def test_networks(
    before: nn.Module,
    after: nn.Module,
    inputs: str,
    expected: list[tuple[str, str, str]],
) -> None:
    """Networks of torch, measured."""
    one, other = nodes(before, inputs), nodes(after, inputs)
    found = changes(one, other)
    # Others are only not what they were in what they hold at the peak.
    assert [change for change in told(found) if change[2]] == expected
    assert sum((change.grown for change in found), Figures()) == grown(one, other)


class Residual(nn.Module):
    """A block whose class and whose outputs may be those of the next one."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run it."""
        out: torch.Tensor = self.conv2(self.conv1(x).relu())
        return out


class Stages(nn.Module):
    """Lists of blocks in a list, as in a ResNet."""

    def __init__(self, *stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(nn.Sequential(*stage) for stage in stages))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run it."""
        out: torch.Tensor = self.layers(x)
        return out


STEM, WIDE, DOWN = (3, 8), (8, 8), (8, 16, 2)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # In the middle: what stands behind it is what it was.
        (
            [[STEM, DOWN]],
            [[STEM, WIDE, DOWN]],
            [("layers.0.1", "added", "Residual"), ("layers.0.2", "moved", "from layers.0.1")],
        ),
        (
            [[STEM, WIDE, DOWN]],
            [[STEM, DOWN]],
            [("layers.0.1", "removed", "Residual"), ("layers.0.1", "moved", "from layers.0.2")],
        ),
        # Of equal ones none is known from the next: the first stay where they were.
        (
            [[STEM, WIDE, DOWN]],
            [[STEM, WIDE, WIDE, DOWN]],
            [("layers.0.2", "added", "Residual"), ("layers.0.3", "moved", "from layers.0.2")],
        ),
        # At the end, and a whole list of them
        ([[STEM, DOWN]], [[STEM, DOWN, (16, 16)]], [("layers.0.2", "added", "Residual")]),
        (
            [[STEM], [DOWN]],
            [[STEM], [WIDE, WIDE], [DOWN]],
            [
                ("layers.1", "added", "Sequential"),
                ("layers.2", "moved", "from layers.1"),
                ("layers.2.0", "moved", "from layers.1.0"),
            ],
        ),
        # In two lists at once
        (
            [[STEM, DOWN], [(16, 16)]],
            [[STEM, WIDE, DOWN], [(16, 16), (16, 16)]],
            [
                ("layers.0.1", "added", "Residual"),
                ("layers.0.2", "moved", "from layers.0.1"),
                ("layers.1.1", "added", "Residual"),
            ],
        ),
    ],
)
def test_blocks(
    before: Sequence[Sequence[tuple[int, ...]]],
    after: Sequence[Sequence[tuple[int, ...]]],
    expected: list[tuple[str, str, str]],
) -> None:
    """A block that is put between others is all that is new, and has what is more."""
    one, other = (
        nodes(Stages(*([Residual(*each) for each in stage] for stage in stages)), "1x3x8x8")
        for stages in (before, after)
    )
    # Others are only not what they were in what they hold at the peak.
    found = [change for change in changes(one, other) if change.what]
    assert [each for each in told(found) if "conv" not in each[0]] == expected
    assert {change.how for change in found} <= {"added", "removed", "moved"}
    blamed = [change.grown for change in found if change.how != "moved"]
    assert sum(blamed, Figures())[:3] == grown(one, other)[:3]


def test_other_dtype() -> None:
    """The same network in numbers of twice the size."""
    one = nodes(mlp(4, 2), "float32[1, 4]")
    other = nodes(mlp(4, 2).double(), "float64[1, 4]")
    found = changes(one, other)
    assert told(found) == [
        ("", "changed", "float32→float64"),
        ("0", "changed", "float32→float64"),
    ]
    assert [change.grown.activation_memory for change in found] == [0, 8]


figures = st.builds(Figures, *(st.integers(0, 5) for _ in Figures._fields))
names = st.sampled_from(["0", "1", "2", "3", "a", "b", "conv"])


@st.composite
def trees(draw: st.DrawFn, path: str = "", depth: int = 0) -> list[Node]:
    """Return any tree of modules in the order of ``named_modules()``, many of them alike."""
    node = Node(
        path,
        draw(st.sampled_from(["A", "B"])),
        draw(st.integers(1, 2)),
        draw(figures),
        draw(st.sampled_from(["", "1, 2", "1, 2, bias=False"])),
        draw(st.sampled_from([(), ("float32[1]",), ("float32[2, 2]", "float32[1]")])),
    )
    inner = draw(st.lists(names, max_size=4 - depth, unique=True)) if depth < 3 else []
    below = (draw(trees(f"{path}.{name}".lstrip("."), depth + 1)) for name in inner)
    return [node, *(node for part in below for node in part)]


@st.composite
def edited(draw: st.DrawFn) -> tuple[list[Node], list[Node]]:
    """Return a tree, and the same with some modules gone, changed or moved."""
    before = draw(trees())
    after = []
    for node in before:
        how = draw(st.sampled_from(["keep", "keep", "keep", "drop", "weigh", "move"]))
        if how == "weigh":
            after.append(node._replace(own=draw(figures)))
        elif how == "move":
            after.append(node._replace(path=f"{node.path}x"))
        elif how == "keep":
            after.append(node)
    return before, after


@given(st.tuples(trees(), trees()) | edited())
def test_nothing_is_lost(pair: tuple[list[Node], list[Node]]) -> None:
    """All changes together are the difference of the totals, figure by figure."""
    before, after = pair
    found = changes(before, after)
    assert sum((change.grown for change in found), Figures()) == grown(before, after)
    back = changes(after, before)
    assert sum((change.grown for change in back), Figures()) == grown(after, before)


@given(st.lists(trees("block"), max_size=4), trees("block"), st.integers(0, 4))
def test_block_between_others(others: list[list[Node]], block: list[Node], at: int) -> None:
    """Whatever a block is and wherever it is put, it is what is new."""

    def numbered(blocks: Sequence[Sequence[Node]]) -> list[Node]:
        return [Node("", "List", 1, Figures())] + [
            node._replace(path=node.path.replace("block", f"{number}", 1))
            for number, each in enumerate(blocks)
            for node in each
        ]

    new = [node._replace(cls=f"New{node.cls}") for node in block]
    found = changes(numbered(others), numbered([*others[:at], new, *others[at:]]))
    (added,) = (change for change in found if change.how != "moved")
    assert (added.path, added.how) == (f"{min(at, len(others))}", "added")
    assert added.grown == total(block)
    assert all(change.grown == Figures() for change in found if change is not added)


@given(trees())
def test_nothing_changed(tree: list[Node]) -> None:
    """A network is itself."""
    assert changes(tree, tree) == ()


@given(st.tuples(trees(), trees()) | edited())
def test_paths(pair: tuple[list[Node], list[Node]]) -> None:
    """A change is where its module is, or was if it is gone; the same one is not told twice."""
    before, after = pair
    then, now = ([node.path for node in part] for part in pair)
    found = changes(before, after)
    assert len({(change.path, change.how == "removed") for change in found}) == len(found)
    for change in found:
        assert change.path in (then if change.how == "removed" else now)
        assert change.how != "moved" or change.what.removeprefix("from ") in then
    places = [now.index(change.path) for change in found if change.path in now]
    assert places == sorted(places)
