"""Recurrent layers: one operator or a thousand, the same figures."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from pytest_burden.engine.rules import Cost
from pytest_burden.engine.spec import Argument, Spec
from tests.rules.table import cost, recorded, spec, total

pytestmark = pytest.mark.filterwarnings(
    "ignore:TF32 acceleration",  # torch says so whenever its oneDNN switch is touched
    "ignore:LSTM with projections",  # which torch runs without oneDNN by itself
)

STEPS, ROWS, WIDTH, HIDDEN = 3, 4, 5, 6

KINDS = {"lstm": (nn.LSTM, 4), "gru": (nn.GRU, 3), "rnn_tanh": (nn.RNN, 1)}


def _spelled_out(kind: str, **options: object) -> Cost:
    """Return the cost of torch's layer as it runs without oneDNN: products and arithmetic."""
    layer = KINDS[kind][0](WIDTH, HIDDEN, **options).eval()
    with torch.backends.mkldnn.flags(enabled=False):
        return total(recorded(lambda: layer(torch.ones(STEPS, ROWS, WIDTH))))


def _weights(kind: str, layers: int, directions: int, *, bias: bool) -> list[Spec]:
    gates, specs = KINDS[kind][1] * HIDDEN, []
    for layer, _ in itertools.product(range(layers), range(directions)):
        width = WIDTH if layer == 0 else directions * HIDDEN
        specs += [spec(gates, width), spec(gates, HIDDEN)]
        specs += [spec(gates), spec(gates)] if bias else []
    return specs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("layers", "directions"), [(1, 1), (2, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("bias", [True, False])
def test_layers_cost_what_they_cost_spelled_out(
    kind: str, layers: int, directions: int, *, bias: bool
) -> None:
    """Each weight is a multiply-add a step, each bias an addition; gates as torch joins them."""
    expected = _spelled_out(kind, num_layers=layers, bidirectional=directions == 2, bias=bias)
    weights = _weights(kind, layers, directions, bias=bias)
    assert expected.macs == STEPS * ROWS * sum(w.numel for w in weights if len(w.shape) == 2)
    shared: dict[str, Argument] = {
        "has_biases": bias,
        "num_layers": layers,
        "bidirectional": directions == 2,
    }
    padded, packed = spec(STEPS, ROWS, WIDTH), spec(STEPS * ROWS, WIDTH)
    assert cost(f"aten.{kind}", spec(), input=padded, params=weights, **shared) == expected
    assert cost(f"aten.{kind}", spec(), data=packed, params=weights, **shared) == expected
    mode = {"rnn_relu": 0, "rnn_tanh": 1, "lstm": 2, "gru": 3}[kind]
    shared |= {"mode": mode, "hidden_size": HIDDEN}
    assert cost("aten._cudnn_rnn", spec(), input=padded, weight=weights, **shared) == expected


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("directions", [1, 2])
def test_quantised_layers(kind: str, directions: int) -> None:
    """Their weights are packed away; the shapes of input and state decide them."""
    expected = _spelled_out(kind, num_layers=2, bidirectional=directions == 2)
    state = spec(2 * directions, ROWS, HIDDEN)
    found = cost(
        f"aten.quantized_{kind}",
        spec(),
        input=spec(STEPS, ROWS, WIDTH),
        hx=[state, state] if kind == "lstm" else state,
        has_biases=True,
        num_layers=2,
        bidirectional=directions == 2,
    )
    assert found == expected


@pytest.mark.parametrize("kind", KINDS)
def test_quantised_cells(kind: str) -> None:
    """One step of a layer."""
    gates = KINDS[kind][1] * HIDDEN
    state = spec(ROWS, HIDDEN)
    found = cost(
        f"quantized.quantized_{kind}_cell_dynamic",
        state,
        input=spec(ROWS, WIDTH),
        hx=[state, state] if kind == "lstm" else state,
    )
    assert found.macs == ROWS * gates * (WIDTH + HIDDEN)
    step = _spelled_out(kind)
    assert (found.other * STEPS, found.transcendental * STEPS) == (step.other, step.transcendental)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [True, False])
def test_onednn_costs_what_the_layer_costs_spelled_out(
    layers: int, *, bidirectional: bool, bias: bool
) -> None:
    """One operator of oneDNN is a layer in one direction."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this build of torch has no oneDNN")
    options = {"num_layers": layers, "bidirectional": bidirectional, "bias": bias}
    layer = nn.LSTM(WIDTH, HIDDEN, **options).eval()
    ops = recorded(lambda: layer(torch.ones(STEPS, ROWS, WIDTH)))
    assert "aten.mkldnn_rnn_layer" in {op.name for op in ops}
    assert total(ops) == _spelled_out("lstm", **options)


def test_projection() -> None:
    """A projected hidden state is one more matrix, and a narrower one goes round."""
    layer = nn.LSTM(WIDTH, HIDDEN, proj_size=2).eval()
    expected = total(recorded(lambda: layer(torch.ones(STEPS, ROWS, WIDTH))))
    gates = 4 * HIDDEN
    weights = [spec(gates, WIDTH), spec(gates, 2), spec(gates), spec(gates), spec(2, HIDDEN)]
    found = cost(
        "aten.lstm",
        spec(),
        input=spec(STEPS, ROWS, WIDTH),
        params=weights,
        num_layers=1,
        bidirectional=False,
    )
    assert found == expected
    assert found.macs == STEPS * ROWS * (gates * (WIDTH + 2) + 2 * HIDDEN)


@pytest.mark.parametrize(("kind", "other", "values"), [("lstm", 8, 5), ("gru", 7, 3)])
def test_fused_gates(kind: str, other: int, values: int) -> None:
    """The products are made before; what joins the gates is left, with both biases or none."""
    gates = KINDS[kind][1] * HIDDEN
    state = spec(ROWS, HIDDEN)
    arguments: dict[str, Argument] = {
        "hidden_gates": spec(ROWS, gates),
        ("cx" if kind == "lstm" else "hx"): state,
    }
    name, elements = f"aten._thnn_fused_{kind}_cell", ROWS * HIDDEN
    assert cost(name, state, **arguments) == Cost(0, other * elements, values * elements)
    arguments |= {"input_bias": spec(gates), "hidden_bias": spec(gates)}
    biased = Cost(0, other * elements + 2 * ROWS * gates, values * elements)
    assert cost(name, state, **arguments) == biased


def test_relu_mode() -> None:
    """A recurrent layer of rectifiers: two operations where the other takes a tanh."""
    arguments: dict[str, Argument] = {
        "input": spec(STEPS, ROWS, WIDTH),
        "params": _weights("rnn_tanh", 1, 1, bias=True),
        "num_layers": 1,
        "bidirectional": False,
    }
    rectified = cost("aten.rnn_relu", spec(), **arguments)
    tanh = cost("aten.rnn_tanh", spec(), **arguments)
    elements = STEPS * ROWS * HIDDEN
    assert rectified == Cost(tanh.macs, tanh.other + 2 * elements, tanh.transcendental - elements)
    state = {"input": spec(ROWS, WIDTH), "hx": spec(ROWS, HIDDEN)}
    cell = cost("quantized.quantized_rnn_relu_cell_dynamic", spec(), **state)
    assert cell.transcendental == 0
    assert STEPS * cell.macs == rectified.macs
    assert STEPS * cell.other == rectified.other
