"""Every transaction on the chain against its entry, and the reverse.

Chain evidence is a list of documents: one of an account, `{account, block, chain, hash, nonce}` (it had sent `nonce`
transactions at that block), then one of each of these in order, `{block, hash, raw, succeeded}`. Who sent a
transaction follows from its bytes. That the list is what the chain holds is the word of the node that was asked: ask
your own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from strongroom.audit import rawtx
from strongroom.audit.bundle import Line
from strongroom.audit.finding import AuditFailed, Place
from strongroom.custody.state import CustodyState, TransferId, Wallet
from strongroom.documents.canonical import fields, parse
from strongroom.documents.names import parse_hex
from strongroom.errors import InvalidInput
from strongroom.log.entry import Entry

_ACCOUNT: Final = {"account": str, "block": int, "chain": str, "hash": str, "nonce": int}
_TRANSACTION: Final = {"block": int, "hash": str, "raw": str, "succeeded": bool}
_MOST: Final = 100  # findings that are told one by one
_ROWS: Final = 2000  # written at once
_SCHEMA: Final = """
PRAGMA cache_size = -16384; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
CREATE TABLE payload (digest TEXT, account TEXT, entry INTEGER, PRIMARY KEY (digest, account)) WITHOUT ROWID;
CREATE TABLE ended (transfer TEXT PRIMARY KEY, txid TEXT, entry INTEGER, kind TEXT, block INTEGER) WITHOUT ROWID;
CREATE INDEX ended_txid ON ended (txid);
"""


@dataclass(frozen=True, slots=True)
class Account:
    """What was compared of one wallet's account: `nonce` transactions up to a block."""

    wallet: str
    chain: str
    account: str
    block: int
    hash: str
    nonce: int

    def to_doc(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def __str__(self) -> str:
        many = "no transaction" if self.nonce == 0 else f"{self.nonce} transaction{'s' * (self.nonce > 1)}"
        return f"{self.wallet}: {many} up to block {self.block} ({self.hash}), each explained by an entry"


class ChainCheck:
    """What the log explains, kept in a temporary file and not in memory; then the evidence against it."""

    def __init__(self) -> None:
        self._sql = sqlite3.connect("")
        self._sql.executescript(_SCHEMA)
        self._accounts: list[Account] = []
        self._expected = 0
        self._payloads: list[tuple[str, str, int]] = []
        self._ended: list[tuple[str, str, int, str, int]] = []
        self._unexplained: list[AuditFailed] = []
        self._others: list[AuditFailed] = []

    def close(self) -> None:
        """Let go of the file."""
        self._sql.close()

    def note(self, index: int, entry: Entry, state: CustodyState) -> None:
        """Take what an entry authorizes or says to have ended; `state` is the one after it."""
        if entry.kind in ("transfer.authorized", "transfer.replaced"):
            transfer = state.transfers[TransferId(entry.body["transfer"])]
            account = state.wallets[transfer.intent.wallet].address
            self._payloads.append((transfer.payloads[-1].digest, account, index))
        elif entry.kind in ("transfer.completed", "transfer.failed"):
            ended = (entry.body["transfer"], entry.body["txid"], index, entry.kind, entry.body["block"])
            if not state.transfers[TransferId(entry.body["transfer"])].intent.message:  # no chain hears of one
                self._ended.append(ended)
        if len(self._payloads) + len(self._ended) >= _ROWS:
            self._write()

    def _write(self) -> None:
        self._sql.executemany("INSERT OR IGNORE INTO payload VALUES (?, ?, ?)", self._payloads)
        self._sql.executemany("INSERT OR REPLACE INTO ended VALUES (?, ?, ?, ?, ?)", self._ended)
        self._payloads.clear()
        self._ended.clear()

    def take(self, line: Line, state: CustodyState) -> None:
        """One piece of evidence; raises AuditFailed where it is none, and keeps what it shows for `finish`."""
        self._write()
        place = Place("evidence", line.index)
        try:
            doc = parse(line.raw, max_bytes=1 << 20)
            if "account" in doc:
                self._complete()
                self._take_account(fields(doc, "account", _ACCOUNT), place, _wallets(state))
            else:
                self._take_transaction(fields(doc, "transaction", _TRANSACTION), place)
        except InvalidInput as error:
            raise AuditFailed.at(place, error) from error

    def _take_account(self, doc: Mapping[str, Any], place: Place, wallets: Mapping[tuple[str, str], Wallet]) -> None:
        wallet = wallets.get((doc["chain"], doc["account"]))
        if wallet is None:
            raise AuditFailed(place, "chain.stranger", f"no wallet of this log has the account {doc['account'][:42]}")
        if any(known.account == doc["account"] and known.chain == doc["chain"] for known in self._accounts):
            raise AuditFailed(place, "chain.account_twice", f"the account of '{wallet.name}' stands twice")
        found = Account(wallet.name, doc["chain"], doc["account"], doc["block"], doc["hash"], doc["nonce"])
        self._accounts.append(found)
        self._expected = 0

    def _take_transaction(self, doc: Mapping[str, Any], place: Place) -> None:
        if not self._accounts:
            raise AuditFailed(place, "chain.stranger", "a transaction stands before any account")
        account, sent = self._accounts[-1], rawtx.parse_sent(parse_hex(doc["raw"]))
        if sent.sender != account.account or sent.nonce != self._expected or sent.nonce >= account.nonce:
            reason = f"it is not transaction {self._expected} of '{account.wallet}', by its own bytes"
            raise AuditFailed(place, "chain.incomplete", reason)
        self._expected += 1
        name = f"transaction {sent.txid} of wallet '{account.wallet}' (nonce {sent.nonce}, block {doc['block']})"
        by = self._sql.execute(
            "SELECT entry FROM payload WHERE digest = ? AND account = ?", (sent.digest.hex(), account.account)
        ).fetchone()
        if by is None:
            reason = f"{name} was signed with its key, and no entry explains it: somebody signs without the log"
            self._found(self._unexplained, AuditFailed(place, "chain.unexplained_signature", reason))
        kind = "transfer.completed" if doc["succeeded"] else "transfer.failed"
        noted = "SELECT entry, kind FROM ended WHERE txid = ? AND (kind, block) <> (?, ?)"
        for entry, said in self._sql.execute(noted, (sent.txid, kind, doc["block"])):
            reason = f"{name} {'succeeded' if doc['succeeded'] else 'failed'} there, the log says otherwise"
            self._found(self._others, AuditFailed(Place("entry", entry, said), "chain.result_differs", reason))
        self._sql.execute("DELETE FROM ended WHERE txid = ?", (sent.txid,))

    def _complete(self) -> None:
        """Raise unless all transactions of the account before have come."""
        if self._accounts and self._expected != self._accounts[-1].nonce:
            account = self._accounts[-1]
            reason = f"'{account.wallet}' has sent {account.nonce} transactions, {self._expected} are shown"
            raise AuditFailed(Place("evidence"), "chain.incomplete", reason)

    def finish(self, state: CustodyState) -> tuple[Account, ...]:
        """What was compared, nothing without evidence; raises AuditFailed with everything found, the worst first."""
        self._complete()
        if not self._accounts:
            return ()
        shown = {(each.chain, each.account) for each in self._accounts}
        for (chain, account), wallet in _wallets(state).items():
            if (chain, account) not in shown:
                reason = f"nothing is shown of wallet '{wallet.name}' ({account})"
                self._found(self._others, AuditFailed(Place("evidence"), "chain.account_missing", reason))
        unseen = "SELECT txid, entry, kind FROM ended ORDER BY entry LIMIT ?"
        for txid, entry, said in self._sql.execute(unseen, (_MOST,)):
            reason = f"the log says that transaction {txid[:66]} ended, the chain does not hold it"
            self._found(self._others, AuditFailed(Place("entry", entry, said), "chain.missing_transaction", reason))
        found = [*self._unexplained, *self._others]
        if found:
            raise AuditFailed(found[0].place, found[0].code, found[0].reason, tuple(found[1:]))
        return tuple(self._accounts)

    @staticmethod
    def _found(findings: list[AuditFailed], finding: AuditFailed) -> None:
        if len(findings) < _MOST:
            findings.append(finding)


def _wallets(state: CustodyState) -> dict[tuple[str, str], Wallet]:
    return {(wallet.chain, wallet.address): wallet for wallet in state.wallets.values()}
