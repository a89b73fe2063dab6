"""Two sets of measurements held against each other."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_burden.budget.allowance import Allowance
from pytest_burden.budget.baseline import NONE, Baseline, Entry, entry_of
from pytest_burden.budget.difference import (
    Comparison,
    Difference,
    compare,
    judged_by,
    not_compared,
)
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.ids import Glob
from pytest_burden.budget.limits import Limit, Rule
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.side import Side
from pytest_burden.budget.verdict import DEFAULTS, LOCAL, NO_GROWTH, Kind, Policies, Policy, Verdict
from pytest_burden.burden import Convention
from tests.budget.sample import burden

BASE = 3_850_000_000
"""FLOPs of the sample."""
TODAY = dt.date(2030, 1, 31)


def entry(name: str, **changed: object) -> Entry:
    """Return a measurement of the sample network."""
    return entry_of(name, burden(**changed))


def side(*entries: Entry, torch: str = "2.13", **more: object) -> Side:
    """Return what was measured."""
    known = Baseline(torch, {each.id: each for each in entries})
    return Side("some", known, "again", **more)  # type: ignore[arg-type] # each has its type


def compared(
    base: Side,
    head: Side,
    *rules: Rule,
    policies: Policies = DEFAULTS,
    allowances: tuple[Allowance, ...] = (),
) -> Comparison:
    """Compare by some limits, or none."""
    return compare(base, head, lambda _: rules or NO_GROWTH, policies, allowances, TODAY)


def only(comparison: Comparison) -> Difference:
    """Return the one measurement."""
    (difference,) = comparison.differences
    return difference


def of_flops(difference: Difference) -> tuple[str, str]:
    """Return kind and policy of the verdict on FLOPs."""
    (found,) = (v for v in difference.verdicts if v.limit and v.limit.metric == "flops")
    return found.kind.value, found.policy.value


ONE = Growth("flops", None, 1, "here")
TEN_PERCENT = Growth("flops", Fraction(10), None, "here")
ANY = Growth("flops", None, None, "here")
LATER = Allowance(Glob("*"), "flops", BASE + 5, "wider", TODAY, "pyproject.toml:9")
EXPIRED = replace(LATER, until=dt.date(2030, 1, 30))


@pytest.mark.parametrize(
    ("more", "rules", "allowances", "expected"),
    [
        (0, (), (), ("pass", "ignore")),
        (1, (), (), ("grew", "fail")),
        (-1, (), (), ("shrank", "warn")),
        (1, (ONE,), (), ("pass", "ignore")),
        (2, (ONE,), (), ("grew", "fail")),
        (BASE // 10, (TEN_PERCENT,), (), ("pass", "ignore")),
        (BASE // 10 + 1, (TEN_PERCENT,), (), ("grew", "fail")),
        (5, (), (LATER,), ("pass", "ignore")),
        (6, (), (LATER,), ("grew", "fail")),
        (5, (), (EXPIRED,), ("grew", "fail")),
    ],
)
def test_one_metric(
    more: int,
    rules: tuple[Rule, ...],
    allowances: tuple[Allowance, ...],
    expected: tuple[str, str],
) -> None:
    """Growth equal to what is allowed passes, one more does not."""
    base, head = side(entry("a")), side(entry("a", flops=BASE + more))
    found = compared(base, head, *rules, allowances=allowances)
    assert of_flops(only(found)) == expected
    assert found.fails == (expected[1] == "fail")
    assert only(found).how == ("changed" if more else "same")


def test_any_growth() -> None:
    """Without a bound nothing is judged, and what changed is still told."""
    found = compared(side(entry("a")), side(entry("a", flops=2 * BASE)), ANY)
    assert only(found).verdicts == ()
    assert only(found).steps == (("flops", BASE, 2 * BASE),)


@pytest.mark.parametrize(
    ("policies", "new", "stale"), [(LOCAL, "warn", "warn"), (DEFAULTS, "fail", "fail")]
)
def test_new_and_stale(policies: Policies, new: str, stale: str) -> None:
    """What is on one side only: a failure on CI, a warning elsewhere."""
    base = side(entry("both"), entry("old"))
    head = side(entry("both"), entry("added", model="Other", inputs=("float32[1]",)))
    found = compared(base, head, policies=policies)
    told = {
        each.id: (each.how, [v.policy.value for v in each.verdicts]) for each in found.differences
    }
    assert told["added"] == ("added", [new])
    assert told["old"] == ("gone", [stale])
    assert found.fails == (policies is DEFAULTS)


def test_renamed() -> None:
    """The same network at the same inputs is compared under both names."""
    found = compared(side(entry("old")), side(entry("new", flops=BASE + 1)))
    assert (only(found).how, of_flops(only(found))) == ("changed", ("grew", "fail"))
    found = compared(side(entry("old")), side(entry("new")))
    assert (only(found).how, found.fails) == ("renamed", False)
    copied = compared(side(entry("old")), side(entry("old"), entry("new")))
    assert [each.how for each in copied.differences] == ["same", "added"]
    (new,) = copied.differences[1].verdicts
    assert (new.kind, new.alike) == (Kind.NEW, ("old",))


def test_networks_without_modules_are_not_taken_for_one_another() -> None:
    """Where the modules are not known, a name is all there is."""
    found = compared(side(entry("old", module_rows=())), side(entry("new", module_rows=())))
    assert {each.how for each in found.differences} == {"added", "gone"}


def test_what_was_not_measured() -> None:
    """Where a run was not full nothing is stale or new; a network that broke may have grown."""
    gone = compared(side(entry("a")), side(partial=("paths were given",)))
    assert (only(gone).how, only(gone).verdicts) == ("unknown", ())
    added = compared(side(partial=("-k",)), side(entry("a")))
    assert (only(added).how, only(added).verdicts) == ("added", ())
    broke = compared(side(entry("a")), side(unmeasured={"a": "needs data"}))
    (verdict,) = only(broke).verdicts
    assert (only(broke).how, verdict.kind, verdict.detail) == (
        "unmeasured",
        Kind.INCOMPLETE,
        "needs data",
    )
    assert broke.fails
    mended = compared(side(unmeasured={"a": "needs data"}), side(entry("a")))
    assert (only(mended).how, mended.fails) == ("added", False)


def test_uncounted_operators() -> None:
    """What is counted is a lower bound where more operators are uncounted than before."""
    base, head = side(entry("a")), side(entry("a", uncounted_ops=2))
    found = compared(base, head)
    assert of_flops(only(found)) == ("incomplete", "fail")
    assert {v.detail for v in only(found).verdicts if v.kind is Kind.INCOMPLETE} == {
        "2 calls are not counted, 0 before"
    }
    assert {v.detail for v in only(found).verdicts if v.kind is Kind.PASS} == {""}
    accepted = compared(base, head, *NO_GROWTH, Limit("uncounted_ops", 2, "here"))
    assert of_flops(only(accepted)) == ("pass", "ignore")
    assert not any(isinstance(v.limit, Limit) for v in only(accepted).verdicts)


def test_nothing_is_said_of_uncounted_operators() -> None:
    """Then there are none."""
    net = entry("a")
    bare = replace(net, metrics={n: v for n, v in net.metrics.items() if n != "uncounted_ops"})
    assert of_flops(only(compared(side(bare), side(bare)))) == ("pass", "ignore")


def test_a_metric_on_one_side_only() -> None:
    """It is new, or no longer known, where a limit is on it."""
    grow = Growth("cuda_memory", None, 0, "here")
    with_it, without = entry("a", cuda_memory=5), entry("a")
    assert only(compared(side(without), side(without), grow)).verdicts == ()
    (new,) = only(compared(side(without), side(with_it), grow)).verdicts
    (lost,) = only(compared(side(with_it), side(without), grow)).verdicts
    assert (new.kind, lost.kind) == (Kind.NEW, Kind.UNSUPPORTED)


@pytest.mark.parametrize(
    ("convention", "told"),
    [
        (Convention(fma=2), "fma was 1 and is 2"),
        (Convention(rule_set=9), "rule_set was 1 and is 9"),
        (Convention(target="cuda", datum_bytes=2), "datum_bytes was None and is 2, target was"),
    ],
)
def test_conventions(convention: Convention, told: str) -> None:
    """What was counted differently is not compared at all."""
    found = compared(side(entry("a")), side(entry("a", convention=convention)))
    assert found.differences == ()
    (text,) = found.unlike
    assert text.startswith(f"a: {told}")


def test_one_convention_that_is_not_the_default() -> None:
    """What both sides have counted alike is compared, however it was counted."""
    net = entry("a", convention=Convention(fma=2))
    found = compared(side(net), side(entry("a", convention=net.convention, flops=BASE + 1)))
    assert (found.unlike, of_flops(only(found))) == ((), ("grew", "fail"))


def test_what_fails_does_not_only_warn() -> None:
    """A difference with a growth and a shrinkage is counted among the failures alone."""
    base = side(entry("a"))
    same = only(compared(base, base))
    assert (same.fails, same.warns) == (False, False)
    warned = only(compared(base, side(entry("a", macs=1))))
    failed = only(compared(base, side(entry("a", macs=1, flops=BASE + 1))))
    assert (warned.fails, warned.warns) == (False, True)
    assert (failed.fails, failed.warns) == (True, False)


def test_another_torch() -> None:
    """What another version may change by itself only warns; the same one changes nothing."""
    grow = Growth("ops", None, 0, "here")
    base, more = side(entry("a")), entry("a", ops=5)
    (other,) = only(compared(base, side(more, torch="2.14"), grow)).verdicts
    assert (other.kind, other.policy) == (Kind.GREW, Policy.WARN)
    (same,) = only(compared(base, side(more), grow)).verdicts
    assert (same.kind, same.policy) == (Kind.GREW, Policy.FAIL)


def test_blame() -> None:
    """The modules that changed, where a metric did."""
    rows = burden().module_rows
    wider = rows[1]._replace(own=rows[1].own._replace(flops=rows[1].own.flops + 7))
    found = compared(
        side(entry("a")), side(entry("a", flops=BASE + 7, module_rows=(rows[0], wider, *rows[2:])))
    )
    (change,) = only(found).changes
    assert (change.path, change.grown.flops) == ("stem", 7)


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)),
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 3)),
)
def test_every_measurement_once(then: dict[str, int], now: dict[str, int]) -> None:
    """Each id of the head is told once, and each of the base that has no other name now."""

    def made(sizes: dict[str, int]) -> Side:
        return side(*(entry(n, flops=size, inputs=(f"float32[{n}]",)) for n, size in sizes.items()))

    found = compared(made(then), made(now))
    assert sorted(each.id for each in found.differences) == sorted(then | now)
    for each in found.differences:
        grew = each.id in then and each.id in now and now[each.id] > then[each.id]
        assert any(v.kind is Kind.GREW for v in each.verdicts) == grew


@pytest.mark.parametrize(
    ("own", "expected"),
    [([], ("grew", "fail")), ([ANY], None), ([TEN_PERCENT], ("pass", "ignore"))],
)
def test_what_tests_allow_themselves(own: list[Rule], expected: tuple[str, str] | None) -> None:
    """A limit in a test goes before those of the configuration; that of the base is history."""
    grown = entry("a", flops=BASE + 1)
    found = only(compared(side(entry("a")), side(grown, limits={"a": own})))
    of_base = only(compared(side(entry("a"), limits={"a": [ANY]}), side(grown)))
    assert of_flops(of_base) == ("grew", "fail")
    if expected is None:
        assert not [v for v in found.verdicts if v.limit and v.limit.metric == "flops"]
    else:
        assert of_flops(found) == expected


@pytest.mark.parametrize(
    ("unfinished", "how"),
    [
        ((), "gone"),
        (("t.py::b",), "gone"),
        (("t.py::a",), "unknown"),
        (("t.py::",), "unknown"),
        (("t.p::",), "gone"),
    ],
)
def test_unfinished_tests(unfinished: tuple[str, ...], how: str) -> None:
    """What a skipped test would have measured is neither gone nor, in the base, new."""
    known = entry("t.py::a#net")
    found = compared(side(known), side(unfinished=unfinished))
    there = only(found)
    assert there.how == how
    assert found.skipped == (("t.py::a#net",) if how == "unknown" else ())
    assert there.fails is (how == "gone")
    here = only(compared(side(unfinished=unfinished), side(known)))
    assert here.how == "added"
    assert here.fails is (how == "gone")


def test_lower_bounds() -> None:
    """What is kept of a measurement says of which metrics it is not exact."""
    rough = entry("a", lower_bounds={"peak_memory": "sparse"}, peak_memory=5)
    rule = Growth("peak_memory", None, 0, "here")
    found = only(compared(side(entry("a", peak_memory=5)), side(rough), rule))
    (verdict,) = found.verdicts
    assert (verdict.kind, verdict.fails) == (Kind.INCOMPLETE, True)
    assert verdict.detail == "what was counted is a lower bound"


def test_other_inputs() -> None:
    """A difference says that more was asked of the network."""
    found = only(compared(side(entry("a", inputs=("1x3",))), side(entry("a", inputs=("2x3",)))))
    assert found.otherwise == "inputs were 1x3 and are 2x3"


@pytest.mark.parametrize(
    ("base", "head", "kind"),
    [
        (side(entry("net")), side(entry("net", flops=BASE + 1)), Kind.GREW),
        (side(), side(entry("net")), Kind.NEW),
        (side(entry("net")), side(unmeasured={"net": "too large"}), Kind.INCOMPLETE),
    ],
)
@pytest.mark.parametrize("excuse", ["", "xfailed", "skipped"])
def test_excused(base: Side, head: Side, kind: Kind, excuse: str) -> None:
    """A test that may fail may grow: it is told, and fails no more than it does in pytest."""
    difference = only(compared(base, replace(head, excuses={"net": excuse, "other": "xfailed"})))
    (found,) = (verdict for verdict in difference.verdicts if verdict.kind is kind)
    assert (found.policy, found.excuse) == (Policy.FAIL, excuse)
    assert difference.fails is not bool(excuse)
    assert {v.excuse for v in difference.verdicts if v.kind is Kind.PASS} <= {""}


@pytest.mark.parametrize("baseline", ["", NONE, "burden-baseline.json is not written"])
def test_the_base_holds_growth(baseline: str) -> None:
    """That there is no baseline is no news where growth is held to something else."""
    judged = judged_by(Run(baseline=baseline), compared(side(), side()))
    assert judged.compared_with == "some"
    assert judged.baseline == baseline.replace(NONE, "")


def test_who_says_so() -> None:
    """A verdict names the base; what the baseline says too is the base's, once."""
    net, heavy = entry("t.py::net"), entry("t.py::net", flops=BASE + 1)
    old, new = entry("t.py::old"), entry("t.py::new", module_rows=())  # which is another network
    found = compared(side(net, old), side(heavy, new), Growth("flops", None, 0, "t.py:3"))
    assert {(v.kind, v.since) for each in found.differences for v in each.verdicts} == {
        (Kind.GREW, "some"),
        (Kind.NEW, "some"),
        (Kind.STALE, "some"),
    }
    (grew,) = next(each for each in found.differences if each.id == "t.py::net").verdicts
    own = replace(grew, since="")
    other = replace(own, kind=Kind.OVER, base=None)
    judged = judged_by(Run((Result(net.id, net.id, burden(), (own, other)),)), found)
    assert judged.results[0].verdicts == (grew, other)


