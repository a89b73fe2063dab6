"""The fixture burden: what it measures, when its limits are judged, and what is said."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest

from tests.plugin.conftest import Project


def test_passes_and_returns_the_burden(project: Project) -> None:
    """Within its limits a test is an ordinary test, and has the figures."""
    result = project(
        """
        @pytest.mark.burden(max_params=10, max_flops=10)
        def test_it(burden):
            found = burden(small, "1x4")
            assert (found.params, found.macs, found.flops) == (4 * 2 + 2, 8, 8 + 2)
        """
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*= burden: 1 measured, 1 pass =*",
            "measurement          params  flops  activation            used  verdict",
            "test_it.py::test_it      10     10         8 B  100.0 % params  pass",
        ]
    )


def test_one_past_the_limit(project: Project) -> None:
    """The test fails after its body, once, with what, how much, where and what next."""
    result = project(
        """
        def test_it(burden):
            burden(small, "1x4", max_params=9)
            print("the body went on")
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*_ test_it _*",
            "over max_params by 1 (11.1 %)",
            "    measured  10   forward, float32[[]1, 4[]]",
            "    limit     9    test_it.py:5",
            "    largest   0    10 (100.0 %)",
            "Make it lighter, or raise the limit where it stands.",
            "*Captured stdout call*",
            "the body went on",
            "test_it.py::test_it      10     10         8 B  111.1 % params  over",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_burden*")


