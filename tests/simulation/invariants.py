"""What must hold after every step, each by its number; judged from outside, by what people did and what left whom.

Nothing here asks the fold for its opinion: the monitor keeps its own books and decodes payloads by itself. Of the
numbered invariants, those that are about one value at rest (I1, I14, I15, I17 of parsers, I21, I23, I24) have tests
of their own elsewhere.
"""

from __future__ import annotations

import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from strongroom.chains.evm.transaction import UnsignedTransaction, decode, digest
from strongroom.chains.evm.transfer import call, chain_number
from strongroom.coordinator.house import House
from strongroom.custody.digest import state_digest
from strongroom.custody.fold import apply
from strongroom.custody.keys import possession_digest
from strongroom.custody.state import EMPTY, CustodyState
from strongroom.documents.names import AssetId
from strongroom.log.accept import Accept
from strongroom.log.checkpoint import parse_note, parse_signature_line
from strongroom.log.entry import Entry, parse_entry
from strongroom.signer.node import Node
from strongroom.wire.frame import Frame
from tests.simulation.chain import Sent
from tests.simulation.machine import Machine
from tests.simulation.people import Intent
from tests.simulation.template import DELAY, FEE_CEILING, LIMIT, SERVICE_LIMIT, SMALL
from tests.workspace import CHAIN, ETH, NODES

if TYPE_CHECKING:
    from tests.simulation.world import World

FAULTS: Final = 1
QUORUM: Final = (len(NODES) + FAULTS) // 2 + 1
FRESH_MS: Final = 30_000
AHEAD_MS: Final = 31_000
PATIENCE_MS: Final = 61_000
Head = tuple[int, bytes]


class Violation(Exception):
    """An invariant does not hold: `number` names it."""

    def __init__(self, number: str, what: str) -> None:
        super().__init__(f"{number}: {what}")
        self.number = number


