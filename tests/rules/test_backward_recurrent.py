"""Gradients of recurrent layers: those that one operator holds, and what torch spells out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from pytest_burden.engine.rules import Cost
from pytest_burden.engine.spec import Argument, Spec
from tests.rules.table import Recorder, cost, spec, total

STEPS, BATCH, FEATURES, HIDDEN = 5, 3, 6, 8
MODES = {"rnn_relu": (0, 1), "rnn_tanh": (1, 1), "lstm": (2, 4), "gru": (3, 3)}
"""The kinds of cells in cuDNN's order, and their gates."""
JOIN = {
    "rnn_relu": (2, 0),
    "rnn_tanh": (3, 0),
    # tanh(c); dc = dh·o·(1 - t·t) + dc; do = dh·t, df = dc·c, di = dc·g, dg = dc·i, and through
    # their sigmoids (d·s·(1 - s)) and the tanh; what goes on is dc·f
    "lstm": (5 + 4 * (1 + 3) + 1, 1),
    # dz = dh·(h - n), dn = dh·(1 - z) of which 1 - z is made before, r·dn, dr = dn·hn, dh·z
    "gru": ((2 + 3) + (1 + 3) + 1 + (1 + 3) + 1, 0),
}
"""Operations and function values of a hidden element, from its gradient to those of its gates."""


def _weights(kind: str, *, biased: bool) -> list[Spec]:
    gates = MODES[kind][1] * HIDDEN
    return [spec(gates, FEATURES), spec(gates, HIDDEN), *(2 * [spec(gates)] if biased else [])]


def _layer(kind: str, *, biased: bool, to_weights: bool) -> Cost:
    rows, gates = STEPS * BATCH, MODES[kind][1] * HIDDEN
    once = rows * gates * (FEATURES + HIDDEN)
    other, transcendental = JOIN[kind]
    biases = 2 * gates if biased and to_weights else 0
    return Cost(
        once * (2 if to_weights else 1),
        rows * (HIDDEN * (other + 1) + biases),  # 1: what comes from above and from the step after
        rows * HIDDEN * transcendental,
    )


@pytest.mark.parametrize("kind", MODES)
@pytest.mark.parametrize("biased", [False, True])
def test_one_layer(kind: str, biased: bool) -> None:
    """One kernel of oneDNN makes every gradient of a layer in one direction."""
    weights = _weights(kind, biased=True)
    found = cost(
        "aten.mkldnn_rnn_layer_backward",
        input=spec(STEPS, BATCH, FEATURES),
        **{f"weight{number}": weight for number, weight in enumerate(weights, 1)},
        mode=MODES[kind][0],
        hidden_size=HIDDEN,
        has_biases=biased,
    )
    assert found == _layer(kind, biased=biased, to_weights=True)


@pytest.mark.parametrize("kind", MODES)
@pytest.mark.parametrize("to_weights", [False, True])
@pytest.mark.parametrize("name", ["_cudnn_rnn_backward", "miopen_rnn_backward"])
def test_all_layers(name: str, kind: str, to_weights: bool) -> None:
    """Two directions: twice the cells, twice the weights."""
    found = cost(
        f"aten.{name}",
        input=spec(STEPS, BATCH, FEATURES),
        weight=2 * _weights(kind, biased=True),
        mode=MODES[kind][0],
        hidden_size=HIDDEN,
        num_layers=1,
        bidirectional=True,
        output_mask=[True, False, False, to_weights],
    )
    once = _layer(kind, biased=True, to_weights=to_weights)
    assert found == once + once


@pytest.mark.parametrize(("has_bias", "biases"), [(False, 0), (True, 1)])
def test_fused_cells(has_bias: bool, biases: int) -> None:
    """What joins the gates; a GRU has two biases that differ."""
    x = spec(BATCH, HIDDEN)
    given: dict[str, Argument] = {"grad_hy": x, "cx": x, "has_bias": has_bias}
    lstm = cost("aten._thnn_fused_lstm_cell_backward_impl", **given)
    assert lstm == Cost(0, x.numel * (22 + 4 * biases), x.numel)
    gru = cost("aten._thnn_fused_gru_cell_backward", **given)
    assert gru == Cost(0, x.numel * (15 + 2 * 3 * biases))


@pytest.mark.filterwarnings("ignore:TF32 acceleration:UserWarning")
@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("onednn", [False, True])
def test_a_layer_of_torch(kind: Any, onednn: bool) -> None:
    """Each gradient takes the forward's products once, in one operator or in many."""
    layer: Any = kind(FEATURES, HIDDEN, 2, bidirectional=True)
    x = torch.ones(STEPS, BATCH, FEATURES, requires_grad=True)
    state: Any = torch.ones(2 * 2, BATCH, HIDDEN, requires_grad=True)
    if kind is nn.LSTM:
        state = (state, torch.ones_like(state, requires_grad=True))
    mode = Recorder()  # type: ignore[no-untyped-call] # torch leaves its base class untyped
    mode.ops = []
    with torch.backends.mkldnn.flags(enabled=onednn), mode:
        out = layer(x, state)
        forward = total(mode.ops)
        mode.ops = []
        torch.stack([leaf.sum() for leaf in tree_leaves(out)]).sum().backward()
    one = {op.name for op in mode.ops} & {"aten.mkldnn_rnn_layer_backward"}
    assert bool(one) == (onednn and kind is nn.LSTM)
    assert total(mode.ops).macs == 2 * forward.macs > 0