def test_called_on_a_thread_of_a_pool(project: Project) -> None:
    """As asynchronous tests call what takes its time: no line of theirs made the call."""
    result = project(
        """
        from concurrent.futures import ThreadPoolExecutor

        def test_it(burden):
            with ThreadPoolExecutor() as pool:
                pool.submit(burden, small, "1x4", max_params=9).result()
                pool.submit(lambda: burden(small, "1x4", max_params=8)).result()
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["    limit     9    test_it.py::test_it"])
    result.stdout.fnmatch_lines(["    limit     8    test_it.py:9"])


def test_all_violations_in_one_message(project: Project) -> None:
    """Several measurements and several limits: collected, and told together."""
    result = project(
        """
        @pytest.mark.burden(max_macs=7)
        def test_it(burden):
            burden(small, "1x4", name="small", max_params=1)
            burden(large, "1x10", name="large")
            burden(small, "1x4", max_macs=8)
            burden(small, "1x4")
        """
    )
    result.assert_outcomes(failed=1)
    told = [line.split(" by ")[0] for line in result.outlines if " by " in line]
    assert [line for line in told if not line.startswith("FAILED")] == [
        "#small is over max_params",
        "#small is over max_macs",
        "#large is over max_macs",
        "#2 is over max_macs",
    ]


def test_own_error_stays(project: Project) -> None:
    """If the body raised, its error is the test's, and the violations are added below it."""
    result = project(
        """
        def test_it(burden):
            burden(small, "1x4", max_params=9)
            assert 1 == 2
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E       assert 1 == 2",
            "*Captured burden call*",
            "over max_params by 1 (11.1 %)",
        ]
    )


def test_measured_in_setup(project: Project) -> None:
    """A fixture of the test may measure for it."""
    result = project(
        """
        @pytest.fixture
        def found(burden):
            return burden(small, "1x4")

        @pytest.mark.burden(max_params=9)
        def test_it(found):
            assert found.params == 10
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["over max_params by 1 (11.1 %)"])


NAME = "Invalid name (not a text of one line that is not empty)"


def test_setup_that_fails(project: Project, pytester: pytest.Pytester) -> None:
    """What a fixture measured before it raised is held to its limits, and is not all there is."""
    result = project(
        """
        @pytest.fixture
        def found(burden):
            burden(small, "1x4", max_params=9)
            raise LookupError

        def test_it(found): pass
        """,
        "--burden-json=out.json",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["test_it.py::test_it * over"])
    (found,) = json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))["measurements"]
    assert (found["burden"]["params"], found["complete"]) == (10, False)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (
            'burden(small, "1x4", max_gflop=5)',
            "max_gflop=5: unknown key (nearest: max_gflops); for example: max_gflops = 5",
        ),
        (
            'burden(small, "1x4", max_flops="5 GFLOPS per second")',
            "max_flops='5 GFLOPS per second': unknown unit 'GFLOPS per second', one of FLOPs,*",
        ),
        (
            r'burden(small, "1x4", **{"\ud800\n": 5})',
            r'\ud800\n=5: unknown key; for example: max_params = "26M"',
        ),
        (
            'burden(small, "1x4", max_params=10**5000)',
            "max_params=0x31e2080103... (16,610 bits): *",
        ),
        (
            'burden(small, "1x4", max_flops=5, max_gflops=5)',
            "max_gflops=5: a second limit on flops: keep one of the two",
        ),
        ('burden(small, "1x4", sizes=3)', "Invalid sizes (not of the form *): 3"),
        ('burden(small, "1x4", sizes={5: 1})', "Invalid sizes (not the name of a size): 5"),
        ('burden(small, "1x4", vary={5: 1})', "Invalid sizes (not the name of a size): 5"),
        ('burden(small, "1x4", until=5)', "Invalid until (not the path of a module): 5"),
        ('burden(small, "1x4", max_params=True)', "max_params=True: a size is a number, not*"),
        ('burden(small, "1x4", max_params=float("nan"))', "max_params=nan: not a finite number*"),
        ('burden(small, "1x4", max_params=-1)', "max_params=-1: negative*"),
        ('burden(small, "1x4", max_params="5 MiB")', "max_params='5 MiB': 'MiB' is a unit of*"),
        (
            'burden(small, "1x4", max_model_memory="120 MBananas")',
            "max_model_memory='120 MBananas': unknown unit 'MBananas', one of B, kB,*",
        ),
        ('burden(small, "float23[[]1, 4[]]")', "Invalid input spec (unknown dtype (nearest:*"),
        ('burden(small, "1x4", name="")', f"{NAME}: ''"),
        ('burden(small, "1x4", name=" \\t")', rf"{NAME}: ' \t'"),
        ('burden(small, "1x4", name="a\\nb")', rf"{NAME}: 'a\nb'"),
        (r'burden(small, "1x4", name="\ud800")', rf"{NAME}: '\ud800'"),
        (r'burden(small, "1x4", name="\x1b[[]31m")', rf"{NAME}: '\x1b[[]31m'"),
        ('burden(small, "1x4", name=5)', f"{NAME}: 5"),
        ('burden(small, "1x4", name=b"a")', f"{NAME}: b'a'"),
        ('burden(small, "1x4", name=10**5000)', f"{NAME}: 0x31e2080103... (16,610 bits)"),
        ('burden(small, "1x4", name="2")', "Invalid name (a number, or one with '#' or '::'): '2'"),
        (
            'burden(small, "1x4", name="a"); burden(small, "1x4", name="a")',
            "a second measurement is called name='a': name it apart",
        ),
        (
            'burden(small, "1x4", kwargs=[[]1[]])',
            "Invalid kwargs (not a mapping from names to inputs, as in *): [[]1[]]",
        ),
        ('burden(small, "1x4", kwargs="")', "Invalid kwargs (not a mapping from names to *): ''"),
        ("burden(5)", "expected a torch.nn.Module or a factory of one, got: int"),
    ],
)
def test_bad_call(project: Project, call: str, error: str) -> None:
    """What is wrong in a call is told at that line, without a frame of ours."""
    result = project(f"def test_it(burden):\n    {call.replace('[[]', '[').replace('[]]', ']')}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E       pytest_burden.BurdenError: {error}"])
    result.stdout.fnmatch_lines(["test_it.py:4: BurdenError"])
    result.stdout.no_fnmatch_line("*fixture.py*")


def test_all_errors_of_a_call(project: Project) -> None:
    """Two wrong limits are told at once."""
    result = project('def test_it(burden):\n    burden(small, "1x4", max_gflop=5, max_params=None)')
    result.stdout.fnmatch_lines(
        ["*BurdenError: max_gflop=5: unknown key*", "E       max_params=None: a size is a number*"]
    )


