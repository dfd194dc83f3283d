"""Addresses: EIP-55's own vectors, one spelling inside, and eth_account as the oracle for keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_utils import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from strongroom.chains.evm.address import address_of, is_canonical
from strongroom.chains.evm.checksum import checksum, parse_address
from strongroom.errors import InvalidInput

VECTORS = json.loads((Path(__file__).parents[3] / "vectors/eip55.json").read_text())
ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())


@pytest.mark.parametrize("spelled", [a for kind in ("all caps", "all lower", "normal") for a in VECTORS[kind]])
def test_eip_55_test_cases(spelled: str) -> None:
    assert checksum(spelled.lower()) == spelled
    assert parse_address(spelled) == spelled.lower()
    assert parse_address(spelled.lower()) == spelled.lower()


@pytest.mark.parametrize("spelled", VECTORS["normal"])
def test_a_single_letter_of_the_wrong_case_is_refused(spelled: str) -> None:
    for at, letter in enumerate(spelled[2:], start=2):
        if letter.isalpha():
            with pytest.raises(InvalidInput) as refusal:
                parse_address(spelled[:at] + letter.swapcase() + spelled[at + 1 :])
            assert refusal.value.code == "address.checksum"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        "0X5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaedd",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed\n",
        " 0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg",
        "0x５aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        "vitalik.eth",
        None,
        5,
        b"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
    ],
)
def test_what_is_not_an_address_is_refused(text: object) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_address(text)
    assert refusal.value.code == "address.syntax"


@given(ADDRESSES)
def test_checksums_agree_with_eth_utils(address: str) -> None:
    assert checksum(address) == to_checksum_address(address)
    assert parse_address(checksum(address)) == address
    assert is_canonical(address)


@given(st.integers(1, 2**255).map(lambda secret: secret.to_bytes(32, "big")))
def test_the_account_of_a_key_agrees_with_eth_account(secret: bytes) -> None:
    public = PrivateKey(secret).public_key
    expected = Account.from_key(secret).address
    assert checksum(address_of(public.format())) == expected
    assert checksum(address_of(public.format(compressed=False))) == expected


@pytest.mark.parametrize("public", [b"", bytes(33), bytes(65), b"\x02" + b"\xff" * 32, bytes(64), bytes(20)])
def test_what_is_not_a_point_has_no_account(public: bytes) -> None:
    with pytest.raises(InvalidInput) as refusal:
        address_of(public)
    assert refusal.value.code == "address.public_key"
