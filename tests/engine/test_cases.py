"""Small networks that other meters get wrong: multiply-adds and parameters by hand."""

from __future__ import annotations

import contextlib
import copy
import importlib
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from pytest_burden import Burden, Cost, Spec, measure
from tests.networks.cases import (
    ATTENTION,
    CASES,
    LINEAR,
    LINEAR_PARAMS,
    RECURRENCE,
    TOKENS,
    Around,
    Case,
    around,
    calling,
    encoder,
)
from tests.networks.custom import product, product_into, shapeless

PRODUCT_MACS = 5 * 8 * 7
PRODUCT_INPUTS = ("float32[5, 8]", "float32[8, 7]")


@pytest.mark.parametrize("given", [False, True], ids=["factory", "model"])
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")  # reentrant checkpoint
def test_case(case: Case, given: bool) -> None:
    """The multiply-adds, parameters and completeness of each row, from a factory and a model."""
    burden = measure(case.build() if given else case.build, case.args, case.kwargs)
    assert (burden.macs, burden.params, burden.uncounted_ops) == (case.macs, case.params, 0)
    assert burden.method == ("real" if case.reads else "abstract")
    assert bool(burden.reason) == (burden.method == "real")


MODES: list[Callable[[], contextlib.AbstractContextManager[object]]] = [
    torch.enable_grad,
    torch.no_grad,
    torch.inference_mode,
    partial(sdpa_kernel, SDPBackend.MATH),
]


@pytest.mark.parametrize(
    "case",
    [c for c in (*ATTENTION, *RECURRENCE) if "packed" not in c.name],
    ids=str,
)
def test_every_mode_gives_one_number(case: Case) -> None:
    """Neither train or eval, nor grad mode, nor torch's kernels and fast paths move a figure."""
    model = case.build()
    burdens = []
    for training in (True, False):
        model.train(training)
        for mode in MODES:
            with mode():
                burdens.append(measure(model, case.args, case.kwargs))
    assert all(burden == burdens[0] for burden in burdens)
    assert burdens[0].macs == case.macs


def test_the_fast_path_is_what_would_have_run() -> None:
    """Twin of the test above: in eval and without gradients torch does take its fast path."""
    ran = []
    model = encoder().eval()
    with torch.no_grad(), torch.profiler.profile() as profile:
        model(torch.randn(2, 16, 64))
    ran = [event.key for event in profile.key_averages()]
    assert "aten::_transformer_encoder_layer_fwd" in ran


def compiled_eager() -> nn.Module:
    """A module compiled by torch, for the backend that needs no compiler."""
    return _as_module(torch.compile(nn.Linear(64, 32), backend="eager"))


def compiled_inductor() -> nn.Module:
    """The same for the default backend, never yet called."""
    return _as_module(torch.compile(nn.Linear(64, 32)))


def compiled_in_place() -> nn.Module:
    """A module that compiled itself."""
    layer = nn.Linear(64, 32)
    layer.compile(backend="eager")
    return layer


def compiled_and_called() -> nn.Module:
    """A compiled module that has run."""
    layer = compiled_eager()
    layer(torch.randn(2, 16, 64))
    return layer


def _as_module(value: Any) -> nn.Module:
    assert isinstance(value, nn.Module)
    return value


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # what the compiler imports
@pytest.mark.parametrize(
    "build", [compiled_eager, compiled_inductor, compiled_in_place, compiled_and_called]
)
def test_compiled_as_the_eager_module(build: Callable[[], nn.Module]) -> None:
    """``torch.compile`` changes nothing: every figure, row and name is the eager module's."""
    assert measure(build(), (TOKENS,)) == measure(nn.Linear(64, 32), (TOKENS,))


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize("backend", ["eager", "inductor"])
def test_compiled_inside(backend: str) -> None:
    """A compiled module below another is counted once."""
    eager = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
    mixed = nn.Sequential(_as_module(torch.compile(eager[0], backend=backend)), eager[1])
    assert measure(mixed, (TOKENS,)) == measure(eager, (TOKENS,))


