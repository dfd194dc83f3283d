"""I17: whatever bytes are offered as an entry, the fold gives a state or a coded refusal, and the old state stands."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.chains.evm.transaction import assemble
from strongroom.custody.digest import state_digest
from strongroom.custody.fold import HANDLERS, apply
from strongroom.custody.state import EMPTY, CustodyState
from strongroom.documents.base64 import encode_base64
from strongroom.documents.canonical import MAX_INTEGER, encode
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import from_envelope
from strongroom.errors import StrongroomError
from strongroom.log.entry import Entry, parse_entry
from strongroom.policy.loader import load_policy
from strongroom.policy.obligations import Obligations
from tests.workspace import CHAIN, ETH, NODES, OTHER, TOKEN, WEI, Workspace

JUNK: list[Any] = [
    None, True, False, 0, -1, 1, 7, MAX_INTEGER, -MAX_INTEGER, "", "0", "x", "zz", "abc", "12 34", "0x", "AB" * 33,
    "zz" * 33, "00" * 32, "ff" * 32, "11" * 31, "9" * 78, "9" * 5000, "٣", "\x00", "a\u202eb", "é", "é", "\U0001fae8",
    "hot", "coordinator", "alice", CHAIN, ETH, OTHER, [], {}, [[]], [{}], {"": None}, [None, "a", 1], {"key": ["a"]},
    [["signer-1"], {}], json.loads("[" * 20 + "]" * 20),
]  # fmt: skip


@cache
def lived_in() -> Workspace:
    """A workspace in which every kind of entry has happened."""
    home = Workspace().ready()
    hashes = {"session": "ab" * 32, "reason": "probe"}
    home.refresh()
    bar = {"key": "hot-ecdsa", "epoch": 1, "accuser": "signer-1", "peer": "signer-2", **hashes}
    home.add("signer.barred", bar, [home.statement("signer-1", "signer.bar", bar, bare=True)])
    row = {"account": OTHER, "group": "vendors"}
    home.granted("address.listed", "address.list", {**row, "label": "v"}, ["bob"])
    home.stopped("address.delisted", "address.delist", row, ["alice"])
    first, second, third = home.propose(), home.propose(), home.propose(by="alice", amount=str(5 * WEI))
    answer = load_policy(home.policy).rules[2]
    assert answer.allowance
    home.approve(third, "bob", Obligations(answer.name, answer.allowance).digest)
    home.stopped("transfer.rejected", "transfer.reject", {"transfer": third}, ["carol"])
    for name in (first, second):
        home.authorize(name)
    raw = home.payload(first, max_fee=4 * 10**9)
    home.add("transfer.replaced", {"transfer": first, "payload": raw.hex()})
    digest = home.state.transfers[first].payloads[0].digest
    signature = home.sign(bytes.fromhex(digest))
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    signed = assemble(home.state.transfers[first].payloads[0].raw, r, s, home.state.wallets["hot-eth"].address)
    body: dict[str, Any] = {"transfer": first, "digest": digest, "signature": signature.hex(), "txid": signed.txid}
    home.add("transfer.signed", body)
    for kind, name in (("transfer.completed", first), ("transfer.failed", second)):
        body = {"transfer": name, "txid": signed.txid, "block": 1, "result": "ok"}
        home.add(kind, body, [home.statement("coordinator", "transfer.observe", body)])
    home.stopped("transfer.cancelled", "transfer.cancel", {"transfer": home.propose()}, ["exchange"])
    freeze = {"scope": "workspace", "target": "", "reason": "drill"}
    home.stopped("workspace.frozen", "workspace.freeze", freeze, ["bob"])
    body = {"freeze": next(iter(home.state.freezes))}
    home.granted("workspace.unfrozen", "workspace.unfreeze", body, ["alice", "bob"])
    document = {**home.second_fold(), "version": 2, "cool_down": 7200}
    subject = {"policy": load_policy(document).digest, "version": 2}

    def proposed() -> None:
        evidence = [home.statement(person, "policy.propose", subject) for person in ("alice", "bob")]
        home.add("policy.proposed", {"policy": document}, evidence)

    proposed()
    home.stopped("policy.withdrawn", "policy.withdraw", {"version": 2}, ["bob", "carol"])
    home.time += 1
    proposed()
    home.add("policy.adopted", {"version": 2}, later=3_600_000)
    home.state_prices()
    row = {"account": OTHER, "group": "vendors", "label": "v", "tags": ["exchange", "eu"]}
    home.granted("address.listed", "address.list", row, ["bob"])
    screened = home.propose(by="alice", asset=TOKEN, amount="5000000")
    for result in ("flagged", "clear"):
        home.screen(screened, result)
    home.authorize(screened)
    home.repair(1)
    home.change(joins="guardian-2", accepting=NODES)
    home.certify(NODES)
    home.change(leaves="guardian-1", accepting=[*NODES[:3], "guardian-2"])
    home.certify([*NODES[:3], "guardian-2"])
    home.stopped("wallet.closed", "wallet.close", {"wallet": "hot-eth"}, ["carol"])
    home.stopped("person.suspended", "person.suspend", {"person": "carol"}, ["alice"])
    home.granted("person.reinstated", "person.reinstate", {"person": "carol"}, ["bob", "carol"])
    home.stopped("key.revoked", "key.revoke", {"key": home.keys["bob"].key_id}, ["bob"])
    home.add("state.sealed", {"digest": state_digest(home.state)})
    return home


@cache
def steps() -> tuple[tuple[CustodyState, Entry], ...]:
    """Every entry with the state before it."""
    state, found = EMPTY, []
    for entry in lived_in().entries:
        found.append((state, entry))
        state = apply(state, entry)
    return tuple(found)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything inside a document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def changed(doc: Any, path: tuple[Any, ...], how: str, junk: Any) -> Any:
    """The document with the value at `path` replaced, dropped, wrapped, doubled or beside a stranger."""
    if not path:
        return junk
    doc = copy.deepcopy(doc)
    parent = doc
    for step in path[:-1]:
        parent = parent[step]
    old = parent[path[-1]]
    if how == "drop":
        del parent[path[-1]]
    elif how == "wrap":
        parent[path[-1]] = [old]
    elif how == "double" and isinstance(old, str | list):
        parent[path[-1]] = old * 2
    elif how == "cut" and isinstance(old, str | list):
        parent[path[-1]] = old[:-1]
    elif how == "add" and isinstance(old, dict):
        old["stranger"] = junk
    elif how == "grow" and isinstance(old, list):
        old.append(junk)
    else:
        parent[path[-1]] = junk
    return doc


def refused_or_applied(state: CustodyState, doc: Any) -> None:
    """Offer the bytes of `doc` to the fold: only a coded refusal may escape, and the state given stays as it was."""
    before = (
        [getattr(state, name) for name in state.__slots__],
        encode(dict(state.policy.document if state.policy else {})),
    )
    try:
        after = apply(state, parse_entry(encode(doc)))
    except StrongroomError as error:
        assert error.code
    else:
        assert after is not state
        state_digest(after)
    assert all(getattr(state, name) is value for name, value in zip(state.__slots__, before[0], strict=True))
    assert encode(dict(state.policy.document if state.policy else {})) == before[1]


def resigned(home: Workspace, envelope: Envelope, payload: Any) -> dict[str, Any] | None:
    """The statement changed and signed again by the same person, if it still can be encoded."""
    statement = from_envelope(envelope)
    try:
        forged = Envelope(encode(payload), envelope.payload_type, ())
    except StrongroomError:
        return None
    key = home.keys[statement.person]
    return {
        "payload": encode_base64(forged.payload),
        "payloadType": forged.payload_type,
        "signatures": [{"keyid": key.key_id, "sig": encode_base64(key.sign(forged.pae()))}],
    }


def drawn(data: st.DataObject, numbers: Sequence[int]) -> tuple[CustodyState, Entry]:
    """One step, each kind of entry as likely as any other."""
    kinds = sorted({steps()[number][1].kind for number in numbers})
    kind = data.draw(st.sampled_from(kinds))
    return steps()[data.draw(st.sampled_from([n for n in numbers if steps()[n][1].kind == kind]))]


HOW = st.sampled_from(["put", "put", "put", "drop", "wrap", "double", "cut", "add", "grow"])


def test_every_kind_of_entry_is_tried() -> None:
    assert {entry.kind for _, entry in steps()} == HANDLERS.keys()


@settings(max_examples=max(700, settings().max_examples))
@given(st.data(), HOW, st.sampled_from(JUNK))
def test_i17_an_entry_with_anything_changed_is_applied_or_refused(data: st.DataObject, how: str, junk: Any) -> None:
    state, entry = drawn(data, range(len(steps())))
    doc = json.loads(entry.raw)
    part = data.draw(st.sampled_from([("body",), ("body",), ("body",), ("evidence",), ()]))
    inside = [path for path in places(doc) if path[: len(part)] == part]
    refused_or_applied(state, changed(doc, data.draw(st.sampled_from(inside)), how, junk))


@settings(max_examples=max(700, settings().max_examples))
@given(st.data(), HOW, st.sampled_from(JUNK))
def test_i17_a_statement_that_its_signer_made_odd_is_applied_or_refused(
    data: st.DataObject, how: str, junk: Any
) -> None:
    """The signers sign the odd subject, and the body repeats it: what one key's thief can offer."""
    home = lived_in()
    state, entry = drawn(data, [number for number, (_, entry) in enumerate(steps()) if entry.evidence])
    doc = json.loads(entry.raw)
    part = data.draw(st.sampled_from(["subject", "subject", "statement"]))
    payloads = [json.loads(envelope.payload) for envelope in entry.evidence]
    if part == "subject":
        path = data.draw(st.sampled_from([p for p in places(payloads[0]["subject"]) if p] or [()]))
        for number, payload in enumerate(payloads):
            if payload["subject"] == payloads[0]["subject"]:
                payload["subject"] = changed(payload["subject"], path, how, junk)
                signed = resigned(home, entry.evidence[number], payload)
                doc["evidence"][number] = signed or doc["evidence"][number]
        doc["body"] = payloads[0]["subject"] if doc["body"].keys() == payloads[0]["subject"].keys() else doc["body"]
    else:
        path = data.draw(st.sampled_from([p for p in places(payloads[0]) if p]))
        signed = resigned(home, entry.evidence[0], changed(payloads[0], path, how, junk))
        doc["evidence"][0] = signed or doc["evidence"][0]
    refused_or_applied(state, doc)


@settings(max_examples=max(300, settings().max_examples))
@given(st.data(), HOW, st.sampled_from(JUNK))
def test_i17_any_policy_loads_or_is_refused(data: st.DataObject, how: str, junk: Any) -> None:
    document = lived_in().policy
    odd = changed(document, data.draw(st.sampled_from([p for p in places(document) if p])), how, junk)
    try:
        load_policy(odd)
    except StrongroomError as error:
        assert error.code


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b'{"kind":1}', b"\xff", b"[" * 60_000, b"{" * 70_000])
def test_i17_bytes_that_are_no_entry_are_refused(raw: bytes) -> None:
    with pytest.raises(StrongroomError):
        parse_entry(raw)
