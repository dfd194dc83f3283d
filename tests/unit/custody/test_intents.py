"""Calls and typed messages in the fold: what rules look at, what no rule can allow, and the payloads they mean."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.chains.evm.transaction import digest
from strongroom.custody import snapshot
from strongroom.custody.decision import request_of, standing
from strongroom.custody.digest import state_digest
from strongroom.custody.moment import Moment
from strongroom.custody.permission import may_sign
from strongroom.custody.state import CustodyState, Phase, TransferId
from strongroom.documents.keccak import keccak256
from strongroom.errors import StrongroomError
from strongroom.policy.evaluate import Denied
from tests.operations import DEPOSIT, FIVE, LETTER, ROUTER, approve, call, letter, with_operations
from tests.unit.custody.conftest import Refusal
from tests.workspace import CHAIN, ETH, HOUR, OTHER, PAYEE, TOKEN, TOKEN_CONTRACT, Workspace


@pytest.fixture
def home() -> Workspace:
    """A workspace whose policy allows some calls and messages."""
    return Workspace(policy=with_operations(Workspace().policy_document())).ready()


def own(home: Workspace) -> str:
    return home.state.wallets["hot-eth"].address


def note_signed(home: Workspace, name: str) -> None:
    payload = home.state.transfers[TransferId(name)].payloads[0]
    body = {"transfer": name, "digest": payload.digest, "signature": home.sign(bytes.fromhex(payload.digest)).hex()}
    home.add("transfer.signed", {**body, "txid": f"0x{payload.digest}"})


def facts(home: Workspace, name: str) -> tuple[Any, ...]:
    transfer = home.state.transfers[TransferId(name)]
    request = request_of(home.state, transfer.intent, transfer.initiator, Moment.at(home.time))
    return request.destination, request.asset, request.amount, request.message


def test_an_approve_is_about_its_spender_and_the_allowance(home: Workspace) -> None:
    name = home.propose(call=approve())
    assert facts(home, name) == (OTHER, TOKEN, FIVE, None)


def test_another_call_is_about_the_contract_and_the_coins_it_takes(home: Workspace) -> None:
    name = home.propose(call=call(ROUTER, DEPOSIT, own(home), "7", value=0))
    assert facts(home, name) == (ROUTER, ETH, 0, None)


def test_a_message_is_about_the_own_account_and_nothing(home: Workspace) -> None:
    name = home.propose(message=letter())
    assert facts(home, name) == (f"{CHAIN}:{own(home)}", ETH, 0, "letter")


def test_a_call_is_authorized_byte_for_byte(home: Workspace, refusal: Refusal) -> None:
    name = home.propose(call=approve())
    other = bytes.fromhex(approve(FIVE + 1)["data"])
    for changes, code in (
        ({"data": other}, "payload.data_differs"),
        ({"value": 1}, "payload.amount_differs"),
        ({"to": PAYEE.rpartition(":")[2]}, "payload.recipients_differ"),
    ):
        assert refusal(home.authorize, name, **changes) == code
    home.authorize(name)
    payload = home.state.transfers[name].payloads[0]
    assert may_sign(home.state, name, payload.digest, home.time) is payload


def test_an_allowance_counts_in_full(home: Workspace, refusal: Refusal) -> None:
    for amount in (10 * FIVE, FIVE):
        home.authorize(home.propose(call=approve(amount)))
    name = home.propose(call=approve(FIVE + 1))
    assert refusal(home.authorize, name) == "limit.exceeded"
    assert refusal(home.propose, call=approve(10 * FIVE + 1)) == "policy.no_rule"


@pytest.mark.parametrize(
    "call_",
    [
        call(ROUTER, DEPOSIT, OTHER.rpartition(":")[2], "7"),
        call(ROUTER, "deposit(address,uint128)", OTHER.rpartition(":")[2], "7"),
        call(PAYEE, DEPOSIT, OTHER.rpartition(":")[2], "7"),
        approve(spender=PAYEE),
    ],
)
def test_a_call_that_no_rule_names_is_denied(call_: dict[str, str], refusal: Refusal, home: Workspace) -> None:
    assert refusal(home.propose, call=call_) == "policy.no_rule"


def test_a_rule_about_payments_allows_no_call(refusal: Refusal, home: Workspace) -> None:
    paying = call(PAYEE, "pay()", value=1)
    assert refusal(home.propose, call=paying) == "policy.no_rule"


@pytest.mark.parametrize(("operation", "code"), [("call", "policy.no_rule"), ("message", "message.unknown_type")])
def test_i24_a_policy_of_the_first_fold_rules_knows_payments_only(operation: str, code: str) -> None:
    first = Workspace().ready()
    with pytest.raises(StrongroomError) as refused:
        first.propose(**{operation: {"call": call(PAYEE, "pay()"), "message": letter()}[operation]})
    assert refused.value.code == code


OWNER, MOST = OTHER.rpartition(":")[2], 2**255 - 1
WORDS = "00" * 320


@pytest.mark.parametrize(
    ("code", "made"),
    [
        ("operation.allowance_unbounded", approve(MOST + 1)),
        ("operation.allowance_unbounded", approve(2**256 - 1)),
        ("operation.allowance_unbounded", approve(value=1)),
        ("operation.allowance_unbounded", {**approve(), "data": approve()["data"] + "00" * 32}),
        ("operation.allowance_unbounded", {**approve(), "data": approve()["data"][:8] + "01" + approve()["data"][10:]}),
        ("operation.allowance_unbounded", call(ROUTER, "setApprovalForAll(address,bool)", OWNER, "true")),
        ("operation.allowance_unbounded", call(ROUTER, "increaseAllowance(address,uint256)", OWNER, "1")),
        ("operation.allowance_unbounded", {"to": ROUTER, "value": "0", "data": "d505accf" + WORDS}),  # EIP-2612
        ("operation.allowance_unbounded", {"to": ROUTER, "value": "0", "data": "8fcbaf0c" + WORDS}),  # DAI
        ("operation.allowance_unbounded", {"to": ROUTER, "value": "0", "data": "2b67b570" + WORDS}),  # Permit2, one
        ("operation.allowance_unbounded", {"to": ROUTER, "value": "0", "data": "2a2d80d1" + WORDS}),  # Permit2, many
        ("operation.allowance_unbounded", {"to": ROUTER, "value": "0", "data": "87517c45" + WORDS}),  # Permit2 approve
        ("operation.use_transfer", call(ROUTER, "transfer(address,uint256)", OWNER, "1")),
        ("operation.use_transfer", call(ROUTER, "transferFrom(address,address,uint256)", OWNER, OWNER, "1")),
        ("operation.use_transfer", call(ROUTER, "safeTransferFrom(address,address,uint256)", OWNER, OWNER, "1")),
        ("operation.use_transfer", {"to": ROUTER, "value": "0", "data": "b88d4fde" + WORDS}),  # ERC-721, with data
        ("operation.use_transfer", {"to": ROUTER, "value": "0", "data": "f242432a" + WORDS}),  # ERC-1155
        ("operation.use_transfer", {"to": ROUTER, "value": "0", "data": "2eb2c2d6" + WORDS}),  # ERC-1155, many
        ("operation.not_a_contract", {"to": ROUTER, "value": "1", "data": ""}),
        ("operation.not_a_contract", {"to": ROUTER, "value": "0", "data": "a9059c"}),
    ],
)
def test_what_no_rule_can_allow(code: str, made: dict[str, str], refusal: Refusal, home: Workspace) -> None:
    assert refusal(home.propose, call=made) == code


def test_an_own_wallet_is_no_contract_closed_or_not(refusal: Refusal, home: Workspace) -> None:
    home.open("hot-2", path=(2,))
    other = f"{CHAIN}:{home.state.wallets['hot-2'].address}"
    assert refusal(home.propose, call=call(other, "pay()")) == "operation.not_a_contract"
    home.stopped("wallet.closed", "wallet.close", {"wallet": "hot-2"}, ("alice",))
    assert refusal(home.propose, call=call(other, "pay()")) == "operation.not_a_contract"


def test_a_wallet_that_is_closed_is_no_own_wallet_in_a_constraint(home: Workspace) -> None:
    home.open("hot-2", path=(2,))
    name = home.propose(call=call(ROUTER, DEPOSIT, home.state.wallets["hot-2"].address, "7"))
    home.authorize(name)
    home.stopped("wallet.closed", "wallet.close", {"wallet": "hot-2"}, ("alice",))
    answer = standing(home.state, home.state.transfers[name], Moment.at(home.time))
    assert isinstance(answer, Denied)
    assert answer.code == "policy.no_rule"


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("message.unknown_type", {"schema": "other"}),
        ("message.unknown_type", {"domain": {**LETTER["domain"], "version": "1"}}),
        ("message.unknown_type", {"domain": {**LETTER["domain"], "chainId": "1"}}),
        (
            "message.unknown_type",
            {
                "primary_type": "Permit",
                "types": {
                    "Permit": [
                        *({"name": name, "type": "address"} for name in ("owner", "spender")),
                        *({"name": name, "type": "uint256"} for name in ("value", "nonce", "deadline")),
                    ]
                },
                "fields": {"owner": OWNER, "spender": OWNER, "value": "1", "nonce": "0", "deadline": "1"},
            },
        ),
        ("message.not_allowed", {"fields": {**LETTER["fields"], "to": PAYEE.rpartition(":")[2]}}),
        ("message.unknown_type", {"fields": {**LETTER["fields"], "to": "bob"}}),
        ("document.unknown_field", {"note": "x"}),
    ],
)
def test_a_message_of_no_schema_is_refused(
    code: str, change: dict[str, Any], refusal: Refusal, home: Workspace
) -> None:
    assert refusal(home.propose, message={**letter(), **change}) == code


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("document.unknown_field", {"call": approve(), "amount": "5"}),
        ("document.unknown_field", {"call": approve(), "message": letter()}),
        ("document.type", {"call": "0x"}),
        ("document.missing_field", {"call": {"to": ROUTER, "value": "0"}}),
        ("hex.syntax", {"call": {**approve(), "data": "0x" + approve()["data"]}}),
        ("hex.syntax", {"call": {**approve(), "data": approve()["data"].upper()}}),
        ("amount.syntax", {"call": {**approve(), "value": "0x0"}}),
        ("account.syntax", {"call": {**approve(), "to": TOKEN_CONTRACT}}),
        ("asset.unknown", {"call": call(f"eip155:1:{TOKEN_CONTRACT}", "pay()")}),
        ("asset.unknown", {"call": {**approve(), "to": f"{CHAIN}:0x{'55' * 20}"}}),
        ("wallet.unknown", {"message": letter(), "wallet": "nowhere"}),
        ("wallet.unknown", {"call": approve(), "wallet": "nowhere"}),
    ],
)
def test_malformed_operations_are_refused(
    code: str, changes: dict[str, Any], refusal: Refusal, home: Workspace
) -> None:
    assert refusal(home.propose, **changes) == code


# -- the life of a message


def test_a_message_is_authorized_signed_and_completed_by_its_digest(home: Workspace) -> None:
    name = home.propose(message=letter())
    home.authorize(name)
    transfer = home.state.transfers[name]
    (payload,) = transfer.payloads
    assert payload.digest == keccak256(payload.raw).hex()
    assert payload.raw[:2] == b"\x19\x01"
    assert home.state.wallets["hot-eth"].next_nonce == 0
    assert may_sign(home.state, name, payload.digest, home.time) is payload
    note_signed(home, name)
    signed = home.state.transfers[name]
    assert (signed.phase, signed.txid) == (Phase.SIGNED, f"0x{payload.digest}")
    assert signed.signature[:128] == home.sign(digest(payload.raw)).hex()
    assert signed.signature[128:] in ("1b", "1c")


def test_the_payload_of_a_message_is_its_own_and_nothing_else(home: Workspace, refusal: Refusal) -> None:
    name = home.propose(message=letter())
    payment = home.propose(amount="1")
    honest = home.payload(name)
    for raw, code in (
        (digest(honest), "payload.raw_digest"),
        (home.payload(payment), "payload.tx_type"),
        (b"\x19Ethereum Signed Message:\n32" + digest(honest), "payload.tx_type"),
        (b"\x05" + honest[1:], "payload.tx_type"),
        (honest[:-1] + b"\0", "payload.data_differs"),
    ):
        assert refusal(home.authorize, name, raw) == code
    assert refusal(home.authorize, payment, honest) == "payload.tx_type"
    assert refusal(home.authorize, payment, digest(honest)) == "payload.raw_digest"


def test_i5_one_message_is_signed_for_one_intent(home: Workspace, refusal: Refusal) -> None:
    first, second = home.propose(message=letter()), home.propose(message=letter())
    home.authorize(first)
    assert refusal(home.authorize, first) == "intent.already_anchored"
    assert refusal(home.authorize, second) == "anchor.in_use"
    home.authorize(home.propose(message=letter(text="Other words.")))


def test_a_message_has_one_payload_for_ever(home: Workspace, refusal: Refusal) -> None:
    name = home.propose(message=letter())
    home.authorize(name)
    body = {"transfer": name, "payload": home.payload(name).hex()}
    assert refusal(home.add, "transfer.replaced", body) == "payload.not_replaceable"
    home.stopped("transfer.cancelled", "transfer.cancel", {"transfer": name}, ("exchange",))
    assert refusal(home.add, "transfer.replaced", body) == "payload.not_replaceable"
    digest_ = home.state.transfers[name].payloads[0].digest
    assert refusal(may_sign, home.state, name, digest_, home.time) == "intent.closed"


def next_policy(home: Workspace, **changes: Any) -> None:
    assert home.state.policy
    document = {**dict(home.state.policy.document), **changes, "version": 2}
    subject = {"policy": home.state.policy.digest, "version": 2}
    from strongroom.policy.loader import load_policy

    subject["policy"] = load_policy(document).digest
    evidence = [home.statement(person, "policy.propose", subject) for person in ("alice", "bob")]
    home.add("policy.proposed", {"policy": document}, evidence)
    home.add("policy.adopted", {"version": 2}, later=HOUR)


def test_a_message_is_not_signed_once_the_policy_drops_its_schema(home: Workspace, refusal: Refusal) -> None:
    name = home.propose(message=letter(), until=home.time + 3 * HOUR)
    home.authorize(name)
    assert home.state.policy
    rules = [rule for rule in home.state.policy.document["rules"] if rule["name"] not in ("letters", "people")]
    next_policy(home, messages={}, rules=rules)
    digest_ = home.state.transfers[name].payloads[0].digest
    assert refusal(may_sign, home.state, name, digest_, home.time) == "message.unknown_type"


def test_i24_a_state_with_operations_is_written_and_read_back(home: Workspace) -> None:
    for changes in ({"call": approve()}, {"message": letter()}):
        home.authorize(home.propose(**changes))
    note_signed(home, next(name for name, t in home.state.transfers.items() if t.intent.message))
    text = snapshot.write(home.state)
    again: CustodyState = snapshot.read(text, state_digest(home.state), {}.__getitem__)
    assert {t.intent for t in again.transfers.values()} == {t.intent for t in home.state.transfers.values()}
    assert again.anchors == home.state.anchors
