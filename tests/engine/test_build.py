"""Factories and specs: networks and inputs that never take up memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from pytest_burden import BurdenError, MeasureError, measure
from pytest_burden.engine.build import build, import_target
from tests.engine.state import random_states
from tests.networks.cases import Around, Pair, calling

X = "float32[3, 8]"
BILLION = 10**9

HUGE = """
import resource, time
import torch
from torch import nn
from pytest_burden import measure

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if MAC else 1024)

class Block(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.trunc_normal_(parameter, std=0.02)

    def forward(self, x):
        q, k, v = self.qkv(self.norm(x)).chunk(3, dim=-1)
        x = x + self.out(nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True))
        return x + self.mlp(x)

class Huge(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50_000, 8192)
        self.blocks = nn.Sequential(*(Block(8192, 4 * 8192) for _ in range(86)))
        self.head = nn.Linear(8192, 50_000, bias=False)
        nn.init.kaiming_normal_(self.head.weight)
        nn.init.orthogonal_(self.blocks[0].out.weight)
        self.register_buffer("mask", torch.ones(32_768, 32_768).tril())

    def forward(self, ids):
        return self.head(self.blocks(self.embed(ids)))

measure(nn.Linear(2, 2), "float32[1, 2]")
before, begin = peak(), time.perf_counter()
burden = measure(Huge, "int64[1, 2048]")
print(burden.param_memory, burden.buffer_memory, burden.macs, burden.method)
print(peak() - before, time.perf_counter() - begin)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no resource module")
def test_weights_that_no_machine_holds() -> None:
    """280 GB of float32 and a mask of 4 GiB: exact figures, seconds, and less than 100 MB."""
    code = f"MAC = {sys.platform == 'darwin'}\n{HUGE}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    figures, costs = done.stdout.splitlines()
    width, hidden, tokens = 8192, 4 * 8192, 2048
    block = 4 * width * width + 4 * width + 2 * width * hidden + hidden + width + 2 * width
    params = 2 * 50_000 * width + 86 * block
    assert params > 70 * BILLION
    macs = tokens * (50_000 * width + 86 * (4 * width * width + 2 * width * hidden))
    macs += 86 * 2 * tokens * tokens * width
    assert figures.split() == [
        str(4 * params),
        str(4 * 32_768 * 32_768),
        str(macs),
        "abstract",
    ]
    grown, seconds = (float(cost) for cost in costs.split())
    assert grown < (100 if sys.platform != "darwin" else 100 * 2**20)  # MiB; bytes on macOS
    assert seconds < 20


INITIALISERS: dict[str, Callable[[torch.Tensor], object]] = {
    "uniform_": nn.init.uniform_,
    "normal_": nn.init.normal_,
    "trunc_normal_": nn.init.trunc_normal_,
    "constant_": lambda w: nn.init.constant_(w, 2.0),
    "ones_": nn.init.ones_,
    "eye_": nn.init.eye_,
    "xavier_uniform_": nn.init.xavier_uniform_,
    "xavier_normal_": nn.init.xavier_normal_,
    "kaiming_uniform_": nn.init.kaiming_uniform_,
    "kaiming_normal_": nn.init.kaiming_normal_,
    "orthogonal_": nn.init.orthogonal_,
    "sparse_": lambda w: nn.init.sparse_(w, 0.5),
    "in place": lambda w: w.data.normal_().mul_(0.1).clamp_(-1, 1),
    "from another": lambda w: w.data.copy_(torch.randn(w.shape) / w.shape[0] ** 0.5),
    "a row": lambda w: w.data[0].fill_(0),
    "arithmetic": lambda w: setattr(w, "data", (w.data * 2).t().contiguous().t()),
    "divided by its norm": lambda w: w.data.div_(w.data.norm()),
    "by a mask": lambda w: w.data.masked_fill_(torch.rand(w.shape) < 0.5, 0),
}


