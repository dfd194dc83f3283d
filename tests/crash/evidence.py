"""What the chain, the log and the databases say afterwards, held against what the customers ordered."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from strongroom.audit.bundle import BundleReader
from strongroom.audit.verify import verify_bundle
from strongroom.chains.evm.transaction import digest
from strongroom.documents.canonical import parse
from strongroom.lab import processes, roles
from strongroom.lab.actions import KEY, Actions
from strongroom.lab.layout import NODES, Layout
from strongroom.signer.probes import BUDGET
from tests.crash.stream import Order

BOUND: Final = ("transfer.authorized", "transfer.replaced")
ENDS: Final = ("transfer.completed", "transfer.failed")


@dataclass(slots=True)
class Findings:
    """What was found; `wrong` is empty when nothing was lost and nothing was sent twice."""

    duplicates: int = 0
    losses: int = 0
    transactions: int = 0
    entries: int = 0
    refreshes: int = 0
    probes: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @property
    def highest_probe_use(self) -> int:
        """Of any pair of signers, as either counts."""
        return max(self.probes.values(), default=0)


def examine(layout: Layout, actions: Actions, orders: Iterable[Order], scratch: Path) -> Findings:
    """Look at everything; the roles must run, and are stopped for their databases."""
    found, orders = Findings(), list(orders)
    wallet = actions.wallet()
    assert wallet is not None
    sent = _chain(actions, wallet["address"].lower(), orders, found)
    logged = _log(actions, orders, sent, scratch, found)
    processes.stop(layout, roles.ROLES)
    _coordinator(layout.home("coordinator") / "strongroom.db", logged, sent, found)
    for name in NODES:
        _node(layout.home(name) / "node.db", name, logged, found)
        _probes(layout.log(name), name, found)
    found.wrong += [f"{pair}: {used} possible probes" for pair, used in found.probes.items() if used > BUDGET]
    return found


def _chain(actions: Actions, wallet: str, orders: list[Order], found: Findings) -> dict[str, dict[str, Any]]:
    """Every transaction that has left the wallet, by id: one for each order, and none for anything else."""
    sent: dict[str, dict[str, Any]] = {}
    for number in range(actions.rpc.number("eth_blockNumber") + 1):
        block = actions.rpc("eth_getBlockByNumber", hex(number), True)
        sent |= {tx["hash"]: tx for tx in block["transactions"] if tx["from"] == wallet}
    found.transactions = len(sent)
    paid = Counter((tx["to"], int(tx["value"], 16)) for tx in sent.values())
    for order in orders:
        times, balance = paid.pop((order.to, order.amount), 0), actions.rpc.balance(order.to)
        found.duplicates += max(0, times - 1)
        found.losses += times == 0
        if (times, balance, order.status) != (1, order.amount, "completed"):
            found.wrong.append(f"chain: {order} was paid {times} times, its payee holds {balance} wei")
    found.wrong += [f"chain: a payment that nobody ordered: {what}" for what in paid]
    nonces = sorted(int(tx["nonce"], 16) for tx in sent.values())
    if nonces != list(range(actions.rpc.number("eth_getTransactionCount", wallet, "pending"))):
        found.wrong.append("chain: the wallet's nonces have gaps, or some are still under way")
    return sent


@dataclass(slots=True)
class Logged:
    """The log: its entries, and the digests that it authorizes with the transfer of each."""

    raws: list[bytes]
    digests: dict[str, str]

    def begins(self, rows: Iterable[tuple[bytes]]) -> bool:
        """Whether a store's log begins with this one: a refresh may have been logged after the bundle was written."""
        return [raw for (raw,) in islice(rows, len(self.raws))] == self.raws


