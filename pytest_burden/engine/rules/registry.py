"""Where rules are registered and found: by operator name first, by torch's tags second.

Every operator ends in one of three states: counted, free (with a reason) or uncounted.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import TypeVar

from pytest_burden.burden import State
from pytest_burden.engine.spec import Op
from pytest_burden.errors import BurdenError, quoted, suggest


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call does: multiply-adds of matrix work, other arithmetic, and exp, log, tanh, …."""

    macs: int = 0
    other: int = 0
    transcendental: int = 0

    def __add__(self, cost: Cost) -> Cost:
        return Cost(
            self.macs + cost.macs,
            self.other + cost.other,
            self.transcendental + cost.transcendental,
        )


Formula = Callable[..., Cost]
FormulaT = TypeVar("FormulaT", bound=Formula)


@dataclass(frozen=True, slots=True)
class Rule:
    """What is known of an operator: a formula and the arguments it wants, or why there is none."""

    state: State
    formula: Formula | None = None
    wants: tuple[tuple[str, object], ...] = ()
    because: str = ""

    def cost(self, op: Op) -> Cost:
        """Return what one call of ``op`` costs; nothing if it is free or uncounted.

        Raises:
            BurdenError: the formula asks for an argument that the operator does not have, raises,
                or returns anything but a `Cost` of whole numbers, 0 or more.
        """
        if self.formula is None:
            return Cost()
        given = {name: self._argument(op, name, default) for name, default in self.wants}
        try:
            cost: object = self.formula(**given)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise BurdenError(f"{self._title(op)} raised {reason}") from error
        if not isinstance(cost, Cost):
            raise BurdenError(f"{self._title(op)} returned {quoted(cost)}, not a Cost")
        for field in fields(Cost):
            number: object = getattr(cost, field.name)
            if type(number) is not int or number < 0:
                raise BurdenError(
                    f"{self._title(op)} returned {field.name}={quoted(number)}, "
                    "not a whole number, 0 or more"
                )
        return cost

    def _argument(self, op: Op, name: str, default: object) -> object:
        if name == "outs":
            return op.outputs
        if name == "out" and op.outputs:
            return op.outputs[0]
        if name in op.arguments:
            return op.arguments[name]
        if default is not inspect.Parameter.empty:
            return default
        known = [*op.arguments, *(("out", "outs") if op.outputs else ("outs",))]
        raise BurdenError(
            f"{self._title(op)} asks for {quoted(name)}{suggest(name, known)}; "
            f"the operator has: {', '.join(known)}"
        )

    def _title(self, op: Op) -> str:
        return f"the rule of {op.name} ({_place(self.formula)})"


_RULES: dict[str, Rule] = {}
OWN: dict[str, Rule] = {}
"""What others have registered: it goes before ours."""
_DOUBTS: dict[str, tuple[Callable[[Op], bool], Rule]] = {}
_UNKNOWN = Rule("uncounted", because="no rule has this name")
_VIEW = Rule("free", because="the same storage under another shape")
_NAME = re.compile(r"(?P<namespace>[A-Za-z_]\w*)(?:::|\.)(?P<operator>[A-Za-z_]\w*)")
_BY_POSITION = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.VAR_POSITIONAL,
    inspect.Parameter.VAR_KEYWORD,
)


def rule(*names: str) -> Callable[[FormulaT], FormulaT]:
    """Register the decorated function as the cost of operators that are ours: see `own.rule`."""
    return registering(names, _RULES)


def registering(names: Sequence[str], rules: dict[str, Rule]) -> Callable[[FormulaT], FormulaT]:
    """Return what enters a function into a table, under each of these names.

    Raises:
        BurdenError: no name, one that is not ``namespace::operator``, or a formula whose
            arguments cannot be given by name.
    """
    if not names or not all(isinstance(name, str) for name in names):
        raise BurdenError('rule() needs the operator\'s name: @rule("mylib::myop")')
    normal = [normal_name(name) for name in names]

    def register(formula: FormulaT) -> FormulaT:
        made = counted(formula)
        rules.update(dict.fromkeys(normal, made))
        _registered_cost.cache_clear()
        return formula

    return register


