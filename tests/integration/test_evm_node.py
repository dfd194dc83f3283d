"""Transfers built, signed and sent by our own code on a real node: exact balances, replacement, repetition, outage."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction

from strongroom.chains.evm.address import address_of
from strongroom.chains.evm.checksum import checksum
from strongroom.chains.evm.fees import bumped, starting
from strongroom.chains.evm.transaction import SignedTransaction, UnsignedTransaction, assemble, digest, encode
from strongroom.chains.evm.transfer import Call, call, check, null_call
from strongroom.documents.names import AccountId, AssetId, ChainId
from strongroom.errors import InvalidInput, Refused, StrongroomError, Unreachable
from strongroom.nodes.answers import Receipt, TokenTransfer
from strongroom.nodes.evm import EvmNode
from tests.integration.anvil import FAUCET, Anvil, token_bytecode

CHAIN = ChainId("eip155:31337")
ETH = AssetId("eip155:31337/slip44:60")
PAYEE = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"
PAYEE_ACCOUNT = AccountId(f"{CHAIN}:{PAYEE}")
UNKNOWN_TXID = "0x" + "11" * 32
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
ORDER = 2 * HALF_ORDER + 1


class Payer:
    """An account with a key made for one test."""

    def __init__(self) -> None:
        self._key = PrivateKey()
        self.secret = self._key.secret
        self.address = address_of(self._key.public_key.format())

    def signature(self, payload: bytes) -> tuple[int, int]:
        signed = self._key.sign_recoverable(digest(payload), hasher=None)
        return int.from_bytes(signed[:32], "big"), int.from_bytes(signed[32:64], "big")

    def sign(self, payload: bytes) -> SignedTransaction:
        return assemble(payload, *self.signature(payload), self.address)


def build(made: Call, nonce: int, *, gas: int = 21_000, max_fee: int = 3 * 10**9, priority: int = 10**9) -> bytes:
    return encode(UnsignedTransaction(31337, nonce, priority, max_fee, gas, made.to, made.value, made.data))


async def mined(node: EvmNode, txid: str) -> Receipt:
    for _ in range(1000):
        if (found := await node.receipt(txid)) is not None:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"{txid} was not mined")


async def fund(node: EvmNode, address: str, wei: int = 10**18) -> None:
    """From the chain's own faucet account; mines where the chain does not by itself."""
    txid = await node.call("eth_sendTransaction", [{"from": FAUCET, "to": address, "value": hex(wei)}])
    if await node.receipt(txid) is None:
        await node.call("evm_mine")
    await mined(node, txid)


async def deploy_token(node: EvmNode, supply: int) -> str:
    order = {"from": FAUCET, "data": token_bytecode(supply)}
    txid = await node.call("eth_sendTransaction", [order])
    receipt = await mined(node, txid)
    assert receipt.succeeded
    token = (await node.call("eth_getTransactionReceipt", [txid]))["contractAddress"]
    return str(token).lower()


async def refused(pending: object, kind: type[StrongroomError] = Refused) -> str:
    with pytest.raises(kind) as caught:
        await pending  # type: ignore[misc]
    return caught.value.code


async def test_a_native_transfer_moves_exactly_its_amount_and_fee(node: EvmNode) -> None:
    payer, amount = Payer(), 123_456_789_012_345_678
    await fund(node, payer.address)
    made = call(ETH, PAYEE_ACCOUNT, amount)
    max_fee, priority = starting(*await node.fees())
    nonce = await node.nonce(payer.address)
    gas = await node.simulate(payer.address, made)
    payload = build(made, nonce, gas=gas, max_fee=max_fee, priority=priority)
    worst = check(payload, chain=CHAIN, expected=made, nonce=nonce, fee_ceiling=10**16)

    signed = payer.sign(payload)
    assert await node.send_raw(signed.raw) == signed.txid
    receipt = await mined(node, signed.txid)
    assert receipt.succeeded and receipt.sender == payer.address and receipt.gas_used == 21_000
    assert receipt.fee <= worst
    assert await node.balance(PAYEE) == amount
    assert await node.balance(payer.address) == 10**18 - amount - receipt.fee
    assert await node.nonce(payer.address) == nonce + 1 == await node.nonce(payer.address, "latest")

    found = await node.transaction(signed.txid)
    assert found is not None
    assert (found.sender, found.to, found.value, found.nonce) == (payer.address, PAYEE, amount, nonce)
    block = await node.block(receipt.block_hash)
    assert block is not None and block.number == receipt.block_number <= await node.block_number()
    assert block == await node.block(receipt.block_number)
    assert receipt.fee == receipt.gas_used * (block.base_fee + priority)


