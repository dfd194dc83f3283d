"""A node states its own start, once a boot and behind its last one; it bars peers of its own keys."""

from __future__ import annotations

from typing import Any

from strongroom.documents.statement import Seen
from tests.unit.custody.conftest import Refusal
from tests.workspace import Workspace

BODY = {"node": "signer-1", "boot": "ab" * 32, "exchange": "cd" * 32}


def started(home: Workspace, by: str = "signer-1", says: dict[str, Any] | None = None, **changes: Any) -> None:
    body = {**BODY, **changes.pop("body", {})}
    home.add("signer.started", body, [home.statement(by, "signer.start", says or body, **changes)])


def barred(home: Workspace, by: str = "signer-1", says: dict[str, Any] | None = None, **changes: Any) -> None:
    body = {
        "key": "hot-ecdsa", "epoch": 0, "accuser": "signer-1", "peer": "signer-2", "session": "00" * 32,
        "reason": "probe", **changes,
    }  # fmt: skip
    home.add("signer.barred", body, [home.statement(by, "signer.bar", says or body, bare=True)])


def test_a_node_states_its_own_start(home: Workspace, refusal: Refusal) -> None:
    assert refusal(started, home, by="signer-2") == "node.unknown"
    assert refusal(started, home, by="alice", body={"node": "alice"}) == "node.unknown"
    assert refusal(started, home, says={**BODY, "exchange": "ef" * 32}) == "statement.other_subject"
    started(home)
    assert home.state.boots["signer-1"].boot == "ab" * 32


def test_a_boot_is_logged_once_and_behind_the_node_s_last_one(home: Workspace, refusal: Refusal) -> None:
    before = Seen(home.state.boots["signer-1"].index, home.state.roots[home.state.boots["signer-1"].index].hex())
    assert refusal(started, home, seen=before) == "session.boot_superseded"
    started(home)
    home.time += 1000
    assert refusal(started, home) == "session.boot_superseded"
    assert refusal(started, home, by="signer-2", body={"node": "signer-2"}) == "session.boot_superseded"


def test_a_signer_bars_a_peer_of_its_own_key_in_its_epoch(home: Workspace, refusal: Refusal) -> None:
    assert refusal(barred, home, key="none") == "signer.barred"
    assert refusal(barred, home, epoch=1) == "signer.barred"
    assert refusal(barred, home, accuser="signer-3") == "signer.barred"
    assert refusal(barred, home, peer="guardian-1") == "signer.barred"
    assert refusal(barred, home, peer="signer-1") == "signer.barred"
    assert refusal(barred, home, says={"key": "hot-ecdsa"}) == "statement.other_subject"
    barred(home)
    assert len(home.state.bars) == 1
