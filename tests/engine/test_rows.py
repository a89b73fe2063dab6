"""Rows by module: what a module does itself, with all below it, and that both add up."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from pytest_burden import METRICS, Burden, Convention, Figures, ModuleRow, measure
from pytest_burden.burden import TRAINING
from tests.networks import NETWORKS, Network
from tests.networks.cases import CASES, Case

WIDTH = 4
SPEC = f"float32[2, {WIDTH}]"


@dataclass(frozen=True)
class Plan:
    """What one module of a random network does: its steps, in order."""

    steps: tuple[object, ...]
    """A plan is a submodule of its own; a number is an earlier module, called again; a word is a
    layer or a function."""
    kept: int
    """How many of the steps' modules it also holds under a second name."""


LAYERS = ("linear", "norm", "relu", "identity")
FUNCTIONS = ("product", "softmax", "add", "twice", "direct", "raw")

plans = st.recursive(
    st.builds(
        Plan,
        st.lists(st.sampled_from([*LAYERS, *FUNCTIONS]), max_size=4).map(tuple),
        st.integers(0, 2),
    ),
    lambda inner: st.builds(
        Plan,
        st.lists(
            st.one_of(inner, st.sampled_from([*LAYERS, *FUNCTIONS]), st.integers(0, 9)),
            max_size=4,
        ).map(tuple),
        st.integers(0, 2),
    ),
    max_leaves=6,
)


class Random(nn.Module):
    """A module after a plan; ``made`` are all modules made so far, to be used again."""

    def __init__(self, plan: Plan, made: list[nn.Module]) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.randn(WIDTH, WIDTH))
        self.names: list[str] = []
        for number, step in enumerate(plan.steps):
            if isinstance(step, str) and step in FUNCTIONS:
                self.names.append(step)
                continue
            self.add_module(f"step{number}", _module(step, made))
            self.names.append(f"step{number}")
        for number, module in enumerate(list(self.children())[: plan.kept]):
            self.add_module(f"alias{number}", module)
        made.append(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, WIDTH) as it came, after all steps."""
        for name in self.names:
            x = self._step(name, x)
        return x

    def _step(self, name: str, x: torch.Tensor) -> torch.Tensor:
        if name == "product":
            return x @ self.own
        if name == "softmax":
            return functional.softmax(x, dim=1)
        if name == "add":
            return x + 1
        first = next(iter(self.children()), None)
        out: torch.Tensor
        if name == "raw" or (name in FUNCTIONS and first is None):
            out = functional.linear(x, self.own)
        elif first is not None and name == "twice":
            out = first(first(x))
        elif first is not None and name == "direct":
            out = first.forward(x)
        else:
            out = getattr(self, name)(x)
        return out


def _module(step: object, made: list[nn.Module]) -> nn.Module:
    if isinstance(step, Plan):
        return Random(step, made)
    if isinstance(step, int):
        return made[step % len(made)] if made else nn.Linear(WIDTH, WIDTH)
    layers: dict[str, Callable[[], nn.Module]] = {
        "linear": lambda: nn.Linear(WIDTH, WIDTH),
        "norm": lambda: nn.BatchNorm1d(WIDTH),
        "relu": lambda: nn.ReLU(inplace=True),
        "identity": nn.Identity,
    }
    layer = layers[str(step)]()
    made.append(layer)
    return layer


def summed(figures: Sequence[Figures]) -> Figures:
    """Return the sum of all."""
    total = Figures()
    for each in figures:
        total += each
    return total


def totals(burden: Burden) -> Figures:
    """Return what the burden says of the whole network."""
    return Figures(*(burden.value(name) or 0 for name in Figures._fields))


def below(rows: Sequence[ModuleRow], path: str) -> list[ModuleRow]:
    """Return the row of ``path`` and all whose paths begin with it."""
    prefix = f"{path}." if path else ""
    return [row for row in rows if row.path == path or row.path.startswith(prefix)]


@given(plans)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_rows_add_up(plan: Plan) -> None:
    """Own figures sum to the totals, always; inclusive ones are the sum below a path."""
    model = Random(plan, [])
    burden = measure(model, SPEC)
    rows = burden.module_rows
    assert summed([row.own for row in rows]) == rows[0].inclusive == totals(burden)
    for row in rows:
        assert row.inclusive == summed([each.own for each in below(rows, row.path)])
    assert [row.path for row in rows] == [path for path, _ in model.named_modules()]
    assert [row.cls for row in rows] == [type(m).__name__ for m in model.modules()]


@given(plans)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_operators_add_up(plan: Plan) -> None:
    """The rows by operator hold the same totals, and each operator once."""
    burden = measure(Random(plan, []), SPEC)
    rows = burden.op_rows
    assert summed([Figures(0, r.macs, r.flops, r.activation_memory) for r in rows]) == Figures(
        0, burden.macs, burden.flops, burden.activation_memory
    )
    assert sum(row.calls for row in rows) == burden.ops
    assert len({(row.op, row.state) for row in rows}) == len(rows)
    assert sum(row.calls for row in rows if row.state == "uncounted") == burden.uncounted_ops


@given(plans)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_calls_are_those_that_hooks_see(plan: Plan) -> None:
    """Calls of each module, against torch's own hooks on a real run (which see no ``forward``)."""
    model = Random(plan, []).eval()
    burden = measure(model, SPEC)
    seen = {id(module): 0 for module in model.modules()}

    def note(module: nn.Module, args: object) -> None:
        del args
        seen[id(module)] += 1

    for module in model.modules():
        module.register_forward_pre_hook(note)
    model(torch.randn(2, WIDTH))
    assert [row.calls for row in burden.module_rows] == list(seen.values())


