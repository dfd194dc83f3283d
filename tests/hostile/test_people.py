"""What is passed off as a person's or a service's word: passkeys used otherwise than registered, tokens used again."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest

from strongroom.custody.decision import verdict
from strongroom.custody.moment import Moment
from strongroom.custody.state import TransferId
from strongroom.documents.base64 import base64url
from strongroom.documents.envelope import Envelope
from strongroom.documents.request import REQUEST_TYPE, client_id, proposal_hash
from strongroom.policy.evaluate import Allowed
from tests.hostile.replicas import Replicas
from tests.passkeys import SoftPasskey
from tests.tokens import SoftService, segment
from tests.workspace import START, WEI, Workspace

ORIGIN = "http://localhost:8420"
SERVICE = SoftService("exchange")


class Liar:
    """A passkey of a person whose browser or authenticator says other things than are so."""

    def __init__(self, key: SoftPasskey, **lies: Any) -> None:
        self.credential, self.key_id, self._key, self._lies = key.credential, key.key_id, key, lies

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message, **self._lies)


def house(**terms: Any) -> Workspace:
    """Bob holds two passkeys beside his Ed25519 key, the hot tier takes requests, and large transfers have terms."""
    home = Workspace()
    home.policy["fold"] = 2
    home.policy["tiers"]["hot"]["requests"] = True
    home.policy["people"]["exchange"]["keys"].append(SERVICE.credential.to_doc())
    home.policy["groups"]["risk"] = ["bob", "carol"]
    for name, synced in (("phone", False), ("cloud", True)):
        key = SoftPasskey(ORIGIN, backup_eligible=synced, seed=name)
        home.keys[name] = key  # type: ignore[assignment]
        home.policy["people"]["bob"]["keys"].append(key.credential.to_doc())
    larger = next(rule for rule in home.policy["rules"] if rule["name"] == "larger ETH")
    larger["allow"].update(terms)
    return home


def besieged(**terms: Any) -> tuple[Replicas, TransferId, str]:
    """Four replicas of that house, a transfer that waits for approvals, and the digest of what it owes."""
    replicas = Replicas(house(**terms).create())
    name = replicas.add(replicas.home.propose, by="alice", amount=str(5 * WEI))
    answer = verdict(replicas.home.state, replicas.home.state.transfers[name], Moment.at(replicas.home.time))
    assert isinstance(answer, Allowed)
    return replicas, name, answer.obligations.digest


def said(home: Workspace, key: Any, kind: str, subject: dict[str, Any], **more: Any) -> Envelope:
    """Bob's statement by one of his keys."""
    before, home.keys["bob"] = home.keys["bob"], key
    try:
        return home.statement("bob", kind, subject, **more)
    finally:
        home.keys["bob"] = before


def test_attack_7_an_assertion_without_its_person_or_from_another_page_counts_for_nothing() -> None:
    replicas, name, owed = besieged()
    home, body = replicas.home, {"transfer": name}
    phone: Any = home.keys["phone"]
    for lies, code in (
        ({"uv": False}, "webauthn.user_not_verified"),
        ({"up": False}, "webauthn.user_not_present"),
        ({"type": "webauthn.create"}, "webauthn.type"),
        ({"cross_origin": True}, "webauthn.cross_origin"),
        ({"members": {"topOrigin": "https://evil.example"}}, "webauthn.cross_origin"),
        ({"origin": "http://localhost:8421"}, "webauthn.origin"),
        ({"rp_id": "evil.example"}, "webauthn.relying_party"),
        ({"challenge": bytes(32)}, "webauthn.challenge"),
    ):
        approval = said(home, Liar(phone, **lies), "transfer.approve", body, obligations=owed)
        assert replicas.refused("transfer.approved", body, [approval]) == code
    honest = said(home, phone, "transfer.approve", body, obligations=owed)
    replicas.add(home.add, "transfer.approved", body, [honest])
    assert [each.person for each in home.state.transfers[name].approvals] == ["bob"]


def test_attack_1_an_assertion_over_a_proposal_is_no_approval() -> None:
    replicas, name, _ = besieged()
    home: Workspace = replicas.home
    proposal = said(home, home.keys["phone"], "transfer.propose", home.intent(amount=str(5 * WEI)))
    assert replicas.refused("transfer.approved", {"transfer": name}, [proposal]) == "statement.wrong_kind"


def test_attack_2_an_assertion_over_a_rejection_approves_nothing_else() -> None:
    replicas, name, owed = besieged()
    home, body = replicas.home, {"transfer": name}
    rejection = said(home, home.keys["phone"], "transfer.reject", body, obligations=owed)
    assert replicas.refused("transfer.approved", body, [rejection]) == "statement.wrong_kind"
    approval = said(home, home.keys["phone"], "transfer.approve", body, obligations=owed)
    moved = Envelope(approval.payload, approval.payload_type, rejection.signatures)
    assert replicas.refused("transfer.approved", body, [moved]) == "webauthn.challenge"


