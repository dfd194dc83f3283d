"""A change of the witnesses: the next policy, the node that joins, both quorums' acceptance, and the certificate."""

from __future__ import annotations

from typing import Any, Final

from strongroom.coordinator.desk import Desk
from strongroom.coordinator.orders import Order
from strongroom.custody.state import CustodyState
from strongroom.custody.witnesses import ORDERS, accepting, named, next_policy, reached, require_possession
from strongroom.documents.canonical import fields
from strongroom.documents.envelope import Envelope
from strongroom.errors import InvalidInput, Refused, StrongroomError

ENTRIES: Final = {statement: entry for entry, statement in ORDERS.items()}


class Change:
    """Carries out `signer.enrol` and `signer.retire`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        desk.sequencer.on_cosigned.append(self._certify)

    def check(self, order: Order) -> None:
        """The attachment is the next policy, with the statement of who joins; raises InvalidInput, Refused."""
        before = self._desk.state
        after = self._after(order)
        policy = after.policy
        if policy is None or order.subject != named(policy):
            raise InvalidInput("policy.attachment", "the statement names another policy than the one attached")
        if before.policy is not None:
            require_possession(after, before.policy, self._joining(order))

    def _after(self, order: Order) -> CustodyState:
        attached = fields(order.attachment, "attachment", {"policy": dict}, {"join": dict})
        return next_policy(self._desk.state, ENTRIES[order.kind], {"policy": attached["policy"]})[1]

    def _joining(self, order: Order) -> list[Envelope]:
        joins = (order.attachment or {}).get("join")
        return [] if joins is None else [Envelope.from_doc(joins)]

    def question(self, order: Order) -> tuple[str, dict[str, Any]]:
        """Asks a node to accept the change."""
        policy = (order.attachment or {}).get("policy")
        return "change.ask", {"kind": ENTRIES[order.kind], "policy": policy, "order": order.documents()}

    async def finish(self, order: Order) -> None:
        """Log it once both quorums accept; raises Refused witnesses.joint_quorum_missing before."""
        after, names, evidence = self._after(order), list[str](), list[Envelope]()
        for node, envelope in sorted(order.stated.items()):
            try:
                names.append(accepting(after, envelope))
                evidence.append(envelope)
            except StrongroomError as error:
                self._desk.say(f"the acceptance of {node} does not count: {error.code}")
        if not reached(after, names):
            raise Refused("witnesses.joint_quorum_missing", "the old and the new quorum have to accept the change")
        orders = [order.orders[person] for person in sorted(order.orders)]
        body = {"policy": (order.attachment or {}).get("policy")}
        index = self._desk.sequencer.submit(ENTRIES[order.kind], body, [*orders, *self._joining(order), *evidence])
        await self._desk.sequencer.durable(index)

    def _certify(self) -> None:
        """The first checkpoint that covers the change is kept in the log: from there on the new set goes on alone."""
        history = self._desk.sequencer.history
        if history.state.changing is not None and history.cosigned.changing == history.state.changing:
            self._desk.sequencer.submit("witnesses.changed", {"note": history.note})
