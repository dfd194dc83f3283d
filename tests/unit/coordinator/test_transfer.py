"""A transfer's way from a statement to a completed entry, and everything that can come in between."""

from __future__ import annotations

from dataclasses import replace as changed
from typing import Any

import pytest

from strongroom.chains.evm.transaction import decode
from strongroom.coordinator import reconcile
from strongroom.custody.decision import Ready, standing
from strongroom.custody.moment import Moment
from strongroom.custody.state import Phase, Transfer, TransferId
from strongroom.documents.statement import statement_hash
from strongroom.errors import Denied, InvalidInput, Refused, StrongroomError
from tests.unit.coordinator.doubles import Coordinator
from tests.workspace import HOUR, TOKEN, WEI


async def ready(made: Coordinator, *names: str) -> None:
    await made.start(*names)
    await made.until(lambda: made.house.desk.cosigned.size == made.house.desk.state.size)


async def propose(made: Coordinator, by: str = "exchange", **changes: Any) -> TransferId:
    desk = made.desk
    until = made.now + HOUR
    envelope = desk.statement(by, "transfer.propose", desk.intent(**{"until": until, **changes}))
    done = await made.house.service.submit(envelope)
    assert done.transfer
    return TransferId(done.transfer)


def transfer(made: Coordinator, name: TransferId) -> Transfer:
    return made.house.desk.state.transfers[name]


async def ended(made: Coordinator, name: TransferId, phase: Phase) -> None:
    """Mine until the transfer has ended."""
    if made.chain.auto:
        await made.until(lambda: made.chain.sent)
        made.chain.mine()
        made.house.desk.chains[transfer_chain(made)].hurry()
    await made.until(lambda: made.house.service.cosigned.transfers[name].phase is phase)


def transfer_chain(made: Coordinator) -> Any:
    return next(iter(made.house.desk.chains))


async def test_a_transfer_is_proposed_authorized_signed_sent_and_completed(coordinator: Coordinator) -> None:
    """One statement in; the payload reaches the chain once, and the log says so."""
    await ready(coordinator)
    name = await propose(coordinator)
    await ended(coordinator, name, Phase.COMPLETED)
    assert len(set(coordinator.chain.sent)) == 1
    activity = coordinator.house.service.activity(name)
    stages = [event.stage for event in activity.events]
    assert stages == ["proposed", "authorized", "signed", "broadcast", "completed"]
    assert activity.txids == (coordinator.chain.sent[0],) and not activity.refusals and not activity.awaiting
    assert name not in coordinator.house.desk.state.open


async def test_proposal_and_authorization_take_one_round(coordinator: Coordinator) -> None:
    """Both entries travel in one append: nothing between the call and the signers waits for a second round."""
    await ready(coordinator)
    await propose(coordinator)
    await propose(coordinator, idempotency="second")  # the first has asked the node for what was not known
    seen = coordinator.nodes["guardian-1"].seen
    await coordinator.until(lambda: len(coordinator.chain.sent) >= 2)
    kinds = [raw.count(b'"kind":"transfer.') for raw in (f.body for f in seen if f.kind == "append")]
    assert max(kinds) >= 2


async def test_many_transfers_in_flight_keep_their_nonces(coordinator: Coordinator) -> None:
    """Thirty at once: each nonce once, each paid once."""
    import asyncio

    await ready(coordinator)
    names = await asyncio.gather(*(propose(coordinator, idempotency=str(n), amount="1000") for n in range(30)))
    await coordinator.until(lambda: len(coordinator.chain.sent) >= 30)
    nonces = {transfer(coordinator, name).authorization.nonce for name in names}  # type: ignore[union-attr]
    assert nonces == set(range(30)) and len(set(coordinator.chain.sent)) == 30


