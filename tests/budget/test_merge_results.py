"""Results of shards and matrix legs, joined: what is true of all of them, in any order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_burden.budget.baseline import Baseline, entry_of
from pytest_burden.budget.growth import Growth
from pytest_burden.budget.merge import DISAGREE, NAME, Leg, merge
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.verdict import Kind, Past, Policy, Verdict, judge
from pytest_burden.burden import Burden, Convention
from pytest_burden.errors import BurdenError
from pytest_burden.sweeps import Point, Sweep
from tests.budget.sample import burden, limit

A, B = "t.py::test_a", "t.py::test_b"
LIMIT = limit("flops", 10)
GROWTH = Growth("params", None, 0, "burden-baseline.json")
CHOSEN = ("paths were given",)


def made(**changed: object) -> Burden:
    """Return a small burden of torch 2.13."""
    small: dict[str, object] = {"flops": 9, "peak_memory": 5, "module_rows": (), "op_rows": ()}
    return burden(**(small | changed))


def result(name: str, measured: Burden | None = None, **changed: Any) -> Result:
    """Return a measurement held to at most 10 FLOPs."""
    measured = measured or made()
    return replace(Result(name, name, measured, judge(name, measured, [LIMIT])), **changed)


def lost(name: str, kind: Kind, policy: Policy = Policy.FAIL) -> Result:
    """Return a measurement that came to nothing."""
    return Result(name, name, None, (Verdict(kind, name, None, None, policy, "why"),))


def joined(*runs: Run, expected: int | None = None) -> Run:
    """Join runs that are called a, b, c."""
    legs = [Leg(f"{name}.json", run) for name, run in zip("abc", runs, strict=False)]
    return merge(legs, expected)


def kinds(run: Run) -> list[str]:
    """Return what is not well in a run, as ``over test_a`` or ``stale t.py::gone (warns)``."""
    verdicts = [v for r in run.results for v in r.verdicts if v.kind is not Kind.PASS]
    return sorted(
        f"{v.kind.value} {v.subject.removeprefix('t.py::')}{'' if v.fails else ' (warns)'}"
        for v in (*verdicts, *run.verdicts)
    )


HEAVY = made(flops=11)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # Shards: each has measurements of its own.
        ([result(A)], [result(B)], []),
        ([result(A, HEAVY)], [result(B)], ["over test_a"]),
        # Legs that agree, and that do not: worst wins.
        ([result(A)], [result(A)], []),
        ([result(A, HEAVY)], [result(A, HEAVY)], ["over test_a"]),
        ([result(A, made(flops=8))], [result(A)], ["error test_a"]),
        ([result(A, HEAVY)], [result(A)], ["error test_a", "over test_a"]),
        ([result(A)], [lost(A, Kind.INCOMPLETE)], ["incomplete test_a"]),
        ([result(A)], [lost(A, Kind.INCOMPLETE, Policy.WARN)], ["incomplete test_a (warns)"]),
        ([lost(A, Kind.ERROR)], [lost(A, Kind.INCOMPLETE)], ["error test_a", "incomplete test_a"]),
        ([result(A, HEAVY).excused("xfailed")], [result(A, HEAVY)], ["over test_a"]),
        # Other things than numbers that have to be the same.
        ([result(A, made(inputs=("int64[1]",)))], [result(A)], ["error test_a"]),
        ([result(A, made(model="Other"))], [result(A)], ["error test_a"]),
        ([result(A, made(training="Adam"))], [result(A)], ["error test_a"]),
        ([result(A, made(convention=Convention(fma=2)))], [result(A)], ["error test_a"]),
        ([result(A, made(uncounted_ops=1))], [result(A)], ["error test_a", "incomplete test_a"]),
        # What another torch may change by itself, and this one may not.
        ([result(A, made(torch="2.14.1+cpu"))], [result(A)], []),
        ([result(A, made(torch="2.14.0", ops=5))], [result(A)], ["error test_a (warns)"]),
        ([result(A, made(torch="2.14.0", peak_memory=6))], [result(A)], ["error test_a (warns)"]),
        ([result(A, made(torch="2.14.0", flops=8))], [result(A)], ["error test_a"]),
        ([result(A, made(torch="2.13.1+cpu", peak_memory=6))], [result(A)], ["error test_a"]),
        # Counters of a GPU: one leg has none, two have different ones.
        ([result(A, made(cuda_memory=7))], [result(A)], []),
        (
            [result(A, made(cuda_memory=7))],
            [result(A, made(cuda_memory=8))],
            ["error test_a (warns)"],
        ),
    ],
)
def test_one_id(one: list[Result], other: list[Result], expected: list[str]) -> None:
    """What legs make of an id, whichever comes first."""
    runs = Run(tuple(one)), Run(tuple(other))
    assert kinds(joined(*runs)) == kinds(joined(*reversed(runs))) == expected
    assert joined(*runs).fails == any("(warns)" not in text for text in expected)


def test_the_worst_is_shown() -> None:
    """Its numbers stand in the table; what differs is told with numbers, files, torch."""
    legs = [made(macs=4, torch="2.14"), made(flops=11, macs=3, torch="2.13"), made(macs=4)]
    run = joined(*(Run((result(A, each),)) for each in legs))
    (shown,) = run.results
    assert shown.burden == legs[1]
    assert shown.verdicts[-1].detail.splitlines() == [
        DISAGREE,
        "macs is 4 in a.json (torch 2.14), c.json (torch 2.13.0) and 3 in b.json (torch 2.13)",
        "flops is 9 in a.json (torch 2.14), c.json (torch 2.13.0) and 11 in b.json (torch 2.13)",
        "shown is b.json",
    ]


def test_other_sizes() -> None:
    """Legs that disagree at another size disagree, but for what depends on torch."""

    def swept(flops: int, peak: int) -> Run:
        metrics = {"flops": flops, "peak_memory": peak}
        points = (Point(sizes={"S": 8}, metrics={"flops": 7}),)
        at = (Point(sizes={"S": 99}, metrics=metrics),)
        return Run((result(A, made(), sweep=Sweep(("S",), points), at=at),))

    same, peak, other = swept(5, 6), swept(5, 7), swept(6, 6)
    assert not joined(same, peak).fails
    (shown,) = joined(same, peak, other).results
    assert shown.verdicts[-1].detail.splitlines()[1] == (
        "flops at S = 99 is 5 in a.json (torch 2.13.0), b.json (torch 2.13.0)"
        " and 6 in c.json (torch 2.13.0)"
    )
    assert shown.fails


def test_three_versions_two_at_a_time() -> None:
    """What the burden that is shown does not say is not forgotten: torch 2.13 has two peaks."""
    old, new, other = made(), made(torch="2.14.0"), made(peak_memory=4)
    first = joined(Run((result(A, old),)), Run((result(A, new),)))
    assert kinds(first) == []
    assert first.results[0].burden == new
    assert first.results[0].by_torch["2.13"]["peak_memory"] == 5
    assert kinds(joined(first, Run((result(A, other),)))) == ["error test_a"]


UNMEASURED = Verdict(Kind.UNMEASURED, "the run", None, None, Policy.FAIL, "--burden-strict is on")
STALE = Verdict(Kind.STALE, B, None, None, Policy.FAIL)
UNMATCHED = Verdict(Kind.UNMATCHED, "pyproject.toml", None, None, Policy.FAIL, "*::test_b*")
UNTOLD = "unmeasured burden merge"
NEEDLESS = Verdict(Kind.STALE, "pyproject.toml:9", None, None, Policy.FAIL, "flops of *")
ALLOWED = Verdict(Kind.PASS, A, GROWTH, 2, Policy.IGNORE, base=1, allowance="pyproject.toml:9")


@pytest.mark.parametrize(
    ("verdict", "other", "stays"),
    [
        (UNMEASURED, Run(), True),
        (UNMEASURED, Run((lost(A, Kind.ERROR),)), True),
        (UNMEASURED, Run((result(A),)), False),
        (replace(UNMEASURED, subject=B), Run((result(A),)), True),
        (replace(UNMEASURED, subject=B), Run((result(B),)), False),
        (STALE, Run((result(A),)), True),
        (STALE, Run((result(B),)), False),
        (UNMATCHED, Run((result(A),)), True),
        (UNMATCHED, Run((result(f"{B}#x"),)), False),
        (NEEDLESS, Run((result(A),)), True),
        (NEEDLESS, Run((result(A, verdicts=(ALLOWED,)),)), False),
    ],
)
def test_what_a_full_leg_found(verdict: Verdict, other: Run, *, stays: bool) -> None:
    """It stays, unless another leg has measured what was missing."""
    run = joined(Run(verdicts=(verdict,)), other)
    assert (verdict in run.verdicts, run.fails) == (stays, stays or run.results[0].fails)


def shard(*results: Result, **changed: Any) -> Run:
    """Return a run of some tests, in which what is missing could not be judged."""
    return replace(Run(results, partial=CHOSEN, not_judged=(STALE, UNMATCHED)), **changed)


@pytest.mark.parametrize(
    ("legs", "expected", "told"),
    [
        ([Run()], 1, ["unmeasured burden merge"]),
        ([Run()], None, []),
        ([shard(), shard()], 2, ["stale test_b", "unmatched pyproject.toml", UNTOLD]),
        ([Run((lost(A, Kind.ERROR),))], 1, ["error test_a", UNTOLD]),
        ([Run((result(A),))], 1, []),
        ([Run(), Run((result(A),))], 2, []),
        ([Run(verdicts=(UNMEASURED,))], 1, ["unmeasured the run"]),
        ([Run(enforced=False)], 1, []),
    ],
)
def test_nothing_measured(legs: list[Run], expected: int | None, told: list[str]) -> None:
    """A gate through which nothing came is off, if all legs are here; another merge may mend it."""
    run = joined(*legs, expected=expected)
    assert kinds(run) == told
    assert UNTOLD not in kinds(joined(run, Run((result(A),), enforced=run.enforced)))


def test_the_strictest_policy() -> None:
    """One leg may be a machine on which a kind only warns: what fails in another fails."""
    mild = result(A, made(flops=12))
    (verdict,) = mild.verdicts
    mild = replace(mild, verdicts=(replace(verdict, policy=Policy.WARN),))
    warns = replace(STALE, policy=Policy.WARN)
    run = joined(Run((mild,), (warns,)), Run((result(A, HEAVY),), (STALE,)))
    assert kinds(run) == ["error test_a", "over test_a", "stale test_b"]
    assert kinds(joined(Run((mild,), (warns,)))) == ["over test_a (warns)", "stale test_b (warns)"]


UNKNOWN = Verdict(Kind.UNSUPPORTED, A, LIMIT, None, Policy.IGNORE)
WITHIN = Verdict(Kind.PASS, A, LIMIT, 9, Policy.IGNORE)


@pytest.mark.parametrize(
    ("kept", "other"),
    [
        (replace(WITHIN, kind=Kind.OVER, measured=12), replace(WITHIN, kind=Kind.OVER)),
        (replace(WITHIN, measured=10), WITHIN),
        (UNKNOWN, WITHIN),  # a limit of which one leg knows nothing is not kept by all
        (replace(WITHIN, policy=Policy.WARN, kind=Kind.SHRANK), replace(UNKNOWN, measured=99)),
        (replace(UNKNOWN, policy=Policy.FAIL), replace(WITHIN, kind=Kind.OVER, measured=99)),
        (
            replace(UNKNOWN, policy=Policy.FAIL),
            replace(UNKNOWN, policy=Policy.FAIL, measured=99, excuse="xfailed"),
        ),
    ],
)
def test_which_verdict_is_kept(kept: Verdict, other: Verdict) -> None:
    """What fails goes before what warns, that before a pass, and more before less."""
    for verdicts in permutations((kept, other)):
        run = joined(*(Run((result(A, verdicts=(each,)),)) for each in verdicts))
        assert run.results[0].verdicts == (kept,)


def test_an_allowance_that_one_leg_needs() -> None:
    """It is needed, also where the verdict that is kept comes from a leg that does not need it."""
    shrank = replace(ALLOWED, kind=Kind.SHRANK, policy=Policy.WARN, measured=0, allowance="")
    legs = [Run((result(A, verdicts=(each,)),)) for each in (ALLOWED, shrank)]
    assert kinds(joined(joined(*legs), Run(verdicts=(NEEDLESS,)))) == ["shrank test_a (warns)"]


@pytest.mark.parametrize(
    ("other", "given_", "expected", "still_open"),
    [
        (shard(), 2, ["stale test_b", "unmatched pyproject.toml"], 0),
        # Nobody said that these are all.
        (shard(), None, [], 2),
        # It is in the other shard, or may be: its test was skipped there.
        (shard(result(B), not_judged=()), 2, [], 0),
        (shard(not_judged=(UNMATCHED,)), 2, ["unmatched pyproject.toml"], 0),
        (shard(not_judged=()), 2, [], 0),
        # Something is missing for another reason.
        (shard(partial=(*CHOSEN, "stopped early")), 2, [f"error {NAME}"], 2),
        (shard(partial=("a worker was lost",)), 2, [], 2),
        (shard(partial=("--lf",)), 2, [], 2),
        # A full run says itself what is missing.
        (Run(), None, [], 0),
        (Run(verdicts=(STALE,)), None, ["stale test_b"], 0),
        # One more or less than there should be.
        (shard(), 3, [f"error {NAME}"], 2),
        (shard(), 1, [f"error {NAME}"], 2),
    ],
)
def test_what_no_shard_can_judge(
    other: Run, given_: int | None, expected: list[str], still_open: int
) -> None:
    """True of all of them if it is true in each, and all are there."""
    run = joined(shard(result(A)), other, expected=given_)
    assert (kinds(run), len(run.not_judged)) == (expected, still_open)
    assert bool(run.partial) == (bool(still_open))


def test_models_that_all_left_out() -> None:
    """One that was measured by another shard is not left out; with one left out nothing is full."""
    both, one = ("pyproject.toml::m", "pyproject.toml::n"), ("pyproject.toml::n",)
    run = joined(shard(left_out=both), shard(left_out=one), expected=2)
    assert (run.left_out, run.partial, len(run.not_judged)) == (one, CHOSEN, 2)
    run = joined(shard(left_out=both), shard(left_out=()), expected=2)
    assert (run.left_out, run.partial, len(run.not_judged)) == ((), (), 0)


def test_renamed_over_shards() -> None:
    """New in one shard, and gone from all of them: that is a new name, as in one run."""
    new = Verdict(Kind.NEW, A, None, None, Policy.FAIL, alike=(B,))
    run = joined(shard(result(A, verdicts=(new,))), shard(), expected=2)
    assert kinds(run) == ["new test_a", "unmatched pyproject.toml"]
    assert run.results[0].verdicts[0].detail == B


def test_missing_leg() -> None:
    """Which there are is told, for the one that is missing is not among them."""
    (verdict,) = joined(Run((result(A),)), expected=2).verdicts
    assert verdict.detail == "1 file is here, 2 were expected\na.json"


def test_refused() -> None:
    """What was counted or judged differently is no one run: files and differences are named."""
    plain, other = Run((result(A),)), Run(convention=Convention(fma=2, rule_set=7))
    with pytest.raises(BurdenError) as raised:
        joined(plain, other, plain)
    assert str(raised.value).splitlines() == [
        "these results cannot be joined, they were counted differently:",
        "    a.json: fma 1, rule_set 1",
        "    b.json: fma 2, rule_set 7",
        "    c.json: fma 1, rule_set 1",
        "Measure them with one configuration and one version of pytest-burden.",
    ]
    off = replace(plain, enforced=False)
    with pytest.raises(BurdenError, match=r"measured with --no-burden:\n    b\.json\nRun them"):
        joined(plain, off)
    assert not joined(off, off).enforced


def test_the_rest() -> None:
    """What died, what the baseline was told, which tests no leg has finished."""
    half = result(A, complete=False)
    one = Run(
        (half,), lost=("worker gw0 was lost",), baseline="x written", unfinished=(A, "u.py::")
    )
    run = joined(one, Run((result(A),), lost=one.lost, baseline="x written", unfinished=(B,)))
    assert run.lost == ("worker gw0 was lost (a.json)", "worker gw0 was lost (b.json)")
    assert run.baseline == "x written"
    other = replace(one, baseline="y written")
    assert joined(one, other, one).baseline == "x written; y written"
    assert run.unfinished == (B, "u.py::")
    assert run.results[0].complete
    assert joined(one, one).unfinished == (A, "u.py::")
    assert not joined(one, one).results[0].complete


def test_skipped() -> None:
    """What one environment skips, another may measure."""
    one = Run((result(A),), skipped=(B, "u.py::c"))
    assert joined(one, Run((result(B),))).skipped == ("u.py::c",)
    assert joined(one, Run(skipped=(A,))).skipped == (B, "u.py::c")


def test_policies() -> None:
    """The one that lets most pass is that of all: nobody is told of less."""
    one, other = Run(policies={"over": "warn", "new": "fail"}), Run(policies={"over": "ignore"})
    assert joined(one, other).policies == {"over": "ignore", "new": "fail"}
    assert joined(Run(policies={"shrank": "fail"}), Run()).policies == {"shrank": "warn"}


def test_order_of_ids() -> None:
    """As in one run: 64 before 128, whichever shard has which."""
    run = joined(Run((result("t[128]"), result("u"))), Run((result("t[64]"),)))
    assert [each.id for each in run.results] == ["t[64]", "t[128]", "u"]


# Laws. Legs are made of few values, so that they agree, differ and overlap often.

PAST = Past(Baseline("2.13", {A: entry_of(A, made()), B: entry_of(B, made())}))
RULES = (LIMIT, limit("peak_memory", 4), GROWTH)
IDS = (A, f"{B}#x", "burden_session#s")
CLAIMS = (STALE, UNMATCHED, NEEDLESS, replace(UNMATCHED, detail="*::test_no"))


@st.composite
def measurements(draw: st.DrawFn, name: str, torch: str) -> Result:
    """Return what one leg may have under an id."""
    test = name.partition("#")[0]
    complete = draw(st.booleans())
    kind = draw(st.sampled_from([None, None, None, Kind.INCOMPLETE, Kind.ERROR]))
    if kind:
        return replace(lost(name, kind), test=test, complete=complete)
    measured = made(
        torch=torch,
        flops=draw(st.sampled_from([9, 9, 10, 11])),
        params=draw(st.sampled_from([3_000_000, 3_000_000, 3_000_001])),
        peak_memory=draw(st.sampled_from([4, 5])),
        cuda_memory=draw(st.sampled_from([None, 7, 8])),
    )
    found = Result(name, test, measured, judge(name, measured, RULES, past=PAST), complete=complete)
    return found.excused("xfailed") if draw(st.booleans()) else found


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Return what one leg may have measured; it does not contradict itself."""
    torch = draw(st.sampled_from(["2.13.0", "2.13.1", "2.14.0"]))
    names = draw(st.sets(st.sampled_from(IDS)))
    results = tuple(draw(measurements(name, torch)) for name in sorted(names))
    reasons = st.sampled_from(["-k", "paths were given", "stopped early"])
    partial = tuple(sorted(draw(st.sets(reasons, max_size=2))))
    whole = Run(verdicts=tuple(draw(st.sets(st.sampled_from(CLAIMS)))))
    claims = merge([Leg("claims", whole), Leg("results", Run(results))]).verdicts
    finished = {each.test for each in results if each.complete}
    nothing = (UNMEASURED,) if not any(each.burden for each in results) else ()
    return Run(
        results,
        (*(() if partial else claims), *nothing),
        partial=partial,
        left_out=tuple(sorted(draw(st.sets(st.sampled_from("mn"))))),
        not_judged=claims if partial else (),
        unfinished=tuple(sorted(draw(st.sets(st.sampled_from([A, B, "u.py::"]))) - finished)),
    )


