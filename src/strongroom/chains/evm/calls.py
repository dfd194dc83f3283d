"""Calls of contracts: which are allowances, and which are never made as calls."""

from __future__ import annotations

from typing import Final

from strongroom.documents.abi import SELECTOR, parse_method, selector_of, words
from strongroom.errors import InvalidInput

APPROVE: Final = parse_method("approve(address,uint256)")
MOST_ALLOWED: Final = 2**255 - 1
"""An allowance above it is meant to have no bound: tokens take 2^256-1 for one that is never used up."""

_SINGLE: Final = "(address,uint160,uint48,uint48)"
_UNBOUNDED: Final = frozenset(map(selector_of, (
    "setApprovalForAll(address,bool)", "increaseAllowance(address,uint256)",
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)", "permit(address,address,uint256,uint256,bytes)",
    "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)",
    "permit(address,uint256,uint256,uint8,bytes32,bytes32)", "permit(address,uint256,uint256,bytes)",
    f"permit(address,({_SINGLE},address,uint256),bytes)", f"permit(address,({_SINGLE}[],address,uint256),bytes)",
    "approve(address,address,uint160,uint48)",
)))  # fmt: skip
"""ERC-721, ERC-20, EIP-2612, DAI, EIP-4494, Permit2."""
_PAYMENTS: Final = frozenset(map(selector_of, (
    "transfer(address,uint256)", "transferFrom(address,address,uint256)",
    "safeTransferFrom(address,address,uint256)", "safeTransferFrom(address,address,uint256,bytes)",
    "safeTransferFrom(address,address,uint256,uint256,bytes)",
    "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
)))  # fmt: skip


def allowance(value: int, data: bytes) -> tuple[str, int] | None:
    """(spender, amount) of a call that is exactly an ERC-20 approve without value; None for anything else."""
    try:
        spender, amount = words(APPROVE, data)
    except InvalidInput:
        return None
    return None if value else (spender, int(amount))


def objection(value: int, data: bytes) -> tuple[str, str] | None:
    """Why a call with `value` wei is never made, whatever a policy says: a code, and the reason in words."""
    selector, allowed = data[:SELECTOR], allowance(value, data)
    unbounded = selector == APPROVE.selector and (allowed is None or allowed[1] > MOST_ALLOWED)
    if unbounded or selector in _UNBOUNDED:
        return "operation.allowance_unbounded", "it would let others spend more than can be counted"
    if selector in _PAYMENTS:
        return "operation.use_transfer", "it is a payment, and must be proposed as a transfer"
    return ("operation.not_a_contract", "its data calls no method") if len(selector) < SELECTOR else None
