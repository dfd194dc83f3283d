"""Entries of a transfer's life: proposed, approved, authorized, replaced, and what is noted afterwards."""

from __future__ import annotations

from typing import Any

from strongroom.chains.evm.transaction import assemble, decode
from strongroom.chains.evm.transaction import digest as payload_digest
from strongroom.custody.authority import granting, in_force, observed, proposed, single
from strongroom.custody.decision import Ready, block, owed, permitted, request_of, require, unfit, verdict
from strongroom.custody.intents import barred, checked, parse_intent, wanted
from strongroom.custody.limits import debit, usage
from strongroom.custody.moment import Moment
from strongroom.custody.record import replace
from strongroom.custody.state import Approval, Authorization, CustodyState, Intent, Payload, Phase, Transfer, TransferId
from strongroom.custody.stops import transfer_of
from strongroom.documents.canonical import digest, fields
from strongroom.documents.envelope import Envelope
from strongroom.documents.names import parse_hex, parse_label, split_asset
from strongroom.documents.request import REQUEST_TYPE, proposal_hash, read_token
from strongroom.errors import Denied as DeniedError
from strongroom.errors import InvalidInput, Refused
from strongroom.log.entry import Entry
from strongroom.policy.evaluate import Denied, exceeded


def idempotency_hash(person: str, key: str) -> bytes:
    """Under what a person's idempotency key is taken."""
    return bytes.fromhex(digest({"person": person, "idempotency": key}))


def opened_before(state: CustodyState, person: str, key: str) -> TransferId | None:
    """The transfer that a person has proposed under this idempotency key, however long ago."""
    found = state.proposals.index.get(idempotency_hash(person, key))
    return None if found is None else TransferId(found.hex())


def on_proposed(state: CustodyState, entry: Entry) -> CustodyState:
    """An initiator's signed intent opens a transfer; it consumes nothing."""
    envelope = single(entry)
    statement = proposed(state, envelope, entry.time)
    intent, name = parse_intent(statement.subject, state), TransferId(proposal_hash(envelope))
    if fields(entry.body, "transfer.proposed", {"transfer": str})["transfer"] != name:
        raise Refused("transfer.id", "the id of a transfer is the hash of its initiator's statement")
    state = _taken(state, envelope, intent)
    return opened(state, Transfer(name, statement.person, statement.key, intent, entry.time, touched=state.size))


def _taken(state: CustodyState, envelope: Envelope, intent: Intent) -> CustodyState:
    """The state with a request's nonce taken for ever, once a key; with a statement it stays as it is.

    Raises Refused jwt.replayed, and request.tier where only statements count: a request has seen no head of the log.
    """
    if envelope.payload_type != REQUEST_TYPE:
        return state
    wallet = state.wallets.get(intent.wallet)
    if wallet and not in_force(state).tiers[wallet.tier].requests:
        raise Refused("request.tier", f"from tier '{wallet.tier}' transfers are proposed by statements only")
    key, token = envelope.signatures[0]
    nonce = bytes.fromhex(digest({"key": key, "nonce": str(read_token(token)[0]["nonce"])}))
    if nonce in state.proposals.index:
        raise Refused("jwt.replayed", "a token counts once: its nonce was used before")
    return replace(state, proposals=state.proposals.add(bytes.fromhex(proposal_hash(envelope)), nonce))


def opened(state: CustodyState, transfer: Transfer) -> CustodyState:
    """The state with a transfer proposed just now, whoever has verified its statement; raises what denies it."""
    policy, intent = in_force(state), transfer.intent
    wallet, moment = state.wallets.get(intent.wallet), Moment.at(transfer.proposed)
    if transfer.initiator not in policy.members:
        raise Refused("person.unknown", f"'{transfer.initiator}' is not a member and proposes nothing")
    if wallet is None:
        raise InvalidInput("wallet.unknown", f"there is no wallet '{intent.wallet}'", "see: strongroom wallet list")
    refused = barred(state, intent, moment)
    if refused:
        raise DeniedError(refused.code, refused.reason)
    if intent.asset not in policy.assets:
        raise InvalidInput("asset.unknown", f"the policy names no asset {intent.asset}", "see: strongroom policy show")
    if split_asset(intent.asset)[0] != wallet.chain:
        raise InvalidInput("chain.differs", f"wallet '{wallet.name}', asset and destination must be on one chain")
    if not intent.message:
        wanted(intent)  # refuses a destination on another chain, too
    used = opened_before(state, transfer.initiator, intent.idempotency)
    if used is not None:
        raise Refused("intent.idempotency_used", f"transfer {used} has this idempotency key already")
    stopped = block(state, transfer, moment)
    answer = stopped or verdict(state, transfer, moment, usage(state, transfer.proposed))
    alone = exceeded(policy, request_of(state, intent, transfer.initiator, moment), lambda window: 0)
    for denied in (answer, alone):
        if isinstance(denied, Denied):
            raise DeniedError(denied.code, denied.reason)
    if not isinstance(answer, Denied) and intent.until > transfer.proposed + answer.obligations.terms.expiry * 1000:
        longest = answer.obligations.terms.expiry
        raise InvalidInput("intent.until_too_far", f"rule '{answer.obligations.rule}' lets a transfer wait {longest} s")
    return replace(
        state,
        transfers=state.transfers.set(transfer.id, transfer),
        open=state.open.set(transfer.id, None),
        proposals=state.proposals.add(
            bytes.fromhex(transfer.id), idempotency_hash(transfer.initiator, intent.idempotency)
        ),
    )


