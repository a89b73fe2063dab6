"""Gradients of activations and losses: each sign of the formula is an operation."""

from __future__ import annotations

import pytest

from pytest_burden.engine.rules import Cost
from pytest_burden.engine.spec import Argument
from tests.rules.table import cost, spec

X = spec(3, 4)
GIVEN: dict[str, Argument] = {"grad_output": X, "output": X, "self": X, "target": X}


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        # comparison, selection; and a product; a second comparison; products of the two gradients
        ("threshold_backward", {}, Cost(0, 2 * 12)),
        ("leaky_relu_backward", {}, Cost(0, 3 * 12)),
        ("hardtanh_backward", {}, Cost(0, 3 * 12)),
        ("hardshrink_backward", {}, Cost(0, 3 * 12)),
        ("softshrink_backward", {}, Cost(0, 3 * 12)),
        ("hardsigmoid_backward", {}, Cost(0, 4 * 12)),
        ("_prelu_kernel_backward", {}, Cost(0, 5 * 12)),
        ("hardswish_backward", {}, Cost(0, (2 + 2 + 2 + 1) * 12)),
        # g·noise, or as a leaky relu
        ("rrelu_with_noise_backward", {"training": True, "lower": 0.1, "upper": 0.3}, Cost(0, 12)),
        ("rrelu_with_noise_backward", {"training": True, "lower": 1, "upper": 1}, Cost(0, 3 * 12)),
        (
            "rrelu_with_noise_backward",
            {"training": False, "lower": 0.1, "upper": 0.3},
            Cost(0, 3 * 12),
        ),
        # of the sigmoid g·y·(1 - y), then g·(1 - y·y), g/(x·(1 - x))
        ("sigmoid_backward", {}, Cost(0, 3 * 12)),
        ("tanh_backward", {}, Cost(0, 3 * 12)),
        ("logit_backward", {}, Cost(0, 3 * 12)),
        # with a sigmoid s, g·s·(1 + x·(1 - s))
        ("silu_backward", {}, Cost(0, 5 * 12, 12)),
        # of the normal distribution, g·(P + x·p)
        ("gelu_backward", {}, Cost(0, 3 * 12, 2 * 12)),
        # g·(t + x·s·(1 - t·t)), t = tanh(softplus(x))
        ("mish_backward", {}, Cost(0, 6 * 12, 3 * 12)),
        # x > 0 ? g : g·(y + a), or g·a·exp(x)
        ("elu_backward", {"is_result": True}, Cost(0, 4 * 12)),
        ("elu_backward", {"is_result": False}, Cost(0, 4 * 12, 12)),
        # b·x > t ? g : g·sigmoid(b·x)
        ("softplus_backward", {}, Cost(0, 4 * 12, 12)),
        # with a sigmoid s, g·(1 - s)
        ("log_sigmoid_backward", {}, Cost(0, 2 * 12, 12)),
        # with a sigmoid s, d = g·s and d·a·(1 - s)
        ("glu_backward", {}, Cost(0, 4 * 12, 12)),
        # y·g - y·sum(y·g), with y·g made once
        ("_softmax_backward_data", {}, Cost(0, 4 * 12)),
        ("_masked_softmax_backward", {}, Cost(0, 4 * 12)),
        ("_log_softmax_backward_data", {}, Cost(0, 3 * 12, 12)),
        ("native_dropout_backward", {}, Cost(0, 2 * 12)),
        ("_standard_gamma_grad", {}, Cost(0, 0, 12)),
        ("_dirichlet_grad", {}, Cost(0, 0, 12)),
        # quotient, rounding, sum; 2 comparisons; 3 selections; 2 differences, products, sums
        (
            "_fake_quantize_learnable_per_tensor_affine_backward",
            {},
            Cost(0, (3 + 2 + 3 + 2 + 2 + 2) * 12),
        ),
    ],
)
def test_elementwise(name: str, arguments: dict[str, Argument], expected: Cost) -> None:
    """Whatever the shape."""
    assert cost(f"aten.{name}", X, **GIVEN, **arguments) == expected


W = spec(4)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        # 2·g·(x - y): with one g the first product is by a number
        ("mse_loss_backward", {"reduction": 1}, Cost(0, 2 * 12)),
        ("mse_loss_backward", {"reduction": 0}, Cost(0, 3 * 12)),
        ("smooth_l1_loss_backward", {}, Cost(0, 7 * 12)),
        ("huber_loss_backward", {}, Cost(0, 7 * 12)),
        # g·(x - y)/((1 - x)·x)
        ("binary_cross_entropy_backward", {}, Cost(0, 5 * 12)),
        ("binary_cross_entropy_backward", {"weight": X}, Cost(0, 6 * 12)),
        # w = -y, g·w·z/(1 + z), z = exp(w·x)
        ("soft_margin_loss_backward", {}, Cost(0, (1 + 1 + 4) * 12, 12)),
        ("multi_margin_loss_backward", {"p": 1}, Cost(0, 5 * 12)),
        ("multi_margin_loss_backward", {"p": 2, "weight": W}, Cost(0, 7 * 12)),
        ("multilabel_margin_loss_backward", {}, Cost(0, 5 * 12 * 4 + 12)),
    ],
)
def test_losses(name: str, arguments: dict[str, Argument], expected: Cost) -> None:
    """The elementwise work of the formula."""
    assert cost(f"aten.{name}", X, **GIVEN, **arguments) == expected


@pytest.mark.parametrize("name", ["nll_loss_backward", "nll_loss2d_backward"])
def test_likelihood(name: str) -> None:
    """One sign a target; the rest are zeros."""
    labels = spec(2, 5, 5, dtype="int64")
    assert cost(f"aten.{name}", spec(2, 4, 5, 5), target=labels) == Cost(0, 50)
    assert cost(f"aten.{name}", spec(2, 4, 5, 5), target=labels, weight=W) == Cost(0, 2 * 50)


def test_ctc() -> None:
    """The forward's recursion again; the sum of each class; g·(exp(p) - exp(s + l - p))."""
    log_probs, alpha = spec(10, 2, 6), spec(2, 10, 2 * 4 + 1)
    states, classes = 2 * 10 * 9, 10 * 2 * 6
    found = cost("aten._ctc_loss_backward", log_probs, log_probs=log_probs, log_alpha=alpha)
    other = (4 + 2) * states + 4 * classes
    assert found == Cost(0, other, (4 + 3) * states + 2 * classes)
