"""What the state lets go of, and what it never forgets; ten entries stand for ten thousand."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.custody import retention
from strongroom.custody.state import Phase, TransferId
from strongroom.errors import StrongroomError
from tests.workspace import CHAIN, HOUR, WEI, Workspace

KEPT = 10
DAY = 24 * HOUR


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(retention, "TRANSFERS_KEPT", KEPT)
    return Workspace().ready()


def idle(home: Workspace, entries: int = 2 * KEPT) -> None:
    """Entries about nothing that matters here."""
    for _ in range(entries):
        body = {"account": f"{CHAIN}:0x{home.state.size:040x}", "group": "vendors", "label": ""}
        home.granted("address.listed", "address.list", body, ["alice"])


def ended(home: Workspace, name: TransferId, kind: str = "transfer.completed") -> None:
    body = {"transfer": name, "txid": "0x" + "00" * 32, "block": 1, "result": "ok"}
    home.add(kind, body, [home.statement("coordinator", "transfer.observe", body)])


def code_of(action: Any, *arguments: Any, **changes: Any) -> str:
    with pytest.raises(StrongroomError) as error:
        action(*arguments, **changes)
    return error.value.code


@pytest.mark.parametrize("kind", ["transfer.completed", "transfer.failed"])
def test_an_ended_transfer_is_let_go_and_stays_closed(home: Workspace, kind: str) -> None:
    name = home.propose(idempotency="order-1")
    home.authorize(name)
    payload, used = home.state.transfers[name].payloads[0], home.state.windows
    ended(home, name, kind)
    assert name in home.state.transfers
    idle(home)
    assert name not in home.state.transfers and not home.state.anchors
    assert code_of(home.authorize, name, payload.raw) == "intent.closed"
    assert code_of(home.add, "transfer.replaced", {"transfer": name, "payload": payload.raw.hex()}) == "intent.closed"
    assert code_of(ended, home, name, "transfer.failed") == "intent.closed"
    assert code_of(home.stopped, "transfer.cancelled", "transfer.cancel", {"transfer": name}, ["exchange"]) == (
        "intent.closed"
    )
    assert code_of(home.propose, idempotency="order-1") == "intent.idempotency_used"
    assert home.state.windows == used, "no limit is refunded"


def test_a_transfer_is_kept_for_so_many_entries_after_it_ended(home: Workspace) -> None:
    name = home.propose()
    idle(home, KEPT + 5)
    home.stopped("transfer.cancelled", "transfer.cancel", {"transfer": name}, ["exchange"])
    since = home.state.size
    while name in home.state.transfers:
        idle(home, 1)
    assert KEPT <= home.state.size - since < 2 * KEPT
    assert name not in home.state.open


def test_what_may_still_be_signed_is_never_let_go(home: Workspace) -> None:
    waiting, authorized, closed = home.propose(until=home.time + DAY), home.propose(), home.propose()
    home.authorize(authorized)
    home.authorize(closed)
    home.stopped("transfer.rejected", "transfer.reject", {"transfer": closed}, ["carol"])
    home.time += 2 * HOUR
    idle(home, 3 * KEPT)
    assert set(home.state.transfers) == {waiting, authorized, closed}
    assert home.state.transfers[closed].phase is Phase.AUTHORIZED, "its null replacement is owed"
    home.time += DAY
    idle(home, 2 * KEPT)
    assert set(home.state.transfers) == {authorized, closed}, "what expired without an authorization has ended"


def test_a_hash_that_is_no_transfer_s_is_unknown(home: Workspace) -> None:
    home.propose(idempotency="order-1")
    row = next(iter(home.state.proposals.rows))
    for name in (row[32:].hex(), "00" * 32, "zz" * 32, ""):
        assert code_of(home.authorize, TransferId(name), b"") == "transfer.unknown"


def test_windows_that_have_emptied_and_freezes_that_are_past_are_let_go(home: Workspace) -> None:
    home.authorize(home.propose())
    body = {"scope": "wallet", "target": "hot-eth", "reason": "drill"}
    home.stopped("workspace.frozen", "workspace.freeze", body, ["alice"])
    idle(home)
    assert home.state.windows and home.state.freezes
    home.time += 9 * DAY
    idle(home)
    assert not home.state.windows and not home.state.freezes
    assert len(home.state.debits) == 1


def test_debits_are_let_go_once_no_window_reaches_them(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.custody.ledger.PAGE", 4)
    for _ in range(9):
        name = home.propose(amount=str(WEI // 100))
        home.authorize(name)
        ended(home, name)
    held = home.propose(amount=str(WEI // 100))
    home.authorize(held)
    home.time += 380 * DAY
    for node in ("signer-1", "signer-2"):
        for number in range(KEPT):
            home.boot(node, f"{number:064x}" if node == "signer-1" else f"{number + 99:064x}")
    assert home.state.debits.dropped == 0, "an open transfer is judged by what came before it"
    ended(home, held)
    for number in range(2 * KEPT):
        home.boot("signer-3", f"{number + 999:064x}")
    assert home.state.debits.dropped == 2 and len(home.state.debits) == 10