class Initialised(nn.Module):
    """A layer of a given size whose weight an initialiser fills."""

    def __init__(self, initialise: Callable[[torch.Tensor], object], size: int) -> None:
        super().__init__()
        self.layer = nn.Linear(size, size)
        initialise(self.layer.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output."""
        out: torch.Tensor = self.layer(x)
        return out


@pytest.mark.parametrize("size", [8, 20_000])
@pytest.mark.parametrize("name", INITIALISERS)
@pytest.mark.filterwarnings("error")
def test_initialisation_is_not_run(name: str, size: int) -> None:
    """Every initialiser, on a tiny matrix and on one of 1.6 GB, costs nothing and draws nothing."""
    if name == "sparse_":  # a loop over all columns
        size = min(size, 500)
    before = random_states()
    burden = measure(lambda: Initialised(INITIALISERS[name], size), f"float32[3, {size}]")
    assert (burden.macs, burden.params) == (3 * size * size, size * size + size)
    assert burden.trainable_params == burden.params
    assert burden.method == "abstract"
    assert random_states() == before


class Scheduled(nn.Module):
    """Rates by ``linspace().item()``, tables by ``arange``, a decision by a known value."""

    def __init__(self) -> None:
        super().__init__()
        rates = [rate.item() for rate in torch.linspace(0, 0.2, 3)]
        self.layers = nn.Sequential(*(nn.Linear(8, 8) for rate in rates if rate > 0.05))
        self.register_buffer("table", torch.arange(8).view(2, 4).t().flatten())
        self.register_buffer("mask", torch.ones(8, 8).tril().bool())
        if bool(self.get_buffer("mask").all()):
            self.layers.append(nn.Linear(8, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layers' output, its columns in the table's order."""
        out: torch.Tensor = self.layers(x)[:, self.get_buffer("table")]
        return out


def test_small_constants_are_real() -> None:
    """Schedules, tables and masks keep their values while a network is built."""
    burden = measure(Scheduled, X)
    assert (burden.macs, burden.method) == (2 * 3 * 8 * 8, "abstract")
    assert burden == measure(Scheduled(), X)


class Reader(nn.Module):
    """Decides by a weight's value how many layers it has."""

    def __init__(self, *, caught: bool = False) -> None:
        super().__init__()
        first = nn.Linear(64, 64)
        nn.init.ones_(first.weight)
        try:
            count = int(first.weight.sum()) // 2048
        except Exception:
            if not caught:
                raise
            count = 5
        self.layers = nn.Sequential(first, *(nn.Linear(64, 64) for _ in range(count)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layers' output."""
        out: torch.Tensor = self.layers(x)
        return out


@pytest.mark.parametrize("caught", [False, True])
def test_a_factory_that_reads_weights(caught: bool) -> None:
    """It is called for real, once more, and the burden says so; also if it catches our refusal."""
    burden = measure(lambda: Reader(caught=caught), "float32[1, 64]")
    assert (burden.macs, burden.method) == ((1 + 2) * 64 * 64, "real")
    assert "_local_scalar_dense" in burden.reason
    with pytest.raises(MeasureError, match='real = "never"'):
        measure(lambda: Reader(caught=caught), "float32[1, 64]", real="never")


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (lambda w: w.normal_(std=-1), "normal expects std >= 0"),
        (lambda w: nn.init.normal_(w, std=-1.0), "normal expects std >= 0"),
        (lambda w: w.uniform_(2, 1), "from=2"),
        (lambda w: nn.init.kaiming_uniform_(w.view(-1)), "fewer than 2 dimensions"),
        (lambda w: nn.init.kaiming_uniform_(w, nonlinearity="rel"), "rel"),  # type: ignore[arg-type]
        (lambda w: w.half().fill_(1e9), "overflow"),
        (lambda w: nn.init.constant_(w, "one"), "fill_"),  # type: ignore[arg-type]
    ],
)
def test_what_no_tensor_is_filled_with(
    fill: Callable[[torch.Tensor], object], message: str, again: bool
) -> None:
    """Torch says what is wrong with a way to fill a weight, also after it was filled in others."""

    def factory() -> nn.Module:
        layer = nn.Linear(64, 64)
        with torch.no_grad():
            if again:
                nn.init.normal_(layer.weight, std=1.0)
                nn.init.kaiming_uniform_(layer.weight)
                layer.weight.uniform_(1, 2).zero_().fill_(1.0)
            fill(layer.weight)
        return layer

    with pytest.raises((RuntimeError, ValueError, TypeError), match=message):
        factory_for_real(factory)
    with pytest.raises((RuntimeError, ValueError, TypeError), match=message):
        measure(factory, "float32[1, 64]")


def factory_for_real(factory: Callable[[], nn.Module]) -> nn.Module:
    """Call it as a user would."""
    return factory()


class Prior(nn.Module):
    """Keeps numbers of its own, made as layers make theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(8)
        steps = torch.zeros(3)
        steps[1:].fill_(2)
        self.layers = nn.Sequential(*(nn.Linear(8, 8) for _ in range(int(steps.sum()))))
        counter = self.norm.get_buffer("num_batches_tracked")
        counter.fill_(2)
        self.layers.append(nn.Linear(8, 6 + int(counter)))
        self.layers.append(nn.Linear(8, 8 + int(counter.zero_())))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layers' output."""
        out: torch.Tensor = self.layers(self.norm(x))
        return out


def test_counters_and_tables_have_values() -> None:
    """What a factory makes of numbers itself is real, and so are the counters of norms."""
    burden = measure(Prior, X)
    assert (burden.method, burden.macs) == ("abstract", (4 + 2) * 3 * 8 * 8)
    assert burden == measure(Prior(), X)


def test_initialisers_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that stands in the place of torch's runs, and what it does is what counts."""
    plain = nn.init.kaiming_uniform_
    seen = []

    def wider(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        seen.append(tuple(tensor.shape))
        return plain(tensor, *args, **kwargs)

    monkeypatch.setattr(nn.init, "kaiming_uniform_", wider)
    assert measure(lambda: nn.Linear(8, 8), X).params == 8 * 9
    assert set(seen) == {(8, 8)}


def test_a_generator_of_the_users() -> None:
    """Nothing is drawn from it."""
    generator = torch.Generator()
    before = generator.get_state()

    def factory() -> nn.Module:
        layer = nn.Linear(8, 8)
        layer.weight.uniform_(-1.25, 1.5, generator=generator)
        nn.init.normal_(layer.weight, std=0.123, generator=generator)
        return layer

    assert measure(factory, X).method == "abstract"
    assert torch.equal(generator.get_state(), before)


def test_a_layer_under_grad() -> None:
    """A weight that asks for a gradient cannot be changed in place, without data either."""

    def factory() -> nn.Module:
        layer = nn.Linear(8, 8)
        with torch.enable_grad():
            layer.weight.zero_()
        return layer

    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        measure(factory, X)


def drawn_width(*, reads: bool) -> nn.Module:
    """A layer whose width is drawn; where it reads, its network has to be built once more."""
    width = 1 + int(1e6 * float(torch.rand(())))

    def forward(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = layer(x + torch.rand(1))
        return out if reads and out.sum().item() else 2 * out

    return Around(nn.Linear(1, width), forward)


def test_a_factory_that_draws_builds_the_same_for_real() -> None:
    """A real run after an attempt without data draws the same numbers as a first one."""
    abstract = measure(lambda: drawn_width(reads=False), "float32[1, 1]")
    real = measure(lambda: drawn_width(reads=True), "float32[1, 1]")
    assert (abstract.method, real.method) == ("abstract", "real")
    assert abstract.params == real.params


def tied_embedding() -> nn.Module:
    """Three layers on one weight, tied in three ways."""
    net = nn.ModuleDict(
        {
            "embedding": nn.Embedding(100, 64),
            "output": nn.Linear(64, 100, bias=False),
            "again": nn.Linear(64, 100, bias=False),
        }
    )
    net["output"].weight = net["embedding"].weight
    setattr(net["again"], "weight", net["output"].weight)  # noqa: B010 as libraries do
    return Around(
        net, lambda n, ids: n["output"](n["embedding"](ids)) + n["again"](n["embedding"](ids))
    )


def test_tied_weights_from_a_factory() -> None:
    """A tied weight is one tensor, built without data or with."""
    burden = measure(tied_embedding, "int64[2, 3]")
    assert (burden.params, burden.macs) == (100 * 64, 2 * 2 * 3 * 64 * 100)
    assert burden == measure(tied_embedding(), "int64[2, 3]")


def _frozen_in_part() -> nn.Module:
    net = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64))
    net[0].requires_grad_(False)  # noqa: FBT003 torch's own signature
    return net


def _channels_last() -> nn.Module:
    layer: nn.Module = nn.Conv2d(4, 64, 3)
    return layer.to(memory_format=torch.channels_last)  # type: ignore[no-any-return,call-overload]


def _loaded() -> nn.Module:
    net = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64))
    net.load_state_dict({name: value.clone() for name, value in net.state_dict().items()})
    return net


