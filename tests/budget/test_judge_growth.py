"""What is decided of a burden that is held against the baseline, at and around every border."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.allowance import Allowance
from pytest_burden.budget.baseline import Baseline, entry_of
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.ids import Glob
from pytest_burden.budget.limits import Limit, Rule
from pytest_burden.budget.verdict import (
    DEFAULTS,
    GROWING,
    LOCAL,
    NO_GROWTH,
    Kind,
    Past,
    Policy,
    Verdict,
    judge,
    judge_globs,
    judge_stale,
    renamed,
    runs_differ,
)
from pytest_burden.burden import MEMORY, METRICS, Burden, Convention
from tests.budget.sample import burden, limit, trained, uncounted

NAME = "t.py::net[224]"
TODAY = dt.date(2030, 1, 31)
TORCH = "2.13"


def past(base: Burden | None, *allowances: Allowance, torch: str = TORCH) -> Past:
    """Return a baseline with one measurement, or none."""
    entries = {} if base is None else {NAME: entry_of(NAME, base)}
    return Past(Baseline(torch, entries), allowances, TODAY)


def growth(metric: str = "flops", percent: int | None = None, amount: int | None = 0) -> Growth:
    """Return a growth that is allowed, none by default."""
    return Growth(metric, None if percent is None else Fraction(percent), amount, "here")


def allowance(
    up_to: int, until: dt.date = TODAY, pattern: str = NAME, metric: str = "flops", line: int = 7
) -> Allowance:
    """Return a growth that is accepted for a while."""
    return Allowance(Glob(pattern), metric, up_to, "wider stem", until, f"pyproject.toml:{line}")


def one(now: Burden, rule: Rule, known: Past) -> Verdict:
    """Return the verdict of one rule."""
    (verdict,) = judge(NAME, now, [rule], past=known)
    return verdict


@pytest.mark.parametrize(
    ("base", "measured", "rule", "kind"),
    [
        (100, 100, growth(), Kind.PASS),
        (100, 101, growth(), Kind.GREW),
        (100, 99, growth(), Kind.SHRANK),
        (0, 0, growth(), Kind.PASS),
        (0, 1, growth(), Kind.GREW),
        (100, 102, growth(percent=2, amount=None), Kind.PASS),  # at the limit
        (100, 103, growth(percent=2, amount=None), Kind.GREW),  # one past it
        (100, 110, growth(amount=10), Kind.PASS),
        (100, 111, growth(amount=10), Kind.GREW),
        (100, 110, growth(percent=2, amount=10), Kind.PASS),  # over the share alone
        (100, 111, growth(percent=2, amount=10), Kind.GREW),
        (10_000, 10_200, growth(percent=2, amount=10), Kind.PASS),  # over the amount alone
        (10_000, 10_201, growth(percent=2, amount=10), Kind.GREW),
        (10**18, 10**18 + 1, growth(), Kind.GREW),
    ],
)
def test_border(base: int, measured: int, rule: Growth, kind: Kind) -> None:
    """A growth is allowed up to and at its limit, and not by one past it."""
    verdict = one(burden(flops=measured), rule, past(burden(flops=base)))
    assert verdict.kind is kind
    assert (verdict.subject, verdict.measured, verdict.base) == (NAME, measured, base)
    assert (verdict.fails, verdict.warns) == (kind is Kind.GREW, kind is Kind.SHRANK)
    assert verdict.limit == rule


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric(metric: str) -> None:
    """Each metric is held against that metric of the baseline."""
    now = trained(cuda_memory=5)
    value = now.value(metric)
    assert value is not None
    more = trained(**{"cuda_memory": 5, metric: value + 1})
    assert one(now, growth(metric), past(now)).kind is Kind.PASS
    # What is not counted makes a lower bound of the arithmetic, not of its own number.
    assert one(more, growth(metric), past(now)).kind is Kind.GREW
    assert one(now, growth(metric), past(more)).kind is Kind.SHRANK


def test_growth_of_what_no_file_keeps() -> None:
    """It is not called new each time, but said where it can be held; another run may have it."""
    now, rule = burden(cuda_memory=5), growth("cuda_memory")
    committed = replace(past(burden()), committed=True)
    verdict = one(now, rule, committed)
    assert (verdict.kind, verdict.fails) == (Kind.UNSUPPORTED, True)
    assert verdict.detail == "burden-baseline.json does not keep it"
    assert one(now, rule, past(burden())).kind is Kind.NEW
    assert one(now, rule, past(burden(cuda_memory=4))).kind is Kind.GREW


@pytest.mark.parametrize(
    ("base", "now", "rules", "kinds"),
    [
        (burden(), burden(), [], []),
        (burden(), burden(), [growth(amount=None)], []),  # any growth
        (None, burden(), [growth()], [Kind.NEW]),
        (None, burden(), [growth(), growth("params")], [Kind.NEW]),  # once
        (None, burden(), [], [Kind.NEW]),
        (burden(), trained(), [growth("training_memory")], [Kind.NEW]),  # in this metric alone
        (trained(), burden(), [growth("training_memory")], [Kind.UNSUPPORTED]),
        (burden(), burden(), [growth("training_memory")], [Kind.UNSUPPORTED]),
        (burden(), uncounted(3), [growth()], [Kind.INCOMPLETE]),
        (burden(), uncounted(3), [growth("macs")], [Kind.INCOMPLETE]),
        (burden(), uncounted(3), [growth("params")], [Kind.PASS]),
        (burden(), uncounted(3), [growth("uncounted_ops")], [Kind.GREW]),
        (burden(flops=1), uncounted(3), [growth()], [Kind.GREW]),  # a lower bound that grew grew
        (uncounted(3), uncounted(3), [growth()], [Kind.PASS]),  # accepted with the baseline
        (uncounted(2), uncounted(3), [growth()], [Kind.INCOMPLETE]),
        (burden(), uncounted(3), [limit("uncounted_ops", 3), growth()], [Kind.PASS, Kind.PASS]),
        (
            burden(flops=1),
            burden(),
            [growth(), limit("flops", 5), growth("params")],
            [Kind.OVER, Kind.GREW, Kind.PASS],
        ),
        (burden(convention=Convention(fma=2)), burden(), [growth()], [Kind.ERROR]),
        (
            burden(convention=Convention(fma=2)),
            burden(),
            [growth(), growth("params")],
            [Kind.ERROR],
        ),
        (
            burden(convention=Convention(fma=2)),
            burden(),
            [limit("flops", 10**12), growth()],
            [Kind.PASS, Kind.ERROR],
        ),
    ],
)
def test_kinds(
    base: Burden | None, now: Burden, rules: Sequence[Rule], kinds: Sequence[Kind]
) -> None:
    """One verdict for each rule, absolute ones first, and one if nothing can be compared."""
    verdicts = judge(NAME, now, rules, past=past(base))
    assert [verdict.kind for verdict in verdicts] == kinds
    assert all(verdict.fails for verdict in verdicts if verdict.kind is not Kind.PASS)


def test_without_a_baseline() -> None:
    """Then limits of growth are no part of the judgement, absolute ones are."""
    rules = [limit("flops", 10**12), growth(), *NO_GROWTH]
    assert [verdict.limit for verdict in judge(NAME, burden(), rules)] == rules[:1]


def test_convention() -> None:
    """Figures of other conventions are never compared; it is said which ones."""
    then = burden(convention=Convention(fma=2, datum_bytes=4))
    verdict = one(burden(), growth(), past(then))
    assert verdict.detail == (
        "cannot be compared with burden-baseline.json: fma was 2 and is 1, datum_bytes was 4 and"
        " is None\nRenew it with burden baseline update."
    )


def test_no_growth() -> None:
    """What holds unless something else is said."""
    assert tuple(rule.metric for rule in NO_GROWTH) == GROWING
    assert [rule.key for rule in NO_GROWTH] == [f"grow_{metric}" for metric in GROWING]


@pytest.mark.parametrize(
    ("kind", "ci", "here"),
    [
        (Kind.GREW, Policy.FAIL, Policy.FAIL),
        (Kind.SHRANK, Policy.WARN, Policy.WARN),
        (Kind.NEW, Policy.FAIL, Policy.WARN),
        (Kind.STALE, Policy.FAIL, Policy.WARN),
    ],
)
def test_policies(kind: Kind, ci: Policy, here: Policy) -> None:
    """What fails on CI, and where somebody is still at work."""
    assert (DEFAULTS[kind], LOCAL[kind]) == (ci, here)


YESTERDAY, TOMORROW = TODAY - dt.timedelta(1), TODAY + dt.timedelta(1)
GOES = "is allowed until 2030-01-31: wider stem"
WENT = "was allowed until 2030-01-30: wider stem"
ONLY = "is allowed up to 10 FLOPs only: wider stem"


@pytest.mark.parametrize(
    ("allowances", "kind", "detail", "where"),
    [
        ([], Kind.GREW, "", ""),
        ([allowance(11)], Kind.PASS, GOES, "pyproject.toml:7"),  # at its end, on its last day
        ([allowance(10)], Kind.GREW, ONLY, "pyproject.toml:7"),  # more than that
        ([allowance(11, YESTERDAY)], Kind.GREW, WENT, "pyproject.toml:7"),
        ([allowance(11, metric="macs")], Kind.GREW, "", ""),
        ([allowance(11, pattern="t.py::net[22]")], Kind.GREW, "", ""),
        ([allowance(11, pattern="t.py::net[2*]")], Kind.PASS, GOES, "pyproject.toml:7"),
        ([allowance(11, pattern="*")], Kind.PASS, GOES, "pyproject.toml:7"),
        # One that does not hold is not in the way of one that does
        ([allowance(11, YESTERDAY), allowance(11, line=9)], Kind.PASS, GOES, "pyproject.toml:9"),
        ([allowance(10), allowance(11, line=9)], Kind.PASS, GOES, "pyproject.toml:9"),
        ([allowance(11, YESTERDAY), allowance(10, line=9)], Kind.GREW, ONLY, "pyproject.toml:9"),
        ([allowance(11), allowance(99, line=9)], Kind.PASS, GOES, "pyproject.toml:7"),
    ],
)
def test_allowance(allowances: list[Allowance], kind: Kind, detail: str, where: str) -> None:
    """A growth is accepted up to a number, until a day, with a reason."""
    verdict = one(burden(flops=11), growth(), past(burden(flops=5), *allowances))
    assert (verdict.kind, verdict.detail, verdict.allowance) == (kind, detail, where)
    assert verdict.fails is (kind is Kind.GREW)


@pytest.mark.parametrize("measured", [5, 4])
def test_allowance_that_nothing_needs(measured: int) -> None:
    """Where nothing grew there is nothing to accept."""
    verdict = one(burden(flops=measured), growth(), past(burden(flops=5), allowance(11)))
    assert (verdict.detail, verdict.allowance) == ("", "")


def test_allowance_of_what_is_not_counted() -> None:
    """A lower bound that is allowed says nothing of the number."""
    verdict = one(uncounted(3), growth(), past(burden(flops=5), allowance(10**12)))
    assert (verdict.kind, verdict.allowance) == (Kind.INCOMPLETE, "pyproject.toml:7")
    assert verdict.detail == "aten.linalg_svd (2 calls), mylib.myop (1 call)"


BY_TORCH = (*MEMORY, "ops", "cuda_memory")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("version", "other"), [("2.13.1+cpu", False), ("2.14.0", True), ("2.1.0", True)]
)
def test_other_torch(metric: str, version: str, other: bool) -> None:
    """Another minor version may take more operators and more memory, and nothing else."""
    base = trained(cuda_memory=5)
    value = base.value(metric)
    assert value is not None
    now = trained(**{"cuda_memory": 5, "torch": version, metric: value + 1})
    verdict = one(now, growth(metric), past(base))
    warns = other and metric in BY_TORCH
    assert (verdict.kind, verdict.fails, verdict.warns) == (Kind.GREW, not warns, warns)
    assert verdict.detail == (f"torch was 2.13 and is {version}" if warns else "")


def test_other_torch_and_an_allowance() -> None:
    """Neither reason hides the other."""
    known = past(burden(ops=1), allowance(3, YESTERDAY, metric="ops"), torch="2.12")
    verdict = one(burden(), growth("ops"), known)
    assert verdict.detail == f"{WENT}; torch was 2.12 and is 2.13.0"
    assert verdict.warns


@pytest.mark.parametrize("policy", [Policy.WARN, Policy.IGNORE])
def test_other_torch_and_a_policy(policy: Policy) -> None:
    """What is set in the configuration has the last word."""
    policies = {**DEFAULTS, Kind.GREW: policy}
    known = past(burden(ops=1), torch="2.12")
    (verdict,) = judge(NAME, burden(), [growth("ops")], policies, known)
    assert verdict.policy is policy


rules = st.builds(
    growth,
    st.sampled_from(["flops", "ops", "params", "peak_memory", "uncounted_ops"]),
    st.none() | st.integers(0, 200),
    st.integers(0, 50),
)
allowances = st.lists(
    st.builds(
        allowance,
        st.integers(0, 150),
        st.sampled_from([YESTERDAY, TODAY, TOMORROW]),
        st.sampled_from([NAME, "*", "other"]),
        st.sampled_from(["flops", "ops"]),
    ),
    max_size=3,
)


@given(
    rules,
    allowances,
    st.integers(0, 100),
    st.integers(0, 100),
    st.integers(0, 100),
    st.integers(0, 2),
    st.sampled_from(["2.12", "2.13"]),
)
def test_monotonic(  # noqa: PLR0913, PLR0917 all that a verdict depends on
    rule: Growth,
    accepted: list[Allowance],
    base: int,
    measured: int,
    heavier: int,
    gaps: int,
    torch: str,
) -> None:
    """A heavier network never gets a better verdict, nor does an allowance make it worse."""
    known = past(burden(**{rule.metric: base}), *accepted, torch=torch)

    def fails(value: int, against: Past = known) -> bool:
        now = burden(**{"uncounted_ops": gaps, rule.metric: value})
        return one(now, rule, against).fails

    assert fails(measured) <= fails(measured + heavier)
    assert fails(measured) <= fails(measured, Past(known.baseline, (), TODAY))


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_more_is_allowed(base: int, measured: int, amount: int, more: int) -> None:
    """What passes passes where more growth is allowed, and where the baseline is heavier."""

    def fails(start: int, allowed: int) -> bool:
        known = past(burden(flops=start))
        return one(burden(flops=measured), growth(amount=allowed), known).fails

    assert fails(base, amount) >= fails(base, amount + more)
    assert fails(base, amount) >= fails(base + more, amount)


def known_as(*names: str) -> Past:
    """Return a baseline of some ids."""
    return Past(Baseline(TORCH, {name: entry_of(name, burden()) for name in names}))


@pytest.mark.parametrize(
    ("entry", "measured", "unfinished", "skipped", "stale"),
    [
        ("t.py::x", ["t.py::x"], [], [], False),
        ("t.py::x", ["t.py::y"], [], [], True),
        ("t.py::x", [], [], [], True),
        ("t.py::x#2", ["t.py::x"], [], [], True),
        ("t.py::x", [], ["t.py::x"], [], False),  # skipped or failed: it may have measured
        ("t.py::x#2", [], ["t.py::x"], [], False),
        ("t.py::x#small#2", [], ["t.py::x"], [], False),
        ("t.py::x[a#b]", [], ["t.py::x[a#b]"], [], False),
        ("t.py::x[a#b]#small", [], ["t.py::x[a#b]"], [], False),
        ("t.py::x[1]", [], ["t.py::x"], [], True),
        ("t.py::xy", [], ["t.py::x"], [], True),
        ("t.py::x", [], [], ["t.py"], False),
        ("t.py::T::x", [], [], ["t.py::T"], False),
        ("t.py::T::x", [], [], ["t.py::U"], True),
        ("tt.py::x", [], [], ["t.py"], True),
        ("burden_session#net", [], [], [], True),
        # Any test may have been the one that would have asked for it
        ("burden_session#net", [], ["t.py::x"], [], False),
        ("burden_session#net", [], [], ["t.py"], False),
        ("pyproject.toml::net", [], ["t.py::x"], ["t.py"], True),
    ],
)
def test_stale(
    entry: str, measured: list[str], unfinished: list[str], skipped: list[str], stale: bool
) -> None:
    """An entry that nothing measured, unless what would have measured it had no chance."""
    verdicts = judge_stale(known_as(entry), dict.fromkeys(measured, ()), unfinished, skipped)
    assert [verdict.kind for verdict in verdicts] == [Kind.STALE] * stale
    assert all(verdict.fails and verdict.subject == entry for verdict in verdicts)


@pytest.mark.parametrize(
    ("pattern", "used", "unfinished", "skipped", "stale"),
    [
        ("t.py::x", "pyproject.toml:7", [], [], False),
        ("t.py::x", "pyproject.toml:9", [], [], True),
        ("t.py::x", "", [], [], True),
        ("t.py::x", "", ["t.py::x"], [], False),
        ("t.py::x#small", "", ["t.py::x"], [], False),
        ("*::x", "", ["u.py::x"], [], False),
        ("t.py::x", "", ["t.py::y"], [], True),
        ("t.py::x", "", [], ["t.py"], False),
        ("t.py::x", "", [], ["u.py"], True),
        ("burden_session#net", "", ["t.py::y"], [], False),
        ("burden_session#net", "", [], [], True),
    ],
)
def test_stale_allowance(
    pattern: str, used: str, unfinished: list[str], skipped: list[str], stale: bool
) -> None:
    """An allowance that no growth needs, unless that cannot be known."""
    known = Past(Baseline(TORCH), (allowance(5, pattern=pattern),), TODAY)
    verdict = Verdict(Kind.PASS, "t.py::x", growth(), 5, Policy.IGNORE, base=4, allowance=used)
    verdicts = judge_stale(known, {"t.py::x": [verdict]}, unfinished, skipped)
    assert [(v.kind, v.subject, v.detail) for v in verdicts] == [
        (Kind.STALE, "pyproject.toml:7", f"flops of {pattern}")
    ] * stale


def test_stale_and_used() -> None:
    """An allowance that has expired is needed as long as there is the growth."""
    known = past(burden(flops=5), allowance(11, YESTERDAY))
    verdicts = {NAME: judge(NAME, burden(flops=11), [growth()], past=known)}
    assert judge_stale(known, verdicts, []) == ()
    verdicts = {NAME: judge(NAME, burden(flops=5), [growth()], past=known)}
    assert [verdict.kind for verdict in judge_stale(known, verdicts, [])] == [Kind.STALE]


def test_budgets_of_what_tests_share() -> None:
    """A budget for it is not for nothing while a test that may ask for it has not run."""
    globs = [(Glob("burden_session#net"), "here")]
    assert judge_globs(globs, ["t.py::x"], ["t.py::y"]) == ()
    assert len(judge_globs(globs, ["t.py::x"], [])) == 1


def new(name: str, *alike: str, kind: Kind = Kind.NEW, rule: Limit | None = None) -> Verdict:
    """Return what is said of a measurement that the baseline does not know."""
    return Verdict(kind, name, rule, None, Policy.FAIL, alike=alike)


@pytest.mark.parametrize(
    ("verdicts", "stale", "expected"),
    [
        ([], [], {}),
        ([new("b", "a")], ["a"], {"b": "a"}),
        ([new("b", "a")], [], {}),  # measured under both names
        ([new("b", "a")], ["c"], {}),
        ([new("b")], ["a"], {}),
        ([new("c", "a", "b")], ["b"], {"c": "b"}),
        ([new("c", "a", "b"), new("d", "a", "b")], ["a", "b"], {"c": "a", "d": "b"}),
        ([new("c", "a"), new("d", "a")], ["a"], {"c": "a"}),  # each old one once
        ([new("b", "a", kind=Kind.GREW)], ["a"], {}),
        ([new("b", "a", rule=limit("flops", 1))], ["a"], {}),
    ],
)
def test_renamed(verdicts: list[Verdict], stale: list[str], expected: dict[str, str]) -> None:
    """The same network at the same inputs, new under one id and gone under another."""
    assert renamed(verdicts, stale) == expected


@given(st.lists(st.lists(st.sampled_from("abcde"), unique=True), max_size=6), st.data())
def test_renamed_once(alike: list[list[str]], data: st.DataObject) -> None:
    """No old id is taken twice, and none that is still measured."""
    stale = data.draw(st.lists(st.sampled_from("abcde"), unique=True))
    found = renamed([new(str(at), *names) for at, names in enumerate(alike)], stale)
    assert len(set(found.values())) == len(found)
    assert set(found.values()) <= set(stale)


def test_new_knows_its_likes() -> None:
    """Under which ids the baseline has the same network."""
    (verdict,) = judge("t.py::new", burden(), NO_GROWTH, past=known_as("t.py::a", "t.py::b"))
    assert (verdict.kind, verdict.alike) == (Kind.NEW, ("t.py::a", "t.py::b"))


@pytest.mark.parametrize(
    ("base", "measured", "kind"),
    [(100, 100, Kind.INCOMPLETE), (100, 99, Kind.INCOMPLETE), (100, 101, Kind.GREW)],
)
def test_lower_bounds(base: int, measured: int, kind: Kind) -> None:
    """Of a lower bound it is known that it grew, never that it did not."""
    now = trained(peak_memory=measured, lower_bounds={"peak_memory": "sparse tensors"})
    then = past(trained(peak_memory=base))
    verdict = one(now, growth("peak_memory"), then)
    assert verdict.kind is kind
    assert verdict.fails
    assert verdict.detail == ("" if kind is Kind.GREW else "sparse tensors")
    # Another metric of the same measurement is exact all the same.
    assert one(now, growth("params"), then).kind is Kind.PASS


@pytest.mark.parametrize(
    ("then", "now", "says"),
    [
        (burden(), burden(), ""),
        (burden(inputs=("a", "b")), burden(inputs=("a", "c")), "inputs were a, b and are a, c"),
        (burden(inputs=()), burden(inputs=("a",)), "inputs were none and are a"),
        (
            trained(training="Adam"),
            trained(training="SGD"),
            "the training step was Adam and is SGD",
        ),
        (burden(training=""), trained(training="SGD"), ""),  # was not measured
        (
            trained(inputs=("a",), training="Adam"),
            trained(inputs=("b",), training="SGD"),
            "inputs were a and are b; the training step was Adam and is SGD",
        ),
    ],
)
def test_what_else_was_measured(then: Burden, now: Burden, says: str) -> None:
    """Other inputs and another optimizer are no growth of the network's own."""
    assert runs_differ(entry_of(NAME, then), now) == says
    assert runs_differ(entry_of(NAME, then), entry_of(NAME, now)) == says


@pytest.mark.parametrize(
    ("changed", "torch", "alike"),
    [
        ({}, TORCH, (NAME,)),
        ({"flops": 3_850_000_001}, TORCH, ()),
        ({"flops": 3_849_999_999}, TORCH, ()),
        ({"peak_memory": 1}, TORCH, ()),
        ({"peak_memory": 1}, "2.12", (NAME,)),  # by itself, with torch
        ({"params": 3_000_001}, "2.12", ()),
        ({"cuda_memory": 7}, TORCH, (NAME,)),  # read off one machine
    ],
)
def test_a_rename_hides_no_growth(
    changed: dict[str, int], torch: str, alike: tuple[str, ...]
) -> None:
    """Only a network that weighs what it did is the same under another name."""
    known = past(burden(cuda_memory=5), torch=torch)
    (verdict,) = judge("t.py::other", burden(**({"cuda_memory": 5} | changed)), [], past=known)
    assert (verdict.kind, verdict.alike) == (Kind.NEW, alike)
