"""Budgets for PyTorch networks: parameters, FLOPs, memory, held by pytest.

The public names are imported when first used, so that importing this package imports no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_burden.burden import (
        METRICS,
        Burden,
        Convention,
        CudaRun,
        Figures,
        HeldTensor,
        Metric,
        ModuleRow,
        OpRow,
        Peak,
    )
    from pytest_burden.engine.fit import fit
    from pytest_burden.engine.measure import measure
    from pytest_burden.engine.rules.own import rule
    from pytest_burden.engine.rules.registry import Cost
    from pytest_burden.engine.spec import Spec
    from pytest_burden.engine.sweep import sweep
    from pytest_burden.errors import BurdenError, MeasureError
    from pytest_burden.sweeps import Fit, Sweep

__version__ = "0.1.0"

_HOME = {
    "METRICS": "burden",
    "Burden": "burden",
    "Convention": "burden",
    "CudaRun": "burden",
    "Figures": "burden",
    "HeldTensor": "burden",
    "Metric": "burden",
    "ModuleRow": "burden",
    "OpRow": "burden",
    "Peak": "burden",
    "BurdenError": "errors",
    "MeasureError": "errors",
    "Cost": "engine.rules.registry",
    "Spec": "engine.spec",
    "Sweep": "sweeps",
    "Fit": "sweeps",
    "fit": "engine.fit",
    "measure": "engine.measure",
    "sweep": "engine.sweep",
    "rule": "engine.rules.own",
}

__all__ = [
    "METRICS",
    "Burden",
    "BurdenError",
    "Convention",
    "Cost",
    "CudaRun",
    "Figures",
    "Fit",
    "HeldTensor",
    "MeasureError",
    "Metric",
    "ModuleRow",
    "OpRow",
    "Peak",
    "Spec",
    "Sweep",
    "fit",
    "measure",
    "rule",
    "sweep",
]


def __getattr__(name: str) -> object:
    """Import a public name at its first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
