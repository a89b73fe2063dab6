"""torchvision, also where its compiled operators do not load.

Its classifiers need none of them, but the import fails where the library of operators was built
for another torch: torchvision describes the operators' shapes, and they do not exist. Declaring
them is enough for that.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import torch

_POOLED = "float spatial_scale, SymInt pooled_height, SymInt pooled_width"
_ROIS = f"Tensor rois, {_POOLED}"
_BOXES = f"Tensor input, {_ROIS}"
_MAPPED = "Tensor grad, Tensor rois, Tensor channel_mapping"
_ALIGNED = "int sampling_ratio, bool aligned"
_SHAPE = "SymInt batch_size, SymInt channels, SymInt height, SymInt width"
_STEPS = "SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h"
_GROUPS = "SymInt dilation_w, SymInt groups, SymInt offset_groups, bool use_mask"
_DEFORMED = "Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias"
_FIVE = "(Tensor, Tensor, Tensor, Tensor, Tensor)"

OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    f"roi_align({_BOXES}, {_ALIGNED}) -> Tensor",
    f"_roi_align_backward(Tensor grad, {_ROIS}, {_SHAPE}, {_ALIGNED}) -> Tensor",
    f"roi_pool({_BOXES}) -> (Tensor, Tensor)",
    f"_roi_pool_backward(Tensor grad, Tensor rois, Tensor argmax, {_POOLED}, {_SHAPE}) -> Tensor",
    f"ps_roi_align({_BOXES}, int sampling_ratio) -> (Tensor, Tensor)",
    f"_ps_roi_align_backward({_MAPPED}, {_POOLED}, int sampling_ratio, {_SHAPE}) -> Tensor",
    f"ps_roi_pool({_BOXES}) -> (Tensor, Tensor)",
    f"_ps_roi_pool_backward({_MAPPED}, {_POOLED}, {_SHAPE}) -> Tensor",
    f"deform_conv2d({_DEFORMED}, {_STEPS}, {_GROUPS}) -> Tensor",
    f"_deform_conv2d_backward(Tensor grad, {_DEFORMED}, {_STEPS}, {_GROUPS}) -> {_FIVE}",
)
_declared: list[torch.library.Library] = []
"""Operators live as long as their library."""


def load() -> Any:
    """Return torchvision, or None if it is not installed."""
    try:
        return importlib.import_module("torchvision")
    except ModuleNotFoundError:
        return None
    except RuntimeError:  # an operator does not exist
        library = torch.library.Library("torchvision", "DEF")
        for schema in OPERATORS:
            library.define(schema)
        _declared.append(library)
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    return importlib.import_module("torchvision")
