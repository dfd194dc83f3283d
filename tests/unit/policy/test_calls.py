"""The calls that a rule names: exactly the contracts, the method and the arguments that it says, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.chains.evm.calldata import calldata
from strongroom.documents.names import AccountId
from strongroom.errors import InvalidInput
from strongroom.policy.calls import ContractCall, fits, parse_shape

SPENDER, OTHER = "0x" + "ab" * 20, "0x" + "cd" * 20
CONTRACT = "eip155:1:0x" + "33" * 20
SHAPE: dict[str, Any] = {
    "contracts": [CONTRACT],
    "method": "approve(address,uint256)",
    "arguments": [{"index": 0, "is": [SPENDER]}, {"index": 1, "min": "1", "max": "1000"}],
}


def fitting(arguments: list[str], shape: dict[str, Any] = SHAPE, contract: str = CONTRACT, extra: bytes = b"") -> bool:
    read = parse_shape("rule 1", shape)
    call = ContractCall(AccountId(contract), calldata(read.method, arguments) + extra)
    return fits(read, call, lambda address: address == OTHER)


def test_a_call_as_the_rule_says_fits() -> None:
    assert fitting([SPENDER, "1"])
    assert fitting([SPENDER, "1000"])


def test_another_contract_argument_or_length_does_not_fit() -> None:
    assert not fitting([SPENDER, "1"], contract="eip155:1:0x" + "34" * 20)
    assert not fitting([SPENDER, "1"], contract="eip155:2:0x" + "33" * 20)
    assert not fitting([OTHER, "1"])
    assert not fitting([SPENDER, "0"])
    assert not fitting([SPENDER, "1001"])
    assert not fitting([SPENDER, "1"], extra=bytes(32))


def test_another_method_does_not_fit() -> None:
    call = ContractCall(AccountId(CONTRACT), bytes.fromhex("a9059cbb") + bytes(64))
    assert not fits(parse_shape("rule 1", {**SHAPE, "arguments": []}), call, lambda address: True)


def test_an_own_wallet_is_asked_for_by_its_address() -> None:
    shape = {**SHAPE, "arguments": [{"index": 0, "own_wallet": True}]}
    assert fitting([OTHER, "1"], shape)
    assert not fitting([SPENDER, "1"], shape)


def test_several_constraints_on_one_argument_all_hold() -> None:
    shape = {**SHAPE, "arguments": [{"index": 0, "own_wallet": True}, {"index": 0, "is": [SPENDER, OTHER]}]}
    assert fitting([OTHER, "1"], shape)
    assert not fitting([SPENDER, "1"], shape)


@given(st.binary(max_size=100))
def test_any_data_fits_or_does_not(data: bytes) -> None:
    shape = parse_shape("rule 1", SHAPE)
    for start in (b"", shape.method.selector):
        assert not fits(shape, ContractCall(AccountId(CONTRACT), start + data), lambda address: False)


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("policy.call", {"contracts": []}),
        ("policy.call", {"contracts": [CONTRACT, CONTRACT]}),
        ("account.syntax", {"contracts": [CONTRACT.upper()]}),
        ("account.syntax", {"contracts": [["x"]]}),
        ("method.syntax", {"method": "approve"}),
        ("policy.constraint", {"arguments": [{"index": 2, "is": ["1"]}]}),
        ("policy.constraint", {"arguments": [{"index": -1, "is": ["1"]}]}),
        ("policy.constraint", {"arguments": [{"index": 1}]}),
        ("policy.constraint", {"arguments": [{"index": 1, "is": []}]}),
        ("policy.constraint", {"arguments": [{"index": 1, "is": ["1"], "max": "1"}]}),
        ("policy.constraint", {"arguments": [{"index": 1, "min": "2", "max": "1"}]}),
        ("policy.constraint", {"arguments": [{"index": 1, "own_wallet": True}]}),
        ("policy.constraint", {"arguments": [{"index": 0, "own_wallet": False}]}),
        ("policy.constraint", {"arguments": [{"index": 0, "max": "1"}]}),
        ("policy.constraint", {"method": "set(uint8)", "arguments": [{"index": 0, "min": "256"}]}),
        ("policy.constraint", {"arguments": [{"index": 0, "is": [7]}]}),
        ("argument.syntax", {"arguments": [{"index": 0, "is": ["0x" + "AB" * 20]}]}),
        ("amount.syntax", {"arguments": [{"index": 1, "is": ["0x05"]}]}),
        ("document.unknown_field", {"arguments": [{"index": 1, "at_most": "1"}]}),
        ("document.type", {"arguments": [{"index": 1, "max": 1}]}),
        ("document.missing_field", {"arguments": [{"is": ["1"]}]}),
    ],
)
def test_a_shape_that_nothing_could_fit_is_refused(code: str, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_shape("rule 1", {**SHAPE, **change})
    assert refused.value.code == code
