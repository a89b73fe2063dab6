"""Every operator that torch tests itself with: counted, free by rule, or named below.

So are those that its backward calls, and the backward of that. The samples run for real on the
CPU, once for all tests of this file.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from pytest_burden.engine.rules import Cost, Rule, find, stored
from pytest_burden.engine.rules.activation import is_alias
from pytest_burden.engine.schema import make_op
from pytest_burden.engine.spec import Op
from tests.rules.table import spec_of

# Deprecations and experiments of the operators under test.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")

SAMPLES = 4
"""Of each entry; all that torch has would be 20,000."""

SHALLOW = ThreadPoolExecutor(max_workers=1)
"""Where samples are made: torch looks at the whole stack for each, and pytest's is deep."""

FACTORISATIONS = (
    "cholesky cholesky_inverse cholesky_solve geqrf linalg.cholesky linalg.cholesky_ex linalg.cond "
    "linalg.det linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh "
    "linalg.householder_product linalg.inv linalg.inv_ex linalg.ldl_factor linalg.ldl_factor_ex "
    "linalg.ldl_solve linalg.lstsq linalg.lstsq.grad_oriented linalg.lu linalg.lu_factor "
    "linalg.lu_factor_ex linalg.lu_solve linalg.matrix_power linalg.matrix_rank "
    "linalg.matrix_rank.hermitian linalg.pinv linalg.pinv.hermitian linalg.pinv.singular "
    "linalg.qr linalg.slogdet linalg.solve linalg.solve_ex linalg.svd "
    "linalg.svdvals linalg.tensorinv linalg.tensorsolve logdet lu lu_solve matrix_exp norm.nuc "
    "ormqr pca_lowrank pinverse qr svd svd_lowrank triangular_solve"
)
UNCOUNTED = {
    **dict.fromkeys(
        FACTORISATIONS.split(),
        "a factorisation: how much it computes depends on the library and on the data",
    ),
    **dict.fromkeys(
        ("sparse.mm.reduce", "sparse.sampled_addmm"),
        "a sparse product: how much it computes depends on how many elements are stored",
    ),
}
"""Entries that call an operator without a count, and why it has none."""

SOLVED_BACKWARD = {"linalg.matrix_norm"}
"""Entries that are counted, but that a factorisation differentiates."""

NO_SECOND_GRADIENT = {
    *("cdist", "nn.functional.pdist", "nn.functional.hardsigmoid", "nn.functional.ctc_loss"),
    *("nn.functional.multi_margin_loss", "nn.functional.multilabel_margin_loss"),
    *("nn.functional.embedding_bag", "_segment_reduce.lengths", "_segment_reduce.offsets"),
    *("nn.functional.linear_cross_entropy.chunked_none", "native_layer_norm", "sparse.mm.reduce"),
}
"""Entries of whose samples torch cannot differentiate all twice, mostly by its own word."""

NOT_RUN = {
    **dict.fromkeys(
        (
            "jiterator_unary",
            "jiterator_binary",
            "jiterator_4inputs_with_extra_args",
            "jiterator_binary_return_by_ref",
            "jiterator_2inputs_2outputs",
        ),
        "compiles a kernel for a GPU",
    ),
    **dict.fromkeys(
        (
            "torch.ops.aten._flash_attention_forward",
            "torch.ops.aten._efficient_attention_forward",
            "nn.functional.batch_norm.without_cudnn",
        ),
        "is for a GPU: it has no dtype on a CPU",
    ),
}
"""Entries that a CPU cannot run, and why."""


@dataclass(frozen=True)
class Call:
    """One operator that an entry called, its rule, and the truth about it."""

    op: Op
    rule: Rule
    cost: Cost
    writes: bool
    """Whether it writes to an argument."""
    shares: bool
    """Whether its first output lies in the storage of an argument."""
    flops: int | None
    """What torch counts for it, if torch has a formula; complex operands count four times."""


