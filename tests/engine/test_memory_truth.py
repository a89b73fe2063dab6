"""Every network that we have, evaluated and trained: predicted as it is, operator by operator."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path

import pytest
from torch import nn

from tests.engine.compared import Build, evaluated, trained
from tests.engine.learners import LEARNERS
from tests.networks import NETWORKS
from tests.networks.cases import CASES, Case
from tests.networks.corners import CORNERS

SMALL = [Case(network.name, network.small, (network.small_spec,), 0) for network in NETWORKS]
WRITTEN = [Case(name, learner.build, learner.args, 0) for name, learner in LEARNERS.items()]
ALL = [*SMALL, *WRITTEN, *CASES, *CORNERS]

OTHER_OPERATORS = frozenset({"inference_mode inside"})
"""A real run does not split the operators that the prediction splits."""


@pytest.mark.parametrize("case", [c for c in ALL if c.name not in OTHER_OPERATORS], ids=str)
@pytest.mark.filterwarnings("ignore")
def test_forward(case: Case) -> None:
    """The evaluation forward takes what is predicted, at its peak and after every operator."""
    assert evaluated(case.build, case.args, case.kwargs).method == way(case)


def way(case: Case) -> str:
    """Return how a network must be traced: for real it would only agree with itself."""
    return "real" if case.reads else "abstract"


def learns(case: Case) -> bool:
    """Return whether something depends on a parameter there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = case.build()
    learning = any(parameter.requires_grad for parameter in model.parameters())
    return learning and case.name not in NOTHING_TO_LEARN


NOTHING_TO_LEARN = frozenset(
    {
        *("no output", "inference_mode inside", "positions under inference mode"),
        "the input's gradient inside",
        "reentrant checkpoint",  # of an input that asks for no gradient
    }
)


@pytest.mark.parametrize("case", [c for c in ALL if learns(c)], ids=str)
@pytest.mark.filterwarnings("ignore")
def test_training(case: Case) -> None:
    """Two training steps take what is predicted: saved, at the peak, and after every operator."""
    assert trained(case.build, case.args, case.kwargs).method == way(case)


def imagenet(module: str, factory: str) -> Build:
    """Return a factory of one of the example's networks, whose weights nobody draws.

    For half a billion numbers that takes as long as the rest of a test.
    """

    def build() -> nn.Module:
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(Path(__file__).parents[2] / "examples" / "imagenet")
            for drawn in ("kaiming_uniform_", "uniform_"):
                patch.setattr(nn.init, drawn, lambda tensor, *_, **__: nn.init.zeros_(tensor))
            made: nn.Module = getattr(importlib.import_module(f"networks.{module}"), factory)()
        return made

    return build


# Images as small as the networks take: most are flattened for a layer of a fixed width.
IMAGENET = [
    ("alexnet", "alexnet", 1, 227),
    ("squeezenet", "squeezenet_1_0", 2, 80),
    ("squeezenet", "squeezenet_1_1", 2, 64),
    *(
        ("vgg_shallow", f"vgg_{name}", 1, 224)
        for name in ("f", "m", "s", "m_2048", "m_1024", "m_128")
    ),
    *(("vgg_verydeep", f"vgg_{name}", 1, 224) for name in ("16", "19")),
    ("vgg_verydeep", "vgg_16_atrous", 1, 224),
    *(("resnet", f"resnet_{depth}", 1, 193) for depth in (50, 101, 152)),
    *(("resnet", f"resnext_{name}", 1, 193) for name in ("50_32x4d", "101_32x4d", "101_64x4d")),
]


@pytest.mark.parametrize(("module", "factory", "batch", "size"), IMAGENET)
def test_examples(module: str, factory: str, batch: int, size: int) -> None:
    """All 18 of the example's networks, at their full width."""
    build, spec = imagenet(module, factory), f"float32[{batch}, 3, {size}, {size}]"
    evaluated(build, (spec,))
    trained(build, (spec,))


@pytest.mark.parametrize("case", [c for c in ALL if "LSTM" in c.name or c.name == "lstm"], ids=str)
@pytest.mark.filterwarnings("ignore")
def test_recurrent_layers_are_flagged(case: Case) -> None:
    """Storages are right, but every metric of memory says that a kernel may keep more."""
    burden = trained(case.build, case.args, case.kwargs)
    named = {"peak_memory", "saved_memory", "training_memory"}
    assert named & set(burden.lower_bounds) == (set() if "Cell" in case.name else named)
