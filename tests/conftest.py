"""What holds for all tests: examples are repeatable and untimed; a skipped test can fail the run."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# No example has a deadline, since machines differ; in CI the examples are the same each time.
settings.register_profile(
    "strongroom",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.register_profile("fuzz", settings.get_profile("strongroom"), derandomize=False, max_examples=20_000)
settings.load_profile(os.environ.get("STRONGROOM_EXAMPLES", "strongroom"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forbid-skips", action="store_true", help="fail the run when a test was skipped")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if not session.config.getoption("--forbid-skips"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