async def test_the_nodes_view_of_our_bytes_agrees_with_eth_account(node: EvmNode) -> None:
    payer = Payer()
    await fund(node, payer.address)
    made = call(ETH, PAYEE_ACCOUNT, 5)
    payload = build(made, 0)
    fields = {
        "type": 2,
        "chainId": 31337,
        "nonce": 0,
        "maxPriorityFeePerGas": 10**9,
        "maxFeePerGas": 3 * 10**9,
        "gas": 21_000,
        "to": checksum(PAYEE),
        "value": 5,
        "data": b"",
    }
    assert digest(payload) == bytes(TypedTransaction.from_dict(fields).hash())
    theirs = Account.sign_transaction(fields, payer.secret)
    ours = payer.sign(payload)
    assert ours.raw == bytes(theirs.raw_transaction) and ours.txid == "0x" + bytes(theirs.hash).hex()
    assert await node.send_raw(bytes(theirs.raw_transaction)) == ours.txid
    assert (await mined(node, ours.txid)).succeeded


@pytest.mark.usefixtures("contracts")
async def test_a_transfer_of_a_token_that_returns_nothing(node: EvmNode) -> None:
    payer, supply = Payer(), 10**12
    token = await deploy_token(node, supply)
    asset = AssetId(f"{CHAIN}/erc20:{token}")
    await fund(node, payer.address)
    grant = call(asset, AccountId(f"{CHAIN}:{payer.address}"), 5_000_000)
    order = {"from": FAUCET, "to": grant.to, "data": "0x" + grant.data.hex()}
    assert (await mined(node, await node.call("eth_sendTransaction", [order]))).succeeded

    made = call(asset, PAYEE_ACCOUNT, 1_250_000)
    gas = await node.simulate(payer.address, made)
    payload = build(made, 0, gas=gas)
    assert check(payload, chain=CHAIN, expected=made, nonce=0, fee_ceiling=10**16) == gas * 3 * 10**9
    signed = payer.sign(payload)
    assert await node.send_raw(signed.raw) == signed.txid
    receipt = await mined(node, signed.txid)
    assert receipt.succeeded
    assert receipt.transfers == (TokenTransfer(token, payer.address, PAYEE, 1_250_000),)
    assert await node.token_balance(token, PAYEE) == 1_250_000
    assert await node.token_balance(token, payer.address) == 3_750_000
    assert await node.token_balance(token, FAUCET) == supply - 5_000_000
    assert await node.balance(payer.address) == 10**18 - receipt.fee

    too_much = call(asset, PAYEE_ACCOUNT, 3_750_001)
    with pytest.raises(Refused) as caught:
        await node.simulate(payer.address, too_much)
    assert (caught.value.code, caught.value.message) == ("node.reverts", "the node says: balance too low")
    assert await refused(node.gas_estimate(payer.address, too_much)) == "node.reverts"


async def test_an_account_that_is_no_token_has_no_token_balance(node: EvmNode) -> None:
    assert await refused(node.token_balance(PAYEE, FAUCET)) == "node.not_a_token"


