"""Entries read in batches: the same entries and the same refusals, and no signature that would not verify alone."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from coincurve import PrivateKey, PublicKey

from strongroom.chains.evm import transaction
from strongroom.chains.evm.transaction import assemble, digest
from strongroom.custody.authority import signers_in
from strongroom.custody.state import TransferId
from strongroom.documents import proofs
from strongroom.documents.credentials import Credential
from strongroom.documents.envelope import Envelope
from strongroom.documents.request import proposal_hash
from strongroom.errors import InvalidInput, Refused
from strongroom.log.batch import Signers, parse_ahead, parse_entries
from strongroom.log.entry import Entry, new_entry, parse_entry
from tests.passkeys import SoftPasskey
from tests.tokens import SoftService
from tests.workspace import Workspace, seeded


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    home = Workspace().ready()
    for _ in range(40):
        transfer = home.propose(amount="1")
        home.authorize(transfer)
        noted(home, transfer)
        home.time += 1000
    return home


def noted(home: Workspace, transfer: TransferId) -> Entry:
    """transfer.signed by the wallet's key."""
    payload = home.state.transfers[transfer].payloads[0]
    signature = home.sign(digest(payload.raw))
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    txid = assemble(payload.raw, r, s, home.state.wallets["hot-eth"].address).txid
    body = {"transfer": transfer, "digest": payload.digest, "signature": signature.hex(), "txid": txid}
    return home.add("transfer.signed", body)


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    proofs._proven.clear()


def known(workspace: Workspace) -> Signers:
    return signers_in(workspace.state)


def proof(entry: Entry, key: Credential) -> bytes:
    envelope = entry.evidence[0]
    return hashlib.sha256(b"ed25519\0" + key.public + envelope.signatures[0][1] + envelope.pae()).digest()


def test_a_batch_gives_the_entries_and_remembers_their_signatures(workspace: Workspace) -> None:
    raws = [entry.raw for entry in workspace.entries]
    assert parse_entries(raws, known(workspace)) == workspace.entries
    signer = workspace.keys["exchange"].credential
    stated = {proof(entry, signer) for entry in workspace.entries if entry.kind == "transfer.proposed"}
    assert len(stated) == 40 and stated <= proofs._proven
    assert len(proofs._proven) == 40 + sum(len(entry.evidence) for entry in workspace.entries)  # and 40 payments


def test_a_large_batch_is_shared_among_threads_in_order(workspace: Workspace) -> None:
    raws = [entry.raw for entry in workspace.entries] * 30
    assert [entry and entry.raw for entry in parse_entries(raws, known(workspace))] == raws


def test_what_is_refused_is_left_to_the_caller(workspace: Workspace) -> None:
    good = [entry.raw for entry in workspace.entries]
    bad = [b"", b"{}", good[-1] + b" ", good[-1].replace(b'"kind"', b'"Kind"'), b'{"a":' * 40, b'{"x":"' + b"a" * 65536]
    mixed = good[:20] + bad + good[20:]
    for raw, parsed in parse_ahead(mixed, lambda: known(workspace)):
        if raw in bad:
            assert parsed is None
            with pytest.raises(InvalidInput):
                parse_entry(raw)
        else:
            assert parsed == parse_entry(raw)


def test_a_false_signature_is_not_remembered(workspace: Workspace) -> None:
    other, signer = seeded("mallory"), workspace.keys["exchange"].credential
    forged = []
    for entry in [entry for entry in workspace.entries if entry.kind == "transfer.proposed"]:
        envelope = entry.evidence[0]
        stolen = Envelope(envelope.payload, envelope.payload_type, ((signer.key_id, other.sign(envelope.pae())),))
        forged.append(new_entry(entry.kind, entry.time, entry.body, [stolen]))
    assert parse_entries([entry.raw for entry in forged], known(workspace)) == forged
    assert not proofs._proven
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        forged[0].evidence[0].verify(signer)


def test_a_signature_by_an_unknown_key_is_verified_when_it_is_asked_for(workspace: Workspace) -> None:
    parse_entries([entry.raw for entry in workspace.entries], Signers())
    assert not proofs._proven
    workspace.entries[-3].evidence[0].verify(workspace.keys["exchange"].credential)