def _with_plain_tensor() -> nn.Module:
    net = Around(nn.Linear(64, 64), lambda inner, x: inner(x) * inner.scale)
    net.inner.scale = torch.ones(64) * torch.arange(64)
    return net


BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "deep copies": lambda: nn.TransformerEncoder(
        nn.TransformerEncoderLayer(64, 4, 128, batch_first=True), 2
    ),
    "frozen in part": _frozen_in_part,
    "half precision": lambda: nn.Linear(64, 64).half().bfloat16(),
    "double, then float": lambda: nn.Linear(64, 64).double().float(),
    "sequential slices": lambda: nn.Sequential(*[nn.Linear(64, 64) for _ in range(4)])[1:3],
    "channels last": lambda: nn.Sequential(nn.Unflatten(1, (4, 4, 4)), _channels_last()),
    "state from another": _loaded,
    "a plain tensor": _with_plain_tensor,
    "weight_norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(64, 64)),
    "a recurrent layer": lambda: nn.LSTM(64, 32, batch_first=True),
    "parameters in lists": calling(lambda x, w, v: x @ w @ v, (64, 64), (64, 8)),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_a_factory_is_its_model(name: str) -> None:
    """Whatever a factory does with its layers, the burden is that of the model it returns."""
    x = "float32[1, 5, 64]" if name in ("deep copies", "a recurrent layer") else "float32[5, 64]"
    if name == "half precision":
        x = "bfloat16[5, 64]"
    burden = measure(BUILDERS[name], x)
    assert burden == measure(BUILDERS[name](), x)
    assert burden.method == "abstract"
    assert burden.macs > 0


