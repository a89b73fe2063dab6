"""Elementwise operators: how many operations an element of the output."""

from __future__ import annotations

import pytest

from pytest_burden.engine.rules import Cost, find
from pytest_burden.engine.spec import Argument, Op
from tests.rules.table import call, cost, spec

OUT = spec(3, 4)
OTHER = spec(4)

ONE = (
    "mul div neg abs maximum minimum clamp eq lt isnan logical_and bitwise_xor where masked_fill "
    "round floor sign reciprocal remainder floor_divide hardswish hardsigmoid hardshrink ldexp"
)
RECTIFIERS = "relu relu6 leaky_relu threshold _prelu_kernel rrelu_with_noise"
TRANSCENDENTAL = (
    "exp log sqrt rsqrt pow erf tanh sigmoid gelu silu mish elu celu softplus sin cos atan2 "
    "log_sigmoid_forward _softmax _log_softmax _safe_softmax logaddexp polar special_i0e "
    "special_bessel_j0 special_chebyshev_polynomial_t"
)


@pytest.mark.parametrize("name", ONE.split())
def test_one(name: str) -> None:
    """Arithmetic, comparisons, logic and selection count one each, by name: no tag is needed."""
    assert cost(f"aten.{name}", OUT, self=OUT, other=OTHER) == Cost(other=12)


@pytest.mark.parametrize("name", RECTIFIERS.split())
def test_rectifiers(name: str) -> None:
    """A comparison and a selection."""
    assert cost(f"aten.{name}", OUT, self=OUT) == Cost(other=2 * 12)


@pytest.mark.parametrize("name", TRANSCENDENTAL.split())
def test_transcendental(name: str) -> None:
    """Function values are counted apart, and nothing else of such an operator is."""
    assert cost(f"aten.{name}", OUT, self=OUT) == Cost(transcendental=12)


@pytest.mark.parametrize(
    ("name", "arguments", "each"),
    [
        ("aten.add", {"other": OTHER, "alpha": 1}, 1),
        ("aten.add", {"other": OTHER, "alpha": 2}, 2),
        ("aten.add", {"other": 3, "alpha": 2}, 1),  # two numbers are multiplied once
        ("aten.sub", {"other": OTHER, "alpha": 0.5}, 2),
        ("aten.rsub", {"other": 1, "alpha": 1}, 1),
        ("aten.rsub", {"other": 1, "alpha": 2}, 2),  # here alpha scales the tensor
        ("aten._add_relu", {"other": OTHER}, 3),
        ("aten.addcmul", {"value": 1}, 2),
        ("aten.addcdiv", {"value": 2}, 2),
        ("aten.lerp", {"weight": 0.5}, 2),
        ("aten.hardtanh", {"min_val": -1.0, "max_val": 1.0}, 1),
        ("aten.hardtanh", {"min_val": 0.0, "max_val": 6.0}, 2),  # what relu6 becomes
        ("aten.hardtanh", {}, 1),
        ("aten.linalg_cross", {}, 3),
        ("aten.native_dropout", {"p": 0.5, "train": True}, 2),
        ("aten.native_dropout", {"p": 0.5, "train": None}, 2),
        ("aten.native_dropout", {"p": 0.5, "train": False}, 0),
        ("aten.native_dropout", {"p": 0.0, "train": True}, 0),
        ("aten._masked_scale", {"scale": 2.0}, 2),
        ("quantized.add", {}, 1),
        ("quantized.add_relu", {}, 3),
        ("quantized.relu6", {}, 2),
    ],
)
def test_by_argument(name: str, arguments: dict[str, Argument], each: int) -> None:
    """Some operators cost what their arguments say."""
    assert cost(name, OUT, self=OUT, **arguments) == Cost(other=each * 12)


def test_glu() -> None:
    """A sigmoid and a product for each output, half of the input."""
    assert cost("aten.glu", OUT, self=spec(3, 8)) == Cost(0, 12, 12)


@pytest.mark.parametrize(("dtype", "each"), [("complex64", 1), ("float32", 0)])
def test_conjugate(dtype: str, each: int) -> None:
    """A real number is its own conjugate."""
    out = spec(3, 4, dtype=dtype)
    assert cost("aten._conj_physical", out, self=out) == Cost(other=each * 12)


@pytest.mark.parametrize("dtype", ["int64", "bool", "complex64", "bfloat16"])
def test_whatever_the_dtype(dtype: str) -> None:
    """Elementwise operations are counted alike, complex ones too."""
    assert cost("aten.mul", spec(3, 4, dtype=dtype), self=OUT) == Cost(other=12)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3)])
def test_scalars_and_nothing(shape: tuple[int, ...]) -> None:
    """A scalar is one element, an empty tensor none."""
    assert cost("aten.mul", spec(*shape), self=spec(*shape)) == Cost(other=0 if shape else 1)


def test_tag() -> None:
    """An aten operator of no known name is counted by its tag; anybody else's is not."""
    tags = frozenset({"pointwise"})
    newcomer = Op("aten.brand_new", "default", {}, (OUT,), tags=tags)
    assert find(newcomer).cost(newcomer) == Cost(other=12)
    assert find(Op("mylib.brand_new", "default", {}, (OUT,), tags=tags)).state == "uncounted"
    assert find(Op("aten.brand_new", "default", {}, (OUT,))).state == "uncounted"
    assert find(Op("aten.clone", "default", {}, (OUT,), tags=tags)).state == "free"


LIST = [spec(3, 4), spec(5)]


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("mul", {}, Cost(0, 12 + 5)),
        ("add", {"alpha": 1}, Cost(0, 12 + 5)),
        ("add", {"alpha": 2}, Cost(0, 2 * (12 + 5))),
        ("addcmul", {}, Cost(0, 2 * (12 + 5))),
        ("lerp", {}, Cost(0, 2 * (12 + 5))),
        ("norm", {}, Cost(0, 2 * (12 + 5))),
        ("max", {}, Cost(0, 12 + 5)),
        ("sqrt", {}, Cost(0, 0, 12 + 5)),
        ("pow", {"exponent": 2}, Cost(0, 0, 12 + 5)),
    ],
)
def test_lists(name: str, arguments: dict[str, Argument], expected: Cost) -> None:
    """An operator on a list costs what the plain one costs on each; in place it returns nothing."""
    full = f"aten._foreach_{name}"
    assert cost(full, *LIST, self=LIST, **arguments) == expected
    assert cost(full, self=LIST, **arguments) == expected


def test_lists_of_exponents_and_of_matrices() -> None:
    """One number to a list of powers; a list of matrix products."""
    assert cost("aten._foreach_pow", *LIST, self=2, exponent=LIST) == Cost(0, 0, 17)
    outs = [spec(2, 4), spec(1, 1)]
    assert cost("aten._foreach_mm", *outs, self=[spec(2, 3), spec(1, 7)]) == Cost(2 * 4 * 3 + 7)
    assert find(call("aten._foreach_copy", self=LIST)).state == "free"