def on_approved(state: CustodyState, entry: Entry) -> CustodyState:
    """One person's approval, over the obligations that the newest policy yields."""
    statement = granting(state, single(entry), "transfer.approve", entry.time)
    if "surface" in entry.body:
        raise Refused("approval.surface_is_the_credentials", "where a key is used is said by the policy, by no entry")
    if fields(entry.body, "transfer.approved", {"transfer": str}) != statement.subject:
        raise Refused("statement.other_subject", "the approval is about another transfer")
    transfer = transfer_of(state, entry.body["transfer"])
    moment = Moment.at(entry.time)
    obligations = require(block(state, transfer, moment) or verdict(state, transfer, moment)).obligations
    if statement.obligations != obligations.digest:
        raise Refused("approval.other_obligations", "the approval was given under other obligations than hold now")
    member = in_force(state).members.get(statement.person)
    if member is None or not in_force(state).groups_of(statement.person) & obligations.groups:
        raise Refused("authority.not_an_approver", f"'{statement.person}' is in no group that approves this transfer")
    if statement.person == transfer.initiator and not obligations.terms.initiator_may_approve:
        raise Refused("approval.by_initiator", "the rule does not let the initiator approve")
    if any(a.person == statement.person and a.obligations == statement.obligations for a in transfer.approvals):
        raise Refused("approval.person_already_counted", f"'{statement.person}' has approved this transfer already")
    require(unfit(member.credentials[statement.key], obligations.terms))
    approval = Approval(statement.person, statement.key, obligations.digest, entry.time)
    return _put(state, replace(transfer, approvals=(*transfer.approvals, approval)))


def on_authorized(state: CustodyState, entry: Entry) -> CustodyState:
    """The coordinator binds a payload; the fold recomputes everything that allows it, and consumes limits."""
    transfer, raw = _payload_of(state, entry)
    wallet, moment = state.wallets[transfer.intent.wallet], Moment.at(entry.time)
    require(block(state, transfer, moment))
    if transfer.authorization is not None:
        raise Refused("intent.already_anchored", "its anchor is that of the first authorization, for ever")
    policy, used = in_force(state), usage(state, entry.time)
    loosest = max((r.allowance.fee_ceiling for r in policy.rules if r.allowance), default=0)
    try:
        fee = checked(state, transfer, raw, null=False, nonce=wallet.next_nonce, fee_ceiling=loosest)
    except Refused as error:
        if error.code == "payload.anchor_differs" and decode(raw).nonce < wallet.next_nonce:
            raise Refused("anchor.in_use", "the payload's nonce belongs to another transfer, for ever") from error
        raise
    place = int(payload_digest(raw).hex(), 16) if transfer.intent.message else wallet.next_nonce
    if (wallet.name, place) in state.anchors:
        raise Refused("anchor.in_use", "the wallet signs the same message for another intent, for ever")
    payload = Payload(payload_digest(raw).hex(), raw, fee, False, entry.time)
    transfer = replace(transfer, payloads=(payload,))
    sums: list[Any] = []

    def recording(window: Any) -> int:
        sums.append((window, used(window)))
        return int(sums[-1][1])

    ceiling = permitted(state, transfer, moment, recording).terms.fee_ceiling
    if fee > ceiling:
        raise Refused("fee.over_ceiling", f"the fee may reach {fee}, above {ceiling}")
    request = request_of(state, transfer.intent, transfer.initiator, moment, fee)
    require(exceeded(policy, request, used))
    kept = state.prices and state.prices.only(request.asset, request.native)
    anchored = Authorization(len(state.debits), entry.time, place, policy.version, tuple(sums), kept)
    state = debit(_put(state, replace(transfer, authorization=anchored, phase=Phase.AUTHORIZED)), entry.time, request)
    if place == wallet.next_nonce:
        wallet = replace(wallet, next_nonce=place + 1)
    wallets, anchors = state.wallets.set(wallet.name, wallet), state.anchors.set((wallet.name, place), transfer.id)
    return replace(state, wallets=wallets, anchors=anchors)


