"""Entries read in batches: the same entries and the same refusals, and no signature that would not verify alone."""

from __future__ import annotations

import hashlib

import pytest

from strongroom.documents import credentials
from strongroom.documents.credentials import Credential
from strongroom.documents.envelope import Envelope
from strongroom.errors import InvalidInput, Refused
from strongroom.log.batch import parse_ahead, parse_entries
from strongroom.log.entry import Entry, new_entry, parse_entry
from tests.workspace import Workspace, seeded


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    home = Workspace().ready()
    for _ in range(40):
        home.propose(amount="1")
        home.time += 1000
    return home


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    credentials._proven.clear()


def known(workspace: Workspace) -> dict[str, Credential]:
    return dict(workspace.state.policy.credentials) if workspace.state.policy else {}


def proof(entry: Entry, key: Credential) -> bytes:
    envelope = entry.evidence[0]
    return hashlib.sha256(key.public + envelope.signatures[0][1] + envelope.pae()).digest()


def test_a_batch_gives_the_entries_and_remembers_their_signatures(workspace: Workspace) -> None:
    raws = [entry.raw for entry in workspace.entries]
    assert parse_entries(raws, known(workspace)) == workspace.entries
    signer = workspace.keys["exchange"].credential
    proofs = {proof(entry, signer) for entry in workspace.entries if entry.kind == "transfer.proposed"}
    assert len(proofs) == 40 and proofs <= credentials._proven
    assert len(credentials._proven) == sum(len(entry.evidence) for entry in workspace.entries)


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
    for entry in workspace.entries[-40:]:
        envelope = entry.evidence[0]
        stolen = Envelope(envelope.payload, envelope.payload_type, ((signer.key_id, other.sign(envelope.pae())),))
        forged.append(new_entry(entry.kind, entry.time, entry.body, [stolen]))
    assert parse_entries([entry.raw for entry in forged], known(workspace)) == forged
    assert not credentials._proven
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        forged[0].evidence[0].verify(signer)


def test_a_signature_by_an_unknown_key_is_verified_when_it_is_asked_for(workspace: Workspace) -> None:
    parse_entries([entry.raw for entry in workspace.entries], {})
    assert not credentials._proven
    workspace.entries[-1].evidence[0].verify(workspace.keys["exchange"].credential)


def test_a_proof_holds_for_its_key_message_and_signature_only(workspace: Workspace) -> None:
    parse_entries([entry.raw for entry in workspace.entries], known(workspace))
    envelope, signer = workspace.entries[-1].evidence[0], workspace.keys["exchange"].credential
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
    monkeypatch.setattr(credentials, "_MOST_PROVEN", 60)
    raws = [entry.raw for entry in workspace.entries]
    for _ in range(3):
        parse_entries(raws, known(workspace))
        assert len(credentials._proven) <= 60
