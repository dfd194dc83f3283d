"""People: they propose, approve, stop and unfreeze, through the coordinator or with a file at a node's machine."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from strongroom.coordinator.house import House
from strongroom.custody.decision import verdict
from strongroom.custody.moment import Moment
from strongroom.custody.state import Transfer
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Seen, Statement, from_envelope, sign_statement, statement_hash
from strongroom.errors import StrongroomError
from strongroom.policy.evaluate import Allowed
from tests.simulation.template import SMALL
from tests.workspace import ETH, HOUR, OTHER, PAYEE, PEOPLE, WEI

if TYPE_CHECKING:
    from tests.simulation.world import World


@dataclass(frozen=True)
class Intent:
    """What somebody really asked for."""

    by: str
    to: str
    amount: int


class People:
    """Alice, Bob and Carol, and the service `exchange`. What they sign is remembered here, outside any log."""

    def __init__(self, world: World) -> None:
        self.world, self.rng = world, random.Random(f"{world.seed} people")
        self.intents: dict[str, Intent] = {}
        self.approvals: dict[str, set[str]] = {}
        self.stops: dict[str, tuple[str, str, dict[str, Any]]] = {}
        """Every stop by the hash of its statement: kind, person and subject."""
        self.unfrozen: set[str] = set()
        """The freezes for whose end two administrators have signed."""
        self._tasks: set[asyncio.Task[None]] = set()

    def act(self) -> None:
        """Somebody does something."""
        house = self.world.coordinator.house
        if house is None:
            return
        if self.rng.random() < 0.2:
            self.repair()
        choices = [self._small, self._small, self._larger, self._approve, self._approve, self._stop, self._unfreeze]
        choices += [self._stop] * 2 * self.world.plan.withholds + [self._refresh] * self.world.plan.refreshes
        self.rng.choice(choices)(house)

    def statement(
        self, house: House, person: str, kind: str, subject: dict[str, Any], *, obligations: str | None = None,
        bare: bool = False,
    ) -> Envelope:  # fmt: skip
        """A person's statement about what the coordinator shows; `bare`, as stops are, with neither seen nor end."""
        key, cosigned = self.world.template.keys[person], house.history.cosigned
        seen = None if bare else Seen(cosigned.size, cosigned.root.hex())
        end = None if bare else self.world.now() + HOUR
        return sign_statement(
            Statement(self.world.template.workspace, kind, subject, obligations, seen, person, key.key_id, end), key
        )

    def _small(self, house: House) -> None:
        self._propose(house, "exchange", self.rng.randint(1, SMALL))

    def _larger(self, house: House) -> None:
        self._propose(house, self.rng.choice(PEOPLE), self.rng.randint(WEI, 3 * WEI))

    def _propose(self, house: House, by: str, amount: int) -> None:
        to = self.rng.choice((PAYEE, OTHER))
        subject = {
            "from": "hot-eth", "to": to, "asset": ETH, "amount": str(amount), "why": "simulated",
            "until": self.world.now() + HOUR, "idempotency": f"{self.rng.getrandbits(64):x}",
        }  # fmt: skip
        envelope = self.statement(house, by, "transfer.propose", subject)
        self.intents[statement_hash(envelope)] = Intent(by, to, amount)
        self._submit(house, envelope)

    def _transfer(self, house: House) -> Transfer | None:
        names = sorted(name for name in house.desk.state.open if name in self.intents)
        return house.desk.state.transfers[self.rng.choice(names)] if names else None

    def _approve(self, house: House) -> None:
        transfer = self._transfer(house)
        if transfer is None or self.intents[transfer.id].by == "exchange":
            return
        answer = verdict(house.desk.state, transfer, Moment.at(house.desk.sequencer.next_time()))
        if isinstance(answer, Allowed):
            person, subject = self.rng.choice(PEOPLE), {"transfer": transfer.id}
            self.approvals.setdefault(transfer.id, set()).add(person)
            digest = answer.obligations.digest
            self._submit(house, self.statement(house, person, "transfer.approve", subject, obligations=digest))

    def _stop(self, house: House) -> None:
        transfer, person = self._transfer(house), self.rng.choice(PEOPLE)
        match self.rng.randrange(12):
            case 0 | 1 if self.world.plan.withholds or self.rng.random() < 0.3:
                subject = {"scope": "workspace", "target": "", "reason": "a drill"}
                self._hand_in(house, self.statement(house, person, "workspace.freeze", subject, bare=True))
            case 2 | 3 | 4 | 5 if transfer is not None:
                initiator = self.intents[transfer.id].by
                self._hand_in(
                    house, self.statement(house, initiator, "transfer.cancel", {"transfer": transfer.id}, bare=True)
                )
            case _ if transfer is not None:
                self._hand_in(
                    house, self.statement(house, person, "transfer.reject", {"transfer": transfer.id}, bare=True)
                )

    def _hand_in(self, house: House, stop: Envelope) -> None:
        """To the coordinator, to the other relay, as a file to one node, or by several ways."""
        stated = from_envelope(stop)
        self.stops[statement_hash(stop)] = (stated.kind, stated.person, stated.subject)
        ways = {"coordinator", "relay", "file"} - ({"coordinator"} if self.world.plan.withholds else set())
        chosen = self.rng.sample(sorted(ways), self.rng.randint(1, 2))
        self.world.say(f"{stated.person} signs a {stated.kind} {statement_hash(stop)[:12]}, by {' and '.join(chosen)}")
        if "coordinator" in chosen:
            self._submit(house, stop)
        if "relay" in chosen:
            self.world.stop_relay.hand_in(stop)
        if "file" in chosen:
            machine = self.world.machines[self.rng.choice(sorted(self.world.machines))]
            machine.do(lambda node: _quietly(lambda: node.take_stop(stop.to_doc())))

    def _unfreeze(self, house: House) -> None:
        freezes = sorted(house.desk.cosigned.freezes)
        if freezes:
            freeze = self.rng.choice(freezes)
            self.unfrozen.add(freeze)
            for person in self.rng.sample(PEOPLE, 2):
                self._submit(house, self.statement(house, person, "workspace.unfreeze", {"freeze": freeze}))

    def _refresh(self, house: House) -> None:
        subject = {"key": "hot-ecdsa", "epoch": house.desk.state.keys["hot-ecdsa"].epoch + 1}
        self._submit(house, self.statement(house, self.rng.choice(PEOPLE), "key.refresh", subject))

    def repair(self) -> None:
        """Two administrators order the repair of a log that stands still."""
        house = self.world.coordinator.house
        split = house.service.split() if house is not None else None
        if house is not None and split is not None and split.stuck:
            self.world.say(f"repair {split.number} is ordered")
            for person in self.rng.sample(PEOPLE, 2):
                self._submit(house, self.statement(house, person, "log.repair", {"number": split.number}))

    def list_address(self, account: str) -> None:
        """Something harmless that must be possible whenever the log goes on."""
        house = self.world.coordinator.house
        if house is not None:
            subject = {"account": account, "group": "vendors", "label": "a probe"}
            self._submit(house, self.statement(house, "alice", "address.list", subject))

    def _submit(self, house: House, envelope: Envelope) -> None:
        async def submit() -> None:
            try:
                await house.service.submit(envelope)
            except StrongroomError as error:
                self.world.say(f"people: {error.code}")

        task = asyncio.get_running_loop().create_task(submit())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _quietly(action: Any) -> None:
    try:
        action()
    except StrongroomError:
        return