def test_what_was_built_is_measured_again() -> None:
    """A network that `build` returned can be measured like a given one."""
    network, _ = build(lambda: nn.Linear(1000, 1000))
    assert measure(network, "float32[2, 1000]").macs == 2 * 1000 * 1000


class Chosen(nn.Module):
    """Keeps the number of its largest weight: small, but not known without weights."""

    where: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 64)
        self.register_buffer("where", torch.zeros(1, dtype=torch.int64))
        self.where[0] = self.layer.weight.argmax()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``x`` mapped once or twice."""
        once: torch.Tensor = self.layer(x)
        twice: torch.Tensor = self.layer(once)
        return once if int(self.where) == 0 else twice


def test_a_constant_made_of_weights_is_not_known() -> None:
    """A small integer buffer that the factory filled from weights asks for a real run."""
    burden = measure(Chosen, "float32[1, 64]")
    assert (burden.method, burden.macs) == ("real", 2 * 64 * 64)
    assert "root module (Chosen)" in burden.reason


def test_lazy_modules() -> None:
    """A layer that learns its shape at the first call has that call for real, on a copy."""
    for source in (nn.LazyLinear(4), lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.LazyLinear(4))):
        burden = measure(source, "float32[1, 3, 16, 16]")
        assert (burden.method, burden.reason) == ("real", "its lazy modules are not initialised")
        assert burden.params > 0
        assert burden.macs > 0


class BrokenError(Exception):
    """A factory's own."""


def broken() -> nn.Module:
    """Fail."""
    raise BrokenError("no weights today")


def test_a_factory_that_fails() -> None:
    """Its own error comes out."""
    with pytest.raises(BrokenError, match="no weights today"):
        measure(broken, X)


def needs_an_argument(width: int) -> nn.Module:
    """Return a layer."""
    return nn.Linear(8, width)


@pytest.mark.parametrize(
    ("factory", "error", "message"),
    [
        (needs_an_argument, BurdenError, "'needs_an_argument' needs arguments .*'width'"),
        (lambda: None, BurdenError, "returned NoneType, not a torch.nn.Module"),
        (lambda: nn.Linear, BurdenError, "returned type, not a torch.nn.Module"),
        (lambda: torch.ones(3), BurdenError, "returned Tensor, not a torch.nn.Module"),
        (3, BurdenError, "expected a torch.nn.Module or a factory of one, got: int"),
        ("package:factory", BurdenError, "expected a torch.nn.Module or a factory of one"),
    ],
)
def test_no_module(factory: Any, error: type[Exception], message: str) -> None:
    """What is no network is refused in a line."""
    with pytest.raises(error, match=message):
        measure(factory, X)


def nested(layer: nn.Module, batch: Any, *, more: Any, mode: str) -> torch.Tensor:
    """Use tensors from every kind of container."""
    first, (second, third) = batch["x"], batch["rest"]
    assert mode == "mean"
    out: torch.Tensor = layer(first) + layer(second) + layer(third[0]) + layer(more.logits)
    return out


