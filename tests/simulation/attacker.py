"""An enemy who owns the relay and may speak as the coordinator: it forks the log, forges payloads, replays frames.

It has no witness's and no person's key. What it knows is what passed over the wires.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from strongroom.chains.evm.transaction import UnsignedTransaction, digest, encode
from strongroom.chains.evm.transfer import call, chain_number
from strongroom.custody.fold import apply
from strongroom.custody.state import CustodyState, Transfer
from strongroom.documents.envelope import Envelope
from strongroom.errors import StrongroomError
from strongroom.log.accept import Accept
from strongroom.log.checkpoint import Checkpoint, Note, origin_of, parse_signature_line
from strongroom.log.entry import Entry, new_entry
from strongroom.wire.frame import Frame, join_entries
from strongroom.wire.handshake import COORDINATOR
from tests.simulation.plan import SIGNERS
from tests.workspace import NODES, OTHER, WEI

if TYPE_CHECKING:
    from tests.simulation.world import World

Head = tuple[int, bytes]
MOST_KEPT = 200


class Attacker:
    """Makes one move whenever it is called."""

    def __init__(self, world: World) -> None:
        self.world, self.rng = world, random.Random(f"{world.seed} attacker")
        self.accepts: dict[Head, dict[str, Accept]] = {}
        self.lines: dict[Head, dict[str, str]] = {}
        self.payloads: dict[str, str] = {}
        """Transfer by digest of every payload that was in an entry, honest or not."""
        self.notes: list[str] = []
        self.frames: list[Frame] = []
        self._asked: dict[int, bytes] = {}
        world.wires.carried.append(self._see)

    def _see(self, frame: Frame) -> None:
        match frame.kind:
            case "accept":
                accept = Accept.from_doc(frame.head)
                self.accepts.setdefault((accept.size, accept.root), {})[accept.node] = accept
            case "cosign":
                self._asked[frame.head["size"]] = bytes.fromhex(frame.head["root"])
            case "cosignature":
                size = frame.head["size"]
                for known in [head for head in self.accepts if head[0] == size]:
                    self.lines.setdefault(known, {})[frame.sender] = frame.head["line"]
            case "checkpoint":
                self.notes = [*self.notes[-20:], frame.head["note"]]
        if frame.sender == COORDINATOR:
            self.frames = [*self.frames[-MOST_KEPT:], frame]

    def move(self) -> None:
        """One move of its choice."""
        moves = {
            "split": self._split, "forge": self._forge, "cosign": self._cosign, "note": self._note,
            "sign": self._sign, "replay": self._replay,
        }  # fmt: skip
        favourite = self.rng.random() < 0.6
        moves[self.world.plan.attack if favourite else self.rng.choice(sorted(moves))]()

    # -- what it does

    def _split(self) -> None:
        """Two different entries behind the same head, each to a part of the witnesses; then it asks for both heads."""
        state = self._newest_state()
        one, other = self._entry(state), self._entry(state)
        names = self.rng.sample(NODES, len(NODES))
        cut = self.rng.randint(1, 3)
        for entry, part in ((one, names[:cut]), (other, names[cut:])):
            if entry is not None:
                self._sequence(state, entry, part)

    def _forge(self) -> None:
        """An entry that no honest coordinator would make."""
        state = self._newest_state()
        forged = list(self._forgeries(state))
        if forged:
            fitting = [entry for entry in forged if self._allowed(state, entry)]
            self._sequence(state, self.rng.choice(fitting or forged), NODES)

    def _sequence(self, state: CustodyState, entry: Entry, names: Iterable[str]) -> None:
        self.world.monitor.entry(entry)
        head = _after(state, entry)
        body, names = join_entries([entry.raw]), list(names)
        for name in names:
            self._tell(name, "append", {"from": state.size, "note": "", "accepts": []}, body)
        for _ in range(2):
            self.world.later(self.rng.uniform(0.005, 0.1), "attacker", lambda: self._ask(head, NODES))
        if entry.kind in ("transfer.authorized", "transfer.replaced"):
            made, transfer = digest(bytes.fromhex(entry.body["payload"])).hex(), entry.body["transfer"]
            self.payloads[made] = transfer
            for _ in range(2):
                self.world.later(self.rng.uniform(0.1, 0.5), "attacker", lambda: self._demand(transfer, made))

    def _ask(self, head: Head, names: Iterable[str]) -> None:
        accepts = [accept.to_doc() for accept in self.accepts.get(head, {}).values()]
        for name in names:
            self._tell(name, "cosign", {"size": head[0], "root": head[1].hex(), "accepts": accepts})
        self.world.later(self.rng.uniform(0.005, 0.02), "attacker", lambda: self._spread(head))

    def _cosign(self) -> None:
        if self.accepts:
            self._ask(self.rng.choice(sorted(self.accepts)), self.rng.sample(NODES, 2))

    def _note(self) -> None:
        if self.lines:
            self._spread(self.rng.choice(sorted(self.lines)))

    def _spread(self, head: Head) -> None:
        """A note of all cosignatures that it has seen, to everybody."""
        lines = self.lines.get(head, {})
        if lines:
            signed = tuple(parse_signature_line(line.rstrip("\n")) for line in lines.values())
            note = Note(Checkpoint(origin_of(self.world.template.workspace), *head), signed).text()
            self.notes.append(note)
            for name in NODES:
                self._tell(name, "checkpoint", {"note": note})

    def _sign(self) -> None:
        for transfer in self._some_state().transfers.values():
            self.payloads |= {payload.digest: transfer.id for payload in transfer.payloads}
        if self.payloads:
            wanted = self.rng.choice(sorted(self.payloads))
            self._demand(self.payloads[wanted], wanted)

    def _demand(self, transfer: str, wanted: str) -> None:
        """A session for a payload, with participants and a note of its choice."""
        pair = sorted(self.rng.sample(SIGNERS, 2))
        head = {"transfer": transfer, "digest": wanted, "participants": pair, "nonce": self.rng.randbytes(32).hex()}
        head["note"] = self.rng.choice([*self.notes[-3:], ""])
        for name in pair:
            self._tell(name, "sign", head)

    def _replay(self) -> None:
        if self.frames:
            frame = self.rng.choice(self.frames)
            self.world.wires.send(frame.to, frame)

    def _tell(self, name: str, kind: str, head: dict[str, Any], body: bytes = b"") -> None:
        self.world.wires.send(name, Frame(kind, COORDINATOR, name, head, body))

    # -- what it builds

    def _some_state(self) -> CustodyState:
        """The head of a node: it carries all entries, so it knows every branch."""
        nodes = [machine.node for machine in self.world.machines.values() if machine.node is not None]
        if not nodes:
            return self.world.start_state
        replica = self.rng.choice(nodes)._here.replica
        return replica.accepted if self.rng.random() < 0.7 else replica.state

    def _newest_state(self) -> CustodyState:
        """The head that most nodes have accepted, and where it has the best chance."""
        nodes = [machine.node for machine in self.world.machines.values() if machine.node is not None]
        heads = Counter(node._here.replica.accepted.root for node in nodes)
        states = {node._here.replica.accepted.root: node._here.replica.accepted for node in nodes}
        return states[heads.most_common(1)[0][0]] if nodes else self.world.start_state

    def _entry(self, state: CustodyState) -> Entry | None:
        """A next entry of some branch that the fold allows."""
        for transfer in self._open(state):
            entry = self._spending(state, transfer, {})
            if self._allowed(state, entry):
                return entry
        return self._old_entry(state)

    def _forgeries(self, state: CustodyState) -> Iterator[Entry]:
        """Payloads that are not quite what was asked for; a nonce of another intent, another payee, a huge fee."""
        for transfer in self._open(state)[:2]:
            wallet = state.wallets[transfer.intent.wallet]
            nonce = transfer.authorization.nonce if transfer.authorization else wallet.next_nonce
            value = transfer.intent.amount + WEI
            for changes in (
                {"nonce": nonce + 1}, {"nonce": max(0, wallet.next_nonce - 1)}, {"value": value},
                {"to": OTHER.rsplit(":", 1)[1]}, {"max_fee": 10**13}, {"chain_id": 1},
            ):  # fmt: skip
                yield self._spending(state, transfer, changes)

    def _open(self, state: CustodyState) -> list[Transfer]:
        return [state.transfers[name] for name in self.rng.sample(sorted(state.open), len(state.open))]

    def _time(self, state: CustodyState) -> int:
        return max(state.time, self.world.now() + self.rng.randint(-500, 500))

    def _spending(self, state: CustodyState, transfer: Transfer, changes: dict[str, Any]) -> Entry:
        kind = "transfer.replaced" if transfer.authorization else "transfer.authorized"
        raw = self._payload(state, transfer, changes)
        return new_entry(kind, self._time(state), {"transfer": transfer.id, "payload": raw.hex()})

    def _old_entry(self, state: CustodyState) -> Entry | None:
        """What people and nodes have signed, at another place."""
        time = self._time(state)
        for kind, body, evidence in self.rng.sample(self.world.submitted, min(8, len(self.world.submitted))):
            entry = new_entry(kind, time, body, [Envelope.from_doc(doc) for doc in evidence])
            if self._allowed(state, entry):
                return entry
        return None

    def _allowed(self, state: CustodyState, entry: Entry) -> bool:
        try:
            apply(state, entry)
        except StrongroomError:
            return False
        return True

    def _payload(self, state: CustodyState, transfer: Transfer, changes: dict[str, Any]) -> bytes:
        wallet = state.wallets[transfer.intent.wallet]
        wanted = call(transfer.intent.asset, transfer.intent.to, transfer.intent.amount)
        fee = 3 * 10**9 * (1 + len(transfer.payloads)) + self.rng.randrange(1000)
        nonce = transfer.authorization.nonce if transfer.authorization else wallet.next_nonce
        fields: dict[str, Any] = {
            "chain_id": chain_number(wallet.chain), "nonce": nonce, "max_priority_fee": 10**9, "max_fee": fee,
            "gas": 21_000, "to": wanted.to, "value": wanted.value, "data": wanted.data,
        }  # fmt: skip
        return encode(UnsignedTransaction(**{**fields, **changes}))


def _after(state: CustodyState, entry: Entry) -> Head:
    tree = replace(state.tree).append(entry.leaf)
    return tree.size, tree.root()