def on_replaced(state: CustodyState, entry: Entry) -> CustodyState:
    """A further payload on the same anchor: the same payment at a higher fee, or, once closed, none at all."""
    transfer, raw = _payload_of(state, entry)
    moment = Moment.at(entry.time)
    if transfer.authorization is None:
        raise Refused("payload.not_authorized", "only an authorized transfer is replaced")
    if transfer.intent.message:
        raise Refused("payload.not_replaceable", "a message has one payload, for ever")
    null = transfer_ended(state, transfer, moment)
    ceiling = replacement_ceiling(state, transfer)
    fee = checked(state, transfer, raw, null=null, nonce=transfer.authorization.nonce, fee_ceiling=ceiling)
    if payload_digest(raw).hex() in {p.digest for p in transfer.payloads}:
        raise Refused("payload.repeated", "this payload is authorized already")
    worst = max(p.fee for p in transfer.payloads)
    alike = max((p.fee for p in transfer.payloads if p.null is null), default=-1)
    if fee <= alike or 10 * fee < 11 * alike:  # nodes take no less, and so the payloads of an anchor stay few
        raise Refused("payload.not_dearer", f"a replacement offers a tenth more than the {alike} offered before")
    payload = Payload(payload_digest(raw).hex(), raw, fee, null, entry.time)
    changed = _put(state, replace(transfer, payloads=(*transfer.payloads, payload)))
    if not null and transfer_ended(changed, changed.transfers[transfer.id], moment):
        raise Refused("policy.denied", "with this fee the policy would no longer allow the transfer")
    if fee <= worst:
        return changed
    # Only one payload of an anchor confirms: the windows pay the difference of the worst cases.
    unpaid = replace(transfer.intent, amount=0)
    dearer = request_of(state, unpaid, transfer.initiator, moment, fee - worst, transfer.authorization.prices)
    require(exceeded(in_force(state), dearer, usage(state, entry.time)))
    return debit(changed, entry.time, dearer)


def replacement_ceiling(state: CustodyState, transfer: Transfer) -> int:
    """The fee ceiling (native base units) of a further payload: the rule's, or the first payload's once denied."""
    answer = verdict(state, transfer, Moment.at(state.time))
    first = transfer.payloads[0].fee
    return 2 * first if isinstance(answer, Denied) else max(first, answer.obligations.terms.fee_ceiling)


def transfer_ended(state: CustodyState, transfer: Transfer, moment: Moment) -> bool:
    """Whether only the null replacement may still be signed: closed, blocked, or denied by the newest policy."""
    if block(state, transfer, moment) is not None:
        return True
    answer = verdict(state, transfer, moment)
    return isinstance(answer, Denied) or not isinstance(owed(state, transfer, answer, moment), Ready)


def on_signed(state: CustodyState, entry: Entry) -> CustodyState:
    """Noted: a finished signature over one of the transfer's payloads; it must verify."""
    body = fields(entry.body, "transfer.signed", {"transfer": str, "digest": str, "signature": str, "txid": str})
    transfer = transfer_of(state, body["transfer"])
    payload = next((p for p in transfer.payloads if p.digest == body["digest"]), None)
    if payload is None:
        raise Refused("payload.not_authorized", "the signature is over a payload that was never authorized")
    address = state.wallets[transfer.intent.wallet].address
    signature = parse_hex(body["signature"], 64)  # r || s
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    signed = assemble(payload.raw, r, s, address)
    if signed.txid != body["txid"]:
        raise Refused("signature.txid", "the transaction id is not that of the signed payload")
    if transfer.phase is not Phase.AUTHORIZED:
        return state
    shown = signed.raw.hex() if transfer.intent.message else ""
    return _put(state, replace(transfer, phase=Phase.SIGNED, txid=signed.txid, signature=shown))


def on_ended(state: CustodyState, entry: Entry) -> CustodyState:
    """Noted: the coordinator's watcher saw one of the payloads final on the chain, or failed."""
    body = fields(entry.body, entry.kind, {"transfer": str, "txid": str, "block": int, "result": str})
    observed(state, entry)
    transfer = transfer_of(state, body["transfer"])
    if transfer.authorization is None:
        raise Refused("payload.not_authorized", "nothing was authorized that could have confirmed")
    done = entry.kind == "transfer.completed"
    ended = replace(transfer, phase=Phase.COMPLETED if done else Phase.FAILED, txid=body["txid"])
    if not done:
        ended = replace(ended, closed=transfer.closed or f"failed: {parse_label(body['result'])}")
    left = state.open.delete(transfer.id) if transfer.id in state.open else state.open
    return replace(_put(state, ended), open=left)


def _payload_of(state: CustodyState, entry: Entry) -> tuple[Transfer, bytes]:
    body = fields(entry.body, entry.kind, {"transfer": str, "payload": str})
    return transfer_of(state, body["transfer"]), parse_hex(body["payload"])


def _put(state: CustodyState, transfer: Transfer) -> CustodyState:
    return replace(state, transfers=state.transfers.set(transfer.id, replace(transfer, touched=state.size)))