def free(*names: str, because: str) -> None:
    """Register operators that do no arithmetic, and say why."""
    for name in names:
        _RULES[normal_name(name)] = Rule("free", because=because)
    _registered_cost.cache_clear()


def uncounted(*names: str, because: str, when: Callable[[Op], bool] | None = None) -> None:
    """Register operators that no formula describes, and say why: they are named in the report.

    With ``when``, only the calls it picks; the others keep the rule they have.
    """
    for name in names:
        made = Rule("uncounted", because=because)
        if when is None:
            _RULES[normal_name(name)] = made
        else:
            _DOUBTS[normal_name(name)] = (when, made)
    _registered_cost.cache_clear()


def counted(formula: Formula) -> Rule:
    """Return the rule that a formula makes, its wishes read from its signature.

    Raises:
        BurdenError: it is not a function, or takes arguments that have no name of their own.
    """
    if not callable(formula):
        raise BurdenError(f"a rule is a function that returns a Cost, not {quoted(formula)}")
    try:
        parameters = inspect.signature(formula).parameters.values()
    except ValueError as error:
        raise BurdenError(f"the arguments of the rule {quoted(formula)} cannot be read") from error
    for parameter in parameters:
        if parameter.kind in _BY_POSITION:
            raise BurdenError(
                f"the rule at {_place(formula)} takes '{parameter}'; a rule names each argument "
                "it needs, as the operator does"
            )
    return Rule("counted", formula, tuple((p.name, p.default) for p in parameters))


def find(op: Op) -> Rule:
    """Return the registered rule of an operator: another's, by name, as a view, or by tag."""
    return OWN.get(op.name) or _find_ours(op)


def _find_ours(op: Op) -> Rule:
    if op.name in _DOUBTS:
        when, doubt = _DOUBTS[op.name]
        if when(op):
            return doubt
    if op.name in _RULES:
        return _RULES[op.name]
    if op.view or "inplace_view" in op.tags:
        return _VIEW
    if op.name.startswith("aten.") and "pointwise" in op.tags:
        return _RULES["tag.pointwise"]
    return _UNKNOWN


def cost_of(op: Op, own: Mapping[str, Rule] | None = None) -> tuple[State, Cost]:
    """Return the state and the cost of an operator; the ``own`` rules of a run go first."""
    if own and op.name in own:
        return own[op.name].state, own[op.name].cost(op)
    return _registered_cost(op)


def replaced(op: Op, own: Mapping[str, Rule]) -> str:
    """Return the name of the function that counts an operator in place of what we know of it.

    Empty where we know nothing, or nobody has said anything else; ``own`` as in `cost_of`.
    """
    other = own.get(op.name) or OWN.get(op.name)
    if other is None or _find_ours(op).state == "uncounted":
        return ""
    formula = inspect.unwrap(other.formula) if other.formula else None
    kind = type(formula).__qualname__  # of what is called and is no function
    return f"{formula.__module__}.{getattr(formula, '__qualname__', kind)}"


@cache
def _registered_cost(op: Op) -> tuple[State, Cost]:
    found = find(op)
    return found.state, found.cost(op)


def normal_name(name: object) -> str:
    """Return ``mylib.myop`` for ``mylib::myop``, ``mylib.myop`` and the in-place ``mylib::myop_``.

    Raises:
        BurdenError: it is not a namespace and an operator, or it names an overload.
    """
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        head = re.match(rf"{_NAME.pattern}\.\w+$", name) if isinstance(name, str) else None
        hint = (
            f"leave the overload out: '{head['namespace']}::{head['operator']}'"
            if head
            else "not of the form 'mylib::myop'"
        )
        raise BurdenError(f"Invalid operator name ({hint}): {quoted(name)}")
    operator = match["operator"]
    if operator.endswith("_") and not operator.endswith("__"):
        operator = operator.removesuffix("_")
    return f"{match['namespace']}.{operator}"


def aten(words: str) -> list[str]:
    """Return ``["aten.mm", "aten.bmm"]`` for ``"mm bmm"``, so that long lists read as words."""
    return [f"aten.{word}" for word in words.split()]


def _place(formula: Formula | None) -> str:
    code = getattr(inspect.unwrap(formula), "__code__", None) if formula else None
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(formula)