def _log(
    actions: Actions, orders: list[Order], sent: dict[str, dict[str, Any]], scratch: Path, found: Findings
) -> Logged:
    """The audited log: each order proposed, authorized and ended once, and all nodes fold to one state."""
    size, agreed = actions.agreed_digest(len(NODES))
    path = scratch / "crash.bundle"
    with path.open("wb") as file:
        file.writelines(actions.api.download("/v1/bundle"))
    report = verify_bundle(path)
    if (report.state.size, report.digest) != (size, agreed):
        found.wrong.append("log: the audit comes to another state than the nodes")
    with path.open("rb") as file:
        raws = [line.raw for line in BundleReader(file).lines()]
    entries = [parse(raw) for raw in raws]
    kinds = Counter((entry["kind"], entry["body"].get("transfer")) for entry in entries)
    for order in orders:
        counted = [kinds["transfer.proposed", order.id], kinds["transfer.authorized", order.id]]
        counted.append(sum(kinds[kind, order.id] for kind in ENDS))
        if counted != [1, 1, 1]:
            found.wrong.append(f"log: {order} was proposed, authorized, ended {counted} times")
    if (proposed := sum(kind == "transfer.proposed" for kind, _ in kinds.elements())) != len(orders):
        found.wrong.append(f"log: {proposed} transfers for {len(orders)} orders")
    ended = {entry["body"]["txid"] for entry in entries if entry["kind"] in ENDS}
    if ended != set(sent):
        found.wrong.append("log: its transactions are not those of the chain")
    found.entries, found.refreshes = size, sum(entry["kind"] == "key.refreshed" for entry in entries)
    bound = [entry["body"] for entry in entries if entry["kind"] in BOUND]
    return Logged(raws, {digest(bytes.fromhex(body["payload"])).hex(): body["transfer"] for body in bound})


def _coordinator(path: Path, logged: Logged, sent: dict[str, dict[str, Any]], found: Findings) -> None:
    """The coordinator's store is the log, and every signature in it is of an authorized payload."""
    with _opened(path) as database:
        if not logged.begins(database.execute("SELECT raw FROM entries ORDER BY idx")):
            found.wrong.append("coordinator: its store is not the log")
        for signed, transfer in database.execute("SELECT digest, transfer FROM signatures"):
            if logged.digests.get(signed) != transfer:
                found.wrong.append(f"coordinator: a signature that no entry authorizes: {signed}")
        known = {txid for (txid,) in database.execute("SELECT txid FROM broadcasts")}
        if strangers := known - set(sent):
            found.wrong.append(f"coordinator: broadcasts that are on no chain: {strangers}")


def _node(path: Path, name: str, logged: Logged, found: Findings) -> None:
    """A node's disk is the log, restored nothing, banned nobody and signed only what is authorized."""
    with _opened(path) as database:
        if not logged.begins(database.execute("SELECT raw FROM entry ORDER BY position")):
            found.wrong.append(f"{name}: its log is another")
        facts = [(kind, key, parse(value, max_bytes=1 << 20)) for kind, key, value in database.execute(
            "SELECT kind, name, value FROM fact WHERE kind IN ('restored', 'ban', 'signature')")]  # fmt: skip
    for kind, key, value in facts:
        if kind == "signature":
            ref, signed = key.split()
            if logged.digests.get(signed) != ref and ref != KEY:  # the key's own possession proof
                found.wrong.append(f"{name}: a signature that no entry authorizes: {key}")
        else:
            found.wrong.append(f"{name}: {kind} {key} {value}")


def _probes(log: Path, name: str, found: Findings) -> None:
    """The highest use of each pair's budget in any epoch, as the node has told it."""
    for used, peer in re.findall(r"(?m)^PROBES (\d+) (\S+)$", log.read_text(errors="replace")):
        pair = f"{name} {peer}"
        found.probes[pair] = max(int(used), found.probes.get(pair, 0))


def _opened(path: Path) -> sqlite3.Connection:
    """A stopped role's database, which must be whole."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    (verdict,) = database.execute("PRAGMA integrity_check").fetchone()
    assert verdict == "ok", (path, verdict)
    return database
