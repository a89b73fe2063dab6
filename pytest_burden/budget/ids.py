"""Names of measurements: how those of one test are told apart, and what a budget's glob matches."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

SHARED = "burden_session"
"""In place of a test before the # of measurements that belong to no single one."""


@dataclass(frozen=True, slots=True)
class Name:
    """What a measurement is called inside its test: by its user, its class, or nothing."""

    text: str = ""
    given: bool = False


def measurement_ids(test: str, names: Sequence[Name]) -> list[str]:
    """Return the ids of all measurements of one test, in order; they are distinct.

    A given name always shows: ``test#name``. The others are told apart only where there are
    several: the first keeps the test's id (``test#Net`` if it has a class), the next are ``test#2``
    and ``test#Net#2``.
    """
    if len(names) == 1 and not names[0].given:
        return [test]
    ids = []
    seen: Counter[str] = Counter()
    for name in names:
        base = f"{test}#{name.text}" if name.text else test
        seen[base] += 1
        ids.append(base if seen[base] == 1 else f"{base}#{seen[base]}")
    return ids


def is_of(name: str, tests: Container[str], collectors: Iterable[str] = ()) -> bool:
    """Return whether a measurement is one of these tests, or of one below these files and classes.

    Args:
        name: the measurement's id.
        tests: node ids of tests.
        collectors: node ids of files and classes, or `all_parameters` of a test.
    """
    # Parameters may have a # of their own, so each may be the one before the name.
    hashes = (end for end, char in enumerate(name) if char == "#")
    known = name in tests or any(name[:end] in tests for end in hashes)
    return known or name.startswith(tuple(map(below, collectors)))


def owner(name: str) -> str:
    """Return the node id of the test that a measurement is named after; `measurement_ids` undone.

    Folders and parameters may have a # of their own.
    """
    path, colons, rest = name.partition("::")
    function, _, _ = rest.partition("#")
    if "[" in function:
        head, bracket, tail = rest.rpartition("]")
        function = head + bracket + tail.partition("#")[0]
    return path + colons + function


def all_parameters(test: str) -> str:
    """Return how the node id of a test begins whatever its parameters: ``test_m.py::test_a[``."""
    return test[: test.find("[", test.find("::")) + 1] or test


def below(collector: str) -> str:
    """Return how all ids begin that are below one of the ``collectors`` of `is_of`."""
    return collector if collector.endswith("[") else f"{collector}::"


def split_unfinished(unfinished: Iterable[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the tests, and what is a collector to `is_of`, of what a run has left unfinished."""
    names = tuple(unfinished)
    collectors = tuple(name.removesuffix("::") for name in names if name.endswith(("::", "[")))
    return frozenset(name for name in names if not name.endswith(("::", "["))), collectors


def natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts ``test[64]`` before ``test[128]``."""
    parts = re.split(r"([0-9]+)", name)
    # Every second part is a number; isdigit() would take more than int() does.
    return [(int(part), part) if at % 2 else (-1, part) for at, part in enumerate(parts)]


@dataclass(frozen=True)
class Glob:
    """A pattern over ids: ``*`` is any text, ``?`` one character, all else (``[`` too) itself."""

    text: str

    @property
    def exact(self) -> bool:
        """Whether it can only match one id."""
        return not set("*?") & set(self.text)

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        wild = {"*": ".*", "?": "."}
        pattern = "".join(wild.get(char) or re.escape(char) for char in self.text)
        return re.compile(pattern, re.DOTALL)

    def matches(self, name: str) -> bool:
        """Return whether the whole of ``name`` matches; a text always matches itself."""
        return name == self.text or (not self.exact and self._regex.fullmatch(name) is not None)

    def may_match(self, test: str) -> bool:
        """Return whether it could match a measurement of ``test``, had the test measured one."""
        # Names have no "::", so a pattern that still asks for one is not about this test.
        return self.matches(test) or any(
            "::" not in self.text[end:] for end in self._beginnings(f"{test}#")
        )

    def may_match_below(self, collector: str) -> bool:
        """Return whether it could match a measurement of some test below ``collector``."""
        return any(True for _ in self._beginnings(below(collector)))

    def _beginnings(self, start: str) -> Iterator[int]:
        """Yield how much of the pattern matches ``start``: the rest is for what comes after it."""
        for end in range(len(self.text) + 1):
            if Glob(self.text[:end]).matches(start):
                yield end