def test_shape_that_the_model_rejects(project: Project) -> None:
    """The user's own error, with a line that says at which module and with which input."""
    result = project('def test_it(burden):\n    burden(small, "1x5")')
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E *RuntimeError: *", "E *raised in 0 (Linear)*float32[[]1, 5[]]*"]
    )
    result.stdout.no_fnmatch_line("*fixture.py*")
    result.stdout.no_fnmatch_line("*measuring.py*")


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ("def test_it(burden): pass", "It asks for the fixture burden and never called it."),
        (
            "@pytest.mark.burden\ndef test_it(): pass",
            "It is marked with limits, but it called no torch.nn.Module and does not ask for*",
        ),
        (
            "@pytest.fixture\ndef f(burden): pass\n@pytest.mark.burden\ndef test_it(f): pass",
            "It is marked with limits, but the fixture burden was never called.",
        ),
    ],
)
def test_measures_nothing(project: Project, test: str, reason: str) -> None:
    """A burden test that measures nothing would be silently green for ever."""
    result = project(test)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["measured nothing", f"    {reason}"])
    result.stdout.fnmatch_lines(["test_it.py::test_it * unmeasured"])


def test_fixture_behind_a_fixture_may_rest(project: Project) -> None:
    """A fixture that only sometimes measures harms no unmarked test."""
    result = project("@pytest.fixture\ndef f(burden): pass\ndef test_it(f): pass")
    result.assert_outcomes(passed=1)


