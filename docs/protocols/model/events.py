"""What a run of the model is about: the rules in force, who is bad, what a witness holds, and what may happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

NONE: Final = -1
BAD: Final = -2
"""The tail of a witness that signs everything."""
FREE, LATCHED, ENDED = 0, 1, 2
"""No stop was handed to the witness; it is latched; its latch has ended."""


@dataclass(frozen=True)
class Rules:
    """The rules as written; a variant leaves one out."""

    cosign_needs_q_accepts: bool = True
    a_tail_is_never_shortened: bool = True
    a_statement_serves_one_repair: bool = True
    a_change_needs_the_old_quorum: bool = True
    a_change_needs_the_new_quorum: bool = True
    a_restored_disk_is_silent: bool = True
    a_latch_ends_in_cosigned_state: bool = True


@dataclass(frozen=True)
class Configuration:
    """The bounds of one run: heads of at most `size` entries over an alphabet, at most `plain` of them plain.

    `parts`: what each witness does in a change (stays, leaves, joins). `bad`: who signs everything from the start.
    `turns_bad`: the part of which one more turns bad once the change has taken effect. `restored`: witness 0 is once
    put back to an earlier copy of its disk, and knows it ("knows") or not ("goes on"). `stop`: one takes a freeze.
    """

    name: str
    about: str
    alphabet: str
    size: int
    plain: int = 9
    parts: tuple[str, ...] = ("stays", "stays", "stays", "stays")
    bad: tuple[int, ...] = (3,)
    turns_bad: str = ""
    restored: str = ""
    stop: bool = False
    n: int = 4
    f: int = 1

    @property
    def q(self) -> int:
        """The quorum of n witnesses of which f may be bad."""
        return (self.n + self.f) // 2 + 1


class Witness(NamedTuple):
    """The disk of one witness: accepted head, highest cosigned head, the heads that it stated for repairs 1 and 2;
    and what it has ever signed, as sets of heads.

    Heads that are q-accepted or final are struck from those sets: they count anyway.
    """

    tail: int = 0
    own: int = 0
    accepted: int = 0
    cosigned: int = 0
    stated1: int = NONE
    stated2: int = NONE
    latch: int = FREE
    silent: bool = False

    @property
    def stated(self) -> int:
        """The highest repair for which it has given its statement."""
        return 2 if self.stated2 != NONE else 1 if self.stated1 != NONE else 0


class State(NamedTuple):
    """The heads that q have accepted, those that are final (q-cosigned), whether the fault of the run has happened.

    `copy`: the copy of witness 0's disk, once one was taken.
    """

    q_accepted: int
    final: int
    happened: bool
    copy: Witness | None
    witnesses: tuple[Witness, ...]


class Step(NamedTuple):
    """One event: which witness, what, which head."""

    witness: int
    verb: str
    head: int


SIGNS_EVERYTHING: Final = Witness(tail=BAD)
