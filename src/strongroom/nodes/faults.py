"""What nodes say when they refuse (geth, reth, anvil, erigon, nethermind, besu), as stable codes."""

from __future__ import annotations

import re
from typing import Final

from strongroom.errors import Refused

ALREADY_KNOWN: Final = "node.already_known"
NONCE_TOO_LOW: Final = "node.nonce_too_low"
REVERTS: Final = "node.reverts"

# First match wins; reverts come first, because their text is the contract's and could spell any other.
# Spaces are dropped before matching: nethermind says AlreadyKnown where geth says "already known".
_WORDINGS: Final = (
    (REVERTS, re.compile(r"execution:?reverted|^vmexception|^vmexecutionerror")),
    (ALREADY_KNOWN, re.compile(r"alreadyknown|alreadyimported|(?<!un)knowntransaction|alreadyinmempool")),
    (NONCE_TOO_LOW, re.compile(r"nonce(is)?toolow|oldnonce")),
    ("node.nonce_too_high", re.compile(r"nonce(is)?toohigh|noncegap|noncetoodistant")),
    (
        "node.underpriced",
        re.compile(
            r"underpriced|replacementnotallowed|feetoolow|tiptoolow|couldnotreplaceexisting"
            r"|lessthanblockbasefee|belowcurrentbasefee"
        ),
    ),
    (
        "node.insufficient_funds",
        re.compile(r"insufficientfunds|insufficientbalance|upfrontcostexceeds|outoffund"),
    ),
)
_REVERT_CODE: Final = 3  # JSON-RPC error code of an execution that reverted, in geth and its like
_ERROR_STRING: Final = bytes.fromhex("08c379a0")  # Error(string), Solidity's require and revert
_PANIC: Final = bytes.fromhex("4e487b71")  # Panic(uint256), Solidity's assert, overflow, division by zero
_LIMIT: Final = 200


def fault(code: int, message: str, data: object = None) -> Refused:
    """The error for a JSON-RPC error object; text from the node is cut and printable."""
    folded = re.sub(r"[\s_]", "", message[:2000]).lower()
    for name, wording in _WORDINGS:
        if wording.search(folded) or (name == REVERTS and code == _REVERT_CODE):
            text = (revert_reason(data) or message) if name == REVERTS else message
            return Refused(name, f"the node says: {_printable(text)}")
    return Refused("node.refused", f"the node says: {_printable(message)} ({code})")


def revert_reason(data: object) -> str | None:
    """The reason in a revert's data: Error(string), Panic(uint256), an own error's selector; or None."""
    raw = _bytes(data)
    if raw is None:
        return None
    if raw[:4] == _PANIC and len(raw) == 36:
        return f"panic {int.from_bytes(raw[4:], 'big'):#x}"
    if raw[:4] != _ERROR_STRING or len(raw) < 68:
        return f"error {raw[:4].hex()}" if len(raw) >= 4 else None
    length = int.from_bytes(raw[36:68], "big")
    return _printable(raw[68 : 68 + min(length, _LIMIT)].decode("utf-8", "replace")) or None


def _bytes(data: object) -> bytes | None:
    if isinstance(data, dict):  # some nodes wrap it: {"data": "0x…"}
        data = data.get("data")
    if not isinstance(data, str) or not data.startswith("0x") or len(data) > 20_000:
        return None
    try:
        return bytes.fromhex(data[2:])
    except ValueError:
        return None


def _printable(text: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text[:_LIMIT])