class Monitor:
    """The observer. Whatever it finds wrong it keeps, and the step in which it was found raises it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.found: list[Violation] = []
        self.contributions = 0
        self._accepts: dict[tuple[int, bytes, int], set[str]] = defaultdict(set)
        self._lines: dict[Head, set[str]] = defaultdict(set)
        self._roots: dict[Head, CustodyState] = {}
        self._final: list[Head] = []  # quorum-cosigned, ascending
        self._payloads: dict[str, tuple[str, bytes]] = {}
        self._anchors: dict[int, str] = {}
        self._paid: dict[str, UnsignedTransaction] = {}
        self._mined: dict[str, Sent] = {}
        self._sessions: dict[bytes, bytes] = {}
        self._cosigned: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        self._asked: dict[str, set[str]] = defaultdict(set)
        self._stated: dict[str, int] = defaultdict(int)
        self.repairs = 0
        self._latched: dict[str, dict[str, int]] = defaultdict(dict)
        self._answers: dict[str, set[str]] = defaultdict(set)
        self._banned: set[frozenset[str]] = set()
        self._bannings: dict[str, set[str]] = defaultdict(set)

    def check(self) -> None:
        """Raises the first Violation that the step has shown."""
        if self.found:
            raise self.found[0]
        if self.world.loop.failures:
            raise Violation("I17", f"the coordinator let out {self.world.loop.failures[0]!r}")

    def _wrong(self, number: str, what: str) -> None:
        self.found.append(Violation(number, what))

    # -- processes

    def started(self, machine: Machine) -> None:
        """A node has started from its disk: what it had said before, it knows (persist, then send)."""
        self._answers[machine.name].clear()
        self._asked[machine.name].clear()
        node = machine.node
        if node is not None and not machine.faulty and node._here.replica.own.rank < self._cosigned[machine.name]:
            self._wrong("I12", f"{machine.name} has cosigned {self._cosigned[machine.name]} and forgot it")

    def raised(self, who: str, error: Exception) -> None:
        """A node let an exception out (I17: a state or a coded refusal)."""
        where = traceback.extract_tb(error.__traceback__)[-1]
        self._wrong("I17", f"{who} let out {error!r} at {Path(where.filename).name}:{where.lineno}")

    def store_failed(self, error: BaseException) -> None:
        """The coordinator could not write."""
        self._wrong("I17", f"the store failed: {error!r}")

    def coordinator_started(self, house: House) -> None:
        """Watch what this life of the coordinator sequences."""
        house.desk.sequencer.on_entry.append(lambda _, entry: self.entry(entry))

    def entry(self, entry: Entry) -> None:
        """Somebody has made an entry, honest or not."""
        self.repairs += entry.kind == "log.repaired"
        if entry.kind in ("transfer.authorized", "transfer.replaced"):
            raw = bytes.fromhex(entry.body["payload"])
            self._payloads[digest(raw).hex()] = (entry.body["transfer"], raw)

    # -- frames

    def arrived(self, machine: Machine, frame: Frame) -> None:
        """A frame is about to be handed to a node."""
        if frame.kind == "answer" and frame.head["nonce"] in self._asked[machine.name]:
            self._answers[machine.name].add(frame.sender)

    def leaves(self, machine: Machine, frame: Frame) -> None:
        """A frame leaves a node's machine."""
        match frame.kind:
            case "accept":
                accept = Accept.from_doc(frame.head)
                self._accepts[accept.size, accept.root, accept.repair].add(machine.name)
                self._require_rejoined(machine, "accepts")
                self._require_stated(machine, "accepts", accept.repair)
            case "repair.state" if not machine.faulty:
                self._stated[machine.name] = max(self._stated[machine.name], frame.head["number"])
            case "challenge":
                self._asked[machine.name].add(frame.head["nonce"])
            case "cosignature":
                self._cosigns(machine, frame)
            case "latched":
                self._latched[machine.name].setdefault(frame.head["statement"], machine.clock())
            case "submit" if frame.head["kind"] == "signer.barred":
                self._bannings[machine.name].add(frame.head["body"]["peer"])

    def relay_answers(self, frame: Frame) -> None:
        """The relay of stops says who holds one: nobody stands there who has not said so."""
        for name in frame.head.get("held", ()):
            if frame.head["statement"] not in self._latched[name]:
                self._wrong("I10", f"the relay says that {name} holds a stop which it does not hold")

    def _require_stated(self, machine: Machine, what: str, repair: int) -> None:
        """I8: who has stated for a repair speaks under that one or a higher one only, also after a restart."""
        if not machine.faulty and repair < self._stated[machine.name]:
            self._wrong("I8", f"{machine.name} {what} under repair {repair}, and had stated for a higher one")

    def _require_rejoined(self, machine: Machine, what: str) -> None:
        """I12: after a start, nothing before q-1 others have answered; a restored disk that shows, never again."""
        if machine.name == self.world.plan.byzantine or machine.node is None:
            return
        if len(self._answers[machine.name]) < QUORUM - 1:
            self._wrong("I12", f"{machine.name} {what} after {len(self._answers[machine.name])} answers")
        if machine.node._here.replica.restored:
            self._wrong("I12", f"{machine.name} {what} although it knows that its disk was restored")

    def _cosigns(self, machine: Machine, frame: Frame) -> None:
        line = parse_signature_line(frame.head["line"].rstrip("\n"))
        assert line.name == machine.name
        head = self._head_of(machine, frame)
        if not machine.faulty and machine.node is not None:
            self._require_rejoined(machine, "cosigns")
            rank = machine.node._here.replica.own.rank
            accepted = self._accepts[(*head, rank[0])]
            self._require_stated(machine, "cosigns", rank[0])
            if len(accepted) < QUORUM:
                self._wrong("I8", f"{machine.name} cosigns what {sorted(accepted)} accepted")
            if rank < self._cosigned[machine.name]:
                self._wrong("I8", f"{machine.name} goes back from {self._cosigned[machine.name]} to {rank}")
            self._cosigned[machine.name] = rank
            state = machine.node._here.replica.state_at(head[0])
            if state is not None:
                self._roots.setdefault(head, state)
                self._require_stops(machine, state)
        self._lines[head].add(machine.name)
        if len(self._lines[head]) >= QUORUM and head not in self._final:
            self._becomes_final(head)

    def _head_of(self, machine: Machine, frame: Frame) -> Head:
        """The head that a cosignature is over: an honest node's own, or what the byzantine one was asked for."""
        if machine.name == self.world.plan.byzantine or machine.node is None:
            return frame.head["size"], self.world.asked_root
        own = machine.node._here.replica.own
        assert own.rank[1] == frame.head["size"]
        return own.rank[1], own.root

    def _becomes_final(self, head: Head) -> None:
        """I8: of all heads with a quorum of cosignatures, each extends every smaller one."""
        state = self._roots.get(head)
        if state is None:
            return self._wrong("I8", f"a head of {head[0]} entries reached the quorum without an honest witness")
        for other in self._final:
            small, large = sorted((other, head))
            above = self._roots[large]
            if small[0] and (above.root if above.size == small[0] else above.roots.get(small[0])) != small[1]:
                self._wrong("I8", f"two conflicting checkpoints: of {small[0]} and of {large[0]} entries")
        self._final.append(head)
        return None

    def _require_stops(self, machine: Machine, head: CustodyState) -> None:
        """I9: no cosignature over a head that lacks a stop which has waited for more than 60 s."""
        for name, since in self._latched[machine.name].items():
            kind, *_ = self.world.people.stops[name]
            late = machine.clock() - since > PATIENCE_MS and name not in head.stops
            if late and kind == "workspace.freeze" and name in machine.node._here.stops._held:  # type: ignore[union-attr]
                self._wrong("I9", f"{machine.name} cosigns without the freeze {name[:12]}, which it holds")

    # -- signatures

    def contributes(self, machine: Machine, session: bytes, message: bytes, participants: Sequence[int]) -> None:
        """A signer is about to send its last-round message: with it, the signature may exist."""
        if machine.faulty or machine.node is None:
            return None
        self.contributions += 1
        node, wanted = machine.node, message.hex()
        self._require_session(machine, session, message, participants)
        if message in self._possessions(node):
            return None
        if wanted not in self._payloads:
            return self._wrong("I7", f"{machine.name} signs {wanted[:12]}, which no entry authorizes")
        transfer, raw = self._payloads[wanted]
        intent, tx = self.world.people.intents.get(transfer), decode(raw)
        if intent is None:
            return self._wrong("I1", f"{machine.name} signs for a transfer that nobody proposed")
        self._require_logged(machine, node, transfer, wanted)
        self._require_fresh(machine, node)
        self._require_anchor(transfer, tx)
        if (tx.to, tx.value, tx.data) == (self.world.template.address, 0, b""):
            return None
        self._require_exact(transfer, intent, tx)
        self._require_people(machine, node, transfer, intent)
        self._require_limits(transfer, tx)
        return self._require_not_stopped(machine, node, transfer)

    def _possessions(self, node: Node) -> set[bytes]:
        """What the node may sign for shares of its own that no log knows yet."""
        workspace, made = self.world.template.workspace, node._here.disk.all("share")
        return {possession_digest(workspace, doc["order"]["name"], name) for name, doc in made.items()}

    def _require_session(self, machine: Machine, session: bytes, message: bytes, participants: Sequence[int]) -> None:
        """I11: a session serves one digest; a barred pair never meets again."""
        if self._sessions.setdefault(session, message) != message:
            self._wrong("I11", f"{machine.name} runs one session for two digests")
        others = {f"signer-{index}" for index in participants} - {machine.name}
        if others & self._bannings[machine.name]:
            self._wrong("I11", f"{machine.name} meets {sorted(others)}, whom it has banned")

    def _require_logged(self, machine: Machine, node: Node, transfer: str, wanted: str) -> None:
        """No signing before its authorization is quorum-cosigned (an entry of the own log under a final head)."""
        cosigned = node._here.replica.cosigned
        if (cosigned.size, cosigned.root) not in self._final:
            return self._wrong("I9", f"{machine.name} signs under a head that has no quorum")
        for raw in node._here.disk.entries(0, cosigned.size):
            if wanted in self._digests_in(raw, transfer):
                return None
        return self._wrong("I7", f"{machine.name} signs a payload that its quorum-cosigned log does not hold")

    def _digests_in(self, raw: bytes, transfer: str) -> Iterator[str]:
        if transfer.encode() in raw and b'"transfer.' in raw:
            body = parse_entry(raw).body
            if "payload" in body:
                yield digest(bytes.fromhex(body["payload"])).hex()

    def _require_fresh(self, machine: Machine, node: Node) -> None:
        """I9: q witnesses have cosigned the head within 30 s of the signer's own clock."""
        note, now = parse_note(node._here.replica.cosigned.note), machine.clock()
        times = {line.name: int.from_bytes(line.signature[:8], "big") * 1000 for line in note.signatures}
        fresh = [n for n, time in times.items() if n in NODES and -1000 - FRESH_MS <= time - now <= AHEAD_MS]
        if len(fresh) < QUORUM:
            self._wrong("I9", f"{machine.name} signs under cosignatures of {sorted(times.values())}, at {now}")

    def _require_anchor(self, transfer: str, tx: UnsignedTransaction) -> None:
        """I4, I5: every payload of an intent spends the same nonce, and that nonce serves no other intent."""
        owner = self._anchors.setdefault(tx.nonce, transfer)
        if owner != transfer:
            self._wrong("I5", f"nonce {tx.nonce} serves {owner[:12]} and {transfer[:12]}")
        others = [nonce for nonce, name in self._anchors.items() if name == transfer and nonce != tx.nonce]
        if others:
            self._wrong("I4", f"transfer {transfer[:12]} is signed for at nonces {others} and {tx.nonce}")

    def _require_exact(self, transfer: str, intent: Intent, tx: UnsignedTransaction) -> None:
        """I13: the payload is the intent and a bounded fee, nothing else."""
        wanted = call(AssetId(ETH), intent.to, intent.amount)  # type: ignore[arg-type]
        exact = (tx.to, tx.value, tx.data, tx.chain_id)
        if exact != (wanted.to, wanted.value, wanted.data, chain_number(CHAIN)):  # type: ignore[arg-type]
            self._wrong("I13", f"a payload of {transfer[:12]} does something else than its intent")
        if tx.worst_fee > FEE_CEILING:
            self._wrong("I13", f"a payload of {transfer[:12]} may cost {tx.worst_fee}")

    def _require_people(self, machine: Machine, node: Node, transfer: str, intent: Intent) -> None:
        """I2, I3, I18: the approvals that the rule asks for, of two other people, and the delay after them."""
        if intent.by == "exchange":
            if intent.amount > SMALL:
                self._wrong("I2", f"the service sends {intent.amount} without approvals")
            return
        approved = self.world.people.approvals.get(transfer, set()) - {intent.by}
        if len(approved) < 2:
            self._wrong("I2", f"{machine.name} signs with the approvals of {sorted(approved)}")
        approvals = node._here.replica.state.transfers[transfer].approvals  # type: ignore[index]
        counted = sorted(a.time for a in approvals if a.person != intent.by)
        if len(counted) < 2 or machine.clock() < counted[1] + DELAY * 1000:
            self._wrong("I18", f"{machine.name} signs before the delay has passed by its own clock")

    def _require_limits(self, transfer: str, tx: UnsignedTransaction) -> None:
        """I6: what was ever signed, intents counted once, stays within the window (a seed is shorter than one)."""
        self._paid[transfer] = tx
        total = sum(paid.value for paid in self._paid.values())
        by_service = sum(
            paid.value for name, paid in self._paid.items() if self.world.people.intents[name].by == "exchange"
        )
        if total > LIMIT or by_service > SERVICE_LIMIT:
            self._wrong("I6", f"{total} in all, {by_service} by the service, are above the limits")

    def _require_not_stopped(self, machine: Machine, node: Node, transfer: str) -> None:
        """I10: a signer that has said that it holds a stop signs nothing which that stop covers."""
        cosigned = node._here.replica.state
        for name in self._latched[machine.name]:
            kind, person, subject = self.world.people.stops[name]
            if subject.get("transfer") == transfer:
                self._wrong("I10", f"{machine.name} holds a {kind} of {transfer[:12]} and signs it")
            if kind == "workspace.freeze" and not self._freeze_ended(cosigned, name, person):
                self._wrong("I10", f"{machine.name} holds the freeze {name[:12]} and signs")

    def _freeze_ended(self, cosigned: CustodyState, name: str, person: str) -> bool:
        """Administrators have ended it, or it is its person's second in a week, and so none."""
        freeze = cosigned.freezes.get(name)
        if freeze is None:
            return name not in cosigned.stops and any(person in other.people for other in cosigned.freezes.values())
        return name in self.world.people.unfrozen and freeze.ends is not None and freeze.ends <= cosigned.time

    # -- the chain, and the end

    def mined(self, sent: Sent) -> None:
        """A transaction is in a block: it is explained by the log, and no intent is paid twice (I4)."""
        owner = self._anchors.get(sent.nonce)
        if owner is None:
            return self._wrong("I7", f"the chain holds a transaction of nonce {sent.nonce} that nobody signed for")
        if (sent.to, sent.value) == (self.world.template.address, 0):
            return None
        if owner in self._mined:
            self._wrong("I4", f"transfer {owner[:12]} is paid twice")
        self._mined[owner] = sent
        return None

    def at_the_end(self) -> None:
        """I16, I22: equal heads are equal states, and an honest disk alone gives its node's state again."""
        digests: dict[Head, str] = {}
        for machine in self.world.machines.values():
            if machine.faulty or machine.node is None:
                continue
            accepted = machine.node._here.replica.accepted
            made, head = state_digest(accepted), (accepted.size, accepted.root)
            if not digests:
                state = EMPTY
                for raw in machine.node._here.disk.entries():
                    state = apply(state, parse_entry(raw))
                if state_digest(state) != made:
                    self._wrong("I22", f"the disk of {machine.name} gives another state than its node's")
            if digests.setdefault(head, made) != made:
                self._wrong("I16", f"{machine.name} has another state than others at {head[0]} entries")
        self.check()
