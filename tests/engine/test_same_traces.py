"""Three ways to one trace: without data from a memo, on torch's fake tensors, and for real.

The fast engine answers operators from a memo of shapes. Here the same networks run under the same
recorder with nothing remembered: once with data, and once on `FakeTensor`, where every operator's
shape is worked out anew. Operators, modules, storages, their births and deaths must be equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily

from pytest_burden.engine import sums
from pytest_burden.engine.abstract import Tape
from pytest_burden.engine.build import read_specs
from pytest_burden.engine.homes import Homes
from pytest_burden.engine.leaves import RealLeaves
from pytest_burden.engine.recorder import Recorder
from pytest_burden.engine.run import _Run, trace
from pytest_burden.engine.surroundings import fixed_surroundings
from pytest_burden.engine.trace import OpCall, Trace
from pytest_burden.inputs import InputSpec
from tests.networks import NETWORKS
from tests.networks.cases import CASES, Case
from tests.networks.corners import CORNERS

SMALL = tuple(Case(network.name, network.small, (network.small_spec,), 0) for network in NETWORKS)
NOT_FOR_THE_SLOW = frozenset(
    {
        # kernels take larger storages
        *("unfold, fold", "Fold", "embeddings", "losses", "patches apart", "copies with gaps"),
        # torch takes another path where it is handed a fake tensor
        *("one_hot with classes", "one_hot of what is computed", "one_hot of nothing computed"),
        "strides of size 1",  # torch's shape functions, which the slow engine takes as they are,
        "grouped products",  # differ from its kernels
        *("indices that are transposed", "rolls of what is transposed", "two layouts in one"),
        *("pads of channels_last volumes", "mel bins", "ConvTranspose3d to less"),
        *("one position upsampled", "one position depthwise"),
        *("strides of levels", "masks to be broadcast"),  # has their values
        # torch has no shape function
        *("ctc_loss of rows", "ctc_loss of a row", "ctc_loss of one tensor"),
        "ctc_loss of lengths in tensors",
    }
)
"""Networks that the slow engine gets wrong: the fast one has only the real run to agree with."""

TRACED = tuple(case for case in (*SMALL, *CASES, *CORNERS) if not case.reads)

Inputs = tuple[Sequence[Any], Mapping[str, Any]]


def inputs_of(case: Case) -> Inputs:
    """Return the case's inputs, the spec strings read."""
    keyword = {name: read_specs(value, where="keyword") for name, value in case.kwargs.items()}
    return [read_specs(value) for value in case.args], keyword


def fast(model: nn.Module, inputs: Inputs) -> Trace:
    """Trace without data."""
    found = trace(model, *inputs, real="never")
    assert found.method == "abstract"
    return found


def real(model: nn.Module, inputs: Inputs) -> Trace:
    """Run a copy with data."""
    with fixed_surroundings(), nothing_remembered():
        return _Run(model, *inputs).for_real("test")


class Forgetful(dict[Any, Any]):
    """A table in which nothing is ever found."""

    def get(self, key: object, default: Any = None) -> Any:
        """Return ``default``."""
        del key
        return default


@contextmanager
def nothing_remembered() -> Iterator[pytest.MonkeyPatch]:
    """Describe every call and every tensor anew, so that a mix-up is not shared with the truth."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pytest_burden.engine.call._OPS", Forgetful())
        patch.setattr("pytest_burden.engine.abstract._SPECS", Forgetful())
        yield patch


def slow(model: nn.Module, inputs: Inputs) -> Trace:
    """Run a copy on torch's fake tensors, each operator's shape worked out again."""
    sums.learn_holders()  # which needs data
    with fixed_surroundings(), FakeTensorMode() as mode, nothing_remembered() as patch:
        patch.setattr("pytest_burden.engine.run.RealLeaves", partial(FakeLeaves, mode))
        patch.setattr("pytest_burden.engine.run.Recorder", FakeRecorder)
        return _Run(model, *inputs).for_real("test")


class FakeRecorder(Recorder):
    """Lets questions for metadata pass, which fake tensors ask as if they were operators."""

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Answer one operator."""
        if func.namespace == "prim":
            return func(*args, **kwargs or {})
        return super().__torch_dispatch__(func, types, args, kwargs)

    def _meet(self, tensors: Sequence[torch.Tensor]) -> None:
        """Leave out numbers that are tensors for as long as it takes to fake them."""
        super()._meet([tensor for tensor in tensors if isinstance(tensor, FakeTensor)])


