"""Matrix products: each row is the arithmetic of one product, written out."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 its usual name
from torch.utils.flop_counter import FlopCounterMode

from pytest_burden.engine.rules import Cost
from pytest_burden.engine.spec import Argument, Spec
from tests.rules.table import call, cost, find_state, recorded, spec, total

ROWS: list[tuple[str, dict[str, Argument], tuple[int, ...], Cost]] = [
    ("aten.mm", {"self": spec(2, 3)}, (2, 4), Cost(2 * 4 * 3)),
    ("aten.bmm", {"self": spec(5, 2, 3)}, (5, 2, 4), Cost(5 * 2 * 4 * 3)),
    ("aten.mv", {"self": spec(2, 3)}, (2,), Cost(2 * 3)),
    ("aten.dot", {"self": spec(7)}, (), Cost(7)),
    ("aten.vdot", {"self": spec(7)}, (), Cost(7)),
    ("aten.matmul", {"self": spec(2, 16, 64)}, (2, 16, 32), Cost((2 * 16 * 32) * 64)),
    ("aten._int_mm", {"self": spec(2, 3, dtype="int8")}, (2, 4), Cost(2 * 4 * 3)),
    ("aten._weight_int8pack_mm", {"self": spec(2, 3)}, (2, 4), Cost(2 * 4 * 3)),
    # a system of triangular form: from the last row, 0 + 1 + 2 products, and a division each
    (
        "aten.linalg_solve_triangular",
        {"self": spec(5, 3, 3), "unitriangular": False},
        (5, 3, 2),
        Cost(5 * 2 * (0 + 1 + 2), 5 * 2 * 3),
    ),
    (
        "aten.linalg_solve_triangular",
        {"self": spec(3, 3), "unitriangular": True},
        (2, 3),
        Cost(2 * (0 + 1 + 2)),
    ),
    ("aten.linalg_solve_triangular", {"self": spec(0, 0), "unitriangular": True}, (0, 2), Cost()),
    # with a summand, that is a bias: an addition an output
    ("aten.addmm", {"mat1": spec(2, 3)}, (2, 4), Cost(2 * 4 * 3, 2 * 4)),
    ("aten.addmm", {"mat1": spec(2, 3), "beta": 0}, (2, 4), Cost(2 * 4 * 3)),
    ("aten.addmm", {"mat1": spec(2, 3), "beta": 2, "alpha": 3}, (2, 4), Cost(2 * 4 * 3, 2 * 4)),
    ("aten.addmv", {"mat": spec(2, 3)}, (2,), Cost(2 * 3, 2)),
    ("aten.baddbmm", {"batch1": spec(5, 2, 3)}, (5, 2, 4), Cost(5 * 2 * 4 * 3, 5 * 2 * 4)),
    ("aten.baddbmm", {"batch1": spec(5, 2, 3), "beta": 0}, (5, 2, 4), Cost(5 * 2 * 4 * 3)),
    ("aten.addbmm", {"batch1": spec(5, 2, 3)}, (2, 4), Cost(5 * 2 * 4 * 3, 2 * 4)),
    ("aten.addr", {"vec1": spec(2), "vec2": spec(4)}, (2, 4), Cost(2 * 4, 2 * 4)),
    ("aten._addmm_activation", {"mat1": spec(2, 3)}, (2, 4), Cost(24, 8 + 2 * 8)),
    (
        "aten._addmm_activation",
        {"mat1": spec(2, 3), "use_gelu": True},
        (2, 4),
        Cost(24, 8, 8),
    ),
    # linear layers; no token axis is dropped
    ("aten.linear", {"input": spec(2, 16, 64)}, (2, 16, 32), Cost((2 * 16) * 32 * 64)),
    (
        "aten.linear",
        {"input": spec(2, 4, 4, 64), "bias": spec(32)},
        (2, 4, 4, 32),
        Cost((2 * 4 * 4) * 32 * 64, (2 * 4 * 4) * 32),
    ),
    ("aten.mkldnn_linear", {"self": spec(2, 3), "bias": spec(4)}, (2, 4), Cost(24, 8)),
    ("mkl._mkl_linear", {"X": spec(2, 3), "B": None}, (2, 4), Cost(24)),
    (
        "mkldnn._linear_pointwise",
        {"X": spec(2, 3), "B": spec(4), "attr": "relu"},
        (2, 4),
        Cost(24, 8 + 2 * 8),
    ),
    ("aten._scaled_mm", {"self": spec(2, 3), "bias": None}, (2, 4), Cost(24)),
    ("aten._scaled_mm_v2", {"self": spec(2, 3), "bias": spec(4)}, (2, 4), Cost(24, 8)),
    (
        "aten._mixed_dtypes_linear",
        {"input": spec(2, 3), "bias": spec(4), "activation": "silu"},
        (2, 4),
        Cost(24, 8, 8),
    ),
    ("aten._dyn_quant_matmul_4bit", {"in_features": 3}, (2, 4), Cost(24)),
    # groups of rows, of columns, of both, of the summed dimension
    ("aten._grouped_mm", {"self": spec(10, 3), "mat2": spec(5, 3, 4)}, (10, 4), Cost(10 * 3 * 4)),
    ("aten._grouped_mm", {"self": spec(5, 2, 3), "mat2": spec(3, 8)}, (2, 8), Cost(2 * 3 * 8)),
    (
        "aten._grouped_mm",
        {"self": spec(5, 2, 3), "mat2": spec(5, 3, 4)},
        (5, 2, 4),
        Cost(5 * 2 * 3 * 4),
    ),
    ("aten._grouped_mm", {"self": spec(2, 15), "mat2": spec(15, 4)}, (5, 2, 4), Cost(2 * 15 * 4)),
    # every row against every row
    ("aten._cdist_forward", {"x1": spec(2, 30, 7)}, (2, 30, 28), Cost(2 * 30 * 28 * 7)),
    ("aten._euclidean_dist", {"x1": spec(30, 7)}, (30, 28), Cost(30 * 28 * 7)),
    ("aten._pdist_forward", {"self": spec(4, 7)}, (6,), Cost((4 * 3 // 2) * 7)),
    ("aten._compute_linear_combination", {"coefficients": spec(2, 3)}, (2, 9), Cost(18 * 3)),
    # nothing to sum over, nothing to put out
    ("aten.mm", {"self": spec(2, 0)}, (2, 4), Cost()),
    ("aten.addmm", {"mat1": spec(0, 3)}, (0, 4), Cost()),
]


@pytest.mark.parametrize(("name", "arguments", "out", "expected"), ROWS)
def test_products(
    name: str, arguments: dict[str, Argument], out: tuple[int, ...], expected: Cost
) -> None:
    """One multiply-add for each output and each element it sums over; the bias apart."""
    assert cost(name, Spec(out), **arguments) == expected


@pytest.mark.parametrize("name", ["aten.mm", "aten.bmm", "aten.mv", "aten.dot", "aten.vdot"])
def test_complex(name: str) -> None:
    """A complex multiply-add is four real ones."""
    assert cost(name, spec(dtype="complex64"), self=spec(7, dtype="complex64")) == Cost(4 * 7)


def test_bilinear_is_the_einsum_in_two_steps() -> None:
    """n·out·in1·in2 multiply-adds, then n·out·in2, as torch counts the einsum's two products."""
    n, features, in1, in2 = 7, 4, 5, 6
    x, w, y = torch.ones(n, in1), torch.ones(features, in1, in2), torch.ones(n, in2)
    ops = recorded(lambda: F.bilinear(x, y, w, torch.ones(features)))
    assert total(ops) == Cost(n * features * in1 * in2 + n * features * in2, n * features)
    with FlopCounterMode(display=False) as counter:
        torch.einsum("nof,nf->no", torch.einsum("ni,oif->nof", x, w), y)
    assert counter.get_total_flops() == 2 * total(ops).macs


