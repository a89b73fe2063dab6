"""Networks of other packages: torchvision must be made importable before a test imports it."""

from __future__ import annotations

import torch

from tests.zoo import stand_ins

STAND_INS = stand_ins.load()
torch.set_num_threads(1)  # tests run side by side


def pytest_report_header() -> str:
    """Say whose operators of torchvision the tests run."""
    return f"torchvision's operators: {'stand-ins' if STAND_INS else 'its own'}"
