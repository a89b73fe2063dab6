"""Losses, where one operator holds a whole one: the elementwise work of their definition.

reduction 0 keeps a loss for each element, 1 is their mean, 2 their sum: one operation an element.
"""

from __future__ import annotations

from math import prod

from pytest_burden.engine.rules.registry import Cost, aten, rule
from pytest_burden.engine.spec import Spec


@rule("aten.mse_loss")
def mse(self: Spec, target: Spec, reduction: int = 1) -> Cost:
    """(x - y)**2: 2 operations an element, 3 reduced.

    self, target: any shapes that broadcast, counted as the larger one.
    """
    elements = max(self.numel, target.numel)
    return Cost(other=elements * (3 if reduction else 2))


@rule(*aten("smooth_l1_loss huber_loss"))
def huber(self: Spec, target: Spec, reduction: int = 1) -> Cost:
    """With d = |x - y|, a·d·d if d < b, else c·d - e: 8 operations an element, 9 reduced.

    self, target: any shapes that broadcast, counted as the larger one. Difference, magnitude,
    comparison, two products, a product and a difference, selection.
    """
    elements = max(self.numel, target.numel)
    return Cost(other=elements * (9 if reduction else 8))


@rule("aten.binary_cross_entropy")
def cross_entropy(self: Spec, weight: Spec | None = None, reduction: int = 1) -> Cost:
    """-(y·log x + (1 - y)·log(1 - x)): 6 operations, 2 function values an element.

    self: any shape. One more for each of weight and reduction.
    """
    each = 6 + bool(weight) + bool(reduction)
    return Cost(other=each * self.numel, transcendental=2 * self.numel)


@rule("aten.binary_cross_entropy_with_logits")
def cross_entropy_of_logits(
    self: Spec, weight: Spec | None = None, pos_weight: Spec | None = None, reduction: int = 1
) -> Cost:
    """(1 - y)·x - log_sigmoid x: 3 operations, 1 function value an element.

    self: any shape. Three more with pos_weight, (p - 1)·y + 1 and its product; one more for
    each of weight and reduction.
    """
    each = 3 + (3 if pos_weight else 0) + bool(weight) + bool(reduction)
    return Cost(other=each * self.numel, transcendental=self.numel)


@rule("aten.soft_margin_loss")
def soft_margin(self: Spec, reduction: int = 1) -> Cost:
    """log(1 + exp(-y·x)): 3 operations, 2 function values an element, 4 reduced.

    self: any shape.
    """
    each = 3 + bool(reduction)
    return Cost(other=each * self.numel, transcendental=2 * self.numel)


@rule("aten.multi_margin_loss")
def multi_margin(
    self: Spec, target: Spec, p: complex = 1, weight: Spec | None = None, reduction: int = 1
) -> Cost:
    """The sum over classes of max(0, margin - x_y + x_i)**p: 4 operations an element.

    self (N, C), target (N,). One more for each of weight and p = 2, one a sample to reduce them.
    """
    each = 4 + bool(weight) + (p != 1)
    return Cost(other=each * self.numel + (target.numel if reduction else 0))


@rule("aten.multilabel_margin_loss_forward")
def multilabel_margin(self: Spec, target: Spec, reduction: int = 1) -> Cost:
    """The sum over pairs of classes of max(0, 1 - x_y + x_i): 4 operations a pair.

    self (N, C), target (N, C), of which each row is counted as full.
    """
    *samples, classes = self.shape or (1,)
    return Cost(other=4 * target.numel * classes + (prod(samples) if reduction else 0))


@rule(*aten("nll_loss_forward nll_loss2d_forward"))
def negative_log_likelihood(target: Spec, weight: Spec | None = None, reduction: int = 1) -> Cost:
    """-x_y: 1 operation a target, one more for each of weight and reduction.

    self (N, C, *D), target (N, *D).
    """
    return Cost(other=target.numel * (1 + bool(weight) + bool(reduction)))


@rule("aten._ctc_loss")
def ctc(outs: tuple[Spec, ...]) -> Cost:
    """4 operations and 4 function values a state: the log of a sum of three exponentials.

    outs: the loss (N,) and the log-probabilities of the states (N, T, 2·S + 1), which are
    counted whole, whatever the lengths.
    """
    states = outs[1].numel
    return Cost(other=4 * states, transcendental=4 * states)
