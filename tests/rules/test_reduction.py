"""Reductions, running sums and sums into places: one or two operations a source element."""

from __future__ import annotations

import pytest

from pytest_burden.engine.rules import Cost
from pytest_burden.engine.spec import Argument, Spec
from tests.rules.table import call, cost, find_state, spec

X = spec(3, 4)
ONE = "sum nansum mean prod any all amax amin argmax argmin count_nonzero cumsum cumprod cummax"
TWO = "var std var_mean std_mean norm linalg_vector_norm aminmax"


@pytest.mark.parametrize(
    ("names", "each"), [(ONE, 1), (TWO, 2)], ids=["one a source element", "two"]
)
def test_each_element(names: str, each: int) -> None:
    """Each element that goes in counts, whatever comes out."""
    for name in names.split():
        assert cost(f"aten.{name}", spec(3), self=X) == Cost(other=each * 12), name


@pytest.mark.parametrize("name", ["aten.max", "aten.min"])
def test_extremes(name: str) -> None:
    """One name for a reduction and for the larger of two tensors."""
    assert cost(name, spec(), self=X) == Cost(other=12)
    assert cost(name, spec(3), spec(3, dtype="int64"), self=X, dim=1) == Cost(other=12)
    assert cost(name, spec(2, 3, 4), self=X, other=spec(2, 1, 1)) == Cost(other=2 * 12)


INDEX = {"index": spec(2, 4, dtype="int64"), "src": spec(3, 4)}
LONG = spec(5, dtype="int64")


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("trace", {"self": spec(3, 5)}, Cost(0, 3)),
        ("dist", {"self": X, "other": spec(4)}, Cost(0, 3 * 12)),
        ("logsumexp", {"self": X}, Cost(0, 0, 12)),
        ("segment_reduce", {"data": X}, Cost(0, 12)),
        # only the elements that the index names are added
        ("scatter_add", INDEX, Cost(0, 2 * 4)),
        ("scatter_reduce", {**INDEX, "reduce": "amax"}, Cost(0, 2 * 4)),
        ("scatter", {**INDEX, "reduce": "add"}, Cost(0, 2 * 4)),
        ("scatter", INDEX, Cost()),
        ("scatter", {"index": INDEX["index"], "value": 1.0}, Cost()),
        ("index_add", {"source": X, "alpha": 1}, Cost(0, 12)),
        ("index_add", {"source": X, "alpha": 3}, Cost(0, 2 * 12)),
        ("index_reduce", {"source": X, "reduce": "prod"}, Cost(0, 12)),
        ("put", {"source": X, "accumulate": True}, Cost(0, 12)),
        ("put", {"source": X, "accumulate": False}, Cost()),
        # rows 5 of width 4; a number is added at each of 5 places, at each of 2x5 crossings
        ("index_put", {"self": X, "indices": [LONG], "values": spec(5, 4), "accumulate": False}, 0),
        ("index_put", {"self": X, "indices": [LONG], "values": spec(5, 4), "accumulate": True}, 20),
        ("index_put", {"self": X, "indices": [LONG], "values": spec(), "accumulate": True}, 20),
        ("index_put", {"self": X, "indices": [None, LONG], "values": X, "accumulate": True}, 15),
        (
            "index_put",
            {
                "self": X,
                "indices": [spec(2, 1, dtype="int64"), LONG],
                "values": spec(1),
                "accumulate": True,
            },
            10,
        ),
        (
            "index_put",
            {"self": X, "indices": [spec(3, 4, dtype="bool")], "values": LONG, "accumulate": True},
            5,
        ),
        ("_unsafe_masked_index_put_accumulate", {"self": X, "values": LONG}, Cost(0, 5)),
        # each row that is looked up is added
        ("_embedding_bag", {"weight": spec(9, 4), "indices": LONG}, Cost(0, 5 * 4)),
        ("bincount", {"self": LONG}, Cost(0, 5)),
        ("histc", {"self": X}, Cost(0, 12)),
        ("col2im", {"self": spec(2, 9, 7)}, Cost(0, 2 * 9 * 7)),
        ("unfold_backward", {"grad_in": spec(7, 9)}, Cost(0, 7 * 9)),
    ],
)
def test_by_argument(name: str, arguments: dict[str, Argument], expected: Cost | int) -> None:
    """What is summed into places costs its source, and nothing without a sum."""
    whole = Cost(other=expected) if isinstance(expected, int) else expected
    assert cost(f"aten.{name}", spec(3, 4), **arguments) == whole


@pytest.mark.parametrize("name", ["median", "sort", "topk", "kthvalue", "mode", "_unique2"])
def test_choosing_is_free(name: str) -> None:
    """Ordering and choosing elements computes none."""
    assert find_state(call(f"aten.{name}", X, self=X)) == "free"


def test_quantised_bag() -> None:
    """Its table is packed, so the width is that of the output."""
    bag = cost("quantized.embedding_bag_byte", Spec((2, 4)), weight="packed", indices=LONG)
    assert bag == Cost(0, 5 * 4)
