"""What the signatures given so far prove, and what they may yet come to prove."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from docs.protocols.model.events import BAD, NONE, Configuration, Rules, State, Witness
from docs.protocols.model.heads import CHANGE, CHANGED, Tree, members


class Proofs:
    """The arithmetic of quorums over the heads of one run."""

    def __init__(self, run: Configuration, rules: Rules) -> None:
        self.run, self.rules, self.tree = run, rules, Tree(run.alphabet, run.size, run.plain)
        tree = self.tree
        self.every = (1 << len(tree.logs)) - 1
        stays, old, new = (
            [i for i, part in enumerate(run.parts) if part in parts]
            for parts in (("stays",), ("stays", "leaves"), ("stays", "joins"))
        )
        during = [stays, new]
        if not rules.a_change_needs_the_old_quorum:
            during = [new]
        elif not rules.a_change_needs_the_new_quorum:
            during = [old]
        changing, changed = tree.holding(CHANGE), tree.holding(CHANGED)
        self.certificates = changing & ~changed
        """The heads that, once final, certify the change."""
        phases = ((self.every & ~changing, [old]), (self.certificates, during), (changed, [new]))
        self._electorates = [(heads, electorates) for heads, electorates in phases if heads]
        self._under = [sum(1 << head for head, repair in enumerate(tree.repairs) if repair == k) for k in range(3)]
        self._from_repair = [self.every, self._under[1] | self._under[2], self._under[2], 0]
        self._above = [sum(1 << head for head, other in enumerate(tree.rank) if other > rank) for rank in tree.rank]

    def electorates(self, head: int) -> list[list[int]]:
        """The sets of witnesses that must each reach their quorum for the head."""
        return next(electorates for heads, electorates in self._electorates if heads >> head & 1)

    def quorum(self, sets: Sequence[int]) -> int:
        """The heads that stand in the sets of a quorum of each of their electorates."""
        reached, q = 0, self.run.q
        for heads, electorates in self._electorates:
            for who in electorates:
                counts = [self.every] + [0] * q
                for i in who:
                    for k in range(q, 0, -1):
                        counts[k] |= counts[k - 1] & sets[i]
                heads &= counts[q]
            reached |= heads
        return reached

    def settled(self, state: State, witnesses: Iterable[Witness]) -> State:
        """The state with these witnesses, what is now q-accepted and final, and nothing kept that can never count."""
        found = list(witnesses)
        accepted = [self.every if w.tail == BAD else w.accepted for w in found]
        cosigned = [self.every if w.tail == BAD else w.cosigned for w in found]
        state = State(
            state.q_accepted | self.quorum(accepted), state.final | self.quorum(cosigned),
            state.happened, state.copy, tuple(found),
        )  # fmt: skip
        accepts, cosigns = self.attainable(state) & ~state.q_accepted, self._finalizable(state) & ~state.final
        for i, w in enumerate(found):
            if w.accepted & ~accepts or w.cosigned & ~cosigns:
                found[i] = w._replace(accepted=w.accepted & accepts, cosigned=w.cosigned & cosigns)
        return state._replace(witnesses=tuple(found))

    def attainable(self, state: State) -> int:
        """The heads that are or may yet be q-accepted: nobody leaves a tail but for such a one, or a later repair."""
        tree, found = self.tree, 0
        for i in self._unreliable(state):
            hopes = [self.every if w.tail == BAD or j == i else w.accepted for j, w in enumerate(state.witnesses)]
            known, more = 0, state.q_accepted
            while more != known:
                known = more
                for j, w in enumerate(state.witnesses):
                    if hopes[j] != self.every:
                        repair, least = tree.repairs[w.tail], tree.sizes[w.tail]
                        reach = self._from_repair[repair + 1] | tree.extending[w.tail]
                        for head in members(known & self._under[repair]):
                            if tree.sizes[head] >= least or not self.rules.a_tail_is_never_shortened:
                                reach |= tree.extending[head]
                        hopes[j] |= reach & self._speaks_under(w)
                more |= self.quorum(hopes)
            found |= known
        return found

    def _finalizable(self, state: State) -> int:
        """The heads that may yet be final: nobody cosigns below an own cosignature."""
        found = 0
        for i in self._unreliable(state):
            found |= self.quorum([
                self.every if w.tail == BAD or j == i else w.cosigned | (self._above[w.own] & self._speaks_under(w))
                for j, w in enumerate(state.witnesses)
            ])  # fmt: skip
        return found

    def _unreliable(self, state: State) -> list[int]:
        """Who may yet turn bad or be put back, one of them; NONE when the fault of the run has happened."""
        run = self.run
        if state.happened or not (run.turns_bad or run.restored):
            return [NONE]
        return [0] if run.restored else [i for i, part in enumerate(run.parts) if part == run.turns_bad]

    def _speaks_under(self, w: Witness) -> int:
        """The heads of the repairs under which the witness still accepts and cosigns."""
        return 0 if w.silent else self._from_repair[max(w.stated, self.tree.repairs[w.tail])]

    def repairable(self, state: State, number: int, base: int) -> bool:
        """Whether n-f statements for the repair show `base` as the highest head that q accepted."""
        rank, needed, shown = self.tree.rank, self.run.n - self.run.f, base == 0
        if number <= self.tree.repairs[base] or not state.q_accepted >> base & 1:
            return False
        for who in self.electorates(base):
            count = 0
            for w in (state.witnesses[i] for i in who):
                stated = [w.stated2 if number == 2 else w.stated1]
                if not self.rules.a_statement_serves_one_repair:
                    stated = [w.stated1, w.stated2]
                below = [head for head in stated if head != NONE and rank[head] <= rank[base]]
                count += w.tail == BAD or bool(below)
                shown = shown or w.tail == BAD or base in below
            if count < needed:
                return False
        return shown
