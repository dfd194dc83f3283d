"""Stage sign: t signers verify everything again and sign the authorized payload; the result is checked and kept."""

from __future__ import annotations

from typing import Final

from strongroom.chains.evm.transaction import SignedTransaction, assemble
from strongroom.coordinator.desk import Desk
from strongroom.coordinator.timeline import Wait
from strongroom.custody.state import Payload, Phase, ThresholdKey, Transfer
from strongroom.errors import Refused, Unreachable
from strongroom.store.records import Signed

RETRY_SECONDS: Final = (0.0, 0.3, 1.0, 2.0, 5.0)
COSIGNING: Final = "log.cosigning"


async def step(desk: Desk, transfer: Transfer, payload: Payload) -> Wait | None:
    """Have the payload signed, once the witnesses have cosigned its authorization."""
    if payload.digest in desk.records.signed:
        return None
    wallet = desk.wallet_of(transfer)
    key = desk.state.keys[wallet.key]
    seen = desk.cosigned.transfers.get(transfer.id)
    if seen is None or payload.digest not in {p.digest for p in seen.payloads}:
        if desk.quorum_missing(key):
            return Wait("quorum.unreachable", desk.quorums(key), 5.0)
        return Wait(COSIGNING, "the witnesses' cosignatures", 5.0)
    if desk.cosigned.keys[key.name].epoch != key.epoch:
        return Wait(COSIGNING, f"the witnesses' cosignatures of the refreshed key '{key.name}'", 5.0)
    participants = desk.sessions.choose(key, desk.available(key), desk.state.bars, desk.cosigned.size)
    if participants is None and desk.sessions.busy and not desk.quorum_missing(key):
        return Wait("session.too_many", "the signers' other sessions", 0.1)
    if participants is None or desk.witnesses()[0] < desk.witnesses()[1]:
        return Wait("quorum.unreachable", desk.quorums(key), 5.0)

    made: dict[bytes, SignedTransaction] = {}

    def check(signature: bytes) -> None:
        made[signature] = finish(payload, signature, wallet.address)

    head = {"transfer": transfer.id, "digest": payload.digest, "note": desk.sequencer.history.note}
    try:
        signature = await desk.sessions.run("sign", transfer.id, payload.digest, participants, head, check)
    except (Refused, Unreachable) as error:
        return _again(desk, key, error)
    signed = made[signature]
    row = Signed(payload.digest, transfer.id, signature, signed.raw, signed.txid, desk.clock())
    await desk.records.put_signed(row)
    desk.timeline.event(transfer.id, "signed", f"by {' and '.join(participants)}")
    return None


def _again(desk: Desk, key: ThresholdKey, error: Refused | Unreachable) -> Wait:
    """At once with a set that has not failed; otherwise after a growing pause."""
    chosen = desk.sessions.choose(key, desk.available(key), desk.state.bars, desk.cosigned.size)
    others = chosen or key.participants
    failures = max(desk.sessions.failed[name] for name in others)
    return Wait.of(error, RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])


def finish(payload: Payload, signature: bytes, address: str) -> SignedTransaction:
    """The signed transaction; raises Refused unless it is this payload, signed low-S by the wallet's key."""
    if len(signature) != 64:
        raise Refused("signature.invalid", "an ECDSA signature here is r || s, 64 bytes")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    return assemble(payload.raw, r, s, address)


def log_signed(desk: Desk, transfer: Transfer, payload: Payload) -> None:
    """Note the signature in the log, lazily, once for each payload and only the first as the transfer's phase."""
    row = desk.records.signed[payload.digest]
    if transfer.phase is not Phase.AUTHORIZED:
        return
    body = {
        "transfer": transfer.id,
        "digest": row.digest,
        "signature": row.signature.hex(),
        "txid": row.txid,
    }
    desk.sequencer.submit("transfer.signed", body, lazy=True)