async def test_a_payment_beyond_the_balance_is_refused_before_it_is_signed_and_when_it_is_sent(
    node: EvmNode,
) -> None:
    payer = Payer()
    await fund(node, payer.address)
    made = call(ETH, PAYEE_ACCOUNT, 10**18)  # all of it: nothing is left for the fee
    signed = payer.sign(build(made, 0))
    assert await refused(node.send_raw(signed.raw)) == "node.insufficient_funds"
    beyond = call(ETH, PAYEE_ACCOUNT, 10**18 + 1)
    assert await refused(node.simulate(payer.address, beyond)) == "node.insufficient_funds"
    assert await node.balance(PAYEE) == 0


async def test_a_fee_bump_replaces_and_only_one_of_the_two_is_mined(quiet_node: EvmNode) -> None:
    node, payer = quiet_node, Payer()
    await fund(node, payer.address)
    made = call(ETH, PAYEE_ACCOUNT, 7)
    first = payer.sign(build(made, 0))
    max_fee, priority = bumped(3 * 10**9, 10**9)
    second = payer.sign(build(made, 0, max_fee=max_fee, priority=priority))
    cheaper = payer.sign(build(made, 0, max_fee=2 * 10**9, priority=10**9 - 1))

    await node.send_raw(first.raw)
    assert await refused(node.send_raw(cheaper.raw)) == "node.underpriced"
    pooled = await node.transaction(first.txid)
    assert pooled is not None and pooled.block_number is None
    assert await node.receipt(first.txid) is None
    assert (await node.nonce(payer.address, "latest"), await node.nonce(payer.address)) == (0, 1)
    await node.send_raw(second.raw)
    await node.call("evm_mine")
    assert (await mined(node, second.txid)).succeeded
    assert await node.receipts([first.txid, second.txid, UNKNOWN_TXID]) == [
        None,
        await node.receipt(second.txid),
        None,
    ]
    assert await node.transaction(first.txid) is None
    assert await node.balance(PAYEE) == 7


async def test_the_null_replacement_takes_the_payments_place(quiet_node: EvmNode) -> None:
    node, payer = quiet_node, Payer()
    await fund(node, payer.address)
    payment = payer.sign(build(call(ETH, PAYEE_ACCOUNT, 7), 0))
    max_fee, priority = bumped(3 * 10**9, 10**9)
    null = payer.sign(build(null_call(payer.address), 0, max_fee=max_fee, priority=priority))
    await node.send_raw(payment.raw)
    await node.send_raw(null.raw)
    await node.call("evm_mine")
    receipt = await mined(node, null.txid)
    assert receipt.succeeded
    assert await node.balance(PAYEE) == 0
    assert await node.balance(payer.address) == 10**18 - receipt.fee
    assert await refused(node.send_raw(payment.raw)) == "node.nonce_too_low"


async def test_sending_again_is_success_in_the_pool_and_after_mining(quiet_node: EvmNode) -> None:
    node, payer = quiet_node, Payer()
    await fund(node, payer.address)
    signed = payer.sign(build(call(ETH, PAYEE_ACCOUNT, 7), 0))
    for _ in range(3):
        assert await node.send_raw(signed.raw) == signed.txid
    await node.call("evm_mine")
    await mined(node, signed.txid)
    for _ in range(3):
        assert await node.send_raw(signed.raw) == signed.txid
    assert await node.balance(PAYEE) == 7


async def test_another_transaction_with_a_used_nonce_is_refused(node: EvmNode) -> None:
    payer = Payer()
    await fund(node, payer.address)
    await mined(node, await node.send_raw(payer.sign(build(call(ETH, PAYEE_ACCOUNT, 7), 0)).raw))
    other = payer.sign(build(call(ETH, PAYEE_ACCOUNT, 8), 0))
    assert await refused(node.send_raw(other.raw)) == "node.nonce_too_low"
    assert await node.balance(PAYEE) == 7


async def test_a_fee_below_the_base_fee_is_underpriced(node: EvmNode) -> None:
    payer = Payer()
    await fund(node, payer.address)
    cheap = payer.sign(build(call(ETH, PAYEE_ACCOUNT, 7), 0, max_fee=1, priority=1))
    assert await refused(node.send_raw(cheap.raw)) == "node.underpriced"


