"""Gradients of recurrent layers and cells, where one operator holds a whole layer.

Figures are for one element of the hidden state and one step. A gate's gradient passes its sigmoid
by d·s·(1 - s) and its tanh by d·(1 - t·t): 3 operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from pytest_burden.engine.rules.registry import Cost, aten, rule
from pytest_burden.engine.spec import Spec


class Cell(NamedTuple):
    """What the gradient of a kind of cell takes, from its output's to those of its gates."""

    gates: int
    other: int
    transcendental: int = 0


RNN_RELU = Cell(1, 2)
RNN_TANH = Cell(1, 3)
LSTM = Cell(4, 22, 1)
"""tanh(c) again, dc 5; do 1 + 3, di, df and dg likewise; what goes to the cell before, 1."""
GRU = Cell(3, 15)
"""dz 2 + 3, dn 1 + 3, of the state's part of n 1, dr 1 + 3, what goes to the state before 1."""
_CELLS = (RNN_RELU, RNN_TANH, LSTM, GRU)


def _layers(  # noqa: PLR0913 as many as the rules have
    cell: Cell, input: Spec, hidden: int, weights: Sequence[Spec], cells: int, *, to_weights: bool
) -> Cost:
    """Return the cost of layers: each matrix once for the gradient of what it was multiplied by.

    And once for its own, if that is asked for; each bias is an addition then. In each cell the
    gradient of the output is added to that from the step after.
    """
    matrix = 2
    times = prod(input.shape[:-1])
    macs = sum(w.numel for w in weights if len(w.shape) == matrix)
    biases = sum(w.numel for w in weights if len(w.shape) < matrix)
    states = cells * hidden
    return Cost(
        macs=times * macs * (2 if to_weights else 1),
        other=times * ((biases if to_weights else 0) + states * (1 + cell.other)),
        transcendental=times * states * cell.transcendental,
    )


@rule("aten.mkldnn_rnn_layer_backward")
def mkldnn_layer(  # noqa: PLR0913, PLR0917 as many as the operator has
    input: Spec,
    weight1: Spec,
    weight2: Spec,
    weight3: Spec,
    weight4: Spec,
    mode: int,
    hidden_size: int,
    has_biases: bool,
) -> Cost:
    """Twice the multiply-adds of the forward, and what joins the gates: one layer, one direction.

    input (T, N, in), weight1 (gates·H, in), weight2 (gates·H, H), weight3 and weight4 (gates·H,):
    the biases, zeros if there are none.
    """
    weights = [weight1, weight2, *([weight3, weight4] if has_biases else [])]
    return _layers(_CELLS[mode], input, hidden_size, weights, cells=1, to_weights=True)


@rule(*aten("_cudnn_rnn_backward miopen_rnn_backward"))
def gpu_layers(  # noqa: PLR0913, PLR0917 as many as the operator has
    input: Spec,
    weight: Sequence[Spec],
    mode: int,
    hidden_size: int,
    num_layers: int,
    bidirectional: bool,
    output_mask: Sequence[bool],
) -> Cost:
    """The multiply-adds of the forward, once more if the weights' are asked for; what joins gates.

    input (T, N, in) or packed (steps, in), weight: all matrices and biases; output_mask: of the
    input, the first states, the first cells and the weights.
    """
    cells = num_layers * (2 if bidirectional else 1)
    to_weights = bool(output_mask[3])
    return _layers(_CELLS[mode], input, hidden_size, weight, cells, to_weights=to_weights)


@rule("aten._thnn_fused_lstm_cell_backward_impl")
def fused_lstm(cx: Spec, has_bias: bool) -> Cost:
    """What joins the gates of an LSTM: 22 operations and 1 function value a hidden element.

    cx (N, H); the gradient of the biases is an addition a gate.
    """
    return _gates(LSTM, cx, LSTM.gates if has_bias else 0)


@rule("aten._thnn_fused_gru_cell_backward")
def fused_gru(grad_hy: Spec, has_bias: bool) -> Cost:
    """What joins the gates of a GRU: 15 operations a hidden element.

    grad_hy (N, H); the gradients of the two biases, which differ, are two additions a gate.
    """
    return _gates(GRU, grad_hy, 2 * GRU.gates if has_bias else 0)


def _gates(cell: Cell, hidden: Spec, biases: int) -> Cost:
    return Cost(
        other=hidden.numel * (cell.other + biases),
        transcendental=hidden.numel * cell.transcendental,
    )
