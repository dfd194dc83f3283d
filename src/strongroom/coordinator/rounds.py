"""One round: a head that q witnesses accept and then cosign; pure bookkeeping over verified signatures."""

from __future__ import annotations

from dataclasses import dataclass, field

from strongroom.documents.credentials import Credential, SigningKey
from strongroom.errors import InvalidInput, StrongroomError
from strongroom.log.accept import Accept, accepted_by
from strongroom.log.checkpoint import (
    Checkpoint,
    Note,
    SignatureLine,
    origin_of,
    parse_signature_line,
    verify_cosignature,
)
from strongroom.log.signature import sign_checkpoint
from strongroom.policy.model import Policy


@dataclass(frozen=True, slots=True)
class No:
    """A witness's refusal in this round; `index` of the entry it names, or -1."""

    what: str
    code: str
    message: str
    index: int


@dataclass(slots=True)
class Round:
    """The round for one head; `started` in unix ms, `idle` when it only refreshes a cosigned head."""

    workspace: str
    size: int
    root: bytes
    policy: Policy
    started: int
    idle: bool = False
    accepts: dict[str, Accept] = field(default_factory=dict)
    lines: dict[str, SignatureLine] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, No] = field(default_factory=dict)

    @property
    def witnesses(self) -> dict[str, Credential]:
        """The nodes whose word counts."""
        return {name: node.credential for name, node in self.policy.nodes.items()}

    @property
    def accepted(self) -> bool:
        """Whether q witnesses have accepted the head."""
        return len(self.accepts) >= self.policy.witness_quorum

    @property
    def cosigned(self) -> bool:
        """Whether q witnesses have cosigned it."""
        return len(self.lines) >= self.policy.witness_quorum

    def take_accept(self, accept: Accept) -> bool:
        """Count an accept; False when it is of another head or does not verify."""
        if accept.node not in accepted_by([accept], self.workspace, (self.size, self.root), self.witnesses):
            return False
        self.accepts[accept.node] = accept
        self.refusals.pop(accept.node, None)
        return True

    def take_line(self, node: str, size: int, text: str) -> bool:
        """Count a cosignature line of this node; False when it is of another head or does not verify."""
        credential = self.policy.nodes[node].credential if node in self.policy.nodes else None
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
        return Checkpoint(origin_of(self.workspace), self.size, self.root)

    def note(self, log_key: SigningKey) -> str:
        """The note with the log's own signature and all cosignatures."""
        log = sign_checkpoint(self.checkpoint, log_key)
        return Note(self.checkpoint, (log, *self.lines.values())).text()

    def lost(self, what: str) -> bool:
        """Whether so many have refused that the quorum is out of reach."""
        no = sum(refusal.what == what for refusal in self.refusals.values())
        return no > len(self.policy.nodes) - self.policy.witness_quorum
