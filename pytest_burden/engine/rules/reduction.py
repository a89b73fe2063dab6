"""Sums, means, extremes, norms and running sums over dimensions."""

from __future__ import annotations

from pytest_burden.engine.rules.registry import Cost, aten, rule
from pytest_burden.engine.spec import Spec


@rule(
    *aten("sum nansum mean prod any all amax amin argmax argmin count_nonzero hash_tensor"),
    *aten("_is_all_true _is_any_true segment_reduce"),
)
def reduction(self: Spec | None = None, data: Spec | None = None) -> Cost:
    """One operation an input element.

    self, or data: any shape.
    """
    return Cost(other=sum(given.numel for given in (self, data) if given))


@rule(*aten("max min"))
def extreme(self: Spec, out: Spec, other: Spec | None = None) -> Cost:
    """One operation an input element; an output element if it is the larger or smaller of two.

    self: any shape; other, if it is given: the second operand, broadcast.
    """
    return Cost(other=out.numel if other else self.numel)


@rule(*aten("var std var_mean std_mean norm linalg_vector_norm linalg__powsum aminmax _aminmax"))
def moment(self: Spec) -> Cost:
    """Two operations an input element: a product and a sum, or two comparisons.

    self: any shape.
    """
    return Cost(other=2 * self.numel)


@rule("aten.dist")
def distance(self: Spec, other: Spec) -> Cost:
    """Three operations an element: a difference and the norm of it.

    self and other: any shapes that broadcast, counted as the larger one.
    """
    return Cost(other=3 * max(self.numel, other.numel))


@rule("aten.logsumexp")
def logsumexp(self: Spec) -> Cost:
    """One function value an input element, as a softmax.

    self: any shape.
    """
    return Cost(transcendental=self.numel)


@rule(*aten("cumsum cumprod cummax cummin _cummax_helper _cummin_helper"))
def running(self: Spec) -> Cost:
    """One operation an input element.

    self: any shape.
    """
    return Cost(other=self.numel)


@rule("aten.trace")
def trace(self: Spec) -> Cost:
    """One addition an element of the diagonal.

    self (m, n).
    """
    return Cost(other=min(self.shape))
