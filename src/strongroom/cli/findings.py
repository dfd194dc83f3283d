"""What a check of a draft finds, told on the command line."""

from __future__ import annotations

from strongroom.cli.output import say
from strongroom.policy.check import Finding, Level


def stopping(findings: list[Finding]) -> bool:
    """Whether one of them is an error."""
    return any(finding.level is Level.ERROR for finding in findings)


def tell_findings(findings: list[Finding]) -> None:
    """Each in a line, errors in red."""
    for finding in findings:
        say(f"{finding.level} [{finding.code}] {finding.message}", "red" if finding.level is Level.ERROR else "yellow")
