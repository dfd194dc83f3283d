"""Doubles of what stands around a coordinator: nodes that witness and sign, a chain, and the wires between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from strongroom.chains.evm.transfer import Call
from strongroom.coordinator.config import Config
from strongroom.coordinator.house import House
from strongroom.coordinator.notices.carriers import Post
from strongroom.custody.digest import state_digest
from strongroom.custody.fold import apply
from strongroom.custody.permission import may_sign
from strongroom.custody.state import EMPTY, CustodyState, TransferId
from strongroom.custody.witnesses import accepted, reached
from strongroom.documents.envelope import Envelope
from strongroom.documents.keccak import keccak256
from strongroom.documents.names import ChainId
from strongroom.errors import Refused, StrongroomError, Unreachable
from strongroom.log.accept import parse_accepts, sign_accept
from strongroom.log.checkpoint import Checkpoint, cosign, origin_of
from strongroom.log.entry import Entry, parse_entry
from strongroom.log.tree import CompactRange
from strongroom.nodes.answers import Block, Receipt
from strongroom.store.database import Database
from strongroom.store.journal import Journal, run_inline
from strongroom.store.lease import acquire
from strongroom.store.log import append
from strongroom.wire.frame import Frame, join_entries, split_entries
from tests.workspace import CHAIN, NODES, START, WEI, Workspace, seeded


def q_accepted(state: CustodyState, docs: list[Any]) -> bool:
    """Whether the accepts of a frame are a quorum's, of exactly this head."""
    return reached(state, accepted(state, parse_accepts(docs)))


