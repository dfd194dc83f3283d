"""The lab's Ethereum chain: anvil, with a faucet and a dollar token that behaves like the most used one."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx

from strongroom.chains.evm.transfer import call
from strongroom.documents.names import AccountId, AssetId
from strongroom.errors import Refused, Unreachable
from strongroom.lab import processes
from strongroom.lab.layout import Layout
from strongroom.lab.users import private_home, user_of

NUMBER: Final = 31337
CHAIN: Final = f"eip155:{NUMBER}"
FAUCET: Final = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
"""The first account of anvil's published mnemonic: anvil signs for it whoever asks."""
LUSD: Final = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
"""What the faucet's transaction number 0 creates, on every new chain."""
ETH_ASSET: Final = f"{CHAIN}/slip44:60"
LUSD_ASSET: Final = f"{CHAIN}/erc20:{LUSD}"
LUSD_SUPPLY: Final = 10**9 * 10**6
ASSETS: Final[dict[str, dict[str, Any]]] = {
    "ETH": {"id": ETH_ASSET, "decimals": 18, "contract": None},
    "LUSD": {"id": LUSD_ASSET, "decimals": 6, "contract": LUSD},
}


def _resource(installed: str, checkout: str) -> Path:
    for path in (Path(sys.prefix) / installed, Path.cwd() / checkout):
        if path.exists():
            return path.resolve()
    raise Unreachable("lab.incomplete", f"{installed} is missing from this installation", "run: make setup")


def binary() -> Path:
    """anvil, as the set-up installed it."""
    return _resource("libexec/anvil", "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")


def token_code() -> str:
    """Creation code of the token, its whole supply for the creator."""
    path = _resource("share/strongroom/NoReturnToken.json", "contracts/build/NoReturnToken.json")
    return str(json.loads(path.read_text())["bytecode"]) + f"{LUSD_SUPPLY:064x}"


@cache
def _http() -> httpx.Client:
    return httpx.Client(timeout=20, trust_env=False)


class Rpc:
    """A plain client of the lab's node, for the faucet and for looking; roles have their own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = _http()

    def __call__(self, method: str, *params: Any) -> Any:
        """The result of one call; raises Unreachable lab.chain, Refused lab.chain_refused."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        try:
            answer = self._http.post(self._url, json=request).json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unreachable("lab.chain", f"the lab's chain does not answer: {type(error).__name__}") from error
        if "error" in answer:
            raise Refused("lab.chain_refused", str(answer["error"].get("message"))[:200])
        return answer["result"]

    def number(self, method: str, *params: Any) -> int:
        """A result that is a quantity."""
        return int(self(method, *params), 16)

    def answers(self) -> bool:
        """Whether a node is there."""
        try:
            return self.number("eth_chainId") == NUMBER
        except (Unreachable, Refused):
            return False

    def balance(self, address: str, token: str | None = None, block: str = "latest") -> int:
        """Wei, or base units of a token, of an account after a block."""
        if token is None:
            return self.number("eth_getBalance", address, block)
        query = {"to": token, "data": "0x70a08231" + address[2:].rjust(64, "0")}
        return self.number("eth_call", query, block)

    def receipt(self, txid: str) -> dict[str, Any] | None:
        """The receipt as the node gives it."""
        found = self("eth_getTransactionReceipt", txid)
        return found if isinstance(found, dict) else None

    def send(self, transaction: dict[str, Any]) -> dict[str, Any]:
        """Send from an account that anvil holds, and wait for the receipt of success."""
        txid = self("eth_sendTransaction", transaction)
        deadline = time.monotonic() + processes.PATIENCE_S
        while time.monotonic() < deadline:
            if receipt := self.receipt(txid):
                if receipt["status"] != "0x1":
                    raise Refused("lab.chain_refused", f"transaction {txid} failed")
                return receipt
            time.sleep(0.02)
        raise Unreachable("lab.chain", f"transaction {txid} is not mined")

    def faucet(self, account: str, asset: str, amount: int) -> None:
        """Give an account (CAIP-10) some of an asset (CAIP-19), in base units."""
        gift = call(AssetId(asset), AccountId(account), amount)
        self.send({"from": FAUCET, "to": gift.to, "value": hex(gift.value), "data": "0x" + gift.data.hex()})


def start(layout: Layout, port: int) -> None:
    """Start the chain, or go on with the one that was stopped, and make sure that the token is there."""
    user = user_of("chain")
    home = private_home(layout.home("chain"), user)
    if processes.running(layout, "chain") is None:
        processes.start(layout, "chain", command(home, port), user, home)
    rpc = Rpc(url(port))
    processes.wait_until(layout, "chain", rpc.answers)
    if rpc("eth_getCode", LUSD, "latest") == "0x":
        made = rpc.send({"from": FAUCET, "data": token_code()})
        if made["contractAddress"].lower() != LUSD:
            remedy = "strongroom lab down --erase, and start anew"
            raise Refused("lab.token", "the chain was used before the token was made", remedy)


def command(home: Path, port: int) -> Sequence[str]:
    """anvil: each transaction is mined at once, and an empty block every two seconds makes the confirmations."""
    return [
        *(str(binary()), "--quiet", "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(NUMBER)),
        *("--block-time", "2", "--mixed-mining", "--state", str(home / "state.json"), "--state-interval", "30"),
    ]


def url(port: int) -> str:
    """The address of the node."""
    return f"http://127.0.0.1:{port}"
