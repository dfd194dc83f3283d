"""A node's own copy of the log: the accepted branch, the newest quorum-cosigned head on it, and how both move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from strongroom.custody import witnesses
from strongroom.custody.authority import in_force, signers_in
from strongroom.custody.fold import apply
from strongroom.custody.repair import accepts_for, shown_in, state_subject
from strongroom.custody.sealed import Sealed
from strongroom.custody.state import CustodyState
from strongroom.custody.witnesses import Electorate, electorates
from strongroom.documents.credentials import Credential
from strongroom.errors import InvalidInput, Refused, StrongroomError
from strongroom.log.accept import Accept, accepted_by
from strongroom.log.batch import parse_entries
from strongroom.log.checkpoint import Note, parse_note, quorum
from strongroom.log.entry import Entry, parse_entry
from strongroom.log.tree import EMPTY_ROOT
from strongroom.policy.model import Node, Policy
from strongroom.signer.disk import Disk

NOTES_EVERY: Final = 512  # entries; of so many one note is kept, for a coordinator rebuilt from this disk
MAX_SKEW: Final = 120_000  # ms


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A quorum-cosigned head as its note text, with the time (unix s) of each witness's cosignature."""

    note: str
    size: int
    root: bytes
    times: Mapping[str, int]


NOTHING: Final = Cosigned("", 0, EMPTY_ROOT, {})


@dataclass(frozen=True, slots=True)
class Mark:
    """A head that this node must not forget, by rank (repair number, size); `accepts` prove what q have accepted."""

    rank: tuple[int, int] = (0, 0)
    root: bytes = EMPTY_ROOT
    accepts: tuple[dict[str, Any], ...] = ()

    def to_doc(self) -> dict[str, Any]:
        """As a fact on disk."""
        return {"rank": list(self.rank), "root": self.root.hex(), "accepts": list(self.accepts)}

    @classmethod
    def from_doc(cls, doc: dict[str, Any] | None) -> Mark:
        """What the disk holds."""
        return cls() if doc is None else cls(tuple(doc["rank"]), bytes.fromhex(doc["root"]), tuple(doc["accepts"]))


def rank_of(state: CustodyState) -> tuple[int, int]:
    """A head's rank: repair number, then size."""
    return state.repair, state.size


class EntryRefused(Refused):
    """An entry that this node does not accept, by its number in the log."""

    def __init__(self, index: int, error: StrongroomError) -> None:
        super().__init__(error.code, error.message)
        self.index = index