class FakeNode:
    """A witness by the protocol; it signs at once with the whole key that the test workspace holds."""

    def __init__(self, name: str, desk: Workspace) -> None:
        self.name, self.key, self.workspace = name, seeded(name), desk
        self.entries: list[bytes] = []
        self.states: list[CustodyState] = [EMPTY]
        self.cosigned, self.note, self.boot, self.rejoined = 0, "", "", True
        self.rank, self.stated = (0, 0), 0
        self.clock: Callable[[], int] = lambda: START
        self.seen: list[Frame] = []
        self.refuses: dict[str, Refused] = {}
        self.silent: set[str] = set()
        self.signatures: dict[str, bytes] = {}
        self.minds_time = False
        self.budget: dict[str, dict[str, int]] = {}

    @property
    def state(self) -> CustodyState:
        return self.states[-1]

    def hold(self, entries: Sequence[bytes]) -> None:
        """Take entries as they are, cutting what conflicts."""
        self.entries, self.states = [], [EMPTY]
        for raw in entries:
            self.states.append(apply(self.state, parse_entry(raw)))
            self.entries.append(raw)

    def head(self) -> Frame:
        head = {
            "size": self.state.size,
            "root": self.state.root.hex(),
            "cosigned": self.cosigned,
            "repair": self.state.repair,
            "stated": self.stated,
            "note": self.note,
            "boot": self.boot,
            "rejoined": self.rejoined,
            "clock": self.clock(),
            "stops": 0,
            "budget": self.budget,
            "bans": 0,
        }
        return self.frame("head", head)

    def frame(self, kind: str, head: dict[str, Any], body: bytes = b"") -> Frame:
        return Frame(kind, self.name, "coordinator", head, body)

    def refusal(self, what: str, ref: str, error: StrongroomError, index: int = -1) -> Frame:
        head = {"what": what, "ref": ref, "index": index, "code": error.code, "message": error.message}
        return self.frame("refused", {**head, "culprits": []})

    def answer(self, frame: Frame) -> list[Frame]:
        """What the node answers to one frame of the coordinator."""
        self.seen.append(frame)
        if frame.kind in self.silent:
            return []
        if frame.kind in self.refuses:
            ref = frame.head.get("transfer") or frame.head.get("name") or str(frame.head.get("size", ""))
            return [self.refusal(frame.kind, ref, self.refuses[frame.kind])]
        handler = getattr(self, "on_" + frame.kind.replace(".", "_"), None)
        return list(handler(frame.head, frame.body)) if handler else []

    def on_head_ask(self, head: dict[str, Any], body: bytes) -> list[Frame]:
        return [self.head()]

    def on_entries_ask(self, head: dict[str, Any], body: bytes) -> list[Frame]:
        raws = self.entries[head["from"] : head["from"] + head["limit"]]
        return [self.frame("entries", {"from": head["from"], "count": len(raws)}, join_entries(raws))]

    def on_digest_ask(self, head: dict[str, Any], body: bytes) -> list[Frame]:
        return [self.frame("digest", {"size": self.state.size, "digest": state_digest(self.state)})]

    def on_append(self, head: dict[str, Any], body: bytes) -> list[Frame]:
        raws, start = split_entries(body), head["from"]
        if start > len(self.entries):
            return [self.refusal("append", str(start), Refused("log.gap", "a gap")), self.head()]
        fresh = [parse_entry(raw) for raw in raws[len(self.entries) - start :]]
        old = any(abs(entry.time - self.clock()) > 120_000 for entry in fresh)
        if self.minds_time and old and not head["note"] and len(head["accepts"]) < 2:
            return [self.refusal("append", str(start), Refused("time.outside_skew", "far off"), len(self.entries))]
        states = self.states[: start + 1]
        for raw in raws:
            try:
                states.append(apply(states[-1], parse_entry(raw)))
            except StrongroomError as error:
                return [self.refusal("append", str(start), error, states[-1].size)]
        entries = self.entries[:start] + raws
        extends = entries[: len(self.entries)] == self.entries
        if not extends and len(entries) >= len(self.entries) and start >= self.cosigned:
            after = states[-1]
            extends = after.repair > self.state.repair or q_accepted(after, head["accepts"])
        if not extends and entries == self.entries[: len(entries)]:
            entries, states = self.entries, self.states
        elif not extends:
            return [self.refusal("append", str(start), Refused("checkpoint.not_extending", "conflicts"))]
        self.entries, self.states = entries, states
        return [self.accept()]

    def accept(self) -> Frame:
        head = (self.state.size, self.state.root, self.state.repair)
        accept = sign_accept(self.state.workspace, self.name, *head, self.key)
        return self.frame("accept", accept.to_doc())

    def on_cosign(self, head: dict[str, Any], body: bytes) -> list[Frame]:
        size = head["size"]
        state = self.states[size]
        assert state.root.hex() == head["root"] and q_accepted(state, head["accepts"])
        assert (state.repair, size) >= self.rank
        self.cosigned, self.rank = size, (state.repair, size)
        checkpoint = Checkpoint(origin_of(state.workspace), size, state.root)
        line = cosign(checkpoint, self.key, self.name, self.clock() // 1000)
        return [self.frame("cosignature", {"size": size, "line": line.text()})]

    def on_checkpoint(self, head: dict[str, Any], body: bytes) -> list[Frame]:
        self.note = head["note"]
        return []

    def on_sign(self, head: dict[str, Any], body: bytes) -> list[Frame]:
        name, digest = TransferId(head["transfer"]), head["digest"]
        try:
            may_sign(self.states[self.cosigned], name, digest, self.clock())
        except Refused as error:
            return [self.refusal("sign", name, error)]
        if head["participants"][0] != self.name and digest not in self.signatures:
            return []
        made = self.signatures.setdefault(digest, self.workspace.sign(bytes.fromhex(digest)))
        return [self.frame("signed", {"ref": name, "digest": digest, "signature": made.hex()})]


class FakeWires:
    """The coordinator's transport: frames reach the nodes in the loop's next turns, answers come back so too."""

    def __init__(self) -> None:
        self.nodes: dict[str, FakeNode] = {}
        self.house: House | None = None

    def send(self, node: str, frame: Frame) -> None:
        if node in self.nodes:
            asyncio.get_running_loop().call_soon(self._deliver, node, frame)

    def _deliver(self, node: str, frame: Frame) -> None:
        if node not in self.nodes:
            return
        for answer in self.nodes[node].answer(frame):
            asyncio.get_running_loop().call_soon(self._back, node, answer)

    def _back(self, node: str, frame: Frame) -> None:
        if self.house is not None and node in self.nodes:
            self.house.hall.take(node, frame)

    def join(self, node: FakeNode) -> None:
        assert self.house is not None
        self.nodes[node.name] = node
        self.house.hall.joined(node.name)

    def part(self, name: str) -> None:
        assert self.house is not None
        del self.nodes[name]
        self.house.hall.left(name)


class FakeChain:
    """A chain that mines what it is sent when told to; nonces and balances as a node would give them."""

    def __init__(self) -> None:
        self.number = 10
        self.balance, self.token = 100 * WEI, 10**12
        self.base_fee = 10**9
        self.pool: dict[str, tuple[int, bytes]] = {}
        self.mined: dict[str, tuple[int, bool]] = {}
        self.sent: list[str] = []
        self.nonce = 0
        self.down = False
        self.auto = True
        self.blocks: dict[int, list[dict[str, Any]]] = {}

    def _up(self) -> None:
        if self.down:
            raise Unreachable("node.unreachable", "the chain is away")

    async def connect(self, expected: ChainId) -> None:
        self._up()

    async def block_number(self) -> int:
        self._up()
        return self.number

    async def block(self, which: int | str) -> Block | None:
        self._up()
        return None

    async def fees(self) -> tuple[int, int]:
        self._up()
        return self.base_fee, 10**9

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        self._up()
        if calls and calls[0][0] == "eth_getBlockByNumber":
            return [{"transactions": self.blocks.get(int(params[0], 16), [])} for _, params in calls]
        found: dict[str, Any] = {
            "eth_getTransactionCount": hex(self.nonce),
            "eth_getBalance": hex(self.balance),
            "eth_call": "0x" + self.token.to_bytes(32, "big").hex(),
        }
        return [found[method] for method, _ in calls]

    async def simulate(self, sender: str, call: Call) -> int:
        self._up()
        return 21_000 if not call.data else 50_000

    async def send_raw(self, raw: bytes) -> str:
        self._up()
        txid = "0x" + keccak256(raw).hex()
        self.sent.append(txid)
        if txid not in self.mined:
            self.pool[txid] = (self.nonce, raw)
            if self.auto:
                self.mine()
        return txid

    def mine(self, *, ok: bool = True) -> None:
        """A block with everything in the pool."""
        self.number += 1
        for txid in self.pool:
            self.mined[txid] = (self.number, ok)
            self.nonce += 1
        self.pool.clear()

    async def receipts(self, txids: Sequence[str]) -> list[Receipt | None]:
        self._up()
        return [
            Receipt(txid, self.mined[txid][1], self.mined[txid][0], "0x" + "00" * 32, "0x" + "00" * 20, 21000, 1, ())
            if txid in self.mined
            else None
            for txid in txids
        ]

    async def close(self) -> None:
        return None


class Coordinator:
    """A whole coordinator over doubles, on a database in a directory; `crash` and build another on the same."""

    def __init__(
        self, path: Path, desk: Workspace, *, chain: FakeChain | None = None, post: Callable[[], Post] = Post
    ) -> None:
        self.path, self.desk, self.chain, self._post = path, desk, chain or FakeChain(), post
        self.wires, self.now, self.said = self._wires(), desk.time + 1000, list[str]()
        self.passed_on: list[Envelope] = []
        self.nodes = {name: FakeNode(name, desk) for name in NODES}
        for node in self.nodes.values():
            node.clock = lambda: self.now
            boot = desk.state.boots.get(node.name)
            node.boot = boot.boot if boot else ""
            node.hold([entry.raw for entry in desk.entries])
        self.database = Database.open(f"sqlite:///{path / 'strongroom.db'}")
        begin(self.database, desk.entries)
        self.house = self._build()

    def _wires(self) -> FakeWires:
        return FakeWires()

    def _build(self) -> House:
        lease = acquire(self.database, "sequencer", "test", self.now, 1000)
        failures: list[BaseException] = []
        journal = Journal(self.database, lease, run_inline, failures.append)
        config = Config(
            self.path, self.desk.state.workspace, ("127.0.0.1", 0), ("127.0.0.1", 0), "", poll_ms=20, bump_seconds=1
        )
        house = House(
            config, journal=journal, database=self.database, transport=self.wires,
            nodes={ChainId(CHAIN): self.chain}, key=self.desk.keys["coordinator"], clock=lambda: self.now,
            say=self.said.append, pass_on=self.passed_on.append, post=self._post(),
        )  # fmt: skip
        self.wires.house = house
        return house

    @property
    def engine(self) -> Engine:
        return self.database.engine

    async def start(self, *names: str) -> House:
        """Start it, with the named nodes (all by default) connected."""
        self.house.load()
        await self.house.start()
        for name in names or NODES:
            self.wires.join(self.nodes[name])
        return self.house

    async def crash(self) -> None:
        """Everything in memory is gone; the database and the nodes stay. Start again with `start`."""
        self.wires.nodes.clear()
        await self.house.stop()
        self.wires = self._wires()
        self.house = self._build()

    async def until(self, met: Callable[[], object]) -> None:
        """Let it work until the condition holds; fails after 20 s with what was said last."""
        try:
            async with asyncio.timeout(20):
                while not met():  # noqa: ASYNC110 - many things may change
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(f"it does not come to pass; last said: {self.said[-5:]}") from None

    async def close(self) -> None:
        await self.house.stop()
        self.database.close()


def begin(database: Database, entries: Sequence[Entry]) -> None:
    """Store a log as it is."""
    with database.reading() as connection:
        empty = connection.exec_driver_sql("SELECT 1 FROM entries").first() is None
    if empty:
        append(database, acquire(database, "founding", "test", 0, 0), CompactRange(), entries)
