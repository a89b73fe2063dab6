"""What becomes of each tensor when a network and its inputs are copied for a run."""

from __future__ import annotations

from functools import cached_property
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
    placed,
)
from pytest_burden.engine.copying import Copier
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.recorder import LARGE
from pytest_burden.engine.schema import DTYPES
from pytest_burden.engine.spec import Spec, contiguous_strides
from pytest_burden.engine.trace import Role
from pytest_burden.errors import MeasureError
from pytest_burden.inputs import InputSpec

_SMALL = 8 * LARGE
"""Bytes of a storage up to which values in it are kept together with their neighbours."""

_FEW = 16
"""Floating-point numbers up to which a tensor that is no state has its values.

The strides of a detector's levels, the mean and deviation of images: networks read them.
"""

_PLAIN = (torch.Tensor, nn.Parameter, AbstractTensor)


Inputs = tuple[list[Any], dict[str, Any]]
"""Positional and by keyword."""


class _Leaves:
    def __init__(self, homes: Homes) -> None:
        """Register every storage in ``homes``."""
        self._homes = homes
        self.buffers = False
        self.inputs = False
        """Whether inputs are copied now. What these are slices of is none of the network's cost:

        each gets a compact storage of its own, as if it had been given by its spec. Of a network,
        tensors that share a storage share its copy.
        """

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


class AbstractLeaves(_Leaves):
    """Makes tensors abstract; small ones of known value become real copies."""

    def __init__(
        self, homes: Homes, built: Homes | None = None, network: nn.Module | None = None
    ) -> None:
        """Register in ``homes``; ``built`` knows the network's real tensors if we built it."""
        super().__init__(homes)
        self._built = built
        self._network = network
        self._tokens: dict[int, Token] = {}
        self._copies = _Copies(CPU)

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
            small = tensor.untyped_storage().nbytes() <= _SMALL
            copied = self._copies.of(tensor, shared=small and not self.inputs)
            return self._at_home(copied, role)
        if self.inputs:
            made = self._compact(dense_spec(tensor))
        else:
            spec, storage = placed(tensor)
            made = abstract(spec, self._token(storage, spec.storage_bytes, role))
        if tensor.requires_grad:
            made.requires_grad = True
        if role == "parameter":
            made._is_param = True
        return made

    def _compact(self, spec: Spec) -> AbstractTensor:
        return abstract(spec, Token(self._homes.tape, spec.storage_bytes, "input"))

    def _token(self, key: int, nbytes: int, role: Role) -> Token:
        """Return the token of the copy of a storage."""
        token = self._tokens.get(key)
        if token is None:
            token = self._tokens[key] = Token(self._homes.tape, nbytes, role)
        elif role == "parameter":  # met first as a tensor that a module holds beside it
            self._homes.tape.storages[token.index].role = role
        return token

    def _keeps_values(self, tensor: torch.Tensor) -> bool:
        state = self.buffers or self.inputs
        floats = 1 if state or not 1 < tensor.numel() <= _FEW else self._floats(tensor)
        return _stays_real(tensor, floats) and (self._built is None or self._built.trusts(tensor))

    def _floats(self, tensor: torch.Tensor) -> int:
        """Return how many floating-point numbers a small tensor of the network may keep.

        One, if it is or shares what a training step changes; it is not asked where this is plain.
        """
        if tensor.requires_grad or tensor.is_meta or type(tensor) is not torch.Tensor:
            return 1
        storage = tensor.untyped_storage()
        alone = storage.nbytes() <= _FEW * tensor.dtype.itemsize  # not cut from something large
        return _FEW if alone and storage._cdata not in self._state else 1

    @cached_property
    def _state(self) -> set[int]:
        """The storages of parameters and buffers as small as what may have its values."""
        modules = () if self._network is None else self._network.modules()
        return {
            state.untyped_storage()._cdata
            for module in modules
            for state in (*module._parameters.values(), *module._buffers.values())
            if state is not None and type(state) in _PLAIN[:2] and state.layout is torch.strided
            if state.numel() <= _FEW
        }

    def _from_spec(self, spec: InputSpec) -> torch.Tensor:
        dtype = DTYPES[spec.dtype]
        size = torch.Size(spec.shape)
        if size.numel() <= LARGE and not (dtype.is_floating_point or dtype.is_complex):
            return self._at_home(torch.full(size, spec.fill, dtype=dtype), "input")
        strides = contiguous_strides(size)
        described = intern(tuple(size), strides, 0, dtype, size.numel() * dtype.itemsize)
        return self._compact(described)


