"""What must hold between the figures of memory, for any network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.checkpoint import checkpoint

from pytest_burden import Burden, measure
from pytest_burden.engine.build import read_specs
from pytest_burden.engine.run import trace
from tests.engine.compared import drawn, evaluated, trained
from tests.engine.learners import LEARNERS, Blocks, normal_cnn

MEMORY = ("peak_memory", "saved_memory", "training_memory")
TRAINING = ("saved_memory", "training_memory", "training_macs", "training_flops")

LAYERS: Mapping[str, Callable[[], nn.Module]] = {
    "convolution": lambda: nn.Conv2d(4, 4, 3, padding=1),
    "pointwise": lambda: nn.Conv2d(4, 4, 1, bias=False),
    "depthwise": lambda: nn.Conv2d(4, 4, 3, padding=1, groups=4),
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "dropout": nn.Dropout,
    "pooling": lambda: nn.MaxPool2d(2, ceil_mode=True),
    "average": lambda: nn.AvgPool2d(3, 1, 1),
    "upsampling": lambda: nn.Upsample(size=(9, 8)),
    "norm": lambda: nn.BatchNorm2d(4),
    "frozen norm": lambda: nn.BatchNorm2d(4).requires_grad_(requires_grad=False),
}
MERGES = ("add", "multiply", "join", "detach", "checkpoint")
Plan = Any
"""Names of layers, and pairs of a merge with the plan of what it merges with its input."""


class Merged(nn.Module):
    """What a body makes of an input, and the input."""

    def __init__(self, how: str, plan: Plan) -> None:
        super().__init__()
        self.how, self.body = how, nn.Sequential(*map(made, plan))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return both together, or what the body made if its shape is another."""
        if self.how == "checkpoint":
            kept: torch.Tensor = checkpoint(
                self.body, x, use_reentrant=False, preserve_rng_state=False
            )
            return kept
        out: torch.Tensor = self.body(x)
        if out.shape != x.shape:
            return out
        if self.how == "add":
            return x + out
        if self.how == "multiply":
            return x * out.sigmoid()
        if self.how == "join":
            return torch.cat([x, out], 1).mean(1, keepdim=True) + out
        return x.detach() + out


def made(part: Plan) -> nn.Module:
    """Return the layer or the merge that a part of a plan says."""
    return LAYERS[part]() if isinstance(part, str) else Merged(*part)


def network(plan: Plan) -> nn.Module:
    """Return a network that begins with a convolution, so that something learns."""
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), *map(made, plan))


def plans(names: list[str]) -> st.SearchStrategy[Plan]:
    """Return plans of these layers."""
    layers = st.lists(st.sampled_from(names), max_size=4)
    parts = st.recursive(
        st.sampled_from(names),
        lambda inner: st.tuples(st.sampled_from(MERGES), st.lists(inner, min_size=1, max_size=3)),
        max_leaves=6,
    )
    return layers.flatmap(lambda before: st.lists(parts, max_size=4).map(lambda p: before + p))


ANY = plans([*LAYERS])
QUICKLY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def spec(batch: int) -> str:
    """Return an image."""
    return f"float32[{batch}, 3, 8, 6]"


@given(ANY, st.sampled_from([2, 3]))
@QUICKLY
def test_any_network(plan: Plan, batch: int) -> None:
    """Whatever is put together is predicted as it runs, operator by operator."""
    evaluated(lambda: network(plan), (spec(batch),))
    trained(lambda: network(plan), (spec(batch),))


def check(burden: Burden) -> None:
    """Assert what holds for every burden with training."""
    value = {metric: burden.value(metric) or 0 for metric in (*MEMORY, *TRAINING)}
    for metric in MEMORY:
        peak = burden.peak(metric)
        assert peak is not None
        assert peak.nbytes == value[metric] == sum(peak.categories.values())
        assert min(peak.categories.values(), default=1) > 0
        assert sum(tensor.nbytes for tensor in peak.tensors) <= peak.nbytes
        sizes = [tensor.nbytes for tensor in peak.tensors]
        assert sizes == sorted(sizes, reverse=True)
        assert len(sizes) == 10 or sum(sizes) == peak.nbytes
        if peak.timeline:
            assert max(peak.timeline) == peak.timeline[peak.call] == peak.nbytes
            assert peak.nbytes not in peak.timeline[: peak.call]
        if peak.phases:
            starts = [start for _, start in peak.phases]
            assert starts[0] == 0
            assert starts == sorted(starts)
            assert [name.split()[0] for name, _ in peak.phases] == [
                "forward", "backward", "optimizer",
            ] * 2  # fmt: skip
    for metric in (*MEMORY, *TRAINING):
        own = [getattr(row.own, metric) for row in burden.module_rows]
        assert sum(own) == value[metric] == getattr(burden.module_rows[0].inclusive, metric)
        assert min(own) >= 0
    assert value["saved_memory"] <= value["training_memory"]


