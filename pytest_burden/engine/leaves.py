"""What becomes of each tensor when a network and its inputs are copied for a run."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from pytest_burden.engine.abstract import (
    CPU,
    LAZY,
    AbstractTensor,
    Token,
    abstract,
    dense_spec,
    intern,
    needs_data,
)
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.recorder import LARGE
from pytest_burden.engine.schema import DTYPES
from pytest_burden.engine.spec import Spec, contiguous_strides
from pytest_burden.engine.trace import Role
from pytest_burden.errors import MeasureError
from pytest_burden.inputs import InputSpec

_PLAIN = (torch.Tensor, nn.Parameter, AbstractTensor)


class _Leaves:
    def __init__(self, homes: Homes) -> None:
        """Register every storage in ``homes``."""
        self._homes = homes

    def _role(self, tensor: torch.Tensor) -> Role:
        kind = type(tensor)
        if kind is nn.Parameter:
            return "parameter"
        # What isinstance(tensor, nn.Parameter) asks, less its way through a metaclass.
        if getattr(tensor, "_is_param", False) or issubclass(kind, nn.Parameter):
            return "parameter"
        return "constant"

    def _at_home(self, made: torch.Tensor, role: Role) -> torch.Tensor:
        self._homes.token(made, role)
        return made

    def _abstract(self, spec: Spec, role: Role) -> AbstractTensor:
        return abstract(spec, Token(self._homes.tape, spec.storage_bytes, role))


class AbstractLeaves(_Leaves):
    """Makes tensors abstract; small ones of known value become real copies."""

    def __init__(self, homes: Homes, built: Homes | None = None) -> None:
        """Register in ``homes``; ``built`` knows the network's real tensors if we built it."""
        super().__init__(homes)
        self._built = built

    def __call__(self, tensor: torch.Tensor | InputSpec) -> torch.Tensor:
        """Return what stands for ``tensor`` in the run."""
        if isinstance(tensor, InputSpec):
            return self._from_spec(tensor)
        if not _describable(tensor):
            if isinstance(tensor, LAZY):
                needs_data("its lazy modules are not initialised")
            needs_data(f"a {type(tensor).__name__} of layout {tensor.layout}")
        role = self._role(tensor)
        if role != "parameter" and self._keeps_values(tensor):
            return self._at_home(tensor.detach().to(CPU, copy=True), role)
        made = self._abstract(dense_spec(tensor), role)
        if tensor.requires_grad:
            made.requires_grad = True
        if role == "parameter":
            made._is_param = True
        return made

    def _keeps_values(self, tensor: torch.Tensor) -> bool:
        return _stays_real(tensor) and (self._built is None or self._built.trusts(tensor))

    def _from_spec(self, spec: InputSpec) -> torch.Tensor:
        dtype = DTYPES[spec.dtype]
        size = torch.Size(spec.shape)
        if size.numel() <= LARGE and not (dtype.is_floating_point or dtype.is_complex):
            return self._at_home(torch.full(size, spec.fill, dtype=dtype), "input")
        strides = contiguous_strides(size)
        described = intern(tuple(size), strides, 0, dtype, size.numel() * dtype.itemsize)
        return self._abstract(described, "input")


class RealLeaves(_Leaves):
    """Copies tensors with their data to a device; a spec is drawn from N(0, 1), or filled.

    Raises:
        MeasureError: a tensor has no data.
    """

    def __init__(self, homes: Homes, device: torch.device = CPU) -> None:
        """Register in ``homes`` what is copied to ``device``."""
        super().__init__(homes)
        self._device = device

    def __call__(self, tensor: torch.Tensor | InputSpec) -> torch.Tensor:
        """Return what stands for ``tensor`` in the run."""
        if isinstance(tensor, InputSpec):
            return self._at_home(_drawn(tensor).to(self._device), "input")
        if isinstance(tensor, LAZY):
            return _without_shape(tensor, self._device)
        return self._at_home(_copied(tensor, self._device), self._role(tensor))


def _copied(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    if tensor.is_meta or type(tensor) is AbstractTensor:
        raise MeasureError("its tensors have no data (they are on the meta device)")
    made: torch.Tensor = tensor.detach().to(device, copy=True)
    if isinstance(tensor, nn.Parameter):
        made = nn.Parameter(made, requires_grad=tensor.requires_grad)
    elif tensor.requires_grad:
        made.requires_grad_()
    return made


def _without_shape(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    kind: Any = type(tensor)  # whose arguments the stubs take for those of its base
    made: torch.Tensor = kind(tensor.requires_grad, device=device, dtype=tensor.dtype)
    return made


def _drawn(spec: InputSpec) -> torch.Tensor:
    dtype = DTYPES[spec.dtype]
    if dtype.is_floating_point or dtype.is_complex:
        drawable = dtype if dtype.itemsize > 1 else torch.float32
        return torch.randn(spec.shape, dtype=drawable).to(dtype)
    return torch.full(spec.shape, spec.fill, dtype=dtype)


def _describable(tensor: torch.Tensor) -> bool:
    return (
        (type(tensor) in _PLAIN or type(tensor).__name__ in ("Buffer", "FakeTensor"))
        and tensor.layout is torch.strided
        and not tensor.is_quantized
        and not tensor.is_nested
    )


def _stays_real(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is small, and its values are at hand."""
    dtype = tensor.dtype
    return (
        tensor.numel() <= (1 if dtype.is_floating_point or dtype.is_complex else LARGE)
        and not tensor.is_meta
        and type(tensor).__name__ not in ("AbstractTensor", "FakeTensor")
    )
