"""Attack 22: a service's own key asks for what no rule can allow, and the coordinator authorizes what nobody asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import rlp

from strongroom.chains.evm.transaction import digest
from strongroom.documents.statement import statement_hash
from tests.hostile.replicas import Replicas
from tests.operations import LETTER, ROUTER, approve, call, letter, with_operations
from tests.unit.signer.fleet import codes
from tests.workspace import OTHER, Workspace

SPENDER = OTHER.rpartition(":")[2]
WORDS = "00" * 320


@pytest.fixture(scope="module")
def replicas() -> Iterator[Replicas]:
    """Nodes whose policy allows some calls and messages."""
    yield Replicas(Workspace(policy=with_operations(Workspace().policy_document())).create())


def proposed(replicas: Replicas, **changes: Any) -> str:
    """The code with which everybody refuses a proposal that the service's own key has signed."""
    envelope = replicas.home.statement("exchange", "transfer.propose", replicas.home.intent(**changes))
    return replicas.refused("transfer.proposed", {"transfer": statement_hash(envelope)}, [envelope])


@pytest.mark.parametrize(
    "made",
    [
        approve(2**256 - 1),
        approve(2**255),
        {**approve(5), "data": approve(5)["data"] + "00" * 32},
        call(ROUTER, "setApprovalForAll(address,bool)", SPENDER, "true"),
        {"to": ROUTER, "value": "0", "data": "d505accf" + WORDS},
        {"to": ROUTER, "value": "0", "data": "2b67b570" + WORDS},
        {"to": ROUTER, "value": "0", "data": "87517c45" + WORDS},
    ],
    ids=["all", "beyond the bound", "words behind it", "for all tokens", "permit", "Permit2 by permit", "Permit2"],
)
def test_attack_22_an_unlimited_allowance_is_refused(replicas: Replicas, made: dict[str, str]) -> None:
    assert proposed(replicas, call=made) == "operation.allowance_unbounded"


@pytest.mark.parametrize("name", ["Permit", "PermitSingle", "PermitBatch", "PermitTransferFrom"])
def test_attack_22_a_permit_as_a_message_is_refused(replicas: Replicas, name: str) -> None:
    members = [{"name": "spender", "type": "address"}, {"name": "value", "type": "uint256"}]
    message = {
        "schema": "letter",
        "domain": LETTER["domain"],
        "primary_type": name,
        "types": {name: members},
        "fields": {"spender": SPENDER, "value": str(2**256 - 1)},
    }
    assert proposed(replicas, message=message) == "message.unknown_type"


def other_type(payload: bytes, kind: int) -> bytes:
    """An unsigned transaction of another type with the same fields and an empty list of authorizations."""
    items = rlp.decode(payload[1:])
    return bytes([kind]) + rlp.encode([*items, []])


def test_attack_22_other_types_and_bare_digests_are_refused(replicas: Replicas) -> None:
    """EIP-7702 and blob transactions, an authorization by itself, `eth_sign` of 32 bytes, a personal message."""
    home = replicas.home
    payment = replicas.add(home.propose, amount="1000")
    message = replicas.add(home.propose, message=letter())
    honest = home.payload(payment)
    for name in (payment, message):
        for raw, code in (
            (digest(honest), "payload.raw_digest"),
            (digest(home.payload(message)), "payload.raw_digest"),
            (other_type(honest, 4), "payload.tx_type"),
            (other_type(honest, 3), "payload.tx_type"),
            (b"\x05" + rlp.encode([31337, bytes.fromhex(SPENDER[2:]), 0]), "payload.tx_type"),
            (b"\x19Ethereum Signed Message:\n32" + bytes(32), "payload.tx_type"),
        ):
            assert replicas.refused("transfer.authorized", {"transfer": name, "payload": raw.hex()}) == code
    crossed = {payment: home.payload(message), message: honest}
    for name, raw in crossed.items():
        body = {"transfer": name, "payload": raw.hex()}
        assert replicas.refused("transfer.authorized", body) == "payload.tx_type"


def test_attack_22_a_signer_signs_no_digest_that_the_log_does_not_authorize(replicas: Replicas) -> None:
    """Whatever 32 bytes the coordinator asks for; what was authorized it signs, and the same again alike."""
    home = replicas.home
    name = replicas.add(home.propose, message=letter(text="Only these words."))
    other = replicas.add(home.propose, message=letter(text="Other words."))
    replicas.add(home.authorize, name)
    with replicas.unharmed():
        for bare in (digest(home.payload(other)).hex(), "66" * 32):
            assert codes(replicas.sign(name, bare)) == ["payload.not_authorized"] * 2
    asked = home.state.transfers[name].payloads[0].digest
    signed = [frame for frame in replicas.sign(name, asked) if frame.kind == "signed"]
    assert {frame.head["digest"] for frame in signed} == {asked}
