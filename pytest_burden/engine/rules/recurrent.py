"""Recurrent layers and cells, where one operator holds a whole layer.

Layers that torch spells out arrive as matrix products and elementwise operators; the sums here
are those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import NamedTuple

from pytest_burden.engine.rules.registry import Cost, aten, rule
from pytest_burden.engine.spec import Spec


class Cell(NamedTuple):
    """A kind of cell; figures for one element of the hidden state and one time step."""

    gates: int
    other: int
    """Additions of the two products, and what joins the gates."""
    transcendental: int


RNN_RELU = Cell(1, 3, 0)
RNN_TANH = Cell(1, 1, 1)
LSTM = Cell(4, 8, 5)
GRU = Cell(3, 7, 3)
_CELLS = (RNN_RELU, RNN_TANH, LSTM, GRU)
"""In the order of cuDNN's ``mode``, which oneDNN and MIOpen follow."""

_BY_NAME = {"rnn_relu": RNN_RELU, "rnn_tanh": RNN_TANH, "lstm": LSTM, "gru": GRU}


def _steps(*given: Spec | None) -> int:
    """Return the number of sequence elements, over the batch, packed or not."""
    return sum(prod(spec.shape[:-1]) for spec in given if spec)


def unrolled(cell: Cell, times: int, hidden: int, weights: Sequence[Spec], cells: int) -> Cost:
    """Return the cost of layers whose weights are all used once at each of ``times`` steps.

    hidden: size of one hidden state; cells: layers times directions. Matrices are multiply-adds,
    vectors are biases.
    """
    matrix = 2
    macs = sum(w.numel for w in weights if len(w.shape) == matrix)
    biases = sum(w.numel for w in weights if len(w.shape) < matrix)
    return Cost(
        macs=times * macs,
        other=times * (biases + cells * hidden * cell.other),
        transcendental=times * cells * hidden * cell.transcendental,
    )


@rule("aten.mkldnn_rnn_layer")
def mkldnn_layer(  # noqa: PLR0913, PLR0917 as many as the operator has
    input: Spec,
    weight0: Spec,
    weight1: Spec,
    weight2: Spec,
    weight3: Spec,
    mode: int,
    hidden_size: int,
    has_biases: bool,
) -> Cost:
    """One layer in one direction: each weight is used once a step.

    input (T, N, in), weight0 (gates·H, in), weight1 (gates·H, H), weight2 and weight3
    (gates·H,): the biases, zeros if there are none.
    """
    weights = [weight0, weight1, *([weight2, weight3] if has_biases else [])]
    return unrolled(_CELLS[mode], _steps(input), hidden_size, weights, cells=1)


@rule(*aten("_cudnn_rnn miopen_rnn"))
def gpu_layers(  # noqa: PLR0913, PLR0917 as many as the operator has
    input: Spec,
    weight: Sequence[Spec],
    mode: int,
    hidden_size: int,
    num_layers: int,
    bidirectional: bool,
) -> Cost:
    """All layers: each weight is used once a step.

    input (T, N, in) or packed (steps, in), weight: all matrices and biases.
    """
    cells = num_layers * (2 if bidirectional else 1)
    return unrolled(_CELLS[mode], _steps(input), hidden_size, weight, cells)


def _layers_of(cell: Cell) -> Callable[..., Cost]:
    def layers(
        params: Sequence[Spec],
        num_layers: int,
        bidirectional: bool,
        input: Spec | None = None,
        data: Spec | None = None,
    ) -> Cost:
        """All layers: each weight is used once a step.

        input (T, N, in), or data (steps, in) if packed; params: all matrices and biases, the
        second one (gates·H, H or the size projected to).
        """
        hidden = params[1].shape[0] // cell.gates
        cells = num_layers * (2 if bidirectional else 1)
        return unrolled(cell, _steps(input, data), hidden, params, cells)

    return layers


def _quantized_layers_of(cell: Cell) -> Callable[..., Cost]:
    def layers(  # noqa: PLR0913, PLR0917 as many as the operator has
        hx: Spec | Sequence[Spec],
        num_layers: int,
        bidirectional: bool,
        has_biases: bool,
        input: Spec | None = None,
        data: Spec | None = None,
    ) -> Cost:
        """All layers: each weight is used once a step.

        input (T, N, in), or data (steps, in) if packed; hx (layers·directions, N, H), for an
        LSTM two of them. The weights are packed away, but these shapes decide theirs.
        """
        hidden = (hx if isinstance(hx, Spec) else hx[0]).shape[-1]
        given = input or data
        directions = 2 if bidirectional else 1
        width = given.shape[-1] if given else 0
        weights: list[Spec] = []
        for _ in range(num_layers):
            gates = cell.gates * hidden
            of_one = [Spec((gates, width)), Spec((gates, hidden))]
            weights += directions * [*of_one, *(2 * [Spec((gates,))] if has_biases else [])]
            width = directions * hidden
        return unrolled(cell, _steps(input, data), hidden, weights, num_layers * directions)

    return layers


def _quantized_cell_of(cell: Cell) -> Callable[..., Cost]:
    def one_step(input: Spec, hx: Spec | Sequence[Spec]) -> Cost:
        """One step: each weight is used once a row.

        input (N, in), hx (N, H), for an LSTM two of them; the biases are counted.
        """
        hidden = (hx if isinstance(hx, Spec) else hx[0]).shape[-1]
        gates = cell.gates * hidden
        weights = [Spec((gates, input.shape[-1])), Spec((gates, hidden)), *2 * [Spec((gates,))]]
        return unrolled(cell, _steps(input, None), hidden, weights, cells=1)

    return one_step


for _name, _cell in _BY_NAME.items():
    rule(f"aten.{_name}")(_layers_of(_cell))
    rule(f"quantized.quantized_{_name}_cell_dynamic")(_quantized_cell_of(_cell))


for _name in ("lstm", "gru"):
    rule(f"aten.quantized_{_name}")(_quantized_layers_of(_BY_NAME[_name]))


@rule("aten._thnn_fused_lstm_cell")
def fused_lstm(hidden_gates: Spec, cx: Spec, input_bias: Spec | None = None) -> Cost:
    """What joins the gates of an LSTM: 8 operations and 5 function values a hidden element.

    input_gates and hidden_gates (N, 4·H): the products, made before; cx (N, H); a bias for
    each of the two is two additions a gate.
    """
    biases = Cost(other=2 * hidden_gates.numel if input_bias else 0)
    return unrolled(LSTM, 1, cx.numel, (), cells=1) + biases


@rule("aten._thnn_fused_gru_cell")
def fused_gru(hidden_gates: Spec, hx: Spec, input_bias: Spec | None = None) -> Cost:
    """What joins the gates of a GRU: 7 operations and 3 function values a hidden element.

    input_gates and hidden_gates (N, 3·H): the products, made before; hx (N, H); a bias for
    each of the two is two additions a gate.
    """
    biases = Cost(other=2 * hidden_gates.numel if input_bias else 0)
    return unrolled(GRU, 1, hx.numel, (), cells=1) + biases
