"""From what people type to what is signed: assets by symbol, decimals to base units, addresses to accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.chains.evm.checksum import parse_address
from strongroom.documents.amount import parse_amount
from strongroom.documents.decimal import parse_decimal
from strongroom.documents.names import (
    AccountId,
    AssetId,
    parse_account,
    parse_asset,
    split_account,
    split_asset,
)
from strongroom.errors import InvalidInput


def wallet_of(wallets: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The wallet of that name; raises InvalidInput wallet.unknown."""
    found = next((wallet for wallet in wallets if wallet["name"] == name), None)
    if found is None:
        known = ", ".join(wallet["name"] for wallet in wallets) or "there is none yet"
        raise InvalidInput("wallet.unknown", f"there is no wallet '{name}'", f"wallets: {known}")
    return found


def asset_of(assets: Mapping[str, Mapping[str, Any]], text: str, chain: str) -> AssetId:
    """An asset of the policy by its CAIP-19 name, or by its symbol on the wallet's chain; raises InvalidInput."""
    if "/" in text:
        named = parse_asset(text)
        if named not in assets:
            raise InvalidInput("asset.unknown", f"the policy names no asset {named}", _known(assets, chain))
        return named
    found = [
        AssetId(name)
        for name, unit in assets.items()
        if unit["symbol"].lower() == text.lower() and split_asset(AssetId(name))[0] == chain
    ]
    if len(found) != 1:
        problem = "names no asset" if not found else "names several assets"
        raise InvalidInput(
            "asset.unknown" if not found else "asset.ambiguous",
            f"the policy {problem} '{text}' on {chain}",
            _known(assets, chain),
        )
    return found[0]


def _known(assets: Mapping[str, Mapping[str, Any]], chain: str) -> str:
    symbols = [unit["symbol"] for name, unit in assets.items() if split_asset(AssetId(name))[0] == chain]
    return f"its assets on {chain}: {', '.join(sorted(symbols)) or 'none'}"


def amount_of(text: str, decimals: int, *, base_units: bool) -> int:
    """Base units of `1.5` (or of `1500000` with base_units); raises InvalidInput amount.*."""
    amount = parse_amount(text) if base_units else parse_decimal(text, decimals)
    if amount == 0:
        raise InvalidInput("amount.zero", "a transfer moves at least one base unit")
    return amount


def account_of(text: str, chain: str, wallets: list[dict[str, Any]]) -> AccountId:
    """The account of 0x… (lower case or EIP-55), of CAIP-10 text, or of an own wallet's name; raises InvalidInput."""
    if text.startswith("0x") and chain.startswith("eip155:"):
        return parse_account(f"{chain}:{parse_address(text)}")
    if ":" in text:
        prefix, _, address = text.rpartition(":")
        lower = parse_address(address) if prefix.startswith("eip155:") else address
        account = parse_account(f"{prefix}:{lower}")
        if split_account(account)[0] != chain:
            raise InvalidInput("chain.differs", f"the wallet is on {chain}, the destination on {prefix}")
        return account
    found = next((wallet for wallet in wallets if wallet["name"] == text), None)
    if found is None or found["chain"] != chain:
        raise InvalidInput(
            "account.syntax",
            "a destination is an address (0x…), an account (eip155:1:0x…) or the name of an own wallet on that chain",
        )
    return parse_account(found["account"])


def transfer_id(listed: list[dict[str, Any]], text: str) -> str:
    """A transfer by its whole id, or by the first six or more characters of it; raises InvalidInput transfer.*."""
    if len(text) == 64:
        return text
    found = [row["id"] for row in listed if row["id"].startswith(text)] if len(text) >= 6 else []
    if len(found) != 1:
        problem = "several transfers begin" if found else "no recent transfer begins"
        raise InvalidInput("transfer.unknown", f"{problem} with '{text[:64]}'", "see: strongroom transfer list")
    return str(found[0])