def test_attack_3_an_assertion_in_the_staging_workspace_counts_there_only() -> None:
    replicas, name, owed = besieged()
    body, staging = {"transfer": name}, house()
    staging.time = START - 1
    staging.create()
    elsewhere = said(staging, staging.keys["phone"], "transfer.approve", body, obligations=owed)
    assert replicas.refused("transfer.approved", body, [elsewhere]) == "statement.other_workspace"


def test_attack_5_a_person_with_two_devices_and_two_groups_fills_one_place() -> None:
    both = [[{"group": "treasury", "threshold": 1}, {"group": "risk", "threshold": 1}]]
    replicas, name, owed = besieged(approvals=both)
    home, body = replicas.home, {"transfer": name}
    first = said(home, home.keys["phone"], "transfer.approve", body, obligations=owed)
    replicas.add(home.add, "transfer.approved", body, [first])
    for key in (home.keys["bob"], home.keys["cloud"]):
        again = said(home, key, "transfer.approve", body, obligations=owed)
        assert replicas.refused("transfer.approved", body, [again]) == "approval.person_already_counted"
    raw = home.payload(name).hex()
    assert replicas.refused("transfer.authorized", {"transfer": name, "payload": raw}) == "approvals.missing"
    replicas.add(home.approve, name, "carol", owed)
    replicas.add(home.authorize, name)


def test_attack_9_a_synced_passkey_approves_nothing_that_asks_for_a_device() -> None:
    replicas, name, owed = besieged(device_bound=True)
    home, body = replicas.home, {"transfer": name}
    synced = said(home, home.keys["cloud"], "transfer.approve", body, obligations=owed)
    assert replicas.refused("transfer.approved", body, [synced]) == "credential.backup_eligible"
    pretending = said(home, Liar(home.keys["cloud"], be=False), "transfer.approve", body, obligations=owed)  # type: ignore[arg-type]
    assert replicas.refused("transfer.approved", body, [pretending]) == "credential.backup_eligible"
    plain = home.statement("carol", "transfer.approve", body, obligations=owed)
    assert replicas.refused("transfer.approved", body, [plain]) == "credential.not_device_bound"
    bound = said(home, home.keys["phone"], "transfer.approve", body, obligations=owed)
    replicas.add(home.add, "transfer.approved", body, [bound])


def test_attack_10_a_token_stands_for_one_request_of_one_key_here_and_now() -> None:
    replicas = Replicas(house().create())
    home = replicas.home

    def refused(envelope: Envelope) -> str:
        return replicas.refused("transfer.proposed", {"transfer": proposal_hash(envelope)}, [envelope])

    def request(body: bytes | None = None, **lies: Any) -> Envelope:
        home.time = replicas.now
        sent = body or json.dumps(home.intent()).encode()
        return SERVICE.request(sent, home.state.workspace, home.time, **lies)

    envelope = request()
    replicas.add(home.add, "transfer.proposed", {"transfer": proposal_hash(envelope)}, [envelope])
    assert refused(envelope) == "jwt.replayed"
    seconds = home.time // 1000
    assert refused(request(iat=seconds - 600, exp=seconds - 545)) == "jwt.expired_at_entry_time"
    assert refused(request(uri="/v1/statements")) == "jwt.uri"
    assert refused(request(sub=client_id("00" * 32, SERVICE.credential.key_id))) == "statement.other_workspace"
    assert refused(request(b'{"amount": "1", "amount": "9"}')) == "document.duplicate_key"
    honest = request()
    parts = segment({"alg": "HS256", "typ": "JWT"}) + b"." + honest.signatures[0][1].split(b".")[1]
    forged = parts + b"." + base64url(hmac.digest(SERVICE.credential.public, parts, "sha256")).encode()
    key = SERVICE.credential.key_id
    assert refused(Envelope(honest.payload, REQUEST_TYPE, ((key, forged),))) == "jwt.alg"
    other = json.dumps(home.intent(amount=str(WEI // 4))).encode()
    assert refused(Envelope(other, REQUEST_TYPE, honest.signatures)) == "jwt.body_hash"


def test_attack_10_a_token_moves_nothing_from_a_tier_that_takes_none() -> None:
    home = house()
    home.policy["tiers"]["hot"]["requests"] = False
    replicas = Replicas(home.create())
    home.time = replicas.now
    sent = SERVICE.request(json.dumps(home.intent()).encode(), home.state.workspace, home.time)
    code = replicas.refused("transfer.proposed", {"transfer": proposal_hash(sent)}, [sent])
    assert code == "request.tier"


@pytest.mark.parametrize("key", ["phone", "bob"])
def test_a_suspended_person_s_later_word_counts_for_nothing(key: str) -> None:
    replicas, name, owed = besieged()
    home, body = replicas.home, {"transfer": name}
    suspended = home.statement("alice", "person.suspend", {"person": "bob"}, bare=True)
    replicas.add(home.add, "person.suspended", {"person": "bob"}, [suspended])
    late = said(home, home.keys[key], "transfer.approve", body, obligations=owed)
    assert replicas.refused("transfer.approved", body, [late]) == "person.suspended"