async def test_high_s_is_refused_by_us_whatever_the_node_would_do(node: EvmNode) -> None:
    """EIP-2, which this node does not enforce."""
    payer = Payer()
    await fund(node, payer.address)
    payload = build(call(ETH, PAYEE_ACCOUNT, 7), 0)
    r, s = payer.signature(payload)
    assert s <= HALF_ORDER
    with pytest.raises(Refused) as caught:
        assemble(payload, r, ORDER - s, payer.address)
    assert caught.value.code == "payload.high_s"


async def test_what_the_node_does_not_know_is_none(node: EvmNode) -> None:
    assert await node.receipt(UNKNOWN_TXID) is None
    assert await node.transaction(UNKNOWN_TXID) is None
    assert await node.block(UNKNOWN_TXID) is None
    assert await node.block(2**40) is None
    assert await node.receipts([]) == []
    latest = await node.block("latest")
    assert latest is not None and latest.number == 0


async def test_a_batch_keeps_its_order_and_gives_errors_as_values(node: EvmNode) -> None:
    number, error, chain = await node.batch([("eth_blockNumber", ()), ("eth_nope", ()), ("eth_chainId", ())])
    assert (number, chain) == ("0x0", "0x7a69")
    assert isinstance(error, Refused) and error.code == "node.refused"
    assert await refused(node.call("eth_nope")) == "node.refused"


async def test_a_reorganised_chain_forgets_the_receipt_and_takes_the_transaction_again(quiet_node: EvmNode) -> None:
    node, payer = quiet_node, Payer()
    await fund(node, payer.address)
    before = await node.call("evm_snapshot")
    signed = payer.sign(build(call(ETH, PAYEE_ACCOUNT, 7), 0))
    await node.send_raw(signed.raw)
    await node.call("evm_mine")
    old = await mined(node, signed.txid)
    assert await node.call("evm_revert", [before]) is True
    assert await node.receipt(signed.txid) is None
    assert await node.block(old.block_hash) is None
    assert await node.send_raw(signed.raw) == signed.txid
    await node.call("evm_mine")
    assert (await mined(node, signed.txid)).succeeded


async def test_a_killed_node_is_unreachable_and_the_next_one_on_its_port_must_be_of_the_same_chain(
    anvil: Anvil,
) -> None:
    async with EvmNode(anvil.url) as node:
        await node.connect(CHAIN)
        assert await node.chain_id() == CHAIN
        anvil.kill()
        assert await refused(node.block_number(), Unreachable) == "node.unreachable"
        assert await refused(node.send_raw(b"\x02"), Unreachable) == "node.unreachable"
        with Anvil(port=anvil.port, chain=1):
            assert await refused(node.block_number(), Unreachable) == "node.wrong_chain"
        with Anvil(port=anvil.port):
            assert await node.block_number() == 0


async def test_a_node_of_another_chain_is_refused_at_once() -> None:
    with Anvil(chain=5) as other:
        async with EvmNode(other.url) as node:
            assert await refused(node.connect(CHAIN), Unreachable) == "node.wrong_chain"
            assert await refused(node.block_number(), Unreachable) == "node.wrong_chain"
            assert await refused(node.connect(ChainId("solana:x")), InvalidInput) == "chain.not_evm"


async def test_the_chain_survives_a_stop_with_a_state_file(tmp_path: Path) -> None:
    payer, state = Payer(), str(tmp_path / "chain.json")
    with Anvil("--state", state) as chain:
        async with EvmNode(chain.url) as node:
            await fund(node, payer.address)
            sent = await node.send_raw(payer.sign(build(call(ETH, PAYEE_ACCOUNT, 7), 0)).raw)
            await mined(node, sent)
    with Anvil("--state", state) as chain:
        async with EvmNode(chain.url) as node:
            assert await node.balance(PAYEE) == 7
            assert await node.nonce(payer.address) == 1
            assert (await mined(node, sent)).succeeded