def test_a_proof_holds_for_its_key_message_and_signature_only(workspace: Workspace) -> None:
    parse_entries([entry.raw for entry in workspace.entries], known(workspace))
    envelope, signer = workspace.entries[-3].evidence[0], workspace.keys["exchange"].credential
    message, signature = envelope.pae(), envelope.signatures[0][1]
    signer.verify(message, signature)
    changed = signature[:40] + bytes([signature[40] ^ 1]) + signature[41:]
    for key, said, by in (
        (signer, message + b" ", signature),
        (signer, message, changed),
        (workspace.keys["alice"].credential, message, signature),
        (signer, signature[63:] + message, signature[:63]),  # the same bytes, cut elsewhere
    ):
        with pytest.raises(Refused, match=r"credential\.bad_signature"):
            key.verify(said, by)


def test_what_is_remembered_is_bounded(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "_MOST", 110)
    raws = [entry.raw for entry in workspace.entries]
    for _ in range(3):
        parse_entries(raws, known(workspace))
        assert len(proofs._proven) <= 110


@pytest.fixture
def recoveries(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The digests for which the library was asked who has signed."""
    asked: list[bytes] = []

    class Watched(PublicKey):
        @classmethod
        def from_signature_and_message(cls, signature: bytes, message: bytes, **options: Any) -> PublicKey:
            asked.append(message)
            return PublicKey.from_signature_and_message(signature, message, **options)

    monkeypatch.setattr(transaction, "PublicKey", Watched)
    return asked


def test_the_signature_of_a_payment_is_found_verified(workspace: Workspace, recoveries: list[bytes]) -> None:
    parse_entries([entry.raw for entry in workspace.entries], known(workspace))
    address = workspace.state.wallets["hot-eth"].address
    for transfer in workspace.state.transfers.values():
        signed = workspace.sign(bytes.fromhex(transfer.payloads[0].digest))
        r, s = int.from_bytes(signed[:32], "big"), int.from_bytes(signed[32:], "big")
        assert assemble(transfer.payloads[0].raw, r, s, address).txid == transfer.txid
        assert not recoveries
        for payload, wrong, by in (
            (transfer.payloads[0].raw, s + 1, address),
            (transfer.payloads[0].raw, s, "0x" + "22" * 20),
            (workspace.payload(transfer.id, value=2), s, address),
        ):
            with pytest.raises(Refused, match=r"signature\.wrong_key"):
                assemble(payload, r, wrong, by)
        assert len(recoveries) == 6
        recoveries.clear()


def test_a_payment_by_a_key_that_no_wallet_has_is_not_remembered(workspace: Workspace) -> None:
    stranger, raws = PrivateKey(b"\7" * 32), []
    for entry in [entry for entry in workspace.entries if entry.kind == "transfer.signed"]:
        signature = stranger.sign_recoverable(bytes.fromhex(entry.body["digest"]), hasher=None)[:64]
        raws.append(new_entry(entry.kind, entry.time, {**entry.body, "signature": signature.hex()}).raw)
    assert all(parse_entries(raws, known(workspace)))
    assert not proofs._proven


def test_what_passkeys_and_tokens_have_signed_is_left_to_the_definition() -> None:
    home, service = Workspace(), SoftService()
    home.policy["fold"] = 2
    home.policy["tiers"]["hot"]["requests"] = True
    home.policy["people"]["exchange"]["keys"].append(service.credential.to_doc())
    phone = SoftPasskey("http://localhost:8420", seed="bob")
    home.policy["people"]["bob"]["keys"].append(phone.credential.to_doc())
    home.ready()
    home.keys["bob"] = phone  # type: ignore[assignment]
    for index in range(20):
        home.propose(by="bob", amount="1")
        body = json.dumps(home.intent(amount="1", idempotency=f"request {index}")).encode()
        request = service.request(body, home.state.workspace, home.time)
        home.add("transfer.proposed", {"transfer": proposal_hash(request)}, [request])
    entries = home.entries[-40:]
    assert parse_entries([entry.raw for entry in entries], known(home)) == entries
    assert not proofs._proven