def test_trilinear_over_every_dimension() -> None:
    """Three operands of one shape: a product each, and a sum of products."""
    same = [spec(3, 4) for _ in range(3)]
    arguments: dict[str, Argument] = dict(zip(("i1", "i2", "i3"), same, strict=True))
    arguments |= {"expand1": [], "expand2": [], "expand3": [], "sumdim": [1]}
    found = cost("aten._trilinear", spec(3), **arguments)
    assert found == Cost(3 * 4 + 3 * 4)


@pytest.mark.parametrize("rows", [3, 30])
def test_cdist_costs_the_same_by_either_operator(rows: int) -> None:
    """Beyond 25 rows torch takes another operator for the same distances."""
    ops = recorded(lambda: torch.cdist(torch.ones(2, rows, 5), torch.ones(2, rows, 5)))
    assert total(ops).macs == 2 * rows * rows * 5


@pytest.mark.parametrize(
    ("left", "right", "ends"),
    [
        ((16, 32), (4, 32, 64), [4, 8, 12, 16]),
        ((2, 8, 32), (32, 16), [8, 16]),
        ((2, 8, 32), (2, 32, 16), None),
        ((8, 32), (32, 16), [16, 32]),
    ],
    ids=["rows", "columns", "batch", "sums"],
)
def test_grouped_products_cost_what_the_groups_cost(
    left: tuple[int, ...], right: tuple[int, ...], ends: list[int] | None
) -> None:
    """As many multiply-adds as the products of the groups, one by one, whatever is grouped."""
    a, b = (torch.ones(shape, dtype=torch.bfloat16) for shape in (left, right))
    offsets = None if ends is None else torch.tensor(ends, dtype=torch.int32)
    ops = recorded(lambda: torch._grouped_mm(a, b, offs=offsets))
    assert [op.name for op in ops] == ["aten._grouped_mm"]
    lengths = [0] if ends is None else [end - at for at, end in zip([0, *ends], ends, strict=False)]
    rows = a.split(lengths) if len(left) == 2 < len(right) else None
    columns = b.split(lengths, dim=1) if len(right) == 2 < len(left) else None
    if len(left) == len(right) == 2:
        pairs = list(zip(a.split(lengths, dim=1), b.split(lengths), strict=True))
    else:
        pairs = list(zip(rows or a, columns or b, strict=True))
    one_by_one = recorded(lambda: [x @ y for x, y in pairs])
    assert total(ops).macs == total(one_by_one).macs > 0


def test_linear_cross_entropy() -> None:
    """The logits are a matrix product; a gradient made on the way is one more."""
    arguments: dict[str, Argument] = {
        "input": spec(6, 5),
        "linear_weight": spec(9, 5),
        "target": spec(6, dtype="int64"),
        "linear_bias": spec(9),
    }
    each = cost("torch_nn._linear_cross_entropy_batch_chunked_no_reduction", spec(6), **arguments)
    assert each == Cost(6 * 9 * 5, 6 * 9 + 6, 6 * 9)
    gradients = {"compute_input_grad": True, "compute_linear_weight_grad": True}
    name = "torch_nn._linear_cross_entropy_batch_chunked"
    assert cost(name, spec(), **arguments, **gradients) == Cost(3 * 6 * 9 * 5, 6 * 9 + 6, 6 * 9)


@pytest.mark.parametrize("name", ["aten._sparse_addmm", "aten.sparse_sampled_addmm", "aten.hspmm"])
def test_sparse_products_are_named(name: str) -> None:
    """How many elements are stored cannot be seen in a shape."""
    assert find_state(call(name, spec(2, 4), self=spec(2, 3))) == "uncounted"
