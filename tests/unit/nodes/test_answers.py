"""A node's answers are read strictly: one spelling of a number, the hash asked for, nothing half-mined."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.nodes import answers
from strongroom.nodes.answers import Malformed, TokenTransfer

TXID = "0x" + "11" * 32
HASH = "0x" + "22" * 32
SENDER = "0x" + "Aa" * 20
TOKEN = "0x" + "cC" * 20


def word(address: str) -> str:
    return "0x" + "00" * 12 + address[2:].lower()


def receipt(**changes: Any) -> dict[str, Any]:
    log = {
        "address": TOKEN,
        "topics": [answers.TRANSFER_EVENT, word(SENDER), word(TOKEN)],
        "data": "0x" + "00" * 31 + "05",
    }
    doc = {
        "transactionHash": TXID,
        "status": "0x1",
        "blockNumber": "0x10",
        "blockHash": HASH,
        "from": SENDER,
        "gasUsed": "0x5208",
        "effectiveGasPrice": "0x3b9aca00",
        "logs": [log],
    }
    return {**doc, **changes}


def transaction(**changes: Any) -> dict[str, Any]:
    doc = {
        "hash": TXID,
        "from": SENDER,
        "nonce": "0x7",
        "to": TOKEN,
        "value": "0x0",
        "input": "0xa9059cbb",
        "blockNumber": None,
        "blockHash": None,
    }
    return {**doc, **changes}


@given(st.integers(0, 2**256 - 1))
def test_quantities(value: int) -> None:
    assert answers.quantity(hex(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0x",
        "0x00",
        "0x01",
        "10",
        "0X1",
        "0xA",
        "-0x1",
        "0x1 ",
        "0x1\n",
        "0x" + "f" * 65,
        1,
        True,
        None,
        1.0,
        ["0x1"],
    ],
)
def test_other_spellings_are_malformed(value: object) -> None:
    with pytest.raises(Malformed):
        answers.quantity(value)


def test_a_receipt() -> None:
    found = answers.receipt(receipt(), TXID)
    assert found.succeeded and found.fee == 21_000 * 10**9 and found.block_number == 16
    assert found.sender == SENDER.lower()
    assert found.transfers == (TokenTransfer(TOKEN.lower(), SENDER.lower(), TOKEN.lower(), 5),)
    assert not answers.receipt(receipt(status="0x0", logs=[]), TXID).succeeded


def test_events_that_are_not_erc20_transfers_are_passed_over() -> None:
    topics = [answers.TRANSFER_EVENT, word(SENDER), word(TOKEN), "0x" + "00" * 32]
    nft = {"address": TOKEN, "topics": topics, "data": "0x"}
    other = {"address": TOKEN, "topics": ["0x" + "ab" * 32], "data": "0x" + "00" * 32}
    anonymous = {"address": TOKEN, "topics": [], "data": "0x"}
    assert answers.receipt(receipt(logs=[nft, other, anonymous]), TXID).transfers == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"transactionHash": HASH},
        {"transactionHash": TXID.upper()},
        {"status": "0x2"},
        {"status": None},
        {"status": 1},
        {"blockHash": None},
        {"blockNumber": 16},
        {"from": "0x12"},
        {"gasUsed": "21000"},
        {"effectiveGasPrice": None},
        {"logs": None},
        {"logs": ["x"]},
        {"logs": [{"address": TOKEN, "topics": None, "data": "0x"}]},
        {"logs": [{"address": TOKEN, "topics": [answers.TRANSFER_EVENT, 1, 2], "data": "0x" + "00" * 32}]},
    ],
    ids=str,
)
def test_malformed_receipts(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        answers.receipt(receipt(**changes), TXID)


def test_a_transaction_in_the_pool_and_in_a_block() -> None:
    pooled = answers.transaction(transaction(), TXID)
    assert (pooled.block_number, pooled.block_hash, pooled.nonce) == (None, None, 7)
    assert pooled.to == TOKEN.lower() and pooled.data == bytes.fromhex("a9059cbb")
    assert answers.transaction(transaction(blockNumber="0x1", blockHash=HASH), TXID).block_hash == HASH
    assert answers.transaction(transaction(to=None), TXID).to is None


@pytest.mark.parametrize(
    "changes",
    [
        {"hash": HASH},
        {"blockNumber": "0x1"},
        {"blockHash": HASH},
        {"input": "0xa"},
        {"input": None},
        {"nonce": 7},
    ],
    ids=str,
)
def test_malformed_transactions(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        answers.transaction(transaction(**changes), TXID)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=10), st.just(TXID), st.just("0x1")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*receipt(), *transaction()]), inner)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_read_or_malformed(value: Any) -> None:
    for parse in (answers.block, lambda v: answers.receipt(v, TXID), lambda v: answers.transaction(v, TXID)):
        try:
            parse(value)
        except Malformed:
            continue


@given(st.sampled_from(sorted(receipt())), JSON)
def test_a_receipt_with_any_json_in_one_place_is_read_or_malformed(field: str, value: Any) -> None:
    try:
        found = answers.receipt(receipt(**{field: value}), TXID)
    except Malformed:
        return
    assert found.txid == TXID
