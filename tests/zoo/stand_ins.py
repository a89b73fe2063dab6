"""torchvision's compiled operators, in Python, where its own library does not load.

The library is built for one build of torch. Beside another one ``import torchvision`` fails, for
its Python part refers to operators that nobody declared. Here they are declared as torchvision
declares them, and the two that detection networks call can be run.

What they compute is not torchvision's: `roi_align` pools nothing, and so which boxes `nms` keeps in
a network is chance. The shapes of what they return, given their inputs, are those of the originals.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

SCHEMAS = """
_cuda_version() -> int
nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor
qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor
roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, \
    SymInt pooled_width, int sampling_ratio, bool aligned) -> Tensor
roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, \
    SymInt pooled_width) -> (Tensor, Tensor)
ps_roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, \
    SymInt pooled_width, int sampling_ratio) -> (Tensor, Tensor)
ps_roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, \
    SymInt pooled_width) -> (Tensor, Tensor)
deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, \
    SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, \
    SymInt dilation_w, SymInt groups, SymInt offset_groups, bool use_mask) -> Tensor
"""
"""The operators of a forward, one a line, from torchvision's ``csrc/ops``."""

_libraries: list[torch.library.Library] = []
"""Kept: with the last reference to a library its operators go."""


def load() -> bool:
    """Make torchvision importable; return whether its operators are stand-ins."""
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        return False  # the import says it better
    try:
        for library in Path(found.origin).parent.glob("_C.*"):
            torch.ops.load_library(library)
            return False
    except (ImportError, OSError):
        pass
    _declare()
    return True


def _declare() -> None:
    library = torch.library.Library("torchvision", "DEF")
    for schema in SCHEMAS.split("\n")[1:-1]:
        library.define(schema)
    library.impl("nms", nms, "CPU")
    library.impl("roi_align", roi_align, "CompositeExplicitAutograd")
    _libraries.append(library)
    extension = importlib.import_module("torchvision.extension")
    vars(extension)["_has_ops"] = lambda: (
        True
    )  # its Python functions ask before they call an operator


def nms(dets: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Return the boxes that overlap none with a higher score, the highest score first."""
    left_top = torch.maximum(dets[:, None, :2], dets[None, :, :2])
    right_bottom = torch.minimum(dets[:, None, 2:], dets[None, :, 2:])
    shared = (right_bottom - left_top).clamp(min=0).prod(dim=2)
    area = (dets[:, 2:] - dets[:, :2]).prod(dim=1)
    overlapping = shared > iou_threshold * (area[:, None] + area - shared)
    left, kept = torch.ones_like(scores, dtype=torch.bool), []
    for box in scores.argsort(descending=True, stable=True).tolist():
        if left[box]:
            kept.append(box)
            left &= ~overlapping[box]
    return torch.tensor(kept, dtype=torch.int64)


def roi_align(  # noqa: PLR0913, PLR0917 the operator's own arguments
    input: torch.Tensor,  # noqa: A002 and its own names
    rois: torch.Tensor,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
    aligned: bool,
) -> torch.Tensor:
    """Return zeros in the place of what each region holds."""
    del spatial_scale, sampling_ratio, aligned
    return input.new_zeros(rois.shape[0], input.shape[1], pooled_height, pooled_width)
