"""The pages' script is small, whole and asks nobody else."""

from __future__ import annotations

from strongroom.passkeys.script import passkeys_js


def test_the_script_offers_both_acts_and_loads_nothing() -> None:
    script = passkeys_js().decode()
    assert "export async function register(" in script and "export async function assertion(" in script
    assert not any(word in script for word in ("import", "fetch", "https://", "eval")) and len(script) < 4096