def test_not_compared() -> None:
    """A run that was to be compared and was not fails, for one reason, until it is compared."""
    kept = Verdict(Kind.UNMATCHED, "pyproject.toml: x", None, None, Policy.WARN)
    run = Run(verdicts=(kept,))
    failed = not_compared(not_compared(run, "of old"), "no commit\nat all")
    assert (run.fails, failed.fails) == (False, True)
    first, why = failed.verdicts
    assert (first, why.kind, why.detail.splitlines()[1:]) == (
        kept,
        Kind.ERROR,
        ["no commit", "at all"],
    )
    assert judged_by(failed, compared(side(), side())).verdicts == (kept,)


HELD = (Limit("flops", 5, "t.py:1", "max_flops=5"),)
RAISED = (Limit("flops", 6, "t.py:1", "max_flops=6"),)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"a": HELD}, {"a": RAISED}, "max_flops=6 allows more than max_flops=5 in some\nfor a"),
        ({"a": HELD}, {"a": ()}, "max_flops=5 in some is gone\nfor a"),
        ({"a": HELD}, {"a": HELD}, ""),
        ({"a": HELD}, {}, ""),  # --no-burden: nothing was held to anything
        ({}, {"a": RAISED}, ""),
    ],
)
def test_eased_limits(
    before: dict[str, tuple[Rule, ...]], after: dict[str, tuple[Rule, ...]], told: str
) -> None:
    """It is told that a network may be heavier from now on, also if it is what it was."""
    then, now = side(entry("a"), held=before), side(entry("a"), held=after)
    comparison = compared(then, now)
    assert only(comparison).how == "same"
    assert [(v.kind, v.subject, v.detail) for v in comparison.eased] == (
        [(Kind.EASED, "t.py:1", told)] if told else []
    )
    assert not comparison.fails
    failing = compared(then, now, policies={**DEFAULTS, Kind.EASED: Policy.FAIL})
    assert failing.fails == bool(told)


