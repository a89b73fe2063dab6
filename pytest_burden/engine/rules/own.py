"""Rules of others: for the operators of their libraries, or in place of one of ours."""

from __future__ import annotations

from collections.abc import Callable

from pytest_burden.engine.rules.registry import OWN, FormulaT, registering


def rule(*names: str) -> Callable[[FormulaT], FormulaT]:
    """Register the decorated function as the cost of the operators ``names``.

    The function names the arguments it needs by the operator's own names; tensors arrive as
    `Spec`, ``out`` is the first result and ``outs`` all of them. It returns a `Cost`.

        @pytest_burden.rule("mylib::myop")
        def myop(x: Spec, out: Spec) -> Cost:
            return Cost(macs=out.numel * x.shape[-1])

    A name registered again replaces the rule it had. One in place of a rule that this package has
    is told of in every report of what it counts. For one measurement alone, hand
    ``rules={"mylib::myop": myop}`` to `pytest_burden.measure` instead.

    Raises:
        BurdenError: no name, one that is not ``namespace::operator``, or a formula whose
            arguments cannot be given by name.
    """
    return registering(names, OWN)
