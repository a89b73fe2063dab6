"""Which outputs of an operator `activation_memory` counts."""

from __future__ import annotations

from functools import cache

from pytest_burden.engine.rules.registry import aten
from pytest_burden.engine.spec import Op, Spec

_SAME_STORAGE = frozenset(
    aten("_unsafe_view unsafe_split unsafe_split_with_sizes unsafe_chunk lift _reshape_alias")
)
"""Views that torch's schemas do not call views: they hand out the storage that they were given."""

_FACTORIES = frozenset(
    aten(
        "zeros_like ones_like full_like empty_like new_zeros new_ones new_full new_empty "
        "new_empty_strided _new_zeros_with_same_feature_meta fill zero fill_diagonal resize "
        "resize_as _resize_output set full linspace logspace arange range eye "
        "rand_like randn_like randint_like rand randn randint randperm uniform random "
        "exponential cauchy log_normal geometric normal_functional"
    )
)
"""They take a tensor for its shape, for bounds or as ``out=``, not for its elements."""

_DRAWS_BY_OVERLOAD = {
    # Fills a tensor whatever it held; the other overloads draw from the probabilities in it.
    "aten.bernoulli": frozenset({"float", "Tensor"}),
    # normal_ alone has no overload name; the others take means and deviations from tensors.
    "aten.normal": frozenset({"default"}),
}

_RECTIFIERS = frozenset(
    [
        *aten("relu relu6 leaky_relu threshold"),
        *("quantized.relu6", "quantized.leaky_relu", "quantized.threshold"),
    ]
)
_BOUNDS = {"aten.clamp": "min", "aten.clamp_min": "min", "aten.hardtanh": "min_val"}

_ALL = frozenset(aten("split_copy split_with_sizes_copy unbind_copy sort topk dequantize"))
_LEADING = {
    # Recurrent layers: the output and the last states, not what they keep for the backward.
    **dict.fromkeys(aten("lstm quantized_lstm mkldnn_rnn_layer _cudnn_rnn miopen_rnn"), 3),
    **dict.fromkeys(aten("gru rnn_tanh rnn_relu quantized_gru _thnn_fused_lstm_cell"), 2),
    "quantized.quantized_lstm_cell_dynamic": 2,
}


@cache
def stored(op: Op) -> tuple[Spec, ...]:
    """Return the outputs that ``op`` adds to `activation_memory`, none for most of those below.

    None for what holds nothing new (views, tensors of constants and of random numbers) and for
    rectifiers, which are taken as in place, written so or not. All for operators whose results
    are one result in pieces: split, unbind, chunk, sort, topk, recurrent layers, lists of
    tensors. Otherwise the first: statistics, indices, masks and workspaces do not count.
    """
    if is_alias(op) or _is_factory(op) or _is_rectifier(op):
        return ()
    if op.name in _ALL or op.name.startswith("aten._foreach_"):
        return op.outputs
    return op.outputs[: _LEADING.get(op.name, 1)]


def is_alias(op: Op) -> bool:
    """Return whether every output lies in the storage of an argument, and nothing is written."""
    return op.view or "inplace_view" in op.tags or op.name in _SAME_STORAGE


def _is_factory(op: Op) -> bool:
    if op.name in _FACTORIES:
        return True
    if op.name in _DRAWS_BY_OVERLOAD and op.overload in _DRAWS_BY_OVERLOAD[op.name]:
        return True
    return not op.tensors()


def _is_rectifier(op: Op) -> bool:
    if op.name in _BOUNDS:
        bound = op.arguments.get(_BOUNDS[op.name])
        return isinstance(bound, (int, float)) and bound == 0
    return op.name in _RECTIFIERS
