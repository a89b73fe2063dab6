"""Corners of a training step: what is kept, for how long, and by whom."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils import spectral_norm as old_spectral_norm
from torch.nn.utils import weight_norm as old_weight_norm
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    checkpoint_sequential,
    create_selective_checkpoint_contexts,
)

from pytest_burden import measure
from tests.engine.compared import evaluated, trained
from tests.engine.learners import IMAGE, TOKENS, Blocks, Learner, layers, normal_cnn
from tests.networks.cases import Around, Pair, Symmetric, around, calling

MANY = "float32[64, 8]"


def blocks(function: Callable[..., Any], *args: Any) -> Learner:
    """Return a learner that makes what it likes of `Blocks`."""
    return Learner(around(Blocks, function), args or (MANY,))


class Squared(torch.autograd.Function):
    """Saves its input, and keeps another tensor beside."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Return x * x."""
        ctx.save_for_backward(x)
        ctx.beside = x * 3
        return x * x

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        """Return the gradient."""
        (x,) = ctx.saved_tensors
        made: torch.Tensor = 2 * x * grad + 0 * ctx.beside
        return made


class Doubled(torch.autograd.Function):
    """Works in place."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Return x, doubled."""
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        """Return the gradient."""
        del ctx
        return grad * 2


class Exponential(torch.autograd.Function):
    """Saves its output, in torch's newer form."""

    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:
        """Return exp(x)."""
        return x.exp()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: torch.Tensor) -> None:
        """Save the output."""
        del inputs
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        """Return the gradient."""
        made: torch.Tensor = grad * ctx.saved_tensors[0]
        return made


