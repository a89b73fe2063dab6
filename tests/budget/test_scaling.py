"""Limits on growth with the sizes of inputs: read, and judged from points made by hand."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.judge_sizes import judge_sizes
from pytest_burden.budget.limits import Rule, read_limits
from pytest_burden.budget.result import Result
from pytest_burden.budget.scaling import LimitAt, Scaling
from pytest_burden.budget.verdict import DEFAULTS, Kind, Verdict
from pytest_burden.burden import Figures, ModuleRow, OpRow
from pytest_burden.sweeps import Point, Sweep, Swept
from tests.budget.sample import burden, limit


def read(key: str, value: object) -> tuple[Rule, ...]:
    """Return the limits of one key."""
    rules, wrong = read_limits({key: value}, lambda _: "here")
    assert not wrong
    return rules


@pytest.mark.parametrize(
    ("text", "powers"),
    [
        ("S", {"S": 1}),
        ("S^0", {"S": 0}),
        ("S^1.1", {"S": Fraction(11, 10)}),
        (" S ^ 2*B ", {"S": 2, "B": 1}),
        ("S^2 · seq_len^0.5", {"S": 2, "seq_len": Fraction(1, 2)}),
        ("S^2, B", {"S": 2, "B": 1}),
    ],
)
def test_powers(text: str, powers: Mapping[str, Any]) -> None:
    """Each size has a limit of its own; of what is not named nothing is said."""
    found = read("max_scaling", {"flops": text})
    assert found == tuple(
        Scaling("flops", symbol, Fraction(power), "here", f"max_scaling={ {'flops': text}!r}")
        for symbol, power in powers.items()
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (3, "not a table of metrics and powers of sizes"),
        ({}, "not a table of metrics and powers of sizes"),
        ({"flop": "S"}, "unknown metric 'flop' (nearest: flops)"),
        ({"flops": 2}, "not powers of sizes such as 'S^1.1' or 'S^2 * B': 2"),
        ({"flops": ""}, "not powers of sizes such as 'S^1.1' or 'S^2 * B': ''"),
        ({"flops": "S^"}, "not powers of sizes such as 'S^1.1' or 'S^2 * B': 'S^'"),
        ({"flops": "S^-1"}, "not powers of sizes such as 'S^1.1' or 'S^2 * B': 'S^-1'"),
        ({"flops": "2*S"}, "not powers of sizes such as 'S^1.1' or 'S^2 * B': '2*S'"),
        ({"flops": "S*S^2"}, "one size twice: 'S*S^2'"),
    ],
)
def test_no_powers(value: object, reason: str) -> None:
    """An error says what is wrong, and shows a line that works."""
    rules, (wrong,) = read_limits({"max_scaling": value}, str)
    assert (rules, wrong.reason) == ((), reason)
    assert wrong.example == 'max_scaling = { flops = "S^1.1" }'


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("max_flops_at", {"S": 9, "limit": "80 TFLOPs"}, [("flops", {"S": 9}, 80 * 10**12)]),
        ("max_gflops_at", {"S": 9, "B": 2, "limit": 5}, [("flops", {"S": 9, "B": 2}, 5 * 10**9)]),
        (
            "max_peak_memory_at",
            [{"S": 1, "limit": "1 KiB"}, {"S": 2, "limit": 3000}],
            [("peak_memory", {"S": 1}, 1024), ("peak_memory", {"S": 2}, 3000)],
        ),
    ],
)
def test_at(key: str, value: object, expected: list[tuple[str, Mapping[str, int], int]]) -> None:
    """A metric, sizes, and the most it may be there; several of them in a list."""
    found = read(key, value)
    assert [(r.metric, r.sizes, r.maximum) for r in found if isinstance(r, LimitAt)] == expected


class Unequal:
    """Can be neither compared nor printed."""

    def __eq__(self, other: object) -> bool:
        """Raise."""
        raise RuntimeError("no eq")

    def __repr__(self) -> str:
        """Raise."""
        raise RuntimeError("no repr")

    __hash__ = object.__hash__


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (5, "not a table of sizes and a limit"),
        ([], "an empty list"),
        ([5], "not a table of sizes and a limit"),
        ({"S": 5}, "the key limit is missing"),
        ({"limit": 5}, "no size is given"),
        ({"S": 0, "limit": 5}, "S is not a whole number from 1 up: 0"),
        ({"S": True, "limit": 5}, "S is not a whole number from 1 up: True"),
        ({"S-1": 3, "limit": 5}, "'S-1' is no name of a size"),
        ({5: 3, "limit": 5}, "5 is no name of a size"),
        ({Unequal(): 3, "limit": 5}, "<Unequal, which has no repr> is no name of a size"),
        ({"S": Unequal(), "limit": 5}, "S is not a whole number from 1 up: <Unequal, which has no"),
        ({"S": 5, "limit": Unequal()}, "a size is a number or a text"),
        ({"S": 10**18, "limit": 5}, "S is not below 10^18: 1000000000000000000"),
        (
            {"S": 3, "limit": "5 GiB"},
            "'GiB' is a unit of memory, this is a count: FLOPs, KFLOPs, MFLOPs, GFLOPs, TFLOPs",
        ),
    ],
)
def test_not_at(value: object, reason: str) -> None:
    """The error of the limit itself is that of any limit."""
    rules, (wrong,) = read_limits({"max_flops_at": value}, str)
    assert rules == ()
    assert wrong.reason.startswith(reason)
    assert wrong.reason == reason or "Unequal" in reason
    assert wrong.example == 'max_flops_at = { S = 4096, limit = "5 GFLOPs" }'


def test_nearest_and_second() -> None:
    """A misspelt key is led to the right one; one size has one limit."""
    _, (wrong,) = read_limits({"max_scalling": {"flops": "S"}}, str)
    assert wrong.reason == "unknown key (nearest: max_scaling)"
    same = {"S": 3, "limit": 5}
    _, (second,) = read_limits({"max_flops_at": same, "max_mflops_at": same}, str)
    assert second.reason == "a second limit on flops: keep one of the two"
    other, wrong_ones = read_limits({"max_flops_at": same, "max_mflops_at": same | {"S": 4}}, str)
    assert (len(other), wrong_ones) == (2, [])


def point(sizes: Mapping[str, int], modules: Mapping[str, int], **fields: Any) -> Point:
    """Return a point at which modules have these FLOPs."""
    rows = [
        ModuleRow(path, "Linear", 1, Figures(flops=flops), Figures())
        for path, flops in modules.items()
    ]
    made = burden(flops=sum(modules.values()), module_rows=tuple(rows), **fields)
    return Point.of(sizes, made)


def sweep(
    law: Callable[..., Mapping[str, int]], rejects: Sequence[int] = (), **sizes: Sequence[int]
) -> Sweep:
    """Return a sweep of a network whose modules follow a law."""
    every = [dict(zip(sizes, each, strict=True)) for each in product(*sizes.values())]
    points = [
        Point(sizes=each, reason="RuntimeError: too long")
        if set(rejects).intersection(each.values())
        else point(each, law(**each))
        for each in every
    ]
    return Sweep(tuple(sizes), tuple(points))


def linear(S: int, B: int = 1) -> dict[str, int]:  # noqa: N803 the name of a size
    """Return what grows with the length."""
    return {"proj": 1_000_000 * S * B, "attn": 40 * S * B}


def quadratic(S: int, B: int = 1) -> dict[str, int]:  # noqa: N803 the name of a size
    """Return what is not seen at small sizes: a small term with the length's square."""
    return {"proj": 1_000_000 * S * B, "attn": 40 * S * S * B}


