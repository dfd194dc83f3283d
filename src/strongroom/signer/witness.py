"""The witness's two steps: accept what extends the own log, and cosign what a quorum has accepted."""

from __future__ import annotations

from typing import Final

from strongroom.custody.repair import require_repair_order
from strongroom.custody.stops import STOPS
from strongroom.custody.witnesses import ORDERS, named, next_policy, reached, require_order
from strongroom.documents.canonical import fields
from strongroom.documents.envelope import Envelope
from strongroom.documents.names import parse_hash
from strongroom.errors import InvalidInput, Refused, StrongroomError
from strongroom.log.accept import parse_accepts, sign_accept
from strongroom.log.checkpoint import Checkpoint, cosign, origin_of
from strongroom.log.entry import MOST_EVIDENCE, parse_entry
from strongroom.policy.model import Duty
from strongroom.signer.replica import rank_of
from strongroom.signer.station import Station
from strongroom.wire.frame import Frame, split_entries

AHEAD: Final = 30_000  # ms that a cosigner's clock may be ahead of the own one


class Witness:
    """Accepts, cosigns, and says how fresh the newest quorum-cosigned head is."""

    def __init__(self, station: Station) -> None:
        self._station, self._replica, self._stops = station, station.replica, station.stops

    def on_append(self, frame: Frame) -> None:
        """Take entries into the own log; stops of a tail that gave way stay latched."""
        head = fields(frame.head, "append", {"from": int, "note": str, "accepts": list})
        self._replica.require_own_disk()
        now, raws = self._station.clock(), split_entries(frame.body)
        lost = self._replica.extend(head["from"], raws, head["note"], parse_accepts(head["accepts"]), now)
        for entry in map(parse_entry, lost):
            for envelope in entry.evidence if entry.kind in STOPS else ():
                try:
                    self._stops.latch(self._replica.accepted, envelope, now)
                except StrongroomError:
                    continue  # it no longer stops anything
        self._release(now)

    def on_checkpoint(self, frame: Frame) -> None:
        """Take a newer quorum-cosigned note."""
        self.see(fields(frame.head, "checkpoint", {"note": str})["note"])

    def see(self, note: str) -> None:
        """The same for a note that came with a request."""
        self._replica.require_own_disk()
        self._replica.see_note(note)
        self._release(self._station.clock())

    def accept(self) -> None:
        """State that the own head is accepted."""
        state, station = self._replica.accepted, self._station
        accept = sign_accept(state.workspace, station.name, state.size, state.root, state.repair, station.key)
        station.send("accept", accept.to_doc())

    def on_cosign(self, frame: Frame) -> None:
        """Cosign a head of the own branch that q witnesses have accepted; raises Refused."""
        head = fields(frame.head, "cosign", {"size": int, "root": str, "accepts": list})
        size, root = head["size"], bytes.fromhex(parse_hash(head["root"]))
        replica, station = self._replica, self._station
        replica.require_own_disk()
        state = replica.state_at(size)
        if state is None or state.root != root or rank_of(state) < replica.own.rank:
            raise Refused("checkpoint.not_extending", "the head is not on this node's branch, or below its highest")
        if not replica.learn(state, parse_accepts(head["accepts"])):
            raise Refused("checkpoint.not_accepted", "no quorum of witnesses has accepted the head")
        replica.require_current(state)
        station.require_voice(size)
        self._stops.require_logged(state, replica.state, station.clock())
        replica.cosign(state)
        checkpoint = Checkpoint(origin_of(replica.workspace), size, root)
        line = cosign(checkpoint, station.key, station.name, station.clock() // 1000)
        station.send("cosignature", {"size": size, "line": line.text()})

    def on_repair_ask(self, frame: Frame) -> None:
        """State the highest q-accepted head for a repair that the administrators have ordered; raises Refused."""
        head = fields(frame.head, "repair.ask", {"number": int, "order": list})
        replica, station, now = self._replica, self._station, self._station.clock()
        replica.require_own_disk()
        order = tuple(map(Envelope.from_doc, head["order"][:MOST_EVIDENCE]))
        state = self._stops.over(replica.state, now)
        require_repair_order(state, order, head["number"], max(now, state.time))
        made = station.statement("witness.state", replica.state_for(head["number"]))
        station.send("repair.state", {"number": head["number"], "envelope": made})

    def on_change_ask(self, frame: Frame) -> None:
        """Accept a change of the witnesses that the administrators have ordered; raises InvalidInput, Refused."""
        head = fields(frame.head, "change.ask", {"kind": str, "policy": dict, "order": list})
        station, now, kind = self._station, self._station.clock(), head["kind"]
        self._replica.require_own_disk()
        if kind not in ORDERS:
            raise InvalidInput("entry.unknown_kind", "a node joins or leaves")
        state = self._stops.over(self._replica.state, now)
        policy, _ = next_policy(state, kind, {"policy": head["policy"]})
        order = tuple(map(Envelope.from_doc, head["order"][:MOST_EVIDENCE]))
        require_order(state, kind, policy, order, max(now, state.time))
        made = station.statement("witness.change", named(policy))
        station.send("change.state", {"policy": policy.digest, "envelope": made})

    def require_fresh(self, tier: str) -> None:
        """Raises Refused checkpoint.stale, or checkpoint.guardian_missing: above hot a guardian's silence stops."""
        replica, now = self._replica, self._station.clock()
        oldest = now - replica.policy.tiers[tier].checkpoint_age * 1000
        fresh = {name for name, time in replica.cosigned.times.items() if oldest <= time * 1000 <= now + AHEAD}
        if not reached(replica.state, fresh):
            raise Refused("checkpoint.stale", "too few witnesses have cosigned the newest head recently enough")
        if tier != "hot" and not any(replica.nodes[name].duty is Duty.GUARDIAN for name in fresh):
            raise Refused("checkpoint.guardian_missing", f"tier '{tier}' needs a guardian's fresh cosignature")

    def _release(self, now: int) -> None:
        self._stops.release(self._replica.state, self._replica.accepted, now)
