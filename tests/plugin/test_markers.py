"""The marker burden: whose limit holds, what is wrong with one, and tests that only have it."""

from __future__ import annotations

import re

import pytest

from tests.plugin.conftest import Project

LEVELS = """
pytestmark = pytest.mark.burden(max_params=1, max_macs=1, max_flops=1)

class Mixin:
    pytestmark = [pytest.mark.burden(max_modules=1)]

@pytest.mark.burden(max_macs=2)
class TestBase:
    pass

@pytest.mark.burden(max_macs=3, max_flops=3)
class TestOuter(TestBase, Mixin):
    @pytest.mark.burden(
        max_flops=4,
        max_param_memory=4,
    )
    class TestInner:
        @pytest.mark.burden(max_param_memory=5)
        @pytest.mark.parametrize(
            "n",
            [
                1,
                pytest.param(2, marks=pytest.mark.burden(max_param_memory=6)),
                pytest.param(3, marks=pytest.mark.burden(max_param_memory=7)),
            ],
        )
        def test_it(self, burden, n):
            burden(small, "1x4")

        def test_call(self, burden):
            burden(small, "1x4", max_params=8, max_param_memory=8)
"""


def written(result: pytest.RunResult) -> dict[str, dict[str, str]]:
    """Return for each test which limit it broke where: ``{"test_it[1]": {"params": "3"}}``."""
    found: dict[str, dict[str, str]] = {}
    text = result.stdout.str()
    _, *parts = re.split(r"(?m)^_+ (\S+) _+$", text)
    for name, told in zip(parts[::2], parts[1::2], strict=True):
        over = re.findall(
            r"(?m)^(?:(#\S+) is )?over max_(\w+) by .*\n.*\n    limit .* (\S+)$", told
        )
        for measurement, metric, line in over:
            limits = found.setdefault(name.split(".")[-1] + measurement, {})
            limits[metric] = line.removeprefix("test_it.py:")
    return found


def line(test: str, text: str) -> str:
    """Return the number of the line of a test file on which ``text`` stands first."""
    header = 2  # imports, which every test file begins with
    return str(header + 1 + next(n for n, each in enumerate(test.splitlines()) if text in each))


def test_precedence(project: Project) -> None:
    """Call, parameter, function, inner class, outer class by true MRO, module; metric by metric.

    pytest's own closest marker would be that of TestBase: max_macs=2.
    """
    result = project(LEVELS)
    result.assert_outcomes(failed=4)
    around = {
        "params": line(LEVELS, "max_params=1,"),
        "macs": line(LEVELS, "max_macs=3"),
        "flops": line(LEVELS, "max_flops=4"),
        "modules": line(LEVELS, "max_modules=1"),
    }
    call = line(LEVELS, "max_params=8")
    assert written(result) == {
        "test_it[1]": {**around, "param_memory": line(LEVELS, "max_param_memory=5")},
        "test_it[2]": {**around, "param_memory": line(LEVELS, "max_param_memory=6")},
        "test_it[3]": {**around, "param_memory": line(LEVELS, "max_param_memory=7")},
        "test_call": {**around, "params": call, "param_memory": call},
    }


def test_limits_of_bases(project: Project) -> None:
    """What neither function nor class says, the bases say, in the order Python looks."""
    result = project(
        """
        @pytest.mark.burden(max_params=1)
        class First: pass

        @pytest.mark.burden(max_params=2, max_macs=2)
        class Second: pass

        class TestIt(First, Second):
            def test_it(self, burden): burden(small, "1x4")
        """
    )
    assert written(result) == {"test_it": {"params": "4", "macs": "7"}}


