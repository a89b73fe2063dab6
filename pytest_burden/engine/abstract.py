"""Tensors that have a shape and no data, and the storages that they pretend to live in."""

from __future__ import annotations

import threading
from typing import Any, ClassVar, NoReturn

import torch
from torch.nn.parameter import (  # type: ignore[attr-defined]  # the stubs leave it out
    UninitializedTensorMixin,
)

from pytest_burden.engine.gradients import Gradients
from pytest_burden.engine.schema import DTYPE_NAMES, DTYPES
from pytest_burden.engine.spec import Pending, Spec, contiguous_strides
from pytest_burden.engine.strides import like
from pytest_burden.engine.trace import OpCall, Role, Storage
from pytest_burden.errors import BurdenError, MeasureError

LAZY = (UninitializedTensorMixin,)
"""Tensors that get their shape at the first call of a lazy module."""

CPU = torch.device("cpu")


class NeedsData(Exception):  # noqa: N818 not an error of the user's: it asks for a real run
    """The network reads values that an abstract tensor does not have."""


class Tape:
    """Records of one run, while it runs."""

    def __init__(self) -> None:
        self.calls: list[OpCall] = []
        self.storages: list[Storage] = []
        self.module = 0
        """Index of the innermost module that is running."""
        self.needs_data: tuple[str, int] | None = None
        """What first asked for data, and in which module."""
        self.refused = ""
        """Why the network cannot be measured in any way."""
        self.open = True
        self.gradients: Gradients | None = None
        """Set while a training step runs."""
        self.recurrent = False
        """Whether a recurrent function ran, whose kernels keep memory that is not seen here."""

    def refuse(self, reason: str) -> NoReturn:
        """Give up the run, also if the network's own code catches the exception."""
        self.refused = self.refused or reason
        raise MeasureError(reason)

    def close(self) -> None:
        """Stop the clock: what dies from now on has outlived the trace."""
        self.open = False


def not_followed(what: str) -> str:
    """Return why a network cannot be measured that works on several threads."""
    return f"{what} on another thread, where no operator is seen"


class Token:
    """One storage. Every tensor on it holds the token, so its end is the storage's end."""

    __slots__ = ("index", "tape")

    def __init__(self, tape: Tape, nbytes: int, role: Role) -> None:
        self.index = len(tape.storages)
        tape.storages.append(Storage(nbytes, role, len(tape.calls)))
        self.tape = tape

    def __del__(self) -> None:
        try:
            if self.tape.open:
                self.tape.storages[self.index].death = len(self.tape.calls)
        except AttributeError:  # made where Python had no frames left
            return


def token_of(tape: Tape, index: int) -> Token:
    """Return a token of a storage that is on the tape already, and had none."""
    token = object.__new__(Token)
    token.tape = tape
    token.index = index
    return token


class _Active(threading.local):
    tape: Tape | None = None


active = _Active()
"""The tape that the current thread records on."""


def needs_data(what: str) -> NoReturn:
    """Give up the abstract run, also if the network's own code catches the exception."""
    if active.tape is None:
        raise BurdenError(
            f"{what} on a tensor without data. It was made while pytest-burden measured a network,"
            " and outlived the measurement in a global cache of the network's code."
        )
    active.tape.needs_data = active.tape.needs_data or (what, active.tape.module)
    raise NeedsData(what)


class AbstractTensor(torch.Tensor):
    """A tensor of true shape, strides and dtype on the CPU, without data."""

    __module__ = "torch"  # opt_einsum and autoray ask it, and take another for numpy's
    __slots__ = ("_is_param", "renewed", "spec", "token", "viewed", "writes")
    _is_param: bool
    """Set where it stands for an ``nn.Parameter``: ``isinstance`` looks for it there."""
    spec: Spec
    token: Token
    writes: int
    """Set on a view of what was written to: how often, when the view was made."""
    renewed: AbstractTensor
    """Set on a view that was made before a write: what autograd takes it for since."""
    viewed: Token
    """Set on a view that the dispatcher has not seen: as its base does, it keeps the storage."""

    __torch_function__: ClassVar[Any] = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch declares no signature
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> NoReturn:
        """Reached only outside a recorder: inside, the mode answers first."""
        if active.tape is None:
            for value in args:
                if type(value) is AbstractTensor and value.token.tape.open:
                    value.token.tape.refuse(not_followed(f"{func} runs"))
        needs_data(str(func))

    def __repr__(self, **_options: Any) -> str:  # type: ignore[override]  # torch's has options
        return f"AbstractTensor({self.spec})"

    # What reads data without passing the dispatcher. Data access in C raises as well
    # (see `abstract`), but only here can it be remembered that the run needs data.
    def _no_data(self, *_args: object, **_kwargs: object) -> NoReturn:
        needs_data("direct access to a tensor's data")

    numpy = tolist = __array__ = __dlpack__ = data_ptr = __reduce_ex__ = _no_data
    storage = untyped_storage = _typed_storage = _no_data

    def __format__(self, format_spec: str) -> str:
        return self._no_data() if self.dim() == 0 else object.__format__(self, format_spec)

    def __deepcopy__(self, memo: dict[int, object]) -> torch.Tensor:
        copied = self.detach().clone().requires_grad_(self.requires_grad)
        if hasattr(self, "_is_param"):
            copied._is_param = True
        vars(copied).update(vars(self))
        memo[id(self)] = copied
        return copied

    @property
    def data(self) -> torch.Tensor:
        """The tensor outside of autograd; assigning takes over shape, dtype and storage."""
        return self.detach()

    @data.setter
    def data(self, value: torch.Tensor) -> None:
        torch.Tensor.data.__set__(self, value)  # type: ignore[attr-defined]  # a getset slot
        if isinstance(value, AbstractTensor):
            self.token = value.token
        self.spec = spec_of(self, self.token.tape.storages[self.token.index].nbytes)


