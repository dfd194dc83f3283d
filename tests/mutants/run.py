"""Runs tests in a process of their own, in which one check is missing."""

from __future__ import annotations

import contextlib
import io
import os
import signal
from collections.abc import Sequence

import pytest

from tests.mutants.checks import Check, function_of, without

PATIENCE = 240  # s; a test that hangs without a check has noticed, too


class Failed:
    """A pytest plugin that keeps the first test that fails."""

    def __init__(self) -> None:
        self.first = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.first:
            self.first = report.nodeid


def failing(check: Check | None, tests: Sequence[str]) -> str:
    """The first of the tests that fails without the check (with all of them for None), or nothing."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        os._exit(_child(check, tests, write))
    os.close(write)
    with os.fdopen(read, "rb") as told:
        first = told.read().decode()
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return first or (tests[0] if os.WTERMSIG(status) == signal.SIGALRM else "")
    return first


def _child(check: Check | None, tests: Sequence[str], write: int) -> int:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(PATIENCE)
    if check is not None:
        function_of(check).__code__ = without(check)
    failed, said = Failed(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = pytest.main(["-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", *tests], plugins=[failed])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        failed.first = failed.first or f"pytest could not run them: {said.getvalue()[-500:]}"
    os.write(write, failed.first.encode())
    return 0
