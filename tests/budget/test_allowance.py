"""``[[tool.burden.allow]]``: what an accepted growth has to say."""

from __future__ import annotations

import datetime as dt

import pytest

from pytest_burden.budget.allowance import EXAMPLE, KEYS, read_allowance

GOOD = {
    "id": "tests/t.py::net[*]",
    "metric": "flops",
    "up_to": "4.5 GFLOPs",
    "reason": "wider stem",
    "until": dt.date(2030, 1, 31),
}
MISSING = "missing: an accepted growth says which, how far, why and until when"


def test_read() -> None:
    """All five keys."""
    allowance, wrong = read_allowance(GOOD, "pyproject.toml:7")
    assert not wrong
    assert allowance is not None
    assert allowance.glob.text == "tests/t.py::net[*]"
    assert (allowance.metric, allowance.up_to) == ("flops", 4_500_000_000)
    assert (allowance.reason, allowance.where) == ("wider stem", "pyproject.toml:7")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        *((key, None, MISSING) for key in KEYS),
        ("id", "", "not a text"),
        ("id", " ", "not a text"),
        ("id", ["a"], "not a text"),
        ("reason", "", "not a text"),
        ("reason", 5, "not a text"),
        ("metric", "flop", "unknown metric (nearest: flops)"),
        ("metric", ["flops"], "not a text"),
        ("metric", "max_flops", "unknown metric (nearest: flops)"),
        ("up_to", "5 MiB", "'MiB' is a unit of memory, this is a count: FLOPs,"),
        ("up_to", "2%", "not of the form '5 GFLOPs'; a size such as '5 GFLOPs' belongs here"),
        ("up_to", True, "a size is a number, not true or false;"),
        ("up_to", -1, "negative;"),
        ("until", "2030-01-31", "not a date such as 2030-01-31"),
        ("until", 2030, "not a date such as 2030-01-31"),
        ("until", dt.datetime(2030, 1, 31, tzinfo=dt.timezone.utc), "not a date such as"),
        ("until", dt.time(1), "not a date such as"),
        ("untill", dt.date(2030, 1, 31), "unknown key (nearest: until), one of id, metric, up_to,"),
    ],
)
def test_refuse(key: str, value: object, reason: str) -> None:
    """Each key has its reason, and there is a whole table that works."""
    table = {name: known for name, known in (GOOD | {key: value}).items() if known is not None}
    allowance, wrong = read_allowance(table, "here")
    assert allowance is None
    (error,) = wrong
    assert (error.key, error.value, error.example) == (key, value, EXAMPLE)
    assert error.reason.startswith(reason)


def test_all_errors_in_one_go() -> None:
    """Nobody mends one error to be shown the next."""
    allowance, wrong = read_allowance({"ID": "x", "metric": "flop", "up_to": "much"}, "here")
    assert allowance is None
    assert [error.key for error in wrong] == ["ID", "id, reason, until", "metric"]


@pytest.mark.parametrize(
    ("pattern", "name", "metric", "concerns"),
    [
        ("t.py::net[224]", "t.py::net[224]", "flops", True),
        ("t.py::net[224]", "t.py::net[224]", "macs", False),
        ("t.py::net[224]", "t.py::net[2]", "flops", False),  # [ is itself, no set of characters
        ("t.py::net[224]", "t.py::net[224]#2", "flops", False),
        ("t.py::net[*]", "t.py::net[224]", "flops", True),
        ("t.py::net[*]", "t.py::net[a-b]", "flops", True),
        ("t.py::net[*]", "t.py::network", "flops", False),
        ("t.py::net*", "t.py::net[224]#small", "flops", True),
        ("*", "pyproject.toml::net", "flops", True),
    ],
)
def test_concerns(pattern: str, name: str, metric: str, concerns: bool) -> None:
    """It is about one metric of the ids that match."""
    allowance, _ = read_allowance(GOOD | {"id": pattern}, "here")
    assert allowance is not None
    assert allowance.concerns(name, metric) is concerns


@pytest.mark.parametrize(
    ("today", "expired"),
    [
        (dt.date(2030, 1, 30), False),
        (dt.date(2030, 1, 31), False),  # the last day
        (dt.date(2030, 2, 1), True),
    ],
)
def test_expired(today: dt.date, expired: bool) -> None:
    """It holds on its last day, and not on the next."""
    allowance, _ = read_allowance(GOOD, "here")
    assert allowance is not None
    assert allowance.expired(today) is expired