def test_specs_in_containers() -> None:
    """Spec strings are read inside lists, tuples and dicts; other strings stay what they are."""
    model = Around(nn.Linear(8, 8), nested)
    spec = "float32[3, 8]"
    one = measure(
        model,
        {"x": spec, "rest": (spec, [spec])},
        {"more": Pair(torch.ones(3, 8)), "mode": "mean"},
    )
    tensor = torch.ones(3, 8)
    other = measure(
        model,
        [{"x": tensor, "rest": (tensor, [tensor.clone()])}],
        {"more": Pair(tensor.clone()), "mode": "mean"},
    )
    assert one.macs == other.macs == 4 * 3 * 8 * 8
    assert one.inputs[:3] == ("x=float32[3, 8]", "rest=float32[3, 8]", "rest=float32[3, 8]")


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("float32[1, 8]", "float32[1, 8]"),
        (" int64[2] = 0 ", "int64[2]"),
        ("1x8", "float32[1, 8]"),
        ("16x3x224x224", "float32[16, 3, 224, 224]"),
        ("1x0", "float32[1, 0]"),
        # Texts that may be something else, and are left to the network.
        *((text, None) for text in ("mean", "", "8", "0x10", "2x", "x2", "2x2 pixels", "1X8")),
        ("\N{FULLWIDTH DIGIT TWO}x2", None),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_texts_as_keyword_inputs(text: str, spec: str | None, *, nested: bool) -> None:
    """What reads as a spec with brackets or crosses is one; all else may be a mode or a name."""

    def told(x: torch.Tensor, y: Any) -> torch.Tensor:
        y = y[0] if nested else y
        assert y == text if spec is None else isinstance(y, torch.Tensor)
        return x.clone()

    burden = measure(calling(told), "1x1", {"y": [text] if nested else text})
    assert burden.inputs == ("float32[1, 1]", *([f"y={spec}"] if spec else []))
    assert burden.method == "abstract"


@pytest.mark.parametrize("text", ["float32[1, 8", "floot32[1]", "float32[1.5]", f"2x{'9' * 30}"])
def test_bad_specs_as_keyword_inputs(text: str) -> None:
    """What is meant as a spec is refused with the reason, as a positional one is."""
    with pytest.raises(BurdenError, match=r"Invalid input spec \(.*\): "):
        measure(nn.Linear(8, 8), "1x8", {"y": text})


def test_specs_and_tensors_are_one() -> None:
    """A spec is the tensor it describes: integers are filled, as told or with ones."""
    table = calling(lambda ids, w: w[: int(ids.max()) + 1] @ w.t())
    for spec, tensor in (
        ("int64[2, 3]", torch.ones(2, 3, dtype=torch.int64)),
        ("int64[2, 3] = 4", torch.full((2, 3), 4)),
        ("uint8[2, 3] = 4", torch.full((2, 3), 4, dtype=torch.uint8)),
    ):
        assert measure(table, (spec, "float32[9, 2]")) == measure(
            table, (tensor, torch.zeros(9, 2))
        )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "complex64", "float8_e4m3fn"])
def test_specs_of_every_kind(dtype: str) -> None:
    """A dtype's tensors have its bytes; run for real, they are drawn."""
    spec = f"{dtype}[3, 8]"
    burden = measure(calling(lambda x: x.clone()), spec)
    assert burden.inputs == (spec,)
    real = measure(calling(lambda x: [x.clone(), x.untyped_storage().nbytes()]), spec)
    assert burden.activation_memory == real.activation_memory == 24 * getattr(torch, dtype).itemsize


@pytest.mark.parametrize("args", [("float32[3, 8",), "floot32[3, 8]", ["1x"], "3 by 8", ""])
def test_bad_specs(args: Any) -> None:
    """A string in the place of an input that is no spec is refused, and shown."""
    with pytest.raises(BurdenError, match="Invalid input spec"):
        measure(nn.Linear(8, 8), args)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("", "not of the form"),
        ("torch.nn", "not of the form"),
        (":Linear", "not of the form"),
        ("torch.nn:", "not of the form"),
        ("no_such_package.models:Net", "cannot import 'no_such_package.models'.*ModuleNotFound"),
        ("torch.nn:Lineer", "has no 'Lineer' .nearest: Linear."),
        ("torch.nn:Linear.no_such", "has no 'Linear.no_such'"),
        ("tests.networks.cases:CASES.no", "has no 'CASES.no'"),
    ],
)
def test_targets_that_are_none(target: str, message: str) -> None:
    """What cannot be imported is refused with the text and the reason."""
    with pytest.raises(BurdenError, match=message) as caught:
        import_target(target)
    assert repr(target) in str(caught.value)


def test_targets() -> None:
    """A function, a class, a name with dots."""
    assert import_target("torch.nn:Linear") is nn.Linear
    assert import_target("torch.nn:Module.train") is nn.Module.train
    assert import_target("tests.networks.cases:tied").__name__ == "tied"


def test_a_target_whose_import_fails(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error raised by the imported module itself is named by class and text."""
    (tmp_path / "fails_on_import.py").write_text("raise RuntimeError('no such device')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BurdenError, match="RuntimeError: no such device"):
        import_target("fails_on_import:net")
