"""What changed between two measurements of one network, module by module."""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import starmap
from operator import sub
from typing import Literal, NamedTuple

from pytest_burden.budget.baseline import Node
from pytest_burden.burden import Figures

How = Literal["added", "removed", "moved", "changed"]


class Change(NamedTuple):
    """One module that is not what it was."""

    path: str
    """Where it is now, or was if it is gone."""
    how: How
    grown: Figures
    """What it weighs itself, less what it weighed; of an added or removed one with all below it."""
    what: str = ""
    """``stride 2→1, out 14×14→28×28``; of an added or removed one its class."""


def changes(before: Sequence[Node], after: Sequence[Node]) -> tuple[Change, ...]:
    """Return the modules that are not what they were, in the order of ``named_modules()``.

    A module is the same one if path and class are; else if everything but the path is: then it has
    moved; else if the path alone is. Of a list that has got more or fewer modules, those that have
    only moved, with all below them, are found first. What is added or removed with a module around
    it is no change of its own.
    """
    pairs, gone, new = _matched(before, after)
    added, removed = _outermost(new), _outermost(gone)
    found = [
        *(Change(path, "added", grown, cls) for path, cls, grown in added),
        *(Change(path, "removed", _less(Figures(), grown), cls) for path, cls, grown in removed),
        *filter(None, starmap(_changed, pairs)),
    ]
    place: dict[str, int] = {}
    for index, node in enumerate((*after, *before)):
        place.setdefault(node.path, index)
    return tuple(sorted(found, key=lambda change: place[change.path]))


def _less(one: Figures, other: Figures) -> Figures:
    return Figures(*map(sub, one, other))


def _matched(
    before: Sequence[Node], after: Sequence[Node]
) -> tuple[list[tuple[Node, Node]], list[Node], list[Node]]:
    """Return the modules that are the same one, those that are gone, and those that are new."""
    lists = _resized_lists(before, after)
    pairs = list(_moved_in_lists(before, after, lists))
    moved = {id(node) for pair in pairs for node in pair}
    gone, new = ([node for node in part if id(node) not in moved] for part in (before, after))
    shifted = _leaves(before, after, lists)
    ways: tuple[Callable[[Node], object], ...] = (
        lambda node: (node.path, node.cls, _itself(node) if node.path in shifted else ""),
        _itself,
        lambda node: (node.path, node.cls),
        lambda node: node.path,
    )
    for way in ways:
        left: dict[object, deque[Node]] = defaultdict(deque)
        for node in gone:
            left[way(node)].append(node)
        unmatched = []
        for node in new:
            same = left.get(way(node))
            if same:
                pairs.append((same.popleft(), node))
            else:
                unmatched.append(node)
        known = {id(node) for nodes in left.values() for node in nodes}
        gone, new = [node for node in gone if id(node) in known], unmatched
    return pairs, gone, new


def _resized_lists(before: Sequence[Node], after: Sequence[Node]) -> set[str]:
    """Return the paths of lists in which a number may mean another module than before."""
    then, now = (Counter(_list_around(node.path) for node in nodes) for nodes in (before, after))
    return {path for path in then if path is not None and then[path] != now[path]}


def _moved_in_lists(
    before: Sequence[Node], after: Sequence[Node], lists: AbstractSet[str]
) -> Iterator[tuple[Node, Node]]:
    """Yield the modules of what stands in a list as it did, with all below it, by another number.

    A block is told from the next by what is in the modules below it.
    """
    taken: set[int] = set()
    parts = _blocks(before, lists), _blocks(after, lists)
    for path in sorted(lists, key=len):  # a list in a list after that one
        then, now = (
            [block for block in blocks[path] if id(block.nodes[0]) not in taken] for blocks in parts
        )
        for one, other in _alike([each.whole for each in then], [each.whole for each in now]):
            yield from zip(then[one].nodes, now[other].nodes, strict=True)
            taken.update(map(id, (*then[one].nodes, *now[other].nodes)))


class _Block(NamedTuple):
    """A module of a list with all below it."""

    nodes: Sequence[Node]
    whole: object
    """What it is wherever it stands."""


def _blocks(nodes: Iterable[Node], lists: AbstractSet[str]) -> Mapping[str, Sequence[_Block]]:
    """Return what stands in these lists, in order."""
    found: dict[str, dict[str, list[Node]]] = {path: {} for path in lists}
    for node in nodes:
        for path in (node.path, *_around(node.path)):
            around = _list_around(path)
            if around in found:
                found[around].setdefault(path, []).append(node)
    return {
        around: [
            _Block(block, tuple((node.path[len(path) :], _itself(node)) for node in block))
            for path, block in blocks.items()
        ]
        for around, blocks in found.items()
    }