_SPECS: dict[tuple[object, ...], Spec] = {}


def intern(  # noqa: PLR0913, PLR0917 a spec is these six facts
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int,
    dtype: torch.dtype,
    storage_bytes: int,
    pending: Pending = "",
) -> Spec:
    """Return the one spec object of these facts, so that specs compare by identity."""
    key = (shape, strides, offset, dtype, storage_bytes, pending)
    spec = _SPECS.get(key)
    if spec is None:
        name = DTYPE_NAMES[dtype]
        spec = _SPECS[key] = Spec(shape, name, strides, offset, storage_bytes, pending)
    return spec


def spec_of(tensor: torch.Tensor, storage_bytes: int | None = None) -> Spec:
    """Return the spec of a tensor as its metadata tells it; strides only where it has them."""
    if isinstance(tensor, LAZY):
        return intern((0,), (1,), 0, tensor.dtype, 0)
    if tensor.layout is not torch.strided or tensor.is_nested:
        if storage_bytes is None:
            storage_bytes = 0
        return intern(shape_of(tensor), (), 0, tensor.dtype, storage_bytes)
    if storage_bytes is None:
        storage_bytes = torch.Tensor.untyped_storage(tensor).nbytes()
    return intern(
        tuple(tensor.shape),
        tensor.stride(),
        int(tensor.storage_offset()),
        tensor.dtype,
        storage_bytes,
        "conj" if tensor.is_conj() else "neg" if tensor.is_neg() else "",
    )


def shape_of(tensor: torch.Tensor) -> tuple[int, ...]:
    """Return the shape of a tensor.

    Raises:
        MeasureError: it is a list of tensors that torch calls one, and has none.
    """
    if tensor.is_nested and tensor.layout is torch.strided:
        raise MeasureError(
            "a nested tensor of layout torch.strided has no shape, and what its operators do cannot"
            " be counted; with layout=torch.jagged it can"
        )
    return tuple(tensor.shape)


_make = torch.Tensor._make_wrapper_subclass
_forbid_data = torch._C._set_throw_on_mutable_data_ptr


def abstract(spec: Spec, token: Token) -> AbstractTensor:
    """Return a tensor of this spec on the storage of ``token``; reading its data raises."""
    tensor: AbstractTensor = _make(AbstractTensor, *(_FORMS.get(spec) or _form(spec)))
    if spec.pending:
        mark_pending(tensor, spec)
    _forbid_data(tensor)
    tensor.spec = spec
    tensor.token = token
    return tensor


_FORMS: dict[Spec, tuple[Any, ...]] = {}


def _form(spec: Spec) -> tuple[Any, ...]:
    """Return what `abstract` hands to torch: by position, and as little as says it all."""
    form: tuple[Any, ...]
    dense = (contiguous_strides(spec.shape), 0, spec.nbytes)
    if (spec.strides, spec.offset, spec.storage_bytes) == dense:
        form = (spec.shape, None, None, None, DTYPES[spec.dtype], torch.strided, CPU)
    else:
        form = (
            spec.shape, spec.strides, spec.offset, None, DTYPES[spec.dtype], torch.strided, CPU,
            False, False, None, False, False, None, spec.storage_bytes,
        )  # fmt: skip
    _FORMS[spec] = form
    return form


def mark_pending(tensor: torch.Tensor, spec: Spec) -> None:
    """Set the bit of a lazy conjugation or negation, which torch carries out at the next use."""
    if spec.pending == "conj":
        torch._C._set_conj(tensor, True)  # noqa: FBT003 takes no keyword
    elif spec.pending == "neg":
        torch._C._set_neg(tensor, True)  # noqa: FBT003 takes no keyword


_DENSE: dict[tuple[object, ...], Spec] = {}


def dense_spec(tensor: torch.Tensor) -> Spec:
    """Return the spec of a compact copy of ``tensor``: what ``clone()`` would return."""
    key = (tensor.shape, tensor.stride(), tensor.dtype)
    spec = _DENSE.get(key)
    if spec is None:
        shape, strides, dtype = tuple(tensor.shape), tensor.stride(), tensor.dtype
        if not tensor.is_contiguous():
            strides = like(Spec(shape, strides=strides))
        spec = intern(shape, strides, 0, dtype, tensor.numel() * dtype.itemsize)
        _DENSE[key] = spec
    return spec


def placed(tensor: torch.Tensor) -> tuple[Spec, int]:
    """Return the spec of a tensor as it lies in its storage, and which that is while it lives."""
    if type(tensor) is AbstractTensor:
        return tensor.spec, id(tensor.token)
    storage = torch.Tensor.untyped_storage(tensor)
    key = (
        tensor.shape, tensor.stride(), tensor.storage_offset(), tensor.dtype, storage.nbytes(),
        tensor.is_conj(), tensor.is_neg(),
    )  # fmt: skip
    spec = _PLACED.get(key)
    if spec is None:
        spec = _PLACED[key] = spec_of(tensor)
    return spec, storage._cdata


_PLACED: dict[tuple[object, ...], Spec] = {}