class Watcher(TorchDispatchMode):
    """Runs every operator for real and writes it down."""

    calls: list[Call]

    def __torch_dispatch__(
        self, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> object:
        """Run one operator; what it was given is described before, for it may be reshaped."""
        kwargs = kwargs or {}
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        before = {id(tensor): spec_of(tensor) for tensor in given}
        homes = {_home(tensor) for tensor in given} - {None}
        result = func(*args, **kwargs)
        outputs = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        op = make_op(func, args, kwargs, tuple(map(spec_of, outputs)), lambda t: before[id(t)])
        rule = find(op)
        formula = flop_registry.get(func._overloadpacket)
        self.calls.append(
            Call(
                op=op,
                rule=rule,
                cost=rule.cost(op),
                writes=func._schema.is_mutable,
                shares=bool(outputs) and _home(outputs[0]) in homes,
                flops=None
                if formula is None
                else formula(*args, **kwargs, out_val=result) * (4 if _complex(op) else 1),
            )
        )
        return result


def _home(tensor: torch.Tensor) -> int | None:
    """Return the identity of a tensor's storage; sparse tensors have none."""
    if tensor.layout is not torch.strided:
        return None
    home: int = tensor.untyped_storage()._cdata
    return home


def _complex(op: Op) -> bool:
    return any(output.is_complex for output in op.outputs)


def _name(entry: Any) -> str:
    return f"{entry.name}.{entry.variant_test_name}" if entry.variant_test_name else entry.name


def _dtype(entry: Any) -> torch.dtype | None:
    supported = entry.supported_dtypes("cpu")
    if torch.float32 in supported:
        return torch.float32
    return min(supported, key=str, default=None)


def _samples(entry: Any, *, requires_grad: bool = False) -> list[Any]:
    dtype = _dtype(entry)
    if dtype is None:
        return []
    return SHALLOW.submit(
        lambda: list(
            itertools.islice(
                entry.sample_inputs("cpu", dtype, requires_grad=requires_grad), SAMPLES
            )
        )
    ).result()


def _watched(function: Any, *args: Any, **kwargs: Any) -> list[Call]:
    mode = Watcher()  # type: ignore[no-untyped-call] # torch leaves its base class untyped
    mode.calls = []
    with torch.no_grad(), mode:
        function(*args, **kwargs)
    return mode.calls


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Run small samples on one thread: waking others takes longer than the work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def entries() -> list[Any]:
    """Return torch's database of operators and sample inputs."""
    database = "torch.testing._internal.common_methods_invocations"
    return list(importlib.import_module(database).op_db)


@pytest.fixture(scope="module")
def sweep(entries: list[Any]) -> dict[str, list[Call]]:
    """Return what each entry's samples called, none for those that a CPU cannot run."""
    found: dict[str, list[Call]] = {}
    for entry in entries:
        calls = found.setdefault(_name(entry), [])
        if _name(entry) not in NOT_RUN:
            for sample in _samples(entry):
                calls += _watched(entry.op, sample.input, *sample.args, **sample.kwargs)
    return found


def test_the_sweep_saw_something(entries: list[Any], sweep: dict[str, list[Call]]) -> None:
    """Almost every entry runs and calls something; what cannot run is known, and cannot."""
    silent = {name for name, calls in sweep.items() if not calls}
    assert set(NOT_RUN) <= silent
    assert len(silent) < 0.05 * len(entries)
    assert len({call.op.name for calls in sweep.values() for call in calls}) > 400
    for entry in entries:
        if _name(entry) in NOT_RUN:
            for sample in _samples(entry):
                with pytest.raises(AssertionError, match="only supported on CUDA"):
                    entry.op(sample.input, *sample.args, **sample.kwargs)


def test_every_entry_is_counted(sweep: dict[str, list[Call]]) -> None:
    """No entry calls an uncounted operator but those listed, and each of those does."""
    uncounted = {
        name: sorted({call.op.name for call in calls if call.rule.state == "uncounted"})
        for name, calls in sweep.items()
    }
    assert {name: ops for name, ops in uncounted.items() if ops and name not in UNCOUNTED} == {}
    assert [name for name in UNCOUNTED if not uncounted[name]] == []


def test_uncounted_operators_say_why(sweep: dict[str, list[Call]]) -> None:
    """Those that are known to have no count are registered as such."""
    reasons = {call.rule.because for name in UNCOUNTED for call in sweep[name]}
    assert "no rule has this name" not in reasons


def test_views_are_free(sweep: dict[str, list[Call]]) -> None:
    """Whatever torch's schema calls a view is free and stores nothing."""
    for name, calls in sweep.items():
        for call in calls:
            if call.op.view:
                assert (call.rule.state, call.cost, stored(call.op)) == ("free", Cost(), ()), name


def test_macs_are_half_of_what_torch_counts(sweep: dict[str, list[Call]]) -> None:
    """For each operator that torch has a formula for, on its own samples."""
    known = [call for calls in sweep.values() for call in calls if call.flops is not None]
    assert len(known) > 150
    assert [call for call in known if call.flops != 2 * call.cost.macs] == []


def test_what_shares_a_storage_is_not_stored(sweep: dict[str, list[Call]]) -> None:
    """An output that lies in an argument's storage holds nothing new, unless it was written."""
    wrong = {
        call.op.name
        for calls in sweep.values()
        for call in calls
        if call.shares and not call.writes and stored(call.op)
    }
    assert wrong == set()


RECTIFIERS = {"relu", "leaky_relu", "threshold", "clamp", "clamp_min", "hardtanh"}
MADE = {
    *("zeros", "ones", "full", "empty", "empty_strided", "empty_permuted", "scalar_tensor", "eye"),
    *("arange", "linspace", "logspace", "tril_indices", "triu_indices"),
    *("zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full"),
    *("new_empty", "new_empty_strided", "fill", "rand", "randn", "randn_like", "randint"),
    *("randint_like", "normal"),
}


def test_what_has_a_storage_of_its_own_is_stored(sweep: dict[str, list[Call]]) -> None:
    """Every new output counts, but for factories and rectifiers."""
    skipped = {
        call.op.name.removeprefix("aten.")
        for calls in sweep.values()
        for call in calls
        if call.op.outputs and not call.shares and not call.writes and not stored(call.op)
    }
    assert skipped - RECTIFIERS - MADE == set()


def test_what_is_written_is_stored(sweep: dict[str, list[Call]]) -> None:
    """In place counts as any; fills, draws, rectifiers and reshapes hold nothing new."""
    skipped = {
        call.op.name.removeprefix("aten.")
        for calls in sweep.values()
        for call in calls
        if call.op.outputs and call.writes and not stored(call.op) and not is_alias(call.op)
    }
    filled = {"fill", "zero", "resize", "resize_as", "normal", "uniform", "bernoulli"}
    filled |= {"cauchy", "exponential", "geometric", "log_normal"}
    assert skipped - filled - RECTIFIERS == set()


def _learning(value: Any) -> list[torch.Tensor]:
    return [
        leaf for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor) and leaf.requires_grad
    ]


