"""Finding a rule, writing one's own, and what a wrong one is told."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

import pytest_burden
from pytest_burden import BurdenError
from pytest_burden.engine.rules import Cost, find, registry, rule
from pytest_burden.engine.spec import Op, Spec
from tests.rules.table import call, spec

HALF: Any = 1.5
TWO: Any = 2.0
OP = call("mylib.myop", spec(2, 4), spec(4), x=spec(2, 3), scale=2.0)


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a test register what it likes: the rules are put back behind it."""
    monkeypatch.setattr(registry, "_RULES", dict(registry._RULES))
    monkeypatch.setattr(registry, "_DOUBTS", dict(registry._DOUBTS))
    before = dict(registry.OWN)
    registry.OWN.clear()
    yield
    registry.OWN.clear()
    registry.OWN.update(before)
    registry._registered_cost.cache_clear()


def test_unknown_is_uncounted() -> None:
    """An operator without a rule is named, never zero in silence."""
    assert find(OP).state == "uncounted"
    assert find(OP).because == "no rule has this name"


@pytest.mark.parametrize(
    "name", ["mylib::myop", "mylib.myop", "mylib::myop_"], ids=["colons", "dot", "in place"]
)
def test_own_rule(name: str) -> None:
    """A function that names what it needs: arguments, one output, all outputs."""

    @pytest_burden.rule(name)
    def myop(x: Spec, out: Spec, outs: tuple[Spec, ...], scale: float, missing: int = 7) -> Cost:
        return Cost(out.numel * x.shape[-1], len(outs) * missing, int(scale))

    found = find(OP)
    assert (found.state, found.cost(OP)) == ("counted", Cost((2 * 4) * 3, 2 * 7, 2))
    assert myop(spec(3), spec(), (), 0.0) == Cost(3)  # what it decorates stays as it was


def test_own_rule_replaces_ours() -> None:
    """The last rule of a name holds, also where ours is a rule, free, or uncounted by doubt."""
    for name in ("aten::mm", "aten::view", "torchvision::roi_align"):
        rule(name)(lambda: Cost(1))
        op = call(name.replace("::", "."), spec(1))
        assert find(op).cost(op) == Cost(1)


def test_for_one_run_alone() -> None:
    """Rules that are handed in come before all others, and stay with whoever holds them."""
    own = {"aten.mm": registry.counted(lambda out: Cost(other=out.numel))}
    op = call("aten.mm", spec(2, 4), self=spec(2, 3))
    assert registry.cost_of(op, own) == ("counted", Cost(other=2 * 4))
    assert registry.cost_of(op) == ("counted", find(op).cost(op))
    assert find(op).cost(op) == Cost(2 * 4 * 3)


def test_names_before_views_before_tags() -> None:
    """A view is free whoever owns it, unless it has a rule by name; in-place views too."""
    view = Op("mylib.peek", "default", {"x": spec(2)}, (spec(1),), view=True)
    assert find(view).state == "free"
    tags = frozenset({"inplace_view", "pointwise"})
    assert find(Op("aten.unheard_of", "default", {}, (spec(1),), tags=tags)).state == "free"
    rule("mylib::peek")(lambda: Cost(3))
    assert find(view).cost(view) == Cost(3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("myop", "Invalid operator name (not of the form 'mylib::myop'): 'myop'"),
        ("", "Invalid operator name (not of the form 'mylib::myop'): ''"),
        ("mylib::", "Invalid operator name (not of the form 'mylib::myop'): 'mylib::'"),
        ("a b::c", "Invalid operator name (not of the form 'mylib::myop'): 'a b::c'"),
        (
            "mylib::myop.Tensor",
            "Invalid operator name (leave the overload out: 'mylib::myop'): 'mylib::myop.Tensor'",
        ),
        (
            "aten.add.out",
            "Invalid operator name (leave the overload out: 'aten::add'): 'aten.add.out'",
        ),
    ],
)
def test_wrong_name(name: str, message: str) -> None:
    """A name is found wrong where it is written."""
    with pytest.raises(BurdenError, match=f"^{re.escape(message)}$"):
        rule(name)


def test_no_name() -> None:
    """The name cannot be left out, nor the brackets."""
    with pytest.raises(BurdenError, match=re.escape('@rule("mylib::myop")')):
        rule()
    forgotten: Any = lambda out: Cost(out.numel)  # noqa: E731 what a decorator would be given
    with pytest.raises(BurdenError, match=re.escape('@rule("mylib::myop")')):
        rule(forgotten)


def _named(*given: object) -> Cost:
    return Cost(len(given))


def _keywords(**given: object) -> Cost:
    return Cost(len(given))


def _by_position(x: Spec, /) -> Cost:
    return Cost(x.numel)


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        (_named, r"takes '\*given: .*object.*'; a rule names each argument it needs"),
        (_keywords, r"takes '\*\*given: .*object.*'; a rule names each argument it needs"),
        (_by_position, r"takes 'x: .*Spec.*'; a rule names each argument it needs"),
        (3, "a rule is a function that returns a Cost, not 3"),
        (type, "the arguments of the rule <class 'type'> cannot be read"),
    ],
)
def test_wrong_formula(formula: Any, told: str) -> None:
    """A formula whose arguments cannot be given by name is refused at once, with its place."""
    with pytest.raises(BurdenError, match=told) as caught:
        rule("mylib::myop")(formula)
    if inspect.isfunction(formula):
        place = f"{__file__}:{formula.__code__.co_firstlineno}"
        assert place in str(caught.value)