class Gated(torch.autograd.Function):
    """Returns two outputs, one of which has no gradient."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return a gate and what it was made of."""
        made = x @ weight
        gate = made.sigmoid()
        ctx.save_for_backward(x, weight, gate)
        ctx.mark_non_differentiable(made)
        ctx.set_materialize_grads(False)
        return gate, made

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor, _: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the gradients."""
        x, weight, gate = ctx.saved_tensors
        inner = grad * gate * (1 - gate)
        return inner @ weight.t(), x.t() @ inner


def custom(function: Any, inner: Any, x: torch.Tensor) -> Any:
    """Run a custom function between two layers."""
    return inner.blocks[0](function.apply(inner.stem(x)))


FUNCTIONS = {
    **{f.__name__: blocks(partial(custom, f)) for f in (Squared, Doubled, Exponential)},
    "Gated": blocks(lambda m, x: Gated.apply(m.stem(x), m.stem.weight)),  # type: ignore[no-untyped-call]
    "Gated, the first": blocks(lambda m, x: Gated.apply(m.stem(x), m.stem.weight)[0]),  # type: ignore[no-untyped-call]
}


def again(reentrant: bool, keeps_random_state: bool, inner: Any, x: torch.Tensor) -> Any:
    """Run every block under a checkpoint."""
    x = inner.stem(x)
    for block in inner.blocks:
        x = checkpoint(block, x, use_reentrant=reentrant, preserve_rng_state=keeps_random_state)
    return x


def keeps_products(_: Any, func: Any, *args: Any, **kwargs: Any) -> CheckpointPolicy:
    """Keep the results of products."""
    del args, kwargs
    keep = func is torch.ops.aten.addmm.default
    return CheckpointPolicy.MUST_SAVE if keep else CheckpointPolicy.PREFER_RECOMPUTE


def nested(inner: Any, x: torch.Tensor) -> Any:
    """Run a checkpoint inside another."""

    def both(y: torch.Tensor) -> Any:
        return checkpoint(inner.blocks[1], inner.blocks[0](y), use_reentrant=False)

    return checkpoint(both, inner.stem(x), use_reentrant=False)


CHECKPOINTS = {
    **{
        f"{'reentrant' if reentrant else 'saved tensors'}, {'with' if keeps else 'without'} random "
        "state": blocks(partial(again, reentrant, keeps))
        for reentrant in (True, False)
        for keeps in (True, False)
    },
    "sequential": blocks(
        lambda m, x: checkpoint_sequential(m.blocks, 2, m.stem(x), use_reentrant=False)
    ),
    "nested": blocks(nested),
    "selective": blocks(
        lambda m, x: checkpoint(
            m.blocks[1], m.stem(x), use_reentrant=False,
            context_fn=partial(create_selective_checkpoint_contexts, keeps_products),
        )
    ),
    "of convolutions": Learner(
        around(normal_cnn, lambda m, x: m[6:](checkpoint(m[:6], x, use_reentrant=False))), (IMAGE,)
    ),
}  # fmt: skip


def cast(inner: Any, x: torch.Tensor, *, cache: bool = True) -> Any:
    """Run a network in bfloat16 by autocast."""
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=cache):
        return inner(x)


def cast_twice(inner: Any, x: torch.Tensor) -> Any:
    """Use one weight twice, cast once."""
    with torch.autocast("cpu", torch.bfloat16):
        return inner.stem(inner.stem(x)).float()


def cast_again(inner: Any, x: torch.Tensor) -> Any:
    """Recompute a cast block."""
    with torch.autocast("cpu", torch.bfloat16):
        return checkpoint(inner.blocks[0], inner.stem(x), use_reentrant=False)


def in_bfloat16(norm: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """Return a factory of convolutions in bfloat16 around a norm in float32."""

    def build() -> nn.Module:
        first, last = nn.Conv2d(3, 8, 3).bfloat16(), nn.Conv2d(8, 3, 1).bfloat16()
        return Around(nn.Sequential(first, norm(), last), _back_to_half)

    return build


def _back_to_half(inner: Any, x: torch.Tensor) -> Any:
    return inner[2](inner[1](inner[0](x)).bfloat16())


HALF = f"bfloat16{IMAGE.removeprefix('float32')}"
DTYPES = {
    "autocast": blocks(cast),
    "autocast without a cache": blocks(partial(cast, cache=False)),
    "autocast, one weight twice": blocks(cast_twice),
    "autocast, checkpoint": blocks(cast_again),
    "autocast, convolutions": Learner(around(normal_cnn, cast), (IMAGE,)),
    "autocast, encoder": Learner(
        around(lambda: nn.TransformerEncoderLayer(16, 2, 24, batch_first=True), cast), (TOKENS,)
    ),
    "bfloat16": Learner(lambda: Blocks().bfloat16(), ("bfloat16[64, 8]",)),
    "bfloat16, convolutions": Learner(lambda: normal_cnn().bfloat16(), (HALF,)),
    "float64, convolutions": Learner(
        lambda: normal_cnn().double(), (f"float64{IMAGE.removeprefix('float32')}",)
    ),
    "bfloat16 around a batch norm": Learner(in_bfloat16(lambda: nn.BatchNorm2d(8)), (HALF,)),
    "bfloat16 around a group norm": Learner(in_bfloat16(lambda: nn.GroupNorm(2, 8)), (HALF,)),
    "bfloat16 around a layer norm": Learner(in_bfloat16(lambda: nn.LayerNorm(8)), (HALF,)),
}


def in_format(network: nn.Module) -> nn.Module:
    """Lay out the weights of convolutions as channels_last wants them."""
    to: Any = network.to  # whose stubs leave the argument out
    made: nn.Module = to(memory_format=torch.channels_last)
    return made


LAST = torch.ones(2, 3, 12, 10).to(memory_format=torch.channels_last)
FORMATS = {
    "weights and input": Learner(lambda: in_format(normal_cnn()), (LAST,)),
    "weights": Learner(lambda: in_format(normal_cnn()), (IMAGE,)),
    "input": Learner(normal_cnn, (LAST,)),
    "convolutions alone": Learner(
        lambda: in_format(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))), (LAST,)
    ),
}


def frozen(*paths: str) -> Callable[[], nn.Module]:
    """Return a factory of a network some of whose parameters do not learn."""

    def build() -> nn.Module:
        network = Blocks()
        for path in paths:
            network.get_submodule(path).requires_grad_(requires_grad=False)
        return network

    return build


def without_biases() -> nn.Module:
    """A network whose biases do not learn."""
    network = normal_cnn()
    for name, parameter in network.named_parameters():
        parameter.requires_grad_("bias" not in name)
    return network


class Tied(nn.Module):
    """Embeds and predicts with the same weights."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.inner = nn.Embedding(20, 8, padding_idx=0), Blocks()
        self.head = nn.Linear(8, 20, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return twenty scores for each token."""
        scores: torch.Tensor = self.head(self.inner(self.embedding(tokens)))
        return scores


class Sticks(nn.Module):
    """Keeps one norm in evaluation, whatever it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = normal_cnn()

    def train(self, mode: bool = True) -> Sticks:  # noqa: FBT002 torch's own signature
        """Switch all but one."""
        super().train(mode)
        self.inner.get_submodule("1").eval()
        return self

    def forward(self, x: torch.Tensor) -> Any:
        """Return five numbers for each image."""
        return self.inner(x)


def unused() -> nn.Module:
    """A network with a layer that is never called."""
    network = Blocks()
    network.register_module("unused", nn.Linear(30, 30))
    return network


PARAMETERS = {
    "tied": Learner(Tied, ("int64[2, 7]",)),
    "frozen before": Learner(frozen("stem", "blocks.0"), (MANY,)),
    "frozen between": Learner(frozen("blocks.1"), (MANY,)),
    "frozen after": Learner(frozen("blocks.2"), (MANY,)),
    "frozen biases": Learner(without_biases, (IMAGE,)),
    "a norm that stays in evaluation": Learner(Sticks, (IMAGE,)),
    "unused": Learner(unused, (MANY,)),
    "called twice": blocks(lambda m, x: m(m(x))),
    "a layer three times": blocks(lambda m, x: m.stem(m.stem(m.stem(x)).relu())),
    "embedding": Learner(around(partial(nn.Embedding, 30, 8), lambda m, i: m(i)), ("int64[4, 6]",)),
    "bags": Learner(partial(nn.EmbeddingBag, 30, 8, mode="sum"), ("int64[4, 6]",)),
    "largest of bags": Learner(partial(nn.EmbeddingBag, 30, 8, mode="max"), ("int64[4, 6]",)),
    "transposed": Learner(
        around(lambda: nn.ParameterList([torch.randn(4, 8).t()]), lambda m, x: x @ m[0]), (MANY,)
    ),
}


class Averages(nn.Module):
    """Changes a buffer, replaces a second, and makes a third."""

    kept: torch.Tensor
    replaced: torch.Tensor
    late: torch.Tensor | None

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(8, 8)
        self.register_buffer("kept", torch.zeros(8))
        self.register_buffer("replaced", torch.zeros(8, 8))
        self.register_buffer("late", None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 8)."""
        x = self.inner(x)
        self.kept.mul_(0.9).add_(x.detach().mean(0))
        self.replaced = 0.9 * self.replaced + x.detach()[:8]
        self.late = x.detach() * 1
        return x + self.kept


class Remembers(nn.Module):
    """Keeps tensors from one call to the next, with and without a graph."""

    before: torch.Tensor | None

    def __init__(self, *, with_graph: bool = False) -> None:
        super().__init__()
        self.inner, self.before, self.with_graph = nn.Linear(8, 8), None, with_graph
        self.log: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 8)."""
        x = self.inner(x if self.before is None else x + self.before)
        self.before = x.detach()
        self.log.append(x.pow(2).mean() if self.with_graph else x.detach().sum())
        return x.exp()


def _twice(module: nn.Module, grads: Any) -> Any:
    del module
    return (grads[0] * 2,)


def with_hooks() -> nn.Module:
    """A network whose modules have hooks of every kind."""
    network, kept = Blocks(), []
    network.stem.register_full_backward_hook(lambda _, into, out: kept.append((into, out)))
    first, second, _ = network.blocks
    first.register_forward_hook(lambda _, args, out: kept.append((args, out)))
    second.register_forward_pre_hook(lambda _, args: (args[0] * 2,))
    second.register_full_backward_pre_hook(_twice)
    return network


def holding(*values: torch.Tensor) -> nn.Module:
    """A network with tensors that are neither parameters nor buffers."""
    network: Any = Blocks()
    network.table, network.others = values[0], [*values[1:]]
    made: nn.Module = network
    return made


STATE = {
    "buffers": Learner(Averages, (MANY,)),
    "state": Learner(Remembers, (MANY,)),
    "state with a graph": Learner(partial(Remembers, with_graph=True), (MANY,)),
    "hooks of modules": Learner(with_hooks, (MANY,)),
    "constants": Learner(
        around(partial(holding, torch.ones(64, 8), torch.ones(30)), lambda m, x: m(x) * m.table),
        (MANY,),
    ),
    "a constant that asks for a gradient": Learner(
        around(lambda: holding(torch.ones(8, requires_grad=True)), lambda m, x: m(x) * m.table),
        (MANY,),
    ),
}


def normed(norm: Callable[[nn.Module], Any]) -> Callable[[], nn.Module]:
    """Return a factory of layers of which the first computes its weight."""

    def build() -> nn.Module:
        network = Blocks()
        network.stem = norm(network.stem)
        return network

    return build


def cached(inner: Any, x: torch.Tensor) -> Any:
    """Compute a parametrized weight once for two calls."""
    with parametrize.cached():
        return inner.stem(inner.stem(x))


def symmetric(module: nn.Module) -> nn.Module:
    """Let a weight be symmetric."""
    return parametrize.register_parametrization(module, "weight", Symmetric())


NORMS = {
    "weight": normed(parametrizations.weight_norm),
    "spectral": normed(parametrizations.spectral_norm),
    "orthogonal": normed(parametrizations.orthogonal),
    "symmetric": normed(symmetric),
    "weight, by hook": normed(old_weight_norm),
    "spectral, by hook": normed(old_spectral_norm),
}
PARAMETRIZED = {
    **{name: Learner(build, (MANY,)) for name, build in NORMS.items()},
    **{
        f"{name}, cached": Learner(around(NORMS[name], cached), (MANY,))
        for name in ("weight", "spectral", "symmetric")
    },
}


class Two(NamedTuple):
    """Two tensors with names."""

    one: torch.Tensor
    other: torch.Tensor


OUTPUTS = {
    "dictionary": blocks(lambda m, x: {"a": m(x), "b": [m.stem(x), (x, x.argmax(1), None, "s")]}),
    "ordered": blocks(lambda m, x: OrderedDict(a=m(x), b=m.stem(x))),
    "dataclass": blocks(lambda m, x: Pair(m(x), m.stem(x))),
    "named tuple": blocks(lambda m, x: Two(m(x), m.stem(x))),
    "views": blocks(lambda m, x: m(x).chunk(4)),
    "the same twice": blocks(lambda m, x: [y := m(x), y, y.t()]),
    "one number": blocks(lambda m, x: m(x).mean()),
    "some without a gradient": blocks(lambda m, x: (m(x), m.stem(x).detach(), x.relu())),
    "several dtypes": blocks(lambda m, x: [m(x).bfloat16(), m.stem(x).double(), x.long()]),
    "the input": blocks(lambda m, x: (x, m(x))),
}


def given(inner: Any, batch: Mapping[str, Any], *others: Any) -> Any:
    """Take tensors from a nest."""
    return inner(batch["x"]) * batch["scales"][0] + others[0]


def asks(*shape: int) -> torch.Tensor:
    """Return an input that asks for a gradient."""
    return torch.ones(shape, requires_grad=True)


INPUTS = {
    "asks for a gradient": Learner(Blocks, (asks(64, 8),)),
    "an image that asks": Learner(normal_cnn, (asks(2, 3, 12, 10),)),
    "two, one asks": blocks(lambda m, x, y: m(x) + m.stem(y), MANY, asks(64, 8)),
    "nested": blocks(given, {"x": MANY, "scales": ["float32[64, 1]"]}, "float32[8]"),
    "the same twice": blocks(lambda m, x, y: m(x) + y, x := torch.ones(64, 8), x),
    "changed in place": blocks(lambda m, x: m(x.mul_(2))),
    "empty": Learner(Blocks, ("float32[0, 8]",)),
}


def packed(inner: Any, x: torch.Tensor) -> Any:
    """Save everything in half precision."""
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.bfloat16(), lambda t: t.float()):
        return inner(x)


