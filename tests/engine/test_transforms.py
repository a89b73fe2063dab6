"""Composites inside `torch.func`'s transforms, whose tensors stand for others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from torch.nn import functional

from tests.engine.test_same_traces import differences, fast, real
from tests.networks.cases import calling

Function = Callable[[torch.Tensor], torch.Tensor]


def attention(x: torch.Tensor) -> torch.Tensor:
    """Attend to oneself."""
    return functional.scaled_dot_product_attention(x, x, x)


def root(x: torch.Tensor) -> torch.Tensor:
    """Normalise the last dimension."""
    return functional.rms_norm(x, (8,))


COMPOSITES: Mapping[str, Function] = {
    "attention": attention,
    "rms_norm": root,
    "instance_norm": functional.instance_norm,
    "local_response_norm": lambda x: functional.local_response_norm(x, 3),
}
TRANSFORMS: Mapping[str, Callable[[Function], Function]] = {
    "vmap": torch.vmap,
    "grad": lambda function: torch.func.grad(lambda x: function(x).sum()),
    "vmap of grad": lambda function: torch.vmap(torch.func.grad(lambda x: function(x).sum())),
    "functionalize": torch.func.functionalize,
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", COMPOSITES)
@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_composite(name: str, transform: str) -> None:
    """A transform takes a composite apart; what it makes of it is what a real run makes of it."""
    network = calling(TRANSFORMS[transform](COMPOSITES[name]))()
    inputs = [torch.zeros(3, 2, 5, 8)], dict[str, object]()
    truth = real(network, inputs)
    assert truth.calls
    for _ in range(2):
        assert differences(fast(network, inputs), truth) == []