GROWTH = Growth("flops", None, 1, "t.py:1", "grow_flops=1")
MORE_GROWTH = replace(GROWTH, amount=2, written="grow_flops=2")


@pytest.mark.parametrize(
    ("base", "head", "after", "told"),
    [
        ("", "", (), "grow_flops=1 in some is gone"),
        ("a", "", (), ""),  # another run was compared with something, and held it to that
        ("", "a", (), ""),  # it is not in the baseline yet
        ("a", "a", (MORE_GROWTH,), "grow_flops=2 allows more than grow_flops=1 in some"),
    ],
)
def test_growth_of_which_not_all_is_known(
    base: str, head: str, after: tuple[Rule, ...], told: str
) -> None:
    """What is missing there is not gone; what is there is compared."""
    then = side(entry("a"), held={"a": (GROWTH,)}, growth_unknown=frozenset(base))
    now = side(entry("a"), held={"a": after}, growth_unknown=frozenset(head))
    found = [verdict.detail for verdict in compared(then, now).eased]
    assert found == ([f"{told}\nfor a"] if told else [])


ANY_GROWTH = replace(GROWTH, amount=None, written="grow_flops='any'")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ((GROWTH,), (MORE_GROWTH,), "grow_flops=2 allows more than grow_flops=1 in some"),
        ((GROWTH,), (ANY_GROWTH,), "grow_flops='any' allows more than grow_flops=1 in some"),
        ((), (GROWTH,), "grow_flops=1 allows more than grow_flops=0 by default in some"),
        ((GROWTH,), (), ""),
        ((ANY_GROWTH,), (GROWTH,), ""),
        ((ANY_GROWTH,), (ANY_GROWTH,), ""),
        ((), (), ""),
    ],
)
def test_growth_without_a_baseline(
    before: tuple[Growth, ...], after: tuple[Growth, ...], told: str
) -> None:
    """What may grow over the base is said by limits that no run by itself was held to."""
    then, now = (
        side(entry("a"), held={"a": HELD}, limits={"a": limits}) for limits in (before, after)
    )
    found = [verdict.detail for verdict in compared(then, now).eased]
    assert found == ([f"{told}\nfor a"] if told else [])


