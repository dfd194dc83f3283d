"""Payloads in plain words: amounts exact, addresses with checksums, unknown things called unknown."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from strongroom.chains.evm.calldata import calldata
from strongroom.chains.evm.calls import APPROVE
from strongroom.chains.evm.explain import explain, explain_call, explain_message
from strongroom.chains.evm.transaction import UnsignedTransaction, encode
from strongroom.chains.evm.transfer import Call, call, null_call
from strongroom.documents.abi import parse_method
from strongroom.documents.canonical import encode as encode_document
from strongroom.documents.keccak import keccak256
from strongroom.documents.names import AccountId, AssetId, ChainId
from strongroom.documents.typed import parse_message, preimage
from strongroom.errors import Refused
from tests.unit.documents.test_typed import MAIL

ETH = AssetId("eip155:31337/slip44:60")
CONTRACT = "0xde709f2102306220921060314715629080e2fb77"
TOKEN = AssetId(f"eip155:31337/erc20:{CONTRACT}")
PAYEE = AccountId("eip155:31337:0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed")
PAYEE_CHECKSUM = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


class Unit(NamedTuple):
    symbol: str
    decimals: int


ASSETS = {ETH: Unit("ETH", 18), TOKEN: Unit("USDT", 6)}
COSTS = (
    "costs at most 0.000063 ETH (63000000000000 base units of eip155:31337/slip44:60) in fees"
    " (21000 gas at no more than 3000000000 wei, 1000000000 wei of it priority)"
)
CONSUMES = "consumes nonce 7 on chain eip155:31337"


def lines(made: Call) -> list[str]:
    tx = UnsignedTransaction(31337, 7, 10**9, 3 * 10**9, 21_000, made.to, made.value, made.data)
    return explain(encode(tx), ASSETS)


def test_a_native_payment() -> None:
    assert lines(call(ETH, PAYEE, 15 * 10**17 + 1)) == [
        f"pays 1.500000000000000001 ETH (1500000000000000001 base units of {ETH}) to {PAYEE_CHECKSUM}",
        COSTS,
        CONSUMES,
    ]


def test_a_token_payment_names_the_payee_and_not_the_contract() -> None:
    assert lines(call(TOKEN, PAYEE, 2_500_000)) == [
        f"pays 2.5 USDT (2500000 base units of {TOKEN}) to {PAYEE_CHECKSUM}",
        COSTS,
        CONSUMES,
    ]


def test_an_unknown_token_is_shown_in_base_units() -> None:
    unknown = AssetId(f"eip155:31337/erc20:0x{'11' * 20}")
    first = lines(call(unknown, PAYEE, 2_500_000))[0]
    assert first == f"pays 2500000 base units of {unknown} to {PAYEE_CHECKSUM}"


def test_the_null_replacement() -> None:
    assert lines(null_call(CONTRACT))[0] == (
        "pays nothing; only consumes the nonce, by a call to 0xde709f2102306220921060314715629080e2fb77"
    )


def test_calldata_that_is_not_a_transfer_is_not_guessed_at() -> None:
    assert lines(Call(CONTRACT, 3, bytes.fromhex("d0e30db0") + bytes(64)))[0] == (
        f"calls {CONTRACT} with 0.000000000000000003 ETH (3 base units of {ETH}) and 68 bytes of unknown calldata"
    )


def test_an_allowance_says_who_may_spend_how_much() -> None:
    spender = PAYEE.rpartition(":")[2]
    made = Call(CONTRACT, 0, calldata(APPROVE, [spender, "2500000"]))
    assert lines(made)[0] == f"lets {PAYEE_CHECKSUM} spend 2.5 USDT (2500000 base units of {TOKEN})"


def test_a_known_method_is_shown_argument_by_argument() -> None:
    method = parse_method("deposit(address,bool,uint64)")
    made = Call(CONTRACT, 0, calldata(method, [PAYEE.rpartition(":")[2], "true", "7"]))
    assert explain_call(ChainId("eip155:31337"), made, ASSETS, [APPROVE, method]) == [
        f"calls deposit(address,bool,uint64) of {CONTRACT} with 0 ETH (0 base units of {ETH})",
        f"argument 0 (address): {PAYEE_CHECKSUM}",
        "argument 1 (bool): true",
        "argument 2 (uint64): 7",
    ]


def test_a_message_is_shown_value_by_value_and_what_is_invisible_is_escaped() -> None:
    doc = {**MAIL, "fields": {**MAIL["fields"], "contents": "pay \u202eecilA\nand é"}}
    message = parse_message(encode_document(doc))
    assert explain_message(message)[0].startswith(
        "signs the message Mail of schema 'mail' for chainId 1, name Ether Mail"
    )
    assert explain_message(message)[1:3] == ["contents: pay \\u202eecilA\\nand é", "from.name: Cow"]
    odd = parse_message(encode_document({**doc, "domain": {"chainId": 1}, "fields": {"list": [1, {"a": None}]}}))
    assert explain_message(odd)[1:] == ["list: [1, {'a': None}]"], "nobody has checked it against a schema yet"
    assert explain(preimage(message), ASSETS) == [
        "signs a typed message with the hash 0x" + keccak256(preimage(message)).hex() + "; it is no transaction"
    ]


def test_bytes_that_do_not_decode_are_refused() -> None:
    with pytest.raises(Refused) as caught:
        explain(b"\x02\xc0", ASSETS)
    assert caught.value.code == "payload.syntax"
