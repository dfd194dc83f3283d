"""guards.toml: each check with the test that guards it, or with the reason why another check stands before it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

FILE = Path(__file__).with_name("guards.toml")
COVERED = "covered: "
"""Begins a reason: this check cannot be reached while another stands, which the reason names."""

_HEAD = """# Each check of the fold and of the signer, and the test that fails without it.
# `python -m tests.mutants --find` adds what is missing and takes out what is gone.
"""


def load() -> dict[str, str]:
    """Check key → test, or reason."""
    if not FILE.exists():
        return {}
    doc = tomllib.loads(FILE.read_text())
    return {f"{module}:{name}": test for module, rows in doc.items() for name, test in rows.items()}


def save(guards: Mapping[str, str]) -> None:
    """Write the table, in the order given."""
    lines, module = [_HEAD.rstrip()], ""
    for key, test in guards.items():
        found, _, name = key.partition(":")
        if found != module:
            module = found
            lines += ["", f'["{module}"]']
        lines.append(f'"{name}" = "{test}"')
    FILE.write_text("\n".join(lines) + "\n")


def guarding(guards: Mapping[str, str]) -> dict[str, str]:
    """Only the checks that a test guards."""
    return {key: test for key, test in guards.items() if not test.startswith(COVERED)}