def _raises(x: Spec) -> Cost:
    return Cost(x.shape[9])


def _misspelt(scael: float) -> Cost:
    return Cost(int(scael))


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        (_misspelt, "asks for 'scael' (nearest: scale); the operator has: x, scale, out, outs"),
        (_raises, "raised IndexError: tuple index out of range"),
        (lambda: 7, "returned 7, not a Cost"),
        (lambda: None, "returned None, not a Cost"),
        (lambda: Cost(HALF), "returned macs=1.5, not a whole number, 0 or more"),
        (lambda: Cost(other=-1), "returned other=-1, not a whole number, 0 or more"),
        (lambda: Cost(other=TWO), "returned other=2.0, not a whole number, 0 or more"),
        (lambda: Cost(transcendental=True), "returned transcendental=True, not a whole number"),
    ],
)
def test_failing_formula(formula: Callable[..., Cost], told: str) -> None:
    """What goes wrong is told with the operator and the formula's file and line."""
    rule("mylib::myop")(formula)
    place = f"{__file__}:{formula.__code__.co_firstlineno}"
    with pytest.raises(BurdenError) as caught:
        find(OP).cost(OP)
    assert str(caught.value).startswith(f"the rule of mylib.myop ({place}) {told}")


def test_no_output_to_ask_for() -> None:
    """An operator that returns no tensor has no ``out``."""
    rule("mylib::myop")(lambda out: Cost(out.numel))
    with pytest.raises(BurdenError, match=r"asks for 'out'.*the operator has: x, outs"):
        find(OP).cost(call("mylib.myop", x=spec(2)))


def test_costs_add_up() -> None:
    """Each figure by itself."""
    assert Cost(1, 2, 3) + Cost(10, 20, 30) == Cost(11, 22, 33)


def cheap() -> Cost:
    """Say that there is nothing to be done."""
    return Cost()


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("aten::addmm", {"aten.addmm": f"{__name__}.cheap"}),
        ("aten::relu", {"aten.relu": f"{__name__}.cheap"}),  # counted by its tag
        ("aten::t", {"aten.t": f"{__name__}.cheap"}),  # free
        ("aten::linalg_svd", {}),  # it is not called
        ("aten::_linalg_svd", {}),  # nobody else counts it
    ],
)
def test_a_rule_in_place_of_ours_is_told(name: str, told: dict[str, str], once: bool) -> None:
    """What says that a network costs nothing does not go by unseen."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = torch.linalg.svdvals(torch.relu(self.fc(x)))
            return found

    before = pytest_burden.measure(Net, "1x4")
    assert (before.macs, before.replaced_rules) == (8, {})
    if not once:
        pytest_burden.rule(name)(cheap)
    found = pytest_burden.measure(Net, "1x4", rules={name: cheap} if once else None)
    assert found.replaced_rules == told
    assert found.macs == (0 if name == "aten::addmm" else 8)


def test_some_calls_are_known() -> None:
    """Where we count one call of many, that another counts them all is told."""
    registry.uncounted("aten::relu", because="a test", when=lambda op: op.outputs[0].shape[1] > 1)
    net = nn.Sequential(
        *(layer for n in range(1, 20) for layer in (nn.ReLU(), nn.Linear(n, n + 1)))
    )
    found = pytest_burden.measure(net, "1x1", rules={"aten::relu": cheap})
    assert found.replaced_rules == {"aten.relu": f"{__name__}.cheap"}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("aten::convolution_backward", ["aten.convolution_backward"]),
        ("aten::addcdiv", []),  # the optimizer calls it, whose arithmetic is left out
    ],
)
def test_a_rule_of_training(name: str, told: list[str]) -> None:
    """What is in no figure is counted by nobody."""
    net, size = nn.Conv2d(1, 1, 3), "1x1x4x4"
    found = pytest_burden.measure(net, size, training="Adam", rules={name: cheap})
    assert [*found.replaced_rules] == told


class Cheap:
    """A rule that is no function."""

    def __call__(self) -> Cost:
        """Say that there is nothing to be done."""
        return Cost()


@pytest.mark.parametrize(
    ("formula", "name"),
    [
        (cheap, f"{__name__}.cheap"),
        (functools.partial(cheap), "functools.partial"),
        (Cheap(), f"{__name__}.Cheap"),
        (functools.wraps(cheap)(lambda: Cost(0)), f"{__name__}.cheap"),
    ],
    ids=["function", "partial", "object", "wrapped"],
)
def test_name_of_a_rule(formula: Callable[[], Cost], name: str) -> None:
    """It says where to look, whatever counts."""
    found = pytest_burden.measure(lambda: nn.Linear(4, 2), "1x4", rules={"aten::addmm": formula})
    assert found.replaced_rules == {"aten.addmm": name}
