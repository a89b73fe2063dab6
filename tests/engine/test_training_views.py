"""Views of what is written to, whose backward is another one for tensors with data."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.engine.compared import trained

ROWS = "float32[32, 16]"
IMAGES = "float32[2, 8, 16, 16]"


class Middle(nn.Module):
    """Does something between two layers."""

    def __init__(self, function: Callable[[Tensor], Tensor], *, conv: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(8, 8, 1, bias=False) if conv else nn.Linear(16, 16, bias=False)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Return what becomes of the first layer's output."""
        return self.function(self.first(x))


def flat(y: Tensor) -> Tensor:
    """Write to all of the base."""
    return y.view(-1).relu_()


def transposed(y: Tensor) -> Tensor:
    """Write to a view of other strides."""
    return y.t().mul_(2)


def part(y: Tensor) -> Tensor:
    """Write to a part, and go on with it."""
    return y[:, 3:9].mul_(2).exp()


def part_and_all(y: Tensor) -> Tensor:
    """Write to a part, and go on with both."""
    some = y[:, 3:9]
    some.mul_(2)
    return y.exp().sum() + some.exp().sum()


def other_part(y: Tensor) -> Tensor:
    """Write to a part, and go on with another that was taken before."""
    query, key = y[:, :8], y[:, 8:]
    query *= 0.5
    return query * key


def other_part_later(y: Tensor) -> Tensor:
    """Write to a part, and go on with another that was taken afterwards."""
    query = y[:, :8]
    query *= 0.5
    return y[:, 8:] * query


def base(y: Tensor) -> Tensor:
    """Write to the base, and go on with a view that was taken before."""
    view = y.view(-1)
    y.add_(1)
    return view * view


def base_first(y: Tensor) -> Tensor:
    """Write to the base, and go on with a view that was taken afterwards."""
    y.add_(1)
    view = y.view(-1)
    return view * view


def chain(y: Tensor) -> Tensor:
    """Write to a view of a view of a view."""
    view = y.view(16, 32).t()[1:]
    view.relu_()
    return view.cos() + view


def twice(y: Tensor) -> Tensor:
    """Write to a view twice, and use it in between."""
    view = y.view(-1)
    view.add_(1)
    used = (view * 2).sum()
    view.mul_(3)
    return used + view.sum()


def view_of_written(y: Tensor) -> Tensor:
    """Go on with a view of a view that was written to."""
    view = y.view(-1)
    view.mul_(3)
    return view.view(32, 16)[:, :4].exp()


def assigned(y: Tensor) -> Tensor:
    """Assign to parts of a base."""
    made = torch.zeros(4, 32, 16)
    for i in range(4):
        made[i] = y * i
    return made


def assigned_view(y: Tensor) -> Tensor:
    """Assign to parts of a view, and go on with that."""
    made = torch.zeros(32, 4, 16).transpose(0, 1)
    for i in range(4):
        made[i] = y * i
    return made.exp()


def joined(y: Tensor) -> Tensor:
    """Give the written views in a list."""
    views = [y[:, :8], y[:, 8:]]
    views[0].neg_()
    return torch.cat([*views, views[0]], dim=1)


def filled(y: Tensor) -> Tensor:
    """Write a constant."""
    view = y[:, 0]
    view.zero_()
    return view + y[:, 1]


def masked(y: Tensor) -> Tensor:
    """Write by a mask, to a view."""
    view = y.view(4, 8, 16)
    view.masked_fill_(torch.ones(8, 16, dtype=torch.bool).tril(), 0.0)
    return view.softmax(-1)


def without_gradient(y: Tensor) -> Tensor:
    """Write where autograd does not look."""
    view = y.view(-1)
    with torch.no_grad():
        y.clamp_(max=1.0)
    return view * 2


def normed(y: Tensor) -> Tensor:
    """Write to the output of a norm that is a view."""
    return functional.relu(functional.instance_norm(y), inplace=True)


def windows(y: Tensor) -> Tensor:
    """Write to windows that overlap no other."""
    view = y.unfold(0, 4, 4)
    view.mul_(2)
    return view.sum(-1) * 2


def turned(y: Tensor) -> Tensor:
    """Change the shape of a view, and go on with it: nothing is written."""
    view = y.view(4, 8, 16)
    view.transpose_(0, 1)
    view.unsqueeze_(0)
    return view.sum(1)


def beside_turned(y: Tensor) -> Tensor:
    """Change the shape of a view, and go on with another."""
    view, other = y.view(4, 8, 16), y.view(-1)
    view.transpose_(0, 1)
    return view.sum() * other


def turned_and_written(y: Tensor) -> Tensor:
    """Change the shape of a view between two writes."""
    view = y.view(4, 8, 16)
    view.mul_(2).transpose_(0, 1).add_(1)
    return view * 2


FUNCTIONS = (
    flat, transposed, part, part_and_all, other_part, other_part_later, base, base_first, chain,
    twice, view_of_written, assigned, assigned_view, joined, filled, masked, without_gradient,
    windows, turned, beside_turned, turned_and_written,
)  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_truth(function: Callable[[Tensor], Tensor]) -> None:
    """Two training steps take what is predicted, operator by operator."""
    trained(partial(Middle, function), [ROWS])


def test_norm() -> None:
    """A norm that runs as another one returns a view of its output."""
    trained(partial(Middle, normed, conv=True), [IMAGES])
