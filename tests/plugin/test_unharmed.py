"""Tests of every kind run as they would without the plugin, and can use it."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Project


def test_own_fixture_of_that_name(project: Project) -> None:
    """A project may call something of its own burden: its tests are none of ours."""
    result = project(
        """
        @pytest.fixture
        def burden(): return 5
        def test_a(burden): assert burden == 5
        """
    )
    result.assert_outcomes(passed=1)


def test_override(project: Project) -> None:
    """A project may put its own fixture over ours and use ours in it."""
    result = project(
        """
        @pytest.fixture
        def burden(burden): return lambda net: burden(net, "1x4", max_params=9)
        def test_a(burden): burden(small)
        def test_b(burden): pass
        """
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["measured nothing"])


def test_unittest(project: Project) -> None:
    """TestCase classes take markers and fixtures as pytest gives them."""
    result = project(
        """
        import unittest

        @pytest.mark.burden(max_params=9)
        class TestIt(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _burden(self, burden): self.burden = burden

            def test_over(self): self.burden(small, "1x4")
            def test_within(self): self.burden(small, "1x4", max_params=10)
            def test_own_error(self):
                self.burden(small, "1x4")
                self.assertEqual(1, 2)
            def test_skipped(self):
                self.burden(small, "1x4")
                self.skipTest("not here")
            @unittest.expectedFailure
            def test_expected(self): self.assertEqual(1, 2)

        class TestPlain(unittest.TestCase):
            def test_plain(self): pass
            @pytest.mark.burden(max_params=9)
            def test_calls(self): small()(torch.ones(1, 4))
        """
    )
    result.assert_outcomes(passed=2, failed=3, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(
        [
            "*_ TestIt.test_over _*",
            "over max_params by 1 (11.1 %)",
        ]
    )
    result.stdout.fnmatch_lines(["E *AssertionError: 1 != 2", "*Captured burden call*"])
    result.stdout.fnmatch_lines(["*_ TestPlain.test_calls _*", "over max_params by *"])
    result.stdout.fnmatch_lines(["*::test_skipped * over (skipped)"])


def test_async(project: Project, pytester: pytest.Pytester) -> None:
    """A plugin that runs coroutines finds the function it expects: we never wrap it."""
    pytester.makeconftest(
        """
        import asyncio, inspect, pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_pyfunc_call(pyfuncitem):
            if inspect.iscoroutinefunction(pyfuncitem.obj):
                names = pyfuncitem._fixtureinfo.argnames
                asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
                return True
        """
    )
    result = project(
        """
        async def test_fixture(burden): burden(small, "1x4", max_params=9)
        @pytest.mark.burden(max_params=9)
        async def test_calls(): small()(torch.ones(1, 4))
        @pytest.mark.burden(max_params=10)
        async def test_within(): small()(torch.ones(1, 4))
        async def test_plain(): pass
        """
    )
    result.assert_outcomes(passed=2, failed=2)


def test_doctest(project: Project, pytester: pytest.Pytester) -> None:
    """Doctests beside a module's marker are no marked tests."""
    pytester.maketxtfile(test_doc=">>> 1 + 1\n2\n")
    result = project(
        '''
        def helper():
            """
            >>> 1 + 1
            2
            """
        pytestmark = pytest.mark.burden(max_params=10)
        def test_it(burden): burden(small, "1x4")
        ''',
        "--doctest-modules",
        "--doctest-glob=*.txt",
    )
    result.assert_outcomes(passed=3)


def test_subtests(project: Project) -> None:
    """Subtests report for themselves; the measurements are the test's, and are reported once."""
    pytest.importorskip("_pytest.subtests", reason="pytest has them from version 9 on")
    result = project(
        """
        def test_it(burden, subtests):
            burden(small, "1x4")
            for n in range(2):
                with subtests.test(n=n):
                    assert n == 0
            burden(small, "1x4", max_params=9)
        """
    )
    result.stdout.fnmatch_lines(
        [
            "#2 is over max_params by 1 (11.1 %)",
            "*burden: 2 measured, 1 no limit, 1 over*",
            "SUBFAILED(n=1) *",
        ]
    )
    result.assert_outcomes(failed=2)


def test_xfail(project: Project) -> None:
    """A test that may fail fails for its budget too, and the summary says that it is excused."""
    result = project(
        """
        @pytest.mark.xfail
        def test_a(burden): burden(small, "1x4", max_params=9)
        @pytest.mark.xfail(strict=True)
        def test_b(burden): burden(small, "1x4", max_params=10)
        def test_c(burden):
            burden(small, "1x4", max_params=9)
            pytest.xfail("known")
        @pytest.mark.xfail(raises=ValueError)
        def test_d(burden): burden(small, "1x4", max_params=9)
        """
    )
    result.assert_outcomes(xfailed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "test_it.py::test_a * over (xfailed)",
            "test_it.py::test_c * over (xfailed)",
            "test_it.py::test_d * over",
        ]
    )


def test_skip(project: Project) -> None:
    """A skipped test stays skipped."""
    result = project(
        """
        @pytest.fixture
        def found(burden):
            burden(small, "1x4", max_params=9)
            pytest.skip("in setup")
        def test_a(found): pass
        def test_b(burden): pytest.skip("before")
        def test_c(burden):
            burden(small, "1x4", max_params=9)
            pytest.skip("after")
        @pytest.mark.skip
        @pytest.mark.burden
        def test_d(): pass
        """
    )
    result.assert_outcomes(skipped=4)
    result.stdout.fnmatch_lines(
        ["test_it.py::test_a * over (skipped)", "test_it.py::test_c * over (skipped)"]
    )


def test_error_in_setup_and_teardown(project: Project) -> None:
    """What was measured before an error in setup is judged; one in teardown changes nothing."""
    result = project(
        """
        @pytest.fixture
        def broken(burden):
            burden(small, "1x4", max_params=9)
            raise RuntimeError
        @pytest.fixture
        def breaks(burden):
            yield burden
            raise RuntimeError
        def test_a(broken): pass
        def test_b(breaks): breaks(small, "1x4", max_params=10)
        """
    )
    result.assert_outcomes(errors=2, passed=1)
    result.stdout.fnmatch_lines(["test_it.py::test_b * pass", "test_it.py::test_a * over"])


def test_run_again(project: Project, pytester: pytest.Pytester) -> None:
    """A plugin that runs failed tests again: the last attempt is the measurement."""
    pytester.makeconftest(
        """
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            for attempt in range(3):
                reports = runtestprotocol(item, nextitem=nextitem, log=False)
                if attempt < 2 and any(report.failed for report in reports):
                    for report in reports:
                        if report.failed:
                            report.outcome = "rerun"
                        item.ihook.pytest_runtest_logreport(report=report)
                    item._initrequest()
                    continue
                for report in reports:
                    item.ihook.pytest_runtest_logreport(report=report)
                break
            return True

        def pytest_report_teststatus(report):
            if report.outcome == "rerun":
                return "rerun", "R", "RERUN"
        """
    )
    result = project(
        """
        limits = [9, 10]
        def test_it(burden, record_property):
            burden(small, "1x4", max_params=limits.pop(0))
        """,
        "--junitxml=out.xml",
    )
    result.assert_outcomes(passed=1)
    assert result.parseoutcomes()["rerun"] == 1
    result.stdout.fnmatch_lines(["*burden: 1 measured, 1 pass*"])
    text = (pytester.path / "out.xml").read_text(encoding="utf-8")
    assert text.count('<property name="burden.params"') <= 2  # one for each attempt's testcase