def ragged(S: int) -> dict[str, int]:  # noqa: N803 the name of a size
    """Return what follows no law: the power 1.5, rounded."""
    return {"proj": int(1000 * S**1.5)}


def two(S: int) -> dict[str, int]:  # noqa: N803 the name of a size
    """Return the larger of two laws, as peaks of memory are: the second one wins in the end."""
    return {"proj": max(800 * S, 40 * S * S)}


def filled(S: int) -> dict[str, int]:  # noqa: N803 the name of a size
    """Return quadratic attention over a text that is filled up to a power of two."""
    padded = 1 << (S - 1).bit_length()
    return {"attn": 40 * padded * padded}


def small_part(S: int) -> dict[str, int]:  # noqa: N803 the name of a size
    """Return what follows no law as a whole, and has a small part that grows with the square."""
    return {"fft": round(100_000 * S * math.log2(S)), "attn": 40 * S * S}


def blocks(S: int) -> dict[str, int]:  # noqa: N803 the name of a size
    """Return attention in blocks of 16, and over the whole text where there is a rest."""
    return {"attn": 40 * S * (S if S % 16 else 16)}


TOO_FEW = "too few to show an exact law, or to fit a power to"
SIZES = (8, 16, 24, 32, 40, 48)


def judged(swept: Swept, *rules: Rule, **fields: Any) -> tuple[Verdict, ...]:
    """Return the verdicts on a network at other sizes."""
    return judge_sizes("net", burden(**fields), rules, DEFAULTS, swept)