async def test_the_same_intent_again_is_the_same_transfer(coordinator: Coordinator) -> None:
    """The same statement, or another with the same key and intent; another intent under the key is a conflict."""
    await ready(coordinator)
    desk = coordinator.desk
    intent = desk.intent(until=coordinator.now + HOUR)
    first = desk.statement("exchange", "transfer.propose", intent)
    second = desk.statement("exchange", "transfer.propose", intent, not_after=desk.time + 2 * HOUR)
    name = (await coordinator.house.service.submit(first)).transfer
    size = coordinator.house.desk.state.size
    assert statement_hash(first) != statement_hash(second)
    assert (await coordinator.house.service.submit(first)).transfer == name
    again = await coordinator.house.service.submit(second)
    assert again.transfer == name and again.entry is None
    other = desk.statement("exchange", "transfer.propose", {**intent, "amount": "7"})
    with pytest.raises(Refused, match=r"intent\.idempotency_conflict"):
        await coordinator.house.service.submit(other)
    kinds = [raw.count(b'"kind":"transfer.proposed"') for raw in coordinator.house.service.entries(size - 2, 50)]
    assert sum(kinds) <= 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": "1.5"}, "amount.syntax"),
        ({"amount": str(2 * WEI)}, "policy.no_rule"),
        ({"amount": str(10**40)}, "policy.no_rule"),
        ({"amount": "0"}, "amount.zero"),
        ({"asset": "eip155:31337/erc20:0x" + "99" * 20}, "asset.unknown"),
        ({"wallet": "nowhere"}, "wallet.unknown"),
        ({"to": "eip155:1:0x" + "11" * 20}, "chain.differs"),
        ({"asset": TOKEN, "amount": "1000001"}, "balance.insufficient"),
    ],
)
async def test_bad_input_appends_nothing_and_asks_no_signer(
    coordinator: Coordinator, changes: dict[str, Any], code: str
) -> None:
    """A stable code, and neither log nor signers have noticed."""
    coordinator.chain.token = 10**6
    await ready(coordinator)
    size = coordinator.house.desk.state.size
    with pytest.raises(StrongroomError) as caught:
        await propose(coordinator, **changes)
    assert caught.value.code == code and isinstance(caught.value, InvalidInput | Denied | Refused)
    assert coordinator.house.desk.state.size == size and not coordinator.chain.sent
    assert not any(frame.kind == "sign" for node in coordinator.nodes.values() for frame in node.seen)


