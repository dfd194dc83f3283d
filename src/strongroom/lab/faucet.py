"""`lab faucet`: worthless money for whoever asks."""

from __future__ import annotations

from strongroom.chains.evm.checksum import checksum, parse_address
from strongroom.documents.decimal import parse_decimal
from strongroom.errors import InvalidInput
from strongroom.lab import chain, workspace
from strongroom.lab.actions import shown
from strongroom.lab.layout import Layout, read_json


def give(layout: Layout, to: str, symbol: str, amount: str) -> tuple[str, str]:
    """What was given (`10 ETH`), and the address that has it; `to` is a wallet's name or an address."""
    if symbol not in chain.ASSETS:
        raise InvalidInput("asset.unknown", f"the lab has no {symbol[:20]!a}", f"one of {', '.join(chain.ASSETS)}")
    wallets = {row["name"]: row["address"] for row in read_json(layout.lab_json).get("wallets", [])}
    address = parse_address(wallets.get(to, to))
    asset = chain.ASSETS[symbol]
    units = parse_decimal(amount, asset["decimals"])
    rpc = chain.Rpc(workspace.load(layout).node_url)
    rpc.faucet(f"{chain.CHAIN}:{address}", asset["id"], units)
    return shown(symbol, units), checksum(address)
