"""Looks for a test that fails without a check: among those in which the check refuses something."""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import json
import os
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

from tests.mutants.checks import Check, code_of, function_of, tree_of
from tests.mutants.run import failing

TESTS = ("tests/unit/custody", "tests/unit/signer")
SLOW = ("tests/unit/custody/test_fold_machine.py", "tests/unit/custody/test_total.py")
"""They would notice almost everything, later and less clearly than the test that is meant."""
_REACHED = "_strongroom_check_refuses"


def refusing_tests(checks: Sequence[Check]) -> dict[str, list[str]]:
    """Check key → the tests in which it refuses, quickest first; all tests run once, in a process of their own."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.close(read)
        with os.fdopen(write, "w") as told:
            json.dump(_recorded(checks), told)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        found: dict[str, list[str]] = json.load(told)
    os.wait()
    return found


def guard_of(check: Check, tests: Sequence[str]) -> str:
    """The first of these tests that fails without the check, or nothing."""
    for test in tests[:12]:
        if failing(check, [test]):
            return test
    return ""


def _recorded(checks: Sequence[Check]) -> dict[str, list[str]]:
    recorder = _Recorder()
    setattr(builtins, _REACHED, recorder.reached)
    for function in {check.module + check.function: check for check in checks}.values():
        inside = {c.line: c.key for c in checks if (c.module, c.function) == (function.module, function.function)}
        function_of(function).__code__ = code_of(function, _Telling(inside).visit(tree_of(function)))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        ignored = [f"--ignore={path}" for path in SLOW]
        pytest.main(["-q", "-p", "no:cacheprovider", *ignored, *TESTS], plugins=[recorder])
    return {key: sorted(tests, key=lambda test: recorder.seconds[test]) for key, tests in recorder.hits.items()}


class _Recorder:
    """A pytest plugin that notes which checks refuse in which test."""

    def __init__(self) -> None:
        self.hits: dict[str, set[str]] = defaultdict(set)
        self.seconds: dict[str, float] = defaultdict(float)
        self._test = ""

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._test = nodeid.partition("[")[0]

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid.partition("[")[0]] += report.duration

    def reached(self, key: str) -> None:
        if self._test:
            self.hits[key].add(self._test)


class _Telling(ast.NodeTransformer):
    """Has every check of a function say that it refuses, before it does."""

    def __init__(self, checks: dict[int, str]) -> None:
        self._checks = checks

    def generic_visit(self, node: ast.AST) -> Any:
        key = (
            self._checks.get(getattr(node, "lineno", 0))
            if isinstance(node, ast.Raise | ast.Expr | ast.Return)
            else None
        )
        if key is None:
            return super().generic_visit(node)
        said = ast.parse(f"{_REACHED}({key!r})").body[0]
        if not isinstance(node, ast.Expr):
            return [said, node]
        wrapped = ast.parse("try:\n pass\nexcept BaseException:\n pass\n raise").body[0]
        assert isinstance(wrapped, ast.Try)
        wrapped.body, wrapped.handlers[0].body[0] = [node], said
        return wrapped
