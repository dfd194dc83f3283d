"""The coordinator's place taken over as a whole: old databases, other clocks, withheld stops, edited tables."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from strongroom.lab import processes
from strongroom.lab.layout import NODES as NAMES
from strongroom.lab.users import as_user, private_home, user_of
from tests.e2e.conftest import Lab
from tests.hostile.conftest import QUORUM_BLOCKED, audited

Besiege = Callable[..., Any]


def test_an_old_copy_of_the_database_forks_nothing(lab: Lab, besiege: Besiege) -> None:
    coordinator, user = lab.layout.home("coordinator"), user_of("coordinator")
    old = lab.layout.home("old")
    processes.stop(lab.layout, ["coordinator"])
    private_home(old, user)
    subprocess.run(as_user(user, ["cp", "-a", f"{coordinator}/.", str(old)]), check=True)
    lab.start("coordinator")
    lab.actions.send("ETH", 10**15, "0x" + secrets.token_hex(20), "after the copy")
    before = audited(lab)
    try:
        with besiege(lambda home: restore(home, old), start=False) as siege:
            siege.start("tests.hostile.attacker", "fork")
            siege.propose("recipient")
            assert siege.refused("checkpoint.not_extending", len(NAMES)) == set(NAMES), "by every witness"
    finally:
        shutil.rmtree(old)
    after = audited(lab)
    assert after.state.size >= before.state.size
    assert after.state.roots[before.state.size] == before.state.root


def restore(home: Path, old: Path) -> None:
    """Put an older copy in the place of a home's contents."""
    user = user_of("coordinator")
    subprocess.run(as_user(user, ["find", str(home), "-mindepth", "1", "-delete"]), check=True)
    subprocess.run(as_user(user, ["cp", "-a", f"{old}/.", str(home)]), check=True)


def test_entries_of_another_hour_are_accepted_by_nobody(lab: Lab, besiege: Besiege) -> None:
    with besiege(start=False) as siege:
        siege.start("tests.hostile.attacker", "future")
        proposed = siege.propose("recipient")
        assert siege.refused("time.outside_skew", QUORUM_BLOCKED) <= set(NAMES)
    assert proposed["id"] not in audited(lab).state.transfers


def test_a_database_edited_by_sql_changes_nothing(lab: Lab) -> None:
    before = audited(lab)
    processes.stop(lab.layout, ["coordinator"])
    with sqlite3.connect(lab.layout.home("coordinator") / "strongroom.db") as database:
        size, raw = database.execute(
            "SELECT idx, raw FROM entries WHERE kind = 'transfer.authorized' ORDER BY idx DESC"
        ).fetchone()
        at = raw.index(b'"payload":"') + 60
        forged = raw[:at] + (b"1" if raw[at : at + 1] != b"1" else b"2") + raw[at + 1 :]
        database.execute("UPDATE entries SET raw = ? WHERE idx = ?", (forged, size))
    lab.start("coordinator")
    after = audited(lab)
    assert after.state.roots[before.state.size] == before.state.root
    lab.actions.send("ETH", 10**15, "0x" + secrets.token_hex(20), "after the edit")