@pytest.mark.parametrize(
    ("law", "power", "kind", "found"),
    [
        (linear, "S", Kind.PASS, 1),
        (linear, "S^0.9", Kind.OVER, 1),
        (quadratic, "S^2", Kind.PASS, 2),
        (quadratic, "S^1.9999", Kind.OVER, 2),
        (quadratic, "S^1.1", Kind.OVER, 2),  # at these sizes a fit would say S^1.00
        (ragged, "S^1.6", Kind.PASS, 1.5),
        (ragged, "S^1.4", Kind.OVER, 1.5),
        (two, "S^1.9", Kind.OVER, 2),  # a fit to all of them would say S^1.50
        (small_part, "S^1.3", Kind.OVER, 2),  # a fit to the whole says S^1.29
        (lambda S: {"head": 9}, "S^0", Kind.PASS, 0),  # noqa: ARG005, N803 it does not grow
    ],
)
def test_power(law: Callable[..., Any], power: str, kind: Kind, found: float) -> None:
    """The degree of the exact law is held against the power; a fitted one where there is none."""
    swept = Swept(sweep(law, S=SIZES))
    (verdict,) = judged(swept, *read("max_scaling", {"flops": power}))
    assert verdict.kind is kind
    assert verdict.elsewhere
    assert verdict.elsewhere.power == pytest.approx(found, abs=1e-3)


@pytest.mark.parametrize(
    ("metric", "kind"),
    [
        ("params", Kind.OVER),
        ("macs", Kind.OVER),
        ("flops", Kind.OVER),
        ("activation_memory", Kind.OVER),
        ("training_macs", Kind.OVER),
        ("training_flops", Kind.OVER),
        ("peak_memory", Kind.PASS),  # a peak is no sum: it may be another module's in the end
    ],
)
def test_a_small_part_of_each_sum(metric: str, kind: Kind) -> None:
    """What is summed up over modules grows in the end as the steepest of them, whatever it is."""

    def at(size: int) -> Point:
        parts = small_part(size)
        rows = tuple(
            ModuleRow(path, "Linear", 1, Figures(**{metric: value}), Figures())
            for path, value in parts.items()
        )
        return Point.of({"S": size}, burden(module_rows=rows, **{metric: sum(parts.values())}))

    swept = Swept(Sweep(("S",), tuple(map(at, SIZES))))
    (verdict,) = judged(swept, *read("max_scaling", {metric: "S^1.4"}))
    assert verdict.kind is kind


def test_levels_at_the_end() -> None:
    """Sizes that are filled up to the same one are no law of what does not grow."""
    (verdict,) = judged(
        Swept(sweep(filled, S=range(32, 513, 32))), *read("max_scaling", {"flops": "S^1.1"})
    )
    assert verdict.kind is Kind.OVER
    assert verdict.elsewhere
    assert verdict.elsewhere.power == pytest.approx(2, abs=0.2)
    # What is cut off at some size does not grow any more: the end spans the double of it.
    (cut,) = judged(
        Swept(sweep(lambda S: {"a": min(S, 128) ** 2}, S=range(32, 513, 32))),  # noqa: N803
        *read("max_scaling", {"flops": "S^0"}),
    )
    assert cut.kind is Kind.PASS


def test_sizes_that_follow_another_law() -> None:
    """The steeper law holds; of too few sizes for one, with twice as much, nothing is known."""
    (over,) = judged(
        Swept(sweep(blocks, S=range(8, 129, 8))), *read("max_scaling", {"flops": "S^1.1"})
    )
    assert over.kind is Kind.OVER
    assert over.elsewhere
    assert over.elsewhere.power == 2  # multiples of 16 alone say 1
    (verdict,) = judged(
        Swept(sweep(blocks, S=[24 * n for n in (1, 2, 3, 4, 5, 6, 8, 12, 16)])),
        *read("max_scaling", {"flops": "S^1.1"}),
    )
    assert verdict.kind is Kind.INCOMPLETE
    assert verdict.detail == (  # 40 * 120 * 120 beside 40 * 120 * 16
        "at S = 120 it is 7.5 times what the law of other sizes says, and too few sizes are like"
        " it to show one"
    )


