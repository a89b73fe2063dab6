"""A JSON schema of what ``--burden-json`` writes, made of the types that the loader checks by.

It refuses nothing that the loader takes. What it cannot say (that verdicts are those of their
numbers, that an id stands there once) is left to the loader. Where a later version may add a key,
unknown keys are let alone, by both.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union

from pytest_burden.budget.growth import Growth
from pytest_burden.budget.result import RARE, Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.scaling import Scaling
from pytest_burden.budget.verdict import Elsewhere, Verdict
from pytest_burden.burden import METRICS, Burden
from pytest_burden.report.jsonfile import RENEW, SCHEMA
from pytest_burden.sweeps import Point, Sweep

FILE = Path(__file__).with_name("results.schema.json")
"""The schema as it is shipped."""

Schema = dict[str, Any]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_ID = "https://pytest-burden.invalid/results.schema.json"
"""A name and no address: by RFC 2606 nothing is ever found under it."""

_PLAIN = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null"}

_WRITTEN: Mapping[object, Mapping[str, Any]] = {
    Growth: {"metric": str, "growth": str, "where": str, "written": str},
    Scaling: {**typing.get_type_hints(Scaling), "power": str},
    Verdict: {**typing.get_type_hints(Verdict), "elsewhere": Elsewhere, "fails": bool},
    Result: {**typing.get_type_hints(Result), "sweep": Sweep, "verdict": str},
}
"""What is written otherwise than its class has it."""

_UNWRITTEN = {Point: {"burden"}}
"""Fields that are not written."""

_MEANS = {
    "schema": "The version of this form.",
    "versions": "Of pytest-burden, pytest and python, and the platform; of joined runs several.",
    "verdict": "Whether the run came to its end and nothing in it is red.",
    "full": "Whether nothing was left out.",
    "measurements": "What was measured, by id.",
}


def schema() -> Schema:
    """Return the schema of the file, draft 2020-12."""
    known = dict(typing.get_type_hints(Run))
    results = known.pop("results")
    parts = {
        "schema": int,
        "versions": Mapping[str, str],
        "verdict": Literal["pass", "fail"],
        "full": bool,
        "measurements": results,
        **known,
    }
    definitions: dict[str, Schema] = {}
    whole = _rarely(_table(parts, definitions))
    properties = whole["properties"]
    properties["schema"] = {"const": SCHEMA}
    properties |= {key: {"description": _MEANS[key], **properties[key]} for key in _MEANS}
    return {
        "$schema": _DRAFT,
        "$id": _ID,
        "title": f"The results of pytest-burden: {RENEW}",
        **whole,
        "$defs": dict(sorted(definitions.items())),
    }


def _table(parts: Mapping[str, Any], definitions: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": {name: _of(hint, definitions) for name, hint in parts.items()},
        "required": list(parts),
    }


def _rarely(table: Schema) -> Schema:
    """Return the schema of a table from which some keys are left out where they say nothing."""
    least = {"array": "minItems", "object": "minProperties", "string": "minLength"}
    properties = {
        name: made | {least[made["type"]]: 1} if name in RARE and "type" in made else made
        for name, made in table["properties"].items()
    }
    required = [name for name in table["required"] if name not in RARE]
    return table | {"properties": properties, "required": required}


def _of(hint: Any, definitions: dict[str, Schema]) -> Schema:
    """Return the schema of an annotation; what classes it needs goes to the definitions."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is not None or isinstance(hint, types.UnionType):
        return _of_several(origin, arguments, definitions)
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if issubclass(hint, enum.Enum):
        return {"enum": [each.value for each in hint]}
    name = hint.__name__
    if name not in definitions:
        definitions[name] = _class(hint, definitions)
    return {"$ref": f"#/$defs/{name}"}


def _of_several(
    origin: object, arguments: tuple[Any, ...], definitions: dict[str, Schema]
) -> Schema:
    """Return the schema of a union, literal, tuple or mapping."""
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return _array(arguments, definitions)
    if origin not in (Union, types.UnionType):
        return {"type": "object", "additionalProperties": _of(arguments[1], definitions)}
    if all(each in _PLAIN for each in arguments):
        return {"type": [_PLAIN[each] for each in arguments]}
    return {"anyOf": [_of(each, definitions) for each in arguments]}


def _array(arguments: tuple[Any, ...], definitions: dict[str, Schema]) -> Schema:
    if arguments[-1] is Ellipsis:
        return {"type": "array", "items": _of(arguments[0], definitions)}
    each = [_of(argument, definitions) for argument in arguments]
    return {"type": "array", "prefixItems": each, "items": False, "minItems": len(each)}


def _class(hint: Any, definitions: dict[str, Schema]) -> Schema:
    if hint in _WRITTEN:
        made = _table(_WRITTEN[hint], definitions)
        return _rarely(made) if hint in (Result, Verdict) else made
    unwritten = _UNWRITTEN.get(hint, ())
    known = {name: of for name, of in typing.get_type_hints(hint).items() if name not in unwritten}
    made = _table(known, definitions) | {"additionalProperties": False}
    if hint is Burden:
        made["properties"] |= {
            name: {"description": metric.meaning, **made["properties"][name], "minimum": 0}
            for name, metric in METRICS.items()
        }
    return made
