"""The JSON schema says what the loader says, wherever a schema can."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_burden.budget.limits import KEYS
from pytest_burden.budget.reading import read
from pytest_burden.budget.schema import FILE, schema, text, whole_file
from pytest_burden.burden import METRICS
from pytest_burden.inputs import BYTES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VALIDATOR = jsonschema.Draft7Validator(schema())


def takes(written: str) -> tuple[bool, bool]:
    """Return whether the loader takes a file, and whether the schema does."""
    _, problems = read(written)
    table = tomllib.loads(written).get("tool", {}).get("burden", {})
    return not problems, VALIDATOR.is_valid(table)


def test_shipped() -> None:
    """The file is what is generated; else: burden schema > pytest_burden/budget/schema.json."""
    assert FILE.read_text(encoding="utf-8") == text(schema())
    jsonschema.Draft7Validator.check_schema(schema())


def test_every_limit_is_described() -> None:
    """What an editor shows of a key is what the README says of its metric."""
    made = schema()["definitions"]
    for key, known in KEYS.items():
        assert METRICS[known.metric].meaning in made[key]["description"]


def test_whole_file() -> None:
    """Other tables are let alone; an error in ours is found."""
    validator = jsonschema.Draft7Validator(whole_file())
    other = {"project": {"name": "x"}, "tool": {"ruff": {"fix": True}}}
    assert validator.is_valid(other)
    assert validator.is_valid(other | {"tool": {"burden": {"limits": {"max_flops": "5 GFLOPs"}}}})
    assert not validator.is_valid(other | {"tool": {"burden": {"limits": {"max_flops": "5 GB"}}}})


MODEL = '[tool.burden.models.a]\nbuild = "m:f"\n'
ALLOW = (
    '[[tool.burden.allow]]\nid = "a*"\nmetric = "flops"\nup_to = "4.5 GFLOPs"\n'
    'reason = "wider"\nuntil = 2030-01-31\n'
)
VALID = [
    "",
    "[tool.burden]",
    '[tool.burden]\nfma = 2\ndatum_bytes = 4\ntranscendental = 1\ntarget = "cuda"',
    '[tool.burden]\nreal = "never"\ntable = "failed"\njunit = false\ndevice = "cuda:1"',
    '[tool.burden.limits]\nmax_flops = "5 Gflop"\nmax_params = "26k"',
    "[tool.burden.limits]\nmax_flops = 5000\nmax_params = 3.0",
    '[tool.burden.limits]\nmax_gflops = 4.1\nmax_mmacs = "300"\nmax_training_tflops = 0',
    '[tool.burden.limits]\nmax_peak_memory = "1.5 KiB"\nmax_saved_memory = " 10kB "',
    '[tool.burden.limits]\nmax_params = "1.5e3"\nmax_ops = "1_000"\nmax_modules = "2.0"',
    '[tool.burden.limits]\nmax_params = "-0"',
    '[tool.burden.limits]\ngrow_flops = "2% & 10M"\ngrow_macs = "any"\ngrow_params = 0',
    '[tool.burden.limits]\ngrow_flops = " 1 MFLOPs&0.5 %"\ngrow_peak_memory = "1 MiB"',
    "[tool.burden.limits]\nmax_flops = 5\nmax_macs = 5\ngrow_flops = 5",
    '[tool.burden.budgets."*::test[1]"]\nmax_gflops = 5\n[tool.burden.budgets.a]',
    f"{MODEL}inputs = []",
    f'{MODEL}inputs = ["1x3", ["float32[1]", 7, "nearest"], {{ mask = "bool[1] = True" }}, true]',
    f'{MODEL}kwargs = {{ x = "int64[2, 128] = -1", mode = "(a) [b" }}\nmax_params = 1',
    f'{MODEL}inputs = ["float32[]", " uint8 [ 1 , 2 ] = 3 "]\ntraining = "SGD"',
    f'{MODEL}inputs = ["uint8[] = -0", "int8[] = -1", "bool[] = -0", "bool[] = 01"]',
    f"{MODEL}inputs = [2020-01-01]\ntraining = {{ momentum = 0.9 }}\nmax_gflops = 1",
    f"{MODEL}inputs = []\ntraining = false".replace("models.a", 'models."a b.c"'),
    '[tool.burden.policy]\nincomplete = "warn"\nunmatched = "ignore"\nover = "fail"',
    '[tool.burden.limits]\nmax_scaling = { flops = "S^1.1 * B", params = " seq_len ^ 0 " }',
    '[tool.burden.limits.max_scaling]\npeak_memory = "S, B^2·C"',
    '[tool.burden.limits]\nmax_flops_at = { S = 4096, limit = "5 GFLOPs" }\nmax_flops = 1',
    "[tool.burden.limits]\nmax_gflops_at = [{ S = 1, B = 2, limit = 5 }, { S = 2, limit = 0.5 }]",
    f'{MODEL}inputs = ["float32[B, S*S + 1, (C - 1)//2]"]\nsizes = {{ B = 1, S = 8, C = 9 }}',
    f'{MODEL}inputs = ["float32[S]"]\nsweep = {{ S = "8:64:8", until = "layer4" }}',
    f'{MODEL}inputs = [["int64[B, S] = 0"]]\nsweep = {{ S = " 1, 8 ", B = [1, 2] }}',
    f'{MODEL}kwargs = {{ x = "float32[S]" }}\nsizes.S = 3\nsweep.depth = "1:4"',
    ALLOW,
    ALLOW + ALLOW.replace("flops", "params").replace(" GFLOPs", "M"),
]
INVALID = [
    "[tool.burden]\nfmaa = 2",
    "[tool.burden]\nfma = 3",
    "[tool.burden]\nfma = true",
    "[tool.burden]\njunit = 1",
    "[tool.burden]\ndatum_bytes = 0",
    "[tool.burden]\ntranscendental = true",
    '[tool.burden]\ndevice = "cuda:x"',
    '[tool.burden]\ndevice = "cuda\\n"',
    '[tool.burden]\ntable = "some"',
    "[tool.burden]\nlimits = 5",
    "[tool]\nburden = 5",
    "[tool.burden.limits]\nmax_gflop = 5",
    "[tool.burden.limits]\nmax_params = 1.5",
    '[tool.burden.limits]\nmax_params = "1.5"',
    '[tool.burden.limits]\nmax_params = "-1M"',
    "[tool.burden.limits]\nmax_params = -1",
    "[tool.burden.limits]\nmax_params = true",
    "[tool.burden.limits]\nmax_params = inf",
    "[tool.burden.limits]\nmax_params = 1e30",
    '[tool.burden.limits]\nmax_params = "1 GB"',
    '[tool.burden.limits]\nmax_peak_memory = "1 M"',
    '[tool.burden.limits]\nmax_flops = "1 MMACs"',
    f'[tool.burden.limits]\nmax_flops = "{" " * 40}1"',
    '[tool.burden.limits]\nmax_gflops = "5 GFLOPs"',
    "[tool.burden.limits]\nmax_gflops = 1e21",
    "[tool.burden.limits]\nmax_gflops = 5\nmax_mflops = 5000",
    '[tool.burden.limits]\ngrow_flops = "2% & 3%"',
    '[tool.burden.limits]\ngrow_flops = "1 & 3"',
    '[tool.burden.limits]\ngrow_flops = "2 & "',
    '[tool.burden.limits]\ngrow_flops = "-2%"',
    '[tool.burden.limits]\ngrow_flops = "anything"',
    '[tool.burden.limits]\ngrow_flops = "1.5 & 2%"',
    "[tool.burden.limits]\ngrow_gflops = 1",
    '[tool.burden.budgets]\n"*" = 5',
    "[tool.burden.budgets]\nmax_params = 5",
    MODEL,
    "[tool.burden.models.a]\ninputs = []",
    '[tool.burden.models]\na = "m:f"',
    f"{MODEL}inputs = []".replace("m:f", "m.f"),
    f"{MODEL}inputs = []".replace("m:f", ":f"),
    f"{MODEL}inputs = []".replace("m:f", "m:"),
    f"{MODEL}inputs = []".replace("models.a", 'models."a#b"'),
    f"{MODEL}inputs = []".replace("models.a", 'models."a::b"'),
    f"{MODEL}inputs = []".replace("models.a", 'models." "'),
    f"{MODEL}inputs = []".replace("models.a", 'models."a\\n"'),
    f"{MODEL}input = []\ninputs = []",
    f'{MODEL}inputs = "1x3"',
    f'{MODEL}inputs = ["1x3", "x"]',
    f'{MODEL}inputs = ["1x3", ["flot32[1]"]]',
    f'{MODEL}inputs = ["float32[1] = 0"]',
    f'{MODEL}inputs = ["int64[1] = True"]',
    f'{MODEL}inputs = ["uint8[1] = -1"]',
    f'{MODEL}inputs = ["bool[1] = -1"]',
    f'{MODEL}inputs = ["bool[1] = 2"]',
    f'{MODEL}inputs = ["int64[1,]"]',
    f'{MODEL}inputs = ["qint8[1]"]',
    f'{MODEL}kwargs = {{ a = {{ b = ["int6[1]"] }} }}',
    f"{MODEL}kwargs = 3",
    f"{MODEL}inputs = []\ntraining = 3",
    f"{MODEL}inputs = []\nmax_flops = 3\nmax_kflops = 3",
    "[tool.burden.limits]\nmax_scaling = 2",
    "[tool.burden.limits]\nmax_scaling = {}",
    '[tool.burden.limits]\nmax_scaling = { flop = "S" }',
    "[tool.burden.limits]\nmax_scaling = { flops = 2 }",
    '[tool.burden.limits]\nmax_scaling = { flops = "S^" }',
    '[tool.burden.limits]\nmax_scaling = { flops = "S^2.5.1" }',
    '[tool.burden.limits]\nmax_scaling = { flops = "2*S" }',
    "[tool.burden.limits]\nmax_flops_at = 5",
    "[tool.burden.limits]\nmax_flops_at = []",
    "[tool.burden.limits]\nmax_flops_at = { S = 5 }",
    "[tool.burden.limits]\nmax_flops_at = { limit = 5 }",
    "[tool.burden.limits]\nmax_flops_at = { S = 0, limit = 5 }",
    '[tool.burden.limits]\nmax_flops_at = { S = 1, limit = "5 GiB" }',
    '[tool.burden.limits]\nmax_gflops_at = { S = 1, limit = "5 GFLOPs" }',
    "[tool.burden.limits]\nmax_flops_at = { S-1 = 1, limit = 5 }",
    "[tool.burden.limits]\ngrow_flops_at = { S = 1, limit = 5 }",
    f"{MODEL}inputs = []\nsizes = 3",
    f"{MODEL}inputs = []\nsizes = {{ S = 0 }}",
    f'{MODEL}inputs = []\nsizes = {{ S = "1:2" }}',
    f"{MODEL}inputs = []\nsizes = {{ S-1 = 1 }}",
    f"{MODEL}inputs = []\nsweep = 3",
    f"{MODEL}inputs = []\nsweep = {{ S = 3 }}",
    f"{MODEL}inputs = []\nsweep = {{ S = [] }}",
    f"{MODEL}inputs = []\nsweep = {{ S = [0] }}",
    f'{MODEL}inputs = []\nsweep = {{ S = "1-8" }}',
    f"{MODEL}inputs = []\nsweep = {{ until = 4 }}",
    '[tool.burden.policy]\nover = "warm"',
    '[tool.burden.policy]\npass = "fail"',
    '[tool.burden.allow]\nid = "a"',
    "[tool.burden]\nallow = [5]",
    ALLOW.replace("until", "till"),
    ALLOW.replace("2030-01-31", "2030"),
    ALLOW.replace("wider", " "),
    ALLOW.replace("4.5 GFLOPs", "4.5 GiB"),
    ALLOW.replace('"flops"', '"flop"'),
]
ONLY_THE_LOADER_KNOWS = [
    "[tool.burden]\nfma = 2.0",  # to a schema 2.0 is an integer
    "[tool.burden]\ndatum_bytes = 4.0",
    "[tool.burden.limits]\nmax_gflops = nan",  # no JSON can be
    '[tool.burden.limits]\nmax_params = "1e31"',  # a text is not worked out
    '[tool.burden.limits]\nmax_params = "5e-1"',
    f'[tool.burden.limits]\ngrow_flops = "2%{" " * 90}"',  # short enough for a pattern, not for us
    ALLOW.replace("2030-01-31", '"2030-01-31"'),  # to some validators a date is a text
    ALLOW.replace("2030-01-31", "2030-01-31T00:00:00"),
    f"{MODEL}inputs = []".replace("models.a", 'models."a\u2028"'),  # what is printable
    '[tool.burden.limits]\nmax_scaling = { flops = "S * S" }',  # that they are the same
    "[tool.burden.limits]\nmax_ops_at = [{ S = 1, limit = 5 }, { S = 1, limit = 6 }]",  # likewise
    f'{MODEL}inputs = ["int8[1] = 128"]',  # what a dtype holds
    f'{MODEL}inputs = ["float32[S]"]',  # that S has no size
    f'{MODEL}inputs = ["float32[S - 8]"]\nsizes = {{ S = 8 }}',
    f'{MODEL}inputs = ["float32[S +]"]\nsizes = {{ S = 8 }}',
    f'{MODEL}inputs = []\nsweep = {{ S = "8:1" }}',  # that there is none
    f'{MODEL}inputs = []\nsweep = {{ S = "1:99999" }}',  # how many there are
    f'{MODEL}inputs = []\nsweep = {{ S = "1:9:0" }}',
]


@pytest.mark.parametrize("written", VALID)
def test_valid(written: str) -> None:
    """Both take it."""
    assert takes(written) == (True, True)


@pytest.mark.parametrize("written", INVALID)
def test_invalid(written: str) -> None:
    """Neither takes it."""
    assert takes(written) == (False, False)


@pytest.mark.parametrize("written", ONLY_THE_LOADER_KNOWS)
def test_what_a_schema_cannot_say(written: str) -> None:
    """It is then the one that takes more: an editor marks nothing that is well."""
    assert takes(written) == (False, True)


NUMBERS = st.one_of(
    st.integers(-5, 10**7),
    st.floats(-1, 10**6, allow_nan=False).map(lambda number: round(number, 2)),
    st.booleans(),
)
DIGITS = st.sampled_from(["0", "5", "1.5", "2.0", "1_000", "-1", "-0", "3e2", "x", ""])
SUFFIXES = st.sampled_from(
    ["", "k", "K", "M", "g", "B", "kB", "KB", "KiB", "MiB", "FLOPs", "kflop", "GMACs", "%", "M "]
)
SIZES = st.tuples(DIGITS, st.sampled_from(["", " "]), SUFFIXES).map("".join)
GROWTHS = st.lists(SIZES, min_size=1, max_size=3).map(" & ".join)
VALUES = st.one_of(NUMBERS, SIZES, GROWTHS, st.sampled_from(["any", "1x3"]))
LIMITS = st.dictionaries(st.sampled_from([*KEYS, "max_flop"]), VALUES, max_size=2)

SPACES = st.sampled_from(["", "", " "])
SHAPES = st.lists(st.sampled_from(["1", "224", " 3 ", "", "x"]), max_size=3).map(",".join)
FILLS = st.sampled_from(["", "=0", " = 1", "= -1", "=True", " =False", "=x"])
SPECS = st.one_of(
    st.builds("{}{}[{}]{}".format, st.sampled_from([*BYTES, "int"]), SPACES, SHAPES, FILLS),
    st.sampled_from(["1x3", "3", "x", "1x", "nearest", " 1x2 "]),
)
NESTS = st.recursive(
    SPECS | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("k"), inner),
    max_leaves=4,
)
MODELS = st.fixed_dictionaries(
    {"build": st.sampled_from(["m:f", "m.n:f.g", "m", ":", "m:f:g", ""])},
    optional={
        "inputs": st.lists(NESTS, max_size=2),
        "kwargs": st.dictionaries(st.just("k"), NESTS),
        "training": st.sampled_from([True, "SGD", 5]),
        "max_params": VALUES,
    },
)
TABLES = st.fixed_dictionaries(
    {},
    optional={
        "limits": LIMITS,
        "budgets": st.dictionaries(st.text(max_size=3), LIMITS, max_size=2),
        "models": st.dictionaries(st.sampled_from(["a", "a b", "a#", "::", ""]), MODELS),
        "junit": NUMBERS,
        "fma": st.sampled_from([1, 2, True, "1"]),
    },
)


def toml(value: object) -> str:
    """Return a value as inline TOML."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{toml(key)} = {toml(each)}' for key, each in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@settings(max_examples=400, deadline=None)
@given(TABLES)
def test_no_drift(table: Mapping[str, Any]) -> None:
    """On anything that is made of what may stand there, and of what almost may."""
    loader, validator = takes(f"[tool]\nburden = {toml(table)}\n")
    assert loader == validator