def test_what_was_not_measured_has_its_limits() -> None:
    """Limits are held against a number: without one they are not gone."""
    then = side(entry("a"), held={"a": HELD})
    assert compared(then, side(held={"a": ()}, unmeasured={"a": "why"})).eased == ()


def test_eased_limits_of_what_was_renamed() -> None:
    """A new name hides no raised limit."""
    then, now = side(entry("old"), held={"old": HELD}), side(entry("new"), held={"new": RAISED})
    comparison = compared(then, now)
    assert (only(comparison).how, len(comparison.eased)) == ("renamed", 1)


def test_one_eased_limit_of_many() -> None:
    """What holds for all measurements is told once, in the run too, however often it is judged."""
    names = [f"t{number}" for number in range(1200)]
    entries = [entry(name) for name in names]
    then = side(*entries, held=dict.fromkeys(names, HELD))
    now = side(*entries, held=dict.fromkeys(names, RAISED))
    comparison = compared(then, now)
    (eased,) = comparison.eased
    assert eased.detail.splitlines()[1] == "for t0 and 1,199 more"
    once = judged_by(Run(), comparison)
    assert once.verdicts == judged_by(once, comparison).verdicts == (eased,)
    less = compared(then, side(*entries, held=dict.fromkeys(names[:9], RAISED)))
    assert judged_by(judged_by(Run(), less), comparison).verdicts == (eased,)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {"over": "warn"}, 'over = "warn" allows more than over = "fail" in some'),
        (
            {"over": "warn"},
            {"over": "ignore"},
            'over = "ignore" allows more than over = "warn" in some',
        ),
        ({"shrank": "fail"}, {}, 'shrank = "warn" allows more than shrank = "fail" in some'),
        ({"over": "warn"}, {}, ""),
        ({"over": "warn"}, {"over": "warn"}, ""),
        ({}, {"shrank": "fail", "later": "ignore"}, ""),
        (None, {"over": "ignore"}, ""),
        ({"over": "fail"}, None, ""),
    ],
)
def test_eased_policies(
    before: dict[str, str] | None, after: dict[str, str] | None, told: str
) -> None:
    """What failed and does not any longer is told, though nothing may have happened."""
    comparison = compared(side(entry("a"), policies=before), side(entry("a"), policies=after))
    assert [v.detail for v in comparison.eased] == ([told] if told else [])
    kind = told.partition(" ")[0]
    assert [v.subject for v in comparison.eased] == (
        [f"pyproject.toml: tool.burden.policy.{kind}"] if told else []
    )


@pytest.mark.parametrize(
    ("before", "after", "policy"),
    [
        ({}, "ignore", Policy.WARN),  # it warns where nothing else is said
        ({}, "fail", Policy.FAIL),
        (None, "ignore", Policy.IGNORE),  # of a baseline it is not known
        ({"eased": "fail"}, "warn", Policy.FAIL),
        ({"eased": "fail"}, "ignore", Policy.FAIL),
        ({"eased": "warn"}, "ignore", Policy.WARN),
        ({"eased": "ignore"}, "warn", Policy.WARN),
        ({"eased": "warn"}, "fail", Policy.FAIL),
        ({"eased": "of later"}, "warn", Policy.WARN),
    ],
)
def test_the_stricter_policy_of_both(
    before: dict[str, str] | None, after: str, policy: Policy
) -> None:
    """What holds back a raised limit is not switched off along with it."""
    then = side(entry("a"), held={"a": HELD}, policies=before)
    now = side(entry("a"), held={"a": RAISED}, policies={"eased": after})
    found = compared(then, now, policies={**DEFAULTS, Kind.EASED: Policy(after)}).eased
    assert {verdict.policy for verdict in found} == {policy}