def on_a_view(inner: Any, x: torch.Tensor) -> torch.Tensor:
    """Write into parts of a result."""
    made: torch.Tensor = inner.stem(x).clone()
    made[:, 0].mul_(2)
    made[0].zero_()
    return made


def attended(inner: Any, x: torch.Tensor, dropout: float = 0.0) -> torch.Tensor:
    """Attend with heads of a product."""
    q, k, v = (part.unflatten(-1, (2, 4)).transpose(1, 2) for part in inner(x).chunk(3, -1))
    return functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout)


KEPT = {
    "in place": blocks(lambda m, x: functional.relu_(m.stem(x).add_(1))),
    "in place on a view": blocks(on_a_view),
    "in-place layers": Learner(
        lambda: nn.Sequential(
            nn.Linear(8, 8), nn.ReLU(inplace=True), nn.Linear(8, 8), nn.Dropout(0.5, inplace=True),
            nn.Linear(8, 8), nn.LeakyReLU(0.1, inplace=True),
        ),
        (MANY,),
    ),
    "dropout": blocks(lambda m, x: functional.dropout(m.stem(x)) + nn.AlphaDropout()(m.stem(x))),
    "views": blocks(lambda m, x: (m.stem(x)[:, :4].t() @ m.stem(x)[:, 4:]).tanh()),
    "a slice keeps its base": blocks(lambda m, x: m.stem(x)[:1].exp()),
    "expanded": blocks(lambda m, x: m.stem(x).mean(1, keepdim=True).expand(-1, 8) * m.stem(x)),
    "one tensor many times": blocks(lambda m, x: (y := m.stem(x)) * y + y * y),
    "attention": Learner(around(lambda: layers(16, 24), attended), (TOKENS,)),
    "attention with dropout": Learner(
        around(lambda: layers(16, 24), partial(attended, dropout=0.1)), (TOKENS,)
    ),
    "complex numbers": Learner(
        calling(lambda z, w, v: torch.fft.fft(z @ torch.complex(w, v)).abs(), (8, 8), (8, 8)),
        ("complex64[12, 8]",),
    ),
    "spectra": Learner(
        calling(lambda x, w: torch.fft.irfft2(torch.fft.rfft2(x) * w), (8, 9)),
        ("float32[2, 8, 16]",),
    ),
    "detached": blocks(lambda m, x: m.stem(m.stem(x).detach())),
    "packed": blocks(packed),
}  # fmt: skip


