"""A log as long as wanted, made quickly and kept: withdrawals with real signatures, one statement in four entries.

Each withdrawal is eight entries: proposed (a statement), authorized, signed, twice replaced at a higher fee and signed
again, completed (a statement). Nothing is folded while it is made; that the fold takes it is for its tests to show.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

import rlp  # type: ignore[import-untyped]

from strongroom.documents.envelope import sign
from strongroom.documents.keccak import keccak256
from strongroom.documents.statement import payload_type
from strongroom.log.checkpoint import Checkpoint, Note, cosign, origin_of
from strongroom.log.entry import leaf_hash
from strongroom.log.signature import sign_checkpoint
from strongroom.log.tree import CompactRange
from tests.workspace import CHAIN, ETH, HOUR, NODES, WEI, Workspace

FORMAT: Final = 1  # of the kept files: another number makes them anew
SPACING: Final = 2000  # ms of log time between two entries
FEES: Final = tuple(gwei * 10**9 for gwei in (2, 3, 4))  # wei a unit of gas: the payload, and its two replacements
GAS: Final = 21_000
AMOUNT: Final = WEI // 1000

_LENGTH: Final = struct.Struct(">I")
_TEXT: Final = json.JSONEncoder(separators=(",", ":"), sort_keys=True)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class BigLog:
    """A log in a file, each entry after its length in four bytes; `note` is the quorum-cosigned head of all of it."""

    path: Path
    workspace: str
    size: int
    note: str

    def raws(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The entries' bytes, front to back."""
        with self.path.open("rb", buffering=1 << 20) as file:
            yield from islice(_read(file), start, stop)


def big_log(cache: Path, size: int, progress: Progress = lambda what, done, total: None) -> BigLog:
    """The log of `size` entries from the cache directory, made there if it is not: a minute or two a million."""
    path = cache / f"biglog-{FORMAT}-{size}"
    if not path.with_suffix(".json").exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        making = path.with_suffix(".making")
        with making.open("wb", buffering=1 << 20) as file:
            head = _write(file, size, progress)
        making.rename(path)
        path.with_suffix(".json").write_text(json.dumps(head), encoding="utf-8")
    head = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return BigLog(path, head["workspace"], size, head["note"])


def workspace() -> Workspace:
    """The workspace that every such log begins with: ready for withdrawals, and limits that many of them keep."""
    home = Workspace()
    home.policy["limits"][0]["max"] = home.policy["rules"][0]["when"]["over_time"][0]["max"] = str(10**6 * WEI)
    home.policy["chains"][CHAIN]["fee_window"]["max"] = str(10**6 * WEI)
    return home.ready()


def note_of(home: Workspace, tree: CompactRange, time_ms: int) -> str:
    """The log's signature and every witness's cosignature under a head of its log."""
    checkpoint = Checkpoint(origin_of(home.state.workspace), tree.size, tree.root())
    lines = [sign_checkpoint(checkpoint, home.keys["coordinator"])]
    lines += [cosign(checkpoint, home.keys[name], name, time_ms // 1000) for name in NODES]
    return Note(checkpoint, tuple(lines)).text()


def _read(file: BinaryIO) -> Iterator[bytes]:
    while prefix := file.read(_LENGTH.size):
        yield file.read(*_LENGTH.unpack(prefix))


def _write(file: BinaryIO, size: int, progress: Progress) -> dict[str, str]:
    home = workspace()
    withdrawals, tree = _Withdrawals(home), CompactRange()
    first = (entry.raw for entry in home.entries)
    for raw in islice((raw for raws in (first, withdrawals) for raw in raws), size):
        tree = tree.append(leaf_hash(raw))
        withdrawals.tree = tree
        file.write(_LENGTH.pack(len(raw)) + raw)
        if not tree.size % 4096:
            progress("writing a big log", tree.size, size)
    return {"workspace": home.state.workspace, "note": note_of(home, tree, withdrawals.time)}


class _Withdrawals:
    """Endless entries; `tree` is told back to it, so that statements have seen their log."""

    def __init__(self, home: Workspace) -> None:
        self._home, self.time, self.tree = home, home.time, CompactRange()

    def __iter__(self) -> Iterator[bytes]:
        nonce = 0
        while True:
            yield from self._withdrawal(nonce)
            nonce += 1

    def _withdrawal(self, nonce: int) -> Iterator[bytes]:
        to = hashlib.sha256(b"customer %d" % nonce).digest()[:20]
        intent = {
            "from": "hot-eth", "to": f"{CHAIN}:0x{to.hex()}", "asset": ETH, "amount": str(AMOUNT), "why": "withdrawal",
            "until": self.time + HOUR, "idempotency": f"order-{nonce}",
        }  # fmt: skip
        proposal = self._statement("exchange", "transfer.propose", intent)
        name = hashlib.sha256(proposal).hexdigest()
        yield self._entry("transfer.proposed", {"transfer": name}, ("exchange", "transfer.propose", proposal))
        txid = ""
        for fee in FEES:
            raw, digest = _payload(nonce, fee, to)
            kind = "transfer.replaced" if txid else "transfer.authorized"
            yield self._entry(kind, {"transfer": name, "payload": raw.hex()})
            signature = self._home.account.sign_recoverable(digest, hasher=None)
            txid = _txid(nonce, fee, to, signature)
            noted = {"transfer": name, "digest": digest.hex(), "signature": signature[:64].hex(), "txid": txid}
            yield self._entry("transfer.signed", noted)
        ended = {"transfer": name, "txid": txid, "block": nonce + 1, "result": "success"}
        seen = self._statement("coordinator", "transfer.observe", ended)
        yield self._entry("transfer.completed", ended, ("coordinator", "transfer.observe", seen))

    def _statement(self, person: str, kind: str, subject: dict[str, Any]) -> bytes:
        doc = {
            "workspace": self._home.state.workspace, "kind": kind, "subject": subject, "obligations": None,
            "seen": {"size": self.tree.size, "root": self.tree.root().hex()}, "person": person,
            "key": self._home.keys[person].key_id, "not_after": self.time + HOUR,
        }  # fmt: skip
        return _TEXT.encode(doc).encode()

    def _entry(self, kind: str, body: dict[str, Any], *statements: tuple[str, str, bytes]) -> bytes:
        self.time += SPACING
        evidence = [sign(payload, payload_type(of), self._home.keys[by]).to_doc() for by, of, payload in statements]
        return _TEXT.encode({"body": body, "evidence": evidence, "kind": kind, "time": self.time}).encode()


def _items(nonce: int, fee: int, to: bytes) -> list[Any]:
    numbers = (int(CHAIN.rpartition(":")[2]), nonce, 10**9, fee, GAS)
    return [*map(_number, numbers), to, _number(AMOUNT), b"", []]


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _payload(nonce: int, fee: int, to: bytes) -> tuple[bytes, bytes]:
    raw = b"\x02" + rlp.encode(_items(nonce, fee, to), infer_serializer=False)
    return raw, keccak256(raw)


def _txid(nonce: int, fee: int, to: bytes, signature: bytes) -> str:
    numbers = (signature[64], int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"))
    items = [*_items(nonce, fee, to), *map(_number, numbers)]
    return "0x" + keccak256(b"\x02" + rlp.encode(items, infer_serializer=False)).hex()


if __name__ == "__main__":
    from bench.__main__ import cache_directory

    made = big_log(cache_directory(), int(sys.argv[1]), lambda what, done, total: print(f"\r{done}/{total}", end=""))
    print(f"\r{made.path}")
