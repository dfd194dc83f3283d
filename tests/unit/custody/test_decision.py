"""What blocks a transfer, whatever the rules say, until it is signed."""

from __future__ import annotations

import pytest

from strongroom.custody.permission import may_sign
from strongroom.errors import Refused
from tests.unit.custody.conftest import Refusal
from tests.workspace import HOUR, WEI, Workspace


@pytest.mark.parametrize(
    ("kind", "statement", "body", "code"),
    [
        ("person.suspended", "person.suspend", {"person": "exchange"}, "person.suspended"),
        ("wallet.closed", "wallet.close", {"wallet": "hot-eth"}, "wallet.closed"),
    ],
)
def test_a_stop_of_initiator_or_wallet_blocks_what_is_open_and_what_is_authorized(
    home: Workspace, refusal: Refusal, kind: str, statement: str, body: dict[str, str], code: str
) -> None:
    waiting, ready = home.propose(), home.propose()
    home.authorize(ready)
    payload = home.state.transfers[ready].payloads[0].digest
    home.stopped(kind, statement, body, ["alice"])
    assert refusal(home.authorize, waiting) == code
    with pytest.raises(Refused) as caught:
        may_sign(home.state, ready, payload, home.time)
    assert caught.value.code == code


def test_a_revoked_key_takes_what_it_proposed_with_it(home: Workspace, refusal: Refusal) -> None:
    waiting = home.propose()
    home.stopped("key.revoked", "key.revoke", {"key": home.keys["exchange"].key_id}, ["alice"])
    assert refusal(home.authorize, waiting) == "credential.revoked"


def test_a_new_wallet_waits_for_its_age() -> None:
    home = Workspace()
    home.policy["wallet_age"] = 600
    home.ready()
    with pytest.raises(Exception, match=r"wallet\.too_young"):
        home.propose()
    home.time += 600_000
    home.authorize(home.propose())


def test_an_intent_expires_by_log_time_or_by_the_own_clock(home: Workspace, refusal: Refusal) -> None:
    waiting, ready = home.propose(), home.propose(amount=str(WEI // 4))
    home.authorize(ready)
    payload = home.state.transfers[ready].payloads[0].digest
    with pytest.raises(Refused, match=r"intent\.expired"):
        may_sign(home.state, ready, payload, home.time + HOUR)
    home.time += HOUR
    assert refusal(home.authorize, waiting) == "intent.expired"
