"""Which storage a real tensor lives in, when that storage dies, and whether it can be trusted."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch

from pytest_burden.engine.abstract import LAZY, AbstractTensor, Tape, Token, needs_data
from pytest_burden.engine.trace import Role


class Homes:
    """The storages of the real tensors that one recorder has met, by address."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self._tokens: dict[int, tuple[weakref.ref[Any], Token]] = {}
        self._tainted: set[int] = set()

    def token(self, tensor: torch.Tensor, role: Role = "result") -> Token:
        """Return the token of a tensor's storage, a new one if it was never met."""
        if type(tensor) is AbstractTensor:
            return tensor.token
        if isinstance(tensor, LAZY) or tensor.layout is not torch.strided or tensor.is_nested:
            return Token(self.tape, 0, role)
        storage = torch.Tensor.untyped_storage(tensor)
        address = storage._cdata
        known = self._tokens.get(address)
        if known is not None and known[0]() is not None:
            return known[1]
        token = Token(self.tape, storage.nbytes(), role)
        self._tokens[address] = (weakref.ref(storage, self._forgetter(address)), token)
        return token

    def taint(self, tensor: torch.Tensor) -> None:
        """Distrust a real tensor and all its aliases from now on: it holds abstract values.

        Raises:
            NeedsData: the tensor is none of this run's, so it would stay without data afterwards.
        """
        address = torch.Tensor.untyped_storage(tensor)._cdata
        if address in self._tainted:
            return
        if address not in self._tokens:
            needs_data("an abstract value written into a tensor that is not the network's")
        self._tainted.add(address)
        torch._C._set_throw_on_mutable_data_ptr(tensor)

    def trusts(self, tensor: torch.Tensor) -> bool:
        """Return whether a real tensor's values are the ones a real run would have."""
        return not self._tainted or (
            tensor.layout is not torch.strided
            or torch.Tensor.untyped_storage(tensor)._cdata not in self._tainted
        )

    def _forgetter(self, address: int) -> Callable[[object], None]:
        # Closes over the tables, not over self: the callback must not keep the recorder alive.
        tokens, tainted = self._tokens, self._tainted

        def forget(gone: object) -> None:
            if address in tokens and tokens[address][0] is gone:
                del tokens[address]
                tainted.discard(address)

        return forget
