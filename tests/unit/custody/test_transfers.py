"""A transfer's life in the fold: obligations, anchors, payloads, limits, and what is only noted."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.custody.decision import Awaiting, Ready, standing, verdict
from strongroom.custody.moment import Moment
from strongroom.custody.permission import may_sign
from strongroom.custody.state import Phase, TransferId
from strongroom.documents.statement import statement_hash
from strongroom.errors import Denied, InvalidInput, Refused, StrongroomError
from strongroom.policy.evaluate import Allowed
from tests.workspace import CHAIN, ETH, OTHER, PAYEE, TOKEN, WEI, Workspace


@pytest.fixture
def home() -> Workspace:
    return Workspace().ready()


def code_of(action: Any, *arguments: Any, **changes: Any) -> str:
    with pytest.raises(StrongroomError) as caught:
        action(*arguments, **changes)
    return caught.value.code


def obligations(home: Workspace, transfer: str) -> str:
    answer = verdict(home.state, home.state.transfers[TransferId(transfer)], Moment.at(home.time))
    assert isinstance(answer, Allowed)
    return answer.obligations.digest


def test_a_small_transfer_of_the_service_owes_nothing(home: Workspace) -> None:
    name = home.propose()
    assert isinstance(standing(home.state, home.state.transfers[name], Moment.at(home.time)), Ready)
    home.authorize(name)
    assert home.state.transfers[name].phase is Phase.AUTHORIZED
    assert home.state.wallets["hot-eth"].next_nonce == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": "0"}, "amount.zero"),
        ({"amount": "1.5"}, "amount.syntax"),
        ({"amount": "1_000"}, "amount.syntax"),
        ({"amount": str(2**256)}, "amount.too_large"),
        ({"wallet": "nowhere"}, "wallet.unknown"),
        ({"asset": f"{CHAIN}/erc20:0x{'99' * 20}"}, "asset.unknown"),
        ({"asset": "eip155:1/slip44:60"}, "asset.unknown"),
        ({"to": "eip155:1:0x70997970c51812dc3a010c7d01b50e0d17dc79c8"}, "chain.differs"),
        ({"to": f"{CHAIN}:0x{'00' * 20}"}, "address.zero"),
        ({"idempotency": ""}, "intent.idempotency"),
        ({"why": "a\u202eb"}, "label.control"),
        ({"until": 1}, "intent.expired"),
    ],
)
def test_a_bad_intent_is_refused_and_nothing_is_appended(home: Workspace, changes: dict[str, Any], code: str) -> None:
    size = home.state.size
    assert code_of(home.propose, **changes) == code
    assert home.state.size == size


def test_default_deny_and_limits_answer_at_once(home: Workspace) -> None:
    with pytest.raises(Denied, match=r"policy\.no_rule"):
        home.propose(amount=str(2 * WEI))
    with pytest.raises(Denied, match=r"policy\.no_rule"):
        home.propose(by="alice", amount=str(11 * WEI))
    with pytest.raises(InvalidInput, match=r"intent\.until_too_far"):
        home.propose(until=home.time + 86_400_001)


def test_approvals_are_counted_once_a_person_and_never_the_initiators(home: Workspace) -> None:
    name = home.propose(by="alice", amount=str(5 * WEI))
    owed = obligations(home, name)
    assert code_of(home.authorize, name) == "approvals.missing"
    assert code_of(home.approve, name, "alice", owed) == "approval.by_initiator"
    assert code_of(home.approve, name, "exchange", owed) == "authority.not_an_approver"
    assert code_of(home.approve, name, "bob", "00" * 32) == "approval.other_obligations"
    home.approve(name, "bob", owed)
    assert code_of(home.approve, name, "bob", owed) == "approval.person_already_counted"
    assert code_of(home.authorize, name) == "approvals.missing"
    home.approve(name, "carol", owed)
    home.authorize(name)


def test_i3_an_approval_by_a_person_later_suspended_does_not_count(home: Workspace) -> None:
    name = home.propose(by="alice", amount=str(5 * WEI))
    for person in ("bob", "carol"):
        home.approve(name, person, obligations(home, name))
    home.stopped("person.suspended", "person.suspend", {"person": "carol"}, ["alice"])
    assert code_of(home.authorize, name) == "approvals.missing"


def test_a_delay_runs_from_the_last_approval_in_log_time(home: Workspace) -> None:
    vendor = f"{CHAIN}:0x{'ab' * 20}"
    home.granted("address.listed", "address.list", {"account": vendor, "group": "vendors", "label": "v"}, ["bob"])
    asked = {"by": "alice", "asset": TOKEN, "to": vendor, "amount": "5000000000"}
    assert code_of(home.propose, **asked) == "policy.no_rule"  # the listing is too young
    home.time += 60_000
    name = home.propose(**asked)
    for person in ("bob", "carol"):
        home.approve(name, person, obligations(home, name))
    waiting = standing(home.state, home.state.transfers[name], Moment.at(home.time))
    assert isinstance(waiting, Awaiting)
    assert not waiting.approvals
    assert code_of(home.authorize, name) == "delay.not_elapsed"
    home.time += 600_000
    home.authorize(name)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": OTHER.rsplit(":", 1)[1]}, "payload.recipients_differ"),
        ({"value": WEI}, "payload.amount_differs"),
        ({"data": b"\x01"}, "payload.data_differs"),
        ({"chain_id": 1}, "payload.chain_differs"),
        ({"nonce": 7}, "payload.anchor_differs"),
        ({"gas": 30_000_000}, "fee.over_ceiling"),
        ({"max_fee": 10**15}, "fee.over_ceiling"),
    ],
)
def test_i13_a_payload_does_what_the_intent_says_and_nothing_else(
    home: Workspace, changes: dict[str, Any], code: str
) -> None:
    name = home.propose()
    assert code_of(home.authorize, name, **changes) == code
    home.authorize(name)


def test_i13_a_token_payload_pays_the_intents_recipient(home: Workspace) -> None:
    name = home.propose(asset=TOKEN, amount="250000")
    honest = home.payload(name)
    other = bytes.fromhex(OTHER.rsplit("0x", 1)[1])
    payee = bytes.fromhex(home.state.transfers[name].intent.to.rsplit("0x", 1)[1])
    assert code_of(home.authorize, name, honest.replace(payee, other)) == "payload.recipients_differ"
    home.authorize(name)


def test_i4_i5_an_intent_is_anchored_once_and_an_anchor_serves_one_intent(home: Workspace) -> None:
    first, second = home.propose(), home.propose()
    home.authorize(first)
    assert code_of(home.authorize, first) == "intent.already_anchored"
    assert code_of(home.authorize, second, nonce=0) == "anchor.in_use"
    assert code_of(home.authorize, second, nonce=2) == "payload.anchor_differs"
    home.authorize(second)
    nonces = [home.state.transfers[name].authorization for name in (first, second)]
    assert [a.nonce for a in nonces if a] == [0, 1]


def note(home: Workspace, kind: str, name: str) -> None:
    body = {"transfer": name, "txid": "0x" + "00" * 32, "block": 1, "result": "reverted"}
    home.add(kind, body, [home.statement("coordinator", "transfer.observe", body)])


def test_attack_13_a_reported_failure_reopens_nothing_and_refunds_nothing(home: Workspace) -> None:
    name = home.propose()
    home.authorize(name)
    windows = home.state.windows
    note(home, "transfer.failed", name)
    assert home.state.windows == windows
    assert code_of(home.authorize, name) == "intent.closed"
    assert code_of(home.propose, idempotency=home.state.transfers[name].intent.idempotency) == "intent.idempotency_used"


def test_only_the_coordinators_own_key_notes_observations(home: Workspace) -> None:
    name = home.propose()
    home.authorize(name)
    body = {"transfer": name, "txid": "0x" + "00" * 32, "block": 1, "result": "ok"}
    assert code_of(home.add, "transfer.completed", body, [home.statement("alice", "transfer.observe", body)]) == (
        "statement.unknown_key"
    )


def test_a_noted_signature_must_verify(home: Workspace) -> None:
    name = home.propose()
    home.authorize(name)
    payload = home.state.transfers[name].payloads[0]
    body = {"transfer": name, "digest": payload.digest, "signature": "11" * 64, "txid": "0x" + "00" * 32}
    assert code_of(home.add, "transfer.signed", body) in ("signature.wrong_key", "payload.high_s")
    signature = home.sign(bytes.fromhex(payload.digest))
    assert code_of(home.add, "transfer.signed", {**body, "signature": signature.hex()}) == "signature.txid"


def test_i4_a_replacement_pays_the_same_on_the_same_anchor(home: Workspace) -> None:
    name = home.propose()
    home.authorize(name)
    replace = lambda **c: home.add("transfer.replaced", {"transfer": name, "payload": home.payload(name, **c).hex()})  # noqa: E731
    assert code_of(replace) == "payload.repeated"
    dearer = {"max_fee": 4 * 10**9}
    for change, code in (
        ({"to": OTHER.rsplit(":", 1)[1]}, "payload.recipients_differ"),
        ({"value": 1}, "payload.amount_differs"),
        ({"nonce": 1}, "payload.anchor_differs"),
        ({"max_fee": 10**13}, "fee.over_ceiling"),
    ):
        assert code_of(replace, **{**dearer, **change}) == code
    replace(**dearer)
    assert [p.null for p in home.state.transfers[name].payloads] == [False, False]


def test_a_closed_authorized_transfer_leaves_the_null_replacement_only(home: Workspace) -> None:
    name = home.propose()
    home.authorize(name)
    own = home.state.wallets["hot-eth"].address
    null = home.payload(name, to=own, value=0, max_fee=4 * 10**9)
    add = lambda raw: home.add("transfer.replaced", {"transfer": name, "payload": raw.hex()})  # noqa: E731
    assert code_of(add, null) == "payload.recipients_differ"
    home.stopped("transfer.cancelled", "transfer.cancel", {"transfer": name}, ["exchange"])
    assert code_of(add, home.payload(name, max_fee=4 * 10**9)) == "payload.recipients_differ"
    assert code_of(add, home.payload(name, to=own, value=1)) == "payload.amount_differs"
    add(null)
    assert home.state.transfers[name].payloads[-1].null


def test_i6_limits_count_worst_case_fees_and_are_consumed_at_authorization(home: Workspace) -> None:
    names = [home.propose(amount=str(WEI)) for _ in range(21)]
    for name in names[:19]:
        home.authorize(name)
    # 19 ETH and fees: one more whole ETH passes the rule's 20 ETH a day with its fee, and no other rule matches
    assert code_of(home.authorize, names[19]) == "policy.no_rule"
    home.time += 2 * 86_400_000
    assert code_of(home.authorize, names[20]) == "intent.expired"


def test_attack_19_the_fee_window_bounds_what_a_miner_can_be_given() -> None:
    home = Workspace()
    home.policy["chains"][CHAIN]["fee_window"]["max"] = str(5 * 21000 * 3 * 10**9)
    home.ready()
    names = [home.propose(amount="1") for _ in range(6)]
    for name in names[:5]:
        home.authorize(name)
    assert code_of(home.authorize, names[5]) == "fee.window_exceeded"


def test_i6_the_workspace_limit_holds_across_rules(home: Workspace) -> None:
    fresh = Workspace()
    fresh.policy["limits"] = [{"name": "tight", "asset": ETH, "seconds": 60, "per": "asset", "max": str(WEI)}]
    fresh.ready()
    assert code_of(fresh.propose, by="alice", amount=str(2 * WEI)) == "limit.exceeded"
    first, second = fresh.propose(), fresh.propose()
    fresh.authorize(first)
    assert code_of(fresh.authorize, second) == "limit.exceeded"
    fresh.time += 62_000
    fresh.authorize(second)


def test_a_rejection_closes_the_intent(home: Workspace) -> None:
    name = home.propose(by="alice", amount=str(5 * WEI))
    with pytest.raises(Refused, match=r"authority\.not_an_approver"):
        home.stopped("transfer.rejected", "transfer.reject", {"transfer": name}, ["exchange"])
    home.stopped("transfer.rejected", "transfer.reject", {"transfer": name}, ["bob"])
    assert code_of(home.authorize, name) == "intent.closed"
    assert name not in home.state.open


@pytest.mark.parametrize("kind", ["transfer.completed", "transfer.failed"])
def test_i7_a_noted_end_leaves_the_null_replacement(home: Workspace, kind: str) -> None:
    name = home.propose()
    home.authorize(name)
    note(home, kind, name)
    home.stopped("wallet.closed", "wallet.close", {"wallet": "hot-eth"}, ["carol"])
    null = home.payload(name, to=home.state.wallets["hot-eth"].address, value=0, max_fee=4 * 10**9)
    home.add("transfer.replaced", {"transfer": name, "payload": null.hex()})
    assert may_sign(home.state, name, home.state.transfers[name].payloads[-1].digest, home.time).null


def test_i17_a_signature_in_odd_hex_is_refused(home: Workspace) -> None:
    name = home.propose()
    home.authorize(name)
    digest = home.state.transfers[name].payloads[0].digest
    for text in ("0", "zz", " 11" * 64, "AB" * 64, "11" * 63, ""):
        body = {"transfer": name, "digest": digest, "signature": text, "txid": ""}
        assert code_of(home.add, "transfer.signed", body) == "hex.syntax"


def test_i17_the_payloads_of_an_anchor_stay_few(home: Workspace) -> None:
    """Each costs every replica time for ever, and below a tenth more no node takes it in place of the last."""
    name = home.propose()
    home.authorize(name)
    replace = lambda **c: home.add("transfer.replaced", {"transfer": name, "payload": home.payload(name, **c).hex()})  # noqa: E731
    for change in ({"max_priority_fee": 1}, {"max_fee": 3 * 10**9 + 1}, {"max_fee": 2 * 10**9}):
        assert code_of(replace, **change) == "payload.not_dearer"
    replace(max_fee=33 * 10**8)
    home.stopped("transfer.cancelled", "transfer.cancel", {"transfer": name}, ["exchange"])
    own = {"to": home.state.wallets["hot-eth"].address, "value": 0}
    replace(**own, max_fee=0, max_priority_fee=0)
    assert code_of(replace, **own, gas=1, max_fee=0, max_priority_fee=0) == "payload.not_dearer"


def test_a_transfer_s_id_is_the_hash_of_its_statement(home: Workspace) -> None:
    envelope = home.statement("exchange", "transfer.propose", home.intent())
    assert code_of(home.add, "transfer.proposed", {"transfer": "00" * 32}, [envelope]) == "transfer.id"
    name = statement_hash(envelope)
    assert code_of(home.add, "transfer.proposed", {"transfer": name}, [envelope, envelope]) == "evidence.count"
    assert code_of(home.add, "transfer.proposed", {"transfer": name}) == "evidence.count"


def test_wallet_asset_and_destination_are_on_one_chain() -> None:
    home = Workspace()
    foreign = "eip155:5/slip44:60"
    home.policy["assets"][foreign] = {"symbol": "ETH5", "decimals": 18}
    home.policy["chains"]["eip155:5"] = {**home.policy["chains"][CHAIN], "native": foreign}
    home.ready()
    assert code_of(home.propose, asset=foreign) == "chain.differs"
    assert code_of(home.propose, asset=foreign, to=PAYEE.replace(CHAIN, "eip155:5")) == "chain.differs"


def test_an_approval_is_about_the_transfer_that_its_entry_names(home: Workspace) -> None:
    first, second = (home.propose(by="alice", amount=str(5 * WEI)) for _ in range(2))
    envelope = home.statement("bob", "transfer.approve", {"transfer": first}, obligations=obligations(home, first))
    assert code_of(home.add, "transfer.approved", {"transfer": second}, [envelope]) == "statement.other_subject"


def test_each_rule_has_its_own_fee_ceiling() -> None:
    home = Workspace()
    home.policy["rules"][0]["allow"] = {**home.policy["rules"][0]["allow"], "fee_ceiling": str(10**12)}
    home.ready()
    assert code_of(home.authorize, home.propose(), max_fee=3 * 10**9) == "fee.over_ceiling"


def test_what_was_never_authorized_is_neither_replaced_nor_signed_nor_ended(home: Workspace) -> None:
    name = home.propose()
    raw = home.payload(name).hex()
    assert code_of(home.add, "transfer.replaced", {"transfer": name, "payload": raw}) == "payload.not_authorized"
    body = {"transfer": name, "digest": "00" * 32, "signature": "00" * 64, "txid": "0x" + "00" * 32}
    assert code_of(home.add, "transfer.signed", body) == "payload.not_authorized"
    body = {"transfer": name, "txid": "0x" + "00" * 32, "block": 1, "result": "ok"}
    observed = home.statement("coordinator", "transfer.observe", body)
    assert code_of(home.add, "transfer.completed", body, [observed]) == "payload.not_authorized"
    other = home.statement("coordinator", "transfer.observe", {**body, "block": 2})
    assert code_of(home.add, "transfer.completed", body, [other]) == "statement.other_subject"


def test_i6_a_dearer_replacement_stays_within_rules_and_windows() -> None:
    home = Workspace()
    home.policy["limits"][0]["max"] = str(WEI // 2 + 21000 * 4 * 10**9)
    home.ready()
    name = home.propose()
    home.authorize(name)
    raw = home.payload(name, max_fee=5 * 10**9).hex()
    assert code_of(home.add, "transfer.replaced", {"transfer": name, "payload": raw}) == "limit.exceeded"
    raw = home.payload(name, max_fee=4 * 10**9).hex()
    home.add("transfer.replaced", {"transfer": name, "payload": raw})


def test_i6_a_replacement_that_its_rule_s_own_window_denies_is_refused() -> None:
    home = Workspace()
    home.policy["rules"][0]["when"]["over_time"][0]["max"] = str(WEI // 2 + 21000 * 4 * 10**9)
    home.ready()
    name = home.propose()
    home.authorize(name)
    raw = home.payload(name, max_fee=5 * 10**9).hex()
    assert code_of(home.add, "transfer.replaced", {"transfer": name, "payload": raw}) == "policy.denied"