def test_compiled_functions_inside() -> None:
    """A compiled function that a forward calls runs as it was written."""
    step = torch.compile(lambda x: functional.relu(x @ x.transpose(1, 2)), backend="eager")
    burden = measure(around(nn.Identity, lambda _, x: step(x)), (TOKENS,))
    assert burden.macs == 2 * 16 * 64 * 16
    assert burden.method == "abstract"


def test_compiled_still_compiles() -> None:
    """Measuring a compiled module leaves it compiled, and right."""
    compiled = compiled_eager()
    x = torch.randn(2, 16, 64)
    before = compiled(x)
    measure(compiled, (TOKENS,))
    assert type(compiled).__name__ == "OptimizedModule"
    assert torch.equal(compiled(x), before)


@pytest.mark.parametrize("make", ["script", "trace"])
def test_scripted(make: str) -> None:
    """A scripted or traced module: the same multiply-adds and parameters as the module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit itself
        layer = nn.Sequential(nn.Linear(64, 32), nn.ReLU())
        scripted = (
            torch.jit.script(layer)
            if make == "script"
            else torch.jit.trace(layer, torch.randn(2, 16, 64))
        )
    burden = measure(scripted, (TOKENS,))
    assert (burden.macs, burden.params, burden.uncounted_ops) == (LINEAR, LINEAR_PARAMS, 0)
    assert burden.flops == measure(layer, (TOKENS,)).flops


def quantised() -> nn.Module:
    """A linear layer with int8 weights, packed into an object that is no parameter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations of torch.ao
        made: nn.Module = torch.ao.quantization.quantize_dynamic(
            nn.Sequential(nn.Linear(64, 64)), {nn.Linear}
        )
    return made


def test_quantised() -> None:
    """Dynamic int8: 64 * 64 + 64 parameters, and multiply-adds counted or named, never 0."""
    burden = measure(quantised(), (TOKENS,))
    assert burden.params == 64 * 64 + 64 == 4160
    assert burden.trainable_params == 0
    assert burden.param_memory == 64 * 64 + 64 * 4  # int8 weights, a float32 bias
    assert burden.macs == 2 * 16 * 64 * 64
    assert burden.uncounted_ops == 0


def test_quantised_convolutions() -> None:
    """Static int8: kernels are packed out of sight, and cost what they cost in float."""
    quantised: Any = importlib.import_module("torch.ao.nn.quantized")
    layers = [
        quantised.Quantize(1.0, 0, torch.quint8),
        quantised.Conv2d(4, 6, 3, padding=1, groups=2),
        importlib.import_module("torch.ao.nn.intrinsic.quantized").ConvReLU2d(6, 8, 1, bias=False),
        quantised.ConvTranspose2d(8, 4, 2, stride=2),
        quantised.DeQuantize(),
    ]
    burden = measure(nn.Sequential(*layers), "float32[1, 4, 10, 10]")
    macs = (6 * 100) * (2 * 9) + (8 * 100) * 6 + (8 * 100) * (4 * 4)
    assert (burden.macs, burden.uncounted_ops) == (macs, 0)
    assert burden.flops == macs + 6 * 100 + 2 * (8 * 100) + 4 * 400  # biases and a rectifier


def test_a_custom_operator_is_named() -> None:
    """An operator without a rule is no silent zero: it is counted as unknown, by its name."""
    burden = measure(calling(product), PRODUCT_INPUTS)
    assert (burden.macs, burden.uncounted_ops, burden.method) == (0, 1, "abstract")
    (row,) = burden.op_rows
    assert (row.op, row.state, row.calls) == ("burden_tests.product", "uncounted", 1)


