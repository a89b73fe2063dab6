"""Gradients of losses that are one operator: the elementwise work of their formula.

g is the gradient of the loss: one number if the loss was reduced, and then folded with any other.
"""

from __future__ import annotations

from pytest_burden.engine.rules.registry import Cost, aten, rule
from pytest_burden.engine.spec import Spec


@rule("aten.mse_loss_backward")
def mse(out: Spec, reduction: int) -> Cost:
    """2·g·(x - y): 2 operations an element, 3 if each has a g of its own.

    out: any shape.
    """
    return Cost(other=(2 if reduction else 3) * out.numel)


@rule(*aten("smooth_l1_loss_backward huber_loss_backward"))
def huber(out: Spec) -> Cost:
    """With d = x - y, g·a·d if |d| < b, else g·c·sign(d): 7 operations an element.

    out: any shape. Difference, magnitude, comparison, a factor (a, or c) and a sign, selection,
    the product with g.
    """
    return Cost(other=7 * out.numel)


@rule("aten.binary_cross_entropy_backward")
def cross_entropy(out: Spec, weight: Spec | None = None) -> Cost:
    """g·(x - y)/((1 - x)·x): 5 operations an element, one more with a weight.

    out: any shape.
    """
    return Cost(other=(5 + bool(weight)) * out.numel)


@rule("aten.soft_margin_loss_backward")
def soft_margin(out: Spec) -> Cost:
    """With w = -y, g·w·z/(1 + z), z = exp(w·x): 6 operations and 1 function value an element.

    out: any shape.
    """
    return Cost(other=6 * out.numel, transcendental=out.numel)


@rule("aten.multi_margin_loss_backward")
def multi_margin(self: Spec, p: complex, weight: Spec | None = None) -> Cost:
    """For x_i, g where margin - x_y + x_i > 0, their sum for x_y: 5 operations an element.

    self (N, C). A difference, a sum, a comparison, a selection, the sum; one more for each of
    weight and p = 2.
    """
    return Cost(other=(5 + bool(weight) + (p != 1)) * self.numel)


@rule("aten.multilabel_margin_loss_backward")
def multilabel_margin(self: Spec, target: Spec) -> Cost:
    """For x_i, 1 where 1 - x_y + x_i > 0, -1 for x_y: 5 operations a pair, and g an element.

    self (N, C), target (N, C), of which each row is counted as full. A difference, a sum, a
    comparison, two sums; at the end each element is multiplied by g.
    """
    classes = self.shape[-1] if self.shape else 1
    return Cost(other=5 * target.numel * classes + self.numel)


@rule(*aten("nll_loss_backward nll_loss2d_backward"))
def negative_log_likelihood(target: Spec, weight: Spec | None = None) -> Cost:
    """-g: 1 operation a target, one more with a weight.

    target (N, *D); all other classes are filled with zeros.
    """
    return Cost(other=(1 + bool(weight)) * target.numel)


@rule("aten._ctc_loss_backward")
def ctc(log_probs: Spec, log_alpha: Spec) -> Cost:
    """The recursion of the forward from the other end, and g·(exp(p) - exp(s + l - p)), s its sums.

    log_alpha (N, T, 2·S + 1): 4 operations and 4 function values a state, counted whole, and 2
    and 3 for its part of s, the log of a sum of exponentials; log_probs p (T, N, C): 4
    operations and 2 function values each, l the loss.
    """
    states, each = log_alpha.numel, log_probs.numel
    return Cost(other=6 * states + 4 * each, transcendental=7 * states + 2 * each)