class Replica:
    """The accepted branch with the states of its tail; every state is immutable, so a tail switch is cheap.

    Durable beside it: `own`, the highest head that this node has cosigned, and `most`, the largest size of one under
    any repair; `q_accepted`, the highest head that it was shown q accepts for; `stated`, the highest repair that it
    has stated this for: from then on it accepts and cosigns under that repair or a higher one only.
    """

    def __init__(self, workspace: str, me: str, disk: Disk, mine: Credential) -> None:
        self.workspace, self._me, self._disk, self._mine = workspace, me, disk, mine
        self.restored = bool(disk.all("restored"))
        self.own = Mark.from_doc(disk.get("cosigned", "highest"))
        self.most: int = (disk.get("cosigned", "most") or {"size": 0})["size"]
        self.q_accepted = Mark.from_doc(disk.get("accepted", "highest"))
        self.stated: int = (disk.get("repair", "stated") or {"number": 0})["number"]
        self._verified: dict[str, tuple[tuple[Electorate, ...], Cosigned]] = {}
        newest = disk.get("note", "newest")
        kept = parse_note(newest["note"]).checkpoint.size if newest else 0
        self.sealed = Sealed(disk)
        self.accepted, self.cosigned = self.sealed.load(kept), NOTHING
        self._states = {self.accepted.size: self.accepted}  # from the quorum-cosigned size to the accepted one
        while chunk := disk.entries(self.accepted.size, self.accepted.size + 1000):
            for _, state in self._fold(self.accepted, chunk):
                self.accepted = state
                if state.size >= kept:
                    self._states[state.size] = state
        if newest:
            self.see_note(newest["note"])
        if not self._holds_own():
            raise Refused("log.damaged", "the log on disk does not hold the head that this node has cosigned")

    @property
    def state(self) -> CustodyState:
        """The state at the newest quorum-cosigned head: grants count from here."""
        return self._states[self.cosigned.size]

    @property
    def policy(self) -> Policy:
        """The policy of the accepted state; raises Refused before the first entry."""
        return in_force(self.accepted)

    @property
    def nodes(self) -> Mapping[str, Node]:
        """The enrolled nodes; nobody before the first entry."""
        return self.accepted.policy.nodes if self.accepted.policy else {}

    def state_at(self, size: int) -> CustodyState | None:
        """The state at a size between the quorum-cosigned one and the accepted one."""
        return self._states.get(size)

    def root_at(self, size: int) -> bytes | None:
        """The accepted branch's root at a size, None when it is beyond or too old to know."""
        return self.accepted.roots.get(size) if size else EMPTY_ROOT

    def extend(
        self, start: int, raws: Sequence[bytes], note: str, accepts: Sequence[Accept], now: int
    ) -> Sequence[bytes]:
        """Take entries from number `start` on, all or none; gives back those of a tail that had to give way.

        A differing tail gives way to a branch of a higher repair, which proves itself; within a repair only to a head
        that q witnesses accepted, and never to a shorter one. Raises EntryRefused, Refused or InvalidInput.
        """
        if not 0 <= start <= self.accepted.size:
            raise Refused("log.gap", f"this node holds {self.accepted.size} entries")
        held = self._disk.entries(start, start + len(raws))
        same = next((i for i, (old, new) in enumerate(zip(held, raws, strict=False)) if old != new), len(held))
        fork, fresh, lost = start + same, raws[same:], list[bytes]()
        if fresh:
            base = self._states.get(fork)
            if base is None:
                raise EntryRefused(fork, Refused("checkpoint.not_extending", "it leaves a head that a quorum cosigned"))
            taken = list(self._fold(base, fresh))
            self.require_own_disk()
            branch = {size: state for size, state in self._states.items() if size <= fork}
            branch |= {state.size: state for _, state in taken}
            final, seen = taken[-1][1], self._on(branch, note)
            if fork < self.accepted.size:
                self._require_succeeding(final, fork, seen, accepts)
            self._check_times([entry for entry, _ in taken], fork, self._vouched(final, seen, accepts), now)
            lost = self._disk.entries(fork)
            self._disk.write_entries(fork, fresh)
            self._states, self.accepted = branch, final
            for repair, state in [pair for pair in taken if pair[0].kind == "log.repaired"]:
                self._unlearn(branch[state.size - 1], repair)
            self.learn(final, accepts)
        if note and parse_note(note).checkpoint.size <= self.accepted.size:
            self.see_note(note)
        return lost

    def learn(self, state: CustodyState, accepts: Sequence[Accept], *, anew: bool = False) -> bool:
        """Whether these accepts are q for the head of a state of the own branch; the highest such is kept."""
        found = witnesses.accepted(state, accepts)
        if not state.size or not witnesses.reached(state, found):
            return False
        if anew or rank_of(state) > self.q_accepted.rank:
            self.q_accepted = Mark(rank_of(state), state.root, tuple(accept.to_doc() for accept in found.values()))
            self._disk.put("accepted", "highest", self.q_accepted.to_doc())
        return True

    def _unlearn(self, base: CustodyState, repair: Entry) -> None:
        """A repair has gone past a head that q accepted, not cosigned here: none can show its entries for ever.

        It is never final: who has stated for the repair cosigns it no more. The repair's base takes its place.
        """
        (number, size), mine = self.q_accepted.rank, self.own.rank
        if base.roots.get(size) != self.q_accepted.root and mine <= rank_of(base) and number < repair.body["number"]:
            self.learn(base, accepts_for(base, shown_in(base, repair)), anew=True)

    def state_for(self, number: int) -> dict[str, Any]:
        """The subject of a `witness.state` for a repair; from the next commit on this node speaks only under it."""
        if number <= self.accepted.repair or number < self.stated:
            raise Refused("repair.number", f"this node has gone on to repair {max(self.accepted.repair, self.stated)}")
        self.stated = number
        self._disk.put("repair", "stated", {"number": number})
        mark = self.q_accepted
        return state_subject(number, mark.rank, mark.root, list(mark.accepts))

    def require_current(self, state: CustodyState) -> None:
        """Raises Refused repair.superseded for a head under a lower repair than this node has stated for."""
        if state.repair < self.stated:
            raise Refused("repair.superseded", f"this node speaks under repair {self.stated} and higher ones only")

    def cosign(self, state: CustodyState) -> None:
        """Note durably, at the next commit, that this node cosigns the head of a state of its branch."""
        if rank_of(state) != self.own.rank:
            self.own = Mark(rank_of(state), state.root)
            self._disk.put("cosigned", "highest", self.own.to_doc())
            if state.size > self.most:
                self.most = state.size
                self._disk.put("cosigned", "most", {"size": self.most})

    def see_note(self, text: str) -> None:
        """Take a quorum-cosigned note of the accepted branch; the newest counts. Raises Refused, InvalidInput."""
        if text == self.cosigned.note:
            return
        size = parse_note(text).checkpoint.size
        seen = self._on(self._states, text)
        if size > self.accepted.size:
            raise Refused("log.gap", f"the checkpoint covers {size} entries, this node {self.accepted.size}")
        state = self._states.get(size)
        if state is None:
            return
        newer = witnesses.fresh_since(state, seen.times) > witnesses.fresh_since(state, self.cosigned.times)
        if size > self.cosigned.size or newer:
            self.cosigned = seen
            for name in ("newest", str(size // NOTES_EVERY)):  # evidence only: a crash may forget it
                self._disk.later("note", name, {"note": text})
            self.sealed.cosigned(state)  # what it writes down and the note are durable together
            for old in [old for old in self._states if old < size]:
                del self._states[old]

    def _fold(self, state: CustodyState, raws: Sequence[bytes]) -> Iterator[tuple[Entry, CustodyState]]:
        for raw, parsed in zip(raws, parse_entries(raws, signers_in(state)), strict=True):
            try:
                entry = parsed or parse_entry(raw)
                if state.size == 0 and entry.leaf.hex() != self.workspace:
                    raise Refused("workspace.not_created_here", "the log begins with another workspace's creation")
                before, state = state, apply(state, entry)
            except StrongroomError as error:
                raise EntryRefused(state.size, error) from None
            except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
                raise EntryRefused(state.size, InvalidInput("entry.invalid", "the entry cannot be read")) from None
            own_start = entry.kind == "signer.started" and entry.body["node"] == self._me
            if own_start and self._disk.get("boot", entry.body["boot"]) is None:
                self._found_restored(f"entry {state.size - 1} starts this node with a boot that it does not know")
            self.sealed.saw(before, entry)
            yield entry, state

    def require_own_disk(self) -> None:
        """Raises Refused share.restored on a disk that is older than what this node has said."""
        if self.restored:
            raise Refused("share.restored", "this disk was restored: the node neither witnesses nor signs again")

    def _found_restored(self, reason: str) -> None:
        self.restored = True
        self._disk.put("restored", "disk", {"reason": reason})
        self._disk.commit()

    def _on(self, branch: Mapping[int, CustodyState], text: str) -> Cosigned:
        """The note as a quorum-cosigned head of a branch, NOTHING beyond it; verified once for the same electorates.

        Raises Refused checkpoint.no_quorum or checkpoint.not_extending, and share.restored before either.
        """
        if not text:
            return NOTHING
        note: Note = parse_note(text)
        state = branch.get(note.checkpoint.size)
        self._require_newest_disk(note, state)
        if state is None or not state.size:
            return NOTHING
        sets, known = electorates(state), self._verified.get(text)
        if known is None or known[0] != sets or known[1].root != state.root:
            if len(self._verified) > 8:
                self._verified.clear()
            known = sets, Cosigned(text, state.size, state.root, witnesses.cosigned(state, note))
            self._verified[text] = known
        return known[1]

    def _require_newest_disk(self, note: Note, state: CustodyState | None) -> None:
        """A cosignature of its own that the disk does not know, under whatever repair, shows that it was restored."""
        size, root = note.checkpoint.size, note.checkpoint.root
        unknown = size > self.most or (not self.own.rank[0] and size == self.own.rank[1] and root != self.own.root)
        if state is not None and state.root == root:
            unknown = unknown or rank_of(state) > self.own.rank
        if unknown and quorum(note, {self._me: self._mine}):
            self._found_restored(f"this node has cosigned {size} entries, its disk knows of {self.most}")
            self.require_own_disk()

    def _holds_own(self) -> bool:
        repair, size = self.own.rank
        if repair != self.accepted.repair:
            return repair < self.accepted.repair
        return size <= self.accepted.size and self.root_at(size) in (self.own.root, None)

    def _require_succeeding(self, final: CustodyState, fork: int, seen: Cosigned, accepts: Sequence[Accept]) -> None:
        if final.repair > self.accepted.repair:
            return  # one branch a repair, and the fold has seen what it stands on
        proven = seen.root == final.root or witnesses.reached(final, witnesses.accepted(final, accepts))
        leaves_own = fork < self.own.rank[1] and final.repair == self.own.rank[0]
        if leaves_own or not proven or rank_of(final) < rank_of(self.accepted):
            why = f"this node has accepted {self.accepted.size} entries that differ from number {fork} on"
            raise EntryRefused(fork, Refused("checkpoint.not_extending", why))

    def _vouched(self, final: CustodyState, seen: Cosigned, accepts: Sequence[Accept]) -> int:
        """The size up to which a quorum's note, a repair, or f+1 witnesses' accepts vouch for the times."""
        heads = {(a.size, a.root, a.repair) for a in accepts if final.roots.get(a.size) == a.root}
        known = witnesses.witnesses(final)
        names = {head[0]: accepted_by(accepts, self.workspace, head, known) for head in heads}
        sizes = [size for size, found in names.items() if witnesses.vouched(final, found)]
        return max(1, seen.size, *sizes)  # the creation is the workspace's id: nobody can date it otherwise

    def _check_times(self, entries: Sequence[Entry], fork: int, vouched: int, now: int) -> None:
        repaired = max((index for index, entry in enumerate(entries, fork) if entry.kind == "log.repaired"), default=0)
        for index, entry in enumerate(entries, fork):
            if index >= max(vouched, repaired) and abs(entry.time - now) > MAX_SKEW:
                message = f"its time differs from this node's clock by {abs(entry.time - now) // 1000} s"
                raise EntryRefused(index, Refused("time.outside_skew", message))