def test_a_specific_limit_may_be_looser(project: Project) -> None:
    """A function may allow itself more than its class."""
    result = project(
        """
        @pytest.mark.burden(max_params=1)
        class TestIt:
            @pytest.mark.burden(max_params=10)
            def test_it(self, burden): burden(small, "1x4")
        """
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(("limit", "outcome"), [(9, {"failed": 1}), (10, {"passed": 1})])
def test_markers_of_hooks(
    project: Project, pytester: pytest.Pytester, limit: int, outcome: dict[str, int]
) -> None:
    """A marker that a hook adds counts at the function's level."""
    pytester.makeconftest(
        f"""
        import pytest

        @pytest.hookimpl(trylast=True)
        def pytest_collection_modifyitems(items):
            for item in items:
                item.add_marker(pytest.mark.burden(max_params={limit}))
        """
    )
    test = """
        pytestmark = pytest.mark.burden(max_params=1)
        def test_it(burden): burden(small, "1x4")
        """
    project(test).assert_outcomes(**outcome)


def test_markers_that_hooks_give_to_a_class(project: Project, pytester: pytest.Pytester) -> None:
    """They count at the class's level, below its own and above those of its bases."""
    pytester.makeconftest(
        """
        import pytest

        def pytest_collection_modifyitems(items):
            items[0].parent.add_marker(pytest.mark.burden(max_params=2, max_macs=2))
        """
    )
    result = project(
        """
        @pytest.mark.burden(max_macs=1, max_flops=1)
        class Base: pass

        @pytest.mark.burden(max_params=1)
        class TestIt(Base):
            def test_it(self, burden): burden(small, "1x4")
        """
    )
    result.assert_outcomes(failed=1)
    limits = [text.split()[1] for text in result.outlines if text.startswith("    limit ")]
    assert limits == ["1", "2", "1"]


def test_marker_added_by_a_running_fixture(project: Project) -> None:
    """It counts too; what is wrong with it can only be told then."""
    result = project(
        """
        @pytest.fixture
        def mark(request): request.node.add_marker(pytest.mark.burden(max_params=9))
        @pytest.fixture
        def wrong(request): request.node.add_marker(pytest.mark.burden(max_parms=9))
        def test_a(burden, mark): burden(small, "1x4")
        def test_b(burden, wrong): burden(small, "1x4")
        """
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["over max_params by 1 (11.1 %)"])
    result.stdout.fnmatch_lines(["*max_parms=9", "*unknown key (nearest: max_params)*"])


def test_package(project: Project, pytester: pytest.Pytester) -> None:
    """The pytestmark of a package's __init__ holds for its modules, below the module's own."""
    pytester.mkpydir("outer").joinpath("__init__.py").write_text(
        "import pytest\npytestmark = pytest.mark.burden(max_params=1, max_macs=1)\n"
    )
    inner = pytester.path / "outer" / "inner"
    inner.mkdir()
    (inner / "__init__.py").write_text(
        "import pytest\n\npytestmark = pytest.mark.burden(max_params=2)\n"
    )
    (inner / "test_in.py").write_text(
        "from nets import *\ndef test_it(burden):\n    burden(small, '1x4', max_macs=8)\n"
    )
    result = project("")
    result.stdout.fnmatch_lines(["    limit     2    outer/inner/__init__.py:3"])
    result.assert_outcomes(failed=1)


class TestErrors:
    """What is wrong in a marker is told before a test runs, all in one go."""

    TEST = """
        print("imported")

        @pytest.mark.burden(
            max_params="26M",
            max_gflop=5,
        )
        def test_a(): print("ran")

        @pytest.mark.burden(5, max_params=True)
        class TestIt:
            def test_b(self): print("ran")

        @pytest.mark.parametrize(
            "n", [1, pytest.param(2, marks=pytest.mark.burden(max_params="5 MiB"))]
        )
        def test_c(n): print("ran")
        """

    def test_told(self, project: Project) -> None:
        """File, line, key and value, the nearest key, one line that works; exit code 4."""
        result = project(self.TEST, "-s", "--strict-markers")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            [
                "ERROR: 4 errors in the budgets, no test was run",
                "test_it.py:8: max_gflop=5",
                "    unknown key (nearest: max_gflops); for example: max_gflops = 5",
                "test_it.py:12: max_params=True",
                "    a size is a number, not true or false; for example: max_params = *",
                "test_it.py:12: burden(5)",
                "    the marker takes limits by name only; for example: @pytest.mark.burden(*",
                "test_it.py:17: max_params='5 MiB'",
                "    'MiB' is a unit of memory, this is a count: K, M, G, T; for example: *",
            ]
        )
        result.stdout.no_fnmatch_line("ran")
        assert "Traceback" not in result.stdout.str() + result.stderr.str()

    @pytest.mark.parametrize(
        ("value", "told", "reason"),
        [
            ("10**5000", "0x31e2080103... (16,610 bits)", "more than any network has*"),
            ("int('f' * 5000, 16)", "0xffffffffff... (20,000 bits)", "more than any network has*"),
            ("[10**5000]", "<list, which has no repr>", "a size is a number or a text*"),
            ("Hostile()", "<Hostile, which has no repr>", "a size is a number or a text*"),
            ("Array()", r"array([[]1, 2, 3[]])\x1b[[]31m", "a size is a number or a text*"),
            ("Decimal('sNaN')", "Decimal('sNaN')", "not a finite number*"),
            ("Decimal('1e99999999')", "Decimal('1E+99999999')", "more than any network has*"),
            ("b'26M'", "b'26M'", "a size is a number or a text*"),
            ("'9' * 10**5", "'9999*...", "not of the form '26M'*"),
        ],
    )
    def test_values_of_any_kind(self, project: Project, value: str, told: str, reason: str) -> None:
        """Whatever it does where it is printed or compared, it is told as any other."""
        result = project(
            f"""
            from decimal import Decimal
            class Hostile:
                def __repr__(self): raise RuntimeError("no repr")
                def __eq__(self, other): raise RuntimeError("not to be compared")
                def __hash__(self): return 0
            class Array:
                def __repr__(self): return "array([1,\\n       2,\\n 3])\\x1b[31m"
                def __eq__(self, other): return self
                def __bool__(self): raise ValueError("ambiguous")
                def __hash__(self): return 0

            @pytest.mark.burden(
                max_flops=1,
                max_params={value},
            )
            @pytest.mark.burden({value}, max_params=1)
            def test_it(burden): print("ran")
            """,
            "-s",
        )
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            [
                "ERROR: 2 errors in the budgets, no test was run",
                "test_it.py:*: burden(*)",
                f"test_it.py:17: max_params={told}",
                f"    {reason}",
            ],
        )
        result.stdout.no_fnmatch_line("ran")
        text = result.stdout.str() + result.stderr.str()
        assert "Traceback" not in text
        assert "INTERNALERROR" not in text
        assert max(map(len, result.errlines)) < 300

    @pytest.mark.parametrize("option", ["--collect-only", "-knothing", "--no-burden"])
    def test_told_however_it_runs(self, project: Project, option: str) -> None:
        """An error in a marker is one also where its test is not selected."""
        result = project(self.TEST, option)
        assert result.ret == pytest.ExitCode.USAGE_ERROR

    def test_no_report_of_a_run_that_never_began(
        self, project: Project, pytester: pytest.Pytester
    ) -> None:
        """Nothing was measured and nothing judged: no file says otherwise."""
        project(self.TEST, "--burden-json=out.json")
        assert not (pytester.path / "out.json").exists()

    def test_told_under_xdist(self, apart: Project) -> None:
        """A worker cannot end the run; the controller does, with the same text and exit code."""
        result = apart(self.TEST, "-n2")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            ["ERROR: 4 errors in the budgets, no test was run", "test_it.py:7: max_gflop=5"]
        )
        assert result.stderr.str().count("max_gflop=5") == 1
        assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()

    def test_registered(self, project: Project) -> None:
        """The marker is known, and says what it is for."""
        result = project(
            "@pytest.mark.burden\ndef test_a(burden): burden(small, '1x4')", "--strict-markers"
        )
        result.assert_outcomes(passed=1)
        project("", "--markers").stdout.fnmatch_lines(["@pytest.mark.burden(*limits): *"])