@given(plans)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_json_and_back(plan: Plan) -> None:
    """A burden survives JSON, equal to itself."""
    burden = measure(Random(plan, []), SPEC, convention=Convention(fma=2, datum_bytes=4))
    assert Burden.from_dict(json.loads(json.dumps(burden.to_dict()))) == burden


@pytest.mark.parametrize("subject", [*NETWORKS, *CASES], ids=str)
@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")  # reentrant checkpoint
def test_every_test_network_adds_up(subject: Network | Case) -> None:
    """The same laws, and those of the metrics, on all networks that we have."""
    if isinstance(subject, Network):
        burden = measure(subject.small, subject.small_spec)
    else:
        burden = measure(subject.build, subject.args, subject.kwargs)
    rows = burden.module_rows
    assert summed([row.own for row in rows]) == rows[0].inclusive == totals(burden)
    assert Burden.from_dict(json.loads(json.dumps(burden.to_dict()))) == burden
    assert burden.flops >= burden.macs >= 0
    assert burden.model_memory == burden.param_memory + burden.buffer_memory
    assert burden.modules == len(rows)
    assert 0 <= burden.trainable_params <= burden.params
    for metric in METRICS.values():
        value = burden.value(metric.name)
        assert (value is None) == (metric.name in (*TRAINING, "cuda_memory"))
        assert value is None or (type(value) is int and value >= 0)


class Branching(nn.Module):
    """Calls what it holds in several ways."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
        self.block_two = nn.Linear(4, 4)  # its path begins as that of ``block`` does
        self.unused = nn.Linear(4, 4)
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, x: torch.Tensor, *, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return two tensors."""
        hidden = self.block(self.block(x)) * mask
        return {"out": self.block_two(hidden) @ hidden.t(), "hidden": hidden * self.scale}


def test_one_network_by_hand() -> None:
    """Every column of every row, written out."""
    burden = measure(Branching, "float32[2, 4]", {"mask": "float32[4]"})
    own_bytes = 4 * (2 * 4 + 2 * 2 + 2 * 4)  # the mask's product, the matrix product, the scale's
    linear = Figures(20, 2 * 4 * 4, 2 * 4 * 4 + 2 * 4, 4 * 2 * 4)
    twice = Figures(20, 64, 80, 64, 4 * 2 * 4)
    # The peak is at the second rectifier: its input, its output, what the block was called with,
    # which the call holds, and both inputs.
    held, row = 4 * (2 * 4 + 4), 4 * 2 * 4
    assert [(row.path, row.cls, row.calls) for row in burden.module_rows] == [
        ("", "Branching", 1),
        ("block", "Sequential", 2),
        ("block.0", "Linear", 2),
        ("block.1", "ReLU", 2),
        ("block_two", "Linear", 1),
        ("unused", "Linear", 0),
    ]
    rows = {row.path: row for row in burden.module_rows}
    assert rows[""].own == Figures(4, 2 * 2 * 4, 2 * 2 * 4 + 2 * (2 * 4), own_bytes, held)
    assert rows["block"].own == Figures()
    assert rows["block.0"].own == twice
    assert rows["block.1"].own == Figures(0, 0, 2 * (2 * 2 * 4), 0, 2 * row)  # two an element
    assert rows["block"].inclusive == twice + rows["block.1"].own
    assert rows["block_two"].own == linear == rows["block_two"].inclusive
    assert burden.peak_memory == held + 3 * row
    assert rows["unused"].own == Figures(params=20)
    assert rows[""].inputs == ("float32[2, 4]", "mask=float32[4]") == burden.inputs
    assert rows[""].outputs == ("out=float32[2, 2]", "hidden=float32[2, 4]")
    assert (rows["block.0"].inputs, rows["block.0"].outputs) == (("float32[2, 4]",),) * 2
    assert (rows["unused"].inputs, rows["unused"].outputs) == ((), ())


def test_a_sum_that_is_off_is_seen() -> None:
    """Twin of the laws above: with one row left out, nothing adds up any more."""
    burden = measure(Branching, "float32[2, 4]", {"mask": "float32[4]"})
    for left_out in ("", "block.0", "block_two"):
        others = [row.own for row in burden.module_rows if row.path != left_out]
        assert summed(others) != totals(burden)
    assert set(Figures._fields) < set(METRICS)


def test_shapes_are_of_the_first_call() -> None:
    """A module that is called with several shapes shows the first, and counts all."""

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = torch.cat([self.layer(x), self.layer(x[:1])])
            return out

    row = measure(Twice, "float32[3, 4]").module_rows[1]
    assert (row.calls, row.inputs, row.outputs) == (2, ("float32[3, 4]",), ("float32[3, 2]",))
    assert row.own.macs == (3 + 1) * 4 * 2


def test_tied_parameters_belong_to_the_first() -> None:
    """A tied weight is counted where ``named_modules()`` meets it first."""
    first, second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
    second.weight = first.weight
    rows = measure(nn.Sequential(first, second), "float32[1, 4]").module_rows
    assert [row.own.params for row in rows] == [0, 16, 0]
    assert [row.own.macs for row in rows] == [0, 16, 16]