def _backward(entry: Any, sample: Any, *, twice: bool) -> list[Call]:
    """Return what the gradients of a sample's results call, and those of the gradients."""
    given = _learning((sample.input, sample.args, sample.kwargs))
    mode = Watcher()  # type: ignore[no-untyped-call] # torch leaves its base class untyped
    mode.calls = []
    results = _learning(entry.op(sample.input, *sample.args, **sample.kwargs))
    with mode:
        for again in (True, False) if twice else (False,):
            results = [result for result in results if result.layout is torch.strided]
            if results:
                ones = [torch.ones_like(result, requires_grad=again) for result in results]
                found = torch.autograd.grad(
                    results, given, ones, create_graph=again, allow_unused=True
                )
                results = _learning(found)
    return mode.calls


@pytest.fixture(scope="module")
def backward(entries: list[Any]) -> dict[str, list[Call]]:
    """Return what differentiating each entry's samples called, once and once more."""
    found: dict[str, list[Call]] = {}
    for entry in entries:
        name = _name(entry)
        if _dtype(entry) in entry.supported_backward_dtypes("cpu") and name not in NOT_RUN:
            calls = found.setdefault(name, [])
            for sample in _samples(entry, requires_grad=True):
                calls += _backward(entry, sample, twice=name not in NO_SECOND_GRADIENT)
    return found


def test_every_backward_is_counted(backward: dict[str, list[Call]]) -> None:
    """No gradient calls an operator that is neither counted, free nor known to have no count."""
    unknown = {
        name: ops
        for name, calls in backward.items()
        if (ops := {call.op.name for call in calls if call.rule.because == "no rule has this name"})
    }
    assert unknown == {}
    uncounted = {
        name
        for name, calls in backward.items()
        if any(call.rule.state == "uncounted" for call in calls)
    }
    assert uncounted <= UNCOUNTED.keys() | SOLVED_BACKWARD
    called = {call.op.name for calls in backward.values() for call in calls}
    assert len({name for name in called if "backward" in name}) > 60


def test_macs_of_the_backward_are_half_of_what_torch_counts(
    backward: dict[str, list[Call]],
) -> None:
    """For each operator that torch has a formula for; it forgets the groups of a convolution."""
    known = [
        call
        for calls in backward.values()
        for call in calls
        if call.flops is not None and call.op.arguments.get("groups", 1) == 1
    ]
    assert len(known) > 100
    assert [call for call in known if call.flops != 2 * call.cost.macs] == []


def _total(calls: list[Call]) -> Cost:
    return sum((call.cost for call in calls), Cost())


def test_in_place_costs_the_same(entries: list[Any]) -> None:
    """A sample costs the same written into its first argument, for each entry that can."""
    compared = 0
    for entry in entries:
        if entry.inplace_variant is None or _name(entry) in NOT_RUN:
            continue
        for sample in _samples(entry):
            if sample.broadcasts_input or not isinstance(sample.input, torch.Tensor):
                continue
            plain = _watched(entry.op, sample.input, *sample.args, **sample.kwargs)
            into = sample.input.clone()
            try:
                written = _watched(entry.inplace_variant, into, *sample.args, **sample.kwargs)
            except RuntimeError:  # the result has another dtype
                continue
            assert _total(written) == _total(plain), _name(entry)
            compared += 1
    assert compared > 400


CONJUGATED = {"fft.ifft", "fft.ihfft", "fft.ihfft2", "fft.ihfftn"}
"""They end in a conjugate, which is a view unless it has to be written out."""


def test_out_costs_the_same(entries: list[Any]) -> None:
    """A sample costs the same written into a tensor that is handed in as ``out=``."""
    compared, conjugated = 0, set()
    for entry in entries:
        if not entry.supports_out or _name(entry) in NOT_RUN:
            continue
        for sample in _samples(entry):
            given = (sample.input, *sample.args)
            result = entry.op(*given, **sample.kwargs)
            if not isinstance(result, torch.Tensor):
                continue
            plain = _watched(entry.op, *given, **sample.kwargs)
            out = torch.empty_like(result)
            written = _watched(entry.op, *given, **sample.kwargs, out=out)
            if _name(entry) in CONJUGATED and _total(written) != _total(plain):
                conjugated.add(_name(entry))
                continue
            assert _total(written) == _total(plain), _name(entry)
            compared += 1
    assert compared > 1000
    assert conjugated == CONJUGATED
