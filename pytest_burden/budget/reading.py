"""From the text of pyproject.toml to a `Config`, and everything that is wrong on the way."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pytest_burden.budget.allowance import EXAMPLE as ALLOW_EXAMPLE
from pytest_burden.budget.allowance import Allowance, read_allowance
from pytest_burden.budget.config import FILE, Budget, Config, Model
from pytest_burden.budget.ids import Glob
from pytest_burden.budget.limits import Rule, read_limits
from pytest_burden.budget.problem import Problem
from pytest_burden.budget.toml_lines import find_item_line, find_line
from pytest_burden.budget.verdict import CONFIGURABLE, Kind, Policy
from pytest_burden.burden import Convention
from pytest_burden.errors import BurdenError, quoted, suggest
from pytest_burden.inputs import is_meant, parse_input
from pytest_burden.sizes import any_sizes, checked, filled, named, points

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_T = TypeVar("_T")
Path = tuple[str, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHOWN = 60
_DEEPEST = 50
END_OF_INTEGERS = 2**63
"""Whole numbers of TOML are below."""

_OURS = ("burden", "burdens", "pytestburden")
"""How somebody may call our table, but for ``-``, ``_`` and capitals."""
_AROUND = ((), ("tool",), ("tools",), ("tool", "pytest"), ("tool", "pytest", "ini_options"))
"""Where somebody may look for it."""
TABLES = ("limits", "budgets", "models", "policy", "allow")
OPTIONS: Mapping[str, tuple[object, ...]] = {
    "fma": (1, 2),
    "target": ("cpu", "cuda"),
    "real": ("auto", "never"),
    "table": ("auto", "all", "failed", "off"),
    "github": ("auto", "off"),
    "baseline": ("optional", "required"),
    "junit": (True, False),
}
"""Settings with few values; the first is the default."""
NUMBERS: Mapping[str, int] = {"datum_bytes": 1, "transcendental": 0}
"""Settings that are whole numbers, and the least of them."""
DEVICE = "cuda(:[0-9]+)?"
SETTINGS = (
    "fma",
    "datum_bytes",
    "transcendental",
    "target",
    "device",
    "real",
    "table",
    "github",
    "baseline",
    "junit",
)
MODEL_KEYS = ("build", "inputs", "kwargs", "training", "sizes", "sweep")
UNTIL = "until"
"""The key of a sweep that is no symbol."""
_EXAMPLES = {
    "limits": '[tool.burden.limits] max_params = "26M"',
    "budgets": '[tool.burden.budgets."*::test_resnet*"] max_gflops = 5',
    "models": '[tool.burden.models.resnet50] build = "shop.models:resnet50"',
    "policy": '[tool.burden.policy] incomplete = "warn"',
    "allow": ALLOW_EXAMPLE,
    "build": 'build = "shop.models:resnet50"',
    "inputs": 'inputs = ["float32[1, 3, 224, 224]"]',
    "training": 'training = { optimizer = "SGD", momentum = 0.9 }',
    "kwargs": 'kwargs = { mask = "bool[1, 128]" }',
    "sizes": "sizes = { B = 1, S = 128 }",
    "sweep": 'sweep = { S = "128:1024:128", B = [1, 8] }',
}


def load(path: FilePath) -> tuple[Config, list[Problem]]:
    """Read one pyproject.toml; no file, or none with ``[tool.burden]``, is all defaults."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Config(), []
    except OSError as error:
        return Config(), [Problem(FILE, "cannot be read", str(error.strerror))]
    if b"burden" not in content.replace(b"\0", b""):  # between the letters of UTF-16
        return Config(), []
    try:
        return read(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = f"byte 0x{content[error.start]:02x}"
        return Config(), [Problem(f"{FILE}:{line}", "not UTF-8", f"{byte}: save it as UTF-8")]


def read(text: str) -> tuple[Config, list[Problem]]:
    """Read the text of a pyproject.toml."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Config(), [Problem(FILE, "not TOML", str(error))]
    except ValueError:  # the parser leaves them to int()
        return Config(), [_unread(text, "[0-9_]{600,}", "a whole number has at most 19 digits")]
    except RecursionError:
        data = None
    if data is None or _is_deep(data):
        reason = f"lists and tables are at most {_DEEPEST} deep"
        return Config(), [_unread(text, rf"(?:[\[{{]\s*){{{_DEEPEST},}}", reason)]
    section = data.get("tool", {}).get("burden", {}) if isinstance(data.get("tool"), dict) else {}
    reader = _Reader(text)
    reader.expect_its_name(data)
    return reader.config(section), reader.problems


def _unread(text: str, culprit: str, reason: str) -> Problem:
    """Return the problem of a text that Python does not read; the parser does not say where."""
    found = re.search(culprit, text)
    line = f":{text.count(chr(10), 0, found.start()) + 1}" if found else ""
    return Problem(f"{FILE}{line}", "not TOML that can be read", reason)


def _is_deep(data: object) -> bool:
    """Return whether lists and tables are so deep that nothing else could walk through them."""
    level = [data]
    for _ in range(_DEEPEST):
        level = [
            part
            for value in level
            if isinstance(value, (dict, list))
            for part in (value.values() if isinstance(value, dict) else value)
        ]
    return any(isinstance(value, (dict, list)) for value in level)


class _Reader:
    """Walks through the tables; every error becomes a problem and the walk goes on."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.problems: list[Problem] = []

    def expect_its_name(self, data: Mapping[str, Any]) -> None:
        """Check that no table is meant for us and called otherwise: nothing in it would hold."""
        for around in _AROUND:
            table: Any = data
            for key in around:
                table = table.get(key) if isinstance(table, dict) else None
            for key, value in table.items() if isinstance(table, dict) else ():
                path = (*around, key)
                ours = re.sub("[-_]", "", key.lower()) in _OURS and path != ("tool", "burden")
                if ours and isinstance(value, dict):
                    self._problem(path, value, "the table is called [tool.burden]")

    def config(self, section: object) -> Config:
        table = self._table(("tool", "burden"), section)
        self._known(("tool", "burden"), table, (*SETTINGS, *TABLES))
        convention = Convention(
            fma=self._setting(table, "fma", 1),
            datum_bytes=self._number(table, "datum_bytes"),
            transcendental=self._number(table, "transcendental") or 0,
            target=self._setting(table, "target", "cpu"),
        )
        return Config(
            convention=convention,
            device=self._device(table),
            real=self._setting(table, "real", "auto"),
            table=self._setting(table, "table", "auto"),
            github=self._setting(table, "github", "auto"),
            baseline=self._setting(table, "baseline", "optional"),
            junit=self._setting(table, "junit", True),  # noqa: FBT003 a default
            limits=self._limits(("tool", "burden", "limits"), self._sub(table, "limits")),
            budgets=self._budgets(self._sub(table, "budgets")),
            models=self._models(self._sub(table, "models")),
            policies=self._policies(self._sub(table, "policy")),
            allowances=self._allowances(table.get("allow", [])),
        )

    def _budgets(self, table: Mapping[str, Any]) -> tuple[Budget, ...]:
        budgets = []
        for pattern, value in table.items():
            path = ("tool", "burden", "budgets", pattern)
            limits = self._limits(path, self._table(path, value))
            budgets.append(Budget(Glob(pattern), limits, f"{FILE}: {_dotted(path)}"))
        return tuple(budgets)

    def _models(self, table: Mapping[str, Any]) -> tuple[Model, ...]:
        models = []
        for name, value in table.items():
            if isinstance(value, dict):
                models.append(self._model(name, value))
            else:  # one problem, not one for each key that is missing
                self._table(("tool", "burden", "models", name), value)
        return tuple(models)

    def _model(self, name: str, table: Mapping[str, Any]) -> Model:
        path = ("tool", "burden", "models", name)
        if not name.strip() or not name.isprintable() or "::" in name or "#" in name:
            reason = "a model's name is a text of one line without '::' and '#'"
            self._problem(path, None, reason, _EXAMPLES["models"])
        build = table.get("build")
        if build is None:
            self._problem(path, None, "the key build is missing", _EXAMPLES["build"])
        elif not isinstance(build, str) or not all(build.partition(":")):
            self._problem(
                (*path, "build"), build, "not of the form 'package.module:name'", _EXAMPLES["build"]
            )
        inputs = table.get("inputs", [])
        if not isinstance(inputs, list):
            self._problem(
                (*path, "inputs"), inputs, "not a list of input specs", _EXAMPLES["inputs"]
            )
            inputs = []
        kwargs = table.get("kwargs", {})
        if not isinstance(kwargs, dict):
            self._problem(
                (*path, "kwargs"), kwargs, "not a table of keyword inputs", _EXAMPLES["kwargs"]
            )
            kwargs = {}
        if "inputs" not in table and "kwargs" not in table:
            self._problem(path, None, "the key inputs is missing", _EXAMPLES["inputs"])
        sizes = self._sizes((*path, "sizes"), table.get("sizes", {}))
        vary, until = self._sweep((*path, "sweep"), table.get("sweep", {}))
        known = {**{symbol: each[0] for symbol, each in vary.items()}, **sizes}
        for value in inputs:
            self._specs((*path, "inputs"), value, known, spec=True)
        self._specs((*path, "kwargs"), kwargs, known)
        training = table.get("training")
        if not isinstance(training, (bool, str, dict, type(None))):
            reason = "neither an optimizer's name nor a table of its options"
            self._problem((*path, "training"), training, reason, _EXAMPLES["training"])
        rest = {key: value for key, value in table.items() if key not in MODEL_KEYS}
        limits = self._limits(path, rest, MODEL_KEYS)
        line = find_line(self._text, path) or 1
        return Model(
            name=name,
            build=str(build),
            inputs=tuple(inputs),
            kwargs=kwargs,
            training=training,
            limits=limits,
            line=line,
            sizes=sizes,
            vary=vary,
            until=until,
        )

    def _sizes(self, path: Path, value: object) -> dict[str, int]:
        """Read the sizes at which a model is measured."""
        if not isinstance(value, dict):
            self._problem(path, value, "not a table of sizes", _EXAMPLES["sizes"])
            return {}
        read = self._each_size(path, value, lambda size: checked([size], size))
        return {symbol: size for symbol, (size,) in read.items()}

    def _sweep(self, path: Path, value: object) -> tuple[dict[str, tuple[int, ...]], str]:
        """Read the sizes at which a model is measured beside, and the end of its trunk."""
        if not isinstance(value, dict):
            self._problem(path, value, "not a table of sizes", _EXAMPLES["sweep"])
            return {}, ""
        until = value.get(UNTIL, "")
        if not isinstance(until, str):
            self._problem((*path, UNTIL), until, "not the path of a module", 'until = "layer4"')
        given = {symbol: sizes for symbol, sizes in value.items() if symbol != UNTIL}
        vary = self._each_size(path, given, any_sizes)
        try:
            points(vary)
        except BurdenError as error:
            self._problem(path, value, str(error), _EXAMPLES["sweep"])
        return vary, str(until)

    def _each_size(
        self,
        path: Path,
        table: Mapping[str, Any],
        read: Callable[[Any], tuple[int, ...]],
    ) -> dict[str, tuple[int, ...]]:
        found = {}
        for symbol, value in table.items():
            try:
                found[named(symbol)] = read(value)
            except BurdenError as error:  # noqa: PERF203 each has a problem of its own
                self._problem((*path, symbol), value, str(error), _EXAMPLES[path[-1]])
        return found

    def _specs(
        self, path: Path, value: object, sizes: Mapping[str, int], *, spec: bool = False
    ) -> None:
        """Check every input spec in nested lists and tables, with sizes in the place of symbols.

        An input that is a text is a spec; elsewhere it may be a mode or a name, unless it is meant
        as a spec. Numbers and bools pass as they are.
        """
        if isinstance(value, str) and (spec or is_meant(value)):
            try:
                parse_input(filled(value, sizes))
            except BurdenError as error:
                self._problem(path, value, str(error), _EXAMPLES["inputs"])
        for part in value.values() if isinstance(value, dict) else ():
            self._specs(path, part, sizes)
        for part in value if isinstance(value, list) else ():
            self._specs(path, part, sizes)

    def _policies(self, table: Mapping[str, Any]) -> dict[Kind, Policy]:
        path = ("tool", "burden", "policy")
        kinds: dict[str, Kind] = {kind.value: kind for kind in CONFIGURABLE}
        names = [policy.value for policy in Policy]
        self._known(path, table, tuple(kinds))
        policies: dict[Kind, Policy] = {}
        for name, value in table.items():
            if name in kinds and self._one_of((*path, name), value, names, _EXAMPLES["policy"]):
                policies[kinds[name]] = Policy(value)
        return policies

    def _allowances(self, value: object) -> tuple[Allowance, ...]:
        path = ("tool", "burden", "allow")
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self._problem(path, value, "a list of tables belongs here", _EXAMPLES["allow"])
            return ()
        found = (self._allowance(number, table) for number, table in enumerate(value))
        return tuple(one for one in found if one is not None)

    def _allowance(self, number: int, table: Mapping[str, Any]) -> Allowance | None:
        line = find_item_line(self._text, ("tool", "burden", "allow"), number) or 1
        allowance, wrong = read_allowance(table, f"{FILE}:{line}")
        for each in wrong:
            value = f" = {_toml(each.value)}" if each.key in table else ""
            what = f"tool.burden.allow: {each.key}{value}"
            self.problems.append(Problem(f"{FILE}:{line}", what, each.reason, each.example))
        return allowance

    def _limits(
        self, path: Path, table: Mapping[str, Any], other: tuple[str, ...] = ()
    ) -> tuple[Rule, ...]:
        limits, wrong = read_limits(table, lambda key: f"{FILE}: {_dotted((*path, key))}", other)
        for error in wrong:
            self._problem((*path, error.key), error.value, error.reason, error.example)
        return limits

    def _setting(self, table: Mapping[str, Any], key: str, default: _T) -> _T:
        value: _T = table.get(key, default)
        path, works = ("tool", "burden", key), f"{key} = {_toml(default)}"
        return value if self._one_of(path, value, OPTIONS[key], works) else default

    def _device(self, table: Mapping[str, Any]) -> str:
        device = table.get("device", "cuda")
        if isinstance(device, str) and re.fullmatch(DEVICE, device):
            return device
        reason = "not a CUDA device"
        self._problem(("tool", "burden", "device"), device, reason, 'device = "cuda:0"')
        return "cuda"

    def _number(self, table: Mapping[str, Any], key: str) -> int | None:
        value, least = table.get(key), NUMBERS[key]
        if value is None or (type(value) is int and least <= value < END_OF_INTEGERS):
            return value
        small = type(value) is not int or value < least
        reason = f"not a whole number from {least} up" if small else "not below 2^63"
        self._problem(("tool", "burden", key), value, reason, f"{key} = 4")
        return None

    def _one_of(self, path: Path, value: object, options: Sequence[object], works: str) -> bool:
        # By type too: true is not 1.
        if any(type(value) is type(option) and value == option for option in options):
            return True
        accepted = " or ".join(map(_toml, options))
        near = suggest(value, map(str, options)) if isinstance(value, str) else ""
        self._problem(path, value, f"not {accepted}{near}", works)
        return False

    def _sub(self, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        return self._table(("tool", "burden", key), table.get(key, {}))

    def _table(self, path: Path, value: object) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        self._problem(path, value, "a table belongs here", _EXAMPLES.get("".join(path[2:3]), ""))
        return {}

    def _known(self, path: Path, table: Mapping[str, Any], keys: Sequence[str]) -> None:
        for key in table:
            if key not in keys:
                reason = f"unknown key{suggest(key, keys)}, one of {', '.join(keys)}"
                self._problem((*path, key), table[key], reason)

    def _problem(self, path: Path, value: object, reason: str, works: str = "") -> None:
        line = find_line(self._text, path)
        where = f"{FILE}:{line}" if line else FILE
        what = _dotted(path)
        if isinstance(value, dict):
            what = f"[{what}]"
        elif value is not None:
            what = f"{what} = {_toml(value)}"
        self.problems.append(Problem(where, what, reason, works))


def _dotted(path: Path) -> str:
    """Return the path as TOML writes it, with quotes where a part needs them."""
    return ".".join(part if _BARE.fullmatch(part) else json.dumps(part) for part in path)


def undotted(text: str) -> Path:
    """Return the path that a text such as ``tool.burden.budgets."a.b".max_flops`` stands for."""
    parts = re.findall(r'[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"', text)
    return tuple(json.loads(part) if part.startswith('"') else part for part in parts)


def _toml(value: object) -> str:
    """Return a short text of a value as it stands in the file."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:  # Python prints no whole number of more than some thousand digits
        return quoted(value)
    if not text.isprintable():  # what could steer a terminal
        text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
