"""One round: a head that q witnesses accept and then cosign; pure bookkeeping over verified signatures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from strongroom.custody import witnesses
from strongroom.custody.authority import in_force
from strongroom.custody.state import CustodyState
from strongroom.documents.credentials import SigningKey
from strongroom.errors import InvalidInput, StrongroomError
from strongroom.log.accept import Accept
from strongroom.log.checkpoint import (
    Checkpoint,
    Note,
    SignatureLine,
    origin_of,
    parse_signature_line,
    verify_cosignature,
)
from strongroom.log.signature import sign_checkpoint


@dataclass(frozen=True, slots=True)
class No:
    """A witness's refusal in this round; `index` of the entry it names, or -1."""

    what: str
    code: str
    message: str
    index: int


@dataclass(slots=True)
class Round:
    """The round for one head's state; `started` in unix ms, `idle` when it only refreshes a cosigned head."""

    state: CustodyState
    started: int
    idle: bool = False
    accepts: dict[str, Accept] = field(default_factory=dict)
    lines: dict[str, SignatureLine] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, No] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The head's size in entries."""
        return self.state.size

    @property
    def accepted(self) -> bool:
        """Whether every quorum that counts has accepted the head."""
        return witnesses.reached(self.state, self.accepts)

    @property
    def cosigned(self) -> bool:
        """Whether every quorum that counts has cosigned it."""
        return witnesses.reached(self.state, self.lines)

    @property
    def vouched(self) -> bool:
        """Whether so many have accepted that others need not check its times."""
        return witnesses.vouched(self.state, self.accepts)

    def take_accept(self, accept: Accept) -> bool:
        """Count an accept; False when it is of another head or does not verify."""
        if accept.node not in witnesses.accepted(self.state, [accept]):
            return False
        self.accepts[accept.node] = accept
        self.refusals.pop(accept.node, None)
        return True

    def take_line(self, node: str, size: int, text: str) -> bool:
        """Count a cosignature line of this node; False when it is of another head or does not verify."""
        credential = witnesses.witnesses(self.state).get(node)
        if credential is None or size != self.size:
            return False
        try:
            line = parse_signature_line(text.removesuffix("\n"))
            if line.name != node:
                raise InvalidInput("checkpoint.signature_line", "the line is another witness's")
            verify_cosignature(Note(self.checkpoint, (line,)), node, credential)
        except StrongroomError:
            return False
        self.lines[node] = line
        self.refusals.pop(node, None)
        return True

    @property
    def checkpoint(self) -> Checkpoint:
        """The head as C2SP writes it."""
        return Checkpoint(origin_of(self.state.workspace), self.size, self.state.root)

    def note(self, log_key: SigningKey) -> str:
        """The note with all cosignatures, and the log's own signature once the policy names its key."""
        named = in_force(self.state).coordinator == log_key.credential
        log = [sign_checkpoint(self.checkpoint, log_key)] if named else []
        return Note(self.checkpoint, (*log, *self.lines.values())).text()

    def blocked(self, names: Collection[str]) -> bool:
        """Whether some electorate has no quorum without these witnesses."""
        return any(each.count(names) > len(each.witnesses) - each.quorum for each in witnesses.electorates(self.state))

    def lost(self, what: str) -> bool:
        """Whether so many have refused that the quorum is out of reach."""
        return self.blocked([name for name, no in self.refusals.items() if no.what == what])
