"""How to mend what was refused, where the refusal itself does not say: by code, or by the family of the code."""

from __future__ import annotations

from typing import Final

_BY_CODE: Final = {
    "account.syntax": "write it as eip155:CHAIN:0x…, the address in lower case",
    "address.syntax": "write 0x and 40 hex digits",
    "address.zero": "check the destination",
    "amount.syntax": 'write base units as plain digits in a string, such as "1500000"',
    "amount.too_large": "no asset has that much: check the digits",
    "amount.zero": "check the amount",
    "approval.person_already_counted": "nothing is left to do: the approval counts",
    "asset.syntax": "see GET /v1/policy for the assets and their names",
    "chain.differs": "take wallet, asset and destination of one chain",
    "credential.bad_signature": "sign the DSSE pre-authentication encoding of the very payload that is sent",
    "document.duplicate_key": "write every key once",
    "document.float": "write amounts as strings of base units",
    "document.integer": "write large numbers as strings",
    "document.not_canonical": "sort the keys, no spaces, no escapes beyond the necessary (RFC 8785)",
    "document.syntax": "send one JSON object in UTF-8",
    "document.too_deep": "nest objects and lists less deeply",
    "document.too_large": "send a shorter document",
    "intent.expired": "sign it again with a later until",
    "intent.idempotency": "take the number of the order in your own books",
    "intent.until_too_far": "sign it again with an earlier until",
    "statement.expired": "sign it again with a later not_after",
    "statement.other_workspace": "use the id that GET /v1/workspace gives and that you pinned",
    "statement.seen_too_old": "take seen from GET /v1/checkpoint and sign again",
    "statement.seen_unknown": "take seen from GET /v1/checkpoint and sign again",
    "statement.unknown_key": "sign with a key that the policy lists for that person or service",
}
_BY_FAMILY: Final = {
    "base64": "use the standard alphabet with padding, on one line",
    "document": "see /openapi.json for the form",
    "envelope": "see /openapi.json for the form",
    "fee": "see GET /v1/policy for the limits",
    "hash": "see /openapi.json for the form",
    "jwt": "sign a new token for the body that is sent: see docs/protocols/requests.md",
    "label": "write one line of plain text, without invisible characters",
    "limit": "see GET /v1/policy for the limits",
    "policy": "see GET /v1/policy for the rules",
    "slug": "use a-z, 0-9 and . _ -",
    "workspace": "see GET /v1/freezes",
}


def remedy_of(code: str) -> str:
    """What the caller can do about a refusal with this code; empty when nothing general can be said."""
    return _BY_CODE.get(code) or _BY_FAMILY.get(code.partition(".")[0], "")
