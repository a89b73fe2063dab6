"""Hand-made burdens and limits for tests of the parts that know no torch."""

from __future__ import annotations

from pytest_burden.budget.limits import Limit
from pytest_burden.burden import Burden, Figures, HeldTensor, ModuleRow, OpRow, Peak

STEM = Figures(900, 1_000_000_000, 1_010_000_000, 4 * 2**20)
BODY = Figures(2_000_000, 2_570_000_000, 2_600_000_000)
ACT = Figures(flops=9_000_000)
PROJ = Figures(999_100, 230_000_000, 231_000_000, 40)
IMAGE = "float32[1, 3, 224, 224]"
MODULES = (
    ModuleRow("", "Classifier", 1, Figures(), STEM + BODY + ACT + PROJ, (IMAGE,), ("float32[10]",)),
    ModuleRow("stem", "Conv2d", 1, STEM, STEM, (IMAGE,), ("float32[1, 64, 112, 112]",)),
    ModuleRow("body.0.conv", "Conv2d", 2, BODY, BODY),
    ModuleRow("head.act", "ReLU", 1, ACT, ACT),
    ModuleRow("head.proj", "Linear", 1, PROJ, PROJ, (), ("float32[10]",)),
)
"""Their own figures sum up to those of `burden`."""


def burden(**changed: object) -> Burden:
    """Return a burden as the engine would, some of its fields changed."""
    fields: dict[str, object] = {
        "model": "Classifier",
        "inputs": (IMAGE,),
        "params": 3_000_000,
        "trainable_params": 2_999_100,
        "param_memory": 12_000_000,
        "buffer_memory": 0,
        "model_memory": 12_000_000,
        "macs": 3_800_000_000,
        "flops": 3_850_000_000,
        "activation_memory": 4 * 2**20 + 40,
        "peak_memory": 5 * 2**20,
        "modules": 5,
        "ops": 4,
        "uncounted_ops": 0,
        "torch": "2.13.0",
        "module_rows": MODULES,
        "op_rows": (OpRow("aten.convolution", "counted", 3), OpRow("aten.relu", "counted", 1)),
    }
    return Burden(**(fields | changed))  # type: ignore[arg-type] # each field has its type


def uncounted(calls: int = 3) -> Burden:
    """Return a burden with calls of operators that no rule knows."""
    rows = (
        OpRow("aten.convolution", "counted", 3),
        OpRow("aten.linalg_svd", "uncounted", calls - 1),
        OpRow("mylib.myop", "uncounted", 1),
    )
    return burden(uncounted_ops=calls, op_rows=rows)


PEAK = Peak(
    metric="peak_memory",
    nbytes=5 * 2**20,
    call=7,
    op="aten.relu",
    module="body.0.act",
    phase="forward",
    categories={"activations": 5 * 2**20 - 602_112, "inputs": 602_112},
    tensors=(
        HeldTensor(
            "activations", "aten.convolution", "float32[1, 64, 112, 112]", 3_211_264, "stem", 0, 9
        ),
        HeldTensor("activations", "aten.add", "float32[1, 8, 56, 56]", 1_429_504, "", 6, None),
        HeldTensor("inputs", "input", IMAGE, 602_112, "", 0, None),
    ),
    timeline=(1, 2, 3),
)
STEP = Peak(
    metric="training_memory",
    nbytes=40 * 2**20,
    call=58,
    op="aten.sqrt",
    module="",
    phase="optimizer of step 1",
    categories={"parameters": 20 * 2**20, "gradients": 20 * 2**20},
    tensors=(
        HeldTensor("gradients", "gradient of head.proj.weight", "", 20 * 2**20, "head.proj", 5, 9),
    ),
    phases=(("forward of step 1", 0), ("backward of step 1", 20), ("optimizer of step 1", 50)),
)


def trained(**changed: object) -> Burden:
    """Return a burden with a training step."""
    fields: dict[str, object] = {
        "peaks": (PEAK, STEP),
        "saved_memory": 4 * 2**20,
        "training_memory": 40 * 2**20,
        "training_macs": 11 * 10**9,
        "training_flops": 12 * 10**9,
        "training": "Adam, for-loop",
    }
    return burden(**(fields | changed))


def limit(metric: str, maximum: int, where: str = "tests/test_m.py:12") -> Limit:
    """Return a limit written in a test."""
    return Limit(metric, maximum, where)
