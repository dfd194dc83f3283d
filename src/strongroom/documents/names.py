"""Names: chains (CAIP-2), assets (CAIP-19), accounts (CAIP-10), slugs and labels; one spelling for each."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NewType

from strongroom.errors import InvalidInput

ChainId = NewType("ChainId", str)  # eip155:1
AssetId = NewType("AssetId", str)  # eip155:1/slip44:60
AccountId = NewType("AccountId", str)  # eip155:1:0x…

_NUMBER: Final = r"(?:0|[1-9][0-9]{0,77})"
_HEX_ADDRESS: Final = r"0x[0-9a-f]{40}"

# One namespace so far: a name without a known single spelling is refused.
_CHAIN: Final = re.compile(r"eip155:[1-9][0-9]{0,31}")
_TOKEN: Final = rf"slip44:{_NUMBER}|erc20:{_HEX_ADDRESS}|erc(?:721|1155):{_HEX_ADDRESS}/{_NUMBER}"
_ASSET: Final = re.compile(rf"{_CHAIN.pattern}/(?:{_TOKEN})")
_ACCOUNT: Final = re.compile(rf"{_CHAIN.pattern}:{_HEX_ADDRESS}")
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def _match(pattern: re.Pattern[str], text: object, code: str, message: str) -> str:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise InvalidInput(code, message)
    return text


def parse_chain(text: object) -> ChainId:
    """A CAIP-2 chain id of a known namespace; raises InvalidInput chain.syntax."""
    return ChainId(_match(_CHAIN, text, "chain.syntax", "a chain is named by CAIP-2, such as eip155:1"))


def parse_asset(text: object) -> AssetId:
    """A CAIP-19 asset id, hex in lower case; raises InvalidInput asset.syntax."""
    message = "an asset is named by CAIP-19 in lower case, such as eip155:1/slip44:60"
    return AssetId(_match(_ASSET, text, "asset.syntax", message))


def parse_account(text: object) -> AccountId:
    """A CAIP-10 account id, hex in lower case; raises InvalidInput account.syntax."""
    message = "an account is named by CAIP-10 in lower case, such as eip155:1:0x…"
    return AccountId(_match(_ACCOUNT, text, "account.syntax", message))


def split_asset(asset: AssetId) -> tuple[ChainId, str, str]:
    """Chain, asset namespace and reference: ("eip155:1", "erc20", "0x…"); a token id stays in it."""
    chain, _, rest = asset.partition("/")
    namespace, _, reference = rest.partition(":")
    return ChainId(chain), namespace, reference


def split_account(account: AccountId) -> tuple[ChainId, str]:
    """Chain and address: ("eip155:1", "0x…")."""
    chain, _, address = account.rpartition(":")
    return ChainId(chain), address


def parse_slug(text: object) -> str:
    """An identifier that people choose, `[a-z0-9][a-z0-9._-]{0,63}`; raises InvalidInput slug.syntax."""
    return _match(_SLUG, text, "slug.syntax", "a name has 1 to 64 of a-z, 0-9, '.', '_', '-'")


def parse_hash(text: object) -> str:
    """A 32-byte hash or key id, 64 lower-case hex digits; raises InvalidInput hash.syntax."""
    return _match(_HASH, text, "hash.syntax", "a hash is written as 64 lower-case hex digits")


def parse_hex(text: str, size: int | None = None, code: str = "hex.syntax") -> bytes:
    """The bytes (`size` of them, if given) that `text` spells in lower-case hex; raises InvalidInput with the code."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if data.hex() != text or len(data) != (len(data) if size is None else size):
        raise InvalidInput(code, "the bytes are not of the right length, or not in lower-case hex")
    return data


def parse_label(text: object, limit: int = 200) -> str:
    """Text for people of at most `limit` characters, NFC, one line, nothing invisible; raises label.*.

    Formatting characters (bidirectional controls among them), private-use and unassigned code points are
    refused: the normal form of an unassigned one could change with Unicode, and a label is kept for ever.
    """
    if not isinstance(text, str):
        raise InvalidInput("label.type", "a label is a string")
    if len(text) > limit:
        raise InvalidInput("label.too_long", f"a label has at most {limit} characters")
    for category in map(unicodedata.category, text):
        if category[0] == "C" or category in ("Zl", "Zp"):
            raise InvalidInput("label.control", "a label holds no control or invisible characters")
    if not unicodedata.is_normalized("NFC", text):
        raise InvalidInput("label.not_nfc", "a label is written in Unicode normal form C")
    return text
