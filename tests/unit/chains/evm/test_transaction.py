"""EIP-1559 payloads: vectors, eth_account as oracle, and decoding of nothing but what encodes back (I13)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import rlp
from coincurve import PrivateKey, PublicKey
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hypothesis import example, given
from hypothesis import strategies as st

from strongroom.chains.evm.address import address_of
from strongroom.chains.evm.checksum import checksum
from strongroom.chains.evm.transaction import (
    MAX_PAYLOAD,
    UnsignedTransaction,
    assemble,
    decode,
    digest,
    encode,
)
from strongroom.errors import Refused

VECTORS = json.loads((Path(__file__).parents[3] / "vectors/eip1559.json").read_text())
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
LEAST_GAS = 21_000  # of any transaction, by which each has more than the 32 bytes of a digest
SECRETS = st.integers(1, ORDER - 1).map(lambda secret: secret.to_bytes(32, "big"))


def edgy(limit: int) -> st.SearchStrategy[int]:
    """Integers up to a limit with the sizes in between as likely as the largest."""
    return st.integers(0, limit.bit_length()).flatmap(lambda bits: st.integers(0, min(limit, 2**bits)))


@st.composite
def transactions(draw: st.DrawFn) -> UnsignedTransaction:
    max_fee = draw(edgy(2**256 - 1))
    return UnsignedTransaction(
        chain_id=draw(edgy(2**63 - 1).filter(bool)),
        nonce=draw(edgy(2**64 - 2)),
        max_priority_fee=draw(edgy(max_fee)),
        max_fee=max_fee,
        gas=LEAST_GAS + draw(edgy(2**64 - 1 - LEAST_GAS)),
        to="0x" + draw(st.binary(min_size=20, max_size=20)).hex(),
        value=draw(edgy(2**256 - 1)),
        data=draw(st.binary(max_size=300)),
    )


def test_no_transaction_that_a_chain_takes_is_as_short_as_a_digest() -> None:
    assert len(encode(UnsignedTransaction(1, 0, 0, 0, LEAST_GAS, "0x" + "11" * 20, 0, b""))) > 32


def plain(**changes: Any) -> UnsignedTransaction:
    fields: dict[str, Any] = {
        "chain_id": 31337,
        "nonce": 7,
        "max_priority_fee": 10**9,
        "max_fee": 3 * 10**9,
        "gas": 21_000,
        "to": "0x" + "ab" * 20,
        "value": 10**18,
        "data": b"",
    }
    return UnsignedTransaction(**{**fields, **changes})


def oracle(tx: UnsignedTransaction) -> dict[str, Any]:
    return {
        "type": 2,
        "chainId": tx.chain_id,
        "nonce": tx.nonce,
        "maxPriorityFeePerGas": tx.max_priority_fee,
        "maxFeePerGas": tx.max_fee,
        "gas": tx.gas,
        "to": checksum(tx.to),
        "value": tx.value,
        "data": tx.data,
        "accessList": [],
    }


def sign(payload: bytes, secret: bytes) -> tuple[int, int]:
    signature = PrivateKey(secret).sign_recoverable(digest(payload), hasher=None)
    return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")


def account(secret: bytes) -> str:
    return address_of(PrivateKey(secret).public_key.format())


def refusal(payload: bytes) -> str:
    with pytest.raises(Refused) as caught:
        decode(payload)
    return caught.value.code


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: f"nonce-{case['nonce']}")
def test_ethereumjs_eip1559_vectors(case: dict[str, Any]) -> None:
    fields = {name: value for name, value in case.items() if name != "signed"}
    tx = UnsignedTransaction(chain_id=VECTORS["chain_id"], to=VECTORS["to"], data=b"", **fields)
    secret = bytes.fromhex(VECTORS["private_key"])
    signed = assemble(encode(tx), *sign(encode(tx), secret), account(secret))
    assert signed.raw.hex() == case["signed"]


@given(transactions(), SECRETS)
def test_bytes_and_hashes_agree_with_eth_account(tx: UnsignedTransaction, secret: bytes) -> None:
    payload = encode(tx)
    assert digest(payload) == bytes(TypedTransaction.from_dict(oracle(tx)).hash())
    theirs = Account.sign_transaction(oracle(tx), secret)
    ours = assemble(payload, theirs.r, theirs.s, account(secret))
    assert ours.raw == bytes(theirs.raw_transaction)
    assert ours.txid == "0x" + bytes(theirs.hash).hex()


@given(transactions())
def test_decoding_undoes_encoding(tx: UnsignedTransaction) -> None:
    assert decode(encode(tx)) == tx


def decode_or_refuse(payload: bytes) -> None:
    try:
        tx = decode(payload)
    except Refused as refused:
        assert refused.code.startswith("payload.")
    else:
        assert encode(tx) == payload


@given(transactions(), st.data())
def test_a_mutated_payload_is_refused_by_code_or_is_exactly_what_it_decodes_to(
    tx: UnsignedTransaction, data: st.DataObject
) -> None:
    payload = bytearray(encode(tx))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(payload) - 1))
        match data.draw(st.sampled_from(("change", "drop", "insert", "cut", "repeat"))):
            case "change":
                payload[at] = data.draw(st.integers(0, 255))
            case "drop":
                del payload[at : at + data.draw(st.integers(1, 8))]
            case "insert":
                payload[at:at] = data.draw(st.binary(min_size=1, max_size=8))
            case "cut":
                del payload[at:]
            case _:
                payload += payload[at:]
        if not payload:
            break
    decode_or_refuse(bytes(payload))


@given(st.binary(max_size=200))
@example(b"\x02")
@example(b"\x02\xc0")
@example(b"\x02\xff")
@example(b"\x02\xf8")
@example(b"\x02\xff" + b"\xff" * 8)
@example(b"\x02\xbf" + b"\xff" * 8)
@example(b"\x02\xc1\x81")
@example(b"\x02\xc9" + b"\x80" * 9)
def test_any_bytes_give_a_transaction_or_a_coded_refusal(noise: bytes) -> None:
    decode_or_refuse(noise)
    decode_or_refuse(b"\x02" + noise)


@given(st.recursive(st.binary(max_size=40), lambda inner: st.lists(inner, max_size=12), max_leaves=30))
def test_any_rlp_gives_a_transaction_or_a_coded_refusal(item: Any) -> None:
    decode_or_refuse(b"\x02" + rlp.encode(item))


def test_deeply_nested_lists_are_refused_without_recursion() -> None:
    nested = b"\xc0"
    while len(nested) < MAX_PAYLOAD - 10:
        nested = rlp.codec.length_prefix(len(nested), 0xC0) + nested
    assert refusal(b"\x02" + nested) == "payload.syntax"
    items = _items(plain())
    items[8] = b"\xc1\xc0"
    assert refusal(_wrap(items)) == "payload.access_list"


def _items(tx: UnsignedTransaction) -> list[bytes]:
    """The nine encoded items of a payload, for building bad ones by hand."""
    return [rlp.encode(item) for item in rlp.decode(encode(tx)[1:])]


def _wrap(items: list[bytes]) -> bytes:
    body = b"".join(items)
    return b"\x02" + rlp.codec.length_prefix(len(body), 0xC0) + body


ITEM = {
    "chain_id": 0,
    "nonce": 1,
    "priority": 2,
    "max_fee": 3,
    "gas": 4,
    "to": 5,
    "value": 6,
    "data": 7,
    "access": 8,
}


@pytest.mark.parametrize(
    ("name", "encoded", "code"),
    [
        ("to", b"\x80", "payload.creation"),
        ("to", rlp.encode(b"\xab" * 19), "payload.syntax"),
        ("to", rlp.encode(b"\xab" * 21), "payload.syntax"),
        ("to", rlp.encode([b"\xab" * 20]), "payload.syntax"),
        ("access", rlp.encode([[b"\xab" * 20, []]]), "payload.access_list"),
        ("access", rlp.encode([b""]), "payload.access_list"),
        ("access", b"\x80", "payload.syntax"),
        ("nonce", b"\x00", "payload.not_canonical"),
        ("nonce", b"\x82\x00\x07", "payload.not_canonical"),
        ("nonce", b"\x81\x07", "payload.syntax"),
        ("nonce", b"\xb8\x01\x07", "payload.syntax"),
        ("chain_id", b"\x83\x00\x7a\x69", "payload.not_canonical"),
        ("value", rlp.encode(b"\x00" + b"\x01" * 31), "payload.not_canonical"),
        ("chain_id", b"\x80", "payload.range"),
        ("chain_id", rlp.encode(2**63), "payload.range"),
        ("nonce", rlp.encode(2**64 - 1), "payload.range"),
        ("gas", rlp.encode(2**64), "payload.range"),
        ("gas", rlp.encode(b"\x01" * 1000), "payload.range"),
        ("max_fee", rlp.encode(2**256), "payload.range"),
        ("value", rlp.encode(2**256), "payload.range"),
        ("priority", rlp.encode(3 * 10**9 + 1), "payload.range"),
        ("data", b"\xc0", "payload.syntax"),
        ("data", b"\x81\x01", "payload.syntax"),
        ("data", b"\xb8\x37" + b"\x01" * 55, "payload.syntax"),
        ("data", b"\xb9\x00\x38" + b"\x01" * 56, "payload.syntax"),
    ],
)
def test_every_other_spelling_of_a_field_is_refused(name: str, encoded: bytes, code: str) -> None:
    items = _items(plain())
    items[ITEM[name]] = encoded
    assert refusal(_wrap(items)) == code


def test_only_type_2_payloads_of_nine_fields_are_decoded() -> None:
    payload = encode(plain())
    assert refusal(b"") == "payload.tx_type"
    for kind in (0x00, 0x01, 0x03, 0x04, 0x7F, 0xC0, 0xF8):
        assert refusal(bytes([kind]) + payload[1:]) == "payload.tx_type"
    assert refusal(payload[1:]) == "payload.tx_type"
    assert refusal(payload + b"\x00") == "payload.syntax"
    assert refusal(payload[:-1]) == "payload.syntax"
    assert refusal(_wrap(_items(plain())[:8])) == "payload.syntax"
    assert refusal(_wrap([*_items(plain()), b"\x80"])) == "payload.syntax"
    signed = assemble(payload, *sign(payload, b"\x01" * 32), account(b"\x01" * 32))
    assert refusal(signed.raw) == "payload.syntax"


def test_a_payload_above_64_kib_is_refused_before_parsing() -> None:
    assert refusal(b"\x02" * (MAX_PAYLOAD + 1)) == "payload.too_large"
    assert refusal(encode(plain(data=bytes(MAX_PAYLOAD)))) == "payload.too_large"


@pytest.mark.parametrize(
    "changes",
    [
        {"chain_id": 0},
        {"nonce": -1},
        {"gas": 2**64},
        {"value": 2**256},
        {"value": True},
        {"value": 1.0},
        {"max_fee": 10**9 - 1},
        {"to": "0x" + "AB" * 20},
        {"to": "ab" * 20},
        {"to": "0x" + "ab" * 20 + "\n"},
    ],
    ids=str,
)
def test_a_transaction_that_could_not_be_decoded_cannot_be_built(changes: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        plain(**changes)
    assert caught.value.code == "payload.range"


@given(transactions(), SECRETS)
def test_high_s_is_refused_although_it_recovers_to_the_same_key(tx: UnsignedTransaction, secret: bytes) -> None:
    payload = encode(tx)
    r, s = sign(payload, secret)
    with pytest.raises(Refused) as caught:
        assemble(payload, r, ORDER - s, account(secret))
    assert caught.value.code == "payload.high_s"


@given(transactions(), SECRETS)
def test_only_the_paying_accounts_signature_over_these_bytes_is_assembled(
    tx: UnsignedTransaction, secret: bytes
) -> None:
    payload = encode(tx)
    r, s = sign(payload, secret)
    other = encode(plain(nonce=tx.nonce ^ 1 if tx.nonce < 2**64 - 2 else 0))
    for bytes_, r_, address in (
        (payload, r, "0x" + "00" * 20),
        (other, r, account(secret)),
        (payload, r - 1 or 2, account(secret)),
    ):
        with pytest.raises(Refused) as caught:
            assemble(bytes_, r_, s, address)
        assert caught.value.code == "signature.wrong_key"


def test_half_of_the_group_order_is_the_largest_low_s() -> None:
    payload, r = encode(plain()), 1  # x = 1 is on secp256k1, so any s signs for some key: whose, recovery says

    def signer(s: int) -> str:
        compact = r.to_bytes(32, "big") + s.to_bytes(32, "big") + b"\0"
        return address_of(PublicKey.from_signature_and_message(compact, digest(payload), hasher=None).format())

    assert assemble(payload, r, ORDER // 2, signer(ORDER // 2)).raw.endswith((ORDER // 2).to_bytes(32, "big"))
    with pytest.raises(Refused) as caught:
        assemble(payload, r, ORDER // 2 + 1, signer(ORDER // 2 + 1))
    assert caught.value.code == "payload.high_s"


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (-1, 1), (2**256, 1)])
def test_numbers_outside_the_group_are_no_signature(r: int, s: int) -> None:
    with pytest.raises(Refused) as caught:
        assemble(encode(plain()), r, s, "0x" + "ab" * 20)
    assert caught.value.code == "signature.range"


def test_an_r_that_is_no_point_is_a_wrong_key() -> None:
    with pytest.raises(Refused) as caught:
        assemble(encode(plain()), 5, 1, "0x" + "ab" * 20)  # x = 5 is not on secp256k1
    assert caught.value.code == "signature.wrong_key"
