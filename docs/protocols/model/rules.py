"""What a witness does: every step that the rules allow it in a state, and what must never come of it.

The coordinator is the enemy: whatever was ever signed may be shown to anybody, at any time, or never. So a state keeps
what was signed (it only grows) and what each witness has on its disk; messages need no queues. A crash loses nothing
that is durable, and what a witness merely remembers of others (notes, answers) can only hold it back: it has no such
memory here, which allows everything that a crash at any moment would.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from docs.protocols.model.events import (
    BAD,
    ENDED,
    FREE,
    LATCHED,
    SIGNS_EVERYTHING,
    Configuration,
    Rules,
    State,
    Step,
    Witness,
)
from docs.protocols.model.heads import CHANGED, REPAIRS, STOP, members
from docs.protocols.model.proofs import Proofs

AS_WRITTEN: Final = Rules()
_WORDS: Final = {"1": "R1", "2": "R2", "s": "freeze", "g": "grant", "C": "change", "W": "changed"}


class Model:
    """The states of one configuration under the rules, and the steps between them."""

    def __init__(self, run: Configuration, rules: Rules = AS_WRITTEN) -> None:
        self.run, self.rules, self._proofs = run, rules, Proofs(run, rules)
        self._tree = tree = self._proofs.tree
        self._stopped, self._granted = tree.holding(STOP), tree.holding("g")
        self._repairs = [
            (head, tree.number[log[:-1]]) for head, log in enumerate(tree.logs) if log and log[-1] in REPAIRS
        ]
        self._pairs = [
            sum(tree.extending[head] for entry, head in children if entry in ("a", "b")) for children in tree.children
        ]
        kinds = [(part, i in run.bad, i == 0 and bool(run.restored)) for i, part in enumerate(run.parts)]
        starts = [i for i, kind in enumerate(kinds) if i == 0 or kinds[i - 1] != kind]
        self._alike = [(a, b) for a, b in zip(starts, [*starts[1:], len(kinds)], strict=True) if b - a > 1]

    def initial(self) -> State:
        """Everybody holds the empty log, which is final."""
        parts = range(len(self.run.parts))
        return State(1, 1, False, None, tuple(SIGNS_EVERYTHING if i in self.run.bad else Witness() for i in parts))

    def canonical(self, state: State) -> State:
        """The one of all states that differ from this in the names of witnesses alike."""
        witnesses = list(state.witnesses)
        for a, b in self._alike:
            witnesses[a:b] = sorted(witnesses[a:b])
        return state._replace(witnesses=tuple(witnesses))

    def successors(self, state: State) -> Iterator[tuple[Step, State]]:
        """Every step that is possible now, with where it leads.

        An accept of what can never be q-accepted is left out: it only holds back who gives it.
        """
        hopeful = self._proofs.attainable(state)
        for i, w in enumerate(state.witnesses):
            if w.tail == BAD or w.silent:
                continue
            before, after = state.witnesses[:i], state.witnesses[i + 1 :]
            for verb, head, new in self._steps(state, w):
                if verb != "accepts" or self._tree.extending[head] & hopeful:
                    yield Step(i, verb, head), self._proofs.settled(state, (*before, new, *after))
        yield from self._faults(state)

    def _steps(self, state: State, w: Witness) -> Iterator[tuple[str, int, Witness]]:
        closure = self._tree.closure
        for head in self._acceptable(state, w):
            yield "accepts", head, w._replace(tail=head, accepted=w.accepted | (closure[head] & ~state.q_accepted))
        for head in self._cosignable(state, w):
            yield "cosigns", head, w._replace(own=head, cosigned=w.cosigned | closure[head])
        for entry, number in REPAIRS.items():
            if entry in self.run.alphabet and number > max(w.stated, self._tree.repairs[w.tail]):
                for head in self._statable(state, w):
                    new = w._replace(stated1=head) if number == 1 else w._replace(stated2=head)
                    yield f"states for repair {number}", head, new
        if self.run.stop:
            yield from self._latching(state, w)

    def _acceptable(self, state: State, w: Witness) -> Iterator[int]:
        """The heads that this witness would take now: one entry more, a q-accepted switch, a later repair."""
        tree, repair = self._tree, self._tree.repairs[w.tail]
        for entry, head in tree.children[w.tail]:
            if tree.repairs[head] >= w.stated and self._valid(state, w.tail, entry):
                yield head
        for head, base in self._repairs:
            number = tree.repairs[head]
            later = number > repair and number >= w.stated and base != w.tail
            if later and self._proofs.repairable(state, number, base):
                yield head
        if repair < w.stated:
            return
        for head in members(state.q_accepted & ~(1 << w.tail)):
            keeps = tree.repairs[w.own] != repair or tree.upto[head] >> w.own & 1
            if tree.sizes[head] < tree.sizes[w.tail]:
                allowed = not self.rules.a_tail_is_never_shortened
            else:
                allowed = bool(tree.conflicts[w.tail] >> head & 1)
            if tree.repairs[head] == repair and keeps and allowed:
                yield head

    def _valid(self, state: State, base: int, entry: str) -> bool:
        """Whether the fold takes an entry after `base`: the evidence that the tree cannot know."""
        if entry in REPAIRS:
            return self._proofs.repairable(state, REPAIRS[entry], base)
        if entry == CHANGED:
            return bool(self._tree.upto[base] & self._proofs.certificates & state.final)
        if entry == "b":  # a and b differ in name only: while neither is used, it is a that comes first
            used = state.q_accepted
            for w in state.witnesses:
                used |= w.accepted | (1 << w.tail if w.tail != BAD else 0)
            return bool(used & self._pairs[base])
        return True

    def _cosignable(self, state: State, w: Witness) -> Iterator[int]:
        """The heads of the own branch, above the highest cosigned one, that this witness would cosign."""
        tree = self._tree
        proven = state.q_accepted if self.rules.cosign_needs_q_accepts else self._proofs.every
        for head in members(tree.upto[w.tail] & proven):
            if tree.rank[head] > tree.rank[w.own] and tree.repairs[head] >= w.stated:
                yield head

    def _statable(self, state: State, w: Witness) -> list[int]:
        """The highest q-accepted head that the witness knows, its own cosigned one, or a higher one shown to it."""
        rank, own = self._tree.rank, w.own
        if not state.q_accepted >> own & 1:  # only where cosigning needs no accepts
            own = max(members(state.q_accepted & self._tree.upto[own]), key=rank.__getitem__)
        if any(other.tail == BAD for other in state.witnesses):
            return [own]  # the bad one states any higher head: to show it to this one as well gains nothing
        return [own, *(head for head in members(state.q_accepted) if rank[head] > rank[own])]

    def _latching(self, state: State, w: Witness) -> Iterator[tuple[str, int, Witness]]:
        ends_in = state.final if self.rules.a_latch_ends_in_cosigned_state else self._proofs.every
        if w.latch == FREE and not any(other.latch for other in state.witnesses):
            yield "latches a freeze, its tail being", w.tail, w._replace(latch=LATCHED)
        if w.latch == LATCHED and self._tree.upto[w.tail] & ends_in & self._stopped:
            yield "ends its latch, its tail being", w.tail, w._replace(latch=ENDED)

    def _faults(self, state: State) -> Iterator[tuple[Step, State]]:
        """A further witness turns bad after the change; the disk of witness 0 is copied, and put back."""
        run = self.run
        if state.happened:
            return
        after = state._replace(happened=True, copy=None)
        if run.turns_bad and state.final & self._proofs.certificates:
            for i, w in enumerate(state.witnesses):
                if run.parts[i] == run.turns_bad and w.tail != BAD:
                    all_now = [SIGNS_EVERYTHING if j == i else other for j, other in enumerate(state.witnesses)]
                    yield Step(i, "turns bad, its tail being", w.tail), self._proofs.settled(after, all_now)
        if run.restored:
            w = state.witnesses[0]
            if state.copy is None and w.tail:
                yield Step(0, "is copied, its tail being", w.tail), state._replace(copy=w)
            old, silent = state.copy or Witness(), run.restored == "knows" and self.rules.a_restored_disk_is_silent
            back = old._replace(accepted=w.accepted, cosigned=w.cosigned, silent=silent)
            settled = self._proofs.settled(after, (back, *state.witnesses[1:]))
            yield Step(0, "is restored, its tail being", old.tail), settled

    def violation(self, state: State) -> str:
        """What is wrong with a state, or nothing."""
        for head in members(state.final):
            if other := self._tree.conflicts[head] & state.final:
                return f"{self.word(head)} and {self.word(next(members(other)))} are both final"
        for w in state.witnesses if self.run.stop else ():
            branch = self._tree.upto[w.tail]
            if w.latch == ENDED and not branch & self._stopped and branch & state.final & self._granted:
                return f"a witness that took the freeze signs by the grant of {self.word(w.tail)}"
        return ""

    def word(self, head: int) -> str:
        """A head as its entries."""
        return "[" + " ".join(_WORDS.get(entry, entry) for entry in self._tree.logs[head]) + "]"
