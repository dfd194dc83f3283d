"""A node's own copy of the log: the accepted branch, the newest quorum-cosigned head on it, and how both move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from strongroom.custody.authority import credentials_in, in_force
from strongroom.custody.fold import apply
from strongroom.custody.state import EMPTY, CustodyState
from strongroom.documents.credentials import Credential
from strongroom.errors import InvalidInput, Refused, StrongroomError
from strongroom.log.accept import Accept, accepted_by
from strongroom.log.batch import parse_entries
from strongroom.log.checkpoint import Note, origin_of, parse_note, quorum
from strongroom.log.entry import Entry, parse_entry
from strongroom.log.tree import EMPTY_ROOT
from strongroom.policy.model import Node, Policy
from strongroom.signer.disk import Disk

MAX_SKEW: Final = 120_000  # ms


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A quorum-cosigned head as its note text, with the time (unix s) of each witness's cosignature."""

    note: str
    size: int
    root: bytes
    times: Mapping[str, int]


NOTHING: Final = Cosigned("", 0, EMPTY_ROOT, {})


class EntryRefused(Refused):
    """An entry that this node does not accept, by its number in the log."""

    def __init__(self, index: int, error: StrongroomError) -> None:
        super().__init__(error.code, error.message)
        self.index = index


class Replica:
    """The accepted branch with the states of its tail; every state is immutable, so a tail switch is cheap."""

    def __init__(self, workspace: str, me: str, disk: Disk) -> None:
        self.workspace, self._me, self._disk = workspace, me, disk
        self.restored = bool(disk.all("restored"))
        highest = disk.get("cosigned", "highest")
        self.own = (highest["size"], bytes.fromhex(highest["root"])) if highest else (0, EMPTY_ROOT)
        self.accepted, self.cosigned = EMPTY, NOTHING
        self._states: dict[int, CustodyState] = {0: EMPTY}  # from the quorum-cosigned size to the accepted one
        self._verified: dict[str, Cosigned] = {}
        newest = disk.get("note", "newest")
        kept = parse_note(newest["note"]).checkpoint.size if newest else 0
        while chunk := disk.entries(self.accepted.size, self.accepted.size + 1000):
            for _, state in self._fold(self.accepted, chunk):
                self.accepted = state
                if state.size >= kept:
                    self._states[state.size] = state
        if newest:
            self.see_note(newest["note"])
        if self.own[0] > self.accepted.size or self.root_at(self.own[0]) not in (self.own[1], None):
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

        A differing tail gives way only to a head that q witnesses accepted, never to a shorter one. Raises
        EntryRefused, Refused or InvalidInput.
        """
        if not 0 <= start <= self.accepted.size:
            raise Refused("log.gap", f"this node holds {self.accepted.size} entries")
        held = self._disk.entries(start, start + len(raws))
        same = next((i for i, (old, new) in enumerate(zip(held, raws, strict=False)) if old != new), len(held))
        fork, fresh = start + same, raws[same:]
        seen, lost = NOTHING, list[bytes]()
        if fresh:
            base = self._states.get(fork)
            if base is None or fork < self.own[0]:
                raise EntryRefused(fork, Refused("checkpoint.not_extending", "it leaves a head that was cosigned"))
            taken = list(self._fold(base, fresh))
            self.require_own_disk()
            final = taken[-1][1]
            seen = self._verify(note, in_force(final)) if note else NOTHING
            if final.roots.get(seen.size, seen.root) != seen.root:
                raise EntryRefused(fork, Refused("checkpoint.not_extending", "a quorum has cosigned another branch"))
            if fork < self.accepted.size:
                self._require_proven(final, fork, seen, accepts)
            self._check_times([entry for entry, _ in taken], fork, self._vouched(final, seen, accepts), now)
            lost = self._disk.entries(fork)
            self._disk.write_entries(fork, fresh)
            for size in range(fork + 1, self.accepted.size + 1):
                del self._states[size]
            self._states.update((state.size, state) for _, state in taken)
            self.accepted = final
        if note and seen.size <= self.accepted.size:
            self.see_note(note)
        return lost

    def cosign(self, size: int, root: bytes) -> None:
        """Note durably, at the next commit, that this node cosigns the head."""
        if (size, root) != self.own:
            self.own = (size, root)
            self._disk.put("cosigned", "highest", {"size": size, "root": root.hex()})

    def see_note(self, text: str) -> None:
        """Take a quorum-cosigned note of the accepted branch; the newest counts. Raises Refused, InvalidInput."""
        seen = self._verify(text, self.policy)
        if seen.size > self.accepted.size:
            raise Refused("log.gap", f"the checkpoint covers {seen.size} entries, this node {self.accepted.size}")
        if seen.size < self.cosigned.size:
            return
        if self.root_at(seen.size) != seen.root:
            raise Refused("checkpoint.not_extending", "a quorum has cosigned another branch than this node holds")
        if seen.size > self.cosigned.size or self._newness(seen) > self._newness(self.cosigned):
            self.cosigned = seen
            self._disk.later("note", "newest", {"note": text})  # evidence only: a crash may forget it
            for size in [size for size in self._states if size < seen.size]:
                del self._states[size]

    def accepted_by(self, accepts: Sequence[Accept], head: tuple[int, bytes]) -> frozenset[str]:
        """The witnesses that validly accepted the head (size, root)."""
        return accepted_by(accepts, self.workspace, head, _credentials(self.policy))

    def _fold(self, state: CustodyState, raws: Sequence[bytes]) -> Iterator[tuple[Entry, CustodyState]]:
        for raw, parsed in zip(raws, parse_entries(raws, credentials_in(state)), strict=True):
            try:
                entry = parsed or parse_entry(raw)
                if state.size == 0 and entry.leaf.hex() != self.workspace:
                    raise Refused("workspace.not_created_here", "the log begins with another workspace's creation")
                state = apply(state, entry)
            except StrongroomError as error:
                raise EntryRefused(state.size, error) from None
            except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
                raise EntryRefused(state.size, InvalidInput("entry.invalid", "the entry cannot be read")) from None
            own_start = entry.kind == "signer.started" and entry.body["node"] == self._me
            if own_start and self._disk.get("boot", entry.body["boot"]) is None:
                self._found_restored(f"entry {state.size - 1} starts this node with a boot that it does not know")
            yield entry, state

    def require_own_disk(self) -> None:
        """Raises Refused share.restored on a disk that is older than what this node has said."""
        if self.restored:
            raise Refused("share.restored", "this disk was restored: the node neither witnesses nor signs again")

    def _found_restored(self, reason: str) -> None:
        self.restored = True
        self._disk.put("restored", "disk", {"reason": reason})
        self._disk.commit()

    def _verify(self, text: str, policy: Policy) -> Cosigned:
        """The note as a quorum-cosigned head, verified once; raises Refused checkpoint.no_quorum."""
        if text in self._verified:
            return self._verified[text]
        note: Note = parse_note(text)
        if note.checkpoint.origin != origin_of(self.workspace):
            raise Refused("statement.other_workspace", "the checkpoint is of another log")
        times = quorum(note, _credentials(policy))
        size, root = note.checkpoint.size, note.checkpoint.root
        if self._me in times and (size > self.own[0] or (size == self.own[0] and root != self.own[1])):
            self._found_restored(f"this node has cosigned {size} entries, its disk knows of {self.own[0]}")
            self.require_own_disk()
        if len(times) < policy.witness_quorum:
            raise Refused("checkpoint.no_quorum", f"{len(times)} of {policy.witness_quorum} witnesses have cosigned")
        if len(self._verified) > 8:
            self._verified.clear()
        seen = Cosigned(text, size, root, times)
        self._verified[text] = seen
        return seen

    def _newness(self, seen: Cosigned) -> int:
        """The time at which the last witness that the quorum needs had cosigned."""
        times = sorted(seen.times.values(), reverse=True)
        return times[self.policy.witness_quorum - 1] if seen.size else -1

    def _require_proven(self, final: CustodyState, fork: int, seen: Cosigned, accepts: Sequence[Accept]) -> None:
        head = (final.size, final.root)
        quorum_accepts = len(self.accepted_by(accepts, head)) >= self.policy.witness_quorum
        if final.size < self.accepted.size or not ((seen.size, seen.root) == head or quorum_accepts):
            why = f"this node has accepted {self.accepted.size} entries that differ from number {fork} on"
            raise EntryRefused(fork, Refused("checkpoint.not_extending", why))

    def _vouched(self, final: CustodyState, seen: Cosigned, accepts: Sequence[Accept]) -> int:
        """The size up to which a quorum's note, or f+1 witnesses' accepts, vouch for the times."""
        policy, heads = in_force(final), {(a.size, a.root) for a in accepts if final.roots.get(a.size) == a.root}
        witnesses, noted = _credentials(policy), seen.size if final.roots.get(seen.size) == seen.root else 0
        accepted = {head[0]: accepted_by(accepts, self.workspace, head, witnesses) for head in heads}
        vouched = [size for size, names in accepted.items() if len(names) > policy.faults]
        return max(1, noted, *vouched)  # the creation is the workspace's id: nobody can date it otherwise

    def _check_times(self, entries: Sequence[Entry], fork: int, vouched: int, now: int) -> None:
        for index, entry in enumerate(entries, fork):
            if index >= vouched and abs(entry.time - now) > MAX_SKEW:
                message = f"its time differs from this node's clock by {abs(entry.time - now) // 1000} s"
                raise EntryRefused(index, Refused("time.outside_skew", message))


def _credentials(policy: Policy) -> dict[str, Credential]:
    return {name: node.credential for name, node in policy.nodes.items()}