def penalised(inner: Any, x: torch.Tensor) -> torch.Tensor:
    """Return a loss with the gradient of the input in it."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(inner(x).sum(), x, create_graph=True)
        penalty: torch.Tensor = (slope.norm(dim=1) - 1).pow(2).mean()
        return penalty


def followed(inner: Any, x: torch.Tensor) -> torch.Tensor:
    """Learn from a copy that follows slowly."""
    first, second = inner.blocks[0][0], inner.blocks[1][0]
    with torch.no_grad():
        for own, other in zip(first.parameters(), second.parameters(), strict=True):
            other.lerp_(own, 0.1)
        aim = second(x)
    return functional.mse_loss(first(x), aim)


def doubled(inner: Any, x: torch.Tensor) -> Any:
    """Run a layer with other weights than its own."""
    weights = {name: 2 * value for name, value in inner.stem.named_parameters()}
    return torch.func.functional_call(inner.stem, weights, (x,))


TRANSFORMS = {
    "vmap": blocks(lambda m, x: torch.vmap(m.stem)(x.view(4, 16, 8))),
    "vmap of a function": blocks(lambda m, x: torch.vmap(lambda row: m.stem(row).relu() * 2)(x)),
    "grad": blocks(lambda m, x: torch.func.grad(lambda y: m.stem(y).pow(2).sum())(x) + m.stem(x)),
    "jacrev": blocks(lambda m, x: torch.func.jacrev(m.stem)(x), "float32[3, 8]"),
    "jvp": blocks(lambda m, x: torch.func.jvp(m.stem, (x,), (x,))[1]),
    "functional_call": blocks(doubled),
    "gradient penalty": blocks(penalised),
    "a target that follows": blocks(followed),
}


def reads(inner: Any, x: torch.Tensor) -> Any:
    """Go by a value."""
    out = inner(x)
    return out * 2 if out.sum().item() > -1e9 else out


REAL = {
    "a value": blocks(reads),
    "a mask": blocks(lambda m, x: m(x)[x[:, 0] > 0], torch.ones(64, 8)),
    "chosen rows": blocks(lambda m, x: m(x.index_select(0, (x[:, 0] > 0).nonzero()[:, 0]))),
}
LOSSES: Mapping[str, Callable[..., torch.Tensor]] = {
    "cross entropy": lambda p, x: functional.cross_entropy(p, x.argmax(1), label_smoothing=0.1),
    "squares": functional.mse_loss,
    "smooth": functional.smooth_l1_loss,
    "absolute": functional.l1_loss,
    "Huber": functional.huber_loss,
    "logits": functional.binary_cross_entropy_with_logits,
    "binary": lambda p, x: functional.binary_cross_entropy(p.sigmoid(), x.sigmoid()),
    "divergence": lambda p, x: functional.kl_div(p.log_softmax(1), x.softmax(1)),
    "triplets": lambda p, x: functional.triplet_margin_loss(p, x, x + 1),
    "cosine": lambda p, x: functional.cosine_embedding_loss(p, x, torch.ones(64)),
    "Poisson": functional.poisson_nll_loss,
    "soft margin": functional.soft_margin_loss,
}

CORNERS = {
    f"{group}: {name}": learner
    for group, learners in {
        "functions": FUNCTIONS,
        "checkpoints": CHECKPOINTS,
        "dtypes": DTYPES,
        "channels_last": FORMATS,
        "parameters": PARAMETERS,
        "state": STATE,
        "norms": PARAMETRIZED,
        "outputs": OUTPUTS,
        "inputs": INPUTS,
        "kept": KEPT,
        "transforms": TRANSFORMS,
        "reads": REAL,
        "losses": {
            name: blocks(partial(lambda loss, m, x: loss(m(x), x), loss))
            for name, loss in LOSSES.items()
        },
    }.items()
    for name, learner in learners.items()
}


@pytest.mark.parametrize("name", CORNERS)
@pytest.mark.filterwarnings("ignore")
def test_corners(name: str) -> None:
    """What is predicted of two steps is what they take, to the byte and operator by operator."""
    build, args = CORNERS[name]
    assert trained(build, args).method == way(name)


EVALUATED = [
    name
    for name in CORNERS
    if name.partition(":")[0] in ("dtypes", "channels_last", "state", "outputs", "inputs", "losses")
]


@pytest.mark.parametrize("name", EVALUATED)
@pytest.mark.filterwarnings("ignore")
def test_corners_evaluated(name: str) -> None:
    """The same networks in evaluation."""
    build, args = CORNERS[name]
    assert evaluated(build, args).method == way(name)


def way(name: str) -> str:
    """Return how a network must be traced: for real it would only agree with itself."""
    return "real" if name.startswith("reads") or name == "transforms: jvp" else "abstract"


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_checkpoints_save() -> None:
    """What is recomputed is not kept: less than half of what is saved, and a lower peak."""
    plain = measure(Blocks, MANY, training="SGD")
    for name, (build, args) in CHECKPOINTS.items():
        if "random state" in name:
            less = measure(build, args, training="SGD")
            assert (less.saved_memory or 0) < (plain.saved_memory or 0) / 2
            assert (less.training_memory or 0) < (plain.training_memory or 0)
            assert (less.training_macs or 0) > (plain.training_macs or 0)
            assert less.peak_memory == plain.peak_memory
