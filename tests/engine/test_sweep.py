"""Networks at many sizes: their laws checked by hand, what they reject, where they end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import count
from typing import Any

import pytest
import torch
from torch import nn

from pytest_burden import BurdenError, measure, sweep
from pytest_burden.budget.law import Law, Remainder, law
from pytest_burden.engine.fit import fit
from pytest_burden.engine.sweep import elsewhere
from pytest_burden.sweeps import Sweep, needed
from tests.networks.swin import Swin
from tests.networks.vgg import Vgg


def found(swept: Sweep, metric: str) -> Law:
    """Return the law of a metric."""
    exact = law(swept.symbols, swept.values(metric))
    assert exact is not None, metric
    return exact


def named(exact: Law) -> dict[str, Fraction]:
    """Return the coefficients by their powers: ``S S d``."""
    return {
        " ".join(
            symbol for symbol, n in zip(exact.symbols, powers, strict=True) for _ in range(n)
        ): f
        for powers, f in exact.coefficients.items()
    }


def test_vgg() -> None:
    """Convolutions of 3x3 on a side that each pooling halves: multiples of 8 here."""
    network = lambda: Vgg((1, 2, 1), width=4, hidden=16, classes=10)  # noqa: E731
    swept = sweep(network, "float32[B, 3, S, S]", vary={"S": "8:96:4", "B": [1, 2, 5]})
    sides = {1: 9 * 3 * 4, 2: 9 * 4 * 8 + 9 * 8 * 8, 4: 9 * 8 * 16}
    squares = sum(Fraction(macs, side**2) for side, macs in sides.items())
    head = 49 * 16 * 16 + 16 * 16 + 16 * 10
    exact = found(swept, "macs")
    assert named(exact) == {"S S B": squares, "B": head}
    assert exact.classes == (Remainder(4, 0), Remainder(1, 0)) or exact.classes[0].modulus == 8
    weights = 9 * (3 * 4 + 4 * 8 + 8 * 8 + 8 * 16) + 49 * 16 * 16 + 16 * 16 + 16 * 10
    assert swept.constant["params"] == weights + 4 + 8 + 8 + 16 + 16 + 16 + 10


def encoder(d: int, L: int, heads: int = 4) -> nn.Module:  # noqa: N803 as in the formula
    """Return a transformer's encoder of width d with L layers."""
    layer = nn.TransformerEncoderLayer(d, heads, 4 * d, dropout=0.0, batch_first=True)
    return nn.TransformerEncoder(layer, L, enable_nested_tensor=False)


def test_encoder() -> None:
    """In length, width and depth at once: scores and mixing, four projections, two wide layers."""
    sizes: dict[str, str | list[int]] = {"S": "16:80:16", "d": "32:128:32", "L": [1, 2, 3]}
    swept = sweep(encoder, "float32[1, S, d]", vary=sizes)
    assert named(found(swept, "macs")) == {"S S d L": 2, "S d d L": 3 + 1 + 4 + 4}
    # Weights of 3 + 1 + 4 + 4 squares; biases of 3 + 1 + 4 + 1, two norms of 2 each.
    assert named(found(swept, "params")) == {"d d L": 12, "d L": 9 + 4}
    assert found(swept, "flops").degree("S") == 2


class LinearAttention(nn.Module):
    """Attention that mixes keys and values first: linear in the length."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.out = nn.Linear(d, d, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, S, d) as it came."""
        query, key, value = self.qkv(x).chunk(3, -1)
        mixed = key.softmax(-2).transpose(-1, -2) @ value
        out: torch.Tensor = self.out(query.softmax(-1) @ mixed)
        return out


def test_linear_attention() -> None:
    """Six products of a length and two widths, and nothing of the length squared."""
    swept = sweep(
        LinearAttention, "float32[1, S, d]", vary={"S": range(8, 41, 8), "d": range(4, 21, 4)}
    )
    assert named(found(swept, "macs")) == {"S d d": 3 + 1 + 1 + 1}
    assert found(swept, "flops").degree("S") == 1


def test_swin() -> None:
    """Windows of 7 tokens of 4 pixels, merged once: exact in multiples of 56, padded between."""
    network = lambda: Swin((1, 2), width=32, head=32, classes=10)  # noqa: E731
    swept = sweep(network, "float32[1, 3, S, S]", vary={"S": "28:336:28"})
    exact = found(swept, "macs")
    assert exact.classes == (Remainder(56, 0),)
    first, second = 32, 64
    per_token = [12 * first**2 + 2 * 49 * first, 2 * (12 * second**2 + 2 * 49 * second)]
    squares = Fraction(3 * 16 * first + per_token[0], 16) + Fraction(
        4 * first * second + per_token[1], 64
    )
    assert named(exact) == {"S S": squares, "": second * 10}