async def test_what_is_under_way_counts_against_the_balance(coordinator: Coordinator) -> None:
    """Three times two thirds do not fit, also while none of them is on the chain yet."""
    coordinator.chain.balance, coordinator.chain.auto = WEI, False
    await ready(coordinator)
    await propose(coordinator, amount=str(2 * WEI // 3), idempotency="a")
    with pytest.raises(Refused, match=r"balance\.insufficient"):
        await propose(coordinator, amount=str(2 * WEI // 3), idempotency="b")
    await coordinator.until(lambda: coordinator.chain.sent)


async def test_a_wallet_that_was_filled_since_the_last_look_pays_at_once(coordinator: Coordinator) -> None:
    """Nobody is told that a wallet is empty from what was read before the deposit."""
    coordinator.chain.balance = WEI // 10
    await ready(coordinator)
    with pytest.raises(Refused, match=r"balance\.insufficient"):
        await propose(coordinator, amount=str(WEI // 2), idempotency="a")
    coordinator.chain.balance = WEI
    await propose(coordinator, amount=str(WEI // 2), idempotency="b")
    await coordinator.until(lambda: coordinator.chain.sent)


async def test_approvals_come_first(coordinator: Coordinator) -> None:
    """Two of the treasury approve; what is awaited is said in words, with a code."""
    await ready(coordinator)
    name = await propose(coordinator, by="alice", amount=str(3 * WEI))
    await coordinator.until(lambda: coordinator.house.service.activity(name).awaiting_code == "approvals.missing")
    assert "2 of treasury" in coordinator.house.service.activity(name).awaiting
    state = coordinator.house.desk.state
    for person in ("bob", "carol"):
        state = coordinator.house.desk.state
        answer = standing(state, state.transfers[name], Moment.at(coordinator.now))
        assert not isinstance(answer, Ready)
        from strongroom.custody.decision import verdict
        from strongroom.policy.evaluate import Allowed

        allowed = verdict(state, state.transfers[name], Moment.at(coordinator.now))
        assert isinstance(allowed, Allowed)
        envelope = coordinator.desk.statement(
            person, "transfer.approve", {"transfer": name}, obligations=allowed.obligations.digest
        )
        await coordinator.house.service.submit(envelope)
    await ended(coordinator, name, Phase.COMPLETED)


async def test_too_few_signers_are_named_and_the_transfer_waits(coordinator: Coordinator) -> None:
    """`quorum 1 of 2, witnesses 2 of 3`; when one comes back it goes on by itself."""
    await ready(coordinator)
    coordinator.wires.part("signer-1")
    coordinator.wires.part("signer-2")
    name = await propose(coordinator)
    await coordinator.until(lambda: coordinator.house.service.activity(name).awaiting_code == "quorum.unreachable")
    assert coordinator.house.service.activity(name).awaiting == "quorum 1 of 2, witnesses 2 of 3"
    health = coordinator.house.service.health()
    assert (health.witnesses_have, health.witnesses_need, health.quorums) == (2, 3, {"hot-ecdsa": (1, 2)})
    assert any("signer-1 is not connected" in finding for finding in health.findings)
    coordinator.wires.join(coordinator.nodes["signer-2"])
    await ended(coordinator, name, Phase.COMPLETED)


async def test_another_pair_signs_when_one_signer_refuses(coordinator: Coordinator) -> None:
    """The refusal is on the timeline, with the signer's name and code."""
    await ready(coordinator)
    coordinator.nodes["signer-1"].refuses["sign"] = Refused("share.restored", "its disk is old")
    names = [await propose(coordinator, idempotency=str(n)) for n in range(3)]
    await coordinator.until(lambda: len(coordinator.chain.sent) >= 3)
    refusals = [r for name in names for r in coordinator.house.service.activity(name).refusals]
    assert ("signer-1", "sign", "share.restored") in {(r.by, r.what, r.code) for r in refusals}


async def test_a_wrong_signature_is_not_sent(coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch) -> None:
    """What signers return is verified against the wallet's address before anything else happens to it."""
    await ready(coordinator)
    honest = coordinator.desk.sign
    lies = {"left": 2}

    def lying(digest: bytes) -> bytes:
        if lies["left"]:
            lies["left"] -= 1
            for node in coordinator.nodes.values():
                node.signatures.clear()
            return honest(b"\x01" * 32)
        return honest(digest)

    monkeypatch.setattr(coordinator.desk, "sign", lying)
    name = await propose(coordinator)
    for _ in range(3):
        for node in coordinator.nodes.values():
            node.signatures.clear()
    await coordinator.until(lambda: not lies["left"] or coordinator.chain.sent)
    for node in coordinator.nodes.values():
        node.signatures.clear()
    await coordinator.until(lambda: coordinator.chain.sent)
    refusals = coordinator.house.service.activity(name).refusals
    assert {"signature.wrong_key"} == {r.code for r in refusals}


@pytest.mark.parametrize("stage", ["plan", "sign", "broadcast", "confirm"])
async def test_a_crash_before_any_stage_sends_once(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """The process dies just before the stage; the next one completes the same transfer with the same transaction."""
    await ready(coordinator)
    module = getattr(reconcile, stage)
    reached: list[str] = []

    async def die(*args: Any) -> Any:
        import asyncio

        reached.append(stage)
        await asyncio.sleep(3600)

    if stage == "plan":
        coordinator.chain.down = True
    with monkeypatch.context() as patch:
        patch.setattr(module, "step", die)
        name = await propose(coordinator)
        await coordinator.until(lambda: reached)
        await coordinator.crash()
    coordinator.chain.down = False
    await coordinator.start()
    await ended(coordinator, name, Phase.COMPLETED)
    assert len(set(coordinator.chain.sent)) == 1
    assert coordinator.chain.nonce == 1


async def test_a_crash_between_sending_and_noting_sends_the_same_again(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain has it, the store does not know: sending the same bytes again does no harm."""
    await ready(coordinator)
    monkeypatch.setattr(coordinator.house.desk.records, "put_broadcast", lambda row: None)
    name = await propose(coordinator)
    await coordinator.until(lambda: coordinator.chain.sent)
    await coordinator.crash()
    await coordinator.start()
    await ended(coordinator, name, Phase.COMPLETED)
    assert len(set(coordinator.chain.sent)) == 1 and coordinator.chain.nonce == 1


async def test_an_unreachable_chain_is_waited_for(coordinator: Coordinator) -> None:
    """The proposal is taken; the plan waits for the node and then goes on."""
    coordinator.chain.down = True
    await ready(coordinator)
    name = await propose(coordinator)
    await coordinator.until(lambda: coordinator.house.service.activity(name).awaiting_code == "node.unreachable")
    assert not coordinator.house.service.health().chains[0].reachable
    coordinator.chain.down = False
    await ended(coordinator, name, Phase.COMPLETED)


async def test_an_authorization_that_the_witnesses_hold_already_delays_nothing(coordinator: Coordinator) -> None:
    """Its entries come back in a tail that is adopted: sequencing them again is refused, and the transfer goes on."""
    await ready(coordinator)
    for node in coordinator.nodes.values():
        node.silent.add("append")
    name = await propose(coordinator)
    other, history = coordinator.desk.clone(), coordinator.house.desk.sequencer.history
    await coordinator.until(lambda: transfer(coordinator, name).payloads)
    other.time += 1
    for entry in history.tail(history.cosigned.size, history.state.size):
        other.add(entry.kind, entry.body, entry.evidence)
    for node in coordinator.nodes.values():
        node.hold([entry.raw for entry in other.entries])
        node.silent.clear()
    for peer in coordinator.house.desk.peers:
        coordinator.house.desk.sequencer.ask_head(peer)
    await ended(coordinator, name, Phase.COMPLETED)
    assert len(set(coordinator.chain.sent)) == 1


async def test_a_cancelled_transfer_spends_its_nonce_on_nothing(coordinator: Coordinator) -> None:
    """Authorized and not signed: the null replacement returns the anchor, and the intent has failed."""
    await ready(coordinator)
    for node in coordinator.nodes.values():
        node.silent.add("sign")
    name = await propose(coordinator)
    await coordinator.until(lambda: any(f.kind == "sign" for f in coordinator.nodes["signer-1"].seen))
    stop = coordinator.desk.statement("exchange", "transfer.cancel", {"transfer": name}, bare=True)
    await coordinator.house.service.submit(stop)
    await coordinator.until(lambda: any(f.kind == "stop" for f in coordinator.nodes["guardian-1"].seen))
    for node in coordinator.nodes.values():
        node.silent.clear()
    coordinator.house.desk.sessions.lost("signer-1")
    coordinator.house.desk.sessions.lost("signer-2")
    await ended(coordinator, name, Phase.FAILED)
    null = [p for p in transfer(coordinator, name).payloads if p.null]
    assert len(null) == 1 and decode(null[0].raw).value == 0
    assert coordinator.chain.nonce == 1


async def test_a_stuck_payment_is_paid_for_better(coordinator: Coordinator) -> None:
    """Not mined, and the network asks more: a dearer payload of the same payment, on the same nonce."""
    coordinator.chain.auto = False
    await ready(coordinator)
    name = await propose(coordinator)
    await coordinator.until(lambda: coordinator.chain.sent)
    coordinator.chain.base_fee *= 20
    coordinator.now += 10_000
    coordinator.chain.number += 1
    await coordinator.until(lambda: len(transfer(coordinator, name).payloads) == 2)
    first, second = (decode(p.raw) for p in transfer(coordinator, name).payloads)
    assert changed(second, max_fee=first.max_fee, max_priority_fee=first.max_priority_fee) == first
    assert second.max_fee >= coordinator.chain.base_fee
    await coordinator.until(lambda: len(set(coordinator.chain.sent)) == 2)


async def test_a_reorganization_is_followed(coordinator: Coordinator) -> None:
    """A receipt that vanishes before its depth is awaited again; the transaction is sent again."""
    await ready(coordinator)
    name = await propose(coordinator)
    await coordinator.until(lambda: coordinator.house.service.activity(name).confirmations == 1)
    coordinator.chain.mined.clear()
    coordinator.chain.nonce = 0
    coordinator.chain.number += 1
    await coordinator.until(lambda: coordinator.house.service.activity(name).awaiting_code == "chain.pending")
    sent = len(coordinator.chain.sent)
    coordinator.now += 40_000
    coordinator.house.reconciler.wake(name)
    await coordinator.until(lambda: len(coordinator.chain.sent) > sent)
    coordinator.chain.mine()
    await coordinator.until(lambda: coordinator.house.service.cosigned.transfers[name].phase is Phase.COMPLETED)
    assert len(set(coordinator.chain.sent)) == 1


async def test_a_reverted_transaction_has_failed(coordinator: Coordinator) -> None:
    """Mined without effect: the intent ends, and the log says why."""
    coordinator.chain.auto = False
    await ready(coordinator)
    name = await propose(coordinator)
    await coordinator.until(lambda: coordinator.chain.sent)
    coordinator.chain.mine(ok=False)
    coordinator.chain.mine()
    await coordinator.until(lambda: coordinator.house.service.cosigned.transfers[name].phase is Phase.FAILED)
    assert "reverted" in transfer(coordinator, name).closed


async def test_a_payload_that_was_sent_under_another_id_is_found_by_its_nonce(coordinator: Coordinator) -> None:
    """Signed twice, the other copy was mined: watchers follow (account, nonce), not transaction ids."""
    coordinator.chain.auto = False
    await ready(coordinator)
    name = await propose(coordinator)
    await coordinator.until(lambda: coordinator.chain.sent)
    chain, tx = coordinator.chain, decode(transfer(coordinator, name).payloads[0].raw)
    other = "0x" + "ab" * 32
    chain.pool.clear()
    chain.mined[other] = (11, True)
    chain.nonce, chain.number = 1, 12
    sender = coordinator.house.desk.wallet_of(transfer(coordinator, name)).address
    item = {"hash": other, "from": sender, "nonce": "0x0", "to": tx.to, "value": hex(tx.value), "input": "0x"}
    # the double answers every height with the newest nonce, so the search ends at the first block
    chain.blocks[0] = [{**item, "blockNumber": "0xb", "blockHash": "0x" + "00" * 32}]
    await coordinator.until(lambda: coordinator.house.service.cosigned.transfers[name].phase is Phase.COMPLETED)
    assert transfer(coordinator, name).txid == other