class TestMarkerOnly:
    """A marked test without the fixture: the networks it calls are measured."""

    def test_one_call(self, project: Project) -> None:
        """The test runs once, as it is; the measurement has the test's id."""
        result = project(
            """
            @pytest.mark.burden(max_params=9)
            def test_it():
                out = small()(torch.ones(1, 4))
                assert out.shape == (1, 2)
                assert out.requires_grad
                print("ran", type(out).__name__)
            """,
            "-rP",
        )
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["over max_params by 1 (11.1 %)"])
        result.stdout.fnmatch_lines(["ran Tensor"])
        assert result.outlines.count("ran Tensor") == 1

    def test_limits_are_off(self, project: Project) -> None:
        """Then nobody asks what the test calls, and nothing is measured."""
        result = project(
            """
            @pytest.mark.burden(max_params=9)
            def test_it(): small()(torch.ones(1, 4))
            """,
            "--no-burden",
        )
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("*test_it *")

    def test_several_calls(self, project: Project) -> None:
        """Each outermost call is a measurement, named by its class."""
        result = project(
            """
            class Net(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.inner = torch.nn.Linear(4, 2)

                def forward(self, x):
                    return self.inner(x)

            @pytest.mark.burden(max_macs=9)
            def test_it():
                net = Net()
                net(torch.ones(1, 4))
                torch.nn.ReLU()(net(torch.ones(2, 4)))
            """
        )
        result.assert_outcomes(failed=1)
        assert written(result) == {"test_it#Net#2": {"macs": "12"}}
        result.stdout.fnmatch_lines(
            [
                "test_it.py::test_it#Net * pass",
                "test_it.py::test_it#ReLU * pass",
                "test_it.py::test_it#Net#2 * over",
            ]
        )

    def test_called_on_another_thread(self, project: Project) -> None:
        """It is not passed over because a small one runs on the test's own."""
        result = project(
            """
            from concurrent.futures import ThreadPoolExecutor

            class Both(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.inner = torch.nn.Linear(4, 2)

                def forward(self, x):
                    with ThreadPoolExecutor(1) as pool:
                        return pool.submit(self.inner, x).result()

            def there(net, x):
                with ThreadPoolExecutor(1) as pool: return pool.submit(net, x).result()

            @pytest.mark.burden(max_params=10)
            def test_hidden():
                net = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
                torch.nn.ReLU()(torch.ones(1))
                there(net, torch.ones(1, 4))

            @pytest.mark.burden(max_params=10)
            def test_alone(): there(small(), torch.ones(1, 4))

            @pytest.mark.burden(max_params=10)
            def test_its_own_thread(): Both()(torch.ones(1, 4))

            def test_unmarked(): there(small(), torch.ones(1, 4))

            @pytest.mark.burden(max_params=10)
            def test_a_thread_that_python_has_not_begun():
                import _thread
                done = _thread.allocate_lock()
                done.acquire()
                _thread.start_new_thread(lambda: (small()(torch.ones(1, 4)), done.release()), ())
                done.acquire()
                small()(torch.ones(1, 4))
            """
        )
        result.assert_outcomes(failed=4, passed=1)
        says = "    {} was called on another thread, where it is not measured.*"
        result.stdout.fnmatch_lines([says.format("Sequential")] * 3)
        result.stdout.no_fnmatch_line(says.format("Linear"))
        result.stdout.fnmatch_lines(["*test_its_own_thread*could not be measured"])

    def test_run_again_by_a_backward(self, project: Project) -> None:
        """Checkpointed modules are no networks of their own, on whatever thread the backward is."""
        result = project(
            """
            from threading import Thread
            from torch.utils.checkpoint import checkpoint

            class Kept(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.inner = small()

                def forward(self, x):
                    return checkpoint(self.inner, x, use_reentrant=False)

            def step(): return Kept()(torch.ones(1, 4, requires_grad=True)).sum()

            @pytest.mark.burden(max_params=10)
            def test_here(): step().backward()

            @pytest.mark.burden(max_params=10)
            def test_there():
                there = Thread(target=step().backward)
                there.start()
                there.join()
            """
        )
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(["*burden: 2 measured, 2 pass*"])

    def test_forward_called_past_the_network(self, project: Project) -> None:
        """Its modules, each within the limits, are not what the limits are for."""
        result = project(
            """
            class Net(torch.nn.Sequential):
                def predict(self, x): return self.forward(x) > 0

                def both(self, x): return self(x) > 0

            def net(): return Net(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))

            @pytest.mark.burden(max_params=20)
            def test_forward(): net().forward(torch.ones(1, 4))

            @pytest.mark.burden(max_params=20)
            def test_method():
                net().predict(torch.ones(1, 4))
                torch.nn.ReLU()(torch.ones(1))

            @pytest.mark.burden(max_params=30)
            def test_well(): net().both(torch.ones(1, 4))

            def test_other(burden): burden(small, "1x4").flops and net().forward(torch.ones(1, 4))
            """
        )
        result.assert_outcomes(failed=2, passed=2)
        says = "    Net.forward was called, and not the network: *"
        result.stdout.fnmatch_lines(["measured nothing", says, "#Net measured nothing", says])

    def test_training_mode(self, project: Project) -> None:
        """The metrics are those of the evaluation forward; the network is left in its mode."""
        result = project(
            """
            @pytest.mark.burden(max_flops=8 + 2)
            def test_it():
                net = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Dropout(0.5))
                net(torch.ones(1, 4)).sum().backward()
                assert net.training
                assert net[0].weight.grad is not None
            """
        )
        result.assert_outcomes(passed=1)

    def test_failing_call(self, project: Project) -> None:
        """The test's own error is its error."""
        result = project(
            "@pytest.mark.burden(max_params=1)\ndef test_it(): small()(torch.ones(1, 5))"
        )
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["E *RuntimeError: mat1 and mat2*"])
        result.stdout.no_fnmatch_line("*Captured burden call*")  # which would only repeat it

    def test_call_that_is_made_to_fail(self, project: Project) -> None:
        """A call that fails cannot be measured: the test goes on, and its verdict is an error."""
        result = project(
            """
            @pytest.mark.burden
            def test_it():
                with pytest.raises(RuntimeError): small()(torch.ones(1, 5))
                print("went on")
            """
        )
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["Sequential raised RuntimeError: mat1 and mat2*", "went on"])

    def test_unmarked_test_is_not_watched(self, project: Project) -> None:
        """Nothing of it is measured."""
        result = project("def test_it(): small()(torch.ones(1, 4))")
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("*burden:*")

    def test_fixture_and_call(self, project: Project) -> None:
        """With the fixture only what is handed to it is measured."""
        result = project(
            """
            @pytest.mark.burden(max_params=10)
            def test_it(burden):
                burden(small, "1x4")
                large()(torch.ones(1, 10))
            """
        )
        result.assert_outcomes(passed=1)

    def test_fixture_that_is_asked_for_late(self, project: Project) -> None:
        """The same for a test that gets a fixture while it runs: nothing is measured twice."""
        result = project(
            """
            @pytest.mark.burden(max_params=10)
            def test_it(request):
                request.getfixturevalue("burden")(small(), "1x4")
                large()(torch.ones(1, 10))

            @pytest.mark.burden(max_params=10)
            def test_session(request):
                request.getfixturevalue("burden_session")(large(), "1x10", name="large")
                small()(torch.ones(1, 4))
            """
        )
        result.assert_outcomes(passed=2)
        rows = [line.split()[0] for line in result.outlines if line.endswith(("pass", "limit"))]
        assert rows == ["burden_session#large", "test_it.py::test_it", "test_it.py::test_session"]

    def test_call_is_restored(self, project: Project) -> None:
        """After the test networks are called as ever."""
        before = __import__("torch").nn.Module.__call__
        project("@pytest.mark.burden\ndef test_it(): small()(torch.ones(1, 4))")
        assert __import__("torch").nn.Module.__call__ is before
