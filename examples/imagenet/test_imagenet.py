"""Budgets beside the tests: no network may become heavier than it was published."""

from __future__ import annotations

from collections.abc import Callable
from pkgutil import resolve_name

import pytest
from networks.resnet import resnet_50, resnext_50_32x4d
from published import TABLE, Published

import pytest_burden

Measure = Callable[..., pytest_burden.Burden]


def published_budget(network: Published) -> pytest.MarkDecorator:
    """Return the published figures as limits; they are rounded, so half a unit is added."""
    flops, unit = network.flops.split()
    return pytest.mark.burden(
        max_model_memory=f"{int(network.model_memory.split()[0]) + 0.5} MiB",
        max_activation_memory=f"{int(network.feature_memory.split()[0]) + 0.5} MiB",
        max_flops=f"{int(flops) + 0.5} {unit}",
    )


@pytest.mark.parametrize(
    "network",
    [pytest.param(network, id=network.name, marks=published_budget(network)) for network in TABLE],
)
def test_no_heavier_than_published(network: Published, burden: Measure) -> None:
    """A budget for each parameter set, as marks."""
    burden(resolve_name(f"networks.{network.build}"), network.input)


@pytest.mark.burden(max_gflops=4.5)
class TestResidualNetworks:
    """A budget for all tests of a class; each test may tighten it."""

    @pytest.mark.burden(max_params="25.6M")
    def test_resnet_50(self, burden: Measure) -> None:
        """The limit of the function and the limit of the class both hold."""
        burden(resnet_50, "float32[1, 3, 224, 224]")

    def test_resnext_has_fewer_parameters(self, burden: Measure) -> None:
        """Two measurements in one test, and an assertion of its own."""
        resnext = burden(resnext_50_32x4d, "float32[1, 3, 224, 224]", name="resnext")
        resnet = burden(resnet_50, "float32[1, 3, 224, 224]", name="resnet")
        assert resnext.params < resnet.params