class RealLeaves(_Leaves):
    """Copies tensors with their data to a device; a spec is drawn from N(0, 1), or filled.

    Raises:
        MeasureError: a tensor has no data.
    """

    def __init__(self, homes: Homes, device: torch.device = CPU) -> None:
        """Register in ``homes`` what is copied to ``device``."""
        super().__init__(homes)
        self._device = device
        self._copies = _Copies(device)

    def __call__(self, tensor: torch.Tensor | InputSpec) -> torch.Tensor:
        """Return what stands for ``tensor`` in the run."""
        if isinstance(tensor, InputSpec):
            return self._at_home(_drawn(tensor).to(self._device), "input")
        if isinstance(tensor, LAZY):
            return _without_shape(tensor, self._device)
        return self._at_home(self._copied(tensor), self._role(tensor))

    def _copied(self, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.is_meta or type(tensor) is AbstractTensor:
            raise MeasureError("its tensors have no data (they are on the meta device)")
        made = self._copies.of(tensor, shared=not self.inputs)
        if isinstance(tensor, nn.Parameter):
            made = nn.Parameter(made, requires_grad=tensor.requires_grad)
        elif tensor.requires_grad:
            made.requires_grad_()
        return made


def copies(
    module: nn.Module, inputs: Inputs, leaves: AbstractLeaves | RealLeaves
) -> tuple[nn.Module, Inputs]:
    """Return copies of a network and its inputs, with what ``leaves`` makes of each tensor."""
    copier = Copier(leaves)
    network = copier.copy(module)
    leaves.inputs = True
    return network, copier.copy(inputs)


class _Copies:
    """Copies of tensors with their data; what shares a storage can share its copy."""

    def __init__(self, device: torch.device) -> None:
        """Copy to ``device``."""
        self._device = device
        self._made: dict[int, torch.UntypedStorage] = {}

    def of(self, tensor: torch.Tensor, *, shared: bool) -> torch.Tensor:
        """Return a copy outside of autograd, compact unless its storage is ``shared``."""
        source = tensor.detach()
        if not shared or not _describable(tensor) or source.is_conj() or source.is_neg():
            return source.to(self._device, copy=True)
        storage = source.untyped_storage()
        address = storage._cdata
        copied = self._made.get(address)
        if copied is None:
            # The counter of a batch norm, say: the most common by far.
            if not source.shape and storage.nbytes() == source.dtype.itemsize:
                alone = source.to(self._device, copy=True)
                self._made[address] = alone.untyped_storage()
                return alone
            flat = torch.empty(0, dtype=torch.uint8, device=source.device).set_(storage)
            copied = self._made[address] = flat.to(self._device, copy=True).untyped_storage()
        made = torch.empty(0, dtype=source.dtype, device=self._device)
        return made.set_(copied, source.storage_offset(), source.shape, source.stride())


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


def _stays_real(tensor: torch.Tensor, floats: int) -> bool:
    """Return whether a tensor is small, and its values are at hand."""
    dtype = tensor.dtype
    return (
        tensor.numel() <= (floats if dtype.is_floating_point or dtype.is_complex else LARGE)
        and not tensor.is_meta
        and type(tensor).__name__ not in ("AbstractTensor", "FakeTensor")
    )
