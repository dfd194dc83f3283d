"""Stops that a node holds before they are logged: latched durably, in force at once, and not to be withheld."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from strongroom.custody.authority import stopping
from strongroom.custody.state import CustodyState
from strongroom.custody.stops import STOP_STATEMENTS, apply_stop, latched, proposed
from strongroom.documents.canonical import encode
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import from_envelope, statement_hash
from strongroom.errors import Refused
from strongroom.signer.disk import Disk
from strongroom.wire.stops import MAX_STOP

PATIENCE: Final = 60_000  # ms that a stop may stay unlogged
MOST: Final = 64  # a person; freezes, which the fold keeps few, come beside them


class Stops:
    """The latched stops by statement hash, oldest first, each with the time (own clock, unix ms) of its arrival."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._held = {name: (doc["time"], Envelope.from_doc(doc["envelope"])) for name, doc in disk.all("stop").items()}
        self.version = 0  # grows with every stop, so that a decision can be seen to be older

    def __len__(self) -> int:
        return len(self._held)

    def latch(self, state: CustodyState, envelope: Envelope, now: int) -> str:
        """Hold a stop from now on; returns its hash. Raises Refused when the fold would not take it now."""
        name, kind, person = statement_hash(envelope), from_envelope(envelope).kind, from_envelope(envelope).person
        if kind not in STOP_STATEMENTS:
            raise Refused("statement.wrong_kind", f"a statement of kind {kind} stops nothing")
        stopping(state, envelope, kind)
        if len(encode(envelope.to_doc())) > MAX_STOP - 256:  # what a frame adds
            raise Refused("stop.too_large", "the statement is longer than any honest stop")
        if name not in self._held and name not in state.stops:
            mine = sum(from_envelope(held).person == person for held in self._envelopes())
            if mine >= MOST and kind != "workspace.freeze":
                raise Refused("stop.too_many", f"{MOST} stops of '{person}' wait for the log")
            apply_stop(self.over(state, now), STOP_STATEMENTS[kind], (envelope,), now)
            self._disk.put("stop", name, {"time": now, "envelope": envelope.to_doc()})
            self._held[name] = (now, envelope)
            self.version += 1
        return name

    def over(self, state: CustodyState, now: int) -> CustodyState:
        """The state as it is once the latched stops have their effect."""
        return latched(state, self._envelopes(), now)[0]

    def release(self, cosigned: CustodyState, accepted: CustodyState, now: int) -> None:
        """Let go what is logged under a quorum's cosignatures, or what the fold would refuse there and here.

        What stops a transfer that the log lacks is kept: a tail that gave way may come again.
        """
        if self._held:
            kept = self._effective(cosigned, now) | self._effective(accepted, now) | set(accepted.stops)
            about = {name: from_envelope(held).subject.get("transfer") for name, (_, held) in self._held.items()}
            kept |= {name for name, transfer in about.items() if transfer and not proposed(cosigned, transfer)}
            for name in [name for name in self._held if name in cosigned.stops or name not in kept]:
                del self._held[name]
                self._disk.drop("stop", name)

    def require_logged(self, head: CustodyState, cosigned: CustodyState, now: int) -> None:
        """Raises Refused stop.pending for a head without a stop that has waited too long and would apply."""
        late = {name for name, (time, _) in self._held.items() if now - time > PATIENCE and name not in head.stops}
        if late and late & self._effective(cosigned, now):
            raise Refused("stop.pending", "a stop that this node was handed is not in the log after 60 s")

    def held(self) -> dict[str, Envelope]:
        """Every latched stop by its hash."""
        return {name: envelope for name, (_, envelope) in self._held.items()}

    def unlogged(self, accepted: CustodyState) -> Iterator[tuple[str, str, dict[str, Any], Envelope]]:
        """Hash, entry kind, body and statement of every stop that the accepted log lacks."""
        for name, (_, envelope) in self._held.items():
            if name not in accepted.stops:
                statement = from_envelope(envelope)
                yield name, STOP_STATEMENTS[statement.kind], statement.subject, envelope

    def _effective(self, state: CustodyState, now: int) -> set[str]:
        """The stops that still change this state, applied in the order of arrival."""
        return {statement_hash(envelope) for envelope in latched(state, self._envelopes(), now)[1]}

    def _envelopes(self) -> list[Envelope]:
        return [envelope for _, envelope in self._held.values()]