LEGS = st.lists(runs(), min_size=1, max_size=3).map(
    lambda found: [Leg(name, run) for name, run in zip("abc", found, strict=False)]
)


def says(run: Run) -> object:
    """Return all that a run says, without texts and without what may be shown of equals."""

    def signs(verdicts: Iterable[Verdict]) -> set[object]:
        return {(v.kind, v.subject, v.limit, v.measured, v.policy, v.excuse) for v in verdicts}

    return (
        {(each.id, each.complete, frozenset(signs(each.verdicts))) for each in run.results},
        signs(run.verdicts),
        signs(run.not_judged),
        set(run.partial),
        run.left_out,
        run.unfinished,
    )


@settings(deadline=None)
@given(LEGS, st.sampled_from([None, 3]))
def test_order_means_nothing(legs: list[Leg], expected: int | None) -> None:
    """In whatever order they are given, all that is said is the same, to the word."""
    found = [merge(order, expected) for order in permutations(legs)]
    assert all(each == found[0] for each in found)


@settings(deadline=None, max_examples=300)
@given(LEGS, st.sampled_from([None, 2]))
def test_in_two_steps(legs: list[Leg], expected: int | None) -> None:
    """Joined first and joined with the rest then, it is the same: in one step or two."""
    first, *rest = legs
    together = merge([Leg("first", merge([first, *rest[:-1]])), *rest[-1:]], expected)
    # The names are not those of the legs, and so is their number.
    count = None if expected is None else len(legs) + expected - 1 - len(rest[-1:])
    assert says(together) == says(merge(legs, count))


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        (
            {"partial": ("errors in collection",)},
            "not everything was measured: errors in collection",
        ),
        ({"partial": ("-k", "stopped early")}, "not everything was measured: stopped early"),
        (
            {"partial": ("a worker was lost",), "lost": ("worker gw0 was lost",)},
            "worker gw0 was lost",
        ),
        (
            {"failed": ("t.py::b",), "unfinished": ("t.py::b",)},
            "t.py::b failed before it had measured",
        ),
        ({"unfinished": ("t.py::b",)}, ""),  # skipped
        ({"partial": ("-k", "--lf")}, ""),
    ],
)
@pytest.mark.parametrize("expected", [None, 2])
def test_a_leg_without_an_end(
    ended: dict[str, tuple[str, ...]], told: str, expected: int | None
) -> None:
    """What nobody has measured is no pass, however well the rest did."""
    run = joined(Run((result(A),)), Run(**ended), expected=expected)  # type: ignore[arg-type]
    assert run.fails is bool(told)
    (verdict,) = run.verdicts or (None,)
    assert told in (verdict.detail if verdict else "")
    again = joined(run, Run((result(B),)))
    assert [v.kind for v in again.verdicts] == [v.kind for v in run.verdicts]


