"""torchvision's networks, beside the parameters and multiply-adds published with their weights.

``weights.meta`` has ``num_params``, and in ``_ops`` the multiply-adds in 10^9, of one image (or 16
frames, or two images) of 512 x 512 that went through ``weights.transforms()``.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models

from pytest_burden import measure
from tests.zoo.checked import (
    Network,
    abstract,
    counted,
    elements,
    same_for_real,
    same_in_training,
    uncounted,
)

Weights = Any  # the package has no types
GROUPS = (
    models,
    models.segmentation,
    models.video,
    models.optical_flow,
    models.quantization,
)


def published(*groups: ModuleType) -> list[Any]:
    """Return all weights that are published for the networks of some modules."""
    return [
        pytest.param(name, weights, id=f"{name}-{weights.name}")
        for group in groups
        for name in models.list_models(module=group)
        for weights in models.get_model_weights(name)
    ]


def factory(name: str, weights: Weights) -> Callable[[], nn.Module]:
    """Return a factory of the network that takes these weights, without them."""
    settings: dict[str, Any] = {}
    if name.startswith("vit_"):
        settings = {"image_size": weights.meta["min_size"][0]}
    elif "DeepLab" in str(weights) or "FCN_" in str(weights):
        settings = {"weights_backbone": None, "aux_loss": True}
    elif "COCO" in str(weights):
        settings = {"weights_backbone": None}
    return lambda: models.get_model(name, **settings)


def images(name: str, weights: Weights) -> list[Any]:
    """Return what goes into a network where its multiply-adds are published."""
    preprocess = weights.transforms()
    if name.startswith("raft"):
        return list(preprocess(torch.zeros(1, 3, 512, 512), torch.zeros(1, 3, 512, 512)))
    if name in models.list_models(module=models.detection):
        return [[preprocess(torch.zeros(3, 512, 512))]]
    frames = (16,) if name in models.list_models(module=models.video) else ()
    return [preprocess(torch.zeros(1, *frames, 3, 512, 512))]


AUXILIARY = {"googlenet": 6_379_984, "quantized_googlenet": 6_379_984}
"""Parameters of the two auxiliary heads, which GoogLeNet's published number is without.

A network made by torchvision has them, until weights are loaded into it. The number published for
Inception v3 is with its one head.
"""


@pytest.mark.parametrize(("name", "weights"), published(*GROUPS))
@pytest.mark.filterwarnings("ignore")
def test_published(name: str, weights: Weights) -> None:
    """Parameters exactly, multiply-adds to the last published digit, nothing uncounted."""
    burden = abstract(factory(name, weights), images(name, weights))
    assert burden.params == weights.meta["num_params"] + AUXILIARY.get(name, 0)
    assert round(burden.macs / 1e9, 3) == weights.meta["_ops"]


def smallest(*groups: ModuleType) -> list[str]:
    """Return the network with the fewest parameters of each file of some modules."""
    found: dict[str, tuple[int, str]] = {}
    for group in groups:
        for name in models.list_models(module=group):
            file = models.get_model_builder(name).__module__
            weights = next(iter(models.get_model_weights(name)))
            size = weights.meta["num_params"]
            found[file] = min(found.get(file, (size, name)), (size, name))
    return [name for _, name in found.values()]


@pytest.mark.parametrize("name", smallest(models.quantization))
@pytest.mark.filterwarnings("ignore")
def test_quantized(name: str) -> None:
    """Quantised kernels do the same multiply-adds; a folded batch norm leaves one bias a channel.

    torch has no shape functions for these kernels: they are measured in a real run.
    """
    settings = {"init_weights": False} if "inception" in name or "googlenet" in name else {}
    folded = sum(
        module.num_features
        for module in models.get_model(name, quantize=False, **settings).modules()
        if isinstance(module, nn.BatchNorm2d)
    )
    model = models.get_model(name, quantize=True, **settings)
    weights = next(iter(models.get_model_weights(name)))
    burden = measure(model, images(name, weights))
    assert burden.params == weights.meta["num_params"] + AUXILIARY.get(name, 0) - folded
    assert round(burden.macs / 1e9, 3) == weights.meta["_ops"]
    assert (uncounted(burden), burden.method) == ([], "real")
    assert "has no shape function" in burden.reason
    assert "packed" in burden.lower_bounds["peak_memory"]


SHAPES = {
    "vit_b_16": "1, 3, 224, 224",  # of the published size alone
    "inception_v3": "2, 3, 299, 299",  # what its auxiliary head needs
    **dict.fromkeys(("mc3_18", "swin3d_t"), "1, 3, 8, 64, 64"),
    "s3d": "1, 3, 16, 224, 224",
    "raft_small": "1, 3, 128, 128",
}
"""Where a network does not take two images of 96 x 96."""


TOO_SLOW = {"maxvit_t", "mvit_v2_s"}
"""Networks that take images of the published size alone, and more than a minute for them."""
SMALLEST = [name for name in smallest(*GROUPS[:-1]) if name not in TOO_SLOW]


def small(name: str) -> Network:
    """Return a network, and small inputs."""
    weights = next(iter(models.get_model_weights(name)))
    spec = f"float32[{SHAPES.get(name, '2, 3, 96, 96')}]"
    return Network(name, factory(name, weights), [spec] * (1 + name.startswith("raft")))


@pytest.mark.parametrize("name", SMALLEST)
@pytest.mark.filterwarnings("ignore")
def test_same(name: str) -> None:
    """The smallest network of each file does for real what is measured of it without data."""
    same_for_real(*small(name).parts)


@pytest.mark.parametrize("name", SMALLEST)
@pytest.mark.filterwarnings("ignore")
def test_same_in_training(name: str) -> None:
    """And it takes what is predicted in two training steps."""
    same_in_training(*small(name).parts)


BOXES = models.list_models(module=models.detection)
FROZEN = {
    *("fasterrcnn_mobilenet_v3_large_320_fpn", "fasterrcnn_mobilenet_v3_large_fpn"),
    *("fasterrcnn_resnet50_fpn", "fcos_resnet50_fpn", "keypointrcnn_resnet50_fpn"),
    *("maskrcnn_resnet50_fpn", "retinanet_resnet50_fpn"),
}
"""Networks that were published with a backbone of frozen batch norms, which have no parameters."""


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.filterwarnings("ignore")
def test_detection(name: str) -> None:
    """Parameters as published, multiply-adds as torch counts them in a real run of the same boxes.

    Which boxes there are is read from the data, so that the network is measured in a real run.
    """
    size = {} if name.startswith("ssd") else {"min_size": 96, "max_size": 96}
    model = models.get_model(name, weights_backbone=None, **size)
    given = [["float32[3, 80, 96]"]]
    burden = measure(model, given)
    norms = (m for m in model.backbone.modules() if isinstance(m, nn.BatchNorm2d))
    frozen = sum(map(elements, norms)) if name in FROZEN else 0
    for weights in models.get_model_weights(name):
        assert burden.params == weights.meta["num_params"] + frozen
    assert burden.macs == counted(model, given)
    assert (uncounted(burden), burden.method) == ([], "real")
    assert "reads a tensor's values" in burden.reason


@pytest.mark.parametrize("name", [name for name in BOXES if "rcnn" not in name])
@pytest.mark.filterwarnings("ignore")
def test_detection_published(name: str) -> None:
    """Multiply-adds to the last published digit where no head runs for each box that was found."""
    weights = next(iter(models.get_model_weights(name)))
    burden = measure(lambda: models.get_model(name, weights_backbone=None), images(name, weights))
    assert round(burden.macs / 1e9, 3) == weights.meta["_ops"]