def test_a_custom_operator_without_shapes_is_run() -> None:
    """Where torch does not know the output's shape, the network is run for real, and it is said."""
    burden = measure(calling(shapeless), PRODUCT_INPUTS)
    assert (burden.uncounted_ops, burden.method) == (1, "real")
    assert "burden_tests::shapeless" in burden.reason


def written(reads: bool) -> Callable[[], nn.Module]:
    """Return a factory of a network whose operators return nothing."""

    def forward(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty(5, 7)
        product_into(out, x, y)
        torch._foreach_mul_([out, y], 2)
        return out.exp() if reads and out.sum() > 0 else out

    return calling(forward)


@pytest.mark.parametrize("reads", [False, True], ids=["abstract", "real"])
def test_operators_that_return_nothing(reads: bool) -> None:
    """What writes into its arguments is named, or counted, as what returns a tensor is."""
    build = written(reads)
    named = measure(build, PRODUCT_INPUTS)
    assert named.method == ("real" if reads else "abstract")
    states = {row.op: (row.state, row.calls, row.flops) for row in named.op_rows}
    assert states["burden_tests.product_into"] == ("uncounted", 1, 0)
    assert states["aten._foreach_mul"] == ("counted", 1, 5 * 7 + 8 * 7)

    def cost(x: Spec, y: Spec) -> Cost:
        return Cost(macs=x.numel * y.shape[1])

    counted = measure(build, PRODUCT_INPUTS, rules={"burden_tests::product_into": cost})
    assert (counted.macs, counted.uncounted_ops) == (PRODUCT_MACS, 0)


def product_cost(x: Spec, out: Spec) -> Cost:
    """Multiply-adds m * n * k of x (m, k), out (m, n)."""
    return Cost(macs=out.numel * x.shape[-1])


@pytest.mark.parametrize("name", ["burden_tests::product", "burden_tests.product"])
def test_a_rule_for_one_run(name: str) -> None:
    """A rule given with one measurement counts there, and leaks into no other."""
    before = measure(calling(product), PRODUCT_INPUTS)
    during = measure(calling(product), PRODUCT_INPUTS, rules={name: product_cost})
    after = measure(calling(product), PRODUCT_INPUTS)
    assert (during.macs, during.uncounted_ops) == (PRODUCT_MACS, 0)
    assert after == before
    assert (after.macs, after.uncounted_ops) == (0, 1)


def test_a_rule_for_one_run_of_a_known_operator() -> None:
    """The same for an operator that has a rule already: the run's own goes first, once."""
    free = measure(calling(torch.mm, (8, 7)), PRODUCT_INPUTS[:1], rules={"aten::mm": nothing})
    assert free.macs == 0
    assert measure(calling(torch.mm, (8, 7)), PRODUCT_INPUTS[:1]).macs == PRODUCT_MACS


def nothing() -> Cost:
    """No cost, whatever the arguments."""
    return Cost()


def test_weights_on_meta() -> None:
    """A model whose weights were never there measures as the real one does."""
    with torch.device("meta"):
        model = encoder()
    burden = measure(model, (TOKENS,))
    assert burden == measure(encoder(), (TOKENS,))
    assert all(p.is_meta for p in model.parameters())


def by_sign(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Take a branch that the values of ``x`` decide on."""
    out: torch.Tensor = layer(x) if float(x.sum()) > 0 else layer(layer(x))
    return out


@pytest.mark.parametrize(("sign", "uses"), [(1.0, 1), (-1.0, 2)])
def test_data_dependent_branch(sign: float, uses: int) -> None:
    """A branch taken by value: one real run, which says why and where, of the branch taken."""
    burden = measure(around(lambda: nn.Linear(64, 64), by_sign), (torch.full((2, 64), sign),))
    assert burden.macs == uses * 2 * 64 * 64
    assert burden.method == "real"
    assert "_local_scalar_dense" in burden.reason
    assert "Around" in burden.reason


def test_frozen_is_trainable_but_for_the_flag() -> None:
    """Freezing changes the trainable parameters and nothing else."""
    free, fixed = encoder(), encoder().requires_grad_(False)  # noqa: FBT003 torch's own signature
    burdens = measure(free, (TOKENS,)), measure(fixed, (TOKENS,))
    assert burdens[0].trainable_params == burdens[0].params
    assert burdens[1].trainable_params == 0
    assert _without_trainable(burdens[0]) == _without_trainable(burdens[1])


def _without_trainable(burden: Burden) -> dict[str, Any]:
    return burden.to_dict() | {"trainable_params": 0}


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_do_not_move_a_number(threads: int) -> None:
    """The count is of arithmetic, not of what a machine makes of it."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        burden = measure(encoder, (TOKENS,))
    finally:
        torch.set_num_threads(before)
    assert burden == measure(encoder, (TOKENS,))


def test_model_inputs_and_copies_agree() -> None:
    """A factory, its model, a copy of the model; specs and tensors: one number."""
    model = encoder()
    x = torch.randn(2, 16, 64)
    burdens = [
        measure(encoder, (TOKENS,)),
        measure(model, TOKENS),
        measure(model, x),
        measure(copy.deepcopy(model), [x]),
    ]
    assert all(burden == burdens[0] for burden in burdens)


def test_aliased_calls_and_rows() -> None:
    """A module under two names has one row, its calls counted under the first."""
    layer = nn.Linear(64, 64)
    burden = measure(nn.Sequential(layer, layer), (TOKENS,))
    rows = {row.path: row for row in burden.module_rows}
    assert list(rows) == ["", "0"]
    assert (rows["0"].calls, rows["0"].own.macs) == (2, 2 * 2 * 16 * 64 * 64)
    assert burden.modules == 2


def test_around_is_seen_through() -> None:
    """What a forward calls outside its submodules belongs to the module itself."""
    burden = measure(Around(nn.Linear(64, 32), lambda m, x: m(x) @ m(x).transpose(1, 2)), (TOKENS,))
    own = {row.path: row.own.macs for row in burden.module_rows}
    assert own == {"": 2 * 16 * 32 * 16, "inner": 2 * LINEAR}


def quantized() -> nn.Module:
    """Return layers whose weights are packed."""
    network = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))
    made: nn.Module = torch.ao.quantization.quantize_dynamic(network, {nn.Linear})
    return made


