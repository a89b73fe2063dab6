"""Quantised layers: counted as far as shapes reach, named where they do not."""

from __future__ import annotations

import pytest

from pytest_burden.engine.rules import Cost, find
from pytest_burden.engine.spec import Argument
from tests.rules.table import call, cost, spec

X = spec(2, 16, 64, dtype="quint8")
OUT = spec(2, 16, 32, dtype="quint8")
MACS = (2 * 16) * 32 * 64
KERNEL = spec(32, 64, dtype="qint8")


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("quantized.linear", {"X": X}, Cost(MACS)),
        ("quantized.linear_dynamic", {"X": X}, Cost(MACS)),
        ("quantized.linear", {"X": X, "W_prepack": [KERNEL]}, Cost(MACS)),
        (
            "quantized.linear",
            {"X": X, "W_prepack": [KERNEL, spec(32)]},
            Cost(MACS, OUT.numel),
        ),
        ("quantized.linear_relu", {"X": X}, Cost(MACS, 2 * OUT.numel)),
        ("quantized.linear_tanh", {"X": X}, Cost(MACS, 0, OUT.numel)),
        (
            "quantized.linear_dynamic_fp16_unpacked_weight",
            {"X": X, "bias": spec(32)},
            Cost(MACS, OUT.numel),
        ),
        ("quantized.matmul", {"qa": X}, Cost(MACS)),
        ("onednn.linear_dynamic_fp16", {"x": X, "bias": None}, Cost(MACS)),
        (
            "onednn.linear_relu_dynamic_fp16",
            {"x": X, "bias": spec(32)},
            Cost(MACS, 3 * OUT.numel),
        ),
        ("onednn.qlinear_pointwise", {"qx": X, "bias": spec(32)}, Cost(MACS, OUT.numel)),
        ("quantized.cat_relu", {"qx": [X]}, Cost(0, 2 * OUT.numel)),
        ("quantized.batch_norm2d_relu", {"qx": X}, Cost(0, 2 * OUT.numel)),
        ("aten.fake_quantize_per_tensor_affine_cachemask", {"self": X}, Cost(0, 6 * OUT.numel)),
        ("aten._fused_moving_avg_obs_fq_helper", {"self": X}, Cost(0, 8 * OUT.numel)),
        ("aten._choose_qparams_per_tensor", {"self": X}, Cost(0, 2 * X.numel)),
        ("quantized_decomposed.choose_qparams", {"input": X}, Cost(0, 2 * X.numel)),
    ],
)
def test_counted(name: str, arguments: dict[str, Argument], expected: Cost) -> None:
    """Integer products count as any other, and what is fused behind them as it does alone."""
    assert cost(name, OUT, **arguments) == expected


IMAGE = spec(2, 6, 5, 7, dtype="quint8")
PLACES = 2 * 5 * 7
WEIGHT, BIAS = spec(6, 2, 3, 3, dtype="qint8"), spec(6)


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("quantized.conv2d", 0),
        ("quantized.conv2d_dynamic", 0),
        ("quantized.conv2d_relu", 2),
        ("quantized.conv2d_add", 1),
        ("quantized.conv2d_add_relu", 1 + 2),
    ],
)
def test_convolutions(name: str, others: int) -> None:
    """A packed weight shows the kernel, 2 * 9 taps an output, and whether there is a bias."""
    macs = (6 * PLACES) * (2 * 9)
    without = cost(name, IMAGE, packed_weight=[WEIGHT])
    assert without == Cost(macs, 6 * PLACES * others)
    assert cost(name, IMAGE, packed_weight=[WEIGHT, BIAS]) == without + Cost(0, 6 * PLACES)


def test_transposed_convolution() -> None:
    """Taps lie on the input's places: 3 * 4 for each of its six channels."""
    found = cost(
        "quantized.conv_transpose2d",
        spec(2, 3, 10, 14, dtype="quint8"),
        qx=IMAGE,
        packed_weight=[spec(6, 3, 2, 2, dtype="qint8"), spec(3)],
    )
    assert found == Cost((6 * PLACES) * (3 * 4), 2 * 3 * 10 * 14)


@pytest.mark.parametrize("name", ["quantized.conv2d", "quantized.conv1d_relu", "_quantized.conv2d"])
def test_a_hidden_kernel_is_not_guessed(name: str) -> None:
    """Where a packed weight does not tell its size, the layer is named and not counted."""
    found = find(call(name, OUT, qx=X))
    assert found.state == "uncounted"
    assert "kernel" in found.because


@pytest.mark.parametrize("name", ["aten.quantize_per_tensor", "aten.dequantize", "aten.int_repr"])
def test_casts_are_free(name: str) -> None:
    """From numbers to integers and back is a cast."""
    assert find(call(name, OUT, self=X)).state == "free"