@pytest.mark.parametrize(("more", "kind"), [(7, Kind.PASS), (8, Kind.INCOMPLETE)])
def test_a_size_above_the_law(more: int, kind: Kind) -> None:
    """One size with less than twice what the law says is rounding, with twice as much it is not."""

    def law(S: int) -> dict[str, int]:  # noqa: N803 the name of a size
        return {"attn": S * 8 + (S * more if S == 120 else 0)}

    swept = Swept(sweep(law, S=[24 * n for n in (1, 2, 3, 4, 5, 6, 8, 12, 16)]))
    (verdict,) = judged(swept, *read("max_scaling", {"flops": "S^1.1"}))
    assert verdict.kind is kind


def test_an_operator_is_blamed() -> None:
    """Where one module has it all, the operator that grows too fast is named."""

    def at(size: int) -> Point:
        fft, attention = small_part(size).values()
        rows = (
            OpRow("aten._fft_r2c", "counted", 1, flops=fft),
            OpRow("aten.bmm", "counted", 1, flops=attention),
        )
        return point({"S": size}, {"mix": fft + attention}, op_rows=rows)

    swept = Swept(Sweep(("S",), tuple(map(at, SIZES))))
    (verdict,) = judged(swept, *read("max_scaling", {"flops": "S^1.5"}))
    assert verdict.elsewhere
    assert [tuple(heavy) for heavy in verdict.elsewhere.heaviest] == [("aten.bmm", 40 * 48 * 48, 2)]


def test_blame() -> None:
    """The modules that grow too fast are named, at the largest size; not those that weigh more."""
    swept = Swept(sweep(quadratic, S=SIZES, B=[1, 2, 3]))
    (verdict,) = judged(swept, *read("max_scaling", {"flops": "S^1.1"}))
    assert verdict.elsewhere
    assert verdict.elsewhere.sizes == {"S": 48, "B": 3}
    assert [tuple(heavy) for heavy in verdict.elsewhere.heaviest] == [("attn", 40 * 48 * 48 * 3, 2)]
    (other,) = judged(swept, *read("max_scaling", {"flops": "B^0.5"}))
    assert other.elsewhere
    assert [heavy.module for heavy in other.elsewhere.heaviest] == ["proj", "attn"]


def test_what_grows_as_it_may_is_not_blamed() -> None:
    """A module whose power is the limit is within it, as a network is."""
    swept = Swept(sweep(lambda S: {"attn": 9 * S**2, "mix": S**3}, S=SIZES))  # noqa: N803
    (verdict,) = judged(swept, *read("max_scaling", {"flops": "S^2"}))
    assert verdict.elsewhere
    assert [tuple(heavy) for heavy in verdict.elsewhere.heaviest] == [("mix", 48**3, 3)]


@pytest.mark.parametrize(
    ("swept", "detail"),
    [
        (Swept(), "no size of its inputs, and no parameter of its factory, is called S"),
        (Swept(sweep(linear, S=[4])), "1 size of S: too few"),
        (Swept(sweep(quadratic, S=[4, 8, 12])), "3 sizes of S: too few"),
        (
            Swept(sweep(linear, S=[4, 8, 12], rejects=[8, 12])),
            f"1 size of S: {TOO_FEW}\nnot at S = 8: RuntimeError: too long",
        ),
        (Swept(sweep(linear, B=[4, 8, 12], S=[1])), "1 size of S: too few"),
    ],
)
def test_unknown(swept: Swept, detail: str) -> None:
    """What cannot be known is no pass."""
    (verdict,) = judged(swept, *read("max_scaling", {"flops": "S^9"}))
    assert (verdict.kind, verdict.fails) == (Kind.INCOMPLETE, True)
    assert verdict.detail.startswith(detail)


@pytest.mark.parametrize(
    ("metric", "fields", "rules", "kind"),
    [
        ("flops", {"uncounted_ops": 3}, {}, Kind.INCOMPLETE),
        ("flops", {"uncounted_ops": 3}, {"max_uncounted_ops": 2}, Kind.INCOMPLETE),
        ("flops", {"uncounted_ops": 3}, {"max_uncounted_ops": 3}, Kind.PASS),
        ("params", {"uncounted_ops": 3}, {}, Kind.PASS),
        ("peak_memory", {"lower_bounds": {"peak_memory": "why"}}, {}, Kind.INCOMPLETE),
        ("flops", {"lower_bounds": {"peak_memory": "why"}}, {}, Kind.PASS),
        ("training_memory", {}, {}, Kind.UNSUPPORTED),
    ],
)
def test_gaps(metric: str, fields: Any, rules: Any, kind: Kind) -> None:
    """What was not all counted, or not measured, is no pass: of a power and at one size."""
    rows = (OpRow("aten.svd", "uncounted", 3),) if "uncounted_ops" in fields else ()
    points = tuple(point({"S": size}, {"a": size}, op_rows=rows, **fields) for size in SIZES)
    accepted, _ = read_limits(rules, str)
    scaling = read("max_scaling", {metric: "S^2"})
    at = read(f"max_{metric}_at", {"S": 16, "limit": 10**12})
    found = judged(Swept(Sweep(("S",), points), points), *scaling, *at, *accepted)
    assert [verdict.kind for verdict in found] == [kind, kind]


