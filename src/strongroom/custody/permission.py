"""The last word before a signature: may this payload of this transfer be signed now, by this clock?"""

from __future__ import annotations

from strongroom.chains.evm.transaction import digest as payload_digest
from strongroom.custody.decision import permitted
from strongroom.custody.intents import checked
from strongroom.custody.moment import Moment
from strongroom.custody.state import CustodyState, Payload, TransferId
from strongroom.custody.stops import transfer_of
from strongroom.custody.transfers import replacement_ceiling, transfer_ended
from strongroom.errors import Refused


def may_sign(state: CustodyState, name: TransferId, digest: str, own_clock: int) -> Payload:
    """The authorized payload with this digest (hex), or Refused with the reason; `own_clock` in unix ms.

    Evaluated at the newest state, never at the authorization's index; the payload is decoded again here.
    """
    transfer = transfer_of(state, name)
    moment = Moment.at(state.time, own_clock)
    payload = next((p for p in transfer.payloads if p.digest == digest), None)
    if transfer.authorization is None or payload is None:
        raise Refused("payload.not_authorized", "the log authorizes no such payload for this transfer")
    wallet = state.wallets[transfer.intent.wallet]
    if state.anchors.get((wallet.name, transfer.authorization.nonce)) != transfer.id:
        raise Refused("anchor.in_use", "the anchor belongs to another transfer")
    ceiling = payload.fee if payload.null else max(payload.fee, replacement_ceiling(state, transfer))
    nonce = transfer.authorization.nonce
    checked(state, transfer, payload.raw, null=payload.null, nonce=nonce, fee_ceiling=ceiling)
    if payload_digest(payload.raw).hex() != digest:
        raise Refused("payload.digest", "the digest is not that of the authorized payload")
    if payload.null:
        if not transfer_ended(state, transfer, moment):
            raise Refused("payload.not_authorized", "the transfer is open again: its null replacement is not signed")
        return payload
    if payload.fee > permitted(state, transfer, moment).terms.fee_ceiling:
        raise Refused("fee.over_ceiling", "the worst-case fee is above the rule's ceiling")
    return payload