def test_limit_that_cannot_be_measured(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that cannot be checked is no pass, unless the policy says so."""
    monkeypatch.setattr("torch.version.cuda", None)
    result = project('def test_it(burden):\n    burden(small, "1x4", max_cuda_memory="1 GiB")')
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "has a limit on cuda_memory, which cannot be measured here",
            "    limit  1 GiB   test_it.py:4",
            "    this torch is built without CUDA",
            "Run it where there is a GPU, or accept *",
        ]
    )
    config = '[tool.burden.policy]\nunsupported = "warn"\n'
    test = 'def test_it(burden):\n    burden(small, "1x4", max_cuda_memory="1 GiB")'
    project(test, config=config).assert_outcomes(passed=1)


def test_uncounted_operator(project: Project) -> None:
    """An operator without a rule leaves a limit on arithmetic undecided, and is named."""
    result = project('def test_it(burden):\n    burden(Svd, "4x4", max_flops=10**9)')
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "may be over max_flops: not all is counted",
            "    uncounted  1 call *aten.*svd* (1 call)",
            "*or accept the gap with max_uncounted_ops=1.",
            "Uncounted, no rule is known: test_it.py::test_it: aten.*svd* (1 call)",
        ]
    )


@pytest.mark.parametrize(
    ("call", "config", "outcome"),
    [
        ("max_uncounted_ops=1", "", {"passed": 1}),
        ("", '[tool.burden.policy]\nincomplete = "warn"', {"passed": 1}),
        ("", '[tool.burden.policy]\nincomplete = "ignore"', {"passed": 1}),
        ("", "", {"failed": 1}),
    ],
)
def test_uncounted_operator_accepted(
    project: Project, call: str, config: str, outcome: dict[str, int]
) -> None:
    """The gap is accepted by number, or by policy; a warning is shown."""
    test = f'def test_it(burden):\n    burden(Svd, "4x4", max_flops=10**9, {call})'
    result = project(test, config=config)
    result.assert_outcomes(**outcome)
    shown = "may be over max_flops: not all is counted" in result.stdout.str()
    assert shown == (not call and "ignore" not in config)


def test_real_run_is_named(project: Project) -> None:
    """A network that needs data is run once, and the summary says so and why."""
    result = project("def test_it(burden):\n    burden(Data(), torch.ones(3), max_params=0)")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["Measured by a real run: test_it.py::test_it: *"])


@pytest.mark.parametrize(("policy", "outcome"), [("fail", {"failed": 1}), ("warn", {"skipped": 1})])
def test_no_way_to_measure(project: Project, policy: str, outcome: dict[str, int]) -> None:
    """Where there is no burden to go on with, the verdict is incomplete with the reason."""
    result = project(
        "def test_it(burden):\n    burden(Data(), torch.ones(3))\n    assert False",
        config=f'[tool.burden]\nreal = "never"\n[tool.burden.policy]\nincomplete = "{policy}"',
    )
    result.assert_outcomes(**outcome)
    result.stdout.fnmatch_lines(["test_it.py::test_it * incomplete*"])
    if policy == "fail":  # the error has said it
        result.stdout.fnmatch_lines(["E *MeasureError: *"])
        result.stdout.no_fnmatch_line("*could not be measured*")
    else:
        result.stdout.fnmatch_lines(["test_it.py::test_it could not be measured"])


def test_user_rule(project: Project) -> None:
    """A rule for one measurement reaches the engine."""
    result = project(
        """
        from pytest_burden import Cost
        def test_it(burden):
            rules = {"aten::_linalg_svd": lambda out: Cost(other=7)}
            found = burden(Svd, "4x4", rules=rules, max_flops=64 + 16 + 7)
            assert found.uncounted_ops == 0
            assert found.flops == (4 * 4 * 4) + 16 + 7
        """
    )
    result.assert_outcomes(passed=1)


def test_a_rule_in_place_of_ours(project: Project) -> None:
    """It counts, and is told of: a network that is said to cost nothing is not passed by."""
    result = project(
        """
        from pytest_burden import Cost
        def nothing(out): return Cost()
        def test_it(burden):
            assert burden(small, "1x4", rules={"aten::addmm": nothing}, max_flops=0).flops == 0
        """
    )
    result.assert_outcomes(passed=1)
    told = "Counted by another rule than ours: test_it.py::test_it: aten.addmm (test_it.nothing)"
    result.stdout.fnmatch_lines([told])


def test_convention(project: Project) -> None:
    """The configuration's convention holds, and the summary names it."""
    result = project(
        "def test_it(burden):\n    assert burden(small, '1x4').flops == 2 * 8 + 2",
        config="[tool.burden]\nfma = 2",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["Counted: *2*"])


def test_keyword_inputs_and_live_tensors(project: Project) -> None:
    """Inputs as the engine takes them."""
    result = project(
        """
        class Two(torch.nn.Module):
            def forward(self, x, *, y):
                return x @ y["y"]

        def test_it(burden):
            inputs = {"y": {"y": "float32[3, 5]"}}
            found = burden(Two(), torch.ones(2, 3), kwargs=inputs, max_macs=2 * 3 * 5)
            assert found.macs == 2 * 3 * 5
        """
    )
    result.assert_outcomes(passed=1)


def test_measured_too_late(project: Project) -> None:
    """After the test has ended nothing would judge it."""
    result = project(
        """
        @pytest.fixture
        def late(burden):
            yield
            burden(small, "1x4")

        def test_it(late): pass
        """
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["E * burden() was called after the test had ended: *"])


def test_reaches_back_through_getfixturevalue(project: Project) -> None:
    """A fixture asked for at run time measures like any other."""
    result = project(
        """
        def test_it(request):
            request.getfixturevalue("burden")(small, "1x4", max_params=9)
        """
    )
    result.assert_outcomes(failed=1)


@pytest.mark.parametrize("scope", ["session", "module"])
class TestBurdenSession:
    """Fixtures that measure once for many tests."""

    FIXTURE = """
        @pytest.fixture(scope="{scope}")
        def found(burden_session):
            return burden_session(small, "1x4", max_params={limit})
    """

    def run(self, project: Project, scope: str, tests: str, limit: int = 9) -> pytest.RunResult:
        """Run tests that have such a fixture."""
        fixture = dedent(self.FIXTURE.format(scope=scope, limit=limit))
        return project(fixture + dedent(tests))

    def test_first_test_reports(self, project: Project, scope: str) -> None:
        """One violation is told once, by the test that came first."""
        tests = """
        def test_a(found): assert found.params == 10
        def test_b(found): assert found.params == 10
        """
        result = self.run(project, scope, tests)
        result.assert_outcomes(failed=1, passed=1)
        result.stdout.fnmatch_lines(["burden_session#small is over max_params by 1 (11.1 %)"])
        result.stdout.fnmatch_lines(["burden_session#small * over"])

    def test_limit_held(self, project: Project, scope: str) -> None:
        """Nothing to tell but a row."""
        result = self.run(project, scope, "def test_a(found): pass", limit=10)
        result.assert_outcomes(passed=1)

    def test_skipped_and_failing_first_test(self, project: Project, scope: str) -> None:
        """A test that is skipped or may fail does not swallow the violation."""
        tests = """
        def test_a(found): pytest.skip("not here")
        @pytest.mark.xfail(strict=False)
        def test_b(found): pass
        def test_c(found): pass
        """
        result = self.run(project, scope, tests)
        result.assert_outcomes(skipped=1, xpassed=1, failed=1)

    @pytest.mark.parametrize(
        ("ends", "outcome"),
        [
            ('pytest.xfail("not here")', "xfailed"),
            ('raise __import__("unittest").SkipTest("not here")', "skipped"),
        ],
    )
    def test_first_test_that_says_so_itself(
        self, project: Project, scope: str, ends: str, outcome: str
    ) -> None:
        """Nor does one that says only while it runs, or in other words, that it may fail."""
        result = self.run(project, scope, f"def test_a(found): {ends}\ndef test_b(found): pass")
        result.assert_outcomes(**{outcome: 1}, failed=1)

    def test_no_test_left_to_report(self, project: Project, scope: str) -> None:
        """Then the run fails itself: exit code, error section, summary."""
        result = self.run(project, scope, 'def test_a(found): pytest.skip("not here")')
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.assert_outcomes(skipped=1, errors=1)
        result.stdout.fnmatch_lines(["burden_session#small is over max_params by 1 (11.1 %)"])

    def test_two_of_one_name(self, project: Project, scope: str) -> None:
        """Two networks under one id would overwrite each other."""
        tests = """
        @pytest.fixture(scope="session")
        def other(burden_session): return burden_session(large, "1x10", name="small")
        def test_a(found, other): pass
        """
        result = self.run(project, scope, tests, limit=10)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["E *another measurement of burden_session is called 'small'*"])

    def test_same_again(self, project: Project, scope: str) -> None:
        """A fixture that is set up twice measures the same thing twice, which is once."""
        tests = """
        @pytest.fixture(scope="module", params=[1, 2])
        def again(request, burden_session): return burden_session(large, "1x10")
        def test_a(found, again): pass
        """
        result = self.run(project, scope, tests, limit=10)
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(["*burden: 2 measured, *"])


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("pass", "*What burden_session measures has limits of its own, in its call.*"),
        ("large()(torch.ones(1, 10))", "*over max_params*"),
    ],
)
def test_a_marker_beside_a_shared_measurement(project: Project, body: str, line: str) -> None:
    """What a fixture of the session measures does not switch off the limits of a marked test."""
    tests = f"""
    import torch
    @pytest.fixture(scope="session", autouse=True)
    def reference(burden_session): return burden_session(small, "1x4", name="reference")
    @pytest.mark.burden(max_params=1)
    def test_it(): {body}
    """
    result = project(tests)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([line])


@pytest.mark.parametrize("options", [[], ["-n1"]])
def test_told_once_on_ci(
    project: Project, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """Pytest cuts nothing of its short summary there: it has the first line of the message."""
    monkeypatch.setenv("CI", "true")
    call = 'burden(small, "1x4", max_params=9, max_flops=9)'
    result = project(f"def test_it(burden):\n    {call}", *options)
    result.assert_outcomes(failed=1)
    last = [line for line in result.outlines if line.startswith("FAILED ")]
    assert last == ["FAILED test_it.py::test_it - Failed: over max_params by 1 (11.1 %)"]
    told = [line for line in result.outlines if line.startswith("over max_flops by 1")]
    assert len(told) == 1
