"""Operators on whole lists of tensors: what the plain operator costs, over all of them.

In place they return nothing, so the lists they are given are counted. A single tensor or number
beside a list is broadcast to its entries.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_burden.engine.rules.matmul import products
from pytest_burden.engine.rules.pointwise import numel
from pytest_burden.engine.rules.registry import Cost, aten, free, rule
from pytest_burden.engine.spec import Spec


@rule(
    *aten("_foreach_mul _foreach_div _foreach_neg _foreach_abs _foreach_sign _foreach_reciprocal"),
    *aten("_foreach_ceil _foreach_floor _foreach_round _foreach_trunc _foreach_frac"),
    *aten("_foreach_maximum _foreach_minimum _foreach_clamp_max _foreach_clamp_min"),
    *aten("_foreach_max"),
)
def foreach(self: Sequence[Spec]) -> Cost:
    """One operation an element of the list: as the plain operator, or as the largest of each.

    self: any shapes.
    """
    return Cost(other=numel(self))


@rule(*aten("_foreach_add _foreach_sub"))
def foreach_add(self: Sequence[Spec], alpha: complex = 1) -> Cost:
    """One addition an element of the list, and one product if alpha scales the other operand.

    self: any shapes.
    """
    return Cost(other=numel(self) * (2 if alpha != 1 else 1))


@rule(*aten("_foreach_addcmul _foreach_addcdiv _foreach_lerp _foreach_norm _foreach_powsum"))
def foreach_pair(self: Sequence[Spec]) -> Cost:
    """Two operations an element of the list: a product and a sum.

    self: any shapes.
    """
    return Cost(other=2 * numel(self))


@rule(
    *aten("_foreach_exp _foreach_expm1 _foreach_log _foreach_log10 _foreach_log1p _foreach_log2"),
    *aten("_foreach_sqrt _foreach_rsqrt _foreach_sigmoid _foreach_tanh _foreach_lgamma"),
    *aten("_foreach_sin _foreach_cos _foreach_tan _foreach_asin _foreach_acos _foreach_atan"),
    *aten("_foreach_sinh _foreach_cosh _foreach_erf _foreach_erfc"),
)
def foreach_transcendental(self: Sequence[Spec]) -> Cost:
    """One function value an element of the list.

    self: any shapes.
    """
    return Cost(transcendental=numel(self))


@rule("aten._foreach_pow")
def foreach_pow(self: Sequence[Spec] | complex, exponent: Sequence[Spec] | complex) -> Cost:
    """One function value an element of the list, be it that of the bases or of the exponents.

    self, exponent: lists of any shapes, one of which may be a number.
    """
    lists = [powers for powers in (self, exponent) if isinstance(powers, Sequence)]
    return Cost(transcendental=numel(lists[0]))


@rule("aten._foreach_mm")
def foreach_mm(self: Sequence[Spec], outs: tuple[Spec, ...]) -> Cost:
    """A matrix product for each entry of the list.

    self[i] (m, k), outs[i] (m, n).
    """
    return Cost(macs=sum(products(out, a.shape[-1]) for a, out in zip(self, outs, strict=True)))


free(*aten("_foreach_clone _foreach_copy _foreach_zero"), because="copies and fills")