def test_growth_that_is_no_polynomial() -> None:
    """A pyramid as deep as its input is long has a logarithm in it."""

    class Pyramid(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            while x.shape[-1] > 1:
                x = x[..., ::2] * x[..., ::2]
                x = x * torch.ones(1000)[:1]
            return x

    swept = sweep(Pyramid, "float32[1, S]", vary={"S": range(3, 40)})
    assert law(swept.symbols, swept.values("ops")) is None


def test_points_that_are_rejected() -> None:
    """The reason is kept and the sweep goes on; nothing was run for real to find it."""
    runs = count()  # an attribute would be put back

    class Picky(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            next(runs)
            if x.shape[0] % 2:
                raise ValueError(f"an odd batch:\n{len(x)}")
            return x * 2

    seen: list[tuple[int, int, Mapping[str, int]]] = []
    swept = sweep(
        Picky, "float32[B]", vary={"B": range(1, 5)}, on_point=lambda *each: seen.append(each)
    )
    assert [point.reason for point in swept.points] == [
        "ValueError: an odd batch: 1",
        "",
        "ValueError: an odd batch: 3",
        "",
    ]
    assert swept.values("flops") == {(2,): 2, (4,): 4}
    assert seen == [(n, 4, {"B": n + 1}) for n in range(4)]
    assert next(runs) == 4


def test_networks_that_need_data() -> None:
    """Points that cannot be traced are run; what raises at all of them was tried for real."""

    class Routed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[x > 0] * 2 if x.sum() >= 0 else x

    swept = sweep(Routed, "float32[B]", vary={"B": [2, 3]})
    assert [point.burden and point.burden.method for point in swept.measured] == ["real", "real"]
    assert [bool(point.real) for point in swept.points] == [True, True]
    never = sweep(Routed, "float32[B]", vary={"B": [2]}, real="never")
    assert never.measured == ()
    assert never.points[0].reason.startswith("the network cannot be traced without data")


def net(hidden: int = 3) -> nn.Module:
    """Return layers whose head fixes the size of the input."""
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, hidden, 3, padding=1), nn.ReLU()),
        nn.Flatten(),
        nn.Linear(hidden * 64, 2),
    )


def test_a_size_that_is_none() -> None:
    """A size that is worked out to nothing is a point like one that the network rejects."""
    swept = sweep(nn.ReLU, "float32[S - 8]", vary={"S": [7, 8, 9, 10]})
    assert [point.sizes["S"] for point in swept.measured] == [9, 10]
    assert swept.points[1].reason == "Invalid input spec (S - 8 is 0): 'float32[S - 8]'"


def test_elsewhere() -> None:
    """Its own sizes, the multiples that a limit needs, the sizes that it names, up to a module."""
    burden, swept = elsewhere(
        net,
        "float32[B, 1, S, S]",
        sizes={"B": 2, "S": 8, "hidden": 5},
        vary={},
        grow=["S", "S", "T"],
        at=[{"S": 40}, {"S": 16, "B": 1}, {"T": 1}],
        until="0",
    )
    assert burden.inputs == ("float32[2, 1, 8, 8]",)
    assert burden.params == 5 * 10 + 5 * 64 * 2 + 2
    assert swept.sweep
    assert [point.sizes for point in swept.sweep.points] == [
        {"S": 8 * times} for times in (1, 2, 3, 4, 5, 6, 8, 12, 16)
    ]
    assert swept.sweep.values("macs") == {
        (s,): 2 * 5 * 9 * s * s for (s,) in swept.sweep.values("ops")
    }
    assert [(point.sizes, point.metrics["macs"]) for point in swept.at] == [
        ({"B": 2, "S": 40, "hidden": 5}, 2 * 5 * 9 * 1600),
        ({"B": 1, "S": 16, "hidden": 5}, 1 * 5 * 9 * 256),
    ]


def test_elsewhere_varied() -> None:
    """What is varied is measured at its smallest size; with it, a limit needs fewer multiples."""
    burden, swept = elsewhere(
        net, "float32[B, 1, 8, S]", sizes={"S": 8}, vary={"B": [3, 1]}, grow=["S", "B"]
    )
    assert burden.inputs == ("float32[1, 1, 8, 8]",)
    assert swept.sweep
    assert swept.sweep.symbols == ("B", "S")
    assert len(swept.sweep.points) == 2 * 6
    # The head takes one width alone.
    assert [point.sizes for point in swept.sweep.measured] == [{"B": 1, "S": 8}, {"B": 3, "S": 8}]
    assert elsewhere(net, "1x1x8x8", sizes={}, vary={}, grow=["S"])[1].sweep is None


@pytest.mark.parametrize("build", [net, net()], ids=["factory", "built"])
def test_until(build: Any) -> None:
    """The trunk takes sizes that the head does not; what was given is as it was."""
    whole = sweep(build, "float32[1, 1, S, S]", vary={"S": [4, 8, 12, 16]})
    assert [point.sizes["S"] for point in whole.measured] == [8]
    trunk = sweep(build, "float32[1, 1, S, S]", vary={"S": [4, 8, 12, 16]}, until="0")
    assert named(found(trunk, "macs")) == {"S S": 9 * 3}
    assert trunk.until == "0"
    burden = trunk.measured[0].burden
    assert burden
    rows = burden.module_rows
    assert [(row.path, row.cls) for row in rows[:2]] == [("", "Sequential"), ("0", "Sequential")]
    assert rows[-1].calls == 0
    inside = sweep(build, "float32[1, 1, S, S]", vary={"S": [4]}, until="0.0")
    assert inside.measured[0].metrics["ops"] == 1
    if isinstance(build, nn.Module):
        assert type(build) is nn.Sequential
        assert measure(build, "1x1x8x8").macs == 9 * 3 * 64 + 2 * 3 * 64