class FakeLeaves(RealLeaves):
    """Puts a fake tensor in the place of each tensor."""

    def __init__(self, mode: FakeTensorMode, homes: Homes) -> None:
        super().__init__(homes)
        self._mode = mode
        self._elsewhere = RealLeaves(Homes(Tape()))

    def __call__(self, tensor: torch.Tensor | InputSpec) -> torch.Tensor:
        """Return a fake tensor of the same metadata."""
        self._elsewhere.inputs = self.inputs
        with unset_fake_temporarily():
            copied = self._elsewhere(tensor)
        role = "input" if isinstance(tensor, InputSpec) else self._role(tensor)
        return self._at_home(self._mode.from_tensor(copied), role)


def differences(one: Trace, other: Trace) -> list[str]:
    """Return what differs, the first of it: nothing, for equal traces."""
    if (len(one.calls), len(one.storages)) != (len(other.calls), len(other.storages)):
        found = ["other numbers of calls or storages"]
    else:
        found = []
    found += _unequal("call", map(_described, one.calls), map(_described, other.calls))
    found += _unequal("storage", map(repr, one.storages), map(repr, other.storages))
    if (one.modules, one.module_calls, one.inputs) != (
        other.modules,
        other.module_calls,
        other.inputs,
    ):
        found.append("other modules, inputs, or shapes of the modules' calls")
    return found[:6]


def _unequal(what: str, ones: Iterable[str], others: Iterable[str]) -> list[str]:
    pairs = enumerate(zip(ones, others, strict=False))
    return [f"{what} {number}: {a} / {b}" for number, (a, b) in pairs if a != b]


def _described(call: OpCall) -> str:
    op = call.op
    facts = (dict(op.arguments), op.outputs, call.storages, call.module, call.inside)
    return f"{op.name}.{op.overload} {facts!r}"


PAIRS = [(case, real) for case in TRACED]
PAIRS += [(case, slow) for case in TRACED if case.name not in NOT_FOR_THE_SLOW]


@pytest.mark.parametrize(("case", "reference"), PAIRS, ids=lambda part: getattr(part, "name", None))
@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")  # reentrant checkpoint
@pytest.mark.filterwarnings("ignore:torch.chain_matmul is deprecated")
@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
def test_same(case: Case, reference: Callable[[nn.Module, Inputs], Trace]) -> None:
    """The fast engine's trace, cold or warm, is the one of the reference to the byte."""
    model, inputs = case.build(), inputs_of(case)
    truth = reference(model, inputs)
    assert differences(fast(model, inputs), truth) == []
    assert differences(fast(model, inputs), truth) == []


def test_roles() -> None:
    """Parameters, buffers and inputs are told apart; a sparse buffer has no storage of its own."""
    network = nn.Sequential(nn.Linear(4, 4, bias=False), nn.BatchNorm1d(4, affine=False))
    network.register_buffer("sparse", torch.eye(4).to_sparse())
    inputs: Inputs = ([torch.zeros(2, 4)], {})
    expected = ["parameter", "buffer", "buffer", "buffer", "input"]
    assert [s.role for s in real(network, inputs).storages if s.nbytes and s.birth == 0][
        :5
    ] == expected
    before = [s for s in real(network, inputs).storages if not s.nbytes and s.birth == 0]
    assert len(before) == 1
    del network.sparse
    assert [s.role for s in fast(network, inputs).storages if s.birth == 0][:5] == expected


def test_a_difference_is_seen() -> None:
    """Twin of the tests above: one byte, one call, one lifetime off is a difference."""
    case = CASES[0]
    model, inputs = case.build(), inputs_of(case)
    truth = real(model, inputs)
    assert truth.storages[-1].role == "result"
    for wrong in (
        replace(truth, calls=[*truth.calls[:-1], truth.calls[-1]._replace(module=7)]),
        replace(truth, calls=truth.calls[:-1]),
        replace(truth, storages=[*truth.storages[:-1], replace(truth.storages[-1], nbytes=1)]),
        replace(truth, storages=[*truth.storages[:-1], replace(truth.storages[-1], death=0)]),
        replace(truth, inputs=("float32[1]",)),
    ):
        assert differences(wrong, truth) != []