def frozen() -> nn.Module:
    """Return scripted layers, which TorchScript would optimize at their third run."""
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    script: Any = importlib.import_module("torch.jit")
    made: nn.Module = script.freeze(script.script(layers.eval()))
    return made


@pytest.mark.parametrize(
    ("build", "spec"), [(quantized, "float32[4, 16]"), (frozen, "float32[2, 3, 8, 8]")]
)
@pytest.mark.filterwarnings("ignore")
def test_the_same_each_time(build: Callable[[], nn.Module], spec: str) -> None:
    """Neither a weight that cannot be compared nor an optimizer changes a later measurement."""
    network = build()
    first, *others = (measure(network, spec) for _ in range(4))
    assert first.method == "abstract"
    assert all(other == first for other in others)


def test_quantizing_is_run() -> None:
    """A quantized tensor has one byte an element, and no kind without data."""
    network = calling(lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.qint8).dequantize())
    burden = measure(network, "float32[4, 16]")
    assert (burden.method, burden.activation_memory) == ("real", 64 + 256)


def test_a_storage_that_grows() -> None:
    """It is another one then, with data as without."""
    grows = calling(lambda x: x.clone().resize_(8, 16))
    reads = calling(lambda x: (x.clone().resize_(8, 16), x.sum().item())[0])
    burdens = [measure(network, "float32[4, 16]") for network in (grows, reads)]
    assert [burden.method for burden in burdens] == ["abstract", "real"]
    assert [burden.peak_memory for burden in burdens] == [256 + 512, 256 + 512 + 4]
