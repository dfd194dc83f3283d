"""Requests signed with RS256: they propose, once, from tiers that take them, and do nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.custody.state import TransferId
from strongroom.documents.envelope import Envelope
from strongroom.documents.request import client_id, proposal_hash
from strongroom.errors import StrongroomError
from tests.tokens import SoftService
from tests.unit.custody.test_snapshot import reread
from tests.workspace import OTHER, WEI, Workspace

SERVICE, RIVAL = SoftService("exchange"), SoftService("rival")


def workspace(**hot: Any) -> Workspace:
    """A workspace whose hot tier takes requests of two services."""
    found = Workspace()
    found.policy["fold"] = 2
    found.policy["tiers"]["hot"].update({"requests": True, **hot})
    found.policy["people"]["exchange"]["keys"].append(SERVICE.credential.to_doc())
    found.policy["people"]["rival"] = {"role": "service", "keys": [RIVAL.credential.to_doc()]}
    found.policy["rules"][0]["when"]["initiator"]["members"].append("rival")
    return found


@pytest.fixture(scope="module")
def opened() -> Workspace:
    return workspace().ready()


@pytest.fixture
def home(opened: Workspace) -> Workspace:
    return opened.clone()


def body_of(home: Workspace, **changes: Any) -> bytes:
    return json.dumps(home.intent(**changes), indent=1).encode()


def request(home: Workspace, by: SoftService = SERVICE, body: bytes | None = None, **lies: Any) -> Envelope:
    return by.request(body or body_of(home), home.state.workspace, home.time, **lies)


def propose(home: Workspace, envelope: Envelope, **timing: int) -> TransferId:
    name = proposal_hash(envelope)
    home.add("transfer.proposed", {"transfer": name}, [envelope], **timing)
    return TransferId(name)


def refused(home: Workspace, envelope: Envelope, **timing: int) -> str:
    before = home.state
    with pytest.raises(StrongroomError) as caught:
        propose(home, envelope, **timing)
    assert home.state is before
    return caught.value.code


def test_a_request_opens_a_transfer_that_goes_all_the_way(home: Workspace) -> None:
    name = propose(home, request(home))
    transfer = home.state.transfers[name]
    assert (transfer.initiator, transfer.key) == ("exchange", SERVICE.credential.key_id)
    home.authorize(name)
    assert home.state.transfers[name].authorization


def test_the_id_is_of_token_and_body(home: Workspace) -> None:
    with pytest.raises(StrongroomError, match=r"transfer\.id"):
        home.add("transfer.proposed", {"transfer": "00" * 32}, [request(home)])


def test_a_token_counts_once_for_ever(home: Workspace) -> None:
    envelope = request(home)
    propose(home, envelope)
    assert refused(home, envelope) == "jwt.replayed"
    again = request(home, body=body_of(home, idempotency="another"), nonce="nonce-again")
    propose(home, again)
    assert refused(home, request(home, body=body_of(home, idempotency="third"), nonce="nonce-again")) == "jwt.replayed"


def test_equal_bodies_of_two_services_are_two_transfers(home: Workspace) -> None:
    body = body_of(home)
    first = propose(home, request(home, body=body, nonce="1"))
    second = propose(home, request(home, RIVAL, body=body, nonce="1"))
    assert first != second and {first, second} <= set(home.state.transfers.keys())


def test_an_idempotency_key_counts_whether_by_statement_or_request(home: Workspace) -> None:
    body = body_of(home)
    propose(home, request(home, body=body))
    assert refused(home, request(home, body=body)) == "intent.idempotency_used"
    with pytest.raises(StrongroomError, match=r"intent\.idempotency_used"):
        home.propose(idempotency=json.loads(body)["idempotency"])
    assert refused(home, request(home, body=body_of(home, idempotency=""))) == "intent.idempotency"


def test_only_tiers_that_say_so_take_requests() -> None:
    home = workspace(requests=False).ready()
    assert refused(home, request(home)) == "request.tier"
    home.propose()


@pytest.mark.parametrize(
    ("lies", "code"),
    [
        ({"uri": "/v1/statements"}, "jwt.uri"),
        ({"header": {"alg": "HS256"}}, "jwt.alg"),
        ({"sub": client_id("00" * 32, SERVICE.credential.key_id)}, "statement.other_workspace"),
        ({"bodyHash": "00" * 32}, "jwt.body_hash"),
    ],
)
def test_tokens_that_stand_for_something_else(home: Workspace, lies: dict[str, Any], code: str) -> None:
    assert refused(home, request(home, **lies)) == code


def test_the_time_of_the_entry_is_the_token_s(home: Workspace) -> None:
    envelope = request(home, body=body_of(home, until=home.time + 3_000_000))
    assert refused(home, envelope, later=176_000) == "jwt.expired_at_entry_time"
    early = SERVICE.request(body_of(home), home.state.workspace, home.time + 31_000)
    assert refused(home, early) == "jwt.issued_later"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"amount": "1", "amount": "2"}', "document.duplicate_key"),
        (b"[]", "document.not_object"),
        (b"\xff", "document.syntax"),
        (b"{}", "document.missing_field"),
    ],
)
def test_a_body_is_one_intent(home: Workspace, body: bytes, code: str) -> None:
    assert refused(home, request(home, body=body)) == code


def test_the_policy_decides_about_what_the_body_says(home: Workspace) -> None:
    assert refused(home, request(home, body=body_of(home, amount=str(1000 * WEI)))) == "policy.no_rule"
    name = propose(home, request(home, body=body_of(home, to=OTHER)))
    assert home.state.transfers[name].intent.to == OTHER


def test_a_stranger_s_a_revoked_and_a_suspended_service_s_requests_count_for_nothing(home: Workspace) -> None:
    assert refused(home, request(home, SoftService("stranger"))) == "statement.unknown_key"
    waiting = propose(home, request(home))
    key = SERVICE.credential.key_id
    home.add("key.revoked", {"key": key}, [home.statement("alice", "key.revoke", {"key": key}, bare=True)])
    assert refused(home, request(home)) == "credential.revoked"
    with pytest.raises(StrongroomError, match=r"credential\.revoked"):
        home.authorize(waiting)
    suspended = home.statement("alice", "person.suspend", {"person": "rival"}, bare=True)
    home.add("person.suspended", {"person": "rival"}, [suspended])
    assert refused(home, request(home, RIVAL)) == "person.suspended"


def test_a_request_is_a_proposal_and_nothing_else(home: Workspace) -> None:
    envelope = request(home)
    name = propose(home, envelope)
    for kind, body in (
        ("transfer.approved", {"transfer": name}),
        ("workspace.frozen", {"scope": "workspace", "target": "", "reason": "x"}),
        ("transfer.cancelled", {"transfer": name}),
    ):
        with pytest.raises(StrongroomError):
            home.add(kind, body, [request(home, body=json.dumps(body).encode())])


def test_an_rs256_key_signs_no_statement(home: Workspace) -> None:
    class Statements:
        """Signs the encoding of a statement itself with the RSA key."""

        key_id, credential = SERVICE.credential.key_id, SERVICE.credential

        def sign(self, message: bytes) -> bytes:
            return SERVICE.signed(message)

    home.keys["exchange"] = Statements()  # type: ignore[assignment]
    with pytest.raises(StrongroomError, match=r"credential\.requests_only"):
        home.propose()


def test_i16_the_state_with_requests_reads_back_from_its_snapshot(home: Workspace) -> None:
    envelope = request(home)
    propose(home, envelope)
    found = reread(home.state)
    assert found.proposals.index == home.state.proposals.index
    home.state = found
    assert refused(home, envelope) == "jwt.replayed"


@given(st.data())
def test_i17_a_changed_token_or_body_is_refused_with_a_code(opened: Workspace, data: st.DataObject) -> None:
    home = opened.clone()
    envelope = request(home, nonce="the one")
    ((key, token),) = envelope.signatures
    part = data.draw(st.sampled_from([envelope.payload, token]))
    at = data.draw(st.integers(0, len(part) - 1))
    changed = part[:at] + data.draw(st.binary(max_size=3).filter(lambda new: new != part[at : at + 1])) + part[at + 1 :]
    body, token = (changed, token) if part is envelope.payload else (envelope.payload, changed)
    assert refused(home, Envelope(body, envelope.payload_type, ((key, token),)))
