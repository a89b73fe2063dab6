"""What ``burden explain`` asks of pytest: the limits of one measurement, markers included.

Markers are Python, so that only pytest knows them once it has collected.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pytest_burden.budget.ids import SHARED
from pytest_burden.budget.precedence import configured
from pytest_burden.budget.verdict import NO_GROWTH
from pytest_burden.report.explanation import explanation
from pytest_burden.session.keys import FIXTURES, ID
from pytest_burden.session.lifecycle import LEVELS, marked
from pytest_burden.session.settings import SETTINGS

_CALL = "What a call of the fixture sets goes before all of these: known only when the test runs."


def write(config: pytest.Config, items: Iterable[pytest.Item], name: str, file: str) -> None:
    """Write an answer as JSON: ``text``, or ``nearest`` ids where this one is not known.

    Args:
        config: of pytest, once everything is collected.
        items: the tests.
        name: the id of a measurement.
        file: where to write.
    """
    Path(file).write_text(json.dumps(_answer(config, items, name)), encoding="utf-8")


def _answer(config: pytest.Config, items: Iterable[pytest.Item], name: str) -> dict[str, Any]:
    settings = config.stash[SETTINGS]
    known = settings.baseline
    tests = {item.stash.get(ID, item.nodeid): item for item in items}
    # Parameters may have a # of their own, so the longest test wins.
    ends = [len(name), *(at for at in range(len(name) - 1, 0, -1) if name[at] == "#")]
    item = next((tests[name[:end]] for end in ends if name[:end] in tests), None)
    if item is None and not name.startswith(f"{SHARED}#"):
        ids = [*tests, *(known.entries if known else ())]
        within = [other for other in ids if name in other]
        near = within or difflib.get_close_matches(name, ids)
        return {"nearest": list(dict.fromkeys(near))[:3]}
    levels = item.stash.get(LEVELS, marked(item).levels) if item else ()
    general = [NO_GROWTH] if known else []
    every = [*levels, *configured(settings.config, name), *general]
    text = explanation(name, every, known, settings.config.allowances, settings.today)
    calls = item is None or any(each in getattr(item, "fixturenames", ()) for each in FIXTURES)
    return {"text": f"{text}\n{_CALL}" if calls else text}
