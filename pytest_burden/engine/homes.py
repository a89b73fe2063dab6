"""Which storage a real tensor lives in, when that storage dies, and whether it can be trusted."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch

from pytest_burden.engine.abstract import LAZY, AbstractTensor, Tape, Token, needs_data
from pytest_burden.engine.trace import Role


class _Home(weakref.ref[Any]):
    """A storage that lives as long as torch keeps it, where it is, and its token."""

    __slots__ = ("address", "token")

    address: int
    token: Token


class Homes:
    """The storages of the real tensors that one recorder has met, by address."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self._homes: dict[int, _Home] = {}
        self._tainted: set[int] = set()
        self._handed_out: set[int] = set()
        self._forget = _forgetter(self._homes, self._tainted, self._handed_out)

    def token(self, tensor: torch.Tensor, role: Role = "result") -> Token:
        """Return the token of a tensor's storage, a new one if it was never met."""
        if type(tensor) is AbstractTensor:
            return tensor.token
        if not _has_storage(tensor):
            return Token(self.tape, 0, role)
        storage = torch.Tensor.untyped_storage(tensor)
        address = storage._cdata
        known = self._homes.get(address)
        if known is not None and known() is not None:
            if storage.nbytes() <= self.tape.storages[known.token.index].nbytes:
                return known.token
            role = "result"  # one that grows is another from then on, as for an allocator
        token = Token(self.tape, storage.nbytes(), role)
        self._settle(storage, address, token)
        return token

    def index(self, tensor: torch.Tensor) -> int | None:
        """Return the index of a tensor's storage, None if it is sparse and has several."""
        if type(tensor) is AbstractTensor:
            return tensor.token.index
        return self.token(tensor).index if _has_storage(tensor) else None

    def knows(self, tensor: torch.Tensor) -> bool:
        """Return whether a tensor is of this run: without data, or in a storage that was met."""
        if type(tensor) is AbstractTensor or not _has_storage(tensor):
            return True
        home = self._homes.get(torch.Tensor.untyped_storage(tensor)._cdata)
        return home is not None and home() is not None

    def tell(self, tensor: torch.Tensor, role: Role) -> None:
        """Note what a tensor is for that was there before the run, if it is no parameter."""
        index = self.index(tensor)
        if index is not None and self.tape.storages[index].role == "constant":
            self.tape.storages[index].role = role

    def settle(self, tensor: torch.Tensor, token: Token) -> torch.Tensor:
        """Let the storage of a tensor that is new be that of ``token``; return the tensor."""
        storage = torch.Tensor.untyped_storage(tensor)
        self._settle(storage, storage._cdata, token)
        return tensor

    def _settle(self, storage: torch.UntypedStorage, address: int, token: Token) -> None:
        home = self._homes[address] = _Home(storage, self._forget)
        home.address = address
        home.token = token

    def taint(self, tensor: torch.Tensor) -> None:
        """Distrust a real tensor and all its aliases from now on: it holds abstract values.

        Raises:
            NeedsData: the tensor is none of this run's, so it would stay without data afterwards.
        """
        address = torch.Tensor.untyped_storage(tensor)._cdata
        if address in self._tainted:
            return
        if address not in self._homes:
            needs_data("an abstract value written into a tensor that is not the network's")
        if address in self._handed_out:
            needs_data("an abstract value written into memory that is shared with other code")
        self._tainted.add(address)
        torch._C._set_throw_on_mutable_data_ptr(tensor)

    def hand_out(self, tensor: torch.Tensor) -> None:
        """Note that other code, numpy say, gets hold of a tensor's memory.

        Raises:
            NeedsData: what the memory holds are not the values of a real run.
        """
        if isinstance(tensor, (AbstractTensor, *LAZY)) or tensor.layout is not torch.strided:
            return  # an abstract tensor has nothing to hand out, and says so itself
        if not self.trusts(tensor):
            needs_data("direct access to data that an abstract value was written into")
        self.token(tensor)
        self._handed_out.add(torch.Tensor.untyped_storage(tensor)._cdata)

    def take_over(self, tensor: torch.Tensor, value: torch.Tensor) -> None:
        """Let a tensor have the shape and the storage of another: ``.data =``.

        One of the two is real, and what is written through the other is not seen in it.
        """
        torch.Tensor.data.__set__(tensor, value)  # type: ignore[attr-defined]  # a getset slot
        if type(tensor) is AbstractTensor:
            tensor.token = self.token(value)
            self.taint(value)
            return
        storage = torch.Tensor.untyped_storage(tensor)
        address = storage._cdata
        self._settle(storage, address, self.token(value))
        self._tainted.add(address)

    def trusts(self, tensor: torch.Tensor) -> bool:
        """Return whether a real tensor's values are the ones a real run would have."""
        return not self._tainted or (
            tensor.layout is not torch.strided
            or torch.Tensor.untyped_storage(tensor)._cdata not in self._tainted
        )


def _has_storage(tensor: torch.Tensor) -> bool:
    return not isinstance(tensor, LAZY) and tensor.layout is torch.strided and not tensor.is_nested


def _forgetter(homes: dict[int, _Home], *marks: set[int]) -> Callable[[_Home], None]:
    # Closes over the tables, not over their owner: a storage must not keep the recorder alive.
    def forget(gone: _Home) -> None:
        if homes.get(gone.address) is gone:
            del homes[gone.address]
            for marked in marks:
                marked.discard(gone.address)

    return forget
