"""A JSON schema of ``[tool.burden]``, made of the tables that the loader reads by.

It takes whatever the loader takes. What it cannot say (that a date is a date, that a limit is
below 10^30 once its prefix is multiplied in) is left to the loader.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from pytest_burden.budget import allowance, limits, scaling
from pytest_burden.budget.growth import ANY
from pytest_burden.budget.reading import (
    DEVICE,
    MODEL_KEYS,
    NUMBERS,
    OPTIONS,
    SETTINGS,
    TABLES,
    UNTIL,
)
from pytest_burden.budget.units import BYTES, LONGEST, NUMBER, PREFIXES, TOO_MUCH
from pytest_burden.budget.verdict import CONFIGURABLE, Policy
from pytest_burden.burden import METRICS, Unit
from pytest_burden.inputs import BYTES as DTYPES

FILE = Path(__file__).with_suffix(".json")
"""The schema as it is shipped, for editors that read files."""

Schema = dict[str, Any]

_DRAFT = "http://json-schema.org/draft-07/schema#"
_ID = "https://pytest-burden.invalid/schema.json"
"""A name and no address: by RFC 2606 nothing is ever found under it."""

_UNITS: Mapping[Unit, str] = {"": "count", "FLOPs": "flops", "MACs": "macs", "bytes": "bytes"}
_SHARE = r"[0-9]{1,20}(?:\.[0-9]{1,20})?\s*%"
_POSITIVE = rf"(?!-[0-9_.]*[1-9]){NUMBER}"
_WHOLE = rf"(?![0-9_]*\.[0-9]*[1-9][0-9]*(?:\s|$|&)){_POSITIVE}"
_SAFE = r"[^#\x00-\x1f\x7f]"


def schema(tool: str = "burden") -> Schema:
    """Return the schema of the table ``[tool.burden]``, draft 7.

    Args:
        tool: the name of the table, as validate-pyproject tells it to every plugin.
    """
    keys = {key: _ref(key) for key in limits.NAMES}
    parts = {
        **{key: _setting(key) for key in SETTINGS},
        "limits": _ref("limits"),
        "budgets": _table_of(_ref("limits"), "Limits for the measurements whose id matches."),
        "models": _table_of(_ref("model"), "Networks that are measured with no test code.")
        | {"propertyNames": {"pattern": rf"^(?!.*::){_SAFE}*(?!\s){_SAFE}+$(?!\n)"}},
        "policy": _policy(),
        "allow": {
            "description": "Growth over the baseline that is accepted for a while.",
            "type": "array",
            "items": _ref("allowance"),
        },
    }
    return {
        "$schema": _DRAFT,
        "$id": _ID,
        "title": f"[tool.{tool}]: budgets for PyTorch networks",
        **_closed({key: parts[key] for key in (*SETTINGS, *TABLES)}),
        "definitions": {
            **{f"size_{name}": _size(unit) for unit, name in _UNITS.items()},
            **{f"growth_{name}": _growth(unit) for unit, name in _UNITS.items()},
            **{key: _limit(key) for key in limits.KEYS},
            scaling.KEY: _scaling(),
            "sizes": _sizes(),
            "one_for_each_metric": {"allOf": list(_one_for_each())},
            "limits": _closed(keys) | {"allOf": [_ref("one_for_each_metric")]},
            "spec": {"type": "string", "pattern": _spec()},
            "nested": {
                "if": {"type": "string", "pattern": r"^\s*\w+\s*\["},
                "then": _ref("spec"),
                "items": _ref("nested"),
                "additionalProperties": _ref("nested"),
            },
            "input": {
                "allOf": [_ref("nested")],
                "if": {"type": "string"},
                "then": _ref("spec"),
            },
            "model": _model(keys),
            "allowance": _allowance(),
        },
    }


def whole_file() -> Schema:
    """Return a schema of a pyproject.toml of which only ``[tool.burden]`` is looked at."""
    tool = {"type": "object", "properties": {"burden": schema()}}
    return {"$schema": _DRAFT, "type": "object", "properties": {"tool": tool}}


def text(made: Schema) -> str:
    """Return a schema as it is written into a file."""
    return f"{json.dumps(made, indent=1)}\n"


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _closed(properties: Mapping[str, Any]) -> Schema:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _table_of(values: Schema, description: str) -> Schema:
    return {"description": description, "type": "object", "additionalProperties": values}


_SETTING_MEANS = {
    "fma": "Operations in a fused multiply-add.",
    "datum_bytes": "Bytes of one activation element whatever its dtype; its own if not given.",
    "transcendental": "Operations in one exp, log, sqrt, tanh, sigmoid, GELU and the like.",
    "target": "cuda: memory in blocks of its allocator, optimizers with foreach.",
    "device": "Where cuda_memory is measured.",
    "real": "never: refuse networks that need data instead of running them.",
    "table": "Which measurements the summary shows.",
    "github": "Whether GitHub Actions get a summary of the step and annotations.",
    "baseline": "required: without burden-baseline.json no test runs.",
    "junit": "Whether the figures are written into JUnit XML as properties.",
}


def _setting(key: str) -> Schema:
    means: Schema = {"description": _SETTING_MEANS[key]}
    if key in NUMBERS:
        return means | {"type": "integer", "minimum": NUMBERS[key]}
    if key not in OPTIONS:
        # Python takes $ before a newline too.
        return means | {"type": "string", "pattern": rf"^{DEVICE}$(?!\n)", "default": "cuda"}
    options = OPTIONS[key]
    kinds = {bool: "boolean", int: "integer", str: "string"}
    # By type too: for Python's validators true is 1.
    return means | {"type": kinds[type(options[0])], "enum": list(options), "default": options[0]}


def _policy() -> Schema:
    policies = {"enum": [policy.value for policy in Policy]}
    return {
        "description": "What each kind of verdict does to the run.",
        **_closed({kind.value: policies for kind in CONFIGURABLE}),
    }


def _scaling() -> Schema:
    factors = rf"\s*{scaling.FACTOR}(?:\s*[*·,]\s*{scaling.FACTOR})*\s*"
    powers = {"type": "string", "pattern": rf"^{factors}$(?!\n)"}
    return {
        "description": "The highest powers of sizes by which metrics may grow: S^1.1.",
        **_closed(dict.fromkeys(METRICS, powers)),
        "minProperties": 1,
    }


def _sizes() -> Schema:
    """Return the schema of sizes: ``"112:672:112"``, ``"1,8,128"`` or ``[1, 8, 128]``."""
    size = {"type": "integer", "minimum": 1}
    text = r"^\s*[0-9]+\s*(?:(?:,\s*[0-9]+\s*)*|:\s*[0-9]+\s*(?::\s*[0-9]+\s*)?)$(?!\n)"
    return {
        "anyOf": [
            {"type": "string", "pattern": text},
            {"type": "array", "items": size, "minItems": 1},
        ]
    }


def _limit(key: str) -> Schema:
    known = limits.KEYS[key]
    metric = METRICS[known.metric]
    kind = "growth over the baseline" if known.grows else "most"
    where = " at other sizes of the inputs" if known.at else ""
    means = f"The {kind} that may be measured of {known.metric}{where}: {metric.meaning}."
    if known.at:
        limit = _ref(key.removesuffix("_at"))
        table = {
            "type": "object",
            "properties": {scaling.LIMIT: limit},
            "required": [scaling.LIMIT],
            "minProperties": 2,
            "propertyNames": {"pattern": rf"^{scaling.NAME}$(?!\n)"},
            "additionalProperties": {"type": "integer", "minimum": 1},
        }
        rule: Schema = {"anyOf": [table, {"type": "array", "items": table, "minItems": 1}]}
    elif known.grows:
        rule = _ref(f"growth_{_UNITS[metric.unit]}")
    elif known.scale is None:
        rule = _ref(f"size_{_UNITS[metric.unit]}")
    else:
        rule = {
            "anyOf": [
                {"type": "number", "minimum": 0, "exclusiveMaximum": TOO_MUCH // known.scale},
                {"type": "string", "maxLength": LONGEST, "pattern": rf"^\s*{_POSITIVE}\s*$"},
            ]
        }
    # Draft 7 looks at nothing beside a $ref.
    return {"description": means, "allOf": [rule]}


def _size(unit: Unit) -> Schema:
    return {
        "anyOf": [
            {"type": "integer", "minimum": 0, "exclusiveMaximum": TOO_MUCH},
            {"type": "string", "maxLength": LONGEST, "pattern": rf"^\s*{_amount(unit)}\s*$"},
        ]
    }


def _growth(unit: Unit) -> Schema:
    amount = _amount(unit)
    either = f"{ANY}|{_SHARE}|{amount}|{_SHARE}\\s*&\\s*{amount}|{amount}\\s*&\\s*{_SHARE}"
    return {
        "anyOf": [
            {"type": "integer", "minimum": 0, "exclusiveMaximum": TOO_MUCH},
            {"type": "string", "pattern": rf"^\s*(?:{either})\s*$"},
        ]
    }


def _amount(unit: Unit) -> str:
    """Return the pattern of a size: any number with a unit, a whole one without."""
    if unit == "bytes":
        suffixes = [name for name in BYTES if name]
    else:
        word = "".join(f"[{char.upper()}{char.lower()}]" for char in unit.removesuffix("s"))
        prefixes = f"[{''.join(PREFIXES)}]"
        suffixes = [f"{prefixes}?{word}[Ss]?", prefixes] if unit else [prefixes]
    return rf"(?:{_POSITIVE}\s*(?:{'|'.join(suffixes)})|{_WHOLE})"


def _one_for_each() -> Iterable[Schema]:
    """Yield what forbids a second limit on one metric, as ``max_gflops`` beside ``max_flops``."""
    plain = (pair for pair in limits.KEYS.items() if not (pair[1].grows or pair[1].at))
    absolute = [(known.metric, key) for key, known in plain]
    for _, pairs in groupby(sorted(absolute), key=lambda pair: pair[0]):
        keys = [key for _, key in pairs]
        for at, key in enumerate(keys[:-1]):
            others = [{"required": [other]} for other in keys[at + 1 :]]
            yield {"dependencies": {key: {"not": {"anyOf": others}}}}


def _spec() -> str:
    """Return the pattern of an input, as `parse_input` reads it."""
    known = [name for name in DTYPES if not name.startswith(("q", "complex32"))]
    real = [name for name in known if name.startswith(("float", "bfloat", "complex"))]
    natural = [name for name in known if name.startswith("uint")]
    whole = [name for name in known if name not in (*real, *natural, "bool")]
    # A size may be a symbol, or worked out of symbols: S*S + 1.
    size = r"(?:[0-9]+|[\w\s()+*/-]*[A-Za-z_][\w\s()+*/-]*)"
    shape = rf"\s*\[\s*(?:{size}\s*(?:,\s*{size}\s*)*)?\]\s*"
    fills = (
        (real, ""),
        (natural, r"(?:=\s*(?:[0-9]+|-0+)\s*)?"),
        (whole, r"(?:=\s*-?[0-9]+\s*)?"),
        (["bool"], r"(?:=\s*(?:True|False|0*1|-?0+)\s*)?"),
    )
    forms = [f"(?:{'|'.join(names)}){shape}{fill}" for names, fill in fills]
    return rf"^\s*(?:\d+(?:x\d+)*\s*|{'|'.join(forms)})$"


def _model(keys: Mapping[str, Any]) -> Schema:
    name = r"^[A-Za-z_]\w*$(?!\n)"
    parts = {
        "build": {
            "description": "The network, or what makes it: package.module:factory.",
            "type": "string",
            "pattern": r"^[^:]+:[\s\S]",
        },
        "inputs": {
            "description": "Input specs such as float32[1, 3, 224, 224].",
            "type": "array",
            "items": _ref("input"),
        },
        "kwargs": {
            "description": "Inputs by keyword.",
            "type": "object",
            "additionalProperties": _ref("nested"),
        },
        "training": {
            "description": "Measure a training step: an optimizer's name or a table of options.",
            "type": ["boolean", "string", "object"],
        },
        "sizes": {
            "description": "Of symbols in the inputs, as S in float32[1, S].",
            "type": "object",
            "propertyNames": {"pattern": name},
            "additionalProperties": {"type": "integer", "minimum": 1},
        },
        "sweep": {
            "description": "Other sizes at which it is measured too, and the end of its trunk.",
            "type": "object",
            "propertyNames": {"pattern": name},
            "properties": {UNTIL: {"type": "string"}},
            "additionalProperties": _ref("sizes"),
        },
    }
    return {
        **_closed({key: parts[key] for key in MODEL_KEYS} | dict(keys)),
        "required": ["build"],
        "anyOf": [{"required": ["inputs"]}, {"required": ["kwargs"]}],
        "allOf": [_ref("one_for_each_metric")],
    }


def _allowance() -> Schema:
    filled = {"type": "string", "pattern": r"\S"}
    parts: Schema = {
        "id": filled | {"description": "An id or a glob of measurements."},
        "metric": {"enum": list(METRICS)},
        "up_to": {"description": "The most that is accepted, such as 4.5 GFLOPs."},
        "reason": filled | {"description": "Why it is accepted."},
        "until": {
            "description": "The last day on which it is accepted: 2030-01-31, a date of TOML.",
            # Some validators have dates as texts, others as what no JSON can be.
            "not": {"type": ["array", "boolean", "null", "number", "object"]},
            "format": "date",
        },
    }
    sizes = [
        {
            "if": {"properties": {"metric": {"const": name}}, "required": ["metric"]},
            "then": {"properties": {"up_to": _ref(f"size_{_UNITS[metric.unit]}")}},
        }
        for name, metric in METRICS.items()
    ]
    return {
        **_closed({key: parts[key] for key in allowance.KEYS}),
        "required": list(allowance.KEYS),
        "allOf": sizes,
    }