def _alike(then: Sequence[object], now: Sequence[object]) -> Iterator[tuple[int, int]]:
    """Yield the places of what is equal: from both ends, and in between each once, in order."""
    most = min(len(then), len(now))
    first = next((n for n in range(most) if then[n] != now[n]), most)
    last = next((n for n in range(most - first) if then[-1 - n] != now[-1 - n]), most - first)
    yield from ((n, n) for n in range(first))
    yield from ((len(then) - n, len(now) - n) for n in range(last, 0, -1))
    left: dict[object, deque[int]] = defaultdict(deque)
    for n in range(first, len(then) - last):
        left[then[n]].append(n)
    for n in range(first, len(now) - last):
        if same := left.get(now[n]):
            yield same.popleft(), n


def _leaves(before: Sequence[Node], after: Sequence[Node], lists: AbstractSet[str]) -> set[str]:
    """Return the paths in these lists that have no modules below them."""
    inner = {node.path.rpartition(".")[0] for node in (*before, *after)}
    return {
        node.path
        for node in (*before, *after)
        if _list_around(node.path) in lists and node.path not in inner
    }


def _list_around(path: str) -> str | None:
    """Return the path of the list that a module with a number for a name is in."""
    around, _, name = path.rpartition(".")
    return around if name.isdecimal() else None


def _itself(node: Node) -> object:
    """Return what a module is wherever it stands."""
    return node.cls, node.calls, node.settings, node.outputs, node.own.params


def _outermost(nodes: Iterable[Node]) -> list[tuple[str, str, Figures]]:
    """Return path, class and sum of each module that is in no other of ``nodes``."""
    sums: dict[str, tuple[str, Figures]] = {}
    for node in sorted(nodes, key=lambda node: node.path.count(".")):
        around = next((path for path in _around(node.path) if path in sums), None)
        if around is None:
            sums[node.path] = node.cls, node.own
        else:
            cls, figures = sums[around]
            sums[around] = cls, figures + node.own
    return [(path, cls, figures) for path, (cls, figures) in sums.items()]


def _around(path: str) -> Iterator[str]:
    """Yield the paths of the modules around one, the nearest first; the root is none of them."""
    while "." in path:
        path = path.rpartition(".")[0]
        yield path


def _changed(before: Node, after: Node) -> Change | None:
    grown = _less(after.own, before.own)
    if before.path != after.path:
        return Change(after.path, "moved", grown, f"from {before.path}")
    what = ", ".join(_differences(before, after))
    return Change(after.path, "changed", grown, what) if what or any(grown) else None


def _differences(before: Node, after: Node) -> Iterator[str]:
    same = before.settings == after.settings  # as most are: nothing is taken apart then
    then, now = ({}, {}) if same else map(_settings, (before.settings, after.settings))
    if before.cls != after.cls:
        yield f"{before.cls}→{after.cls}"
        now = then
    for key in (*then, *(key for key in now if key not in then)):
        one, other = then.get(key, "none"), now.get(key, "none")
        if one != other:
            yield f"{key} {one}→{other}".lstrip()
    if before.calls != after.calls:
        yield f"calls {before.calls}→{after.calls}"
    yield from _outputs(before.outputs[:1], after.outputs[:1], told=then != now)


_PARTS = re.compile(r"(?:[^,(\[]|\([^)]*\)|\[[^\]]*\])+")
_TUPLE = re.compile(r"\((?P<first>[^,()]+)(?:, (?P=first))+\)")


def _settings(text: str) -> Mapping[str, str]:
    """Return what a layer was made with: its sizes under the key ``""``, all else by name.

    ``64, 128, kernel_size=(3, 3), bias=False`` is 64×128, kernel_size 3 and bias False;
    ``in_features=64, out_features=10`` is 64×10.
    """
    sizes: list[str] = []
    named: dict[str, str] = {}
    for part in _PARTS.findall(text):
        key, equals, value = part.strip().partition("=")
        if not equals or key in ("in_features", "out_features"):
            sizes.append(value or key)
        else:
            named[key] = _TUPLE.sub(r"\g<first>", value)
    return {"": "×".join(sizes)} | named


_SPEC = re.compile(r"(?P<dtype>\w+)\[(?P<shape>[^\]]*)\]")
_IMAGE = 4
"""Axes of a batch of images: of these, what follows the channels is the size."""


def _outputs(before: Sequence[str], after: Sequence[str], *, told: bool) -> Iterator[str]:
    """Yield how the first output differs; ``told`` if settings say something already."""
    matches = [_SPEC.fullmatch(text) for text in (*before, *after)]
    if before == after or len(matches) < 2 or None in matches:  # noqa: PLR2004 before and after
        return
    then, now = (match for match in matches if match)
    if then["dtype"] != now["dtype"]:
        yield f"{then['dtype']}→{now['dtype']}"
    sizes = [match["shape"].split(", ") for match in (then, now)]
    images = all(len(shape) >= _IMAGE for shape in sizes)
    inner = [shape[2:] for shape in sizes] if images else sizes
    if images and inner[0] != inner[1]:
        yield f"out {'→'.join('×'.join(shape) for shape in inner)}"
    elif sizes[0] != sizes[1] and not told:
        yield f"out {'→'.join('×'.join(shape) for shape in sizes)}"
