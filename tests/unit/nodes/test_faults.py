"""Nodes' wordings become stable codes, whatever a contract or a hostile node puts into the text."""

from __future__ import annotations

import pytest
from eth_abi import encode as abi_encode
from hypothesis import given
from hypothesis import strategies as st

from strongroom.nodes.faults import fault, revert_reason


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("already known", "node.already_known"),  # geth, reth, erigon
        ("ALREADY_EXISTS: already known", "node.already_known"),  # erigon
        ("AlreadyKnown", "node.already_known"),  # nethermind
        ("Known transaction", "node.already_known"),  # besu
        ("transaction already imported", "node.already_known"),  # anvil
        ("unknown transaction type", "node.refused"),
        ("nonce too low", "node.nonce_too_low"),  # anvil
        ("nonce too low: next nonce 5, tx nonce 4", "node.nonce_too_low"),  # geth, reth
        ("OldNonce, Current nonce: 5, nonce of rejected tx: 4", "node.nonce_too_low"),  # nethermind
        ("nonce too high", "node.nonce_too_high"),
        ("replacement transaction underpriced", "node.underpriced"),  # geth, reth, anvil
        ("transaction underpriced: tip needed 1000000000, tip permitted 1", "node.underpriced"),  # geth
        ("max fee per gas less than block base fee", "node.underpriced"),  # geth, reth, anvil
        ("ReplacementNotAllowed", "node.underpriced"),  # nethermind
        ("FeeTooLow, EffectivePriorityFeePerGas too low", "node.underpriced"),  # nethermind
        ("Insufficient funds for gas * price + value", "node.insufficient_funds"),  # anvil
        (
            "insufficient funds for gas * price + value: balance 0, tx cost 1",
            "node.insufficient_funds",
        ),  # geth
        ("InsufficientFunds, Account balance: 0", "node.insufficient_funds"),  # nethermind
        ("Upfront cost exceeds account balance", "node.insufficient_funds"),  # besu
        ("execution reverted", "node.reverts"),
        ("execution reverted: balance too low", "node.reverts"),
        ("VM Exception while processing transaction: reverted with reason 'no'", "node.reverts"),  # hardhat
        ("VM execution error.", "node.reverts"),  # openethereum, gnosis
        ("intrinsic gas too low", "node.refused"),
        ("", "node.refused"),
    ],
)
def test_wordings(message: str, code: str) -> None:
    assert fault(-32000, message).code == code


@pytest.mark.parametrize("spoof", ["already known", "nonce too low", "insufficient funds", "underpriced"])
def test_a_contracts_own_reason_cannot_pass_for_the_nodes(spoof: str) -> None:
    assert fault(-32000, f"execution reverted: {spoof}").code == "node.reverts"
    assert fault(3, spoof).code == "node.reverts"


def test_the_reason_comes_from_the_return_data() -> None:
    reason = "0x08c379a0" + abi_encode(["string"], ["balance too low"]).hex()
    assert revert_reason(reason) == "balance too low"
    assert revert_reason({"data": reason}) == "balance too low"
    assert fault(3, "execution reverted", reason).message == "the node says: balance too low"
    assert revert_reason("0x4e487b71" + abi_encode(["uint256"], [0x11]).hex()) == "panic 0x11"
    assert revert_reason("0xe450d38c" + bytes(96).hex()) == "error e450d38c"
    for nothing in (None, "0x", "0x08", "text", "0xzz", 5, {}, "0x" + "00" * 20_000):
        assert revert_reason(nothing) is None


@given(st.integers(), st.text(max_size=500), st.one_of(st.none(), st.text(max_size=50), st.binary(max_size=300)))
def test_any_text_of_a_node_is_cut_and_printable(code: int, message: str, data: str | bytes | None) -> None:
    given_data = "0x08c379a0" + data.hex() if isinstance(data, bytes) else data
    refused = fault(code, message, given_data)
    assert refused.code.startswith("node.")
    assert len(refused.message) < 400
    assert refused.message.isascii() and refused.message.isprintable()