@settings(deadline=None)
@given(runs())
def test_a_leg_twice(run: Run) -> None:
    """Two legs that say the same say what each of them says, and so does one alone."""
    assert says(joined(run, run)) == says(joined(run))
    beside = replace(
        joined(run), verdicts=tuple(v for v in joined(run).verdicts if v.subject != NAME)
    )
    assert says(beside) == says(run)
    # One that did not come to its end says so, whatever there is beside it.
    assert (f"error {NAME}" in kinds(joined(run))) is bool(run.unsure)


@settings(deadline=None)
@given(LEGS)
def test_nothing_that_fails_is_hidden(legs: list[Leg]) -> None:
    """Each limit has the verdict of the leg in which it is worst; the rest has a reason."""
    whole = merge(legs)

    def failing(run: Run) -> set[object]:
        return {
            (v.subject, v.limit, v.kind if v.limit is None else None)
            for each in run.results
            for v in each.verdicts
            if v.fails and not v.detail.startswith(DISAGREE)
        }

    assert failing(whole) == set().union(*(failing(leg.run) for leg in legs))
    assert {each.id for each in whole.results} == {r.id for leg in legs for r in leg.run.results}


@settings(deadline=None)
@given(LEGS, st.sampled_from(["flops", "params"]), st.data())
def test_a_heavier_leg(legs: list[Leg], metric: str, data: st.DataObject) -> None:
    """Whatever a leg has more of, no limit looks better for it."""
    number = data.draw(st.integers(0, len(legs) - 1))

    def heavier(each: Result) -> Result:
        if each.burden is None:
            return each
        more: Any = {metric: (each.burden.value(metric) or 0) + 1}
        measured = replace(each.burden, **more)
        return replace(each, burden=measured, verdicts=judge(each.id, measured, RULES, past=PAST))

    after = list(legs)
    run = legs[number].run
    after[number] = replace(
        legs[number], run=replace(run, results=tuple(map(heavier, run.results)))
    )

    def broken(joined_: Run) -> set[object]:
        verdicts = (v for each in joined_.results for v in each.verdicts)
        return {(v.subject, v.limit) for v in verdicts if v.fails and v.limit}

    assert broken(merge(legs)) <= broken(merge(after))
