"""Transfers: calldata as eth_abi writes it, and a check that passes exactly the intent's payload (I13)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_abi import encode as abi_encode
from eth_utils import function_signature_to_4byte_selector
from hypothesis import given
from hypothesis import strategies as st

from strongroom.chains.effects import Effects, Payment
from strongroom.chains.evm.effects import effects
from strongroom.chains.evm.transaction import UnsignedTransaction, decode, encode
from strongroom.chains.evm.transfer import TRANSFER, Call, call, chain_number, check, null_call, token_payment
from strongroom.documents.names import AccountId, AssetId, ChainId
from strongroom.errors import InvalidInput, Refused

CHAIN = ChainId("eip155:31337")
NATIVE = AssetId("eip155:31337/slip44:60")
CONTRACT = "0x" + "c0" * 20
TOKEN = AssetId(f"eip155:31337/erc20:{CONTRACT}")
PAYEE = "0x" + "ab" * 20
PAYEE_ACCOUNT = AccountId(f"eip155:31337:{PAYEE}")
OTHER = "0x" + "ee" * 20
CEILING = 10**16

ADDRESSES = st.binary(min_size=20, max_size=20).filter(any).map(lambda raw: "0x" + raw.hex())
AMOUNTS = st.integers(1, 2**256 - 1)


def payload(made: Call, **changes: Any) -> bytes:
    tx = UnsignedTransaction(31337, 7, 10**9, 3 * 10**9, 65_000, made.to, made.value, made.data)
    return encode(replace(tx, **changes))


def checked(raw: bytes, expected: Call, **changes: Any) -> int:
    terms: dict[str, Any] = {"chain": CHAIN, "expected": expected, "nonce": 7, "fee_ceiling": CEILING}
    return check(raw, **{**terms, **changes})


def refusal(raw: bytes, expected: Call, **changes: Any) -> str:
    with pytest.raises(Refused) as caught:
        checked(raw, expected, **changes)
    return caught.value.code


@given(ADDRESSES.filter(lambda a: a != CONTRACT), AMOUNTS)
def test_token_calldata_is_what_eth_abi_writes(payee: str, amount: int) -> None:
    made = call(TOKEN, AccountId(f"{CHAIN}:{payee}"), amount)
    selector = function_signature_to_4byte_selector("transfer(address,uint256)")
    assert made == Call(CONTRACT, 0, selector + abi_encode(["address", "uint256"], [payee, amount]))
    assert token_payment(made.data) == (payee, amount)


@given(ADDRESSES, AMOUNTS)
def test_a_native_transfer_is_a_bare_call(payee: str, amount: int) -> None:
    assert call(NATIVE, AccountId(f"{CHAIN}:{payee}"), amount) == Call(payee, amount, b"")


@pytest.mark.parametrize(
    ("asset", "to", "amount", "code"),
    [
        (NATIVE, f"{CHAIN}:0x{'00' * 20}", 1, "address.zero"),
        (TOKEN, f"{CHAIN}:0x{'00' * 20}", 1, "address.zero"),
        (f"{CHAIN}/erc20:0x{'00' * 20}", PAYEE_ACCOUNT, 1, "address.zero"),
        (TOKEN, f"{CHAIN}:{CONTRACT}", 1, "address.token_contract"),
        (NATIVE, f"eip155:1:{PAYEE}", 1, "chain.differs"),
        (NATIVE, f"{CHAIN}:{PAYEE.upper()}", 1, "address.syntax"),
        (NATIVE, PAYEE_ACCOUNT, 0, "amount.range"),
        (NATIVE, PAYEE_ACCOUNT, -1, "amount.range"),
        (NATIVE, PAYEE_ACCOUNT, 2**256, "amount.range"),
        (NATIVE, PAYEE_ACCOUNT, 1.0, "amount.range"),
        (NATIVE, PAYEE_ACCOUNT, True, "amount.range"),
        ("eip155:31337/slip44:966", PAYEE_ACCOUNT, 1, "asset.unsupported"),
        (f"{CHAIN}/erc721:{CONTRACT}/1", PAYEE_ACCOUNT, 1, "asset.unsupported"),
        ("bip122:000000000019d6689c085ae165831e93/slip44:0", PAYEE_ACCOUNT, 1, "chain.not_evm"),
    ],
)
def test_what_cannot_be_transferred_is_refused(asset: str, to: str, amount: Any, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call(AssetId(asset), AccountId(to), amount)
    assert caught.value.code == code


def test_a_chain_of_another_family_has_no_number() -> None:
    assert chain_number(CHAIN) == 31337
    with pytest.raises(InvalidInput) as caught:
        chain_number(ChainId("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"))
    assert caught.value.code == "chain.not_evm"


@pytest.mark.parametrize("asset", [NATIVE, TOKEN])
def test_the_intents_payload_passes_at_its_worst_fee_and_not_one_wei_below(asset: AssetId) -> None:
    made = call(asset, PAYEE_ACCOUNT, 5)
    worst = 65_000 * 3 * 10**9
    assert checked(payload(made), made) == worst
    assert checked(payload(made), made, fee_ceiling=worst) == worst
    assert refusal(payload(made), made, fee_ceiling=worst - 1) == "fee.over_ceiling"


LIES = [
    (NATIVE, {"chain_id": 1}, "payload.chain_differs"),
    (NATIVE, {"nonce": 8}, "payload.anchor_differs"),
    (NATIVE, {"nonce": 6}, "payload.anchor_differs"),
    (NATIVE, {"to": OTHER}, "payload.recipients_differ"),
    (NATIVE, {"value": 6}, "payload.amount_differs"),
    (NATIVE, {"value": 0}, "payload.amount_differs"),
    (NATIVE, {"data": b"\x00"}, "payload.data_differs"),
    (NATIVE, {"data": call(TOKEN, PAYEE_ACCOUNT, 5).data}, "payload.data_differs"),
    (NATIVE, {"gas": 2**60}, "fee.over_ceiling"),
    (NATIVE, {"max_fee": 2**200}, "fee.over_ceiling"),
    (TOKEN, {"chain_id": 1}, "payload.chain_differs"),
    (TOKEN, {"nonce": 8}, "payload.anchor_differs"),
    (TOKEN, {"to": OTHER}, "payload.recipients_differ"),
    (TOKEN, {"to": PAYEE}, "payload.recipients_differ"),
    (TOKEN, {"data": call(TOKEN, AccountId(f"{CHAIN}:{OTHER}"), 5).data}, "payload.recipients_differ"),
    (TOKEN, {"data": call(TOKEN, PAYEE_ACCOUNT, 6).data}, "payload.amount_differs"),
    (TOKEN, {"value": 1}, "payload.amount_differs"),
    (TOKEN, {"data": b""}, "payload.data_differs"),
    (TOKEN, {"data": call(TOKEN, PAYEE_ACCOUNT, 5).data + b"\x00"}, "payload.data_differs"),
    (TOKEN, {"data": call(TOKEN, PAYEE_ACCOUNT, 5).data[:-1]}, "payload.data_differs"),
    (
        TOKEN,
        {"data": bytes.fromhex("095ea7b3") + call(TOKEN, PAYEE_ACCOUNT, 5).data[4:]},
        "payload.data_differs",
    ),
    (
        TOKEN,
        {"data": b"\xa9\x05\x9c\xbb\x01" + call(TOKEN, PAYEE_ACCOUNT, 5).data[5:]},
        "payload.data_differs",
    ),
    (TOKEN, {"gas": 2**60}, "fee.over_ceiling"),
]


@pytest.mark.parametrize(("asset", "lie", "code"), LIES)
def test_each_lie_of_a_coordinator_has_its_code(asset: AssetId, lie: dict[str, Any], code: str) -> None:
    made = call(asset, PAYEE_ACCOUNT, 5)
    assert refusal(payload(made, **lie), made) == code


def test_of_several_lies_the_first_in_order_is_named() -> None:
    made = call(TOKEN, PAYEE_ACCOUNT, 5)
    lies: list[tuple[dict[str, Any], str]] = [
        ({"gas": 2**60}, "fee.over_ceiling"),
        ({"data": b"\x01"}, "payload.data_differs"),
        ({"value": 1}, "payload.amount_differs"),
        ({"to": OTHER}, "payload.recipients_differ"),
        ({"nonce": 8}, "payload.anchor_differs"),
        ({"chain_id": 1}, "payload.chain_differs"),
    ]
    together: dict[str, Any] = {}
    for lie, code in lies:
        together |= lie
        assert refusal(payload(made, **together), made) == code


@given(st.data())
def test_whatever_passes_the_check_has_exactly_the_intents_effects(data: st.DataObject) -> None:
    """Values come from a small pool, so that payloads often agree with the intent in all fields but one."""
    asset = data.draw(st.sampled_from([NATIVE, TOKEN]))
    made = call(asset, PAYEE_ACCOUNT, 5)
    pool = [
        made.data,
        b"",
        b"\x01",
        call(TOKEN, PAYEE_ACCOUNT, 6).data,
        call(TOKEN, AccountId(f"{CHAIN}:{OTHER}"), 5).data,
    ]
    raw = payload(
        made,
        chain_id=data.draw(st.sampled_from([31337, 31337, 1])),
        nonce=data.draw(st.sampled_from([7, 7, 8])),
        to=data.draw(st.sampled_from([made.to, made.to, OTHER, PAYEE])),
        value=data.draw(st.sampled_from([made.value, made.value, 5, 6])),
        gas=data.draw(st.sampled_from([65_000, 21_000, 2**60])),
        data=data.draw(st.sampled_from([made.data, *pool])),
    )
    try:
        fee = checked(raw, made)
    except Refused as refused:
        assert refused.code.startswith("payload.") or refused.code == "fee.over_ceiling"
        tx = decode(raw)
        same = (tx.chain_id, tx.nonce, tx.to, tx.value, tx.data) == (31337, 7, made.to, made.value, made.data)
        assert not same or tx.worst_fee > CEILING
    else:
        assert effects(decode(raw)) == Effects(CHAIN, 7, (Payment(asset, PAYEE_ACCOUNT, 5),), fee)


@given(st.binary(max_size=200))
def test_any_bytes_are_checked_or_refused_by_code(noise: bytes) -> None:
    made = call(NATIVE, PAYEE_ACCOUNT, 5)
    assert refusal(b"\x02" + noise, made).startswith("payload.")


def test_the_null_replacement_pays_nobody() -> None:
    made = null_call(PAYEE)
    assert made == Call(PAYEE, 0, b"")
    assert effects(decode(payload(made))) == Effects(CHAIN, 7, (), 65_000 * 3 * 10**9)
    assert checked(payload(made), made) == 65_000 * 3 * 10**9
    assert refusal(payload(made, value=1), made) == "payload.amount_differs"
    for bad in ("0x" + "00" * 20, PAYEE.upper(), ""):
        with pytest.raises(InvalidInput):
            null_call(bad)


@pytest.mark.parametrize(
    "lie",
    [
        {"data": b"\x01"},
        {"data": bytes.fromhex("095ea7b3") + bytes(64)},  # approve(address,uint256)
        {"value": 1},  # a token transfer that also pays the contract
        {"data": call(TOKEN, PAYEE_ACCOUNT, 5).data[:-1]},
        {"data": call(TOKEN, PAYEE_ACCOUNT, 5).data + b"\x00"},
        {"data": TRANSFER + b"\x01" + call(TOKEN, PAYEE_ACCOUNT, 5).data[5:]},  # bits beside the address
    ],
    ids=str,
)
def test_a_call_that_is_not_a_plain_transfer_has_no_known_effects(lie: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        effects(decode(payload(call(TOKEN, PAYEE_ACCOUNT, 5), **lie)))
    assert caught.value.code == "payload.unknown_call"