def test_names() -> None:
    """Each tensor at a peak is called by its name, with its own shape and who made it."""
    peak = measure(nn.Linear(4, 8), "float32[2, 4]", training="Adam").peak("training_memory")
    assert peak is not None
    weight, bias = "float32[8, 4]", "float32[8]"
    found = [(tensor.name, tensor.category, tensor.shape, tensor.op) for tensor in peak.tensors]
    # Of those of one size the parameters come last.
    assert found == [
        ("gradient of weight", "gradients", weight, "aten.mm"),
        ("exp_avg of weight", "optimizer state", weight, "aten.zeros_like"),
        ("exp_avg_sq of weight", "optimizer state", weight, "aten.zeros_like"),
        ("aten.sqrt", "temporaries", weight, "aten.sqrt"),
        ("aten.div", "temporaries", weight, "aten.div"),
        ("weight", "parameters", weight, ""),
        ("gradient of bias", "gradients", bias, "aten.sum"),
        ("exp_avg of bias", "optimizer state", bias, "aten.zeros_like"),
        ("exp_avg_sq of bias", "optimizer state", bias, "aten.zeros_like"),
        ("bias", "parameters", bias, ""),
    ]


@given(ANY, st.sampled_from(["SGD", "Adam", {"foreach": True}]))
@QUICKLY
def test_sums(plan: Plan, training: object) -> None:
    """Categories, module rows, tensors and the timeline tell the same as the metric."""
    burden = measure(network(plan), spec(2), training=training)
    check(burden)
    inputs = 2 * 3 * 8 * 6 * 4
    learnt = 4 * burden.trainable_params
    moments = 0 if training == "SGD" else 2 * learnt
    training_memory, saved = burden.training_memory or 0, burden.saved_memory or 0
    assert training_memory >= burden.model_memory + inputs + saved
    assert training_memory >= burden.model_memory + inputs + learnt + moments
    assert (burden.training_macs or 0) >= burden.macs


@pytest.mark.parametrize("name", LEARNERS)
def test_sums_of_written_networks(name: str) -> None:
    """The same for networks of many kinds."""
    build, args = LEARNERS[name]
    check(measure(build, args, training={"optimizer": "AdamW", "foreach": True}))


@given(plans([name for name in LAYERS if "norm" not in name]), st.integers(1, 4))
@QUICKLY
def test_twice_the_batch(plan: Plan, batch: int) -> None:
    """Without statistics all that is saved grows as the batch does."""
    single = measure(network(plan), spec(batch), training="SGD").saved_memory
    double = measure(network(plan), spec(2 * batch), training="SGD").saved_memory
    assert double == 2 * (single or 0)


@given(ANY)
@QUICKLY
def test_no_less_than_one_operator(plan: Plan) -> None:
    """The peak is no less than the inputs with all that any one operator returns."""
    recorded = trace(network(plan), [read_specs(spec(2))], {})
    made_by = [0] * len(recorded.calls)
    for storage in recorded.storages:
        if storage.role == "result":
            made_by[storage.birth] += storage.nbytes
    peak = measure(network(plan), spec(2)).peak_memory
    assert peak >= 2 * 3 * 8 * 6 * 4 + max(made_by)


@pytest.mark.parametrize("part", ["stem", "blocks.0", "blocks.2"])
def test_freezing_takes_less(part: str) -> None:
    """A part that does not learn needs neither gradients nor moments."""

    def measured(*, learns: bool) -> Burden:
        model = Blocks()
        model.get_submodule(part).requires_grad_(requires_grad=learns)
        return measure(model, "float32[64, 8]", training="Adam")

    whole, less = measured(learns=True), measured(learns=False)
    assert (less.training_memory or 0) < (whole.training_memory or 0)
    assert (less.saved_memory or 0) <= (whole.saved_memory or 0)
    assert (less.training_macs or 0) < (whole.training_macs or 0)
    assert less.peak_memory == whole.peak_memory


def test_more_batches_keep_no_more() -> None:
    """Accumulated gradients are kept, what a batch has saved is not."""
    one, three = (
        measure(normal_cnn, spec(4), training={"optimizer": "SGD", "accumulate": count})
        for count in (1, 3)
    )
    assert three.saved_memory == one.saved_memory
    gradients = 4 * one.trainable_params
    assert 0 <= (three.training_memory or 0) - (one.training_memory or 0) <= gradients
    assert three.training_macs == 3 * (one.training_macs or 0)


def test_a_factory_is_as_its_network() -> None:
    """Built without memory, or given: the same figures."""
    for name in ("convolutions with norms", "mixer", "graph"):
        build, args = LEARNERS[name]
        given_args, _ = drawn(args, None)
        built = measure(build(), given_args, training="Adam")
        assert measure(build, given_args, training="Adam") == built