def _called(function: Callable[..., object], **options: Any) -> Callable[[], object]:
    """Return a call with options that its types forbid."""
    return lambda: function(net, "float32[S, T, 1]", **options)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: sweep(net, "float32[1, 1, S, S]", vary={"S": [8]}, until="3"), "no module '3'"),
        (lambda: sweep(net, "float32[1, 1, S, S]", vary={"S": [8]}, until="0.2"), "(nearest: 0."),
        (lambda: sweep(net, "1x1x8x8", vary={"S": [8]}), "no input has a size S"),
        (lambda: sweep(net, "1x1x8x8", vary={"hiden": [8]}), "(nearest: hidden)"),
        (lambda: sweep(net, "float32[S]", vary={"S": []}), "there is none"),
        (lambda: sweep(net, "float32[S]", vary={"S": [True]}), "not whole numbers from 1 up"),
        (lambda: sweep(net, "float32[S, T]", vary={"S": [1]}), "no size is given for T"),
        (lambda: sweep(net, "float31[S]", vary={"S": [1]}), "unknown dtype"),
        (
            _called(sweep, vary=[1]),
            'Invalid sizes (not of the form vary={"S": "128:1024:128"}): [1]',
        ),
        (_called(sweep, vary={}, sizes=5), 'Invalid sizes (not of the form sizes={"S": 128}): 5'),
        (_called(sweep, vary={"S": [1]}, sizes={"T": "x"}), "not whole numbers from 1 up"),
        (_called(sweep, vary={5: [1]}), "Invalid sizes (not the name of a size): 5"),
        (_called(sweep, vary={"S": [1]}, until=5), "Invalid until (not the path of a module): 5"),
        (_called(fit, vary="S", memory=9, sizes=[1]), 'not of the form sizes={"S": 128}): [1]'),
        (_called(fit, vary=["S"], memory=9), "Invalid vary (not the name of a size): ['S']"),
        (
            _called(fit, vary="S", memory="1G"),
            "Invalid memory (not a whole number from 0 up): '1G'",
        ),
        (
            _called(fit, vary="S", memory=9**9, first=0),
            "Invalid first (not a whole number from 1 u",
        ),
        (
            _called(fit, vary="S", memory=9**9, step=0),
            "Invalid step (not a whole number from 1 up)",
        ),
        (
            lambda: fit(net, "float32[B, 1, 8, 8]", vary="B", memory=10),
            "B = 1 needs 3,456 bytes already, there are 10",
        ),
        (lambda: fit(net, "float32[B, 1, 8, 8]", vary="C", memory=10), "no input has a size C"),
        (
            lambda: fit(nn.Identity, "float32[B]", vary="B", memory=10**16),
            "fits still: no larger one is tried",
        ),
    ],
)
def test_mistakes(call: Callable[[], object], told: str) -> None:
    """What is wrong in the call is an error, and no rejected point."""
    with pytest.raises(BurdenError) as raised:
        call()
    assert told in str(raised.value)


@pytest.mark.parametrize("first", [1, 3])
@pytest.mark.parametrize("step", [1, 4])
@pytest.mark.parametrize("room", [0, 1, 700, 5000, 10**6])
def test_fit(first: int, step: int, room: int) -> None:
    """The largest size of those allowed, beside a search through all of them."""
    layer = lambda: nn.Linear(4, 8)  # noqa: E731
    least = needed(measure(layer, f"{first}x4"))
    found = fit(layer, "float32[B, 4]", vary="B", memory=least + room, first=first, step=step)
    sizes = range(first, first + room // (4 * 12) + 2 * step + 1, step)
    # Each row has four numbers that come in and eight that go out.
    assert found.size == max(n for n in sizes if (n - first) * 4 * (4 + 8) <= room)
    assert found.more == found.size + step
    assert found.beyond is not None
    assert needed(found.burden) <= least + room < needed(found.beyond)


def test_fit_by_a_parameter_of_the_factory() -> None:
    """The widest network; and a network that takes no more says so."""
    wide = fit(_wide, "float32[1, d]", vary="d", memory=4096)
    assert wide.size == 31  # 4 * (31 * 31 + 2 * 31) bytes
    full = fit(net, "float32[1, 1, S, S]", vary="S", memory=10**6, first=8)
    assert (full.size, full.more, full.beyond) == (8, 9, None)
    assert full.why_not.startswith("RuntimeError: ")


def _wide(d: int) -> nn.Module:
    return nn.Linear(d, d, bias=False)