@pytest.mark.parametrize(
    ("sizes", "maximum", "kind", "measured"),
    [
        ({"S": 32}, 32_001_280, Kind.PASS, 32_001_280),  # at the limit
        ({"S": 32}, 32_001_279, Kind.OVER, 32_001_280),
        ({"S": 32, "B": 1}, 32_001_279, Kind.OVER, 32_001_280),
        ({"S": 33}, 10**12, Kind.INCOMPLETE, None),
        ({"T": 32}, 10**12, Kind.INCOMPLETE, None),
        ({"S": 64}, 10**12, Kind.INCOMPLETE, None),
    ],
)
def test_limit_at(sizes: Mapping[str, int], maximum: int, kind: Kind, measured: object) -> None:
    """One value at the sizes that are said, the others being the network's own."""
    at = (
        point({"S": 32, "B": 1}, linear(32)),
        Point(sizes={"S": 64, "B": 1}, reason="RuntimeError: too long"),
    )
    (verdict,) = judged(Swept(None, at), LimitAt("flops", sizes, maximum, "here"))
    assert (verdict.kind, verdict.measured) == (kind, measured)
    if kind is Kind.OVER:
        assert verdict.elsewhere
        assert [tuple(heavy) for heavy in verdict.elsewhere.heaviest] == [
            ("proj", 32_000_000, None),
            ("attn", 40 * 32, None),
        ]


def test_others_are_left_out() -> None:
    """Limits on the network's own sizes are judged elsewhere."""
    assert judged(Swept(), limit("flops", 1)) == ()


@given(
    st.integers(0, 3),
    st.lists(st.integers(1, 10**6), min_size=4, max_size=4),
    st.fractions(0, 4, max_denominator=100),
)
def test_any_polynomial(degree: int, factors: list[int], allowed: Fraction) -> None:
    """Whatever the coefficients are, a power below the degree is over, and no other."""

    def law(S: int) -> dict[str, int]:  # noqa: N803 the name of a size
        return {"a": sum(factors[power] * S**power for power in range(degree + 1))}

    rule = Scaling("flops", "S", allowed, "here")
    (verdict,) = judged(Swept(sweep(law, S=SIZES)), rule)
    assert verdict.kind is (Kind.OVER if degree > allowed else Kind.PASS)


def test_through_json() -> None:
    """A result with all of it comes back as it was, but for the modules of points."""
    swept = Swept(sweep(quadratic, S=SIZES), (point({"S": 99}, linear(99)),))
    rules = (
        *read("max_scaling", {"flops": "S^1.1"}),
        *read("max_flops_at", {"S": 99, "limit": 5}),
    )
    result = Result("net", "net", burden(), judged(swept, *rules), sweep=swept.sweep, at=swept.at)
    back = Result.from_dict(json.loads(json.dumps(result.to_dict())))
    assert back == result
    assert back.sweep
    assert back.sweep.points[0].burden is None
    bare = dataclasses.replace(result, sweep=None, at=(), verdicts=())
    assert {"sweep", "at", "elsewhere"}.isdisjoint(bare.to_dict())


def wavy(S: int) -> dict[str, int]:  # noqa: N803 the name of a size
    """Return what follows no law and hardly a power."""
    return {"proj": 1000 * S + (2000 * S if S % 24 == 8 else 0) + S.bit_count()}


def test_a_fit_that_cannot_tell() -> None:
    """A fitted power has to stay below its limit with twice its error."""
    swept = Swept(sweep(wavy, S=SIZES))
    low, high = (
        judged(swept, *read("max_scaling", {"flops": power}))[0] for power in ("S^1", "S^9")
    )
    assert (low.kind, high.kind) == (Kind.INCOMPLETE, Kind.PASS)
    assert " errors more than S^1, and there is no exact law" in low.detail
