"""Transfers of the native coin and of ERC-20 tokens: the call that makes one, and the check of a payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from strongroom.chains.evm.address import ZERO, is_canonical
from strongroom.chains.evm.transaction import decode
from strongroom.documents.amount import MAX_AMOUNT
from strongroom.documents.names import AccountId, AssetId, ChainId, split_account, split_asset
from strongroom.errors import InvalidInput, Refused

NATIVE: Final = "slip44:60"  # one name for the native coin, whatever the chain: two names would be two limits
TRANSFER: Final = bytes.fromhex("a9059cbb")  # transfer(address,uint256), ERC-20
_PADDING: Final = bytes(12)
_LENGTH: Final = 68


@dataclass(frozen=True, slots=True)
class Call:
    """What a transaction does: call `to` (lower-case hex) with `value` wei and `data`."""

    to: str
    value: int
    data: bytes


def chain_number(chain: ChainId) -> int:
    """The EIP-155 number of a CAIP-2 chain id; raises InvalidInput chain.not_evm."""
    namespace, _, reference = chain.partition(":")
    if namespace != "eip155":
        raise InvalidInput("chain.not_evm", "not a chain of the eip155 namespace")
    return int(reference)


def call(asset: AssetId, to: AccountId, amount: int) -> Call:
    """The call that pays `amount` base units of `asset` to `to`; raises InvalidInput."""
    chain, namespace, reference = split_asset(asset)
    chain_number(chain)
    account_chain, recipient = split_account(to)
    if account_chain != chain:
        raise InvalidInput("chain.differs", "the asset and the recipient are on different chains")
    if not is_canonical(recipient):
        raise InvalidInput("address.syntax", "the recipient is not an address in lower case")
    if recipient == ZERO:
        raise InvalidInput("address.zero", "the zero address belongs to nobody: what is sent there is lost")
    if type(amount) is not int or not 0 < amount <= MAX_AMOUNT:
        raise InvalidInput("amount.range", "a transfer moves from 1 to 2^256-1 base units")
    if f"{namespace}:{reference}" == NATIVE:
        return Call(recipient, amount, b"")
    if namespace != "erc20" or not is_canonical(reference):
        raise InvalidInput("asset.unsupported", f"only {NATIVE} and erc20 assets can be transferred")
    if reference == ZERO:
        raise InvalidInput("address.zero", "no token lives at the zero address")
    if recipient == reference:
        raise InvalidInput("address.token_contract", "tokens sent to their own contract are lost")
    return Call(reference, 0, TRANSFER + _PADDING + bytes.fromhex(recipient[2:]) + amount.to_bytes(32, "big"))


def null_call(address: str) -> Call:
    """The call that moves nothing and consumes the nonce: the account pays itself zero."""
    if not is_canonical(address) or address == ZERO:
        raise InvalidInput("address.syntax", "not an account's address in lower case")
    return Call(address, 0, b"")


def token_payment(data: bytes) -> tuple[str, int] | None:
    """(recipient, amount) of exact ERC-20 transfer calldata, 68 bytes; None for anything else."""
    if len(data) != _LENGTH or data[:4] != TRANSFER or data[4:16] != _PADDING:
        return None
    return "0x" + data[16:36].hex(), int.from_bytes(data[36:], "big")


def check(payload: bytes, *, chain: ChainId, expected: Call, nonce: int, fee_ceiling: int) -> int:
    """The worst-case fee in wei of a payload that does exactly `expected` (I13); raises payload.*, fee.*."""
    tx = decode(payload)
    if tx.chain_id != chain_number(chain):
        raise Refused("payload.chain_differs", f"the payload is for eip155:{tx.chain_id}, not for {chain}")
    if tx.nonce != nonce:
        raise Refused("payload.anchor_differs", f"the payload consumes nonce {tx.nonce}, not {nonce}")
    found, wanted = token_payment(tx.data), token_payment(expected.data)
    if tx.to != expected.to or (found and wanted and found[0] != wanted[0]):
        raise Refused("payload.recipients_differ", "the payload pays or calls another address")
    if tx.value != expected.value or (found and wanted and found[1] != wanted[1]):
        raise Refused("payload.amount_differs", "the payload moves another amount")
    if tx.data != expected.data:
        raise Refused("payload.data_differs", "the payload's calldata is not the intent's")
    if tx.worst_fee > fee_ceiling:
        raise Refused("fee.over_ceiling", f"the fee may reach {tx.worst_fee} wei, above {fee_ceiling} wei")
    return tx.worst_fee
