"""Where gradients meet autograd adds in place, unless somebody else holds what it would change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from pytest_burden.engine import sums
from pytest_burden.engine.run import trace
from pytest_burden.engine.training import read_training
from tests.engine.compared import evaluated, trained
from tests.engine.tracker import Loop
from tests.networks.cases import calling

WEIGHT = (4, 8)
ROWS = torch.ones(4, 8)


class Doubled(torch.autograd.Function):
    """Twice the input, whose gradient is made in a way of its own."""

    kept: list[torch.Tensor]
    way: Callable[[Any, torch.Tensor], Any]

    @classmethod
    def of(cls, way: Callable[[Any, torch.Tensor], Any]) -> Any:
        """Return a function whose backward is ``way(ctx, gradient)``."""
        kind: Any = type("Doubled", (cls,), {"way": staticmethod(way), "kept": []})
        return kind.apply

    @staticmethod
    def forward(ctx: Any, *inputs: torch.Tensor) -> torch.Tensor:
        """Double the first."""
        del ctx
        return inputs[0] * 2

    @classmethod
    def backward(cls, ctx: Any, *gradients: torch.Tensor) -> Any:
        """Let the way decide."""
        return cls.way(ctx, gradients[0])


def keeping(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
    """Hand out what it keeps, as long as the node lives."""
    ctx.kept = gradient * 2
    kept: torch.Tensor = ctx.kept
    return kept


def keeping_a_view(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
    """Keep a part of what it hands out."""
    made = gradient * 2
    ctx.kept = made[0]
    return made


def handing_on(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
    """Keep nothing."""
    del ctx
    return gradient * 2


def one_for_two(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Give both inputs the same gradient."""
    del ctx
    made = gradient * 2
    return made, made


def adding(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
    """Add in Python, as a formula does."""
    del ctx
    return (gradient * 2) + (gradient * 3)


def strided(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
    """Hand out a tensor with gaps."""
    del ctx
    return gradient.new_empty_strided(WEIGHT, (16, 2)).copy_(gradient)


def of_product(of: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Return a function of the product of an input and a weight."""
    return lambda x, weight: of(x * weight)


def after(last: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Return a function of an input and a weight in which the gradient of ``last`` comes first."""
    return of_product(lambda y: (y * 2) * (y * 3) * last(y))


def shared(x: torch.Tensor, weight: torch.Tensor) -> Any:
    """Let two tensors get the same gradient, and others besides."""
    y, z = x * weight, x + weight
    return (y * 3) * (z * 2) * Doubled.of(one_for_two)(y, z)


def hooked(x: torch.Tensor, weight: torch.Tensor) -> Any:
    """Keep the first gradient of three by a hook."""
    y = x * weight
    z = y.view(-1).view(4, 8)
    if z.requires_grad:
        z.register_hook(lambda gradient: setattr(z, "kept", gradient))
    return (y * 2) * (y * 3) * z


def formula(x: torch.Tensor, weight: torch.Tensor) -> Any:
    """Let a derivative of torch's make sums of its own before and after others' gradients."""
    y = x * weight
    return torch.atan2(y, y.sin()) * y + torch.linalg.inv(y[:, :4] + torch.eye(4)).sum()


def second_order(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Differentiate in the forward, with a graph of it and without."""
    with torch.enable_grad():
        y = x * weight
        z = (y * 2) * (y * 3) * (y * 4)
        (first,) = torch.autograd.grad(z.sum(), y, create_graph=True)
        (plain,) = torch.autograd.grad((y * 2 * (y * 3) * y.sin()).sum(), y)
    return first * plain


NETWORKS: dict[str, Callable[..., torch.Tensor]] = {
    "two": of_product(lambda y: (y * 2) * (y * 3)),
    "three": after(lambda y: y * 4),
    "eight": of_product(lambda y: torch.stack([y * i for i in range(8)])),
    "a square": after(lambda y: y * y),
    "a sum with itself": after(lambda y: y + y),
    "a residual": after(lambda y: y + y.sin()),
    "zeros": of_product(lambda y: torch.copysign(y, y)),
    "zeros last": after(lambda y: torch.copysign(y, y)),
    "broadcast": after(lambda y: y.sum(0) + y.sin().sum()),
    "views": after(lambda y: y.t().contiguous().t()),
    "a transposed view": after(lambda y: (y.t() * 2).t()),
    "handing on": after(Doubled.of(handing_on)),
    "keeping": after(Doubled.of(keeping)),
    "keeping a view": after(Doubled.of(keeping_a_view)),
    "adding": after(Doubled.of(adding)),
    "with gaps": after(Doubled.of(strided)),
    "shared": shared,
    "hooked": hooked,
    "formula": formula,
    "second order": second_order,
    "for real": after(lambda y: y * float(y.detach().sum())),
    "the weight itself": lambda x, w: (x * w) * (x + w) * w.sin(),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_training(name: str) -> None:
    """What is predicted, a run takes in which nobody is watched but between autograd's nodes."""
    build = calling(NETWORKS[name], WEIGHT)
    for times in (1, 2):
        training = {"optimizer": "SGD", "accumulate": times}
        trained(build, (ROWS,), None, training, Loop(accumulate=times))


@pytest.mark.parametrize("learnt", [True, False])
@pytest.mark.parametrize("name", ["second order", "for real"])
def test_evaluation(name: str, learnt: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it is where a network differentiates in evaluation, also in the first of a process."""
    if not learnt:
        monkeypatch.setattr(sums, "_ALONE", {})
    evaluated(calling(NETWORKS[name], WEIGHT), (ROWS,))


@pytest.mark.parametrize(
    ("name", "in_place", "made"),
    [
        ("two", 1, 0),
        ("three", 2, 0),
        ("eight", 7, 0),
        ("keeping", 1, 1),
        ("keeping a view", 1, 1),
        ("adding", 2, 1),
        ("with gaps", 1, 1),
        ("handing on", 2, 0),
    ],
)  # fmt: skip
def test_which_sums(name: str, in_place: int, made: int) -> None:
    """Only a gradient that others hold, or that has gaps, is left as it is."""
    found = trace(
        calling(NETWORKS[name], WEIGHT)(), [ROWS], {}, training=read_training("SGD", "cpu")
    )
    begin = next(phase.start for phase in found.phases if phase.name == "backward")
    end = next(phase.start for phase in found.phases if phase.name == "optimizer")
    sums = [
        found.storages[call.storages[0]].birth < position
        for position, call in enumerate(found.calls[:end])
        if position >= begin and call.op.name == "aten.add"
    ]
    assert (sums.count(True), sums.count(False)) == (in_place, made)
