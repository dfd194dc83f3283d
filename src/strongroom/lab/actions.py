"""What people do in the lab's demonstration, over the API and with the keys of their profiles alone."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from strongroom.documents.decimal import show
from strongroom.errors import Refused, StrongroomError, Unreachable
from strongroom.lab import chain
from strongroom.lab.client import Api, Member
from strongroom.lab.layout import SIGNERS, Layout
from strongroom.lab.workspace import Settings

KEY: Final = "hot-ecdsa"
WALLET: Final = "hot-eth"
PATIENCE_S: Final = 180.0
FINAL: Final = frozenset({"completed", "failed", "closed", "denied"})

Progress = Callable[[str, int, int], None]
"""Stage, steps done, steps in all."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A transfer that was completed; amounts in base units, times in seconds since its proposal was made."""

    id: str
    symbol: str
    amount: int
    to: str
    txid: str
    block: int
    fee: int
    to_hash: float
    seconds: float


class Actions:
    """The lab's people and service, its API and its chain."""

    def __init__(self, layout: Layout, settings: Settings) -> None:
        self.api = Api(settings.api)
        self.rpc = chain.Rpc(settings.node_url)
        self._layout = layout

    def member(self, name: str) -> Member:
        """A person or service of the lab."""
        return Member.load(self._layout.member(name))

    def wallet(self) -> dict[str, Any] | None:
        """The demonstration's wallet, once it is open."""
        rows = self.api.get("/v1/wallets")["wallets"]
        return next((row for row in rows if row["name"] == WALLET), None)

    def has_key(self) -> bool:
        """Whether the demonstration's key exists."""
        return any(row["name"] == KEY for row in self.api.get("/v1/keys")["keys"])

    def generate_key(self, progress: Progress) -> None:
        """Two administrators order a 2-of-3 key; the signers generate it."""
        order = {
            "name": KEY,
            "scheme": "ecdsa-dkls23",
            "tier": "hot",
            "participants": list(SIGNERS),
            "threshold": 2,
            "epoch": 0,
        }
        for name in ("alice", "bob"):
            self.member(name).state("key.generate", order)
        deadline, told = time.monotonic() + PATIENCE_S, ""
        while not self.has_key():
            row = next((r for r in self.api.get("/v1/keygens")["keygens"] if r["name"] == KEY), None)
            if row and row["error"]:
                raise Refused("lab.keygen", f"the key generation failed: {row['error']}")
            if row and f"{row['stage']} {row['done']}" != told:
                told = f"{row['stage']} {row['done']}"
                progress(row["stage"], row["done"], row["total"])
            _until(deadline, "the key")

    def open_wallet(self) -> dict[str, Any]:
        """Two administrators open the wallet of the key."""
        routes = [{"route": "key", "key": KEY}]
        body = {"name": WALLET, "chain": chain.CHAIN, "key": KEY, "path": [], "tier": "hot", "routes": routes}
        for name in ("alice", "bob"):
            self.member(name).state("wallet.open", body)
        deadline = time.monotonic() + PATIENCE_S
        while (wallet := self.wallet()) is None:
            _until(deadline, "the wallet")
        return wallet

    def propose(self, symbol: str, amount: int, to: str, why: str) -> dict[str, Any]:
        """The service proposes a withdrawal; returns the transfer's document."""
        key = f"lab-{secrets.token_hex(8)}"
        asset = chain.ASSETS[symbol]["id"]
        return self.member("exchange").propose(WALLET, f"{chain.CHAIN}:{to}", asset, amount, why, key)

    def watch(self, transfer: str, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The transfer's document once it fulfils `until`; raises Unreachable lab.patience."""
        deadline, version = time.monotonic() + PATIENCE_S, ""
        while True:
            document = self.api.get(f"/v1/transfers/{transfer}", wait=5 if version else 0, version=version)
            if until(document):
                return document
            version = document["version"]
            _until(deadline, f"transfer {transfer}", 0)

    def send(self, symbol: str, amount: int, to: str, why: str) -> Sent:
        """Propose, wait for completion, and hold the node's receipt and balances against it, exactly."""
        began = time.monotonic()
        proposed = self.propose(symbol, amount, to, why)
        self.watch(proposed["id"], lambda doc: bool(doc["txids"]) or doc["status"] in FINAL)
        to_hash = time.monotonic() - began
        document = self.watch(proposed["id"], lambda doc: doc["status"] in FINAL)
        seconds = time.monotonic() - began
        if document["status"] != "completed":
            raise Refused("lab.transfer", f"transfer {proposed['id']} is {document['status']}: {document['closed']}")
        receipt = self.rpc.receipt(document["txid"])
        if receipt is None or receipt["status"] != "0x1":
            raise Refused("lab.receipt", f"the node has no receipt of success for {document['txid']}")
        block = int(receipt["blockNumber"], 16)
        token = chain.ASSETS[symbol]["contract"]
        gained = self._change(to, token, block)
        if gained != amount:
            raise Refused("lab.balance", f"the recipient's balance changed by {gained}, not by {amount}")
        fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        return Sent(proposed["id"], symbol, amount, to, document["txid"], block, fee, to_hash, seconds)

    def _change(self, address: str, token: str | None, block: int) -> int:
        after = self.rpc.balance(address, token, hex(block))
        return after - self.rpc.balance(address, token, hex(block - 1))

    def agreed_digest(self, nodes: int) -> tuple[int, str]:
        """Size and state digest, as `nodes` nodes compute them alike, once the whole log is cosigned."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            status = self.api.get("/v1/status", digests="true")
            size = status["log"]["size"]
            found = {name: (row["size"], row["digest"]) for name, row in (status["digests"] or {}).items()}
            whole = size == status["log"]["cosigned"] and all(held == size for held, _ in found.values())
            if whole and len(found) == nodes and len(set(found.values())) == 1:
                return next(iter(found.values()))
            _until(deadline, f"one digest of {nodes} nodes (so far {found})", 0.2)


def shown(symbol: str, amount: int) -> str:
    """An amount for people: `0.5 ETH`."""
    return f"{show(amount, chain.ASSETS[symbol]['decimals'])} {symbol}"


def refusal(attempt: Callable[[], Any]) -> StrongroomError:
    """The coded error with which something ends that must not succeed."""
    try:
        attempt()
    except StrongroomError as error:
        return error
    raise Refused("lab.not_refused", "this should have been refused, and was not")


def _until(deadline: float, what: str, pause: float = 0.05) -> None:
    if time.monotonic() > deadline:
        raise Unreachable("lab.patience", f"{what} did not come about in {PATIENCE_S:.0f} s", "strongroom lab status")
    time.sleep(pause)
