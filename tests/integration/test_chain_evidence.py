"""Chain evidence from a real node: every transaction of an account, in order, of whatever kind, wherever it lies."""

from __future__ import annotations

from typing import Any

import pytest
from coincurve import PrivateKey
from eth_account import Account

from strongroom.audit import rawtx
from strongroom.audit.evidence import evidence_of
from strongroom.chains.evm.address import address_of
from strongroom.documents.names import ChainId
from strongroom.errors import Unreachable
from strongroom.nodes.evm import EvmNode
from tests.integration.anvil import FAUCET, Anvil

CHAIN = ChainId("eip155:31337")
PAYEE = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


async def blocks(node: EvmNode, count: int) -> None:
    await node.call("anvil_mine", (hex(count),))


async def test_every_transaction_is_found_by_its_nonce(node: EvmNode) -> None:
    key = PrivateKey()
    address, account = address_of(key.public_key.format()), Account.from_key(key.secret)
    await node.call("eth_sendTransaction", ({"from": FAUCET, "to": address, "value": hex(10**18)},))
    basis = {"to": PAYEE, "value": 1, "gas": 30_000, "chainId": 31337}
    fees: list[dict[str, Any]] = [
        {"gasPrice": 3 * 10**9},
        {"gasPrice": 3 * 10**9, "accessList": []},
        {"maxFeePerGas": 3 * 10**9, "maxPriorityFeePerGas": 1},
    ]
    txids, gaps = [], [0, 700, 3, 0, 1, 90, 0]
    for nonce, gap in enumerate(gaps):
        await blocks(node, gap + 1)
        signed = account.sign_transaction({**basis, **fees[nonce % 3], "nonce": nonce})
        txids.append(await node.send_raw(bytes(signed.raw_transaction)))
        while await node.receipt(txids[-1]) is None:
            await blocks(node, 1)
    await blocks(node, 300)
    first, *found = [document async for document in evidence_of(node, CHAIN, address)]
    head = await node.block("latest")
    assert head is not None
    assert first == {
        "account": address, "block": head.number, "chain": CHAIN, "hash": head.hash, "nonce": len(gaps),
    }  # fmt: skip
    sent = [rawtx.parse_sent(bytes.fromhex(document["raw"])) for document in found]
    assert [(each.txid, each.sender, each.nonce) for each in sent] == [
        (txid, address, nonce) for nonce, txid in enumerate(txids)
    ]
    for document, txid in zip(found, txids, strict=True):
        receipt = await node.receipt(txid)
        assert receipt is not None
        assert (document["block"], document["hash"]) == (receipt.block_number, receipt.block_hash)
        assert document["succeeded"] is receipt.succeeded


async def test_an_account_that_has_sent_nothing_is_one_document(node: EvmNode) -> None:
    await blocks(node, 50)
    found = [document async for document in evidence_of(node, CHAIN, "0x" + "77" * 20)]
    assert [document["nonce"] for document in found] == [0]


async def test_a_node_that_is_away_is_told(anvil: Anvil, node: EvmNode) -> None:
    anvil.kill()
    with pytest.raises(Unreachable):
        _ = [document async for document in evidence_of(node, CHAIN, "0x" + "77" * 20)]
